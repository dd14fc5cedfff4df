//! Selects the kernel for which the library is compiled: it makes all its calls through [`Sys`].

#[cfg(all(test, loom))]
use crate::model::kernel::Modelled;
#[cfg(all(test, not(loom)))]
use crate::script::Scripted;
use ironring_abi::ctypes::c_void;
pub use ironring_abi::kernel::{FileLimit, Kernel, Memory, Part, SIGSET_SIZE};
#[cfg(all(not(test), not(feature = "engine")))]
use ironring_linux::Linux;

#[cfg(all(not(test), not(feature = "engine")))]
pub type Sys = Linux;
#[cfg(all(not(test), feature = "engine"))]
pub type Sys = ironring_engine::Engine;
#[cfg(all(test, loom))]
pub type Sys = Modelled;
#[cfg(all(test, not(loom)))]
pub type Sys = Scripted;

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
        if unsafe { Sys::advise(size as *mut c_void, 0, libc::MADV_NORMAL) } == 0 {
            return size;
        }
        size <<= 1;
    }
    4096
}
