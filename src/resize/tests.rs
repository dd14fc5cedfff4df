//! Resizing a ring in use, a thousand times and with every step failing.

use super::*;
use crate::inline::tests::drain;
use crate::inline::{io_uring_get_sqe128, io_uring_sq_ready};
use crate::queue::{io_uring_get_events, io_uring_submit};
use crate::register::{io_uring_close_ring_fd, io_uring_register_ring_fd};
use crate::rig::Rig;
use crate::script::{Call, Kind};
use libc::{EACCES, EBUSY, EINVAL, ENOMEM};

fn sizes(sq: u32, cq: u32) -> io_uring_params {
    // SAFETY: all zeroes is valid.
    let mut p: io_uring_params = unsafe { zeroed() };
    p.sq_entries = sq;
    if cq != 0 {
        (p.flags, p.cq_entries) = (IORING_SETUP_CQSIZE, cq);
    }
    p
}

fn resize(rig: &mut Rig, p: &mut io_uring_params) -> c_int {
    // SAFETY: the rig's ring and valid parameters.
    unsafe { io_uring_resize_rings(rig.ring(), p) }
}

#[test]
fn a_resize_maps_anew_and_keeps_what_waits() {
    let mut rig = Rig::new(4, IORING_SETUP_DEFER_TASKRUN);
    let held = rig.script.held();
    rig.script.ring(|ring| (50..53).for_each(|n| ring.post(n, 0, 0)));
    rig.nops([1, 2, 3]);
    rig.script.set(|kernel| kernel.short.push_back(1));
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 1);
    rig.script.calls();
    let mut p = sizes(16, 64);
    assert_eq!(resize(&mut rig, &mut p), 0);
    assert_eq!((p.flags, p.sq_entries, p.cq_entries), (0, 16, 64));
    let kinds: Vec<_> = rig.script.calls().iter().map(Call::kind).collect();
    let pairs = [Kind::Map, Kind::Register, Kind::Unmap, Kind::Map, Kind::Unmap].map(|kind| [kind; 2]);
    let mut want = pairs.concat();
    want.remove(2);
    assert_eq!(
        kinds, want,
        "reserved, asked, given back, then the new before the old go"
    );
    assert_eq!(rig.script.held(), held);
    // SAFETY: the rig's ring.
    unsafe {
        let ring = rig.ring();
        assert_eq!(((*ring).sq.ring_entries, (*ring).sq.ring_mask), (16, 15));
        assert_eq!(((*ring).cq.ring_entries, (*ring).cq.ring_mask), (64, 63));
        assert_eq!(((*ring).sq.sqe_head, (*ring).sq.sqe_tail), (3, 3));
        assert_eq!(io_uring_submit(ring), 2, "untaken entries are submitted now");
    }
    assert_eq!(rig.taken(), [1, 2, 3]);
    assert_eq!(drain(&mut rig), [50, 51, 52, 1, 2, 3]);
}

#[test]
fn a_ring_with_an_array_is_not_resized() {
    let mut rig = Rig::on(4, IORING_SETUP_DEFER_TASKRUN, |kernel| {
        kernel.unknown = IORING_SETUP_NO_SQARRAY;
    });
    rig.nops([1]);
    assert_eq!(resize(&mut rig, &mut sizes(16, 64)), -EINVAL);
    assert!(rig.script.calls().is_empty());
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 1);
    assert_eq!(drain(&mut rig), [1]);
}

