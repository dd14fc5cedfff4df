//! Polling threads of rings with `IORING_SETUP_SQPOLL`. Rings can share one (`IORING_SETUP_ATTACH_WQ`).

use crate::atomic::{AtomicU32, Ordering};
use crate::context::{Context, Core};
use crate::lock::{self, Mutex};
use crate::sys::{self, Result};
use crate::thread;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use ironring_abi::ctypes::c_uint;
use ironring_abi::uapi::*;
use libc::{CLOCK_MONOTONIC, EINVAL};

/// A polling thread; without one, if none could be made, the program's calls do its work.
pub struct Poller {
    /// Changes when the thread is to look, and when it has taken entries; both sides sleep on it. It is in shared memory,
    /// because the thread is the parent's after a fork. It orders nothing: what it announces is done within the ring's lock
    /// (or [`POLLED`]), which those who sleep take after they have read it.
    word: *const AtomicU32,
    /// Behind [`POLLED`].
    polled: UnsafeCell<Polled>,
    /// The process that the thread belongs to.
    process: u32,
}

/// The lock of what all pollers poll: one, which a fork can take.
static POLLED: Mutex<()> = Mutex::new(());

/// The lock that fork must hold.
pub fn fork_lock() -> &'static lock::Lock {
    POLLED.word()
}

/// What a poller polls.
struct Polled {
    rings: Vec<(&'static Context, u32)>,
    /// Nanoseconds without entries after which the thread sleeps.
    idle: u64,
    /// The thread could not be made: the program is told to wake it up each time, and the call that does takes the entries.
    without_thread: bool,
    /// The only processor that the thread runs on.
    cpu: Option<u32>,
    /// The thread ends, and polls no more rings.
    ended: bool,
}

impl Polled {
    /// Has one more ring polled; false if that is too late.
    fn add(&mut self, ring: (&'static Context, u32), idle: u64) -> bool {
        if !self.ended {
            self.rings.push(ring);
            self.idle = self.idle.max(idle);
        }
        !self.ended
    }
}

// SAFETY: the word is atomic and stays mapped as long as the poller exists; the rest has a lock.
unsafe impl Send for Poller {}
// SAFETY: as above.
unsafe impl Sync for Poller {}

/// The default of `sq_thread_idle`, in milliseconds.
const IDLE: u32 = 1000;
/// How long the exit of a ring waits for the thread.
const PATIENCE: u64 = 500_000_000;
/// The entries that one of several rings may have taken at a time.
const FAIR: u32 = 8;
/// How long a thread waits for room before it looks again: the process with the polling thread may have ended.
const SLEEP: u64 = 1_000_000_000;
/// Without an end: whoever has something for the polling thread wakes it up.
const FOR_EVER: u64 = u64::MAX / 2;

impl Drop for Poller {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `start`, and nobody refers to it any more.
        unsafe { sys::unmap(self.word.cast_mut().cast(), size_of::<AtomicU32>()) };
    }
}

impl Poller {
    fn word(&self) -> &AtomicU32 {
        // SAFETY: it stays mapped as long as the poller exists.
        unsafe { &*self.word }
    }

    /// Calls a function with what it polls.
    fn with<T>(&self, call: impl FnOnce(&mut Polled) -> T) -> T {
        let _held = POLLED.lock();
        // SAFETY: the lock lets one thread at a time to it, and callers don't lock it twice.
        call(unsafe { &mut *self.polled.get() })
    }

