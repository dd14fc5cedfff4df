//! `io_uring_setup` of the scripted kernel, and resizing: the memory of its rings.

use crate::script::ring::Ring;
use crate::script::state::State;
use ironring_abi::ctypes::c_int;
use ironring_abi::kernel::Part;
use ironring_abi::uapi::*;
use ironring_half::{Cq, Sq, lay_out};
use libc::EINVAL;

impl State {
    /// Creates a ring in new memory or in the program's, with the layout of Linux as changed by the script, and fills
    /// in `p`.
    fn make(&mut self, fd: c_int, entries: u32, p: &mut io_uring_params) -> Result<Ring, c_int> {
        let sizes = lay_out(entries, p)?;
        let single = self.features & IORING_FEAT_SINGLE_MMAP != 0;
        p.features = self.features;
        if !single && p.sq_off.array != 0 {
            // In a separate mapping the SQ has no CQEs before the array.
            p.sq_off.array = p.cq_off.cqes;
        }
        let (sq, cq) = (&mut p.sq_off, &mut p.cq_off);
        for offset in [
            &mut sq.head,
            &mut sq.tail,
            &mut sq.ring_mask,
            &mut sq.ring_entries,
            &mut sq.flags,
            &mut sq.dropped,
            &mut cq.head,
            &mut cq.tail,
            &mut cq.ring_mask,
            &mut cq.ring_entries,
            &mut cq.overflow,
            &mut cq.cqes,
            &mut cq.flags,
        ] {
            *offset += self.shift;
        }
        if sq.array != 0 {
            sq.array += self.shift;
        }
        if !self.cq_flags {
            cq.flags = 0;
        }
        let own = p.flags & IORING_SETUP_NO_MMAP != 0;
        let mut regions = Vec::new();
        if !own {
            let rings = sizes.rings + self.shift as usize;
            let parts: &[_] = if single {
                &[Part::SqRing]
            } else {
                &[Part::SqRing, Part::CqRing]
            };
            regions.extend(parts.iter().map(|part| (*part, self.region(rings))));
            regions.push((Part::Sqes, self.region(sizes.sqes)));
        }
        let at = |part: Part, user_addr: u64| {
            let region = regions.iter().find(|(found, _)| *found == part);
            region.map_or(user_addr as usize as *mut u8, |(_, region)| region.at)
        };
        let sq = at(Part::SqRing, p.cq_off.user_addr);
        let cq = if single || own { sq } else { at(Part::CqRing, 0) };
        let sqes = at(Part::Sqes, p.sq_off.user_addr).cast();
        // SAFETY: the memory was just allocated, or is the program's; the script keeps it.
        unsafe {
            let half = ironring_half::Ring::new(sq, cq, sqes, p);
            half.describe();
            let queues = if own {
                // Kernels before 6.18 don't initialize the program's memory.
                let ([sq_head, ..], [cq_head, cq_tail]) = (half.sq_words(), half.cq_words());
                (
                    Sq { head: sq_head.read() },
                    Cq {
                        tail: cq_tail.read(),
                        head: cq_head.read(),
                    },
                )
            } else {
                half.clear(self.start);
                (Sq::new(self.start), Cq::new(self.start))
            };
            Ok(Ring::new(fd, half, queues, regions))
        }
    }

    pub fn setup(&mut self, entries: u32, p: &mut io_uring_params) -> c_int {
        if p.flags & self.unknown != 0 {
            return -EINVAL;
        }
        let by_index = p.flags & IORING_SETUP_REGISTERED_FD_ONLY != 0;
        // Linux creates the descriptor last.
        let mut ring = match self.make(-7, entries, p) {
            Ok(ring) => ring,
            Err(errno) => return errno,
        };
        if by_index {
            self.indexes.insert(3, ring.fd);
        } else {
            ring.fd = self.new_fd();
        }
        let fd = ring.fd;
        self.rings.push(ring);
        if by_index { 3 } else { fd }
    }

    /// `IORING_REGISTER_RESIZE_RINGS`.
    pub fn resize(&mut self, ring: usize, p: &mut io_uring_params) -> c_int {
        p.flags |= self.rings[ring].half.flags() & !(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP);
        let features = p.features;
        let new = match self.make(self.rings[ring].fd, p.sq_entries, p) {
            Ok(new) => new,
            Err(errno) => return errno,
        };
        p.features = features;
        // SAFETY: both rings' memory, which nobody uses meanwhile.
        match unsafe { self.rings[ring].move_to(new) } {
            Ok(()) => 0,
            Err(errno) => errno,
        }
    }
}
