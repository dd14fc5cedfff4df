//! A checkout inside another project, as projects that bring liburing along have it: without network, with the one
//! crate of the library, and below a `.cargo/config.toml` in which everything is different.

use super::{deb, fresh, started};
use crate::util::{need, output, root};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

const PROJECT: &str = "
[source.crates-io]
replace-with = 'nowhere'
[source.nowhere]
directory = 'nowhere'
[patch.crates-io]
libc = { path = 'nowhere' }
[net]
offline = true
[build]
target = 'wasm32-unknown-unknown'
target-dir = 'elsewhere'
rustc-wrapper = 'nowhere/wrapper'
rustflags = ['--cfg', 'project', '-Clinker-plugin-lto']
[target.'cfg(all())']
linker = 'nowhere/linker'
rustflags = ['-Copt-level=0', '-Cpanic=unwind']
[profile.release]
opt-level = 0
panic = 'unwind'
lto = false
overflow-checks = true
[unstable]
build-std = ['std']
";

const LIBRARIES: [&str; 4] = ["liburing.a", "liburing-ffi.a", "liburing.so.2", "liburing-ffi.so.2"];

pub fn run(folder: &Path) -> Result<String> {
    need("git", "git")?;
    fresh(folder)?;
    let (project, home) = (folder.join("project"), folder.join("home"));
    let tree = project.join("third_party/liburing");
    output(Command::new("git").args(["clone", "--quiet"]).arg(root()).arg(&tree))?;
    fetch(&tree, &home)?;
    make(&tree, &home, "OUT=plain")?;
    fs::create_dir(project.join(".cargo"))?;
    fs::write(project.join(".cargo/config.toml"), PROJECT)?;
    fs::write(project.join("Cargo.toml"), "[workspace]\n")?;
    fs::write(project.join("rust-toolchain.toml"), "[toolchain]\nchannel = '1.56.0'\n")?;
    make(&tree, &home, "OUT=target")?;
    for library in LIBRARIES {
        let [plain, nested] = ["plain", "target"].map(|out| fs::read(tree.join(out).join("lib").join(library)));
        ensure!(plain? == nested?, "the project's configuration has changed {library}");
    }
    Ok("builds the same bytes below another project, from the crate libc alone".into())
}

/// Fills a cargo home with the crates of the library's lock file: one.
fn fetch(tree: &Path, home: &Path) -> Result<()> {
    fs::create_dir(home)?;
    // A mirror that somebody has configured.
    let own = std::env::var_os("CARGO_HOME").map_or_else(
        || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cargo"),
        Into::into,
    );
    for name in ["config.toml", "config"] {
        let _ = fs::copy(own.join(name), home.join(name));
    }
    let mut cargo = Command::new("cargo");
    cargo
        .args(["fetch", "--quiet", "--locked"])
        .current_dir(tree)
        .env("CARGO_HOME", home);
    output(&mut cargo)?;
    let mut crates = Vec::new();
    for registry in fs::read_dir(home.join("registry/cache"))? {
        for file in fs::read_dir(registry?.path())? {
            crates.push(file?.file_name().to_string_lossy().into_owned());
        }
    }
    ensure!(
        crates.len() == 1 && crates[0].starts_with("libc-"),
        "the library needs more crates than libc: {crates:?}; tools belong into the workspace of xtask/Cargo.toml"
    );
    Ok(())
}

fn make(tree: &Path, home: &Path, out: &str) -> Result<()> {
    let mut make = started("make", true);
    make.args(["-s", out]).current_dir(tree).env_remove("MAKEFLAGS");
    make.env("CARGO_HOME", home).env("RUSTUP_HOME", deb::rustup_home());
    output(&mut make).with_context(|| format!("make {out} in {}", tree.display()))?;
    Ok(())
}
