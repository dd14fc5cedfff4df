//! Every other processor, and any with the feature `use-libc`: through libc, which handles the
//! details (argument order, `mmap2`), with errno converted back to the kernel's form.

/// The result of libc, or -errno.
unsafe fn result(ret: isize) -> isize {
    if ret == -1 {
        // SAFETY: libc's errno of this thread is always readable.
        return -(unsafe { *libc::__errno_location() } as isize);
    }
    ret
}

macro_rules! syscall {
    ($name:ident: $($arg:ident),*) => {
        #[inline]
        pub unsafe fn $name(nr: libc::c_long, $($arg: usize),*) -> isize {
            // SAFETY: what the call does is the caller's promise.
            unsafe { result(libc::syscall(nr, $($arg),*) as isize) }
        }
    };
}

syscall!(syscall2: a, b);
syscall!(syscall4: a, b, c, d);
syscall!(syscall6: a, b, c, d, e, f);

#[inline]
pub unsafe fn mmap(len: usize, prot: i32, flags: i32, fd: i32, offset: u64) -> isize {
    // SAFETY: a new mapping at an address that the kernel chooses affects no memory of the program.
    unsafe { result(libc::mmap(core::ptr::null_mut(), len, prot, flags, fd, offset as libc::off_t) as isize) }
}
