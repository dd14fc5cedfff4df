//! Reads and writes that the kernel refuses because it is older than 6.18: attempts that do not block for pipes (before
//! Linux 6.4) and sockets (before 6.5), `RWF_NOAPPEND` (before 6.9) and `RWF_NOSIGNAL` (before 6.18).

use super::net;
use crate::kept::Kept;
use crate::proc;
use crate::status::Status;
use crate::sys::{self, Result};
use ironring_abi::ctypes::c_int;
use libc::{
    EOPNOTSUPP, MSG_DONTWAIT, MSG_EOR, MSG_NOSIGNAL, O_APPEND, O_CLOEXEC, O_DIRECT, O_NOCTTY, O_NONBLOCK, O_RDONLY,
    O_WRONLY, POLLERR, RWF_NOWAIT, SYS_pwritev2, c_long, iovec,
};

const NOAPPEND: u32 = 0x20;
const NOSIGNAL: u32 = 0x100;
/// The flags that can be done without.
pub const NEW: u32 = NOAPPEND | NOSIGNAL;
/// `RWF_ATOMIC` and `RWF_DONTCACHE`, which only files on storage can have.
pub const STORAGE: u32 = 0x40 | 0x80;

/// A call of preadv2(2) or pwritev2(2), by its number.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub nr: c_long,
    pub fd: c_int,
    pub vectors: &'a [iovec],
    pub position: u64,
    pub flags: u32,
}

