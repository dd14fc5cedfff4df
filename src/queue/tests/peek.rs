//! Peeking: overflow, big completions, fillers.

use super::*;

#[test]
fn a_batch_is_what_is_there_up_to_the_count() {
    let mut rig = Rig::new(4, 0);
    assert!(batch(&mut rig, 4).is_empty());
    rig.script.ring(|ring| (0..5).for_each(|n| ring.post(n, 0, 0)));
    assert!(batch(&mut rig, 0).is_empty());
    assert_eq!(data(&batch(&mut rig, 3)), [0, 1, 2]);
    assert_eq!(
        data(&batch(&mut rig, 9)),
        [0, 1, 2, 3, 4],
        "nothing is given back by peeking"
    );
    // SAFETY: the rig's ring.
    unsafe { io_uring_cq_advance(rig.ring(), 2) };
    assert_eq!(data(&batch(&mut rig, 9)), [2, 3, 4]);
    assert_eq!(rig.script.calls(), []);
}

#[test]
fn an_overflow_is_flushed_by_a_batch_when_the_queue_is_empty() {
    let mut rig = Rig::new(1, 0);
    rig.script.ring(|ring| (0..5).for_each(|n| ring.post(n, 0, 0)));
    assert_eq!(data(&batch(&mut rig, 8)), [0, 1], "the queue has two slots");
    assert_eq!(rig.script.calls(), [], "available completions need no call");
    // SAFETY: the rig's ring.
    unsafe { io_uring_cq_advance(rig.ring(), 2) };
    assert_eq!(data(&batch(&mut rig, 8)), [2, 3]);
    assert_eq!(rig.call(), enter(&rig, 0, 0, GET));
    assert_eq!(drain(&mut rig), [2, 3, 4]);
    assert!(batch(&mut rig, 8).is_empty());
}

#[test]
fn a_failed_flush_ends_and_gives_nothing() {
    let mut rig = Rig::new(1, 0);
    rig.script.ring(|ring| ring.flag(IORING_SQ_CQ_OVERFLOW, true));
    rig.script.fail(Kind::Enter, 0, -EBUSY);
    assert!(batch(&mut rig, 8).is_empty());
    assert_eq!(rig.script.calls().len(), 1, "tried once");
    rig.script.fail(Kind::Enter, 0, -EBUSY);
    let mut cqe = null_mut();
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_peek_cqe(rig.ring(), &raw mut cqe) }, -EBUSY);
    assert!(cqe.is_null());
}

#[test]
fn big_completions_are_stepped_over_in_their_own_unit() {
    let mut rig = Rig::new(4, IORING_SETUP_CQE32);
    rig.script.ring(|ring| (0..8).for_each(|n| ring.post(n, 0, 0)));
    let cqes = batch(&mut rig, 8);
    assert_eq!(data(&cqes), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(cqes[1] as usize - cqes[0] as usize, 32);
    // SAFETY: the rig's ring; each element is one completion, whatever its size.
    unsafe { io_uring_cq_advance(rig.ring(), 8) };
    assert_eq!(rig.cq_head(), 8);
}

#[test]
fn a_mixed_batch_skips_fillers_and_counts_slots() {
    let mut rig = Rig::new(4, IORING_SETUP_CQE_MIXED);
    // Eight slots: 1 + 2 + 2 + 2, and the last is a filler, as the next big one doesn't fit before the wrap.
    let big = IORING_CQE_F_32;
    rig.script
        .ring(|ring| [(1, 0), (2, big), (3, big), (4, big)].map(|(n, flags)| ring.post(n, 0, flags)));
    let cqes = batch(&mut rig, 8);
    assert_eq!(data(&cqes), [1, 2, 3, 4]);
    assert_eq!(data(&batch(&mut rig, 2)), [1, 2], "completions are counted, not slots");
    // SAFETY: completions of the rig's ring.
    let slots: u32 = cqes.iter().map(|cqe| unsafe { io_uring_cqe_nr(*cqe) }).sum();
    assert_eq!(slots, 7);
    // SAFETY: the rig's ring.
    unsafe { io_uring_cq_advance(rig.ring(), slots) };
    rig.script
        .ring(|ring| [(5, big), (6, 0)].map(|(n, flags)| ring.post(n, 0, flags)));
    assert_eq!(rig.cq_head(), 7);
    assert_eq!(
        data(&batch(&mut rig, 8)),
        [5, 6],
        "the filler first in line is given back"
    );
    assert_eq!(rig.cq_head(), 8);
    assert_eq!(drain(&mut rig), [5, 6]);
    assert_eq!(rig.cq_head(), 11);
}

#[test]
fn a_filler_behind_completions_ends_the_batch() {
    let mut rig = Rig::new(4, IORING_SETUP_CQE_MIXED);
    rig.script.ring(|ring| (0..6).for_each(|n| ring.post(n, 0, 0)));
    assert_eq!(drain(&mut rig).len(), 6);
    let posts = [(6, 0), (7, IORING_CQE_F_32), (8, 0)];
    rig.script.ring(|ring| posts.map(|(n, flags)| ring.post(n, 0, flags)));
    assert_eq!(data(&batch(&mut rig, 8)), [6]);
    // SAFETY: the rig's ring.
    unsafe { io_uring_cq_advance(rig.ring(), 1) };
    assert_eq!(data(&batch(&mut rig, 8)), [7, 8]);
    assert_eq!(drain(&mut rig), [7, 8]);
}

#[test]
fn a_lone_filler_before_an_overflow_hides_nothing() {
    let mut rig = Rig::new(4, IORING_SETUP_CQE_MIXED);
    rig.script.ring(|ring| {
        ring.post(0, 0, IORING_CQE_F_SKIP);
        ring.hold(9, 0, IORING_SQ_CQ_OVERFLOW);
    });
    assert_eq!(data(&batch(&mut rig, 8)), [9]);
    assert_eq!((rig.cq_head(), rig.script.calls().len()), (1, 1));
}
