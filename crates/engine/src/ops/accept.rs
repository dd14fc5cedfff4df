//! `IORING_OP_ACCEPT`.

use super::net;
use super::{Data, Def, Start};
use crate::context::Core;
use crate::request::Request;
use crate::sys;
use alloc::boxed::Box;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{EAGAIN, EINVAL, EPOLLEXCLUSIVE, EPOLLIN, SOCK_CLOEXEC, SOCK_NONBLOCK};

pub const ACCEPT: Def = Def::new(prepare, Start::Park(start)).ioprio().ready(run);

const FLAGS: u32 = IORING_ACCEPT_MULTISHOT | IORING_ACCEPT_DONTWAIT | IORING_ACCEPT_POLL_FIRST;

/// An accept request.
pub struct Accept {
    /// Whether the socket is a TCP socket, once somebody has asked.
    tcp: Option<bool>,
}

fn prepare(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let (how, flags) = (u32::from(request.sqe.ioprio), request.op_flags());
    if request.len() != 0 || request.buf_index() != 0 || how & !FLAGS != 0 {
        return Err(-EINVAL);
    }
    let slot = request.file_index();
    if slot != 0 {
        let chosen = slot == IORING_FILE_INDEX_ALLOC;
        if flags & SOCK_CLOEXEC as u32 != 0 || how & IORING_ACCEPT_MULTISHOT != 0 && !chosen {
            return Err(-EINVAL);
        }
    }
    if flags & !(SOCK_CLOEXEC | SOCK_NONBLOCK) as u32 != 0 {
        return Err(-EINVAL);
    }
    request.data = Data::Accept(Accept { tcp: None });
    Ok(())
}

fn has(request: &Request, flag: u32) -> bool {
    u32::from(request.sqe.ioprio) & flag != 0
}

/// `accept4(2)`.
fn call(request: &Request) -> sys::Result {
    let hidden = if request.file_index() == 0 {
        0
    } else {
        SOCK_CLOEXEC as usize
    };
    let args = [
        sys::fd(request.fd()),
        request.addr() as usize,
        request.off() as usize,
        request.op_flags() as usize | hidden,
    ];
    // SAFETY: the kernel checks the program's addresses.
    net::make(request.file_index(), || unsafe { sys::call(libc::SYS_accept4, args) })
}

/// Accepts a connection if there is one.
fn accept(request: &Request) -> sys::Result {
    let file = request.fd();
    // A look costs less than making the socket non-blocking for nothing.
    let flags = sys::fcntl(file, libc::F_GETFL, 0)?;
    if flags & libc::O_NONBLOCK as usize != 0 {
        return call(request);
    }
    // A socket that does not listen never becomes ready: its error comes from the call.
    if sys::poll_now(file, EPOLLIN as u32)? == 0 && net::option(file, libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? != 0 {
        return Err(-EAGAIN);
    }
    net::without_blocking(file, || call(request))
}

/// Whether more connections wait; `None` if the protocol doesn't tell.
fn more(request: &mut Request) -> Option<bool> {
    let file = request.fd();
    let Data::Accept(accept) = &mut request.data else {
        return None;
    };
    let tcp = *accept.tcp.get_or_insert_with(|| net::is_tcp(file));
    tcp.then(|| sys::poll_now(file, EPOLLIN as u32).is_ok_and(|found| found != 0))
}

fn start(core: &mut Core, request: Box<Request>) {
    run(core, request, 0);
}

fn run(core: &mut Core, mut request: Box<Request>, ready: u32) {
    let multishot = has(&request, IORING_ACCEPT_MULTISHOT);
    if ready == 0 && has(&request, IORING_ACCEPT_POLL_FIRST) && request.key.is_none() {
        if has(&request, IORING_ACCEPT_DONTWAIT) {
            return core.complete(request, -EAGAIN);
        }
        return park(core, request);
    }
    loop {
        let made = accept(&request);
        if made == Err(-EAGAIN) && !has(&request, IORING_ACCEPT_DONTWAIT) {
            return park(core, request);
        }
        let mut flags = 0;
        let mut rest = None;
        if made.is_ok() {
            rest = more(&mut request);
            if rest == Some(true) {
                flags = IORING_CQE_F_SOCK_NONEMPTY;
            }
        }
        let res = net::place(core, made, request.file_index());
        if res < 0 || !multishot || !core.post_more(&request, res, flags) {
            request.cflags |= flags;
            return core.complete(request, res);
        }
        if rest == Some(false) {
            return park(core, request);
        }
    }
}

/// Waits for connections, of which the driver reports each to one of those who wait for the socket.
fn park(core: &mut Core, request: Box<Request>) {
    core.wait_for_changes(request, (EPOLLIN | EPOLLEXCLUSIVE) as u32);
}
