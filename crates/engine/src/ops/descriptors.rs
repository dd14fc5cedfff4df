//! Descriptors and slots: `IORING_OP_FIXED_FD_INSTALL`, `IORING_OP_PIPE` and `IORING_OP_FILES_UPDATE`.

use super::{Def, Start};
use crate::context::Core;
use crate::kept::{self, Kept};
use crate::request::Request;
use crate::sys::{self, Result};
use crate::user;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{EBADF, EINVAL, EMFILE, EPERM, O_CLOEXEC, O_DIRECT, O_EXCL, O_NONBLOCK};

pub const INSTALL: Def = Def::new(prepare_install, Start::Now(install));
pub const PIPE: Def = Def::new(prepare_pipe, Start::Now(pipe)).without_file();
pub const UPDATE: Def = Def::new(prepare_update, Start::Now(update)).without_file().iopoll();

fn prepare_install(_: &mut Core, request: &mut Request) -> Result<()> {
    if request.off() != 0
        || request.addr() != 0
        || request.len() != 0
        || request.buf_index() != 0
        || request.file_index() != 0
        || request.addr3() != 0
    {
        return Err(-EINVAL);
    }
    if !request.has(IOSQE_FIXED_FILE) {
        return Err(-EBADF);
    }
    if request.op_flags() & !IORING_FIXED_FD_NO_CLOEXEC != 0 {
        return Err(-EINVAL);
    }
    if request.sqe.personality != 0 {
        return Err(-EPERM);
    }
    Ok(())
}

fn install(_: &mut Core, request: &mut Request) -> i32 {
    let command = if request.op_flags() & IORING_FIXED_FD_NO_CLOEXEC != 0 {
        libc::F_DUPFD
    } else {
        libc::F_DUPFD_CLOEXEC
    };
    sys::number(sys::fcntl(request.fd(), command, 0))
}

fn prepare_pipe(_: &mut Core, request: &mut Request) -> Result<()> {
    if request.sqe.fd != 0 || request.off() != 0 || request.addr3() != 0 {
        return Err(-EINVAL);
    }
    if request.op_flags() as c_int & !(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL) != 0 {
        return Err(-EINVAL);
    }
    Ok(())
}

fn pipe2(to: usize, flags: u32) -> Result<()> {
    // SAFETY: the kernel checks an address of the program's; ours has two integers.
    unsafe { sys::call(libc::SYS_pipe2, [to, flags as usize]) }.map(drop)
}

fn pipe(core: &mut Core, request: &mut Request) -> i32 {
    let (to, flags, slot) = (request.addr(), request.op_flags(), request.file_index());
    let done = if slot == 0 {
        pipe2(to as usize, flags)
    } else {
        direct_pipe(core, to, flags, slot)
    };
    done.err().unwrap_or(0)
}

fn direct_pipe(core: &mut Core, to: u64, flags: u32, file_index: u32) -> Result<()> {
    if flags as c_int & O_CLOEXEC != 0 {
        return Err(-EINVAL);
    }
    let mut ends = [-1; 2];
    let address = ends.as_mut_ptr() as usize;
    match pipe2(address, flags) {
        Err(errno) if errno == -EMFILE => kept::past_limit(|| pipe2(address, flags))?,
        other => other?,
    }
    let [one, two] = ends.map(|end| Kept::own(kept::raise(end)));
    let chosen = file_index == IORING_FILE_INDEX_ALLOC;
    let mut slots = [file_index.wrapping_sub(1), file_index];
    let first = core.install(one, file_index)?;
    if chosen {
        slots[0] = first as u32;
    }
    let second = if chosen { file_index } else { file_index + 1 };
    match core.install(two, second) {
        Ok(slot) if chosen => slots[1] = slot as u32,
        Ok(_) => {}
        Err(errno) => {
            let _ = core.remove_file(slots[0]);
            return Err(errno);
        }
    }
    user::write(to, &slots).inspect_err(|_| {
        for slot in slots {
            let _ = core.remove_file(slot);
        }
    })
}

fn prepare_update(_: &mut Core, request: &mut Request) -> Result<()> {
    if request.has(IOSQE_FIXED_FILE) || request.op_flags() != 0 || request.file_index() != 0 || request.len() == 0 {
        return Err(-EINVAL);
    }
    Ok(())
}

fn update(core: &mut Core, request: &mut Request) -> i32 {
    let (offset, fds, count) = (request.off() as u32, request.addr(), request.len());
    let done = if offset == IORING_FILE_INDEX_ALLOC {
        core.install_files(fds, count)
    } else {
        core.update_files(offset, fds, 0, count)
    };
    done.unwrap_or_else(|errno| errno)
}
