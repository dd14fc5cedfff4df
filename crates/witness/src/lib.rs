//! A check that the headers and the library agree: clang parses `include/ffi/liburing.h`, and this crate compiles only
//! if each prototype, size, alignment, offset and constant in it matches ironring's.
#![allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    dead_code,
    unsafe_op_in_unsafe_fn,
    unused_imports
)]
#![allow(clippy::all, clippy::pedantic, reason = "bindgen's text")]

use core::mem::offset_of;
use ironring::*;
use ironring_abi::ctypes::*;

include!(concat!(env!("OUT_DIR"), "/witness.rs"));

#[test]
fn every_prototype_is_checked() {
    println!("{FUNCTIONS} functions, {TYPES} types, {MEMBERS} members, {CONSTANTS} constants");
    let header = include_str!("../../../include/ffi/liburing.h");
    // C++ sees two overloads of io_uring_clone_buffers.
    assert_eq!(FUNCTIONS + 1, header.matches("LIBURING_NOEXCEPT;").count());
    assert!(TYPES > 40 && MEMBERS > 200, "{TYPES} types, {MEMBERS} members");
    assert!(CONSTANTS > 200, "{CONSTANTS} constants");
}
