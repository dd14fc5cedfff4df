//! The script itself: it detects misuse, and without a script calls go to the real kernel.

use super::{Kind, Scripted, start};
use crate::kernel::page_size;
use crate::rig::Rig;
use ironring_abi::ctypes::c_void;
use ironring_abi::kernel::{FileLimit, Kernel as _, Memory, Part};
use libc::{EBADF, EFAULT, EINVAL, ENOMEM, ENOSYS, EPERM};
use std::ptr::null_mut;

#[test]
fn without_a_script_the_real_kernel_answers() {
    let page = page_size();
    // SAFETY: mappings of our own, and numbers.
    unsafe {
        let at = Scripted::map(page, Memory::Private).expect("a page");
        at.cast::<u64>().write(7);
        assert_eq!(at.cast::<u64>().read(), 7);
        assert_eq!(Scripted::advise(at, page, libc::MADV_NORMAL), 0);
        assert_eq!(Scripted::unmap(at, page), 0);
        assert_eq!(Scripted::map(0, Memory::Shared), Err(-EINVAL));
        assert_eq!(Scripted::map_ring(-1, Part::SqRing, page), Err(-EBADF));
        assert_eq!(Scripted::close(-1), -EBADF);
        // Where the system refuses the three calls, it says the same to all.
        let wanted = match Scripted::setup(1, null_mut()) {
            refused if refused == -EPERM || refused == -ENOSYS => [refused; 3],
            _ => [-EFAULT, -EINVAL, -EBADF],
        };
        let found = [
            Scripted::setup(1, null_mut()),
            Scripted::register(-1, u32::MAX, null_mut(), 0),
            Scripted::enter(-1, 0, 0, 0, null_mut(), 0),
        ];
        assert_eq!(found, wanted);
    }
    let mut limit = FileLimit::default();
    assert_eq!(Scripted::file_limit(&mut limit), 0);
    assert!(limit.soft > 0 && limit.soft <= limit.hard);
    assert_eq!(Scripted::set_file_limit(&limit), 0);
    let more = FileLimit {
        soft: limit.hard.wrapping_add(1),
        hard: limit.hard,
    };
    assert_eq!(Scripted::set_file_limit(&more), -EINVAL);
}

/// The permissions of a mapping in `/proc/self/maps`: the last letter is `p`rivate or `s`hared.
fn rights(at: *mut c_void) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc");
    let number = |text| usize::from_str_radix(text, 16).expect("a number");
    let rights = maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        (number(from)..number(to))
            .contains(&(at as usize))
            .then(|| rest[..4].to_owned())
    });
    rights.expect("a mapping")
}

#[test]
fn memory_is_mapped_as_it_is_wanted() {
    for (wanted, letters) in [
        (Memory::Private, "rw-p"),
        (Memory::Shared, "rw-s"),
        (Memory::Reserved, "rw-s"),
        (Memory::Huge, "rw-s"),
    ] {
        let at = match Scripted::map(2 << 20, wanted) {
            // The system may have no huge pages.
            Err(err) if (wanted, err) == (Memory::Huge, -ENOMEM) => continue,
            at => at.expect("memory"),
        };
        assert_eq!(rights(at), letters, "{wanted:?}");
        // SAFETY: the mapping just made.
        assert_eq!(unsafe { Scripted::unmap(at, 2 << 20) }, 0);
    }
}

#[test]
fn a_script_sees_what_is_undone_wrongly() {
    let script = start();
    // SAFETY: the script's own memory.
    unsafe {
        let at = Scripted::map(100, Memory::Private).expect("a page");
        assert_eq!(Scripted::unmap(at, 101), -EINVAL);
        assert_eq!(Scripted::unmap(at.wrapping_byte_add(1), 100), -EINVAL);
        assert_eq!(Scripted::unmap(at, 100), 0);
        assert_eq!(Scripted::unmap(at, 100), -EINVAL);
        assert_eq!(Scripted::close(77), -EBADF);
        assert_eq!(script.wrong().len(), 4);
        assert_eq!(Scripted::map_ring(77, Part::SqRing, 1), Err(-EBADF));
        assert_eq!(script.wrong().len(), 0);
    }
}

#[test]
fn a_fault_is_met_by_the_nth_call_of_its_kind() {
    let script = start();
    script.fail(Kind::Advise, 1, -EPERM);
    script.fail(Kind::Close, 0, -EINVAL);
    // SAFETY: the script accesses no memory.
    unsafe {
        let advise = || Scripted::advise(null_mut(), 1, 0);
        assert_eq!((advise(), Scripted::close(5)), (0, -EINVAL));
        assert_eq!((advise(), advise()), (-EPERM, 0));
    }
}

/// The panic message of a test that must fail.
fn fails(test: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(test).expect_err("the script detected nothing");
    *panic.downcast::<String>().expect("a message")
}

#[test]
fn a_script_ends_only_when_all_is_undone() {
    let text = fails(|| {
        let _script = start();
        Scripted::map(100, Memory::Private).expect("a page");
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
        unsafe { crate::inline::calls::io_uring_wait_cqe(rig.ring(), &raw mut cqe) };
    });
    assert!(text.contains("asleep forever"), "{text}");
}
