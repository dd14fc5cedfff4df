//! Every registration: its call and argument, by descriptor and by index, and its result.

mod cases;

pub use cases::*;

use super::*;
use crate::rig::Rig;
use crate::script::{self, Call, Kind};
use crate::setup::io_uring_queue_exit;
use core::mem::zeroed;
use core::ptr::null_mut;
use core::sync::atomic::AtomicU64;
use ironring_abi::ctypes::c_void;
use libc::{EBUSY, ENOMEM, ENXIO, EPERM};

/// The program's memory, as far as the script reads it.
fn memory<T>() -> *mut T {
    static ZEROES: [AtomicU64; 512] = [const { AtomicU64::new(0) }; 512];
    ZEROES.as_ptr().cast::<T>().cast_mut()
}

fn at<T>() -> Want {
    Want::At(memory::<T>() as usize)
}

#[test]
fn every_registration_of_a_ring_makes_its_call() {
    use Want::{Nothing, Words};
    let a = memory::<u8>();
    check(&[
        case!(
            IORING_REGISTER_EVENTFD,
            1,
            Words(vec![42]),
            io_uring_register_eventfd(ring, 42)
        ),
        case!(
            IORING_REGISTER_EVENTFD_ASYNC,
            1,
            Words(vec![u32::MAX]),
            io_uring_register_eventfd_async(ring, -1)
        ),
        case!(IORING_UNREGISTER_EVENTFD, 0, Nothing, io_uring_unregister_eventfd(ring)),
        case!(
            IORING_REGISTER_PROBE,
            99,
            at::<u8>(),
            io_uring_register_probe(ring, a.cast(), 99)
        ),
        case!(
            IORING_REGISTER_PERSONALITY,
            0,
            Nothing,
            io_uring_register_personality(ring)
        ),
        case!(
            IORING_UNREGISTER_PERSONALITY,
            9,
            Nothing,
            io_uring_unregister_personality(ring, 9)
        ),
        case!(
            IORING_REGISTER_RESTRICTIONS,
            3,
            at::<u8>(),
            io_uring_register_restrictions(ring, a.cast(), 3)
        ),
        case!(IORING_REGISTER_ENABLE_RINGS, 0, Nothing, io_uring_enable_rings(ring)),
        case!(
            IORING_REGISTER_IOWQ_AFF,
            8,
            at::<u8>(),
            io_uring_register_iowq_aff(ring, 8, a.cast())
        ),
        case!(
            IORING_UNREGISTER_IOWQ_AFF,
            0,
            Nothing,
            io_uring_unregister_iowq_aff(ring)
        ),
        case!(
            IORING_REGISTER_IOWQ_MAX_WORKERS,
            2,
            at::<u8>(),
            io_uring_register_iowq_max_workers(ring, a.cast())
        ),
        case!(
            IORING_REGISTER_SYNC_CANCEL,
            1,
            at::<u8>(),
            io_uring_register_sync_cancel(ring, a.cast())
        ),
        case!(
            IORING_REGISTER_NAPI,
            1,
            at::<u8>(),
            io_uring_register_napi(ring, a.cast())
        ),
        case!(
            IORING_UNREGISTER_NAPI,
            1,
            at::<u8>(),
            io_uring_unregister_napi(ring, a.cast())
        ),
        case!(
            IORING_UNREGISTER_NAPI,
            1,
            Nothing,
            io_uring_unregister_napi(ring, null_mut())
        ),
        case!(
            IORING_REGISTER_CLOCK,
            0,
            at::<u8>(),
            io_uring_register_clock(ring, a.cast())
        ),
        case!(
            IORING_REGISTER_ZCRX_IFQ,
            1,
            at::<u8>(),
            io_uring_register_ifq(ring, a.cast())
        ),
        case!(
            IORING_REGISTER_ZCRX_CTRL,
            0,
            at::<u8>(),
            io_uring_register_zcrx_ctrl(ring, a.cast())
        ),
        case!(
            IORING_REGISTER_MEM_REGION,
            1,
            at::<u8>(),
            io_uring_register_region(ring, a.cast())
        ),
        case!(
            IORING_REGISTER_BPF_FILTER,
            1,
            at::<u8>(),
            io_uring_register_bpf_filter(ring, a.cast())
        ),
    ]);
}

