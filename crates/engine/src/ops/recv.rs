//! `IORING_OP_RECV` and `RECVMSG`.

use super::net::{Header, Kind, Message, Transfer};
use super::vectors::Vectors;
use super::{Data, Def, Start, Tried, recv_multishot};
use crate::context::Core;
use crate::registered::groups::{self, Selection};
use crate::request::Request;
use crate::{sys, user};
use alloc::boxed::Box;
use core::mem::offset_of;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{
    EAGAIN, EINVAL, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLPRI, EPOLLRDHUP, MSG_CTRUNC, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB,
    MSG_PEEK, MSG_TRUNC, MSG_WAITALL, iovec,
};

pub const RECV: Def = Def::new(prepare_recv, Start::Park(start))
    .ioprio()
    .select()
    .ready(ready)
    .finish(finish);
pub const RECVMSG: Def = Def::new(prepare_recvmsg, Start::Park(start))
    .ioprio()
    .select()
    .ready(ready)
    .finish(finish);

const FLAGS: u32 = IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT | IORING_RECVSEND_BUNDLE;

/// The request's data.
pub fn transfer(request: &mut Request) -> &mut Transfer {
    match &mut request.data {
        Data::Transfer(transfer) => transfer,
        _ => unreachable!("it was prepared"),
    }
}

/// Checks what both operations have in common; the `IORING_RECVSEND_` bits.
fn prepare(request: &Request) -> Result<u32, c_int> {
    let how = u32::from(request.sqe.ioprio);
    let multishot = how & IORING_RECV_MULTISHOT != 0;
    if request.off() != 0 || request.len() as c_int <= -1 || how & !FLAGS != 0 {
        return Err(-EINVAL);
    }
    if multishot && (!request.has(IOSQE_BUFFER_SELECT) || request.op_flags() & MSG_WAITALL as u32 != 0) {
        return Err(-EINVAL);
    }
    Ok(how)
}

fn prepare_recv(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let how = prepare(request)?;
    let limit = request.file_index() as usize;
    if limit != 0 && how & IORING_RECV_MULTISHOT == 0 {
        return Err(-EINVAL);
    }
    let select = request.has(IOSQE_BUFFER_SELECT);
    let vectors = if select {
        Vectors::NONE
    } else {
        Vectors::one(request.addr(), request.len() as usize)?
    };
    let mut transfer = Transfer::new(vectors, request.op_flags(), how);
    transfer.wanted = request.len() as usize;
    transfer.limit = (limit != 0).then_some(limit);
    request.data = Data::Transfer(transfer);
    Ok(())
}

fn prepare_recvmsg(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let how = prepare(request)?;
    if how & IORING_RECVSEND_BUNDLE != 0 || request.file_index() != 0 {
        return Err(-EINVAL);
    }
    let (message, (at, count)) = Message::read(request.addr(), false)?;
    let mut wanted = 0;
    let vectors = if request.has(IOSQE_BUFFER_SELECT) {
        if count > 1 {
            return Err(-EINVAL);
        }
        if count == 1 {
            let vector: iovec = user::read(at)?;
            wanted = vector.iov_len as u32 as usize;
        }
        Vectors::NONE
    } else {
        Vectors::read(at, count)?
    };
    if how & IORING_RECV_MULTISHOT != 0 {
        recv_multishot::check(&message)?;
    }
    let mut transfer = Transfer::new(vectors, request.op_flags(), how);
    transfer.message = Some(message);
    transfer.wanted = wanted;
    request.data = Data::Transfer(transfer);
    Ok(())
}

/// What one receive has brought.
#[derive(Clone, Copy)]
pub struct Received {
    /// Bytes or -errno.
    pub res: i32,
    /// `MSG_` flags.
    pub flags: u32,
}

/// `recvfrom(2)` or `recvmsg(2)`, which do not block.
fn call(file: c_int, transfer: &mut Transfer) -> Received {
    let flags = (transfer.flags | MSG_DONTWAIT as u32) as usize;
    if let (None, Vectors::One(vector), false) = (&transfer.message, &transfer.vectors, transfer.has(MSG_WAITALL)) {
        // SAFETY: the kernel checks the program's address.
        let res = unsafe {
            sys::call(
                libc::SYS_recvfrom,
                [sys::fd(file), vector.iov_base as usize, vector.iov_len, flags, 0, 0],
            )
        };
        let res = sys::number(res);
        return Received { res, flags: 0 };
    }
    let mut header = Header::new(transfer.vectors.rest());
    if let Some(message) = &mut transfer.message {
        if message.name != 0 {
            header.name = message.address.bytes.as_mut_ptr() as usize;
            header.name_len = message.address.bytes.len() as c_int;
        }
        (header.control, header.control_len) = (message.control, message.control_len);
    }
    let res = receive(file, &mut header, flags as u32);
    let res = match &transfer.message {
        Some(message) if res >= 0 => message.report(&header).map_or_else(|errno| errno, |()| res),
        _ => res,
    };
    Received {
        res,
        flags: header.flags,
    }
}

