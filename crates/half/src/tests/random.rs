//! A program and a kernel that do anything in any order, on rings of each kind, across index 0: what comes out is what
//! went in.

use super::resize::resize;
use super::{Rig, big, cqe, sqe};
use crate::*;
use ironring_abi::uapi::*;
use std::collections::VecDeque;

/// Numbers that are the same each time (xorshift).
pub struct Dice(pub u64);

impl Dice {
    /// Below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What both sides expect of each other.
struct World {
    rig: Rig,
    dice: Dice,
    next: u64,
    submitted: VecDeque<(u64, Size)>,
    posted: VecDeque<Cqe>,
}

impl World {
    fn submit(&mut self) {
        let mixed = self.rig.ring.flags() & IORING_SETUP_SQE_MIXED != 0;
        let data = self.next;
        self.next += 1;
        if !mixed || self.dice.roll(2) == 0 {
            if self.rig.submit(sqe(data)) {
                self.submitted.push_back((data, Size::Small));
            }
            return;
        }
        // As `io_uring_get_sqe128` does it.
        let last = self.rig.ring.sq_entries() - 1;
        let filler = self.rig.sq_words()[1] & last == last;
        let mut first = sqe(data);
        first.opcode = IORING_OP_NOP128 as u8;
        let slots = [sqe(!0), first, sqe(data)];
        if self.rig.submit_slots(&slots[usize::from(!filler)..]) {
            if filler {
                self.submitted.push_back((!0, Size::Small));
            }
            self.submitted.push_back((data, Size::Big));
        }
    }

    fn take(&mut self) {
        // A batch that may end in the middle of a big entry tears it; the kernel is asked for whole ones.
        let most = if self.dice.roll(4) == 0 { 0 } else { u32::MAX };
        let long = self.rig.ring.flags() & IORING_SETUP_SQE128 != 0;
        for (data, size) in self.rig.take(most).0 {
            let (want, kind) = self.submitted.pop_front().expect("nobody submitted that");
            assert_eq!((data, size), (want, if long { Size::Big } else { kind }));
        }
        if most != 0 {
            assert!(self.submitted.is_empty(), "all are taken");
        }
    }

    fn post(&mut self) {
        let flags = self.rig.ring.flags();
        let mut completion = if self.dice.roll(2) == 0 {
            cqe(self.next)
        } else {
            big(self.next)
        };
        if flags & IORING_SETUP_CQE_MIXED == 0 {
            completion.flags = 0;
        }
        if flags & (IORING_SETUP_CQE_MIXED | IORING_SETUP_CQE32) == 0 {
            completion.big = [0; 2];
        }
        self.next += 1;
        self.rig.post(&completion);
        self.posted.push_back(completion);
    }

    fn reap(&mut self) {
        if let Some(cqe) = self.rig.reap() {
            assert_eq!(Some(cqe), self.posted.pop_front());
        }
    }

    fn resize(&mut self) {
        let sq = 2 << self.dice.roll(4);
        let cq = sq << self.dice.roll(3);
        let (before, ready) = (self.rig.sq_words(), self.rig.cq_words());
        if resize(&mut self.rig, sq, cq).is_ok() {
            let has_array = self.rig.ring.flags() & IORING_SETUP_NO_SQARRAY == 0;
            for slot in 0..if has_array { sq } else { 0 } {
                // SAFETY: the rig's array: the program's library fills it anew.
                unsafe { self.rig.ring.array(slot).write(slot) };
            }
        }
        assert_eq!((self.rig.sq_words(), self.rig.cq_words()), (before, ready));
    }
}

#[test]
fn whatever_both_sides_do_nothing_is_lost_or_torn() {
    let kinds = [0, IORING_SETUP_SQE128, IORING_SETUP_SQE_MIXED]
        .into_iter()
        .flat_map(|sq| [0, IORING_SETUP_CQE32, IORING_SETUP_CQE_MIXED].map(|cq| sq | cq))
        .flat_map(|kind| [kind, kind | IORING_SETUP_NO_SQARRAY]);
    for (seed, flags) in kinds.enumerate() {
        for start in [0, u32::MAX - 700, u32::MAX] {
            let mut world = World {
                rig: Rig::at(start, 4, flags, 8),
                dice: Dice(0x9e37_79b9_7f4a_7c15 + seed as u64),
                next: 0,
                submitted: VecDeque::new(),
                posted: VecDeque::new(),
            };
            for _ in 0..3000 {
                match world.dice.roll(32) {
                    0..10 => world.submit(),
                    10..13 => world.take(),
                    13..20 => world.post(),
                    20..29 => world.reap(),
                    29..31 => _ = world.rig.flush(),
                    _ => world.resize(),
                }
            }
            world.dice.0 |= 1;
            world.rig.take(u32::MAX);
            while !world.posted.is_empty() {
                world.reap();
                world.rig.flush();
            }
            assert_eq!((world.rig.reap(), world.rig.sq_words()[2]), (None, 0));
        }
    }
}
