//! `cargo xtask lint`: rustfmt and clippy, in every workspace.

use anyhow::Result;
use base::{output, root};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {}

/// The manifests of the workspaces: the library's, the tools', and the command's.
pub const WORKSPACES: [&str; 3] = ["Cargo.toml", "xtask/Cargo.toml", "crates/tool/Cargo.toml"];

pub fn run(_args: &Args) -> Result<()> {
    base::need("rustfmt", "rustfmt")?;
    base::need("cargo-clippy", "rust-clippy")?;
    // crates/witness reads the headers with libclang.
    base::compile::clang()?;
    for manifest in WORKSPACES {
        let cargo = |command: &str, args: &[&str]| {
            let mut cargo = Command::new("cargo");
            cargo.args([command, "--manifest-path", manifest]).args(args);
            output(cargo.current_dir(root()))
        };
        cargo("fmt", &["--all", "--check"])?;
        let mut clippy = vec!["--quiet", "--locked", "--workspace", "--all-targets"];
        if std::env::var_os("CI").is_some() {
            // Only in CI: a newer clippy may have new warnings, and an older one looks for SAFETY comments in other places, which
            // must not fail a user's check.
            clippy.extend(["--", "-D", "warnings"]);
        }
        print!("{}", String::from_utf8_lossy(&cargo("clippy", &clippy)?.stderr));
    }
    println!("lint: {} workspaces", WORKSPACES.len());
    Ok(())
}
