//! The boundary: which ring is whose. Calls on the engine's rings stay here, all others go to Linux.

use crate::atomic::{AtomicBool, Ordering};
use crate::context::{self, Context};
use crate::policy::{Policy, log, policy};
use crate::thread::{Inside, Refused};
use crate::{enter, heap, register, setup, thread};
use ironring_abi::ctypes::{c_int, c_uint, c_void};
use ironring_abi::kernel::{FileLimit, Kernel, Memory, Part};
use ironring_abi::uapi::{
    IORING_ENTER_REGISTERED_RING, IORING_REGISTER_LAST, IORING_REGISTER_USE_REGISTERED_RING, io_uring_params,
};
use ironring_linux::Linux;
use libc::{EACCES, EAGAIN, EBADF, EFAULT, EINVAL, ENOMEM, ENOSYS, EOPNOTSUPP, EPERM};

/// Linux with the engine's rings beside its own.
pub enum Engine {}

/// The kernel has made rings for this process.
static KERNEL_RINGS: AtomicBool = AtomicBool::new(false);

/// Who answers a call on a ring.
enum Route {
    Engine(&'static Context),
    Linux,
    Error(c_int),
}

/// The route of a descriptor that no ring was created with.
#[cold]
fn unknown(fd: c_int) -> Route {
    if context::is_used() {
        if let Some(context) = context::by_duplicate(fd) {
            return Route::Engine(context);
        }
    }
    if policy() != Policy::Engine {
        return Route::Linux;
    }
    // A filter may kill who asks the kernel.
    Route::Error(no_ring(fd))
}

/// What a kernel says of a descriptor that is not a ring's.
fn no_ring(fd: c_int) -> c_int {
    match crate::sys::fcntl(fd, libc::F_GETFD, 0) {
        Ok(_) => -EOPNOTSUPP,
        Err(_) => -EBADF,
    }
}

/// What the program is told of the kernel's answer for a descriptor that is not a ring of the engine's: a kernel that
/// refuses io_uring has made no ring, and the program believes that it doesn't.
fn told(fd: c_int, ret: c_int) -> c_int {
    let refused = [-ENOSYS, -EPERM, -EACCES].contains(&ret);
    if refused && policy() == Policy::Auto && !KERNEL_RINGS.load(Ordering::Relaxed) {
        return no_ring(fd);
    }
    ret
}

/// The route of a descriptor, or of a registered index.
#[inline]
fn route(fd: c_int, registered: bool) -> Route {
    if registered {
        let found = if context::is_used() {
            thread::registered(fd)
        } else {
            Err(-EINVAL)
        };
        return match found {
            Ok(context) => Route::Engine(context),
            Err(errno) if policy() == Policy::Engine || !KERNEL_RINGS.load(Ordering::Relaxed) => Route::Error(errno),
            Err(_) => Route::Linux,
        };
    }
    match context::by_fd(fd) {
        Some(context) => Route::Engine(context),
        None => unknown(fd),
    }
}

/// As [`route`], without a lock: in a signal handler that has interrupted a call.
fn route_nested(fd: c_int, registered: bool) -> Route {
    if registered {
        return route(fd, true);
    }
    match context::by_fd(fd) {
        Some(context) => Route::Engine(context),
        None if policy() == Policy::Engine => Route::Error(-EAGAIN),
        None => Route::Linux,
    }
}

/// A command that needs no ring: the kernel's answer where it has io_uring, otherwise the engine's.
fn without_ring(opcode: c_uint, command: c_uint, arg: *const c_void, nr: c_uint) -> c_int {
    if !register::is_for_engine(command, arg as u64) && policy() != Policy::Engine {
        // SAFETY: the caller's argument is passed on.
        let ret = unsafe { Linux::register(-1, opcode, arg, nr) };
        if policy() == Policy::Kernel || !refused(ret) {
            return ret;
        }
    }
    register::without_ring(command, arg as u64, nr)
}

/// Whether an error of the kernel's setup means that it refuses io_uring.
fn refused(ret: c_int) -> bool {
    [-ENOSYS, -EPERM, -EACCES, -ENOMEM].contains(&ret)
}

/// Begins a call, if the process has ever had rings of the engine.
#[inline]
fn begin() -> Result<Option<Inside>, Refused> {
    if context::is_used() {
        Inside::begin().map(Some)
    } else {
        Ok(None)
    }
}

impl Kernel for Engine {
    unsafe fn setup(entries: c_uint, p: *mut io_uring_params) -> c_int {
        let policy = policy();
        if policy == Policy::Wrong {
            return -EINVAL;
        }
        if policy != Policy::Engine {
            // SAFETY: passed on.
            let ret = unsafe { Linux::setup(entries, p) };
            if policy == Policy::Kernel || !refused(ret) {
                if ret >= 0 {
                    context::forget_closed(ret);
                    KERNEL_RINGS.store(true, Ordering::Relaxed);
                    thread::expect_kernel_rings();
                    log(format_args!("ring {ret}: the kernel's"));
                }
                return ret;
            }
            if ret == -ENOMEM {
                // There is io_uring, and the next ring may be the kernel's.
                thread::expect_kernel_rings();
            }
            if !p.is_null() {
                log(format_args!(
                    "the kernel's io_uring_setup failed with errno {}, so the engine takes over",
                    -ret
                ));
            }
        }
        if p.is_null() {
            return -EFAULT;
        }
        if !heap::has_room() {
            return -ENOMEM;
        }
        match Inside::begin() {
            Ok(_inside) => setup::setup(entries, p),
            Err(why) => why.errno(),
        }
    }

