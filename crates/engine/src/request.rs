//! A request, from the SQE to the CQE.

use crate::credentials::{self, Credentials};
use crate::kept::{self, Kept};
use crate::ops::{self, Data, Def};
use crate::registered::buffers::Buffer;
use crate::registered::groups::Selection;
use crate::slab::Key;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::uapi::*;

/// The file that a request works on.
#[derive(Debug)]
pub enum File {
    /// None, or not yet looked up.
    None,
    /// A descriptor of the program, which may close it as soon as the submitting call returns.
    Program(c_int),
    /// A descriptor of the engine: a registered file, or a duplicate of the program's.
    Kept(Arc<Kept>),
}

/// The `IORING_OP_LINK_TIMEOUT` that limits a request.
pub enum Limit {
    None,
    /// It starts when the request is found not to complete at once.
    Waiting(Box<Request>),
    /// It runs.
    Armed(Key),
}

/// What happens after a request in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Not part of a chain, or its last request.
    Nothing,
    /// The next request starts if this one succeeds.
    Link,
    /// The next request starts in any case.
    HardLink,
}

pub struct Request {
    /// A copy: the program reuses the slot.
    pub sqe: io_uring_sqe,
    pub file: File,
    /// The place in the slab, once the request has been parked or given to a worker.
    pub key: Option<Key>,
    /// The rest of the chain.
    pub link: Option<Box<Request>>,
    pub limit: Limit,
    /// Refused while it was prepared.
    pub refused: Option<c_int>,
    /// It succeeded in part, so that the chain ends with it.
    pub short: bool,
    /// Its error counts as success.
    pub forgiven: bool,
    /// It waits for all requests before it.
    pub drain: bool,
    /// No completion is posted, because the head of a failed chain asked for none.
    pub silent: bool,
    /// It was canceled, and completes as soon as what is being done is over.
    pub canceled: bool,
    /// A worker has had it for `IOSQE_ASYNC`, although it never blocks: its completion comes after the submission.
    pub bounced: bool,
    /// Its file is registered with the driver.
    pub watched: bool,
    /// The registered buffer that it uses.
    pub buffer: Option<Arc<Buffer>>,
    /// A worker waits for these events of its file, because the driver can't.
    pub polling: u32,
    /// A second completion follows, with this result: a zero-copy send is done with its memory.
    pub notification: Option<i32>,
    /// The provided buffers that it has selected.
    pub selection: Selection,
    /// Those of the submitter if it may start later, or a personality's.
    pub credentials: Option<Arc<Credentials>>,
    /// The completion's flags.
    pub cflags: u32,
    /// The second half of a completion of 32 bytes.
    pub big: [u64; 2],
    /// What the operation remembers.
    pub data: Data,
}

// SAFETY: the pointers in it are addresses in the program's memory, which all threads share.
unsafe impl Send for Request {}

impl Request {
    pub fn new(sqe: io_uring_sqe) -> Request {
        Request {
            sqe,
            file: File::None,
            key: None,
            link: None,
            limit: Limit::None,
            refused: None,
            short: false,
            forgiven: false,
            drain: false,
            silent: false,
            canceled: false,
            bounced: false,
            watched: false,
            credentials: None,
            buffer: None,
            polling: 0,
            notification: None,
            selection: Selection::None,
            cflags: 0,
            big: [0; 2],
            data: Data::None,
        }
    }

