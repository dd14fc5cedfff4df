// SPDX-License-Identifier: MIT OR Apache-2.0
//! A read through the crate, in a program that also links a liburing.so, and a ring passed from one to the other.

use ironring::*;
use std::os::fd::AsRawFd as _;

mod shared {
    use ironring::io_uring;

    unsafe extern "C" {
        pub fn io_uring_queue_init(entries: u32, ring: *mut io_uring, flags: u32) -> i32;
        pub fn io_uring_submit(ring: *mut io_uring) -> i32;
    }
}

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let file = std::fs::File::open(path).expect("it opens");
    let mut buf = [0u8; 64];
    let init: unsafe extern "C" fn(u32, *mut io_uring, u32) -> i32 = io_uring_queue_init;
    assert_ne!(init as usize, shared::io_uring_queue_init as *const () as usize);
    // SAFETY: the ring and the buffer outlive the request, which is awaited.
    unsafe {
        let mut ring: io_uring = std::mem::zeroed();
        assert_eq!(shared::io_uring_queue_init(4, &mut ring, 0), 0);
        let sqe = io_uring_get_sqe(&mut ring);
        io_uring_prep_read(sqe, file.as_raw_fd(), buf.as_mut_ptr().cast(), 63, 0);
        io_uring_sqe_set_data64(sqe, 7);
        assert_eq!(shared::io_uring_submit(&mut ring), 1);
        let mut cqe = std::ptr::null_mut();
        assert_eq!(io_uring_wait_cqe(&mut ring, &mut cqe), 0);
        assert_eq!(((*cqe).res, io_uring_cqe_get_data64(cqe)), (12, 7));
        io_uring_cqe_seen(&mut ring, cqe);
        io_uring_queue_exit(&mut ring);
    }
    assert_eq!(&buf[..12], b"twelve bytes");
}
