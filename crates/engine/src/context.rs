//! A ring of the engine in this process, and the table of all of them.

mod forked;

use crate::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, Ordering, exclusive, uses};
use crate::kept;
use crate::lock::Mutex;
pub use crate::locked::{Core, Inner, Work};
pub use crate::memory::{Memory, Queues};
use crate::shared::Shared;
use crate::slab::Slab;
use crate::sys;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use ironring_abi::ctypes::c_int;

/// A place in the table of rings. Places are used again and never freed, so that a call that races with the exit of its
/// ring finds a lock.
pub struct Context {
    pub index: u16,
    /// The program's descriptor, -1 for none.
    pub fd: AtomicI32,
    /// The engine's descriptor of the same file.
    pub signal: AtomicI32,
    /// Threads within a call on the ring.
    users: AtomicU32,
    /// Tells apart the rings that had the place.
    serial: AtomicU32,
    /// It may have a duplicate that the program uses.
    twice: AtomicBool,
    /// A fork has taken the lock.
    forking: AtomicBool,
    /// That fork has taken the lock over from a process that died with it.
    inherited: AtomicBool,
    /// There may be other processes that use the ring.
    forked: AtomicBool,
    /// What keeps the ring: its descriptor, and registered indices.
    holders: AtomicU32,
    shared: AtomicPtr<Shared>,
    inner: UnsafeCell<Option<Inner>>,
}

// SAFETY: the ring's lock protects `inner`, everything else is atomic.
unsafe impl Sync for Context {}
// SAFETY: as above.
unsafe impl Send for Context {}

static TABLE: Mutex<Vec<&'static Context>> = Mutex::new(Vec::new());

/// The rings by descriptor.
const DIRECT: usize = 1 << 16;
static BY_FD: [AtomicPtr<Context>; DIRECT] = [const { AtomicPtr::new(null_mut()) }; DIRECT];

fn by_number(fd: c_int) -> Option<&'static AtomicPtr<Context>> {
    usize::try_from(fd).ok().and_then(|fd| BY_FD.get(fd))
}

/// The ring that the program created with this descriptor.
pub fn by_fd(fd: c_int) -> Option<&'static Context> {
    // SAFETY: contexts are never freed.
    let context = unsafe { by_number(fd)?.load(Ordering::Acquire).as_ref() }?;
    uses(&raw const context.index);
    Some(context)
}

/// Forgets the ring that the program created with a descriptor if the program has closed that itself, without a call to
/// the library.
pub fn forget_closed(fd: c_int) {
    // Not if somebody keeps it locked: the caller may have another ring locked.
    forget(fd, Context::try_lock);
}

fn forget(fd: c_int, lock: impl FnOnce(&'static Context) -> Option<Core>) {
    let Some(context) = by_fd(fd) else { return };
    let is_closed = || !context.has(fd);
    if !is_closed() {
        return;
    }
    // By now the place may belong to another ring, but not while that is locked.
    let Some(core) = lock(context) else { return };
    let closed = is_closed()
        && context
            .fd
            .compare_exchange(fd, -1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
    drop(core);
    if closed {
        context.twice.store(true, Ordering::Relaxed);
        context.lose(fd);
    }
}

/// The ring of any of its descriptors: found by comparison, for duplicates.
pub fn by_duplicate(fd: c_int) -> Option<&'static Context> {
    if let Some(found) = by_fd(fd) {
        return Some(found);
    }
    if fd < 0 {
        return None;
    }
    let table = TABLE.lock();
    let mut open = table.iter().filter(|context| context.is_open());
    let found = open.find(|context| context.has(fd));
    if let Some(context) = found {
        context.twice.store(true, Ordering::Relaxed);
    }
    found.copied()
}

/// Whether a descriptor is a ring's, or a duplicate of one.
pub fn is_ring(fd: c_int) -> bool {
    by_fd(fd).is_some() || kept::is_anonymous(fd) && by_duplicate(fd).is_some()
}

/// Set with the first ring of the engine's. Who knows a ring's number has it from the thread that created the ring.
static USED: AtomicBool = AtomicBool::new(false);

/// Whether this process has ever had rings of the engine.
pub fn is_used() -> bool {
    USED.load(Ordering::Relaxed)
}

/// Whether this process has rings of the engine.
pub fn any() -> bool {
    TABLE.lock().iter().any(|context| context.is_open())
}

/// The ring at a place of the table.
pub fn at(index: u16) -> Option<&'static Context> {
    TABLE
        .lock()
        .get(usize::from(index))
        .copied()
        .filter(|context| context.is_open())
}

