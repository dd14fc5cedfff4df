//! The ring's helpers: the fill level, the next completion, the next slot.

use super::drain;
use crate::inline::calls::*;
use crate::inline::*;
use crate::rig::Rig;
use crate::script::Kind;
use ironring_abi::types::LIBURING_UDATA_TIMEOUT;
use ironring_abi::uapi::*;
use libc::{EAGAIN, EINTR, EOPNOTSUPP, ETIME};
use std::ptr::null_mut;

#[test]
fn an_opcode_is_supported_when_the_kernel_says_so() {
    let mut probe = [0u64; 2 + 4];
    let p: *mut io_uring_probe = probe.as_mut_ptr().cast();
    // SAFETY: the probe has space for four operations.
    unsafe {
        ((*p).last_op, (*p).ops_len) = (2, 3);
        let ops = (&raw mut (*p).ops).cast::<io_uring_probe_op>();
        (*ops.add(1)).flags = IO_URING_OP_SUPPORTED as u16;
        (*ops.add(2)).flags = !IO_URING_OP_SUPPORTED as u16;
        (*ops.add(3)).flags = IO_URING_OP_SUPPORTED as u16;
        let answers: Vec<_> = (-1..5).map(|op| io_uring_opcode_supported(p, op)).collect();
        assert_eq!(answers, [0, 0, 1, 0, 0, 0]);
        (*ops.add(2)).flags = IO_URING_OP_SUPPORTED as u16;
        // The kernel has more operations than the probe has space for.
        ((*p).last_op, (*p).ops_len) = (65, 2);
        let answers: Vec<_> = (-1..5).map(|op| io_uring_opcode_supported(p, op)).collect();
        assert_eq!(answers, [0, 0, 1, 0, 0, 0]);
        assert_eq!(io_uring_opcode_supported(p, i32::MIN), 0);
    }
}

#[test]
fn the_queues_tell_how_full_they_are() {
    for flags in [0, IORING_SETUP_SQPOLL] {
        let start = u32::MAX - 1;
        let mut rig = Rig::on(4, flags, |kernel| kernel.start = start);
        // SAFETY: the rig's ring, whose own copies follow its kernel's.
        unsafe {
            let ring = rig.ring();
            ((*ring).sq.sqe_head, (*ring).sq.sqe_tail) = (start, start);
            rig.nops(0..4);
            assert_eq!((io_uring_sq_ready(ring), io_uring_sq_space_left(ring)), (4, 0));
            assert!(io_uring_get_sqe(ring).is_null());
            assert_eq!(io_uring_load_sq_head(ring), start);
            crate::queue::io_uring_submit(ring);
            rig.script.ring(|ring| ring.take(3));
            let taken = if flags == 0 { 4 } else { 3 };
            assert_eq!(io_uring_load_sq_head(ring), start.wrapping_add(taken));
            assert_eq!(
                (io_uring_sq_ready(ring), io_uring_sq_space_left(ring)),
                (4 - taken, taken)
            );
            assert_eq!(io_uring_cq_ready(ring), taken);
            io_uring_cq_advance(ring, taken);
            assert_eq!((io_uring_cq_ready(ring), rig.cq_head()), (0, start.wrapping_add(taken)));
            io_uring_cq_advance(ring, 0);
            assert!(!io_uring_cq_has_overflow(ring));
            rig.script.ring(|ring| ring.hold(1, 0, IORING_SQ_CQ_OVERFLOW));
            assert!(io_uring_cq_has_overflow(ring));
        }
    }
}

#[test]
fn the_eventfd_is_switched_where_the_kernel_can() {
    for flags in [true, false] {
        let mut rig = Rig::on(4, 0, |kernel| kernel.cq_flags = flags);
        // SAFETY: the rig's ring.
        unsafe {
            let ring = rig.ring();
            assert!(io_uring_cq_eventfd_enabled(ring));
            assert_eq!(io_uring_cq_eventfd_toggle(ring, true), 0);
            assert_eq!(
                io_uring_cq_eventfd_toggle(ring, false),
                if flags { 0 } else { -EOPNOTSUPP }
            );
            assert_eq!(io_uring_cq_eventfd_enabled(ring), !flags);
            if flags {
                assert_eq!(*rig.script.ring(|ring| ring.cq_flags()), IORING_CQ_EVENTFD_DISABLED);
                *rig.script.ring(|ring| ring.cq_flags()) |= 6;
                assert_eq!(io_uring_cq_eventfd_toggle(ring, true), 0);
                assert_eq!(*rig.script.ring(|ring| ring.cq_flags()), 6, "no other bit changes");
            }
        }
    }
}

