//! The kernel's definitions: the entries of both queues, and the constants and structures of the
//! three `io_uring` system calls. There is no code here.
//!
//! Together these files are `liburing/io_uring.h`, in this order: `sqe`, `opcodes`, `op_flags`,
//! `cqe`, `setup`, `enter`, `register`, `resources`, `buffers`, `zcrx`. `query` and `bpf_filter`
//! are separate headers. Each file ends with compile-time assertions that its structures have the
//! kernel's layout.

/// Defines a C enum: a Rust enum for the values, and for each enumerator a constant of the `repr`
/// type, because C programs store enumerators in fields of many types.
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

/// Asserts size, alignment and the offset of each field:
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
// The library's own structures hold pointers: their layout is asserted for 64 bits.
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
