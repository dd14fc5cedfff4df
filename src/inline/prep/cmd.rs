//! Commands for the driver of a file: sockets, block devices, and others.

use crate::inline::sqe::uring_ptr_to_u64;
use ironring_abi::ctypes::{__u8, __u32, c_int, c_uint, c_void, sockaddr, socklen_t, uint64_t};
use ironring_abi::uapi::{IORING_OP_URING_CMD, IORING_OP_URING_CMD128, SOCKET_URING_OP_GETSOCKNAME, io_uring_sqe};

/// The block layer's command that discards a range of a block device.
///
/// In C a macro of `linux/blkdev.h` or, if that is missing, of `liburing/compat.h`. Kernel 6.12.
pub const BLOCK_URING_CMD_DISCARD: c_uint = libc::_IO(0x12, 0) as c_uint;

/// The block layer's command that resets all zones of a zoned block device.
pub const BLOCK_URING_CMD_ZONE_RESET_ALL: c_uint = libc::_IO(0x12, 1) as c_uint;

/// Prepares a request that sends the command `cmd_op` to the file `fd`, with the operation `op`.
///
/// `op` is `IORING_OP_URING_CMD` or `IORING_OP_URING_CMD128`; only the low 8 bits are used. Clears `addr`, `len` and
/// the word next to `cmd_op`; the caller sets `uring_cmd_flags` and the command's own data.
/// Since liburing 2.13, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn __io_uring_prep_uring_cmd(sqe: *mut io_uring_sqe, op: c_int, cmd_op: __u32, fd: c_int) {
    (*sqe).opcode = op as __u8;
    (*sqe).fd = fd;
    (*sqe).anon_off.anon_cmd.cmd_op = cmd_op;
    (*sqe).anon_off.anon_cmd.__pad1 = 0;
    (*sqe).anon_addr.addr = 0;
    (*sqe).len = 0;
}

/// Prepares a request that sends the command `cmd_op` to the driver of the file `fd`.
///
/// Store the command's own data in the SQE after this call: 16 bytes at `cmd`, or up to 80 with `IORING_SETUP_SQE128`.
/// The completion's `res` is the driver's result or -errno, -EOPNOTSUPP if the driver has no commands.
/// Since liburing 2.13, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_uring_cmd(sqe: *mut io_uring_sqe, cmd_op: c_int, fd: c_int) {
    __io_uring_prep_uring_cmd(sqe, IORING_OP_URING_CMD, cmd_op as __u32, fd);
}

/// Prepares a request that sends the command `cmd_op` to the file `fd`, in an SQE of 128 bytes.
///
/// `sqe` comes from `io_uring_get_sqe128()`; the command's own data has 80 bytes at `cmd`. The completion's `res` is
/// the driver's result or -errno.
/// Since liburing 2.13, kernel 6.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_uring_cmd128(sqe: *mut io_uring_sqe, cmd_op: c_int, fd: c_int) {
    __io_uring_prep_uring_cmd(sqe, IORING_OP_URING_CMD128, cmd_op as __u32, fd);
}

/// Prepares a socket command request, for example to get or set an option.
///
/// `cmd_op` is a `SOCKET_URING_OP_*`. `level`, `optname`, `optval` and `optlen` are those of setsockopt(2) and only for
/// the two option commands (kernel 6.7). `optval` must stay valid until the request completes. The completion's `res`
/// is the command's result, for `SOCKET_URING_OP_GETSOCKOPT` the option's length, or -errno: -EOPNOTSUPP if `fd` is not
/// a socket.
/// Since liburing 2.5, kernel 6.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_cmd_sock(
    sqe: *mut io_uring_sqe,
    cmd_op: c_int,
    fd: c_int,
    level: c_int,
    optname: c_int,
    optval: *mut c_void,
    optlen: c_int,
) {
    io_uring_prep_uring_cmd(sqe, cmd_op, fd);
    (*sqe).anon_tail.optval = uring_ptr_to_u64(optval);
    (*sqe).anon_addr.anon_sockopt.optname = optname as __u32;
    (*sqe).anon_file.optlen = optlen as __u32;
    (*sqe).anon_addr.anon_sockopt.level = level as __u32;
}

/// Prepares a getsockname(2) request for the socket `fd`, or a getpeername(2) request if `peer` is 1.
///
/// `*sockaddr_len` is the size of the memory at `sockaddr`, and is set to the address's full length. Both must stay
/// valid until the request completes. The completion's `res` is 0 or -errno, as from getsockname(2) and getpeername(2),
/// but -EOPNOTSUPP if `fd` is not a socket.
/// Since liburing 2.13, kernel 6.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_cmd_getsockname(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    sockaddr: *mut sockaddr,
    sockaddr_len: *mut socklen_t,
    peer: c_int,
) {
    io_uring_prep_uring_cmd(sqe, SOCKET_URING_OP_GETSOCKNAME, fd);
    (*sqe).anon_addr.addr = uring_ptr_to_u64(sockaddr.cast());
    (*sqe).anon_tail.anon_addr3.addr3 = uring_ptr_to_u64(sockaddr_len.cast());
    (*sqe).anon_file.optlen = peer as __u32;
}

/// Prepares a request that discards `nbytes` bytes at `offset` of the block device `fd`.
///
/// Both are multiples of the device's block size. The request doesn't wait for writes in flight to the range, and drops
/// the range from the page cache only if possible: nothing else should use the range meanwhile. The completion's `res`
/// is 0 or -errno.
/// Since liburing 2.8, kernel 6.12.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_cmd_discard(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    offset: uint64_t,
    nbytes: uint64_t,
) {
    io_uring_prep_uring_cmd(sqe, BLOCK_URING_CMD_DISCARD as c_int, fd);
    (*sqe).anon_addr.addr = offset;
    (*sqe).anon_tail.anon_addr3.addr3 = nbytes;
}

/// Prepares a request that resets all sequential zones of the zoned block device `fd`.
///
/// These zones are empty afterwards, and their data is lost. The request doesn't wait for requests in flight to the
/// device, and drops the page cache only if possible: nothing else should use the device meanwhile. The completion's
/// `res` is 0 or -errno, -EOPNOTSUPP if `fd` is not a zoned block device, -EINVAL if the kernel doesn't have the
/// command.
/// Since liburing 2.16.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_cmd_zone_reset_all(sqe: *mut io_uring_sqe, fd: c_int) {
    io_uring_prep_uring_cmd(sqe, BLOCK_URING_CMD_ZONE_RESET_ALL as c_int, fd);
}
