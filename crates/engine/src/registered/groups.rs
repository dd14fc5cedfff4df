//! Provided buffers: groups from which requests with `IOSQE_BUFFER_SELECT` take buffers when there is data.
//!
//! How operations use them, all under the ring's lock, in their attempt:
//!
//! 1. If [`Request::selection`] is [`Selection::None`], [`Core::select`] or [`Core::select_bundle`] chooses buffers. The
//!    operation keeps their addresses in its own data.
//! 2. An attempt that says `Wait` needs nothing more: the buffers go back, and the next attempt selects again. One that
//!    has used a part of them already calls [`Core::keep_buffers`] first, and then continues with the same ones.
//!    One that says `Block` consumes them, because the worker has no lock.
//! 3. With the result known, [`Core::put_buffers`] consumes them and returns the flags of the completion; multishot
//!    operations call it for each completion. [`Core::complete`] does it for those that don't. Operations that give the
//!    buffers back for a result without data (`RECV` at the end of a stream) call [`Core::recycle`] in their `finish`.

pub use commands::{register, status, unregister};

use crate::atomic::{Ordering, fence};
use crate::context::Core;
use crate::request::Request;
use crate::sys::Result;
use crate::user;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem::{offset_of, take};
use ironring_abi::uapi::*;
use libc::{ENOBUFS, ENOENT, iovec};

mod commands;

user::plain!(io_uring_buf, anon_buf_ring_head);

/// The largest number of buffers in a bundle.
const BUNDLE: usize = 256;
/// As many entries of a ring are read at a time.
const AT_ONCE: usize = 32;

/// A group of provided buffers.
pub enum Group {
    /// Provided one by one.
    List(VecDeque<Buffer>),
    Ring(BufferRing),
}

/// A provided buffer of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    pub address: u64,
    pub len: u32,
    pub id: u16,
}

/// What a request has selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    #[default]
    None,
    /// A buffer that was taken from the list of a group.
    Listed { group: u16, buffer: Buffer },
    /// `count` buffers at the head of a group's ring, which are still there, for `bytes`; the ID is the first one's.
    Peeked {
        group: u16,
        id: u16,
        count: u16,
        bytes: usize,
    },
    /// Buffers that do not go back; with `more` a part of the last one is still in its ring.
    Consumed { id: u16, more: bool },
}

/// A ring of buffers in the program's memory.
///
/// The program may have freed that memory, so it is read by system calls, several entries at a time. Entries
/// between head and tail don't change: they belong to the ring.
pub struct BufferRing {
    pub address: u64,
    pub mask: u16,
    pub incremental: bool,
    /// An incremental buffer with fewer bytes left counts as full.
    pub min_left: u32,
    pub head: u16,
    /// What was read from the head on.
    pub seen: VecDeque<io_uring_buf>,
}

impl BufferRing {
    fn at(&self, position: u16) -> u64 {
        self.address + u64::from(position & self.mask) * size_of::<io_uring_buf>() as u64
    }

    /// Reads entries until `want` are known, or all that there are.
    fn look(&mut self, want: usize) -> Result<()> {
        if self.seen.len() >= want {
            return Ok(());
        }
        let (next, to_end) = self.unseen();
        let at = self.address + offset_of!(anon_buf_ring_head, tail) as u64;
        let (tail, entries) = read_in_order(at, self.at(next), to_end.min(AT_ONCE))?;
        let available = usize::from(tail.wrapping_sub(self.head));
        let new = available.saturating_sub(self.seen.len());
        self.seen.extend(entries.iter().take(new));
        let want = available.min(want.max(AT_ONCE));
        while self.seen.len() < want {
            let (next, to_end) = self.unseen();
            let count = (want - self.seen.len()).min(to_end);
            let entries: Vec<io_uring_buf> = user::read_array(self.at(next), count)?;
            self.seen.extend(entries);
        }
        Ok(())
    }

    /// The position of the first entry that was not read, and how many lie between it and the end of the memory.
    fn unseen(&self) -> (u16, usize) {
        let next = self.head.wrapping_add(self.seen.len() as u16);
        (next, usize::from(self.mask) + 1 - usize::from(next & self.mask))
    }

    /// Consumes whole buffers.
    fn advance(&mut self, count: usize) {
        for _ in 0..count {
            self.seen.pop_front();
            self.head = self.head.wrapping_add(1);
        }
    }

