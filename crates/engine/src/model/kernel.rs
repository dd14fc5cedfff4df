//! The models' Linux: futexes, memory, time, and files without a file system. Other calls are the real kernel's.

mod files;
mod limits;
mod memory;

use super::{process, words};
use crate::atomic::Ordering::{AcqRel, Relaxed};
use core::cell::RefCell;
use ironring_abi::ctypes::c_int;
use libc::{c_long, timespec};
use loom::thread::Thread;
use std::cell::Cell;
use std::rc::Rc;

const FUTEX_WAITV: c_long = 449;

/// A thread that sleeps.
struct Sleeper {
    /// The futexes' addresses; none for files.
    words: RefCell<Vec<usize>>,
    /// 0 for none.
    until: u64,
    thread: Thread,
    /// Why it was woken up.
    woken: Cell<Option<Wake>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wake {
    /// By the futex with this index, or by a change of files.
    Called(usize),
    Late,
}

#[derive(Default)]
struct Linux {
    now: u64,
    /// How much the clock goes on each time somebody looks at it.
    tick: u64,
    sleepers: Vec<Rc<Sleeper>>,
    memory: Vec<(usize, usize)>,
    dead: Vec<u32>,
    /// Sleeps with an end are over at once.
    hurry: bool,
    files: files::Files,
    /// Words of the program that the engine reads by system calls, with their sizes.
    exposed: Vec<(usize, usize)>,
    /// The limit on open files.
    limit: u64,
}

thread_local! {
    static LINUX: RefCell<Linux> = RefCell::default();
}

fn with<T>(call: impl FnOnce(&mut Linux) -> T) -> T {
    LINUX.with(|linux| call(&mut linux.borrow_mut()))
}

/// Starts an execution.
pub fn begin() {
    let old = LINUX.with(|linux| linux.replace(Linux::default()));
    for (at, len) in old.memory {
        // SAFETY: it was mapped so, and its execution is over.
        unsafe { ironring_linux::arch::syscall6(libc::SYS_munmap, at, len, 0, 0, 0, 0) };
    }
    with(|linux| (linux.now, linux.limit) = (1 << 40, limits::MOST));
}

/// The model is over: sleeps with an end are, too.
pub fn end() {
    with(|linux| linux.hurry = true);
    wake_late();
}

/// Says who sleeps, of a model that has failed.
pub fn explain() {
    let _ = LINUX.try_with(|linux| {
        let Ok(linux) = linux.try_borrow() else { return };
        for it in &linux.sleepers {
            eprintln!(
                "asleep: words {:x?}, until {}, {:?}",
                it.words.borrow(),
                it.until,
                it.thread.id()
            );
        }
        eprintln!("now {}, {:?}", linux.now, linux.files);
    });
}

/// Has the clock go on by so much each time somebody looks at it.
pub fn set_tick(nanoseconds: u64) {
    with(|linux| linux.tick = nanoseconds);
}

pub fn now(_: c_int) -> u64 {
    with(|linux| {
        linux.now += linux.tick;
        linux.now
    })
}

/// Time passes.
pub fn pass(nanoseconds: u64) {
    step();
    with(|linux| {
        linux.now += nanoseconds;
        let now = linux.now;
        linux.files.expire(now);
    });
    changed();
    wake_late();
}

/// What a process has done happens before others learn of its end.
fn end_of_process() {
    static END: u8 = 0;
    words::word(&raw const END as usize, || 0).fetch_add(0, AcqRel);
}

/// A process is killed.
pub fn kill(pid: u32) {
    end_of_process();
    with(|linux| {
        linux.dead.push(pid);
        linux.hurry = true;
    });
    wake_late();
}

/// A branch of the model at which calls follow each other in any order. It orders no memory.
fn step() {
    static STEP: u8 = 0;
    // It fails, so that the word has one value only.
    let word = words::word(&raw const STEP as usize, || 0);
    let _ = word.compare_exchange(1, 1, Relaxed, Relaxed);
}

/// Wakes up to `most` of the sleepers for whom there is a reason.
fn wake(most: usize, why: impl Fn(&Linux, &Sleeper) -> Option<Wake>) -> usize {
    let woken: Vec<Rc<Sleeper>> = with(|linux| {
        let mut chosen = Vec::new();
        for it in &linux.sleepers {
            let reason = if chosen.len() < most { why(linux, it) } else { None };
            if reason.is_some() {
                it.woken.set(reason);
                chosen.push(it.clone());
            }
        }
        linux.sleepers.retain(|it| it.woken.get().is_none());
        chosen
    });
    woken.iter().for_each(|sleeper| sleeper.thread.unpark());
    woken.len()
}

fn wake_late() {
    wake(usize::MAX, |linux, it| {
        (it.until != 0 && (linux.hurry || it.until <= linux.now)).then_some(Wake::Late)
    });
}

/// Something has changed for those who wait for files.
fn changed() {
    wake(usize::MAX, |_, it| {
        it.words.borrow().is_empty().then_some(Wake::Called(0))
    });
}

impl Sleeper {
    /// The calling thread, from now on.
    fn new(words: Vec<usize>, until: u64) -> Rc<Sleeper> {
        let sleeper = Rc::new(Sleeper {
            words: RefCell::new(words),
            until,
            thread: loom::thread::current(),
            woken: Cell::new(None),
        });
        with(|linux| linux.sleepers.push(sleeper.clone()));
        sleeper
    }

