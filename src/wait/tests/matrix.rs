//! {EXT_ARG, MIN_TIMEOUT on and off} × {no time limit, 0, some} × {none, one, many waited for} × {CQ empty, too short,
//! filled} × {entries queued or not} × {signal or not} × {indices at 0, at 2^32}, for each way to wait.

use super::*;

#[derive(Clone, Copy, Debug)]
enum Way {
    Wait,
    WaitMin,
    Submit,
    SubmitMin,
    Registered,
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
struct Cell {
    way: Way,
    ext: bool,
    min: bool,
    ts: Option<i64>,
    wait: u32,
    filled: u32,
    queued: u32,
    signal: bool,
    start: u32,
}

/// The outcome of a wait: its result, whether it returns a completion, how often it enters the kernel.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    ret: c_int,
    cqe: bool,
    enters: usize,
}

/// What the original does according to its `queue.c` of 2.15.
fn expected(cell: Cell) -> Outcome {
    let refused = match cell.way {
        Way::WaitMin | Way::SubmitMin => !cell.min,
        Way::Registered => !cell.ext,
        Way::Wait | Way::Submit => false,
    };
    if refused {
        return Outcome {
            ret: -EINVAL,
            cqe: false,
            enters: 0,
        };
    }
    let timed = cell.ts.is_some() || matches!(cell.way, Way::Registered);
    // Without EXT_ARG a timeout is one more entry, except for `WaitMin` and `Registered`.
    let own_timer = timed && !cell.ext && matches!(cell.way, Way::Wait | Way::Submit | Way::SubmitMin);
    let queued = if matches!(cell.way, Way::Wait | Way::WaitMin) && !own_timer {
        0
    } else {
        cell.queued
    };
    let submit = (queued + u32::from(own_timer)) as c_int;
    let (ret, cqe, enters) = if cell.filled > 0 {
        (0, true, usize::from(submit > 0 || cell.wait > cell.filled))
    } else if cell.wait == 0 {
        if submit > 0 {
            (submit, false, 1)
        } else {
            (-EAGAIN, false, 0)
        }
    } else if own_timer {
        (submit, false, if cell.signal { 2 } else { 1 })
    } else if timed {
        match (submit, cell.signal) {
            (0, true) => (-EINTR, false, 1),
            (0, false) => (-ETIME, false, 1),
            _ => (submit, false, 1),
        }
    } else if cell.signal {
        if submit > 0 {
            (submit, false, 2)
        } else {
            (-EINTR, false, 1)
        }
    } else {
        (submit, true, 1)
    };
    Outcome { ret, cqe, enters }
}

const MASK: usize = 0x5000;
const MIN: c_uint = 77;
const INDEX: c_int = 3;

fn check_argument(cell: Cell, arg: &Arg, getevents: bool) {
    let ts = cell.ts.map(|ms| (ms / 1000, ms % 1000 * 1_000_000));
    let always = matches!(cell.way, Way::WaitMin);
    let min = matches!(cell.way, Way::WaitMin | Way::SubmitMin);
    if matches!(cell.way, Way::Registered) {
        // An enter that waits for nothing omits the flag, but passes the same argument.
        let offset = INDEX as usize * size_of::<io_uring_reg_wait>();
        assert!(
            matches!(arg, Arg::Region(at) | Arg::Signals(at) if *at == offset),
            "{cell:?} {arg:?}"
        );
    } else if always || cell.ext && ts.is_some() {
        if getevents {
            let min_wait = if min { MIN } else { 0 };
            assert_eq!(
                *arg,
                Arg::Extended {
                    signals: MASK,
                    ts,
                    min_wait
                },
                "{cell:?}"
            );
        }
    } else {
        assert_eq!(*arg, Arg::Signals(MASK), "{cell:?}");
    }
}

