//! `IORING_OP_SEND`, `SENDMSG`, `SEND_ZC` and `SENDMSG_ZC`. Data is always copied, so that the memory is free with the
//! result; the second completion of the zero-copy operations follows at once.

use super::net::{self, Header, Message, Transfer};
use super::vectors::Vectors;
use super::{Data, Def, Start, Tried};
use crate::context::Core;
use crate::registered::groups::{self, Selection};
use crate::request::Request;
use crate::sys;
use alloc::boxed::Box;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{EAGAIN, EFAULT, EINVAL, EOPNOTSUPP, EPOLLOUT, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_WAITALL, MSG_ZEROCOPY};

pub const SEND: Def = Def::new(prepare_send, Start::Park(start))
    .ready(ready)
    .ioprio()
    .select()
    .finish(finish);
pub const SENDMSG: Def = Def::new(prepare_sendmsg, Start::Park(start))
    .ready(ready)
    .ioprio()
    .finish(finish);
pub const SEND_ZC: Def = Def::new(prepare_send_zc, Start::Park(start))
    .ready(ready)
    .ioprio()
    .finish(finish);
pub const SENDMSG_ZC: Def = Def::new(prepare_sendmsg_zc, Start::Park(start))
    .ready(ready)
    .ioprio()
    .finish(finish);

const FLAGS: u32 = IORING_RECVSEND_POLL_FIRST | IORING_RECVSEND_BUNDLE | IORING_SEND_VECTORIZED;
const FLAGS_ZC: u32 =
    IORING_RECVSEND_POLL_FIRST | IORING_RECVSEND_FIXED_BUF | IORING_SEND_ZC_REPORT_USAGE | IORING_SEND_VECTORIZED;

/// The request's data.
fn transfer(request: &mut Request) -> &mut Transfer {
    match &mut request.data {
        Data::Transfer(transfer) => transfer,
        _ => unreachable!("it was prepared"),
    }
}

/// Checks what the operations without zero-copy have in common; the transfer's flags and `IORING_RECVSEND_` bits.
fn prepare(request: &Request) -> Result<(u32, u32), c_int> {
    let how = u32::from(request.sqe.ioprio);
    if request.len() as c_int > -1 && how & !FLAGS == 0 {
        return Ok((request.op_flags() | MSG_NOSIGNAL as u32, how));
    }
    Err(-EINVAL)
}

fn prepare_send(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let (mut flags, how) = prepare(request)?;
    if how & IORING_RECVSEND_BUNDLE != 0 {
        flags |= MSG_WAITALL as u32;
    }
    set_up_send(request, flags, how)
}

fn prepare_sendmsg(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let (flags, how) = prepare(request)?;
    if how & IORING_RECVSEND_BUNDLE != 0 || request.off() != 0 || request.file_index() != 0 {
        return Err(-EINVAL);
    }
    set_up_sendmsg(request, flags, how)
}

/// Checks what the zero-copy operations have in common. From here on there is a second completion, whatever happens.
fn prepare_zc(request: &mut Request) -> Result<(u32, u32), c_int> {
    if request.pad2() != 0 || request.addr3() != 0 || request.has(IOSQE_CQE_SKIP_SUCCESS) {
        return Err(-EINVAL);
    }
    let how = u32::from(request.sqe.ioprio);
    request.notification = Some(0);
    if how & !FLAGS_ZC != 0 {
        return Err(-EINVAL);
    }
    if how & IORING_SEND_ZC_REPORT_USAGE != 0 {
        request.notification = Some(IORING_NOTIF_USAGE_ZC_COPIED as i32);
    }
    let flags = request.op_flags() & !MSG_ZEROCOPY as u32;
    Ok((flags | MSG_NOSIGNAL as u32, how))
}

fn prepare_send_zc(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let (flags, how) = prepare_zc(request)?;
    let both = IORING_RECVSEND_FIXED_BUF | IORING_SEND_VECTORIZED;
    if how & both == both {
        return Err(-EINVAL);
    }
    set_up_send(request, flags, how)
}

fn prepare_sendmsg_zc(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let (flags, how) = prepare_zc(request)?;
    if request.off() != 0 || request.file_index() != 0 {
        return Err(-EINVAL);
    }
    set_up_sendmsg(request, flags, how)
}