    unsafe fn enter(fd: c_int, submit: c_uint, wait: c_uint, flags: c_uint, arg: *const c_void, size: usize) -> c_int {
        let registered = flags & IORING_ENTER_REGISTERED_RING != 0;
        let _inside = match begin() {
            Ok(inside) => inside,
            Err(Refused::NoMemory) => return -EAGAIN,
            Err(Refused::Nested) => {
                return match route_nested(fd, registered) {
                    Route::Engine(context) => enter::enter_nested(context, submit, wait),
                    // SAFETY: passed on.
                    Route::Linux => told(fd, unsafe { Linux::enter(fd, submit, wait, flags, arg, size) }),
                    Route::Error(errno) => errno,
                };
            }
        };
        match route(fd, registered) {
            Route::Engine(context) => {
                let call = enter::Call {
                    submit,
                    wait,
                    flags,
                    arg: arg as u64,
                    size,
                };
                enter::enter(context, &call)
            }
            // SAFETY: passed on.
            Route::Linux => told(fd, unsafe { Linux::enter(fd, submit, wait, flags, arg, size) }),
            Route::Error(errno) => errno,
        }
    }

    unsafe fn register(fd: c_int, opcode: c_uint, arg: *const c_void, nr: c_uint) -> c_int {
        let command = opcode & !IORING_REGISTER_USE_REGISTERED_RING;
        let _inside = match begin() {
            Ok(inside) => inside,
            Err(why) => return why.errno(),
        };
        if fd == -1 {
            return without_ring(opcode, command, arg, nr);
        }
        if policy() == Policy::Engine && command >= IORING_REGISTER_LAST {
            return -EINVAL;
        }
        let registered = opcode != command;
        if !registered {
            context::forget_closed(fd);
        }
        match route(fd, registered) {
            Route::Engine(context) => register::register(context, command, arg as u64, nr),
            // SAFETY: passed on.
            Route::Linux => told(fd, unsafe { Linux::register(fd, opcode, arg, nr) }),
            Route::Error(errno) => errno,
        }
    }

    fn map_ring(fd: c_int, part: Part, len: usize) -> Result<*mut c_void, c_int> {
        let _inside = begin().map_err(|why| why.errno())?;
        match route(fd, false) {
            Route::Engine(context) => setup::map_ring(context, part, len),
            Route::Linux => Linux::map_ring(fd, part, len),
            Route::Error(errno) => Err(errno),
        }
    }

    fn map(len: usize, kind: Memory) -> Result<*mut c_void, c_int> {
        Linux::map(len, kind)
    }

    unsafe fn unmap(addr: *mut c_void, len: usize) -> c_int {
        // SAFETY: passed on.
        unsafe { Linux::unmap(addr, len) }
    }

    unsafe fn advise(addr: *mut c_void, len: usize, advice: c_int) -> c_int {
        // SAFETY: passed on.
        unsafe { Linux::advise(addr, len, advice) }
    }

    unsafe fn close(fd: c_int) -> c_int {
        if let Some(context) = context::by_fd(fd) {
            // In a signal handler that has interrupted a call, or without memory, the ring is given up later.
            if let Ok(_inside) = Inside::begin() {
                context.close();
            }
        }
        // SAFETY: passed on.
        unsafe { Linux::close(fd) }
    }

    fn file_limit(limit: &mut FileLimit) -> c_int {
        Linux::file_limit(limit)
    }

    fn set_file_limit(limit: &FileLimit) -> c_int {
        Linux::set_file_limit(limit)
    }
}
