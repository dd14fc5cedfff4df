//! A ring's control block: what all processes that use the ring share besides the queues.

use crate::atomic::{AtomicU32, AtomicU64, Ordering, compiler_fence};
use crate::lock::Lock;
use core::cell::UnsafeCell;
use core::mem::size_of;
use ironring_half::{Backlog, Cq, Cqe, Sq};

/// The completions that a backlog holds. Its memory is touched only when it is used.
pub const BACKLOG: u32 = 1 << 16;

#[repr(C)]
pub struct Shared {
    pub lock: Lock,
    /// Changes whenever there is something new for those who wait; they sleep on it.
    pub news: AtomicU32,
    /// Held while descriptors are compared with the ring's.
    pub comparing: Lock,
    /// How many wait.
    pub waiters: AtomicU32,
    sq: UnsafeCell<Sq>,
    queues: UnsafeCell<Queues>,
}

/// What the lock protects.
#[repr(C)]
pub struct Queues {
    /// The CQ's tail, and in the upper half the head of the backlog's queue. Completions move from one to the other by one
    /// store, because this process may be killed at any time and they may be other processes'.
    ends: AtomicU64,
    /// The program's head of the CQ when it was last read.
    seen: u32,
    /// The ring's descriptor has been made readable, and `IORING_SQ_TASKRUN` is set so that a program that finds the CQ
    /// empty says so.
    pub signaled: bool,
    /// The ring was created with `IORING_SETUP_R_DISABLED` and is not enabled yet.
    pub disabled: bool,
    /// The only thread that may submit, 0 while it is not known.
    pub owner: u64,
    /// A completion was lost: the next wait must return -EBADR.
    pub lost: bool,
    /// The tail of the backlog's queue; the slots follow the control block.
    tail: u32,
}

impl Queues {
    pub fn cq(&self) -> Cq {
        Cq {
            tail: self.ends.load(Ordering::Relaxed) as u32,
            head: self.seen,
        }
    }

    pub fn set_cq(&mut self, cq: Cq) {
        self.set_ends(cq, self.head());
    }

    fn head(&self) -> u32 {
        (self.ends.load(Ordering::Relaxed) >> 32) as u32
    }

    fn set_ends(&mut self, cq: Cq, head: u32) {
        self.seen = cq.head;
        // After the completions, whose slots become valid by it. The lock orders it for who takes that next; if this process
        // is killed before, all that it has done happens before others learn of its end.
        compiler_fence(Ordering::Release);
        self.ends
            .store(u64::from(head) << 32 | u64::from(cq.tail), Ordering::Relaxed);
    }
}

impl Shared {
    /// The bytes of a control block with its backlog.
    pub const SIZE: usize = size_of::<Shared>().next_multiple_of(64) + BACKLOG as usize * size_of::<Cqe>();

    /// The queues.
    ///
    /// # Safety
    /// The caller holds the lock, and no other reference to them.
    #[allow(clippy::mut_from_ref, reason = "the lock makes it exclusive")]
    pub unsafe fn queues(&self) -> &mut Queues {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.queues.get() }
    }

    /// The state of the SQ.
    ///
    /// # Safety
    /// As for [`queues`](Self::queues).
    #[allow(clippy::mut_from_ref, reason = "the lock makes it exclusive")]
    pub unsafe fn sq(&self) -> &mut Sq {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.sq.get() }
    }

    fn slots(&self) -> *mut Cqe {
        (&raw const *self)
            .cast_mut()
            .cast::<u8>()
            .wrapping_add(size_of::<Shared>().next_multiple_of(64))
            .cast()
    }

    /// The backlog.
    ///
    /// # Safety
    /// As for [`queues`](Self::queues), and the control block is at the start of [`SIZE`](Self::SIZE) bytes.
    pub unsafe fn backlog(&self) -> Waiting<'_> {
        // SAFETY: the caller's promise.
        let head = unsafe { self.queues() }.head();
        Waiting { shared: self, head }
    }
}

/// The backlog of a ring.
pub struct Waiting<'a> {
    shared: &'a Shared,
    /// What is before it has been taken out, which counts once it is [committed](Self::commit).
    head: u32,
}

impl Waiting<'_> {
    fn tail(&self) -> u32 {
        // SAFETY: the holder of the backlog holds the lock.
        unsafe { (*self.shared.queues.get()).tail }
    }

    fn slot(&self, at: u32) -> *mut Cqe {
        self.shared.slots().wrapping_add((at % BACKLOG) as usize)
    }

    pub fn len(&self) -> u32 {
        self.tail().wrapping_sub(self.head)
    }

    /// Makes it final that completions have moved to the CQ.
    pub fn commit(self, cq: Cq) {
        // SAFETY: the holder of the backlog holds the lock.
        unsafe { (*self.shared.queues.get()).set_ends(cq, self.head) };
    }
}

impl Backlog for Waiting<'_> {
    fn first(&self) -> Option<Cqe> {
        // SAFETY: a slot of the backlog that has been written.
        (self.len() != 0).then(|| unsafe { self.slot(self.head).read() })
    }

    fn pop(&mut self) {
        self.head = self.head.wrapping_add(1);
    }

    fn push(&mut self, cqe: &Cqe) -> bool {
        let tail = self.tail();
        if self.len() == BACKLOG {
            return false;
        }
        // SAFETY: a free slot of the backlog; the holder of the backlog holds the lock.
        unsafe {
            self.slot(tail).write(*cqe);
            // A slot counts only once it is written, even if this process is killed in between.
            compiler_fence(Ordering::Release);
            (*self.shared.queues.get()).tail = tail.wrapping_add(1);
        }
        true
    }
}
