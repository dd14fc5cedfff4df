//! The script itself: it sees what is wrong; and without one, calls go to the real kernel.

use super::{Kind, Rig, start};
use crate::abi::IORING_OFF_SQ_RING;
use crate::kernel;
use libc::{EBADF, EINVAL, EPERM, MAP_ANONYMOUS, MAP_PRIVATE};
use std::ptr::null_mut;

#[test]
fn without_a_script_the_real_kernel_answers() {
    let page = kernel::page_size();
    // SAFETY: a mapping of our own, and numbers.
    unsafe {
        let at = kernel::mmap(page, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0).expect("a page");
        at.cast::<u64>().write(7);
        assert_eq!(at.cast::<u64>().read(), 7);
        assert_eq!(kernel::munmap(at, page), 0);
        assert_eq!(kernel::mmap(0, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0), Err(-EINVAL));
        assert_eq!(kernel::close(-1), -EBADF);
        assert_eq!(kernel::io_uring_register(-1, u32::MAX, null_mut(), 0), -EINVAL);
        let mut limit = kernel::RLimit { cur: 0, max: 0 };
        assert_eq!(kernel::prlimit_nofile(null_mut(), &raw mut limit), 0);
        assert!(limit.cur > 0 && limit.cur <= limit.max);
    }
}

#[test]
fn a_script_sees_what_is_undone_wrongly() {
    let script = start();
    // SAFETY: the script's own memory.
    unsafe {
        let at = kernel::mmap(100, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0).expect("a page");
        assert_eq!(kernel::munmap(at, 101), -EINVAL);
        assert_eq!(kernel::munmap(at.wrapping_byte_add(1), 100), -EINVAL);
        assert_eq!(kernel::munmap(at, 100), 0);
        assert_eq!(kernel::munmap(at, 100), -EINVAL);
        assert_eq!(kernel::close(77), -EBADF);
        assert_eq!(script.wrong().len(), 4);
        assert_eq!(kernel::mmap(1, 0, 77, IORING_OFF_SQ_RING), Err(-EBADF));
        assert_eq!(script.wrong().len(), 0);
    }
}

#[test]
fn a_fault_is_met_by_the_nth_call_of_its_kind() {
    let script = start();
    script.fail(Kind::Madvise, 1, -EPERM);
    script.fail(Kind::Close, 0, -EINVAL);
    // SAFETY: the script touches nothing.
    unsafe {
        let advise = || kernel::madvise(null_mut(), 1, 0);
        assert_eq!((advise(), kernel::close(5)), (0, -EINVAL));
        assert_eq!((advise(), advise()), (-EPERM, 0));
    }
}

/// A script that must not end well.
fn fails(test: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(test).expect_err("nothing was seen");
    *panic.downcast::<String>().expect("a message")
}

#[test]
fn a_script_ends_only_when_all_is_undone() {
    let text = fails(|| {
        let _script = start();
        // SAFETY: the script's own memory.
        unsafe { kernel::mmap(100, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0).expect("a page") };
    });
    assert!(text.contains("mappings were left behind"), "{text}");
    let text = fails(|| {
        let script = start();
        script.set(super::State::new_fd);
    });
    assert!(text.contains("descriptors were left open"), "{text}");
    let text = fails(|| start().fail(Kind::Enter, 0, -EPERM));
    assert!(text.contains("not met"), "{text}");
    let text = fails(|| {
        let mut rig = Rig::new(4, 0);
        let mut cqe = null_mut();
        // SAFETY: the rig's ring.
        unsafe { crate::inline::io_uring_wait_cqe(rig.ring(), &raw mut cqe) };
    });
    assert!(text.contains("asleep for ever"), "{text}");
}
