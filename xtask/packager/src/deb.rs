//! `make deb`: builds the Debian packages from the source archive by the recipe in `packaging/debian`.

use crate::{dist, need_cargo, started, untar, version};
use anyhow::{Context, Result, ensure};
use base::{command, files_in, fresh, install, need_all, output, root};
use std::path::{Path, PathBuf};
use std::{env, fs};

#[derive(clap::Args)]
pub struct Args {
    /// Also run the package's tests
    #[arg(long)]
    test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let folder = root().join("target/deb");
    fresh(&folder)?;
    let archive = dist::make(&root().join("target/dist"))?;
    let how = How {
        test: args.test,
        ..How::default()
    };
    crate::report("deb", &folder, &build(&archive, &folder, how)?)
}

/// How packages are built.
#[derive(Clone, Copy, Default)]
pub struct How {
    /// With the recipe's test step.
    pub test: bool,
    /// Without network.
    pub offline: bool,
    /// With another umask, time zone, locale and number of jobs, to see whether they change the packages.
    pub otherwise: bool,
}

/// Builds source and binary packages from the archive into a folder, and returns the latter.
pub fn build(archive: &Path, folder: &Path, how: How) -> Result<Vec<PathBuf>> {
    tools()?;
    let version = version()?;
    let build = folder.join("build");
    fresh(&build)?;
    let tree = build.join(format!("ironring-{version}"));
    untar(archive, &build)?;
    fs::copy(archive, build.join(format!("ironring_{version}.orig.tar.xz")))?;
    output(&mut command!(
        "cp -r",
        tree.join("packaging/debian"),
        tree.join("debian")
    ))?;
    buildpackage(&tree, how, "-F", &folder.join("build.log"))?;
    for file in files_in(&build)? {
        fs::rename(&file, folder.join(file.file_name().context("a file without a name")?))?;
    }
    let mut built = files_in(folder)?;
    built.retain(|file| file.extension().is_some_and(|end| end == "deb"));
    Ok(built)
}

/// Installs Debian's packaging tools.
pub fn tools() -> Result<()> {
    need_all(&[
        ("dpkg-buildpackage", "dpkg-dev"),
        ("dpkg-checkbuilddeps", "dpkg-dev"),
        ("dh", "debhelper"),
        ("fakeroot", "fakeroot"),
    ])
}

/// Runs dpkg-buildpackage in a tree; its output goes to a log, whose end is shown if it fails.
pub fn buildpackage(tree: &Path, how: How, kind: &str, log: &Path) -> Result<()> {
    let (umask, options) = if how.otherwise {
        ("077", "nocheck parallel=1")
    } else {
        ("022", "nocheck")
    };
    let mut command = started("sh", how.offline);
    let line = format!("umask {umask}; exec dpkg-buildpackage -us -uc {kind} \"$@\"");
    command.args(["-c", &line, "sh"]).current_dir(tree);
    if how.otherwise {
        command.envs([("TZ", "Pacific/Kiritimati"), ("LC_ALL", "C.UTF-8")]);
    }
    let unmet = unmet(tree)?;
    // rustup can provide these instead.
    let rust = |name: &&str| ["cargo", "rustc"].contains(name);
    let (rust, others): (Vec<&str>, Vec<&str>) = unmet.iter().map(String::as_str).partition(rust);
    if !others.is_empty() {
        install(&others)?;
    }
    if !rust.is_empty() {
        need_cargo()?;
        eprintln!("the packages cargo and rustc are missing or too old: building with the cargo on the PATH instead");
        command.arg("-d");
    }
    if !how.test && env::var_os("DEB_BUILD_OPTIONS").is_none() {
        command.env("DEB_BUILD_OPTIONS", options);
    }
    crate::logged(&mut command, log)
}

/// The build dependencies of a tree's recipe that aren't installed.
fn unmet(tree: &Path) -> Result<Vec<String>> {
    let out = command!("dpkg-checkbuilddeps").current_dir(tree).output()?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let list = said.split_once("dependencies: ").map_or("", |(_, list)| list);
    // Without versions, which apt knows; of alternatives, all are named.
    let parts = list.lines().next().unwrap_or_default().split('(');
    let words = parts.flat_map(|part| part.rsplit(')').next().unwrap_or_default().split_whitespace());
    let names = words
        .filter(|word| *word != "|")
        .map(|word| word.split(':').next().unwrap_or(word));
    let names: Vec<String> = names.map(String::from).collect();
    ensure!(out.status.success() || !names.is_empty(), "dpkg-checkbuilddeps: {said}");
    Ok(names)
}
