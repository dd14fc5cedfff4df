//! Fork: no lock of the engine is held across it, and the child starts without the parent's requests and threads.

use crate::atomic::{AtomicBool, Ordering};
use crate::ops::net;
use crate::{context, driver, futex, heap, kept, lock, sqpoll, thread, timers, worker};

static REGISTERED: AtomicBool = AtomicBool::new(false);

/// The locks of this process, in the order in which they are taken.
fn locks() -> [&'static lock::Lock; 12] {
    [
        sqpoll::fork_lock(),
        net::fork_lock(),
        timers::fork_lock(),
        worker::disk::fork_lock(),
        driver::fork_lock(),
        worker::fork_lock(),
        worker::places_lock(),
        futex::fork_lock(),
        kept::fork_lock(),
        kept::raised_lock(),
        context::fork_lock(),
        kept::compare_lock(),
    ]
}

/// A signal handler that has interrupted a call forks: the locks that the call holds can't be waited for, and the child can
/// do little but exec.
static NESTED: AtomicBool = AtomicBool::new(false);

/// # Safety
/// The other two follow, on the same thread or in its copy.
pub(crate) unsafe extern "C" fn prepare() {
    if thread::is_inside() {
        NESTED.store(true, Ordering::Relaxed);
        return;
    }
    driver::fork_lock_first().lock();
    loop {
        context::each(context::Context::lock_for_fork);
        for lock in locks() {
            lock.lock();
        }
        if context::all_are_locked() {
            break;
        }
        // A ring has been created meanwhile, and somebody may be in the midst of it.
        for lock in locks().iter().rev() {
            lock.unlock();
        }
    }
    heap::lock_for_fork();
}

/// # Safety
/// After `prepare`.
pub(crate) unsafe extern "C" fn parent() {
    if NESTED.swap(false, Ordering::Relaxed) {
        return;
    }
    heap::unlock_after_fork();
    for lock in locks().iter().rev() {
        lock.unlock();
    }
    context::each(context::Context::unlock_after_fork);
    driver::fork_lock_first().unlock();
}

unsafe extern "C" fn child() {
    NESTED.store(false, Ordering::Relaxed);
    heap::child();
    // The locks of the rings are shared: the parent holds them, and gives them back.
    for lock in locks() {
        lock.reset();
    }
    driver::fork_lock_first().reset();
    lock::forget_pid();
    driver::child();
    timers::child();
    worker::child();
    worker::disk::child();
    futex::child();
    thread::child();
    context::each(context::Context::child);
}

/// Registers the handlers, once, with the first ring. -ENOMEM if libc has no memory for them.
pub fn register() -> crate::sys::Result<()> {
    if REGISTERED.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    // SAFETY: the handlers take no argument, and the library stays loaded (NODELETE).
    if unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) } == 0 {
        return Ok(());
    }
    REGISTERED.store(false, Ordering::Relaxed);
    Err(-libc::ENOMEM)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// Locks of requests and of threads, which the child forgets together with these.
    const FORGOTTEN: [&str; 2] = ["request: Mutex::new(", "state: Mutex::new("];

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("the folder can be read");
        let paths = entries.map(|entry| entry.expect("it can be read").path());
        paths
            .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
            .collect()
    }

    #[test]
    fn every_lock_is_held_across_a_fork() {
        let mut statics = 0;
        for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
            let text = fs::read_to_string(&path).expect("the source can be read");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            if path.ends_with("tests.rs") || path.ends_with("lock.rs") {
                continue;
            }
            for line in code.lines().filter(|line| line.contains("Mutex::new(")) {
                if FORGOTTEN.iter().any(|forgotten| line.contains(forgotten)) {
                    continue;
                }
                let name = line.strip_prefix("static ").and_then(|line| line.split(':').next());
                let taken = name.is_some_and(|name| text.contains(&format!("{name}.word()")));
                assert!(taken, "{}: {line}: fork does not take this lock", path.display());
                statics += 1;
            }
        }
        assert!(statics >= 12, "{statics}");
    }
}
