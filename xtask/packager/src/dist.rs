//! `make dist`: makes the source archive, which builds without network.
//!
//! It holds the last commit's tree and, in `vendor/`, where the Makefile looks, the crate that the library needs.
//! The crate's own `Cargo.toml.orig` is left out, because Debian's tools remove files called `*.orig`.

use crate::{git, sha256, untar, version};
use anyhow::{Context, Result, ensure};
use base::{command, fresh, need, output, root, stdout};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: &Args) -> Result<()> {
    let archive = make(&root().join("target/dist"))?;
    println!(
        "dist: {} ({} KiB), checksums in SHA256SUMS",
        archive.display(),
        fs::metadata(&archive)?.len() / 1024
    );
    Ok(())
}

/// Makes the archive of the last commit in a folder.
pub fn make(folder: &Path) -> Result<PathBuf> {
    need("xz", "xz-utils")?;
    ensure!(
        root().join(".git").exists(),
        "this is not a git checkout: run it in one, because the archive is made from a commit"
    );
    let changed = stdout(git()?.args(["status", "--porcelain"]))?.lines().count();
    if changed > 0 {
        eprintln!("dist: {changed} files differ from the last commit; the archive has the committed ones");
    }
    let name = format!("ironring-{}", version()?);
    let trees = folder.join("tree");
    fresh(&trees)?;
    let commit = folder.join("commit.tar");
    let prefix = format!("--prefix={name}/");
    output(
        git()?
            .args(["archive", "--format=tar", &prefix, "HEAD", "-o"])
            .arg(&commit),
    )?;
    untar(&commit, &trees)?;
    fs::remove_file(&commit)?;
    vendor(&trees.join(&name))?;

    // Every file gets the time of the commit, so that the archive is reproducible.
    let time = stdout(git()?.args(["log", "-1", "--format=--mtime=@%ct"]))?;
    let (tar, archive) = (
        folder.join(format!("{name}.tar")),
        folder.join(format!("{name}.tar.xz")),
    );
    output(
        command!("tar --sort=name --owner=0 --group=0 --numeric-owner --format=gnu --mode=u=rwX,go=rX")
            .args([time.trim(), "-cf"])
            .args([&tar, Path::new("-C"), &trees, Path::new(&name)]),
    )?;
    // One thread, because the output depends on their number.
    output(&mut command!("xz -f -T1 -6", tar))?;
    fs::write(
        folder.join("SHA256SUMS"),
        format!("{}  {name}.tar.xz\n", sha256(&archive)?),
    )?;
    Ok(archive)
}

/// Vendors the crates of the library's workspace. A cargo newer than 1.85 also vendors `Cargo.toml.orig`.
fn vendor(tree: &Path) -> Result<()> {
    output(command!("cargo vendor --quiet --locked --versioned-dirs vendor").current_dir(tree))?;
    for vendored in fs::read_dir(tree.join("vendor"))? {
        let krate = vendored?.path();
        let _ = fs::remove_file(krate.join("Cargo.toml.orig"));
        let list = krate.join(".cargo-checksum.json");
        let mut checksums: serde_json::Value = serde_json::from_str(&fs::read_to_string(&list)?)?;
        let files = checksums["files"].as_object_mut();
        files
            .context("a vendored crate without a list of its files")?
            .remove("Cargo.toml.orig");
        fs::write(&list, serde_json::to_string(&checksums)?)?;
    }
    Ok(())
}
