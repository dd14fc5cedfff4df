//! `IORING_OP_TIMEOUT` and `IORING_OP_LINK_TIMEOUT`.

use super::{Data, Def, Start};
use crate::context::{Core, Work};
use crate::request::Request;
use crate::slab::{Held, Key};
use crate::timers::{self, BOOTTIME, CLOCKS, MONOTONIC, REALTIME};
use crate::{cancel, sys, user};
use alloc::boxed::Box;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{ECANCELED, EINVAL, ENOENT, ENOMEM, ETIME};

pub const TIMEOUT: Def = Def::new(prepare_timeout, Start::Park(start)).without_file().undo(undo);
pub const REMOVE: Def = Def::new(prepare_remove, Start::Now(remove)).without_file();
pub const LINK: Def = Def::new(prepare_link, Start::Park(start_alone)).without_file();

/// A timeout request.
#[derive(Clone, Copy)]
pub struct Timeout {
    pub clock: usize,
    /// Nanoseconds: from its start, or with `absolute` a moment of the clock.
    pub time: u64,
    pub absolute: bool,
    /// It completes early after so many completions of others; 0 for never.
    pub count: u32,
    /// Times that a multishot timeout still expires; `None` for no limit.
    pub repeats: Option<u32>,
    pub multishot: bool,
    /// Expiry is a success, so that it does not break a chain.
    pub success: bool,
    /// The request that it limits.
    pub limits: Option<Key>,
}

/// A timeout that completes early after some completions of others.
pub struct Counted {
    /// The number of completions at which it completes.
    pub target: u32,
    pub key: Key,
}

/// Nanoseconds of the program's `struct __kernel_timespec`.
pub fn read_time(address: u64) -> Result<u64, c_int> {
    let [seconds, nanoseconds]: [i64; 2] = user::read(address)?;
    if seconds < 0 || nanoseconds < 0 {
        return Err(-EINVAL);
    }
    Ok((seconds as u64)
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds as u64)
        .min(i64::MAX as u64))
}

/// The time that an entry names by its address, or with `IORING_TIMEOUT_IMMEDIATE_ARG` has in its place.
fn time_at(field: u64, flags: u32) -> Result<u64, c_int> {
    if flags & IORING_TIMEOUT_IMMEDIATE_ARG == 0 {
        return read_time(field);
    }
    if field > i64::MAX as u64 {
        return Err(-EINVAL);
    }
    Ok(field)
}

/// The clock that `IORING_TIMEOUT_` flags select.
pub fn clock(flags: u32) -> Result<usize, c_int> {
    match flags & IORING_TIMEOUT_CLOCK_MASK {
        0 => Ok(MONOTONIC),
        IORING_TIMEOUT_BOOTTIME => Ok(BOOTTIME),
        IORING_TIMEOUT_REALTIME => Ok(REALTIME),
        _ => Err(-EINVAL),
    }
}

fn prepare(request: &mut Request, link: bool) -> Result<(), c_int> {
    const FLAGS: u32 = IORING_TIMEOUT_ABS
        | IORING_TIMEOUT_CLOCK_MASK
        | IORING_TIMEOUT_ETIME_SUCCESS
        | IORING_TIMEOUT_MULTISHOT
        | IORING_TIMEOUT_IMMEDIATE_ARG;
    let flags = request.op_flags();
    if request.addr3() != 0
        || request.pad2() != 0
        || request.buf_index() != 0
        || request.len() != 1
        || request.file_index() != 0
        || link && request.off() != 0
        || flags & !FLAGS != 0
    {
        return Err(-EINVAL);
    }
    let absolute = flags & IORING_TIMEOUT_ABS != 0;
    let multishot = flags & IORING_TIMEOUT_MULTISHOT != 0;
    if multishot && absolute {
        return Err(-EINVAL);
    }
    let count = request.off() as u32;
    let clock = clock(flags)?;
    let time = time_at(request.addr(), flags)?;
    timers::prepare(clock)?;
    request.data = Data::Timeout(Timeout {
        clock,
        time,
        absolute,
        count: if multishot { 0 } else { count },
        repeats: (multishot && count != 0).then_some(count),
        multishot: multishot && !link,
        success: link || flags & IORING_TIMEOUT_ETIME_SUCCESS != 0,
        limits: None,
    });
    Ok(())
}

