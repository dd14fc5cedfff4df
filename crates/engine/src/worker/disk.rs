//! Reads and writes that go past the page cache, by Linux AIO: the disk has as many of them at a time as the program wants,
//! without a thread each. What AIO refuses or could only do by blocking, a worker does.

use super::{Errand, Kind};
use crate::atomic::{AtomicPtr, Ordering, exclusive, uses};
use crate::context::{Context, Core, Work};
use crate::lock::Mutex;
use crate::ops::cached::direct_again;
use crate::ops::rw::{self, Rw};
use crate::request::Request;
use crate::slab::Held;
use crate::sys::{self, Result};
use crate::{driver, kept};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ptr::null_mut;
use ironring_abi::ctypes::c_int;
use libc::{EAGAIN, RWF_NOWAIT, iovec};

/// How many transfers a process may have at a time. Linux allows 65,536 for all processes together.
const MOST: usize = 256;
const EVENTS: usize = 64;

/// What the process has for AIO.
pub(crate) struct Aio {
    /// The `aio_context_t`; 0 if there is none to be had.
    context: usize,
    /// The eventfd that is told of completions, which the driver watches.
    done: c_int,
}

/// Null before the first use. It is never freed.
static AIO: AtomicPtr<Aio> = AtomicPtr::new(null_mut());
/// Held while it is made.
static MAKING: Mutex<()> = Mutex::new(());

/// `IOCB_CMD_PREADV` and `IOCB_CMD_PWRITEV`.
const PREADV: u16 = 7;
const PWRITEV: u16 = 8;
/// `IOCB_FLAG_RESFD` and `IOCB_FLAG_IOPRIO`.
const RESFD: u32 = 1;
const PRIORITY: u32 = 2;

/// `struct iocb`.
#[repr(C)]
#[derive(Default)]
struct Iocb {
    data: u64,
    #[cfg(target_endian = "little")]
    key: u32,
    rw_flags: i32,
    #[cfg(target_endian = "big")]
    key: u32,
    opcode: u16,
    priority: i16,
    fd: u32,
    buf: u64,
    count: u64,
    position: i64,
    reserved: u64,
    flags: u32,
    done: u32,
}

/// `struct io_event`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Event {
    data: u64,
    entry: u64,
    res: i64,
    res2: i64,
}

/// A transfer that the disk has.
struct Flight {
    /// Linux has its own, but valgrind looks at it once the transfer is over.
    entry: Iocb,
    errand: Arc<Errand>,
    request: Box<Request>,
}

impl Core {
    /// Gives the disk a read or a write that goes past the page cache, or else a worker, as `run`.
    pub fn transfer(&mut self, mut request: Box<Request>, run: fn(&mut Request) -> i32) {
        if let Err(errno) = request.keep_file() {
            return self.complete(request, errno);
        }
        let key = self.key_of(&mut request);
        self.arm_limit(&mut request);
        match submit(self.context, request, run) {
            Ok(errand) => self.inner.requests.hold(key, Held::OnDisk(errand)),
            Err(request) => self.work(request, run),
        }
    }
}

/// Starts a read or a write that goes past the page cache; gives it back if a worker must do it, as `run`.
fn submit(
    context: &'static Context,
    request: Box<Request>,
    run: fn(&mut Request) -> i32,
) -> core::result::Result<Arc<Errand>, Box<Request>> {
    let errand = Arc::new(Errand::new(context, request, Kind::Bounded, run));
    let Some(request) = errand.withdraw() else {
        unreachable!("nobody else knows it");
    };
    let Ok(aio) = aio() else {
        return Err(request);
    };
    let mut flight = Box::new(Flight {
        entry: Iocb::default(),
        errand: errand.clone(),
        request,
    });
    if fill(aio, &mut flight).is_none() {
        return Err(flight.request);
    }
    let flight = Box::into_raw(flight);
    // The driver must not stop watching before the transfer is over.
    driver::need();
    // SAFETY: it lives until whoever learns of the transfer's end drops it.
    let list = [unsafe { &raw const (*flight).entry }];
    // SAFETY: Linux copies the entry and the vectors; the program keeps its memory until the request completes.
    let taken = unsafe { sys::call(libc::SYS_io_submit, [aio.context, 1, list.as_ptr() as usize]) };
    if taken == Ok(1) {
        return Ok(errand);
    }
    driver::release();
    // SAFETY: Linux has not taken it, so that nobody else does.
    let flight = unsafe { Box::from_raw(flight) };
    Err(flight.request)
}

