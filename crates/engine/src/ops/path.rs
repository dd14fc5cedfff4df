//! Names of files: `IORING_OP_STATX`, `IORING_OP_RENAMEAT`, `IORING_OP_UNLINKAT`, `IORING_OP_MKDIRAT`,
//! `IORING_OP_SYMLINKAT` and `IORING_OP_LINKAT`. Workers do them, and errors don't break chains, as in the kernel.

use super::{Data, Def, Start, Tried, open};
use crate::context::Core;
use crate::kept::{self, Kept};
use crate::request::{File, Request};
use crate::status::{self, Status};
use crate::sys::{self, Result};
use crate::user;
use alloc::sync::Arc;
use alloc::vec::Vec;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{
    AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_REMOVEDIR, AT_STATX_SYNC_TYPE, AT_SYMLINK_NOFOLLOW, EACCES, EBADF, EINVAL,
    ELOOP, ENOENT, ENOTDIR,
};

pub const STATX: Def = Def::new(prepare_statx, Start::Try(try_statx, statx))
    .without_file()
    .tolerant()
    .credentials();
pub const RENAMEAT: Def = Def::new(prepare_two, Start::Work(renameat))
    .without_file()
    .tolerant()
    .credentials();
pub const UNLINKAT: Def = Def::new(prepare_unlinkat, Start::Work(unlinkat))
    .without_file()
    .tolerant()
    .credentials();
pub const MKDIRAT: Def = Def::new(prepare_mkdirat, Start::Work(mkdirat))
    .without_file()
    .tolerant()
    .credentials();
pub const SYMLINKAT: Def = Def::new(prepare_symlinkat, Start::Work(symlinkat))
    .without_file()
    .tolerant()
    .credentials();
pub const LINKAT: Def = Def::new(prepare_linkat, Start::Work(linkat))
    .without_file()
    .tolerant()
    .credentials();

/// The longest path, with its terminating zero.
const PATH_MAX: usize = 4096;

/// No mask may have it.
const STATX_RESERVED: u32 = 1 << 31;

/// Copies a path, which may be empty only if `empty` is set.
pub fn read(address: u64, empty: bool) -> Result<Vec<u8>> {
    let path = user::read_string(address, PATH_MAX)?;
    if path.len() == 1 && !empty {
        return Err(-ENOENT);
    }
    Ok(path)
}

/// Refuses registered files, and the fields that no operation here has.
fn check(request: &Request, wrong: bool) -> Result<()> {
    if wrong || request.buf_index() != 0 || request.file_index() != 0 {
        return Err(-EINVAL);
    }
    if request.has(IOSQE_FIXED_FILE) {
        return Err(-EBADF);
    }
    Ok(())
}

fn prepare_one(request: &mut Request, empty: bool) -> Result<()> {
    request.data = Data::Paths([read(request.addr(), empty)?, Vec::new()]);
    Ok(())
}

fn prepare_pair(request: &mut Request, empty: bool) -> Result<()> {
    request.data = Data::Paths([read(request.addr(), empty)?, read(request.off(), false)?]);
    Ok(())
}

fn prepare_statx(_: &mut Core, request: &mut Request) -> Result<()> {
    check(request, false)?;
    prepare_one(request, request.op_flags() as c_int & AT_EMPTY_PATH != 0)
}

fn prepare_two(_: &mut Core, request: &mut Request) -> Result<()> {
    check(request, false)?;
    prepare_pair(request, false)
}

fn prepare_unlinkat(_: &mut Core, request: &mut Request) -> Result<()> {
    check(request, request.off() != 0 || request.len() != 0)?;
    if request.op_flags() as c_int & !AT_REMOVEDIR != 0 {
        return Err(-EINVAL);
    }
    prepare_one(request, false)
}

fn prepare_mkdirat(_: &mut Core, request: &mut Request) -> Result<()> {
    check(request, request.off() != 0 || request.op_flags() != 0)?;
    prepare_one(request, false)
}

fn prepare_symlinkat(_: &mut Core, request: &mut Request) -> Result<()> {
    check(request, request.len() != 0 || request.op_flags() != 0)?;
    prepare_pair(request, false)
}

