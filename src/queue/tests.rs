//! Submitting and peeking: short submits, wraps, overflow, big and filler completions, rings of every kind.

mod peek;

use super::*;
use crate::inline::calls::{io_uring_peek_cqe, io_uring_sqring_wait};
use crate::inline::tests::drain;
use crate::inline::{io_uring_sq_ready, io_uring_sq_space_left};
use crate::register::{io_uring_register_ring_fd, io_uring_set_iowait};
use crate::rig::Rig;
use crate::script::{Arg, Call, Kind};
use core::ptr::null_mut;
use libc::{EAGAIN, EBADR, EBUSY, EINTR};

const GET: c_uint = IORING_ENTER_GETEVENTS;

fn enter(rig: &Rig, submit: u32, wait: u32, flags: u32) -> Call {
    Call::Enter {
        fd: rig.fd(),
        submit,
        wait,
        flags,
        arg: Arg::Signals(0),
    }
}

fn batch(rig: &mut Rig, count: u32) -> Vec<*mut io_uring_cqe> {
    let mut cqes = vec![null_mut(); count as usize];
    // SAFETY: the rig's ring and an array of `count` places.
    let nr = unsafe { io_uring_peek_batch_cqe(rig.ring(), cqes.as_mut_ptr(), count) };
    assert!(cqes[nr as usize..].iter().all(|cqe| cqe.is_null()), "beyond the result");
    cqes.truncate(nr as usize);
    cqes
}

fn data(cqes: &[*mut io_uring_cqe]) -> Vec<u64> {
    // SAFETY: completions that were just returned.
    cqes.iter().map(|cqe| unsafe { (**cqe).user_data }).collect()
}

#[test]
fn each_submit_says_what_it_should() {
    let mut rig = Rig::new(8, 0);
    // SAFETY: the rig's ring.
    unsafe {
        let ring = rig.ring();
        assert_eq!(io_uring_submit(ring), 0);
        assert_eq!(rig.script.calls(), [], "nothing queued, no call");
        rig.nops([1, 2]);
        assert_eq!(rig.sq(), (0, 0), "queueing doesn't publish");
        assert_eq!(io_uring_submit(ring), 2);
        assert_eq!(rig.call(), enter(&rig, 2, 0, 0));
        assert_eq!(rig.sq(), (2, 2));
        rig.nops([3]);
        assert_eq!(io_uring_submit_and_wait(ring, 3), 1);
        assert_eq!(rig.call(), enter(&rig, 1, 3, GET));
        assert_eq!(io_uring_submit_and_wait(ring, 0), 0);
        assert_eq!(rig.script.calls(), []);
        assert_eq!(io_uring_submit_and_wait(ring, 2), 0);
        assert_eq!(rig.call(), enter(&rig, 0, 2, GET));
        rig.nops([4]);
        assert_eq!(io_uring_submit_and_get_events(ring), 1);
        assert_eq!(rig.call(), enter(&rig, 1, 0, GET));
        assert_eq!(io_uring_submit_and_get_events(ring), 0);
        assert_eq!(rig.call(), enter(&rig, 0, 0, GET));
        assert_eq!(io_uring_get_events(ring), 0);
        assert_eq!(rig.call(), enter(&rig, 0, 0, GET));
        assert_eq!(__io_uring_sqring_wait(ring), 0);
        assert_eq!(rig.call(), enter(&rig, 0, 0, IORING_ENTER_SQ_WAIT));
    }
    assert_eq!(drain(&mut rig), [1, 2, 3, 4]);
}

#[test]
fn an_error_leaves_the_entries_queued() {
    for errno in [EAGAIN, EBUSY, EBADR, EINTR, libc::EOWNERDEAD, libc::ENXIO] {
        let mut rig = Rig::new(8, 0);
        rig.nops([1, 2]);
        for n in 0..2 {
            rig.script.fail(Kind::Enter, 0, -errno);
            // SAFETY: the rig's ring.
            unsafe {
                let ret = if n == 0 {
                    io_uring_submit(rig.ring())
                } else {
                    io_uring_submit_and_wait(rig.ring(), 1)
                };
                assert_eq!(ret, -errno);
                assert_eq!(
                    (io_uring_sq_ready(rig.ring()), io_uring_sq_space_left(rig.ring())),
                    (2, 6)
                );
            }
            assert_eq!(rig.sq(), (0, 2), "published but not taken");
        }
        rig.nops([3]);
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 3);
        assert_eq!(rig.taken(), [1, 2, 3]);
    }
    let mut rig = Rig::new(8, 0);
    for call in [
        io_uring_get_events,
        __io_uring_sqring_wait,
        io_uring_submit_and_get_events,
    ] {
        rig.script.fail(Kind::Enter, 0, -EBADR);
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { call(rig.ring()) }, -EBADR);
    }
}

