//! `make deb`: the Debian packages, made of the source archive by the recipe in `packaging/debian`.

use super::{dist, epoch, files_in, fresh, untar, version};
use crate::util::{have, install, output, root, table};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

#[derive(clap::Args)]
pub struct Args {
    /// Run the package's tests too
    #[arg(long)]
    test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let folder = root().join("target/deb");
    fresh(&folder)?;
    let archive = dist::make(&root().join("target/dist"))?;
    build(&archive, &folder, args.test)?;
    let mut rows = Vec::new();
    for deb in files_in(&folder)?
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "deb"))
    {
        let name = deb.file_name().unwrap_or_default().to_string_lossy().into_owned();
        rows.push(vec![name, format!("{} KiB", fs::metadata(deb)?.len().div_ceil(1024))]);
    }
    table(&["package", "size"], &rows);
    println!("deb: {} packages in {}", rows.len(), folder.display());
    Ok(())
}

/// Builds source and binary packages of the archive into a folder.
pub fn build(archive: &Path, folder: &Path, test: bool) -> Result<()> {
    tools()?;
    let version = version()?;
    let build = folder.join("build");
    fresh(&build)?;
    let tree = build.join(format!("ironring-{version}"));
    untar(archive, &build)?;
    fs::copy(archive, build.join(format!("ironring_{version}.orig.tar.xz")))?;
    output(
        Command::new("cp")
            .arg("-r")
            .args([tree.join("packaging/debian"), tree.join("debian")]),
    )?;
    buildpackage(&tree, test, &["-F"], &folder.join("build.log"))?;
    for file in files_in(&build)? {
        fs::rename(&file, folder.join(file.file_name().context("a file without a name")?))?;
    }
    Ok(())
}

/// What Debian's tools are in.
pub fn tools() -> Result<()> {
    let wanted = [
        ("dpkg-buildpackage", "dpkg-dev"),
        ("dh", "debhelper"),
        ("fakeroot", "fakeroot"),
    ];
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(program, _)| !have(program))
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    Ok(())
}

/// Runs dpkg-buildpackage in a tree; what it says goes into a log, whose end is shown when it fails.
pub fn buildpackage(tree: &Path, test: bool, args: &[&str], log: &Path) -> Result<()> {
    eprintln!("dpkg-buildpackage in {} (log: {})", tree.display(), log.display());
    let file = fs::File::create(log)?;
    let mut command = Command::new("dpkg-buildpackage");
    command.args(["-us", "-uc"]).args(args).current_dir(tree);
    let unmet = Command::new("dpkg-checkbuilddeps").current_dir(tree).output()?;
    if !unmet.status.success() {
        let said = String::from_utf8_lossy(&unmet.stderr).into_owned();
        let unmet = said.rsplit("dependencies: ").next().unwrap_or(&said).trim().to_owned();
        let rust_only = unmet
            .split_whitespace()
            .all(|word| ["cargo", "rustc"].contains(&word) || word.starts_with('(') || word.ends_with(')'));
        ensure!(rust_only, "to build the package: apt-get install {unmet}");
        ensure!(
            have("cargo"),
            "there is no cargo: apt-get install cargo, or see rustup.rs"
        );
        eprintln!("no package has {unmet}: building with the cargo on the PATH instead (dpkg-buildpackage -d)");
        command.arg("-d");
    }
    if !test && env::var_os("DEB_BUILD_OPTIONS").is_none() {
        command.env("DEB_BUILD_OPTIONS", "nocheck");
    }
    command
        .env("SOURCE_DATE_EPOCH", epoch()?)
        .env("RUSTUP_HOME", rustup_home())
        // Ours is of the checkout, not of the tree.
        .env_remove("MAKEFLAGS")
        .stdout(file.try_clone()?)
        .stderr(file);
    if !command.status()?.success() {
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        bail!(
            "dpkg-buildpackage failed:\n{}\nall of it: {}",
            lines[lines.len().saturating_sub(25)..].join("\n"),
            log.display()
        );
    }
    Ok(())
}

/// Where rustup keeps its compilers, for builds that get another home.
pub fn rustup_home() -> PathBuf {
    env::var_os("RUSTUP_HOME").map_or_else(
        || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".rustup"),
        PathBuf::from,
    )
}
