//! Every wait on every kernel: its result, its number of system calls, and their arguments.

mod matrix;

use super::*;
use crate::inline::calls::io_uring_wait_cqe;
use crate::inline::io_uring_sq_ready;
use crate::rig::{Rig, millis};
use crate::script::{Arg, Call, Kind};
use libc::{EBADR, EBUSY, EINTR};

/// The program's pointer until the library writes it.
const UNTOUCHED: *mut io_uring_cqe = 0x1234usize as *mut io_uring_cqe;

#[test]
fn an_error_of_the_kernel_is_passed_on_and_nothing_is_lost() {
    for errno in [EBUSY, EBADR, EINTR, libc::EOWNERDEAD, EAGAIN] {
        let mut rig = Rig::new(8, 0);
        rig.nops([1, 2]);
        rig.script.fail(Kind::Enter, 0, -errno);
        let mut cqe = UNTOUCHED;
        let mut ts = millis(5);
        // SAFETY: the rig's ring.
        unsafe {
            let ret = io_uring_submit_and_wait_timeout(rig.ring(), &raw mut cqe, 1, &raw mut ts, null_mut());
            assert_eq!(ret, -errno);
            assert!(cqe.is_null());
            assert_eq!(io_uring_sq_ready(rig.ring()), 2, "they stay queued");
            assert_eq!(io_uring_submit(rig.ring()), 2);
        }
        assert_eq!(rig.taken(), [1, 2]);
    }
}

#[test]
fn a_timed_wait_that_comes_back_with_nothing_is_over() {
    let mut rig = Rig::new(8, 0);
    let (mut cqe, mut ts) = (UNTOUCHED, millis(5));
    // The kernel returns 0, but another thread reaped the completion first.
    rig.script.fail(Kind::Enter, 0, 0);
    // SAFETY: the rig's ring.
    let ret = unsafe { io_uring_wait_cqe_timeout(rig.ring(), &raw mut cqe, &raw mut ts) };
    assert_eq!((ret, cqe, rig.script.calls().len()), (-ETIME, null_mut(), 1));
    rig.script.fail(Kind::Enter, 0, 0);
    // SAFETY: the rig's ring.
    let ret = unsafe { io_uring_submit_and_wait_reg(rig.ring(), &raw mut cqe, 1, 0) };
    assert_eq!((ret, cqe, rig.script.calls().len()), (-ETIME, null_mut(), 1));
}

#[test]
fn a_wait_without_a_limit_that_comes_back_with_nothing_goes_on() {
    let mut rig = Rig::new(8, 0);
    for n in 0..3 {
        let mut cqe = UNTOUCHED;
        rig.script.fail(Kind::Enter, 0, 0);
        rig.script.ring(|ring| ring.come(n));
        let (ring, at) = (rig.ring(), &raw mut cqe);
        // SAFETY: the rig's ring.
        let ret = unsafe {
            match n {
                0 => io_uring_wait_cqe(ring, at),
                1 => io_uring_wait_cqes(ring, at, 1, null_mut(), null_mut()),
                _ => io_uring_wait_cqes_min_timeout(ring, at, 1, null_mut(), 5, null_mut()),
            }
        };
        assert_eq!((ret, rig.seen(cqe), rig.script.calls().len()), (0, Some(n), 2));
    }
}

#[test]
fn a_completion_that_is_there_comes_even_when_the_entry_fails() {
    let mut rig = Rig::new(8, 0);
    rig.script.ring(|ring| ring.post(9, 0, 0));
    rig.script.fail(Kind::Enter, 0, -EINTR);
    let mut cqe = null_mut();
    // SAFETY: the rig's ring.
    let ret = unsafe { __io_uring_get_cqe(rig.ring(), &raw mut cqe, 0, 2, null_mut()) };
    assert_eq!((ret, rig.seen(cqe)), (-EINTR, Some(9)));
}

#[test]
fn a_short_submit_submits_the_rest_before_it_waits() {
    let mut rig = Rig::new(8, 0);
    rig.script.ring(|ring| ring.silent = true);
    rig.script.set(|kernel| kernel.short.extend([1, 2]));
    rig.nops([1, 2, 3, 4]);
    rig.script.ring(|ring| ring.come(9));
    let mut cqe = null_mut();
    // SAFETY: the rig's ring.
    let ret = unsafe { io_uring_submit_and_wait_timeout(rig.ring(), &raw mut cqe, 1, null_mut(), null_mut()) };
    assert_eq!((ret, rig.seen(cqe)), (1, Some(9)), "the result is the first entry's");
    let get = IORING_ENTER_GETEVENTS;
    assert_eq!(rig.enters(), [(4, 1, get), (3, 1, get), (1, 1, get)]);
    assert_eq!(rig.taken(), [1, 2, 3, 4]);
}

