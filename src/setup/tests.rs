//! Creating and exiting a ring on every kind of kernel, and with every step failing.

mod no_mmap;

use super::*;
use crate::kernel::{Memory, Part};
use crate::rig::Rig;
use crate::script::{self, Arg, Call, Kind, PAGE, Script};
use libc::{EFAULT, EMFILE, ENOMEM, ENOSYS, EPERM};

fn params(flags: c_uint) -> io_uring_params {
    // SAFETY: all zeroes is valid.
    let mut p: io_uring_params = unsafe { zeroed() };
    p.flags = flags;
    p
}

/// A ring full of junk, as a program may pass it.
fn junk() -> Box<io_uring> {
    // SAFETY: every bit pattern is a valid `io_uring`: integers and raw pointers.
    unsafe {
        Box::new(std::mem::transmute::<[u8; size_of::<io_uring>()], io_uring>(
            [0x6b; size_of::<io_uring>()],
        ))
    }
}

fn init(entries: c_uint, p: &mut io_uring_params) -> (c_int, Box<io_uring>) {
    let mut ring = junk();
    // SAFETY: a ring to write and valid parameters.
    let ret = unsafe { io_uring_queue_init_params(entries, &raw mut *ring, p) };
    (ret, ring)
}

/// Exiting a ring whose init failed makes no call, whatever the ring held before.
fn exit_does_nothing(script: &Script, ring: &mut io_uring) {
    script.calls();
    // SAFETY: allowed after a failed init.
    unsafe { io_uring_queue_exit(ring) };
    assert_eq!(script.calls(), []);
    assert_eq!((ring.ring_fd, ring.enter_ring_fd), (-1, -1));
    assert_eq!(script.held(), (0, 0));
}

#[test]
fn a_ring_is_made_by_three_calls_and_undone_by_three() {
    let script = script::start();
    let mut p = params(0);
    let (ret, mut ring) = init(5, &mut p);
    assert_eq!(ret, 0);
    let fd = ring.ring_fd;
    let rings = 64 + 16 * 16;
    assert_eq!(
        script.calls(),
        [
            Call::Setup {
                entries: 5,
                flags: IORING_SETUP_NO_SQARRAY
            },
            Call::MapRing {
                fd,
                part: Part::SqRing,
                len: rings
            },
            Call::MapRing {
                fd,
                part: Part::Sqes,
                len: 8 * 64
            },
        ]
    );
    assert_eq!((p.sq_entries, p.cq_entries), (8, 16));
    assert_eq!((ring.enter_ring_fd, ring.flags), (fd, IORING_SETUP_NO_SQARRAY));
    assert_eq!((ring.features, ring.int_flags), (!0, 0));
    assert_eq!((ring.sq.ring_entries, ring.sq.ring_mask), (8, 7));
    assert_eq!((ring.cq.ring_entries, ring.cq.ring_mask), (16, 15));
    assert!(ring.sq.array.is_null());
    let (sqes, at) = (ring.sq.sqes as usize, ring.sq.ring_ptr as usize);
    // SAFETY: the ring just made.
    unsafe { io_uring_queue_exit(&raw mut *ring) };
    assert_eq!(
        script.calls(),
        [
            Call::Unmap {
                addr: sqes,
                len: 8 * 64
            },
            Call::Unmap { addr: at, len: rings },
            Call::Close(fd),
        ]
    );
}

