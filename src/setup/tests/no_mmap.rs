//! Rings in memory that the library allocates, and rings without a descriptor.

use super::*;

#[test]
fn registered_fd_only_needs_memory_of_the_applications() {
    let script = script::start();
    let (ret, mut ring) = init(8, &mut params(IORING_SETUP_REGISTERED_FD_ONLY));
    assert_eq!((ret, script.calls()), (-EINVAL, vec![]));
    exit_does_nothing(&script, &mut ring);
}

#[test]
fn registered_fd_only_is_used_and_given_back_by_index() {
    let flags = IORING_SETUP_REGISTERED_FD_ONLY | IORING_SETUP_NO_MMAP;
    let mut rig = Rig::new(8, flags);
    // SAFETY: the rig's ring.
    unsafe {
        let ring = rig.ring();
        assert_eq!(((*ring).ring_fd, (*ring).enter_ring_fd), (-1, 3));
        assert_eq!((*ring).int_flags, int_flags::REG_RING | int_flags::REG_REG_RING);
        assert_eq!(crate::queue::io_uring_get_events(ring), 0);
    }
    assert_eq!(
        rig.call(),
        Call::Enter {
            fd: 3,
            submit: 0,
            wait: 0,
            flags: IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING,
            arg: Arg::Signals(0),
        }
    );
    // SAFETY: the rig's ring; a second exit by the rig finds nothing.
    unsafe {
        io_uring_queue_exit(rig.ring());
        let calls = rig.script.calls();
        assert!(matches!(calls[0], Call::Unmap { len: PAGE, .. }), "{calls:?}");
        assert!(matches!(calls[1], Call::Unmap { len: PAGE, .. }), "{calls:?}");
        assert!(matches!(calls[2], Call::Register { fd: 3, opcode, nr: 1, .. }
                if opcode == IORING_UNREGISTER_RING_FDS | IORING_REGISTER_USE_REGISTERED_RING));
        assert_eq!(calls.len(), 3, "there is no descriptor to close");
        clear(rig.ring());
    }
}

#[test]
fn memory_of_its_own_is_pages_or_huge_pages() {
    // (entries, flags, the mappings' sizes): a page each, then a huge page for both, then one each.
    let huge = 2 << 20;
    for (entries, flags, maps) in [
        (8, 0, vec![PAGE, PAGE]),
        (64, 0, vec![PAGE, PAGE]),
        (8, IORING_SETUP_CQSIZE, vec![PAGE, huge]),
        (128, 0, vec![huge]),
        (64, IORING_SETUP_SQE128, vec![huge]),
        (32768, IORING_SETUP_CQSIZE, vec![huge, huge]),
    ] {
        let script = script::start();
        let mut p = params(flags | IORING_SETUP_NO_MMAP);
        p.cq_entries = 65536;
        let (ret, mut ring) = init(entries, &mut p);
        assert_eq!(ret, 0, "{entries} entries");
        let calls = script.calls();
        let sizes: Vec<_> = calls
            .iter()
            .filter_map(|call| match call {
                Call::Map { len, kind } => {
                    let want = if *len == PAGE { Memory::Shared } else { Memory::Huge };
                    assert_eq!(*kind, want);
                    Some(*len)
                }
                _ => None,
            })
            .collect();
        assert_eq!(sizes, maps, "{entries} entries, {flags:#x}");
        assert_eq!(ring.int_flags & int_flags::APP_MEM, 0);
        assert_eq!(p.sq_off.user_addr, ring.sq.sqes as u64);
        // SAFETY: the ring just made.
        unsafe { io_uring_queue_exit(&raw mut *ring) };
        assert_eq!(script.calls().len(), maps.len() + 1);
    }
}

/// The sizes of the new mappings in pages, and whether each is a huge page.
fn mapped(script: &Script) -> Vec<(usize, bool)> {
    let calls = script.calls();
    let maps = calls.iter().filter_map(|call| match call {
        Call::Map { len, kind } => Some((len / PAGE, *kind == Memory::Huge)),
        _ => None,
    });
    maps.collect()
}

