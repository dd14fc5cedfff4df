//! The operations: what each needs and how it runs.

pub mod accept;
pub mod cached;
pub mod cancel;
pub mod command;
pub mod descriptors;
pub mod epoll;
pub mod futex;
pub mod message;
pub mod net;
pub mod nop;
mod older;
pub mod open;
pub mod path;
pub mod poll;
pub mod provide;
pub mod recv;
pub mod recv_multishot;
pub mod rw;
pub mod rw_multi;
pub mod send;
pub mod socket;
pub mod splice;
pub mod sync;
pub mod timeout;
pub mod vectors;
pub mod waitid;
pub mod xattr;

use crate::context::Core;
use crate::request::Request;
use crate::sys;
use alloc::boxed::Box;
use alloc::vec::Vec;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::EINVAL;

/// The outcome of an attempt that does not block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is done, with this result.
    Done(i32),
    /// It is done, with this result, which is told when the submission is over.
    Later(i32),
    /// It would block until the file has one of these events (`EPOLLIN`, `EPOLLOUT`, …).
    Wait(u32),
    /// It would block in another way: a worker does it.
    Block,
    /// It goes to a disk itself, or else a worker does it.
    Direct,
}

/// How an operation runs.
#[derive(Clone, Copy)]
pub enum Start {
    /// At once: it never blocks.
    Now(fn(&mut Core, &mut Request) -> i32),
    /// Attempted without blocking (with the file's events, 0 the first time); then it waits for the file, or a worker
    /// runs the second function, which may block.
    Try(fn(&mut Core, &mut Request, u32) -> Tried, fn(&mut Request) -> i32),
    /// By a worker: system calls that block for a time that nobody knows.
    Work(fn(&mut Request) -> i32),
    /// The operation completes or [holds](Core::hold) the request itself.
    Park(fn(&mut Core, Box<Request>)),
}

/// A step before a request starts, which may refuse it.
pub type Check = fn(&mut Core, &mut Request) -> Result<(), c_int>;

/// What the engine knows of an operation. It is offered by a probe exactly if it is in the table.
#[derive(Clone, Copy)]
pub struct Def {
    /// It works on `sqe->fd`.
    pub file: bool,
    /// An error breaks a chain.
    pub breaks: bool,
    /// `IOSQE_BUFFER_SELECT` is allowed.
    pub select: bool,
    /// `sqe->ioprio` may be set.
    pub ioprio: bool,
    /// It is allowed on a ring with `IORING_SETUP_IOPOLL`.
    pub iopoll: bool,
    /// It is done with the credentials, the working directory and the file mode mask of the submitter.
    pub credentials: bool,
    /// Checks the entry and copies what the program may change afterwards. An error refuses the entry.
    pub prepare: Check,
    /// Resolves what the request needs of the ring, before it starts.
    pub import: Option<Check>,
    pub start: Start,
    /// Turns the result of the system call into the completion's, with the ring locked.
    pub finish: Option<fn(&mut Core, &mut Request, i32) -> i32>,
    /// The watched file has events; without it the attempt is made again.
    pub ready: Option<fn(&mut Core, Box<Request>, u32)>,
    /// An event of the operation's own has come.
    pub event: Option<fn(&mut Core, Box<Request>, i32)>,
    /// Undoes what the operation has arranged for a parked request, which is canceled; false if its event has come before.
    pub undo: Option<fn(&mut Core, &mut Request) -> bool>,
}

impl Def {
    /// An operation on a file, with the usual properties.
    pub const fn new(prepare: Check, start: Start) -> Def {
        Def {
            file: true,
            breaks: true,
            select: false,
            ioprio: false,
            iopoll: false,
            credentials: false,
            prepare,
            import: None,
            start,
            finish: None,
            ready: None,
            event: None,
            undo: None,
        }
    }

    /// It does not work on `sqe->fd`.
    pub const fn without_file(mut self) -> Def {
        self.file = false;
        self
    }

