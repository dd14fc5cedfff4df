//! Makes the source archive (`make dist`), and Debian and RPM packages from it (`make deb`, `make rpm`).

pub mod deb;
pub mod dist;
pub mod rpm;

use anyhow::{Context, Result, ensure};
use base::{command, have, need, output, root, show, stdout, table};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release's version in Cargo.toml.
pub fn version() -> Result<String> {
    let text = fs::read_to_string(root().join("Cargo.toml"))?;
    let manifest: toml::Table = text.parse().context("Cargo.toml")?;
    let version = manifest["workspace"]["package"]["version"].as_str();
    Ok(version.context("Cargo.toml: the version is not a string")?.to_owned())
}

pub fn git() -> Result<Command> {
    need("git", "git")?;
    Ok(command!("git -C", root()))
}

pub fn untar(archive: &Path, folder: &Path) -> Result<()> {
    output(&mut command!("tar -xf", archive, "-C", folder)).map(drop)
}

/// A build command that may get another `$HOME`; with `offline` it runs in an empty network namespace.
pub fn started(program: &str, offline: bool) -> Command {
    let mut command = if offline {
        // A user namespace allows this without root.
        command!("unshare --map-root-user --net", program)
    } else {
        Command::new(program)
    };
    // MAKEFLAGS belongs to this checkout, not to the tree; rustup's compilers stay in the real home.
    command.env("RUSTUP_HOME", rustup_home()).env_remove("MAKEFLAGS");
    command
}

/// Where rustup keeps its compilers, for builds that get another home.
pub fn rustup_home() -> PathBuf {
    home("RUSTUP_HOME", ".rustup")
}

fn home(variable: &str, default: &str) -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default());
    env::var_os(variable).map_or_else(|| home().join(default), PathBuf::from)
}

/// Copies this machine's cargo configuration, such as a registry mirror, to another `CARGO_HOME`.
pub fn cargo_settings(to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for name in ["config.toml", "config"] {
        let _ = fs::copy(home("CARGO_HOME", ".cargo").join(name), to.join(name));
    }
    Ok(())
}

fn need_cargo() -> Result<()> {
    ensure!(
        have("cargo"),
        "cargo is not on the PATH: apt-get install cargo, or see rustup.rs"
    );
    Ok(())
}

/// Runs a build; its output goes to a log.
fn logged(command: &mut Command, log: &Path) -> Result<()> {
    eprintln!("{} (log: {})", show(command), log.display());
    ensure!(
        base::run::logged(command, log)?.success(),
        "the build failed:\n{}\nfull log: {}",
        base::tail(log, 25).join("\n"),
        log.display()
    );
    Ok(())
}

/// Prints a table of the packages.
fn report(kind: &str, folder: &Path, files: &[PathBuf]) -> Result<()> {
    let row = |file: &PathBuf| -> Result<Vec<String>> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(vec![name, format!("{} KiB", fs::metadata(file)?.len().div_ceil(1024))])
    };
    table(
        &["package", "size"],
        &files.iter().map(row).collect::<Result<Vec<_>>>()?,
    );
    println!("{kind}: {} packages in {}", files.len(), folder.display());
    Ok(())
}

/// Copies a file into a folder, and returns the path of the copy.
pub fn copy_into(file: &Path, folder: &Path) -> Result<PathBuf> {
    let to = folder.join(file.file_name().context("a file without a name")?);
    fs::copy(file, &to).with_context(|| file.display().to_string())?;
    Ok(to)
}

/// The checksum of a file.
pub fn sha256(file: &Path) -> Result<String> {
    let text = stdout(&mut command!("sha256sum", file))?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}
