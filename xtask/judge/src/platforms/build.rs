//! Cross-builds with the Makefile, as a packager would, and checks the results.

use super::rust;
use crate::abi::{self, Sameness};
use crate::code::{Cpu, shipped};
use crate::gates;
use crate::peer;
use anyhow::{Context, Result};
use base::compile::Tools;
use base::{command, output, root};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Rust's name.
    pub rust: &'static str,
    /// Debian's.
    pub debian: &'static str,
    pub tools: Tools,
    /// The processor, if the ordering checks can read its machine code.
    pub cpu: Option<Cpu>,
    /// The size of a pointer in bytes.
    pub pointer: usize,
    /// Whether system calls go through libc.
    pub libc: bool,
}

/// A target whose libraries are built.
#[derive(Clone)]
pub struct Built {
    pub target: Target,
    pub lib: PathBuf,
    pub facts: Facts,
}

/// How many checks passed.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Facts {
    pub gates: usize,
    /// Assertions about memory ordering.
    pub orders: usize,
    pub same: Sameness,
}

/// Builds for each of the targets once.
pub fn all(targets: &[Target], out: &Path) -> Result<Vec<Built>> {
    let mut built: Vec<Built> = Vec::new();
    if targets.is_empty() {
        return Ok(built);
    }
    let cargo = rust::cargo()?;
    for &target in targets {
        if built.iter().all(|built| built.target != target) {
            built.push(one(target, &cargo, out).with_context(|| target.rust.to_owned())?);
        }
    }
    Ok(built)
}

/// Where a target's libraries are.
pub fn lib(target: &Target, out: &Path) -> PathBuf {
    out.join(target.rust).join("lib")
}

fn one(target: Target, cargo: &Path, out: &Path) -> Result<Built> {
    target.tools.need(false)?;
    println!("\n== {}", target.rust);
    output(
        command!("make -s", format!("OUT={}", out.display()))
            .arg(format!("TARGET={}", target.rust))
            .arg(format!("CROSS={}", target.tools.prefix))
            .arg(format!("CARGO={}", cargo.display()))
            .current_dir(root())
            // The flags of `make check` are meant for this machine.
            .env_remove("MAKEFLAGS"),
    )?;
    let lib = lib(&target, out);
    let peer = peer::foreign(target.debian)?;
    let mut facts = Facts {
        gates: gates::check(&lib, peer.as_ref(), target.libc)?,
        ..Facts::default()
    };
    if let Some(cpu) = target.cpu {
        facts.orders = shipped::library(&lib, cpu, target.pointer)? + shipped::self_test(&lib, cpu, target.pointer)?;
        println!(
            "ordering: {} assertions hold, those on misplaced barriers included",
            facts.orders
        );
    }
    if let Some(peer) = peer {
        let compiler = abi::Target {
            name: target.rust,
            program: target.tools.cc(),
            flags: target.tools.flags,
        };
        facts.same = abi::same(&compiler, &peer, &lib, &out.join(target.rust))?;
        println!(
            "abi: {} facts of the peer's headers and {} of its libraries hold",
            facts.same.headers, facts.same.libraries
        );
    }
    Ok(Built { target, lib, facts })
}
