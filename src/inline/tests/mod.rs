//! The Rust form of what C programs compile into themselves. Its C form is compared with the original's by
//! `cargo xtask bytes` and `code`.

mod buf_ring;
mod cqe;
mod prep;
mod prep_net;

mod recvmsg;
mod ring;

use crate::rig::Rig;

/// Reaps until the queue is empty, and returns the user data in order.
pub fn drain(rig: &mut Rig) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let mut cqe = std::ptr::null_mut();
        // SAFETY: the rig's ring.
        if unsafe { super::calls::io_uring_peek_cqe(rig.ring(), &raw mut cqe) } != 0 {
            return all;
        }
        all.extend(rig.seen(cqe));
    }
}
