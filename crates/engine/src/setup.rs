//! `io_uring_setup(2)`, and the mappings of a ring.

use crate::context::{self, Context, Inner, Memory, Queues};
use crate::shared::Shared;
use crate::sys::{self, Result};
use crate::{fork, kept, memory, sqpoll, thread, user};
use core::ptr::null_mut;
use ironring_abi::ctypes::{c_int, c_uint, c_void};
use ironring_abi::kernel::Part;
use ironring_abi::uapi::*;
use ironring_half::{Cq, Ring, Sizes, Sq, lay_out};
use libc::{EINVAL, ENOMEM, ENXIO};

user::plain!(io_uring_params);

/// All flags that the engine knows.
pub const FLAGS: c_uint = IORING_SETUP_IOPOLL
    | IORING_SETUP_SQPOLL
    | IORING_SETUP_SQ_AFF
    | IORING_SETUP_CQSIZE
    | IORING_SETUP_CLAMP
    | IORING_SETUP_ATTACH_WQ
    | IORING_SETUP_R_DISABLED
    | IORING_SETUP_SUBMIT_ALL
    | IORING_SETUP_COOP_TASKRUN
    | IORING_SETUP_TASKRUN_FLAG
    | IORING_SETUP_SQE128
    | IORING_SETUP_CQE32
    | IORING_SETUP_SINGLE_ISSUER
    | IORING_SETUP_DEFER_TASKRUN
    | IORING_SETUP_NO_MMAP
    | IORING_SETUP_REGISTERED_FD_ONLY
    | IORING_SETUP_NO_SQARRAY
    | IORING_SETUP_HYBRID_IOPOLL
    | IORING_SETUP_CQE_MIXED
    | IORING_SETUP_SQE_MIXED
    | IORING_SETUP_SQ_REWIND;

/// What the engine's rings can do, as `params->features`.
pub const FEATURES: c_uint = IORING_FEAT_SINGLE_MMAP
    | IORING_FEAT_NODROP
    | IORING_FEAT_SUBMIT_STABLE
    | IORING_FEAT_RW_CUR_POS
    | IORING_FEAT_CUR_PERSONALITY
    | IORING_FEAT_FAST_POLL
    | IORING_FEAT_POLL_32BITS
    | IORING_FEAT_SQPOLL_NONFIXED
    | IORING_FEAT_EXT_ARG
    | IORING_FEAT_NATIVE_WORKERS
    | IORING_FEAT_RSRC_TAGS
    | IORING_FEAT_CQE_SKIP
    | IORING_FEAT_LINKED_FILE
    | IORING_FEAT_REG_REG_RING
    | IORING_FEAT_RECVSEND_BUNDLE
    | IORING_FEAT_MIN_TIMEOUT
    | IORING_FEAT_NO_IOWAIT;

/// Flags that exclude or require each other.
fn check(p: &io_uring_params) -> Result<()> {
    let has = |flag: c_uint| p.flags & flag != 0;
    let task_work = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_DEFER_TASKRUN;
    let wrong = p.flags & !FLAGS != 0
        || p.resv != [0; 3]
        || has(IORING_SETUP_REGISTERED_FD_ONLY) && !has(IORING_SETUP_NO_MMAP)
        || has(IORING_SETUP_SQPOLL) && has(task_work)
        || has(IORING_SETUP_TASKRUN_FLAG) && !has(IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN)
        || has(IORING_SETUP_HYBRID_IOPOLL) && !has(IORING_SETUP_IOPOLL)
        || has(IORING_SETUP_DEFER_TASKRUN) && !has(IORING_SETUP_SINGLE_ISSUER)
        || has(IORING_SETUP_SQ_AFF) && !has(IORING_SETUP_SQPOLL);
    if wrong { Err(-EINVAL) } else { Ok(()) }
}

