//! `io_uring_register(2)`.

use crate::context::{Context, Core};
use crate::kept::{self, Kept};
use crate::ops::message;
use crate::registered::buffers;
use crate::registered::files;
use crate::registered::groups;
use crate::registered::region;
use crate::registered::restrictions::Restrictions;
use crate::{context, heap, ops, proc, query, resize, sys, thread, user, worker};
use alloc::vec::Vec;
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::uapi::*;
use libc::{EACCES, EBADF, EBADFD, EBUSY, EEXIST, EINVAL, ENOMEM, ENXIO, EOPNOTSUPP, EPERM};

user::plain!(
    io_uring_probe_op,
    io_uring_probe,
    io_uring_rsrc_update,
    io_uring_clock_register,
    io_uring_napi
);

type Result<T = c_int> = core::result::Result<T, c_int>;

/// Commands that give something back.
const FREEING: [c_uint; 7] = [
    IORING_UNREGISTER_BUFFERS,
    IORING_UNREGISTER_EVENTFD,
    IORING_UNREGISTER_FILES,
    IORING_UNREGISTER_PBUF_RING,
    IORING_UNREGISTER_PERSONALITY,
    IORING_UNREGISTER_RING_FDS,
    IORING_REGISTER_SYNC_CANCEL,
];

/// The first command that the engine does not know: Linux has it since 6.19.
const FIRST_UNKNOWN: c_uint = IORING_REGISTER_ZCRX_CTRL;

/// `io_uring_register(2)` for a ring; `opcode` is without `IORING_REGISTER_USE_REGISTERED_RING`.
pub fn register(context: &'static Context, opcode: c_uint, arg: u64, nr: c_uint) -> c_int {
    if opcode >= FIRST_UNKNOWN {
        return -EINVAL;
    }
    let Some(mut core) = context.lock() else { return -EBADF };
    if core.queues().owner != 0 && core.queues().owner != thread::id() {
        return -EEXIST;
    }
    if !core.registered.allows_command(opcode) {
        return -EACCES;
    }
    // What gives something back needs none.
    if !heap::has_room() && !FREEING.contains(&opcode) {
        return -ENOMEM;
    }
    let done = match opcode {
        IORING_REGISTER_SYNC_CANCEL => return crate::cancel::sync(core, arg, nr),
        IORING_REGISTER_RING_FDS | IORING_UNREGISTER_RING_FDS => {
            // Giving back the last index of a ring exits it.
            drop(core);
            ring_fds(arg, nr, opcode == IORING_REGISTER_RING_FDS)
        }
        // It locks two rings.
        IORING_REGISTER_CLONE_BUFFERS => buffers::clone(core, arg, nr),
        _ => run(&mut core, opcode, arg, nr),
    };
    match done {
        Ok(value) => value,
        Err(errno) => errno,
    }
}

fn run(core: &mut Core, opcode: c_uint, arg: u64, nr: c_uint) -> Result {
    match opcode {
        IORING_REGISTER_EVENTFD => eventfd(core, arg, nr, false),
        IORING_REGISTER_EVENTFD_ASYNC => eventfd(core, arg, nr, true),
        IORING_UNREGISTER_EVENTFD => {
            if arg != 0 || nr != 0 {
                return Err(-EINVAL);
            }
            core.registered.eventfd.take().map(|_| 0).ok_or(-ENXIO)
        }
        IORING_REGISTER_PROBE => probe(arg, nr),
        IORING_REGISTER_FILES => files::register(core, arg, nr),
        IORING_REGISTER_FILES2 => files::register2(core, arg, nr),
        IORING_REGISTER_FILES_UPDATE => files::update(core, arg, nr),
        IORING_REGISTER_FILES_UPDATE2 => files::update2(core, arg, nr),
        IORING_UNREGISTER_FILES => files::unregister(core, arg, nr),
        IORING_REGISTER_FILE_ALLOC_RANGE => files::alloc_range(core, arg, nr),
        IORING_REGISTER_ENABLE_RINGS => enable(core, arg, nr),
        IORING_REGISTER_RESTRICTIONS => restrict(core, arg, nr),
        IORING_REGISTER_PERSONALITY if arg == 0 && nr == 0 => core.registered.personalities.register(),
        IORING_UNREGISTER_PERSONALITY if arg == 0 => core.registered.personalities.unregister(nr),
        IORING_REGISTER_IOWQ_AFF => worker_affinity(arg, nr),
        IORING_UNREGISTER_IOWQ_AFF if arg == 0 && nr == 0 => {
            worker::choose(sys::affinity()?);
            Ok(0)
        }
        IORING_REGISTER_IOWQ_MAX_WORKERS => limit_workers(arg, nr),
        IORING_REGISTER_CLOCK => clock(core, arg, nr),
        IORING_REGISTER_NAPI => napi(core, arg, nr),
        IORING_UNREGISTER_NAPI => end_napi(core, arg, nr),
        IORING_REGISTER_RESIZE_RINGS => resize::resize(core, arg, nr),
        IORING_REGISTER_MEM_REGION => region::register(core, arg, nr),
        IORING_REGISTER_QUERY => query::query(arg, nr),
        IORING_REGISTER_ZCRX_IFQ => zero_copy_receive(core, arg, nr),
        IORING_REGISTER_BUFFERS => buffers::register(core, arg, nr),
        IORING_REGISTER_BUFFERS2 => buffers::register_tagged(core, arg, nr),
        IORING_REGISTER_BUFFERS_UPDATE => buffers::update(core, arg, nr),
        IORING_UNREGISTER_BUFFERS => buffers::unregister(core, arg, nr),
        IORING_REGISTER_PBUF_RING => groups::register(core, arg, nr),
        IORING_UNREGISTER_PBUF_RING => groups::unregister(core, arg, nr),
        IORING_REGISTER_PBUF_STATUS => groups::status(core, arg, nr),
        _ => Err(-EINVAL),
    }
}