#[test]
fn a_peek_enters_only_where_that_can_help() {
    let mut rig = Rig::new(1, 0);
    let mut cqe = null_mut();
    // SAFETY: the rig's ring.
    unsafe {
        assert_eq!(io_uring_peek_cqe(rig.ring(), &raw mut cqe), -EAGAIN);
        assert!(cqe.is_null());
        rig.script.ring(|ring| (1..4).for_each(|n| ring.post(n, 0, 0)));
        assert_eq!(io_uring_peek_cqe(rig.ring(), &raw mut cqe), 0);
        assert_eq!(rig.seen(cqe), Some(1));
        assert_eq!(rig.script.calls(), []);
        assert_eq!(drain(&mut rig), [2, 3]);
        assert_eq!(rig.enters(), [(0, 0, IORING_ENTER_GETEVENTS)]);
        rig.script.ring(|ring| ring.flag(IORING_SQ_TASKRUN, true));
        rig.script.fail(Kind::Enter, 0, -EINTR);
        assert_eq!(io_uring_peek_cqe(rig.ring(), &raw mut cqe), -EINTR);
        // The completion of the library's own timeout is dropped, and then the queue is empty.
        (*rig.ring()).features &= !IORING_FEAT_EXT_ARG;
        rig.script.ring(|ring| {
            ring.flag(IORING_SQ_TASKRUN, false);
            ring.post(LIBURING_UDATA_TIMEOUT, -ETIME, 0);
        });
        assert_eq!(io_uring_peek_cqe(rig.ring(), &raw mut cqe), -EAGAIN);
    }
}

#[test]
fn an_iopoll_peek_enters_once() {
    let mut rig = Rig::new(4, IORING_SETUP_IOPOLL);
    let mut cqe = null_mut();
    // SAFETY: the rig's ring.
    unsafe { assert_eq!(io_uring_peek_cqe(rig.ring(), &raw mut cqe), -EAGAIN) };
    assert_eq!(rig.enters(), [(0, 0, IORING_ENTER_GETEVENTS)]);
    rig.script.ring(|ring| ring.hold(4, 0, 0));
    assert_eq!(drain(&mut rig), [4]);
}

#[test]
fn a_wait_enters_only_when_too_few_are_there() {
    let mut rig = Rig::new(4, 0);
    let mut cqe = null_mut();
    let post = |rig: &Rig, n| rig.script.ring(|ring| ring.post(n, 0, 0));
    let come = |rig: &Rig, n| {
        rig.script.ring(|ring| ring.come(n));
    };
    // SAFETY: the rig's ring.
    unsafe {
        post(&rig, 1);
        assert_eq!(io_uring_wait_cqe(rig.ring(), &raw mut cqe), 0);
        assert_eq!(rig.script.calls(), []);
        assert_eq!(rig.seen(cqe), Some(1));
        come(&rig, 2);
        assert_eq!(io_uring_wait_cqe(rig.ring(), &raw mut cqe), 0);
        assert_eq!(
            (rig.seen(cqe), rig.enters()),
            (Some(2), vec![(0, 1, IORING_ENTER_GETEVENTS)])
        );
        post(&rig, 3);
        come(&rig, 4);
        assert_eq!(io_uring_wait_cqe_nr(rig.ring(), &raw mut cqe, 2), 0);
        assert_eq!(
            (rig.seen(cqe), rig.enters()),
            (Some(3), vec![(0, 2, IORING_ENTER_GETEVENTS)])
        );
        assert_eq!(drain(&mut rig), [4]);
        assert_eq!(io_uring_wait_cqe_nr(rig.ring(), &raw mut cqe, 0), -EAGAIN);
        rig.script.set(|kernel| kernel.signal = true);
        assert_eq!(io_uring_wait_cqe(rig.ring(), &raw mut cqe), -EINTR);
        assert!(cqe.is_null());
    }
}

#[test]
fn fillers_are_taken_out_by_every_peek() {
    let mut rig = Rig::new(2, IORING_SETUP_CQE_MIXED);
    let skip = IORING_CQE_F_SKIP;
    rig.script
        .ring(|ring| [(0, skip), (0, skip), (7, 0)].map(|(n, flags)| ring.post(n, 0, flags)));
    let (mut cqe, mut nr) = (null_mut(), 99);
    // SAFETY: the rig's ring.
    unsafe {
        assert_eq!(__io_uring_peek_cqe(rig.ring(), &raw mut cqe, &raw mut nr), 0);
        assert_eq!((nr, rig.cq_head()), (1, 2), "both are reaped");
        assert_eq!(rig.seen(cqe), Some(7));
        rig.script.ring(|ring| ring.post(0, 0, skip));
        assert_eq!(__io_uring_peek_cqe(rig.ring(), &raw mut cqe, &raw mut nr), 0);
        assert!(cqe.is_null());
        assert_eq!((nr, rig.cq_head()), (0, 4), "there was only a filler");
    }
}

