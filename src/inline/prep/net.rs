//! Sockets, from creation to shutdown, and epoll.

use core::ptr;

use crate::inline::sqe::{__io_uring_set_target_fixed_file, io_uring_prep_rw, uring_ptr_to_u64};
use ironring_abi::ctypes::{__kernel_rwf_t, __u16, __u32, __u64, c_int, c_uint, epoll_event, sockaddr, socklen_t};
use ironring_abi::uapi::{
    IORING_ACCEPT_MULTISHOT, IORING_FILE_INDEX_ALLOC, IORING_OP_ACCEPT, IORING_OP_BIND, IORING_OP_CONNECT,
    IORING_OP_EPOLL_CTL, IORING_OP_EPOLL_WAIT, IORING_OP_LISTEN, IORING_OP_SHUTDOWN, IORING_OP_SOCKET, io_uring_sqe,
};

/// Prepares an accept(2) request for the listening socket `fd`.
///
/// `addr` and `addrlen` receive the peer's address and may both be NULL; they must stay valid until the request
/// completes. `flags` are those of accept4(2). The completion's `res` is the new file descriptor or -errno.
/// Since liburing 2.0, kernel 5.5.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_accept(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    addr: *mut sockaddr,
    addrlen: *mut socklen_t,
    flags: c_int,
) {
    io_uring_prep_rw(
        IORING_OP_ACCEPT,
        sqe,
        fd,
        addr.cast(),
        0,
        uring_ptr_to_u64(addrlen.cast()),
    );
    (*sqe).anon_flags.accept_flags = flags as __u32;
}

/// Prepares an accept(2) request that stores the connection in a slot of the registered files.
///
/// `file_index` is the slot, whose old file is closed, or `IORING_FILE_INDEX_ALLOC` for a free one. `SOCK_CLOEXEC` is
/// refused with -EINVAL. The other parameters are those of `io_uring_prep_accept()`. The completion's `res` is 0, or
/// the slot that the kernel picked, or -errno: -ENFILE if none is free, -EINVAL if there is no such slot, -ENXIO if no
/// files are registered. After these errors the accepted connection is lost.
/// Since liburing 2.1, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_accept_direct(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    addr: *mut sockaddr,
    addrlen: *mut socklen_t,
    flags: c_int,
    mut file_index: c_uint,
) {
    io_uring_prep_accept(sqe, fd, addr, addrlen, flags);
    // IORING_FILE_INDEX_ALLOC isn't a slot and is passed to the kernel unchanged.
    if file_index == IORING_FILE_INDEX_ALLOC {
        file_index = IORING_FILE_INDEX_ALLOC - 1;
    }
    __io_uring_set_target_fixed_file(sqe, file_index);
}

/// Prepares a multishot accept(2) request for the listening socket `fd`.
///
/// The request posts a completion for each connection; it remains active while completions have `IORING_CQE_F_MORE`.
/// All connections share `addr` and `addrlen`, so pass NULL unless connections arrive one at a time. The completions'
/// `res` is the new file descriptor or -errno.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_multishot_accept(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    addr: *mut sockaddr,
    addrlen: *mut socklen_t,
    flags: c_int,
) {
    io_uring_prep_accept(sqe, fd, addr, addrlen, flags);
    (*sqe).ioprio |= IORING_ACCEPT_MULTISHOT as __u16;
}

/// Prepares a multishot accept(2) request that stores connections in free slots of the registered files.
///
/// It is like `io_uring_prep_multishot_accept()`, but the completions' `res` is the slot, or -errno: with -ENFILE no
/// slot was free, and the accepted connection is lost. `SOCK_CLOEXEC` is refused with -EINVAL.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_multishot_accept_direct(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    addr: *mut sockaddr,
    addrlen: *mut socklen_t,
    flags: c_int,
) {
    io_uring_prep_multishot_accept(sqe, fd, addr, addrlen, flags);
    __io_uring_set_target_fixed_file(sqe, IORING_FILE_INDEX_ALLOC - 1);
}

/// Prepares a connect(2) request for the socket `fd`, to the address `addr` of `addrlen` bytes.
///
/// The address must stay valid until `io_uring_sq_ready()` returns 0.
/// The completion's `res` is 0 or -errno, as from connect(2).
/// Since liburing 2.0, kernel 5.5.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_connect(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    addr: *const sockaddr,
    addrlen: socklen_t,
) {
    io_uring_prep_rw(IORING_OP_CONNECT, sqe, fd, addr.cast(), 0, __u64::from(addrlen));
}

/// Prepares a bind(2) request for the socket `fd`, to the local address `addr` of `addrlen` bytes.
///
/// The address must stay valid until `io_uring_sq_ready()` returns 0.
/// The completion's `res` is 0 or -errno, as from bind(2).
/// Since liburing 2.7, kernel 6.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_bind(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    addr: *const sockaddr,
    addrlen: socklen_t,
) {
    io_uring_prep_rw(IORING_OP_BIND, sqe, fd, addr.cast(), 0, __u64::from(addrlen));
}

