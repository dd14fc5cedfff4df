//! A kernel for the tests, in the place of `arch`: it plays any kernel and records every call made to it. What a test
//! does not script goes as on a good kernel, and what no kernel would stand (a range unmapped that was never mapped, a
//! descriptor closed twice, a sleep that nothing ends, something left behind) fails the test.
//!
//! Without a script the calls of a thread go to the real kernel.

mod call;
mod layout;
mod register;
mod rig;
mod ring;
mod tests;

pub use call::{Arg, Call, Kind};
pub use rig::{Rig, millis};
pub use ring::Ring;

use crate::abi::*;
use crate::arch;
use crate::ctypes::c_int;
use crate::kernel::RLimit;
use libc::{EBADF, EFAULT, EINVAL, EIO, MAP_ANONYMOUS, c_long};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;

pub const PAGE: usize = 4096;

/// Memory that the kernel hands out. It lives until the script ends, so that a use after unmapping is seen, not fatal.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    pub at: *mut u8,
    pub len: usize,
}

/// What this kernel is like, and all it knows.
pub struct State {
    pub features: u32,
    /// Setup flags that this kernel has never heard of.
    pub unknown: u32,
    /// By how much every offset of the rings lies further on than usual.
    pub shift: u32,
    /// Whether the CQ has flags (since 5.8).
    pub cq_flags: bool,
    /// Where all heads and tails begin.
    pub start: u32,
    /// How many SQEs the next enters take at most.
    pub short: VecDeque<u32>,
    /// Whether a signal ends each wait.
    pub signal: bool,
    /// What the next registrations with an opcode give instead of success.
    pub answers: Vec<(u32, c_int)>,
    /// What `PBUF_STATUS` says.
    pub buffers_head: u32,
    /// Whether a mapping may be longer than what there is to map.
    pub any_length: bool,
    /// The limit on open files.
    pub limit: (u64, u64),
    pub rings: Vec<Ring>,
    /// Registered rings: index and descriptor.
    pub indexes: BTreeMap<c_int, c_int>,
    faults: Vec<(Kind, usize, c_int)>,
    calls: Vec<Call>,
    total: usize,
    wrong: Vec<String>,
    maps: Vec<(usize, usize, Region)>,
    fds: BTreeSet<c_int>,
    next_fd: c_int,
    regions: Vec<Region>,
}

thread_local! {
    static PLAYED: RefCell<Option<Box<State>>> = const { RefCell::new(None) };
}

/// A script in play on this thread, until it is dropped.
pub struct Script(PhantomData<*const ()>);

/// Begins with a kernel that has everything.
pub fn start() -> Script {
    let state = State {
        features: !0,
        unknown: 0,
        shift: 0,
        cq_flags: true,
        start: 0,
        short: VecDeque::new(),
        signal: false,
        answers: Vec::new(),
        buffers_head: 0,
        any_length: false,
        limit: (1024, 4096),
        rings: Vec::new(),
        indexes: BTreeMap::new(),
        faults: Vec::new(),
        calls: Vec::new(),
        total: 0,
        wrong: Vec::new(),
        maps: Vec::new(),
        fds: BTreeSet::new(),
        next_fd: 1000,
        regions: Vec::new(),
    };
    PLAYED.with(|played| {
        let before = played.borrow_mut().replace(Box::new(state));
        assert!(before.is_none(), "one script at a time");
    });
    Script(PhantomData)
}

impl Script {
    #[allow(clippy::unused_self, reason = "whoever has the guard has a script in play")]
    pub fn set<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        PLAYED.with(|played| change(played.borrow_mut().as_mut().expect("a script is in play")))
    }

    /// The newest ring, from the kernel's side.
    pub fn ring<T>(&self, change: impl FnOnce(&mut Ring) -> T) -> T {
        self.set(|state| change(state.rings.last_mut().expect("a ring was set up")))
    }

    /// The calls since the last time this was asked.
    pub fn calls(&self) -> Vec<Call> {
        self.set(|state| std::mem::take(&mut state.calls))
    }

    /// Lets the `nth` call of a kind from now on fail (0: the next).
    pub fn fail(&self, kind: Kind, nth: usize, errno: c_int) {
        self.set(|state| state.faults.push((kind, nth, errno)));
    }

    /// How many mappings and descriptors the program holds.
    pub fn held(&self) -> (usize, usize) {
        self.set(|state| (state.maps.len(), state.fds.len()))
    }

    /// What went wrong so far, and forgets it: for tests of the script itself.
    pub fn wrong(&self) -> Vec<String> {
        self.set(|state| std::mem::take(&mut state.wrong))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let state = PLAYED.with(|played| played.borrow_mut().take()).expect("a script");
        for region in &state.regions {
            // SAFETY: allocated in `region` with this very layout; the script is over.
            unsafe { dealloc(region.at, layout(region.len)) };
        }
        if !std::thread::panicking() {
            assert!(state.wrong.is_empty(), "{:#?}", state.wrong);
            assert!(state.maps.is_empty(), "mappings were left behind: {:x?}", state.maps);
            assert!(state.fds.is_empty(), "descriptors were left open: {:?}", state.fds);
            assert!(state.indexes.is_empty(), "registered for ever: {:?}", state.indexes);
            assert!(state.faults.is_empty(), "scripted, but not met: {:?}", state.faults);
            assert!(state.answers.is_empty(), "scripted, but not asked: {:?}", state.answers);
        }
    }
}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(len, PAGE).expect("a sane size")
}

