//! `make deb`: the Debian packages, made of the source archive by the recipe in `packaging/debian`.

use super::{dist, files_in, fresh, started, tail, untar, version};
use crate::util::{have, install, need_all, output, root, table};
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
    build(
        &archive,
        &folder,
        How {
            test: args.test,
            ..How::default()
        },
    )?;
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

/// How packages are built.
#[derive(Clone, Copy, Default)]
pub struct How {
    /// With the recipe's test step.
    pub test: bool,
    /// Without network.
    pub offline: bool,
    /// In other circumstances than one's own: umask, time zone, language, number of jobs.
    pub otherwise: bool,
}

/// Builds source and binary packages of the archive into a folder.
pub fn build(archive: &Path, folder: &Path, how: How) -> Result<()> {
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
    buildpackage(&tree, how, &["-F"], &folder.join("build.log"))?;
    for file in files_in(&build)? {
        fs::rename(&file, folder.join(file.file_name().context("a file without a name")?))?;
    }
    Ok(())
}

/// What Debian's tools are in.
pub fn tools() -> Result<()> {
    need_all(&[
        ("dpkg-buildpackage", "dpkg-dev"),
        ("dpkg-checkbuilddeps", "dpkg-dev"),
        ("dh", "debhelper"),
        ("fakeroot", "fakeroot"),
    ])
}

/// Runs dpkg-buildpackage in a tree; what it says goes into a log, whose end is shown when it fails.
pub fn buildpackage(tree: &Path, how: How, args: &[&str], log: &Path) -> Result<()> {
    eprintln!("dpkg-buildpackage in {} (log: {})", tree.display(), log.display());
    let file = fs::File::create(log)?;
    let mut command = started("sh", how.offline);
    let umask = if how.otherwise { "077" } else { "022" };
    command.args([
        "-c",
        &format!("umask {umask}; exec dpkg-buildpackage -us -uc \"$@\""),
        "sh",
    ]);
    command.args(args).current_dir(tree);
    if how.otherwise {
        command.envs([("TZ", "Pacific/Kiritimati"), ("LC_ALL", "C.UTF-8")]);
    }
    let unmet = unmet(tree)?;
    let others: Vec<&str> = unmet
        .iter()
        .map(String::as_str)
        .filter(|name| !RUST.contains(name))
        .collect();
    if !others.is_empty() {
        install(&others)?;
    }
    if others.len() < unmet.len() {
        ensure!(
            have("cargo"),
            "there is no cargo: apt-get install cargo, or see rustup.rs"
        );
        eprintln!("the packages cargo and rustc are missing or too old: building with the cargo on the PATH instead");
        command.arg("-d");
    }
    if !how.test && env::var_os("DEB_BUILD_OPTIONS").is_none() {
        let options = if how.otherwise { "nocheck parallel=1" } else { "nocheck" };
        command.env("DEB_BUILD_OPTIONS", options);
    }
    command
        .env("RUSTUP_HOME", rustup_home())
        // Ours is of the checkout, not of the tree.
        .env_remove("MAKEFLAGS")
        .stdout(file.try_clone()?)
        .stderr(file);
    if !command.status()?.success() {
        bail!("dpkg-buildpackage failed:\n{}\nall of it: {}", tail(log), log.display());
    }
    Ok(())
}

/// What rustup brings as well.
const RUST: [&str; 2] = ["cargo", "rustc"];

/// The packages that a tree's recipe wants and that aren't installed.
fn unmet(tree: &Path) -> Result<Vec<String>> {
    let out = Command::new("dpkg-checkbuilddeps").current_dir(tree).output()?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let list = said.split_once("dependencies: ").map_or("", |(_, list)| list);
    // Versions and alternatives are left out: apt knows the versions, and the first alternative will do.
    let words = list.lines().next().unwrap_or_default().split_whitespace();
    let mut depth = false;
    let mut names = Vec::new();
    for word in words {
        depth |= word.starts_with('(');
        if !depth && word != "|" {
            names.push(word.split(':').next().unwrap_or(word).to_owned());
        }
        depth &= !word.ends_with(')');
    }
    ensure!(out.status.success() || !names.is_empty(), "dpkg-checkbuilddeps: {said}");
    Ok(names)
}

/// Where rustup keeps its compilers, for builds that get another home.
pub fn rustup_home() -> PathBuf {
    env::var_os("RUSTUP_HOME").map_or_else(
        || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".rustup"),
        PathBuf::from,
    )
}
