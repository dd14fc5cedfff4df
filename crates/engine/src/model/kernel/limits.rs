//! The program's limit on open files.

use super::{step, with};
use ironring_abi::ctypes::c_int;

/// The largest limit on open files: small, as the engine may look at each number.
pub const MOST: u64 = 32;

/// The limits on open files.
pub fn limits() -> libc::rlimit {
    step();
    libc::rlimit {
        rlim_cur: with(|linux| linux.limit),
        rlim_max: MOST,
    }
}

/// Sets the program's limit on open files.
pub fn set_limit(limit: u64) -> c_int {
    step();
    with(|linux| linux.limit = limit);
    0
}
