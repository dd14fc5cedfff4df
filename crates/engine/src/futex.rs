//! Waiting for futexes: threads that wait for the program's futexes as any other thread does, so that wakes count them.
//!
//! A request must wait from the moment on in which it is submitted, but nobody can see whether another thread has begun to
//! wait. So a thread first waits for words of its own, and is moved to the program's futexes by `FUTEX_CMP_REQUEUE`, which
//! returns the number of threads that it has moved. It can be called back by a further word for which it waits, too, and
//! then says whether a wake came first.

mod calls;
mod task;

pub use calls::{has_vectors, wake};

use crate::atomic::{AtomicU32, Ordering, exclusive, uses};
use crate::context::Context;
use crate::lock::Mutex;
use crate::slab::Key;
use crate::sys::{self, Result};
use crate::{thread, user};
use alloc::boxed::Box;
use alloc::vec::Vec;
use calls::{Entry, requeue, sleep_for_one, vectors};
use ironring_abi::ctypes::c_int;
use libc::{CLOCK_MONOTONIC, EAGAIN, EINTR, EINVAL, ENOMEM, ETIMEDOUT};
use task::{Shape, Task};

/// The largest number of futexes of a request, and of a thread.
pub const MOST: usize = 128;
/// Everybody's mask.
pub const ANY: u32 = u32::MAX;
/// futex2 flags: words of 32 bits, and those of one process.
pub const SIZE_32: u32 = 2;
pub const PRIVATE: u32 = 128;

/// A word to wait for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Word {
    pub address: u64,
    pub value: u32,
    pub private: bool,
}

enum State {
    Idle,
    /// It waits for a request, or is about to.
    Waiting(Task),
    /// The call was refused before the thread could be moved: the errno, for `wait`.
    Refused(Task, c_int),
    /// The request was canceled meanwhile.
    Canceled(Task),
    /// It ends.
    Leaving,
}

/// A thread. It is never freed, because somebody may still wake it up.
pub struct Waiter {
    state: Mutex<State>,
    /// Changes when the thread must look at its state. It orders nothing: the thread takes the state's lock after it has read
    /// it, and who changes it has changed the state before.
    control: AtomicU32,
    /// The number of calls that are over, which `control` counts, too. Before all are, the wake of one could still come.
    called: AtomicU32,
    /// Whether a wake came before the request was canceled: `UNKNOWN` until the thread has looked.
    woken: AtomicU32,
    /// The word of a thread that has nothing to do, and those for others than one private futex. They are 0 while the
    /// thread may wait for them, and 1 once it has been moved, so that a system call that is started again ends at once.
    idle: AtomicU32,
    words: [AtomicU32; MOST],
}

/// Threads that have nothing to do.
static IDLE: Mutex<Vec<&'static Waiter>> = Mutex::new(Vec::new());
/// How many of them stay.
const KEPT: usize = 4;
/// How long a thread may take until it waits, or has looked whether it was woken up, in nanoseconds.
const PATIENCE: u64 = 2_000_000_000;

/// Values of `woken`.
const UNKNOWN: u32 = 0;
const NO: u32 = 1;
const YES: u32 = 2;

/// Begins to wait for a request; the thread that does. -EAGAIN if a word has another value.
pub fn wait(context: &'static Context, key: Key, words: &[Word], mask: u32) -> Result<&'static Waiter> {
    unchanged(words)?;
    let task = Task {
        context,
        serial: context.serial(),
        key,
        words: words.to_vec(),
        mask,
        begun: false,
    };
    let usual = task.is_usual();
    let waiter = match IDLE.lock().pop() {
        Some(waiter) => {
            *waiter.state.lock() = State::Waiting(task);
            if !usual {
                waiter.call();
            }
            waiter
        }
        None => Waiter::create(State::Waiting(task))?,
    };
    let moved = waiter.move_to(words, usual).and_then(|()| unchanged(words));
    match moved.and_then(|()| waiter.begin()) {
        Ok(()) => Ok(waiter),
        Err(errno) => {
            waiter.cancel(key);
            Err(errno)
        }
    }
}

/// Whether all words have the values that they should have.
fn unchanged(words: &[Word]) -> Result<()> {
    for word in words {
        if word.address % 4 != 0 {
            return Err(-EINVAL);
        }
        if user::read::<u32>(word.address)? != word.value {
            return Err(-EAGAIN);
        }
    }
    Ok(())
}

/// Ends the threads that have nothing to do.
pub fn retire() {
    let idle = core::mem::take(&mut *IDLE.lock());
    for waiter in idle {
        *waiter.state.lock() = State::Leaving;
        waiter.call();
    }
}

/// The lock that fork must hold.
pub fn fork_lock() -> &'static crate::lock::Lock {
    IDLE.word()
}

