//! `IORING_OP_MSG_RING`: completions and files for another ring.

use super::{Data, Def, Start, Tried};
use crate::context::{self, Context, Core, Work};
use crate::kept::{self, Kept};
use crate::request::Request;
use crate::{lock, sys, user};
use alloc::sync::Arc;
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::uapi::*;
use ironring_half::{Cqe, Posted};
use libc::{EBADF, EBADFD, EINVAL, EOVERFLOW};

user::plain!(io_uring_sqe);

pub const MESSAGE: Def = Def::new(prepare, Start::Try(attempt, block)).iopoll();

/// A message.
pub struct Message {
    /// `IORING_MSG_DATA` or `IORING_MSG_SEND_FD`.
    command: u64,
    flags: u32,
    /// The result and user data of the completion that the receiver gets.
    len: u32,
    user_data: u64,
    /// The sender's registered file, and the receiver's slot or the completion's flags.
    source: u64,
    target: u32,
    /// The sender's file, once it was looked up.
    file: Option<Arc<Kept>>,
}

fn read(request: &Request) -> Result<Message, c_int> {
    let flags = request.op_flags();
    if request.buf_index() != 0 || request.sqe.personality != 0 {
        return Err(-EINVAL);
    }
    if flags & !(IORING_MSG_RING_CQE_SKIP | IORING_MSG_RING_FLAGS_PASS) != 0 {
        return Err(-EINVAL);
    }
    Ok(Message {
        command: request.addr(),
        flags,
        len: request.len(),
        user_data: request.off(),
        source: request.addr3(),
        target: request.file_index(),
        file: None,
    })
}

fn prepare(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    request.data = Data::Message(read(request)?);
    Ok(())
}

/// The receiver: the ring of a descriptor.
fn receiver(fd: c_int) -> Result<&'static Context, c_int> {
    sys::fcntl(fd, libc::F_GETFD, 0).map_err(|_| -EBADF)?;
    if !kept::is_anonymous(fd) {
        return Err(-EBADFD);
    }
    context::forget_closed(fd);
    context::by_duplicate(fd).ok_or(-EBADFD)
}

/// The request's message.
fn message(request: &mut Request) -> &mut Message {
    match &mut request.data {
        Data::Message(message) => message,
        _ => unreachable!("it was prepared"),
    }
}

fn attempt(core: &mut Core, request: &mut Request, _: u32) -> Tried {
    let to = match receiver(request.fd()) {
        Ok(to) => to,
        Err(errno) => return Tried::Done(errno),
    };
    let own = core::ptr::eq(to, core.context);
    let message = message(request);
    if message.command as i32 == IORING_MSG_SEND_FD {
        if message.len != 0 || own {
            return Tried::Done(-EINVAL);
        }
        message.file = core.registered.files.get(message.source as u32);
    }
    if own {
        return Tried::Done(message.deliver(core));
    }
    // Two rings may send to each other, so this one waits for the other's lock only where it has none: in a worker.
    match to.try_lock() {
        Some(mut to) => Tried::Done(message.deliver(&mut to)),
        None => Tried::Block,
    }
}

fn block(request: &mut Request) -> i32 {
    let to = match receiver(request.fd()) {
        Ok(to) => to.lock(),
        Err(errno) => return errno,
    };
    to.map_or(-EBADFD, |mut to| message(request).deliver(&mut to))
}

impl Message {
    /// Gives the message to the receiver, which is locked; the sender's result.
    fn deliver(&self, to: &mut Core) -> i32 {
        let done = match self.command as i32 {
            IORING_MSG_DATA => self.deliver_data(to),
            IORING_MSG_SEND_FD => self.deliver_file(to),
            _ => Err(-EINVAL),
        };
        done.unwrap_or_else(|errno| errno)
    }

    fn deliver_data(&self, to: &mut Core) -> Result<c_int, c_int> {
        let pass = self.flags & IORING_MSG_RING_FLAGS_PASS != 0;
        if self.source != 0 || self.flags & !IORING_MSG_RING_FLAGS_PASS != 0 || !pass && self.target != 0 {
            return Err(-EINVAL);
        }
        if to.queues().disabled {
            return Err(-EBADFD);
        }
        let flags = if pass { self.target } else { 0 };
        self.post(to, self.len as i32, flags)
    }

    fn deliver_file(&self, to: &mut Core) -> Result<c_int, c_int> {
        if to.queues().disabled {
            return Err(-EBADFD);
        }
        let file = self.file.as_ref().ok_or(-EBADF)?;
        let index = to.install(Kept::of(file)?, self.target)?;
        if self.flags & IORING_MSG_RING_CQE_SKIP == 0 {
            self.post(to, index, 0)?;
        }
        Ok(index)
    }

    fn post(&self, to: &mut Core, res: i32, flags: u32) -> Result<c_int, c_int> {
        let cqe = Cqe {
            user_data: self.user_data,
            res,
            flags,
            big: [0; 2],
        };
        // What waits for the owner is known only in its process.
        let here = to.queues().owner >> 32 == u64::from(lock::pid());
        if to.has(IORING_SETUP_DEFER_TASKRUN) && !to.has(IORING_SETUP_IOPOLL) && here {
            to.later(Work::Post(cqe));
            return Ok(0);
        }
        // Timeouts that come behind it in a submission to the same ring don't count it.
        match to.post_first(&cqe) {
            Posted::Lost => Err(-EOVERFLOW),
            Posted::Filled | Posted::Overflowed => Ok(0),
        }
    }
}

/// `IORING_REGISTER_SEND_MSG_RING`: a message without a sending ring.
pub fn send(arg: u64, nr: c_uint) -> Result<c_int, c_int> {
    if arg == 0 || nr != 1 {
        return Err(-EINVAL);
    }
    let sqe: io_uring_sqe = user::read(arg)?;
    if sqe.flags != 0 || i32::from(sqe.opcode) != IORING_OP_MSG_RING {
        return Err(-EINVAL);
    }
    let message = read(&Request::new(sqe))?;
    if message.command as i32 != IORING_MSG_DATA {
        return Err(-EINVAL);
    }
    let mut to = receiver(sqe.fd)?.lock().ok_or(-EBADFD)?;
    message.deliver_data(&mut to)
}

/// Whether a message without a sending ring is for one of the engine's rings.
pub fn is_for_engine(arg: u64) -> bool {
    user::read::<io_uring_sqe>(arg).is_ok_and(|sqe| receiver(sqe.fd).is_ok())
}
