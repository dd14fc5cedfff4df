//! Parsing the buffer of a multishot recvmsg.

use crate::inline::*;
use ironring_abi::ctypes::{c_int, cmsghdr, msghdr};
use ironring_abi::uapi::io_uring_recvmsg_out;
use std::mem::zeroed;
use std::ptr::null_mut;

const NAME: usize = 16;
const HEADER: usize = 16;

#[repr(C, align(8))]
struct Buffer([u8; 256]);

/// A message header with space for a name of 16 bytes and this much control data.
fn asks(control: usize) -> msghdr {
    // SAFETY: all zeroes is valid.
    let mut msgh: msghdr = unsafe { zeroed() };
    (msgh.msg_namelen, msgh.msg_controllen) = (NAME as u32, control as _);
    msgh
}

#[test]
fn a_buffer_must_hold_header_name_and_control_data() {
    let mut buffer = Buffer([0; 256]);
    let at = (&raw mut buffer).cast();
    let mut msgh = asks(32);
    let mut check = |len: c_int| {
        // SAFETY: the buffer is larger than every length.
        let out = unsafe { io_uring_recvmsg_validate(at, len, &raw mut msgh) };
        assert!(out.is_null() || out.cast() == at);
        !out.is_null()
    };
    for len in [-1, 0, 15, 16, 31, 32, 63] {
        assert!(!check(len), "{len}");
    }
    assert!(check(64));
    assert!(check(256));
    // Lengths whose sum overflows.
    let mut msgh = asks(usize::MAX - 8);
    // SAFETY: as above.
    unsafe { assert!(io_uring_recvmsg_validate(at, 256, &raw mut msgh).is_null()) };
    msgh.msg_namelen = u32::MAX;
    // SAFETY: as above.
    unsafe { assert!(io_uring_recvmsg_validate(at, 256, &raw mut msgh).is_null()) };
}

#[test]
fn name_control_and_payload_follow_each_other() {
    let mut buffer = Buffer([0; 256]);
    let out: *mut io_uring_recvmsg_out = (&raw mut buffer).cast();
    let mut msgh = asks(32);
    let base = out as usize;
    // SAFETY: all lies within the buffer.
    unsafe {
        assert_eq!(io_uring_recvmsg_name(out) as usize, base + HEADER);
        let payload = base + HEADER + NAME + 32;
        assert_eq!(io_uring_recvmsg_payload(out, &raw mut msgh) as usize, payload);
        for (len, want) in [(-5, 0), (0, 0), (63, 0), (64, 0), (65, 1), (256, 192)] {
            assert_eq!(io_uring_recvmsg_payload_length(out, len, &raw mut msgh), want, "{len}");
        }
    }
}

#[test]
fn control_messages_are_read_up_to_the_last_whole_one() {
    let mut buffer = Buffer([0; 256]);
    let out: *mut io_uring_recvmsg_out = (&raw mut buffer).cast();
    let mut msgh = asks(128);
    let m = &raw mut msgh;
    let first = out as usize + HEADER + NAME;
    // SAFETY: all lies within the buffer.
    unsafe {
        let header = |at: usize| (first + at) as *mut cmsghdr;
        (*out).controllen = 15;
        assert!(io_uring_recvmsg_cmsg_firsthdr(out, m).is_null(), "not even a header");
        (*out).controllen = 64;
        assert_eq!(io_uring_recvmsg_cmsg_firsthdr(out, m), header(0));
        // A message of 20 bytes takes 24; the next ends at 48; the third claims more than is left.
        (*header(0)).cmsg_len = 20 as _;
        (*header(24)).cmsg_len = 24 as _;
        (*header(48)).cmsg_len = 17 as _;
        assert_eq!(io_uring_recvmsg_cmsg_nexthdr(out, m, header(0)), header(24));
        assert!(
            io_uring_recvmsg_cmsg_nexthdr(out, m, header(24)).is_null(),
            "it ends beyond"
        );
        (*header(48)).cmsg_len = 16 as _;
        assert_eq!(io_uring_recvmsg_cmsg_nexthdr(out, m, header(24)), header(48));
        assert!(io_uring_recvmsg_cmsg_nexthdr(out, m, header(48)).is_null(), "the last");
        (*header(0)).cmsg_len = 8 as _;
        assert_eq!(
            io_uring_recvmsg_cmsg_nexthdr(out, m, header(0)),
            null_mut(),
            "it would stand still"
        );
    }
}

#[test]
fn control_messages_end_within_the_buffer_for_any_length() {
    let mut buffer = Buffer([0; 256]);
    let out: *mut io_uring_recvmsg_out = (&raw mut buffer).cast();
    let mut msgh = asks(128);
    let m = &raw mut msgh;
    let first = out as usize + HEADER + NAME;
    // SAFETY: all lies within the buffer.
    unsafe {
        let header = |at: usize| (first + at) as *mut cmsghdr;
        (*out).controllen = 64;
        for less in 0..40 {
            (*header(0)).cmsg_len = (usize::MAX - less) as _;
            assert!(io_uring_recvmsg_cmsg_nexthdr(out, m, header(0)).is_null(), "{less}");
            (*header(0)).cmsg_len = 24 as _;
            (*header(24)).cmsg_len = (usize::MAX - less) as _;
            assert!(
                io_uring_recvmsg_cmsg_nexthdr(out, m, header(0)).is_null(),
                "{less}, the next one's"
            );
        }
        // 17 bytes are left: a header, but not a whole message of 17 bytes, which takes 24.
        (*out).controllen = 41;
        (*header(24)).cmsg_len = 17 as _;
        assert!(io_uring_recvmsg_cmsg_nexthdr(out, m, header(0)).is_null());
        (*header(24)).cmsg_len = 16 as _;
        assert_eq!(io_uring_recvmsg_cmsg_nexthdr(out, m, header(0)), header(24));
        // No message follows one outside the control data.
        for control in [0, 15, 24, 39] {
            (*out).controllen = control;
            assert!(io_uring_recvmsg_cmsg_nexthdr(out, m, header(24)).is_null(), "{control}");
        }
    }
}
