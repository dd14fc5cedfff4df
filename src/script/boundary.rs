//! The scripted kernel behind the boundary: calls go to the thread's script, or to Linux if it has none.

use crate::script::call::{Arg, Call};
use crate::script::register;
use crate::script::state::{PLAYED, State};
use ironring_abi::ctypes::{c_int, c_uint, c_void};
use ironring_abi::kernel::{FileLimit, Kernel, Memory, Part};
use ironring_abi::uapi::io_uring_params;
use ironring_linux::Linux;
use libc::EFAULT;

/// The kernel of the tests.
pub enum Scripted {}

/// The result of a call: that of the thread's script, which records the call, or of Linux if it has none.
fn answer<T>(
    call: impl FnOnce(&mut State) -> Call,
    script: impl FnOnce(&mut State) -> Result<T, c_int>,
    linux: impl FnOnce() -> Result<T, c_int>,
) -> Result<T, c_int> {
    PLAYED.with(|played| match played.borrow_mut().as_mut() {
        Some(state) => {
            let call = call(state);
            state.meet(call).and_then(|()| script(state))
        }
        None => linux(),
    })
}

/// [`answer`] for calls that return results and errors in one `int`.
fn number(
    call: impl FnOnce(&mut State) -> Call,
    script: impl FnOnce(&mut State) -> c_int,
    linux: impl FnOnce() -> c_int,
) -> c_int {
    answer(call, |state| Ok(script(state)), || Ok(linux())).unwrap_or_else(|errno| errno)
}

impl Kernel for Scripted {
    unsafe fn setup(entries: c_uint, p: *mut io_uring_params) -> c_int {
        // SAFETY: null, or the library's valid parameters.
        let flags = unsafe { p.as_ref() }.map_or(0, |p| p.flags);
        number(
            |_| Call::Setup { entries, flags },
            // SAFETY: as above.
            |state| unsafe { p.as_mut() }.map_or(-EFAULT, |p| state.setup(entries, p)),
            // SAFETY: passed on.
            || unsafe { Linux::setup(entries, p) },
        )
    }

    unsafe fn enter(fd: c_int, submit: c_uint, wait: c_uint, flags: c_uint, arg: *const c_void, size: usize) -> c_int {
        // SAFETY: the argument is what `flags` say, which the tests check.
        let (read, wrong) = unsafe { (Arg::read(flags, arg), Arg::wrong(flags, arg, size)) };
        number(
            |state| {
                state.wrong.extend(wrong);
                Call::Enter {
                    fd,
                    submit,
                    wait,
                    flags,
                    arg: read.clone(),
                }
            },
            |state| state.enter(fd, submit, wait, flags, &read),
            // SAFETY: passed on.
            || unsafe { Linux::enter(fd, submit, wait, flags, arg, size) },
        )
    }

    unsafe fn register(fd: c_int, opcode: c_uint, arg: *const c_void, nr: c_uint) -> c_int {
        number(
            |_| Call::Register {
                fd,
                opcode,
                nr,
                arg: arg as usize,
                // SAFETY: the argument is what `opcode` asks for.
                bytes: unsafe { register::argument(opcode, arg as usize, nr as usize) },
            },
            // SAFETY: as above.
            |state| unsafe { state.register(fd, opcode, arg as usize, nr) },
            // SAFETY: passed on.
            || unsafe { Linux::register(fd, opcode, arg, nr) },
        )
    }

    fn map_ring(fd: c_int, part: Part, len: usize) -> Result<*mut c_void, c_int> {
        answer(
            |_| Call::MapRing { fd, part, len },
            |state| state.map_ring(fd, part, len),
            || Linux::map_ring(fd, part, len),
        )
    }

    fn map(len: usize, kind: Memory) -> Result<*mut c_void, c_int> {
        answer(
            |_| Call::Map { len, kind },
            |state| {
                let region = state.region(len);
                state.map(region, len)
            },
            || Linux::map(len, kind),
        )
    }

    unsafe fn unmap(addr: *mut c_void, len: usize) -> c_int {
        number(
            |_| Call::Unmap {
                addr: addr as usize,
                len,
            },
            |state| state.unmap(addr as usize, len),
            // SAFETY: passed on.
            || unsafe { Linux::unmap(addr, len) },
        )
    }

    unsafe fn advise(addr: *mut c_void, len: usize, advice: c_int) -> c_int {
        number(
            |_| Call::Advise {
                addr: addr as usize,
                len,
                advice,
            },
            |_| 0,
            // SAFETY: passed on.
            || unsafe { Linux::advise(addr, len, advice) },
        )
    }

    unsafe fn close(fd: c_int) -> c_int {
        number(
            |_| Call::Close(fd),
            |state| state.close(fd),
            // SAFETY: passed on.
            || unsafe { Linux::close(fd) },
        )
    }

    fn file_limit(limit: &mut FileLimit) -> c_int {
        // A copy, as only one of the closures could borrow the reference.
        let before = *limit;
        let found = answer(
            |_| Call::Limit(None),
            |state| Ok(state.limit),
            || {
                let mut limit = before;
                let ret = Linux::file_limit(&mut limit);
                if ret == 0 {
                    Ok((limit.soft, limit.hard))
                } else {
                    Err(ret)
                }
            },
        );
        match found {
            Ok((soft, hard)) => {
                *limit = FileLimit { soft, hard };
                0
            }
            Err(errno) => errno,
        }
    }

    fn set_file_limit(limit: &FileLimit) -> c_int {
        let new = (limit.soft, limit.hard);
        number(
            |_| Call::Limit(Some(new)),
            |state| {
                state.limit = new;
                0
            },
            || Linux::set_file_limit(limit),
        )
    }
}