    /// An error does not break a chain.
    pub const fn tolerant(mut self) -> Def {
        self.breaks = false;
        self
    }

    pub const fn select(mut self) -> Def {
        self.select = true;
        self
    }

    pub const fn ioprio(mut self) -> Def {
        self.ioprio = true;
        self
    }

    pub const fn iopoll(mut self) -> Def {
        self.iopoll = true;
        self
    }

    pub const fn credentials(mut self) -> Def {
        self.credentials = true;
        self
    }

    pub const fn import(mut self, import: Check) -> Def {
        self.import = Some(import);
        self
    }

    pub const fn finish(mut self, finish: fn(&mut Core, &mut Request, i32) -> i32) -> Def {
        self.finish = Some(finish);
        self
    }

    pub const fn ready(mut self, ready: fn(&mut Core, Box<Request>, u32)) -> Def {
        self.ready = Some(ready);
        self
    }

    pub const fn event(mut self, event: fn(&mut Core, Box<Request>, i32)) -> Def {
        self.event = Some(event);
        self
    }

    pub const fn undo(mut self, undo: fn(&mut Core, &mut Request) -> bool) -> Def {
        self.undo = Some(undo);
        self
    }

    /// Whether the operation can wait for the request's file, so that no worker is needed.
    pub fn pollable(&self, request: &Request) -> bool {
        self.file && !sys::is_storage(request.fd())
    }
}

/// What operations remember between the preparation and the completion.
#[derive(Default)]
pub enum Data {
    #[default]
    None,
    Timeout(timeout::Timeout),
    /// Copies of paths and other strings, with their terminating zeros.
    Paths([Vec<u8>; 2]),
    Rw(rw::Rw),
    Poll(poll::Poll),
    Open(open::Open),
    Splice(splice::Splice),
    Xattr(xattr::Xattr),
    Message(message::Message),
    Futex(futex::Futex),
    WaitId(waitid::WaitId),
    PollUpdate(poll::Update),
    TimeoutUpdate(timeout::Update),
    Transfer(net::Transfer),
    Accept(accept::Accept),
    Target(Box<socket::Target>),
    Epoll(libc::epoll_event),
}

fn refuse(_: &mut Core, _: &mut Request) -> Result<(), c_int> {
    Err(-EINVAL)
}

fn unknown(_: &mut Core, _: &mut Request) -> i32 {
    -EINVAL
}

/// An operation that the engine does not have.
static UNKNOWN: Def = Def::new(refuse, Start::Now(unknown)).without_file().ioprio();

/// The operation with this number.
pub fn def(opcode: u8) -> &'static Def {
    TABLE
        .get(usize::from(opcode))
        .and_then(Option::as_ref)
        .unwrap_or(&UNKNOWN)
}

/// Whether the engine has an operation here.
pub fn has(opcode: u8) -> bool {
    let known = TABLE.get(usize::from(opcode)).is_some_and(Option::is_some);
    // It needs a system call that older kernels do not have.
    known && (i32::from(opcode) != IORING_OP_FUTEX_WAITV || crate::futex::has_vectors())
}

/// Builds the table from pairs of an operation's number and what is known of it.
macro_rules! table {
    ($($opcode:ident: $def:expr),* $(,)?) => {{
        let mut table: [Option<Def>; IORING_OP_LAST as usize] = [const { None }; IORING_OP_LAST as usize];
        $(table[$opcode as usize] = Some($def);)*
        table
    }};
}

