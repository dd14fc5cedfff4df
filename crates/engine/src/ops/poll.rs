//! `IORING_OP_POLL_ADD` and `IORING_OP_POLL_REMOVE`: waiting for events of a file.

use super::{Data, Def, Start};
use crate::context::{Core, Work};
use crate::request::Request;
use crate::slab::{Held, Key};
use crate::{context, driver, kept, proc, sys};
use alloc::boxed::Box;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{
    EALREADY, ECANCELED, EINVAL, ENOENT, EPERM, EPOLLERR, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP, EPOLLIN, EPOLLONESHOT,
    EPOLLOUT, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRNORM,
};

pub const ADD: Def = Def::new(prepare, Start::Park(start)).ready(ready);
pub const REMOVE: Def = Def::new(prepare_remove, Start::Now(remove)).without_file();

/// A poll request.
#[derive(Clone, Copy)]
pub struct Poll {
    /// What is waited for; errors and hang-ups always are.
    pub events: u32,
    pub multi: bool,
    /// One event wakes up only one of the requests that ask for this.
    pub exclusive: bool,
    /// The request has got the events that were there when it started, and the driver will report them once more.
    pub known: Option<Known>,
    /// An event has come that is not handled yet.
    pub news: bool,
    /// The file may become readable by completions, because it is one without a file system.
    pub anonymous: bool,
    /// The file is a ring. What a multishot request posts would be the next event of a ring that polls itself, so the
    /// first event ends the request.
    pub ring: bool,
}

/// Events that a request has got without the driver.
#[derive(Clone, Copy)]
pub struct Known {
    pub events: u32,
    /// The number of the driver's round in which they were found.
    pub round: u32,
}

/// Events that every request waits for.
const ALWAYS: u32 = (EPOLLERR | EPOLLHUP | EPOLLRDHUP) as u32;

/// The 32 bits of events in an entry, whose halves big-endian processors swap.
fn bits_of(request: &Request) -> u32 {
    let events = request.op_flags();
    if cfg!(target_endian = "big") {
        events.rotate_left(16)
    } else {
        events
    }
}

/// The events of poll(2) in an entry.
fn events_of(request: &Request) -> u32 {
    bits_of(request) & 0xffff | ALWAYS
}

fn prepare(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let flags = request.len();
    if request.off() != 0 || request.addr() != 0 || request.buf_index() != 0 || flags & !IORING_POLL_ADD_MULTI != 0 {
        return Err(-EINVAL);
    }
    let multi = flags & IORING_POLL_ADD_MULTI != 0;
    if multi && request.has(IOSQE_CQE_SKIP_SUCCESS) {
        return Err(-EINVAL);
    }
    request.data = Data::Poll(Poll {
        events: events_of(request),
        multi,
        exclusive: bits_of(request) & EPOLLEXCLUSIVE as u32 != 0,
        known: None,
        news: false,
        anonymous: false,
        ring: false,
    });
    Ok(())
}

/// The request's poll data.
fn poll(request: &mut Request) -> &mut Poll {
    match &mut request.data {
        Data::Poll(poll) => poll,
        _ => unreachable!("it was prepared"),
    }
}

fn start(core: &mut Core, mut request: Box<Request>) {
    let fd = request.fd();
    let poll = poll(&mut request);
    // Other descriptors matter only to requests that go on, duplicates of a ring's among them.
    poll.anonymous = poll.multi && kept::is_anonymous(fd);
    poll.ring = context::by_fd(fd).is_some() || poll.anonymous && context::by_duplicate(fd).is_some();
    if poll.ring {
        driver::watch_rings();
    }
    if let Some((request, res)) = arm(core, request) {
        core.complete(request, res);
    }
}

