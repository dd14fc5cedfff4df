//! What the operations on sockets share.

use super::vectors::Vectors;
use crate::context::Core;
use crate::kept::{self, Kept};
use crate::lock::Mutex;
use crate::{sys, user};
use alloc::boxed::Box;
use alloc::vec::Vec;
use ironring_abi::ctypes::c_int;
use libc::{AF_INET, AF_INET6, AF_UNIX, EINVAL, EMSGSIZE, F_GETFL, F_SETFL, O_NONBLOCK, SOCK_STREAM, iovec};

/// The kernel's `struct user_msghdr`, which differs from musl's `struct msghdr`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Header {
    pub name: usize,
    pub name_len: c_int,
    pub vectors: usize,
    pub count: usize,
    pub control: usize,
    pub control_len: usize,
    pub flags: u32,
}
user::plain!(Header);

impl Header {
    /// A header without a name and control data.
    pub fn new(vectors: &[iovec]) -> Header {
        Header {
            name: 0,
            name_len: 0,
            vectors: vectors.as_ptr() as usize,
            count: vectors.len(),
            control: 0,
            control_len: 0,
            flags: 0,
        }
    }
}

/// `MSG_CMSG_COMPAT`, which system calls refuse and io_uring ignores.
const COMPAT: u32 = 1 << 31;

/// The error of a request that can't have a buffer: Linux looks for the socket first.
pub fn refused(file: c_int, errno: c_int) -> c_int {
    option(file, libc::SOL_SOCKET, libc::SO_TYPE).err().unwrap_or(errno)
}

/// The size of the largest socket address.
pub const ADDRESS: usize = 128;
/// The largest number of vectors.
pub const VECTORS: usize = 1024;

/// A socket address.
pub struct Address {
    pub bytes: [u8; ADDRESS],
    pub len: u32,
}

impl Address {
    pub const EMPTY: Address = Address {
        bytes: [0; ADDRESS],
        len: 0,
    };

    /// Copies the program's.
    pub fn read(address: u64, len: c_int) -> Result<Address, c_int> {
        let mut copy = Address::EMPTY;
        match usize::try_from(len) {
            Ok(0) => Ok(copy),
            Ok(count) if count <= ADDRESS => {
                let bytes: Vec<u8> = user::read_array(address, count)?;
                copy.bytes[..count].copy_from_slice(&bytes);
                copy.len = len as u32;
                Ok(copy)
            }
            _ => Err(-EINVAL),
        }
    }
}

/// What a message has besides its data.
pub struct Message {
    /// The address to send to, or room for the sender's.
    pub address: Address,
    /// Where the program wants the sender's address, and the room that it has for it.
    pub name: usize,
    pub name_len: c_int,
    pub control: usize,
    pub control_len: usize,
    /// The program's `struct msghdr`, which a receive changes.
    pub header: u64,
}

impl Message {
    /// Only an address to send to.
    pub fn to(address: Address) -> Box<Message> {
        Box::new(Message {
            address,
            name: 0,
            name_len: 0,
            control: 0,
            control_len: 0,
            header: 0,
        })
    }

    /// Copies the program's `struct msghdr`; the second value is the address and number of its vectors.
    pub fn read(header: u64, send: bool) -> Result<(Box<Message>, (u64, usize)), c_int> {
        let read: Header = user::read(header)?;
        let name_len = if read.name == 0 { 0 } else { read.name_len };
        if name_len < 0 {
            return Err(-EINVAL);
        }
        let address = if send {
            Address::read(read.name as u64, name_len.min(ADDRESS as c_int))?
        } else {
            Address::EMPTY
        };
        if read.count > VECTORS {
            return Err(-EMSGSIZE);
        }
        let message = Message {
            address,
            name: read.name,
            name_len: read.name_len,
            control: read.control,
            control_len: read.control_len,
            header,
        };
        Ok((Box::new(message), (read.vectors as u64, read.count)))
    }
}

/// A send or a receive.
pub struct Transfer {
    pub vectors: Vectors,
    /// Bytes of earlier attempts.
    pub done: usize,
    /// `MSG_` flags.
    pub flags: u32,
    /// `IORING_RECVSEND_` bits.
    pub how: u32,
    /// Attempts in a row for which the socket was ready and that still would have blocked.
    pub idle: u32,
    pub message: Option<Box<Message>>,
    /// The socket's kind, once somebody has asked.
    pub kind: Option<Kind>,
    /// The length of the provided buffers that it wants; 0 for any.
    pub wanted: usize,
    /// The bytes that a multishot receive may still receive; `None` for no limit.
    pub limit: Option<usize>,
}

impl Transfer {
    pub fn new(vectors: Vectors, flags: u32, how: u32) -> Transfer {
        Transfer {
            vectors,
            done: 0,
            flags: flags & !COMPAT,
            how,
            idle: 0,
            message: None,
            kind: None,
            wanted: 0,
            limit: None,
        }
    }

    pub fn kind(&mut self, file: c_int) -> Kind {
        *self.kind.get_or_insert_with(|| kind(file))
    }

    pub fn has(&self, flag: c_int) -> bool {
        self.flags & flag as u32 != 0
    }

    /// Whether an attempt that would block is made again when the socket is ready. The driver reports changes; where a
    /// worker looks instead, some states look like a change for ever.
    pub fn may_wait(&mut self, ready: u32, watched: bool) -> bool {
        self.idle = if ready == 0 || watched { 0 } else { self.idle + 1 };
        !self.has(libc::MSG_DONTWAIT) && self.idle < IDLE
    }
}

