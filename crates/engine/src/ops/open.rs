//! Opening and closing: `IORING_OP_OPENAT`, `IORING_OP_OPENAT2` and `IORING_OP_CLOSE`.

use super::{Data, Def, Start, Tried};
use crate::context::{self, Core};
use crate::kept::{self, Kept};
use crate::request::Request;
use crate::status::{self, Status};
use crate::sys::{self, Result};
use crate::user;
use alloc::boxed::Box;
use alloc::vec::Vec;
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::uapi::*;
use libc::{
    E2BIG, EAGAIN, EBADF, EINVAL, ENOSYS, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_TRUNC,
};

pub const OPENAT: Def = Def::new(prepare, Start::Try(attempt, open))
    .without_file()
    .finish(finish)
    .credentials();
pub const OPENAT2: Def = Def::new(prepare2, Start::Try(attempt, open))
    .without_file()
    .finish(finish)
    .credentials();
pub const CLOSE: Def = Def::new(prepare_close, Start::Park(start_close)).without_file();

/// The kernel's `struct open_how` as it was at first.
#[repr(C)]
#[derive(Clone, Copy)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

user::plain!(How);

/// An open request.
pub struct Open {
    path: Vec<u8>,
    how: How,
    /// The new file of a direct descriptor, until it has a slot.
    opened: Option<Kept>,
}

/// Longest path, with its terminating zero.
const PATH_MAX: usize = 4096;
const RESOLVE_CACHED: u64 = 0x20;
/// The part of `O_TMPFILE` that is not `O_DIRECTORY`.
const TMPFILE: c_int = libc::O_TMPFILE & !O_DIRECTORY;
/// The flags of open(2). `IORING_OP_OPENAT` ignores all others.
const FLAGS: c_int = libc::O_ACCMODE
    | O_CREAT
    | libc::O_EXCL
    | libc::O_NOCTTY
    | O_TRUNC
    | libc::O_APPEND
    | O_NONBLOCK
    | libc::O_SYNC
    | libc::O_DSYNC
    | libc::O_ASYNC
    | libc::O_DIRECT
    | libc::O_LARGEFILE
    | O_DIRECTORY
    | O_NOFOLLOW
    | libc::O_NOATIME
    | O_CLOEXEC
    | O_PATH
    | libc::O_TMPFILE;

impl How {
    /// What open(2) makes of its arguments.
    fn new(flags: c_uint, mode: u32) -> How {
        let mut flags = flags as c_int & FLAGS;
        if flags & O_PATH != 0 {
            flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
        }
        let creates = flags & (O_CREAT | TMPFILE) != 0;
        How {
            flags: flags as u32 as u64,
            mode: if creates { u64::from(mode & 0o7777) } else { 0 },
            resolve: 0,
        }
    }

    /// Whether openat(2) does the same, and nothing is wrong that only openat2(2) finds.
    fn is_plain(&self) -> bool {
        let known = How::new(self.flags as c_uint, self.mode as u32);
        self.resolve == 0 && (known.flags, known.mode) == (self.flags, self.mode)
    }

    fn has(&self, flags: c_int) -> bool {
        self.flags & u64::from(flags as u32) != 0
    }
}

fn prepare(_: &mut Core, request: &mut Request) -> Result<()> {
    let how = How::new(request.op_flags(), request.len());
    prepare_how(request, how)
}

fn prepare2(_: &mut Core, request: &mut Request) -> Result<()> {
    let len = request.len() as usize;
    if len < size_of::<How>() {
        return Err(-EINVAL);
    }
    let address = request.off();
    let how: How = user::read(address)?;
    // A newer structure, of which only what is known here may be set.
    let mut at = size_of::<How>();
    while at < len {
        let part = (len - at).min(PATH_MAX);
        let more: Vec<u8> = user::read_array(address.wrapping_add(at as u64), part)?;
        if more.iter().any(|&byte| byte != 0) {
            return Err(-E2BIG);
        }
        at += part;
    }
    prepare_how(request, how)
}

fn prepare_how(request: &mut Request, how: How) -> Result<()> {
    if request.buf_index() != 0 {
        return Err(-EINVAL);
    }
    if request.has(IOSQE_FIXED_FILE) {
        return Err(-EBADF);
    }
    let path = super::path::read(request.addr(), false)?;
    if request.file_index() != 0 && how.has(O_CLOEXEC) {
        return Err(-EINVAL);
    }
    request.data = Data::Open(Open {
        path,
        how,
        opened: None,
    });
    Ok(())
}