impl Call<'_> {
    /// Makes the call.
    pub fn make(&self) -> Result {
        // SAFETY: the vectors are valid for the call; the kernel checks the addresses in them.
        unsafe {
            sys::call(
                self.nr,
                [
                    sys::fd(self.fd),
                    self.vectors.as_ptr() as usize,
                    self.vectors.len(),
                    self.position as usize,
                    (self.position >> 32) as usize,
                    self.flags as usize,
                ],
            )
        }
    }

    fn writes(&self) -> bool {
        self.nr == SYS_pwritev2
    }

    fn has(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    /// Does what newer kernels do with a call that this one has refused with -EOPNOTSUPP; that again if they refuse it, too.
    #[cold]
    pub fn make_otherwise(mut self) -> Result {
        let refused = Err(-EOPNOTSUPP);
        if self.has(STORAGE) || !self.has(NEW | RWF_NOWAIT as u32) {
            return refused;
        }
        let Some(status) = Status::of(self.fd) else {
            return refused;
        };
        match status.kind {
            libc::S_IFSOCK => self.message(),
            libc::S_IFIFO => self.pipe(),
            _ if !self.has(NEW) => refused,
            _ => {
                let appends = self.has(NOAPPEND) && self.writes() && self.is_set(O_APPEND);
                self.flags &= !NEW;
                if appends { self.reopened(0) } else { self.make() }
            }
        }
    }

    fn is_set(&self, flag: c_int) -> bool {
        sys::fcntl(self.fd, libc::F_GETFL, 0).is_ok_and(|flags| flags as c_int & flag != 0)
    }

    /// A socket's reads and writes are messages.
    fn message(&self) -> Result {
        if self.vectors.iter().all(|vector| vector.iov_len == 0) {
            return Ok(0);
        }
        // SAFETY: all zeroes is a valid message.
        let mut message: libc::msghdr = unsafe { core::mem::zeroed() };
        message.msg_iov = self.vectors.as_ptr().cast_mut();
        // The type differs between libcs.
        message.msg_iovlen = self.vectors.len() as _;
        let mut flags = 0;
        if self.has(RWF_NOWAIT as u32) {
            flags |= MSG_DONTWAIT;
        }
        if self.has(NOSIGNAL) {
            flags |= MSG_NOSIGNAL;
        }
        if self.writes() && net::option(self.fd, libc::SOL_SOCKET, libc::SO_TYPE) == Ok(libc::SOCK_SEQPACKET) {
            flags |= MSG_EOR;
        }
        let nr = if self.writes() {
            libc::SYS_sendmsg
        } else {
            libc::SYS_recvmsg
        };
        // SAFETY: the message and its vectors are valid for the call; the kernel checks the addresses in them.
        unsafe { sys::call(nr, [sys::fd(self.fd), (&raw const message) as usize, flags as usize]) }
    }

    /// Another open file of the pipe, which is set not to block.
    fn pipe(mut self) -> Result {
        if self.writes() {
            // In packets, which cannot be asked for when a pipe is opened.
            if self.is_set(O_DIRECT) {
                return Err(-EOPNOTSUPP);
            }
            if self.has(NOSIGNAL) && sys::poll_now(self.fd, 0).is_ok_and(|found| found & POLLERR as u32 != 0) {
                return Err(-libc::EPIPE);
            }
        }
        self.flags &= !NEW;
        if !self.has(RWF_NOWAIT as u32) {
            return self.make();
        }
        self.flags &= !(RWF_NOWAIT as u32);
        self.reopened(O_NONBLOCK)
    }

    /// The call on another open file of the same file, without `O_APPEND`.
    fn reopened(&self, flags: c_int) -> Result {
        let access = if self.writes() { O_WRONLY } else { O_RDONLY };
        let path = proc::path_of(b"/proc/self/fd/", self.fd);
        let direct = if self.is_set(O_DIRECT) { O_DIRECT } else { 0 };
        let flags = access | flags | direct | O_CLOEXEC | O_NOCTTY;
        // SAFETY: a terminated path.
        let opened = unsafe {
            sys::call(
                libc::SYS_openat,
                [sys::fd(libc::AT_FDCWD), path.as_ptr() as usize, flags as usize, 0],
            )
        };
        let Ok(opened) = opened else { return Err(-EOPNOTSUPP) };
        let other = Kept::own(opened as c_int);
        Call {
            fd: other.fd(),
            ..*self
        }
        .make()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libc::{EAGAIN, SYS_preadv2};
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::{AsRawFd, FromRawFd};
    use std::os::unix::net::UnixStream;
    use std::vec::Vec;

    fn pipe() -> (File, File) {
        let mut ends = [0; 2];
        // SAFETY: the two numbers are valid for the call.
        assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
        // SAFETY: the call has just made them, and nobody else has them.
        unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) }
    }

    fn transfer(nr: c_long, fd: c_int, bytes: &mut [u8], position: u64, flags: u32) -> Result {
        let vectors = [iovec {
            iov_base: bytes.as_mut_ptr().cast(),
            iov_len: bytes.len(),
        }];
        let call = Call {
            nr,
            fd,
            vectors: &vectors,
            position,
            flags,
        };
        call.make_otherwise()
    }

    fn read(fd: c_int, bytes: &mut [u8]) -> Result {
        transfer(SYS_preadv2, fd, bytes, u64::MAX, RWF_NOWAIT as u32)
    }

    fn write(fd: c_int, bytes: &[u8], flags: u32) -> Result {
        transfer(SYS_pwritev2, fd, &mut bytes.to_vec(), u64::MAX, flags)
    }

    #[test]
    fn pipes_do_not_block() {
        let (mut from, mut to) = pipe();
        let mut bytes = [0; 4];
        assert_eq!(read(from.as_raw_fd(), &mut bytes), Err(-EAGAIN));
        to.write_all(b"abc").unwrap();
        assert_eq!(read(from.as_raw_fd(), &mut bytes), Ok(3));
        assert_eq!(&bytes[..3], b"abc");
        let much = alloc::vec![1; 1 << 20];
        let done = write(to.as_raw_fd(), &much, RWF_NOWAIT as u32).unwrap();
        assert!(done > 0 && done < much.len(), "{done}");
        assert_eq!(write(to.as_raw_fd(), &much, RWF_NOWAIT as u32), Err(-EAGAIN));
        let mut there = alloc::vec![0; done];
        from.read_exact(&mut there).unwrap();
        // The program's own open files still block.
        for fd in [from.as_raw_fd(), to.as_raw_fd()] {
            assert_eq!(sys::fcntl(fd, libc::F_GETFL, 0).unwrap() as c_int & O_NONBLOCK, 0);
        }
        drop(to);
        assert_eq!(read(from.as_raw_fd(), &mut bytes), Ok(0));
    }

    #[test]
    fn sockets_do_not_block() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let mut bytes = [0; 4];
        assert_eq!(read(one.as_raw_fd(), &mut bytes), Err(-EAGAIN));
        other.write_all(b"abc").unwrap();
        assert_eq!(read(one.as_raw_fd(), &mut bytes), Ok(3));
        assert_eq!(read(one.as_raw_fd(), &mut []), Ok(0));
        assert_eq!(write(one.as_raw_fd(), b"de", RWF_NOWAIT as u32), Ok(2));
        drop(other);
        assert_eq!(write(one.as_raw_fd(), b"f", NOSIGNAL), Err(-libc::EPIPE));
    }

    #[test]
    fn a_pipe_without_a_reader_gives_no_signal() {
        let (from, to) = pipe();
        assert_eq!(write(to.as_raw_fd(), b"a", NOSIGNAL), Ok(1));
        drop(from);
        assert_eq!(write(to.as_raw_fd(), b"a", NOSIGNAL), Err(-libc::EPIPE));
    }

    #[test]
    fn a_file_that_appends_is_written_elsewhere() {
        let path = std::env::temp_dir().join(std::format!("ironring-older-{}", std::process::id()));
        std::fs::write(&path, "0123").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        let place = |flags| transfer(SYS_pwritev2, file.as_raw_fd(), &mut b"xy".to_vec(), 1, flags);
        assert_eq!(place(NOAPPEND), Ok(2));
        assert_eq!(place(NOAPPEND | STORAGE), Err(-EOPNOTSUPP));
        assert_eq!(place(0), Err(-EOPNOTSUPP));
        let there: Vec<u8> = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(there, b"0xy3");
    }
}