    /// Sleeps until somebody wakes this thread up.
    fn sleep(&self) -> Wake {
        loop {
            if let Some(why) = self.woken.get() {
                return why;
            }
            loom::thread::park();
        }
    }
}

/// Sleeps until somebody wakes this thread up, or a moment.
fn sleep(words: Vec<usize>, until: u64) -> Wake {
    Sleeper::new(words, until).sleep()
}

/// Whether a sleep up to a moment is over at once.
fn is_late(until: u64) -> bool {
    until != 0 && with(|linux| linux.hurry || until <= linux.now)
}

/// A moment as calls get it; 0 for one that never comes.
///
/// # Safety
/// The address is null or a time's.
unsafe fn moment(address: usize) -> u64 {
    if address == 0 {
        return 0;
    }
    // SAFETY: the caller's promise.
    let time = unsafe { *(address as *const timespec) };
    if time.tv_sec > 1 << 32 {
        return 0;
    }
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The word of a futex, whose memory holds its first value.
fn futex_word(address: usize) -> &'static loom::sync::atomic::AtomicU64 {
    // SAFETY: a word of the engine or of the program.
    words::word(address, || u64::from(unsafe { *(address as *const u32) }))
}

/// Whether a futex has a value. The kernel compares and goes on in one step, as a wake comes before or after it.
fn has_value(address: usize, value: u64) -> bool {
    futex_word(address)
        .compare_exchange(value, value, Relaxed, Relaxed)
        .is_ok()
}

/// # Safety
/// As for the call.
unsafe fn futex(address: usize, operation: c_int, value: u64, [time, other, expected]: [usize; 3]) -> c_int {
    match operation & !libc::FUTEX_PRIVATE_FLAG {
        libc::FUTEX_WAIT_BITSET => {
            if !has_value(address, value) {
                return -libc::EAGAIN;
            }
            // SAFETY: the engine passes a time or none.
            let until = unsafe { moment(time) };
            if is_late(until) {
                loom::thread::yield_now();
                return -libc::ETIMEDOUT;
            }
            match sleep(vec![address], until) {
                Wake::Called(_) => 0,
                Wake::Late => -libc::ETIMEDOUT,
            }
        }
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => {
            has_value(address, u64::MAX);
            let index = |it: &Sleeper| it.words.borrow().iter().position(|word| *word == address);
            wake(value as usize, |_, it| index(it).map(Wake::Called)) as c_int
        }
        libc::FUTEX_CMP_REQUEUE => {
            if !has_value(address, expected as u64) {
                return -libc::EAGAIN;
            }
            with(|linux| {
                let mut all = linux.sleepers.iter().map(|it| it.words.borrow_mut());
                let found = all.find_map(|words| {
                    let at = words.iter().position(|word| *word == address)?;
                    Some((words, at))
                });
                let Some((mut words, at)) = found else { return 0 };
                words[at] = other;
                1
            })
        }
        _ => -libc::ENOSYS,
    }
}

/// `futex_waitv(2)` without an end: the index of the futex that was woken.
///
/// # Safety
/// The entries are an array of so many.
unsafe fn futex_vector(entries: *const [u64; 3], count: usize) -> c_int {
    if count == 0 {
        return -libc::EINVAL;
    }
    // SAFETY: the caller's promise.
    let entries = unsafe { core::slice::from_raw_parts(entries, count) };
    let mut sleeper: Option<Rc<Sleeper>> = None;
    for &[value, address, _] in entries {
        let same = has_value(address as usize, value);
        let Some(sleeper) = &sleeper else {
            if !same {
                return -libc::EAGAIN;
            }
            sleeper = Some(Sleeper::new(vec![address as usize], 0));
            continue;
        };
        if let Some(Wake::Called(index)) = sleeper.woken.get() {
            return index as c_int;
        }
        if !same {
            with(|linux| linux.sleepers.retain(|it| !Rc::ptr_eq(it, sleeper)));
            return -libc::EAGAIN;
        }
        sleeper.words.borrow_mut().push(address as usize);
    }
    match sleeper.map(|sleeper| sleeper.sleep()) {
        Some(Wake::Called(index)) => index as c_int,
        _ => -libc::EINTR,
    }
}

/// Maps memory: zeroed, at the start of a page.
///
/// # Safety
/// None is needed; it has the signature of the call.
pub unsafe fn mmap(len: usize, access: i32, _: i32, _: i32, _: u64) -> isize {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: the kernel chooses the address.
    let at = unsafe { ironring_linux::arch::mmap(len, access, flags, -1, 0) };
    assert!(at > 0, "there is memory");
    with(|linux| linux.memory.push((at as usize, len)));
    at
}

/// Any system call.
///
/// # Safety
/// As for the call.
pub unsafe fn syscall6(nr: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let ret: c_int = match nr {
        // SAFETY: as the call's.
        libc::SYS_futex => unsafe { futex(a, b as c_int, c as u32 as u64, [d, e, f]) },
        // SAFETY: as the call's.
        FUTEX_WAITV => unsafe { futex_vector(a as *const _, b) },
        libc::SYS_sched_yield => {
            loom::thread::yield_now();
            0
        }
        libc::SYS_getpid => process() as c_int,
        libc::SYS_gettid => 1,
        libc::SYS_sched_setaffinity => 0,
        libc::SYS_munmap => {
            words::unmap(a..a + b);
            0
        }
        // A second mapping, which no model uses.
        // SAFETY: as the call's.
        libc::SYS_mremap => return unsafe { mmap(c, libc::PROT_NONE, 0, -1, 0) },
        // SAFETY: as the call's.
        libc::SYS_process_vm_readv => unsafe { memory::read(b as *const _, d as *const _) },
        libc::SYS_process_vm_writev | libc::SYS_io_setup | libc::SYS_io_getevents => -libc::ENOSYS,
        libc::SYS_pidfd_open if with(|linux| linux.dead.contains(&(a as u32))) => {
            end_of_process();
            -libc::ESRCH
        }
        libc::SYS_pidfd_open => files::never(),
        libc::SYS_write
        | libc::SYS_read
        | libc::SYS_close
        | libc::SYS_fcntl
        | libc::SYS_eventfd2
        | libc::SYS_epoll_create1
        | libc::SYS_epoll_ctl
        | libc::SYS_epoll_pwait
        | libc::SYS_ppoll
        | libc::SYS_timerfd_create
        | libc::SYS_timerfd_settime
        // SAFETY: as the call's.
        | libc::SYS_statx => unsafe { files::call(nr, [a, b, c, d, e]) },
        // SAFETY: as the call's.
        _ => return unsafe { ironring_linux::arch::syscall6(nr, a, b, c, d, e, f) },
    };
    ret as isize
}

/// Closes a descriptor of the program.
pub fn close(fd: c_int) {
    crate::sys::close(fd);
}

pub use files::{eventfd, set_event};
pub use limits::{limits, set_limit};
pub use memory::{Exposed, Futex};