/// Calls a function for each place in the table.
pub fn each(mut with: impl FnMut(&'static Context)) {
    // Not with the table locked: locks of rings come before it.
    let all = TABLE.lock().clone();
    for context in all {
        with(context);
    }
}

/// Whether a fork has the locks of all rings; the caller has the table's lock.
pub fn all_are_locked() -> bool {
    // SAFETY: the table is locked.
    let table = unsafe { TABLE.locked() };
    table
        .iter()
        .all(|context| !context.is_open() || context.forking.load(Ordering::Relaxed))
}

/// The table's lock, for fork.
pub fn fork_lock() -> &'static crate::lock::Lock {
    TABLE.word()
}

/// Enters a new ring into the table.
pub fn create(fd: c_int, signal: c_int, shared: *mut Shared, inner: Inner) -> &'static Context {
    // If the program has closed a ring's descriptor itself, the number is used again.
    forget(fd, Context::lock);
    USED.store(true, Ordering::Relaxed);
    let mut table = TABLE.lock();
    let free = table
        .iter()
        .copied()
        .find(|context| !context.is_open() && context.users.load(Ordering::Acquire) == 0);
    let context = free.unwrap_or_else(|| {
        let context: &'static Context = Box::leak(Box::new(Context {
            index: table.len() as u16,
            fd: AtomicI32::new(-1),
            signal: AtomicI32::new(-1),
            users: AtomicU32::new(0),
            serial: AtomicU32::new(0),
            twice: AtomicBool::new(false),
            forking: AtomicBool::new(false),
            inherited: AtomicBool::new(false),
            forked: AtomicBool::new(false),
            holders: AtomicU32::new(0),
            shared: AtomicPtr::new(null_mut()),
            inner: UnsafeCell::new(None),
        }));
        exclusive(&raw const context.index);
        table.push(context);
        context
    });
    let mut inner = inner;
    // The driver may still have news for requests of the former ring.
    inner.requests = Slab::new((context.serial() as u16).wrapping_mul(FAR_APART));
    exclusive(context.inner.get());
    // SAFETY: the place is free and the table is locked, so nobody else uses it.
    unsafe { *context.inner.get() = Some(inner) };
    context.fd.store(fd, Ordering::Relaxed);
    context.signal.store(signal, Ordering::Relaxed);
    context.twice.store(false, Ordering::Relaxed);
    context.forked.store(false, Ordering::Relaxed);
    context.holders.store(1, Ordering::Relaxed);
    context.shared.store(shared, Ordering::Release);
    drop(table);
    if let Some(entry) = by_number(fd) {
        entry.store((&raw const *context).cast_mut(), Ordering::Release);
    }
    context
}

/// How long the exit of a ring waits for others, in nanoseconds.
const PATIENCE: u64 = 500_000_000;

/// The distance between the generations of two rings in one place of the table.
const FAR_APART: u16 = 8191;

/// A thread within a call on a ring: the ring's memory stays.
pub struct Entered(&'static Context);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::Release);
    }
}

impl Context {
    /// Whether there is a ring. What belongs to it is read by who has [entered](Self::enter) it.
    pub fn is_open(&self) -> bool {
        !self.shared.load(Ordering::Relaxed).is_null()
    }

    /// Whether there may be other processes that use the ring.
    pub fn is_forked(&self) -> bool {
        self.forked.load(Ordering::Relaxed)
    }

    pub fn serial(&self) -> u32 {
        self.serial.load(Ordering::Relaxed)
    }

    /// Keeps the ring's memory for the duration of a call.
    pub fn enter(&'static self) -> Option<Entered> {
        // Whoever exits the ring takes the control block away first and then looks for users; this is the reverse. In one
        // order of all four, or each could miss the other.
        self.users.fetch_add(1, Ordering::SeqCst);
        let entered = Entered(self);
        (!self.shared.load(Ordering::SeqCst).is_null()).then_some(entered)
    }

    /// The control block of an open ring.
    pub fn shared(&self) -> Option<&Shared> {
        // `enter` has read the address with acquire, and meanwhile it can only have become null.
        // SAFETY: the control block stays as long as the ring is open, and callers have entered it.
        unsafe { self.shared.load(Ordering::Relaxed).as_ref() }
    }

    /// Whether a descriptor is one of the ring's, by comparison.
    fn has(&'static self, fd: c_int) -> bool {
        let Some(_entered) = self.enter() else { return false };
        let signal = self.signal.load(Ordering::Relaxed);
        self.shared()
            .is_some_and(|shared| kept::same_shared_file(signal, &shared.comparing, fd))
    }

    /// Locks the ring; none if it has been exited.
    pub fn lock(&'static self) -> Option<Core> {
        let entered = self.enter()?;
        let died = self.shared()?.lock.lock();
        self.locked(entered, died)
    }

    /// Locks the ring unless somebody else keeps it locked.
    pub fn try_lock(&'static self) -> Option<Core> {
        let entered = self.enter()?;
        self.shared()?.lock.try_lock().then_some(())?;
        self.locked(entered, false)
    }