fn run(cell: Cell) {
    let mut rig = Rig::on(8, 0, |kernel| {
        for (on, bit) in [(cell.ext, IORING_FEAT_EXT_ARG), (cell.min, IORING_FEAT_MIN_TIMEOUT)] {
            if !on {
                kernel.features &= !bit;
            }
        }
        (kernel.signal, kernel.start) = (cell.signal, cell.start);
    });
    // SAFETY: the rig's ring starts where its kernel does; the library begins at 0 as every ring does.
    unsafe {
        ((*rig.ring()).sq.sqe_head, (*rig.ring()).sq.sqe_tail) = (cell.start, cell.start);
    }
    rig.script.ring(|ring| {
        ring.silent = true;
        (0..cell.filled).for_each(|n| ring.post(100 + u64::from(n), 0, 0));
        if cell.filled < cell.wait && cell.ts.is_none() && !matches!(cell.way, Way::Registered) {
            (cell.filled..cell.wait).for_each(|n| ring.come(100 + u64::from(n)));
        }
    });
    rig.nops((0..cell.queued).map(u64::from));
    let before = rig.sq();
    let want = expected(cell);

    let mut ts = millis(cell.ts.unwrap_or(0));
    let ts = if cell.ts.is_some() { &raw mut ts } else { null_mut() };
    let (mask, wait) = (MASK as *mut sigset_t, cell.wait);
    let mut cqe = UNTOUCHED;
    let at = &raw mut cqe;
    let ring = rig.ring();
    // SAFETY: the rig's ring; the mask is a number that the script never dereferences.
    let ret = unsafe {
        match cell.way {
            Way::Wait => io_uring_wait_cqes(ring, at, wait, ts, mask),
            Way::WaitMin => io_uring_wait_cqes_min_timeout(ring, at, wait, ts, MIN, mask),
            Way::Submit => io_uring_submit_and_wait_timeout(ring, at, wait, ts, mask),
            Way::SubmitMin => io_uring_submit_and_wait_min_timeout(ring, at, wait, ts, MIN, mask),
            Way::Registered => io_uring_submit_and_wait_reg(ring, at, wait, INDEX),
        }
    };
    let calls = rig.script.calls();
    assert_eq!(
        Outcome {
            ret,
            cqe: !cqe.is_null() && cqe != UNTOUCHED,
            enters: calls.len()
        },
        want,
        "{cell:?}: {calls:?}"
    );
    if ret == -EINVAL {
        assert_eq!(cqe, UNTOUCHED, "{cell:?}");
        assert_eq!(rig.sq(), before, "{cell:?}: the queue is left alone");
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { (*rig.ring()).sq.sqe_head }, cell.start, "{cell:?}");
    } else if !want.cqe {
        assert!(cqe.is_null(), "{cell:?}");
    } else {
        assert_eq!(rig.seen(cqe), Some(100), "{cell:?}");
    }
    for call in &calls {
        let Call::Enter {
            fd, flags, arg, wait, ..
        } = call
        else {
            panic!("{cell:?}: {call:?}");
        };
        assert_eq!((*fd, *wait), (rig.fd(), cell.wait), "{cell:?}");
        check_argument(cell, arg, flags & IORING_ENTER_GETEVENTS != 0);
    }
}

#[test]
fn the_matrix_of_waits() {
    let mut cells = 0;
    for way in [Way::Wait, Way::WaitMin, Way::Submit, Way::SubmitMin, Way::Registered] {
        for bits in 0..1 << 5 {
            let on = |bit: u32| (bits >> bit) & 1 != 0;
            for ts in [None, Some(0), Some(1500)] {
                for wait in [0, 1, 4] {
                    for filled in [0, 1, 4] {
                        run(Cell {
                            way,
                            ext: on(0),
                            min: on(1),
                            ts,
                            wait,
                            filled,
                            queued: if on(2) { 2 } else { 0 },
                            signal: on(3),
                            start: if on(4) { u32::MAX - 1 } else { 0 },
                        });
                        cells += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cells, 5 * 32 * 27);
}
