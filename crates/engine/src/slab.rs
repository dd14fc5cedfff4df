//! The requests of a ring that are not finished, by number.

use crate::request::Request;
use crate::worker::Errand;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Names a request of a ring for as long as it lives; also the driver's name for what it watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The ring's place in the table.
    pub ring: u16,
    /// Tells apart the requests that had the slot.
    pub generation: u16,
    pub slot: u32,
}

impl Key {
    pub fn number(self) -> u64 {
        u64::from(self.ring) << 48 | u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    pub fn from_number(number: u64) -> Key {
        Key {
            ring: (number >> 48) as u16,
            generation: (number >> 32) as u16,
            slot: number as u32,
        }
    }
}

/// Where a request is.
pub enum Held {
    /// Nowhere: the slot is free.
    Free,
    /// In the hands of a thread that has the ring's lock.
    Out,
    /// Here, until somebody has news for it.
    Parked(Box<Request>),
    /// With a worker, or on the way to one.
    Working(Arc<Errand>),
    /// With the disk: as on Linux, cancelling does not find it.
    OnDisk(Arc<Errand>),
}

struct Slot {
    generation: u16,
    held: Held,
    /// What the index knows the request by.
    user_data: u64,
    listed: bool,
    /// Grows with each request that is entered into the index.
    order: u64,
    /// The next slot of the same list, [`NONE`] at its end.
    next: u32,
}

const NONE: u32 = u32::MAX;

pub struct Slab {
    /// The generation of new slots.
    start: u16,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The first slot of each list: a request is in the list that its user data selects. Their number is a power of two.
    lists: Vec<u32>,
    /// The order of the last request that was entered into the index.
    last: u64,
}

impl Slab {
    pub const fn new(start: u16) -> Slab {
        Slab {
            start,
            slots: Vec::new(),
            free: Vec::new(),
            lists: Vec::new(),
            last: 0,
        }
    }

    /// The list of user data.
    fn list_of(&self, user_data: u64) -> usize {
        let mixed = user_data.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        mixed as usize & self.lists.len().wrapping_sub(1)
    }

    /// Enters a slot into the index.
    fn list(&mut self, at: u32, user_data: u64) {
        let wanted = (2 * self.slots.len()).next_power_of_two();
        let mut lists = Vec::new();
        // Without memory the lists become longer.
        let grows = self.lists.len() < self.slots.len() && lists.try_reserve_exact(wanted).is_ok();
        if grows || self.lists.is_empty() {
            lists.resize(wanted, NONE);
            self.lists = lists;
            for old in 0..self.slots.len() as u32 {
                let slot = &self.slots[old as usize];
                if slot.listed {
                    self.prepend(old, slot.user_data);
                }
            }
        }
        let slot = &self.slots[at as usize];
        if slot.listed && slot.user_data == user_data {
            return;
        }
        self.unlist(at);
        self.prepend(at, user_data);
        self.last += 1;
        self.slots[at as usize].order = self.last;
    }

    /// The user data of a parked request, or of a worker's.
    pub fn user_data(&self, key: Key) -> u64 {
        self.slots.get(key.slot as usize).map_or(0, |slot| slot.user_data)
    }

    /// Tells which of two requests was parked first: the one with the smaller number.
    pub fn order(&self, key: Key) -> u64 {
        self.slots.get(key.slot as usize).map_or(0, |slot| slot.order)
    }

    fn prepend(&mut self, at: u32, user_data: u64) {
        let list = self.list_of(user_data);
        let slot = &mut self.slots[at as usize];
        slot.user_data = user_data;
        slot.listed = true;
        slot.next = core::mem::replace(&mut self.lists[list], at);
    }

    fn unlist(&mut self, at: u32) {
        let slot = &mut self.slots[at as usize];
        if !core::mem::take(&mut slot.listed) {
            return;
        }
        let (user_data, next) = (slot.user_data, slot.next);
        let list = self.list_of(user_data);
        let mut before = self.lists[list];
        if before == at {
            self.lists[list] = next;
            return;
        }
        while before != NONE {
            let slot = &mut self.slots[before as usize];
            if slot.next == at {
                slot.next = next;
                return;
            }
            before = slot.next;
        }
    }