#[test]
fn a_kernel_before_5_4_has_two_ring_mappings() {
    let script = script::start();
    script.set(|kernel| {
        kernel.features &= !IORING_FEAT_SINGLE_MMAP;
        kernel.unknown = IORING_SETUP_NO_SQARRAY;
        kernel.cq_flags = false;
    });
    let (ret, mut ring) = init(8, &mut params(0));
    assert_eq!(ret, 0);
    let fd = ring.ring_fd;
    assert_eq!(
        script.calls(),
        [
            Call::Setup {
                entries: 8,
                flags: IORING_SETUP_NO_SQARRAY
            },
            Call::Setup { entries: 8, flags: 0 },
            Call::MapRing {
                fd,
                part: Part::SqRing,
                len: 64 + 8 * 4
            },
            Call::MapRing {
                fd,
                part: Part::CqRing,
                len: 64 + 16 * 16
            },
            Call::MapRing {
                fd,
                part: Part::Sqes,
                len: 8 * 64
            },
        ]
    );
    assert!(ring.cq.kflags.is_null(), "it also lacks CQ flags");
    assert_ne!(ring.cq.ring_ptr, ring.sq.ring_ptr);
    // SAFETY: the array has eight slots.
    let array = unsafe { std::slice::from_raw_parts(ring.sq.array, 8) };
    assert_eq!(array, [0, 1, 2, 3, 4, 5, 6, 7]);
    // SAFETY: the ring just made.
    unsafe { io_uring_queue_exit(&raw mut *ring) };
    assert_eq!(script.calls().len(), 4);
}

#[test]
fn a_refused_no_sqarray_is_tried_without_only_when_the_library_added_it() {
    let script = script::start();
    script.set(|kernel| kernel.unknown = IORING_SETUP_NO_SQARRAY);
    let mut p = params(IORING_SETUP_NO_SQARRAY);
    let (ret, mut ring) = init(8, &mut p);
    assert_eq!((ret, script.calls().len()), (-EINVAL, 1));
    exit_does_nothing(&script, &mut ring);
    script.fail(Kind::Setup, 0, -EPERM);
    assert_eq!(init(8, &mut params(0)).0, -EPERM);
    assert_eq!(script.calls().len(), 1, "only -EINVAL can mean that flag");
    let (ret, mut ring) = init(8, &mut p);
    assert_eq!(ret, -EINVAL);
    exit_does_nothing(&script, &mut ring);
}

#[test]
fn a_failed_setup_is_passed_on_and_leaves_nothing() {
    for errno in [EPERM, ENOSYS, ENOMEM, EMFILE] {
        for flags in [0, IORING_SETUP_NO_MMAP, IORING_SETUP_IOPOLL] {
            let script = script::start();
            script.fail(Kind::Setup, 0, -errno);
            let (ret, mut ring) = init(8, &mut params(flags));
            assert_eq!(ret, -errno);
            assert_eq!(script.held(), (0, 0));
            exit_does_nothing(&script, &mut ring);
        }
    }
    let script = script::start();
    script.fail(Kind::Setup, 0, -ENOSYS);
    let mut ring = junk();
    // SAFETY: a ring to write.
    assert_eq!(unsafe { io_uring_queue_init(8, &raw mut *ring, 0) }, -ENOSYS);
    exit_does_nothing(&script, &mut ring);
}

#[test]
fn each_failed_mapping_undoes_what_was_mapped_and_closes_once() {
    for (single, mappings) in [(true, 2), (false, 3)] {
        for nth in 0..mappings {
            let script = script::start();
            if !single {
                script.set(|kernel| kernel.features &= !IORING_FEAT_SINGLE_MMAP);
            }
            script.fail(Kind::Map, nth, -ENOMEM);
            let (ret, mut ring) = init(8, &mut params(0));
            assert_eq!(ret, -ENOMEM, "mapping {nth}");
            let calls = script.calls();
            let count = |kind| calls.iter().filter(|call| call.kind() == kind).count();
            assert_eq!(
                (count(Kind::Map), count(Kind::Unmap), count(Kind::Close)),
                (nth + 1, nth, 1)
            );
            exit_does_nothing(&script, &mut ring);
        }
    }
}

#[test]
fn iopoll_is_remembered_unless_a_thread_polls() {
    for (flags, want) in [
        (IORING_SETUP_IOPOLL, int_flags::CQ_ENTER),
        (IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL, 0),
        (IORING_SETUP_SQPOLL, 0),
    ] {
        let mut rig = Rig::new(8, flags);
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { (*rig.ring()).int_flags }, want);
    }
}

