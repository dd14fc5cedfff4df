//! Descriptors that the engine holds: duplicates, at high numbers, where programs don't trip over them.

use crate::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use crate::lock::{Lock, Mutex};
use crate::sys::{self, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::zeroed;
use ironring_abi::ctypes::c_int;
use libc::{F_DUPFD_CLOEXEC, F_OFD_GETLK, F_UNLCK, F_WRLCK, SEEK_SET};

/// The lowest number for the engine's own descriptors; 0 before the first.
static LOWEST: AtomicI32 = AtomicI32::new(0);

/// The limits on open files; Linux's own where a filter refuses to tell.
fn limits() -> libc::rlimit {
    #[cfg(loom)]
    return crate::model::kernel::limits();
    #[cfg(not(loom))]
    found_limits()
}

#[cfg(not(loom))]
fn found_limits() -> libc::rlimit {
    let mut limits = libc::rlimit {
        rlim_cur: 1024,
        rlim_max: 1024,
    };
    // SAFETY: the limits are valid for the call, which leaves them alone if it fails.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits) };
    limits
}

/// Sets the program's limit on open files; 0 if that is done.
fn set_limit(limits: &libc::rlimit) -> c_int {
    #[cfg(loom)]
    return crate::model::kernel::set_limit(limits.rlim_cur);
    #[cfg(not(loom))]
    // SAFETY: the limits are valid for the call.
    unsafe {
        libc::setrlimit(libc::RLIMIT_NOFILE, limits)
    }
}

/// The program's limit on open files.
// On 32 bits the type is smaller.
#[allow(clippy::unnecessary_cast)]
pub fn limit() -> u64 {
    limits().rlim_cur as u64
}

/// Half of the limit on open files, so that neither side runs out first.
#[cold]
fn lowest() -> c_int {
    let lowest = (limit() / 2).clamp(3, 1 << 19) as c_int;
    LOWEST.store(lowest, Ordering::Relaxed);
    lowest
}

/// Duplicates a descriptor to a high number: in the upper half of what the program's limit allows, or beyond it, or to
/// any.
pub fn duplicate(file: c_int) -> Result<c_int> {
    let from = match LOWEST.load(Ordering::Relaxed) {
        0 => lowest(),
        from => from,
    };
    let high = |from: c_int| sys::fcntl(file, F_DUPFD_CLOEXEC, from as usize);
    // EINVAL: the program has lowered its limit. ENOMEM: the kernel's table of descriptors can't grow.
    let full = |errno: &c_int| [-libc::EMFILE, -libc::EINVAL, -libc::ENOMEM].contains(errno);
    let mut made = high(from);
    if made.as_ref().is_err_and(full) {
        made = past_limit(|| high(from));
    }
    if made.as_ref().is_err_and(full) {
        made = high(3);
    }
    match made {
        Ok(made) => {
            own(made as c_int);
            Ok(made as c_int)
        }
        Err(errno) => {
            if errno == -libc::EMFILE {
                exhausted();
            }
            Err(errno)
        }
    }
}

/// Moves a descriptor of the engine's own to a high number.
pub fn raise(file: c_int) -> c_int {
    if let Ok(high) = duplicate(file) {
        sys::close(file);
        high
    } else {
        own(file);
        file
    }
}

/// Opens a descriptor of the engine's own by a system call, at a high number and even if the program has used up its limit.
pub fn open(mut call: impl FnMut() -> Result) -> Result<c_int> {
    let opened = match call() {
        Err(errno) if errno == -libc::EMFILE => past_limit(call),
        opened => opened,
    }?;
    Ok(raise(opened as c_int))
}

/// Closes a descriptor of the engine's.
pub fn close(file: c_int) {
    if let Some((word, bit)) = owned(file) {
        word.fetch_and(!bit, Ordering::Relaxed);
    }
    sys::close(file);
}

/// The engine's descriptors, a bit for each, so that `IORING_OP_CLOSE` leaves them alone.
static OWNED: [AtomicU64; OWNED_MOST / 64] = [const { AtomicU64::new(0) }; OWNED_MOST / 64];
const OWNED_MOST: usize = 1 << 20;

fn owned(file: c_int) -> Option<(&'static AtomicU64, u64)> {
    let file = usize::try_from(file).ok()?;
    Some((OWNED.get(file / 64)?, 1 << (file % 64)))
}

fn own(file: c_int) {
    if let Some((word, bit)) = owned(file) {
        word.fetch_or(bit, Ordering::Relaxed);
    }
}

/// Whether a descriptor is the engine's, so that the program doesn't know it.
pub fn is_engines(file: c_int) -> bool {
    owned(file).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
}

/// Held while the limit is higher than the program has set it.
static RAISED: Mutex<()> = Mutex::new(());

/// Makes a call that needs a descriptor while the limit on open files is as high as it may be: what the engine keeps
/// doesn't count against the program's limit, as in the kernel.
pub fn past_limit<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    let _raised = RAISED.lock();
    let before = limits();
    if before.rlim_cur >= before.rlim_max {
        return Err(-libc::EMFILE);
    }
    let raised = libc::rlimit {
        rlim_cur: before.rlim_max,
        ..before
    };
    let set = set_limit(&raised);
    let done = call();
    if set == 0 {
        set_limit(&before);
    }
    done
}

