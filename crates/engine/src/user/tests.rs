//! The program's memory, right and wrong addresses.

use super::{read, read_array, read_string, touch, write, write_bytes};
use libc::{EFAULT, ENAMETOOLONG};

/// Two pages of which only the first is there; returns its start and length.
fn one_page() -> (u64, usize) {
    // SAFETY: a new mapping, half of which is removed again.
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let start = libc::mmap(
            std::ptr::null_mut(),
            2 * page,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1,
            0,
        );
        libc::munmap(start.wrapping_add(page), page);
        (start as u64, page)
    }
}

#[test]
fn values_come_and_go() {
    let mut value = 5u64;
    let at = (&raw mut value) as u64;
    assert_eq!(read::<u64>(at), Ok(5));
    assert_eq!(write(at, &7u64), Ok(()));
    assert_eq!(write_bytes(at + 1, &[1]), Ok(()));
    assert_eq!(
        read_array::<u8>(at, 8).map(|bytes| bytes.iter().map(|&byte| u32::from(byte)).sum()),
        Ok(8)
    );
    assert_eq!(value.count_ones(), 4);
}

#[test]
fn wrong_addresses_are_refused() {
    let (start, page) = one_page();
    let end = start + page as u64;
    for at in [0, 1, end, u64::MAX - 2, 1 << 63] {
        assert_eq!(read::<u32>(at), Err(-EFAULT), "{at:#x}");
        assert_eq!(write(at, &1u32), Err(-EFAULT), "{at:#x}");
    }
    assert_eq!(read::<u32>(end - 2), Err(-EFAULT), "half of it is missing");
    assert_eq!(read_array::<u64>(end - 64, 9), Err(-EFAULT));
    assert_eq!(read_array::<u64>(end - 64, 8), Ok(vec![0; 8]));
}

#[test]
fn touched_memory_is_writable_and_keeps_what_it_has() {
    let (start, page) = one_page();
    assert_eq!(write(start, &-2047i32), Ok(()));
    assert_eq!(touch(start), Ok(()));
    assert_eq!(read::<i32>(start), Ok(-2047));
    assert_eq!(touch(start + page as u64), Err(-EFAULT), "it is missing");
    // SAFETY: the page is this test's.
    let done = unsafe { libc::mprotect(start as *mut libc::c_void, page, libc::PROT_READ) };
    assert_eq!(done, 0);
    assert_eq!(touch(start), Err(-EFAULT), "it is read-only");
}

#[test]
fn strings_end_before_what_is_not_there() {
    let (start, page) = one_page();
    let end = start + page as u64;
    assert_eq!(write_bytes(end - 4, b"abc\0"), Ok(()));
    assert_eq!(read_string(end - 4, 4096), Ok(b"abc\0".to_vec()));
    assert_eq!(write_bytes(end - 4, b"abcd"), Ok(()));
    assert_eq!(read_string(end - 4, 4096), Err(-EFAULT));
    assert_eq!(read_string(end - 4, 3), Err(-ENAMETOOLONG));
}
