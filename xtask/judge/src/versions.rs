//! `cargo xtask versions`: checks that all files name the same release. `src/version.rs` defines it; headers, symbol
//! maps, Makefile, .pc and CMake files are generated from that, and what people write by hand is compared here.

use crate::{install, peer};
use anyhow::{Context, Result, ensure};
use base::compile::{self, Compile as _};
use base::{command, fresh, lib_dir, root, stdout, table};
use std::fs;
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {}

/// A file, and the text before the release in it: `2.15.0`, or liburing's `2.15`.
const WRITTEN: [(&str, &str); 25] = [
    ("Cargo.toml", "\nversion = \""),
    ("Cargo.toml", "\nironring-abi = { version = \"="),
    ("Cargo.toml", "\nironring-half = { version = \"="),
    ("Cargo.toml", "\nironring-linux = { version = \"="),
    ("Cargo.toml", "\nironring-engine = { version = \"="),
    ("Cargo.lock", "name = \"ironring-half\"\nversion = \""),
    ("Cargo.lock", "name = \"ironring-linux\"\nversion = \""),
    ("Cargo.lock", "name = \"ironring-abi\"\nversion = \""),
    ("Cargo.lock", "name = \"ironring\"\nversion = \""),
    ("xtask/Cargo.lock", "name = \"ironring-half\"\nversion = \""),
    ("xtask/Cargo.lock", "name = \"ironring-linux\"\nversion = \""),
    ("xtask/Cargo.lock", "name = \"ironring-abi\"\nversion = \""),
    ("xtask/Cargo.lock", "name = \"ironring\"\nversion = \""),
    ("crates/tool/Cargo.toml", "\nversion = \""),
    ("crates/tool/Cargo.lock", "name = \"ironring-tool\"\nversion = \""),
    ("CHANGELOG.md", "\n## "),
    ("README.md", "\nCompatible with liburing 2.0 through "),
    ("packaging/debian/changelog", "ironring ("),
    ("packaging/rpm/ironring.spec", "\nVersion:        "),
    ("packaging/rpm/ironring.spec", "@ironring.invalid> - "),
    ("packaging/arch/PKGBUILD", "\npkgver="),
    ("packaging/alpine/APKBUILD", "\npkgver="),
    ("packaging/meson/liburing.wrap", "directory = ironring-"),
    ("packaging/meson/liburing.wrap", "source_filename = ironring-"),
    ("packaging/meson/packagefiles/ironring/meson.build", "version: '"),
];

/// The same for installed files.
const INSTALLED: [(&str, &str); 3] = [
    ("lib/pkgconfig/liburing.pc", "\nVersion: "),
    ("lib/pkgconfig/liburing-ffi.pc", "\nVersion: "),
    (
        "lib/cmake/liburing/liburingConfigVersion.cmake",
        "set(PACKAGE_VERSION \"",
    ),
];

pub fn run(_args: &Args) -> Result<()> {
    let release = packager::version()?;
    let short = short(&release);
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    let mut saw = |place: &str, found: &str| {
        let same = agree(found, &release);
        let verdict = if same { "" } else { "WRONG" };
        rows.push(vec![place.to_owned(), found.to_owned(), verdict.to_owned()]);
        if !same {
            wrong.push(place.to_owned());
        }
    };
    for (file, before) in WRITTEN {
        let text = fs::read_to_string(root().join(file)).with_context(|| file.to_owned())?;
        saw(file, &written(&text, before).with_context(|| file.to_owned())?);
    }
    saw("xtask/judge/src/peer.rs: NEWEST", peer::NEWEST);
    let make = stdout(command!("make -sn -p help").current_dir(root()))?;
    let variable = |name: &str| {
        let line = make.lines().find_map(|line| line.strip_prefix(&format!("{name} := ")));
        line.unwrap_or_default().to_owned()
    };
    saw("Makefile: VERSION", &variable("VERSION"));
    ensure!(
        release.starts_with(&format!("{}.", variable("SOVERSION"))),
        "Makefile: SOVERSION is {:?}, and the release {release}",
        variable("SOVERSION")
    );

    let top = root().join("target/versions");
    fresh(&top)?;
    let settings = ["libdir=/lib", "libdevdir=/lib", "includedir=/include", "mandir=/man"];
    install::make("install", &top, &settings)?;
    for (file, before) in INSTALLED {
        let text = fs::read_to_string(top.join(file))?;
        saw(&format!("installed {file}"), &written(&text, before)?);
    }
    for name in ["liburing", "liburing-ffi"] {
        let file = lib_dir().join(format!("{name}.so.{short}"));
        ensure!(file.exists(), "there is no {}; to mend: make", file.display());
        let dynamic = stdout(&mut command!("readelf -dW", &file))?;
        let soname = format!("[{name}.so.{}]", short.split('.').next().unwrap_or_default());
        ensure!(
            dynamic.contains(&soname),
            "{}: the soname isn't {soname}",
            file.display()
        );
        // The version that a program built with our headers gets from the library.
        let program = top.join(name);
        let mut cc = compile::program("test-c/build/nop.c")?;
        cc.include(top.join("include"))
            .library(top.join(format!("lib/{name}.so")))
            .to(&program)?;
        let said = stdout(&mut Command::new(&program))?;
        saw(&format!("{name}.so at run time"), said.trim());
    }
    table(&["where", "release", ""], &rows);
    ensure!(
        wrong.is_empty(),
        "these name another release than Cargo.toml ({release}): {}",
        wrong.join(", ")
    );
    println!("versions: {} places agree on {release}", rows.len());
    Ok(())
}

/// liburing's part of our release.
fn short(release: &str) -> &str {
    release.rsplit_once('.').map_or(release, |(short, _)| short)
}

/// Whether what was found is the release, with or without a packager's revision, or liburing's part of it.
fn agree(found: &str, release: &str) -> bool {
    let found = found.split('-').next().unwrap_or(found);
    found == release || found == short(release)
}

/// The release after `before`: digits, points, and a packager's revision.
fn written(text: &str, before: &str) -> Result<String> {
    let (_, rest) = text
        .split_once(before)
        .with_context(|| format!("the text {before:?} is missing"))?;
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || ".-".contains(c)))
        .unwrap_or(rest.len());
    Ok(rest[..end].trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wrong release in any one of the files is detected.
    #[test]
    fn every_place_is_read() {
        let release = packager::version().unwrap();
        for (file, before) in WRITTEN {
            let text = fs::read_to_string(root().join(file)).unwrap();
            let found = written(&text, before).unwrap();
            assert!(agree(&found, &release), "{file}: {found}");
            let wrong = format!("{before}{}", found.replace("15", "16"));
            let other = text.replacen(&format!("{before}{found}"), &wrong, 1);
            assert!(
                !agree(&written(&other, before).unwrap(), &release),
                "{file}: a wrong release isn't detected"
            );
        }
    }
}
