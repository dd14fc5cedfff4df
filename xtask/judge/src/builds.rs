//! `cargo xtask builds`: build the projects of `test-c/build` (make with pkg-config, CMake, Meson; shared and static)
//! with what `make install` installs, moved out of its prefix; and `test-c/build/vendored`, with this source in place
//! of the original's.

use crate::install;
use anyhow::{Context, Result, ensure};
use base::{command, fault, fresh, lib_dir, need_all, output, root, stdout};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// Also introduce faults into the installation; the projects must fail
    #[arg(long)]
    self_test: bool,
}

/// Layouts, and where the libraries are below the prefix.
const LAYOUTS: [(&str, &str); 2] = [("debian", "lib/x86_64-linux-gnu"), ("plain", "lib")];

pub fn run(args: &Args) -> Result<()> {
    tools()?;
    let scratch = root().join("target/builds");
    fresh(&scratch)?;
    let mut programs = 0;
    for (name, libdir) in LAYOUTS {
        let folder = scratch.join(name);
        let top = installed(&folder, libdir)?;
        let said = stdout(&mut projects(&top, libdir, &folder.join("work")))?;
        said.lines().for_each(|line| println!("{name}: {line}"));
        programs += said.lines().count();
    }
    println!("vendored: {}", vendored(&scratch.join("vendored"))?.trim());
    if args.self_test {
        self_test(&scratch)?;
    }
    println!("builds: {programs} programs built and run, by make with pkg-config, CMake and Meson");
    Ok(())
}

/// Installs what the projects are built with.
pub fn tools() -> Result<()> {
    need_all(&[
        ("pkg-config", "pkg-config"),
        ("cmake", "cmake"),
        ("meson", "meson"),
        ("ninja", "ninja-build"),
        ("cc", "gcc"),
    ])
}

/// Installs for `/opt/ironring`, then moves the tree: the files for CMake and pkg-config must not depend on the prefix.
fn installed(folder: &Path, libdir: &str) -> Result<PathBuf> {
    let staged = folder.join("staged");
    let lib = format!("libdir=/opt/ironring/{libdir}");
    let settings = [
        "prefix=/opt/ironring",
        "includedir=/opt/ironring/include",
        &lib,
        "mandir=/opt/ironring/man",
    ];
    install::make("install", &staged, &settings)?;
    let moved = folder.join("moved");
    fs::rename(staged.join("opt/ironring"), &moved).context("make install ignores prefix")?;
    Ok(moved)
}

fn projects(top: &Path, libdir: &str, work: &Path) -> Command {
    let lib = top.join(libdir);
    let mut run = command!("sh", root().join("test-c/build/run"), work);
    run.env("PKG_CONFIG_LIBDIR", lib.join("pkgconfig"))
        .env("CMAKE_PREFIX_PATH", top)
        .env("LD_LIBRARY_PATH", &lib)
        .env_remove("SYSTEMS");
    // Tells pkg-config that the tree has moved.
    run.env(
        "PKG_CONFIG",
        format!("pkg-config --define-variable=prefix={}", top.display()),
    );
    run
}

/// Builds a copy of this source in place of the original's, with the settings of the enclosing project in the
/// environment; the libraries must be the same as ours.
fn vendored(folder: &Path) -> Result<String> {
    let (tree, work) = (folder.join("liburing"), folder.join("project"));
    fresh(&tree)?;
    fresh(&work)?;
    fs::write(work.join("precious"), "")?;
    let mut copy =
        command!("find -mindepth 1 -maxdepth 1 ! -name target ! -name .git ! -name config*.m*k -exec cp -a {}");
    output(copy.arg(&tree).arg(";").current_dir(root()))?;
    let mut run = command!("sh", root().join("test-c/build/vendored"), &tree, &work);
    run.env_remove("MAKEFLAGS").env_remove("CC");
    let environment = fs::read_to_string(root().join("test-c/build/environment"))?;
    for (name, value) in environment.lines().filter_map(|line| line.split_once('=')) {
        run.env(name, value.replace("HERE", &work.display().to_string()));
    }
    let said = stdout(&mut run)?;
    for name in ["liburing.so", "liburing-ffi.so"] {
        let name = format!("{name}.{}", crate::peer::NEWEST);
        ensure!(
            fs::read(work.join(&name))? == fs::read(lib_dir().join(&name))?,
            "{name} built from a copy of the source differs from the one in {}; if that is stale: make",
            lib_dir().display()
        );
    }
    Ok(said)
}

/// Faults of the installation: the build system that must notice, what its project then prints, and the change.
const FAULTS: [(&str, &str, fault::Change); 6] = [
    (
        "cmake",
        FAILED,
        ("cmake/liburing/liburingConfigVersion.cmake", "FALSE", "TRUE"),
    ),
    (
        "cmake",
        FAILED,
        ("cmake/liburing/liburingConfig.cmake", "/include", "/includes"),
    ),
    ("make", FAILED, ("pkgconfig/liburing.pc", "Version: 2", "Version: 3")),
    (
        "meson",
        FAILED,
        ("pkgconfig/liburing-ffi.pc", "-luring-ffi", "-luring-fff"),
    ),
    ("make", INLINED, ("pkgconfig/liburing-ffi.pc", "/liburing/ffi", "")),
    (
        "cmake",
        INLINED,
        ("cmake/liburing/liburingConfig.cmake", "/liburing/ffi", ""),
    ),
];
const FAILED: &str = "build: ";
const INLINED: &str = "compiles the helpers into itself";

fn self_test(scratch: &Path) -> Result<()> {
    let (name, libdir) = LAYOUTS[0];
    let (right, wrong) = (scratch.join(name).join("moved"), scratch.join("wrong"));
    for (system, words, (file, old, new)) in FAULTS {
        fault::copy(&right, &wrong, &[(&format!("{libdir}/{file}"), old, new)])?;
        let work = scratch.join("fault");
        fault::expect(&format!("{file}: {old:?} is {new:?}"), words, || {
            output(projects(&wrong, libdir, &work).env("SYSTEMS", system)).map(drop)
        })?;
        fs::remove_dir_all(&work)?;
    }
    Ok(())
}
