//! The prep helpers on sockets, time, other rings and processes.

use super::prep::{ANY, p, prep};
use crate::inline::*;
use ironring_abi::uapi::*;

#[test]
fn sockets() {
    prep! {
        io_uring_prep_accept(3, p(0x10), p(0x20), 5) => IORING_OP_ACCEPT, 3, 0x20, 0x10, 0, word 5;
        io_uring_prep_accept_direct(3, p(0x10), p(0x20), 5, 8) => IORING_OP_ACCEPT, 3, 0x20, 0x10, 0, word 5, file 9;
        io_uring_prep_accept_direct(3, p(0x10), p(0x20), 5, ANY) => IORING_OP_ACCEPT, 3, 0x20, 0x10, 0, word 5, file ANY;
        io_uring_prep_multishot_accept(3, p(0x10), p(0x20), 5) => IORING_OP_ACCEPT, 3, 0x20, 0x10, 0,
            word 5, more IORING_ACCEPT_MULTISHOT;
        io_uring_prep_multishot_accept_direct(3, p(0x10), p(0x20), 5) => IORING_OP_ACCEPT, 3, 0x20, 0x10, 0,
            word 5, more IORING_ACCEPT_MULTISHOT, file ANY;
        io_uring_prep_connect(3, p(0x10), 16) => IORING_OP_CONNECT, 3, 16, 0x10, 0;
        io_uring_prep_bind(3, p(0x10), 16) => IORING_OP_BIND, 3, 16, 0x10, 0;
        io_uring_prep_listen(3, 128) => IORING_OP_LISTEN, 3, 0, 0, 128;
        io_uring_prep_shutdown(3, 2) => IORING_OP_SHUTDOWN, 3, 0, 0, 2;
        io_uring_prep_socket(2, 1, 6, 5) => IORING_OP_SOCKET, 2, 1, 0, 6, word 5;
        io_uring_prep_socket_direct(2, 1, 6, 8, 5) => IORING_OP_SOCKET, 2, 1, 0, 6, word 5, file 9;
        io_uring_prep_socket_direct(2, 1, 6, ANY, 5) => IORING_OP_SOCKET, 2, 1, 0, 6, word 5, file ANY;
        io_uring_prep_socket_direct_alloc(2, 1, 6, 5) => IORING_OP_SOCKET, 2, 1, 0, 6, word 5, file ANY;
        io_uring_prep_epoll_ctl(3, 4, 1, p(0x10)) => IORING_OP_EPOLL_CTL, 3, 4, 0x10, 1;
        io_uring_prep_epoll_ctl(3, -1, 1, p(0x10)) => IORING_OP_EPOLL_CTL, 3, u32::MAX, 0x10, 1;
        io_uring_prep_epoll_wait(3, p(0x10), 4, 5) => IORING_OP_EPOLL_WAIT, 3, 0, 0x10, 4, word 5;
    }
}

