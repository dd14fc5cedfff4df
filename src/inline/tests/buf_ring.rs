//! Filling rings of provided buffers.

use crate::inline::calls::*;
use crate::inline::*;
use crate::rig::Rig;
use ironring_abi::uapi::*;
use libc::ENOENT;
use std::ptr::null_mut;

#[repr(C, align(16))]
struct Memory([io_uring_buf; 4]);

#[test]
fn buffers_go_behind_the_tail_and_wrap_at_16_bits() {
    // SAFETY: all zeroes is valid.
    let mut memory: Memory = unsafe { std::mem::zeroed() };
    let br: *mut io_uring_buf_ring = (&raw mut memory).cast();
    let mask = io_uring_buf_ring_mask(4);
    assert_eq!(mask, 3);
    // SAFETY: the ring has four places.
    unsafe {
        (*br).anon_ring.anon_head.tail = 77;
        io_uring_buf_ring_init(br);
        assert_eq!((*br).anon_ring.anon_head.tail, 0);
        (*br).anon_ring.anon_head.tail = 0xfffe;
        for n in 0..4u16 {
            io_uring_buf_ring_add(br, (0x1000 + usize::from(n)) as *mut _, 10, 20 + n, mask, n.into());
        }
        assert_eq!(
            (*br).anon_ring.anon_head.tail,
            0xfffe,
            "still invisible, and place 0 leaves the tail alone"
        );
        io_uring_buf_ring_advance(br, 4);
        assert_eq!((*br).anon_ring.anon_head.tail, 2);
    }
    let bufs: Vec<_> = memory.0.iter().map(|buf| (buf.addr, buf.len, buf.bid)).collect();
    assert_eq!(
        bufs,
        [(0x1002, 10, 22), (0x1003, 10, 23), (0x1000, 10, 20), (0x1001, 10, 21)]
    );
}

#[test]
fn an_advance_can_give_completions_back_too() {
    // SAFETY: all zeroes is valid; the rig's ring.
    unsafe {
        let mut memory: Memory = std::mem::zeroed();
        let br: *mut io_uring_buf_ring = (&raw mut memory).cast();
        let mut rig = Rig::new(4, 0);
        rig.script.ring(|ring| (0..6).for_each(|n| ring.post(n, 0, 0)));
        io_uring_buf_ring_cq_advance(rig.ring(), br, 2);
        assert_eq!(((*br).anon_ring.anon_head.tail, rig.cq_head()), (2, 2));
        __io_uring_buf_ring_cq_advance(rig.ring(), br, 3, 1);
        assert_eq!(((*br).anon_ring.anon_head.tail, rig.cq_head()), (3, 5));
    }
}

#[test]
fn what_is_available_is_a_distance_in_16_bits() {
    let mut rig = Rig::on(4, 0, |kernel| kernel.buffers_head = 0xfffd);
    // SAFETY: all zeroes is valid; the rig's ring.
    unsafe {
        let mut memory: Memory = std::mem::zeroed();
        let br: *mut io_uring_buf_ring = (&raw mut memory).cast();
        (*br).anon_ring.anon_head.tail = 1;
        assert_eq!(io_uring_buf_ring_available(rig.ring(), br, 3), 4);
        rig.script
            .set(|kernel| kernel.answers.push((IORING_REGISTER_PBUF_STATUS, -ENOENT)));
        assert_eq!(io_uring_buf_ring_available(rig.ring(), null_mut(), 3), -ENOENT);
    }
}
