//! Workers: threads for what would block otherwise. They are made on demand and end when they have been idle.

pub mod disk;

use crate::atomic::{AtomicI32, AtomicU32, Ordering};
use crate::context::{self, Context, Work};
use crate::credentials::{self, Credentials};
use crate::lock::Mutex;
use crate::request::{File, Request};
use crate::{sys, thread};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use ironring_abi::ctypes::c_int;

/// A request on its way to a worker and back.
pub struct Errand {
    context: &'static Context,
    serial: u32,
    run: fn(&mut Request) -> i32,
    /// The worker only waits for these events of the file; 0 for none.
    polling: u32,
    kind: Kind,
    request: Mutex<Option<Box<Request>>>,
    /// What cancelling looks for.
    pub user_data: u64,
    pub opcode: u8,
    /// The engine's descriptor of the file, which stays open until the request is finished; -1 for none.
    pub fd: c_int,
    /// A duplicate that belongs to the request alone, for the child of a fork to close; -1 for none.
    file: AtomicI32,
}

impl Errand {
    fn new(context: &'static Context, request: Box<Request>, kind: Kind, run: fn(&mut Request) -> i32) -> Errand {
        let file = match &request.file {
            File::Kept(file) if Arc::strong_count(file) == 1 => file.fd(),
            _ => -1,
        };
        Errand {
            context,
            serial: context.serial(),
            run,
            polling: request.polling,
            kind,
            user_data: request.user_data(),
            opcode: request.sqe.opcode,
            fd: request.fd(),
            file: AtomicI32::new(file),
            request: Mutex::new(Some(request)),
        }
    }

    /// Does the request, unless it has been withdrawn.
    fn run(&self, run: fn(&mut Request) -> i32) {
        let found = if self.polling == 0 { Some(0) } else { self.wait() };
        let (Some(found), Some(mut request)) = (found, self.request.lock().take()) else {
            return;
        };
        let res = if self.polling == 0 { run(&mut request) } else { found };
        self.file.store(-1, Ordering::Relaxed);
        if let Some(mut core) = self.context.lock() {
            if self.context.serial() == self.serial {
                core.worker = true;
                core.arrive(Work::Finished(request, res));
            }
        }
    }

    /// Waits for the file, and looks now and then whether the request has been withdrawn: the events or -errno, or none.
    fn wait(&self) -> Option<i32> {
        while self.request.lock().is_some() {
            match sys::poll(self.fd, self.polling, LOOK) {
                Ok(0) => {}
                Ok(found) => return Some(found as i32),
                Err(errno) if errno == -libc::EINTR => {}
                Err(errno) => return Some(errno),
            }
        }
        None
    }

    /// Takes the request back, unless a worker has begun.
    pub fn withdraw(&self) -> Option<Box<Request>> {
        self.request.lock().take()
    }

    /// Closes what the parent's worker has open, in the child of a fork.
    pub fn close_in_child(&self) {
        self.request.word().reset();
        let file = self.file.load(Ordering::Relaxed);
        if file != -1 && self.request.lock().is_none() {
            crate::kept::close(file);
        }
    }
}

/// Linux's two kinds of work, whose numbers of workers programs can limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// On files of storage, and by name: it takes a while, but it ends.
    Bounded,
    /// On all other files: it may wait for ever.
    Unbounded,
}

impl Kind {
    fn of(request: &Request) -> Kind {
        let fd = request.fd();
        if fd < 0 || sys::is_storage(fd) {
            Kind::Bounded
        } else {
            Kind::Unbounded
        }
    }
}

/// The work of a kind.
struct Line {
    queue: VecDeque<Arc<Errand>>,
    /// Workers that do it, and the largest number of them.
    busy: u32,
    most: u32,
}

impl Line {
    const fn new() -> Line {
        Line {
            queue: VecDeque::new(),
            busy: 0,
            most: BOUNDED,
        }
    }

    /// How much could be done if there were enough workers.
    fn waiting(&self) -> usize {
        self.queue.len().min(self.most.saturating_sub(self.busy) as usize)
    }
}

struct Pool {
    /// By [`Kind`].
    lines: [Line; 2],
    threads: u32,
    idle: u32,
    /// What the threads have from the one that made the first of them.
    credentials: Option<Arc<Credentials>>,
    /// They may have changed: setuid(2) by libc changes those of all threads.
    stale: bool,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    lines: [const { Line::new() }; 2],
    threads: 0,
    idle: 0,
    credentials: None,
    stale: false,
});
/// The thread id of one of the threads; 0 for none.
static THREAD: AtomicU32 = AtomicU32::new(0);
/// Changes with each errand; idle workers sleep on it. It orders nothing: they read it before they look for errands within
/// the lock, and for rings within the table's, in which it is changed after both.
static NEWS: AtomicU32 = AtomicU32::new(0);