/// After so many attempts without effect a request ends.
const IDLE: u32 = 128;

/// An integer option of a socket.
pub fn option(file: c_int, level: c_int, name: c_int) -> Result<c_int, c_int> {
    let mut value: c_int = 0;
    let mut len = size_of::<c_int>() as u32;
    // SAFETY: the value and its length are valid for the call.
    unsafe {
        sys::call(
            libc::SYS_getsockopt,
            [
                sys::fd(file),
                level as usize,
                name as usize,
                (&raw mut value) as usize,
                (&raw mut len) as usize,
            ],
        )
    }?;
    Ok(value)
}

/// Whether a transfer may be continued after a part of it: the socket has no message boundaries, or keeps records apart
/// by itself.
pub fn is_stream(file: c_int) -> bool {
    let found = option(file, libc::SOL_SOCKET, libc::SO_TYPE);
    found == Ok(SOCK_STREAM) || found == Ok(libc::SOCK_SEQPACKET)
}

fn is_internet(file: c_int) -> bool {
    let domain = option(file, libc::SOL_SOCKET, libc::SO_DOMAIN);
    domain == Ok(AF_INET) || domain == Ok(AF_INET6)
}

/// Whether it is a TCP socket.
pub fn is_tcp(file: c_int) -> bool {
    kind(file) == Kind::Tcp
}

/// Whether it is a UDP socket.
pub fn is_udp(file: c_int) -> bool {
    option(file, libc::SOL_SOCKET, libc::SO_PROTOCOL) == Ok(libc::IPPROTO_UDP)
        && is_internet(file)
        && option(file, libc::SOL_SOCKET, libc::SO_TYPE) == Ok(libc::SOCK_DGRAM)
}

/// What receives from a socket know of the data that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    /// A stream of `AF_UNIX`.
    Unix,
    /// Nothing.
    Other,
}

/// The kind of a socket.
pub fn kind(file: c_int) -> Kind {
    if option(file, libc::SOL_SOCKET, libc::SO_TYPE) != Ok(SOCK_STREAM) {
        return Kind::Other;
    }
    match option(file, libc::SOL_SOCKET, libc::SO_DOMAIN) {
        Ok(AF_UNIX) => Kind::Unix,
        Ok(AF_INET | AF_INET6) => match option(file, libc::SOL_SOCKET, libc::SO_PROTOCOL) {
            Ok(libc::IPPROTO_TCP | libc::IPPROTO_MPTCP) => Kind::Tcp,
            _ => Kind::Other,
        },
        _ => Kind::Other,
    }
}

/// The bytes that can be received (`SIOCINQ`) or are not sent (`SIOCOUTQ`).
pub fn queued(file: c_int, command: usize) -> Result<c_int, c_int> {
    let mut count: c_int = 0;
    // SAFETY: the count is valid for the call.
    unsafe { sys::call(libc::SYS_ioctl, [sys::fd(file), command, (&raw mut count) as usize]) }?;
    Ok(count)
}

/// Held while a socket is made non-blocking for a moment, so that no other thread of the engine ends that moment early.
static MOMENT: Mutex<()> = Mutex::new(());

/// Calls a function, such as `accept4(2)`, that has no flag of its own for not blocking. The socket is non-blocking
/// meanwhile, which others who have it open can see.
pub fn without_blocking(file: c_int, run: impl FnOnce() -> sys::Result) -> sys::Result {
    let moment = MOMENT.lock();
    let flags = sys::fcntl(file, F_GETFL, 0)?;
    if flags & O_NONBLOCK as usize != 0 {
        // By the program, and not for another thread's moment.
        drop(moment);
        return run();
    }
    sys::fcntl(file, F_SETFL, flags | O_NONBLOCK as usize)?;
    let done = run();
    let _ = sys::fcntl(file, F_SETFL, flags);
    done
}

/// Makes a new file. A direct descriptor doesn't count against the program's limit on open files.
pub fn make(file_index: u32, call: impl Fn() -> sys::Result) -> sys::Result {
    match call() {
        Err(errno) if errno == -libc::EMFILE && file_index != 0 => kept::past_limit(call),
        made => made,
    }
}

/// Makes a new file the program's, or a direct descriptor if `sqe->file_index` names one.
pub fn place(core: &mut Core, made: sys::Result, file_index: u32) -> i32 {
    match made {
        Err(errno) => errno,
        Ok(file) if file_index == 0 => file as i32,
        Ok(file) => {
            let file = Kept::own(kept::raise(file as c_int));
            core.install(file, file_index).unwrap_or_else(|errno| errno)
        }
    }
}

/// The lock that fork must hold.
pub fn fork_lock() -> &'static crate::lock::Lock {
    MOMENT.word()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_limit() {
        let bytes = [7u8; 200];
        let at = bytes.as_ptr() as u64;
        assert_eq!(Address::read(at, 128).map(|read| read.len), Ok(128));
        assert_eq!(Address::read(at, 129).err(), Some(-EINVAL));
        assert_eq!(Address::read(at, -1).err(), Some(-EINVAL));
        assert_eq!(Address::read(0, 0).map(|read| read.len), Ok(0));
        assert_eq!(Address::read(0, 5).err(), Some(-libc::EFAULT));
    }
}
