//! Where a ring's memory lies: sizes, mappings, and the pointers into them.

use crate::abi::*;
use crate::barrier::read_once;
use crate::ctypes::{c_int, c_uint, c_void, ssize_t};
use crate::inline::{io_uring_cqe_shift_from_flags, io_uring_sqe_shift_from_flags};
use crate::kernel;
use crate::types::{io_uring, io_uring_cq, io_uring_sq};
use core::mem::{transmute, zeroed};
use core::ptr::null_mut;
use libc::{EINVAL, ENOMEM, MADV_POPULATE_WRITE, MAP_ANONYMOUS, MAP_HUGETLB, MAP_POPULATE, MAP_SHARED};

/// The kernel's limits (`io_uring/io_uring.h`).
const MAX_ENTRIES: c_uint = 32768;
const MAX_CQ_ENTRIES: c_uint = 2 * MAX_ENTRIES;

/// The heads, tails and flags that stand before the CQEs (the kernel's `struct io_rings`, less its array).
const RING_HEADER: usize = 64;

const HUGE_PAGE: usize = 2 << 20;
/// Asks for 2 MiB pages by name: the system's default size may be another.
const MAP_HUGE_2MB: c_int = 21 << libc::MAP_HUGE_SHIFT;

/// How many entries the kernel gives for `wanted`: 0 where it refuses.
#[inline(never)]
fn fit(wanted: c_uint, max: c_uint, flags: c_uint) -> c_uint {
    if wanted <= max {
        // Of 0 as well: it becomes 1 - 1.
        return wanted.next_power_of_two() - c_uint::from(wanted == 0);
    }
    if flags & IORING_SETUP_CLAMP != 0 { max } else { 0 }
}

/// How many entries the kernel gives for these wishes: (SQ, CQ), or (0, 0) where it says -EINVAL.
#[inline(never)]
pub(crate) fn ring_entries(entries: c_uint, flags: c_uint, cq_entries: c_uint) -> (c_uint, c_uint) {
    let sq = fit(entries, MAX_ENTRIES, flags);
    if flags & IORING_SETUP_CQSIZE == 0 {
        return (sq, 2 * sq);
    }
    let cq = fit(cq_entries, MAX_CQ_ENTRIES, flags);
    if cq < sq || cq == 0 { (0, 0) } else { (sq, cq) }
}

fn sqes_size(flags: c_uint, entries: c_uint) -> usize {
    ((entries << io_uring_sqe_shift_from_flags(flags)) as usize).wrapping_mul(size_of::<io_uring_sqe>())
}

fn cqes_size(flags: c_uint, entries: c_uint) -> usize {
    ((entries << io_uring_cqe_shift_from_flags(flags)) as usize).wrapping_mul(size_of::<io_uring_cqe>())
}

fn array_size(flags: c_uint, entries: c_uint) -> usize {
    if flags & IORING_SETUP_NO_SQARRAY != 0 {
        0
    } else {
        entries as usize * size_of::<c_uint>()
    }
}

fn round_up(size: usize, page: usize) -> usize {
    size.wrapping_add(page - 1) & !(page - 1)
}

/// What a ring with these wishes takes: (the SQEs in whole pages, the rings behind them in bytes), or (0, 0) where the
/// kernel says -EINVAL.
#[inline(never)]
pub(crate) fn footprint(entries: c_uint, flags: c_uint, cq_entries: c_uint) -> (usize, usize) {
    let (sq, cq) = ring_entries(entries, flags, cq_entries);
    if sq == 0 {
        return (0, 0);
    }
    // The kernel puts the SQ array behind the CQEs.
    let rings = RING_HEADER + cqes_size(flags, cq) + array_size(flags, sq);
    (round_up(sqes_size(flags, sq), kernel::page_size()), rings)
}

/// Unmaps the two rings (not the SQEs), once when they share a mapping. Internal to the archive.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub(crate) unsafe extern "C" fn io_uring_unmap_rings(sq: *mut io_uring_sq, cq: *mut io_uring_cq) {
    // SAFETY: the caller's rings; a size of 0 says that nothing was mapped for it.
    unsafe {
        if (*sq).ring_sz != 0 {
            kernel::munmap((*sq).ring_ptr, (*sq).ring_sz);
        }
        if (*cq).ring_sz != 0 && !(*cq).ring_ptr.is_null() && (*cq).ring_ptr != (*sq).ring_ptr {
            kernel::munmap((*cq).ring_ptr, (*cq).ring_sz);
        }
    }
}

