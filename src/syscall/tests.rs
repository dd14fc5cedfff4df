//! The bare calls pass on their arguments.

use super::*;
use crate::script::{self, Arg, Call, Kind};
use ironring_abi::uapi::*;
use libc::{EBADF, EPERM};

#[test]
fn the_bare_calls_pass_everything_on() {
    let script = script::start();
    // SAFETY: all zeroes is valid; the script dereferences no other argument.
    unsafe {
        let mut p: io_uring_params = core::mem::zeroed();
        script.fail(Kind::Setup, 0, -EPERM);
        assert_eq!(io_uring_setup(7, &raw mut p), -EPERM);
        let fd = io_uring_setup(7, &raw mut p);
        assert_eq!(script.calls()[1], Call::Setup { entries: 7, flags: 0 });
        assert_eq!((p.sq_entries, p.features), (8, !0));

        let by = fd as c_uint;
        assert_eq!(io_uring_enter(by, 0, 2, 0, 0x77 as *mut sigset_t), 0);
        let arg = Arg::Signals(0x77);
        assert_eq!(
            script.calls(),
            [Call::Enter {
                fd,
                submit: 0,
                wait: 2,
                flags: 0,
                arg
            }]
        );
        assert_eq!(io_uring_enter(u32::MAX, 1, 0, 0, core::ptr::null_mut()), -EBADF);
        script.calls();

        let mut reg: io_uring_getevents_arg = core::mem::zeroed();
        (reg.sigmask_sz, reg.min_wait_usec) = (SIGSET_SIZE as u32, 5);
        let flags = IORING_ENTER_EXT_ARG;
        let size = size_of_val(&reg);
        assert_eq!(io_uring_enter2(by, 0, 0, flags, (&raw mut reg).cast(), size), 0);
        let arg = Arg::Extended {
            signals: 0,
            ts: None,
            min_wait: 5,
        };
        assert_eq!(
            script.calls(),
            [Call::Enter {
                fd,
                submit: 0,
                wait: 0,
                flags,
                arg
            }]
        );

        let opcode = IORING_UNREGISTER_EVENTFD;
        assert_eq!(io_uring_register(by, opcode, core::ptr::null(), 3), 0);
        assert_eq!(
            script.calls(),
            [Call::Register {
                fd,
                opcode,
                nr: 3,
                arg: 0,
                bytes: vec![]
            }]
        );
        script.set(|kernel| kernel.answers.push((opcode, -EPERM)));
        assert_eq!(io_uring_register(by, opcode, core::ptr::null(), 3), -EPERM);
        assert_eq!(Sys::close(fd), 0);
    }
}

#[test]
fn the_version_asked_for_is_newer_or_not() {
    use crate::version::*;
    assert_eq!((io_uring_major_version(), io_uring_minor_version()), (2, 15));
    for (major, minor, newer) in [
        (2, 15, false),
        (2, 16, true),
        (3, 0, true),
        (1, 99, false),
        (2, 0, false),
    ] {
        assert_eq!(io_uring_check_version(major, minor), newer, "{major}.{minor}");
    }
}
