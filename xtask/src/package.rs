//! What distributions get: the source archive (`make dist`) and the packages made from it (`make deb`, `make rpm`).

pub mod check;
pub mod deb;
pub mod dist;
pub mod machine;
pub mod nested;
pub mod others;
pub mod recipe;
pub mod rpm;
pub mod versions;

use crate::util::{need, output, root, stdout};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release, as Cargo.toml has it.
pub fn version() -> Result<String> {
    let text = fs::read_to_string(root().join("Cargo.toml"))?;
    let manifest: toml::Table = text.parse().context("Cargo.toml")?;
    let version = &manifest["workspace"]["package"]["version"];
    Ok(version
        .as_str()
        .context("Cargo.toml: the version is no text")?
        .to_owned())
}

/// When the commit was made that is packaged: the time of every file in it.
pub fn epoch() -> Result<String> {
    let time = stdout(git()?.args(["log", "-1", "--format=%ct"]))?;
    Ok(time.trim().to_owned())
}

pub fn git() -> Result<Command> {
    need("git", "git")?;
    let mut command = Command::new("git");
    command.arg("-C").arg(root());
    Ok(command)
}

/// An empty folder, whatever was there.
pub fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("can't empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))
}

/// The files right in a folder, sorted.
pub fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Writes a folder's checksums into `SHA256SUMS`.
pub fn sums(folder: &Path, files: &[&str]) -> Result<()> {
    let text = stdout(Command::new("sha256sum").args(files).current_dir(folder))?;
    fs::write(folder.join("SHA256SUMS"), text)?;
    Ok(())
}

pub fn untar(archive: &Path, folder: &Path) -> Result<()> {
    output(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(folder))?;
    Ok(())
}

/// A command; `offline` gives it a network that leads nowhere.
pub fn started(program: &str, offline: bool) -> Command {
    if offline {
        let mut command = Command::new("unshare");
        // Who isn't root may do so as root of a namespace of users.
        command.args(["--map-root-user", "--net", program]);
        return command;
    }
    Command::new(program)
}

/// The end of a log.
pub fn tail(log: &Path) -> String {
    crate::util::tail(log, 25).join("\n")
}
