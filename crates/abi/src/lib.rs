//! The definitions shared by both sides of a ring: [`uapi`] has those of the kernel, [`types`] those of liburing,
//! [`ctypes`] the C names of types, [`barrier`] the ordered loads and stores, and [`kernel`] the calls that the library
//! makes.
//!
//! Programs use the crate `ironring`, which re-exports `uapi` and `types` together with its functions. This crate has
//! no exported symbols and no functions of liburing, for code that acts as the kernel.
#![no_std]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]
// The names of the kernel's padding start with underscores, and C programs must be able to clear it.
#![allow(clippy::pub_underscore_fields)]
// Enumerators become constants of the types in which C stores them.
#![allow(clippy::cast_lossless)]

pub mod barrier;
pub mod ctypes;
pub mod kernel;
pub mod types;
pub mod uapi;
