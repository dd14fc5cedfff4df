//! Threads: the engine's own, and what the engine knows of the program's.

use crate::atomic::{AtomicBool, AtomicU32, Ordering, compiler_fence};
use crate::context::Context;
use crate::credentials::Credentials;
#[cfg(loom)]
use crate::model::keys;
use crate::sys::{self, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt::Write;
use core::mem::{MaybeUninit, zeroed};
use core::ptr::null_mut;
use ironring_abi::ctypes::{c_int, c_uint, c_void};
#[cfg(not(loom))]
use libc as keys;
use libc::{pthread_attr_t, pthread_key_t};

/// The number of rings that a thread may register (`IORING_REGISTER_RING_FDS`).
pub const RINGS: usize = 16;

/// The first index of a thread's own choice where the process may have rings of the kernel's, whose indices are all
/// smaller.
const AFTER_KERNELS: usize = RINGS;

/// Whether the process has rings of the kernel's, or may get some.
static BESIDE_KERNELS: AtomicBool = AtomicBool::new(false);

/// Keeps the indices that are given from now on apart from those of the kernel's rings.
pub fn expect_kernel_rings() {
    BESIDE_KERNELS.store(true, Ordering::Relaxed);
}

/// What the engine remembers for a thread.
pub struct Thread {
    /// Tells apart the threads of a process, also those that have ended.
    number: u32,
    /// By their registered indices.
    rings: [Option<&'static Context>; AFTER_KERNELS + RINGS],
    /// The thread's credentials, once it can't have others.
    pub credentials: Option<Arc<Credentials>>,
    /// It is in a call to the engine and may hold locks.
    inside: bool,
    /// Entries that signal handlers have submitted meanwhile.
    owed: [Option<(&'static Context, c_uint)>; OWED],
}

/// The number of rings that signal handlers can submit to while they interrupt a call.
const OWED: usize = 8;

/// Why a thread can't begin a call.
pub enum Refused {
    /// It is in a signal handler that has interrupted another call.
    Nested,
    /// There is no memory for what is remembered of it.
    NoMemory,
}

impl Refused {
    /// What calls return that have no other answer.
    pub fn errno(&self) -> c_int {
        match self {
            Refused::Nested => -libc::EAGAIN,
            Refused::NoMemory => -libc::ENOMEM,
        }
    }
}

/// A thread in a call to the engine.
pub struct Inside(*mut Thread);

impl Inside {
    /// Begins a call.
    pub fn begin() -> core::result::Result<Inside, Refused> {
        let thread = find().map_err(|_| Refused::NoMemory)?;
        // SAFETY: the value stays as long as its thread, and only handlers on this thread use it beside this call.
        if core::mem::replace(unsafe { &mut (*thread).inside }, true) {
            return Err(Refused::Nested);
        }
        // A handler sees the flag before anything that is done under it.
        compiler_fence(Ordering::SeqCst);
        Ok(Inside(thread))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let thread = self.0;
        loop {
            compiler_fence(Ordering::SeqCst);
            // SAFETY: the value stays as long as its thread; only handlers on this thread change it.
            unsafe { (&raw mut (*thread).inside).write_volatile(false) };
            compiler_fence(Ordering::SeqCst);
            // SAFETY: as above.
            let Thread { owed, inside, .. } = unsafe { &mut *thread };
            if owed.iter().all(Option::is_none) || core::mem::replace(inside, true) {
                return;
            }
            for at in 0..OWED {
                if let Some((context, count)) = current().owed.get_mut(at).and_then(Option::take) {
                    let _ = crate::enter::submit(context, count);
                }
            }
        }
    }
}

/// Has the interrupted call submit entries when it ends; false if it can't remember more.
pub fn owe(context: &'static Context, count: c_uint) -> bool {
    let owed = &mut current().owed;
    let same = owed
        .iter()
        .position(|entry| entry.is_some_and(|(other, _)| core::ptr::eq(other, context)));
    let Some(place) = same
        .or_else(|| owed.iter().position(Option::is_none))
        .and_then(|at| owed.get_mut(at))
    else {
        return false;
    };
    let before = place.map_or(0, |(_, count)| count);
    *place = Some((context, before.saturating_add(count)));
    true
}

/// Whether the calling thread is in a call to the engine, which a signal handler has interrupted.
pub fn is_inside() -> bool {
    // SAFETY: the value stays as long as its thread.
    find().is_ok_and(|thread| unsafe { (*thread).inside })
}

/// Sleeps, holding nothing: signal handlers may use rings meanwhile.
pub fn outside<T>(sleep: impl FnOnce() -> T) -> T {
    let before = core::mem::replace(&mut current().inside, false);
    compiler_fence(Ordering::SeqCst);
    let slept = sleep();
    compiler_fence(Ordering::SeqCst);
    current().inside = before;
    slept
}

static KEY: AtomicU32 = AtomicU32::new(u32::MAX);
static NEXT: AtomicU32 = AtomicU32::new(1);

unsafe extern "C" fn ended(thread: *mut c_void) {
    // SAFETY: the value of the key is a box that `current` made, and the thread no longer uses it.
    let thread = unsafe { Box::from_raw(thread.cast::<Thread>()) };
    for context in thread.rings.into_iter().flatten() {
        context.release();
    }
}

/// The key of threads' values; -ENOMEM if the program has used up all keys, of which there are 1024.
#[cold]
fn key() -> Result<pthread_key_t> {
    let mut made: pthread_key_t = 0;
    // SAFETY: the key is valid for the call.
    if unsafe { keys::pthread_key_create(&raw mut made, Some(ended)) } != 0 {
        return Err(-libc::ENOMEM);
    }
    match KEY.compare_exchange(u32::MAX, made as u32, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(made),
        Err(other) => {
            // SAFETY: nobody knows this key.
            unsafe { keys::pthread_key_delete(made) };
            Ok(other as pthread_key_t)
        }
    }
}

/// The calling thread's value, which stays as long as the thread; -ENOMEM if libc has no memory for it.
fn find() -> Result<*mut Thread> {
    let key = match KEY.load(Ordering::Acquire) {
        u32::MAX => key()?,
        key => key as pthread_key_t,
    };
    // SAFETY: the key exists, and its values are boxes made here, one per thread.
    unsafe {
        let found: *mut Thread = keys::pthread_getspecific(key).cast();
        if !found.is_null() {
            return Ok(found);
        }
        let thread = Box::into_raw(Box::new(Thread::new()));
        if keys::pthread_setspecific(key, thread.cast()) != 0 {
            drop(Box::from_raw(thread));
            return Err(-libc::ENOMEM);
        }
        Ok(thread)
    }
}

impl Thread {
    fn new() -> Thread {
        Thread {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            rings: [None; AFTER_KERNELS + RINGS],
            credentials: None,
            inside: false,
            owed: [None; OWED],
        }
    }
}

/// The calling thread, which is in a call or the engine's own. The reference must not outlive the call in which it is taken.
pub fn current() -> &'static mut Thread {
    match find() {
        // SAFETY: the value stays as long as the thread, and nobody keeps another reference to it.
        Ok(thread) => unsafe { &mut *thread },
        // SAFETY: it takes no argument and doesn't return.
        Err(_) => unsafe { libc::abort() },
    }
}

/// Names the calling thread among those of all processes; never 0.
pub fn id() -> u64 {
    u64::from(crate::lock::pid()) << 32 | u64::from(current().number)
}

/// As the other [`spawn`], for a model.
#[cfg(loom)]
pub fn spawn(_: &str, run_with: fn(usize), with: usize) -> Result<()> {
    crate::model::spawn(run_with, with)
}

/// The stack of the engine's threads, and larger ones for libc's with much thread-local storage.
const STACKS: [usize; 3] = [64 << 10, 256 << 10, 2 << 20];

/// What a new thread gets.
struct Task {
    run: fn(usize),
    with: usize,
    name: [u8; 16],
}

unsafe extern "C" fn run(task: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` gave the box away.
    let task = unsafe { Box::from_raw(task.cast::<Task>()) };
    // SAFETY: a terminated name.
    let _ = unsafe {
        sys::call(
            libc::SYS_prctl,
            [libc::PR_SET_NAME as usize, task.name.as_ptr() as usize],
        )
    };
    let Task { run, with, .. } = *task;
    run(with);
    null_mut()
}

/// A name of at most 15 bytes, as `ps -L` shows it.
struct Name([u8; 16], usize);

impl Write for Name {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for &byte in text.as_bytes() {
            if self.1 < 15 {
                self.0[self.1] = byte;
                self.1 += 1;
            }
        }
        Ok(())
    }
}

/// Starts a thread `NAME-PID` that blocks all signals and is never joined. -EAGAIN if no thread may be made.
#[cfg(not(loom))]
pub fn spawn(name: &str, run_with: fn(usize), with: usize) -> Result<()> {
    let mut text = Name([0; 16], 0);
    let _ = write!(text, "{name}-{}", crate::lock::pid());
    // SAFETY: a set of signals and attributes are valid once initialized; the box is given to the thread, or taken back.
    unsafe {
        let mut all: libc::sigset_t = zeroed();
        let mut before: libc::sigset_t = zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let mut error = libc::EAGAIN;
        for stack in STACKS {
            let mut attributes = MaybeUninit::<pthread_attr_t>::uninit();
            libc::pthread_attr_init(attributes.as_mut_ptr());
            libc::pthread_attr_setdetachstate(attributes.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED);
            libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack);
            let task = Box::into_raw(Box::new(Task {
                run: run_with,
                with,
                name: text.0,
            }));
            let mut thread: libc::pthread_t = zeroed();
            error = libc::pthread_create(&raw mut thread, attributes.as_ptr(), start(), task.cast());
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            if error == 0 {
                break;
            }
            drop(Box::from_raw(task));
            // EINVAL: thread-local storage needs a larger stack.
            if error != libc::EINVAL {
                break;
            }
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, null_mut());
        if error == 0 { Ok(()) } else { Err(-error) }
    }
}

fn start() -> extern "C" fn(*mut c_void) -> *mut c_void {
    // SAFETY: libc calls it with the pointer that `spawn` passes.
    unsafe { core::mem::transmute::<unsafe extern "C" fn(*mut c_void) -> *mut c_void, _>(run) }
}

/// The ring at a registered index of the calling thread.
pub fn registered(index: c_int) -> Result<&'static Context> {
    let index = usize::try_from(index).map_err(|_| -libc::EINVAL)?;
    // SAFETY: the value stays as long as its thread.
    match unsafe { &(*find()?).rings }.get(index) {
        Some(Some(context)) => Ok(context),
        _ if index < RINGS => Err(-libc::EBADF),
        _ => Err(-libc::EINVAL),
    }
}

/// Registers a ring with the calling thread, at an index or (`u32::MAX`) at any.
pub fn register(context: &'static Context, wanted: c_uint) -> Result<c_int> {
    let rings = &mut current().rings;
    let index = if wanted == u32::MAX {
        let first = if BESIDE_KERNELS.load(Ordering::Relaxed) {
            AFTER_KERNELS
        } else {
            0
        };
        let free = (first..first + RINGS).find(|&index| matches!(rings.get(index), Some(None)));
        free.ok_or(-libc::EBUSY)?
    } else {
        wanted as usize
    };
    match rings.get_mut(index) {
        Some(None) if (wanted == u32::MAX || index < RINGS) && !context.hold() => Err(-libc::EBADF),
        Some(place @ None) if wanted == u32::MAX || index < RINGS => {
            *place = Some(context);
            Ok(index as c_int)
        }
        _ if index < RINGS => Err(-libc::EBUSY),
        _ => Err(-libc::EINVAL),
    }
}

/// Forgets the parent's indices, in the child of a fork: they belong to its thread.
pub fn child() {
    let Ok(thread) = find() else { return };
    // SAFETY: the value stays as long as its thread.
    for context in unsafe { &mut (*thread).rings }.iter_mut().filter_map(Option::take) {
        context.release();
    }
}

/// Gives an index of the calling thread back; -EINVAL if it can't be one.
pub fn unregister(index: c_uint) -> Result<()> {
    let place = current().rings.get_mut(index as usize).ok_or(-libc::EINVAL)?;
    match place.take() {
        Some(context) => context.release(),
        None if index as usize >= RINGS => return Err(-libc::EINVAL),
        None => {}
    }
    Ok(())
}
