//! Taking entries.

use super::{Rig, sqe};
use crate::*;
use ironring_abi::uapi::*;

const NO_ARRAY: u32 = IORING_SETUP_NO_SQARRAY;

fn big(user_data: u64) -> [io_uring_sqe; 2] {
    let mut first = sqe(user_data);
    first.opcode = IORING_OP_NOP128 as u8;
    [first, sqe(!user_data)]
}

#[test]
fn entries_come_in_order_and_the_head_moves_at_the_end() {
    for flags in [0, NO_ARRAY] {
        for start in [0, 1, u32::MAX - 1] {
            let mut rig = Rig::at(start, 4, flags, 0);
            assert!((0..4).all(|n| rig.submit(sqe(n))));
            assert!(!rig.submit(sqe(4)), "full");
            // SAFETY: the rig's ring.
            unsafe {
                assert_eq!(rig.ring.submitted(&rig.sq), 4);
                let head = rig.ring.sq_words()[0];
                let mut batch = rig.ring.take(&mut rig.sq, 3);
                assert_eq!(batch.left(), 3);
                for n in 0..3 {
                    assert_eq!(batch.next().unwrap().sqe.user_data, n);
                    assert_eq!(head.read(), start);
                }
                assert!(batch.next().is_none());
                assert_eq!(batch.end(), 3);
                assert_eq!(head.read(), start.wrapping_add(3));
            }
            assert!(rig.submit(sqe(4)));
            assert_eq!(rig.take(9), (vec![(3, Size::Small), (4, Size::Small)], 2));
            assert_eq!(rig.take(9), (vec![], 0));
        }
    }
}

#[test]
fn an_invalid_index_is_counted_and_ends_the_batch() {
    let mut rig = Rig::new(4, 0);
    // SAFETY: the rig's array.
    unsafe {
        for (slot, index) in [3, 4, 1, 0].into_iter().enumerate() {
            rig.ring.array(slot as u32).write(index);
        }
        assert!((0..4).all(|n| rig.submit(sqe(n))));
        assert_eq!(rig.take(4), (vec![(3, Size::Small)], 1), "the array's order");
        assert_eq!(rig.ring.sq_dropped().read(), 1);
        assert_eq!(rig.sq_words()[0], 2, "the head is past it");
        assert_eq!(rig.take(4), (vec![(1, Size::Small), (0, Size::Small)], 2));
        assert_eq!(rig.ring.sq_dropped().read(), 1);
    }
}

#[test]
fn an_entry_of_128_bytes_has_both_halves() {
    let mut rig = Rig::new(4, IORING_SETUP_SQE128 | NO_ARRAY);
    for n in 0..4 {
        // SAFETY: the rig's entries.
        unsafe {
            rig.ring.sqe(n).write(sqe(n.into()));
            rig.ring.sqe(n).add(1).write(sqe(100 + u64::from(n)));
            rig.ring.sq_words()[1].write(n + 1);
        }
    }
    // SAFETY: the rig's ring.
    unsafe {
        let mut batch = rig.ring.take(&mut rig.sq, 4);
        for n in 0..4 {
            let entry = batch.next().unwrap();
            assert_eq!((entry.sqe.user_data, entry.size), (n, Size::Big));
            assert_eq!(entry.second().unwrap().user_data, 100 + n);
        }
        assert_eq!(batch.end(), 4);
    }
}

#[test]
fn a_big_entry_of_a_mixed_queue_is_two_slots() {
    for flags in [0, NO_ARRAY] {
        let mut rig = Rig::new(4, IORING_SETUP_SQE_MIXED | flags);
        assert!(rig.submit(sqe(1)) && rig.submit_slots(&big(2)) && rig.submit(sqe(3)));
        // SAFETY: the rig's ring.
        unsafe {
            let mut batch = rig.ring.take(&mut rig.sq, 4);
            assert!(batch.next().unwrap().second().is_none());
            let entry = batch.next().unwrap();
            assert_eq!((entry.sqe.user_data, entry.size), (2, Size::Big));
            assert_eq!((entry.second().unwrap().user_data, batch.left()), (!2, 1));
            assert_eq!(batch.next().unwrap().sqe.user_data, 3);
            assert_eq!(batch.end(), 4, "slots are counted");
        }
    }
}