#[test]
fn the_librarys_timeout_never_reaches_the_application() {
    let mut rig = Rig::on(4, 0, |kernel| kernel.features &= !IORING_FEAT_EXT_ARG);
    rig.script.ring(|ring| ring.silent = true);
    let (mut cqe, mut ts) = (null_mut(), millis(10));
    // SAFETY: the rig's ring; the entry taken is the library's own.
    unsafe {
        // The completion arrives, and its count ends the timeout with it.
        rig.script.ring(|ring| ring.come(7));
        assert_eq!(io_uring_wait_cqe_timeout(rig.ring(), &raw mut cqe, &raw mut ts), 1);
        assert_eq!(rig.seen(cqe), Some(7));
        assert_eq!(
            crate::inline::calls::io_uring_peek_cqe(rig.ring(), &raw mut cqe),
            -EAGAIN
        );
        assert_eq!(
            crate::inline::io_uring_cq_ready(rig.ring()),
            0,
            "its completion was taken out"
        );
        let sqe = rig.script.ring(|ring| ring.taken[0]);
        assert_eq!(
            (sqe.opcode, sqe.user_data),
            (IORING_OP_TIMEOUT as u8, LIBURING_UDATA_TIMEOUT)
        );
        assert_eq!(
            (sqe.anon_addr.addr, sqe.anon_off.off, sqe.len),
            (&raw mut ts as u64, 1, 1)
        );
        // A timeout that expired while nobody waited ends the next wait.
        rig.script.ring(|ring| ring.post(LIBURING_UDATA_TIMEOUT, -ETIME, 0));
        assert_eq!(io_uring_wait_cqe(rig.ring(), &raw mut cqe), -EINTR);
        assert!(cqe.is_null());
    }
    assert_eq!(rig.script.wrong().len(), 1, "only the test could end that wait");
}

#[test]
fn a_poller_may_read_the_librarys_time_limit_when_the_call_is_over() {
    for asleep in [false, true] {
        let mut rig = Rig::on(4, IORING_SETUP_SQPOLL, |kernel| kernel.features &= !IORING_FEAT_EXT_ARG);
        rig.script.ring(|ring| {
            ring.flag(IORING_SQ_NEED_WAKEUP, asleep);
            ring.post(7, 0, 0);
        });
        let (mut cqe, mut ts) = (null_mut(), millis(1234));
        // SAFETY: the rig's ring, whose newest entry is the library's own.
        unsafe {
            let ret = io_uring_wait_cqe_timeout(rig.ring(), &raw mut cqe, &raw mut ts);
            assert_eq!((ret, rig.seen(cqe)), (0, Some(7)));
            ts = millis(1);
            let sqe = (*rig.ring()).sq.sqes;
            assert_eq!(((*sqe).opcode, (*sqe).len), (IORING_OP_TIMEOUT as u8, 1));
            let read = (*sqe).anon_addr.addr as usize as *const __kernel_timespec;
            assert_ne!(read, &raw const ts, "the caller has changed its own");
            assert_eq!(((*read).tv_sec, (*read).tv_nsec), (1, 234_000_000));
            assert_eq!(read as usize, sqe as usize + 48, "an unused part of the entry");
        }
    }
}

#[test]
fn a_refused_wait_takes_the_librarys_time_limit_back() {
    let mut rig = Rig::on(8, 0, |kernel| kernel.features &= !IORING_FEAT_EXT_ARG);
    rig.nops([1, 2]);
    let (mut cqe, mut ts) = (null_mut(), millis(5));
    // SAFETY: the rig's ring.
    unsafe {
        for errno in [EBUSY, EAGAIN] {
            rig.script.fail(Kind::Enter, 0, -errno);
            assert_eq!(io_uring_wait_cqe_timeout(rig.ring(), &raw mut cqe, &raw mut ts), -errno);
            assert_eq!(
                (rig.sq(), io_uring_sq_ready(rig.ring())),
                ((0, 2), 2),
                "the program's stay queued"
            );
        }
        // One is taken before the error: the result is the number taken.
        rig.script.set(|kernel| kernel.short.push_back(1));
        rig.script.fail(Kind::Enter, 1, -EBUSY);
        rig.script.ring(|ring| ring.silent = true);
        assert_eq!(io_uring_wait_cqe_timeout(rig.ring(), &raw mut cqe, &raw mut ts), 1);
        assert_eq!((rig.sq(), io_uring_sq_ready(rig.ring())), ((1, 2), 1));
        assert_eq!(io_uring_submit(rig.ring()), 1);
    }
    assert_eq!(rig.taken(), [1, 2], "and no timeout of a finished call");
}