/// Waits for the events; gives the request back with its result if it is finished at once.
fn arm(core: &mut Core, mut request: Box<Request>) -> Option<(Box<Request>, i32)> {
    let poll = *poll(&mut request);
    let Poll { events, multi, .. } = poll;
    let fd = request.fd();
    let found = match sys::poll_now(fd, events) {
        Err(errno) => return Some((request, errno)),
        // The driver will report them again, once. Only who has that taken before the program learns of them can tell it from
        // a change; a multishot request that starts at another time gets them from the driver alone.
        Ok(_) if multi && !core.inner.submitting => 0,
        Ok(found) => found & events,
    };
    if found != 0 && !multi {
        return Some((request, found as i32));
    }
    match core.watch(&mut request, events | poll.how()) {
        Ok(()) => {
            let key = core.key_of(&mut request);
            let poll = self::poll(&mut request);
            poll.known = (found != 0).then(|| Known {
                events: found,
                round: driver::round(),
            });
            poll.news = found != 0;
            core.hold(request);
            if found != 0 {
                if core.inner.eager.try_reserve(1).is_ok() {
                    core.inner.eager.push(key);
                }
                core.later(Work::Ready(key, found));
            }
            None
        }
        // Files that can't be polled are always readable and writable, and nothing else.
        Err(errno) if errno == -EPERM => {
            let always = (EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM) as u32 & events;
            Some((request, if always == 0 { -EINVAL } else { always as i32 }))
        }
        // No descriptor is left, so that a worker waits with the program's.
        Err(errno) if !multi && kept::is_short(errno) => {
            core.wait_by_worker(request, events);
            None
        }
        Err(errno) => Some((request, errno)),
    }
}

/// Takes note of events that have just come for a request. True if nothing is to be done: they are the first report of what
/// the request has got already, or the request is about to look for its events.
pub fn arrive(core: &mut Core, key: Key, found: u32) -> bool {
    let Some(Data::Poll(poll)) = core.requests.parked(key).map(|request| &mut request.data) else {
        return false;
    };
    // The report comes in this round or the next two, or never if somebody has taken the events away.
    let since = |round: u32| driver::round().wrapping_sub(round);
    let known = poll.known.take();
    if known.is_some_and(|known| since(known.round) <= 2 && found & poll.events & !known.events == 0) {
        return true;
    }
    core::mem::replace(&mut poll.news, true)
}

/// The driver has reported what was there when a request started, if ever.
pub fn forget_known(core: &mut Core, key: Key) {
    if let Some(Data::Poll(poll)) = core.requests.parked(key).map(|request| &mut request.data) {
        poll.known = None;
    }
}

/// The events of a multishot request. Between finding them and this more may have come, as one completion on Linux, too.
fn newest(request: &mut Request, found: u32) -> u32 {
    let fd = request.fd();
    let poll = poll(request);
    let now = sys::poll_now(fd, poll.events).map_or(found, |now| now & poll.events);
    let newest = if now & !found == 0 { found } else { now };
    if let Some(known) = &mut poll.known {
        known.events = newest;
    }
    newest
}

impl Poll {
    /// How the driver watches the file.
    fn how(self) -> u32 {
        if self.multi || self.exclusive {
            EPOLLET as u32
        } else {
            EPOLLONESHOT as u32
        }
    }
}

/// Whether a file becomes readable by the completions of the ring: its registered eventfd, or an epoll descriptor that has
/// that or a ring's descriptor among its own. A multishot request for it would never end.
fn is_own_signal(core: &Core, fd: c_int) -> bool {
    let eventfd = core.registered.eventfd.as_ref().map(|(eventfd, _)| eventfd.fd());
    let signals = |fd: c_int| eventfd.is_some_and(|eventfd| kept::same_file(fd, eventfd));
    signals(fd)
        || proc::epoll_targets(fd)
            .into_iter()
            .any(|fd| context::by_fd(fd).is_some() || signals(fd))
}

/// Whether another request has got the event for which this one was woken up, too.
fn is_taken(core: &mut Core, fd: c_int) -> bool {
    let Some(file) = sys::identity(fd).filter(|_| !kept::is_anonymous(fd)) else {
        return false;
    };
    let event = Some((file, driver::round()));
    core::mem::replace(&mut core.inner.exclusive, event) == event
}

