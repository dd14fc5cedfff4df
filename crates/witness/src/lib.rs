//! A witness that the headers and the library are one: clang reads `include/ffi/liburing.h`, and this crate compiles
//! only if each prototype, size, alignment and constant found there is ironring's own.
#![allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    dead_code,
    unsafe_op_in_unsafe_fn,
    unused_imports
)]
#![allow(clippy::all, clippy::pedantic, reason = "bindgen's text")]

use uring::abi::*;
use uring::ctypes::*;
use uring::types::*;
use uring::{buf_ring::*, inline::*, memory::*, probe::*, queue::*, register::*, resize::*};
use uring::{resources::*, setup::*, syscall::*, version::*, wait::*};

include!(concat!(env!("OUT_DIR"), "/witness.rs"));

#[test]
fn no_prototype_was_passed_over() {
    println!("{FUNCTIONS} functions, {TYPES} types, {CONSTANTS} constants");
    let header = include_str!("../../../include/ffi/liburing.h");
    // C++ is shown io_uring_clone_buffers twice.
    assert_eq!(FUNCTIONS + 1, header.matches("LIBURING_NOEXCEPT;").count());
    assert!(TYPES > 40 && CONSTANTS > 200, "{TYPES} types, {CONSTANTS} constants");
}
