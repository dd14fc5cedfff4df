//! `IORING_OP_FUTEX_WAIT`, `IORING_OP_FUTEX_WAITV` and `IORING_OP_FUTEX_WAKE`.

use super::{Data, Def, Start};
use crate::context::Core;
use crate::futex::{self, ANY, MOST, PRIVATE, SIZE_32, Waiter, Word};
use crate::request::Request;
use crate::{sys, user};
use alloc::boxed::Box;
use alloc::vec::Vec;
use ironring_abi::ctypes::c_int;
use libc::EINVAL;

pub const WAIT: Def = Def::new(prepare, Start::Park(start))
    .without_file()
    .event(event)
    .undo(undo);
pub const WAITV: Def = Def::new(prepare_vector, Start::Park(start))
    .without_file()
    .event(event)
    .undo(undo);
pub const WAKE: Def = Def::new(prepare, Start::Now(wake)).without_file();

/// A request that waits for futexes, or wakes others.
#[derive(Default)]
pub struct Futex {
    words: Vec<Word>,
    mask: u32,
    waiter: Option<&'static Waiter>,
}

/// Whether a futex is private, by its futex2 flags. Other sizes than 32 bits, and futexes of NUMA nodes, don't exist here.
fn private(flags: u32) -> Result<bool, c_int> {
    match flags {
        SIZE_32 => Ok(false),
        flags if flags == SIZE_32 | PRIVATE => Ok(true),
        _ => Err(-EINVAL),
    }
}

fn value(value: u64) -> Result<u32, c_int> {
    u32::try_from(value).map_err(|_| -EINVAL)
}

fn prepare(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if request.len() != 0 || request.op_flags() != 0 || request.buf_index() != 0 || request.file_index() != 0 {
        return Err(-EINVAL);
    }
    let word = Word {
        private: private(request.sqe.fd as u32)?,
        address: request.addr(),
        value: value(request.off())?,
    };
    request.data = Data::Futex(Futex {
        words: alloc::vec![word],
        mask: value(request.addr3())?,
        waiter: None,
    });
    Ok(())
}

fn prepare_vector(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let count = request.len() as usize;
    if !futex::has_vectors()
        || request.sqe.fd != 0
        || request.buf_index() != 0
        || request.file_index() != 0
        || request.off() != 0
        || request.op_flags() != 0
        || request.addr3() != 0
        || count == 0
        || count > MOST
    {
        return Err(-EINVAL);
    }
    // `struct futex_waitv`: the value, the address, and the flags with a reserved half.
    let entries: Vec<[u64; 3]> = user::read_array(request.addr(), count)?;
    let mut words = Vec::with_capacity(count);
    for [wanted, address, flags] in entries {
        let [flags, reserved]: [u32; 2] = halves(flags);
        if reserved != 0 {
            return Err(-EINVAL);
        }
        words.push(Word {
            private: private(flags)?,
            value: value(wanted)?,
            address,
        });
    }
    request.data = Data::Futex(Futex {
        words,
        mask: ANY,
        waiter: None,
    });
    Ok(())
}

/// Two words, in the order of their addresses.
fn halves(both: u64) -> [u32; 2] {
    let (low, high) = (both as u32, (both >> 32) as u32);
    if cfg!(target_endian = "big") {
        [high, low]
    } else {
        [low, high]
    }
}

/// The request's data.
fn data(request: &mut Request) -> &mut Futex {
    match &mut request.data {
        Data::Futex(futex) => futex,
        _ => unreachable!("it was prepared"),
    }
}

fn start(core: &mut Core, mut request: Box<Request>) {
    let key = core.key_of(&mut request);
    let futex = data(&mut request);
    if futex.mask == 0 {
        return core.complete(request, -EINVAL);
    }
    match futex::wait(core.context, key, &futex.words, futex.mask) {
        Ok(waiter) => {
            futex.waiter = Some(waiter);
            core.hold(request);
        }
        Err(errno) => core.complete(request, errno),
    }
}

/// The index of the futex by which it was woken up.
fn event(core: &mut Core, request: Box<Request>, index: i32) {
    core.complete(request, index);
}

fn undo(core: &mut Core, request: &mut Request) -> bool {
    let key = request.key;
    if let (Some(waiter), Some(key)) = (data(request).waiter, key) {
        if !waiter.cancel(key) && !core.closed {
            return false;
        }
    }
    // As on Linux a canceled wait does not break a chain.
    request.forgiven = true;
    true
}

fn wake(_: &mut Core, request: &mut Request) -> i32 {
    let futex = data(request);
    let mask = futex.mask;
    let Some(word) = futex.words.first() else {
        return -EINVAL;
    };
    // futex(2) wakes one for a count of 0.
    if word.value == 0 && mask != 0 && word.address % 4 == 0 {
        return 0;
    }
    sys::number(futex::wake(word.address, word.value, mask, word.private))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_other_futexes_are_refused() {
        assert_eq!(private(SIZE_32), Ok(false));
        assert_eq!(private(SIZE_32 | PRIVATE), Ok(true));
        for flags in [0, 1, 3, SIZE_32 | 4, SIZE_32 | 8, PRIVATE, 1 << 20] {
            assert_eq!(private(flags), Err(-EINVAL));
        }
        assert_eq!(value(1 << 32), Err(-EINVAL));
    }
}
