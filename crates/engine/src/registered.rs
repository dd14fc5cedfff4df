//! What a program has registered with a ring.

pub mod buffers;
pub mod files;
pub mod groups;
pub mod personalities;
pub mod region;
pub mod restrictions;
pub mod slots;

use crate::kept::Kept;
use crate::request::Request;
use alloc::collections::BTreeMap;
use files::Files;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::io_uring_reg_wait;

pub struct Registered {
    pub files: Files,
    pub buffers: buffers::Buffers,
    pub groups: BTreeMap<u16, groups::Group>,
    /// Signaled with each batch of completions; with `true` only for those that come later than the submission.
    pub eventfd: Option<(Kept, bool)>,
    /// The clock of timeouts: `CLOCK_MONOTONIC` or `CLOCK_BOOTTIME`.
    pub clock: c_int,
    pub personalities: personalities::Personalities,
    /// They apply once the ring is enabled.
    pub restrictions: Option<restrictions::Restrictions>,
    pub restricted: bool,
    pub region: Option<region::Region>,
    /// What `IORING_REGISTER_NAPI` has set: the time and the preference. It has no effect.
    pub napi: (u32, bool),
}

impl Registered {
    pub fn new() -> Registered {
        Registered {
            files: Files::default(),
            buffers: buffers::Buffers::default(),
            groups: BTreeMap::new(),
            eventfd: None,
            clock: libc::CLOCK_MONOTONIC,
            personalities: personalities::Personalities::default(),
            restrictions: None,
            restricted: false,
            region: None,
            napi: (0, false),
        }
    }

    /// The restrictions that apply.
    fn in_force(&self) -> Option<&restrictions::Restrictions> {
        self.restrictions.as_ref().filter(|_| self.restricted)
    }

    /// Whether the ring's restrictions allow an entry.
    pub fn allows_sqe(&self, request: &Request) -> bool {
        self.in_force().is_none_or(|rules| rules.allows_sqe(request))
    }

    /// Whether the ring's restrictions allow a command.
    pub fn allows_command(&self, command: u32) -> bool {
        self.in_force().is_none_or(|rules| rules.allows_command(command))
    }

    /// The registered argument of a wait at an offset of the region.
    pub fn wait_argument(&self, offset: u64, size: usize) -> Result<io_uring_reg_wait, c_int> {
        if size != size_of::<io_uring_reg_wait>() {
            return Err(-libc::EINVAL);
        }
        self.region.ok_or(-libc::EFAULT)?.wait_argument(offset)
    }
}
