//! The C names of the types in signatures and structures. The generator prints `c_int` as `int`, keeps names that end
//! in `_t` or start with `__u` or `__s`, and prints every other lower-case name as a `struct`.

pub use core::ffi::{c_char, c_int, c_uchar, c_uint, c_ushort, c_void};
pub use libc::{cmsghdr, epoll_event, iovec, msghdr, sockaddr, statx};
pub use libc::{cpu_set_t, id_t, idtype_t, mode_t, siginfo_t, sigset_t, size_t, socklen_t, ssize_t, uintptr_t};

pub type __u8 = u8;
pub type __u16 = u16;
pub type __u32 = u32;
pub type __u64 = u64;
pub type __s32 = i32;
/// C aligns it to 8 bytes on 32-bit x86 too; in every structure its offset is a multiple of 8 anyway.
pub type __aligned_u64 = u64;
pub type uint16_t = u16;
pub type uint32_t = u32;
pub type uint64_t = u64;
pub type int64_t = i64;
pub type __kernel_rwf_t = c_int;
/// Always 64 bits: programs that use the header compile with large file support, as the original library does.
pub type off_t = i64;
pub type loff_t = i64;

/// A flexible array member: printed as `T name[]`; a plain `[T; 0]` is printed as `T name[0]`.
pub type flex<T> = [T; 0];

/// `linux/time_types.h`: the kernel's 64-bit timespec.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct __kernel_timespec {
    pub tv_sec: i64,
    pub tv_nsec: i64,
}

/// `linux/openat2.h`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct open_how {
    pub flags: __u64,
    pub mode: __u64,
    pub resolve: __u64,
}

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub struct $name {
            _opaque: [u8; 0],
        }
    )*};
}

opaque! {
    /// `linux/futex.h`.
    futex_waitv
}
