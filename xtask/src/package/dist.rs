//! `make dist`: the release as a source archive that builds without network.
//!
//! It is the last commit's tree and, in `vendor/`, the crate that the library needs; the Makefile takes it from there.
//! Debian's tools remove what is called `*.orig`, which is why the crate's own file of that name is left out.

use super::{epoch, fresh, git, sums, untar, version};
use crate::util::{need, output, root, stdout};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: &Args) -> Result<()> {
    let folder = root().join("target/dist");
    let archive = make(&folder)?;
    let size = fs::metadata(&archive)?.len();
    println!(
        "dist: {} ({} KiB), checksums in SHA256SUMS",
        archive.display(),
        size / 1024
    );
    Ok(())
}

/// Makes the archive of the last commit in a folder.
pub fn make(folder: &Path) -> Result<PathBuf> {
    need("xz", "xz-utils")?;
    ensure!(
        root().join(".git").exists(),
        "this is no git checkout: an archive is made of a commit"
    );
    let changed = stdout(git()?.args(["status", "--porcelain"]))?.lines().count();
    if changed > 0 {
        eprintln!("dist: {changed} files differ from the last commit: it is the commit that is packaged");
    }
    let name = format!("ironring-{}", version()?);
    fresh(&folder.join("tree"))?;
    let tree = folder.join("tree").join(&name);
    let commit = folder.join("commit.tar");
    output(
        git()?
            .args(["archive", "--format=tar", &format!("--prefix={name}/"), "-o"])
            .arg(&commit)
            .arg("HEAD"),
    )?;
    untar(&commit, &folder.join("tree"))?;
    fs::remove_file(&commit)?;
    vendor(&tree)?;

    let archive = folder.join(format!("{name}.tar.xz"));
    let tar = folder.join(format!("{name}.tar"));
    let mut command = Command::new("tar");
    command
        .args([
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--format=gnu",
        ])
        .args(["--mode=u=rwX,go=rX", &format!("--mtime=@{}", epoch()?), "-cf"])
        .arg(&tar)
        .arg("-C")
        .arg(folder.join("tree"))
        .arg(&name);
    output(&mut command)?;
    // One thread: how many there are would show in the bytes.
    output(Command::new("xz").args(["-f", "-T1", "-6"]).arg(&tar))?;
    sums(folder, &[&format!("{name}.tar.xz")])?;
    Ok(archive)
}

/// Brings along what the library's workspace needs.
fn vendor(tree: &Path) -> Result<()> {
    let mut vendor = Command::new("cargo");
    vendor
        .args(["vendor", "--quiet", "--locked", "--versioned-dirs", "vendor"])
        .current_dir(tree);
    output(&mut vendor)?;
    fs::read_dir(tree.join("vendor"))?.try_for_each(|vendored| without_orig(&vendored?.path()))
}

/// Takes a crate's `Cargo.toml.orig` away, and out of cargo's list of its files. Cargo 1.85 leaves it out by itself.
fn without_orig(krate: &Path) -> Result<()> {
    let orig = "Cargo.toml.orig";
    if let Err(error) = fs::remove_file(krate.join(orig)) {
        ensure!(error.kind() == ErrorKind::NotFound, "{}: {error}", krate.display());
    }
    let list = krate.join(".cargo-checksum.json");
    let mut checksums: serde_json::Value = serde_json::from_str(&fs::read_to_string(&list)?)?;
    let files = checksums["files"]
        .as_object_mut()
        .context("a vendored crate without a list of its files")?;
    files.remove(orig);
    fs::write(&list, serde_json::to_string(&checksums)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_lose_their_orig_where_cargo_leaves_one() {
        let krate = root().join("target/check/orig");
        fresh(&krate).unwrap();
        for files in [r#"{"Cargo.toml":"1"}"#, r#"{"Cargo.toml":"1","Cargo.toml.orig":"2"}"#] {
            if files.contains("orig") {
                fs::write(krate.join("Cargo.toml.orig"), "").unwrap();
            }
            let list = krate.join(".cargo-checksum.json");
            fs::write(&list, format!(r#"{{"files":{files}}}"#)).unwrap();
            without_orig(&krate).unwrap();
            assert_eq!(fs::read_to_string(&list).unwrap(), r#"{"files":{"Cargo.toml":"1"}}"#);
            assert!(!krate.join("Cargo.toml.orig").exists());
        }
    }
}
