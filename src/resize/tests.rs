//! Resizing a living ring, a thousand times and with every step failing.

use super::*;
use crate::inline::tests::drain;
use crate::kernel::script::{Call, Kind, Rig};
use crate::queue::io_uring_submit;
use crate::register::{io_uring_close_ring_fd, io_uring_register_ring_fd};
use libc::{EBADF, ENOMEM, EOVERFLOW};

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
    for (array, single) in [(false, true), (true, true), (true, false)] {
        let mut rig = Rig::on(4, IORING_SETUP_DEFER_TASKRUN, |kernel| {
            kernel.unknown = if array { IORING_SETUP_NO_SQARRAY } else { 0 };
            if !single {
                kernel.features &= !IORING_FEAT_SINGLE_MMAP;
            }
        });
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
        let maps = held.0;
        assert_eq!(kinds.len(), 1 + 2 * maps);
        assert!(
            kinds[1..=maps].iter().all(|kind| *kind == Kind::Mmap),
            "the new before the old go"
        );
        assert!(kinds[1 + maps..].iter().all(|kind| *kind == Kind::Munmap));
        assert_eq!(rig.script.held(), held);
        // SAFETY: the rig's ring.
        unsafe {
            let ring = rig.ring();
            assert_eq!(((*ring).sq.ring_entries, (*ring).sq.ring_mask), (16, 15));
            assert_eq!(((*ring).cq.ring_entries, (*ring).cq.ring_mask), (64, 63));
            assert_eq!(((*ring).sq.sqe_head, (*ring).sq.sqe_tail), (3, 3));
            if array {
                assert_eq!(*(*ring).sq.array.add(15), 15);
            }
            assert_eq!(io_uring_submit(ring), 2, "what was not taken is submitted now");
        }
        assert_eq!(rig.taken(), [1, 2, 3]);
        assert_eq!(drain(&mut rig), [50, 51, 52, 1, 2, 3]);
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
    for errno in [-EINVAL, -EOVERFLOW, -ENOMEM] {
        let mut rig = Rig::new(4, IORING_SETUP_DEFER_TASKRUN);
        // SAFETY: the rig's ring.
        let before = unsafe { (*rig.ring()).sq };
        rig.script
            .set(|kernel| kernel.answers.push((IORING_REGISTER_RESIZE_RINGS, errno)));
        let mut p = sizes(16, 32);
        assert_eq!(resize(&mut rig, &mut p), errno);
        assert_eq!(p.flags, 0);
        assert_eq!(rig.script.calls().len(), 1);
        rig.nops([1]);
        // SAFETY: the rig's ring.
        unsafe {
            assert_eq!((*rig.ring()).sq.sqes, before.sqes);
            assert_eq!(io_uring_submit(rig.ring()), 1);
        }
        assert_eq!(drain(&mut rig), [1]);
    }
}

#[test]
fn a_failed_remap_leaves_a_ring_that_exits_once() {
    for (single, maps) in [(true, 2), (false, 3)] {
        for nth in 0..maps {
            let mut rig = Rig::on(4, IORING_SETUP_DEFER_TASKRUN, |kernel| {
                if !single {
                    kernel.features &= !IORING_FEAT_SINGLE_MMAP;
                }
            });
            let held = rig.script.held();
            rig.script.fail(Kind::Mmap, nth, -ENOMEM);
            let mut p = sizes(16, 32);
            assert_eq!(resize(&mut rig, &mut p), -ENOMEM);
            assert_eq!(p.flags, 0);
            assert_eq!(rig.script.held(), held, "the old mappings are there, the new are not");
            // The rig takes it down: each mapping and the descriptor once.
        }
    }
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
fn a_ring_without_a_descriptor_resizes_as_far_as_the_original() {
    let mut rig = Rig::new(4, IORING_SETUP_DEFER_TASKRUN);
    // SAFETY: the rig's ring.
    unsafe {
        assert_eq!(io_uring_register_ring_fd(rig.ring()), 1);
        assert_eq!(resize(&mut rig, &mut sizes(8, 16)), 0);
        let Call::Register {
            fd: 5, opcode, nr: 1, ..
        } = rig.script.calls().remove(1)
        else {
            panic!("not by index")
        };
        assert_eq!(
            opcode,
            IORING_REGISTER_RESIZE_RINGS | IORING_REGISTER_USE_REGISTERED_RING
        );
        assert_eq!(io_uring_close_ring_fd(rig.ring()), 1);
    }
    let held = rig.script.held();
    assert_eq!(
        resize(&mut rig, &mut sizes(16, 32)),
        -EBADF,
        "there is nothing to map from"
    );
    assert_eq!(rig.script.held(), held);
}
