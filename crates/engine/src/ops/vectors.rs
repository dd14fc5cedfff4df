//! Copies of the program's `struct iovec`, of which a transfer uses up one part after the other.

use super::net::VECTORS;
use crate::user;
use alloc::vec::Vec;
use ironring_abi::ctypes::c_int;
use libc::{EINVAL, iovec};

/// The largest number of bytes of one call.
const MOST: usize = 0x7fff_f000;

/// Memory of the program, in one or more parts.
pub enum Vectors {
    One(iovec),
    /// The vectors, and the number of those that are used up.
    Many(Vec<iovec>, usize),
}

impl Vectors {
    pub const NONE: Vectors = Vectors::Many(Vec::new(), 0);

    /// A single buffer.
    pub fn one(address: u64, len: usize) -> Result<Vectors, c_int> {
        let len = len.min(MOST);
        user::check_possible(address, len as u64)?;
        Ok(Vectors::One(iovec {
            iov_base: address as usize as *mut _,
            iov_len: len,
        }))
    }

    /// Copies the program's vectors.
    pub fn read(address: u64, count: usize) -> Result<Vectors, c_int> {
        let mut list = Vectors::copy(address, count)?;
        if let [vector] = list[..] {
            return Vectors::one(vector.iov_base as u64, vector.iov_len);
        }
        let mut left = MOST;
        for vector in &mut list {
            // The whole of it, also of one that is cut.
            user::check_possible(vector.iov_base as u64, vector.iov_len as u64)?;
            vector.iov_len = vector.iov_len.min(left);
            left -= vector.iov_len;
        }
        Ok(Vectors::Many(list, 0))
    }

    /// Copies the program's vectors, of which only the lengths are checked.
    pub fn copy(address: u64, count: usize) -> Result<Vec<iovec>, c_int> {
        if count > VECTORS {
            return Err(-EINVAL);
        }
        let list: Vec<iovec> = user::read_array(address, count)?;
        if list.iter().any(|vector| vector.iov_len > isize::MAX as usize) {
            return Err(-EINVAL);
        }
        Ok(list)
    }

    /// What is not used up.
    pub fn rest(&self) -> &[iovec] {
        match self {
            Vectors::One(vector) => core::slice::from_ref(vector),
            Vectors::Many(list, first) => list.get(*first..).unwrap_or(&[]),
        }
    }

    /// Bytes that are not used up.
    pub fn len(&self) -> usize {
        self.rest().iter().map(|vector| vector.iov_len).sum()
    }

    /// Uses up some bytes.
    pub fn advance(&mut self, bytes: usize) {
        let mut left = bytes;
        let mut step = |vector: &mut iovec| {
            let part = left.min(vector.iov_len);
            vector.iov_base = vector.iov_base.cast::<u8>().wrapping_add(part).cast();
            vector.iov_len -= part;
            left -= part;
            vector.iov_len == 0
        };
        match self {
            Vectors::One(vector) => {
                step(vector);
            }
            Vectors::Many(list, first) => {
                while let Some(vector) = list.get_mut(*first) {
                    if !step(vector) {
                        break;
                    }
                    *first += 1;
                }
            }
        }
    }
}

impl From<Vec<iovec>> for Vectors {
    fn from(list: Vec<iovec>) -> Vectors {
        match list[..] {
            [vector] => Vectors::One(vector),
            _ => Vectors::Many(list, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(base: usize, len: usize) -> iovec {
        iovec {
            iov_base: base as *mut _,
            iov_len: len,
        }
    }

    fn parts(vectors: &Vectors) -> Vec<(usize, usize)> {
        let rest = vectors.rest().iter();
        rest.map(|vector| (vector.iov_base as usize, vector.iov_len)).collect()
    }

    #[test]
    fn one_vector_advances() {
        let mut vectors = Vectors::one(1000, 10).unwrap();
        vectors.advance(4);
        assert_eq!(parts(&vectors), [(1004, 6)]);
        vectors.advance(6);
        assert_eq!(vectors.len(), 0);
    }

    #[test]
    fn many_vectors_advance_over_empty_ones() {
        let list = alloc::vec![vector(1000, 5), vector(0, 0), vector(2000, 7), vector(3000, 1)];
        let mut vectors = Vectors::Many(list, 0);
        vectors.advance(3);
        assert_eq!(parts(&vectors)[0], (1003, 2));
        vectors.advance(4);
        assert_eq!(parts(&vectors), [(2002, 5), (3000, 1)]);
        vectors.advance(6);
        assert_eq!(vectors.len(), 0);
        vectors.advance(1);
        assert_eq!(vectors.len(), 0);
    }
}
