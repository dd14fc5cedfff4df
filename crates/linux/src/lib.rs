//! Linux behind the boundary, one system call per function, and system calls themselves.
#![no_std]
// Conversions between C's integer types are part of the interface.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_lossless
)]

pub mod arch;

use ironring_abi::ctypes::{c_int, c_uint, c_void};
use ironring_abi::kernel::{FileLimit, Kernel, Memory, Part};
use ironring_abi::uapi::io_uring_params;
use libc::{MAP_POPULATE, MAP_SHARED, PROT_READ, PROT_WRITE};
use libc::{SYS_close, SYS_io_uring_enter, SYS_io_uring_register, SYS_io_uring_setup};
use libc::{SYS_madvise, SYS_munmap, SYS_prlimit64};

/// The kernel that runs this process.
pub enum Linux {}

/// A descriptor as the kernel reads it: 32 bits, so what lies above them needs no extending of the sign.
#[inline]
fn descriptor(fd: c_int) -> usize {
    fd as c_uint as usize
}

/// Creates a readable and writable mapping.
#[inline]
fn mmap(len: usize, flags: c_int, fd: c_int, offset: u64) -> Result<*mut c_void, c_int> {
    // SAFETY: the address is the kernel's choice (no MAP_FIXED), so no existing mapping is replaced.
    let ret = unsafe { arch::mmap(len, PROT_READ | PROT_WRITE, flags, fd, offset) };
    if ret as usize >= -4095isize as usize {
        return Err(ret as c_int);
    }
    Ok(ret as *mut c_void)
}

/// Sets and gets the limit on open files of the calling process; either pointer may be null.
#[inline]
unsafe fn prlimit(new: *const FileLimit, old: *mut FileLimit) -> c_int {
    let resource = libc::RLIMIT_NOFILE as usize;
    // SAFETY: both pointers are null or valid for the call; pid 0 is the caller itself.
    unsafe { arch::syscall4(SYS_prlimit64, 0, resource, new as usize, old as usize) as c_int }
}

impl Kernel for Linux {
    #[inline]
    unsafe fn setup(entries: c_uint, p: *mut io_uring_params) -> c_int {
        // SAFETY: the caller passes parameters that the kernel may read and write.
        unsafe { arch::syscall2(SYS_io_uring_setup, entries as usize, p as usize) as c_int }
    }

    #[inline]
    unsafe fn enter(
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
    unsafe fn register(fd: c_int, opcode: c_uint, arg: *const c_void, nr: c_uint) -> c_int {
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

    #[inline]
    fn map_ring(fd: c_int, part: Part, len: usize) -> Result<*mut c_void, c_int> {
        mmap(len, MAP_SHARED | MAP_POPULATE, fd, part as u64)
    }

    #[inline]
    fn map(len: usize, kind: Memory) -> Result<*mut c_void, c_int> {
        mmap(len, kind as c_int, -1, 0)
    }

    #[inline]
    unsafe fn unmap(addr: *mut c_void, len: usize) -> c_int {
        // SAFETY: the caller gives up the mapping.
        unsafe { arch::syscall2(SYS_munmap, addr as usize, len) as c_int }
    }

    #[inline]
    unsafe fn advise(addr: *mut c_void, len: usize, advice: c_int) -> c_int {
        // SAFETY: the caller owns the range, or it is empty.
        unsafe { arch::syscall4(SYS_madvise, addr as usize, len, advice as usize, 0) as c_int }
    }

    #[inline]
    unsafe fn close(fd: c_int) -> c_int {
        // SAFETY: the caller gives up the descriptor.
        unsafe { arch::syscall2(SYS_close, fd as usize, 0) as c_int }
    }

    #[inline]
    fn file_limit(limit: &mut FileLimit) -> c_int {
        // SAFETY: a reference is valid for the call.
        unsafe { prlimit(core::ptr::null(), limit) }
    }

    #[inline]
    fn set_file_limit(limit: &FileLimit) -> c_int {
        // SAFETY: a reference is valid for the call.
        unsafe { prlimit(limit, core::ptr::null_mut()) }
    }
}
