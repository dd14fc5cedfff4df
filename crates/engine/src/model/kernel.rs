//! The models' Linux: futexes, memory, time, and files without a file system. Other calls are the real kernel's.

mod files;

use super::{process, words};
use crate::atomic::Ordering::{AcqRel, Relaxed};
use core::cell::RefCell;
use ironring_abi::ctypes::c_int;
use libc::{c_long, timespec};
use loom::thread::Thread;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::rc::Rc;

/// A thread that sleeps.
struct Sleeper {
    /// The futex's address; 0 for files.
    word: usize,
    /// 0 for none.
    until: u64,
    thread: Thread,
    /// Why it was woken up.
    woken: Cell<Option<Wake>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wake {
    Called,
    Late,
}

#[derive(Default)]
struct Linux {
    now: u64,
    /// How much the clock goes on each time somebody looks at it.
    tick: u64,
    sleepers: Vec<Rc<Sleeper>>,
    memory: Vec<(*mut u8, Layout)>,
    dead: Vec<u32>,
    /// Sleeps with an end are over at once.
    hurry: bool,
    files: files::Files,
}

/// The limits on open files: small, as the engine may look at each number.
pub const LIMITS: libc::rlimit = libc::rlimit {
    rlim_cur: 32,
    rlim_max: 32,
};

thread_local! {
    static LINUX: RefCell<Linux> = RefCell::default();
}

fn with<T>(call: impl FnOnce(&mut Linux) -> T) -> T {
    LINUX.with(|linux| call(&mut linux.borrow_mut()))
}

/// Starts an execution.
pub fn begin() {
    let old = LINUX.with(|linux| linux.replace(Linux::default()));
    for (at, layout) in old.memory {
        // SAFETY: it was allocated so, and its execution is over.
        unsafe { dealloc(at, layout) };
    }
    with(|linux| linux.now = 1 << 40);
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
            eprintln!("asleep: word {:#x}, until {}, {:?}", it.word, it.until, it.thread.id());
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

/// Wakes up to `most` of the sleepers that `which` chooses.
fn wake(why: Wake, most: usize, which: impl Fn(&Linux, &Sleeper) -> bool) -> usize {
    let woken: Vec<Rc<Sleeper>> = with(|linux| {
        let chosen: Vec<_> = linux
            .sleepers
            .iter()
            .filter(|it| which(linux, it))
            .take(most)
            .cloned()
            .collect();
        linux
            .sleepers
            .retain(|it| !chosen.iter().any(|other| Rc::ptr_eq(it, other)));
        chosen
    });
    for sleeper in &woken {
        sleeper.woken.set(Some(why));
        sleeper.thread.unpark();
    }
    woken.len()
}

fn wake_late() {
    wake(Wake::Late, usize::MAX, |linux, it| {
        it.until != 0 && (linux.hurry || it.until <= linux.now)
    });
}

/// Something has changed for those who wait for files.
fn changed() {
    wake(Wake::Called, usize::MAX, |_, it| it.word == 0);
}

/// Sleeps until somebody wakes this thread up, or a moment.
fn sleep(word: usize, until: u64) -> Wake {
    let sleeper = Rc::new(Sleeper {
        word,
        until,
        thread: loom::thread::current(),
        woken: Cell::new(None),
    });
    with(|linux| linux.sleepers.push(sleeper.clone()));
    loop {
        loom::thread::park();
        if let Some(why) = sleeper.woken.get() {
            return why;
        }
    }
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

/// The kernel compares and sleeps in one step, as a wake comes before or after it.
unsafe fn futex(address: usize, operation: c_int, value: u64, time: usize) -> c_int {
    // SAFETY: a word that the engine has used, and whose memory holds its first value.
    let word = words::word(address, || u64::from(unsafe { *(address as *const u32) }));
    match operation & !libc::FUTEX_PRIVATE_FLAG {
        libc::FUTEX_WAIT_BITSET => {
            if word.compare_exchange(value, value, Relaxed, Relaxed).is_err() {
                return -libc::EAGAIN;
            }
            // SAFETY: the engine passes a time or none.
            let until = unsafe { moment(time) };
            if is_late(until) {
                loom::thread::yield_now();
                return -libc::ETIMEDOUT;
            }
            match sleep(address, until) {
                Wake::Called => 0,
                Wake::Late => -libc::ETIMEDOUT,
            }
        }
        libc::FUTEX_WAKE => {
            let _ = word.compare_exchange(u64::MAX, u64::MAX, Relaxed, Relaxed);
            wake(Wake::Called, value as usize, |_, it| it.word == address) as c_int
        }
        _ => -libc::ENOSYS,
    }
}

/// Maps memory: zeroed, at the start of a page.
///
/// # Safety
/// None is needed; it has the signature of the call.
pub unsafe fn mmap(len: usize, _: i32, _: i32, _: i32, _: u64) -> isize {
    let layout = Layout::from_size_align(len.next_multiple_of(4096), 4096).expect("a size");
    // SAFETY: the size is not 0.
    let at = unsafe { alloc_zeroed(layout) };
    with(|linux| linux.memory.push((at, layout)));
    at as isize
}

/// Any system call.
///
/// # Safety
/// As for the call.
pub unsafe fn syscall6(nr: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let ret: c_int = match nr {
        // SAFETY: as the call's.
        libc::SYS_futex => unsafe { futex(a, b as c_int, c as u32 as u64, d) },
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
        libc::SYS_mremap => return unsafe { mmap(c, 0, 0, -1, 0) },
        libc::SYS_process_vm_readv | libc::SYS_process_vm_writev => -libc::ENOSYS,
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
