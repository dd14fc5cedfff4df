//! `IORING_OP_URING_CMD` and `IORING_OP_URING_CMD128`: the commands of sockets. Those of drivers are not to be had in
//! user space.

use super::net::{self, Header};
use super::{Def, Start};
use crate::context::Core;
use crate::request::Request;
use crate::sys;
use alloc::boxed::Box;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{
    EAGAIN, EINVAL, EOPNOTSUPP, EPOLLERR, MSG_DONTWAIT, MSG_ERRQUEUE, SCM_TIMESTAMPING, SOL_IP, SOL_IPV6, SOL_SOCKET,
};

pub const URING_CMD: Def = Def::new(prepare, Start::Park(run)).iopoll().select().ready(ready);

/// Of Linux, not named by liburing: a command with more than one completion.
const IORING_URING_CMD_MULTISHOT: u32 = 1 << 1;
/// The kernel's newer number for messages with times of 64 bits everywhere.
const SCM_TIMESTAMPING_NEW: c_int = 65;
/// Timestamps come without the data that was sent.
const SOF_TIMESTAMPING_OPT_TSONLY: c_int = 1 << 11;
/// The origin of timestamps, in `struct sock_extended_err`.
const SO_EE_ORIGIN_TIMESTAMPING: u8 = 4;

/// The command.
fn command(request: &Request) -> i32 {
    // SAFETY: every pattern of bytes is an integer.
    unsafe { request.sqe.anon_off.anon_cmd.cmd_op as i32 }
}

fn prepare(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    // SAFETY: every pattern of bytes is an integer.
    let padding = unsafe { request.sqe.anon_off.anon_cmd.__pad1 };
    let flags = request.op_flags();
    let multishot = flags & IORING_URING_CMD_MULTISHOT != 0;
    if padding != 0
        || flags & !(IORING_URING_CMD_FIXED | IORING_URING_CMD_MULTISHOT) != 0
        || multishot && flags & IORING_URING_CMD_FIXED != 0
        || multishot != request.has(IOSQE_BUFFER_SELECT)
    {
        return Err(-EINVAL);
    }
    Ok(())
}

fn run(core: &mut Core, request: Box<Request>) {
    let file = request.fd();
    // No driver is asked, so that only sockets have commands.
    let socket = match net::option(file, SOL_SOCKET, libc::SO_DOMAIN) {
        Err(errno) if errno != -libc::ENOTSOCK => return core.complete(request, errno),
        found => found.is_ok(),
    };
    if !socket || core.has(IORING_SETUP_IOPOLL) {
        return core.complete(request, -EOPNOTSUPP);
    }
    if command(&request) == SOCKET_URING_OP_TX_TIMESTAMP {
        if !core.has(IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED) {
            return core.complete(request, -EINVAL);
        }
        return ready(core, request, 0);
    }
    let res = sys::number(run_now(&request, file));
    core.complete(request, res);
}

/// The commands that end at once.
fn run_now(request: &Request, file: c_int) -> sys::Result {
    match command(request) {
        SOCKET_URING_OP_SIOCINQ => queued(file, libc::FIONREAD as usize),
        SOCKET_URING_OP_SIOCOUTQ => queued(file, libc::TIOCOUTQ as usize),
        SOCKET_URING_OP_GETSOCKOPT => get_option(request, file),
        SOCKET_URING_OP_SETSOCKOPT => {
            let (level, name) = option(request);
            let len = request.file_index() as usize;
            // SAFETY: the kernel checks the program's address.
            unsafe {
                sys::call(
                    libc::SYS_setsockopt,
                    [sys::fd(file), level, name, value(request) as usize, len],
                )
            }
        }
        SOCKET_URING_OP_GETSOCKNAME => name(request, file),
        _ => Err(-EOPNOTSUPP),
    }
}

