//! A ring's memory: sizes, mappings, and the pointers into them.

use crate::inline::{io_uring_cqe_shift_from_flags, io_uring_sqe_shift_from_flags};
use crate::kernel::{Kernel as _, Memory, Part, Sys, page_size};
use core::mem::{transmute, zeroed};
use core::ptr::null_mut;
use ironring_abi::barrier::read_once;
use ironring_abi::ctypes::{c_int, c_uint, c_void, ssize_t};
use ironring_abi::types::{io_uring, io_uring_cq, io_uring_sq};
use ironring_abi::uapi::*;
use libc::{EINVAL, ENOMEM, MADV_POPULATE_WRITE};

/// The kernel's limits (`io_uring/io_uring.h`).
const MAX_ENTRIES: c_uint = 32768;
const MAX_CQ_ENTRIES: c_uint = 2 * MAX_ENTRIES;

/// The size of the heads, tails and flags before the CQEs (the kernel's `struct io_rings` without its array).
const RING_HEADER: usize = 64;

const HUGE_PAGE: usize = 2 << 20;

/// The number of entries that the kernel allocates for `wanted`, 0 if it refuses.
#[inline(never)]
fn fit(wanted: c_uint, max: c_uint, flags: c_uint) -> c_uint {
    if wanted <= max {
        // This also works for 0: it becomes 1 - 1.
        return wanted.next_power_of_two() - c_uint::from(wanted == 0);
    }
    if flags & IORING_SETUP_CLAMP != 0 { max } else { 0 }
}

/// The number of entries that the kernel allocates for these parameters: (SQ, CQ), or (0, 0) if it returns -EINVAL.
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

/// The memory of a ring with these parameters: (the SQEs in whole pages, the rings after them in bytes), or (0, 0) if
/// the kernel returns -EINVAL.
#[inline(never)]
pub(crate) fn footprint(entries: c_uint, flags: c_uint, cq_entries: c_uint) -> (usize, usize) {
    let (sq, cq) = ring_entries(entries, flags, cq_entries);
    if sq == 0 {
        return (0, 0);
    }
    // The kernel puts the SQ array after the CQEs.
    let rings = RING_HEADER + cqes_size(flags, cq) + array_size(flags, sq);
    (round_up(sqes_size(flags, sq), page_size()), rings)
}

