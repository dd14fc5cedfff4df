//! `IORING_OP_EPOLL_CTL` and `IORING_OP_EPOLL_WAIT`.

use super::{Data, Def, Start, Tried};
use crate::context::Core;
use crate::request::Request;
use crate::{sys, user};
use ironring_abi::ctypes::c_int;
use libc::{EINVAL, EPOLL_CTL_DEL, EPOLLIN, epoll_event};

pub const CTL: Def = Def::new(prepare_ctl, Start::Now(ctl)).without_file();
pub const WAIT: Def = Def::new(prepare_wait, Start::Try(try_wait, wait));

user::plain!(epoll_event);

fn prepare_ctl(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if request.buf_index() != 0 || request.file_index() != 0 {
        return Err(-EINVAL);
    }
    let event = if request.len() as c_int == EPOLL_CTL_DEL {
        epoll_event { events: 0, u64: 0 }
    } else {
        user::read(request.addr())?
    };
    request.data = Data::Epoll(event);
    Ok(())
}

fn ctl(_: &mut Core, request: &mut Request) -> i32 {
    let Data::Epoll(mut event) = request.data else {
        unreachable!("it was prepared")
    };
    // SAFETY: the event is valid for the call.
    let done = unsafe {
        sys::call(
            libc::SYS_epoll_ctl,
            [
                sys::fd(request.sqe.fd),
                request.len() as usize,
                request.off() as u32 as usize,
                (&raw mut event) as usize,
            ],
        )
    };
    sys::number(done)
}

fn prepare_wait(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if request.off() != 0 || request.op_flags() != 0 || request.buf_index() != 0 || request.file_index() != 0 {
        return Err(-EINVAL);
    }
    Ok(())
}

/// `epoll_pwait(2)` with a time in milliseconds.
fn call(request: &Request, milliseconds: c_int) -> i32 {
    // SAFETY: the kernel checks the program's address.
    let found = unsafe {
        sys::call(
            libc::SYS_epoll_pwait,
            [
                sys::fd(request.fd()),
                request.addr() as usize,
                request.len() as usize,
                milliseconds as usize,
                0,
                8,
            ],
        )
    };
    sys::number(found)
}

fn try_wait(_: &mut Core, request: &mut Request, _: u32) -> Tried {
    match call(request, 0) {
        0 => Tried::Wait(EPOLLIN as u32),
        found => Tried::Done(found),
    }
}

fn wait(request: &mut Request) -> i32 {
    call(request, -1)
}
