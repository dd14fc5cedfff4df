//! Requests on their way: starting, parking, completing, and what a chain does next.

use crate::context::{Core, Work};
use crate::credentials::{self, Credentials};
use crate::kept::is_short;
use crate::ops::{Start, Tried};
use crate::request::{After, File, Limit, Request};
use crate::slab::{Held, Key};
use crate::{driver, sys, timers, worker};
use alloc::boxed::Box;
use alloc::sync::Arc;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use ironring_half::Cqe;
use libc::{EBADF, ECANCELED, EPERM};

/// The events that poll(2) knows, without the flags of epoll(7).
const POLLABLE: u32 = 0xffff;

impl Core {
    /// Starts a request that nothing holds back any more.
    pub fn start(&mut self, mut request: Box<Request>) {
        if let Some(errno) = request.refused {
            return self.complete(request, errno);
        }
        let def = request.def();
        if def.file && matches!(request.file, File::None) {
            match self.file_of(&request) {
                Ok(file) => request.file = file,
                Err(errno) => return self.complete(request, errno),
            }
        }
        // Another thread's, or a personality.
        let other = request
            .credentials
            .take_if(|wanted| def.credentials && !wanted.are_current());
        if let Some(wanted) = other {
            return self.start_with(request, &wanted);
        }
        if let Some(import) = def.import {
            if let Err(errno) = import(self, &mut request) {
                // Linux looks for the file first.
                let lacks_file = def.file && !sys::is_usable(request.fd());
                return self.complete(request, if lacks_file { -EBADF } else { errno });
            }
        }
        match def.start {
            Start::Now(run) => {
                if request.has(IOSQE_ASYNC) && !request.bounced {
                    request.bounced = true;
                    return self.work(request, |_| 0);
                }
                let res = run(self, &mut request);
                self.complete(request, res);
            }
            Start::Park(run) => run(self, request),
            Start::Work(run) => self.work(request, run),
            Start::Try(attempt, block) => {
                // A worker can't select a buffer.
                let inline = request.has(IOSQE_BUFFER_SELECT);
                if request.has(IOSQE_ASYNC) && !inline && !def.pollable(&request) {
                    return self.work(request, block);
                }
                self.attempt(request, 0, attempt, block);
            }
        }
    }

    /// Starts a request that needs other credentials than the calling thread has.
    fn start_with(&mut self, mut request: Box<Request>, wanted: &Arc<Credentials>) {
        match request.def().start {
            Start::Now(run) => {
                let res = credentials::with(wanted, || run(self, &mut request));
                self.complete(request, res.unwrap_or_else(|errno| errno));
            }
            Start::Try(_, run) | Start::Work(run) => {
                request.credentials = Some(wanted.clone());
                self.work(request, run);
            }
            Start::Park(run) => {
                let mut request = Some(request);
                let done = credentials::with(wanted, || request.take().map(|request| run(self, request)));
                if let (Some(request), Err(errno)) = (request, done) {
                    self.complete(request, errno);
                }
            }
        }
    }

    /// The file that the entry names.
    fn file_of(&mut self, request: &Request) -> Result<File, c_int> {
        if !request.has(IOSQE_FIXED_FILE) {
            // A number that the program never got.
            if crate::kept::is_engines(request.sqe.fd) {
                return Err(-EBADF);
            }
            return Ok(File::Program(request.sqe.fd));
        }
        let file = self.inner.registered.files.get(request.sqe.fd as u32);
        file.map(File::Kept).ok_or(-EBADF)
    }

    /// Makes an attempt that does not block, and parks the request or gives it to a worker if it would.
    pub fn attempt(
        &mut self,
        mut request: Box<Request>,
        ready: u32,
        attempt: fn(&mut Core, &mut Request, u32) -> Tried,
        block: fn(&mut Request) -> i32,
    ) {
        match attempt(self, &mut request, ready) {
            Tried::Done(res) => {
                if res == -EBADF && !sys::is_usable(request.fd()) {
                    // There is no such file, so that nothing was selected for it.
                    self.recycle(&mut request);
                }
                self.complete(request, res);
            }
            Tried::Later(res) => self.later(Work::Finished(request, res)),
            Tried::Block => {
                // The worker uses them without the lock, so that nobody else may.
                self.keep_buffers(&mut request);
                self.work(request, block);
            }
            Tried::Direct => {
                self.keep_buffers(&mut request);
                self.transfer(request, block);
            }
            Tried::Wait(events) => match self.watch(&mut request, events | libc::EPOLLONESHOT as u32) {
                Ok(()) => {
                    self.recycle(&mut request);
                    self.hold(request);
                }
                // It can't be polled: a worker makes the call, which blocks.
                Err(errno) if errno == -EPERM => {
                    self.keep_buffers(&mut request);
                    self.work(request, block);
                }
                Err(errno) if is_short(errno) => {
                    self.recycle(&mut request);
                    self.wait_by_worker(request, events);
                }
                Err(errno) => self.complete(request, errno),
            },
        }
    }

