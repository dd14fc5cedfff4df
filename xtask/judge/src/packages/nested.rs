//! Builds a checkout inside another project, as in projects that vendor liburing: without network, with the library's
//! one dependency, and below a `.cargo/config.toml` in which every setting differs.

use anyhow::{Context, Result, ensure};
use base::{command, fresh, need, output, root};
use packager::started;
use std::fs;
use std::path::Path;

const LIBRARIES: [&str; 6] = [
    "lib/liburing.a",
    "lib/liburing-ffi.a",
    "lib/liburing.so.2",
    "lib/liburing-ffi.so.2",
    "engine/lib/liburing.so.2",
    "engine/lib/liburing-ffi.so.2",
];

pub fn run(folder: &Path) -> Result<String> {
    need("git", "git")?;
    fresh(folder)?;
    let (project, home) = (folder.join("project"), folder.join("home"));
    let tree = project.join("third_party/liburing");
    output(&mut command!("git clone --quiet", root(), &tree))?;
    fetch(&tree, &home)?;
    make(&tree, &home, "OUT=plain")?;
    fs::create_dir(project.join(".cargo"))?;
    fs::copy(
        root().join("test-c/build/project.toml"),
        project.join(".cargo/config.toml"),
    )?;
    fs::write(project.join("Cargo.toml"), "[workspace]\n")?;
    fs::write(project.join("rust-toolchain.toml"), "[toolchain]\nchannel = '1.56.0'\n")?;
    make(&tree, &home, "OUT=target")?;
    for library in LIBRARIES {
        let [plain, nested] = ["plain", "target"].map(|out| fs::read(tree.join(out).join(library)));
        ensure!(
            plain? == nested?,
            "the surrounding project's configuration changes {library}"
        );
    }
    Ok("builds the same bytes below another project, from the crate libc alone".into())
}

/// Fills a cargo home with the crates of the library's lock file, which must be libc alone.
fn fetch(tree: &Path, home: &Path) -> Result<()> {
    packager::cargo_settings(home)?;
    output(
        command!("cargo fetch --quiet --locked")
            .current_dir(tree)
            .env("CARGO_HOME", home),
    )?;
    let mut crates = Vec::new();
    for registry in fs::read_dir(home.join("registry/cache"))? {
        for file in fs::read_dir(registry?.path())? {
            crates.push(file?.file_name().to_string_lossy().into_owned());
        }
    }
    ensure!(
        crates.len() == 1 && crates[0].starts_with("libc-"),
        "the library needs more crates than libc: {crates:?}; tools belong in the workspace of xtask/Cargo.toml"
    );
    Ok(())
}

fn make(tree: &Path, home: &Path, out: &str) -> Result<()> {
    let mut make = started("make", true);
    make.args(["-s", out]).current_dir(tree).env("CARGO_HOME", home);
    output(&mut make).with_context(|| format!("make {out} in {}", tree.display()))?;
    Ok(())
}
