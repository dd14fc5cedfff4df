//! Rings of buffers in this process's own memory.

use super::*;

/// A ring of `entries` buffers with these lengths, IDs from 100 on, whose position starts at `from`.
struct Rig {
    memory: Vec<io_uring_buf>,
    ring: BufferRing,
}

fn entry(addr: u64, len: u32, bid: u16) -> io_uring_buf {
    io_uring_buf {
        addr,
        len,
        bid,
        resv: 0,
    }
}

impl Rig {
    fn new(entries: u16, from: u16, incremental: bool) -> Rig {
        let memory = vec![entry(0, 0, 0); usize::from(entries)];
        let ring = BufferRing {
            address: memory.as_ptr() as u64,
            mask: entries - 1,
            incremental,
            min_left: 0,
            head: from,
            seen: VecDeque::new(),
        };
        let mut rig = Rig { memory, ring };
        rig.set_tail(from);
        rig
    }

    fn tail(&self) -> u16 {
        self.memory[0].resv
    }

    fn set_tail(&mut self, tail: u16) {
        self.memory[0].resv = tail;
    }

    /// Adds buffers as a program does.
    fn add(&mut self, lens: &[u32]) {
        let mut tail = self.tail();
        for &len in lens {
            let place = usize::from(tail & self.ring.mask);
            let resv = self.memory[place].resv;
            self.memory[place] = io_uring_buf {
                resv,
                ..entry(0x1000 * u64::from(tail), len, 100u16.wrapping_add(tail))
            };
            tail = tail.wrapping_add(1);
        }
        self.set_tail(tail);
    }

    /// The lengths of a selection.
    fn peek(&mut self, most: usize, count: usize) -> Result<Vec<usize>> {
        let (_, vectors) = self.ring.peek(most, count)?;
        Ok(vectors.iter().map(|vector| vector.iov_len).collect())
    }
}

#[test]
fn an_empty_ring_has_no_buffer() {
    let mut rig = Rig::new(4, 7, false);
    assert_eq!(rig.peek(0, 1), Err(-ENOBUFS));
    rig.add(&[10]);
    assert_eq!(rig.peek(0, 1), Ok(vec![10]));
    assert!(!rig.ring.consume(3, 1));
    assert_eq!(rig.peek(0, 1), Err(-ENOBUFS));
    assert_eq!(rig.ring.head, 8);
}

#[test]
fn positions_wrap() {
    let mut rig = Rig::new(8, u16::MAX - 3, false);
    for round in 0..20u32 {
        rig.add(&[round + 1, round + 2, round + 3]);
        for n in 0..3 {
            let expected = usize::from(round as u16 + n + 1);
            let id = 100u16.wrapping_add(rig.ring.head);
            let (found, vectors) = rig.ring.peek(0, 1).expect("it has buffers");
            assert_eq!((found, vectors[0].iov_len), (id, expected));
            rig.ring.consume(1, 1);
        }
        assert_eq!(rig.ring.head, rig.tail());
    }
}

#[test]
fn bundles_take_what_they_need() {
    let mut rig = Rig::new(8, 5, false);
    rig.add(&[64, 64, 64, 64, 64]);
    assert_eq!(rig.peek(0, 3), Ok(vec![64, 64, 64]));
    assert_eq!(rig.peek(128, 256), Ok(vec![64, 64]));
    assert_eq!(rig.peek(1000, 256), Ok(vec![64; 5]));
    // Only the first buffer is cut: what is behind it would be lost.
    assert_eq!(rig.peek(40, 256), Ok(vec![40]));
    assert_eq!(rig.peek(100, 256), Ok(vec![64]));
    rig.ring.incremental = true;
    assert_eq!(rig.peek(100, 256), Ok(vec![64, 36]));
}

#[test]
fn a_buffer_without_length_is_none() {
    let mut rig = Rig::new(4, 0, false);
    rig.add(&[0, 5]);
    assert_eq!(rig.peek(10, 4), Err(-ENOBUFS));
    assert_eq!(rig.peek(0, 4), Ok(vec![0, 5]));
}

#[test]
fn parts_are_used_one_after_the_other() {
    let mut rig = Rig::new(4, 4, true);
    rig.add(&[100, 50]);
    assert_eq!(rig.peek(0, 1), Ok(vec![100]));
    assert!(rig.ring.consume(30, 1));
    assert_eq!((rig.memory[0].addr, rig.memory[0].len), (0x4000 + 30, 70));
    assert_eq!(rig.tail(), 6, "the tail lies in the first entry");
    assert_eq!(rig.peek(0, 1), Ok(vec![70]));
    assert!(rig.ring.consume(0, 1), "nothing was used");
    // Across the end of a buffer, into the next one.
    assert_eq!(rig.peek(90, 4), Ok(vec![70, 20]));
    assert!(rig.ring.consume(90, 2));
    assert_eq!((rig.ring.head, rig.memory[0].len, rig.memory[1].len), (5, 0, 30));
    assert_eq!(rig.peek(0, 1), Ok(vec![30]));
    assert!(!rig.ring.consume(30, 1), "it is full");
    assert_eq!((rig.ring.head, rig.peek(0, 1)), (6, Err(-ENOBUFS)));
}

#[test]
fn too_small_rests_are_not_used() {
    let mut rig = Rig::new(4, 0, true);
    rig.ring.min_left = 10;
    rig.add(&[30, 30]);
    assert_eq!(rig.peek(0, 1), Ok(vec![30]));
    assert!(rig.ring.consume(20, 1), "10 bytes are enough");
    assert_eq!(rig.peek(0, 1), Ok(vec![10]));
    assert!(!rig.ring.consume(1, 1), "9 are not");
    assert_eq!(rig.memory[0].len, 0);
    assert_eq!(rig.ring.head, 1);
}

/// More than the entries that are read at a time.
#[test]
fn long_rings_are_read_in_pieces() {
    let mut rig = Rig::new(512, 500, false);
    rig.add(&[7; 400]);
    for _ in 0..300 {
        assert_eq!(rig.peek(0, 1), Ok(vec![7]));
        rig.ring.consume(7, 1);
    }
    assert!(rig.ring.seen.len() < AT_ONCE);
    assert_eq!(rig.peek(7 * 90, BUNDLE).map(|lens| lens.len()), Ok(90));
    assert_eq!(rig.peek(7 * 200, BUNDLE).map(|lens| lens.len()), Ok(100));
}

#[test]
fn lost_memory_is_an_error() {
    let mut rig = Rig::new(4, 0, false);
    rig.ring.address = 8;
    assert_eq!(rig.peek(0, 1), Err(-libc::EFAULT));
}

#[test]
fn bytes_fill_one_buffer_after_the_other() {
    let vectors = [10, 0, 20].map(|iov_len| iovec {
        iov_base: core::ptr::null_mut(),
        iov_len,
    });
    for (bytes, count) in [(0, 1), (9, 1), (10, 1), (11, 3), (30, 3), (99, 3)] {
        assert_eq!(used(&vectors, bytes), count, "{bytes} bytes");
    }
    assert_eq!(used(&[], 5), 1);
}