fn prepare_timeout(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    prepare(request, false)
}

fn prepare_link(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    // Its result has no effect on the chain.
    request.forgiven = true;
    prepare(request, true)
}

/// What `IORING_OP_TIMEOUT_REMOVE` asks for.
#[derive(Clone, Copy)]
pub enum Update {
    Remove,
    /// Another time, which may be a moment of the clock, for a timeout or one that limits a request.
    Time {
        time: u64,
        absolute: bool,
        link: bool,
    },
}

fn prepare_remove(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    const UPDATE: u32 = IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE;
    let flags = request.op_flags();
    if request.has(IOSQE_FIXED_FILE)
        || request.addr3() != 0
        || request.pad2() != 0
        || request.buf_index() != 0
        || request.len() != 0
        || request.file_index() != 0
    {
        return Err(-EINVAL);
    }
    let mut update = Update::Remove;
    if flags & UPDATE != 0 {
        if flags & !(UPDATE | IORING_TIMEOUT_ABS | IORING_TIMEOUT_IMMEDIATE_ARG) != 0 {
            return Err(-EINVAL);
        }
        let time = time_at(request.off(), flags)?;
        if flags & IORING_TIMEOUT_UPDATE != 0 {
            update = Update::Time {
                time,
                absolute: flags & IORING_TIMEOUT_ABS != 0,
                link: flags & IORING_LINK_TIMEOUT_UPDATE != 0,
            };
        }
    } else if flags != 0 {
        return Err(-EINVAL);
    }
    request.data = Data::TimeoutUpdate(update);
    Ok(())
}

/// The running timeout with this user data.
fn find(core: &Core, opcode: i32, user_data: u64) -> Option<Key> {
    let all = core.requests.with(core.context.index, user_data);
    // The newest comes first, and the oldest is meant.
    all.filter(|(_, held)| match held {
        Held::Parked(request) => i32::from(request.sqe.opcode) == opcode,
        _ => false,
    })
    .map(|(key, _)| key)
    .last()
}

fn remove(core: &mut Core, request: &mut Request) -> i32 {
    let Data::TimeoutUpdate(update) = request.data else {
        return -EINVAL;
    };
    let opcode = match update {
        Update::Time { link: true, .. } => IORING_OP_LINK_TIMEOUT,
        _ => IORING_OP_TIMEOUT,
    };
    let Some(key) = find(core, opcode, request.addr()) else {
        return -ENOENT;
    };
    let Update::Time { time, absolute, link } = update else {
        return core.cancel(key);
    };
    let Some(updated) = core.requests.parked(key) else {
        return -ENOENT;
    };
    let timeout = timeout(updated);
    let deadline = Timeout {
        time,
        absolute,
        ..*timeout
    }
    .deadline();
    let clock = timeout.clock;
    if !link {
        timeout.time = time;
        timeout.count = 0;
        timeout.repeats = None;
        core.counted.retain(|counted| counted.key != key);
    }
    match timers::set(clock, deadline, key) {
        Ok(()) => 0,
        Err(errno) => errno,
    }
}

/// The request's timeout data.
pub fn timeout(request: &mut Request) -> &mut Timeout {
    match &mut request.data {
        Data::Timeout(timeout) => timeout,
        _ => unreachable!("it was prepared"),
    }
}

impl Timeout {
    /// The moment at which it expires if it starts now.
    pub fn deadline(&self) -> u64 {
        if self.absolute {
            return self.time;
        }
        sys::now(CLOCKS[self.clock]).saturating_add(self.time)
    }
}