    /// Makes the thread, and those who wait for room, look again.
    pub fn wake(&self) {
        self.word().fetch_add(1, Ordering::Relaxed);
        sys::futex_wake(self.word().as_ptr(), u32::MAX >> 1);
    }
}

/// Waits until the thread of an exited ring has ended, if that was its last, as Linux does.
pub fn finish(poller: &Arc<Poller>) {
    if poller.process != lock::pid() {
        return;
    }
    let until = sys::now(CLOCK_MONOTONIC) + PATIENCE;
    while Arc::strong_count(poller) > 1 && sys::now(CLOCK_MONOTONIC) < until {
        let others = |(context, serial): &(&'static Context, u32)| context.is_open() && context.serial() == *serial;
        if poller.with(|polled| polled.rings.iter().any(others)) {
            return;
        }
        // SAFETY: no memory is passed.
        let _ = unsafe { sys::call::<0>(libc::SYS_sched_yield, []) };
    }
}

/// Binds the calling thread to a processor.
fn bind(cpu: u32) -> Result<()> {
    let mut set = [0u64; 16];
    let word = set.get_mut(cpu as usize / 64).ok_or(-EINVAL)?;
    *word = 1 << (cpu % 64);
    // SAFETY: the set is valid for the call.
    unsafe {
        sys::call(
            libc::SYS_sched_setaffinity,
            [0, size_of_val(&set), set.as_ptr() as usize],
        )
    }
    .map(drop)
}

/// Whether a thread can be bound to a processor: the calling one is, for a moment.
fn can_bind(cpu: u32) -> Result<()> {
    let mut before = [0u64; 128];
    // SAFETY: the set is valid for the call.
    unsafe {
        sys::call(
            libc::SYS_sched_getaffinity,
            [0, size_of_val(&before), before.as_mut_ptr() as usize],
        )
    }?;
    bind(cpu)?;
    // SAFETY: as above.
    unsafe {
        sys::call(
            libc::SYS_sched_setaffinity,
            [0, size_of_val(&before), before.as_ptr() as usize],
        )
    }
    .map(drop)
}

/// Checks what `p` asks of a polling thread.
pub fn check(p: &io_uring_params, attached: Option<&'static Context>) -> Result<()> {
    if p.flags & IORING_SETUP_SQ_AFF != 0 {
        can_bind(p.sq_thread_cpu)?;
    }
    if let Some(attached) = attached {
        let core = attached.lock().ok_or(-libc::EBADF)?;
        if core.inner.poller.is_none() {
            return Err(-EINVAL);
        }
    }
    Ok(())
}

/// Has a new ring polled, by the thread of another ring or a new one.
pub fn start(context: &'static Context, p: &io_uring_params, attached: Option<&'static Context>) -> Result<()> {
    let idle = if p.sq_thread_idle == 0 { IDLE } else { p.sq_thread_idle };
    let idle = u64::from(idle) * 1_000_000;
    let ring = (context, context.serial());
    // A thread of another process is not shared, as with Linux, nor one that ends because its last ring was just exited.
    let shared = attached
        .and_then(Context::lock)
        .and_then(|core| core.inner.poller.clone())
        .filter(|poller| poller.process == lock::pid() && poller.with(|polled| polled.add(ring, idle)));
    let poller = if let Some(poller) = shared {
        poller
    } else {
        let poller = Arc::new(Poller {
            word: sys::map_shared(size_of::<AtomicU32>())?.cast_const().cast(),
            process: lock::pid(),
            polled: UnsafeCell::new(Polled {
                rings: alloc::vec![ring],
                idle,
                without_thread: false,
                cpu: (p.flags & IORING_SETUP_SQ_AFF != 0).then_some(p.sq_thread_cpu),
                ended: false,
            }),
        });
        let given = Arc::into_raw(poller.clone());
        if thread::spawn("iou-sqp", run, given as usize).is_err() {
            // SAFETY: no thread has got it.
            drop(unsafe { Arc::from_raw(given) });
            poller.with(|polled| polled.without_thread = true);
        }
        poller
    };
    if let Some(core) = context.lock() {
        if poller.with(|polled| polled.without_thread) {
            // SAFETY: the ring's memory is mapped.
            unsafe { core.inner.half.set_flags(IORING_SQ_NEED_WAKEUP) };
        }
        core.inner.poller = Some(poller.clone());
    }
    poller.wake();
    Ok(())
}

/// Entries that the program has published.
fn pending(core: &Core) -> u32 {
    // SAFETY: the lock is held, and the ring's memory is mapped.
    unsafe { core.inner.half.submitted(core.shared.sq()) }
}

/// Takes entries of a ring. `None` if the ring is gone, otherwise whether there were any.
fn poll((context, serial): (&'static Context, u32), most: u32) -> Option<bool> {
    let mut core = context.lock()?;
    if context.serial() != serial {
        return None;
    }
    let found = !core.queues().disabled && pending(&core) != 0;
    if found {
        core.submit(most);
        if !core.inner.eager.is_empty() {
            core = core.fetch()?;
        }
    }
    core.settle();
    Some(found)
}

/// Tells the program of each ring that the thread is about to sleep; false if there are entries.
fn announce(rings: &[(&'static Context, u32)]) -> bool {
    rings.iter().all(|(context, serial)| {
        let Some(mut core) = context.lock() else { return true };
        if context.serial() != *serial || core.queues().disabled {
            return true;
        }
        core.ask_for_entering();
        // SAFETY: the lock is held, and the ring's memory is mapped.
        unsafe { core.inner.half.may_sleep(core.shared.sq()) }
    })
}

/// Tells the program of each ring that the thread is awake.
fn awake(rings: &[(&'static Context, u32)]) {
    for (context, serial) in rings {
        if let Some(core) = context.lock() {
            if context.serial() == *serial {
                // SAFETY: the ring's memory is mapped.
                unsafe { core.inner.half.clear_flags(IORING_SQ_NEED_WAKEUP) };
            }
        }
    }
}

fn run(given: usize) {
    // SAFETY: `start` gave it to this thread.
    let poller = unsafe { Arc::from_raw(given as *const Poller) };
    if let Some(cpu) = poller.with(|polled| polled.cpu) {
        let _ = bind(cpu);
    }
    let mut last = sys::now(CLOCK_MONOTONIC);
    loop {
        let word = poller.word().load(Ordering::Relaxed);
        let (rings, idle) = poller.with(|polled| (polled.rings.clone(), polled.idle));
        let most = if rings.len() == 1 { u32::MAX } else { FAIR };
        let mut found = false;
        let mut gone = false;
        for ring in &rings {
            match poll(*ring, most) {
                Some(some) => found |= some,
                None => gone = true,
            }
        }
        if gone {
            let open = |(context, serial): &(&'static Context, u32)| context.is_open() && context.serial() == *serial;
            let none = poller.with(|polled| {
                polled.rings.retain(open);
                polled.ended = polled.rings.is_empty();
                polled.ended
            });
            if none {
                return;
            }
            continue;
        }
        if found {
            poller.wake();
            last = sys::now(CLOCK_MONOTONIC);
        } else if sys::now(CLOCK_MONOTONIC).saturating_sub(last) < idle {
            // SAFETY: no memory is passed.
            let _ = unsafe { sys::call::<0>(libc::SYS_sched_yield, []) };
        } else {
            if announce(&rings) {
                sys::futex_wait(poller.word().as_ptr(), word, FOR_EVER).ok();
            }
            if poller.word().load(Ordering::Relaxed) != word {
                last = sys::now(CLOCK_MONOTONIC);
            }
            awake(&rings);
        }
    }
}

/// The part of `io_uring_enter(2)` that concerns the SQ; the number of entries that the caller submitted. -EOWNERDEAD if the
/// process with the polling thread has ended.
pub fn enter(context: &'static Context, submit: c_uint, flags: c_uint) -> Result<c_uint> {
    let Some(mut core) = context.lock() else {
        return Ok(submit);
    };
    let Some(poller) = core.inner.poller.clone() else {
        return Ok(submit);
    };
    if poller.process != lock::pid() && !sys::alive(poller.process) {
        return Err(-libc::EOWNERDEAD);
    }
    if flags & IORING_ENTER_SQ_WAKEUP != 0 {
        if poller.with(|polled| polled.without_thread) {
            core.submit(u32::MAX);
            if !core.inner.eager.is_empty() {
                match core.fetch() {
                    Some(again) => core = again,
                    None => return Ok(submit),
                }
            }
        } else {
            poller.wake();
        }
    }
    drop(core);
    if flags & IORING_ENTER_SQ_WAIT != 0 {
        wait_for_room(context, &poller);
    }
    Ok(submit)
}

/// Waits until the SQ has a free slot.
fn wait_for_room(context: &'static Context, poller: &Poller) {
    loop {
        let word = poller.word().load(Ordering::Relaxed);
        let Some(core) = context.lock() else { break };
        if pending(&core) < core.inner.half.sq_entries() {
            break;
        }
        drop(core);
        sys::futex_wait(poller.word().as_ptr(), word, sys::now(CLOCK_MONOTONIC) + SLEEP).ok();
    }
}
