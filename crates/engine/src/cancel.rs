//! Finding and canceling requests by what a program says of them.

use crate::context::Core;
use crate::kept::{self, Kept};
use crate::request::{File, Request};
use crate::slab::{Held, Key};
use crate::{enter, sys, user};
use alloc::sync::Arc;
use alloc::vec::Vec;
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::uapi::*;
use libc::{CLOCK_MONOTONIC, EALREADY, EBADF, EINVAL, ENOENT, ETIME};

user::plain!(io_uring_sync_cancel_reg);

pub const FLAGS: u32 = IORING_ASYNC_CANCEL_ALL
    | IORING_ASYNC_CANCEL_FD
    | IORING_ASYNC_CANCEL_ANY
    | IORING_ASYNC_CANCEL_FD_FIXED
    | IORING_ASYNC_CANCEL_USERDATA
    | IORING_ASYNC_CANCEL_OP;

/// The multiplier of Linux's hashes.
const GOLDEN: u64 = 0x61c8_8646_80b5_83eb;

/// What to cancel.
pub struct Criteria {
    pub data: u64,
    /// `IORING_ASYNC_CANCEL_` flags.
    pub flags: u32,
    pub opcode: u8,
    /// A descriptor of the file, with `IORING_ASYNC_CANCEL_FD`.
    pub file: c_int,
}

/// How requests are looked for, in Linux's order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Given to a worker.
    Worker,
    /// Waiting for a file.
    Poll,
    WaitId,
    Futex,
    Timeout,
}

impl Criteria {
    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether all requests that match are meant.
    fn all(&self) -> bool {
        self.has(IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY)
    }

    fn by_data_alone(&self) -> bool {
        !self.has(IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)
    }

    fn matches(&self, data: u64, opcode: u8, file: c_int) -> bool {
        if self.has(IORING_ASYNC_CANCEL_ANY) {
            return true;
        }
        if self.has(IORING_ASYNC_CANCEL_OP) && opcode != self.opcode {
            return false;
        }
        let by_data =
            self.has(IORING_ASYNC_CANCEL_USERDATA) || !self.has(IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP);
        if by_data && data != self.data {
            return false;
        }
        !self.has(IORING_ASYNC_CANCEL_FD) || file >= 0 && kept::same_file(file, self.file)
    }

    /// The class of a request that matches.
    fn class(&self, held: &Held) -> Option<Class> {
        match held {
            Held::Parked(request) => {
                let class = class_of(request)?;
                let file = match &request.file {
                    File::Kept(file) => file.fd(),
                    _ => -1,
                };
                self.matches(request.user_data(), request.sqe.opcode, file)
                    .then_some(class)
            }
            Held::Working(errand) => self
                .matches(errand.user_data, errand.opcode, errand.fd)
                .then_some(Class::Worker),
            _ => None,
        }
    }
}

/// Whether Linux returns 1 instead of 0 when it cancels a parked request.
pub fn counts(request: &Request) -> bool {
    matches!(class_of(request), Some(Class::WaitId | Class::Futex))
}

/// Whether a parked request can still be found after it was canceled.
pub fn stays(request: &Request) -> bool {
    class_of(request) == Some(Class::Poll)
}

/// The class of a parked request; none for timeouts that limit another request, which can't be canceled alone.
fn class_of(request: &Request) -> Option<Class> {
    match i32::from(request.sqe.opcode) {
        IORING_OP_LINK_TIMEOUT => None,
        IORING_OP_TIMEOUT => Some(Class::Timeout),
        IORING_OP_WAITID => Some(Class::WaitId),
        IORING_OP_FUTEX_WAIT | IORING_OP_FUTEX_WAITV => Some(Class::Futex),
        _ => Some(Class::Poll),
    }
}

impl Core {
    /// Cancels what matches: 0 (1 for some operations) or -errno, or the number if all that match are meant.
    pub fn cancel_matching(&mut self, criteria: &Criteria) -> i32 {
        let Some(mut found) = self.matching(criteria) else {
            return -libc::ENOMEM;
        };
        // Linux has the parked requests in a table by user data, the newest of a bucket first, and timeouts in a row.
        let bits = self.half.cq_entries().ilog2().saturating_sub(5).clamp(1, 8);
        let requests = &self.requests;
        // Without memory of its own, and the keys are all different.
        found.sort_unstable_by_key(|&(class, key)| {
            let order = requests.order(key);
            match class {
                Class::Poll => (
                    requests.user_data(key).wrapping_mul(GOLDEN) >> (64 - bits),
                    u64::MAX - order,
                ),
                Class::WaitId | Class::Futex => (0, u64::MAX - order),
                Class::Timeout | Class::Worker => (0, order),
            }
        });
        if criteria.all() {
            self.cancel_all(criteria, &found)
        } else {
            self.cancel_one(&found)
        }
    }