/// Whether an error says that there is nothing to hold a file open with, or to watch it: a worker then waits for it with the
/// program's descriptor.
pub fn is_short(errno: c_int) -> bool {
    [-libc::EMFILE, -libc::ENFILE, -libc::ENOSPC, -libc::ENOMEM].contains(&errno)
}

/// Says once that descriptors are short.
#[cold]
fn exhausted() {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        crate::policy::log(format_args!(
            "no descriptor is left to hold a file open; raise the limit on open files (RLIMIT_NOFILE, ulimit -n)"
        ));
    }
}

/// A descriptor that the engine owns.
#[derive(Debug)]
pub struct Kept {
    file: c_int,
    /// The registered file that this duplicates: it is in use as long as the duplicate.
    _origin: Option<Arc<Kept>>,
}

/// Descriptors whose closing would release record locks of the program.
static POSTPONED: Mutex<Vec<c_int>> = Mutex::new(Vec::new());

impl Kept {
    /// Holds the file of a descriptor of the program open.
    pub fn new(file: c_int) -> Result<Kept> {
        duplicate(file).map(Kept::own)
    }

    /// Duplicates a registered file, which counts as used until the duplicate is closed.
    pub fn of(origin: &Arc<Kept>) -> Result<Kept> {
        let file = duplicate(origin.file)?;
        Ok(Kept {
            file,
            _origin: Some(origin.clone()),
        })
    }

    /// Takes a descriptor over.
    pub fn own(file: c_int) -> Kept {
        Kept { file, _origin: None }
    }

    pub fn fd(&self) -> c_int {
        self.file
    }
}

/// Whether this process may hold record locks (fcntl(2)) on a file: closing any descriptor of it would release them.
fn locked(file: c_int) -> bool {
    // SAFETY: all zeroes is a valid lock.
    let mut lock: libc::flock64 = unsafe { zeroed() };
    lock.l_type = F_WRLCK as _;
    lock.l_whence = SEEK_SET as _;
    // Locks of open files conflict with those of processes, ours included. Files that can't be locked say so.
    sys::fcntl(file, F_OFD_GETLK, (&raw mut lock) as usize).is_ok()
        && i32::from(lock.l_type) != i32::from(F_UNLCK as i16)
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut postponed = POSTPONED.lock();
        if !postponed.is_empty() {
            postponed.retain(|&file| {
                let keep = locked(file);
                if !keep {
                    close(file);
                }
                keep
            });
        }
        if locked(self.file) {
            // Without memory it stays open: that does less harm than to release a lock.
            if postponed.try_reserve(1).is_ok() {
                postponed.push(self.file);
            }
        } else {
            drop(postponed);
            close(self.file);
        }
    }
}

/// The lock that fork must hold.
pub fn fork_lock() -> &'static crate::lock::Lock {
    POSTPONED.word()
}

/// The lock on the limit, for fork.
pub fn raised_lock() -> &'static crate::lock::Lock {
    RAISED.word()
}

/// The device and inode that all files without a file system share; 0 before somebody has asked.
static ANONYMOUS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

/// Takes note of what files without a file system share, by one of them.
pub fn learn_anonymous(file: c_int) {
    let [device, inode] = &ANONYMOUS;
    if inode.load(Ordering::Relaxed) == 0 {
        if let Some(found) = sys::identity(file) {
            device.store(found.0, Ordering::Relaxed);
            inode.store(found.1, Ordering::Release);
        }
    }
}

