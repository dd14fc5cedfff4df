//! Sizes and offsets, also against those of this machine's kernel.

use super::params;
use crate::*;
use ironring_abi::uapi::*;
use libc::{EINVAL, EOVERFLOW};

#[test]
fn sizes_are_rounded_and_clamped() {
    for (wanted, flags, cq, sizes) in [
        (1, 0, 0, Ok((1, 2))),
        (5, 0, 0, Ok((8, 16))),
        (32768, 0, 0, Ok((32768, 65536))),
        (32769, 0, 0, Err(-EINVAL)),
        (0, 0, 0, Err(-EINVAL)),
        (0, IORING_SETUP_CLAMP, 0, Err(-EINVAL)),
        (u32::MAX, IORING_SETUP_CLAMP, 0, Ok((32768, 65536))),
        (8, IORING_SETUP_CQSIZE, 0, Err(-EINVAL)),
        (8, IORING_SETUP_CQSIZE, 7, Ok((8, 8))),
        (8, IORING_SETUP_CQSIZE, 4, Err(-EINVAL)),
        (8, IORING_SETUP_CQSIZE, 65537, Err(-EINVAL)),
        (8, IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP, u32::MAX, Ok((8, 65536))),
        (1, IORING_SETUP_SQE_MIXED, 0, Err(-EOVERFLOW)),
        (1, IORING_SETUP_CQSIZE | IORING_SETUP_CQE_MIXED, 1, Err(-EOVERFLOW)),
        (1, IORING_SETUP_CQE_MIXED, 0, Ok((1, 2))),
        (8, IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED, 0, Err(-EINVAL)),
        (8, IORING_SETUP_SQE128 | IORING_SETUP_SQE_MIXED, 0, Err(-EINVAL)),
        (8, IORING_SETUP_SQ_REWIND, 0, Err(-EINVAL)),
        (8, IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY, 0, Ok((8, 16))),
        (
            8,
            IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY | IORING_SETUP_SQPOLL,
            0,
            Err(-EINVAL),
        ),
    ] {
        let mut p = params(flags, cq);
        let got = lay_out(wanted, &mut p).map(|_| (p.sq_entries, p.cq_entries));
        assert_eq!(got, sizes, "{wanted} {flags:#x} {cq}");
        if got.is_err() {
            assert_eq!((p.flags, p.sq_entries, p.cq_entries, p.cq_off.cqes), (flags, 0, cq, 0));
        }
    }
}

#[test]
fn addresses_of_the_programs_are_kept_and_others_cleared() {
    for (flags, want) in [(0, (0, 0)), (IORING_SETUP_NO_MMAP, (4096, 8192))] {
        let mut p = params(flags, 0);
        (p.sq_off.user_addr, p.cq_off.user_addr) = (4096, 8192);
        lay_out(4, &mut p).unwrap();
        assert_eq!((p.sq_off.user_addr, p.cq_off.user_addr), want);
    }
}

/// What this machine's kernel makes of it.
fn linux(wanted: u32, p: &mut io_uring_params) -> Result<(), i32> {
    // SAFETY: valid parameters, and the descriptor is nobody else's.
    unsafe {
        let fd = libc::syscall(libc::SYS_io_uring_setup, wanted, &raw mut *p);
        if fd < 0 {
            return Err(-std::io::Error::last_os_error().raw_os_error().unwrap());
        }
        libc::syscall(libc::SYS_close, fd);
    }
    Ok(())
}

#[test]
fn linux_lays_out_the_same() {
    let all = [
        IORING_SETUP_NO_SQARRAY,
        IORING_SETUP_SQE128,
        IORING_SETUP_CQE32,
        IORING_SETUP_CQE_MIXED,
        IORING_SETUP_SQE_MIXED,
        IORING_SETUP_SQ_REWIND,
        IORING_SETUP_CLAMP,
    ];
    // Older kernels don't know all of these.
    let needs = |flag| {
        flag | if flag == IORING_SETUP_SQ_REWIND {
            IORING_SETUP_NO_SQARRAY
        } else {
            0
        }
    };
    let known: Vec<u32> = all
        .into_iter()
        .filter(|flag| linux(4, &mut params(needs(*flag), 0)).is_ok())
        .collect();
    let mut same = 0;
    for bits in 0..1 << known.len() {
        let chosen = known.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
        let flags = chosen.fold(0, |flags, (_, flag)| flags | flag);
        for (wanted, cq) in [(1, 0), (1, 1), (2, 2), (3, 64), (4, 3), (64, 0), (40000, 0)] {
            let flags = flags | if cq == 0 { 0 } else { IORING_SETUP_CQSIZE };
            let (mut theirs, mut ours) = (params(flags, cq), params(flags, cq));
            // Old values, of which some stay.
            (theirs.sq_off.array, ours.sq_off.array) = (0xdead, 0xdead);
            let made = linux(wanted, &mut theirs);
            let sizes = lay_out(wanted, &mut ours);
            if made.is_err_and(|errno| ![-EINVAL, -EOVERFLOW].contains(&errno)) {
                // There is no io_uring for us, or no memory.
                continue;
            }
            assert_eq!(made, sizes.map(|_| ()), "{wanted} {flags:#x} {cq}");
            if made.is_err() {
                continue;
            }
            let (sq, cq) = (theirs.sq_off, theirs.cq_off);
            if (cq.overflow, cq.cqes) != (44, 64) {
                // Before 6.6 heads and tails had cache lines of their own.
                continue;
            }
            assert_eq!(
                (ours.sq_entries, ours.cq_entries),
                (theirs.sq_entries, theirs.cq_entries)
            );
            assert_eq!(format!("{:?}", ours.sq_off), format!("{sq:?}"), "{wanted} {flags:#x}");
            assert_eq!(format!("{:?}", ours.cq_off), format!("{cq:?}"), "{wanted} {flags:#x}");
            same += 1;
        }
    }
    println!("{same} rings are laid out as Linux does, with {} flags", known.len());
}