    /// Parks a request until its file has one of these events, for an operation that handles them itself (`Def::ready`).
    /// With `EPOLLET` each change of the file is an event, otherwise one is.
    pub fn wait(&mut self, mut request: Box<Request>, events: u32) {
        let once = if events & libc::EPOLLET as u32 == 0 {
            libc::EPOLLONESHOT as u32
        } else {
            0
        };
        match self.watch(&mut request, events | once) {
            Ok(()) => self.hold(request),
            Err(errno) if is_short(errno) => self.wait_by_worker(request, events),
            // It can't be polled.
            Err(errno) if errno == -EPERM => self.complete(request, -libc::EAGAIN),
            Err(errno) => self.complete(request, errno),
        }
    }

    /// Has a worker wait for events of a request's file, because no descriptor is left to watch it.
    pub fn wait_by_worker(&mut self, mut request: Box<Request>, events: u32) {
        request.polling = events & POLLABLE;
        self.work(request, |_| -libc::ENOMEM);
    }

    /// Parks a request that has found its file not ready until that changes. The file is watched only once.
    pub fn wait_for_changes(&mut self, request: Box<Request>, events: u32) {
        if request.watched {
            return self.hold(request);
        }
        self.wait(request, events | libc::EPOLLET as u32);
    }

    /// Has the driver watch a request's file.
    pub fn watch(&mut self, request: &mut Request, events: u32) -> Result<(), c_int> {
        let key = self.key_of(request);
        if request.watched {
            return driver::change(request.fd(), events, key);
        }
        // A duplicate keeps the file open when the program closes it, and gives the driver a name of its own for it.
        let kept = match &request.file {
            File::Kept(file) => crate::kept::Kept::of(file)?,
            _ => crate::kept::Kept::new(request.fd())?,
        };
        driver::add(kept.fd(), events, key)?;
        request.file = File::Kept(Arc::new(kept));
        request.watched = true;
        Ok(())
    }

    /// The request's place in the slab.
    pub fn key_of(&mut self, request: &mut Request) -> Key {
        let ring = self.context.index;
        *request.key.get_or_insert_with(|| self.inner.requests.reserve(ring))
    }

    /// Parks a request until there is news for it.
    pub fn hold(&mut self, mut request: Box<Request>) {
        let key = self.key_of(&mut request);
        self.arm_limit(&mut request);
        self.inner.requests.hold(key, Held::Parked(request));
    }

    /// Starts the timeout that limits a request.
    pub fn arm_limit(&mut self, request: &mut Request) {
        match core::mem::replace(&mut request.limit, Limit::None) {
            Limit::Waiting(limit) => {
                let target = self.key_of(request);
                request.limit = Limit::Armed(crate::ops::timeout::arm_limit(self, limit, target));
            }
            other => request.limit = other,
        }
    }

    /// Gives a request to a worker.
    pub fn work(&mut self, mut request: Box<Request>, run: fn(&mut Request) -> i32) {
        if let Err(errno) = request.keep_file() {
            return self.complete(request, errno);
        }
        let key = self.key_of(&mut request);
        self.arm_limit(&mut request);
        match worker::submit(self.context, &mut self.submitter, request, run) {
            Ok(errand) => self.inner.requests.hold(key, Held::Working(errand)),
            // There is neither a descriptor nor a thread to wait with, and here it could take for ever.
            Err(request) if request.polling != 0 => self.later(Work::Finished(request, -libc::ENOMEM)),
            // No thread is to be had, so it is done here, and takes as long as it takes.
            Err(mut request) => {
                let res = match request.credentials.take() {
                    Some(wanted) => credentials::with(&wanted, || run(&mut request)).unwrap_or_else(|errno| errno),
                    None => run(&mut request),
                };
                self.later(Work::Finished(request, res));
            }
        }
    }

