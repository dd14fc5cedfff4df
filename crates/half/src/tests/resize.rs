//! Other sizes for living rings.

use super::{Rig, big, cqe, sqe};
use crate::*;
use ironring_abi::uapi::*;
use libc::EOVERFLOW;

const NO_ARRAY: u32 = IORING_SETUP_NO_SQARRAY;

/// Gives the rig's ring other sizes; what the call says.
pub fn resize(rig: &mut Rig, sq: u32, cq: u32) -> Result<(), i32> {
    let mut new = Rig::at(0x55, sq, rig.ring.flags() & !IORING_SETUP_CQSIZE, cq);
    // SAFETY: both rings are the rigs'.
    unsafe { rig.ring.resize(&new.ring, &rig.sq, &mut rig.cq)? };
    new.sq = rig.sq;
    new.cq = rig.cq;
    new.backlog.cqes = std::mem::take(&mut rig.backlog.cqes);
    *rig = new;
    Ok(())
}

#[test]
fn what_waits_is_carried_over() {
    for start in [0, 3, u32::MAX - 1] {
        for flags in [0, IORING_SETUP_CQE32, IORING_SETUP_CQE_MIXED] {
            for array in [0, NO_ARRAY] {
                for (sq, cq) in [(4, 8), (8, 8), (64, 64), (4, 64)] {
                    let mut rig = Rig::at(start, 8, flags | array, 16);
                    assert!((0..4).all(|n| rig.submit(sqe(n))));
                    assert_eq!(rig.take(1).1, 1);
                    assert!((0..5).all(|n| rig.post(&cqe(n)) == Posted::Filled));
                    assert_eq!(rig.reap().unwrap().user_data, 0);
                    resize(&mut rig, sq, cq).unwrap();
                    assert_eq!(rig.sq_words(), [start.wrapping_add(1), start.wrapping_add(4), 0]);
                    assert_eq!((rig.ring.sq_entries(), rig.ring.cq_entries()), (sq, cq));
                    let (taken, _) = rig.take(9);
                    assert_eq!(taken, [1, 2, 3].map(|n| (n, Size::Small)), "{start} {flags:#x}");
                    let reaped: Vec<_> = std::iter::from_fn(|| rig.reap()).collect();
                    assert_eq!(reaped, [1, 2, 3, 4].map(cqe), "{start} {flags:#x}");
                    assert!(rig.submit(sqe(9)));
                    assert_eq!(rig.take(9).0, [(9, Size::Small)]);
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_stays() {
    let mut rig = Rig::at(0, 8, NO_ARRAY, 8);
    assert!((0..5).all(|n| rig.submit(sqe(n))) && (0..3).all(|n| rig.post(&cqe(n)) == Posted::Filled));
    assert_eq!(resize(&mut rig, 4, 64), Err(-EOVERFLOW));
    assert_eq!(rig.take(1).1, 1);
    assert_eq!(resize(&mut rig, 4, 4), Ok(()));
    assert_eq!(rig.take(9).1, 4);
    assert_eq!(resize(&mut rig, 2, 2), Err(-EOVERFLOW));
    assert_eq!(rig.reap_all(), [0, 1, 2]);
    assert_eq!(resize(&mut rig, 2, 2), Ok(()));
}

#[test]
fn flags_and_counters_are_carried_over_and_the_backlog_is_flushed() {
    let mut rig = Rig::at(0, 4, 0, 4);
    // SAFETY: the rig's words.
    unsafe {
        rig.ring.set_flags(IORING_SQ_NEED_WAKEUP);
        rig.ring.cq_flags().write(IORING_CQ_EVENTFD_DISABLED);
        rig.ring.sq_dropped().write(3);
        rig.ring.cq_overflow().write(5);
    }
    (0..6).for_each(|n| _ = rig.post(&cqe(n)));
    resize(&mut rig, 4, 8).unwrap();
    assert_eq!(rig.sq_words()[2], IORING_SQ_NEED_WAKEUP | IORING_SQ_CQ_OVERFLOW);
    // SAFETY: the rig's words.
    let counters = unsafe { (rig.ring.sq_dropped().read(), rig.ring.cq_overflow().read()) };
    // SAFETY: the rig's ring.
    assert_eq!((counters, unsafe { rig.ring.eventfd_disabled() }), ((3, 5), true));
    assert!(rig.flush());
    assert_eq!(
        (rig.sq_words()[2], rig.reap_all()),
        (IORING_SQ_NEED_WAKEUP, vec![0, 1, 2, 3, 4, 5])
    );
}

#[test]
fn an_array_out_of_order_is_carried_over_in_its_order() {
    let mut rig = Rig::new(4, 0);
    // SAFETY: the rig's array.
    unsafe {
        for (slot, index) in [2, 9, 0, 1].into_iter().enumerate() {
            rig.ring.array(slot as u32).write(index);
        }
    }
    assert!((0..4).all(|n| rig.submit(sqe(n))));
    resize(&mut rig, 8, 8).unwrap();
    assert_eq!(rig.take(9), (vec![(2, Size::Small)], 1));
    // SAFETY: the rig's word.
    let dropped = unsafe { rig.ring.sq_dropped().read() };
    assert_eq!(dropped, 1, "the invalid one is one still");
    assert_eq!(rig.take(9).0, [(0, Size::Small), (1, Size::Small)]);
}

#[test]
fn a_big_completion_is_not_torn() {
    let mut rig = Rig::at(3, 8, IORING_SETUP_CQE_MIXED | NO_ARRAY, 8);
    assert_eq!(rig.post(&big(1)), Posted::Filled);
    assert_eq!(resize(&mut rig, 4, 4), Err(-EOVERFLOW), "of four, slot 3 is the last");
    assert_eq!(resize(&mut rig, 16, 16), Ok(()));
    assert_eq!(rig.post(&big(2)), Posted::Filled);
    assert_eq!([rig.reap(), rig.reap()], [Some(big(1)), Some(big(2))]);
}

#[test]
fn big_entries_are_carried_over_whole() {
    for array in [0, NO_ARRAY] {
        let mut first = sqe(5);
        first.opcode = IORING_OP_URING_CMD128 as u8;
        let mut rig = Rig::at(2, 8, IORING_SETUP_SQE_MIXED | array, 16);
        assert!(rig.submit(sqe(4)) && rig.submit_slots(&[first, sqe(6)]) && rig.submit(sqe(7)));
        assert_eq!(resize(&mut rig, 4, 16), Err(-EOVERFLOW), "of four, slot 3 is the last");
        assert_eq!(resize(&mut rig, 16, 16), Ok(()));
        // SAFETY: the rig's ring.
        unsafe {
            let mut batch = rig.ring.take(&mut rig.sq, 9);
            assert_eq!(batch.next().unwrap().sqe.user_data, 4);
            let entry = batch.next().unwrap();
            assert_eq!((entry.sqe.user_data, entry.second().unwrap().user_data), (5, 6));
            assert_eq!(batch.next().unwrap().sqe.user_data, 7);
            assert_eq!(batch.end(), 4);
        }
        let mut rig = Rig::at(u32::MAX, 2, IORING_SETUP_SQE128 | array, 16);
        // SAFETY: the rig's entries.
        unsafe {
            for (slot, data) in [(1, 10), (0, 11)] {
                rig.ring.sqe(slot).write(sqe(data));
                rig.ring.sqe(slot).add(1).write(sqe(data + 90));
            }
            rig.ring.sq_words()[1].write(1);
            resize(&mut rig, 8, 8).unwrap();
            let mut batch = rig.ring.take(&mut rig.sq, 9);
            for data in [10, 11] {
                let entry = batch.next().unwrap();
                assert_eq!(
                    (entry.sqe.user_data, entry.second().unwrap().user_data),
                    (data, data + 90)
                );
            }
            assert_eq!(batch.end(), 2);
        }
    }
}
