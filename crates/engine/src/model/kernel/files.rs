//! Eventfds, timerfds and epoll.

use super::{changed, is_late, moment, now, sleep, step, with, words};
use ironring_abi::ctypes::c_int;
use libc::{EPOLLET, EPOLLIN, EPOLLONESHOT, EPOLLOUT, c_long, epoll_event, pollfd};
use std::collections::BTreeMap;
use std::rc::Rc;

const IN: u32 = EPOLLIN as u32;
const OUT: u32 = EPOLLOUT as u32;

/// The file of a descriptor.
#[derive(Debug)]
enum Kind {
    Event(u64),
    Timer {
        until: u64,
        expired: bool,
    },
    /// By descriptor.
    Epoll(BTreeMap<c_int, Watch>),
}

#[derive(Debug)]
struct Watch {
    file: Rc<()>,
    events: u32,
    data: u64,
    /// It is to be reported: with `EPOLLET` since the last change, with `EPOLLONESHOT` once.
    due: bool,
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    /// `F_SETSIG`.
    signal: usize,
    /// `F_SETFL`.
    flags: c_int,
}

#[derive(Debug, Default)]
pub struct Files {
    /// The open files' names by descriptor.
    numbers: BTreeMap<c_int, Rc<()>>,
    open: Vec<(Rc<()>, Open)>,
    /// A number for each descriptor that has ever been made; those of the ones that are open.
    made: usize,
    makings: BTreeMap<c_int, usize>,
}

/// A descriptor has been made. Who uses it must have learned of that.
fn made(fd: c_int) -> c_int {
    let making = with(|linux| {
        linux.files.made += 1;
        linux.files.makings.insert(fd, linux.files.made);
        linux.files.made
    });
    // No other data has so low an address.
    words::touch(making, true);
    fd
}

/// A descriptor is used.
fn used(fd: c_int) {
    if let Some(making) = with(|linux| linux.files.makings.get(&fd).copied()) {
        words::touch(making, false);
    }
}

impl Files {
    fn get(&mut self, file: &Rc<()>) -> &mut Open {
        let found = self.open.iter_mut().find(|(name, _)| Rc::ptr_eq(name, file));
        &mut found.expect("it is open").1
    }

    fn at(&mut self, fd: c_int) -> Option<&mut Open> {
        let file = self.numbers.get(&fd)?.clone();
        Some(self.get(&file))
    }

    /// Gives a file the first free number from one on.
    fn number(&mut self, file: Rc<()>, from: c_int) -> c_int {
        let free = (from..).find(|fd| !self.numbers.contains_key(fd)).expect("one is free");
        self.numbers.insert(free, file);
        free
    }

    fn create(&mut self, kind: Kind) -> c_int {
        let file = Rc::new(());
        let flags = libc::O_RDWR | libc::O_NONBLOCK;
        let signal = 0;
        self.open.push((file.clone(), Open { kind, signal, flags }));
        self.number(file, 3)
    }

    /// The events of a file.
    fn state(&self, file: &Rc<()>) -> u32 {
        let open = self.open.iter().find(|(name, _)| Rc::ptr_eq(name, file));
        match open.map(|(_, open)| &open.kind) {
            Some(Kind::Event(count)) => OUT | if *count != 0 { IN } else { 0 },
            Some(Kind::Timer { expired: true, .. }) => IN,
            Some(Kind::Epoll(watches)) if watches.values().any(|watch| self.found(watch) != 0) => IN,
            _ => 0,
        }
    }

    /// The events that a watch would report.
    fn found(&self, watch: &Watch) -> u32 {
        if watch.due {
            self.state(&watch.file) & watch.events
        } else {
            0
        }
    }

    /// A file has changed: who watches it for changes has one more.
    fn change(&mut self, file: &Rc<()>) {
        for (_, open) in &mut self.open {
            if let Kind::Epoll(watches) = &mut open.kind {
                let edges = watches.values_mut().filter(|watch| watch.events & EPOLLET as u32 != 0);
                edges
                    .filter(|watch| Rc::ptr_eq(&watch.file, file))
                    .for_each(|watch| watch.due = true);
            }
        }
    }

