//! loom's models of the engine, for `cargo xtask model`: its own source, on a modelled processor ([`words`], [`atomic`])
//! and a modelled Linux ([`kernel`]).

pub mod atomic;
pub mod kernel;
pub mod keys;
pub mod locks;
pub mod program;
pub mod words;

mod tests;

use loom::thread::ThreadId;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// The words of a thread's stack: the engine needs more than loom's threads have.
const STACK: usize = 0x8000;

thread_local! {
    /// Threads of other processes than the first.
    static PROCESSES: RefCell<HashMap<ThreadId, u32>> = RefCell::default();
    /// The orders in which the model has run.
    static RUNS: Cell<usize> = const { Cell::new(0) };
    static NO_THREADS: Cell<bool> = const { Cell::new(false) };
    /// One was refused.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
    /// The engine's threads.
    static MADE: RefCell<Vec<Handle>> = const { RefCell::new(Vec::new()) };
}

/// The first process.
pub const FIRST: u32 = 1000;

/// The process of the calling thread.
pub fn process() -> u32 {
    let me = loom::thread::current().id();
    PROCESSES.with(|processes| processes.borrow().get(&me).copied().unwrap_or(FIRST))
}

/// Has no more threads made for the engine.
pub fn refuse_threads() {
    NO_THREADS.set(true);
}

/// Whether a thread was refused.
pub fn has_refused() -> bool {
    REFUSED.get()
}

/// Makes a thread for the engine.
pub fn spawn(run: fn(usize), with: usize) -> crate::sys::Result<()> {
    if NO_THREADS.get() {
        REFUSED.set(true);
        return Err(-libc::EAGAIN);
    }
    let made = thread_of(process(), move || run(with));
    MADE.with(|all| all.borrow_mut().push(made));
    Ok(())
}

/// Waits for the engine's threads.
pub fn join_made() {
    while let Some(thread) = MADE.with(|all| all.borrow_mut().pop()) {
        thread.join().unwrap();
    }
}

pub type Handle = loom::thread::JoinHandle<()>;

/// Makes a thread of the first process. It may share pointers with others, as loom runs all on one thread.
pub fn thread(work: impl FnOnce() + 'static) -> Handle {
    thread_of(FIRST, work)
}

/// Makes a thread of a process.
pub fn thread_of(process: u32, work: impl FnOnce() + 'static) -> Handle {
    struct Work<F>(F);
    // SAFETY: loom runs its threads as coroutines of one thread.
    unsafe impl<F> Send for Work<F> {}
    impl<F: FnOnce()> Work<F> {
        fn run(self, process: u32) {
            let me = loom::thread::current().id();
            PROCESSES.with(|processes| processes.borrow_mut().insert(me, process));
            (self.0)();
        }
    }
    let work = Work(work);
    let run = move || work.run(process);
    let builder = loom::thread::Builder::new().stack_size(STACK);
    builder.spawn(run).expect("loom makes threads")
}

/// Does what comes before or after the interesting part of a model in one order only.
fn quietly<T>(part: impl FnOnce() -> T) -> T {
    loom::stop_exploring();
    let done = part();
    loom::explore();
    done
}

/// Runs a model in every order in which no thread is interrupted more than `switches` times, and prints their number and
/// the places in the engine that it exercised.
fn explore(name: &str, switches: Option<usize>, model: fn()) {
    let start = std::time::Instant::now();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |what| {
        // Without unwinding, which would go on with the model.
        hook(what);
        words::explain();
        kernel::explain();
        std::process::exit(101);
    }));
    let mut builder = loom::model::Builder::new();
    // `cargo xtask model --deep`
    let more = usize::from(std::env::var_os("IRONRING_DEEP").is_some());
    builder.preemption_bound = switches.map(|switches| switches + more);
    builder.max_branches = 20_000;
    builder.check(move || {
        RUNS.set(RUNS.get() + 1);
        words::begin();
        locks::begin();
        kernel::begin();
        PROCESSES.with(|processes| processes.borrow_mut().clear());
        keys::begin();
        NO_THREADS.set(false);
        REFUSED.set(false);
        thread(model).join().unwrap();
        kernel::end();
        join_made();
    });
    println!("model {name} {} {:.1}", RUNS.get(), start.elapsed().as_secs_f64());
    for site in words::sites() {
        println!("site {name} {site}");
    }
}
