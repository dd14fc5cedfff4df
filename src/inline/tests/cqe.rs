//! Completions: units, iteration, advancing; and the fields of an SQE.

use crate::inline::*;
use crate::rig::Rig;
use ironring_abi::uapi::*;
use std::mem::zeroed;
use std::ptr::null_mut;

#[test]
fn shifts_and_counts_follow_the_flags() {
    for bit in 0..32 {
        let flags = 1 << bit;
        assert_eq!(
            io_uring_cqe_shift_from_flags(flags),
            u32::from(flags == IORING_SETUP_CQE32)
        );
        assert_eq!(
            io_uring_sqe_shift_from_flags(flags),
            u32::from(flags == IORING_SETUP_SQE128)
        );
        // SAFETY: all zeroes is valid.
        unsafe {
            let mut cqe: io_uring_cqe = zeroed();
            cqe.flags = flags;
            assert_eq!(io_uring_cqe_nr(&raw const cqe), 1 + u32::from(flags == IORING_CQE_F_32));
        }
    }
}

#[test]
fn a_walk_sees_what_was_there_at_its_start() {
    for (flags, unit) in [(0, 16), (IORING_SETUP_CQE32, 32)] {
        let mut rig = Rig::on(4, flags, |kernel| kernel.start = u32::MAX - 2);
        rig.script.ring(|ring| (0..5).for_each(|n| ring.post(n, 0, 0)));
        let mut cqe = null_mut();
        let mut seen = Vec::new();
        // SAFETY: the rig's ring.
        unsafe {
            let mut walk = io_uring_cqe_iter_init(rig.ring());
            rig.script.ring(|ring| ring.post(9, 0, 0));
            while io_uring_cqe_iter_next(&raw mut walk, &raw mut cqe) {
                seen.push((*cqe).user_data);
            }
            assert_eq!(walk.head, walk.tail);
            // The eight slots wrap after the third.
            assert_eq!(cqe as usize - (*rig.ring()).cq.cqes as usize, unit);
            io_uring_cq_advance(rig.ring(), 6);
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }
}

#[test]
fn a_walk_steps_over_both_slots_of_a_big_one() {
    let mut rig = Rig::new(4, IORING_SETUP_CQE_MIXED);
    let big = IORING_CQE_F_32;
    rig.script
        .ring(|ring| [(1, big), (2, 0), (3, big)].map(|(n, flags)| ring.post(n, 0, flags)));
    let mut cqe = null_mut();
    let mut seen = Vec::new();
    // SAFETY: the rig's ring.
    unsafe {
        let mut walk = io_uring_cqe_iter_init(rig.ring());
        while io_uring_cqe_iter_next(&raw mut walk, &raw mut cqe) {
            seen.push((*cqe).user_data);
        }
        assert!(!io_uring_cqe_iter_next(&raw mut walk, &raw mut cqe));
        assert_eq!((*cqe).user_data, 3, "the pointer is unchanged at the end");
        io_uring_cqe_seen(rig.ring(), (*rig.ring()).cq.cqes);
        assert_eq!(rig.cq_head(), 2, "a big one frees two slots");
        io_uring_cqe_seen(rig.ring(), null_mut());
        assert_eq!(rig.cq_head(), 2);
    }
    assert_eq!(seen, [1, 2, 3]);
}

#[test]
fn user_data_goes_in_and_comes_out() {
    // SAFETY: all zeroes is valid.
    unsafe {
        let (mut sqe, mut cqe): (io_uring_sqe, io_uring_cqe) = zeroed();
        io_uring_sqe_set_data64(&raw mut sqe, (1 << 63) | 5);
        assert_eq!(sqe.user_data, (1 << 63) | 5);
        cqe.user_data = sqe.user_data;
        assert_eq!(io_uring_cqe_get_data64(&raw const cqe), (1 << 63) | 5);
        let at = (&raw mut cqe).cast();
        io_uring_sqe_set_data(&raw mut sqe, at);
        cqe.user_data = sqe.user_data;
        assert_eq!(io_uring_cqe_get_data(&raw const cqe), at);
        io_uring_sqe_set_flags(&raw mut sqe, 0x1ff);
        assert_eq!(sqe.flags, 0xff);
        io_uring_sqe_set_buf_group(&raw mut sqe, 0x12345);
        assert_eq!({ sqe.anon_buf.buf_group }, 0x2345);
        __io_uring_set_target_fixed_file(&raw mut sqe, IORING_FILE_INDEX_ALLOC - 1);
        assert_eq!(sqe.anon_file.file_index, IORING_FILE_INDEX_ALLOC);
        let mut rig = Rig::new(1, IORING_SETUP_SQE128);
        assert_eq!((io_uring_sqe_shift(rig.ring()), io_uring_cqe_shift(rig.ring())), (1, 0));
    }
}