pub fn page_size() -> usize {
    // SAFETY: it takes no pointers.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Whether the program's memory can be a ring's: mapped, writable, and at the start of a page.
fn usable(address: u64, len: usize) -> Result<*mut u8> {
    let page = page_size();
    if address as usize % page != 0 {
        return Err(-EINVAL);
    }
    for at in (0..len).step_by(page) {
        let byte: u8 = user::read(address + at as u64)?;
        user::write(address + at as u64, &byte)?;
    }
    Ok(address as usize as *mut u8)
}

pub fn whole_pages(len: usize) -> usize {
    len.next_multiple_of(page_size())
}

impl Queues {
    /// Unmaps the engine's mapping, and what the program never asked for; its own memory stays.
    pub fn unmap(&self) {
        let len = self.rings_len + self.sqes_len;
        if len != 0 {
            // SAFETY: nobody uses the mapping any more.
            unsafe { sys::unmap(self.rings, len) };
        }
        for (at, len) in [self.rings, self.sqes].into_iter().zip(self.again) {
            if len != 0 {
                // SAFETY: as above.
                unsafe { sys::unmap(at, len) };
            }
        }
        for (mapped, len) in self.mapped.iter().zip([self.rings_len, self.sqes_len]) {
            if !mapped.is_null() {
                // SAFETY: nobody has got it.
                unsafe { sys::unmap(*mapped, len) };
            }
        }
    }

    /// Makes the program's mappings, in one piece: most programs want both. -ENOMEM if they can't be made.
    pub fn map_for_program(&mut self) -> Result<()> {
        if self.rings_len == 0 || self.mapped != [null_mut(); 2] {
            return Ok(());
        }
        // SAFETY: the rings begin a page of the shared mapping, and the SQEs follow them.
        let made = unsafe { sys::map_again(self.rings, self.rings_len + self.sqes_len) }.map_err(|_| -ENOMEM)?;
        self.mapped = self.parts(made.cast());
        Ok(())
    }

    /// Both parts of a mapping.
    fn parts(&self, rings: *mut u8) -> [*mut u8; 2] {
        [rings, rings.wrapping_add(self.rings_len)]
    }
}

/// The program's memory for a part of a ring, mapped a second time if it is shared: the program may unmap it before it
/// closes the ring, and Linux keeps the pages until then. The second number is the length of that mapping, 0 for none.
fn again(address: u64, len: usize) -> Result<(*mut u8, usize)> {
    let theirs = usable(address, len)?;
    let len = whole_pages(len);
    // SAFETY: `usable` has found a whole number of pages there.
    let ours = match unsafe { sys::map_again(theirs, len) } {
        Ok(ours) => ours,
        // The polling thread must not find that the program has unmapped it.
        Err(errno) if errno == -ENOMEM || errno == -libc::EAGAIN => return Err(-ENOMEM),
        Err(_) => return Ok((theirs, 0)),
    };
    let ours: *mut u8 = ours.cast();
    let same = (0..len).step_by(page_size()).all(|at| {
        // SAFETY: both mappings have the byte, and nobody else uses the memory of a new ring.
        unsafe {
            let (one, other) = (theirs.add(at), ours.add(at));
            let before = one.read_volatile();
            one.write_volatile(!before);
            let seen = other.read_volatile();
            one.write_volatile(before);
            seen == !before && other.read_volatile() == before
        }
    });
    if same {
        return Ok((ours, len));
    }
    // Private memory, of which kernels before 4.14 map other pages, or a part of something else.
    // SAFETY: nobody uses it.
    unsafe { sys::unmap(ours, len) };
    Ok((theirs, 0))
}

/// Maps the memory of queues.
pub fn map_queues(p: &io_uring_params, sizes: Sizes) -> Result<Queues> {
    if p.flags & IORING_SETUP_NO_MMAP != 0 {
        let (rings, rings_again) = again(p.cq_off.user_addr, sizes.rings)?;
        let (sqes, sqes_again) = match again(p.sq_off.user_addr, sizes.sqes) {
            Ok(sqes) => sqes,
            Err(errno) => {
                if rings_again != 0 {
                    // SAFETY: nobody uses it.
                    unsafe { sys::unmap(rings, rings_again) };
                }
                return Err(errno);
            }
        };
        return Ok(Queues {
            rings,
            rings_len: 0,
            sqes,
            sqes_len: 0,
            again: [rings_again, sqes_again],
            mapped: [null_mut(); 2],
        });
    }
    let (rings_len, sqes_len) = (whole_pages(sizes.rings), whole_pages(sizes.sqes));
    let [rings, theirs] = memory::map_for_both(rings_len + sqes_len).map_err(|_| -ENOMEM)?;
    let mut queues = Queues {
        rings,
        rings_len,
        sqes: rings.wrapping_add(rings_len),
        sqes_len,
        again: [0; 2],
        mapped: [null_mut(); 2],
    };
    if !theirs.is_null() {
        queues.mapped = queues.parts(theirs);
    }
    Ok(queues)
}

/// Maps the memory of a ring.
pub fn map(p: &io_uring_params, sizes: Sizes) -> Result<Memory> {
    let queues = map_queues(p, sizes)?;
    let len = whole_pages(Shared::SIZE);
    if let Ok(base) = sys::map_shared(len) {
        return Ok(Memory { base, len, queues });
    }
    queues.unmap();
    Err(-ENOMEM)
}

/// `io_uring_setup(2)`: the descriptor of a new ring, or its index.
pub fn setup(entries: c_uint, address: *mut io_uring_params) -> c_int {
    match create(entries, address as u64) {
        Ok(fd) => fd,
        Err(errno) => errno,
    }
}

fn create(entries: c_uint, address: u64) -> Result<c_int> {
    let mut p: io_uring_params = user::read(address)?;
    check(&p)?;
    let sizes = lay_out(entries, &mut p)?;
    let mut attached = None;
    if p.flags & IORING_SETUP_ATTACH_WQ != 0 {
        sys::fcntl(p.wq_fd as c_int, libc::F_GETFD, 0).map_err(|_| -ENXIO)?;
        attached = Some(context::by_duplicate(p.wq_fd as c_int).ok_or(-EINVAL)?);
    }
    let polled = p.flags & IORING_SETUP_SQPOLL != 0;
    if polled {
        sqpoll::check(&p, attached)?;
    }
    p.features = FEATURES;
    user::write(address, &p)?;
    fork::register()?;
    let memory = map(&p, sizes)?;
    let (context, fd) = open(&p, memory)?;
    if polled {
        if let Err(errno) = sqpoll::start(context, &p, attached) {
            if fd < 0 {
                context.release();
            } else {
                context.close();
                sys::close(fd);
            }
            return Err(errno);
        }
    }
    crate::policy::log(format_args!(
        "ring {fd}: the engine's, {} entries, flags {:#x}",
        p.sq_entries, p.flags
    ));
    if p.flags & IORING_SETUP_REGISTERED_FD_ONLY == 0 {
        return Ok(fd);
    }
    let index = thread::register(context, u32::MAX);
    context.release();
    index
}

/// The ring's descriptors, and its place in the table.
fn open(p: &io_uring_params, memory: Memory) -> Result<(&'static Context, c_int)> {
    let opened = descriptors(p);
    let (fd, signal) = match opened {
        Ok(opened) => opened,
        Err(errno) => {
            memory.unmap();
            return Err(errno);
        }
    };
    // SAFETY: the memory has the sizes that `lay_out` gave, and stays until the ring is gone.
    let half = unsafe { Ring::new(memory.queues.rings, memory.queues.rings, memory.queues.sqes.cast(), p) };
    let shared: *mut Shared = memory.base.cast();
    // SAFETY: the ring is new; zeroed memory is a control block that nobody has locked.
    unsafe {
        half.describe();
        half.clear(0);
        let queues = (*shared).queues();
        queues.set_cq(Cq::new(0));
        *(*shared).sq() = Sq::new(0);
        queues.disabled = p.flags & IORING_SETUP_R_DISABLED != 0;
        if p.flags & IORING_SETUP_SINGLE_ISSUER != 0 && !queues.disabled {
            queues.owner = thread::id();
        }
    }
    let inner = Inner::new(half, memory);
    Ok((context::create(fd, signal, shared, inner), fd))
}

/// The program's descriptor, and the engine's of the same file; both -1 if the program gets an index.
fn descriptors(p: &io_uring_params) -> Result<(c_int, c_int)> {
    if p.flags & IORING_SETUP_REGISTERED_FD_ONLY != 0 {
        // Nobody can poll it.
        return Ok((-1, -1));
    }
    let fd = sys::eventfd(libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)?;
    kept::learn_anonymous(fd);
    match kept::duplicate(fd) {
        Ok(signal) => Ok((fd, signal)),
        Err(errno) => {
            sys::close(fd);
            Err(errno)
        }
    }
}

/// Maps a part of a ring for the program.
pub fn map_ring(context: &'static Context, part: Part, len: usize) -> Result<*mut c_void> {
    let core = context.lock().ok_or(-libc::EBADF)?;
    let queues = &mut core.inner.memory.queues;
    if queues.mapped == [null_mut(); 2] {
        queues.map_for_program()?;
    }
    let [rings, sqes] = &mut queues.mapped;
    let (at, there, mapped) = match part {
        Part::SqRing | Part::CqRing => (queues.rings, queues.rings_len, rings),
        Part::Sqes => (queues.sqes, queues.sqes_len, sqes),
    };
    let len = whole_pages(len);
    if len == 0 || len > there {
        return Err(-EINVAL);
    }
    if len == there && !mapped.is_null() {
        return Ok(core::mem::replace(mapped, null_mut()).cast());
    }
    // SAFETY: the part begins a page of the shared mapping, and has the bytes.
    unsafe { sys::map_again(at, len) }
}