/// Sockets of `AF_UNIX`, `AF_NETLINK` and `AF_PACKET` answer this as an `ioctl(2)`, but not as a command.
fn queued(file: c_int, command: usize) -> sys::Result {
    let domain = net::option(file, SOL_SOCKET, libc::SO_DOMAIN)?;
    if [libc::AF_UNIX, libc::AF_NETLINK, libc::AF_PACKET].contains(&domain) {
        return Err(-EOPNOTSUPP);
    }
    net::queued(file, command).map(|count| count as usize)
}

/// The level and name of an option.
fn option(request: &Request) -> (usize, usize) {
    // SAFETY: every pattern of bytes is an integer.
    let option = unsafe { request.sqe.anon_addr.anon_sockopt };
    (option.level as usize, option.optname as usize)
}

/// The address of an option's value.
fn value(request: &Request) -> u64 {
    // SAFETY: every pattern of bytes is an integer.
    unsafe { request.sqe.anon_tail.anon_addr3.addr3 }
}

fn get_option(request: &Request, file: c_int) -> sys::Result {
    let (level, name) = option(request);
    if level != SOL_SOCKET as usize {
        return Err(-EOPNOTSUPP);
    }
    let mut len = request.file_index();
    // SAFETY: the length is valid for the call; the kernel checks the program's address.
    unsafe {
        sys::call(
            libc::SYS_getsockopt,
            [
                sys::fd(file),
                level,
                name,
                value(request) as usize,
                (&raw mut len) as usize,
            ],
        )
    }?;
    Ok(len as usize)
}

fn name(request: &Request, file: c_int) -> sys::Result {
    if request.sqe.ioprio != 0 || request.len() != 0 || request.op_flags() != 0 {
        return Err(-EINVAL);
    }
    let nr = match request.file_index() {
        0 => libc::SYS_getsockname,
        1 => libc::SYS_getpeername,
        _ => return Err(-EINVAL),
    };
    // SAFETY: the kernel checks the program's addresses.
    unsafe { sys::call(nr, [sys::fd(file), request.addr() as usize, request.addr3() as usize]) }
}

/// A timestamp of sent data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    time: [u64; 2],
    hardware: bool,
    /// What was stamped, one of `SCM_TSTAMP_`.
    kind: u32,
    key: u32,
}

/// Whether the socket's error queue has nothing but timestamps without data, which alone are taken from it.
fn only_stamps(file: c_int) -> Result<bool, c_int> {
    let stamps = net::option(file, SOL_SOCKET, libc::SO_TIMESTAMPING)?;
    for (level, name) in [(SOL_IP, libc::IP_RECVERR), (SOL_IPV6, libc::IPV6_RECVERR)] {
        if net::option(file, level, name).is_ok_and(|on| on != 0) {
            return Err(-EOPNOTSUPP);
        }
    }
    Ok(stamps & SOF_TIMESTAMPING_OPT_TSONLY != 0)
}

fn ready(core: &mut Core, mut request: Box<Request>, _: u32) {
    let file = request.fd();
    match only_stamps(file) {
        Err(errno) => return core.complete(request, errno),
        Ok(true) => loop {
            let mut control = [0u8; 512];
            let mut header = Header {
                name: 0,
                name_len: 0,
                vectors: 0,
                count: 0,
                control: control.as_mut_ptr() as usize,
                control_len: control.len(),
                flags: 0,
            };
            let res = super::recv::receive(file, &mut header, (MSG_ERRQUEUE | MSG_DONTWAIT) as u32);
            if res < 0 {
                if res != -EAGAIN {
                    return core.complete(request, res);
                }
                break;
            }
            let Some(stamp) = control.get(..header.control_len).and_then(parse) else {
                continue;
            };
            request.big = stamp.time;
            let mut flags = stamp.kind << IORING_TIMESTAMP_TYPE_SHIFT;
            if stamp.hardware {
                flags |= IORING_CQE_F_TSTAMP_HW;
            }
            if core.has(IORING_SETUP_CQE_MIXED) {
                flags |= IORING_CQE_F_32;
            }
            if !core.post_more(&request, stamp.key as i32, flags) {
                request.cflags |= flags;
                return core.complete(request, stamp.key as i32);
            }
        },
        Ok(false) => {}
    }
    request.big = [0; 2];
    core.wait_for_changes(request, EPOLLERR as u32);
}

