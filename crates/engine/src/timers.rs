//! Timers of requests: for each clock a timerfd that the driver watches, and the deadlines in order.

use crate::context::{self, Work};
use crate::driver;
use crate::kept;
use crate::lock::Mutex;
use crate::slab::Key;
use crate::sys::{self, Result};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ptr::null;
use ironring_abi::ctypes::c_int;
use libc::{CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME};

/// The clocks, by the numbers that [`set`] takes.
pub const CLOCKS: [c_int; 3] = [CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME];
pub const MONOTONIC: usize = 0;
pub const BOOTTIME: usize = 1;
pub const REALTIME: usize = 2;

struct Timers {
    files: [c_int; CLOCKS.len()],
    deadlines: [BTreeSet<(u64, Key)>; CLOCKS.len()],
    requests: BTreeMap<Key, (usize, u64)>,
}

static TIMERS: Mutex<Timers> = Mutex::new(Timers {
    files: [-1; CLOCKS.len()],
    deadlines: [const { BTreeSet::new() }; CLOCKS.len()],
    requests: BTreeMap::new(),
});

impl Timers {
    /// Makes a clock's timerfd, if there is none.
    fn make(&mut self, clock: usize) -> Result<()> {
        if self.files[clock] != -1 {
            return Ok(());
        }
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: no memory is passed.
        let create = || unsafe { sys::call(libc::SYS_timerfd_create, [CLOCKS[clock] as usize, flags as usize]) };
        let file = kept::open(create)?;
        // What a filter refuses is refused now, and not when somebody relies on the timer.
        let made = set_time(file, 0).and_then(|_| driver::add_clock(file, clock as u32));
        if let Err(errno) = made {
            kept::close(file);
            return Err(errno);
        }
        self.files[clock] = file;
        Ok(())
    }

    /// Sets a clock's timerfd to its first deadline.
    fn arm(&self, clock: usize) {
        if let Some((deadline, _)) = self.deadlines[clock].first() {
            // It can't fail any more.
            let _ = set_time(self.files[clock], (*deadline).max(1));
        }
    }

    fn remove(&mut self, key: Key) -> bool {
        let Some((clock, deadline)) = self.requests.remove(&key) else {
            return false;
        };
        driver::release();
        self.deadlines[clock].remove(&(deadline, key))
    }
}

#[cfg(target_pointer_width = "64")]
const SETTIME: libc::c_long = libc::SYS_timerfd_settime;
#[cfg(not(target_pointer_width = "64"))]
const SETTIME: libc::c_long = 411;

/// Has a timerfd expire once, at a moment of its clock; never for 0.
fn set_time(file: c_int, moment: u64) -> Result {
    let [seconds, nanoseconds] = sys::kernel_time(moment);
    // An interval of 0: it expires once.
    let setting = [0, 0, seconds, nanoseconds];
    // SAFETY: the setting is valid for the call.
    unsafe {
        sys::call(
            SETTIME,
            [
                sys::fd(file),
                libc::TFD_TIMER_ABSTIME as usize,
                (&raw const setting) as usize,
                null::<u8>() as usize,
            ],
        )
    }
}

/// Makes what timers of a clock need, so that [`set`] does not fail later, when a request relies on it. -ENOMEM, as
/// Linux says where it has no memory for a timeout, or the error of a call that a filter refuses.
pub fn prepare(clock: usize) -> Result<()> {
    let made = TIMERS.lock().make(clock);
    made.map_err(|errno| if kept::is_short(errno) { -libc::ENOMEM } else { errno })
}

/// Has a request's timer expire at a moment of a clock, in nanoseconds; replaces the request's former timer.
pub fn set(clock: usize, deadline: u64, key: Key) -> Result<()> {
    let mut timers = TIMERS.lock();
    timers.make(clock)?;
    // Before the former timer goes, so that the driver does not find itself without anything to do.
    driver::need();
    timers.remove(key);
    timers.requests.insert(key, (clock, deadline));
    timers.deadlines[clock].insert((deadline, key));
    if timers.deadlines[clock].first() == Some(&(deadline, key)) {
        timers.arm(clock);
    }
    Ok(())
}

/// Forgets a request's timer; false if it has none, or it has expired.
pub fn cancel(key: Key) -> bool {
    TIMERS.lock().remove(key)
}

/// Whether a request has a timer that runs.
pub fn is_set(key: Key) -> bool {
    TIMERS.lock().requests.contains_key(&key)
}

/// A clock's timerfd has expired.
pub fn expire(clock: usize) {
    /// As many as a small block of memory holds. The others follow, as the timerfd is set to a moment that is over.
    const MOST: usize = 1024;
    let mut expired = Vec::new();
    {
        let mut timers = TIMERS.lock();
        let now = sys::now(CLOCKS[clock]);
        while let Some(&(deadline, key)) = timers.deadlines[clock].first() {
            if deadline > now || expired.len() == MOST {
                break;
            }
            timers.remove(key);
            expired.push(key);
        }
        timers.arm(clock);
    }
    for key in expired {
        if let Some(mut core) = context::at(key.ring).and_then(context::Context::lock) {
            core.arrive(Work::Expired(key));
        }
    }
}

/// The lock that fork must hold.
pub fn fork_lock() -> &'static crate::lock::Lock {
    TIMERS.word()
}

/// Forgets the parent's timers, in the child of a fork.
pub fn child() {
    let mut timers = TIMERS.lock();
    for file in &mut timers.files {
        if *file != -1 {
            kept::close(*file);
            *file = -1;
        }
    }
    timers.deadlines = [const { BTreeSet::new() }; CLOCKS.len()];
    timers.requests = BTreeMap::new();
}
