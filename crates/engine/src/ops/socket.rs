//! `IORING_OP_SOCKET`, `BIND`, `LISTEN`, `SHUTDOWN` and `CONNECT`.

use super::net::{self, Address};
use super::{Data, Def, Start, Tried};
use crate::context::Core;
use crate::request::Request;
use crate::sys;
use alloc::boxed::Box;
use ironring_abi::ctypes::c_int;
use libc::{
    EAGAIN, EALREADY, EBADFD, ECONNABORTED, EINPROGRESS, EINVAL, EISCONN, EPOLLOUT, SOCK_CLOEXEC, SOCK_NONBLOCK,
};

pub const SOCKET: Def = Def::new(prepare_socket, Start::Now(socket))
    .without_file()
    .credentials();
pub const BIND: Def = Def::new(prepare_address, Start::Now(bind)).credentials();
pub const LISTEN: Def = Def::new(prepare_listen, Start::Now(listen));
pub const SHUTDOWN: Def = Def::new(prepare_shutdown, Start::Now(shutdown));
pub const CONNECT: Def = Def::new(prepare_address, Start::Try(try_connect, connect)).credentials();

/// The bits of a socket's type that are not flags.
const TYPE: u32 = 0xf;

/// A connect or bind request.
pub struct Target {
    pub address: Address,
    /// The length as the program gave it.
    pub len: c_int,
    /// A connection has been begun.
    pub begun: bool,
    /// A connection was aborted and is tried again.
    pub aborted: bool,
}

fn prepare_socket(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if request.addr() != 0 || request.op_flags() != 0 || request.buf_index() != 0 {
        return Err(-EINVAL);
    }
    let flags = request.off() as u32 & !TYPE;
    if request.file_index() != 0 && flags & SOCK_CLOEXEC as u32 != 0 {
        return Err(-EINVAL);
    }
    if flags & !(SOCK_CLOEXEC | SOCK_NONBLOCK) as u32 != 0 {
        return Err(-EINVAL);
    }
    Ok(())
}

fn socket(core: &mut Core, request: &mut Request) -> i32 {
    let slot = request.file_index();
    let kind = request.off() as u32 as usize;
    let hidden = if slot == 0 { 0 } else { SOCK_CLOEXEC as usize };
    let args = [sys::fd(request.sqe.fd), kind | hidden, request.len() as usize];
    // SAFETY: no memory is passed.
    let made = net::make(slot, || unsafe { sys::call(libc::SYS_socket, args) });
    net::place(core, made, slot)
}

fn prepare_address(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if request.len() != 0 || request.buf_index() != 0 || request.op_flags() != 0 || request.file_index() != 0 {
        return Err(-EINVAL);
    }
    let len = request.off() as c_int;
    request.data = Data::Target(Box::new(Target {
        address: Address::read(request.addr(), len)?,
        len,
        begun: false,
        aborted: false,
    }));
    Ok(())
}

fn target(request: &mut Request) -> &mut Target {
    match &mut request.data {
        Data::Target(target) => target,
        _ => unreachable!("it was prepared"),
    }
}

/// `bind(2)` or `connect(2)`.
fn call(nr: libc::c_long, request: &mut Request) -> sys::Result {
    let file = request.fd();
    let Target { address, len, .. } = target(request);
    // SAFETY: the address is valid for the call.
    unsafe {
        sys::call(
            nr,
            [sys::fd(file), address.bytes.as_ptr() as usize, *len as u32 as usize],
        )
    }
}

fn bind(_: &mut Core, request: &mut Request) -> i32 {
    sys::number(call(libc::SYS_bind, request))
}

fn prepare_listen(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if request.addr() != 0
        || request.buf_index() != 0
        || request.op_flags() != 0
        || request.file_index() != 0
        || request.off() != 0
    {
        return Err(-EINVAL);
    }
    Ok(())
}

fn listen(_: &mut Core, request: &mut Request) -> i32 {
    // SAFETY: no memory is passed.
    sys::number(unsafe { sys::call(libc::SYS_listen, [sys::fd(request.fd()), request.len() as usize]) })
}

fn prepare_shutdown(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if request.off() != 0
        || request.addr() != 0
        || request.op_flags() != 0
        || request.buf_index() != 0
        || request.file_index() != 0
    {
        return Err(-EINVAL);
    }
    Ok(())
}

fn shutdown(_: &mut Core, request: &mut Request) -> i32 {
    // SAFETY: no memory is passed.
    sys::number(unsafe { sys::call(libc::SYS_shutdown, [sys::fd(request.fd()), request.len() as usize]) })
}

fn try_connect(_: &mut Core, request: &mut Request, _: u32) -> Tried {
    let file = request.fd();
    let res = sys::number(net::without_blocking(file, || call(libc::SYS_connect, request)));
    let target = target(request);
    match -res {
        // The queue of a listener of `AF_UNIX` is full, which no event of this socket will end.
        EAGAIN => Tried::Block,
        EINPROGRESS => {
            target.begun = true;
            Tried::Wait(EPOLLOUT as u32)
        }
        EALREADY if target.begun => Tried::Wait(EPOLLOUT as u32),
        ECONNABORTED if !target.aborted => {
            target.aborted = true;
            Tried::Wait(EPOLLOUT as u32)
        }
        // The connection was made, or its protocol has no second call: the result is the socket's error.
        EISCONN | EBADFD if target.begun => {
            Tried::Done(net::option(file, libc::SOL_SOCKET, libc::SO_ERROR).map_or_else(|errno| errno, |error| -error))
        }
        _ => Tried::Done(res),
    }
}

fn connect(request: &mut Request) -> i32 {
    sys::number(call(libc::SYS_connect, request))
}
