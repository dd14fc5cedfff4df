//! Rings of provided buffers: the registration, and who owns the memory after each failure.

use super::*;
use crate::register::tests::{Case, Want, case, check};
use crate::rig::Rig;
use crate::script::{Call, Kind, PAGE};
use libc::{EEXIST, ENOENT, ENOMEM};

#[test]
fn every_registration_of_a_buffer_ring_makes_its_call() {
    let mut words = vec![0; 10];
    words[3] = 7;
    check(&[case!(
        IORING_UNREGISTER_PBUF_RING,
        1,
        Want::Words(words),
        io_uring_unregister_buf_ring(ring, 7)
    )]);
}

#[test]
fn a_registration_adds_the_flags_and_keeps_the_rest() {
    let mut rig = Rig::new(4, 0);
    // SAFETY: all zeroes is valid; the rig's ring.
    unsafe {
        let mut reg: io_uring_buf_reg = zeroed();
        (reg.ring_addr, reg.ring_entries, reg.bgid, reg.flags) = (0x1000, 8, 3, IOU_PBUF_RING_INC as u16);
        assert_eq!(
            io_uring_register_buf_ring(rig.ring(), &raw mut reg, IOU_PBUF_RING_MMAP as u32),
            0
        );
        assert_eq!(reg.flags, (IOU_PBUF_RING_INC | IOU_PBUF_RING_MMAP) as u16);
        let Call::Register { opcode, nr, arg, .. } = rig.call() else {
            panic!("another call")
        };
        assert_eq!((opcode, nr, arg), (IORING_REGISTER_PBUF_RING, 1, &raw mut reg as usize));
        rig.script
            .set(|kernel| kernel.answers.push((IORING_REGISTER_PBUF_RING, -EEXIST)));
        assert_eq!(io_uring_register_buf_ring(rig.ring(), &raw mut reg, 0), -EEXIST);
    }
}

#[test]
fn a_ring_is_mapped_registered_emptied_and_freed() {
    let mut rig = Rig::new(4, 0);
    let mut err = 99;
    // SAFETY: the rig's ring and a place for the error.
    unsafe {
        let br = io_uring_setup_buf_ring(rig.ring(), 512, 3, IOU_PBUF_RING_INC as u32, &raw mut err);
        assert_eq!(err, 0);
        let calls = rig.script.calls();
        assert_eq!(
            calls[0],
            Call::Map {
                len: 512 * 16,
                kind: Memory::Private
            }
        );
        let Call::Register { opcode, nr, bytes, .. } = &calls[1] else {
            panic!("{calls:?}")
        };
        assert_eq!((*opcode, *nr, calls.len()), (IORING_REGISTER_PBUF_RING, 1, 2));
        assert_eq!(bytes[..8], (br as u64).to_ne_bytes());
        assert_eq!(bytes[8..12], 512u32.to_ne_bytes());
        assert_eq!(bytes[12..16], [3, 0, IOU_PBUF_RING_INC as u8, 0]);
        assert!(bytes[16..].iter().all(|byte| *byte == 0));
        assert_eq!((*br).anon_ring.anon_head.tail, 0);

        rig.script
            .set(|kernel| kernel.answers.push((IORING_UNREGISTER_PBUF_RING, -ENOENT)));
        assert_eq!(io_uring_free_buf_ring(rig.ring(), br, 512, 3), -ENOENT);
        assert_eq!(rig.script.calls().len(), 1, "it is still in use, so not unmapped");
        assert_eq!(io_uring_free_buf_ring(rig.ring(), br, 512, 3), 0);
        let calls = rig.script.calls();
        assert_eq!(
            calls[1],
            Call::Unmap {
                addr: br as usize,
                len: 2 * PAGE
            }
        );
        assert_eq!(calls.len(), 2);
    }
}

#[test]
fn a_failed_setup_gives_the_error_and_the_memory_back() {
    let mut rig = Rig::new(4, 0);
    let held = rig.script.held();
    let mut err = 99;
    // SAFETY: the rig's ring and a place for the error.
    unsafe {
        rig.script.fail(Kind::Map, 0, -ENOMEM);
        assert!(io_uring_setup_buf_ring(rig.ring(), 8, 3, 0, &raw mut err).is_null());
        assert_eq!((err, rig.script.calls().len()), (-ENOMEM, 1));
        for errno in [-EEXIST, -libc::EINVAL] {
            rig.script
                .set(|kernel| kernel.answers.push((IORING_REGISTER_PBUF_RING, errno)));
            assert!(io_uring_setup_buf_ring(rig.ring(), 8, 3, 0, &raw mut err).is_null());
            assert_eq!(err, errno);
            let kinds: Vec<_> = rig.script.calls().iter().map(Call::kind).collect();
            assert_eq!(kinds, [Kind::Map, Kind::Register, Kind::Unmap]);
            assert_eq!(rig.script.held(), held);
        }
    }
}

#[test]
fn the_head_is_written_on_success_only() {
    let mut rig = Rig::on(4, 0, |kernel| kernel.buffers_head = 0xfffe);
    let mut head = 0x1111;
    // SAFETY: the rig's ring and a place for the head.
    unsafe {
        for errno in [-ENOENT, -libc::EINVAL, 1] {
            rig.script
                .set(|kernel| kernel.answers.push((IORING_REGISTER_PBUF_STATUS, errno)));
            assert_eq!(io_uring_buf_ring_head(rig.ring(), 3, &raw mut head), errno);
            assert_eq!(head, 0x1111);
        }
        rig.script.calls();
        assert_eq!(io_uring_buf_ring_head(rig.ring(), 3, &raw mut head), 0);
        assert_eq!(head, 0xfffe);
    }
    let Call::Register { nr, bytes, .. } = rig.call() else {
        panic!("another call")
    };
    assert_eq!((nr, &bytes[..4], bytes.len()), (1, &3u32.to_ne_bytes()[..], 40));
    assert!(bytes[4..].iter().all(|byte| *byte == 0));
}