#[test]
fn sending_and_receiving() {
    let (multishot, bundle, fixed) = (IORING_RECV_MULTISHOT, IORING_RECVSEND_BUNDLE, IORING_RECVSEND_FIXED_BUF);
    prep! {
        io_uring_prep_recvmsg(3, p(0x10), 5) => IORING_OP_RECVMSG, 3, 0, 0x10, 1, word 5;
        io_uring_prep_recvmsg_multishot(3, p(0x10), 5) => IORING_OP_RECVMSG, 3, 0, 0x10, 1, word 5, more multishot;
        io_uring_prep_sendmsg(3, p(0x10), 5) => IORING_OP_SENDMSG, 3, 0, 0x10, 1, word 5;
        io_uring_prep_sendmsg_zc(3, p(0x10), 5) => IORING_OP_SENDMSG_ZC, 3, 0, 0x10, 1, word 5;
        io_uring_prep_sendmsg_zc_fixed(3, p(0x10), 5, 6) => IORING_OP_SENDMSG_ZC, 3, 0, 0x10, 1,
            word 5, more fixed, buf 6;
        io_uring_prep_send(3, p(0x10), (1 << 32) | 4, 5) => IORING_OP_SEND, 3, 0, 0x10, 4, word 5;
        io_uring_prep_send_bundle(3, 4, 5) => IORING_OP_SEND, 3, 0, 0, 4, word 5, more bundle;
        io_uring_prep_send_zc(3, p(0x10), 4, 5, 0x1_0003) => IORING_OP_SEND_ZC, 3, 0, 0x10, 4, word 5, ioprio 3;
        io_uring_prep_send_zc_fixed(3, p(0x10), 4, 5, 2, 6) => IORING_OP_SEND_ZC, 3, 0, 0x10, 4,
            word 5, ioprio 2 | fixed, buf 6;
        io_uring_prep_recv(3, p(0x10), 4, 5) => IORING_OP_RECV, 3, 0, 0x10, 4, word 5;
        io_uring_prep_recv_multishot(3, p(0x10), 4, 5) => IORING_OP_RECV, 3, 0, 0x10, 4, word 5, more multishot;
    }
    for fill in [0u8, 0xff] {
        // SAFETY: an SQE contains only integers; no pointer is dereferenced.
        unsafe {
            let mut sqe: io_uring_sqe = std::mem::transmute([fill; size_of::<io_uring_sqe>()]);
            io_uring_prep_sendto(&raw mut sqe, 3, p(0x10), 4, 5, p(0x20), 0x1_0010);
            assert_eq!((sqe.opcode, sqe.fd, sqe.len), (IORING_OP_SEND as u8, 3, 4));
            assert_eq!((sqe.anon_addr.addr, sqe.anon_off.addr2), (0x10, 0x20));
            assert_eq!((sqe.anon_flags.msg_flags, sqe.anon_file.anon_dest.addr_len), (5, 16));
            assert_eq!(sqe.anon_file.anon_dest.__pad3[0], u16::from_ne_bytes([fill; 2]));
            io_uring_prep_send_set_addr(&raw mut sqe, p(0x30), 8);
            assert_eq!(
                (sqe.anon_off.addr2, sqe.anon_file.anon_dest.addr_len, sqe.len),
                (0x30, 8, 4)
            );
        }
    }
}

/// Poll events as the kernel reads them: big-endian processors swap the two halves.
fn mask(events: u32) -> u32 {
    events.rotate_left(if cfg!(target_endian = "big") { 16 } else { 0 })
}

#[test]
fn polls_timeouts_and_cancels() {
    prep! {
        io_uring_prep_nop() => IORING_OP_NOP, -1, 0, 0, 0;
        io_uring_prep_nop128() => IORING_OP_NOP128, -1, 0, 0, 0;
        io_uring_prep_poll_add(3, 0x19) => IORING_OP_POLL_ADD, 3, 0, 0, 0, word mask(0x19);
        io_uring_prep_poll_multishot(3, 1) => IORING_OP_POLL_ADD, 3, 0, 0, IORING_POLL_ADD_MULTI,
            word mask(1);
        io_uring_prep_poll_remove(u64::MAX) => IORING_OP_POLL_REMOVE, -1, 0, u64::MAX, 0;
        io_uring_prep_poll_update(7, 8, 1, 5) => IORING_OP_POLL_REMOVE, -1, 8, 7, 5, word mask(1);
        io_uring_prep_timeout(p(0x10), u32::MAX, 5) => IORING_OP_TIMEOUT, -1, u32::MAX, 0x10, 1, word 5;
        io_uring_prep_timeout_remove(7, 5) => IORING_OP_TIMEOUT_REMOVE, -1, 0, 7, 0, word 5;
        io_uring_prep_timeout_update(p(0x10), 7, 0x40) => IORING_OP_TIMEOUT_REMOVE, -1, 0x10, 7, 0,
            word 0x40 | IORING_TIMEOUT_UPDATE;
        io_uring_prep_link_timeout(p(0x10), 5) => IORING_OP_LINK_TIMEOUT, -1, 0, 0x10, 1, word 5;
        io_uring_prep_cancel64(u64::MAX, 5) => IORING_OP_ASYNC_CANCEL, -1, 0, u64::MAX, 0, word 5;
        io_uring_prep_cancel(p(0x10), 5) => IORING_OP_ASYNC_CANCEL, -1, 0, 0x10, 0, word 5;
        io_uring_prep_cancel_fd(3, 4) => IORING_OP_ASYNC_CANCEL, 3, 0, 0, 0, word 4 | IORING_ASYNC_CANCEL_FD;
    }
}

