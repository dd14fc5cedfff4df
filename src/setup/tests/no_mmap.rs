//! Rings in memory of the library's own making, and rings without a descriptor.

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
        assert!(matches!(calls[0], Call::Munmap { len: PAGE, .. }), "{calls:?}");
        assert!(matches!(calls[1], Call::Munmap { len: PAGE, .. }), "{calls:?}");
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
                Call::Mmap {
                    len,
                    flags,
                    fd: -1,
                    offset: 0,
                } => {
                    let hugetlb = libc::MAP_HUGETLB | 21 << libc::MAP_HUGE_SHIFT;
                    let want = if *len == PAGE { 0 } else { hugetlb };
                    assert_eq!(*flags, MAP_SHARED | MAP_ANONYMOUS | want);
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

#[test]
fn memory_of_its_own_is_given_back_at_each_failure() {
    // A page each, one huge page for both, and one for each.
    for (entries, cq_entries, maps) in [(64, 128, 2), (128, 256, 1), (32768, 65536, 2)] {
        for nth in 0..=maps {
            let script = script::start();
            let kind = if nth < maps { Kind::Mmap } else { Kind::Setup };
            script.fail(kind, if nth < maps { nth } else { 0 }, -ENOMEM);
            let mut p = params(IORING_SETUP_NO_MMAP | IORING_SETUP_CQSIZE);
            p.cq_entries = cq_entries;
            let (ret, mut ring) = init(entries, &mut p);
            assert_eq!(ret, -ENOMEM);
            exit_does_nothing(&script, &mut ring);
        }
    }
    // An old kernel refuses the ring without an array; the second try maps anew.
    {
        let script = script::start();
        script.set(|kernel| kernel.unknown = IORING_SETUP_NO_SQARRAY);
        let (ret, mut ring) = init(64, &mut params(IORING_SETUP_NO_MMAP));
        assert_eq!((ret, script.held().0), (0, 2));
        // SAFETY: the ring just made.
        unsafe { io_uring_queue_exit(&raw mut *ring) };
    }
    let script = script::start();
    let mut p = params(IORING_SETUP_NO_MMAP | IORING_SETUP_CQSIZE | IORING_SETUP_CQE32);
    p.cq_entries = 65536;
    let (ret, mut ring) = init(64, &mut p);
    assert_eq!((ret, script.calls()), (-ENOMEM, vec![]), "no huge page holds that");
    exit_does_nothing(&script, &mut ring);
    let (ret, mut ring) = init(0, &mut params(IORING_SETUP_NO_MMAP));
    assert_eq!(ret, -EINVAL);
    exit_does_nothing(&script, &mut ring);
}
