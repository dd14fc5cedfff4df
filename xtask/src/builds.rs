//! `cargo xtask builds`: the projects of `test-c/build` (make with pkg-config, CMake, Meson; shared and static) on what
//! `make install` installs, in a folder that is not the one it was installed for; and `test-c/build/vendored`, on this
//! source in the place of the original's.

use crate::install;
use crate::package::fresh;
use crate::util::{lib_dir, need_all, output, root, show, stdout};
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
    println!("vendored: {}", vendored(&scratch.join("vendored"))?.trim());
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

/// What is exported where other projects are built. `HERE` becomes a folder that nothing may be lost from.
const ENVIRONMENT: [(&str, &str); 37] = [
    ("AR", "/bin/false"),
    ("BUILD", "Release"),
    ("CARGO", "/bin/false"),
    ("CARGO_BUILD_RUSTC_WRAPPER", "/bin/false"),
    ("CARGO_BUILD_RUSTFLAGS", "-Copt-level=0"),
    ("CARGO_BUILD_TARGET", "wasm32-unknown-unknown"),
    ("CARGO_BUILD_TARGET_DIR", "HERE"),
    ("CARGO_ENCODED_RUSTFLAGS", "-Clinker-plugin-lto"),
    ("CARGO_INCREMENTAL", "1"),
    ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_PANIC", "unwind"),
    ("CARGO_TARGET_DIR", "HERE"),
    ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-Cpanic=unwind"),
    ("CFLAGS", "-O0 -fsanitize=address"),
    ("CONFIG", "Release"),
    ("CONFIGURED", "HERE/"),
    ("CROSS", "nowhere-"),
    ("DEBUG", "1"),
    ("ENABLE_CMAKE", "0"),
    ("ENABLE_SHARED", "0"),
    ("INSTALL", "/bin/false"),
    ("LD", "ld.lld"),
    ("LIB", "HERE"),
    ("OBJCOPY", "/bin/false"),
    ("OUT", "HERE"),
    ("PLACE", "HERE"),
    ("RUSTC_WRAPPER", "/bin/false"),
    ("RUSTC_WORKSPACE_WRAPPER", "/bin/false"),
    ("RUSTFLAGS", "-Clinker-plugin-lto -Cpanic=unwind -Copt-level=0"),
    ("TARGET", "release"),
    ("USE_LIBC", "1"),
    ("WORK", "HERE"),
    ("includedir", "HERE/include"),
    ("libdir", "HERE/lib"),
    ("prefix", "HERE"),
];

/// A copy of this source in the place of the original's, with the settings of the project around it in the environment;
/// what is built there are the same libraries.
fn vendored(folder: &Path) -> Result<String> {
    let (tree, work) = (folder.join("liburing"), folder.join("project"));
    fresh(&tree)?;
    fresh(&work)?;
    fs::write(work.join("precious"), "")?;
    let mut copy = Command::new("find");
    copy.args([
        "-mindepth",
        "1",
        "-maxdepth",
        "1",
        "!",
        "-name",
        "target",
        "!",
        "-name",
        ".git",
    ])
    .args(["!", "-name", "config*.m*k", "-exec", "cp", "-a", "{}"]);
    output(copy.arg(&tree).arg(";").current_dir(root()))?;
    let mut run = Command::new(root().join("test-c/build/vendored"));
    run.args([&tree, &work]).env_remove("MAKEFLAGS").env_remove("CC");
    for (name, value) in ENVIRONMENT {
        run.env(name, value.replace("HERE", &work.display().to_string()));
    }
    let said = stdout(&mut run)?;
    for name in ["liburing.so", "liburing-ffi.so"] {
        let name = format!("{name}.{}", crate::peer::NEWEST);
        ensure!(
            fs::read(work.join(&name))? == fs::read(lib_dir().join(&name))?,
            "{name}, built in another folder, isn't the one of {}",
            lib_dir().display()
        );
    }
    Ok(said)
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
        ("make", "pkgconfig/liburing-ffi.pc", "/liburing/ffi", ""),
        ("cmake", "cmake/liburing/liburingConfig.cmake", "/liburing/ffi", ""),
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
