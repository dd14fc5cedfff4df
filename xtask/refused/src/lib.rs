//! `cargo xtask refused -- PROGRAM`: runs a program where io_uring's system calls are refused by a seccomp filter, as in
//! containers and on hardened systems. Checks use [`Filter`], and `make demo` the program of this crate.
//!
//! The filters are written here because the seccompiler crate doesn't fit: its filters kill every process whose ABI is
//! not the native one, such as 32-bit programs on x86-64, and it knows no names of 32-bit x86's calls.

mod docker;
mod filter;

pub use filter::Filter;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// What happens at io_uring_setup, io_uring_enter and io_uring_register
    #[arg(long, default_value = "eperm", value_name = "HOW")]
    how: How,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

/// How io_uring's system calls are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// They fail with EPERM, as where the administrator forbids them
    #[default]
    Eperm,
    /// They fail with ENOSYS, as on kernels without io_uring
    Enosys,
    /// They kill the process
    Kill,
    /// They fail with EPERM, as does everything that Docker's default profile doesn't allow
    Docker,
    /// They are not refused
    None,
}

impl How {
    pub fn name(self) -> &'static str {
        match self {
            Self::Eperm => "eperm",
            Self::Enosys => "enosys",
            Self::Kill => "kill",
            Self::Docker => "docker",
            Self::None => "none",
        }
    }

    /// The value of `IRONRING` where a refusal doesn't lead to the engine.
    pub fn policy(self) -> Option<&'static str> {
        matches!(self, Self::Kill | Self::None).then_some("engine")
    }
}

pub fn run(args: &Args) -> Result<()> {
    let [program, rest @ ..] = &args.program[..] else {
        bail!("no program is given");
    };
    let mut command = Command::new(program);
    command.args(rest);
    Filter::new(args.how)?.put_on(&mut command);
    Err(command.exec()).with_context(|| format!("can't run {}", program.to_string_lossy()))
}

#[cfg(test)]
mod tests;
