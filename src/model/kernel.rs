//! The kernel of the models: in the place of `arch`, it takes `io_uring_enter` alone.

use crate::abi::*;
use crate::model::ring::Kernel;
use libc::{EINVAL, c_long};
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    static PLAYED: RefCell<Option<Rc<Kernel>>> = const { RefCell::new(None) };
}

/// Puts a kernel behind the system calls of this execution.
pub fn play(kernel: &Rc<Kernel>) {
    PLAYED.with(|played| *played.borrow_mut() = Some(Rc::clone(kernel)));
}

pub unsafe fn syscall6(nr: c_long, _fd: usize, submit: usize, wait: usize, flags: usize, _: usize, _: usize) -> isize {
    assert_eq!(nr, libc::SYS_io_uring_enter, "a model makes no other call");
    let kernel = PLAYED
        .with(|played| played.borrow().clone())
        .expect("a kernel is in play");
    let flags = flags as u32;
    if flags & IORING_ENTER_SQ_WAKEUP != 0 {
        kernel.wake();
    }
    if submit != 0 && flags & IORING_ENTER_SQ_WAKEUP == 0 {
        kernel.take_here();
    }
    if flags & IORING_ENTER_GETEVENTS != 0 {
        kernel.get_events(wait as u32);
    }
    submit as isize
}

pub unsafe fn syscall2(_: c_long, _: usize, _: usize) -> isize {
    -EINVAL as isize
}

pub unsafe fn syscall4(_: c_long, _: usize, _: usize, _: usize, _: usize) -> isize {
    -EINVAL as isize
}

pub unsafe fn mmap(_: usize, _: i32, _: i32, _: i32, _: u64) -> isize {
    -EINVAL as isize
}