/// `recvmsg(2)`: bytes or -errno.
pub fn receive(file: c_int, header: &mut Header, flags: u32) -> i32 {
    // SAFETY: the header and what is ours in it are valid for the call; the kernel checks the program's addresses.
    let res = unsafe {
        sys::call(
            libc::SYS_recvmsg,
            [
                sys::fd(file),
                (&raw mut *header) as usize,
                (flags | MSG_DONTWAIT as u32) as usize,
            ],
        )
    };
    sys::number(res)
}

impl Message {
    /// Writes the sender's address and what else a receive reports into the program's `struct msghdr`.
    fn report(&self, header: &Header) -> Result<(), c_int> {
        if self.name != 0 {
            let room: c_int = user::read(self.header + offset_of!(Header, name_len) as u64)?;
            let room = usize::try_from(room).map_err(|_| -EINVAL)?;
            let len = header.name_len as usize;
            let bytes = self.address.bytes.get(..len.min(room)).unwrap_or(&self.address.bytes);
            user::write_bytes(self.name as u64, bytes)?;
            user::write(self.header + offset_of!(Header, name_len) as u64, &header.name_len)?;
        }
        user::write(
            self.header + offset_of!(Header, control_len) as u64,
            &header.control_len.to_ne_bytes(),
        )?;
        user::write(self.header + offset_of!(Header, flags) as u64, &header.flags)
    }
}

/// The events for which a receive waits.
pub fn events(transfer: &Transfer) -> u32 {
    let errors = (EPOLLPRI | EPOLLERR) as u32;
    if transfer.has(MSG_ERRQUEUE) {
        return errors;
    }
    errors | (EPOLLIN | EPOLLRDHUP) as u32
}

/// Whether there is more to receive after a receive of `res` bytes into `room` bytes, as far as the protocol tells; the
/// end of a TCP stream counts. `None` if the protocol doesn't tell.
pub fn more(file: c_int, transfer: &mut Transfer, res: i32, room: usize, ready: u32) -> Option<bool> {
    if res < 0 || transfer.has(MSG_ERRQUEUE) {
        return None;
    }
    let special = (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR) as u32;
    let kind = transfer.kind(file);
    if kind == Kind::Other {
        return None;
    }
    if kind == Kind::Tcp && transfer.has(MSG_OOB) {
        // The urgent byte still counts.
        return Some(true);
    }
    let short = res as usize != 0 && (res as usize) < room && !transfer.has(MSG_PEEK);
    if kind == Kind::Tcp && short && ready != 0 {
        // A TCP stream gives all that it has.
        return Some(ready & special != 0);
    }
    if kind == Kind::Tcp && res == 0 && room != 0 {
        return Some(true);
    }
    let queued = super::net::queued(file, libc::FIONREAD as usize).unwrap_or(0);
    Some(queued > 0 || kind == Kind::Tcp && has_ended(file))
}

/// Whether the other side of a connection sends no more.
fn has_ended(file: c_int) -> bool {
    let special = (EPOLLRDHUP | EPOLLHUP | EPOLLERR) as u32;
    sys::poll_now(file, EPOLLRDHUP as u32).is_ok_and(|found| found & special != 0)
}

/// Attempts with what is left of the vectors, until the socket would block.
fn attempt(request: &mut Request, ready: u32) -> Tried {
    let (file, watched) = (request.fd(), request.watched);
    let transfer = transfer(request);
    let all = transfer.has(MSG_WAITALL);
    loop {
        let room = transfer.vectors.len();
        let Received { res, flags } = call(file, transfer);
        if res == -EAGAIN && transfer.may_wait(ready, watched) {
            return Tried::Wait(events(transfer));
        }
        let parts = transfer.message.as_ref().is_none_or(|message| message.control_len == 0);
        if all && parts && res >= 0 && (res as usize) < room {
            if res > 0 && super::net::is_stream(file) {
                transfer.done += res as usize;
                transfer.vectors.advance(res as usize);
                if transfer.has(MSG_DONTWAIT) {
                    return Tried::Done(-EAGAIN);
                }
                continue;
            }
            request.short = true;
        } else if all && flags & (MSG_TRUNC | MSG_CTRUNC) as u32 != 0 {
            request.short = true;
        }
        return Tried::Done(res);
    }
}

/// Whether this is the first attempt and the program wants to wait first.
pub fn waits_first(request: &mut Request, ready: u32) -> bool {
    ready == 0 && request.key.is_none() && transfer(request).how & IORING_RECVSEND_POLL_FIRST != 0
}