fn ready(core: &mut Core, mut request: Box<Request>, found: u32) {
    self::poll(&mut request).news = false;
    let poll = *poll(&mut request);
    let Poll { events, multi, .. } = poll;
    let mut found = found & events;
    if multi && found != 0 && (poll.known.is_some() || core.has(IORING_SETUP_DEFER_TASKRUN)) {
        found = newest(&mut request, found);
    }
    if found == 0 {
        // The request has been updated meanwhile.
        if !multi && core.watch(&mut request, events | poll.how()).is_err() {
            return core.wait_by_worker(request, events);
        }
        return core.hold(request);
    }
    if poll.exclusive && is_taken(core, request.fd()) {
        return core.hold(request);
    }
    let own = poll.ring || poll.anonymous && is_own_signal(core, request.fd());
    if multi && !own && core.post_more(&request, found as i32, 0) {
        return core.hold(request);
    }
    core.complete(request, found as i32);
}

/// What `IORING_OP_POLL_REMOVE` asks for.
#[derive(Clone, Copy)]
pub struct Update {
    pub events: Option<u32>,
    pub user_data: Option<u64>,
}

fn prepare_remove(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    const FLAGS: u32 = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA | IORING_POLL_ADD_MULTI;
    let flags = request.len();
    if request.buf_index() != 0 || request.file_index() != 0 || flags & !FLAGS != 0 || flags == IORING_POLL_ADD_MULTI {
        return Err(-EINVAL);
    }
    let update = Update {
        events: (flags & IORING_POLL_UPDATE_EVENTS != 0).then(|| events_of(request)),
        user_data: (flags & IORING_POLL_UPDATE_USER_DATA != 0).then(|| request.off()),
    };
    if update.user_data.is_none() && request.off() != 0 || update.events.is_none() && request.op_flags() != 0 {
        return Err(-EINVAL);
    }
    request.data = Data::PollUpdate(update);
    Ok(())
}

/// The poll request with this user data that waits, by the driver or a worker.
fn find(core: &Core, user_data: u64) -> Option<Key> {
    let mut all = core.requests.with(core.context.index, user_data);
    all.find(|(_, held)| match held {
        Held::Parked(request) => i32::from(request.sqe.opcode) == IORING_OP_POLL_ADD,
        Held::Working(errand) => i32::from(errand.opcode) == IORING_OP_POLL_ADD,
        _ => false,
    })
    .map(|(key, _)| key)
}

/// Whether an event of a request has happened, and its completion will come. What a multishot request finds now it may have
/// reported before.
fn has_news(polled: &mut Request) -> bool {
    let fd = polled.fd();
    let Poll {
        events, multi, news, ..
    } = *poll(polled);
    news || !multi && sys::poll_now(fd, events).is_ok_and(|found| found & events != 0)
}

fn remove(core: &mut Core, request: &mut Request) -> i32 {
    let Data::PollUpdate(update) = request.data else {
        return -EINVAL;
    };
    let Some(key) = find(core, request.addr()) else {
        return -ENOENT;
    };
    if core
        .requests
        .parked(key)
        .is_some_and(|polled| polled.canceled || has_news(polled))
    {
        return -EALREADY;
    }
    if update.events.is_none() && update.user_data.is_none() {
        // Unlike after a cancellation nobody finds it any more.
        match core.requests.take(key) {
            Some(polled) => core.later(Work::Finished(polled, -ECANCELED)),
            None => _ = core.cancel(key),
        }
        return 0;
    }
    let Some(mut polled) = core.requests.take(key).or_else(|| core.withdraw(key)) else {
        return -ENOENT;
    };
    polled.polling = 0;
    if let Some(events) = update.events {
        poll(&mut polled).events = events;
    }
    if let Some(user_data) = update.user_data {
        polled.sqe.user_data = user_data;
    }
    if let Some((polled, res)) = arm(core, polled) {
        let res = if res < 0 { -ECANCELED } else { res };
        core.later(Work::Finished(polled, res));
    }
    0
}
