//! `cargo xtask builds`: the projects of `test-c/build` (make with pkg-config, CMake, Meson; shared and static) on what
//! `make install` installs, in a folder that is not the one it was installed for.

use crate::install;
use crate::package::fresh;
use crate::util::{need_all, root, show, stdout};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// Show that the projects notice an installation that is wrong
    #[arg(long)]
    self_test: bool,
}

/// Where the libraries lie below the prefix.
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
        print!(
            "{}",
            said.lines()
                .fold(String::new(), |all, line| all + name + ": " + line + "\n")
        );
        programs += said.lines().count();
    }
    if args.self_test {
        plants(&scratch)?;
    }
    println!("builds: {programs} programs built and run, by make with pkg-config, CMake and Meson");
    Ok(())
}

/// What the projects are built with.
pub fn tools() -> Result<()> {
    need_all(&[
        ("pkg-config", "pkg-config"),
        ("cmake", "cmake"),
        ("meson", "meson"),
        ("ninja", "ninja-build"),
        ("cc", "gcc"),
    ])
}

/// Installs for `/opt/ironring`, then moves it elsewhere: what CMake and pkg-config are told must not depend on it.
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
    let mut run = Command::new(root().join("test-c/build/run"));
    run.arg(work)
        .env("PKG_CONFIG_LIBDIR", lib.join("pkgconfig"))
        .env("CMAKE_PREFIX_PATH", top)
        .env("LD_LIBRARY_PATH", &lib)
        .env_remove("SYSTEMS");
    // As one says to pkg-config that a tree has moved.
    run.env(
        "PKG_CONFIG",
        format!("pkg-config --define-variable=prefix={}", top.display()),
    );
    run
}

/// Each of these makes the installation wrong, and the projects must not build.
fn plants(scratch: &Path) -> Result<()> {
    let (name, libdir) = LAYOUTS[0];
    let top = scratch.join(name).join("moved");
    let plants = [
        ("cmake", "cmake/liburing/liburingConfigVersion.cmake", "FALSE", "TRUE"),
        ("cmake", "cmake/liburing/liburingConfig.cmake", "/include", "/includes"),
        ("make", "pkgconfig/liburing.pc", "Version: 2", "Version: 3"),
        ("meson", "pkgconfig/liburing-ffi.pc", "-luring-ffi", "-luring-fff"),
    ];
    for (system, file, right, wrong) in plants {
        let path = top.join(libdir).join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(
            text.contains(right),
            "{file} has no {right} any more: mend this self-test"
        );
        fs::write(&path, text.replace(right, wrong))?;
        let mut run = projects(&top, libdir, &scratch.join("plant"));
        let out = run.env("SYSTEMS", system).output().with_context(|| show(&run))?;
        ensure!(!out.status.success(), "the projects don't notice a wrong {file}");
        fs::write(&path, text)?;
        fs::remove_dir_all(scratch.join("plant"))?;
    }
    println!("self-test: {} wrong installations, all noticed", plants.len());
    Ok(())
}
