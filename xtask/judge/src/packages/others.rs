//! The recipes for Arch and Alpine pass shellcheck, their functions run, and they pack what `make install` installs.
//! And Meson's.

use crate::install;
use anyhow::{Context, Result, bail, ensure};
use base::{command, files_in, fresh, need, need_all, output, root, stdout};
use packager::{copy_into, sha256, started, untar, version};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Builds with Arch's own makepkg.
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
    // makepkg reads and sets some variables, and stops at a failing `cd`.
    shellcheck(&recipe, "bash", "SC2034,SC2154,SC2164")?;
    copy_into(&recipe, folder)?;
    copy_into(archive, folder)?;
    // makepkg refuses to run as root, and another user couldn't read root's compiler: in this namespace root is user
    // 1000.
    let mut makepkg = started("unshare", false);
    makepkg.args(["--map-user=1000", "--map-group=1000", "--net"]);
    makepkg.args(["makepkg", "--nodeps", "--force", "--nocheck"]);
    build(makepkg.env("PKGDEST", folder), folder)?;
    let built = files_in(folder)?;
    let package = |start: String| -> Result<(&Path, BTreeSet<String>)> {
        let package = built.iter().find(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&start) && name.contains(".pkg.tar")
        });
        let package = package.with_context(|| format!("makepkg built no package {start}*"))?;
        let list = stdout(&mut command!("bsdtar -tf", package))?;
        let files = list
            .lines()
            .filter(|file| !file.ends_with('/') && !file.starts_with('.') && !file.contains("/licenses/"))
            // makepkg compresses the pages.
            .map(|file| format!("/{}", file.trim_end_matches(".gz")));
        Ok((package, files.collect()))
    };
    let version = version()?;
    let (main, mut files) = package(format!("ironring-{version}"))?;
    let (_, engine) = package(format!("ironring-engine-{version}"))?;
    let in_engine = |file: &&String| file.starts_with("/usr/lib/ironring/");
    let misplaced: Vec<&String> = files
        .iter()
        .filter(in_engine)
        .chain(engine.iter().filter(|file| !in_engine(file)))
        .collect();
    ensure!(
        misplaced.is_empty(),
        "files in the wrong one of the Arch packages: {misplaced:?}"
    );
    files.extend(engine);
    let count = same(&files, folder, "PKGBUILD")?;
    let info = stdout(&mut command!("bsdtar -xOf", main, ".PKGINFO"))?;
    for line in [
        "provides = liburing=2.",
        // From makepkg 7 on, only the one on Arch adds the version, 2-64.
        "provides = liburing.so",
        "conflict = liburing",
    ] {
        ensure!(info.contains(line), "the Arch package lacks \"{line}\":\n{info}");
    }
    Ok(format!("built by makepkg, the {count} files of make install"))
}

/// Runs the functions of the APKBUILD as abuild would.
pub fn alpine(archive: &Path, folder: &Path) -> Result<String> {
    fresh(folder)?;
    let recipe = root().join("packaging/alpine/APKBUILD");
    shellcheck(&recipe, "sh", "SC2034,SC2154")?;
    untar(archive, folder)?;
    let tree = folder.join(format!("ironring-{}", version()?));
    let top = folder.join("pkg");
    build(
        started("sh", true).args([&root().join("test-c/build/abuild.sh"), &tree, &top]),
        folder,
    )?;
    let count = same(&install::tree(&top)?, folder, "APKBUILD")?;
    Ok(format!(
        "its functions run by sh (no abuild here), the {count} files of make install"
    ))
}

/// A Meson project that has the library as a subproject.
pub fn meson(archive: &Path, folder: &Path) -> Result<String> {
    need_all(&[("meson", "meson"), ("ninja", "ninja-build")])?;
    fresh(folder)?;
    let (ours, tests) = (root().join("packaging/meson"), root().join("test-c/build"));
    let project = folder.join("project");
    let subprojects = project.join("subprojects");
    fs::create_dir_all(&subprojects)?;
    fs::copy(tests.join("wrap.build"), project.join("meson.build"))?;
    copy_into(&tests.join("nop.c"), &project)?;
    output(&mut command!("cp -r", ours.join("packagefiles"), &subprojects))?;
    copy_into(archive, &subprojects.join("packagefiles"))?;
    let wrap = fs::read_to_string(ours.join("liburing.wrap"))?.replace("@SHA256@", &sha256(archive)?);
    fs::write(subprojects.join("liburing.wrap"), wrap)?;
    for words in ["setup --wrap-mode=forcefallback build project", "compile -C build"] {
        build(started("meson", true).args(words.split(' ')), folder)?;
    }
    let built = folder.join("build");
    let found = stdout(&mut command!(
        "find",
        &built,
        "-path",
        "*dist*",
        "-name",
        "liburing.so.2"
    ))?;
    let library = found.lines().next().context("the subproject has built no library")?;
    let lib = Path::new(library).parent().context("a library without a folder")?;
    let said = stdout(Command::new(built.join("nop")).env("LD_LIBRARY_PATH", lib))?;
    ensure!(version()?.starts_with(said.trim()), "the program prints version {said}");
    Ok("a project builds with the archive as its subproject, and runs".into())
}

/// Builds with an empty `CARGO_HOME`.
fn build(command: &mut Command, folder: &Path) -> Result<()> {
    command.env("CARGO_HOME", folder.join("cargo"));
    output(command.current_dir(folder)).map(drop)
}

fn shellcheck(recipe: &Path, shell: &str, but: &str) -> Result<()> {
    need("shellcheck", "shellcheck")?;
    output(&mut command!("shellcheck -s", shell, "-e", but, recipe)).map(drop)
}

/// Checks that a recipe packs what `make install` installs from the checkout; returns the number of files.
fn same(ours: &BTreeSet<String>, folder: &Path, recipe: &str) -> Result<usize> {
    let top = folder.join("reference");
    install::make("install", &top, &[])?;
    let wanted = install::tree(&top)?;
    if *ours != wanted {
        let some = |files: Vec<&str>| format!("{} ({} …)", files.len(), files[..files.len().min(5)].join(" "));
        bail!(
            "{recipe} packs different files than make install installs: missing {}, extra {}",
            some(wanted.difference(ours).map(String::as_str).collect()),
            some(ours.difference(&wanted).map(String::as_str).collect())
        );
    }
    Ok(ours.len())
}
