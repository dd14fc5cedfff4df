//! The smallest program with a ring: one request that does nothing, and its completion.
//!
//!     cargo run --example nop

use ironring::*;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// liburing returns -errno, and leaves errno alone.
fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result));
    }
    Ok(result)
}

fn main() -> io::Result<()> {
    let mut ring = MaybeUninit::uninit();
    let ring = ring.as_mut_ptr();
    // SAFETY: the ring stays in its place until it is exited, and no other thread uses it.
    unsafe {
        check(io_uring_queue_init(8, ring, 0))?;

        let sqe = io_uring_get_sqe(ring);
        io_uring_prep_nop(sqe);
        io_uring_sqe_set_data64(sqe, 42);
        check(io_uring_submit(ring))?;

        let mut cqe = null_mut();
        check(io_uring_wait_cqe(ring, &raw mut cqe))?;
        println!("request {}: result {}", io_uring_cqe_get_data64(cqe), (*cqe).res);
        io_uring_cqe_seen(ring, cqe);

        io_uring_queue_exit(ring);
    }
    Ok(())
}
