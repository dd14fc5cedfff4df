//! The version of liburing that this library implements.

use ironring_abi::ctypes::c_int;

/// The major version of these headers; `io_uring_major_version()` returns the library's.
pub const IO_URING_VERSION_MAJOR: c_int = 2;
/// The minor version of these headers; `io_uring_minor_version()` returns the library's.
pub const IO_URING_VERSION_MINOR: c_int = 15;

/// Returns the major version of the library that is loaded.
///
/// Compare with `IO_URING_VERSION_MAJOR`, the version the program was compiled with.
/// Since liburing 2.4.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub extern "C" fn io_uring_major_version() -> c_int {
    IO_URING_VERSION_MAJOR
}

/// Returns the minor version of the library that is loaded.
///
/// Compare with `IO_URING_VERSION_MINOR`, the version the program was compiled with.
/// Since liburing 2.4.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub extern "C" fn io_uring_minor_version() -> c_int {
    IO_URING_VERSION_MINOR
}

/// Returns whether the loaded library is OLDER than version `major`.`minor`.
///
/// Note the direction: it returns true if the given version is newer than the library, and false if the library is that
/// version or later. `IO_URING_CHECK_VERSION()` is the same for the headers, at compile time.
/// Since liburing 2.4.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub extern "C" fn io_uring_check_version(major: c_int, minor: c_int) -> bool {
    (major, minor) > (io_uring_major_version(), io_uring_minor_version())
}