/// Copies the address, and the vectors if there are any.
fn set_up_send(request: &mut Request, flags: u32, how: u32) -> Result<(), c_int> {
    // `addr_len`, and two bytes that must be 0.
    let [first, second, unused @ ..] = request.file_index().to_ne_bytes();
    if unused != [0; 2] {
        return Err(-EINVAL);
    }
    let address_len = c_int::from(u16::from_ne_bytes([first, second]));
    let mut message = None;
    if request.off() != 0 {
        let address = net::Address::read(request.off(), address_len)?;
        message = Some(Message::to(address));
    }
    let vectors = if request.has(IOSQE_BUFFER_SELECT) || how & IORING_RECVSEND_FIXED_BUF != 0 {
        Vectors::NONE
    } else if how & IORING_SEND_VECTORIZED != 0 {
        Vectors::read(request.addr(), request.len() as usize)?
    } else {
        Vectors::one(request.addr(), request.len() as usize)?
    };
    let mut transfer = Transfer::new(vectors, flags, how);
    transfer.message = message;
    request.data = Data::Transfer(transfer);
    Ok(())
}

/// Copies the program's message.
fn set_up_sendmsg(request: &mut Request, flags: u32, how: u32) -> Result<(), c_int> {
    let (message, (vectors, count)) = Message::read(request.addr(), true)?;
    let mut transfer = Transfer::new(Vectors::read(vectors, count)?, flags, how);
    transfer.message = Some(message);
    request.data = Data::Transfer(transfer);
    Ok(())
}

/// The system call: bytes or -errno.
fn call(file: c_int, transfer: &Transfer) -> i32 {
    let flags = transfer.flags | MSG_DONTWAIT as u32;
    let (name, name_len) = match &transfer.message {
        Some(message) if message.address.len != 0 => {
            (message.address.bytes.as_ptr() as usize, message.address.len as usize)
        }
        _ => (0, 0),
    };
    let (control, control_len) = match &transfer.message {
        Some(message) => (message.control, message.control_len),
        None => (0, 0),
    };
    if let (Vectors::One(vector), 0) = (&transfer.vectors, control_len) {
        // SAFETY: the address is valid for the call; the kernel checks the program's.
        let sent = unsafe {
            sys::call(
                libc::SYS_sendto,
                [
                    sys::fd(file),
                    vector.iov_base as usize,
                    vector.iov_len,
                    flags as usize,
                    name,
                    name_len,
                ],
            )
        };
        return sys::number(sent);
    }
    let header = Header {
        name,
        name_len: name_len as c_int,
        control,
        control_len,
        ..Header::new(transfer.vectors.rest())
    };
    // SAFETY: the header and what is ours in it are valid for the call; the kernel checks the program's addresses.
    let sent = unsafe {
        sys::call(
            libc::SYS_sendmsg,
            [sys::fd(file), (&raw const header) as usize, flags as usize],
        )
    };
    sys::number(sent)
}

/// Attempts with what is left of the vectors, until the socket would block.
fn attempt(request: &mut Request, ready: u32) -> Tried {
    let (file, watched) = (request.fd(), request.watched);
    let transfer = transfer(request);
    loop {
        let last = call(file, transfer);
        if last == -EAGAIN && transfer.may_wait(ready, watched) {
            return Tried::Wait(EPOLLOUT as u32);
        }
        if last >= 0 && transfer.has(MSG_WAITALL) && (last as usize) < transfer.vectors.len() {
            if last > 0 && net::is_stream(file) {
                transfer.done += last as usize;
                transfer.vectors.advance(last as usize);
                if let Some(message) = &mut transfer.message {
                    message.control_len = 0;
                }
                if transfer.has(MSG_DONTWAIT) {
                    return Tried::Done(-EAGAIN);
                }
                continue;
            }
            request.short = true;
        }
        return Tried::Done(last);
    }
}

fn start(core: &mut Core, request: Box<Request>) {
    ready(core, request, 0);
}

fn ready(core: &mut Core, mut request: Box<Request>, ready: u32) {
    let zero_copy = request.notification.is_some();
    let tried = if zero_copy {
        try_send_zc(core, &mut request, ready)
    } else {
        try_send(core, &mut request, ready)
    };
    match tried {
        Tried::Done(res) => core.complete(request, res),
        Tried::Wait(events) => {
            core.recycle(&mut request);
            core.wait_for_changes(request, events);
        }
        Tried::Block | Tried::Direct | Tried::Later(_) => unreachable!("a send does none of these"),
    }
}