/// What all files without a file system share; none if there is no descriptor to find out.
fn anonymous() -> Option<(u64, u64)> {
    let [device, inode] = &ANONYMOUS;
    if inode.load(Ordering::Relaxed) == 0 {
        let create = || sys::eventfd(libc::EFD_CLOEXEC);
        let made = match create() {
            Err(errno) if errno == -libc::EMFILE => past_limit(create),
            made => made,
        }
        .ok()?;
        learn_anonymous(made);
        sys::close(made);
    }
    match inode.load(Ordering::Acquire) {
        0 => None,
        inode => Some((device.load(Ordering::Relaxed), inode)),
    }
}

/// Whether a descriptor's file is one without a file system, such as a ring, an eventfd or an epoll descriptor; true if
/// that can't be found out.
pub fn is_anonymous(file: c_int) -> bool {
    anonymous().is_none_or(|known| sys::identity(file) == Some(known))
}

/// Whether a descriptor's file is known to be one without a file system.
pub fn is_surely_anonymous(file: c_int) -> bool {
    anonymous().is_some_and(|known| sys::identity(file) == Some(known))
}

/// Held while two descriptors are compared.
static COMPARING: Mutex<()> = Mutex::new(());

/// The lock of comparisons, for fork.
pub fn compare_lock() -> &'static crate::lock::Lock {
    COMPARING.word()
}

/// Whether two descriptors are one open file: a setting that belongs to the open file is changed through one and seen
/// through the other. It has no effect on files that send no signals. If another process does the same at the same time,
/// the answer may be that they are not.
pub fn same_file(one: c_int, other: c_int) -> bool {
    if let Some(known) = same_at_once(one, other) {
        return known;
    }
    let _comparing = COMPARING.lock();
    compare_again(one, other)
}

/// As [`same_file`], for a file that processes share with a lock: all of them compare it through this descriptor and with
/// the lock, so that the answer is right.
pub fn same_shared_file(shared: c_int, lock: &Lock, other: c_int) -> bool {
    if let Some(known) = same_at_once(shared, other) {
        return known;
    }
    let _comparing = COMPARING.lock();
    compare_alone(shared, lock, other)
}

/// Compares while no other process does so with this lock.
pub(crate) fn compare_alone(shared: c_int, lock: &Lock, other: c_int) -> bool {
    // Who dies with it leaves at most another value of the setting.
    lock.lock();
    let same = compare_again(shared, other);
    lock.unlock();
    same
}

/// The answer, if it is clear without a comparison.
fn same_at_once(one: c_int, other: c_int) -> Option<bool> {
    if one == other {
        return Some(true);
    }
    (sys::identity(one) != sys::identity(other)).then_some(false)
}

/// Compares until nobody has changed the setting meanwhile, if possible.
fn compare_again(one: c_int, other: c_int) -> bool {
    (0..8).find_map(|_| compare(one, other)).unwrap_or(false)
}

/// Compares once; `None` if another process has changed the setting meanwhile.
fn compare(one: c_int, other: c_int) -> Option<bool> {
    const F_SETSIG: c_int = 10;
    const F_GETSIG: c_int = 11;
    let get = |file| sys::fcntl(file, F_GETSIG, 0);
    let Ok(before) = get(one) else { return Some(false) };
    let probe = if before == 63 { 62 } else { 63 };
    if get(other) != Ok(before) || sys::fcntl(one, F_SETSIG, probe).is_err() {
        return Some(false);
    }
    let seen = get(other);
    let still = get(one);
    let _ = sys::fcntl(one, F_SETSIG, before);
    (still == Ok(probe)).then_some(seen == Ok(probe))
}

#[cfg(test)]
mod processes;
#[cfg(test)]
mod tests;

/// A descriptor of the program for an open file, other than one.
#[cold]
pub fn other_descriptor(file: c_int, but: c_int) -> Option<c_int> {
    let most = limit().min(1 << 16) as c_int;
    (0..most).find(|&other| {
        other != but && !is_engines(other) && sys::fcntl(other, libc::F_GETFD, 0).is_ok() && same_file(other, file)
    })
}
