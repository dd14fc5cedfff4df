//! Docker's default seccomp profile, for each ABI of this machine's processor. The calls have names in the profile; their
//! numbers come from the kernel's headers. A call that the headers don't know yet is refused.

use super::filter::{Abi, allow, by_abi, call, errno, give, none_of, none_of_bits, one_of};
use anyhow::{Context, Result, bail};
use libc::{EPERM, sock_filter};
use std::collections::BTreeMap;
use std::fs;

/// What clone may not have in its flags: CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID and _NEWNET.
const NAMESPACES: u32 = 0x7e02_0000;
/// The personalities that a program may take: PER_LINUX, PER_LINUX32, both with UNAME26; and to ask for the current one.
const PERSONALITIES: [u32; 5] = [0, 8, 0x2_0000, 0x2_0008, u32::MAX];
/// The families of sockets that are refused: AF_ALG and AF_VSOCK.
const FAMILIES: [u32; 2] = [38, 40];

pub fn filter() -> Result<Vec<sock_filter>> {
    let path = base::root().join("test-c/refused/docker.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let allowed: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let abi = |audit, headers: &[&str]| -> Result<Abi> {
        let mut calls = BTreeMap::new();
        for header in headers {
            numbers(header, &mut calls)?;
        }
        Ok(Abi {
            audit,
            code: code(&calls, &allowed),
        })
    };
    let abis = match std::env::consts::ARCH {
        "x86_64" => vec![
            abi(0xc000_003e, &["asm/unistd_64.h", "asm/unistd_x32.h"])?,
            abi(0x4000_0003, &["asm/unistd_32.h"])?,
        ],
        "aarch64" => vec![abi(0xc000_00b7, &["asm/unistd.h"])?],
        "riscv64" => vec![abi(0xc000_00f3, &["asm/unistd.h"])?],
        "powerpc64" => vec![abi(0xc000_0015, &["asm/unistd.h"])?],
        other => bail!(
            "the audit number of {other} is not known; to mend: add it in {}",
            file!()
        ),
    };
    Ok(by_abi(abis))
}

/// Numbers and names of an ABI's calls.
type Calls = BTreeMap<u32, String>;

fn code(calls: &Calls, allowed: &[&str]) -> Vec<sock_filter> {
    let refused = errno(EPERM);
    let mut code = Vec::new();
    let mut plain = Vec::new();
    for (number, name) in calls {
        let then = match name.as_str() {
            // libc then uses clone.
            "clone3" => vec![give(errno(libc::ENOSYS))],
            "clone" => none_of_bits(0, NAMESPACES, refused),
            "personality" => one_of(0, &PERSONALITIES, refused),
            "socket" => none_of(0, &FAMILIES, refused),
            name => {
                if allowed.contains(&name) {
                    plain.push(*number);
                }
                continue;
            }
        };
        code.extend(call(*number, then));
    }
    code.extend(allow(&plain, refused));
    code
}

/// Adds the calls that a header of the kernel defines.
fn numbers(header: &str, calls: &mut Calls) -> Result<()> {
    let defined = base::stdout(base::compile::c()?.args(["-E", "-dM", "-include", header, "-xc", "/dev/null"]));
    let defined = defined.context("the kernel's headers are needed; to mend: apt-get install linux-libc-dev")?;
    for line in defined.lines() {
        let Some((name, value)) = line.strip_prefix("#define __NR_").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        if let Some(number) = number(value) {
            calls.insert(number, name.to_owned());
        }
    }
    Ok(())
}

/// The number of a call, or none for other definitions: `17`, or with x32's bit, `(__X32_SYSCALL_BIT + 17)`.
fn number(value: &str) -> Option<u32> {
    let x32 = value
        .strip_prefix("(__X32_SYSCALL_BIT + ")
        .and_then(|rest| rest.strip_suffix(')'));
    match x32 {
        Some(rest) => rest.parse::<u32>().ok().map(|number| number | super::filter::X32_BIT),
        None => value.parse().ok(),
    }
}
