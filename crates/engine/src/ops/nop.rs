//! `IORING_OP_NOP` and `IORING_OP_NOP128`.

use super::{Def, Start};
use crate::context::Core;
use crate::request::Request;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{EBADF, EFAULT, EINVAL};

pub const NOP: Def = Def::new(prepare, Start::Now(run)).without_file().iopoll();

// Flags that Linux has for its own tests, and liburing does not name.
const IORING_NOP_FILE: u32 = 1 << 1;
const IORING_NOP_FIXED_FILE: u32 = 1 << 2;
const IORING_NOP_FIXED_BUFFER: u32 = 1 << 3;
const IORING_NOP_TW: u32 = 1 << 4;

const FLAGS: u32 = IORING_NOP_INJECT_RESULT
    | IORING_NOP_FILE
    | IORING_NOP_FIXED_FILE
    | IORING_NOP_FIXED_BUFFER
    | IORING_NOP_TW
    | IORING_NOP_CQE32;

fn prepare(core: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let flags = request.op_flags();
    if flags & !FLAGS != 0 {
        return Err(-EINVAL);
    }
    if flags & IORING_NOP_CQE32 != 0 && !core.has(IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED) {
        return Err(-EINVAL);
    }
    Ok(())
}

fn run(core: &mut Core, request: &mut Request) -> i32 {
    let flags = request.op_flags();
    if flags & IORING_NOP_CQE32 != 0 {
        if core.has(IORING_SETUP_CQE_MIXED) {
            request.cflags |= IORING_CQE_F_32;
        }
        request.big = [request.off(), request.addr()];
    }
    if flags & IORING_NOP_FILE != 0 {
        let fd = request.sqe.fd;
        let found = if flags & IORING_NOP_FIXED_FILE != 0 {
            core.registered.files.get(fd as u32).is_some()
        } else {
            crate::sys::fcntl(fd, libc::F_GETFD, 0).is_ok()
        };
        if !found {
            return -EBADF;
        }
    }
    if flags & IORING_NOP_FIXED_BUFFER != 0 && !core.registered.buffers.has(request.buf_index()) {
        return -EFAULT;
    }
    if flags & IORING_NOP_INJECT_RESULT != 0 {
        return request.len() as i32;
    }
    0
}
