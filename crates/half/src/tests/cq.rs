//! Posting completions.

use super::{Rig, big, cqe};
use crate::*;
use ironring_abi::uapi::*;

#[test]
fn completions_of_each_size_arrive_whole() {
    for (flags, long) in [
        (0, false),
        (IORING_SETUP_CQE32, true),
        (IORING_SETUP_CQE_MIXED, false),
        (IORING_SETUP_CQE_MIXED, true),
    ] {
        for start in [0, 3, u32::MAX - 2] {
            let mut rig = Rig::at(start, 2, flags, 4);
            for n in 0..9 {
                let mut cqe = if long { big(n) } else { cqe(n) };
                if flags & IORING_SETUP_CQE_MIXED == 0 {
                    cqe.flags = 0x1_0002;
                }
                assert_eq!(rig.post(&cqe), Posted::Filled, "{flags:#x} {start} {n}");
                assert_eq!(rig.reap(), Some(cqe));
                assert_eq!(rig.reap(), None);
            }
        }
    }
}

#[test]
fn nothing_is_seen_before_it_is_published() {
    let mut rig = Rig::new(4, 0);
    // SAFETY: the rig's ring.
    unsafe {
        assert!((0..3).all(|n| rig.ring.fill(&mut rig.cq, &cqe(n))));
        assert_eq!((rig.cq_words(), rig.ring.ready()), ([0, 0], 0));
        rig.ring.publish(&rig.cq);
        assert_eq!((rig.cq_words(), rig.ring.ready()), ([0, 3], 3));
    }
    assert_eq!(rig.reap_all(), [0, 1, 2]);
}

#[test]
fn an_overflow_keeps_the_order_and_is_told() {
    let mut rig = Rig::at(u32::MAX - 1, 2, 0, 2);
    let posted: Vec<_> = (0..5).map(|n| rig.post(&cqe(n))).collect();
    assert_eq!(posted[..2], [Posted::Filled; 2]);
    assert_eq!(posted[2..], [Posted::Overflowed; 3]);
    assert_eq!(rig.sq_words()[2], IORING_SQ_CQ_OVERFLOW);
    assert_eq!(rig.reap().unwrap().user_data, 0);
    assert_eq!(
        rig.post(&cqe(5)),
        Posted::Overflowed,
        "there is room, but not for the newest"
    );
    assert!(!rig.flush());
    assert_eq!(rig.sq_words()[2], IORING_SQ_CQ_OVERFLOW);
    assert_eq!(rig.reap_all(), [1, 2]);
    assert!(!rig.flush());
    assert_eq!(rig.reap_all(), [3, 4]);
    assert!(rig.flush());
    assert_eq!(rig.sq_words()[2], 0);
    assert_eq!(rig.post(&cqe(6)), Posted::Filled);
    assert_eq!(rig.reap_all(), [5, 6]);
}

#[test]
fn what_nobody_can_keep_is_lost_and_counted() {
    let mut rig = Rig::at(0, 1, 0, 1);
    rig.backlog.most = 1;
    let posted: Vec<_> = (0..4).map(|n| rig.post(&cqe(n))).collect();
    assert_eq!(posted, [Posted::Filled, Posted::Overflowed, Posted::Lost, Posted::Lost]);
    // SAFETY: the rig's word.
    assert_eq!(unsafe { rig.ring.cq_overflow().read() }, 2);
    assert_eq!(rig.reap_all(), [0]);
    assert!(rig.flush());
    assert_eq!(rig.reap_all(), [1]);
    // Without any backlog the flag tells of nothing that could be flushed.
    let mut rig = Rig::at(0, 1, 0, 1);
    rig.backlog.most = 0;
    assert_eq!([0, 1].map(|n| rig.post(&cqe(n))), [Posted::Filled, Posted::Lost]);
    assert_eq!(rig.sq_words()[2], 0);
}

