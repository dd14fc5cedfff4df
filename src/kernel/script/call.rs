//! What the scripted kernel is asked: a call with its arguments.

use super::{State, register};
use crate::abi::*;
use crate::ctypes::{__kernel_timespec, c_int};
use crate::kernel::{RLimit, SIGSET_SIZE};
use libc::c_long;

/// A call as the kernel saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    Setup {
        entries: u32,
        flags: u32,
    },
    Enter {
        fd: c_int,
        submit: u32,
        wait: u32,
        flags: u32,
        arg: Arg,
    },
    Register {
        fd: c_int,
        opcode: u32,
        nr: u32,
        arg: usize,
        /// What the kernel reads at `arg`.
        bytes: Vec<u8>,
    },
    Mmap {
        len: usize,
        flags: c_int,
        fd: c_int,
        offset: u64,
    },
    Munmap {
        addr: usize,
        len: usize,
    },
    Madvise {
        addr: usize,
        len: usize,
        advice: c_int,
    },
    Close(c_int),
    /// The limit that was set, or that it was read.
    Limit(Option<(u64, u64)>),
}

/// The argument of `io_uring_enter`, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A signal set (0: none).
    Signals(usize),
    Extended {
        signals: usize,
        ts: Option<(i64, i64)>,
        min_wait: u32,
    },
    /// An offset into the registered region.
    Region(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Setup,
    Enter,
    Register,
    Mmap,
    Munmap,
    Madvise,
    Close,
    Limit,
}

impl Call {
    pub fn kind(&self) -> Kind {
        match self {
            Call::Setup { .. } => Kind::Setup,
            Call::Enter { .. } => Kind::Enter,
            Call::Register { .. } => Kind::Register,
            Call::Mmap { .. } => Kind::Mmap,
            Call::Munmap { .. } => Kind::Munmap,
            Call::Madvise { .. } => Kind::Madvise,
            Call::Close(_) => Kind::Close,
            Call::Limit(_) => Kind::Limit,
        }
    }
}

impl State {
    /// What stands behind the argument of an enter.
    unsafe fn enter_arg(&mut self, flags: u32, arg: usize, size: usize) -> Arg {
        if flags & IORING_ENTER_EXT_ARG_REG != 0 {
            if size != size_of::<io_uring_reg_wait>() {
                self.complain(format!("a registered wait of {size} bytes"));
            }
            return Arg::Region(arg);
        }
        if flags & IORING_ENTER_EXT_ARG == 0 {
            // The kernel looks at it only when it waits.
            if flags & IORING_ENTER_GETEVENTS != 0 && size != SIGSET_SIZE {
                self.complain(format!("a signal set of {size} bytes"));
            }
            return Arg::Signals(arg);
        }
        if size != size_of::<io_uring_getevents_arg>() {
            self.complain(format!("an extended argument of {size} bytes"));
        }
        // SAFETY: the flag promises this structure, and a timespec where `ts` is not null.
        unsafe {
            let read = (arg as *const io_uring_getevents_arg).read();
            if read.sigmask_sz as usize != SIGSET_SIZE {
                self.complain("a signal set of another size in the extended argument");
            }
            let ts = read.ts as usize as *const __kernel_timespec;
            Arg::Extended {
                signals: read.sigmask as usize,
                ts: ts.as_ref().map(|ts| (ts.tv_sec, ts.tv_nsec)),
                min_wait: read.min_wait_usec,
            }
        }
    }

    /// A call, from its registers.
    /// # Safety
    /// The registers hold what the call asks for.
    pub unsafe fn decode(&mut self, nr: c_long, a: [usize; 6]) -> Call {
        // SAFETY: the library passes what each call asks for; that it does is what the tests are about.
        unsafe {
            match nr {
                libc::SYS_io_uring_setup => Call::Setup {
                    entries: a[0] as u32,
                    flags: (a[1] as *const io_uring_params).as_ref().map_or(0, |p| p.flags),
                },
                libc::SYS_io_uring_enter => Call::Enter {
                    fd: a[0] as c_int,
                    submit: a[1] as u32,
                    wait: a[2] as u32,
                    flags: a[3] as u32,
                    arg: self.enter_arg(a[3] as u32, a[4], a[5]),
                },
                libc::SYS_io_uring_register => Call::Register {
                    fd: a[0] as c_int,
                    opcode: a[1] as u32,
                    nr: a[3] as u32,
                    arg: a[2],
                    bytes: register::argument(a[1] as u32, a[2], a[3]),
                },
                libc::SYS_mmap => {
                    if a[2] as c_int != libc::PROT_READ | libc::PROT_WRITE {
                        self.complain("a mapping that is not readable and writable");
                    }
                    Call::Mmap {
                        len: a[1],
                        flags: a[3] as c_int,
                        fd: a[4] as c_int,
                        offset: a[5] as u64,
                    }
                }
                libc::SYS_munmap => Call::Munmap { addr: a[0], len: a[1] },
                libc::SYS_madvise => Call::Madvise {
                    addr: a[0],
                    len: a[1],
                    advice: a[2] as c_int,
                },
                libc::SYS_close => Call::Close(a[0] as c_int),
                libc::SYS_prlimit64 => {
                    let (pid, resource) = (a[0] as c_int, a[1] as libc::__rlimit_resource_t);
                    if (pid, resource) != (0, libc::RLIMIT_NOFILE) {
                        self.complain(format!("prlimit of resource {resource} of process {pid}"));
                    }
                    Call::Limit((a[2] as *const RLimit).as_ref().map(|new| (new.cur, new.max)))
                }
                _ => panic!("the library makes no system call {nr}"),
            }
        }
    }
}
