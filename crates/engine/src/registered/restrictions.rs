//! Restrictions: what a ring that was created disabled allows once it is enabled.

use crate::request::Request;
use crate::sys::Result;
use crate::user;
use alloc::vec::Vec;
use ironring_abi::uapi::*;
use libc::{EFAULT, EINVAL};

user::plain!(io_uring_restriction);

#[derive(Clone, Default)]
pub struct Restrictions {
    /// The allowed operations and commands, by number.
    ops: Vec<u8>,
    commands: Vec<u8>,
    flags_allowed: u8,
    flags_required: u8,
}

/// The largest number of entries of one call.
const MOST: u32 = IORING_RESTRICTION_LAST as u32 + IORING_REGISTER_LAST + IORING_OP_LAST as u32;

impl Restrictions {
    /// Reads the program's list.
    pub fn read(address: u64, count: u32) -> Result<Restrictions> {
        if address == 0 || count > MOST {
            return Err(-EINVAL);
        }
        let list: Vec<io_uring_restriction> = user::read_array(address, count as usize).map_err(|_| -EFAULT)?;
        Restrictions::parse(&list)
    }

    fn parse(list: &[io_uring_restriction]) -> Result<Restrictions> {
        let mut restrictions = Restrictions::default();
        for entry in list {
            // SAFETY: all of the union's fields are bytes.
            let value = unsafe { entry.anon_what.register_op };
            match i32::from(entry.opcode) {
                IORING_RESTRICTION_REGISTER_OP if u32::from(value) < IORING_REGISTER_LAST => {
                    restrictions.commands.push(value);
                }
                IORING_RESTRICTION_SQE_OP if i32::from(value) < IORING_OP_LAST => restrictions.ops.push(value),
                IORING_RESTRICTION_SQE_FLAGS_ALLOWED => restrictions.flags_allowed = value,
                IORING_RESTRICTION_SQE_FLAGS_REQUIRED => restrictions.flags_required = value,
                _ => return Err(-EINVAL),
            }
        }
        Ok(restrictions)
    }

    pub fn allows_command(&self, command: u32) -> bool {
        self.commands.iter().any(|&allowed| u32::from(allowed) == command)
    }

    pub fn allows_sqe(&self, request: &Request) -> bool {
        let flags = request.sqe.flags;
        self.ops.contains(&request.sqe.opcode)
            && flags & self.flags_required == self.flags_required
            && flags & !(self.flags_allowed | self.flags_required) == 0
    }
}