fn prepare_linkat(_: &mut Core, request: &mut Request) -> Result<()> {
    check(request, false)?;
    prepare_pair(request, request.op_flags() as c_int & AT_EMPTY_PATH != 0)
}

/// The addresses of the copied paths.
fn paths(request: &Request) -> [usize; 2] {
    match &request.data {
        Data::Paths(paths) => [paths[0].as_ptr() as usize, paths[1].as_ptr() as usize],
        _ => unreachable!("it was prepared"),
    }
}

/// A system call with terminated paths of the request among its arguments.
fn call<const N: usize>(nr: libc::c_long, args: [usize; N]) -> i32 {
    // SAFETY: the paths are copies that the request owns; the kernel checks addresses of the program's.
    sys::number(unsafe { sys::call(nr, args) })
}

/// Examines a file whose name the kernel has in its caches, on a file system of this machine.
fn try_statx(_: &mut Core, request: &mut Request, _: u32) -> Tried {
    let (flags, mask) = (request.op_flags() as c_int, request.len());
    let synced = flags & AT_STATX_SYNC_TYPE;
    let known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
    // The call itself says what is wrong.
    if flags & !known != 0 || synced == AT_STATX_SYNC_TYPE || mask & STATX_RESERVED != 0 {
        return Tried::Block;
    }
    let Data::Paths([path, _]) = &request.data else {
        return Tried::Block;
    };
    match open::cached(request.sqe.fd, path, flags & AT_SYMLINK_NOFOLLOW != 0) {
        Ok(file) => match Status::of(file.fd()) {
            Some(status) if status.is_local() => {
                let flags = synced | AT_EMPTY_PATH;
                let empty = c"".as_ptr() as usize;
                let to = request.off() as usize;
                Tried::Done(call(
                    libc::SYS_statx,
                    [sys::fd(file.fd()), empty, flags as usize, mask as usize, to],
                ))
            }
            Some(status) if status.is_unknown() => {
                request.file = File::Kept(Arc::new(Kept::own(kept::raise(file.into_fd()))));
                Tried::Block
            }
            _ => Tried::Block,
        },
        Err(errno) if [-ENOENT, -ENOTDIR, -EACCES, -ELOOP, -EBADF].contains(&errno) => Tried::Done(errno),
        Err(_) => Tried::Block,
    }
}

fn statx(request: &mut Request) -> i32 {
    // The attempt has found it on a file system that it doesn't know.
    if let File::Kept(file) = &request.file {
        status::learn(file.fd());
    }
    let [path, _] = paths(request);
    let (flags, mask) = (request.op_flags() as usize, request.len() as usize);
    let to = request.off() as usize;
    call(libc::SYS_statx, [sys::fd(request.sqe.fd), path, flags, mask, to])
}

fn renameat(request: &mut Request) -> i32 {
    let [from, to] = paths(request);
    let (folder, flags) = (request.len() as usize, request.op_flags() as usize);
    call(libc::SYS_renameat2, [sys::fd(request.sqe.fd), from, folder, to, flags])
}

fn unlinkat(request: &mut Request) -> i32 {
    let [path, _] = paths(request);
    call(
        libc::SYS_unlinkat,
        [sys::fd(request.sqe.fd), path, request.op_flags() as usize],
    )
}

fn mkdirat(request: &mut Request) -> i32 {
    let [path, _] = paths(request);
    // The kernel's type for modes has 16 bits.
    let mode = usize::from(request.len() as u16);
    call(libc::SYS_mkdirat, [sys::fd(request.sqe.fd), path, mode])
}

fn symlinkat(request: &mut Request) -> i32 {
    let [target, path] = paths(request);
    call(libc::SYS_symlinkat, [target, sys::fd(request.sqe.fd), path])
}

fn linkat(request: &mut Request) -> i32 {
    let [from, to] = paths(request);
    let (folder, flags) = (request.len() as usize, request.op_flags() as usize);
    call(libc::SYS_linkat, [sys::fd(request.sqe.fd), from, folder, to, flags])
}