fn eventfd(core: &mut Core, arg: u64, nr: c_uint, asynchronous: bool) -> Result {
    if nr != 1 {
        return Err(-EINVAL);
    }
    if core.registered.eventfd.is_some() {
        return Err(-EBUSY);
    }
    let file: i32 = user::read(arg)?;
    let kept = Kept::new(file)?;
    // The engine writes to it, and must not write to a file of another kind.
    if !kept::is_surely_anonymous(file) || proc::is_no_eventfd(file) || context::is_ring(file) {
        return Err(-EINVAL);
    }
    core.registered.eventfd = Some((kept, asynchronous));
    Ok(0)
}

fn probe(arg: u64, nr: c_uint) -> Result {
    const HEAD: usize = size_of::<io_uring_probe>();
    const OP: usize = size_of::<io_uring_probe_op>();
    if arg == 0 || nr > 256 {
        return Err(-EINVAL);
    }
    let count = nr.min(IORING_OP_LAST as u32);
    let before: Vec<u8> = user::read_array(arg, HEAD + count as usize * OP)?;
    if before.iter().any(|&byte| byte != 0) {
        return Err(-EINVAL);
    }
    let head = io_uring_probe {
        last_op: (IORING_OP_LAST - 1) as u8,
        ops_len: count as u8,
        resv: 0,
        resv2: [0; 3],
        ops: [],
    };
    user::write(arg, &head)?;
    for op in 0..count as u8 {
        let known = io_uring_probe_op {
            op,
            resv: 0,
            flags: if ops::has(op) { IO_URING_OP_SUPPORTED as u16 } else { 0 },
            resv2: 0,
        };
        user::write(arg + (HEAD + usize::from(op) * OP) as u64, &known)?;
    }
    Ok(0)
}

fn enable(core: &mut Core, arg: u64, nr: c_uint) -> Result {
    if arg != 0 || nr != 0 {
        return Err(-EINVAL);
    }
    if !core.queues().disabled {
        return Err(-EBADFD);
    }
    if core.has(IORING_SETUP_SINGLE_ISSUER) && core.queues().owner == 0 {
        core.queues().owner = thread::id();
    }
    core.registered.restricted = core.registered.restrictions.is_some();
    core.queues().disabled = false;
    if let Some(poller) = &core.inner.poller {
        poller.wake();
    }
    Ok(0)
}

fn restrict(core: &mut Core, arg: u64, nr: c_uint) -> Result {
    if !core.queues().disabled {
        return Err(-EBADFD);
    }
    if core.registered.restrictions.is_some() {
        return Err(-EBUSY);
    }
    core.registered.restrictions = Some(Restrictions::read(arg, nr)?);
    Ok(0)
}

/// Chooses the processors of the workers, which all rings of a process share.
fn worker_affinity(arg: u64, nr: c_uint) -> Result {
    if arg == 0 || nr == 0 {
        return Err(-EINVAL);
    }
    let allowed = sys::affinity()?;
    let mut chosen: Vec<u8> = user::read_array(arg, (nr as usize).min(allowed.len()))?;
    chosen.resize(allowed.len(), 0);
    // Processors beyond the last one may be asked for: Linux has places for more.
    let last = allowed.iter().rposition(|&byte| byte != 0).unwrap_or(0);
    let beyond = |at: usize, byte: u8| {
        if at == last {
            !(u8::MAX >> byte.leading_zeros())
        } else {
            0
        }
    };
    let inside = chosen
        .iter()
        .zip(&allowed)
        .enumerate()
        .all(|(at, (chosen, &allowed))| at > last || chosen & !allowed & !beyond(at, allowed) == 0);
    if !inside {
        return Err(-EINVAL);
    }
    worker::choose(chosen);
    Ok(0)
}