#[test]
fn without_a_huge_page_ordinary_ones_will_do() {
    const HUGE: (usize, bool) = (512, true);
    const BIG: u32 = IORING_SETUP_SQE128 | IORING_SETUP_CQE32;
    // (the mappings that fail, all that are tried)
    for (entries, flags, failing, maps) in [
        (128, 0, &[0, 2][..], vec![HUGE, (2, false), HUGE, (2, false)]),
        (64, IORING_SETUP_CQE32, &[1], vec![(1, false), HUGE, (2, false)]),
        (32768, 0, &[0, 2], vec![HUGE, (512, false), HUGE, (257, false)]),
        // The SQEs took the last huge page.
        (32768, 0, &[1], vec![HUGE, HUGE, (257, false)]),
        // A huge page can't hold that, so none is requested.
        (32768, BIG, &[], vec![(1024, false), (513, false)]),
    ] {
        let script = script::start();
        for nth in failing {
            script.fail(Kind::Map, *nth, -ENOMEM);
        }
        let (ret, mut ring) = init(entries, &mut params(flags | IORING_SETUP_NO_MMAP));
        assert_eq!((ret, mapped(&script)), (0, maps));
        // SAFETY: the ring just made.
        unsafe { io_uring_queue_exit(&raw mut *ring) };
        assert_eq!(script.held(), (0, 0));
    }
}

#[test]
fn memory_of_its_own_is_given_back_at_each_failure() {
    // (entries, the mappings that fail); `refused` fails the setup call instead.
    for (entries, failing) in [
        (64, &[0][..]),
        (64, &[1]),
        (128, &[0, 1]),
        (128, &[0, 2, 3]),
        (32768, &[1, 2]),
    ] {
        for refused in [false, true] {
            let script = script::start();
            if refused {
                script.fail(Kind::Setup, 0, -ENOMEM);
            }
            for nth in if refused { &[] } else { failing } {
                script.fail(Kind::Map, *nth, -ENOMEM);
            }
            let (ret, mut ring) = init(entries, &mut params(IORING_SETUP_NO_MMAP));
            assert_eq!(ret, -ENOMEM);
            exit_does_nothing(&script, &mut ring);
        }
    }
    // An old kernel refuses the ring without an array; the second try maps again.
    {
        let script = script::start();
        script.set(|kernel| kernel.unknown = IORING_SETUP_NO_SQARRAY);
        let (ret, mut ring) = init(64, &mut params(IORING_SETUP_NO_MMAP));
        assert_eq!((ret, script.held().0), (0, 2));
        // SAFETY: the ring just made.
        unsafe { io_uring_queue_exit(&raw mut *ring) };
    }
    let script = script::start();
    let (ret, mut ring) = init(0, &mut params(IORING_SETUP_NO_MMAP));
    assert_eq!(ret, -EINVAL);
    exit_does_nothing(&script, &mut ring);
}

#[test]
fn memory_that_an_old_kernel_refuses_was_too_little() {
    for (entries, huge, want) in [(128, false, -ENOMEM), (128, true, -EINVAL), (64, true, -EINVAL)] {
        let script = script::start();
        if !huge {
            script.fail(Kind::Map, 0, -ENOMEM);
        }
        // Before 6.10 the kernel refuses scattered memory with the same -EINVAL as an unknown flag.
        let (ret, mut ring) = init(entries, &mut params(IORING_SETUP_NO_MMAP | IORING_SETUP_NO_SQARRAY));
        assert_eq!(ret, 0);
        // SAFETY: the ring just made.
        unsafe { io_uring_queue_exit(&raw mut *ring) };
        if !huge {
            script.fail(Kind::Map, 0, -ENOMEM);
        }
        script.set(|kernel| kernel.unknown = IORING_SETUP_NO_MMAP);
        let (ret, mut ring) = init(entries, &mut params(IORING_SETUP_NO_MMAP | IORING_SETUP_NO_SQARRAY));
        assert_eq!(ret, want);
        exit_does_nothing(&script, &mut ring);
    }
}
