//! The script of a test, and the state of its kernel.

use crate::script::call::{Call, Kind};
use crate::script::ring::{Region, Ring};
use ironring_abi::ctypes::{c_int, c_void};
use ironring_abi::kernel::Part;
use libc::{EBADF, EINVAL, EIO};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;

pub const PAGE: usize = 4096;

/// The behavior of the kernel, and its state.
pub struct State {
    pub features: u32,
    /// Setup flags that this kernel does not know.
    pub unknown: u32,
    /// Added to all offsets of the rings.
    pub shift: u32,
    /// Whether the CQ has flags (since 5.8).
    pub cq_flags: bool,
    /// The first value of all heads and tails.
    pub start: u32,
    /// The most SQEs that each of the next calls of `io_uring_enter` takes.
    pub short: VecDeque<u32>,
    /// Whether a signal ends each wait.
    pub signal: bool,
    /// Results for the next registrations with an opcode, instead of success.
    pub answers: Vec<(u32, c_int)>,
    /// The head that `IORING_REGISTER_PBUF_STATUS` returns.
    pub buffers_head: u32,
    /// Whether a mapping may be longer than its region.
    pub any_length: bool,
    /// The limit on open files.
    pub limit: (u64, u64),
    pub rings: Vec<Ring>,
    /// Registered rings: index and descriptor.
    pub indexes: BTreeMap<c_int, c_int>,
    pub(super) faults: Vec<(Kind, usize, c_int)>,
    pub(super) calls: Vec<Call>,
    pub(super) total: usize,
    pub(super) wrong: Vec<String>,
    pub(super) maps: Vec<(usize, usize, Region)>,
    pub(super) fds: BTreeSet<c_int>,
    pub(super) next_fd: c_int,
    pub(super) regions: Vec<Region>,
}

thread_local! {
    pub(super) static PLAYED: RefCell<Option<Box<State>>> = const { RefCell::new(None) };
}

/// The script of this thread, until it is dropped.
pub struct Script(PhantomData<*const ()>);

/// Starts a script with a kernel that has all features.
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

    /// Changes the newest ring.
    pub fn ring<T>(&self, change: impl FnOnce(&mut Ring) -> T) -> T {
        self.set(|state| change(state.rings.last_mut().expect("a ring was set up")))
    }

    /// The calls since the last time this was called.
    pub fn calls(&self) -> Vec<Call> {
        self.set(|state| std::mem::take(&mut state.calls))
    }

    /// Makes the `nth` call of a kind from now on fail (0: the next).
    pub fn fail(&self, kind: Kind, nth: usize, errno: c_int) {
        self.set(|state| state.faults.push((kind, nth, errno)));
    }

    /// The numbers of mappings and descriptors of the program.
    pub fn held(&self) -> (usize, usize) {
        self.set(|state| (state.maps.len(), state.fds.len()))
    }

    /// Removes and returns all complaints, for tests of the script itself.
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
            assert!(state.indexes.is_empty(), "left registered: {:?}", state.indexes);
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

    /// Allocates zeroed memory in whole pages.
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

    /// The ring with a descriptor, or with an index.
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

    /// Maps `len` bytes of a region.
    pub(super) fn map(&mut self, region: Region, len: usize) -> Result<*mut c_void, c_int> {
        if len == 0 || len > region.len && !self.any_length {
            self.complain(format!("a mapping of {len} bytes where there are {}", region.len));
            return Err(-EINVAL);
        }
        self.maps.push((region.at as usize, len, region));
        Ok(region.at.cast())
    }

    pub(super) fn map_ring(&mut self, fd: c_int, part: Part, len: usize) -> Result<*mut c_void, c_int> {
        let ring = &self.rings[self.ring_of(fd, false)?];
        let region = ring.regions.iter().find(|(at, _)| *at == part).ok_or(-EINVAL)?;
        self.map(region.1, len)
    }

    pub(super) fn unmap(&mut self, addr: usize, len: usize) -> c_int {
        let Some(at) = self.maps.iter().position(|map| (map.0, map.1) == (addr, len)) else {
            self.complain(format!("unmaps {len} bytes at {addr:#x}, which were not mapped so"));
            return -EINVAL;
        };
        let (.., region) = self.maps.swap_remove(at);
        // SAFETY: the region is allocated until the script ends; nobody may count on what is in it any more.
        unsafe { region.at.write_bytes(0xa5, region.len) };
        0
    }

    pub(super) fn close(&mut self, fd: c_int) -> c_int {
        if !self.fds.remove(&fd) {
            self.complain(format!("close({fd}), which is not open"));
            return -EBADF;
        }
        0
    }

    /// Records a call; returns the error that the script has for it, if any.
    pub(super) fn meet(&mut self, call: Call) -> Result<(), c_int> {
        let kind = call.kind();
        self.calls.push(call);
        self.total += 1;
        if self.total > 100_000 {
            self.complain("a hundred thousand calls: a loop that does not end");
            return Err(-EIO);
        }
        let mut fault = Ok(());
        self.faults.retain_mut(|(faulty, left, errno)| {
            if *faulty != kind {
                return true;
            }
            if *left == 0 && fault.is_ok() {
                fault = Err(*errno);
                return false;
            }
            *left = left.saturating_sub(1);
            true
        });
        fault
    }
}
