//! Sizes, and the application's memory: never more is used than was announced, and it is never unmapped.

use super::*;
use crate::inline::{io_uring_cq_ready, io_uring_get_sqe};
use crate::kernel::probed_page_size;
use crate::queue::io_uring_submit;
use crate::rig::Rig;
use crate::script::{self, Call, Kind, PAGE};
use crate::setup::{io_uring_queue_exit, io_uring_queue_init_mem};

fn params(flags: c_uint, cq_entries: c_uint) -> io_uring_params {
    // SAFETY: all zeroes is a valid `io_uring_params`.
    let mut p: io_uring_params = unsafe { zeroed() };
    (p.flags, p.cq_entries) = (flags, cq_entries);
    p
}

/// A page-aligned buffer filled with a canary.
struct Buffer {
    bytes: Vec<[u8; PAGE]>,
    at: usize,
}

const CANARY: u8 = 0xc3;

impl Buffer {
    fn new(pages: usize) -> Buffer {
        let mut bytes = vec![[CANARY; PAGE]; pages + 1];
        let at = bytes.as_mut_ptr() as usize;
        Buffer {
            at: at.next_multiple_of(PAGE) - at,
            bytes,
        }
    }

    fn start(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr().cast::<u8>().wrapping_add(self.at)
    }

    fn intact_from(&mut self, from: usize) -> bool {
        let len = (self.bytes.len() - 1) * PAGE;
        // SAFETY: within the buffer.
        unsafe { std::slice::from_raw_parts(self.start().add(from), len - from) }
            .iter()
            .all(|byte| *byte == CANARY)
    }
}

#[test]
fn entries_are_what_the_kernel_gives() {
    let cq = IORING_SETUP_CQSIZE;
    let clamp = IORING_SETUP_CLAMP;
    for (entries, flags, cq_entries, want) in [
        (1, 0, 0, Some((1, 2))),
        (5, 0, 0, Some((8, 16))),
        (32768, 0, 0, Some((32768, 65536))),
        (0, clamp, 0, None),
        (32769, 0, 0, None),
        (u32::MAX, 0, 0, None),
        (u32::MAX, clamp, 0, Some((32768, 65536))),
        (8, cq, 0, None),
        (8, cq, 7, Some((8, 8))),
        (8, cq, 4, None),
        (8, cq, 65537, None),
        (512, cq, 1025, Some((512, 2048))),
        (8, cq | clamp, u32::MAX, Some((8, 65536))),
    ] {
        let whole = |size: usize| size.next_multiple_of(PAGE);
        let size = |(sq, cq): (usize, usize)| (whole(sq * 64) + whole(64 + cq * 16 + sq * 4)) as isize;
        let want = want.map_or(-EINVAL as isize, size);
        let mut p = params(flags, cq_entries);
        // SAFETY: valid parameters.
        let got = unsafe { io_uring_memory_size_params(entries, &raw mut p) };
        assert_eq!(got, want, "{entries} {flags:#x} {cq_entries}");
    }
}

#[test]
fn the_probed_page_size_is_the_systems() {
    // SAFETY: asks libc for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    assert_eq!(page_size(), page);
    assert_eq!(probed_page_size(), page);
    let script = script::start();
    for nth in 0..7 {
        for _ in 0..=nth {
            script.fail(Kind::Advise, 0, -EINVAL);
        }
        // Each call meets one fault: the result is the first size that isn't refused.
        let want = if nth < 6 { 4096 << (nth + 1) } else { 4096 };
        assert_eq!(probed_page_size(), want, "{nth} refusals");
    }
}