/// Selects buffers, unless the request goes on with those that it has.
fn select(core: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if !request.has(IOSQE_BUFFER_SELECT) || request.selection != Selection::None {
        return Ok(());
    }
    let wanted = transfer(request).wanted;
    if transfer(request).how & IORING_RECVSEND_BUNDLE != 0 {
        let (buffers, _) = recv_multishot::select_bundle(core, request, wanted)?;
        transfer(request).vectors = buffers.into();
    } else {
        let vector = core.select(request, wanted)?;
        transfer(request).vectors = Vectors::One(vector);
    }
    Ok(())
}

fn start(core: &mut Core, request: Box<Request>) {
    ready(core, request, 0);
}

fn ready(core: &mut Core, mut request: Box<Request>, ready: u32) {
    if transfer(&mut request).how & IORING_RECV_MULTISHOT != 0 {
        return recv_multishot::run(core, request, ready);
    }
    if waits_first(&mut request, ready) {
        let transfer = transfer(&mut request);
        if transfer.has(MSG_DONTWAIT) {
            return core.complete(request, -EAGAIN);
        }
        let events = events(transfer);
        return core.wait_for_changes(request, events);
    }
    if let Err(errno) = select(core, &mut request) {
        let errno = super::net::refused(request.fd(), errno);
        return core.complete(request, errno);
    }
    let room = transfer(&mut request).vectors.len();
    match attempt(&mut request, ready) {
        Tried::Done(res) => {
            if res > 0 && res as usize == room && bundle_grows(core, &mut request, room) {
                return self::ready(core, request, ready);
            }
            let file = request.fd();
            let transfer = transfer(&mut request);
            // Each question costs a system call, so that the first one is whether there is anything at all.
            let told = ready & (EPOLLRDHUP | EPOLLPRI) as u32 != 0 || res == 0 || transfer.has(MSG_PEEK | MSG_OOB);
            let asks = res as usize == room || ready == 0;
            let anything = || sys::poll_now(file, (EPOLLIN | EPOLLRDHUP) as u32).is_ok_and(|found| found != 0);
            let hint = res >= 0 && (told || asks && anything());
            if hint && more(file, transfer, res, room, ready) == Some(true) {
                request.cflags |= IORING_CQE_F_SOCK_NONEMPTY;
            }
            put(core, &mut request, res);
            core.complete(request, res);
        }
        Tried::Wait(events) => {
            if transfer(&mut request).done != 0 {
                core.keep_buffers(&mut request);
            } else {
                core.recycle(&mut request);
            }
            core.wait_for_changes(request, events);
        }
        Tried::Block | Tried::Direct | Tried::Later(_) => unreachable!("a receive does none of these"),
    }
}

/// A bundle that is full is continued once with what is left to receive: one of a given length, if that was all that its
/// buffers hold, and one from a list.
fn bundle_grows(core: &mut Core, request: &mut Request, room: usize) -> bool {
    let file = request.fd();
    let selection = request.selection;
    let whole = core.selected_whole(request);
    let transfer = transfer(request);
    // A list gives one buffer at a time.
    let may = match selection {
        Selection::Listed { .. } => true,
        Selection::Peeked { .. } => whole && transfer.wanted == room,
        _ => false,
    };
    if !may || transfer.how & IORING_RECVSEND_BUNDLE == 0 || transfer.done != 0 {
        return false;
    }
    if !matches!(transfer.kind(file), Kind::Tcp | Kind::Unix) {
        return false;
    }
    let queued = super::net::queued(file, libc::FIONREAD as usize).unwrap_or(0);
    let count = groups::used(transfer.vectors.rest(), room);
    if queued <= 1 {
        return false;
    }
    transfer.done = room;
    transfer.wanted = queued as usize;
    let flags = core.put_buffers(request, room as i32, count);
    request.cflags |= flags;
    // Without further buffers it ends here.
    let grows = core.select_bundle(request, 0, 1).is_ok();
    core.recycle(request);
    if !grows {
        self::transfer(request).done = 0;
    }
    grows
}

/// Uses up or gives back the selected buffers.
fn put(core: &mut Core, request: &mut Request, res: i32) {
    if request.selection == Selection::None {
        return;
    }
    let transfer = transfer(request);
    let bytes = usize::try_from(res).unwrap_or(0);
    if bytes == 0 && (transfer.done == 0 || matches!(request.selection, Selection::Peeked { .. })) {
        return core.recycle(request);
    }
    let count = groups::used(self::transfer(request).vectors.rest(), bytes);
    let flags = core.put_buffers(request, bytes as i32, count);
    if request.cflags & IORING_CQE_F_BUFFER == 0 {
        request.cflags |= flags;
    }
}

/// What was received before an error or a cancellation counts.
fn finish(core: &mut Core, request: &mut Request, res: i32) -> i32 {
    put(core, request, res);
    let Data::Transfer(transfer) = &request.data else {
        return res;
    };
    let done = transfer.done as i32;
    if res > 0 {
        return res.saturating_add(done);
    }
    request.short |= done != 0 && res < 0;
    if done != 0 { done } else { res }
}
