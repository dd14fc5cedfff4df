//! Operations on the content of files and memory as a whole: `IORING_OP_FSYNC`, `IORING_OP_SYNC_FILE_RANGE`,
//! `IORING_OP_FALLOCATE`, `IORING_OP_FTRUNCATE`, `IORING_OP_FADVISE` and `IORING_OP_MADVISE`.

use super::{Def, Start};
use crate::context::Core;
use crate::request::Request;
use crate::sys;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::IORING_FSYNC_DATASYNC;
use libc::EINVAL;

// The kernel does not count errors of most of them as failures, so that chains go on.
pub const FSYNC: Def = Def::new(prepare_fsync, Start::Work(fsync)).tolerant();
pub const SYNC_FILE_RANGE: Def = Def::new(prepare_sync_file_range, Start::Work(sync_file_range)).tolerant();
pub const FALLOCATE: Def = Def::new(prepare_fallocate, Start::Work(fallocate)).tolerant();
pub const FTRUNCATE: Def = Def::new(prepare_ftruncate, Start::Work(ftruncate)).tolerant();
pub const FADVISE: Def = Def::new(prepare_advice, Start::Work(fadvise));
pub const MADVISE: Def = Def::new(prepare_advice, Start::Work(madvise)).without_file().tolerant();

/// Refuses an entry with fields that must be 0.
fn zero(fields: &[u64]) -> Result<(), c_int> {
    if fields.iter().all(|&field| field == 0) {
        Ok(())
    } else {
        Err(-EINVAL)
    }
}

/// `buf_index` and `splice_fd_in`, which none of them uses.
fn unused(request: &Request) -> [u64; 2] {
    [u64::from(request.buf_index()), u64::from(request.file_index())]
}

fn prepare_fsync(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    zero(&[request.addr(), u64::from(request.op_flags() & !IORING_FSYNC_DATASYNC)])?;
    zero(&unused(request))?;
    if request.off() > i64::MAX as u64 {
        Err(-EINVAL)
    } else {
        Ok(())
    }
}

/// The whole file, of which the range of the entry is a part.
fn fsync(request: &mut Request) -> i32 {
    let nr = if request.op_flags() & IORING_FSYNC_DATASYNC != 0 {
        libc::SYS_fdatasync
    } else {
        libc::SYS_fsync
    };
    // SAFETY: no memory is passed.
    sys::number(unsafe { sys::call(nr, [sys::fd(request.fd())]) })
}

fn prepare_sync_file_range(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    zero(&[request.addr()])?;
    zero(&unused(request))
}

fn sync_file_range(request: &mut Request) -> i32 {
    wide::sync_file_range(
        request.fd(),
        request.off(),
        u64::from(request.len()),
        request.op_flags(),
    )
}

fn prepare_fallocate(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    zero(&[u64::from(request.op_flags())])?;
    zero(&unused(request))
}

fn fallocate(request: &mut Request) -> i32 {
    wide::fallocate(request.fd(), request.len(), request.off(), request.addr())
}

fn prepare_ftruncate(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let flags_and_len = [u64::from(request.op_flags()), u64::from(request.len())];
    zero(&flags_and_len)?;
    zero(&[request.addr(), request.addr3()])?;
    zero(&unused(request))
}

fn ftruncate(request: &mut Request) -> i32 {
    wide::ftruncate(request.fd(), request.off())
}

fn prepare_advice(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    zero(&unused(request))
}

/// A length that has a field of 64 bits, and one of 32 bits that counts if the other is 0.
fn length(long: u64, request: &Request) -> u64 {
    if long == 0 { u64::from(request.len()) } else { long }
}

fn fadvise(request: &mut Request) -> i32 {
    let len = length(request.addr(), request);
    wide::fadvise(request.fd(), request.off(), len, request.op_flags())
}

fn madvise(request: &mut Request) -> i32 {
    let len = length(request.off(), request);
    let args = [request.addr() as usize, len as usize, request.op_flags() as usize];
    // SAFETY: what the advice does to its memory is what the program asks for.
    sys::number(unsafe { sys::call(libc::SYS_madvise, args) })
}

/// System calls with arguments of 64 bits.
#[cfg(target_pointer_width = "64")]
mod wide {
    use crate::sys::{call, fd, number};
    use ironring_abi::ctypes::{c_int, c_uint};

    #[cfg(target_arch = "powerpc64")]
    const SYNC_FILE_RANGE: libc::c_long = libc::SYS_sync_file_range2;
    #[cfg(not(target_arch = "powerpc64"))]
    const SYNC_FILE_RANGE: libc::c_long = libc::SYS_sync_file_range;
    // The libc crate lacks its number on PowerPC.
    #[cfg(target_arch = "powerpc64")]
    const FADVISE: libc::c_long = 233;
    #[cfg(not(target_arch = "powerpc64"))]
    const FADVISE: libc::c_long = libc::SYS_fadvise64;

    pub fn sync_file_range(file: c_int, from: u64, len: u64, flags: c_uint) -> i32 {
        // On PowerPC the flags come first.
        let args = if cfg!(target_arch = "powerpc64") {
            [fd(file), flags as usize, from as usize, len as usize]
        } else {
            [fd(file), from as usize, len as usize, flags as usize]
        };
        // SAFETY: no memory is passed.
        number(unsafe { call(SYNC_FILE_RANGE, args) })
    }

    pub fn fallocate(file: c_int, mode: c_uint, from: u64, len: u64) -> i32 {
        let args = [fd(file), mode as usize, from as usize, len as usize];
        // SAFETY: as above.
        number(unsafe { call(libc::SYS_fallocate, args) })
    }

    pub fn ftruncate(file: c_int, len: u64) -> i32 {
        // SAFETY: as above.
        number(unsafe { call(libc::SYS_ftruncate, [fd(file), len as usize]) })
    }

    pub fn fadvise(file: c_int, from: u64, len: u64, advice: c_uint) -> i32 {
        let args = [fd(file), from as usize, len as usize, advice as usize];
        // SAFETY: as above.
        number(unsafe { call(FADVISE, args) })
    }
}

/// On processors of 32 bits libc knows how such arguments are passed.
#[cfg(not(target_pointer_width = "64"))]
mod wide {
    use ironring_abi::ctypes::{c_int, c_uint};

    fn number(ret: c_int) -> i32 {
        // SAFETY: libc's errno of this thread is always readable.
        if ret == -1 {
            -unsafe { *libc::__errno_location() }
        } else {
            ret
        }
    }

    pub fn sync_file_range(file: c_int, from: u64, len: u64, flags: c_uint) -> i32 {
        // SAFETY: no memory is passed.
        number(unsafe { libc::sync_file_range(file, from as i64, len as i64, flags) })
    }

    pub fn fallocate(file: c_int, mode: c_uint, from: u64, len: u64) -> i32 {
        // SAFETY: as above.
        number(unsafe { libc::fallocate64(file, mode as c_int, from as i64, len as i64) })
    }

    pub fn ftruncate(file: c_int, len: u64) -> i32 {
        // SAFETY: as above.
        number(unsafe { libc::ftruncate64(file, len as i64) })
    }

    pub fn fadvise(file: c_int, from: u64, len: u64, advice: c_uint) -> i32 {
        // It returns the error itself.
        // SAFETY: as above.
        -unsafe { libc::posix_fadvise64(file, from as i64, len as i64, advice as c_int) }
    }
}
