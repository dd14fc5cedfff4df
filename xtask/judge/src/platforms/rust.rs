//! Rust 1.85 from Debian trixie, with the libraries for other processors: this machine's Rust may lack those, and 1.85
//! is the oldest that the library builds with. It is unpacked, not installed: its own dynamic loader runs its programs.

use crate::peer;
use anyhow::{Context, Result, ensure};
use base::{root, stdout};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const ARCHITECTURES: [&str; 5] = ["amd64", "arm64", "riscv64", "ppc64el", "i386"];

/// A `cargo` that uses that Rust.
pub fn cargo() -> Result<PathBuf> {
    ensure!(
        cfg!(all(target_arch = "x86_64", target_os = "linux")),
        "Debian's Rust is fetched for x86-64 machines only"
    );
    let dir = root().join("target/platforms/rust");
    peer::packages(&["trixie"], &ARCHITECTURES, &dir, |apt| {
        let mut names = apt.closure(&["rustc", "cargo"])?;
        names.retain(|name| !of_the_c_compiler(name));
        let foreign = ARCHITECTURES[1..].iter();
        names.extend(foreign.map(|architecture| format!("libstd-rust-dev:{architecture}")));
        Ok(names)
    })
    .context("no Rust 1.85 for other processors")?;
    let usr = dir.join("deb/usr");
    let bin = dir.join("bin");
    fs::create_dir_all(&bin)?;
    let rustc = wrapper(&usr, &bin, "rustc", "")?;
    let cargo = wrapper(&usr, &bin, "cargo", &format!("RUSTC='{}' ", rustc.display()))?;
    let version = stdout(Command::new(&rustc).arg("--version"))?;
    ensure!(
        version.starts_with("rustc 1.85."),
        "trixie's Rust is {version}, not 1.85"
    );
    Ok(cargo)
}

/// rustc's package depends on a C compiler to link programs; this machine's does that.
fn of_the_c_compiler(package: &str) -> bool {
    const BEGINNINGS: [&str; 6] = ["binutils", "cpp", "gcc", "libgcc-1", "libc6-dev", "linux-libc-dev"];
    BEGINNINGS.iter().any(|start| package.starts_with(start)) && !package.starts_with("gcc-14-base")
}

fn wrapper(usr: &Path, bin: &Path, name: &str, settings: &str) -> Result<PathBuf> {
    let path = bin.join(name);
    let usr = usr.display();
    fs::write(
        &path,
        format!(
            "#!/bin/sh\n{settings}exec '{usr}/lib64/ld-linux-x86-64.so.2' --library-path '{usr}/lib/x86_64-linux-gnu' \
             '{usr}/bin/{name}' \"$@\"\n"
        ),
    )?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}