#[test]
fn a_big_completion_does_not_wrap() {
    let mut rig = Rig::at(3, 2, IORING_SETUP_CQE_MIXED, 4);
    // SAFETY: the rig's ring.
    assert!(unsafe { rig.ring.fill(&mut rig.cq, &big(1)) });
    assert_eq!(rig.cq, Cq { tail: 6, head: 3 }, "a filler and two slots");
    assert_eq!(rig.post(&cqe(2)), Posted::Filled);
    assert_eq!(rig.reap_all(), [1, 2]);
    // A small one needs no filler.
    assert_eq!(rig.post(&cqe(3)), Posted::Filled);
    assert_eq!(rig.cq_words(), [7, 8]);
}

#[test]
fn a_filler_takes_its_room_alone_too() {
    // One slot is free, the last: the filler goes there, as on Linux, and the big one waits for two more.
    let mut rig = Rig::at(0, 2, IORING_SETUP_CQE_MIXED, 4);
    assert!((0..3).all(|n| rig.post(&cqe(n)) == Posted::Filled));
    assert_eq!(rig.post(&big(3)), Posted::Overflowed);
    assert_eq!(rig.cq_words(), [0, 4]);
    assert_eq!(rig.reap().unwrap().user_data, 0);
    assert!(!rig.flush(), "one slot is not two");
    assert_eq!(rig.reap().unwrap().user_data, 1);
    assert!(rig.flush());
    assert_eq!((rig.cq_words(), rig.reap_all()), ([2, 6], vec![2, 3]));
    // No slot is free, so there is no filler.
    let mut rig = Rig::at(3, 2, IORING_SETUP_CQE_MIXED, 4);
    assert!((0..4).all(|n| rig.post(&cqe(n)) == Posted::Filled));
    assert_eq!((rig.post(&big(4)), rig.cq_words()), (Posted::Overflowed, [3, 7]));
}

#[test]
fn a_head_too_far_behind_the_tail_makes_no_room() {
    let mut rig = Rig::new(2, 0);
    for far in [5, u32::MAX / 2] {
        // SAFETY: the program's word.
        unsafe { rig.ring.cq_words()[0].write(rig.cq.tail.wrapping_sub(far)) };
        rig.cq.head = rig.cq.tail.wrapping_sub(4);
        assert_eq!(
            rig.post(&cqe(0)),
            Posted::Overflowed,
            "no slot is free where none can be"
        );
        rig.backlog.cqes.clear();
    }
}

#[test]
fn a_head_past_the_tail_does_not_stop_the_flush() {
    for past in [1, 4, 1 << 31] {
        let mut rig = Rig::at(u32::MAX, 2, 0, 4);
        let posted: Vec<_> = (0..6).map(|n| rig.post(&cqe(n))).collect();
        assert_eq!((posted[3], posted[4]), (Posted::Filled, Posted::Overflowed));
        // SAFETY: the program's word.
        unsafe { rig.ring.cq_words()[0].write(rig.cq.tail.wrapping_add(past)) };
        assert!(rig.flush(), "waiters would never return");
        assert_eq!((rig.sq_words()[2], rig.cq_words()[1]), (0, 5));
        // The wrong head must not be remembered once the program has corrected it.
        // SAFETY: the program's word.
        unsafe { rig.ring.cq_words()[0].write(3) };
        let posted: Vec<_> = (6..9).map(|n| rig.post(&cqe(n))).collect();
        assert_eq!(posted, [Posted::Filled, Posted::Filled, Posted::Overflowed]);
        assert_eq!(rig.reap_all(), [4, 5, 6, 7]);
    }
}

#[test]
fn the_program_turns_the_signals_off() {
    let rig = Rig::new(2, 0);
    // SAFETY: the rig's ring.
    unsafe {
        assert!(!rig.ring.eventfd_disabled());
        rig.ring.cq_flags().write(IORING_CQ_EVENTFD_DISABLED);
        assert!(rig.ring.eventfd_disabled());
    }
    let mut p = super::params(0, 0);
    lay_out(2, &mut p).unwrap();
    p.cq_off.flags = 0;
    let nowhere = std::ptr::null_mut();
    // SAFETY: nothing of the memory is touched.
    unsafe { assert!(!Ring::new(nowhere, nowhere, nowhere.cast(), &p).eventfd_disabled()) };
}