/// Unmaps the two rings (not the SQEs), once if they share a mapping. Internal to the archive.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub(crate) unsafe extern "C" fn io_uring_unmap_rings(sq: *mut io_uring_sq, cq: *mut io_uring_cq) {
    // SAFETY: the caller's rings; a size of 0 means that nothing was mapped.
    unsafe {
        if (*sq).ring_sz != 0 {
            Sys::unmap((*sq).ring_ptr, (*sq).ring_sz);
        }
        if (*cq).ring_sz != 0 && !(*cq).ring_ptr.is_null() && (*cq).ring_ptr != (*sq).ring_ptr {
            Sys::unmap((*cq).ring_ptr, (*cq).ring_sz);
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
    // SAFETY: the rings are mapped at `ring_ptr`, and the kernel's offsets are inside the mapping.
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

/// Fills the SQ array once so that slot n refers to SQE n: the library submits in order.
pub(crate) unsafe fn fill_sq_array(sq: *mut io_uring_sq, flags: c_uint) {
    if flags & IORING_SETUP_NO_SQARRAY != 0 {
        return;
    }
    // SAFETY: without NO_SQARRAY the array is mapped and has `ring_entries` slots.
    unsafe {
        let (array, entries) = ((*sq).array, (*sq).ring_entries as usize);
        let mut index = 0;
        // Eight at a time, two in each word, takes a third of the instructions. The low half never overflows into the
        // high half.
        let pair = |first: c_uint| transmute::<[c_uint; 2], u64>([first, first + 1]);
        let (mut next, two) = (pair(0), pair(2).wrapping_sub(pair(0)));
        while index + 8 <= entries {
            let words: *mut [[u8; 8]; 4] = array.add(index).cast();
            // Unrolled by hand: when optimizing for size, the compiler keeps a loop.
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

/// Maps the rings and SQEs of `fd` as `p` describes them, and records the mappings in `sq` and `cq`, also on an error.
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
        sq.ring_ptr = Sys::map_ring(fd, Part::SqRing, sq_sz)?;
        sq.ring_sz = sq_sz;
        // Tested again: otherwise the compiler duplicates this code, which takes 40 more bytes.
        cq.ring_ptr = if read_once(&raw const p.features) & IORING_FEAT_SINGLE_MMAP != 0 {
            sq.ring_ptr
        } else {
            Sys::map_ring(fd, Part::CqRing, cq_sz)?
        };
        cq.ring_sz = cq_sz;
        let sqes_sz = sqes_size(p.flags, p.sq_entries);
        if sqes_sz > c_uint::MAX as usize {
            return Err(-EINVAL);
        }
        sq.sqes = Sys::map_ring(fd, Part::Sqes, sqes_sz)?.cast();
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
    // SAFETY: the caller passes valid structures; every mapping made here is recorded or unmapped here.
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

/// Prepares the memory of an `IORING_SETUP_NO_MMAP` ring, in `buf` unless it is NULL, otherwise in new mappings.
/// Returns the bytes used of `buf`, or -errno; `ring` records the mappings.
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
    let used = round_up(sqes + rings, page_size());
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
        // Kernels before 6.18 don't initialize heads, tails and flags. The advice, which all kernels with such rings
        // have, fails where a store would fault: then the kernel refuses the memory too, with the right errno.
        // SAFETY: the header is in `buf`, and the kernel has just faulted in its page for writing.
        unsafe {
            if Sys::advise(sq.ring_ptr, RING_HEADER, MADV_POPULATE_WRITE) == 0 {
                *sq.ring_ptr.cast::<[u64; RING_HEADER / 8]>() = [0; RING_HEADER / 8];
            }
        }
    }
    // One mapping contains both rings: it is unmapped by the SQ's record.
    cq.ring_ptr = sq.ring_ptr;
    p.sq_off.user_addr = sq.sqes as usize as u64;
    p.cq_off.user_addr = sq.ring_ptr as usize as u64;
    used as c_int
}

/// Whether memory that [`anonymous`] mapped may be physically scattered.
#[inline]
pub(crate) fn scattered(size: usize) -> bool {
    size > page_size() && size != HUGE_PAGE
}

/// Maps new memory for `need` bytes at `*ptr`. Returns its size, or -errno: one page, one huge page, or ordinary pages
/// if no huge page is free or one is too small.
#[inline(never)]
pub(crate) fn anonymous(need: usize, ptr: &mut *mut c_void) -> c_int {
    let page = page_size();
    let (mut size, mut kind) = (round_up(need, page), Memory::Shared);
    if size > page && size <= HUGE_PAGE {
        (size, kind) = (HUGE_PAGE, Memory::Huge);
    }
    loop {
        match Sys::map(size, kind) {
            Ok(memory) => {
                *ptr = memory;
                return size as c_int;
            }
            Err(err) if kind == Memory::Shared => return err,
            Err(_) => (size, kind) = (round_up(need, page), Memory::Shared),
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
    (sqes + round_up(rings, page_size())) as ssize_t
}

/// Returns the size in bytes of the memory of a ring with these parameters.
///
/// `entries` and `p` are as for `io_uring_queue_init_params()`; `p` is only read. The result, in whole pages, is always
/// enough for the buffer of `io_uring_queue_init_mem()`. Returns the size in bytes; -EINVAL if `entries` is 0, or above
/// 32768 without `IORING_SETUP_CLAMP`, or if `p->cq_entries` with `IORING_SETUP_CQSIZE` is invalid.
/// Since liburing 2.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_memory_size_params(entries: c_uint, p: *mut io_uring_params) -> ssize_t {
    // SAFETY: the caller passes valid parameters.
    unsafe { memory_size(entries, (*p).flags, (*p).cq_entries) }
}

/// Returns the size in bytes of the memory of a ring with these setup flags.
///
/// `entries` is the number of SQ entries, `flags` are `IORING_SETUP_` flags; otherwise it is like
/// `io_uring_memory_size_params()`.
/// Since liburing 2.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_memory_size(entries: c_uint, flags: c_uint) -> ssize_t {
    memory_size(entries, flags, 0)
}

/// The size in bytes of the memory to lock, or -EINVAL.
#[inline(never)]
fn mlock_size(entries: c_uint, flags: c_uint, cq_entries: c_uint) -> ssize_t {
    // SAFETY: all zeroes is a valid `io_uring_params`, which exists during the call; the descriptor was created here.
    unsafe {
        let mut p: io_uring_params = zeroed();
        let fd = Sys::setup(entries, &raw mut p);
        if fd >= 0 {
            Sys::close(fd);
        }
        // After a failure the features are 0: most likely a kernel before 5.12 with too little lockable memory.
        if p.features & IORING_FEAT_NATIVE_WORKERS != 0 {
            return 0;
        }
    }
    memory_size(entries, flags, cq_entries)
}

/// Returns the size in bytes of the locked memory (`ulimit -l`) of a ring with these parameters.
///
/// The function creates a plain ring and closes it again to find out. On kernels before 5.12, or if that ring can't be
/// created, the result is that of `io_uring_memory_size_params()`, otherwise 0, although kernels from 6.14 on count
/// rings as locked memory. Returns the size in bytes, or -EINVAL as `io_uring_memory_size_params()` does.
/// Since liburing 2.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_mlock_size_params(entries: c_uint, p: *mut io_uring_params) -> ssize_t {
    // SAFETY: the caller passes valid parameters.
    unsafe { mlock_size(entries, (*p).flags, (*p).cq_entries) }
}

/// Returns the size in bytes of the locked memory (`ulimit -l`) of a ring with these setup flags.
///
/// `entries` is the number of SQ entries, `flags` are `IORING_SETUP_` flags; otherwise it is like
/// `io_uring_mlock_size_params()`.
/// Since liburing 2.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_mlock_size(entries: c_uint, flags: c_uint) -> ssize_t {
    mlock_size(entries, flags, 0)
}

/// The number of bytes that a ring uses of the program's buffer.
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
