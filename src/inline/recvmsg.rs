//! What `io_uring_prep_recvmsg_multishot()` leaves in a provided buffer, piece by piece: a header
//! (`struct io_uring_recvmsg_out`), the address, the control data, the payload.
//!
//! The address and the control data take the room that the request's `struct msghdr` named, used or not.

use core::ptr;

use crate::abi::io_uring_recvmsg_out;
use crate::ctypes::{c_int, c_uchar, c_uint, c_void, cmsghdr, msghdr, size_t, uintptr_t};
use crate::inline::sqe::uring_ptr_to_u64;

/// A length in a message. Its type is the field's and the C library's choice: `cmsg_len` is a `size_t` in glibc and a
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

/// Widens a length, which C does by itself.
struct length;

impl length {
    fn from(raw: impl Length) -> size_t {
        raw.widen()
    }
}

/// C has it from `sys/socket.h`: a control header's length, rounded up to where the next one begins.
const fn CMSG_ALIGN(len: size_t) -> size_t {
    len.wrapping_add(size_of::<size_t>() - 1) & !(size_of::<size_t>() - 1)
}

/// Finds the header of what a multishot recvmsg left in the buffer `buf`, and checks that it fits.
///
/// `buf_len` is the completion's `res`, `msgh` the header that the request was made with.
/// Returns the start of `buf`, or NULL when `buf_len` is negative or too short for the header, the address and the
/// control data.
/// Since liburing 2.3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_recvmsg_validate(
    buf: *mut c_void,
    buf_len: c_int,
    msgh: *mut msghdr,
) -> *mut io_uring_recvmsg_out {
    let ulen: size_t = length::from(buf_len as c_uint);
    let hdr: size_t = size_of::<io_uring_recvmsg_out>();
    let namelen: size_t = length::from((*msgh).msg_namelen);
    let controllen: size_t = length::from((*msgh).msg_controllen);

    // Each step takes away from what is left: a sum of the lengths could wrap around.
    if buf_len < 0 || ulen < hdr {
        return ptr::null_mut();
    }
    if namelen > ulen - hdr {
        return ptr::null_mut();
    }
    if controllen > ulen - hdr - namelen {
        return ptr::null_mut();
    }
    buf.cast::<io_uring_recvmsg_out>()
}

/// Returns where the sender's address begins.
///
/// `o` comes from `io_uring_recvmsg_validate()`. `o->namelen` is the address's full length; when that is more than
/// the request's `msg_namelen`, the rest was cut off.
/// Since liburing 2.3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_recvmsg_name(o: *mut io_uring_recvmsg_out) -> *mut c_void {
    o.add(1).cast()
}

/// Returns the first control message, or NULL when there is none.
///
/// `o` comes from `io_uring_recvmsg_validate()`, `msgh` is the header that the request was made with.
/// Since liburing 2.3.
#[unsafe(no_mangle)]
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

/// Returns the control message after `cmsg`, or NULL when that was the last whole one.
///
/// `o` and `msgh` as for `io_uring_recvmsg_cmsg_firsthdr()`, from which `cmsg` comes, or from this function.
/// Since liburing 2.3.
#[unsafe(no_mangle)]
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

    // Lengths are rounded down and compared with what is left: rounded up, the largest would wrap around to 0, and keep
    // the caller's loop at this place for ever, as one does that doesn't cover its header.
    if len < hdr || room > controllen || len > (room & !(align - 1)) {
        return ptr::null_mut();
    }
    next = cmsg.cast::<c_uchar>().wrapping_add(CMSG_ALIGN(len)).cast();

    // The next header fits, so that its length may be read; now all of it must.
    room = room.wrapping_add(hdr).wrapping_sub(CMSG_ALIGN(len));
    len = length::from((*next.cast::<cmsghdr>()).cmsg_len);
    if len > (room & !(align - 1)) {
        return ptr::null_mut();
    }
    next.cast::<cmsghdr>()
}

/// Returns where the payload begins.
///
/// `o` comes from `io_uring_recvmsg_validate()`, `msgh` is the header that the request was made with.
/// Since liburing 2.3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_recvmsg_payload(o: *mut io_uring_recvmsg_out, msgh: *mut msghdr) -> *mut c_void {
    let name: *mut c_uchar = io_uring_recvmsg_name(o).cast::<c_uchar>();
    let namelen: size_t = length::from((*msgh).msg_namelen);
    let controllen: size_t = length::from((*msgh).msg_controllen);

    name.wrapping_add(namelen).wrapping_add(controllen).cast()
}

/// Returns how many bytes of payload are in the buffer.
///
/// `buf_len` is the completion's `res`. 0 when that is negative or ends before the payload begins.
/// `o->payloadlen` is what recvmsg(2) would have returned: with `MSG_TRUNC` the full length, of which this may be
/// a part.
/// Since liburing 2.3.
#[unsafe(no_mangle)]
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