#[test]
fn queue_mmap_sets_descriptor_flags_and_features() {
    let script = script::start();
    let mut p = params(IORING_SETUP_IOPOLL);
    let mut ring = junk();
    // SAFETY: valid parameters and a ring to write.
    unsafe {
        let fd = crate::syscall::io_uring_setup(4, &raw mut p);
        assert_eq!(io_uring_queue_mmap(fd, &raw mut p, &raw mut *ring), 0);
        assert_eq!((ring.ring_fd, ring.enter_ring_fd), (fd, fd));
        assert_eq!((ring.flags, ring.features), (p.flags, p.features));
        assert_eq!(ring.int_flags, 0);
        script.calls();
        io_uring_queue_exit(&raw mut *ring);
        assert_eq!(script.calls().last(), Some(&Call::Close(fd)));
    }
}

#[test]
fn a_failed_queue_mmap_leaves_the_descriptor_to_the_caller() {
    for nth in 0..2 {
        let script = script::start();
        let mut p = params(0);
        let mut ring = junk();
        // SAFETY: as above.
        unsafe {
            let fd = crate::syscall::io_uring_setup(4, &raw mut p);
            script.fail(Kind::Map, nth, -ENOMEM);
            assert_eq!(io_uring_queue_mmap(fd, &raw mut p, &raw mut *ring), -ENOMEM);
            assert_eq!(script.held(), (0, 1));
            script.calls();
            io_uring_queue_exit(&raw mut *ring);
            assert_eq!(script.calls(), [], "descriptor 0 is not closed");
            assert_eq!(Sys::close(fd), 0);
        }
    }
}

#[test]
fn dontfork_covers_each_mapping_once() {
    for single in [true, false] {
        let mut rig = Rig::on(8, 0, |kernel| {
            if !single {
                kernel.features &= !IORING_FEAT_SINGLE_MMAP;
            }
        });
        // SAFETY: the rig's ring.
        let (sq, cq) = unsafe { ((*rig.ring()).sq, (*rig.ring()).cq) };
        let advice = |addr: *mut c_void, len| Call::Advise {
            addr: addr as usize,
            len,
            advice: MADV_DONTFORK,
        };
        let mut want = vec![advice(sq.sqes.cast(), 8 * 64), advice(sq.ring_ptr, sq.ring_sz)];
        if !single {
            want.push(advice(cq.ring_ptr, cq.ring_sz));
        }
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { io_uring_ring_dontfork(rig.ring()) }, 0);
        assert_eq!(rig.script.calls(), want);
        for nth in 0..want.len() {
            rig.script.fail(Kind::Advise, nth, -ENOMEM);
            // SAFETY: the rig's ring.
            assert_eq!(unsafe { io_uring_ring_dontfork(rig.ring()) }, -ENOMEM);
            assert_eq!(rig.script.calls().len(), nth + 1);
        }
    }
    let script = script::start();
    let mut ring = junk();
    // SAFETY: a ring that is not mapped.
    unsafe {
        clear(&raw mut *ring);
        assert_eq!(io_uring_ring_dontfork(&raw mut *ring), -EINVAL);
    }
    assert_eq!(script.calls(), []);
}

#[test]
fn dontfork_covers_a_programs_buffer_in_one_call() {
    let script = script::start();
    for (entries, flags, cq_entries) in [(8, 0, 0), (64, IORING_SETUP_SQE128, 0), (8, IORING_SETUP_CQSIZE, 1024)] {
        let mut buffer = vec![[0u8; PAGE]; 16];
        let at: *mut c_void = buffer.as_mut_ptr().cast();
        let at = at.wrapping_byte_add(at.align_offset(PAGE));
        let mut p = params(flags);
        p.cq_entries = cq_entries;
        let mut ring = junk();
        // SAFETY: a ring to write, valid parameters and a buffer of fifteen pages.
        unsafe {
            let used = io_uring_queue_init_mem(entries, &raw mut *ring, &raw mut p, at, 15 * PAGE);
            assert!(used > 0);
            script.calls();
            assert_eq!(io_uring_ring_dontfork(&raw mut *ring), 0);
            let [
                Call::Advise {
                    addr,
                    len,
                    advice: MADV_DONTFORK,
                },
            ] = script.calls()[..]
            else {
                panic!("expected one call")
            };
            assert_eq!((addr, len.next_multiple_of(PAGE)), (at as usize, used as usize));
            script.fail(Kind::Advise, 0, -EINVAL);
            assert_eq!(io_uring_ring_dontfork(&raw mut *ring), -EINVAL);
            assert_eq!(script.calls().len(), 1, "nothing else is marked");
            io_uring_queue_exit(&raw mut *ring);
        }
    }
}