    pub fn def(&self) -> &'static Def {
        ops::def(self.sqe.opcode)
    }

    pub fn user_data(&self) -> u64 {
        self.sqe.user_data
    }

    /// Takes note of the submitter's credentials, because another thread may start the request.
    pub fn keep_credentials(&mut self) {
        if self.def().credentials && self.credentials.is_none() {
            self.credentials = Some(credentials::current());
        }
    }

    /// Whether an `IOSQE_` bit is set.
    pub fn has(&self, bit: u32) -> bool {
        // `IOSQE_` flags are numbers of an enum in C, shifted into bits.
        u32::from(self.sqe.flags) & bit != 0
    }

    pub fn after(&self) -> After {
        if self.has(IOSQE_IO_HARDLINK) {
            After::HardLink
        } else if self.has(IOSQE_IO_LINK) {
            After::Link
        } else {
            After::Nothing
        }
    }

    /// The number of the descriptor that system calls use.
    pub fn fd(&self) -> c_int {
        match &self.file {
            File::None => -1,
            File::Program(file) => *file,
            File::Kept(file) => file.fd(),
        }
    }

    /// Keeps the file open: the program may close it as soon as the submitting call returns.
    pub fn keep_file(&mut self) -> Result<(), c_int> {
        if let File::Program(file) = self.file {
            match Kept::new(file) {
                Ok(kept) => self.file = File::Kept(Arc::new(kept)),
                Err(errno) if kept::is_short(errno) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// The number of requests in the chain that begins here.
    pub fn chain_len(&self) -> u32 {
        let mut len = 0;
        let mut next = Some(self);
        while let Some(request) = next {
            len += 1 + u32::from(!matches!(request.limit, Limit::None));
            next = request.link.as_deref();
        }
        len
    }

    /// Appends to the chain.
    pub fn append(&mut self, next: Box<Request>) {
        let mut last = &mut self.link;
        while let Some(request) = last {
            last = &mut request.link;
        }
        *last = Some(next);
    }

    /// The last request of the chain.
    pub fn last(&mut self) -> &mut Request {
        let mut last = self;
        while last.link.is_some() {
            last = last.link.as_mut().expect("it is some");
        }
        last
    }

    // The fields of the entry, by the names of `struct io_uring_sqe`. All of them are integers at fixed places.

    pub fn off(&self) -> u64 {
        // SAFETY: every pattern of bytes is an integer.
        unsafe { self.sqe.anon_off.off }
    }

    pub fn addr(&self) -> u64 {
        // SAFETY: as above.
        unsafe { self.sqe.anon_addr.addr }
    }

    pub fn addr3(&self) -> u64 {
        // SAFETY: as above.
        unsafe { self.sqe.anon_tail.anon_addr3.addr3 }
    }

    pub fn pad2(&self) -> u64 {
        // SAFETY: as above.
        unsafe { self.sqe.anon_tail.anon_addr3.__pad2[0] }
    }

    pub fn len(&self) -> u32 {
        self.sqe.len
    }

    /// The flags of the operation: `rw_flags`, `msg_flags`, `timeout_flags`, …
    pub fn op_flags(&self) -> c_uint {
        // SAFETY: as above.
        unsafe { self.sqe.anon_flags.fsync_flags }
    }

    pub fn buf_index(&self) -> u16 {
        // SAFETY: as above.
        unsafe { self.sqe.anon_buf.buf_index }
    }

    /// `file_index`, `splice_fd_in` and `optlen`.
    pub fn file_index(&self) -> u32 {
        // SAFETY: as above.
        unsafe { self.sqe.anon_file.file_index }
    }
}

/// Memory of requests that have completed, for the next ones.
#[derive(Default)]
#[allow(clippy::vec_box, reason = "the boxes are given away and come back")]
pub struct Spare(Vec<Box<MaybeUninit<Request>>>);

impl Spare {
    /// As many are kept.
    const MOST: usize = 64;

    /// A new request.
    pub fn make(&mut self, sqe: io_uring_sqe) -> Box<Request> {
        let Some(mut memory) = self.0.pop() else {
            return Box::new(Request::new(sqe));
        };
        memory.write(Request::new(sqe));
        // SAFETY: it has just been written.
        unsafe { memory.assume_init() }
    }

    /// Drops a request, and keeps its memory.
    pub fn keep(&mut self, request: Box<Request>) {
        if self.0.len() == Self::MOST {
            return;
        }
        let memory = Box::into_raw(request);
        // SAFETY: the box was valid, and its memory goes on as memory without a value.
        let memory = unsafe {
            memory.drop_in_place();
            Box::from_raw(memory.cast::<MaybeUninit<Request>>())
        };
        self.0.push(memory);
    }
}

/// Without it a long chain would be dropped by recursion, on a caller's stack that may be small.
impl Drop for Request {
    fn drop(&mut self) {
        let mut rest = self.link.take();
        while let Some(mut request) = rest {
            rest = request.link.take();
        }
    }
}