/// Prepares a listen(2) request for the socket `fd`.
///
/// `backlog` limits the number of connections that wait to be accepted. The completion's `res` is 0 or -errno, as from
/// listen(2).
/// Since liburing 2.7, kernel 6.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_listen(sqe: *mut io_uring_sqe, fd: c_int, backlog: c_int) {
    io_uring_prep_rw(IORING_OP_LISTEN, sqe, fd, ptr::null(), backlog as c_uint, 0);
}

/// Prepares an epoll_wait(2) request for up to `maxevents` events on the epoll descriptor `fd`.
///
/// `events` has `maxevents` elements and must stay valid until the request completes. There is no timeout: link one.
/// `flags` must be 0. The completion's `res` is the number of events or -errno, as from `epoll_wait(2)`.
/// Since liburing 2.10, kernel 6.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_epoll_wait(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    events: *mut epoll_event,
    maxevents: c_int,
    flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_EPOLL_WAIT, sqe, fd, events.cast(), maxevents as c_uint, 0);
    (*sqe).anon_flags.rw_flags = flags as __kernel_rwf_t;
}

/// Prepares an epoll_ctl(2) request for the epoll descriptor `epfd`.
///
/// `op` is `EPOLL_CTL_ADD`, `EPOLL_CTL_MOD` or `EPOLL_CTL_DEL`, for the descriptor `fd`. `ev` must stay valid until
/// `io_uring_sq_ready()` returns 0. All are ordinary descriptors: `IOSQE_FIXED_FILE` is ignored.
/// The completion's `res` is 0 or -errno, as from `epoll_ctl(2)`.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_epoll_ctl(
    sqe: *mut io_uring_sqe,
    epfd: c_int,
    fd: c_int,
    op: c_int,
    ev: *const epoll_event,
) {
    io_uring_prep_rw(
        IORING_OP_EPOLL_CTL,
        sqe,
        epfd,
        ev.cast(),
        op as __u32,
        __u64::from(fd as __u32),
    );
}

/// Prepares a shutdown(2) request for the socket `fd`.
///
/// `how` is `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`.
/// The completion's `res` is 0 or -errno, as from shutdown(2).
/// Since liburing 2.0, kernel 5.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_shutdown(sqe: *mut io_uring_sqe, fd: c_int, how: c_int) {
    io_uring_prep_rw(IORING_OP_SHUTDOWN, sqe, fd, ptr::null(), how as __u32, 0);
}

/// Prepares a socket(2) request.
///
/// `domain`, `socktype` and `protocol` are those of socket(2), including `SOCK_CLOEXEC` and `SOCK_NONBLOCK` in
/// `socktype`. `flags` must be 0. The completion's `res` is the new file descriptor or -errno.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_socket(
    sqe: *mut io_uring_sqe,
    domain: c_int,
    socktype: c_int,
    protocol: c_int,
    flags: c_uint,
) {
    io_uring_prep_rw(
        IORING_OP_SOCKET,
        sqe,
        domain,
        ptr::null(),
        protocol as c_uint,
        socktype as __u64,
    );
    (*sqe).anon_flags.rw_flags = flags as __kernel_rwf_t;
}

/// Prepares a socket(2) request that stores the socket in a slot of the registered files.
///
/// `file_index` is the slot, whose old file is closed, or `IORING_FILE_INDEX_ALLOC` for a free one. `SOCK_CLOEXEC` is
/// refused with -EINVAL. The other parameters are those of `io_uring_prep_socket()`. The completion's `res` is 0, or
/// the slot that the kernel picked, or -errno: -ENFILE if none is free, -EINVAL if there is no such slot, -ENXIO if no
/// files are registered.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_socket_direct(
    sqe: *mut io_uring_sqe,
    domain: c_int,
    socktype: c_int,
    protocol: c_int,
    mut file_index: c_uint,
    flags: c_uint,
) {
    io_uring_prep_socket(sqe, domain, socktype, protocol, flags);
    // IORING_FILE_INDEX_ALLOC isn't a slot and is passed to the kernel unchanged.
    if file_index == IORING_FILE_INDEX_ALLOC {
        file_index = IORING_FILE_INDEX_ALLOC - 1;
    }
    __io_uring_set_target_fixed_file(sqe, file_index);
}

/// Prepares a socket(2) request that stores the socket in a free slot of the registered files.
///
/// The same as `io_uring_prep_socket_direct()` with `IORING_FILE_INDEX_ALLOC`. The completion's `res` is the slot or
/// -errno: -ENFILE if none is free.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_socket_direct_alloc(
    sqe: *mut io_uring_sqe,
    domain: c_int,
    socktype: c_int,
    protocol: c_int,
    flags: c_uint,
) {
    io_uring_prep_socket(sqe, domain, socktype, protocol, flags);
    __io_uring_set_target_fixed_file(sqe, IORING_FILE_INDEX_ALLOC - 1);
}
