//! A TCP server that sends back what it receives: one multishot accept, and one request in flight per connection.
//! Linux 5.19 or later.
//!
//!     cargo run --example echo -- 127.0.0.1:7777
//!
//! A second argument is the number of connections after which it ends.

use ironring::*;
use std::collections::HashMap;
use std::io;
use std::mem::{ManuallyDrop, zeroed};
use std::net::TcpListener;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr::null_mut;

/// `user_data` of the accept; that of a connection's requests is the connection's number.
const ACCEPT: u64 = u64::MAX;

struct Connection {
    number: u64,
    socket: OwnedFd,
    buffer: Vec<u8>,
    /// What of the buffer is still to be sent.
    from: usize,
    to: usize,
}

fn check(result: i32) -> io::Result<u32> {
    u32::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

/// An entry; when the queue is full, after what is in it has been submitted.
///
/// # Safety
/// The ring is one that was made, and this thread's.
unsafe fn entry(ring: *mut io_uring) -> io::Result<*mut io_uring_sqe> {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sqe = io_uring_get_sqe(ring);
        while sqe.is_null() {
            check(io_uring_submit(ring))?;
            sqe = io_uring_get_sqe(ring);
        }
        Ok(sqe)
    }
}

impl Connection {
    /// Prepares the send of what is there, or else a receive.
    ///
    /// # Safety
    /// As [`entry`]; the connection stays until the request completes.
    unsafe fn prepare(&mut self, ring: *mut io_uring) -> io::Result<()> {
        let fd = self.socket.as_raw_fd();
        // SAFETY: the caller's promises.
        unsafe {
            let sqe = entry(ring)?;
            if self.from < self.to {
                let rest = &self.buffer[self.from..self.to];
                io_uring_prep_send(sqe, fd, rest.as_ptr().cast(), rest.len(), libc::MSG_NOSIGNAL);
            } else {
                io_uring_prep_recv(sqe, fd, self.buffer.as_mut_ptr().cast(), self.buffer.len(), 0);
            }
            io_uring_sqe_set_data64(sqe, self.number);
        }
        Ok(())
    }

    /// Takes note of a completion; whether the connection goes on.
    fn account(&mut self, result: i32) -> bool {
        match usize::try_from(result) {
            Err(_) | Ok(0) => false,
            Ok(sent) if self.from < self.to => {
                self.from += sent;
                true
            }
            Ok(received) => {
                (self.from, self.to) = (0, received);
                true
            }
        }
    }
}

/// # Safety
/// As [`entry`].
unsafe fn serve(ring: *mut io_uring, listener: &TcpListener, mut wanted: usize) -> io::Result<()> {
    // Not freed at the end: by then the connections that are left have requests in flight.
    let mut connections = ManuallyDrop::new(HashMap::new());
    let mut accepting = false;
    let mut number = 0;
    while wanted > 0 {
        // SAFETY: the caller's promise; a connection leaves the map, and so is freed, only between two requests.
        unsafe {
            if !accepting {
                let sqe = entry(ring)?;
                io_uring_prep_multishot_accept(sqe, listener.as_raw_fd(), null_mut(), null_mut(), 0);
                io_uring_sqe_set_data64(sqe, ACCEPT);
                accepting = true;
            }
            check(io_uring_submit_and_wait(ring, 1))?;
            let mut cqe = null_mut();
            while io_uring_peek_cqe(ring, &raw mut cqe) == 0 {
                let (id, result, flags) = ((*cqe).user_data, (*cqe).res, (*cqe).flags);
                io_uring_cqe_seen(ring, cqe);
                if id == ACCEPT {
                    accepting = flags & IORING_CQE_F_MORE != 0;
                    check(result)?;
                    number += 1;
                    let connection = connections.entry(number).or_insert(Connection {
                        number,
                        socket: OwnedFd::from_raw_fd(result),
                        buffer: vec![0; 16 * 1024],
                        from: 0,
                        to: 0,
                    });
                    connection.prepare(ring)?;
                } else if let Some(connection) = connections.get_mut(&id) {
                    if connection.account(result) {
                        connection.prepare(ring)?;
                    } else {
                        connections.remove(&id);
                        wanted -= 1;
                    }
                }
            }
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let listener = TcpListener::bind(args.next().as_deref().unwrap_or("127.0.0.1:0"))?;
    let wanted = args.next().and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
    println!("{}", listener.local_addr()?);
    // SAFETY: integers and raw pointers may be zero.
    let mut ring: io_uring = unsafe { zeroed() };
    // SAFETY: the ring stays in its place until it is exited, and no other thread uses it.
    unsafe {
        check(io_uring_queue_init(64, &raw mut ring, 0))?;
        let done = serve(&raw mut ring, &listener, wanted);
        io_uring_queue_exit(&raw mut ring);
        done
    }
}