fn limit_workers(arg: u64, nr: c_uint) -> Result {
    if arg == 0 || nr != 2 {
        return Err(-EINVAL);
    }
    let wanted: [u32; 2] = user::read(arg)?;
    if wanted.iter().any(|&most| most > i32::MAX as u32) {
        return Err(-EINVAL);
    }
    user::write(arg, &worker::limit(wanted))?;
    Ok(0)
}

fn clock(core: &mut Core, arg: u64, nr: c_uint) -> Result {
    if arg == 0 || nr != 0 {
        return Err(-EINVAL);
    }
    let wanted: io_uring_clock_register = user::read(arg)?;
    let clock = wanted.clockid as c_int;
    if wanted.__resv != [0; 3] || ![libc::CLOCK_MONOTONIC, libc::CLOCK_BOOTTIME].contains(&clock) {
        return Err(-EINVAL);
    }
    core.registered.clock = clock;
    Ok(0)
}

/// The former settings for busy polling, as the program gets them.
fn former_napi(core: &Core) -> io_uring_napi {
    let (time, prefer) = core.registered.napi;
    io_uring_napi {
        busy_poll_to: time,
        prefer_busy_poll: prefer.into(),
        pad: [0; 3],
        resv: 0,
    }
}

/// Busy polling makes waits shorter and changes nothing else, so the settings are accepted without effect.
fn napi(core: &mut Core, arg: u64, nr: c_uint) -> Result {
    if arg == 0 || nr != 1 || core.has(IORING_SETUP_IOPOLL) {
        return Err(-EINVAL);
    }
    let wanted: io_uring_napi = user::read(arg)?;
    if wanted.pad != [0; 3] || wanted.resv != 0 {
        return Err(-EINVAL);
    }
    user::write(arg, &former_napi(core))?;
    core.registered.napi = (wanted.busy_poll_to, wanted.prefer_busy_poll != 0);
    Ok(0)
}

fn end_napi(core: &mut Core, arg: u64, nr: c_uint) -> Result {
    if nr != 1 {
        return Err(-EINVAL);
    }
    if arg != 0 {
        user::write(arg, &former_napi(core))?;
    }
    core.registered.napi = (0, false);
    Ok(0)
}

/// Only the kernel can receive without a copy. Before that come the errors of kernels that have it.
fn zero_copy_receive(core: &mut Core, arg: u64, nr: c_uint) -> Result {
    if arg == 0 || nr != 1 {
        return Err(-EINVAL);
    }
    // SAFETY: it takes no argument.
    if unsafe { libc::geteuid() } != 0 {
        return Err(-EPERM);
    }
    if !core.has(IORING_SETUP_DEFER_TASKRUN) || !core.has(IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED) {
        return Err(-EINVAL);
    }
    Err(-EOPNOTSUPP)
}

/// Whether a command without a ring is about one of the engine's rings.
pub fn is_for_engine(opcode: c_uint, arg: u64) -> bool {
    opcode == IORING_REGISTER_SEND_MSG_RING && message::is_for_engine(arg)
}

/// A command without a ring, for which the descriptor is -1.
pub fn without_ring(opcode: c_uint, arg: u64, nr: c_uint) -> c_int {
    let done = match opcode {
        IORING_REGISTER_QUERY => query::query(arg, nr),
        IORING_REGISTER_SEND_MSG_RING => message::send(arg, nr),
        _ => Err(-EINVAL),
    };
    match done {
        Ok(value) => value,
        Err(errno) => errno,
    }
}

/// Registers or unregisters rings with the calling thread; how many before the first error.
fn ring_fds(arg: u64, nr: c_uint, register: bool) -> Result {
    if nr == 0 || nr as usize > thread::RINGS {
        return Err(-EINVAL);
    }
    let mut done = 0;
    for n in 0..nr {
        let at = arg + u64::from(n) * size_of::<io_uring_rsrc_update>() as u64;
        let one = if register { register_one(at) } else { unregister_one(at) };
        match one {
            Ok(()) => done += 1,
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => break,
        }
    }
    Ok(done)
}

fn register_one(at: u64) -> Result<()> {
    let mut update: io_uring_rsrc_update = user::read(at)?;
    if update.resv != 0 {
        return Err(-EINVAL);
    }
    let file = update.data as c_int;
    let context = crate::context::by_duplicate(file);
    let context = context.ok_or_else(|| if sys::is_usable(file) { -EOPNOTSUPP } else { -EBADF })?;
    update.offset = thread::register(context, update.offset)? as u32;
    user::write(at, &update)
}

fn unregister_one(at: u64) -> Result<()> {
    let update: io_uring_rsrc_update = user::read(at)?;
    if update.resv != 0 || update.data != 0 {
        return Err(-EINVAL);
    }
    thread::unregister(update.offset)
}
