//! `IORING_OP_SPLICE` and `IORING_OP_TEE`. The request waits for both files, as a pollable one can be canceled; then a
//! worker moves the data. Not the submitter, whom a pipe without readers would send SIGPIPE.

use super::{Data, Def, Start};
use crate::context::Core;
use crate::driver;
use crate::kept::{self, Kept};
use crate::request::{File, Request};
use crate::status::Status;
use crate::sys::{self, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{EBADF, EINVAL, EPOLLIN, EPOLLONESHOT, EPOLLOUT, O_ACCMODE, O_NONBLOCK, O_RDONLY, O_WRONLY};

pub const SPLICE: Def = Def::new(prepare, Start::Park(start)).ready(ready).finish(finish);
pub const TEE: Def = Def::new(prepare_tee, Start::Park(start)).ready(ready).finish(finish);

/// `SPLICE_F_MOVE`, `SPLICE_F_NONBLOCK`, `SPLICE_F_MORE` and `SPLICE_F_GIFT`.
const FLAGS: u32 = 0xf;

/// A splice or tee request.
pub struct Splice {
    /// The other file than the request's: the one that is read, unless `reading`.
    other: File,
    /// The request's file is the one that is read.
    reading: bool,
}

fn prepare(_: &mut Core, request: &mut Request) -> Result<()> {
    if request.op_flags() & !(FLAGS | SPLICE_F_FD_IN_FIXED) != 0 {
        return Err(-EINVAL);
    }
    request.data = Data::Splice(Splice {
        other: File::None,
        reading: false,
    });
    Ok(())
}

fn prepare_tee(core: &mut Core, request: &mut Request) -> Result<()> {
    if request.addr() != 0 || request.off() != 0 {
        return Err(-EINVAL);
    }
    prepare(core, request)
}

/// The request's data.
fn data(request: &mut Request) -> &mut Splice {
    match &mut request.data {
        Data::Splice(splice) => splice,
        _ => unreachable!("it was prepared"),
    }
}

fn is_tee(request: &Request) -> bool {
    i32::from(request.sqe.opcode) == IORING_OP_TEE
}

fn start(core: &mut Core, mut request: Box<Request>) {
    match input(core, &request) {
        Ok(file) => data(&mut request).other = file,
        Err(errno) => return core.complete(request, errno),
    }
    if let File::Program(fd) = request.file {
        match keep(fd) {
            Ok(file) => request.file = file,
            Err(errno) => return core.complete(request, errno),
        }
    }
    if request.len() == 0 {
        return core.complete(request, 0);
    }
    proceed(core, request);
}

/// The file to read.
fn input(core: &mut Core, request: &Request) -> Result<File> {
    let number = request.file_index();
    if request.op_flags() & SPLICE_F_FD_IN_FIXED != 0 {
        let file = core.registered.files.get(number);
        return file.map(File::Kept).ok_or(-EBADF);
    }
    keep(number as c_int)
}

/// Holds the file of a descriptor that the program may close, if there is a descriptor for that.
fn keep(fd: c_int) -> Result<File> {
    if kept::is_engines(fd) {
        return Err(-EBADF);
    }
    match Kept::new(fd) {
        Ok(file) => Ok(File::Kept(Arc::new(file))),
        Err(errno) if kept::is_short(errno) => Ok(File::Program(fd)),
        Err(errno) => Err(errno),
    }
}

/// The descriptors to read and to write.
fn ends(request: &mut Request) -> (c_int, c_int) {
    let own = request.fd();
    let splice = data(request);
    let other = match &splice.other {
        File::None => -1,
        File::Program(file) => *file,
        File::Kept(file) => file.fd(),
    };
    if splice.reading { (own, other) } else { (other, own) }
}

/// Waits for the files if the call would, and has a worker do it.
fn proceed(core: &mut Core, mut request: Box<Request>) {
    let Some(reading) = blocked(&mut request) else {
        return core.work(request, run);
    };
    if data(&mut request).reading != reading {
        if request.watched {
            driver::remove(request.fd());
            request.watched = false;
        }
        let other = core::mem::replace(&mut data(&mut request).other, File::None);
        let own = core::mem::replace(&mut request.file, other);
        *data(&mut request) = Splice { other: own, reading };
    }
    let events = if reading { EPOLLIN } else { EPOLLOUT };
    match core.watch(&mut request, (events | EPOLLONESHOT) as u32) {
        Ok(()) => core.hold(request),
        Err(errno) if kept::is_short(errno) => core.wait_by_worker(request, events as u32),
        Err(_) => core.work(request, run),
    }
}

fn ready(core: &mut Core, request: Box<Request>, _: u32) {
    proceed(core, request);
}

/// The side that the call would wait for: true for the one that is read. None if it would not wait, or fail at once.
fn blocked(request: &mut Request) -> Option<bool> {
    let (input, output) = ends(request);
    let tee = is_tee(request);
    if request.op_flags() & libc::SPLICE_F_NONBLOCK != 0 || !fits(input, O_WRONLY) || !fits(output, O_RDONLY) {
        return None;
    }
    let (from, to) = (Status::of(input)?, Status::of(output)?);
    let [reads_pipe, writes_pipe] = [from, to].map(|status| status.kind == libc::S_IFIFO);
    let positions = reads_pipe && request.addr() != u64::MAX || writes_pipe && request.off() != u64::MAX;
    if !(reads_pipe || writes_pipe) || tee && !(reads_pipe && writes_pipe) || !tee && positions {
        return None;
    }
    if from == to {
        return None;
    }
    let waits =
        |file, status: Status, events: c_int| !status.is_storage() && sys::poll_now(file, events as u32) == Ok(0);
    if waits(input, from, EPOLLIN) {
        return Some(true);
    }
    waits(output, to, EPOLLOUT).then_some(false)
}

/// Whether a file was opened to block, and not only for the wrong direction.
fn fits(file: c_int, wrong: c_int) -> bool {
    sys::fcntl(file, libc::F_GETFL, 0)
        .is_ok_and(|flags| flags as c_int & O_NONBLOCK == 0 && flags as c_int & O_ACCMODE != wrong)
}

fn run(request: &mut Request) -> i32 {
    let (input, output) = ends(request);
    let flags = request.op_flags() & !SPLICE_F_FD_IN_FIXED;
    let len = request.len() as usize;
    if is_tee(request) {
        // SAFETY: no memory is passed.
        let done = unsafe { sys::call(libc::SYS_tee, [sys::fd(input), sys::fd(output), len, flags as usize]) };
        return sys::number(done);
    }
    let mut positions = [request.addr(), request.off()];
    let addresses = positions.each_mut().map(|position| match *position {
        u64::MAX => 0,
        _ => (&raw mut *position) as usize,
    });
    // SAFETY: the positions are null, or valid for the call.
    sys::number(unsafe {
        sys::call(
            libc::SYS_splice,
            [
                sys::fd(input),
                addresses[0],
                sys::fd(output),
                addresses[1],
                len,
                flags as usize,
            ],
        )
    })
}

fn finish(_: &mut Core, request: &mut Request, res: i32) -> i32 {
    request.short = i64::from(res) != i64::from(request.len());
    res
}
