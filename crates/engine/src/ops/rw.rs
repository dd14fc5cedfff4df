//! Reads and writes.

use super::cached::is_direct;
use super::older::{Call, NEW, STORAGE};
use super::vectors::Vectors;
use super::{Check, Data, Def, Start, Tried};
use crate::context::Core;
use crate::registered::groups::Selection;
use crate::request::Request;
use crate::{sys, user};
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::{
    IORING_OP_WRITE, IORING_OP_WRITE_FIXED, IORING_OP_WRITEV, IORING_OP_WRITEV_FIXED, IORING_SETUP_IOPOLL,
    IOSQE_BUFFER_SELECT,
};
use libc::{EAGAIN, EBADF, EINVAL, ENOMEM, EOPNOTSUPP, EPERM, EPOLLIN, EPOLLOUT, ESPIPE, RWF_HIPRI, RWF_NOWAIT, iovec};

const fn define(
    prepare: Check,
    attempt: fn(&mut Core, &mut Request, u32) -> Tried,
    block: fn(&mut Request) -> i32,
) -> Def {
    let def = Def::new(prepare, Start::Try(attempt, block));
    def.ioprio().iopoll().import(check).finish(finish)
}

pub const READ: Def = define(prepare_plain, try_read, read).select();
pub const WRITE: Def = define(prepare_plain, try_write, write);
pub const READV: Def = define(prepare_vectors, try_read, read).select();
pub const WRITEV: Def = define(prepare_vectors, try_write, write);
pub const READ_FIXED: Def = define(prepare_fixed, try_read, read).import(import_fixed);
pub const WRITE_FIXED: Def = define(prepare_fixed, try_write, write).import(import_fixed);
pub const READV_FIXED: Def = define(prepare_fixed_vectors, try_read, read).import(import_fixed_vectors);
pub const WRITEV_FIXED: Def = define(prepare_fixed_vectors, try_write, write).import(import_fixed_vectors);

/// A read or write.
pub struct Rw {
    /// What is left of the program's memory.
    pub vectors: Vectors,
    pub total: usize,
    /// The length of the provided buffer that it wants; 0 for any.
    pub wanted: usize,
    pub done: usize,
    /// The position in the file; -1 for its own.
    pub position: u64,
}

/// All flags that Linux 6.18 knows.
const FLAGS: u32 = 0x1ff;
/// `RWF_APPEND` and `RWF_NOAPPEND`, which exclude each other.
const OPPOSITES: u32 = 0x10 | 0x20;

/// Checks `sqe->ioprio`, an I/O priority.
fn check_priority(priority: u16) -> Result<(), c_int> {
    const NONE: u16 = 0;
    const REAL_TIME: u16 = 1;
    const BEST_EFFORT: u16 = 2;
    const IDLE: u16 = 3;
    let (class, level) = (priority >> 13, priority & 7);
    match class {
        REAL_TIME if !sys::may_run_in_real_time() => Err(-EPERM),
        REAL_TIME | BEST_EFFORT | IDLE => Ok(()),
        NONE if level == 0 => Ok(()),
        _ => Err(-EINVAL),
    }
}

/// What all reads and writes have in common. Where their memory is, is looked at last.
pub fn prepare(request: &mut Request, vectors: impl FnOnce(&Request) -> Result<Vectors, c_int>) -> Result<(), c_int> {
    check_priority(request.sqe.ioprio)?;
    // The mask of attributes, which the ring's features do not include.
    if request.pad2() != 0 {
        return Err(-EINVAL);
    }
    let vectors = vectors(request)?;
    request.data = Data::Rw(Rw {
        total: vectors.len(),
        vectors,
        wanted: 0,
        done: 0,
        position: request.off(),
    });
    Ok(())
}

/// No memory yet: a buffer is chosen when there is data (`IOSQE_BUFFER_SELECT`), or found when the request starts.
pub fn later(_: &Request) -> Result<Vectors, c_int> {
    Ok(Vectors::NONE)
}

fn prepare_plain(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if !request.has(IOSQE_BUFFER_SELECT) {
        return prepare(request, |request| Vectors::one(request.addr(), request.len() as usize));
    }
    prepare(request, later)?;
    rw(request).wanted = request.len() as usize;
    Ok(())
}

fn prepare_vectors(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if !request.has(IOSQE_BUFFER_SELECT) {
        return prepare(request, |request| Vectors::read(request.addr(), request.len() as usize));
    }
    prepare(request, later)?;
    if request.len() != 1 {
        return Err(-EINVAL);
    }
    let vector: iovec = user::read(request.addr())?;
    rw(request).wanted = vector.iov_len as u32 as usize;
    Ok(())
}

fn prepare_fixed(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    prepare(request, later)
}

/// Finds the registered buffer, which may have been registered after the entry was submitted.
fn import_fixed(core: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let (address, len) = (request.addr(), request.len());
    let part = core.registered_part(request, address, u64::from(len))?;
    let rw = rw(request);
    rw.total = part.iov_len;
    rw.vectors = Vectors::One(part);
    check(core, request)
}

