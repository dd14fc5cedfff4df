//! Probes: they own their memory, and each failure frees it.

use super::*;
use crate::inline::io_uring_opcode_supported;
use crate::kernel::Memory;
use crate::rig::Rig;
use crate::script::{self, Call, Kind};
use libc::{EINVAL, ENOMEM, ENOSYS};
use std::cell::Cell;

thread_local! {
    static HEAP: Cell<bool> = const { Cell::new(false) };
}

/// The program's heap, if the test enables it.
pub fn heap() -> Option<(Calloc, Free)> {
    HEAP.get().then_some((calloc, free))
}

#[test]
fn a_probe_is_from_the_heap_where_there_is_one() {
    let mut rig = Rig::new(4, 0);
    HEAP.set(true);
    // SAFETY: the rig's ring.
    unsafe {
        let probe = io_uring_get_probe_ring(rig.ring());
        assert!(matches!(rig.script.calls()[..], [Call::Register { .. }]));
        assert_eq!(io_uring_opcode_supported(probe, 0), 1);
        // Old programs free a probe so.
        libc::free(probe.cast());
        io_uring_free_probe(io_uring_get_probe_ring(rig.ring()));
        rig.script.fail(Kind::Register, 0, -EINVAL);
        assert!(io_uring_get_probe_ring(rig.ring()).is_null());
    }
    HEAP.set(false);
}

#[test]
fn without_a_heap_a_probe_is_a_mapping_that_is_freed_whole() {
    let mut rig = Rig::new(4, 0);
    let held = rig.script.held();
    // SAFETY: the rig's ring.
    unsafe {
        let probe = io_uring_get_probe_ring(rig.ring());
        let calls = rig.script.calls();
        assert_eq!(
            calls[0],
            Call::Map {
                len: page_size(),
                kind: Memory::Shared
            }
        );
        let Call::Register { opcode, nr, arg, .. } = calls[1] else {
            panic!("{calls:?}")
        };
        let want = (ironring_abi::uapi::IORING_REGISTER_PROBE, 256, probe as usize);
        assert_eq!((opcode, nr, arg), want);
        assert_eq!(io_uring_opcode_supported(probe, 0), 1);
        io_uring_free_probe(probe);
        assert_eq!(
            rig.call(),
            Call::Unmap {
                addr: probe as usize,
                len: page_size()
            }
        );
        io_uring_free_probe(null_mut());
        assert_eq!(rig.script.calls(), []);
        assert_eq!(rig.script.held(), held);

        rig.script.fail(Kind::Map, 0, -ENOMEM);
        assert!(io_uring_get_probe_ring(rig.ring()).is_null());
        assert_eq!(rig.script.calls().len(), 1);
        rig.script.fail(Kind::Register, 0, -EINVAL);
        assert!(io_uring_get_probe_ring(rig.ring()).is_null());
        assert_eq!(rig.script.held(), held);
    }
}

#[test]
fn a_probe_without_a_ring_leaves_none() {
    for (kind, nth, errno) in [
        (Kind::Setup, 0, -ENOSYS),
        (Kind::Map, 0, -ENOMEM),
        (Kind::Map, 2, -ENOMEM),
        (Kind::Register, 0, -EINVAL),
    ] {
        let script = script::start();
        script.fail(kind, nth, errno);
        // SAFETY: needs nothing.
        assert!(unsafe { io_uring_get_probe() }.is_null());
        assert_eq!(script.held(), (0, 0), "{kind:?} {nth}");
    }
    let script = script::start();
    // SAFETY: needs nothing.
    let probe = unsafe { io_uring_get_probe() };
    assert_eq!(script.held(), (1, 0), "the probe outlives its ring");
    // SAFETY: the probe just made.
    unsafe { io_uring_free_probe(probe) };
}