#[test]
fn a_short_submit_leaves_the_rest_for_the_next() {
    let mut rig = Rig::new(8, 0);
    rig.nops(1..=5);
    rig.script.set(|kernel| kernel.short.extend([2, 0, 1]));
    for (want, left) in [(2, 3), (0, 3), (1, 2), (2, 0)] {
        // SAFETY: the rig's ring.
        unsafe {
            assert_eq!(io_uring_submit(rig.ring()), want);
            assert_eq!(io_uring_sq_ready(rig.ring()), left);
        }
    }
    assert_eq!(rig.taken(), [1, 2, 3, 4, 5]);
    assert_eq!(rig.enters(), [(5, 0, 0), (3, 0, 0), (3, 0, 0), (2, 0, 0)]);
}

#[test]
fn heads_and_tails_run_across_2_to_the_32() {
    for flags in [
        0,
        IORING_SETUP_SQPOLL,
        IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
        IORING_SETUP_CQE_MIXED,
    ] {
        for array in [false, true] {
            let start = u32::MAX - 20;
            let mut rig = Rig::on(8, flags, |kernel| {
                kernel.start = start;
                kernel.unknown = if array { IORING_SETUP_NO_SQARRAY } else { 0 };
            });
            // SAFETY: the rig's ring, whose own copies follow its kernel's.
            unsafe { ((*rig.ring()).sq.sqe_head, (*rig.ring()).sq.sqe_tail) = (start, start) };
            let mut next = 0;
            for round in 0..12 {
                let count = 1 + round % 8;
                rig.nops(next..next + count);
                // SAFETY: the rig's ring.
                unsafe {
                    assert_eq!(io_uring_sq_ready(rig.ring()), count as u32);
                    assert_eq!(io_uring_submit(rig.ring()), count as c_int);
                }
                if flags & IORING_SETUP_SQPOLL != 0 {
                    rig.script.ring(|ring| ring.take(u32::MAX));
                }
                let cqes = batch(&mut rig, 16);
                assert_eq!(data(&cqes), (next..next + count).collect::<Vec<_>>());
                // SAFETY: the rig's ring.
                unsafe { io_uring_cq_advance(rig.ring(), count as u32) };
                next += count;
            }
            assert_eq!(
                rig.sq(),
                (start.wrapping_add(next as u32), start.wrapping_add(next as u32))
            );
            assert_eq!(rig.cq_head(), start.wrapping_add(next as u32));
        }
    }
}

#[test]
fn a_polling_thread_is_woken_only_when_it_sleeps() {
    let mut rig = Rig::new(4, IORING_SETUP_SQPOLL);
    // SAFETY: the rig's ring.
    unsafe {
        rig.nops([1]);
        assert_eq!(io_uring_submit(rig.ring()), 1);
        assert_eq!(rig.script.calls(), [], "it is awake");
        assert_eq!(rig.sq(), (0, 1));
        assert_eq!(io_uring_submit(rig.ring()), 1, "counts until it is taken");
        rig.script.ring(|ring| ring.take(1));
        assert_eq!(io_uring_submit(rig.ring()), 0);
        rig.script.ring(|ring| ring.flag(IORING_SQ_NEED_WAKEUP, true));
        assert_eq!(io_uring_submit(rig.ring()), 0);
        assert_eq!(rig.script.calls(), [], "no reason to wake it");
        rig.nops([2, 3]);
        assert_eq!(io_uring_submit(rig.ring()), 2);
        assert_eq!(rig.call(), enter(&rig, 2, 0, IORING_ENTER_SQ_WAKEUP));
        assert_eq!(io_uring_submit_and_wait(rig.ring(), 1), 0);
        assert_eq!(rig.call(), enter(&rig, 0, 1, GET), "a wait always enters");
        rig.nops([4]);
        assert_eq!(io_uring_submit_and_wait(rig.ring(), 1), 1);
        assert_eq!(rig.call(), enter(&rig, 1, 1, GET), "and doesn't wake an awake thread");
    }
    assert_eq!(rig.taken(), [1, 2, 3]);
}

