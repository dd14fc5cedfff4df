//! The kernel's half of a ring: the layout of its memory, taking SQEs, posting CQEs, overflow, and resizing. It behaves
//! like Linux, and is meant for code that acts as the kernel: the kernels of the tests and models, and an engine.
//!
//! # State and locks
//!
//! A [`Ring`] describes a ring's memory as one process has it mapped. [`Sq`] and [`Cq`] are what the kernel remembers
//! of the queues, and a [`Backlog`] has the completions that found no room. All three belong to the caller, who keeps
//! them in shared memory if several processes act as the kernel.
//!
//! Nothing here takes a lock. The `Sq` must not be shared while a [`Batch`] exists; the `Cq` and the backlog must not
//! be shared from the first completion posted until [`Ring::publish`] returns. These can be two locks.
//!
//! # What programs rely on
//!
//! The program's half is compiled into programs, from the inline functions of `liburing.h`, so this cannot change:
//!
//! - Without `IORING_SETUP_SQPOLL` programs read the SQ's head with a plain load. It must change only while the
//!   submitting thread is in `io_uring_enter`. Only [`Batch::end`] changes it.
//! - Programs consume CQEs without a system call. The CQ's head can change at any time, and code that has to see every
//!   completion must own the memory that the program reads.
//! - When the CQ is empty, a peek enters the kernel only if `IORING_SQ_CQ_OVERFLOW` or `IORING_SQ_TASKRUN` is set. Code
//!   that holds completions back must set one of them.
//! - Programs read `IORING_SQ_NEED_WAKEUP` after they have stored the tail and issued a full barrier.
//!   [`Ring::may_sleep`] is the counterpart.
//! - A 32-byte CQE of a mixed CQ has two adjacent slots. If only the last slot before the wrap is next, it is filled
//!   with a CQE marked `IORING_CQE_F_SKIP`, which programs skip.
//! - Heads and tails use all 32 bits and wrap; a mask turns them into slots.
#![cfg_attr(not(test), no_std)]

mod cq;
mod layout;
mod resize;
mod ring;
mod sq;
#[cfg(test)]
mod tests;

pub use cq::{Backlog, Cq, Cqe, Posted};
pub use layout::{MAX_CQ_ENTRIES, MAX_ENTRIES, Sizes, lay_out};
pub use ring::Ring;
pub use sq::{Batch, Entry, Size, Sq};