#[test]
fn what_is_prepared_is_carried_over() {
    // The indexes start anywhere, also just before they wrap.
    for start in [0, 1, 3, u32::MAX - 1] {
        for flags in [0, IORING_SETUP_SQE128, IORING_SETUP_SQE128 | IORING_SETUP_CQE32] {
            for (sq, cq) in [(8, 0), (64, 0), (4, 4), (4, 64)] {
                let mut rig = Rig::on(8, flags | IORING_SETUP_DEFER_TASKRUN, |kernel| kernel.start = start);
                // SAFETY: the rig's ring.
                unsafe {
                    let ring = rig.ring();
                    ((*ring).sq.sqe_head, (*ring).sq.sqe_tail) = (start, start);
                    rig.nops(0..3);
                    assert_eq!(io_uring_submit(ring), 3);
                    // One entry is published but not taken, two are prepared.
                    rig.nops([3]);
                    rig.script.fail(Kind::Enter, 0, -EBUSY);
                    assert_eq!(io_uring_submit(ring), -EBUSY);
                    rig.nops([4, 5]);
                    let sqe = (*ring)
                        .sq
                        .sqes
                        .add(((start.wrapping_add(5) & 7) << io_uring_sqe_shift(ring)) as usize);
                    sqe.cast::<u64>().add((8 << io_uring_sqe_shift(ring)) - 1).write(0x55);
                    assert_eq!(resize(&mut rig, &mut sizes(sq, cq)), 0, "to {sq}, {cq}");
                    let mask = (*ring).sq.ring_mask;
                    let sqe = (*ring)
                        .sq
                        .sqes
                        .add(((start.wrapping_add(5) & mask) << io_uring_sqe_shift(ring)) as usize);
                    assert_eq!(sqe.cast::<u64>().add((8 << io_uring_sqe_shift(ring)) - 1).read(), 0x55);
                    assert_eq!(io_uring_sq_ready(ring), 3);
                    assert_eq!(drain(&mut rig), [0, 1, 2]);
                    assert_eq!(io_uring_submit(ring), 3);
                }
                assert_eq!(
                    rig.taken(),
                    [0, 1, 2, 3, 4, 5],
                    "from {start}, {flags:#x}, to {sq}, {cq}"
                );
                assert_eq!(drain(&mut rig), [3, 4, 5]);
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_before_the_kernel_is_asked() {
    let mut rig = Rig::new(8, IORING_SETUP_DEFER_TASKRUN);
    rig.nops(0..3);
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 3);
    rig.nops(3..8);
    rig.script.calls();
    for (sq, cq) in [(4, 0), (2, 64), (1, 1)] {
        let mut p = sizes(sq, cq);
        assert_eq!((resize(&mut rig, &mut p), p.flags), (-EOVERFLOW, 0), "{sq} {cq}");
    }
    assert_eq!(rig.script.calls(), []);
    // The kernel reports wrong sizes; for a restricted ring it reports another error.
    for (sq, cq, errno) in [(0, 0, -EINVAL), (4, 2, -EINVAL), (40000, 0, -EACCES)] {
        rig.script
            .set(|kernel| kernel.answers.push((IORING_REGISTER_RESIZE_RINGS, errno)));
        assert_eq!(resize(&mut rig, &mut sizes(sq, cq)), errno);
    }
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 5);
    assert_eq!(drain(&mut rig), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_big_entry_of_a_mixed_queue_is_not_torn() {
    for (flags, sq) in [(IORING_SETUP_SQE_MIXED, true), (IORING_SETUP_CQE_MIXED, false)] {
        let mut rig = Rig::new(8, flags | IORING_SETUP_DEFER_TASKRUN);
        for n in 0..3 {
            rig.nops([n]);
            // SAFETY: the rig's ring.
            assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 1);
            assert_eq!(drain(&mut rig), [n]);
        }
        if sq {
            // SAFETY: the rig's ring.
            assert!(!unsafe { io_uring_get_sqe128(rig.ring()) }.is_null());
        } else {
            rig.script.ring(|ring| ring.post(3, 0, IORING_CQE_F_32));
        }
        // Slots 3 and 4 are in use: in a queue of four they would be the last and the first.
        assert_eq!(resize(&mut rig, &mut sizes(4, 4)), -EOVERFLOW);
        assert_eq!(resize(&mut rig, &mut sizes(16, 16)), 0);
        assert_eq!(resize(&mut rig, &mut sizes(8, 8)), 0);
    }
}

#[test]
fn a_thousand_resizes_leave_the_maps_as_they_were() {
    let mut rig = Rig::new(4, IORING_SETUP_DEFER_TASKRUN);
    let held = rig.script.held();
    for n in 0..1000 {
        rig.nops([n]);
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 1);
        assert_eq!(resize(&mut rig, &mut sizes(1 << (2 + n % 5), 0)), 0);
        assert_eq!(drain(&mut rig), [n]);
        assert_eq!(rig.script.held(), held);
    }
}

#[test]
fn a_failed_resize_leaves_the_ring_as_it_was() {
    // The failure of the kernel's call, and of each of the two reservations.
    for (nth, errno) in [
        (None, -EINVAL),
        (None, -EOVERFLOW),
        (Some(0), -ENOMEM),
        (Some(1), -ENOMEM),
    ] {
        let mut rig = Rig::new(4, IORING_SETUP_DEFER_TASKRUN);
        // SAFETY: the rig's ring.
        let before = unsafe { (*rig.ring()).sq };
        let held = rig.script.held();
        match nth {
            Some(nth) => rig.script.fail(Kind::Map, nth, errno),
            None => rig
                .script
                .set(|kernel| kernel.answers.push((IORING_REGISTER_RESIZE_RINGS, errno))),
        }
        let mut p = sizes(16, 32);
        assert_eq!((resize(&mut rig, &mut p), p.flags), (errno, 0));
        assert_eq!(rig.script.held(), held);
        let asked = rig.script.calls().iter().any(|call| call.kind() == Kind::Register);
        assert_eq!(asked, nth.is_none());
        rig.nops([1]);
        // SAFETY: the rig's ring.
        unsafe {
            assert_eq!((*rig.ring()).sq.sqes, before.sqes);
            assert_eq!(io_uring_submit(rig.ring()), 1);
        }
        assert_eq!(drain(&mut rig), [1]);
    }
}

/// Another thread took the reserved addresses: only the kernel has the new rings.
fn lost(rig: &mut Rig, mapping: usize) {
    let held = rig.script.held();
    rig.script.fail(Kind::Map, 2 + mapping, -ENOMEM);
    let mut p = sizes(16, 32);
    assert_eq!((resize(rig, &mut p), p.flags), (-ENOMEM, 0));
    assert_eq!(rig.script.held(), held, "only the old mappings exist");
    rig.nops([2]);
    // SAFETY: the rig's ring.
    unsafe {
        assert_eq!(io_uring_submit(rig.ring()), -EBADF);
        assert_eq!(io_uring_get_events(rig.ring()), -EBADF);
    }
    assert_eq!(rig.taken(), [0]);
}

#[test]
fn a_failed_remap_leaves_a_ring_that_exits_once() {
    for (mapping, registered) in [(0, false), (1, false), (0, true)] {
        let mut rig = Rig::new(4, IORING_SETUP_DEFER_TASKRUN);
        rig.nops([0]);
        // SAFETY: the rig's ring.
        unsafe {
            assert_eq!(io_uring_submit(rig.ring()), 1);
            if registered {
                assert_eq!(io_uring_register_ring_fd(rig.ring()), 1);
            }
        }
        rig.nops([1]);
        lost(&mut rig, mapping);
        // The rig exits it: each mapping, the index and the descriptor once.
    }
}

#[test]
fn a_lost_ring_is_found_by_the_next_resize() {
    let mut rig = Rig::new(4, IORING_SETUP_DEFER_TASKRUN);
    rig.nops([0]);
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 1);
    rig.nops([1]);
    lost(&mut rig, 0);
    assert_eq!(drain(&mut rig), [0], "the completed request");
    assert_eq!(resize(&mut rig, &mut sizes(8, 0)), 0);
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 2);
    assert_eq!(rig.taken(), [0, 1, 2]);
    assert_eq!(drain(&mut rig), [1, 2]);
}