/// With `IORING_RECVSEND_POLL_FIRST` the first attempt is to wait.
fn waits_first(request: &mut Request, ready: u32) -> Option<Tried> {
    let first = ready == 0 && request.key.is_none();
    if !first || transfer(request).how & IORING_RECVSEND_POLL_FIRST == 0 {
        return None;
    }
    if let Err(errno) = net::option(request.fd(), libc::SOL_SOCKET, libc::SO_TYPE) {
        return Some(Tried::Done(errno));
    }
    if transfer(request).has(MSG_DONTWAIT) {
        return Some(Tried::Done(-EAGAIN));
    }
    Some(Tried::Wait(EPOLLOUT as u32))
}

/// Selects buffers, unless the request goes on with those that it has.
fn select(core: &mut Core, request: &mut Request, most: usize) -> Result<(), c_int> {
    if !request.has(IOSQE_BUFFER_SELECT) || request.selection != Selection::None {
        return Ok(());
    }
    let bundle = transfer(request).how & IORING_RECVSEND_BUNDLE != 0;
    // As much as there is, but a first buffer without bytes is none.
    let most = if most == 0 { i32::MAX as usize } else { most };
    let buffers = core.select_bundle(request, most, if bundle { usize::MAX } else { 1 })?;
    transfer(request).vectors = Vectors::from(buffers);
    Ok(())
}

fn try_send(core: &mut Core, request: &mut Request, ready: u32) -> Tried {
    if let Some(tried) = waits_first(request, ready) {
        return tried;
    }
    let most = request.len() as usize;
    if let Err(errno) = select(core, request, most) {
        return Tried::Done(net::refused(request.fd(), errno));
    }
    loop {
        let tried = attempt(request, ready);
        let transfer = transfer(request);
        let bundle = transfer.how & IORING_RECVSEND_BUNDLE != 0;
        match tried {
            Tried::Done(last) if bundle && last > 0 => {
                let sent = last + transfer.done as i32;
                let count = groups::used(transfer.vectors.rest(), last as usize);
                transfer.done = 0;
                let cflags = core.put_buffers(request, sent, count);
                // With more buffers the next bundle follows, unless this one was short.
                if request.short || select(core, request, 0).is_err() {
                    request.cflags |= cflags;
                    return Tried::Done(sent);
                }
                if !core.post_more(request, sent, cflags) {
                    core.recycle(request);
                    request.cflags |= cflags;
                    return Tried::Done(sent);
                }
                if !request.has(IOSQE_BUFFER_SELECT) {
                    // Linux ends such a bundle by sending nothing.
                    self::transfer(request).vectors = Vectors::NONE;
                }
            }
            Tried::Wait(_) if transfer.done != 0 => {
                core.keep_buffers(request);
                return tried;
            }
            _ => return tried,
        }
    }
}

/// Checks that the memory is in the registered buffer that the entry names, if it names one.
fn import(core: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if transfer(request).how & IORING_RECVSEND_FIXED_BUF == 0 {
        return Ok(());
    }
    if i32::from(request.sqe.opcode) == IORING_OP_SENDMSG_ZC {
        let vectors = core::mem::replace(&mut transfer(request).vectors, Vectors::NONE);
        let checked = core.registered_parts(request, vectors.rest());
        transfer(request).vectors = vectors;
        return checked;
    }
    let (address, len) = (request.addr(), u64::from(request.len()));
    transfer(request).vectors = Vectors::One(core.registered_part(request, address, len)?);
    Ok(())
}

fn try_send_zc(core: &mut Core, request: &mut Request, ready: u32) -> Tried {
    if request.key.is_none() {
        // The first attempt. Linux finds the buffer of a message before it looks at the socket.
        let file = request.fd();
        let message = i32::from(request.sqe.opcode) == IORING_OP_SENDMSG_ZC;
        if let (true, Err(errno)) = (message, import(core, request)) {
            return Tried::Done(errno);
        }
        if let Err(errno) = net::option(file, libc::SOL_SOCKET, libc::SO_TYPE) {
            return Tried::Done(errno);
        }
        if !net::is_tcp(file) && !net::is_udp(file) {
            return Tried::Done(-EOPNOTSUPP);
        }
        if let (false, Err(errno)) = (message, import(core, request)) {
            return Tried::Done(errno);
        }
    }
    let tried = try_send(core, request, ready);
    if tried == Tried::Done(-EFAULT) {
        // Linux had begun to use the memory without a copy.
        request.notification = Some(0);
    }
    tried
}

/// What was sent before an error or a cancellation counts.
fn finish(_: &mut Core, request: &mut Request, res: i32) -> i32 {
    let Data::Transfer(transfer) = &request.data else {
        return res;
    };
    let done = transfer.done as i32;
    if res >= 0 {
        return res.saturating_add(done);
    }
    request.short = done != 0;
    if done != 0 { done } else { res }
}
