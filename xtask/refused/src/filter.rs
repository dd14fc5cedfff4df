//! Seccomp filters, written in the kernel's classic BPF.

use super::{How, docker};
use anyhow::Result;
use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, EPERM,
    SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS, sock_filter,
};
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The numbers of io_uring's calls, which are the same in all ABIs of the processors that we build for.
const IO_URING: RangeInclusive<u32> = 425..=427;

/// The bit that marks calls of x32, an ABI of x86-64.
pub const X32_BIT: u32 = 1 << 30;

/// Offsets in the kernel's `struct seccomp_data`.
const NUMBER: u32 = 0;
const ABI: u32 = 4;
const ARGUMENTS: u32 = 16;

/// A seccomp filter for programs.
pub struct Filter(Vec<sock_filter>);

impl Filter {
    pub fn new(how: How) -> Result<Self> {
        Ok(Self(match how {
            How::Eperm => io_uring(errno(EPERM)),
            How::Enosys => io_uring(errno(libc::ENOSYS)),
            How::Kill => io_uring(SECCOMP_RET_KILL_PROCESS),
            How::Docker => docker::filter()?,
            How::None => Vec::new(),
        }))
    }

    /// Its code as bytes, for a program that puts it on by itself.
    pub fn bytes(&self) -> Vec<u8> {
        let bytes = |it: &sock_filter| {
            let mut bytes = it.code.to_ne_bytes().to_vec();
            bytes.extend([it.jt, it.jf]);
            bytes.extend(it.k.to_ne_bytes());
            bytes
        };
        self.0.iter().flat_map(bytes).collect()
    }

    /// Starts the command with this filter, which no descendant can remove, and without the means to gain privileges.
    pub fn put_on(&self, command: &mut Command) {
        let code = self.0.clone();
        if code.is_empty() {
            return;
        }
        let install = move || {
            let program = libc::sock_fprog {
                len: u16::try_from(code.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
                filter: code.as_ptr().cast_mut(),
            };
            // SAFETY: the call takes no pointer.
            check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
            // SAFETY: the program's instructions outlive the call, which only reads them.
            check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) })
        };
        // SAFETY: in the child the closure only makes two system calls and reads memory allocated before.
        unsafe { command.pre_exec(install) };
    }
}

fn check(returned: i32) -> io::Result<()> {
    if returned < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn io_uring(refusal: u32) -> Vec<sock_filter> {
    vec![
        load(NUMBER),
        jump(BPF_ALU | BPF_AND, !X32_BIT, 0, 0),
        jump(BPF_JMP | BPF_JGE, *IO_URING.start(), 0, 2),
        jump(BPF_JMP | BPF_JGT, *IO_URING.end(), 1, 0),
        give(refusal),
        give(SECCOMP_RET_ALLOW),
    ]
}

/// One of a processor's ABIs: the kernel's name for it, and the code that ends with an answer for each of its calls. The
/// call's number is loaded when it starts.
pub struct Abi {
    pub audit: u32,
    pub code: Vec<sock_filter>,
}

/// A filter that kills processes of other ABIs.
pub fn by_abi(abis: Vec<Abi>) -> Vec<sock_filter> {
    let mut code = vec![load(ABI)];
    for abi in abis {
        let length = u32::try_from(abi.code.len() + 1).expect("a filter has at most 4096 instructions");
        // Conditional jumps reach 255 instructions only.
        code.push(jump(BPF_JMP | BPF_JEQ, abi.audit, 1, 0));
        code.push(jump(BPF_JMP | libc::BPF_JA, length, 0, 0));
        code.push(load(NUMBER));
        code.extend(abi.code);
    }
    code.push(give(SECCOMP_RET_KILL_PROCESS));
    code
}

/// Code for one call, which gives an answer for it in all cases; other calls pass.
pub fn call(number: u32, then: Vec<sock_filter>) -> Vec<sock_filter> {
    let length = u8::try_from(then.len()).expect("code for one call is short");
    let mut code = vec![jump(BPF_JMP | BPF_JEQ, number, 0, length)];
    code.extend(then);
    code
}

/// Code that allows these calls, and refuses the others. The numbers are sorted.
pub fn allow(numbers: &[u32], refusal: u32) -> Vec<sock_filter> {
    let mut code = Vec::new();
    for run in numbers.chunk_by(|a, b| *b == *a + 1) {
        code.extend([
            jump(BPF_JMP | BPF_JGT, run[run.len() - 1], 3, 0),
            jump(BPF_JMP | BPF_JGE, run[0], 0, 1),
            give(SECCOMP_RET_ALLOW),
            give(refusal),
        ]);
    }
    code.push(give(refusal));
    code
}

/// Refuses a call whose argument has any of these bits, and allows it otherwise.
pub fn none_of_bits(argument: u32, bits: u32, refusal: u32) -> Vec<sock_filter> {
    vec![
        load(low(argument)),
        jump(BPF_JMP | BPF_JSET, bits, 0, 1),
        give(refusal),
        give(SECCOMP_RET_ALLOW),
    ]
}

/// Refuses a call whose argument, an int, has one of these values, and allows it otherwise.
pub fn none_of(argument: u32, values: &[u32], refusal: u32) -> Vec<sock_filter> {
    let mut code = vec![load(low(argument))];
    for value in values {
        code.extend([jump(BPF_JMP | BPF_JEQ, *value, 0, 1), give(refusal)]);
    }
    code.push(give(SECCOMP_RET_ALLOW));
    code
}

/// Allows a call whose argument has one of these values, and refuses it otherwise.
pub fn one_of(argument: u32, values: &[u32], refusal: u32) -> Vec<sock_filter> {
    let high = low(argument) + 4;
    let mut code = vec![
        load(high),
        jump(BPF_JMP | BPF_JEQ, 0, 1, 0),
        give(refusal),
        load(low(argument)),
    ];
    for value in values {
        code.extend([jump(BPF_JMP | BPF_JEQ, *value, 0, 1), give(SECCOMP_RET_ALLOW)]);
    }
    code.push(give(refusal));
    code
}

pub fn errno(number: i32) -> u32 {
    SECCOMP_RET_ERRNO | number.unsigned_abs()
}

/// The lower half of an argument; the processors that we build for are little-endian.
fn low(argument: u32) -> u32 {
    ARGUMENTS + 8 * argument
}

fn load(offset: u32) -> sock_filter {
    jump(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0)
}

pub fn give(answer: u32) -> sock_filter {
    jump(BPF_RET, answer, 0, 0)
}

/// An instruction with a constant. The numbers of instructions to skip matter for conditional jumps only.
fn jump(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    let code = u16::try_from(code | BPF_K).expect("the kernel's codes have 16 bits");
    sock_filter { code, jt, jf, k }
}