/// The request's data.
fn data(request: &mut Request) -> &mut Open {
    match &mut request.data {
        Data::Open(open) => open,
        _ => unreachable!("it was prepared"),
    }
}

fn openat2(folder: c_int, path: &[u8], how: How) -> Result<c_int> {
    // SAFETY: a terminated path, and the structure with its size.
    unsafe {
        sys::call(
            libc::SYS_openat2,
            [
                sys::fd(folder),
                path.as_ptr() as usize,
                (&raw const how) as usize,
                size_of::<How>(),
            ],
        )
    }
    .map(|file| file as c_int)
}

/// A descriptor that is closed at the end of its scope, and that nobody but the calling thread knows.
pub struct Temporary(c_int);

impl Temporary {
    pub fn fd(&self) -> c_int {
        self.0
    }

    /// Gives the descriptor away.
    pub fn into_fd(self) -> c_int {
        let file = self.0;
        core::mem::forget(self);
        file
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        sys::close(self.0);
    }
}

/// Finds a file by a terminated path if the kernel has it in its caches; -EAGAIN if not. An empty path is the folder.
pub fn cached(folder: c_int, path: &[u8], no_follow: bool) -> Result<Temporary> {
    let empty = path.first() == Some(&0);
    let mut flags = O_PATH | O_CLOEXEC;
    if no_follow {
        flags |= O_NOFOLLOW;
    }
    if empty && folder != libc::AT_FDCWD {
        return sys::fcntl(folder, libc::F_DUPFD_CLOEXEC, 0).map(|file| Temporary(file as c_int));
    }
    let how = How {
        flags: flags as u64,
        mode: 0,
        resolve: RESOLVE_CACHED,
    };
    openat2(folder, if empty { b".\0" } else { path }, how).map(Temporary)
}

/// Takes the result of an open call; a direct descriptor's is kept.
fn take(request: &mut Request, opened: Result<c_int>) -> i32 {
    let direct = request.file_index() != 0;
    match opened {
        Ok(file) if direct => {
            data(request).opened = Some(Kept::own(kept::raise(file)));
            0
        }
        Ok(file) => file,
        Err(errno) => errno,
    }
}

/// Opens what the kernel has in its caches.
fn attempt(_: &mut Core, request: &mut Request, _: u32) -> Tried {
    let folder = request.sqe.fd;
    let Open { path, how, .. } = data(request);
    let mut cached = *how;
    if cached.has(O_TRUNC | O_CREAT | TMPFILE) {
        return Tried::Block;
    }
    let chosen = cached.resolve & RESOLVE_CACHED != 0;
    cached.resolve |= RESOLVE_CACHED;
    // Otherwise the open of a FIFO waits for the other side, and that of a leased file for the holder.
    let temporary = !cached.has(O_NONBLOCK | O_PATH);
    if temporary {
        cached.flags |= O_NONBLOCK as u64;
    }
    let opened = openat2(folder, path, cached);
    match opened {
        Err(errno) if errno == -EAGAIN && chosen => {}
        // Not in the cache, or the call or the flag is not known here.
        Err(errno) if [-EAGAIN, -EINVAL, -ENOSYS, -libc::EPERM].contains(&errno) => return Tried::Block,
        Err(errno) if errno == -libc::EMFILE && request.file_index() != 0 => return Tried::Block,
        Ok(file) if temporary => {
            let _ = sys::fcntl(file, libc::F_SETFL, (cached.flags & !(O_NONBLOCK as u64)) as usize);
        }
        _ => {}
    }
    Tried::Done(take(request, opened))
}

/// Opens, which may block.
fn open(request: &mut Request) -> i32 {
    let folder = request.sqe.fd;
    let plain = i32::from(request.sqe.opcode) == IORING_OP_OPENAT;
    let direct = request.file_index() != 0;
    let Open { path, how, .. } = data(request);
    let call = || {
        if !plain {
            match openat2(folder, path, *how) {
                // Not known here, as on gVisor, but it asks for nothing that the older call doesn't have.
                Err(errno) if errno == -ENOSYS && how.is_plain() => {}
                other => return other,
            }
        }
        // SAFETY: a terminated path.
        unsafe {
            sys::call(
                libc::SYS_openat,
                [
                    sys::fd(folder),
                    path.as_ptr() as usize,
                    how.flags as usize,
                    how.mode as usize,
                ],
            )
        }
        .map(|file| file as c_int)
    };
    // A direct descriptor doesn't count against the program's limit.
    let opened = match call() {
        Err(errno) if errno == -libc::EMFILE && direct => kept::past_limit(call),
        other => other,
    };
    take(request, opened)
}