/// Points the fields of `sq` and `cq` into the mapped rings, at the offsets in `p`. Internal to the archive.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub(crate) unsafe extern "C" fn io_uring_setup_ring_pointers(
    p: *mut io_uring_params,
    sq: *mut io_uring_sq,
    cq: *mut io_uring_cq,
) {
    // SAFETY: the rings are mapped at `ring_ptr`, and the kernel's offsets lie within.
    unsafe {
        let (p, sq, cq) = (&*p, &mut *sq, &mut *cq);
        let at = |offset: u32| sq.ring_ptr.byte_add(offset as usize).cast::<c_uint>();
        sq.khead = at(p.sq_off.head);
        sq.ktail = at(p.sq_off.tail);
        sq.kflags = at(p.sq_off.flags);
        sq.kdropped = at(p.sq_off.dropped);
        if p.flags & IORING_SETUP_NO_SQARRAY == 0 {
            sq.array = at(p.sq_off.array);
        }
        let (mask, entries) = (at(p.sq_off.ring_mask), at(p.sq_off.ring_entries));
        (sq.kring_mask, sq.kring_entries) = (mask, entries);
        (sq.ring_mask, sq.ring_entries) = (*mask, *entries);

        let at = |offset: u32| cq.ring_ptr.byte_add(offset as usize).cast::<c_uint>();
        cq.khead = at(p.cq_off.head);
        cq.ktail = at(p.cq_off.tail);
        cq.koverflow = at(p.cq_off.overflow);
        cq.cqes = at(p.cq_off.cqes).cast();
        // Kernels before 5.8 have no CQ flags and leave the offset 0.
        if p.cq_off.flags != 0 {
            cq.kflags = at(p.cq_off.flags);
        }
        let (mask, entries) = (at(p.cq_off.ring_mask), at(p.cq_off.ring_entries));
        (cq.kring_mask, cq.kring_entries) = (mask, entries);
        (cq.ring_mask, cq.ring_entries) = (*mask, *entries);
    }
}

/// Fills the SQ array so that slot n holds SQE n, for ever: the library submits in order.
pub(crate) unsafe fn fill_sq_array(sq: *mut io_uring_sq, flags: c_uint) {
    if flags & IORING_SETUP_NO_SQARRAY != 0 {
        return;
    }
    // SAFETY: without NO_SQARRAY the array is mapped and has `ring_entries` slots.
    unsafe {
        let (array, entries) = ((*sq).array, (*sq).ring_entries as usize);
        let mut index = 0;
        // Eight at once, two in a word: a third of the instructions. No half ever carries into the other.
        let pair = |first: c_uint| transmute::<[c_uint; 2], u64>([first, first + 1]);
        let (mut next, two) = (pair(0), pair(2).wrapping_sub(pair(0)));
        while index + 8 <= entries {
            let words: *mut [[u8; 8]; 4] = array.add(index).cast();
            // Written out: the compiler, told to save space, keeps a loop.
            (*words)[0] = next.to_ne_bytes();
            (*words)[1] = next.wrapping_add(two).to_ne_bytes();
            (*words)[2] = next.wrapping_add(2 * two).to_ne_bytes();
            (*words)[3] = next.wrapping_add(3 * two).to_ne_bytes();
            next = next.wrapping_add(4 * two);
            index += 8;
        }
        while index < entries {
            *array.add(index) = index as c_uint;
            index += 1;
        }
    }
}

/// Maps a part of the ring `fd`.
#[inline]
unsafe fn map_part(fd: c_int, len: usize, offset: u64) -> Result<*mut c_void, c_int> {
    // SAFETY: a new mapping; it takes the place of nothing.
    unsafe { kernel::mmap(len, MAP_SHARED | MAP_POPULATE, fd, offset) }
}