fn prepare_fixed_vectors(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    // Linux asks for memory for the vectors before it counts them, and the kernel's own allocator gives no more at once.
    const ALLOCATION: usize = 4 << 20;
    prepare(request, later)?;
    if request.len() as usize > ALLOCATION / size_of::<iovec>() {
        return Err(-ENOMEM);
    }
    // The sum may be more than there are addresses; it is checked with the buffer.
    let vectors = Vectors::copy(request.addr(), request.len() as usize)?;
    rw(request).vectors = Vectors::Many(vectors, 0);
    Ok(())
}

fn import_fixed_vectors(core: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let vectors = core::mem::replace(&mut rw(request).vectors, Vectors::NONE);
    core.registered_parts(request, vectors.rest())?;
    let rw = rw(request);
    rw.total = vectors.len();
    rw.vectors = vectors;
    check(core, request)
}

/// The request's data.
pub fn rw(request: &mut Request) -> &mut Rw {
    match &mut request.data {
        Data::Rw(rw) => rw,
        _ => unreachable!("it was prepared"),
    }
}

/// Room for a byte, which has no place.
struct Room(iovec);
// SAFETY: nothing is written there.
unsafe impl Sync for Room {}
static NOWHERE: Room = Room(iovec {
    iov_base: core::ptr::null_mut(),
    iov_len: 1,
});

/// The system call with further flags: bytes or -errno.
pub fn transfer(request: &mut Request, nr: libc::c_long, more: u32) -> i32 {
    let (fd, flags) = (request.fd(), request.op_flags() | more);
    let rw = rw(request);
    let nothing = rw.vectors.len() == 0 && nr == libc::SYS_preadv2 && crate::kept::is_anonymous(fd);
    loop {
        let call = Call {
            nr,
            fd,
            vectors: if nothing {
                // A read of nothing asks no file, but io_uring asks, and these files refuse it as they refuse a byte.
                core::slice::from_ref(&NOWHERE.0)
            } else {
                rw.vectors.rest()
            },
            position: rw.position,
            flags,
        };
        let mut made = call.make();
        if made == Err(-EOPNOTSUPP) && flags & (NEW | RWF_NOWAIT as u32) != 0 {
            made = call.make_otherwise();
        }
        match made {
            // Pipes and sockets have no position, and what the entry says doesn't matter.
            Err(errno) if errno == -ESPIPE && call.position != u64::MAX => rw.position = u64::MAX,
            other => return sys::number(other),
        }
    }
}

/// Takes note of bytes that were transferred.
fn advance(rw: &mut Rw, bytes: usize) {
    rw.done += bytes;
    if rw.position != u64::MAX {
        rw.position += bytes as u64;
    }
    rw.vectors.advance(bytes);
}

/// The result so far: bytes if there are any, otherwise the last call's.
fn result(rw: &Rw, last: i32) -> i32 {
    if rw.done != 0 { rw.done as i32 } else { last }
}

/// Whether a short transfer is continued: files on storage give all that there is.
fn unfinished(request: &mut Request, last: i32) -> bool {
    last > 0 && rw(request).done < rw(request).total && sys::is_storage(request.fd())
}

/// Whether a file on storage has no calls that don't block, not even to read.
fn refuses_nowait(fd: c_int) -> bool {
    // SAFETY: the vector is valid for the call, which writes nothing.
    let read = unsafe {
        sys::call(
            libc::SYS_preadv2,
            [
                sys::fd(fd),
                (&raw const NOWHERE.0) as usize,
                1,
                0,
                0,
                RWF_NOWAIT as usize,
            ],
        )
    };
    read == Err(-EOPNOTSUPP)
}

fn attempt(core: &mut Core, request: &mut Request, nr: libc::c_long, events: u32) -> Tried {
    let forced = request.op_flags() & RWF_NOWAIT as u32 != 0;
    if !forced && is_direct(core, request) {
        return Tried::Direct;
    }
    loop {
        let last = transfer(request, nr, RWF_NOWAIT as u32);
        if last > 0 {
            advance(rw(request), last as usize);
            if unfinished(request, last) {
                continue;
            }
        }
        if last == -EAGAIN && !forced {
            return if rw(request).done != 0 || sys::is_storage(request.fd()) {
                Tried::Block
            } else {
                Tried::Wait(events)
            };
        }
        if last == -EOPNOTSUPP && !forced {
            if sys::is_storage(request.fd()) {
                return Tried::Block;
            }
            if request.op_flags() & STORAGE != 0 {
                return Tried::Done(last);
            }
            // It has no such attempt, and if it is ready now somebody else may be faster.
            return match sys::poll_now(request.fd(), events) {
                Ok(0) => Tried::Wait(events),
                _ if sys::is_nonblocking(request.fd()) => match transfer(request, nr, 0) {
                    errno if errno == -EAGAIN => Tried::Wait(events),
                    res => Tried::Done(res),
                },
                _ => Tried::Block,
            };
        }
        // The file system does not write to its cache without blocking, which may change; unless it has no such calls at
        // all.
        let later = last == -EOPNOTSUPP
            && nr == libc::SYS_pwritev2
            && sys::is_storage(request.fd())
            && !refuses_nowait(request.fd());
        return Tried::Done(result(rw(request), if later { -EAGAIN } else { last }));
    }
}