    /// The ring, whose lock has just been taken; `died` if from a process that died with it.
    fn locked(&'static self, entered: Entered, died: bool) -> Option<Core> {
        let shared = self.shared()?;
        exclusive(self.inner.get());
        // SAFETY: the lock is held.
        let inner = unsafe { (*self.inner.get()).as_mut() };
        let Some(inner) = inner.filter(|inner| !inner.closed) else {
            shared.lock.unlock();
            return None;
        };
        let mut moved = false;
        if died {
            // The entries that the dead process has taken are gone with it; the program gets their slots back, and what
            // was completed.
            // SAFETY: the lock is held, and the ring's memory is mapped.
            unsafe {
                inner.half.take(shared.sq(), 0).end();
                // It may have made completions visible and told nobody.
                moved = inner.half.ready() != 0;
                if shared.backlog().len() != 0 {
                    inner.half.set_flags(ironring_abi::uapi::IORING_SQ_CQ_OVERFLOW);
                }
            }
        }
        Some(Core {
            context: self,
            inner,
            shared,
            news: died,
            moved,
            signals: moved,
            waited: false,
            worker: false,
            submitter: None,
            _entered: entered,
        })
    }

    /// Has those who wait look again.
    pub fn wake_waiters(&'static self) {
        let Some(_entered) = self.enter() else { return };
        let Some(shared) = self.shared() else { return };
        // Who sees the number sees why it has changed; others change it within the ring's lock.
        shared.news.fetch_add(1, Ordering::Release);
        sys::futex_wake(shared.news.as_ptr(), u32::MAX >> 1);
    }

    /// Counts one more index of the ring; false if the last one has gone, and the place may belong to another ring soon.
    pub fn hold(&self) -> bool {
        let mut holders = self.holders.load(Ordering::Relaxed);
        while holders != 0 {
            let one_more = holders + 1;
            match self
                .holders
                .compare_exchange(holders, one_more, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(found) => holders = found,
            }
        }
        false
    }

    /// Counts one less, and exits the ring with the last.
    pub fn release(&'static self) {
        uses(&raw const self.holders);
        if self.holders.fetch_sub(1, Ordering::AcqRel) == 1 {
            exclusive(&raw const self.holders);
            self.destroy();
        }
    }

    /// The program closes its descriptor. The ring stays if there is a duplicate.
    pub fn close(&'static self) {
        let fd = self.fd.swap(-1, Ordering::Relaxed);
        if fd >= 0 {
            self.lose(fd);
        }
    }

    /// Its descriptor is gone, which the caller has taken from `fd`.
    fn lose(&'static self, fd: c_int) {
        self.leave_number(fd);
        if self.twice.load(Ordering::Relaxed) {
            if let Some(other) = kept::other_descriptor(self.signal.load(Ordering::Relaxed), fd) {
                self.fd.store(other, Ordering::Relaxed);
                if let Some(entry) = by_number(other) {
                    entry.store((&raw const *self).cast_mut(), Ordering::Release);
                }
                return;
            }
        }
        self.release();
    }

    /// Forgets the ring's number, unless it is already another ring's.
    fn leave_number(&'static self, fd: c_int) {
        if let Some(entry) = by_number(fd) {
            let own = (&raw const *self).cast_mut();
            let _ = entry.compare_exchange(own, null_mut(), Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Exits the ring: cancels its requests and frees its memory.
    fn destroy(&'static self) {
        self.leave_number(self.fd.swap(-1, Ordering::Relaxed));
        let Some(mut core) = self.lock() else { return };
        // Keeps the place from being used again before the memory is gone.
        let Some(entered) = self.enter() else { return };
        core.exit();
        // Threads that wait leave; the ring's memory goes, so nothing is published there any more.
        core.news = false;
        core.shared.news.fetch_add(1, Ordering::Relaxed);
        sys::futex_wake(core.shared.news.as_ptr(), u32::MAX >> 1);
        self.serial.fetch_add(1, Ordering::Relaxed);
        drop(core);
        self.shared.store(null_mut(), Ordering::SeqCst);
        kept::close(self.signal.swap(-1, Ordering::Relaxed));
        // Others may still be on their way out of a call. Who has left a call by a jump out of a signal handler never is:
        // then the memory stays, and the place in the table.
        let until = sys::now(libc::CLOCK_MONOTONIC) + PATIENCE;
        while self.users.load(Ordering::SeqCst) != 1 {
            if sys::now(libc::CLOCK_MONOTONIC) > until {
                return;
            }
            // SAFETY: no memory is passed.
            let _ = unsafe { sys::call::<0>(libc::SYS_sched_yield, []) };
        }
        exclusive(self.inner.get());
        // SAFETY: the ring is closed and nobody else is within it.
        if let Some(inner) = unsafe { (*self.inner.get()).take() } {
            inner.memory.unmap();
            if let Some(poller) = &inner.poller {
                crate::sqpoll::finish(poller);
            }
        }
        drop(entered);
        if !any() {
            crate::futex::retire();
            crate::worker::retire();
        }
    }
}
