//! The program's side of a model.

use super::kernel;
use crate::context::{self, Context};
use crate::{enter, heap, register, setup};
use ironring_abi::barrier::{
    io_uring_smp_load_acquire, io_uring_smp_mb, io_uring_smp_store_release, read_entry, read_once, write_entry,
};
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use ironring_half::Cqe;
use std::mem::zeroed;

/// A ring of the engine.
#[derive(Clone, Copy)]
pub struct Ring {
    pub context: &'static Context,
    pub fd: c_int,
    half: ironring_half::Ring,
}

/// An entry without any flags.
pub fn entry(opcode: c_int, user_data: u64) -> io_uring_sqe {
    // SAFETY: all zeroes is a valid entry.
    let mut sqe: io_uring_sqe = unsafe { zeroed() };
    sqe.opcode = opcode as u8;
    sqe.user_data = user_data;
    sqe.fd = -1;
    sqe
}

/// An entry that waits until a file is readable.
pub fn poll(fd: c_int, user_data: u64) -> io_uring_sqe {
    let mut sqe = entry(IORING_OP_POLL_ADD, user_data);
    sqe.fd = fd;
    sqe.anon_flags.poll32_events = libc::POLLIN as u32;
    sqe
}

/// An entry of a timeout of some nanoseconds.
pub fn timeout(opcode: c_int, nanoseconds: u64, user_data: u64) -> io_uring_sqe {
    let mut sqe = entry(opcode, user_data);
    sqe.anon_addr.addr = nanoseconds;
    sqe.len = 1;
    sqe.anon_flags.timeout_flags = IORING_TIMEOUT_IMMEDIATE_ARG;
    sqe
}

/// An entry that waits for a futex as long as it is 0.
pub fn futex(address: usize, user_data: u64) -> io_uring_sqe {
    let mut sqe = entry(IORING_OP_FUTEX_WAIT, user_data);
    // `FUTEX2_SIZE_U32` and `FUTEX2_PRIVATE`.
    sqe.fd = 2 | 128;
    sqe.anon_addr.addr = address as u64;
    sqe.anon_tail.anon_addr3.addr3 = u32::MAX.into();
    sqe
}

/// An entry that waits for futexes as long as they are 0.
pub fn futexes(addresses: &[usize], user_data: u64) -> io_uring_sqe {
    let flags = 2 | 128;
    let words: Vec<[u64; 3]> = addresses.iter().map(|address| [0, *address as u64, flags]).collect();
    let mut sqe = entry(IORING_OP_FUTEX_WAITV, user_data);
    sqe.anon_addr.addr = words.leak().as_ptr() as u64;
    sqe.len = addresses.len() as u32;
    sqe.fd = 0;
    sqe
}

/// An entry that cancels another by its user data.
pub fn cancel(target: u64, user_data: u64) -> io_uring_sqe {
    let mut sqe = entry(IORING_OP_ASYNC_CANCEL, user_data);
    sqe.anon_addr.addr = target;
    sqe
}

impl Ring {
    pub fn new(sq_entries: u32, cq_entries: u32, flags: u32) -> Ring {
        // SAFETY: all zeroes is a valid value.
        let mut p: io_uring_params = unsafe { zeroed() };
        p.flags = flags | IORING_SETUP_NO_SQARRAY | IORING_SETUP_CQSIZE;
        p.cq_entries = cq_entries;
        p.sq_thread_idle = 1;
        assert!(heap::has_room());
        let fd = setup::setup(sq_entries, &raw mut p);
        let context = context::by_fd(fd).expect("the ring was created");
        let half = context.lock().expect("the ring is open").inner.half;
        Ring { context, fd, half }
    }

    /// The ring after its queues were replaced.
    pub fn again(self) -> Ring {
        let half = self.context.lock().expect("the ring is open").inner.half;
        Ring { half, ..self }
    }

    /// Queues an entry; one is free.
    pub fn queue(self, sqe: io_uring_sqe) {
        let half = self.half;
        let [head, tail, _] = half.sq_words();
        // SAFETY: words and a free slot of the ring, whose only submitter this is.
        unsafe {
            let at = read_once(tail);
            assert!(at.wrapping_sub(io_uring_smp_load_acquire(head)) < half.sq_entries());
            write_entry(half.sqe(at & (half.sq_entries() - 1)), sqe);
            io_uring_smp_store_release(tail, at.wrapping_add(1));
        }
    }

    /// Queues entries, and submits them.
    pub fn submit(self, sqes: &[io_uring_sqe]) {
        sqes.iter().for_each(|sqe| self.queue(*sqe));
        assert_eq!(self.enter(sqes.len() as u32, 0, 0), sqes.len() as c_int);
    }

    /// As [`submit`](Self::submit), for a ring with a polling thread.
    pub fn submit_polled(self, sqe: io_uring_sqe) {
        self.queue(sqe);
        let [_, _, flags] = self.half.sq_words();
        io_uring_smp_mb();
        // SAFETY: a word of the ring.
        if unsafe { read_once(flags) } & IORING_SQ_NEED_WAKEUP != 0 {
            self.enter(1, 0, IORING_ENTER_SQ_WAKEUP);
        }
    }

    pub fn enter(self, submit: u32, wait: u32, flags: u32) -> c_int {
        let call = enter::Call {
            submit,
            wait,
            flags,
            ..enter::Call::default()
        };
        enter::enter(self.context, &call)
    }

    pub fn register(self, command: u32, arg: u64, nr: u32) -> c_int {
        register::register(self.context, command, arg, nr)
    }

    /// A completion that is there.
    pub fn peek(self) -> Option<(u64, c_int)> {
        let half = self.half;
        let [head, tail] = half.cq_words();
        // SAFETY: words and a slot of the ring, whose only reader this is.
        unsafe {
            let at = read_once(head);
            if io_uring_smp_load_acquire(tail) == at {
                return None;
            }
            let cqe = read_entry(half.cqe(at & (half.cq_entries() - 1)));
            io_uring_smp_store_release(head, at.wrapping_add(1));
            Some((cqe.user_data, cqe.res))
        }
    }

    /// The next completion.
    pub fn wait(self) -> (u64, c_int) {
        loop {
            if let Some(found) = self.peek() {
                return found;
            }
            assert_eq!(self.enter(0, 1, IORING_ENTER_GETEVENTS), 0);
        }
    }

    /// Completes a request, as another ring's message does.
    pub fn post(self, user_data: u64) {
        let cqe = Cqe {
            user_data,
            ..Cqe::default()
        };
        self.context.lock().expect("the ring is open").post(&cqe);
    }

    /// Exits the ring.
    pub fn exit(self) {
        self.context.close();
        kernel::close(self.fd);
    }
}