/// Forgets the parent's threads, in the child of a fork.
pub fn child() {
    IDLE.lock().clear();
}

impl Waiter {
    fn create(state: State) -> Result<&'static Waiter> {
        let waiter: &'static Waiter = Box::leak(Box::new(Waiter {
            state: Mutex::new(state),
            control: AtomicU32::new(0),
            called: AtomicU32::new(0),
            woken: AtomicU32::new(UNKNOWN),
            idle: AtomicU32::new(0),
            words: [const { AtomicU32::new(0) }; MOST],
        }));
        let address = &raw const *waiter as usize;
        if thread::spawn("iou-ftx", run, address).is_err() {
            // SAFETY: no thread was made, so nobody knows it.
            drop(unsafe { Box::from_raw(address as *mut Waiter) });
            return Err(-ENOMEM);
        }
        Ok(waiter)
    }

    /// Has the thread look at its state.
    fn call(&self) {
        self.control.fetch_add(1, Ordering::Relaxed);
        sys::futex_wake(self.control.as_ptr(), 1);
        uses(&raw const self.called);
        self.called.fetch_add(1, Ordering::Release);
        if !has_vectors() {
            let _ = wake(self.idle.as_ptr() as u64, 1, ANY, true);
        }
    }

    /// Moves the thread from its own words to the program's, as soon as it waits for them.
    fn move_to(&self, words: &[Word], usual: bool) -> Result<()> {
        let end = sys::now(CLOCK_MONOTONIC).saturating_add(PATIENCE);
        for (own, word) in self.words.iter().zip(words) {
            let own = if usual { &self.idle } else { own };
            loop {
                match requeue(own, word) {
                    Ok(0) => {}
                    Ok(_) => break,
                    // A wake came for another one, and the thread is on its way.
                    Err(errno) if errno == -EAGAIN => return Ok(()),
                    Err(errno) => return Err(errno),
                }
                if self.is_done() {
                    return Ok(());
                }
                if sys::now(CLOCK_MONOTONIC) > end {
                    return Err(-ENOMEM);
                }
                // SAFETY: no memory is passed.
                let _ = unsafe { sys::call::<0>(libc::SYS_sched_yield, []) };
            }
            own.store(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether the thread no longer waits for a request.
    fn is_done(&self) -> bool {
        !matches!(&*self.state.lock(), State::Waiting(_))
    }

    /// From now on errors go to the request; the errno if there was one before.
    fn begin(&self) -> Result<()> {
        match &mut *self.state.lock() {
            State::Waiting(task) => task.begun = true,
            State::Refused(_, errno) => return Err(*errno),
            _ => {}
        }
        Ok(())
    }

    /// The request is no longer interested; false if it has been woken up, and will hear of it.
    pub fn cancel(&self, key: Key) -> bool {
        let mut state = self.state.lock();
        let task = match core::mem::replace(&mut *state, State::Idle) {
            State::Waiting(task) | State::Refused(task, _) if task.key == key => task,
            other => {
                *state = other;
                return false;
            }
        };
        let can_be_called = Shape::of(&task).can_be_called();
        *state = State::Canceled(task);
        self.woken.store(UNKNOWN, Ordering::Relaxed);
        drop(state);
        self.call();
        let end = sys::now(CLOCK_MONOTONIC).saturating_add(PATIENCE);
        while can_be_called && self.woken.load(Ordering::Relaxed) == UNKNOWN {
            if sys::futex_wait(self.woken.as_ptr(), UNKNOWN, end) == Err(-ETIMEDOUT) {
                break;
            }
        }
        self.woken.load(Ordering::Relaxed) != YES
    }

    /// Waits in the way that a task needs, or without one; the index of the word by which it was woken up, `words` and
    /// above for none of them.
    fn sleep(&self, control: u32, shape: &Shape) -> Result {
        match shape {
            Shape::Masked(private, mask) => sleep_for_one(&self.words[0], *private, *mask),
            Shape::Usual if !has_vectors() => sleep_for_one(&self.idle, true, ANY),
            Shape::Usual => sleep_for(&[
                Entry::new(&self.control, control, false),
                Entry::new(&self.idle, 0, true),
            ]),
            Shape::Vector(private) => {
                let mut entries = Vec::with_capacity(1 + private.len());
                entries.push(Entry::new(&self.control, control, false));
                let own = self.words.iter().zip(private);
                entries.extend(own.map(|(word, &private)| Entry::new(word, 0, private)));
                if shape.can_be_called() {
                    sleep_for(&entries)
                } else {
                    vectors(&entries[1..])
                }
            }
        }
    }

    /// The thread's life.
    fn run(&'static self) {
        loop {
            let control = self.control.load(Ordering::Relaxed);
            let (shape, count) = match &*self.state.lock() {
                State::Leaving => return,
                // Nobody calls any more.
                State::Canceled(_) => (Shape::Usual, 0),
                State::Waiting(task) => (Shape::of(task), task.words.len()),
                _ => (Shape::Usual, 1),
            };
            if shape != Shape::Usual && self.called.load(Ordering::Acquire) != control {
                // SAFETY: no memory is passed.
                let _ = unsafe { sys::call::<0>(libc::SYS_sched_yield, []) };
                continue;
            }
            if shape != Shape::Usual {
                exclusive(&raw const self.called);
            }
            let woken = if count == 0 {
                Err(-EAGAIN)
            } else {
                self.sleep(control, &shape)
            };
            let called = self.control.load(Ordering::Relaxed) != control;
            if !self.awake(woken, called, &shape, count) {
                return;
            }
        }
    }

    /// Handles the end of a sleep; false if the thread ends.
    fn awake(&'static self, woken: Result, called: bool, shape: &Shape, count: usize) -> bool {
        let mut state = self.state.lock();
        let by_word = match woken {
            Ok(index) if index < count => Some(index),
            _ => None,
        };
        match core::mem::replace(&mut *state, State::Idle) {
            State::Idle => return true,
            State::Leaving => return false,
            refused @ State::Refused(..) => {
                *state = refused;
                return true;
            }
            State::Waiting(task) => {
                let right = Shape::of(&task) == *shape;
                // Without a call, the kernel has ended the wait by itself (as it does when the process is stopped and
                // continued), and the thread has lost its place. That is a wake for no reason, which programs must expect.
                if !right || by_word.is_none() && (called || woken.is_ok()) {
                    *state = State::Waiting(task);
                    return true;
                }
                // Refused, or there is no memory for it.
                let refused = woken.err().filter(|&errno| errno != -EINTR && errno != -EAGAIN);
                if let (Some(errno), false) = (refused, task.begun) {
                    *state = State::Refused(task, errno);
                    return true;
                }
                drop(state);
                if let Some(errno) = refused {
                    task.deliver(errno);
                } else {
                    let index = by_word.unwrap_or(0);
                    if !task.deliver(index as i32) {
                        task.pass_on(index);
                    }
                }
            }
            State::Canceled(task) => {
                drop(state);
                let verdict = if by_word.is_some() { YES } else { NO };
                self.woken.swap(verdict, Ordering::Relaxed);
                sys::futex_wake(self.woken.as_ptr(), 1);
                if let Some(index) = by_word.filter(|&index| !task.deliver(index as i32)) {
                    task.pass_on(index);
                }
            }
        }
        self.rest()
    }

    /// Makes itself available; false if there are enough.
    fn rest(&'static self) -> bool {
        self.idle.store(0, Ordering::Relaxed);
        for word in &self.words {
            word.store(0, Ordering::Relaxed);
        }
        let mut idle = IDLE.lock();
        if idle.len() >= KEPT || !crate::context::any() {
            return false;
        }
        idle.push(self);
        true
    }
}

/// Waits for several words, of which `control` is the first: Linux tells the last one of those that were woken up, so that a
/// wake of the program's is not lost behind a call.
fn sleep_for(entries: &[Entry]) -> Result {
    Ok(match vectors(entries)? {
        0 => MOST,
        index => index - 1,
    })
}

fn run(waiter: usize) {
    // SAFETY: `create` passes a waiter, which is never freed while it has a thread.
    let waiter: &'static Waiter = unsafe { &*(waiter as *const Waiter) };
    waiter.run();
}
