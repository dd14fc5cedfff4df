//! The program's memory: read and written by system calls, which return -EFAULT for a wrong address.

use crate::sys::{self, Result};
use alloc::vec::Vec;
use core::mem::{MaybeUninit, size_of};
use libc::{EFAULT, EINVAL, ENOMEM, ENOSYS, EPERM, ESRCH, iovec};

/// Copies between this process's own memory at `address` and a buffer of ours.
fn transfer(nr: libc::c_long, address: u64, ours: *mut u8, len: usize) -> Result<()> {
    if len == 0 {
        return Ok(());
    }
    if address == 0 || address > usize::MAX as u64 {
        return Err(-EFAULT);
    }
    let local = iovec {
        iov_base: ours.cast(),
        iov_len: len,
    };
    let remote = iovec {
        iov_base: address as usize as *mut libc::c_void,
        iov_len: len,
    };
    let own = crate::lock::pid() as usize;
    // SAFETY: the local buffer has `len` bytes; the kernel checks the other address.
    let copied = unsafe {
        sys::call(
            nr,
            [own, (&raw const local) as usize, 1, (&raw const remote) as usize, 1, 0],
        )
    };
    match copied {
        Ok(copied) if copied == len => Ok(()),
        Ok(_) => Err(-EFAULT),
        Err(errno) if ![-EPERM, -ENOSYS, -ESRCH].contains(&errno) => Err(errno),
        // Refused altogether (gVisor, filters): the program's promise has to do.
        Err(_) if nr == libc::SYS_process_vm_readv => {
            // SAFETY: the program promises that the memory is readable.
            unsafe { ours.copy_from(address as usize as *const u8, len) };
            Ok(())
        }
        Err(_) => {
            // SAFETY: the program promises that the memory is writable.
            unsafe { (address as usize as *mut u8).copy_from(ours, len) };
            Ok(())
        }
    }
}

/// Types for which every pattern of bytes is a value.
///
/// # Safety
/// That is so.
pub unsafe trait Plain: Copy {}
// SAFETY: integers, and structures of integers and pointers.
unsafe impl Plain for u8 {}
// SAFETY: as above.
unsafe impl Plain for u16 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}
// SAFETY: as above.
unsafe impl Plain for i32 {}
// SAFETY: as above.
unsafe impl Plain for i64 {}
// SAFETY: as above.
unsafe impl Plain for iovec {}
// SAFETY: as above.
unsafe impl Plain for libc::msghdr {}
// SAFETY: as above.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Declares structures of the kernel's interface as plain.
macro_rules! plain {
    ($($name:ty),* $(,)?) => {
        $(
            // SAFETY: integers, and structures and unions of integers.
            unsafe impl $crate::user::Plain for $name {}
        )*
    };
}
pub(crate) use plain;

/// Reads a value.
pub fn read<T: Plain>(address: u64) -> Result<T> {
    let mut value = MaybeUninit::<T>::uninit();
    transfer(
        libc::SYS_process_vm_readv,
        address,
        value.as_mut_ptr().cast(),
        size_of::<T>(),
    )?;
    // SAFETY: all bytes are written, and every pattern of bytes is a value.
    Ok(unsafe { value.assume_init() })
}

/// Reads `count` values.
pub fn read_array<T: Plain>(address: u64, count: usize) -> Result<Vec<T>> {
    let mut values: Vec<T> = Vec::new();
    if values.try_reserve_exact(count).is_err() {
        return Err(-ENOMEM);
    }
    transfer(
        libc::SYS_process_vm_readv,
        address,
        values.as_mut_ptr().cast(),
        count * size_of::<T>(),
    )?;
    // SAFETY: all bytes are written, and every pattern of bytes is a value.
    unsafe { values.set_len(count) };
    Ok(values)
}

/// Reads a value, and then `count` values from elsewhere, in one system call if possible.
pub fn read_both<A: Plain, B: Plain>(first: u64, second: u64, count: usize) -> Result<(A, Vec<B>)> {
    let mut one = MaybeUninit::<A>::uninit();
    let mut list: Vec<B> = Vec::new();
    if list.try_reserve_exact(count).is_err() {
        return Err(-ENOMEM);
    }
    let part = |base: *mut libc::c_void, iov_len: usize| iovec {
        iov_base: base,
        iov_len,
    };
    let (len, list_len) = (size_of::<A>(), count * size_of::<B>());
    let local = [
        part(one.as_mut_ptr().cast(), len),
        part(list.as_mut_ptr().cast(), list_len),
    ];
    let remote = [
        part(first as usize as *mut _, len),
        part(second as usize as *mut _, list_len),
    ];
    let own = crate::lock::pid() as usize;
    let (local, remote) = ((&raw const local) as usize, (&raw const remote) as usize);
    // SAFETY: the local buffers have these lengths; the kernel checks the other addresses.
    let copied = unsafe { sys::call(libc::SYS_process_vm_readv, [own, local, 2, remote, 2, 0]) };
    if copied == Ok(len + list_len) {
        // SAFETY: all bytes are written, and every pattern of bytes is a value.
        unsafe {
            list.set_len(count);
            return Ok((one.assume_init(), list));
        }
    }
    Ok((read(first)?, read_array(second, count)?))
}

