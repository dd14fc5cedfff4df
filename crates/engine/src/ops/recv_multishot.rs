//! Receives that go on after their first completion, and bundles.

use super::net::{ADDRESS, Header, Message};
use super::recv::{events, more, receive, transfer, waits_first};
use super::vectors::Vectors;
use crate::context::Core;
use crate::registered::groups;
use crate::request::Request;
use crate::user;
use alloc::boxed::Box;
use alloc::vec::Vec;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{EAGAIN, EFAULT, EINVAL, EOVERFLOW, EPOLLERR, EPOLLET, EPOLLHUP, EPOLLPRI, EPOLLRDHUP, MSG_DONTWAIT, iovec};

user::plain!(io_uring_recvmsg_out);

/// So many receives in a row are made before others get their turn.
const IN_A_ROW: u32 = 32;
/// Events that come once, after which there may be more to receive than the socket counts.
const ENDS: u32 = (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI) as u32;
const HEADER: usize = size_of::<io_uring_recvmsg_out>();

/// Checks that the space that a message reserves has a size.
pub fn check(message: &Message) -> Result<(), c_int> {
    let name = usize::try_from(message.name_len).map_err(|_| -EOVERFLOW)?;
    let total = message.control_len.checked_add(name + HEADER).ok_or(-EOVERFLOW)?;
    c_int::try_from(total).map(drop).map_err(|_| -EOVERFLOW)
}

/// Selects the buffers of a bundle: for `wanted` bytes, or if that is 0 for what has arrived. The second value is the
/// number of bytes that decided; 0 if it was only the number of buffers.
pub fn select_bundle(core: &mut Core, request: &mut Request, wanted: usize) -> Result<(Vec<iovec>, usize), c_int> {
    let file = request.fd();
    let transfer = transfer(request);
    let mut most = wanted;
    let mut count = usize::MAX;
    if most == 0 {
        let known = transfer.kind(file) != super::net::Kind::Other;
        let arrived = if known {
            super::net::queued(file, libc::FIONREAD as usize).unwrap_or(0)
        } else {
            0
        };
        most = arrived as usize;
        if arrived == 0 {
            count = 1;
        }
    }
    if let Some(limit) = transfer.limit {
        most = if most == 0 { limit } else { most.min(limit) };
    }
    core.select_bundle(request, most, count).map(|buffers| (buffers, most))
}

/// The receive that follows.
struct Shot {
    /// Bytes that a buffer has for data.
    room: usize,
    /// The buffers of the data.
    vectors: Vectors,
    /// The start of a buffer with a message.
    start: usize,
    /// Bytes that decided how many buffers a bundle has.
    most: usize,
}

fn select(core: &mut Core, request: &mut Request) -> Result<Shot, c_int> {
    let transfer = transfer(request);
    let wanted = transfer.wanted;
    let bundle = transfer.how & IORING_RECVSEND_BUNDLE != 0;
    let overhead = transfer
        .message
        .as_ref()
        .map(|message| HEADER + message.name_len as usize + message.control_len);
    let (vectors, most) = if bundle {
        let (buffers, most) = select_bundle(core, request, wanted)?;
        (buffers.into(), most)
    } else {
        (Vectors::One(core.select(request, wanted)?), 0)
    };
    let mut shot = Shot {
        room: vectors.len(),
        vectors,
        start: 0,
        most,
    };
    if let (Some(overhead), Vectors::One(vector)) = (overhead, &mut shot.vectors) {
        shot.start = vector.iov_base as usize;
        if vector.iov_len < overhead {
            core.recycle(request);
            return Err(-EFAULT);
        }
        vector.iov_base = vector.iov_base.cast::<u8>().wrapping_add(overhead).cast();
        vector.iov_len -= overhead;
        shot.room = vector.iov_len;
    }
    Ok(shot)
}

