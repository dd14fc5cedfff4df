//! The operator's settings: `IRONRING` and `IRONRING_LOG`. Both are ignored in programs that run with raised privileges.

use crate::atomic::{AtomicI32, AtomicU8, Ordering};
use crate::sys;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::fmt::{self, Write};
use ironring_abi::ctypes::{c_char, c_int};

/// Whose rings a program gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Policy {
    /// The kernel's, or the engine's if the kernel refuses.
    Auto = 1,
    /// The engine's. The kernel is never asked, because a filter may kill who asks.
    Engine,
    /// The kernel's.
    Kernel,
    /// `IRONRING` has another value: no rings.
    Wrong,
}

static POLICY: AtomicU8 = AtomicU8::new(0);

unsafe extern "C" {
    fn secure_getenv(name: *const c_char) -> *const c_char;
}

fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: a terminated name; programs don't change the environment while they use a library.
    let value = unsafe { secure_getenv(name.as_ptr()) };
    // SAFETY: libc returns null or a terminated string.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })
}

/// The policy of this process, read from the environment the first time.
pub fn policy() -> Policy {
    match POLICY.load(Ordering::Relaxed) {
        1 => Policy::Auto,
        2 => Policy::Engine,
        3 => Policy::Kernel,
        4 => Policy::Wrong,
        _ => read(),
    }
}

#[cold]
fn read() -> Policy {
    let value = variable(c"IRONRING");
    let policy = match value.map(CStr::to_bytes) {
        None | Some(b"" | b"auto") => Policy::Auto,
        Some(b"engine") => Policy::Engine,
        Some(b"kernel") => Policy::Kernel,
        Some(_) => Policy::Wrong,
    };
    if policy == Policy::Wrong {
        let mut line = Line::new();
        line.bytes(b"ironring: IRONRING=");
        line.bytes(value.map_or(b"", CStr::to_bytes));
        line.bytes(b" is not a policy, so no ring can be created; use auto, engine or kernel\n");
        line.write_to(libc::STDERR_FILENO);
    }
    POLICY.store(policy as u8, Ordering::Relaxed);
    policy
}

/// The log's descriptor; -1 for none, -2 if the environment has not been read.
static LOG: AtomicI32 = AtomicI32::new(-2);

/// A line that is written with one system call.
struct Line(Vec<u8>);

impl Line {
    fn new() -> Line {
        Line(Vec::new())
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn write_to(&self, file: c_int) {
        // SAFETY: the bytes are valid for the call.
        let _ = unsafe { sys::call(libc::SYS_write, [sys::fd(file), self.0.as_ptr() as usize, self.0.len()]) };
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

#[cold]
fn open_log() -> c_int {
    let file = match variable(c"IRONRING_LOG") {
        None => -1,
        Some(name) if name.is_empty() => -1,
        Some(name) if name == c"stderr" => libc::STDERR_FILENO,
        Some(name) => {
            let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
            // SAFETY: a terminated path.
            let opened = unsafe {
                sys::call(
                    libc::SYS_openat,
                    [sys::fd(libc::AT_FDCWD), name.as_ptr() as usize, flags as usize, 0o644],
                )
            };
            match opened {
                Ok(file) => crate::kept::raise(file as c_int),
                Err(errno) => {
                    let mut line = Line::new();
                    line.bytes(b"ironring: can't open the log ");
                    line.bytes(name.to_bytes());
                    let _ = writeln!(line, ": errno {}; set IRONRING_LOG to stderr or a file", -errno);
                    line.write_to(libc::STDERR_FILENO);
                    -1
                }
            }
        }
    };
    LOG.store(file, Ordering::Relaxed);
    file
}

/// Writes a line to the log, if there is one.
pub fn log(text: fmt::Arguments) {
    let file = match LOG.load(Ordering::Relaxed) {
        -2 => open_log(),
        file => file,
    };
    if file >= 0 {
        let mut line = Line::new();
        let _ = writeln!(line, "ironring[{}]: {text}", crate::lock::pid());
        line.write_to(file);
    }
}
