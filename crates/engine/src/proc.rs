//! What /proc tells about descriptors.

use crate::sys;
use alloc::vec::Vec;
use ironring_abi::ctypes::c_int;

/// The terminated path of a descriptor in a folder of /proc.
pub fn path_of(folder: &[u8], file: c_int) -> Vec<u8> {
    let mut path = Vec::new();
    path.extend_from_slice(folder);
    let mut digits = [0u8; 10];
    let mut rest = file.max(0) as u32;
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    path.extend_from_slice(&digits[at..]);
    path.push(0);
    path
}

/// What /proc tells about a descriptor, if it does.
fn told(file: c_int) -> Option<Vec<u8>> {
    let path = path_of(b"/proc/self/fdinfo/", file);
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    // SAFETY: a terminated path.
    let opened = unsafe {
        sys::call(
            libc::SYS_openat,
            [sys::fd(libc::AT_FDCWD), path.as_ptr() as usize, flags, 0],
        )
    };
    let opened = opened.ok()?;
    let mut text = alloc::vec![0u8; 1 << 14];
    // SAFETY: the buffer has as many bytes as the call is told.
    let len = unsafe { sys::call(libc::SYS_read, [opened, text.as_mut_ptr() as usize, text.len()]) };
    sys::close(opened as c_int);
    text.truncate(len.unwrap_or(0));
    Some(text)
}

/// The descriptors that an epoll descriptor watches, as far as /proc tells.
pub fn epoll_targets(file: c_int) -> Vec<c_int> {
    told(file).map_or_else(Vec::new, |text| targets(&text))
}

/// Whether a file is known to be no eventfd.
pub fn is_no_eventfd(file: c_int) -> bool {
    told(file).is_some_and(|text| !has_line(&text, b"eventfd-count:"))
}

fn has_line(text: &[u8], start: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n').any(|line| line.starts_with(start))
}

/// The descriptors in the lines `tfd: NUMBER events: ...`.
fn targets(text: &[u8]) -> Vec<c_int> {
    let lines = text.split(|&byte| byte == b'\n');
    lines
        .filter_map(|line| {
            let rest = line.strip_prefix(b"tfd:")?;
            let digits = rest.iter().copied().skip_while(|&byte| byte == b' ');
            let mut found = None;
            for byte in digits.take_while(u8::is_ascii_digit) {
                let number: c_int = found.unwrap_or(0);
                found = Some(number.checked_mul(10)?.checked_add(c_int::from(byte - b'0'))?);
            }
            found
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_from_their_lines() {
        let text = b"pos:\t0\nflags:\t02\ntfd:        5 events: 80000019 data: 5  pos:0\ntfd: 17 events: 1\ntfd: x\n";
        assert_eq!(targets(text), [5, 17]);
        assert_eq!(targets(b""), []);
    }

    #[test]
    fn kinds_are_told_by_a_line() {
        assert!(has_line(
            b"pos:\t0\neventfd-count:                0\n",
            b"eventfd-count:"
        ));
        assert!(!has_line(b"pos:\t0\nx eventfd-count: 0\n", b"eventfd-count:"));
    }
}