/// Receives a message with its header: the completion's result, and the bytes of data.
fn receive_message(request: &mut Request, shot: &Shot) -> (i32, i32) {
    let file = request.fd();
    let transfer = transfer(request);
    let flags = transfer.flags;
    let Some(message) = &mut transfer.message else {
        return (-EINVAL, -EINVAL);
    };
    let name_room = message.name_len as usize;
    let mut header = Header::new(shot.vectors.rest());
    if name_room != 0 {
        header.name = message.address.bytes.as_mut_ptr() as usize;
        header.name_len = ADDRESS as c_int;
    }
    if message.control_len != 0 {
        header.control = shot.start + HEADER + name_room;
        header.control_len = message.control_len;
    }
    let res = receive(file, &mut header, flags);
    if res < 0 {
        return (res, res);
    }
    let out = io_uring_recvmsg_out {
        namelen: header.name_len as u32,
        controllen: header.control_len as u32,
        payloadlen: res as u32,
        flags: header.flags,
    };
    let name_len = (header.name_len as usize).min(name_room);
    let name = message.address.bytes.get(..name_len).unwrap_or(&message.address.bytes);
    let written =
        user::write(shot.start as u64, &out).and_then(|()| user::write_bytes((shot.start + HEADER) as u64, name));
    if written.is_err() {
        return (-EFAULT, -EFAULT);
    }
    let kept = (res as usize).min(shot.room);
    ((HEADER + name_room + message.control_len + kept) as i32, res)
}

/// Receives without a message.
fn receive_data(request: &mut Request, shot: &Shot) -> i32 {
    let file = request.fd();
    let flags = transfer(request).flags;
    let mut header = Header::new(shot.vectors.rest());
    receive(file, &mut header, flags)
}

/// Receives until nothing is left.
pub fn run(core: &mut Core, mut request: Box<Request>, ready: u32) {
    if waits_first(&mut request, ready) {
        if transfer(&mut request).has(MSG_DONTWAIT) {
            return core.complete(request, -EAGAIN);
        }
        return park(core, request);
    }
    let file = request.fd();
    for _ in 0..IN_A_ROW {
        let shot = match select(core, &mut request) {
            Ok(shot) => shot,
            Err(errno) => return core.complete(request, errno),
        };
        let message = transfer(&mut request).message.is_some();
        let (res, bytes) = if message {
            receive_message(&mut request, &shot)
        } else {
            let res = receive_data(&mut request, &shot);
            (res, res)
        };
        if bytes == -EAGAIN && !transfer(&mut request).has(MSG_DONTWAIT) {
            core.recycle(&mut request);
            return park(core, request);
        }
        let mut flags = 0;
        let rest = more(file, transfer(&mut request), bytes, shot.room, ready);
        if rest == Some(true) {
            flags |= IORING_CQE_F_SOCK_NONEMPTY;
        }
        if res > 0 {
            let count = groups::used(shot.vectors.rest(), bytes as usize);
            flags |= core.put_buffers(&mut request, res, count);
        } else {
            core.recycle(&mut request);
        }
        let mut last = bytes <= 0;
        if let (Some(limit), true) = (&mut transfer(&mut request).limit, bytes > 0) {
            *limit = limit.saturating_sub(bytes as usize);
            last |= *limit == 0;
        }
        if !last && transfer(&mut request).how & IORING_RECVSEND_BUNDLE != 0 {
            // A bundle is the last one if it took the last buffer for want of more, or before it knew how much it needs.
            let one = transfer(&mut request).wanted == 0 && shot.vectors.rest().len() == 1;
            if one || bytes as usize != shot.most {
                last = core.select_bundle(&mut request, 0, 1).is_err();
                core.recycle(&mut request);
            }
        }
        if last || !core.post_more(&request, res, flags) {
            request.cflags |= flags;
            return core.complete(request, res);
        }
        // The end of the stream is reported once, maybe together with the data before it.
        if rest == Some(false) && ready & ENDS == 0 {
            return park(core, request);
        }
        let wanted = transfer(&mut request).wanted;
        if wanted != 0 && bytes as usize >= wanted && transfer(&mut request).how & IORING_RECVSEND_BUNDLE != 0 {
            break;
        }
    }
    // Others come first: the driver reports the socket again if there is still something.
    let events = events(transfer(&mut request));
    core.wait(request, events | EPOLLET as u32);
}

/// Waits for the next change.
fn park(core: &mut Core, mut request: Box<Request>) {
    let events = events(transfer(&mut request));
    core.wait_for_changes(request, events);
}