/// Writes a value.
pub fn write<T: Plain>(address: u64, value: &T) -> Result<()> {
    let ours = (&raw const *value).cast_mut().cast();
    transfer(libc::SYS_process_vm_writev, address, ours, size_of::<T>())
}

/// The end of the addresses that a program can have.
const ADDRESSES: u64 = if cfg!(target_pointer_width = "64") {
    (1 << 56) - 4096
} else {
    u32::MAX as u64
};

/// Refuses addresses that no program can have: -EFAULT.
pub fn check_possible(address: u64, len: u64) -> Result<()> {
    match address.checked_add(len) {
        Some(end) if end <= ADDRESSES => Ok(()),
        _ => Err(-EFAULT),
    }
}

/// Whether memory is mapped and writable: -EFAULT if not. Its pages are present afterwards.
pub fn check_writable(address: u64, len: u64) -> Result<()> {
    /// Since Linux 5.14.
    const MADV_POPULATE_WRITE: usize = 23;
    let page = crate::setup::page_size() as u64;
    let first = address & !(page - 1);
    let end = address.checked_add(len).ok_or(-EFAULT)?;
    if end > usize::MAX as u64 {
        return Err(-EFAULT);
    }
    let whole = (end - first).next_multiple_of(page);
    // SAFETY: the pages keep what they have.
    let populate = |from: u64, len: u64| unsafe {
        sys::call(libc::SYS_madvise, [from as usize, len as usize, MADV_POPULATE_WRITE])
    };
    match populate(first, whole) {
        Ok(_) => return Ok(()),
        Err(errno) if ![-EINVAL, -ENOMEM, -EPERM, -ENOSYS].contains(&errno) => return Err(-EFAULT),
        // Memory that isn't there, or no memory for it.
        Err(errno) if errno == -ENOMEM => {
            let there = (first..end)
                .step_by(page as usize)
                .all(|at| read::<u8>(at.max(address)).is_ok());
            return Err(if there { -ENOMEM } else { -EFAULT });
        }
        Err(_) => {}
    }
    let own = 0u8;
    if populate((&raw const own) as u64 & !(page - 1), page).is_ok() {
        return Err(-EFAULT);
    }
    // An older kernel, or a filter.
    (first..end).step_by(page as usize).try_for_each(touch)
}

/// Checks on older kernels that the word at the start of a page is writable, and makes the page present. The word is not
/// changed, even if another thread changes it meanwhile: the kernel adds bits to it, none in this case.
fn touch(page: u64) -> Result<()> {
    const OR_NOTHING: usize = (libc::FUTEX_OP_OR as usize) << 28;
    // The program's waiters, if there are any, are woken up only by an odd value: a wake for no reason.
    const IF_ODD_VALUE: usize = (libc::FUTEX_OP_CMP_EQ as usize) << 24 | 0x801;
    let own = 0u32;
    let operation = (libc::FUTEX_WAKE_OP | libc::FUTEX_PRIVATE_FLAG) as usize;
    let args = [
        (&raw const own) as usize,
        operation,
        1,
        1,
        page as usize,
        OR_NOTHING | IF_ODD_VALUE,
    ];
    // SAFETY: the kernel uses our word as a key only, and leaves the program's as it is.
    unsafe { sys::call(sys::FUTEX, args) }.map(drop)
}

/// Writes bytes.
pub fn write_bytes(address: u64, bytes: &[u8]) -> Result<()> {
    transfer(
        libc::SYS_process_vm_writev,
        address,
        bytes.as_ptr().cast_mut(),
        bytes.len(),
    )
}

/// Reads a string with its terminating zero, of at most `most` bytes with it.
pub fn read_string(address: u64, most: usize) -> Result<Vec<u8>> {
    let mut text: Vec<u8> = Vec::new();
    while text.len() < most {
        let at = address.wrapping_add(text.len() as u64);
        // Up to the end of a page: the next one may not be there.
        let len = (256 - at as usize % 256).min(most - text.len());
        let part: Vec<u8> = read_array(at, len)?;
        if let Some(end) = part.iter().position(|&byte| byte == 0) {
            text.extend_from_slice(&part[..=end]);
            return Ok(text);
        }
        text.extend_from_slice(&part);
    }
    Err(-libc::ENAMETOOLONG)
}

#[cfg(test)]
mod tests;