    /// Consumes bytes; true if a part of the last buffer is left.
    fn advance_bytes(&mut self, bytes: usize) -> bool {
        let mut left = bytes;
        while left != 0 {
            let Some(front) = self.seen.front_mut() else {
                return true;
            };
            let part = front.len.min(u32::try_from(left).unwrap_or(u32::MAX));
            let rest = front.len - part;
            let partly = rest >= self.min_left.max(1) || part == 0;
            if partly {
                front.addr = front.addr.wrapping_add(u64::from(part));
            }
            front.len = if partly { rest } else { 0 };
            let front = *front;
            let at = self.at(self.head);
            // Not the whole entry: its end may be the ring's tail. The program sees how much is left.
            let _ = user::write(at + offset_of!(io_uring_buf, addr) as u64, &front.addr);
            let _ = user::write(at + offset_of!(io_uring_buf, len) as u64, &front.len);
            if partly {
                return true;
            }
            self.advance(1);
            left -= part as usize;
        }
        bytes == 0
    }

    /// Consumes `bytes` that are in `count` buffers; true if a part of the last one is left.
    fn consume(&mut self, bytes: usize, count: usize) -> bool {
        if self.incremental {
            return self.advance_bytes(bytes);
        }
        self.advance(count);
        false
    }

    /// The first buffers for `most` bytes (0 for no limit), at most `count`.
    fn peek(&mut self, most: usize, count: usize) -> Result<(u16, Vec<iovec>)> {
        self.look(1)?;
        let first = *self.seen.front().ok_or(-ENOBUFS)?;
        let mut count = count;
        if most != 0 {
            if first.len == 0 {
                return Err(-ENOBUFS);
            }
            count = count.min(most.div_ceil(first.len as usize).min(BUNDLE));
        }
        self.look(count.min(usize::from(self.mask) + 1))?;
        let mut left = if most == 0 { i32::MAX as usize } else { most };
        let mut vectors: Vec<iovec> = Vec::new();
        for entry in self.seen.iter().take(count) {
            let len = (entry.len as usize).min(left);
            if len < entry.len as usize && !self.incremental && !vectors.is_empty() {
                break;
            }
            vectors.push(iovec {
                iov_base: entry.addr as usize as *mut _,
                iov_len: len,
            });
            left -= len;
            if left == 0 {
                break;
            }
        }
        Ok((first.bid, vectors))
    }
}

/// Reads a tail, and then entries, which the program writes in the opposite order. Those behind the tail may be old.
pub(crate) fn read_in_order(tail: u64, entries: u64, count: usize) -> Result<(u16, Vec<io_uring_buf>)> {
    // Where the processor keeps loads in order, one call reads both.
    if cfg!(all(any(target_arch = "x86_64", target_arch = "x86"), not(loom))) {
        return user::read_both(tail, entries, count);
    }
    let tail = user::read(tail)?;
    fence(Ordering::Acquire);
    Ok((tail, user::read_array(entries, count)?))
}

/// How many of some buffers hold the first `bytes`; at least one, as even an empty result uses a buffer.
pub fn used(vectors: &[iovec], bytes: usize) -> usize {
    let mut left = bytes;
    let mut count = 0;
    for vector in vectors {
        count += 1;
        left = left.saturating_sub(vector.iov_len);
        if left == 0 {
            break;
        }
    }
    count.max(1)
}

/// The flags of a completion that used a provided buffer.
fn flags(id: u16, more: bool) -> u32 {
    let flags = IORING_CQE_F_BUFFER | u32::from(id) << IORING_CQE_BUFFER_SHIFT;
    if more { flags | IORING_CQE_F_BUF_MORE } else { flags }
}

impl Core {
    /// Selects a buffer of the request's group for up to `wanted` bytes, 0 for as many as it has. -ENOBUFS if there is none.
    pub fn select(&mut self, request: &mut Request, wanted: usize) -> Result<iovec> {
        let number = request.buf_index();
        let limit = |len: u32| {
            if wanted == 0 {
                len as usize
            } else {
                wanted.min(len as usize)
            }
        };
        let group = self.registered.groups.get_mut(&number).ok_or(-ENOBUFS)?;
        let (selection, address, len) = match group {
            Group::List(buffers) => {
                let buffer = buffers.pop_front().ok_or(-ENOBUFS)?;
                let selection = Selection::Listed { group: number, buffer };
                (selection, buffer.address, buffer.len)
            }
            Group::Ring(ring) => {
                ring.look(1)?;
                let entry = *ring.seen.front().ok_or(-ENOBUFS)?;
                if entry.addr == 0 {
                    // Linux takes a buffer without an address for none, but the completion of a message names it.
                    if i32::from(request.sqe.opcode) == IORING_OP_RECVMSG {
                        request.cflags |= flags(entry.bid, false);
                    }
                    return Err(-ENOBUFS);
                }
                let selection = Selection::Peeked {
                    group: number,
                    id: entry.bid,
                    count: 1,
                    bytes: limit(entry.len),
                };
                (selection, entry.addr, entry.len)
            }
        };
        request.selection = selection;
        Ok(iovec {
            iov_base: address as usize as *mut _,
            iov_len: limit(len),
        })
    }

