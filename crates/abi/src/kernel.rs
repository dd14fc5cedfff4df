//! The boundary between the library and a kernel: the trait of all calls that the library makes.
//!
//! The library is compiled for one implementation and calls its functions directly. Linux is one. Others are a kernel
//! in user space, and a layer that observes another implementation. Everything that is not documented here is as in
//! `io_uring_setup(2)`, `io_uring_enter(2)` and `io_uring_register(2)`.
//!
//! Errors are -errno, as a negative result or an `Err`. No function changes `errno`.

use crate::ctypes::{c_int, c_uint, c_void};
use crate::uapi::{IORING_OFF_CQ_RING, IORING_OFF_SQ_RING, IORING_OFF_SQES, io_uring_params};
use libc::{MAP_ANONYMOUS, MAP_HUGE_SHIFT, MAP_HUGETLB, MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED};

/// The size in bytes of the signal set that [`enter`](Kernel::enter) expects; libc's `sigset_t` is larger.
pub const SIGSET_SIZE: usize = if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
    16
} else {
    8
};

/// A part of a ring's memory; the value is its mmap offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Part {
    /// The words and the array of the SQ; with `IORING_FEAT_SINGLE_MMAP` also the CQ.
    SqRing = IORING_OFF_SQ_RING,
    /// The words and entries of the CQ.
    CqRing = IORING_OFF_CQ_RING,
    /// The entries of the SQ.
    Sqes = IORING_OFF_SQES,
}

/// A kind of anonymous memory; the value is its `mmap(2)` flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Memory {
    /// Copied to a child by fork(2).
    Private = MAP_PRIVATE | MAP_ANONYMOUS,
    /// Shared with a child after fork(2).
    Shared = MAP_SHARED | MAP_ANONYMOUS,
    /// Shared, in pages of 2 MiB. The size is explicit because the system's default may differ.
    Huge = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT),
    /// Reserves address space; the memory is not used. Shared, as private mappings could be merged with a neighbor, and
    /// would then not count as separate mappings.
    Reserved = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
}

/// The limit on open files of a process: `struct rlimit64`, which is the same on all processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct FileLimit {
    /// The limit in effect.
    pub soft: u64,
    /// The highest soft limit that an unprivileged process may set.
    pub hard: u64,
}

/// A kernel with io_uring.
pub trait Kernel {
    /// `io_uring_setup(2)`: creates a ring with at least `entries` SQ entries and fills in `p`.
    ///
    /// Returns the ring's descriptor, or its index with `IORING_SETUP_REGISTERED_FD_ONLY`. On an error the flags in `p`
    /// must be unchanged; Linux fills in the rest before -EMFILE. If `p` is null the error must be that of Linux: -EFAULT
    /// if this process may use io_uring, otherwise the reason why not, because programs probe for io_uring with it.
    ///
    /// # Safety
    /// `p` is null or valid. With `IORING_SETUP_NO_MMAP` the memory at the addresses in it is the ring's until the ring
    /// is gone.
    unsafe fn setup(entries: c_uint, p: *mut io_uring_params) -> c_int;

    /// `io_uring_enter(2)`: submits up to `to_submit` entries, and waits if `flags` say so.
    ///
    /// # Safety
    /// `arg` is valid for `flags` and `size`. What the entries point to stays valid as long as their requests need it.
    unsafe fn enter(
        fd: c_int,
        to_submit: c_uint,
        min_complete: c_uint,
        flags: c_uint,
        arg: *const c_void,
        size: usize,
    ) -> c_int;

    /// `io_uring_register(2)`. If `opcode` includes `IORING_REGISTER_USE_REGISTERED_RING`, `fd` is an index.
    ///
    /// # Safety
    /// `arg` and `nr` are valid for `opcode`.
    unsafe fn register(fd: c_int, opcode: c_uint, arg: *const c_void, nr: c_uint) -> c_int;

    /// Maps `len` bytes of a part of the ring `fd`, readable and writable. The mapping replaces no other, and its
    /// memory stays valid after the descriptor is closed.
    ///
    /// Errors: -EINVAL if the ring has no such part or it is shorter, -EBADF, -ENOMEM.
    fn map_ring(fd: c_int, part: Part, len: usize) -> Result<*mut c_void, c_int>;

    /// Maps `len` bytes of zeroed memory. The mapping replaces no other.
    ///
    /// Errors: -EINVAL if `len` is 0, -ENOMEM, also if no huge page is free.
    fn map(len: usize, kind: Memory) -> Result<*mut c_void, c_int>;

    /// Removes a whole mapping of either kind.
    ///
    /// # Safety
    /// `addr` and `len` are those of a mapping that is no longer used.
    unsafe fn unmap(addr: *mut c_void, len: usize) -> c_int;

    /// `madvise(2)` for a ring's memory, mapped or provided by the program. The library uses `MADV_DONTFORK`,
    /// `MADV_POPULATE_WRITE`, and `MADV_NORMAL` for an empty range, which must fail with -EINVAL if `addr` is not at
    /// the start of a page.
    ///
    /// # Safety
    /// The caller owns the range, or it is empty.
    unsafe fn advise(addr: *mut c_void, len: usize, advice: c_int) -> c_int;

    /// Closes the descriptor of a ring. The ring exists until its last descriptor and index are gone.
    ///
    /// # Safety
    /// The caller owns the descriptor.
    unsafe fn close(fd: c_int) -> c_int;

    /// Reads this process's limit on open files.
    fn file_limit(limit: &mut FileLimit) -> c_int;

    /// Sets this process's limit on open files. Error: -EPERM if the process may not raise it so far.
    fn set_file_limit(limit: &FileLimit) -> c_int;
}
