//! Which descriptors go through the page cache, and which transfers past it.

use super::Start;
use super::rw::rw;
use crate::context::Core;
use crate::request::Request;
use crate::sys;
use alloc::boxed::Box;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::IOSQE_FIXED_FILE;

/// Descriptors that were found to go through the page cache, or past it, so that not each transfer asks.
///
/// A number can become another file's unseen, so what is known holds for some transfers only. Meanwhile those of a file with
/// `O_DIRECT` would be made by the thread that submits them, one after the other, and AIO, if it can't make those of
/// another file without blocking, gives them back.
#[derive(Default)]
pub struct Cached([Known; 32]);

#[derive(Clone, Copy, Default)]
struct Known {
    fd: c_int,
    is: bool,
    /// For so many transfers.
    left: u8,
}

impl Cached {
    const TRANSFERS: u8 = 15;

    fn at(&mut self, fd: c_int) -> &mut Known {
        let at = fd as usize % self.0.len();
        &mut self.0[at]
    }

    /// Whether a descriptor's transfers go through the page cache, which is known or asked.
    pub fn is(&mut self, fd: c_int, ask: impl FnOnce(c_int) -> bool) -> bool {
        let known = self.at(fd);
        if known.fd == fd && known.left != 0 {
            known.left -= 1;
        } else {
            *known = Known {
                fd,
                is: ask(fd),
                left: Self::TRANSFERS,
            };
        }
        known.is
    }

    /// Forgets what is known of a descriptor.
    pub fn forget(&mut self, fd: c_int) {
        self.at(fd).left = 0;
    }
}

/// Whether a transfer goes to a disk itself: with `RWF_NOWAIT` the call does not wait before it asks the disk, but it waits
/// for the disk's answer, and other requests would have to wait, too.
pub fn is_direct(core: &mut Core, request: &mut Request) -> bool {
    /// The smallest block of a disk: all other transfers are refused with `O_DIRECT`, or are not of storage.
    const BLOCK: u64 = 512;
    let rw = rw(request);
    let position = if rw.position == u64::MAX { 0 } else { rw.position };
    let aligned = (position | rw.total as u64) % BLOCK == 0;
    aligned && !core.inner.cached.is(request.fd(), is_cached)
}

/// Whether the page cache is between a descriptor and the disk, or there is no disk.
fn is_cached(fd: c_int) -> bool {
    let direct = sys::fcntl(fd, libc::F_GETFL, 0).is_ok_and(|flags| flags as c_int & libc::O_DIRECT != 0);
    // Pipes have another use for the flag.
    !direct || !sys::is_storage(fd)
}

/// Goes on with a transfer that AIO could have made only by blocking.
pub fn direct_again(core: &mut Core, request: Box<Request>, block: fn(&mut Request) -> i32) {
    let known_as = if request.has(IOSQE_FIXED_FILE) {
        request.fd()
    } else {
        request.sqe.fd
    };
    core.inner.cached.forget(known_as);
    match request.def().start {
        // The number had been another file's.
        Start::Try(attempt, block) if is_cached(request.fd()) => core.attempt(request, 0, attempt, block),
        _ => core.work(request, block),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_descriptor_is_asked_again() {
        for is in [true, false] {
            let mut cached = Cached::default();
            let mut asked = 0;
            for _ in 0..32 {
                let found = cached.is(5, |_| {
                    asked += 1;
                    is
                });
                assert_eq!(found, is);
            }
            assert_eq!(asked, 2);
            // Another one in the same place.
            assert_eq!(cached.is(37, |_| !is), !is);
            assert_eq!(cached.is(5, |_| !is), !is);
            cached.forget(5);
            assert_eq!(cached.is(5, |_| is), is);
        }
        assert!(!Cached::default().is(-1, |_| false));
    }
}