/// Reads an integer of eight bytes.
fn long(bytes: &[u8], at: usize) -> Option<u64> {
    let part = bytes.get(at..at.checked_add(8)?)?;
    part.try_into().ok().map(u64::from_ne_bytes)
}

/// Reads an integer of four bytes.
fn int(bytes: &[u8], at: usize) -> Option<u32> {
    let part = bytes.get(at..at.checked_add(4)?)?;
    part.try_into().ok().map(u32::from_ne_bytes)
}

/// The timestamp in control messages.
fn parse(control: &[u8]) -> Option<Stamp> {
    const WORD: usize = size_of::<usize>();
    let mut stamp = Stamp::default();
    let (mut time, mut origin) = (false, false);
    let mut at = 0;
    while let (Some(level), Some(kind)) = (int(control, at + WORD), int(control, at + WORD + 4)) {
        let len = if WORD == 8 {
            long(control, at)? as usize
        } else {
            int(control, at)? as usize
        };
        let data = control.get(at + WORD + 8..at.checked_add(len)?)?;
        match (level as c_int, kind as c_int) {
            (SOL_SOCKET, SCM_TIMESTAMPING | SCM_TIMESTAMPING_NEW) if data.len() >= 48 => {
                let software = [long(data, 0)?, long(data, 8)?];
                let hardware = [long(data, 32)?, long(data, 40)?];
                stamp.hardware = software == [0; 2];
                stamp.time = if stamp.hardware { hardware } else { software };
                time = true;
            }
            // `IP_RECVERR`, `IPV6_RECVERR` and `PACKET_TX_TIMESTAMP`: a `struct sock_extended_err`.
            _ if data.get(4) == Some(&SO_EE_ORIGIN_TIMESTAMPING) => {
                stamp.kind = int(data, 8)?;
                stamp.key = int(data, 12)?;
                origin = true;
            }
            _ => {}
        }
        at += len.next_multiple_of(WORD).max(WORD);
    }
    (time && origin).then_some(stamp)
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn message(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
        let mut bytes = (16 + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn times(software: [u64; 2], hardware: [u64; 2]) -> Vec<u8> {
        let all = [software, [0, 0], hardware];
        all.iter().flatten().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn error(origin: u8, info: u32, data: u32) -> Vec<u8> {
        let mut bytes = alloc::vec![0, 0, 0, 0, origin, 0, 0, 0];
        bytes.extend(info.to_ne_bytes());
        bytes.extend(data.to_ne_bytes());
        bytes
    }

    #[test]
    fn stamps_are_found() {
        let mut control = message(SOL_SOCKET, SCM_TIMESTAMPING, &times([7, 8], [0, 0]));
        control.extend(message(SOL_IP, libc::IP_RECVERR, &error(4, 1, 99)));
        let want = Stamp {
            time: [7, 8],
            hardware: false,
            kind: 1,
            key: 99,
        };
        assert_eq!(parse(&control), Some(want));
        let mut control = message(SOL_IPV6, libc::IPV6_RECVERR, &error(4, 2, 5));
        control.extend(message(SOL_SOCKET, SCM_TIMESTAMPING_NEW, &times([0, 0], [3, 4])));
        let want = Stamp {
            time: [3, 4],
            hardware: true,
            kind: 2,
            key: 5,
        };
        assert_eq!(parse(&control), Some(want));
    }

    #[test]
    fn other_messages_are_no_stamps() {
        let stamp = message(SOL_SOCKET, SCM_TIMESTAMPING, &times([7, 8], [0, 0]));
        let mut control = stamp.clone();
        control.extend(message(SOL_IP, libc::IP_RECVERR, &error(2, 1, 99)));
        assert_eq!(parse(&control), None);
        assert_eq!(parse(&stamp), None);
        assert_eq!(parse(&[]), None);
        let mut broken = stamp;
        broken[..8].copy_from_slice(&usize::MAX.to_ne_bytes());
        assert_eq!(parse(&broken), None);
    }
}