#[test]
fn a_big_entry_without_its_second_half_is_torn() {
    // On both sides of the end.
    let mut rig = Rig::at(3, 4, IORING_SETUP_SQE_MIXED | NO_ARRAY, 0);
    assert!(rig.submit_slots(&big(1)));
    assert_eq!(rig.take(4), (vec![(1, Size::Torn), (!1, Size::Small)], 2));
    // Only the first half was submitted, or asked for.
    let mut rig = Rig::new(4, IORING_SETUP_SQE_MIXED | NO_ARRAY);
    assert!(rig.submit_slots(&big(2)[..1]));
    assert_eq!(rig.take(4), (vec![(2, Size::Torn)], 1));
    assert!(rig.submit_slots(&big(3)));
    assert_eq!(rig.take(1), (vec![(3, Size::Torn)], 1));
    // The array leads to the last entry.
    let mut rig = Rig::new(4, IORING_SETUP_SQE_MIXED);
    // SAFETY: the rig's array and entries.
    unsafe {
        rig.ring.array(0).write(3);
        assert!(rig.submit_slots(&[sqe(0), sqe(4)]));
        rig.ring.sqe(3).write(big(5)[0]);
    }
    assert_eq!(rig.take(4), (vec![(5, Size::Torn), (4, Size::Small)], 2));
    // The ring has none of that size.
    let mut rig = Rig::new(4, NO_ARRAY);
    assert!(rig.submit_slots(&big(6)));
    assert_eq!(rig.take(4), (vec![(6, Size::Torn), (!6, Size::Small)], 2));
}

#[test]
fn a_big_entry_may_have_the_last_slot_if_its_index_is_another() {
    let mut rig = Rig::at(3, 4, IORING_SETUP_SQE_MIXED, 0);
    // SAFETY: the rig's array, entries, word and ring.
    unsafe {
        rig.ring.array(3).write(1);
        for (index, half) in [1, 2].into_iter().zip(big(1)) {
            rig.ring.sqe(index).write(half);
        }
        rig.ring.sq_words()[1].write(5);
        let mut batch = rig.ring.take(&mut rig.sq, 4);
        let entry = batch.next().unwrap();
        assert_eq!((entry.size, entry.second().unwrap().user_data), (Size::Big, !1));
        assert_eq!(batch.end(), 2);
    }
}

#[test]
fn a_rewinding_ring_begins_at_slot_0() {
    let mut rig = Rig::new(4, IORING_SETUP_SQ_REWIND | NO_ARRAY);
    for round in 0..3 {
        for n in 0..3 {
            // SAFETY: the rig's entries.
            unsafe { rig.ring.sqe(n).write(sqe(round * 10 + u64::from(n))) };
        }
        let (taken, count) = rig.take(3);
        let data: Vec<u64> = taken.iter().map(|(data, _)| *data).collect();
        assert_eq!((data, count), ((round * 10..round * 10 + 3).collect(), 3));
        assert_eq!(rig.sq_words(), [0, 0, 0], "nobody moves head or tail");
    }
    assert_eq!(rig.take(99).1, 4, "as many as there are");
}

#[test]
fn a_broken_tail_makes_no_more_entries_than_there_are() {
    let mut rig = Rig::new(4, NO_ARRAY);
    // SAFETY: the program's word.
    unsafe { rig.ring.sq_words()[1].write(0x8000_0000) };
    assert_eq!(rig.take(u32::MAX).1, 4);
}

#[test]
fn a_poller_sleeps_only_where_nothing_was_submitted() {
    let mut rig = Rig::new(4, IORING_SETUP_SQPOLL | NO_ARRAY);
    // SAFETY: the rig's ring.
    unsafe {
        rig.ring.set_flags(IORING_SQ_TASKRUN);
        assert!(rig.ring.may_sleep(&rig.sq));
        assert_eq!(rig.sq_words()[2], IORING_SQ_NEED_WAKEUP | IORING_SQ_TASKRUN);
        rig.ring.clear_flags(IORING_SQ_NEED_WAKEUP);
        assert!(rig.submit(sqe(1)));
        assert!(!rig.ring.may_sleep(&rig.sq));
        assert_eq!(rig.sq_words()[2], IORING_SQ_TASKRUN, "and no other flag is touched");
    }
}