#[test]
fn registrations_without_a_ring_name_none() {
    let script = script::start();
    let a = memory::<c_void>();
    let check = |opcode, nr, call: &dyn Fn() -> c_int| {
        assert_eq!(call(), 0);
        script.set(|kernel| kernel.answers.push((opcode, -EINVAL)));
        assert_eq!(call(), -EINVAL);
        let want = Call::Register {
            fd: -1,
            opcode,
            nr,
            arg: a as usize,
            bytes: vec![],
        };
        assert_eq!(script.calls(), [want.clone(), want]);
    };
    // SAFETY: the script uses only the address.
    unsafe {
        check(IORING_REGISTER_SEND_MSG_RING, 1, &|| {
            io_uring_register_sync_msg(a.cast())
        });
        check(IORING_REGISTER_BPF_FILTER, 1, &|| {
            io_uring_register_bpf_filter_task(a.cast())
        });
        check(IORING_REGISTER_QUERY, 0, &|| io_uring_register_query(a.cast()));
    }
}

#[test]
fn what_the_library_refuses_makes_no_call() {
    let mut rig = Rig::new(4, 0);
    // SAFETY: the rig's ring; no pointer is dereferenced.
    unsafe {
        assert_eq!(io_uring_register_iowq_aff(rig.ring(), 1 << 31, null()), -EINVAL);
        assert_eq!(io_uring_register_wait_reg(rig.ring(), null_mut(), 1), -EINVAL);
        assert_eq!(io_uring_unregister_ring_fd(rig.ring()), -EINVAL);
        assert_eq!(io_uring_close_ring_fd(rig.ring()), -EINVAL);
        assert_eq!(io_uring_register_ring_fd(rig.ring()), 1);
        rig.script.calls();
        assert_eq!(io_uring_register_ring_fd(rig.ring()), -EEXIST);
        (*rig.ring()).features = 0;
        assert_eq!(io_uring_close_ring_fd(rig.ring()), -EOPNOTSUPP);
        assert_eq!(io_uring_set_iowait(rig.ring(), true), -EOPNOTSUPP);
        assert_eq!(io_uring_set_iowait(rig.ring(), false), -EOPNOTSUPP);
        assert_eq!((*rig.ring()).int_flags & int_flags::NO_IOWAIT, 0);
    }
    assert_eq!(rig.script.calls(), []);
}