impl State {
    pub fn complain(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    /// Fresh zeroed memory in whole pages.
    pub fn region(&mut self, len: usize) -> Region {
        let len = len.next_multiple_of(PAGE).max(PAGE);
        // SAFETY: the size is not zero.
        let at = unsafe { alloc_zeroed(layout(len)) };
        let region = Region { at, len };
        self.regions.push(region);
        region
    }

    pub fn new_fd(&mut self) -> c_int {
        self.next_fd += 1;
        self.fds.insert(self.next_fd);
        self.next_fd
    }

    pub fn is_open(&self, fd: c_int) -> bool {
        self.fds.contains(&fd)
    }

    /// The ring that a call means by a descriptor, or by an index.
    pub fn ring_of(&self, fd: c_int, by_index: bool) -> Result<usize, c_int> {
        let fd = if by_index {
            *self.indexes.get(&fd).ok_or(-EINVAL)?
        } else if self.is_open(fd) {
            fd
        } else {
            return Err(-EBADF);
        };
        self.rings.iter().position(|ring| ring.fd == fd).ok_or(-EBADF)
    }

    fn mmap(&mut self, len: usize, flags: c_int, fd: c_int, offset: u64) -> isize {
        let region = if flags & MAP_ANONYMOUS != 0 {
            Ok(self.region(len))
        } else {
            self.ring_of(fd, false).and_then(|ring| {
                let regions = &self.rings[ring].regions;
                regions
                    .iter()
                    .find(|(at, _)| *at == offset)
                    .map(|(_, r)| *r)
                    .ok_or(-EINVAL)
            })
        };
        match region {
            Ok(region) if len != 0 && (len <= region.len || self.any_length) => {
                self.maps.push((region.at as usize, len, region));
                region.at as isize
            }
            Ok(region) => {
                self.complain(format!("mmap of {len} bytes where there are {}", region.len));
                -EINVAL as isize
            }
            Err(errno) => errno as isize,
        }
    }

    fn munmap(&mut self, addr: usize, len: usize) -> c_int {
        let Some(at) = self.maps.iter().position(|map| (map.0, map.1) == (addr, len)) else {
            self.complain(format!("munmap({addr:#x}, {len}) of what was not mapped so"));
            return -EINVAL;
        };
        let (.., region) = self.maps.swap_remove(at);
        // SAFETY: the region is allocated until the script ends; nobody may count on what is in it any more.
        unsafe { region.at.write_bytes(0xa5, region.len) };
        0
    }

    fn close(&mut self, fd: c_int) -> c_int {
        if !self.fds.remove(&fd) {
            self.complain(format!("close({fd}), which is not open"));
            return -EBADF;
        }
        0
    }

    unsafe fn call(&mut self, nr: c_long, a: [usize; 6]) -> isize {
        // SAFETY: as in `decode`.
        unsafe {
            let call = self.decode(nr, a);
            let kind = call.kind();
            self.calls.push(call.clone());
            self.total += 1;
            if self.total > 100_000 {
                self.complain("a hundred thousand calls: a loop that does not end");
                return -EIO as isize;
            }
            let mut fault = None;
            self.faults.retain_mut(|(faulty, left, errno)| {
                if *faulty != kind {
                    return true;
                }
                if *left == 0 && fault.is_none() {
                    fault = Some(*errno);
                    return false;
                }
                *left = left.saturating_sub(1);
                true
            });
            if let Some(errno) = fault {
                return errno as isize;
            }
            (match call {
                Call::Setup { entries, .. } => match (a[1] as *mut io_uring_params).as_mut() {
                    Some(p) => self.setup(entries, p),
                    None => -EFAULT,
                },
                Call::Enter {
                    fd,
                    submit,
                    wait,
                    flags,
                    arg,
                } => self.enter(fd, submit, wait, flags, &arg),
                Call::Register {
                    fd, opcode, nr, arg, ..
                } => self.register(fd, opcode, arg, nr),
                Call::Mmap { len, flags, fd, offset } => return self.mmap(len, flags, fd, offset),
                Call::Munmap { addr, len } => self.munmap(addr, len),
                Call::Madvise { .. } => 0,
                Call::Close(fd) => self.close(fd),
                Call::Limit(new) => {
                    if let Some(old) = (a[3] as *mut RLimit).as_mut() {
                        (old.cur, old.max) = self.limit;
                    }
                    self.limit = new.unwrap_or(self.limit);
                    0
                }
            }) as isize
        }
    }
}

/// The script's answer, when there is one in play.
unsafe fn scripted(nr: c_long, a: [usize; 6]) -> Option<isize> {
    // SAFETY: the library's call is passed on.
    PLAYED.with(|played| unsafe { played.borrow_mut().as_mut().map(|state| state.call(nr, a)) })
}

pub unsafe fn syscall2(nr: c_long, a: usize, b: usize) -> isize {
    // SAFETY: passed on.
    unsafe { scripted(nr, [a, b, 0, 0, 0, 0]).unwrap_or_else(|| arch::syscall2(nr, a, b)) }
}

pub unsafe fn syscall4(nr: c_long, a: usize, b: usize, c: usize, d: usize) -> isize {
    // SAFETY: passed on.
    unsafe { scripted(nr, [a, b, c, d, 0, 0]).unwrap_or_else(|| arch::syscall4(nr, a, b, c, d)) }
}

#[allow(clippy::many_single_char_names, reason = "registers")]
pub unsafe fn syscall6(nr: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    // SAFETY: passed on.
    unsafe { scripted(nr, [a, b, c, d, e, f]).unwrap_or_else(|| arch::syscall6(nr, a, b, c, d, e, f)) }
}

pub unsafe fn mmap(len: usize, prot: i32, flags: i32, fd: i32, offset: u64) -> isize {
    let registers = [0, len, prot as usize, flags as usize, fd as usize, offset as usize];
    // SAFETY: passed on.
    unsafe { scripted(libc::SYS_mmap, registers).unwrap_or_else(|| arch::mmap(len, prot, flags, fd, offset)) }
}