/// The largest number of workers of each kind that a program has not limited: more than Linux has for bounded work, because
/// Linux itself waits for storage without a worker.
const BOUNDED: u32 = 256;
/// How long a worker waits for a file before it looks whether somebody still wants that, in milliseconds.
const LOOK: c_int = 20;
/// How long a worker stays without work, in nanoseconds.
const IDLE: u64 = 5_000_000_000;

/// Who submits: the calling thread's credentials, and whether it shares its working directory with the pool.
pub struct Submitter {
    credentials: Arc<Credentials>,
    shares: bool,
}

impl Submitter {
    fn new() -> Submitter {
        Submitter {
            credentials: credentials::current(),
            shares: match THREAD.load(Ordering::Relaxed) {
                0 => true,
                thread => credentials::shares_folder(thread),
            },
        }
    }
}

impl Pool {
    /// Whether threads with these credentials, made by the submitter, belong to the pool: they are all alike.
    fn accepts(&self, submitter: &Submitter, credentials: &Credentials) -> bool {
        self.threads == 0 || submitter.shares && self.credentials.as_deref() == Some(credentials)
    }

    /// Whether one more request needs another thread.
    fn is_short(&self, request: &Request) -> bool {
        let waiting: usize = self.lines.iter().map(Line::waiting).sum();
        if self.idle as usize > waiting || self.lines.iter().all(|line| line.busy >= line.most) {
            return false;
        }
        let [bounded, _] = &self.lines;
        // Names are looked up by processors more than by devices.
        request.fd() >= 0 || bounded.busy as usize + bounded.queue.len() < by_name()
    }
}

/// The number of threads from which on requests by name make no more of them: four for each processor.
fn by_name() -> usize {
    static MOST: AtomicU32 = AtomicU32::new(0);
    if MOST.load(Ordering::Relaxed) == 0 {
        MOST.store(4 * sys::processors(), Ordering::Relaxed);
    }
    MOST.load(Ordering::Relaxed) as usize
}

/// Queues a request for a worker; gives it back if there is none and none can be made. `submitter` is what is known of the
/// calling thread.
pub fn submit(
    context: &'static Context,
    submitter: &mut Option<Submitter>,
    request: Box<Request>,
    run: fn(&mut Request) -> i32,
) -> Result<Arc<Errand>, Box<Request>> {
    let mut pool = POOL.lock();
    if request.def().credentials {
        let submitter = submitter.get_or_insert_with(Submitter::new);
        let own = &submitter.credentials;
        let wanted = request.credentials.clone().unwrap_or_else(|| own.clone());
        let other = *wanted != **own;
        if !pool.accepts(submitter, &wanted) || other && pool.threads == 0 {
            pool.stale = pool.threads != 0;
            drop(pool);
            let errand = Errand::new(context, request, Kind::Bounded, run);
            return submit_apart(errand, other.then_some(wanted));
        }
    }
    let kind = Kind::of(&request);
    if pool.is_short(&request) {
        let submitter = submitter.get_or_insert_with(Submitter::new);
        if !pool.accepts(submitter, &submitter.credentials) {
            // Those of the pool may all wait, and for this request.
            drop(pool);
            return submit_apart(Errand::new(context, request, kind, run), None);
        }
        if thread::spawn("iou-wrk", work, 0).is_ok() {
            pool.credentials = Some(submitter.credentials.clone());
            pool.threads += 1;
        } else if kind == Kind::Bounded {
            // What ends after a while does not wait for workers that may be waiting for ever.
            return Err(request);
        }
    }
    let room = pool.lines.get_mut(kind as usize).map(|line| line.queue.try_reserve(1));
    if pool.threads == 0 || !matches!(room, Some(Ok(()))) {
        return Err(request);
    }
    let errand = Arc::new(Errand::new(context, request, kind, run));
    if let Some(line) = pool.lines.get_mut(errand.kind as usize) {
        line.queue.push_back(errand.clone());
    }
    drop(pool);
    NEWS.fetch_add(1, Ordering::Relaxed);
    sys::futex_wake(NEWS.as_ptr(), 1);
    Ok(errand)
}

/// An errand with a thread of its own, which has what the calling thread has, or adopts credentials.
struct Apart {
    errand: Arc<Errand>,
    adopt: Option<Arc<Credentials>>,
}

/// Makes a thread for a request that the pool's threads can't do as its submitter would.
fn submit_apart(errand: Errand, adopt: Option<Arc<Credentials>>) -> Result<Arc<Errand>, Box<Request>> {
    let errand = Arc::new(errand);
    let apart = Box::into_raw(Box::new(Apart {
        errand: errand.clone(),
        adopt,
    }));
    if thread::spawn("iou-wrk", work_apart, apart as usize).is_ok() {
        return Ok(errand);
    }
    // SAFETY: no thread was made, so nobody else has the box.
    drop(unsafe { Box::from_raw(apart) });
    match errand.withdraw() {
        Some(request) => Err(request),
        None => Ok(errand),
    }
}

