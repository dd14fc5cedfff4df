//! Programs that write anything at any time: the kernel's half must not panic, and must not access other memory.

use super::random::Dice;
use super::resize::resize;
use super::{Rig, big, cqe, sqe};
use crate::*;
use ironring_abi::uapi::*;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};

const NO_ARRAY: u32 = IORING_SETUP_NO_SQARRAY;

/// Overwrites, at random, everything that a program can write to.
fn scribble(rig: &Rig, dice: &mut Dice) {
    let near = [rig.sq.head, rig.cq.tail, 0, 1 << 31];
    let value = |dice: &mut Dice| match dice.roll(8) {
        0 => dice.roll(1 << 32) as u32,
        _ => near[dice.roll(4) as usize]
            .wrapping_add(dice.roll(80) as u32)
            .wrapping_sub(40),
    };
    // SAFETY: the rig's memory; the header has twelve words.
    unsafe {
        for word in 0..12 {
            if dice.roll(3) != 0 {
                rig.ring.sq_words()[0].add(word).write(value(dice));
            }
        }
        for slot in 0..rig.ring.sq_entries() {
            (*rig.ring.sqe(slot)).opcode =
                [0, IORING_OP_NOP128 as u8, IORING_OP_URING_CMD128 as u8, 255][dice.roll(4) as usize];
            if !rig.ring.has(NO_ARRAY) {
                let near = dice.roll(u64::from(rig.ring.sq_entries()) + 1) as u32;
                rig.ring
                    .array(slot)
                    .write(if dice.roll(8) == 0 { value(dice) } else { near });
            }
        }
        for slot in 0..rig.ring.cq_entries() {
            (*rig.ring.cqe(slot)).flags = dice.roll(1 << 32) as u32;
        }
    }
}

#[test]
fn random_contents_lead_to_no_other_memory() {
    let kinds = [0, IORING_SETUP_SQE128, IORING_SETUP_SQE_MIXED]
        .into_iter()
        .flat_map(|sq| [0, IORING_SETUP_CQE32, IORING_SETUP_CQE_MIXED].map(|cq| sq | cq))
        .flat_map(|kind| [kind, kind | NO_ARRAY, kind | NO_ARRAY | IORING_SETUP_SQ_REWIND]);
    for (seed, flags) in kinds.enumerate() {
        let mut dice = Dice(0x2545_f491_4f6c_dd1d + seed as u64);
        let mut rig = Rig::at(dice.roll(1 << 32) as u32, 4, flags, 8);
        for n in 0..4000 {
            if dice.roll(2) == 0 {
                scribble(&rig, &mut dice);
            }
            match dice.roll(6) {
                // SAFETY: the rig's ring.
                0 => unsafe {
                    let most = [1, 3, u32::MAX][dice.roll(3) as usize];
                    let mut batch = rig.ring.take(&mut rig.sq, most);
                    let mut count = 0;
                    while let Some(entry) = batch.next() {
                        count += 1 + u32::from(entry.second().is_some() && flags & IORING_SETUP_SQE128 == 0);
                    }
                    assert_eq!(batch.end(), count);
                    assert!(count <= most.min(rig.ring.sq_entries()));
                },
                1 | 2 => _ = rig.post(&if dice.roll(2) == 0 { cqe(n) } else { big(n) }),
                3 => _ = rig.flush(),
                // SAFETY: the rig's ring.
                4 => unsafe {
                    assert!(rig.ring.submitted(&rig.sq) <= rig.ring.sq_entries());
                    rig.ring.may_sleep(&rig.sq);
                    rig.ring.eventfd_disabled();
                    rig.ring.ready();
                },
                _ => {
                    let sq = 2 << dice.roll(4);
                    _ = resize(&mut rig, sq, sq << dice.roll(3));
                }
            }
        }
    }
}

#[test]
fn a_completion_in_the_last_slot_is_carried_over_alone() {
    let mut rig = Rig::at(7, 8, IORING_SETUP_CQE_MIXED | NO_ARRAY, 8);
    assert!((0..2).all(|n| rig.post(&cqe(n)) == Posted::Filled));
    // A program marks the completion in the last slot as one of 32 bytes.
    // SAFETY: the rig's slot.
    unsafe { (*rig.ring.cqe(7)).flags = IORING_CQE_F_32 };
    resize(&mut rig, 16, 16).unwrap();
    // SAFETY: the rig's slot.
    assert_eq!(unsafe { (*rig.ring.cqe(8)).user_data }, 1);
}

/// What another thread writes to.
struct Target(*const AtomicU8, *const AtomicU32, *const AtomicU32);

// SAFETY: the rig outlives the thread.
unsafe impl Send for Target {}

#[test]
fn a_resize_stays_in_bounds_while_the_program_writes() {
    for array in [0, NO_ARRAY] {
        let flags = IORING_SETUP_SQE_MIXED | IORING_SETUP_CQE_MIXED | array;
        // Slot 3 is the last of four.
        let mut rig = Rig::at(3, 8, flags, 8);
        assert!((0..2).all(|n| rig.submit(sqe(n)) && rig.post(&cqe(n)) == Posted::Filled));
        let end = AtomicBool::new(false);
        // SAFETY: the rig's memory.
        let target = unsafe {
            let index = if array == 0 {
                rig.ring.array(3)
            } else {
                // There is no array; any other word will do.
                rig.ring.cq_flags()
            };
            Target(
                (&raw const (*rig.ring.sqe(3)).opcode).cast(),
                (&raw const (*rig.ring.cqe(3)).flags).cast(),
                index.cast_const().cast(),
            )
        };
        std::thread::scope(|scope| {
            let end = &end;
            scope.spawn(move || {
                let target = target;
                let Target(opcode, flags, index) = target;
                while !end.load(Relaxed) {
                    for big in [false, true] {
                        // SAFETY: as above.
                        unsafe {
                            (*opcode).store(if big { IORING_OP_NOP128 as u8 } else { 0 }, Relaxed);
                            (*flags).store(if big { IORING_CQE_F_32 } else { 0 }, Relaxed);
                            (*index).store(if big { 7 } else { 3 }, Relaxed);
                        }
                    }
                }
            });
            for _ in 0..3000 {
                let new = Rig::at(0, 4, flags, 4);
                let mut cq = rig.cq;
                // SAFETY: the rigs' rings.
                _ = unsafe { rig.ring.resize(&new.ring, &rig.sq, &mut cq) };
            }
            end.store(true, Relaxed);
        });
    }
}