    /// The requests that match; none if there is no memory for them.
    fn matching(&self, criteria: &Criteria) -> Option<Vec<(Class, Key)>> {
        let ring = self.context.index;
        let mut found = Vec::new();
        let mut add = |(key, held): (Key, &Held)| {
            if let Some(class) = criteria.class(held) {
                found.try_reserve(1).ok()?;
                found.push((class, key));
            }
            Some(())
        };
        if criteria.by_data_alone() {
            self.requests.with(ring, criteria.data).try_for_each(&mut add)?;
        } else {
            self.requests.iter(ring).try_for_each(&mut add)?;
        }
        Some(found)
    }

    fn cancel_one(&mut self, found: &[(Class, Key)]) -> i32 {
        let mut result = -ENOENT;
        for class in [Class::Worker, Class::Poll, Class::WaitId, Class::Futex, Class::Timeout] {
            for &(_, key) in found.iter().filter(|(other, _)| *other == class) {
                match self.cancel(key) {
                    0 if class == Class::WaitId || class == Class::Futex => return 1,
                    0 => return 0,
                    errno => result = errno,
                }
            }
        }
        result
    }

    fn cancel_all(&mut self, criteria: &Criteria, found: &[(Class, Key)]) -> i32 {
        let mut count = |class: Class| {
            let of_class = found.iter().filter(|(other, _)| *other == class);
            let (mut canceled, mut failed) = (0, 0);
            for &(_, key) in of_class {
                match self.cancel(key) {
                    0 => canceled += 1,
                    _ => failed += 1,
                }
            }
            (canceled, failed)
        };
        let (queued, running) = count(Class::Worker);
        let (polls, _) = count(Class::Poll);
        let (waits, _) = count(Class::WaitId);
        let (futexes, _) = count(Class::Futex);
        let (timeouts, _) = count(Class::Timeout);
        // Linux finds all requests of these classes at once, and counts that as one.
        let at_once = |number: i32| {
            if criteria.has(IORING_ASYNC_CANCEL_ALL) {
                number.min(1)
            } else {
                number
            }
        };
        let workers = i32::from(queued != 0 && running == 0);
        workers + polls + at_once(waits) + at_once(futexes) + timeouts
    }

    /// The criteria's file: a descriptor of the program's or a registered file, which must be kept meanwhile.
    pub fn file_to_cancel(&mut self, fd: c_int, fixed: bool) -> Result<(c_int, Option<Arc<Kept>>), c_int> {
        if fixed {
            let kept = self.registered.files.get(fd as u32).ok_or(-EBADF)?;
            return Ok((kept.fd(), Some(kept)));
        }
        sys::fcntl(fd, libc::F_GETFD, 0).map_err(|_| -EBADF)?;
        Ok((fd, None))
    }
}

/// `IORING_REGISTER_SYNC_CANCEL`: cancels, and waits until the requests are gone.
pub fn sync(core: Core, arg: u64, nr: c_uint) -> c_int {
    match read(arg, nr) {
        Ok(wanted) => sync_wanted(core, &wanted),
        Err(errno) => errno,
    }
}

fn read(arg: u64, nr: c_uint) -> Result<io_uring_sync_cancel_reg, c_int> {
    if arg == 0 || nr != 1 {
        return Err(-EINVAL);
    }
    let wanted: io_uring_sync_cancel_reg = user::read(arg)?;
    if wanted.flags & !FLAGS != 0 || wanted.pad != [0; 7] || wanted.pad2 != [0; 3] {
        return Err(-EINVAL);
    }
    Ok(wanted)
}

fn sync_wanted(mut core: Core, wanted: &io_uring_sync_cancel_reg) -> c_int {
    let context = core.context;
    let time = [wanted.timeout.tv_sec, wanted.timeout.tv_nsec];
    let mut until = None;
    loop {
        let mut criteria = Criteria {
            data: wanted.addr,
            flags: wanted.flags,
            opcode: wanted.opcode,
            file: -1,
        };
        let mut _kept = None;
        if wanted.flags & IORING_ASYNC_CANCEL_FD != 0 {
            let fixed = wanted.flags & IORING_ASYNC_CANCEL_FD_FIXED != 0;
            match core.file_to_cancel(wanted.fd, fixed) {
                Ok((file, kept)) => (criteria.file, _kept) = (file, kept),
                Err(errno) => return errno,
            }
        }
        let res = core.cancel_matching(&criteria);
        let waited = until.is_some();
        if res != -EALREADY {
            return if waited && (res == -ENOENT || res > 0) { 0 } else { res };
        }
        let now = sys::now(CLOCK_MONOTONIC);
        let end = *until.get_or_insert_with(|| match time {
            [-1, -1] => u64::MAX / 2,
            time => now.saturating_add_signed(enter::nanoseconds(time)),
        });
        if waited && now >= end {
            return -ETIME;
        }
        if let Err(errno) = enter::sleep(core, end, None) {
            return errno;
        }
        let Some(again) = context.lock() else { return -EBADF };
        core = again;
        core.run_deferred();
    }
}
