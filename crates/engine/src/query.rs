//! `IORING_REGISTER_QUERY`: what the engine offers.

use crate::{enter, setup, submit, user};
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::uapi::*;
use libc::{EFAULT, EINVAL, EOPNOTSUPP, ERANGE};

user::plain!(io_uring_query_hdr);

/// The queries that one call answers.
const MOST: usize = 1000;
/// The largest answer.
const LARGEST: usize = size_of::<io_uring_query_opcode>();
/// The queues' words, at the start of the ring's memory, and their alignment.
const HEADER: u64 = 64;

/// Answers a chain of queries.
pub fn query(arg: u64, nr: c_uint) -> Result<c_int, c_int> {
    if nr != 0 {
        return Err(-EINVAL);
    }
    let mut next = arg;
    let mut answered = 0;
    while next != 0 {
        next = answer(next)?;
        answered += 1;
        if answered == MOST {
            return Err(-ERANGE);
        }
    }
    Ok(0)
}

/// Answers a query; returns the address of the next one.
fn answer(at: u64) -> Result<u64, c_int> {
    let mut head: io_uring_query_hdr = user::read(at)?;
    let room = head.size as usize;
    let found = if head.query_op >= __IO_URING_QUERY_MAX as u32 {
        Err(-EOPNOTSUPP)
    } else if head.__resv != [0; 3] || head.result != 0 || room == 0 {
        Err(-EINVAL)
    } else {
        // Linux reads the program's structure, too.
        let _: alloc::vec::Vec<u8> = user::read_array(head.query_data, room.min(LARGEST))?;
        data(head.query_op as i32)
    };
    let (result, bytes, len) = match found {
        Ok((bytes, len)) => (0, bytes, len.min(room)),
        Err(errno) => (errno, [0; LARGEST], 0),
    };
    write(head.query_data, &bytes[..len], room)?;
    head.result = result;
    head.size = len as u32;
    user::write(at, &head)?;
    Ok(head.next_entry)
}

/// Writes an answer, and zeros for what it does not fill of the program's structure.
fn write(address: u64, bytes: &[u8], room: usize) -> Result<(), c_int> {
    const ZEROS: [u8; 256] = [0; 256];
    user::write_bytes(address, bytes)?;
    let mut done = bytes.len();
    while done < room {
        let part = (room - done).min(ZEROS.len());
        let at = address.checked_add(done as u64).ok_or(-EFAULT)?;
        user::write_bytes(at, &ZEROS[..part])?;
        done += part;
    }
    Ok(())
}

/// An answer and its length.
fn data(op: i32) -> Result<([u8; LARGEST], usize), c_int> {
    let words: &[u64] = match op {
        IO_URING_QUERY_OPCODES => &[
            pair(IORING_OP_LAST as u32, IORING_REGISTER_LAST),
            setup::FEATURES as u64,
            setup::FLAGS as u64,
            enter::FLAGS as u64,
            submit::FLAGS as u64,
            pair(__IO_URING_QUERY_MAX as u32, 0),
        ],
        IO_URING_QUERY_SCQ => &[HEADER, HEADER],
        // There is no zero-copy receive.
        _ => return Err(-EOPNOTSUPP),
    };
    let mut bytes = [0; LARGEST];
    for (part, word) in bytes.chunks_exact_mut(8).zip(words) {
        part.copy_from_slice(&word.to_ne_bytes());
    }
    Ok((bytes, size_of_val(words)))
}

/// Two fields of 32 bits.
fn pair(first: u32, second: u32) -> u64 {
    if cfg!(target_endian = "big") {
        u64::from(first) << 32 | u64::from(second)
    } else {
        u64::from(second) << 32 | u64::from(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_its_structure() {
        let (bytes, len) = data(IO_URING_QUERY_OPCODES).expect("there is one");
        assert_eq!(len, size_of::<io_uring_query_opcode>());
        // SAFETY: the structure consists of integers, and the array has its size.
        let answer: io_uring_query_opcode = unsafe { bytes.as_ptr().cast::<io_uring_query_opcode>().read_unaligned() };
        assert_eq!(answer.nr_request_opcodes, IORING_OP_LAST as u32);
        assert_eq!(answer.nr_register_opcodes, IORING_REGISTER_LAST);
        assert_eq!(answer.sqe_flags, u64::from(submit::FLAGS));
        assert_eq!(answer.nr_query_opcodes, __IO_URING_QUERY_MAX as u32);
        assert_eq!(data(IO_URING_QUERY_ZCRX), Err(-EOPNOTSUPP));
    }
}