#[test]
fn null_asks_the_kernel_whether_there_is_io_uring() {
    let script = script::start();
    let (mut ring, mut p) = (junk(), params(0));
    let (ring, p) = (&raw mut *ring, &raw mut p);
    for (errno, want) in [(None, -EFAULT), (Some(-ENOSYS), -ENOSYS), (Some(-EPERM), -EPERM)] {
        for call in 0..6 {
            if let Some(errno) = errno {
                script.fail(Kind::Setup, 0, errno);
            }
            // SAFETY: null is what is tested; the rest is valid.
            let ret = unsafe {
                match call {
                    0 => io_uring_queue_init_params(0, null_mut(), null_mut()),
                    1 => io_uring_queue_init_params(8, ring, null_mut()),
                    2 => io_uring_queue_init_params(8, null_mut(), p),
                    3 => io_uring_queue_init(0, null_mut(), 0),
                    4 => io_uring_queue_init(8, null_mut(), 0),
                    _ => io_uring_queue_init_mem(8, ring, null_mut(), null_mut(), 0),
                }
            };
            assert_eq!(ret, want);
            assert_eq!(script.calls().len(), 1);
        }
    }
    assert_eq!(script.held(), (0, 0));
}

#[test]
fn exit_gives_a_registered_index_back_before_it_closes() {
    let mut rig = Rig::new(8, 0);
    let fd = rig.fd();
    // SAFETY: the rig's ring; a second exit by the rig finds nothing.
    unsafe {
        assert_eq!(crate::register::io_uring_register_ring_fd(rig.ring()), 1);
        rig.script.calls();
        io_uring_queue_exit(rig.ring());
        let kinds: Vec<_> = rig.script.calls().iter().map(Call::kind).collect();
        assert_eq!(kinds, [Kind::Unmap, Kind::Unmap, Kind::Register, Kind::Close]);
        assert!(!rig.script.set(|kernel| kernel.is_open(fd)));
        clear(rig.ring());
    }
}

#[test]
fn exit_of_a_ring_that_may_not_unregister_gives_its_index_back_by_another() {
    for closed in [false, true] {
        for refused in [1, 2] {
            let mut rig = Rig::new(8, 0);
            // SAFETY: the rig's ring; a second exit by the rig finds nothing.
            unsafe {
                assert_eq!(crate::register::io_uring_register_ring_fd(rig.ring()), 1);
                if closed {
                    assert_eq!(crate::register::io_uring_close_ring_fd(rig.ring()), 1);
                }
                let answer = (IORING_UNREGISTER_RING_FDS, -libc::EACCES);
                rig.script
                    .set(|kernel| kernel.answers.extend(std::iter::repeat_n(answer, refused)));
                io_uring_queue_exit(rig.ring());
                clear(rig.ring());
            }
            // After one more refusal the index is abandoned.
            let left = rig.script.set(|kernel| std::mem::take(&mut kernel.indexes));
            assert_eq!((left.len(), rig.script.held()), (refused - 1, (0, 0)));
        }
    }
    // If no ring can be created, the index stays and everything else is undone.
    let mut rig = Rig::new(8, 0);
    // SAFETY: as above.
    unsafe {
        assert_eq!(crate::register::io_uring_register_ring_fd(rig.ring()), 1);
        rig.script
            .set(|kernel| kernel.answers.push((IORING_UNREGISTER_RING_FDS, -libc::EACCES)));
        rig.script.fail(Kind::Setup, 0, -libc::EMFILE);
        io_uring_queue_exit(rig.ring());
        clear(rig.ring());
    }
    let left = rig.script.set(|kernel| std::mem::take(&mut kernel.indexes));
    assert_eq!((left.len(), rig.script.held()), (1, (0, 0)));
}
