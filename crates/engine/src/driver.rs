//! The driver: one thread of the process that learns from epoll which files have become ready and which timers have
//! expired, and passes that on to the rings. It exists while something is watched, and for a while longer.

use crate::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering, fence};
use crate::context::{self, Context, Core, Work};
use crate::lock::Mutex;
use crate::slab::Key;
use crate::sys::{self, Result};
use crate::{kept, thread, timers, worker};
use ironring_abi::ctypes::c_int;
use libc::{EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, epoll_event};

/// The epoll descriptor; -1 before the first use.
static EPOLL: AtomicI32 = AtomicI32::new(-1);
/// The thread exists.
static RUNNING: AtomicBool = AtomicBool::new(false);
/// No thread could be made the last time that one was needed.
static REFUSED: AtomicBool = AtomicBool::new(false);
/// Descriptors that are watched, and timers that run.
static WATCHED: AtomicU32 = AtomicU32::new(0);
/// The eventfd of a thread that sleeps without an end, -1 if it doesn't. Whoever leaves it without anything to wait for takes
/// the eventfd from here and writes to it.
static ASLEEP: AtomicI32 = AtomicI32::new(-1);
/// Held while the thread or the descriptor is made.
static MAKING: Mutex<()> = Mutex::new(());
/// Held from when events are taken from epoll until the rings know them. Rings' locks are taken within it.
static FETCHING: Mutex<()> = Mutex::new(());
/// How often events were taken: those of one round happened together.
static ROUND: AtomicU32 = AtomicU32::new(0);

/// Events of timers, and of the disk, have these in place of a ring's index.
pub const TIMER: u16 = u16::MAX;
const DISK: u16 = TIMER - 1;
const EVENTS: usize = 64;
/// How long the thread waits, in milliseconds, before it looks whether it is needed.
const IDLE: c_int = 5000;

fn epoll() -> Result<c_int> {
    match EPOLL.load(Ordering::Acquire) {
        -1 => create(),
        file => Ok(file),
    }
}

#[cold]
fn create() -> Result<c_int> {
    let _making = MAKING.lock();
    let found = EPOLL.load(Ordering::Relaxed);
    if found != -1 {
        return Ok(found);
    }
    // SAFETY: no memory is passed.
    let made = kept::open(|| unsafe { sys::call(libc::SYS_epoll_create1, [libc::EPOLL_CLOEXEC as usize]) });
    // A filter may refuse the call with EPERM, which says of a file that it can't be watched.
    let file = made.map_err(|errno| if errno == -libc::EPERM { -libc::EMFILE } else { errno })?;
    // Who learns the number finds the descriptor open.
    EPOLL.store(file, Ordering::Release);
    Ok(file)
}

fn control(operation: c_int, file: c_int, events: u32, data: u64) -> Result<()> {
    let mut event = epoll_event { events, u64: data };
    // SAFETY: the event is valid for the call.
    unsafe {
        sys::call(
            libc::SYS_epoll_ctl,
            [
                sys::fd(epoll()?),
                operation as usize,
                sys::fd(file),
                (&raw mut event) as usize,
            ],
        )
    }
    .map(drop)
}

/// Watches a descriptor of the engine's. -EPERM if it can't be polled.
pub fn add(file: c_int, events: u32, key: Key) -> Result<()> {
    control(EPOLL_CTL_ADD, file, events, key.number())?;
    need();
    Ok(())
}

/// Watches a descriptor that wakes nobody up by itself: a clock's timerfd.
pub fn add_clock(file: c_int, clock: u32) -> Result<()> {
    add_own(file, TIMER, clock)
}

/// Watches the eventfd of what the disk has finished.
pub fn add_disk(file: c_int) -> Result<()> {
    add_own(file, DISK, 0)
}

fn add_own(file: c_int, ring: u16, slot: u32) -> Result<()> {
    let key = Key {
        ring,
        generation: 0,
        slot,
    };
    control(
        EPOLL_CTL_ADD,
        file,
        libc::EPOLLIN as u32 | libc::EPOLLET as u32,
        key.number(),
    )
}

/// Watches a descriptor again, or for other events.
pub fn change(file: c_int, events: u32, key: Key) -> Result<()> {
    control(EPOLL_CTL_MOD, file, events, key.number())
}

/// Stops watching a descriptor.
pub fn remove(file: c_int) {
    let _ = control(EPOLL_CTL_DEL, file, 0, 0);
    release();
}

/// There is one more thing to wait for.
pub fn need() {
    let first = WATCHED.fetch_add(1, Ordering::Relaxed) == 0;
    // A thread that ends says so and then looks for something to watch; this is the reverse. In one order of all four, or
    // each could miss the other.
    fence(Ordering::SeqCst);
    start(first);
}

/// There is one thing less to wait for.
pub fn release() {
    if WATCHED.fetch_sub(1, Ordering::Relaxed) == 1 {
        // Either this comes later and finds the eventfd, or the thread that is about to sleep sees what this one has left.
        let file = ASLEEP.swap(-1, Ordering::AcqRel);
        if file != -1 {
            sys::signal(file);
        }
    }
}

/// Makes the thread, if it can be made and does not exist. `first`: nothing else is watched.
fn start(first: bool) {
    if RUNNING.load(Ordering::Relaxed) {
        return;
    }
    let _making = MAKING.lock();
    if RUNNING.load(Ordering::Relaxed) {
        return;
    }
    let made = thread::spawn("iou-drv", run, 0).is_ok();
    RUNNING.store(made, Ordering::Relaxed);
    if !made && !REFUSED.swap(true, Ordering::Relaxed) {
        crate::policy::log(format_args!(
            "no thread can be created, so files and timers are looked at only while the program waits for completions; \
             raise RLIMIT_NPROC or the limit of the pids cgroup"
        ));
    }
    if !made && first {
        // They fell asleep when there was nothing to watch.
        context::each(Context::wake_waiters);
    }
}