#[test]
fn a_full_queue_is_submitted_before_the_librarys_timeout_is_queued() {
    let old = |kernel: &mut crate::script::State| kernel.features &= !IORING_FEAT_EXT_ARG;
    let wait = |rig: &mut Rig| {
        let (mut cqe, mut ts) = (UNTOUCHED, millis(10));
        // SAFETY: the rig's ring.
        let ret = unsafe { io_uring_wait_cqes(rig.ring(), &raw mut cqe, 1, &raw mut ts, null_mut()) };
        (ret, cqe)
    };
    let mut rig = Rig::on(2, 0, old);
    rig.nops([1, 2]);
    let (ret, cqe) = wait(&mut rig);
    assert_eq!((ret, rig.seen(cqe)), (0, Some(1)));
    assert_eq!(rig.taken(), [1, 2, LIBURING_UDATA_TIMEOUT]);
    assert_eq!(rig.enters(), [(2, 0, 0), (1, 1, 0)]);
    drop(rig);

    let mut rig = Rig::on(2, 0, old);
    rig.nops([1, 2]);
    rig.script.fail(Kind::Enter, 0, -EBUSY);
    assert_eq!(wait(&mut rig), (-EBUSY, UNTOUCHED));
    rig.script.set(|kernel| kernel.short.push_back(0));
    assert_eq!(
        wait(&mut rig),
        (-EAGAIN, UNTOUCHED),
        "submitted nothing, and still no room"
    );
    let (mut cqe, mut ts) = (UNTOUCHED, millis(10));
    rig.script.fail(Kind::Enter, 0, -EBUSY);
    // SAFETY: the rig's ring.
    let ret = unsafe { io_uring_submit_and_wait_timeout(rig.ring(), &raw mut cqe, 1, &raw mut ts, null_mut()) };
    assert_eq!((ret, cqe), (-EBUSY, UNTOUCHED));
}

#[test]
fn an_overflow_is_fetched_once_when_nothing_is_waited_for() {
    for (bit, found) in [
        (IORING_SQ_CQ_OVERFLOW, true),
        (IORING_SQ_TASKRUN, true),
        (IORING_SQ_TASKRUN, false),
    ] {
        let mut rig = Rig::new(4, 0);
        rig.script.ring(|ring| {
            if found {
                ring.hold(5, 0, bit);
            } else {
                ring.flag(bit, true);
            }
        });
        let mut cqe = UNTOUCHED;
        // SAFETY: the rig's ring.
        let ret = unsafe { __io_uring_get_cqe(rig.ring(), &raw mut cqe, 0, 0, null_mut()) };
        assert_eq!((ret, rig.seen(cqe)), if found { (0, Some(5)) } else { (-EAGAIN, None) });
        assert_eq!(rig.enters(), [(0, 0, IORING_ENTER_GETEVENTS)]);
    }
}

#[test]
fn iopoll_enters_once_and_no_more() {
    let mut rig = Rig::new(4, IORING_SETUP_IOPOLL);
    let mut cqe = UNTOUCHED;
    // SAFETY: the rig's ring.
    unsafe {
        assert_eq!(__io_uring_get_cqe(rig.ring(), &raw mut cqe, 0, 0, null_mut()), -EAGAIN);
        assert!(cqe.is_null());
        assert_eq!(rig.enters(), [(0, 0, IORING_ENTER_GETEVENTS)]);
        rig.script.ring(|ring| ring.hold(6, 0, 0));
        assert_eq!(__io_uring_get_cqe(rig.ring(), &raw mut cqe, 0, 0, null_mut()), 0);
    }
    assert_eq!((rig.seen(cqe), rig.enters().len()), (Some(6), 1));
}

#[test]
fn a_sleeping_poller_is_woken_by_a_wait_that_submits() {
    for asleep in [true, false] {
        let mut rig = Rig::new(4, IORING_SETUP_SQPOLL);
        rig.script.ring(|ring| ring.flag(IORING_SQ_NEED_WAKEUP, asleep));
        rig.nops([3]);
        rig.script.ring(|ring| ring.come(3));
        let mut cqe = null_mut();
        // SAFETY: the rig's ring.
        let ret = unsafe { io_uring_submit_and_wait_timeout(rig.ring(), &raw mut cqe, 1, null_mut(), null_mut()) };
        let wake = if asleep { IORING_ENTER_SQ_WAKEUP } else { 0 };
        assert_eq!((ret, rig.seen(cqe)), (1, Some(3)));
        assert_eq!(rig.enters(), [(1, 1, IORING_ENTER_GETEVENTS | wake)]);
    }
}

#[test]
fn a_poller_that_is_awake_needs_no_entry_when_nothing_is_waited_for() {
    let mut rig = Rig::new(4, IORING_SETUP_SQPOLL);
    for filled in [false, true] {
        rig.nops([3]);
        if filled {
            rig.script.ring(|ring| ring.post(7, 0, 0));
        }
        let (mut cqe, mut ts) = (UNTOUCHED, millis(5));
        // SAFETY: the rig's ring.
        let ret = unsafe { io_uring_submit_and_wait_timeout(rig.ring(), &raw mut cqe, 0, &raw mut ts, null_mut()) };
        assert_eq!((ret, rig.seen(cqe)), (0, filled.then_some(7)));
        assert_eq!(rig.script.calls(), []);
    }
    assert_eq!(rig.sq(), (0, 2), "the thread will see both");
}
