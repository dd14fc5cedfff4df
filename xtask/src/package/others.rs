//! The recipes for Arch and Alpine: shellcheck has nothing to say, their functions run, and what they pack is what
//! `make install` installs.

use super::{fresh, started, untar, version};
use crate::install;
use crate::util::{need, need_all, output, root, stdout};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What makepkg does, it does as no root; as another user root's compiler couldn't be read. Seen from this name space
/// root is user 1000.
const NOT_ROOT: [&str; 3] = ["--map-user=1000", "--map-group=1000", "--net"];

/// What abuild would do with an APKBUILD: there is no abuild in Debian.
const ABUILD: &str = r#"
set -eu
cd "$1"
pkgdir=$2
. ./packaging/alpine/APKBUILD
default_dev() { :; }
build
package
dev
for field in pkgname pkgver pkgrel pkgdesc url arch license source provides replaces subpackages; do
	eval "test -n \"\$$field\"" || { echo "APKBUILD sets no $field"; exit 1; }
done
"#;

/// Builds by Arch's makepkg itself.
pub fn arch(archive: &Path, folder: &Path) -> Result<String> {
    need_all(&[
        ("makepkg", "makepkg"),
        // What makepkg calls.
        ("pacman", "pacman-package-manager"),
        ("bsdtar", "libarchive-tools"),
        ("fakeroot", "fakeroot"),
    ])?;
    fresh(folder)?;
    let recipe = root().join("packaging/arch/PKGBUILD");
    // The variables that only makepkg reads, the arrays that it expands.
    shellcheck(&recipe, "bash", "SC2034,SC2154,SC2164")?;
    fs::copy(&recipe, folder.join("PKGBUILD"))?;
    fs::copy(
        archive,
        folder.join(archive.file_name().context("an archive without a name")?),
    )?;
    let mut makepkg = Command::new("unshare");
    makepkg
        .args(NOT_ROOT)
        .args(["makepkg", "--nodeps", "--force", "--nocheck"]);
    makepkg
        .current_dir(folder)
        .env("PKGDEST", folder)
        .env("RUSTUP_HOME", super::deb::rustup_home());
    output(makepkg.env("CARGO_HOME", folder.join("cargo")).env_remove("MAKEFLAGS"))?;
    let built = super::files_in(folder)?;
    let package = built
        .iter()
        .find(|file| file.to_string_lossy().contains(".pkg.tar"))
        .context("makepkg has made no package")?;
    let list = stdout(Command::new("bsdtar").arg("-tf").arg(package))?;
    let files: BTreeSet<String> = list
        .lines()
        .filter(|file| !file.ends_with('/') && !file.starts_with('.') && !file.contains("/licenses/"))
        // It compresses the pages.
        .map(|file| format!("/{}", file.trim_end_matches(".gz")))
        .collect();
    same(&files, &installed(folder)?, "PKGBUILD")?;
    let info = stdout(Command::new("bsdtar").arg("-xOf").arg(package).arg(".PKGINFO"))?;
    for line in [
        "provides = liburing=2.",
        // From makepkg 7 on only Arch's own adds the version, 2-64.
        "provides = liburing.so",
        "conflict = liburing",
    ] {
        ensure!(info.contains(line), "the Arch package lacks \"{line}\":\n{info}");
    }
    Ok(format!("built by makepkg, the {} files of make install", files.len()))
}

/// Runs the functions of the APKBUILD as abuild would.
pub fn alpine(archive: &Path, folder: &Path) -> Result<String> {
    fresh(folder)?;
    let recipe = root().join("packaging/alpine/APKBUILD");
    shellcheck(&recipe, "sh", "SC2034,SC2154")?;
    untar(archive, folder)?;
    let tree = folder.join(format!("ironring-{}", version()?));
    let top = folder.join("pkg");
    let mut run = started("sh", true);
    run.args(["-c", ABUILD, "sh"]).args([&tree, &top]);
    run.env("RUSTUP_HOME", super::deb::rustup_home())
        .env("CARGO_HOME", folder.join("cargo"));
    output(run.env_remove("MAKEFLAGS"))?;
    let files = install::tree(&top)?;
    same(&files, &installed(folder)?, "APKBUILD")?;
    Ok(format!(
        "its functions run by sh (no abuild here), the {} files of make install",
        files.len()
    ))
}

/// A project of Meson that brings the library along as a subproject.
pub fn meson(archive: &Path, folder: &Path) -> Result<String> {
    need_all(&[("meson", "meson"), ("ninja", "ninja-build")])?;
    fresh(folder)?;
    let (ours, project) = (root().join("packaging/meson"), folder.join("project"));
    let subprojects = project.join("subprojects");
    let build = folder.join("build");
    fs::create_dir_all(&subprojects)?;
    fs::copy(root().join("test-c/build/wrap.build"), project.join("meson.build"))?;
    fs::copy(root().join("test-c/build/nop.c"), project.join("nop.c"))?;
    output(
        Command::new("cp")
            .arg("-r")
            .arg(ours.join("packagefiles"))
            .arg(&subprojects),
    )?;
    let name = archive.file_name().context("an archive without a name")?;
    fs::copy(archive, subprojects.join("packagefiles").join(name))?;
    let sum = stdout(Command::new("sha256sum").arg(archive))?;
    let sum = sum.split(' ').next().unwrap_or_default();
    let wrap = fs::read_to_string(ours.join("liburing.wrap"))?;
    fs::write(subprojects.join("liburing.wrap"), wrap.replace("@SHA256@", sum))?;
    for args in [
        &["setup", "--wrap-mode=forcefallback", "build", "project"][..],
        &["compile", "-C", "build"],
    ] {
        let mut run = started("meson", true);
        run.args(args)
            .current_dir(folder)
            .env("RUSTUP_HOME", super::deb::rustup_home());
        output(run.env("CARGO_HOME", folder.join("cargo")).env_remove("MAKEFLAGS"))?;
    }
    let found = stdout(
        Command::new("find")
            .arg(&build)
            .args(["-path", "*dist*", "-name", "liburing.so.2"]),
    )?;
    let library = Path::new(
        found
            .lines()
            .next()
            .context("the subproject has built no liburing.so.2")?,
    );
    let lib = library.parent().context("a library without a folder")?;
    let said = stdout(Command::new(build.join("nop")).env("LD_LIBRARY_PATH", lib))?;
    ensure!(version()?.starts_with(said.trim()), "the program says {said}");
    Ok("a project builds with the archive as its subproject, and runs".into())
}

fn shellcheck(recipe: &Path, shell: &str, but: &str) -> Result<()> {
    need("shellcheck", "shellcheck")?;
    output(Command::new("shellcheck").args(["-s", shell, "-e", but]).arg(recipe))?;
    Ok(())
}

/// What `make install` installs from the checkout.
fn installed(folder: &Path) -> Result<BTreeSet<String>> {
    let top = folder.join("reference");
    install::make("install", &top, &[])?;
    install::tree(&top)
}

fn same(ours: &BTreeSet<String>, wanted: &BTreeSet<String>, recipe: &str) -> Result<()> {
    if ours != wanted {
        let some = |files: Vec<&str>| format!("{} ({} …)", files.len(), files[..files.len().min(5)].join(" "));
        bail!(
            "{recipe} packs other files than make install installs: missing {}, too many {}",
            some(wanted.difference(ours).map(String::as_str).collect()),
            some(ours.difference(wanted).map(String::as_str).collect())
        );
    }
    Ok(())
}
