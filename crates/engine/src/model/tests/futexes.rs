//! The models of waits for futexes.

use crate::model::program::{Ring, cancel, futex, futexes};
use crate::model::{explore, join_made, kernel, quietly, thread};
use libc::{EAGAIN, ECANCELED};

/// A thread waits for a futex of the program, and does not miss a wake that follows the submission.
#[test]
fn futex_wakes() {
    explore("futex_wakes", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let word = kernel::Futex::new();
        quietly(|| ring.submit(&[futex(word.address(), 1)]));
        let waker = thread(move || word.change(1));
        assert_eq!(ring.wait(), (1, 0));
        waker.join().unwrap();
        quietly(|| ring.exit());
    });
}

/// As above, if it changes within the submission.
#[test]
fn futex_wakes_or_has_changed() {
    explore("futex_wakes_or_has_changed", Some(1), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let word = kernel::Futex::new();
        let waker = thread(move || word.change(1));
        ring.submit(&[futex(word.address(), 1)]);
        let (data, res) = ring.wait();
        assert!(data == 1 && [0, -EAGAIN].contains(&res), "completions: {res}");
        waker.join().unwrap();
        quietly(|| ring.exit());
    });
}

/// A wait for a futex is woken or canceled. Its thread then waits for the next, and ends with the last ring.
#[test]
fn futex_canceled() {
    explore("futex_canceled", Some(1), || {
        let ring = quietly(|| Ring::new(2, 4, 0));
        let word = kernel::Futex::new();
        quietly(|| ring.submit(&[futex(word.address(), 1)]));
        ring.submit(&[cancel(1, 2)]);
        let mut found = [ring.wait(), ring.wait()];
        found.sort_unstable();
        assert_eq!(found, [(1, -ECANCELED), (2, 1)]);
        ring.submit(&[futex(word.address(), 3)]);
        word.change(1);
        assert_eq!(ring.wait(), (3, 0));
        ring.exit();
        join_made();
    });
}

/// A thread that has waited for one futex waits for several.
#[test]
fn futexes_wake() {
    explore("futexes_wake", Some(1), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let [one, other] = [kernel::Futex::new(), kernel::Futex::new()];
        let both = |number| futexes(&[one.address(), other.address()], number);
        // It is made, and called back for the first time.
        quietly(|| {
            for request in [futex(one.address(), 1), both(1)] {
                ring.submit(&[request]);
                one.change(1);
                assert_eq!(ring.wait(), (1, 0));
                one.reset();
            }
        });
        ring.submit(&[both(2)]);
        other.change(1);
        assert_eq!(ring.wait(), (2, 1));
        quietly(|| ring.exit());
    });
}

/// Somebody calls a thread back that is already called for another ring's request.
#[test]
fn futex_thread_is_called_twice() {
    explore("futex_thread_is_called_twice", Some(1), || {
        let [ring, other] = quietly(|| [Ring::new(1, 2, 0), Ring::new(1, 2, 0)]);
        let [one, another] = [kernel::Futex::new(), kernel::Futex::new()];
        quietly(|| ring.submit(&[futex(one.address(), 1)]));
        let canceler = thread(move || ring.submit(&[cancel(1, 2)]));
        let mut masked = futex(another.address(), 3);
        masked.anon_tail.anon_addr3.addr3 = 1;
        other.submit(&[masked]);
        quietly(|| {
            another.change(1);
            assert_eq!(other.wait(), (3, 0));
            canceler.join().unwrap();
            [ring, other].into_iter().for_each(Ring::exit);
        });
    });
}
