//! `cargo xtask unit`: the Rust tests of every workspace, by nextest where it is installed.

use crate::lint::WORKSPACES;
use anyhow::{Result, ensure};
use base::root;
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: &Args) -> Result<()> {
    // crates/witness reads the headers with libclang.
    base::compile::clang()?;
    let tests: &[&str] = if base::have("cargo-nextest") {
        &["nextest", "run"]
    } else {
        &["test", "--quiet"]
    };
    for manifest in WORKSPACES {
        let mut cargo = Command::new("cargo");
        cargo
            .args(tests)
            .args(["--workspace", "--locked", "--manifest-path", manifest]);
        ensure!(
            cargo.current_dir(root()).status()?.success(),
            "tests failed; rerun with: {}",
            base::show(&cargo)
        );
    }
    Ok(())
}