/// Maps the rings and SQEs of `fd` as `p` describes them, and records in `sq` and `cq` what is mapped, also on an error.
#[inline]
unsafe fn map(fd: c_int, p: &io_uring_params, sq: &mut io_uring_sq, cq: &mut io_uring_cq) -> Result<(), c_int> {
    let mut sq_sz = p.sq_off.array as usize + p.sq_entries as usize * size_of::<c_uint>();
    let mut cq_sz = p.cq_off.cqes as usize + cqes_size(p.flags, p.cq_entries);
    if p.features & IORING_FEAT_SINGLE_MMAP != 0 {
        sq_sz = sq_sz.max(cq_sz);
        cq_sz = sq_sz;
    }
    // SAFETY: the caller's ring.
    unsafe {
        sq.ring_ptr = map_part(fd, sq_sz, IORING_OFF_SQ_RING)?;
        sq.ring_sz = sq_sz;
        // Asked again, or the compiler makes two ways of all this, with 40 bytes more.
        cq.ring_ptr = if read_once(&raw const p.features) & IORING_FEAT_SINGLE_MMAP != 0 {
            sq.ring_ptr
        } else {
            map_part(fd, cq_sz, IORING_OFF_CQ_RING)?
        };
        cq.ring_sz = cq_sz;
        let sqes_sz = sqes_size(p.flags, p.sq_entries);
        if sqes_sz > c_uint::MAX as usize {
            return Err(-EINVAL);
        }
        sq.sqes = map_part(fd, sqes_sz, IORING_OFF_SQES)?.cast();
        sq.sqes_sz = sqes_sz as c_uint;
    }
    Ok(())
}

/// Maps the rings and SQEs of `fd` as `p` describes them. On an error nothing stays mapped. Internal to the archive.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[inline(never)]
pub(crate) unsafe extern "C" fn io_uring_mmap(
    fd: c_int,
    p: *mut io_uring_params,
    sq: *mut io_uring_sq,
    cq: *mut io_uring_cq,
) -> c_int {
    // SAFETY: the caller passes valid structures; every mapping made here is recorded or undone here.
    unsafe {
        (*sq).ring_sz = 0;
        (*cq).ring_sz = 0;
        if let Err(err) = map(fd, &*p, &mut *sq, &mut *cq) {
            io_uring_unmap_rings(sq, cq);
            (*sq).ring_sz = 0;
            (*cq).ring_sz = 0;
            return err;
        }
        io_uring_setup_ring_pointers(p, sq, cq);
        0
    }
}

/// Prepares the memory of an `IORING_SETUP_NO_MMAP` ring, in `buf` when there is one, else in fresh mappings. Returns the
/// bytes used of `buf`, or -errno; `ring` records what is mapped.
pub(crate) unsafe fn provide(
    entries: c_uint,
    p: &mut io_uring_params,
    ring: &mut io_uring,
    buf: *mut c_void,
    buf_size: usize,
) -> c_int {
    let (sqes, rings) = footprint(entries, p.flags, p.cq_entries);
    if sqes == 0 {
        return -EINVAL;
    }
    let used = round_up(sqes + rings, kernel::page_size());
    let (sq, cq) = (&mut ring.sq, &mut ring.cq);

    if buf.is_null() {
        let mut sqes_ptr = null_mut();
        let size = anonymous(sqes, &mut sqes_ptr);
        if size < 0 {
            return size;
        }
        sq.sqes = sqes_ptr.cast();
        sq.sqes_sz = size as c_uint;
        sq.ring_ptr = sqes_ptr.wrapping_byte_add(sqes);
        if used > size as usize {
            let size = anonymous(rings, &mut sq.ring_ptr);
            if size < 0 {
                return size;
            }
            sq.ring_sz = size as usize;
        }
    } else {
        if used > buf_size {
            return -ENOMEM;
        }
        sq.sqes = buf.cast();
        sq.ring_ptr = buf.wrapping_byte_add(sqes);
        // Kernels before 6.18 take heads, tails and flags as they find them. The advice, which is older than such
        // rings, fails where a store would fault: then the kernel refuses the memory too, with the right errno.
        // SAFETY: the header lies in `buf`, and the kernel has just made its page writable.
        unsafe {
            if kernel::madvise(sq.ring_ptr, RING_HEADER, MADV_POPULATE_WRITE) == 0 {
                *sq.ring_ptr.cast::<[u64; RING_HEADER / 8]>() = [0; RING_HEADER / 8];
            }
        }
    }
    // One mapping holds both rings: the SQ's record of it is the one that is undone.
    cq.ring_ptr = sq.ring_ptr;
    p.sq_off.user_addr = sq.sqes as usize as u64;
    p.cq_off.user_addr = sq.ring_ptr as usize as u64;
    used as c_int
}

/// Whether memory that [`anonymous`] mapped need not be in one piece of the machine's.
#[inline]
pub(crate) fn scattered(size: usize) -> bool {
    size > kernel::page_size() && size != HUGE_PAGE
}

