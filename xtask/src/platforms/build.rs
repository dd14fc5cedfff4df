//! Cross-building, by the Makefile as a packager would, and what must hold for the results.

use super::rust;
use crate::gates;
use crate::peer;
use crate::tools::Tools;
use crate::util::output;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Rust's name.
    pub rust: &'static str,
    /// Debian's.
    pub debian: &'static str,
    pub tools: Tools,
    /// Whether system calls go through libc.
    pub libc: bool,
}

/// A target for which there are libraries.
#[derive(Clone)]
pub struct Built {
    pub target: Target,
    pub lib: PathBuf,
    pub facts: Facts,
}

/// How much was looked at and found right.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Facts {
    pub gates: usize,
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

fn one(target: Target, cargo: &Path, out: &Path) -> Result<Built> {
    target.tools.need(false)?;
    println!("\n== {}", target.rust);
    output(
        Command::new("make")
            .arg("-s")
            .arg(format!("OUT={}", out.display()))
            .arg(format!("TARGET={}", target.rust))
            .arg(format!("CROSS={}", target.tools.prefix))
            .arg(format!("CARGO={}", cargo.display()))
            .current_dir(crate::util::root())
            // What `make check` was told is meant for this machine.
            .env_remove("MAKEFLAGS"),
    )?;
    let lib = out.join(target.rust).join("lib");
    let peer = peer::foreign(target.debian)?;
    let facts = Facts {
        gates: gates::check(&lib, peer.as_ref(), target.libc)?,
    };
    Ok(Built { target, lib, facts })
}