#[test]
fn big_completions_wrap_behind_a_filler() {
    let mut rig = Rig::on(4, IORING_SETUP_CQE_MIXED, |kernel| kernel.start = u32::MAX - 8);
    // The kernel's tail is at slot 7 of 8: a big one doesn't fit before the wrap, nor before that of the 32-bit index.
    for round in 0..9 {
        rig.script.ring(|ring| {
            ring.post(round, 0, IORING_CQE_F_32);
            ring.post(100 + round, 0, 0);
        });
        assert_eq!(drain(&mut rig), [round, 100 + round]);
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { io_uring_cq_ready(rig.ring()) }, 0);
    }
    let slots = rig.cq_head().wrapping_sub(u32::MAX - 8);
    assert!(slots > 9 * 3, "{slots} slots: fillers were among them");
}

#[test]
fn the_librarys_timeout_is_taken_out_where_it_can_be_one() {
    for (ext, data, res, want) in [
        (false, LIBURING_UDATA_TIMEOUT, -ETIME, (-ETIME, None, 1)),
        (false, LIBURING_UDATA_TIMEOUT, 0, (0, None, 1)),
        (false, 5, -ETIME, (0, Some(5), 0)),
        (
            true,
            LIBURING_UDATA_TIMEOUT,
            -ETIME,
            (0, Some(LIBURING_UDATA_TIMEOUT), 0),
        ),
    ] {
        let mut rig = Rig::on(4, 0, |kernel| {
            if !ext {
                kernel.features &= !IORING_FEAT_EXT_ARG;
            }
        });
        rig.script.ring(|ring| ring.post(data, res, 0));
        let mut cqe = 0x10 as *mut io_uring_cqe;
        // SAFETY: the rig's ring.
        let ret = unsafe { __io_uring_peek_cqe(rig.ring(), &raw mut cqe, null_mut()) };
        let head = rig.cq_head();
        // SAFETY: a completion of the rig's ring, or null.
        let got = unsafe { cqe.as_ref().map(|cqe| cqe.user_data) };
        assert_eq!((ret, got, head), want);
    }
}

#[test]
fn a_slot_is_clean_but_for_its_user_data() {
    for flags in [0, IORING_SETUP_SQE128] {
        let mut rig = Rig::new(2, flags);
        let size = if flags == 0 { 64 } else { 128 };
        // SAFETY: the rig's ring; its SQEs are filled with junk first.
        unsafe {
            let ring = rig.ring();
            (*ring).sq.sqes.cast::<u8>().write_bytes(0xee, 2 * size);
            let first = io_uring_get_sqe(ring);
            let second = _io_uring_get_sqe(ring);
            assert_eq!(second as usize - first as usize, size);
            assert!(io_uring_get_sqe(ring).is_null());
            assert_eq!((*first).user_data, 0xeeee_eeee_eeee_eeee);
            assert_eq!(((*first).flags, (*first).ioprio, (*first).personality), (0, 0, 0));
            assert_eq!(((*first).anon_flags.rw_flags, (*first).anon_file.file_index), (0, 0));
            assert_eq!({ (*first).anon_buf.buf_index }, 0);
            let tail = (*first).anon_tail.anon_addr3;
            assert_eq!((tail.addr3, tail.__pad2[0]), (0, 0));
            (*ring).sq.sqe_tail = 0;
        }
    }
}

#[test]
fn a_big_slot_is_two_and_never_wraps() {
    let mut rig = Rig::new(4, IORING_SETUP_SQE_MIXED);
    let skip = IOSQE_CQE_SKIP_SUCCESS as u8;
    // SAFETY: the rig's ring.
    unsafe {
        let ring = rig.ring();
        let base = (*ring).sq.sqes;
        assert_eq!(io_uring_get_sqe(ring), base);
        assert_eq!(io_uring_get_sqe128(ring), base.add(1));
        assert_eq!(io_uring_sq_ready(ring), 3);
        assert!(
            io_uring_get_sqe128(ring).is_null(),
            "one slot, and that before the wrap"
        );
        assert_eq!((*ring).sq.sqe_tail, 3);
        crate::queue::io_uring_submit(ring);
        assert_eq!(io_uring_get_sqe128(ring), base, "the last slot is padded");
        assert_eq!(
            ((*base.add(3)).opcode, (*base.add(3)).flags),
            (IORING_OP_NOP as u8, skip)
        );
        assert_eq!((*ring).sq.sqe_tail, 6);
        assert!(
            io_uring_get_sqe128(ring).is_null(),
            "as strict as the original: the last slot stays free"
        );
        assert!(!io_uring_get_sqe(ring).is_null());
        (*ring).sq.sqe_tail = 3;
    }
    drop(rig);
    for (flags, some) in [(0, false), (IORING_SETUP_SQE128, true)] {
        let mut rig = Rig::new(4, flags);
        // SAFETY: the rig's ring.
        unsafe { assert_eq!(!io_uring_get_sqe128(rig.ring()).is_null(), some) };
    }
}