#[test]
fn memory_of_the_applications_is_not_resized() {
    let mut rig = Rig::new(4, IORING_SETUP_NO_MMAP | IORING_SETUP_DEFER_TASKRUN);
    let mut p = sizes(16, 32);
    assert_eq!(resize(&mut rig, &mut p), -EINVAL);
    assert_eq!(
        (p.flags, rig.script.calls()),
        (IORING_SETUP_CQSIZE, vec![]),
        "nothing happened"
    );
}

#[test]
fn a_registered_ring_resizes_by_its_descriptor_or_not_at_all() {
    let mut rig = Rig::new(4, IORING_SETUP_DEFER_TASKRUN);
    let ring_fd = rig.fd();
    // SAFETY: the rig's ring.
    unsafe {
        assert_eq!(io_uring_register_ring_fd(rig.ring()), 1);
        rig.script.calls();
        assert_eq!(resize(&mut rig, &mut sizes(8, 16)), 0);
        let asked = rig.script.calls().remove(2);
        let Call::Register { fd, opcode, nr: 1, .. } = asked else {
            panic!("{asked:?}")
        };
        assert_eq!((fd, opcode), (ring_fd, IORING_REGISTER_RESIZE_RINGS));
        assert_eq!(io_uring_close_ring_fd(rig.ring()), 1);
    }
    rig.script.calls();
    rig.nops([1]);
    assert_eq!(resize(&mut rig, &mut sizes(16, 32)), -EBADF, "nothing to map from");
    assert_eq!(rig.script.calls(), []);
    // SAFETY: the rig's ring.
    assert_eq!(unsafe { io_uring_submit(rig.ring()) }, 1);
    assert_eq!(drain(&mut rig), [1]);
}