#[test]
fn a_provided_buffer_is_used_to_the_said_size_and_never_unmapped() {
    for flags in [
        0,
        IORING_SETUP_SQE128,
        IORING_SETUP_CQE32,
        IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
        IORING_SETUP_CQE_MIXED | IORING_SETUP_SQE_MIXED,
        IORING_SETUP_NO_SQARRAY,
        IORING_SETUP_IOPOLL,
    ] {
        // A mixed queue has at least two slots.
        let least = 1 + u32::from(flags & IORING_SETUP_SQE_MIXED != 0);
        for (entries, old) in [
            (least, false),
            (8, true),
            (13, false),
            (64, true),
            (64, false),
            (300, true),
        ] {
            let script = script::start();
            if old && flags & IORING_SETUP_NO_SQARRAY == 0 {
                script.set(|kernel| kernel.unknown = IORING_SETUP_NO_SQARRAY);
            }
            let mut buffer = Buffer::new(40);
            // SAFETY: a ring to write, valid parameters, and a buffer of 40 pages.
            unsafe {
                let mut p = params(flags, 0);
                let mut ring: io_uring = zeroed();
                let at = buffer.start().cast();
                let used = io_uring_queue_init_mem(entries, &raw mut ring, &raw mut p, at, 40 * PAGE);
                let what = format!("{entries} entries, {flags:#x}");
                assert!(used > 0 && used as usize % PAGE == 0, "{what}: {used}");
                assert!(buffer.intact_from(used as usize), "{what} wrote beyond {used}");
                let size = io_uring_memory_size(entries, flags);
                assert!(used as isize <= size, "{what}: used {used}, announced {size}");
                assert_eq!(ring.sq.sqes.cast(), at);
                assert!(p.flags & IORING_SETUP_NO_MMAP != 0);
                assert_eq!(script.calls().iter().filter(|call| call.kind() == Kind::Map).count(), 0);
                io_uring_queue_exit(&raw mut ring);
                assert!(
                    matches!(script.calls()[..], [Call::Close(_)]),
                    "{what}: the memory is the application's"
                );
            }
        }
    }
}

#[test]
fn two_rings_share_a_buffer() {
    let script = script::start();
    let mut buffer = Buffer::new(8);
    // SAFETY: rings to write, valid parameters, and a buffer of eight pages.
    unsafe {
        let [mut a, mut b]: [io_uring; 2] = zeroed();
        let mut p = params(0, 0);
        let used = io_uring_queue_init_mem(8, &raw mut a, &raw mut p, buffer.start().cast(), 8 * PAGE);
        assert_eq!(used as usize, 2 * PAGE);
        let rest = buffer.start().add(used as usize).cast();
        let mut p = params(0, 0);
        let second = io_uring_queue_init_mem(8, &raw mut b, &raw mut p, rest, 6 * PAGE);
        assert_eq!(second, used);
        assert!(buffer.intact_from(4 * PAGE));
        assert_eq!((*a.sq.kring_entries, *b.sq.kring_entries), (8, 8));
        io_uring_queue_exit(&raw mut a);
        io_uring_queue_exit(&raw mut b);
        assert_eq!(script.held(), (0, 0));
    }
}

#[test]
fn too_small_a_buffer_is_refused_before_anything_happens() {
    for (entries, size) in [(8, 0), (8, PAGE), (8, 2 * PAGE - 1), (64, PAGE)] {
        let script = script::start();
        let mut buffer = Buffer::new(4);
        // SAFETY: a ring to write, valid parameters, and a buffer of the announced size.
        unsafe {
            let mut p = params(0, 0);
            let mut ring: io_uring = zeroed();
            let at = buffer.start().cast();
            let ret = io_uring_queue_init_mem(entries, &raw mut ring, &raw mut p, at, size);
            assert_eq!(ret, -ENOMEM, "{entries} in {size}");
            assert_eq!(script.calls(), []);
            assert!(buffer.intact_from(0));
            io_uring_queue_exit(&raw mut ring);
            assert_eq!(script.calls(), []);
        }
    }
}

