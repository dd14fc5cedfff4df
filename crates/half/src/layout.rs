//! The size of a ring, and the offsets in its memory.

use core::mem::offset_of;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{EINVAL, EOVERFLOW};

/// The maximum number of SQ entries.
pub const MAX_ENTRIES: u32 = 32768;
/// The maximum number of CQ entries.
pub const MAX_CQ_ENTRIES: u32 = 2 * MAX_ENTRIES;

/// The words before the CQEs, in the order of `struct io_rings` in Linux.
#[repr(C, align(64))]
struct Header {
    sq_head: u32,
    sq_tail: u32,
    cq_head: u32,
    cq_tail: u32,
    sq_mask: u32,
    cq_mask: u32,
    sq_entries: u32,
    cq_entries: u32,
    sq_dropped: u32,
    sq_flags: u32,
    cq_flags: u32,
    cq_overflow: u32,
}

/// The sizes in bytes of the two parts of a ring's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Both queues but for the SQEs, in one mapping (`IORING_FEAT_SINGLE_MMAP`).
    pub rings: usize,
    /// The SQEs.
    pub sqes: usize,
}

/// The number of entries that the kernel allocates for `wanted`.
fn entries(wanted: u32, max: u32, flags: u32) -> Result<u32, c_int> {
    if wanted == 0 || wanted > max && flags & IORING_SETUP_CLAMP == 0 {
        return Err(-EINVAL);
    }
    Ok(wanted.min(max).next_power_of_two())
}

/// Whether both of `flags` are set.
fn both(p: &io_uring_params, flags: u32) -> bool {
    p.flags & flags == flags
}

/// Computes the layout of a ring as Linux does: sets the entries and offsets in `p`, and returns the sizes.
///
/// `wanted` and `p` are the arguments of `io_uring_setup(2)`. Only the flags that affect the memory are checked. With
/// `IORING_SETUP_NO_MMAP` the addresses in the offsets are kept; otherwise they are set to 0. Returns -errno and leaves
/// `p` unchanged on an error: -EINVAL for impossible sizes or flags, -EOVERFLOW for a mixed queue with a single slot.
pub fn lay_out(wanted: u32, p: &mut io_uring_params) -> Result<Sizes, c_int> {
    let flags = p.flags;
    let array = flags & IORING_SETUP_NO_SQARRAY == 0;
    if both(p, IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED)
        || both(p, IORING_SETUP_SQE128 | IORING_SETUP_SQE_MIXED)
        || flags & IORING_SETUP_SQ_REWIND != 0 && (array || flags & IORING_SETUP_SQPOLL != 0)
    {
        return Err(-EINVAL);
    }
    let sq_entries = entries(wanted, MAX_ENTRIES, flags)?;
    let cq_entries = if flags & IORING_SETUP_CQSIZE == 0 {
        2 * sq_entries
    } else {
        entries(p.cq_entries, MAX_CQ_ENTRIES, flags)?
    };
    if cq_entries < sq_entries {
        return Err(-EINVAL);
    }
    // An entry of double size needs two slots.
    if flags & IORING_SETUP_SQE_MIXED != 0 && sq_entries < 2 || flags & IORING_SETUP_CQE_MIXED != 0 && cq_entries < 2 {
        return Err(-EOVERFLOW);
    }

    let mut rings = size_of::<Header>() + cq_entries as usize * size_of::<io_uring_cqe>();
    if flags & IORING_SETUP_CQE32 != 0 {
        // Linux doubles the header as well.
        rings *= 2;
    }
    rings = rings.next_multiple_of(align_of::<Header>());
    let array_at = rings;
    if array {
        rings += sq_entries as usize * size_of::<u32>();
    }
    let sqe = size_of::<io_uring_sqe>() << u32::from(flags & IORING_SETUP_SQE128 != 0);

    (p.sq_entries, p.cq_entries) = (sq_entries, cq_entries);
    let own = flags & IORING_SETUP_NO_MMAP != 0;
    #[allow(clippy::cast_possible_truncation, reason = "the largest ring has some megabytes")]
    let at = |offset: usize| offset as u32;
    p.sq_off = io_sqring_offsets {
        head: at(offset_of!(Header, sq_head)),
        tail: at(offset_of!(Header, sq_tail)),
        ring_mask: at(offset_of!(Header, sq_mask)),
        ring_entries: at(offset_of!(Header, sq_entries)),
        flags: at(offset_of!(Header, sq_flags)),
        dropped: at(offset_of!(Header, sq_dropped)),
        // Without an array, Linux leaves what was there.
        array: if array { at(array_at) } else { p.sq_off.array },
        resv1: 0,
        user_addr: if own { p.sq_off.user_addr } else { 0 },
    };
    p.cq_off = io_cqring_offsets {
        head: at(offset_of!(Header, cq_head)),
        tail: at(offset_of!(Header, cq_tail)),
        ring_mask: at(offset_of!(Header, cq_mask)),
        ring_entries: at(offset_of!(Header, cq_entries)),
        overflow: at(offset_of!(Header, cq_overflow)),
        cqes: at(size_of::<Header>()),
        flags: at(offset_of!(Header, cq_flags)),
        resv1: 0,
        user_addr: if own { p.cq_off.user_addr } else { 0 },
    };
    Ok(Sizes {
        rings,
        sqes: sq_entries as usize * sqe,
    })
}