#[test]
fn a_ring_registers_its_own_descriptor_and_gives_it_back() {
    for reg_reg in [true, false] {
        let mut rig = Rig::on(4, 0, |kernel| {
            if !reg_reg {
                kernel.features &= !IORING_FEAT_REG_REG_RING;
            }
        });
        let fd = rig.fd();
        let index = int_flags::REG_RING | if reg_reg { int_flags::REG_REG_RING } else { 0 };
        // SAFETY: the rig's ring.
        unsafe {
            let ring = rig.ring();
            for errno in [-libc::EINVAL, -EBUSY, 0] {
                rig.script
                    .set(|kernel| kernel.answers.push((IORING_REGISTER_RING_FDS, errno)));
                assert_eq!(io_uring_register_ring_fd(ring), errno);
                assert_eq!(((*ring).int_flags, (*ring).enter_ring_fd), (0, fd), "as before");
            }
            rig.script.calls();
            assert_eq!(io_uring_register_ring_fd(ring), 1);
            let Call::Register {
                fd: by,
                opcode,
                nr,
                bytes,
                ..
            } = rig.call()
            else {
                panic!("another call")
            };
            assert_eq!((by, opcode, nr), (fd, IORING_REGISTER_RING_FDS, 1));
            let asked: Vec<u8> = [u32::MAX, 0, fd as u32, 0]
                .iter()
                .flat_map(|word| word.to_ne_bytes())
                .collect();
            assert_eq!(bytes, asked, "any free index, for this descriptor");
            assert_eq!(
                ((*ring).int_flags, (*ring).enter_ring_fd, (*ring).ring_fd),
                (index, 5, fd)
            );

            rig.script
                .set(|kernel| kernel.answers.push((IORING_UNREGISTER_RING_FDS, -EBUSY)));
            assert_eq!(io_uring_unregister_ring_fd(ring), -EBUSY);
            assert_eq!(((*ring).int_flags, (*ring).enter_ring_fd), (index, 5), "as before");
            rig.script.calls();
            assert_eq!(io_uring_unregister_ring_fd(ring), 1);
            let Call::Register {
                fd: by, opcode, bytes, ..
            } = rig.call()
            else {
                panic!("another call")
            };
            let flag = if reg_reg {
                IORING_REGISTER_USE_REGISTERED_RING
            } else {
                0
            };
            assert_eq!(
                (by, opcode),
                (if reg_reg { 5 } else { fd }, IORING_UNREGISTER_RING_FDS | flag)
            );
            assert_eq!(bytes[..4], 5u32.to_ne_bytes());
            assert_eq!(((*ring).int_flags, (*ring).enter_ring_fd), (0, fd));
        }
    }
}

#[test]
fn a_closed_descriptor_is_closed_once() {
    let mut rig = Rig::new(4, 0);
    let fd = rig.fd();
    // SAFETY: the rig's ring; the rig's own exit then finds an empty one.
    unsafe {
        assert_eq!(io_uring_register_ring_fd(rig.ring()), 1);
        rig.script.calls();
        assert_eq!(io_uring_close_ring_fd(rig.ring()), 1);
        assert_eq!(rig.call(), Call::Close(fd));
        assert_eq!(io_uring_close_ring_fd(rig.ring()), -EBADF);
        assert_eq!(rig.script.calls(), []);
        rig.nops([1]);
        assert_eq!(crate::queue::io_uring_submit(rig.ring()), 1, "it works by index");
        rig.script.calls();
        io_uring_queue_exit(rig.ring());
        let kinds: Vec<_> = rig.script.calls().iter().map(Call::kind).collect();
        assert_eq!(kinds, [Kind::Unmap, Kind::Unmap, Kind::Register]);
        rig.ring().write(zeroed());
        (*rig.ring()).ring_fd = -1;
    }
}

#[test]
fn the_limit_on_files_is_raised_only_where_it_is_too_low() {
    let script = script::start();
    raise_nofile(1024);
    assert_eq!(script.calls(), [Call::Limit(None)], "the limit is high enough");
    raise_nofile(1025);
    assert_eq!(script.calls(), [Call::Limit(None), Call::Limit(Some((1025, 4096)))]);
    script.fail(Kind::Limit, 0, -EPERM);
    raise_nofile(u32::MAX);
    assert_eq!(script.calls(), [Call::Limit(None)], "an unreadable limit is not set");
}

#[test]
fn settings_for_busy_polling_come_back_as_they_may_be_registered() {
    let mut rig = Rig::new(4, 0);
    let inactive = if cfg!(target_endian = "little") { 255 } else { 255 << 32 };
    for (ret, came, want) in [(0, inactive, 0), (0, 1, 1), (0, 0, 0), (-EINVAL, inactive, inactive)] {
        // SAFETY: all zeroes is valid.
        let mut napi: io_uring_napi = unsafe { zeroed() };
        napi.resv = came;
        if ret < 0 {
            rig.script
                .set(|kernel| kernel.answers.push((IORING_REGISTER_NAPI, ret)));
        }
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { io_uring_register_napi(rig.ring(), &raw mut napi) }, ret);
        assert_eq!(napi.resv, want);
    }
}