    /// Completes a request, and starts or cancels what follows it.
    pub fn complete(&mut self, mut request: Box<Request>, res: i32) {
        let res = match request.def().finish {
            Some(finish) if request.refused.is_none() => finish(self, &mut request, res),
            _ => res,
        };
        // A request without its file fails before the operation has a say.
        let lacks_file = || res == -EBADF && request.def().file && !sys::is_usable(request.fd());
        let breaks = res < 0 && !request.forgiven && (request.def().breaks || lacks_file());
        let failed = request.refused.is_some() || request.short || breaks;
        self.put_buffer(&mut request, res);
        if request.watched {
            driver::remove(request.fd());
        }
        if let Some(key) = request.key {
            self.inner.requests.release(key);
        }
        if request.notification.is_some() {
            request.cflags |= IORING_CQE_F_MORE;
        }
        if !request.silent && (failed || !request.has(IOSQE_CQE_SKIP_SUCCESS)) {
            self.post(&Cqe {
                user_data: request.user_data(),
                res,
                flags: request.cflags,
                big: request.big,
            });
        }
        if let Some(res) = request.notification {
            self.notify(request.user_data(), res);
        }
        if let Some(buffer) = request.buffer.take() {
            self.drop_registered(buffer);
        }
        self.inner.finished += 1;
        match core::mem::replace(&mut request.limit, Limit::None) {
            Limit::None => {}
            Limit::Waiting(limit) => self.follow(Work::Finished(limit, -ECANCELED)),
            Limit::Armed(key) => {
                timers::cancel(key);
                if let Some(limit) = self.inner.requests.take(key) {
                    self.follow(Work::Finished(limit, -ECANCELED));
                }
            }
        }
        if let Some(next) = request.link.take() {
            // A request that was refused breaks even hard links.
            if request.refused.is_some() || failed && request.after() != After::HardLink {
                self.follow(Work::Broken(next, request.has(IOSQE_CQE_SKIP_SUCCESS)));
            } else {
                self.follow(Work::Start(next));
            }
        }
        self.inner.spare.keep(request);
        self.post_tags();
        if !self.inner.in_batch {
            self.end_batch();
        }
    }

    /// Completes the requests of a broken chain.
    pub fn complete_broken(&mut self, first: Box<Request>, silent: bool) {
        let mut rest = Some(first);
        while let Some(mut request) = rest {
            rest = request.link.take();
            let limit = core::mem::replace(&mut request.limit, Limit::None);
            self.complete_one_broken(request, silent);
            if let Limit::Waiting(limit) = limit {
                self.complete_one_broken(limit, silent);
            }
        }
    }

    fn complete_one_broken(&mut self, mut request: Box<Request>, silent: bool) {
        request.silent = silent;
        let res = request.refused.unwrap_or(-ECANCELED);
        request.refused = Some(res);
        // The first completion of a zero-copy send does not announce the second, as with Linux.
        let (user_data, notification) = (request.user_data(), request.notification.take());
        self.complete(request, res);
        if let Some(res) = notification {
            self.notify(user_data, res);
        }
    }

    /// Posts the second completion of a zero-copy send, once what is being done is over.
    fn notify(&mut self, user_data: u64, res: i32) {
        self.later(Work::Post(Cqe {
            user_data,
            res,
            flags: IORING_CQE_F_NOTIF,
            big: [0; 2],
        }));
    }

    /// Cancels a request that is not finished; its completion comes later. 0, -ENOENT if there is none, -EALREADY if it
    /// can't be stopped any more.
    pub fn cancel(&mut self, key: Key) -> i32 {
        if self.is_canceled(key) {
            return 0;
        }
        // As on Linux, requests that wait for files can be found, and canceled again, until they complete.
        let stays = self.inner.requests.parked(key).is_some_and(|request| {
            let stays = crate::cancel::stays(request);
            request.canceled |= stays;
            stays
        });
        if let Some(mut request) = self.inner.requests.take(key) {
            timers::cancel(key);
            if request.def().undo.is_some_and(|undo| !undo(self, &mut request)) {
                self.hold(request);
                return -libc::ENOENT;
            }
            if stays {
                self.inner.requests.hold(key, Held::Parked(request));
                self.later(Work::Canceled(key));
            } else {
                self.later(Work::Finished(request, -ECANCELED));
            }
            return 0;
        }
        if self.inner.requests.working(key).is_none() {
            return -libc::ENOENT;
        }
        match self.withdraw(key) {
            Some(request) => {
                self.later(Work::Finished(request, -ECANCELED));
                0
            }
            None => -libc::EALREADY,
        }
    }

    /// Takes a request back from the workers, unless one has begun to do it; its slot stays reserved.
    pub fn withdraw(&mut self, key: Key) -> Option<Box<Request>> {
        let request = self.inner.requests.working(key)?.withdraw()?;
        self.inner.requests.hold(key, Held::Out);
        Some(request)
    }

    /// Cancels everything without completions.
    pub fn exit(&mut self) {
        self.inner.closed = true;
        self.inner.draining.clear();
        let ring = self.context.index;
        let mut slot = 0;
        while let Some(key) = self.inner.requests.next(ring, slot) {
            self.cancel(key);
            slot = key.slot + 1;
        }
        self.run_deferred();
        self.run_next();
        // Threads that sleep within the ring's memory leave.
        self.news = true;
        if let Some(poller) = &self.inner.poller {
            poller.wake();
        }
    }
}
