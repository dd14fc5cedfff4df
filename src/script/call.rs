//! The calls made to the scripted kernel, with their arguments.

use ironring_abi::ctypes::{__kernel_timespec, c_int, c_void};
use ironring_abi::kernel::{Memory, Part, SIGSET_SIZE};
use ironring_abi::uapi::*;

/// A call.
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
        /// What the kernel reads from `arg`.
        bytes: Vec<u8>,
    },
    MapRing {
        fd: c_int,
        part: Part,
        len: usize,
    },
    Map {
        len: usize,
        kind: Memory,
    },
    Unmap {
        addr: usize,
        len: usize,
    },
    Advise {
        addr: usize,
        len: usize,
        advice: c_int,
    },
    Close(c_int),
    /// The limit on open files was set, or read if none.
    Limit(Option<(u64, u64)>),
}

/// The argument of `io_uring_enter`.
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
    Map,
    Unmap,
    Advise,
    Close,
    Limit,
}

impl Call {
    pub fn kind(&self) -> Kind {
        match self {
            Call::Setup { .. } => Kind::Setup,
            Call::Enter { .. } => Kind::Enter,
            Call::Register { .. } => Kind::Register,
            Call::MapRing { .. } | Call::Map { .. } => Kind::Map,
            Call::Unmap { .. } => Kind::Unmap,
            Call::Advise { .. } => Kind::Advise,
            Call::Close(_) => Kind::Close,
            Call::Limit(_) => Kind::Limit,
        }
    }
}

impl Arg {
    /// Reads the argument of `io_uring_enter`.
    ///
    /// # Safety
    /// `arg` is valid for `flags`.
    pub unsafe fn read(flags: u32, arg: *const c_void) -> Arg {
        if flags & IORING_ENTER_EXT_ARG_REG != 0 {
            return Arg::Region(arg as usize);
        }
        if flags & IORING_ENTER_EXT_ARG == 0 {
            return Arg::Signals(arg as usize);
        }
        // SAFETY: the flag promises this structure, and a timespec where `ts` is not null.
        unsafe {
            let read = arg.cast::<io_uring_getevents_arg>().read();
            let ts = read.ts as usize as *const __kernel_timespec;
            Arg::Extended {
                signals: read.sigmask as usize,
                ts: ts.as_ref().map(|ts| (ts.tv_sec, ts.tv_nsec)),
                min_wait: read.min_wait_usec,
            }
        }
    }

    /// What is wrong with the sizes of the argument, if anything.
    ///
    /// # Safety
    /// As for [`read`](Arg::read).
    pub unsafe fn wrong(flags: u32, arg: *const c_void, size: usize) -> Option<String> {
        let expected = if flags & IORING_ENTER_EXT_ARG_REG != 0 {
            size_of::<io_uring_reg_wait>()
        } else if flags & IORING_ENTER_EXT_ARG != 0 {
            // SAFETY: the flag promises this structure.
            let sigmask_sz = unsafe { (*arg.cast::<io_uring_getevents_arg>()).sigmask_sz };
            if sigmask_sz as usize != SIGSET_SIZE {
                return Some(format!("an extended argument with a signal set of {sigmask_sz} bytes"));
            }
            size_of::<io_uring_getevents_arg>()
        } else if flags & IORING_ENTER_GETEVENTS != 0 {
            SIGSET_SIZE
        } else {
            // The kernel reads it only when it waits.
            return None;
        };
        (size != expected).then(|| format!("an argument of {size} bytes, not {expected}, with flags {flags:#x}"))
    }
}
