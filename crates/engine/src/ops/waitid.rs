//! `IORING_OP_WAITID`: waiting for children.

use super::{Data, Def, Start};
use crate::context::{Context, Core, Work};
use crate::kept::Kept;
use crate::request::{File, Request};
use crate::slab::Key;
use crate::{sys, thread, timers, user};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem::zeroed;
use ironring_abi::ctypes::c_int;
use libc::{EINVAL, ENOMEM, P_PID, P_PIDFD, WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WSTOPPED, siginfo_t};

pub const WAITID: Def = Def::new(prepare, Start::Park(start))
    .without_file()
    .ready(ready)
    .event(event);

/// What is waited for.
#[derive(Clone, Copy)]
pub struct WaitId {
    kind: u32,
    id: u32,
    options: c_int,
    /// The address of the program's `siginfo_t`, or 0.
    info: u64,
}

fn prepare(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if request.addr() != 0 || request.buf_index() != 0 || request.addr3() != 0 || request.op_flags() != 0 {
        return Err(-EINVAL);
    }
    request.data = Data::WaitId(WaitId {
        kind: request.len(),
        id: request.sqe.fd as u32,
        options: request.file_index() as c_int,
        info: request.off(),
    });
    Ok(())
}

impl WaitId {
    /// waitid(2); the process id of a child, or 0.
    fn wait(&self, options: c_int) -> Result<(u32, siginfo_t), c_int> {
        // SAFETY: all zeroes is a valid value.
        let mut info: siginfo_t = unsafe { zeroed() };
        let args = [
            self.kind as usize,
            self.id as usize,
            (&raw mut info) as usize,
            options as usize,
            0,
        ];
        // SAFETY: the information is valid for the call.
        unsafe { sys::call(libc::SYS_waitid, args) }?;
        // SAFETY: waitid(2) fills in these fields, or leaves zeros.
        Ok((unsafe { info.si_pid() } as u32, info))
    }

    /// The request's result if there is one without waiting.
    fn attempt(&self) -> Option<i32> {
        let found = self.wait(self.options | WNOHANG);
        match found {
            Ok((0, _)) if self.options & WNOHANG == 0 => None,
            Ok((pid, info)) => Some(self.tell(pid, &info)),
            Err(errno) => {
                if errno != -EINVAL {
                    // SAFETY: all zeroes is a valid value.
                    let nothing: siginfo_t = unsafe { zeroed() };
                    self.tell(0, &nothing);
                }
                Some(errno)
            }
        }
    }

    /// Writes to the program's structure what Linux writes; 0 or -EFAULT.
    fn tell(&self, pid: u32, info: &siginfo_t) -> i32 {
        if self.info == 0 {
            return 0;
        }
        // SAFETY: the fields are filled in, or zeros.
        let (user, status) = unsafe { (info.si_uid(), info.si_status() as u32) };
        let first = [info.si_signo as u32, 0, info.si_code as u32];
        // What follows is aligned like a pointer.
        let second = 12usize.next_multiple_of(align_of::<usize>()) as u64;
        let written = user::write(self.info, &first)
            .and_then(|()| user::write(self.info.wrapping_add(second), &[pid, user, status]));
        written.err().unwrap_or(0)
    }

    /// A descriptor that becomes readable with what is waited for, if there can be one.
    fn descriptor(&self) -> Option<Kept> {
        if self.options & (WEXITED | WSTOPPED | WCONTINUED) != WEXITED {
            return None;
        }
        if self.kind == P_PIDFD {
            return Kept::new(self.id as c_int).ok();
        }
        if self.kind != P_PID {
            return None;
        }
        // SAFETY: no memory is passed.
        let opened = unsafe { sys::call(libc::SYS_pidfd_open, [self.id as usize, 0]) }.ok()?;
        Some(Kept::own(crate::kept::raise(opened as c_int)))
    }
}

/// The request's data.
fn data(request: &Request) -> WaitId {
    match request.data {
        Data::WaitId(wait) => wait,
        _ => unreachable!("it was prepared"),
    }
}

fn start(core: &mut Core, mut request: Box<Request>) {
    let wait = data(&request);
    if let Some(res) = wait.attempt() {
        return core.complete(request, res);
    }
    if let Some(file) = wait.descriptor() {
        request.file = File::Kept(Arc::new(file));
        let events = (libc::EPOLLIN | libc::EPOLLONESHOT) as u32;
        if core.watch(&mut request, events).is_ok() {
            return core.hold(request);
        }
    }
    wait_in_thread(core, request);
}

/// The child has ended.
fn ready(core: &mut Core, request: Box<Request>, _: u32) {
    match data(&request).attempt() {
        Some(res) => core.complete(request, res),
        None => wait_in_thread(core, request),
    }
}

/// The thread has seen a child.
fn event(core: &mut Core, request: Box<Request>, _: i32) {
    ready(core, request, 0);
}

/// A thread that waits for a request, which stays parked. It takes nothing away from others who wait, so it can be
/// left alone if the request is canceled.
struct Waiter {
    context: &'static Context,
    serial: u32,
    key: Key,
    wait: WaitId,
    /// Keeps the file of a process open.
    _file: Option<Kept>,
}

fn wait_in_thread(core: &mut Core, mut request: Box<Request>) {
    let mut wait = data(&request);
    let mut file = None;
    if wait.kind == P_PIDFD {
        match Kept::new(wait.id as c_int) {
            Ok(kept) => {
                wait.id = kept.fd() as u32;
                file = Some(kept);
            }
            Err(errno) => return core.complete(request, errno),
        }
    }
    let waiter = Box::into_raw(Box::new(Waiter {
        context: core.context,
        serial: core.context.serial(),
        key: core.key_of(&mut request),
        wait,
        _file: file,
    }));
    if thread::spawn("iou-wrk", run, waiter as usize).is_ok() {
        return core.hold(request);
    }
    // SAFETY: no thread was made, so nobody else has the box.
    drop(unsafe { Box::from_raw(waiter) });
    // Without a thread it looks again and again.
    let key = core.key_of(&mut request);
    let next = sys::now(libc::CLOCK_MONOTONIC).saturating_add(AGAIN);
    match timers::set(timers::MONOTONIC, next, key) {
        Ok(()) => core.hold(request),
        Err(_) => core.complete(request, -ENOMEM),
    }
}

/// How long a request without a thread waits before it looks again, in nanoseconds.
const AGAIN: u64 = 10_000_000;

fn run(waiter: usize) {
    // SAFETY: `wait_in_thread` gave the box away.
    let waiter = unsafe { Box::from_raw(waiter as *mut Waiter) };
    let _ = waiter.wait.wait(waiter.wait.options & !WNOHANG | WNOWAIT);
    if let Some(mut core) = waiter.context.lock() {
        if waiter.context.serial() == waiter.serial {
            core.arrive(Work::Event(waiter.key, 0));
        }
    }
}
