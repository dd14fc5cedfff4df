//! `IORING_OP_ASYNC_CANCEL`.

use super::{Def, Start};
use crate::cancel::{Criteria, FLAGS};
use crate::context::Core;
use crate::request::Request;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::EINVAL;

pub const CANCEL: Def = Def::new(prepare, Start::Now(run)).without_file();

fn prepare(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let flags = request.op_flags();
    if request.off() != 0 || request.file_index() != 0 || flags & !FLAGS != 0 {
        return Err(-EINVAL);
    }
    let narrow = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP;
    if flags & IORING_ASYNC_CANCEL_ANY != 0 && flags & narrow != 0 {
        return Err(-EINVAL);
    }
    Ok(())
}

fn run(core: &mut Core, request: &mut Request) -> i32 {
    let mut criteria = Criteria {
        data: request.addr(),
        flags: request.op_flags(),
        opcode: request.len() as u8,
        file: -1,
    };
    let mut _kept = None;
    if criteria.flags & IORING_ASYNC_CANCEL_FD != 0 {
        let fixed = request.has(IOSQE_FIXED_FILE) || criteria.flags & IORING_ASYNC_CANCEL_FD_FIXED != 0;
        match core.file_to_cancel(request.sqe.fd, fixed) {
            Ok((file, kept)) => (criteria.file, _kept) = (file, kept),
            Err(errno) => return errno,
        }
    }
    core.cancel_matching(&criteria)
}
