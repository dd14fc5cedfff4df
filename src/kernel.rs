//! The boundary: every system call the library makes, by name. Each gives the kernel's result, -errno for an error.
//! The only caller of `arch`.

use crate::abi::io_uring_params;
#[cfg(not(test))]
use crate::arch;
use crate::ctypes::{c_int, c_uint, c_void};
use libc::{SYS_close, SYS_io_uring_enter, SYS_io_uring_register, SYS_io_uring_setup};
use libc::{SYS_madvise, SYS_munmap, SYS_prlimit64};

#[cfg(all(test, loom))]
use crate::model::kernel as arch;
#[cfg(all(test, not(loom)))]
pub mod script;
#[cfg(all(test, not(loom)))]
use script as arch;

/// The size in bytes of the signal set that the kernel expects, whatever libc's `sigset_t` is.
pub const SIGSET_SIZE: usize = if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
    16
} else {
    8
};

/// A descriptor as the kernel reads it: 32 bits, so what lies above them needs no extending of the sign.
#[inline]
fn descriptor(fd: c_int) -> usize {
    fd as c_uint as usize
}

/// `struct rlimit64`, the same on all processors.
#[repr(C)]
pub struct RLimit {
    pub cur: u64,
    pub max: u64,
}

#[inline]
pub unsafe fn io_uring_setup(entries: c_uint, p: *mut io_uring_params) -> c_int {
    // SAFETY: the caller passes parameters that the kernel may read and write.
    unsafe { arch::syscall2(SYS_io_uring_setup, entries as usize, p as usize) as c_int }
}

#[inline]
pub unsafe fn io_uring_enter2(
    fd: c_int,
    to_submit: c_uint,
    min_complete: c_uint,
    flags: c_uint,
    arg: *const c_void,
    size: usize,
) -> c_int {
    // SAFETY: the caller passes an argument that fits `flags` and `size`, and SQEs whose memory stays valid.
    unsafe {
        arch::syscall6(
            SYS_io_uring_enter,
            descriptor(fd),
            to_submit as usize,
            min_complete as usize,
            flags as usize,
            arg as usize,
            size,
        ) as c_int
    }
}

#[inline]
pub unsafe fn io_uring_register(fd: c_int, opcode: c_uint, arg: *const c_void, nr: c_uint) -> c_int {
    // SAFETY: the caller passes the argument that `opcode` asks for.
    unsafe {
        arch::syscall4(
            SYS_io_uring_register,
            descriptor(fd),
            opcode as usize,
            arg as usize,
            nr as usize,
        ) as c_int
    }
}

/// A new readable and writable mapping, at an address of the kernel's choice.
#[inline]
pub unsafe fn mmap(len: usize, flags: c_int, fd: c_int, offset: u64) -> Result<*mut c_void, c_int> {
    // SAFETY: no existing mapping is replaced (no MAP_FIXED).
    let ret = unsafe { arch::mmap(len, libc::PROT_READ | libc::PROT_WRITE, flags, fd, offset) };
    if ret as usize >= -4095isize as usize {
        return Err(ret as c_int);
    }
    Ok(ret as *mut c_void)
}

#[inline]
pub unsafe fn munmap(addr: *mut c_void, len: usize) -> c_int {
    // SAFETY: the caller gives up the mapping.
    unsafe { arch::syscall2(SYS_munmap, addr as usize, len) as c_int }
}

#[inline]
pub unsafe fn madvise(addr: *mut c_void, len: usize, advice: c_int) -> c_int {
    // SAFETY: the caller owns the range, or it is empty.
    unsafe { arch::syscall4(SYS_madvise, addr as usize, len, advice as usize, 0) as c_int }
}

#[inline]
pub unsafe fn close(fd: c_int) -> c_int {
    // SAFETY: the caller gives up the descriptor.
    unsafe { arch::syscall2(SYS_close, fd as usize, 0) as c_int }
}

/// Reads this process's limit on open files into `old`, or sets it from `new` (either may be null).
#[inline]
pub unsafe fn prlimit_nofile(new: *const RLimit, old: *mut RLimit) -> c_int {
    // SAFETY: both pointers are null or valid for the call; pid 0 is the caller itself.
    unsafe {
        arch::syscall4(
            SYS_prlimit64,
            0,
            libc::RLIMIT_NOFILE as usize,
            new as usize,
            old as usize,
        ) as c_int
    }
}

/// The size of a page.
#[cold]
pub fn page_size() -> usize {
    if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
        4096
    } else {
        probed_page_size()
    }
}

/// The size of a page, found without /proc, the auxiliary vector or libc: the kernel refuses an address that is
/// not at a page's start with -EINVAL before it looks at the (empty) range. 4096 where it refuses everything.
pub fn probed_page_size() -> usize {
    let mut size = 4096;
    while size <= 1 << 18 {
        // SAFETY: an empty range; nothing is touched.
        if unsafe { madvise(size as *mut c_void, 0, libc::MADV_NORMAL) } == 0 {
            return size;
        }
        size <<= 1;
    }
    4096
}
