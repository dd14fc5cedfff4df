//! `io_uring_enter(2)`: submitting and waiting.

use crate::atomic::Ordering;
use crate::context::{Context, Core};
use crate::slab::Held;
use crate::{driver, heap, sys, thread, user};
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::kernel::SIGSET_SIZE;
use ironring_abi::uapi::*;
use libc::{CLOCK_MONOTONIC, EBADF, EBADFD, EBADR, EEXIST, EFAULT, EINTR, EINVAL, ETIME};

user::plain!(io_uring_getevents_arg, io_uring_reg_wait);

pub const FLAGS: c_uint = IORING_ENTER_GETEVENTS
    | IORING_ENTER_SQ_WAKEUP
    | IORING_ENTER_SQ_WAIT
    | IORING_ENTER_EXT_ARG
    | IORING_ENTER_REGISTERED_RING
    | IORING_ENTER_ABS_TIMER
    | IORING_ENTER_EXT_ARG_REG
    | IORING_ENTER_NO_IOWAIT;

/// How a call waits.
#[derive(Clone, Copy, Default)]
struct Waiting {
    /// The end as a moment of `CLOCK_MONOTONIC`.
    until: Option<u64>,
    /// Microseconds after which one completion is enough; 0 for never.
    enough_after: u32,
    /// The address and size of the signal mask.
    mask: (u64, u32),
}

/// The arguments of a call.
#[derive(Default)]
pub struct Call {
    pub submit: c_uint,
    pub wait: c_uint,
    pub flags: c_uint,
    pub arg: u64,
    pub size: usize,
}

/// `io_uring_enter(2)`.
pub fn enter(context: &'static Context, call: &Call) -> c_int {
    let done = enter_ring(context, call);
    if driver::watches_rings() {
        // What this call has posted may be what a request on another ring waits for.
        driver::fetch();
    }
    done
}

fn enter_ring(context: &'static Context, call: &Call) -> c_int {
    let &Call { submit, flags, .. } = call;
    if flags & !FLAGS != 0 {
        return -EINVAL;
    }
    let Some(mut core) = context.lock() else { return -EBADF };
    if core.queues().disabled {
        return -EBADFD;
    }
    let mut taken = 0;
    if core.has(IORING_SETUP_SQPOLL) {
        drop(core);
        taken = match crate::sqpoll::enter(context, submit, flags) {
            Ok(submitted) => submitted,
            Err(errno) => return errno,
        };
        let Some(again) = context.lock() else { return -EBADF };
        core = again;
    } else if submit != 0 {
        if core.has(IORING_SETUP_SINGLE_ISSUER) && !core.is_owner() {
            return -EEXIST;
        }
        taken = core.submit(submit);
        if taken == 0 && !(heap::has_room() && core.inner.has_room()) {
            return -libc::EAGAIN;
        }
        if !core.inner.eager.is_empty() {
            match core.fetch() {
                Some(again) => core = again,
                None => return taken as i32,
            }
        }
        if taken != submit {
            core.settle();
            return taken as i32;
        }
        if flags & IORING_ENTER_GETEVENTS != 0 && !core.has(IORING_SETUP_IOPOLL) {
            core.run_deferred_for(call.wait);
        }
    }
    if flags & IORING_ENTER_GETEVENTS == 0 {
        core.settle();
        return taken as i32;
    }
    let res = match Waiting::read(&core, call) {
        Ok(waiting) => waiting.wait(core, call.wait, taken != 0),
        Err(errno) => errno,
    };
    if taken != 0 { taken as i32 } else { res }
}

/// Submits what a signal handler has promised.
pub fn submit(context: &'static Context, count: c_uint) -> c_int {
    let call = Call {
        submit: count,
        ..Call::default()
    };
    enter(context, &call)
}

/// `io_uring_enter(2)` in a signal handler that has interrupted a call of its thread: that call, which may hold locks and
/// goes on only afterwards, submits the entries when it ends. So there is nothing to wait for here: -EINTR.
pub fn enter_nested(context: &'static Context, count: c_uint, wait: c_uint) -> c_int {
    if count != 0 {
        return if thread::owe(context, count) {
            count as c_int
        } else {
            -libc::EAGAIN
        };
    }
    if wait != 0 { -EINTR } else { 0 }
}

impl Core {
    /// Whether the calling thread is the only one that may submit; the first one to ask if there is none yet.
    pub fn is_owner(&mut self) -> bool {
        let me = thread::id();
        let owner = &mut self.queues().owner;
        if *owner == 0 {
            *owner = me;
        }
        *owner == me
    }

