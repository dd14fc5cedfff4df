//! Keys name one request each, also when slots are used again.

use super::{Held, Key, Slab};
use crate::request::Request;
use ironring_abi::uapi::io_uring_sqe;
use std::collections::HashSet;

fn request() -> Box<Request> {
    // SAFETY: all zeroes is a valid entry.
    Box::new(Request::new(unsafe { std::mem::zeroed() }))
}

#[test]
fn a_key_survives_its_number() {
    let key = Key {
        ring: 0x1234,
        generation: 0xabcd,
        slot: 0x8765_4321,
    };
    assert_eq!(Key::from_number(key.number()), key);
}

#[test]
fn old_keys_find_nothing() {
    let mut slab = Slab::new(65_530);
    let mut seen = HashSet::new();
    for _ in 0..20 {
        let key = slab.reserve(3);
        assert!(seen.insert(key.number()), "{key:?} was given out before");
        slab.hold(key, Held::Parked(request()));
        assert!(slab.parked(key).is_some());
        assert!(slab.take(key).is_some());
        assert!(slab.take(key).is_none(), "it is out");
        slab.release(key);
        slab.hold(key, Held::Parked(request()));
        assert!(slab.take(key).is_none(), "the slot is free");
    }
}

#[test]
fn iteration_finds_what_is_there() {
    let mut slab = Slab::new(0);
    let keys: Vec<Key> = (0..5).map(|_| slab.reserve(1)).collect();
    for key in &keys {
        slab.hold(*key, Held::Parked(request()));
    }
    slab.take(keys[1]);
    slab.take(keys[3]);
    slab.release(keys[3]);
    let found: Vec<Key> = slab.iter(1).map(|(key, _)| key).collect();
    assert_eq!(found, [keys[0], keys[1], keys[2], keys[4]]);
}

fn parked(user_data: u64) -> Held {
    // SAFETY: all zeroes is a valid entry.
    let mut sqe: io_uring_sqe = unsafe { core::mem::zeroed() };
    sqe.user_data = user_data;
    Held::Parked(Box::new(Request::new(sqe)))
}

fn keys(slab: &Slab, user_data: u64) -> Vec<Key> {
    slab.with(1, user_data).map(|(key, _)| key).collect()
}

#[test]
fn requests_are_found_by_user_data() {
    let mut slab = Slab::new(7);
    let all: Vec<Key> = (0..100u64)
        .map(|n| {
            let key = slab.reserve(1);
            slab.hold(key, parked(n / 2));
            key
        })
        .collect();
    for n in 0..50 {
        assert_eq!(keys(&slab, n as u64), [all[2 * n + 1], all[2 * n]]);
    }
    assert!(keys(&slab, 50).is_empty());
    for key in all.iter().step_by(2) {
        assert!(slab.take(*key).is_some());
        slab.release(*key);
    }
    for n in 0..50 {
        assert_eq!(keys(&slab, n as u64), [all[2 * n + 1]]);
    }
    // Another user data, and a slot that is used again.
    assert!(slab.take(all[1]).is_some());
    slab.hold(all[1], parked(1000));
    let again = slab.reserve(1);
    slab.hold(again, parked(0));
    assert_eq!(keys(&slab, 1000), [all[1]]);
    assert_eq!(keys(&slab, 0), [again]);
}

#[test]
fn an_empty_slab_finds_nothing() {
    let slab = Slab::new(0);
    assert!(keys(&slab, 0).is_empty());
    assert!(slab.is_empty());
}