#[test]
fn a_failed_setup_leaves_the_provided_buffer_but_for_the_header() {
    let script = script::start();
    let mut buffer = Buffer::new(4);
    script.fail(Kind::Setup, 0, -ENOMEM);
    // SAFETY: as above.
    unsafe {
        let mut p = params(0, 0);
        let mut ring: io_uring = zeroed();
        let ret = io_uring_queue_init_mem(8, &raw mut ring, &raw mut p, buffer.start().cast(), 4 * PAGE);
        assert_eq!((ret, script.calls().len()), (-ENOMEM, 2));
        assert!(buffer.intact_from(PAGE + RING_HEADER));
        io_uring_queue_exit(&raw mut ring);
        assert_eq!(script.calls(), []);
    }
}

#[test]
fn a_ring_in_used_memory_begins_empty() {
    for (entries, flags) in [
        (8, 0),
        (64, IORING_SETUP_SQE128),
        (8, IORING_SETUP_CQE32),
        (4, IORING_SETUP_SQPOLL),
    ] {
        let script = script::start();
        let mut buffer = Buffer::new(8);
        // The second ring is at the first one's address.
        for _ in 0..2 {
            // SAFETY: a ring to write, valid parameters, and a buffer of eight pages.
            unsafe {
                let mut p = params(flags, 0);
                let mut ring: io_uring = zeroed();
                let at = buffer.start().cast();
                assert!(io_uring_queue_init_mem(entries, &raw mut ring, &raw mut p, at, 8 * PAGE) > 0);
                let (sq, cq) = (&ring.sq, &ring.cq);
                assert_eq!((*sq.khead, *sq.ktail, *sq.kflags, *sq.kdropped), (0, 0, 0, 0));
                assert_eq!((*cq.khead, *cq.ktail, *cq.kflags, *cq.koverflow), (0, 0, 0, 0));
                assert!(!io_uring_get_sqe(&raw mut ring).is_null());
                assert_eq!(io_uring_submit(&raw mut ring), 1);
                assert_eq!(
                    io_uring_cq_ready(&raw const ring),
                    u32::from(flags & IORING_SETUP_SQPOLL == 0)
                );
                io_uring_queue_exit(&raw mut ring);
            }
        }
        let calls = script.calls();
        let ring = &calls[..2];
        let rings = (buffer.start() as usize) + round_up(sqes_size(flags, entries), PAGE);
        let advice = MADV_POPULATE_WRITE;
        let want = Call::Advise {
            addr: rings,
            len: RING_HEADER,
            advice,
        };
        assert!(ring[0] == want && ring[1].kind() == Kind::Setup, "{ring:x?}");
    }
}

#[test]
fn memory_that_cannot_be_written_is_left_to_the_kernel() {
    let script = script::start();
    script.fail(Kind::Advise, 0, -ENOMEM);
    script.fail(Kind::Setup, 0, -libc::EFAULT);
    // SAFETY: a ring to write and valid parameters; nothing is at the address, and nothing touches it.
    unsafe {
        let mut p = params(0, 0);
        let mut ring: io_uring = zeroed();
        let at = core::ptr::without_provenance_mut(PAGE);
        let ret = io_uring_queue_init_mem(8, &raw mut ring, &raw mut p, at, 4 * PAGE);
        assert_eq!(ret, -libc::EFAULT);
    }
}

#[test]
fn sizes_are_whole_pages_of_both_parts() {
    // SAFETY: valid parameters.
    unsafe {
        assert_eq!(io_uring_memory_size(64, 0), 2 * 4096);
        assert_eq!(io_uring_memory_size(64, IORING_SETUP_SQE128), 3 * 4096);
        assert_eq!(io_uring_memory_size(128, IORING_SETUP_CQE32), 5 * 4096);
        assert_eq!(io_uring_memory_size(1024, IORING_SETUP_NO_SQARRAY), (16 + 9) * 4096);
        assert_eq!(io_uring_memory_size(1024, 0), (16 + 10) * 4096);
        assert_eq!(io_uring_memory_size(0, 0), -EINVAL as isize);
        assert_eq!(io_uring_memory_size(40000, 0), -EINVAL as isize);
        let most = io_uring_memory_size(40000, IORING_SETUP_CLAMP);
        assert_eq!(
            most,
            (32768 * 64 + (64 + 65536 * 16 + 32768 * 4usize).next_multiple_of(4096)) as isize
        );
        let mut p = params(IORING_SETUP_CQSIZE, 4);
        assert_eq!(io_uring_memory_size_params(8, &raw mut p), -EINVAL as isize);
    }
}