    /// Time has passed.
    pub fn expire(&mut self, now: u64) {
        let mut over = Vec::new();
        for (name, open) in &mut self.open {
            if let Kind::Timer { until, expired } = &mut open.kind {
                if *until != 0 && *until <= now {
                    (*until, *expired) = (0, true);
                    over.push(name.clone());
                }
            }
        }
        over.iter().for_each(|file| self.change(file));
    }

    fn close(&mut self, fd: c_int) -> c_int {
        let Some(file) = self.numbers.remove(&fd) else {
            return -libc::EBADF;
        };
        self.makings.remove(&fd);
        if !self.numbers.values().any(|other| Rc::ptr_eq(other, &file)) {
            for (_, open) in &mut self.open {
                if let Kind::Epoll(watches) = &mut open.kind {
                    watches.retain(|_, watch| !Rc::ptr_eq(&watch.file, &file));
                }
            }
            self.open.retain(|(name, _)| !Rc::ptr_eq(name, &file));
        }
        0
    }

    fn control(&mut self, epoll: c_int, operation: c_int, fd: c_int, event: Option<epoll_event>) -> c_int {
        let Some(file) = self.numbers.get(&fd).cloned() else {
            return -libc::EBADF;
        };
        let Some(Open {
            kind: Kind::Epoll(watches),
            ..
        }) = self.at(epoll)
        else {
            return -libc::EINVAL;
        };
        if operation == libc::EPOLL_CTL_DEL {
            return if watches.remove(&fd).is_some() {
                0
            } else {
                -libc::ENOENT
            };
        }
        let Some(epoll_event { events, u64: data }) = event else {
            return -libc::EFAULT;
        };
        let watch = Watch {
            file,
            events,
            data,
            due: true,
        };
        match (operation == libc::EPOLL_CTL_ADD, watches.insert(fd, watch).is_some()) {
            (true, true) => -libc::EEXIST,
            (false, false) => -libc::ENOENT,
            _ => 0,
        }
    }

    /// Takes up to `most` events.
    fn take(&mut self, epoll: c_int, most: usize) -> Vec<epoll_event> {
        let Some(Open {
            kind: Kind::Epoll(watches),
            ..
        }) = self.at(epoll)
        else {
            return Vec::new();
        };
        let mut watches = core::mem::take(watches);
        let mut events = Vec::new();
        for watch in watches.values_mut() {
            let found = self.found(watch);
            if found != 0 && events.len() < most {
                events.push(epoll_event {
                    events: found,
                    u64: watch.data,
                });
                watch.due = watch.events & (EPOLLET | EPOLLONESHOT) as u32 == 0;
            }
        }
        if let Some(open) = self.at(epoll) {
            open.kind = Kind::Epoll(watches);
        }
        events
    }

    fn fcntl(&mut self, fd: c_int, command: c_int, argument: usize) -> c_int {
        const F_SETSIG: c_int = 10;
        const F_GETSIG: c_int = 11;
        let Some(file) = self.numbers.get(&fd).cloned() else {
            return -libc::EBADF;
        };
        match command {
            libc::F_DUPFD_CLOEXEC => self.number(file, argument as c_int),
            libc::F_GETFD => 0,
            libc::F_GETFL => self.get(&file).flags,
            libc::F_SETFL => {
                self.get(&file).flags = argument as c_int;
                0
            }
            F_GETSIG => self.get(&file).signal as c_int,
            F_SETSIG => {
                self.get(&file).signal = argument;
                0
            }
            _ => -libc::EINVAL,
        }
    }
}

/// A descriptor on which nothing ever happens.
pub fn never() -> c_int {
    made(with(|linux| linux.files.create(Kind::Event(0))))
}

/// An eventfd of the program.
pub fn eventfd() -> c_int {
    never()
}

/// Writes to an eventfd, or empties it.
pub fn set_event(fd: c_int, add: Option<u64>) -> c_int {
    step();
    used(fd);
    let done = with(|linux| {
        let Some(file) = linux.files.numbers.get(&fd).cloned() else {
            return -libc::EBADF;
        };
        let Kind::Event(count) = &mut linux.files.get(&file).kind else {
            return -libc::EINVAL;
        };
        *count = add.map_or(0, |add| *count + add);
        linux.files.change(&file);
        8
    });
    changed();
    done
}