    /// The unfinished requests with this user data, the newest first.
    pub fn with(&self, ring: u16, user_data: u64) -> impl Iterator<Item = (Key, &Held)> {
        let mut at = self.lists.get(self.list_of(user_data)).copied().unwrap_or(NONE);
        core::iter::from_fn(move || {
            loop {
                let slot = self.slots.get(at as usize)?;
                let key = Key {
                    ring,
                    generation: slot.generation,
                    slot: at,
                };
                at = slot.next;
                if slot.user_data == user_data {
                    return Some((key, &slot.held));
                }
            }
        })
    }

    /// Makes room for two more slots; false if there is no memory.
    pub fn has_room(&mut self) -> bool {
        let all = self.slots.len() + 2;
        self.slots.try_reserve(2).is_ok() && self.free.try_reserve(all - self.free.len()).is_ok()
    }

    /// Reserves a slot.
    pub fn reserve(&mut self, ring: u16) -> Key {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: self.start,
                held: Held::Free,
                user_data: 0,
                listed: false,
                order: 0,
                next: NONE,
            });
            self.slots.len() as u32 - 1
        });
        let entry = &mut self.slots[slot as usize];
        entry.held = Held::Out;
        Key {
            ring,
            generation: entry.generation,
            slot,
        }
    }

    fn slot(&mut self, key: Key) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        (slot.generation == key.generation).then_some(slot)
    }

    /// Puts a request, or the worker's errand, into its slot.
    pub fn hold(&mut self, key: Key, held: Held) {
        let user_data = match &held {
            Held::Parked(request) => Some(request.user_data()),
            Held::Working(errand) | Held::OnDisk(errand) => Some(errand.user_data),
            _ => None,
        };
        let Some(slot) = self.slot(key) else { return };
        slot.held = held;
        if let Some(user_data) = user_data {
            self.list(key.slot, user_data);
        }
    }

    /// Takes a parked request out; its slot stays reserved.
    pub fn take(&mut self, key: Key) -> Option<Box<Request>> {
        let slot = self.slot(key)?;
        match core::mem::replace(&mut slot.held, Held::Out) {
            Held::Parked(request) => Some(request),
            other => {
                slot.held = other;
                None
            }
        }
    }

    /// The parked request of a key.
    pub fn parked(&mut self, key: Key) -> Option<&mut Request> {
        match &mut self.slot(key)?.held {
            Held::Parked(request) => Some(request),
            _ => None,
        }
    }

    /// The errand of a request that was given to a worker.
    pub fn working(&mut self, key: Key) -> Option<&Arc<Errand>> {
        match &self.slot(key)?.held {
            Held::Working(errand) => Some(errand),
            _ => None,
        }
    }

    /// Gives a slot back.
    pub fn release(&mut self, key: Key) {
        if let Some(slot) = self.slot(key) {
            slot.generation = slot.generation.wrapping_add(1);
            slot.held = Held::Free;
            self.free.push(key.slot);
            self.unlist(key.slot);
        }
    }

    /// Whether no slot is taken.
    pub fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// The first unfinished request from a slot on.
    pub fn next(&self, ring: u16, slot: u32) -> Option<Key> {
        let rest = self.slots.get(slot as usize..)?;
        let at = rest.iter().position(|entry| !matches!(entry.held, Held::Free))?;
        Some(Key {
            ring,
            generation: rest.get(at)?.generation,
            slot: slot + at as u32,
        })
    }

    /// All unfinished requests, in the order of their slots.
    pub fn iter(&self, ring: u16) -> impl Iterator<Item = (Key, &Held)> {
        self.slots.iter().enumerate().filter_map(move |(slot, entry)| {
            let key = Key {
                ring,
                generation: entry.generation,
                slot: slot as u32,
            };
            (!matches!(entry.held, Held::Free)).then_some((key, &entry.held))
        })
    }
}

#[cfg(test)]
mod tests;
