//! What the kernel defines: the entries of both queues, and the constants and structures of the
//! three `io_uring` system calls. Nothing in here is code.
//!
//! Together these files are `liburing/io_uring.h`, in this order: `sqe`, `opcodes`, `op_flags`,
//! `cqe`, `setup`, `enter`, `register`, `resources`, `buffers`, `zcrx`. `query` and `bpf_filter`
//! are headers of their own. Each file ends with the proof, made while compiling, that its
//! structures have the kernel's layout.

// The kernel names its padding with leading underscores, and C programs must be able to clear it.
#![allow(clippy::pub_underscore_fields)]

/// Makes a C enum: a Rust enum that gives the values, and for each enumerator a constant of the
/// `repr` type, because C programs store enumerators in fields of many types.
macro_rules! c_enum {
    (
        $(#[doc = $doc:expr])*
        #[repr($repr:ident)]
        pub enum $name:ident {
            $($(#[$attr:meta])* $variant:ident $(= $value:expr)?),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[allow(dead_code)]
        #[repr($repr)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$attr])* $variant $(= $value)?,)+
        }

        $(
            $(#[$attr])*
            #[allow(dead_code)]
            pub const $variant: $repr = $name::$variant as $repr;
        )+
    };
}

/// Proves size, alignment and the offset of each field:
/// `layout! { name: size, align { field offset, ... } }`. Sizes and offsets are the same on every
/// processor; 32-bit processors differ in alignment.
macro_rules! layout {
    ($name:ident: $size:literal, $align:literal { $($($field:ident).+ $offset:literal),* $(,)? }) => {
        const _: () = {
            assert!(core::mem::size_of::<$name>() == $size);
            #[cfg(target_pointer_width = "64")]
            assert!(core::mem::align_of::<$name>() == $align);
            $(assert!(core::mem::offset_of!($name, $($field).+) == $offset);)*
        };
    };
}
// The library's own structures hold pointers: their layout is proven for 64 bits.
#[cfg(target_pointer_width = "64")]
pub(crate) use layout;

mod bpf_filter;
mod buffers;
mod cqe;
mod enter;
mod op_flags;
mod opcodes;
mod query;
mod register;
mod resources;
mod setup;
mod sqe;
mod zcrx;

pub use bpf_filter::*;
pub use buffers::*;
pub use cqe::*;
pub use enter::*;
pub use op_flags::*;
pub use opcodes::*;
pub use query::*;
pub use register::*;
pub use resources::*;
pub use setup::*;
pub use sqe::*;
pub use zcrx::*;