/// Checks the flags, after what Linux checks before them: a buffer to select, and that the file is open for the direction.
pub fn check(core: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let Err(errno) = check_flags(core, request) else {
        return Ok(());
    };
    // A buffer from a list is used up by it.
    select(core, request)?;
    let other = if is_write(request) {
        libc::O_RDONLY
    } else {
        libc::O_WRONLY
    };
    let mode = sys::fcntl(request.fd(), libc::F_GETFL, 0).map(|flags| flags as c_int & libc::O_ACCMODE);
    Err(if mode == Ok(other) { -EBADF } else { errno })
}

pub fn is_write(request: &Request) -> bool {
    matches!(
        i32::from(request.sqe.opcode),
        IORING_OP_WRITE | IORING_OP_WRITEV | IORING_OP_WRITE_FIXED | IORING_OP_WRITEV_FIXED
    )
}

/// A ring with `IORING_SETUP_IOPOLL` takes files on storage that are opened with `O_DIRECT`, other rings no `RWF_HIPRI`.
fn check_flags(core: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let fd = request.fd();
    if request.op_flags() & !FLAGS != 0 {
        return Err(-EOPNOTSUPP);
    }
    if request.op_flags() & OPPOSITES == OPPOSITES {
        return Err(-EINVAL);
    }
    let flags = if core.has(IORING_SETUP_IOPOLL) {
        match sys::fcntl(fd, libc::F_GETFL, 0) {
            Ok(flags) if flags as c_int & libc::O_DIRECT != 0 && sys::is_storage(fd) => return Ok(()),
            Ok(_) => return Err(-EOPNOTSUPP),
            Err(errno) => return Err(errno),
        }
    } else {
        request.op_flags()
    };
    if flags & RWF_HIPRI as u32 != 0 {
        Err(-EINVAL)
    } else {
        Ok(())
    }
}

fn block(request: &mut Request, nr: libc::c_long) -> i32 {
    loop {
        let last = transfer(request, nr, 0);
        if last > 0 {
            advance(rw(request), last as usize);
            if unfinished(request, last) {
                continue;
            }
        }
        return result(rw(request), last);
    }
}

/// Selects a buffer, unless the request has one.
pub fn select(core: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if !request.has(IOSQE_BUFFER_SELECT) || request.selection != Selection::None {
        return Ok(());
    }
    let wanted = rw(request).wanted;
    let vector = core.select(request, wanted)?;
    let rw = rw(request);
    rw.total = vector.iov_len;
    rw.done = 0;
    rw.vectors = Vectors::One(vector);
    if core.selected_part(request) && sys::is_storage(request.fd()) {
        // It does not wait for data, and uses what it asked for.
        core.keep_buffers(request);
    }
    Ok(())
}

fn try_read(core: &mut Core, request: &mut Request, _: u32) -> Tried {
    if let Err(errno) = select(core, request) {
        let lacks_file = !sys::is_usable(request.fd());
        return Tried::Done(if lacks_file { -EBADF } else { errno });
    }
    let tried = attempt(core, request, libc::SYS_preadv2, EPOLLIN as u32);
    // As on Linux a read waits with the buffer that it has taken from a list, and one of a file on storage does not give its
    // buffer back.
    let keeps = match (tried, request.selection) {
        (Tried::Wait(_), Selection::Listed { .. }) => true,
        (Tried::Done(..0), Selection::Peeked { .. }) => sys::is_storage(request.fd()),
        _ => false,
    };
    if keeps {
        core.keep_buffers(request);
    }
    tried
}

fn try_write(core: &mut Core, request: &mut Request, _: u32) -> Tried {
    match attempt(core, request, libc::SYS_pwritev2, EPOLLOUT as u32) {
        Tried::Done(errno) if errno < 0 && is_files(request, errno) => Tried::Later(errno),
        tried => tried,
    }
}

/// Whether the file itself has refused a write, and not the checks before it. Linux completes such a write later.
fn is_files(request: &mut Request, errno: c_int) -> bool {
    let by_flags = request.op_flags() != 0 && [-EINVAL, -EOPNOTSUPP, -EPERM].contains(&errno);
    let position = rw(request).position;
    let by_position = position != u64::MAX && position > i64::MAX as u64;
    errno != -EBADF && !by_flags && !by_position
}

fn read(request: &mut Request) -> i32 {
    block(request, libc::SYS_preadv2)
}

fn write(request: &mut Request) -> i32 {
    block(request, libc::SYS_pwritev2)
}

fn finish(_: &mut Core, request: &mut Request, res: i32) -> i32 {
    request.short = res != rw(request).total as i32;
    res
}