    /// Selects as many buffers of the request's group as `most` bytes need (0 for no limit), at most `count`; one if the
    /// group is a list. -ENOBUFS if there is none, -ENOENT without the group.
    pub fn select_bundle(&mut self, request: &mut Request, most: usize, count: usize) -> Result<Vec<iovec>> {
        let number = request.buf_index();
        match self.registered.groups.get_mut(&number).ok_or(-ENOENT)? {
            Group::List(_) => self.select(request, most).map(|vector| alloc::vec![vector]),
            Group::Ring(ring) => {
                let (id, vectors) = ring.peek(most, count)?;
                request.selection = Selection::Peeked {
                    group: number,
                    id,
                    count: vectors.len() as u16,
                    bytes: vectors.iter().map(|vector| vector.iov_len).sum(),
                };
                Ok(vectors)
            }
        }
    }

    /// Whether the request has selected all of the bytes of its buffers.
    pub fn selected_whole(&self, request: &Request) -> bool {
        let len = |buffer: &io_uring_buf| buffer.len as usize;
        match request.selection {
            Selection::Peeked {
                group, count, bytes, ..
            } => match self.registered.groups.get(&group) {
                Some(Group::Ring(ring)) => {
                    let selected = ring.seen.iter().take(usize::from(count));
                    selected.map(len).sum::<usize>() == bytes
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether what a request has selected is used in parts.
    pub fn selected_part(&self, request: &Request) -> bool {
        let Selection::Peeked { group, .. } = request.selection else {
            return false;
        };
        matches!(self.registered.groups.get(&group), Some(Group::Ring(ring)) if ring.incremental)
    }

    /// Consumes all selected buffers now. The request goes on with them.
    pub fn keep_buffers(&mut self, request: &mut Request) {
        request.selection = match request.selection {
            Selection::Listed { buffer, .. } => Selection::Consumed {
                id: buffer.id,
                more: false,
            },
            Selection::Peeked {
                group,
                id,
                count,
                bytes,
            } => Selection::Consumed {
                id,
                more: self.consume(group, bytes, usize::from(count)),
            },
            other => other,
        };
    }

    /// Gives the selected buffers back, unless they are consumed.
    pub fn recycle(&mut self, request: &mut Request) {
        match request.selection {
            Selection::Listed { group, buffer } => {
                if let Some(Group::List(buffers)) = self.registered.groups.get_mut(&group) {
                    buffers.push_front(buffer);
                }
            }
            Selection::Peeked { .. } => {}
            _ => return,
        }
        request.selection = Selection::None;
    }

    /// Consumes the first `count` of the selected buffers, which a result of `res` has used, and returns the completion's
    /// flags: 0 if none was selected, or if they go back because of an error.
    pub fn put_buffers(&mut self, request: &mut Request, res: i32, count: usize) -> u32 {
        match (take(&mut request.selection), usize::try_from(res)) {
            (Selection::Listed { buffer, .. }, _) => flags(buffer.id, false),
            (Selection::Consumed { id, more }, _) => flags(id, more),
            (Selection::None, _) | (Selection::Peeked { .. }, Err(_)) => 0,
            (Selection::Peeked { group, id, .. }, Ok(bytes)) => flags(id, self.consume(group, bytes, count)),
        }
    }

    fn consume(&mut self, group: u16, bytes: usize, count: usize) -> bool {
        match self.registered.groups.get_mut(&group) {
            Some(Group::Ring(ring)) => ring.consume(bytes, count),
            _ => false,
        }
    }

    /// Puts what a request has still selected, now that it completes.
    pub fn put_buffer(&mut self, request: &mut Request, res: i32) {
        if request.selection != Selection::None {
            request.cflags |= self.put_buffers(request, res, 1);
        }
    }
}

#[cfg(test)]
mod tests;
