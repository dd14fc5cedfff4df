//! What this system allows, for checks that need it: in containers much is refused.

use std::io;

/// Whether this kernel lets us use io_uring: a call that is refused only for its arguments.
pub fn rings() -> io::Result<()> {
    // SAFETY: a null pointer is not written to; the call then fails.
    let returned = unsafe { libc::syscall(libc::SYS_io_uring_setup, 0, std::ptr::null_mut::<u8>()) };
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EFAULT | libc::EINVAL) if returned < 0 => Ok(()),
        _ => Err(error),
    }
}

/// Whether programs may run at addresses that are not random, as TSan's runtime needs.
fn addresses() -> io::Result<()> {
    const QUERY: libc::c_ulong = 0xffff_ffff;
    const FIXED: libc::c_ulong = 0x0004_0000;
    // SAFETY: no memory is passed, and what was set before is set again.
    unsafe {
        let before = libc::c_ulong::try_from(libc::personality(QUERY)).unwrap_or_default();
        let set = libc::personality(before | FIXED);
        let error = io::Error::last_os_error();
        if set < 0 {
            return Err(error);
        }
        libc::personality(before);
    }
    Ok(())
}

/// Why a check cannot run here, by the words of what it needs.
pub fn lacks(needs: &str) -> Option<String> {
    let rings = || Some(format!("this system refuses io_uring: {}", rings().err()?));
    let addresses = || {
        Some(format!(
            "this system makes all addresses random: {}",
            addresses().err()?
        ))
    };
    needs.split(' ').find_map(|need| match need {
        "rings" => rings(),
        "addresses" => addresses(),
        _ => None,
    })
}
