//! The models' kernel behind the boundary: `io_uring_enter` for the ring of the current execution.

use crate::model::ring::Kernel as Ring;
use ironring_abi::ctypes::{c_int, c_uint, c_void};
use ironring_abi::kernel::{FileLimit, Kernel, Memory, Part};
use ironring_abi::uapi::*;

pub enum Modelled {}

/// For the calls that no model makes.
fn only_enters<T>() -> T {
    panic!("a model makes no call but io_uring_enter")
}

impl Kernel for Modelled {
    unsafe fn enter(_: c_int, submit: c_uint, wait: c_uint, flags: c_uint, _: *const c_void, _: usize) -> c_int {
        let ring = Ring::played();
        if flags & IORING_ENTER_SQ_WAKEUP != 0 {
            ring.wake();
        }
        if submit != 0 && flags & IORING_ENTER_SQ_WAKEUP == 0 {
            ring.take_here();
        }
        if flags & IORING_ENTER_GETEVENTS != 0 {
            ring.get_events(wait);
        }
        submit as c_int
    }

    unsafe fn setup(_: c_uint, _: *mut io_uring_params) -> c_int {
        only_enters()
    }

    unsafe fn register(_: c_int, _: c_uint, _: *const c_void, _: c_uint) -> c_int {
        only_enters()
    }

    fn map_ring(_: c_int, _: Part, _: usize) -> Result<*mut c_void, c_int> {
        only_enters()
    }

    fn map(_: usize, _: Memory) -> Result<*mut c_void, c_int> {
        only_enters()
    }

    unsafe fn unmap(_: *mut c_void, _: usize) -> c_int {
        only_enters()
    }

    unsafe fn advise(_: *mut c_void, _: usize, _: c_int) -> c_int {
        only_enters()
    }

    unsafe fn close(_: c_int) -> c_int {
        only_enters()
    }

    fn file_limit(_: &mut FileLimit) -> c_int {
        only_enters()
    }

    fn set_file_limit(_: &FileLimit) -> c_int {
        only_enters()
    }
}