    /// Gets the events that are there, for which the lock is given back meanwhile. What was posted becomes visible only
    /// afterwards: the program may react to it, and cause an event that must not be taken for one of those.
    pub fn fetch(mut self) -> Option<Core> {
        let context = self.context;
        let eager = core::mem::take(&mut self.inner.eager);
        let [news, moved, signals] = [&mut self.news, &mut self.moved, &mut self.signals].map(core::mem::take);
        drop(self);
        driver::fetch();
        let mut core = context.lock()?;
        core.news |= news;
        core.moved |= moved;
        core.signals |= signals;
        for key in eager {
            crate::ops::poll::forget_known(&mut core, key);
        }
        Some(core)
    }

    /// Does what has waited for the owner and posts what is there, until there are as many completions as wanted; their
    /// number.
    fn gather(&mut self, least: u32) -> u32 {
        loop {
            self.run_deferred_for(least);
            self.flush();
            self.make_visible();
            let ready = self.ready();
            if ready >= least || self.inner.deferred.is_empty() {
                return ready;
            }
        }
    }

    /// Whether a worker has a request, or the disk.
    fn works(&self) -> bool {
        let mut all = self.requests.iter(self.context.index);
        all.any(|(_, held)| matches!(held, Held::Working(_) | Held::OnDisk(_)))
    }
}

impl Waiting {
    fn read(core: &Core, call: &Call) -> Result<Waiting, c_int> {
        let &Call { flags, arg, size, .. } = call;
        if flags & IORING_ENTER_EXT_ARG == 0 {
            return Ok(Waiting {
                mask: (arg, size as u32),
                ..Waiting::default()
            });
        }
        let clock = core.registered.clock;
        let (time, mask, enough_after) = if flags & IORING_ENTER_EXT_ARG_REG != 0 {
            let wait = core.registered.wait_argument(arg, size)?;
            if wait.flags & !(IORING_REG_WAIT_TS as u32) != 0 {
                return Err(-EINVAL);
            }
            let time = [wait.ts.tv_sec, wait.ts.tv_nsec];
            let time = (wait.flags & IORING_REG_WAIT_TS as u32 != 0).then_some(time);
            (time, (wait.sigmask, wait.sigmask_sz), wait.min_wait_usec)
        } else {
            if size != size_of::<io_uring_getevents_arg>() {
                return Err(-EINVAL);
            }
            let arg: io_uring_getevents_arg = user::read(arg)?;
            let time = if arg.ts == 0 { None } else { Some(user::read(arg.ts)?) };
            (time, (arg.sigmask, arg.sigmask_sz), arg.min_wait_usec)
        };
        let until = time.map(|time| {
            let mut time = nanoseconds(time);
            if flags & IORING_ENTER_ABS_TIMER != 0 {
                // A moment of another clock is as far away as on its own.
                time = time.saturating_sub(sys::now(clock) as i64);
            }
            sys::now(CLOCK_MONOTONIC).saturating_add_signed(time)
        });
        Ok(Waiting {
            until,
            enough_after,
            mask,
        })
    }

    /// The signal mask of the call.
    fn mask(&self) -> Result<Option<u64>, c_int> {
        match self.mask {
            (0, _) => Ok(None),
            (address, size) if size as usize == SIGSET_SIZE => user::read(address).map(Some),
            _ => Err(-EINVAL),
        }
    }

    /// Waits until `least` completions are there, or a timeout request has expired.
    fn wait(self, mut core: Core, least: c_uint, submitted: bool) -> c_int {
        let context = core.context;
        if core.has(IORING_SETUP_DEFER_TASKRUN) && !core.is_owner() {
            return -EEXIST;
        }
        let mut least = least.min(core.inner.half.cq_entries());
        if core.has(IORING_SETUP_IOPOLL) && !core.has(IORING_SETUP_SQPOLL) {
            return wait_polled(core, least);
        }
        // What has happened up to now comes first if nothing is waited for: then the news is handled only once. It also comes
        // before the completions that had no room.
        let news_first = least == 0 || core.has_backlog();
        let mut ready = if news_first { 0 } else { core.gather(least) };
        if (ready < least || news_first) && driver::is_used() && !core.requests.is_empty() {
            let Some(again) = core.fetch() else { return -EBADF };
            core = again;
            ready = core.gather(least);
        } else if news_first {
            ready = core.gather(least);
        }
        if ready >= least {
            core.waited = least != 0;
            core.settle();
            return 0;
        }
        let mask = match self.mask() {
            Ok(mask) => mask,
            Err(errno) => return errno,
        };
        let expired = core.expired;
        let begun = sys::now(CLOCK_MONOTONIC);
        let mut slept = false;
        let mut enough = (self.enough_after != 0).then(|| begun.saturating_add(u64::from(self.enough_after) * 1000));
        loop {
            // Linux looks for lost completions only when it would wait.
            let mut result = None;
            if core.queues().lost {
                core.queues().lost = submitted;
                result = Some(-EBADR);
            } else if core.expired != expired {
                result = Some(0);
            }
            let now = sys::now(CLOCK_MONOTONIC);
            if enough.is_some_and(|enough| now >= enough) {
                enough = None;
                least = 1;
                if self.until.is_none() || ready != 0 {
                    result = result.or(Some(-ETIME));
                }
            }
            // The time that one completion must wait for comes before the end, however early that is, and a signal that
            // the mask lets in comes before both.
            let late = enough.is_none() && self.until.is_some_and(|until| now >= until);
            if late && (slept || mask.is_none()) {
                result = result.or(Some(-ETIME));
            }
            if result.is_none() {
                core.settle();
                let until = enough.or(self.until).unwrap_or(u64::MAX / 2);
                result = sleep(core, until, mask).err();
                slept = true;
                let Some(again) = context.lock() else { return -EBADF };
                core = again;
                ready = core.gather(least);
            }
            if ready >= least {
                core.settle();
                return 0;
            }
            if let Some(result) = result {
                core.settle();
                return if ready != 0 { 0 } else { result };
            }
        }
    }
}

