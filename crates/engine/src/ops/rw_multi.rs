//! `IORING_OP_READ_MULTISHOT`: reads whenever there is data, each time into a provided buffer.

use super::rw::{check, later, prepare, rw, select, transfer};
use super::{Def, Start};
use crate::context::{Core, Work};
use crate::request::Request;
use crate::sys;
use alloc::boxed::Box;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::IOSQE_BUFFER_SELECT;
use libc::{EAGAIN, EBADF, EBADFD, EINVAL, ENOBUFS, EOPNOTSUPP, EPERM, EPOLLIN, EPOLLONESHOT, RWF_NOWAIT, SYS_preadv2};

pub const READ: Def = Def::new(prepare_multi, Start::Park(start))
    .import(check)
    .select()
    .ready(ready);

/// After so many reads other requests have their turn.
const READS: u32 = 32;

fn prepare_multi(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if !request.has(IOSQE_BUFFER_SELECT) {
        return Err(-EINVAL);
    }
    prepare(request, later)?;
    if request.addr() != 0 || request.len() != 0 {
        return Err(-EINVAL);
    }
    Ok(())
}

fn start(core: &mut Core, mut request: Box<Request>) {
    // Without events it only shows whether the file can be polled. If no descriptor is left it may be found out later.
    let watched = core.watch(&mut request, EPOLLONESHOT as u32);
    if watched == Err(-EPERM) || sys::is_storage(request.fd()) {
        return core.complete(request, -EBADFD);
    }
    match watched {
        Err(errno) if errno == -EBADF => core.complete(request, errno),
        _ => ready(core, request, 0),
    }
}

/// One read: bytes, or -errno. -EAGAIN if there is no data.
fn read(core: &mut Core, request: &mut Request) -> i32 {
    if let Err(errno) = select(core, request) {
        return errno;
    }
    match transfer(request, SYS_preadv2, RWF_NOWAIT as u32) {
        // It has no such attempt. If it is ready the call does not block, unless somebody else is faster.
        errno if errno == -EOPNOTSUPP => match sys::poll_now(request.fd(), EPOLLIN as u32) {
            Ok(0) => -EAGAIN,
            _ => transfer(request, SYS_preadv2, 0),
        },
        res => res,
    }
}

fn ready(core: &mut Core, mut request: Box<Request>, events: u32) {
    for nth in 0..READS {
        let res = read(core, &mut request);
        // There needs to be no buffer until there is more to read.
        let is_empty = |request: &Request| sys::poll_now(request.fd(), EPOLLIN as u32) == Ok(0);
        if res == -EAGAIN || nth != 0 && res == -ENOBUFS && is_empty(&request) {
            core.recycle(&mut request);
            break;
        }
        if res <= 0 {
            core.recycle(&mut request);
            return core.complete(request, res);
        }
        if rw(&mut request).position != u64::MAX {
            rw(&mut request).position += res as u64;
        }
        let flags = core.put_buffers(&mut request, res, 1);
        if !core.post_more(&request, res, flags) {
            request.cflags |= flags;
            return core.complete(request, res);
        }
        // Before it has waited for the first time others have their turn after each read.
        if events == 0 {
            if is_empty(&request) {
                break;
            }
            let key = core.key_of(&mut request);
            core.hold(request);
            return core.later(Work::Ready(key, 0));
        }
    }
    core.wait(request, EPOLLIN as u32);
}
