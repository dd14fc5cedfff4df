//! A registered region of memory, from which waits take their arguments.

use crate::context::Core;
use crate::sys::Result;
use crate::user;
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::uapi::*;
use libc::{EBUSY, EFAULT, EINVAL, EOVERFLOW};

user::plain!(io_uring_mem_region_reg, io_uring_region_desc);

/// A region of the program's memory.
#[derive(Clone, Copy)]
pub struct Region {
    address: u64,
    size: u64,
    /// Waits take their arguments from it.
    waits: bool,
}

impl Region {
    /// The argument of a wait at an offset.
    pub fn wait_argument(&self, offset: u64) -> Result<io_uring_reg_wait> {
        let end = offset.checked_add(size_of::<io_uring_reg_wait>() as u64);
        let inside = self.waits && end.is_some_and(|end| end <= self.size);
        if offset % align_of::<u64>() as u64 != 0 || !inside {
            return Err(-EFAULT);
        }
        user::read(self.address + offset)
    }
}

pub fn register(core: &mut Core, arg: u64, nr: c_uint) -> Result<c_int> {
    if arg == 0 || nr != 1 {
        return Err(-EINVAL);
    }
    if core.registered.region.is_some() {
        return Err(-EBUSY);
    }
    let wanted: io_uring_mem_region_reg = user::read(arg)?;
    let region: io_uring_region_desc = user::read(wanted.region_uptr)?;
    let waits = wanted.flags & IORING_MEM_REGION_REG_WAIT_ARG as u64 != 0;
    if wanted.__resv != [0; 2] || wanted.flags & !(IORING_MEM_REGION_REG_WAIT_ARG as u64) != 0 {
        return Err(-EINVAL);
    }
    if waits && !core.queues().disabled {
        return Err(-EINVAL);
    }
    check(&region)?;
    user::write(wanted.region_uptr, &region)?;
    core.inner.registered.region = Some(Region {
        address: region.user_addr,
        size: region.size,
        waits,
    });
    Ok(0)
}

/// Whether the program's memory can be a region.
fn check(region: &io_uring_region_desc) -> Result<()> {
    let page = crate::setup::page_size() as u64;
    let own = region.flags & IORING_MEM_REGION_TYPE_USER as u32 != 0;
    if region.__resv != [0; 4] || region.flags & !(IORING_MEM_REGION_TYPE_USER as u32) != 0 {
        return Err(-EINVAL);
    }
    if own != (region.user_addr != 0) {
        return Err(-EFAULT);
    }
    // Memory of the ring's own would be mapped from the ring's descriptor, which only the kernel's have.
    if !own || region.size == 0 || region.mmap_offset != 0 || region.id != 0 {
        return Err(-EINVAL);
    }
    if (region.user_addr | region.size) % page != 0 {
        return Err(-EINVAL);
    }
    region.user_addr.checked_add(region.size).ok_or(-EOVERFLOW)?;
    for at in (0..region.size).step_by(page as usize) {
        let byte: u8 = user::read(region.user_addr + at)?;
        user::write(region.user_addr + at, &byte)?;
    }
    Ok(())
}