#[test]
fn rings_and_their_buffers() {
    let pass = IORING_MSG_RING_FLAGS_PASS;
    let send_fd = IORING_MSG_SEND_FD;
    prep! {
        io_uring_prep_msg_ring(3, 4, 1 << 40, 5) => IORING_OP_MSG_RING, 3, 1u64 << 40, 0, 4, word 5;
        io_uring_prep_msg_ring_cqe_flags(3, 4, 9, 5, 6) => IORING_OP_MSG_RING, 3, 9, 0, 4, word pass | 5, file 6;
        io_uring_prep_msg_ring_fd(3, 7, 8, 9, 5) => IORING_OP_MSG_RING, 3, 9, send_fd, 0, word 5, file 9, addr3 7;
        io_uring_prep_msg_ring_fd(3, -1, -1, 9, 5) => IORING_OP_MSG_RING, 3, 9, send_fd, 0,
            word 5, file ANY, addr3 u64::MAX;
        io_uring_prep_msg_ring_fd_alloc(3, 7, 9, 5) => IORING_OP_MSG_RING, 3, 9, send_fd, 0, word 5, file ANY, addr3 7;
        io_uring_prep_provide_buffers(p(0x10), 4, 8, 7, -1) => IORING_OP_PROVIDE_BUFFERS, 8, -1i64, 0x10, 4, buf 7;
        io_uring_prep_remove_buffers(8, 7) => IORING_OP_REMOVE_BUFFERS, 8, 0, 0, 0, buf 7;
    }
}

#[test]
fn processes() {
    prep! {
        io_uring_prep_waitid(1, 77, p(0x20), 4, 5) => IORING_OP_WAITID, 77, 0x20, 0, 1, word 5, file 4;
        io_uring_prep_futex_wake(p(0x10), 1, 2, 3, 5) => IORING_OP_FUTEX_WAKE, 3, 1, 0x10, 0, word 5, addr3 2;
        io_uring_prep_futex_wait(p(0x10), 1, 2, 3, 5) => IORING_OP_FUTEX_WAIT, 3, 1, 0x10, 0, word 5, addr3 2;
        io_uring_prep_futex_waitv(p(0x10), 4, 5) => IORING_OP_FUTEX_WAITV, 0, 0, 0x10, 4, word 5;
    }
}

#[test]
fn commands() {
    let (discard, name) = (BLOCK_URING_CMD_DISCARD, SOCKET_URING_OP_GETSOCKNAME);
    let reset = BLOCK_URING_CMD_ZONE_RESET_ALL;
    prep! {
        io_uring_prep_uring_cmd(9, 3) => IORING_OP_URING_CMD, 3, 9, 0, 0;
        io_uring_prep_uring_cmd128(9, 3) => IORING_OP_URING_CMD128, 3, 9, 0, 0;
        io_uring_prep_cmd_sock(9, 3, 1, 2, p(0x10), 4) => IORING_OP_URING_CMD, 3, 9, (2u64 << 32) | 1, 0,
            file 4, addr3 0x10;
        io_uring_prep_cmd_getsockname(3, p(0x10), p(0x20), 1) => IORING_OP_URING_CMD, 3, name, 0x10, 0,
            file 1, addr3 0x20;
        io_uring_prep_cmd_discard(3, 1 << 40, 1 << 41) => IORING_OP_URING_CMD, 3, discard, 1u64 << 40, 0, addr3 1 << 41;
        io_uring_prep_cmd_zone_reset_all(3) => IORING_OP_URING_CMD, 3, reset, 0, 0;
    }
}