fn work_apart(apart: usize) {
    // SAFETY: `submit_apart` gave the box away.
    let apart = unsafe { Box::from_raw(apart as *mut Apart) };
    let Apart { errand, adopt } = *apart;
    place(&mut 0);
    match adopt.map_or(Ok(()), |wanted| wanted.adopt()) {
        Ok(()) => errand.run(errand.run),
        Err(_) => errand.run(|_| -libc::EPERM),
    }
}

/// The next errand, or none after a while.
fn next() -> Option<Arc<Errand>> {
    // Nothing has come for a while, or there is no ring any more.
    let mut waited = false;
    loop {
        let news = NEWS.load(Ordering::Relaxed);
        let mut pool = POOL.lock();
        if core::mem::take(&mut pool.stale) {
            pool.credentials = Some(credentials::current());
        }
        for line in &mut pool.lines {
            if line.waiting() != 0 {
                line.busy += 1;
                return line.queue.pop_front();
            }
        }
        if waited {
            pool.threads -= 1;
            return None;
        }
        pool.idle += 1;
        drop(pool);
        let until = sys::now(libc::CLOCK_MONOTONIC) + IDLE;
        // The last ring may have gone before the news were looked at, and nothing comes any more.
        while context::any() && NEWS.load(Ordering::Relaxed) == news {
            if sys::futex_wait(NEWS.as_ptr(), news, until) == Err(-libc::ETIMEDOUT) {
                waited = true;
                break;
            }
        }
        waited |= !context::any();
        POOL.lock().idle -= 1;
    }
}

/// Ends the threads that wait for work, after the last ring has gone.
pub fn retire() {
    NEWS.fetch_add(1, Ordering::Relaxed);
    sys::futex_wake(NEWS.as_ptr(), u32::MAX >> 1);
}

fn work(_: usize) {
    let me = sys::thread_id();
    THREAD.store(me, Ordering::Relaxed);
    let mut placed = 0;
    while let Some(errand) = next() {
        place(&mut placed);
        errand.run(errand.run);
        if let Some(line) = POOL.lock().lines.get_mut(errand.kind as usize) {
            line.busy = line.busy.saturating_sub(1);
        }
        THREAD.store(me, Ordering::Relaxed);
    }
    let _ = THREAD.compare_exchange(me, 0, Ordering::Relaxed, Ordering::Relaxed);
}

/// Sets the largest numbers of workers for bounded and unbounded work, 0 for no change; returns the former ones.
pub fn limit(most: [u32; 2]) -> [u32; 2] {
    let mut pool = POOL.lock();
    let former = pool.lines.each_ref().map(|line| line.most);
    for (line, most) in pool.lines.iter_mut().zip(most) {
        if most != 0 {
            line.most = most;
        }
    }
    drop(pool);
    // More may be done now.
    NEWS.fetch_add(1, Ordering::Relaxed);
    sys::futex_wake(NEWS.as_ptr(), u32::MAX >> 1);
    former
}

/// The processors of the workers, as sched_setaffinity(2) takes them; none if the program has chosen none. The number
/// changes with each choice; a worker sees it that was given an errand after the choice, by the lock on the errands.
static PLACES: Mutex<(u32, Option<Vec<u8>>)> = Mutex::new((0, None));
static CHOICES: AtomicU32 = AtomicU32::new(0);

/// Chooses the processors of the workers.
pub fn choose(processors: Vec<u8>) {
    let mut places = PLACES.lock();
    places.0 += 1;
    places.1 = Some(processors);
    CHOICES.store(places.0, Ordering::Relaxed);
}

/// Moves the calling thread to the chosen processors, unless it was there by a number.
fn place(placed: &mut u32) {
    if *placed == CHOICES.load(Ordering::Relaxed) {
        return;
    }
    let places = PLACES.lock();
    *placed = places.0;
    if let Some(processors) = &places.1 {
        let _ = sys::set_affinity(processors);
    }
}

/// The lock that fork must hold.
pub fn fork_lock() -> &'static crate::lock::Lock {
    POOL.word()
}

/// The lock on the chosen processors, for fork.
pub fn places_lock() -> &'static crate::lock::Lock {
    PLACES.word()
}

/// Forgets the parent's workers, in the child of a fork.
pub fn child() {
    let mut pool = POOL.lock();
    for line in &mut pool.lines {
        line.queue.clear();
        line.busy = 0;
    }
    pool.threads = 0;
    pool.idle = 0;
    pool.stale = false;
    THREAD.store(0, Ordering::Relaxed);
}