fn finish(core: &mut Core, request: &mut Request, res: i32) -> i32 {
    let slot = request.file_index();
    match data(request).opened.take() {
        Some(file) => core.install(file, slot).unwrap_or_else(|errno| errno),
        None => res,
    }
}

fn prepare_close(_: &mut Core, request: &mut Request) -> Result<()> {
    if request.off() != 0
        || request.addr() != 0
        || request.len() != 0
        || request.op_flags() != 0
        || request.buf_index() != 0
    {
        return Err(-EINVAL);
    }
    if request.has(IOSQE_FIXED_FILE) {
        return Err(-EBADF);
    }
    if request.file_index() != 0 && request.sqe.fd != 0 {
        return Err(-EINVAL);
    }
    Ok(())
}

fn start_close(core: &mut Core, mut request: Box<Request>) {
    let slot = request.file_index();
    let fd = request.sqe.fd;
    if slot != 0 {
        let res = core.remove_file(slot - 1).unwrap_or_else(|errno| errno);
        core.complete(request, res);
    } else if kept::is_engines(fd) {
        // The program has no such descriptor.
        core.complete(request, -EBADF);
    } else {
        match Status::of(fd) {
            // It may write, as over a network.
            Some(status) if status.is_storage() && !status.is_local() => core.work(request, flush),
            Some(status) if !status.is_storage() && context::is_ring(fd) => core.complete(request, -EBADF),
            _ => {
                let res = close(&mut request);
                core.complete(request, res);
            }
        }
    }
}

/// Closes a file that may have something to write.
fn flush(request: &mut Request) -> i32 {
    if Status::of(request.sqe.fd).is_some_and(|status| status.is_unknown()) {
        status::learn(request.sqe.fd);
    }
    close(request)
}

fn close(request: &mut Request) -> i32 {
    // SAFETY: the program owns the descriptor, and the engine doesn't.
    sys::number(unsafe { sys::call(libc::SYS_close, [sys::fd(request.sqe.fd)]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_is_what_open_makes_of_it() {
        let how = How::new((libc::O_RDWR | O_CREAT) as c_uint, 0o10_0644);
        assert_eq!((how.flags, how.mode), ((libc::O_RDWR | O_CREAT) as u64, 0o644));
        // A mode without creation is ignored, and so are unknown flags.
        let how = How::new(libc::O_WRONLY as c_uint | 1 << 30, 0o644);
        assert_eq!((how.flags, how.mode), (libc::O_WRONLY as u64, 0));
        let how = How::new((O_PATH | libc::O_RDWR | O_TRUNC | O_CLOEXEC) as c_uint, 0);
        assert_eq!(how.flags, (O_PATH | O_CLOEXEC) as u64);
        assert!(!how.has(O_TRUNC));
        assert_eq!(How::new(libc::O_TMPFILE as c_uint, 0o600).mode, 0o600);
        assert_eq!(How::new(O_DIRECTORY as c_uint, 0o600).mode, 0);
    }

    #[test]
    fn how_is_plain_if_open_does_the_same() {
        let how = |flags: c_int, mode, resolve| How {
            flags: flags as u64,
            mode,
            resolve,
        };
        assert!(how(libc::O_RDWR | O_CREAT, 0o600, 0).is_plain());
        assert!(how(O_PATH | O_CLOEXEC, 0, 0).is_plain());
        assert!(!how(libc::O_RDWR, 0, 8).is_plain());
        // openat2(2) refuses these.
        assert!(!how(libc::O_RDWR, 0o600, 0).is_plain());
        assert!(!how(libc::O_RDWR | O_CREAT, 0o10_0600, 0).is_plain());
        assert!(!how(O_PATH | libc::O_RDWR, 0, 0).is_plain());
        assert!(!how(1 << 30, 0, 0).is_plain());
    }
}
