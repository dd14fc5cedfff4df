//! `mmap` for processors where it is a plain system call with the offset in bytes.

#[inline]
pub unsafe fn mmap(len: usize, prot: i32, flags: i32, fd: i32, offset: u64) -> isize {
    // SAFETY: a new mapping at an address that the kernel chooses affects no memory of the program.
    unsafe {
        super::syscall6(
            libc::SYS_mmap,
            0,
            len,
            prot as usize,
            flags as usize,
            fd as usize,
            offset as usize,
        )
    }
}