#[test]
fn locked_memory_is_asked_for_by_old_kernels_only() {
    let script = script::start();
    // SAFETY: no arguments but numbers, then valid parameters.
    unsafe {
        assert_eq!(io_uring_mlock_size(64, 0), 0);
        assert_eq!(script.held(), (0, 0), "the ring created for the query is gone");
        script.set(|kernel| kernel.features &= !IORING_FEAT_NATIVE_WORKERS);
        assert_eq!(io_uring_mlock_size(64, 0), 2 * 4096);
        script.fail(Kind::Setup, 0, -ENOMEM);
        assert_eq!(io_uring_mlock_size(64, IORING_SETUP_SQE128), 3 * 4096);
        assert_eq!(io_uring_mlock_size(0, 0), -EINVAL as isize);
        let mapped = script
            .calls()
            .iter()
            .any(|call| matches!(call, Call::Map { .. } | Call::MapRing { .. }));
        assert!(!mapped, "the query needs only a descriptor");
        let mut p = params(IORING_SETUP_CQSIZE, 256);
        assert_eq!(io_uring_mlock_size_params(64, &raw mut p), 3 * 4096);
    }
}

#[test]
fn the_pointers_follow_the_kernels_offsets() {
    for shift in [0, 64, 1024] {
        let mut rig = Rig::on(8, 0, |kernel| {
            kernel.shift = shift;
            kernel.unknown = IORING_SETUP_NO_SQARRAY;
        });
        let words = rig
            .script
            .ring(|ring| (ring.sq_words(), ring.cq_words(), ring.cq_flags()));
        // SAFETY: the rig's ring.
        let (sq, cq) = unsafe { ((*rig.ring()).sq, (*rig.ring()).cq) };
        assert_eq!([sq.khead, sq.ktail, sq.kflags], words.0);
        assert_eq!([cq.khead, cq.ktail], words.1);
        assert_eq!(cq.kflags, words.2);
        let base = sq.ring_ptr as usize + shift as usize;
        assert_eq!(cq.cqes as usize, base + 64);
        assert_eq!(sq.array as usize, base + 64 + 16 * 16);
        assert_eq!((sq.kdropped as usize, cq.koverflow as usize), (base + 32, base + 44));
        rig.nops([1]);
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { crate::queue::io_uring_submit(rig.ring()) }, 1);
        assert_eq!(rig.taken(), [1]);
    }
}

#[test]
fn an_sqe_size_that_overflows_is_refused_and_undone() {
    for (single, maps) in [(true, 1), (false, 2)] {
        let script = script::start();
        script.set(|kernel| {
            kernel.any_length = true;
            kernel.features = if single { !0 } else { !IORING_FEAT_SINGLE_MMAP };
        });
        // SAFETY: structures to write; no kernel gives 4 GiB of SQEs, but the field that holds the size has 32 bits.
        unsafe {
            let mut p = params(0, 0);
            let fd = crate::syscall::io_uring_setup(8, &raw mut p);
            script.calls();
            p.sq_entries = 1 << 26;
            let (mut sq, mut cq): (io_uring_sq, io_uring_cq) = (zeroed(), zeroed());
            assert_eq!(io_uring_mmap(fd, &raw mut p, &raw mut sq, &raw mut cq), -EINVAL);
            let kinds: Vec<_> = script.calls().iter().map(Call::kind).collect();
            assert_eq!(
                kinds,
                [[Kind::Map; 2], [Kind::Unmap; 2]]
                    .map(|kind| kind[..maps].to_vec())
                    .concat()
            );
            assert_eq!((sq.ring_sz, cq.ring_sz), (0, 0));
            Sys::close(fd);
        }
    }
}
