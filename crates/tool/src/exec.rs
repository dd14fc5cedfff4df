//! Executes the program in this process's place, as if its caller had done so: with its signals, its standard
//! descriptors, its terminal and its exit status. So nothing has to be passed on.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// Before main, Rust's runtime ignores SIGPIPE and opens standard descriptors that are closed. What the caller chose is
/// read before that.
static PIPE_IGNORED: AtomicBool = AtomicBool::new(false);
static CLOSED: AtomicU8 = AtomicU8::new(0);

#[used]
#[unsafe(link_section = ".init_array")]
static REMEMBER: extern "C" fn() = remember;

extern "C" fn remember() {
    // SAFETY: all zeroes are a valid sigaction, and the call only writes to it.
    let ignored = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), &raw mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    };
    PIPE_IGNORED.store(ignored, Relaxed);
    // SAFETY: the call has no memory, and any number is allowed as a descriptor.
    let closed = (0..3).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } < 0);
    CLOSED.store(closed.fold(0, |bits, fd| bits | 1 << fd), Relaxed);
}

/// Executes a program. Returns only if that fails.
pub fn exec(program: &mut Command) -> io::Error {
    // SAFETY: all zeroes are a valid sigset_t, and the call only writes to it.
    let mask = unsafe {
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), &raw mut mask);
        mask
    };
    let restore = move || {
        if PIPE_IGNORED.load(Relaxed) {
            // SAFETY: ignoring a signal runs no code.
            unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        }
        for fd in (0..3).filter(|fd| CLOSED.load(Relaxed) & 1 << fd != 0) {
            // SAFETY: the runtime opened it, and nothing uses it between here and the exec.
            unsafe { libc::close(fd) };
        }
        // SAFETY: the set is the one that was read above.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, std::ptr::null_mut()) };
        Ok(())
    };
    // std would give the program an empty mask and SIGPIPE's default action.
    // SAFETY: exec() does not fork, so the closure may do everything.
    unsafe { program.pre_exec(restore) }.exec()
}