#[test]
fn a_full_queue_waits_for_the_polling_thread() {
    let mut rig = Rig::new(2, IORING_SETUP_SQPOLL);
    // SAFETY: the rig's ring.
    unsafe {
        assert_eq!(io_uring_sqring_wait(rig.ring()), 0);
        rig.nops([1, 2]);
        io_uring_submit(rig.ring());
        assert_eq!(rig.script.calls(), []);
        rig.script.fail(Kind::Enter, 0, -libc::EINVAL);
        assert_eq!(io_uring_sqring_wait(rig.ring()), -libc::EINVAL);
        assert_eq!(rig.call(), enter(&rig, 0, 0, IORING_ENTER_SQ_WAIT));
        assert_eq!(io_uring_sqring_wait(rig.ring()), 0);
        assert_eq!(rig.call(), enter(&rig, 0, 0, IORING_ENTER_SQ_WAIT));
        assert_eq!(io_uring_sq_space_left(rig.ring()), 2);
    }
    drop(rig);
    let mut rig = Rig::new(1, 0);
    rig.nops([1]);
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_sqring_wait(rig.ring()) }, 0, "nobody polls");
    assert_eq!(rig.script.calls(), []);
}

#[test]
fn a_rewinding_ring_begins_at_slot_0_each_time() {
    let mut rig = Rig::new(4, IORING_SETUP_SQ_REWIND);
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 0);
    assert_eq!(rig.script.calls(), [], "nothing queued, no call");
    for round in 0..3 {
        rig.nops([round * 10, round * 10 + 1, round * 10 + 2]);
        // SAFETY: the rig's ring.
        unsafe {
            assert_eq!((*rig.ring()).sq.sqe_tail, 3);
            assert_eq!(io_uring_submit(rig.ring()), 3);
            assert_eq!((*rig.ring()).sq.sqe_tail, 0);
        }
        assert_eq!(rig.call(), enter(&rig, 3, 0, 0));
        assert_eq!(rig.sq(), (0, 0), "neither index changes");
        assert_eq!(drain(&mut rig).len(), 3);
    }
    assert_eq!(rig.taken(), [0, 1, 2, 10, 11, 12, 20, 21, 22]);
}

#[test]
fn completions_held_back_make_every_submit_enter() {
    for bit in [IORING_SQ_CQ_OVERFLOW, IORING_SQ_TASKRUN] {
        let mut rig = Rig::new(4, 0);
        rig.script.ring(|ring| ring.hold(8, 0, bit));
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 0);
        assert_eq!(rig.call(), enter(&rig, 0, 0, GET));
        assert_eq!(drain(&mut rig), [8]);
    }
    let mut rig = Rig::new(4, IORING_SETUP_IOPOLL);
    rig.nops([1]);
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 1);
    assert_eq!(
        rig.call(),
        enter(&rig, 1, 0, GET),
        "IOPOLL completes inside enters alone"
    );
}

#[test]
fn a_registered_ring_enters_by_index_and_without_iowait_by_wish() {
    let mut rig = Rig::new(4, 0);
    // SAFETY: the rig's ring.
    unsafe {
        assert_eq!(io_uring_register_ring_fd(rig.ring()), 1);
        assert_eq!(io_uring_set_iowait(rig.ring(), false), 0);
        rig.script.calls();
        io_uring_get_events(rig.ring());
        let flags = GET | IORING_ENTER_REGISTERED_RING | IORING_ENTER_NO_IOWAIT;
        assert_eq!(
            rig.call(),
            Call::Enter {
                fd: 5,
                submit: 0,
                wait: 0,
                flags,
                arg: Arg::Signals(0)
            }
        );
        assert_eq!(io_uring_set_iowait(rig.ring(), true), 0);
        rig.nops([1]);
        assert_eq!(io_uring_submit(rig.ring()), 1);
        let flags = IORING_ENTER_REGISTERED_RING;
        assert_eq!(
            rig.call(),
            Call::Enter {
                fd: 5,
                submit: 1,
                wait: 0,
                flags,
                arg: Arg::Signals(0)
            }
        );
    }
}