/// Waits for files up to some moment, which is 0 for none: how many have events.
fn poll(entries: &mut [pollfd], until: u64) -> c_int {
    entries.iter().for_each(|entry| used(entry.fd));
    loop {
        step();
        let found = with(|linux| {
            let mut found = 0;
            for entry in &mut *entries {
                let events = match linux.files.numbers.get(&entry.fd) {
                    Some(file) => linux.files.state(file) as i16 & entry.events,
                    None if entry.fd < 0 => 0,
                    None => libc::POLLNVAL,
                };
                entry.revents = events;
                found += c_int::from(events != 0);
            }
            found
        });
        if found != 0 || is_late(until) {
            return found;
        }
        // What has happened by the end does not count.
        if sleep(Vec::new(), until) == super::Wake::Late {
            return 0;
        }
    }
}

/// A system call on files.
///
/// # Safety
/// As for the call.
pub unsafe fn call(nr: c_long, [a, b, c, d, e]: [usize; 5]) -> c_int {
    let fd = a as c_int;
    match nr {
        libc::SYS_write => set_event(fd, Some(1)),
        libc::SYS_read => set_event(fd, None),
        libc::SYS_close => {
            step();
            used(fd);
            with(|linux| linux.files.close(fd))
        }
        libc::SYS_fcntl => {
            let command = b as c_int;
            // Who asks only whether there is a descriptor need not know of it.
            if command != libc::F_GETFD {
                used(fd);
            }
            if [libc::F_GETFL, libc::F_SETFL].contains(&command) {
                step();
            }
            let done = with(|linux| linux.files.fcntl(fd, command, c));
            if command == libc::F_DUPFD_CLOEXEC && done >= 0 {
                return made(done);
            }
            done
        }
        libc::SYS_eventfd2 => never(),
        libc::SYS_epoll_create1 => made(with(|linux| linux.files.create(Kind::Epoll(BTreeMap::new())))),
        libc::SYS_timerfd_create => made(with(|linux| {
            linux.files.create(Kind::Timer {
                until: 0,
                expired: false,
            })
        })),
        libc::SYS_epoll_ctl => {
            step();
            [fd, c as c_int].into_iter().for_each(used);
            // SAFETY: the engine passes an event.
            let event = unsafe { (d as *const epoll_event).as_ref() }.copied();
            let done = with(|linux| linux.files.control(fd, b as c_int, c as c_int, event));
            changed();
            done
        }
        libc::SYS_epoll_pwait => {
            step();
            used(fd);
            let events = with(|linux| linux.files.take(fd, c));
            for (at, event) in events.iter().enumerate() {
                // SAFETY: the engine passes room for so many.
                unsafe { (b as *mut epoll_event).add(at).write_unaligned(*event) };
            }
            events.len() as c_int
        }
        libc::SYS_ppoll => {
            // SAFETY: the engine passes entries.
            let entries = unsafe { core::slice::from_raw_parts_mut(a as *mut pollfd, b) };
            // SAFETY: it passes a time or none.
            let time = unsafe { moment(c) };
            // One that is over at once, or a moment; without a time there is none.
            let until = if c == 0 { 0 } else { now(0) + time };
            poll(entries, until)
        }
        libc::SYS_timerfd_settime => {
            step();
            used(fd);
            // SAFETY: the engine passes a time's interval and moment.
            let at = unsafe { moment(c + size_of::<libc::timespec>()) };
            let now = now(0);
            with(|linux| {
                if let Some(Open {
                    kind: Kind::Timer { until, expired },
                    ..
                }) = linux.files.at(fd)
                {
                    (*until, *expired) = (at, false);
                }
                linux.files.expire(now);
            });
            changed();
            0
        }
        libc::SYS_statx if with(|linux| linux.files.numbers.contains_key(&fd)) => {
            // As files without a file system: all are one, of no kind.
            const INODE: usize = 32;
            const DEVICE: usize = 136;
            // SAFETY: the engine passes room for the structure.
            unsafe {
                let room = e as *mut u8;
                room.write_bytes(0, 256);
                room.add(INODE).write(1);
                room.add(DEVICE).write(1);
            }
            0
        }
        _ => -libc::EBADF,
    }
}
