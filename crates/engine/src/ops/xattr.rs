//! Extended attributes, by descriptor and by path. Workers do them, and errors don't break chains, as in the kernel.

use super::{Data, Def, Start, path};
use crate::context::Core;
use crate::request::Request;
use crate::sys::{self, Result};
use crate::user;
use alloc::vec::Vec;
use ironring_abi::uapi::*;
use libc::{E2BIG, EBADF, EINVAL, ENAMETOOLONG, ERANGE, XATTR_CREATE, XATTR_REPLACE};

pub const FGETXATTR: Def = Def::new(prepare_fget, Start::Work(fget)).tolerant().credentials();
pub const GETXATTR: Def = Def::new(prepare_get, Start::Work(get))
    .without_file()
    .tolerant()
    .credentials();
pub const FSETXATTR: Def = Def::new(prepare_fset, Start::Work(fset)).tolerant().credentials();
pub const SETXATTR: Def = Def::new(prepare_set, Start::Work(set))
    .without_file()
    .tolerant()
    .credentials();

/// The longest name, with its terminating zero.
const NAME: usize = 256;
/// The largest value.
const VALUE: u32 = 65536;

/// A request for an attribute.
pub struct Xattr {
    path: Vec<u8>,
    name: Vec<u8>,
    /// A copy of the value to set.
    value: Vec<u8>,
}

fn read_name(request: &Request) -> Result<Vec<u8>> {
    match user::read_string(request.addr(), NAME) {
        Ok(name) if name.len() > 1 => Ok(name),
        Ok(_) => Err(-ERANGE),
        Err(errno) if errno == -ENAMETOOLONG => Err(-ERANGE),
        Err(errno) => Err(errno),
    }
}

fn prepare_fget(_: &mut Core, request: &mut Request) -> Result<()> {
    if request.op_flags() != 0 {
        return Err(-EINVAL);
    }
    let name = read_name(request)?;
    prepare(request, name, Vec::new());
    Ok(())
}

fn prepare_fset(_: &mut Core, request: &mut Request) -> Result<()> {
    if request.op_flags() as i32 & !(XATTR_CREATE | XATTR_REPLACE) != 0 {
        return Err(-EINVAL);
    }
    let name = read_name(request)?;
    if request.len() > VALUE {
        return Err(-E2BIG);
    }
    let value = user::read_array(request.off(), request.len() as usize)?;
    prepare(request, name, value);
    Ok(())
}

fn prepare(request: &mut Request, name: Vec<u8>, value: Vec<u8>) {
    request.data = Data::Xattr(Xattr {
        path: Vec::new(),
        name,
        value,
    });
}

fn prepare_get(core: &mut Core, request: &mut Request) -> Result<()> {
    if request.has(IOSQE_FIXED_FILE) {
        return Err(-EBADF);
    }
    prepare_fget(core, request)?;
    prepare_path(request)
}

fn prepare_set(core: &mut Core, request: &mut Request) -> Result<()> {
    if request.has(IOSQE_FIXED_FILE) {
        return Err(-EBADF);
    }
    prepare_fset(core, request)?;
    prepare_path(request)
}

fn prepare_path(request: &mut Request) -> Result<()> {
    let read = path::read(request.addr3(), false)?;
    data(request).path = read;
    Ok(())
}

/// The request's data.
fn data(request: &mut Request) -> &mut Xattr {
    match &mut request.data {
        Data::Xattr(xattr) => xattr,
        _ => unreachable!("it was prepared"),
    }
}

fn get_from(request: &mut Request, nr: libc::c_long, file: usize) -> i32 {
    let (to, len) = (request.off() as usize, request.len() as usize);
    let name = data(request).name.as_ptr() as usize;
    // SAFETY: a terminated name and path; the kernel checks the program's address.
    sys::number(unsafe { sys::call(nr, [file, name, to, len]) })
}

fn set_on(request: &mut Request, nr: libc::c_long, file: usize) -> i32 {
    let flags = request.op_flags() as usize;
    let xattr = data(request);
    let (name, value) = (xattr.name.as_ptr() as usize, xattr.value.as_ptr() as usize);
    // SAFETY: a terminated name and path, and the value's bytes.
    sys::number(unsafe { sys::call(nr, [file, name, value, xattr.value.len(), flags]) })
}

fn fget(request: &mut Request) -> i32 {
    let file = sys::fd(request.fd());
    get_from(request, libc::SYS_fgetxattr, file)
}

fn get(request: &mut Request) -> i32 {
    let path = data(request).path.as_ptr() as usize;
    get_from(request, libc::SYS_getxattr, path)
}

fn fset(request: &mut Request) -> i32 {
    let file = sys::fd(request.fd());
    set_on(request, libc::SYS_fsetxattr, file)
}

fn set(request: &mut Request) -> i32 {
    let path = data(request).path.as_ptr() as usize;
    set_on(request, libc::SYS_setxattr, path)
}