static TABLE: [Option<Def>; IORING_OP_LAST as usize] = table! {
    IORING_OP_NOP: nop::NOP,
    IORING_OP_NOP128: nop::NOP,
    IORING_OP_READV: rw::READV,
    IORING_OP_WRITEV: rw::WRITEV,
    IORING_OP_READ: rw::READ,
    IORING_OP_WRITE: rw::WRITE,
    IORING_OP_PROVIDE_BUFFERS: provide::PROVIDE,
    IORING_OP_REMOVE_BUFFERS: provide::REMOVE,
    IORING_OP_FUTEX_WAIT: futex::WAIT,
    IORING_OP_FUTEX_WAITV: futex::WAITV,
    IORING_OP_FUTEX_WAKE: futex::WAKE,
    IORING_OP_WAITID: waitid::WAITID,
    IORING_OP_MSG_RING: message::MESSAGE,
    IORING_OP_READ_FIXED: rw::READ_FIXED,
    IORING_OP_WRITE_FIXED: rw::WRITE_FIXED,
    IORING_OP_READV_FIXED: rw::READV_FIXED,
    IORING_OP_WRITEV_FIXED: rw::WRITEV_FIXED,
    IORING_OP_READ_MULTISHOT: rw_multi::READ,
    IORING_OP_FSYNC: sync::FSYNC,
    IORING_OP_SYNC_FILE_RANGE: sync::SYNC_FILE_RANGE,
    IORING_OP_FALLOCATE: sync::FALLOCATE,
    IORING_OP_FTRUNCATE: sync::FTRUNCATE,
    IORING_OP_FADVISE: sync::FADVISE,
    IORING_OP_MADVISE: sync::MADVISE,
    IORING_OP_POLL_ADD: poll::ADD,
    IORING_OP_POLL_REMOVE: poll::REMOVE,
    IORING_OP_SEND: send::SEND,
    IORING_OP_SENDMSG: send::SENDMSG,
    IORING_OP_SEND_ZC: send::SEND_ZC,
    IORING_OP_SENDMSG_ZC: send::SENDMSG_ZC,
    IORING_OP_RECV: recv::RECV,
    IORING_OP_RECVMSG: recv::RECVMSG,
    IORING_OP_ACCEPT: accept::ACCEPT,
    IORING_OP_CONNECT: socket::CONNECT,
    IORING_OP_SOCKET: socket::SOCKET,
    IORING_OP_BIND: socket::BIND,
    IORING_OP_LISTEN: socket::LISTEN,
    IORING_OP_SHUTDOWN: socket::SHUTDOWN,
    IORING_OP_URING_CMD: command::URING_CMD,
    IORING_OP_URING_CMD128: command::URING_CMD,
    IORING_OP_EPOLL_CTL: epoll::CTL,
    IORING_OP_EPOLL_WAIT: epoll::WAIT,
    IORING_OP_TIMEOUT: timeout::TIMEOUT,
    IORING_OP_TIMEOUT_REMOVE: timeout::REMOVE,
    IORING_OP_ASYNC_CANCEL: cancel::CANCEL,
    IORING_OP_LINK_TIMEOUT: timeout::LINK,
    IORING_OP_OPENAT: open::OPENAT,
    IORING_OP_OPENAT2: open::OPENAT2,
    IORING_OP_CLOSE: open::CLOSE,
    IORING_OP_FILES_UPDATE: descriptors::UPDATE,
    IORING_OP_FIXED_FD_INSTALL: descriptors::INSTALL,
    IORING_OP_PIPE: descriptors::PIPE,
    IORING_OP_STATX: path::STATX,
    IORING_OP_RENAMEAT: path::RENAMEAT,
    IORING_OP_UNLINKAT: path::UNLINKAT,
    IORING_OP_MKDIRAT: path::MKDIRAT,
    IORING_OP_SYMLINKAT: path::SYMLINKAT,
    IORING_OP_LINKAT: path::LINKAT,
    IORING_OP_FGETXATTR: xattr::FGETXATTR,
    IORING_OP_GETXATTR: xattr::GETXATTR,
    IORING_OP_FSETXATTR: xattr::FSETXATTR,
    IORING_OP_SETXATTR: xattr::SETXATTR,
    IORING_OP_SPLICE: splice::SPLICE,
    IORING_OP_TEE: splice::TEE,
};