/// Waits on a ring with `IORING_SETUP_IOPOLL`: for requests on their way to storage, and as on Linux for nothing else,
/// without a time limit or a signal mask, and not at all if there is a completion.
fn wait_polled(mut core: Core, least: c_uint) -> c_int {
    let context = core.context;
    loop {
        if core.queues().lost {
            core.queues().lost = false;
            core.settle();
            return -EBADR;
        }
        core.flush();
        core.make_visible();
        if core.ready() != 0 {
            break;
        }
        let before = core.completions;
        let ready = core.gather(1);
        if ready >= least || core.completions != before || !core.works() {
            break;
        }
        core.settle();
        if let Err(errno) = sleep(core, u64::MAX / 2, None) {
            return errno;
        }
        let Some(again) = context.lock() else { return -EBADF };
        core = again;
    }
    core.settle();
    0
}

/// Nanoseconds of a time, which Linux doesn't check: a negative one is over.
pub fn nanoseconds([seconds, nanoseconds]: [i64; 2]) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// Sleeps until there is news for the ring. -EINTR if a signal came.
pub fn sleep(core: Core, until: u64, mask: Option<u64>) -> Result<usize, c_int> {
    let context = core.context;
    let Some(entered) = context.enter() else {
        return Err(-EBADF);
    };
    let shared = core.shared;
    // Both within the ring's lock, in which others look for waiters and change the number, but for `wake_waiters`.
    shared.waiters.fetch_add(1, Ordering::Relaxed);
    let news = shared.news.load(Ordering::Acquire);
    drop(core);
    // The drop may have published something itself.
    let changed = shared.news.load(Ordering::Relaxed) != news;
    let slept = if changed {
        Ok(0)
    } else if driver::must_turn() {
        driver::turn(1, mask).map(|_| 0)
    } else if let Some(mask) = mask {
        thread::outside(|| sleep_masked(context, until, mask))
    } else {
        thread::outside(|| sys::futex_wait(shared.news.as_ptr(), news, until))
    };
    shared.waiters.fetch_sub(1, Ordering::Relaxed);
    drop(entered);
    match slept {
        Err(errno) if errno == -EINTR => Err(-EINTR),
        Err(errno) if errno == -EFAULT => Err(-EFAULT),
        _ => Ok(0),
    }
}

/// Sleeps with another signal mask, which takes effect together with the sleep: on the ring's descriptor.
fn sleep_masked(context: &Context, until: u64, mask: u64) -> Result<usize, c_int> {
    let mut entry = libc::pollfd {
        fd: context.signal.load(Ordering::Relaxed),
        events: libc::POLLIN,
        revents: 0,
    };
    let now = sys::now(CLOCK_MONOTONIC);
    // The descriptor stays readable while completions are left that are not enough.
    let at_most = if entry.fd < 0 {
        // A ring without a descriptor.
        1_000_000
    } else if sys::poll_now(entry.fd, libc::POLLIN as u32).is_ok_and(|found| found != 0) {
        entry.events = 0;
        1_000_000
    } else {
        1_000_000_000_000
    };
    let time = sys::kernel_time(until.saturating_sub(now).min(at_most));
    let set = [mask, 0];
    // SAFETY: one entry, a time and a mask, valid for the call.
    unsafe {
        sys::call(
            sys::PPOLL,
            [
                (&raw mut entry) as usize,
                1,
                (&raw const time) as usize,
                (&raw const set) as usize,
                SIGSET_SIZE,
            ],
        )
    }
}
