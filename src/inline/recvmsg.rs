//! The parts of a provided buffer filled by `io_uring_prep_recvmsg_multishot()`: a header
//! (`struct io_uring_recvmsg_out`), the address, the control data, the payload.
//!
//! The address and the control data take the space that the request's `struct msghdr` reserved, used or not.

use core::ptr;

use crate::inline::sqe::uring_ptr_to_u64;
use ironring_abi::ctypes::{c_int, c_uchar, c_uint, c_void, cmsghdr, msghdr, size_t, uintptr_t};
use ironring_abi::uapi::io_uring_recvmsg_out;

/// A length in a message. Its type depends on the field and the C library: `cmsg_len` is a `size_t` in glibc and a
/// `socklen_t` in musl.
trait Length {
    fn widen(self) -> size_t;
}

impl Length for u32 {
    fn widen(self) -> size_t {
        self as size_t
    }
}

impl Length for size_t {
    fn widen(self) -> size_t {
        self
    }
}

/// Widens a length, which is implicit in C.
struct length;

impl length {
    fn from(raw: impl Length) -> size_t {
        raw.widen()
    }
}

/// In C a macro of `sys/socket.h`: a control message's length, rounded up to the start of the next one.
const fn CMSG_ALIGN(len: size_t) -> size_t {
    len.wrapping_add(size_of::<size_t>() - 1) & !(size_of::<size_t>() - 1)
}

/// Returns the header in the buffer `buf` of a multishot recvmsg, after checking the buffer's length.
///
/// `buf_len` is the completion's `res`, `msgh` the request's message header. Returns the start of `buf`, or NULL if
/// `buf_len` is negative or too small for the header, the address and the control data.
/// Since liburing 2.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_recvmsg_validate(
    buf: *mut c_void,
    buf_len: c_int,
    msgh: *mut msghdr,
) -> *mut io_uring_recvmsg_out {
    let filled: size_t = length::from(buf_len as c_uint);
    let head: size_t = size_of::<io_uring_recvmsg_out>();
    let name: size_t = length::from((*msgh).msg_namelen);
    let control: size_t = length::from((*msgh).msg_controllen);

    if buf_len < 0 || filled < head {
        return ptr::null_mut();
    }
    // Subtracted from the remaining length one by one, as their sum could wrap.
    if name > filled - head {
        return ptr::null_mut();
    }
    if control > filled - head - name {
        return ptr::null_mut();
    }
    buf.cast::<io_uring_recvmsg_out>()
}

/// Returns the start of the sender's address.
///
/// `o` comes from `io_uring_recvmsg_validate()`. `o->namelen` is the address's full length; if it exceeds the request's
/// `msg_namelen`, the address was truncated.
/// Since liburing 2.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_recvmsg_name(o: *mut io_uring_recvmsg_out) -> *mut c_void {
    o.add(1).cast()
}

/// Returns the first control message, or NULL if there is none.
///
/// `o` comes from `io_uring_recvmsg_validate()`, `msgh` is the request's message header.
/// Since liburing 2.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_recvmsg_cmsg_firsthdr(
    o: *mut io_uring_recvmsg_out,
    msgh: *mut msghdr,
) -> *mut cmsghdr {
    let controllen: size_t = length::from((*o).controllen);
    let name: *mut c_uchar = io_uring_recvmsg_name(o).cast::<c_uchar>();
    let first: *mut c_void;

    if controllen < size_of::<cmsghdr>() {
        return ptr::null_mut();
    }
    first = name.add((*msgh).msg_namelen as usize).cast();
    first.cast::<cmsghdr>()
}

/// Returns the control message after `cmsg`, or NULL if that was the last complete one.
///
/// `o` and `msgh` are those of `io_uring_recvmsg_cmsg_firsthdr()`. `cmsg` comes from that function or from this one.
/// Since liburing 2.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_recvmsg_cmsg_nexthdr(
    o: *mut io_uring_recvmsg_out,
    msgh: *mut msghdr,
    cmsg: *mut cmsghdr,
) -> *mut cmsghdr {
    let mut len: size_t = length::from((*cmsg).cmsg_len);
    let hdr: size_t = size_of::<cmsghdr>();
    let align: size_t = size_of::<size_t>();
    let controllen: size_t = length::from((*o).controllen);
    let name: uintptr_t = uring_ptr_to_u64(io_uring_recvmsg_name(o)) as uintptr_t;
    let before: size_t = (uring_ptr_to_u64(cmsg.cast()) as uintptr_t)
        .wrapping_sub(name)
        .wrapping_sub((*msgh).msg_namelen as size_t);
    let mut room: size_t = controllen.wrapping_sub(before).wrapping_sub(hdr);
    let next: *mut c_void;

    // Lengths are rounded down and compared with the remaining length: rounded up, the largest would wrap to 0 and keep
    // the caller's loop at the same message forever, as would a length that doesn't cover its header.
    if len < hdr || room > controllen || len > (room & !(align - 1)) {
        return ptr::null_mut();
    }
    next = cmsg.cast::<c_uchar>().wrapping_add(CMSG_ALIGN(len)).cast();

    // The next header fits, so its length can be read; the whole message must fit, too.
    room = room.wrapping_add(hdr).wrapping_sub(CMSG_ALIGN(len));
    len = length::from((*next.cast::<cmsghdr>()).cmsg_len);
    if len > (room & !(align - 1)) {
        return ptr::null_mut();
    }
    next.cast::<cmsghdr>()
}

/// Returns the start of the payload.
///
/// `o` comes from `io_uring_recvmsg_validate()`, `msgh` is the request's message header.
/// Since liburing 2.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_recvmsg_payload(o: *mut io_uring_recvmsg_out, msgh: *mut msghdr) -> *mut c_void {
    let name: *mut c_uchar = io_uring_recvmsg_name(o).cast::<c_uchar>();
    let namelen: size_t = length::from((*msgh).msg_namelen);
    let controllen: size_t = length::from((*msgh).msg_controllen);

    name.wrapping_add(namelen).wrapping_add(controllen).cast()
}

/// Returns the number of bytes of payload in the buffer.
///
/// `buf_len` is the completion's `res`. The result is 0 if that is negative or doesn't reach the payload.
/// `o->payloadlen` is what recvmsg(2) would have returned: with `MSG_TRUNC` the full length, which may be more than the
/// buffer holds.
/// Since liburing 2.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_recvmsg_payload_length(
    o: *mut io_uring_recvmsg_out,
    buf_len: c_int,
    msgh: *mut msghdr,
) -> c_uint {
    let payload_start: uintptr_t;
    let payload_end: uintptr_t;

    if buf_len < 0 {
        return 0;
    }
    payload_start = uring_ptr_to_u64(io_uring_recvmsg_payload(o, msgh)) as uintptr_t;
    payload_end = (uring_ptr_to_u64(o.cast()) as uintptr_t).wrapping_add(buf_len as uintptr_t);
    if payload_start >= payload_end {
        return 0;
    }
    (payload_end - payload_start) as c_uint
}
