// SPDX-License-Identifier: MIT OR Apache-2.0
//! A read through liburing-ffi, from Rust, with the bindings that bindgen generates from include/ffi.
#![allow(dead_code, non_camel_case_types, non_snake_case, non_upper_case_globals, clippy::all)]

use std::os::fd::AsRawFd as _;

mod uring {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let file = std::fs::File::open(path).expect("it opens");
    let mut buf = [0u8; 64];
    assert_eq!(std::mem::size_of::<uring::io_uring_sqe>(), 64);
    assert_eq!(std::mem::size_of::<uring::io_uring>(), 216);
    // SAFETY: the ring and the buffer outlive the request, which is awaited.
    unsafe {
        let mut ring: uring::io_uring = std::mem::zeroed();
        assert_eq!(uring::io_uring_queue_init(4, &mut ring, 0), 0);
        let sqe = uring::io_uring_get_sqe(&mut ring);
        uring::io_uring_prep_read(sqe, file.as_raw_fd(), buf.as_mut_ptr().cast(), 63, 0);
        uring::io_uring_sqe_set_data64(sqe, 7);
        assert_eq!(uring::io_uring_submit(&mut ring), 1);
        let mut cqe = std::ptr::null_mut();
        assert_eq!(uring::io_uring_wait_cqe(&mut ring, &mut cqe), 0);
        assert_eq!(((*cqe).res, uring::io_uring_cqe_get_data64(cqe)), (12, 7));
        uring::io_uring_cqe_seen(&mut ring, cqe);
        uring::io_uring_queue_exit(&mut ring);
    }
    assert_eq!(&buf[..12], b"twelve bytes");
}