/// Fills in what Linux is told. None of what has details that AIO lacks: a position of the file's own, flags, and transfers
/// of nothing.
fn fill(aio: &Aio, flight: &mut Flight) -> Option<()> {
    let data = (&raw const *flight) as u64;
    let request = &mut flight.request;
    if request.op_flags() != 0 {
        return None;
    }
    let opcode = if rw::is_write(request) { PWRITEV } else { PREADV };
    let (fd, priority) = (request.fd(), request.sqe.ioprio);
    let Rw { vectors, position, .. } = rw::rw(request);
    let position = i64::try_from(*position).ok().filter(|_| vectors.len() != 0)?;
    let vectors: &[iovec] = vectors.rest();
    flight.entry = Iocb {
        data,
        rw_flags: RWF_NOWAIT,
        opcode,
        priority: priority as i16,
        fd: fd as u32,
        buf: vectors.as_ptr() as u64,
        count: vectors.len() as u64,
        position,
        flags: if priority == 0 { RESFD } else { RESFD | PRIORITY },
        done: aio.done as u32,
        ..Iocb::default()
    };
    Some(())
}

/// What the process has already.
fn made() -> Option<&'static Aio> {
    // SAFETY: it is never freed.
    let aio = unsafe { AIO.load(Ordering::Acquire).as_ref() }?;
    uses(&raw const *aio);
    Some(aio)
}

pub(crate) fn aio() -> Result<&'static Aio> {
    let aio = match made() {
        Some(aio) => aio,
        None => make(),
    };
    if aio.context == 0 { Err(-EAGAIN) } else { Ok(aio) }
}

#[cold]
fn make() -> &'static Aio {
    let _making = MAKING.lock();
    if let Some(aio) = made() {
        return aio;
    }
    let refused = Aio { context: 0, done: -1 };
    let aio = Box::leak(Box::new(try_make().unwrap_or(refused)));
    exclusive(&raw const *aio);
    AIO.store(aio, Ordering::Release);
    aio
}

fn try_make() -> Result<Aio> {
    let flags = libc::EFD_CLOEXEC | libc::EFD_NONBLOCK;
    let done = kept::open(|| sys::eventfd(flags).map(|file| file as usize))?;
    let mut context = 0usize;
    // SAFETY: Linux writes one word, which is valid for the call.
    let set_up = unsafe { sys::call(libc::SYS_io_setup, [MOST, (&raw mut context) as usize]) };
    let watched = set_up.and_then(|_| driver::add_disk(done));
    if let Err(errno) = watched {
        if context != 0 {
            // SAFETY: no memory is passed.
            let _ = unsafe { sys::call(libc::SYS_io_destroy, [context]) };
        }
        kept::close(done);
        return Err(errno);
    }
    Ok(Aio { context, done })
}

/// Passes on what the disk has finished. The caller has no ring locked.
pub fn finish() {
    let Some(aio) = made() else { return };
    while finish_some(aio.context) == EVENTS {}
}

fn finish_some(context: usize) -> usize {
    let mut events = [Event {
        data: 0,
        entry: 0,
        res: 0,
        res2: 0,
    }; EVENTS];
    // SAFETY: the events are valid for the call, which writes at most their number.
    let count = unsafe {
        sys::call(
            libc::SYS_io_getevents,
            [context, 0, EVENTS, events.as_mut_ptr() as usize, 0],
        )
    }
    .unwrap_or(0);
    // What one ring gets becomes visible at once.
    let mut held: Option<Core> = None;
    for event in events.iter().take(count) {
        // SAFETY: `submit` gave the box away, and each transfer ends once.
        let flight = unsafe { Box::from_raw(event.data as *mut Flight) };
        let Flight { errand, request, .. } = *flight;
        if !held
            .as_ref()
            .is_some_and(|core| core::ptr::eq(core.context, errand.context))
        {
            drop(held.take());
            held = errand.context.lock();
        }
        driver::release();
        let core = held.as_mut().filter(|_| errand.context.serial() == errand.serial);
        errand.file.store(-1, Ordering::Relaxed);
        match core {
            // It could only have been done by blocking.
            Some(core) if event.res == -i64::from(EAGAIN) => direct_again(core, request, errand.run),
            Some(core) => core.arrive(Work::Finished(request, event.res as i32)),
            None => {}
        }
    }
    count
}

/// The lock that fork must hold.
pub fn fork_lock() -> &'static crate::lock::Lock {
    MAKING.word()
}

/// Forgets the parent's, which the child of a fork does not have.
pub fn child() {
    if let Some(aio) = made() {
        if aio.done != -1 {
            kept::close(aio.done);
        }
    }
    AIO.store(null_mut(), Ordering::Relaxed);
}