/// Whether there is no thread for what is watched, so that those who wait must [`turn`]. They have read the ring's news, by
/// which they would see what [`start`] has done, and sleep only while that has not changed.
pub fn must_turn() -> bool {
    WATCHED.load(Ordering::Relaxed) != 0 && !RUNNING.load(Ordering::Relaxed)
}

/// Whether anything has been watched in this process.
pub fn is_used() -> bool {
    EPOLL.load(Ordering::Relaxed) != -1
}

fn run(_: usize) {
    REFUSED.store(false, Ordering::Relaxed);
    loop {
        if turn(IDLE, None).is_ok_and(|found| found) {
            continue;
        }
        if end() {
            return;
        }
        // Nothing has happened for a while.
        sleep();
        if end() {
            return;
        }
    }
}

/// Whether the thread is no longer needed; then another is made when there is something to watch again.
fn end() -> bool {
    let _making = MAKING.lock();
    RUNNING.store(false, Ordering::Relaxed);
    // As in `need`, in the reverse order.
    fence(Ordering::SeqCst);
    let needed = WATCHED.load(Ordering::Relaxed) != 0;
    RUNNING.store(needed, Ordering::Relaxed);
    !needed
}

/// Sleeps until there are events, or nothing is watched any more. The wake-up must not be an event, which another thread
/// could take. If there is no descriptor left the thread does not sleep.
fn sleep() {
    let flags = libc::EFD_CLOEXEC | libc::EFD_NONBLOCK;
    let Ok(file) = kept::open(|| sys::eventfd(flags).map(|file| file as usize)) else {
        return;
    };
    // An exchange, as it sees what those have left who have exchanged before.
    ASLEEP.swap(file, Ordering::AcqRel);
    if WATCHED.load(Ordering::Relaxed) != 0 {
        sys::wait_for_either(EPOLL.load(Ordering::Relaxed), file);
    }
    if ASLEEP.swap(-1, Ordering::Relaxed) == -1 {
        // Somebody has taken it and is about to write to it.
        let _ = sys::poll(file, libc::POLLIN as u32, -1);
    }
    kept::close(file);
    fetch();
}

/// Waits for events up to some milliseconds (-1 without limit), with a signal mask if there is one, and passes them on;
/// returns whether there were any. -EINTR if a signal came.
pub fn turn(milliseconds: c_int, mask: Option<u64>) -> Result<bool> {
    // Waiting takes no event away, so that [`fetch`] never misses one that this thread has and did not pass on yet.
    let found = sys::poll_masked(epoll()?, libc::POLLIN as u32, milliseconds, mask)?;
    fetch();
    Ok(found != 0)
}

/// Passes on the events that are there. When it returns, the rings know all that happened before the call. The caller has
/// no ring locked.
pub fn fetch() {
    let file = EPOLL.load(Ordering::Acquire);
    if file == -1 {
        return;
    }
    let _fetching = FETCHING.lock();
    ROUND.fetch_add(1, Ordering::Relaxed);
    while fetch_some(file) == EVENTS {}
}

/// Some request has waited for a ring's descriptor.
static RINGS: AtomicBool = AtomicBool::new(false);

/// Takes note that a request waits for a ring's descriptor.
pub fn watch_rings() {
    RINGS.store(true, Ordering::Relaxed);
}

pub fn watches_rings() -> bool {
    RINGS.load(Ordering::Relaxed)
}

/// The number of the round in which events are passed on.
pub fn round() -> u32 {
    ROUND.load(Ordering::Relaxed)
}

/// Passes on up to [`EVENTS`] events; returns how many there were.
fn fetch_some(file: c_int) -> usize {
    let mut events = [epoll_event { events: 0, u64: 0 }; EVENTS];
    // SAFETY: the events are valid for the call, which writes at most their number.
    let count = unsafe {
        sys::call(
            libc::SYS_epoll_pwait,
            [sys::fd(file), events.as_mut_ptr() as usize, EVENTS, 0, 0, 8],
        )
    }
    .unwrap_or(0);
    // What one ring gets becomes visible at once.
    let mut held: Option<Core> = None;
    for event in events.iter().take(count) {
        let (what, number) = (event.events, event.u64);
        let key = Key::from_number(number);
        if held.as_ref().is_some_and(|core| core.context.index != key.ring) {
            held = None;
        }
        match key.ring {
            TIMER => {
                timers::expire(key.slot as usize);
                continue;
            }
            DISK => {
                worker::disk::finish();
                continue;
            }
            _ => {}
        }
        if held.is_none() {
            held = context::at(key.ring).and_then(Context::lock);
        }
        if let Some(core) = &mut held {
            core.arrive(Work::Ready(key, what));
        }
    }
    drop(held);
    count
}

/// The lock that fork must hold.
pub fn fork_lock() -> &'static crate::lock::Lock {
    MAKING.word()
}

/// The lock that fork must hold before it takes those of the rings.
pub fn fork_lock_first() -> &'static crate::lock::Lock {
    FETCHING.word()
}

/// Forgets the parent's driver, in the child of a fork.
pub fn child() {
    let file = EPOLL.swap(-1, Ordering::Relaxed);
    if file != -1 {
        kept::close(file);
    }
    RUNNING.store(false, Ordering::Relaxed);
    REFUSED.store(false, Ordering::Relaxed);
    WATCHED.store(0, Ordering::Relaxed);
    let asleep = ASLEEP.swap(-1, Ordering::Relaxed);
    if asleep != -1 {
        kept::close(asleep);
    }
}
