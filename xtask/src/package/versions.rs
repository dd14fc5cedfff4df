//! `cargo xtask versions`: every place that names the release names the same one. `src/version.rs` defines it; headers,
//! symbol maps, Makefile, .pc and CMake files are made of that, and what people write by hand is compared here.

use crate::install;
use crate::peer;
use crate::util::{lib_dir, output, root, stdout, table};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {}

/// A file, and what stands before the release in it: `2.15.0`, or `2.15` where that is liburing's.
const WRITTEN: [(&str, &str); 14] = [
    ("src/version.rs", "IO_URING_VERSION_MINOR: c_int = "),
    ("Cargo.toml", "\nversion = \""),
    ("Cargo.lock", "name = \"ironring\"\nversion = \""),
    ("xtask/Cargo.lock", "name = \"ironring\"\nversion = \""),
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

pub fn run(_args: &Args) -> Result<()> {
    let release = super::version()?;
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
    saw("xtask/src/peer.rs: NEWEST", peer::NEWEST);
    let make = stdout(Command::new("make").args(["-sn", "-p", "help"]).current_dir(root()))?;
    let variable = |name: &str| {
        let line = make.lines().find_map(|line| line.strip_prefix(&format!("{name} := ")));
        line.unwrap_or_default().to_owned()
    };
    saw("Makefile: VERSION", &variable("VERSION"));
    ensure!(
        release.starts_with(&format!("{}.", variable("SOVERSION"))),
        "Makefile: SOVERSION is wrong"
    );

    let top = root().join("target/versions");
    super::fresh(&top)?;
    let settings = ["libdir=/lib", "libdevdir=/lib", "includedir=/include", "mandir=/man"];
    install::make("install", &top, &settings)?;
    for (file, before) in [
        ("lib/pkgconfig/liburing.pc", "\nVersion: "),
        ("lib/pkgconfig/liburing-ffi.pc", "\nVersion: "),
        (
            "lib/cmake/liburing/liburingConfigVersion.cmake",
            "set(PACKAGE_VERSION \"",
        ),
    ] {
        saw(
            &format!("installed {file}"),
            &written(&fs::read_to_string(top.join(file))?, before)?,
        );
    }
    for name in ["liburing", "liburing-ffi"] {
        let file = lib_dir().join(format!("{name}.so.{short}"));
        ensure!(file.exists(), "there is no {}; to mend: make", file.display());
        let dynamic = stdout(Command::new("readelf").arg("-dW").arg(&file))?;
        let soname = format!("[{name}.so.{}]", short.split('.').next().unwrap_or_default());
        ensure!(
            dynamic.contains(&soname),
            "{}: the soname isn't {soname}",
            file.display()
        );
        saw(&format!("{name}.so, what it says at run time"), &told(&top, name)?);
    }
    table(&["place", "release", ""], &rows);
    ensure!(
        wrong.is_empty(),
        "of another release than Cargo.toml ({release}): {}",
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

/// What stands after `before`: digits, points, and a packager's revision.
fn written(text: &str, before: &str) -> Result<String> {
    let (_, rest) = text
        .split_once(before)
        .with_context(|| format!("nothing stands after {before:?}"))?;
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || ".-".contains(c)))
        .unwrap_or(rest.len());
    let found = rest[..end].trim_end_matches('.').to_owned();
    // The header's minor number is half of it.
    Ok(if before.contains("MINOR") {
        let major = written(text, "IO_URING_VERSION_MAJOR: c_int = ")?;
        format!("{major}.{found}")
    } else {
        found
    })
}

/// What a program hears that is built with our headers and loads a library.
fn told(top: &Path, name: &str) -> Result<String> {
    let program = top.join(name);
    let mut cc = Command::new("cc");
    cc.arg(root().join("test-c/build/nop.c"))
        .arg("-I")
        .arg(top.join("include"))
        .arg("-o")
        .arg(&program);
    output(
        cc.arg("-L")
            .arg(lib_dir())
            .arg(format!("-l{}", name.trim_start_matches("lib"))),
    )?;
    let said = stdout(Command::new(&program).env("LD_LIBRARY_PATH", lib_dir()))?;
    Ok(said.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each place is noticed when it alone names another release.
    #[test]
    fn every_place_is_read() {
        let release = super::super::version().unwrap();
        for (file, before) in WRITTEN {
            let text = fs::read_to_string(root().join(file)).unwrap();
            let found = written(&text, before).unwrap();
            assert!(agree(&found, &release), "{file}: {found}");
            let number = if before.contains("MINOR") {
                found.split('.').next_back().unwrap()
            } else {
                &found
            };
            let other = text.replacen(
                &format!("{before}{number}"),
                &format!("{before}{}", number.replace("15", "16")),
                1,
            );
            assert!(
                !agree(&written(&other, before).unwrap(), &release),
                "{file}: a wrong release isn't noticed"
            );
        }
    }
}