fn start(core: &mut Core, mut request: Box<Request>) {
    let key = core.key_of(&mut request);
    let posted = core.posted;
    let timeout = timeout(&mut request);
    if timers::set(timeout.clock, timeout.deadline(), key).is_err() {
        return core.complete(request, -ENOMEM);
    }
    if timeout.count != 0 {
        if core.inner.counted.try_reserve(1).is_err() {
            timers::cancel(key);
            return core.complete(request, -ENOMEM);
        }
        let count = timeout.count;
        // In the order in which they will complete.
        let before = |other: &Counted| count >= other.target.wrapping_sub(posted);
        let at = core.counted.iter().rposition(before).map_or(0, |at| at + 1);
        let target = posted.wrapping_add(count);
        core.counted.insert(at, Counted { target, key });
        core.looked = posted;
    }
    core.hold(request);
}

/// A link timeout that is not behind a request it could limit was refused; one whose request completed at once is canceled.
fn start_alone(core: &mut Core, request: Box<Request>) {
    core.complete(request, -ECANCELED);
}

fn undo(core: &mut Core, request: &mut Request) -> bool {
    let key = request.key;
    core.counted.retain(|counted| Some(counted.key) != key);
    true
}

/// Starts the timeout that limits a request.
pub fn arm_limit(core: &mut Core, mut limit: Box<Request>, target: Key) -> Key {
    let key = core.key_of(&mut limit);
    let timeout = timeout(&mut limit);
    timeout.limits = Some(target);
    let set = timers::set(timeout.clock, timeout.deadline(), key);
    core.hold(limit);
    if set.is_err() {
        // Only if this process was forked after the request was prepared. A request is better canceled too early than never.
        core.later(Work::Expired(key));
    }
    key
}

/// A request's timer has expired.
pub fn expired(core: &mut Core, mut request: Box<Request>) {
    let data = *timeout(&mut request);
    if let Some(target) = data.limits {
        let one = core
            .requests
            .parked(target)
            .is_some_and(|request| cancel::counts(request));
        let res = match core.cancel(target) {
            0 if one => 1,
            0 => -ETIME,
            // As Linux does for a request that a worker has begun.
            _ => -ENOENT,
        };
        return core.complete(request, res);
    }
    core.count_expired();
    let again = data.multishot && data.repeats != Some(1);
    if again && core.post_more(&request, -ETIME, 0) {
        let timeout = timeout(&mut request);
        timeout.repeats = timeout.repeats.map(|left| left - 1);
        let deadline = timeout.deadline();
        let key = core.key_of(&mut request);
        if timers::set(data.clock, deadline, key).is_ok() {
            return core.hold(request);
        }
    }
    undo(core, &mut request);
    request.forgiven = data.success;
    core.complete(request, -ETIME);
}

impl Core {
    /// Counts an expired timeout, whose completion does not count for others.
    fn count_expired(&mut self) {
        self.inner.completions = self.inner.completions.wrapping_sub(1);
        self.inner.posted = self.inner.posted.wrapping_sub(1);
        self.inner.expired = self.inner.expired.wrapping_add(1);
    }

    /// Completes the timeouts that wait for a number of completions.
    ///
    /// As on Linux, a timeout is taken off the count before its own completion adds to it. If that is silent or finds no
    /// room in the CQ, the count has gone backwards since the last look: then all the others complete.
    pub fn complete_counted(&mut self) {
        // Those that expire now don't count for each other.
        let now = self.posted;
        let last = core::mem::replace(&mut self.looked, now);
        let news = now.wrapping_sub(last);
        let reached = |counted: &&Counted| counted.target.wrapping_sub(last) <= news;
        while let Some(&Counted { key, .. }) = self.counted.first().filter(reached) {
            self.counted.remove(0);
            timers::cancel(key);
            if let Some(request) = self.requests.take(key) {
                self.count_expired();
                self.later(Work::Finished(request, 0));
            }
        }
    }
}