/// Fresh memory for `need` bytes at `*ptr`. Returns its size, or -errno: one page, one huge page, or ordinary pages where
/// there is none or it is too small.
#[inline(never)]
pub(crate) fn anonymous(need: usize, ptr: &mut *mut c_void) -> c_int {
    let page = kernel::page_size();
    let (mut size, mut huge) = (round_up(need, page), 0);
    if size > page && size <= HUGE_PAGE {
        (size, huge) = (HUGE_PAGE, MAP_HUGETLB | MAP_HUGE_2MB);
    }
    loop {
        // SAFETY: a new mapping; it takes the place of nothing.
        match unsafe { kernel::mmap(size, MAP_SHARED | MAP_ANONYMOUS | huge, -1, 0) } {
            Ok(memory) => {
                *ptr = memory;
                return size as c_int;
            }
            Err(err) if huge == 0 => return err,
            Err(_) => (size, huge) = (round_up(need, page), 0),
        }
    }
}

/// The size in bytes of a ring's memory, or -EINVAL.
#[inline(never)]
fn memory_size(entries: c_uint, flags: c_uint, cq_entries: c_uint) -> ssize_t {
    let (sqes, rings) = footprint(entries, flags, cq_entries);
    if sqes == 0 {
        return -EINVAL as ssize_t;
    }
    (sqes + round_up(rings, kernel::page_size())) as ssize_t
}

/// Returns how many bytes of memory a ring with these parameters takes.
///
/// `entries` and `p` are as for `io_uring_queue_init_params()`; `p` is only read. The result, in whole pages, is
/// the size of the buffer that `io_uring_queue_init_mem()` needs at most.
/// Returns the size in bytes; -EINVAL when `entries` is 0, or above 32768 without `IORING_SETUP_CLAMP`, or when
/// `IORING_SETUP_CQSIZE` asks for an impossible CQ.
/// Since liburing 2.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_memory_size_params(entries: c_uint, p: *mut io_uring_params) -> ssize_t {
    // SAFETY: the caller passes valid parameters.
    unsafe { memory_size(entries, (*p).flags, (*p).cq_entries) }
}

/// Returns how many bytes of memory a ring takes, from its setup flags alone.
///
/// `entries` is the number of SQ entries, `flags` are `IORING_SETUP_` flags; otherwise as
/// `io_uring_memory_size_params()`.
/// Since liburing 2.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_memory_size(entries: c_uint, flags: c_uint) -> ssize_t {
    memory_size(entries, flags, 0)
}

/// The size in bytes of the memory to lock, or -EINVAL.
#[inline(never)]
fn mlock_size(entries: c_uint, flags: c_uint, cq_entries: c_uint) -> ssize_t {
    // SAFETY: all zeroes is a valid `io_uring_params`, which lives through the call; the descriptor is nobody else's.
    unsafe {
        let mut p: io_uring_params = zeroed();
        let fd = kernel::io_uring_setup(entries, &raw mut p);
        if fd >= 0 {
            kernel::close(fd);
        }
        // A failure leaves the features 0: most likely an old kernel and too little memory to lock.
        if p.features & IORING_FEAT_NATIVE_WORKERS != 0 {
            return 0;
        }
    }
    memory_size(entries, flags, cq_entries)
}

/// Returns how many bytes of locked memory (`ulimit -l`) a ring with these parameters needs.
///
/// To find out, a plain ring is made and closed again. With kernels before 5.12, or where that ring can't be made, the
/// answer is the size of `io_uring_memory_size_params()`, else 0; newer kernels (6.14) count rings as locked all the same.
/// Returns the size in bytes, or -EINVAL as `io_uring_memory_size_params()` does.
/// Since liburing 2.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_mlock_size_params(entries: c_uint, p: *mut io_uring_params) -> ssize_t {
    // SAFETY: the caller passes valid parameters.
    unsafe { mlock_size(entries, (*p).flags, (*p).cq_entries) }
}

/// Returns how many bytes of locked memory (`ulimit -l`) a ring needs, from its setup flags alone.
///
/// `entries` is the number of SQ entries, `flags` are `IORING_SETUP_` flags; otherwise as
/// `io_uring_mlock_size_params()`.
/// Since liburing 2.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_mlock_size(entries: c_uint, flags: c_uint) -> ssize_t {
    mlock_size(entries, flags, 0)
}

/// How many bytes a living ring takes of the program's buffer.
pub(crate) unsafe fn buffer_used(ring: *const io_uring) -> usize {
    // SAFETY: the caller's ring.
    unsafe {
        let (sq, cq) = ((*ring).sq.ring_entries, (*ring).cq.ring_entries);
        let (sqes, rings) = footprint(sq, (*ring).flags | IORING_SETUP_CQSIZE, cq);
        sqes + rings
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
