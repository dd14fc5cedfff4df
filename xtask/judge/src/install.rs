//! `cargo xtask install`: check `make install` and `make uninstall` in a scratch root. `cargo xtask builds` uses it.

use crate::peer;
use anyhow::{Context, Result, ensure};
use base::{command, files_below, fresh, output, root};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {}

/// The header for bindings, which the original doesn't have.
pub const FFI_HEADER: &str = "/usr/include/liburing/ffi/liburing.h";

/// Debian's folders.
const LIBDIR: &str = "/usr/lib/x86_64-linux-gnu";

pub fn run(_args: &Args) -> Result<()> {
    let top = scratch("debian")?;
    // The manual keeps its default folder.
    let debian = |target: &str| make(target, &top, &[&format!("libdir={LIBDIR}")]);
    debian("install")?;
    let files = tree(&top)?;
    // What Debian's packages of the original don't have.
    let in_libdir = [
        "cmake/liburing/liburingConfig.cmake",
        "cmake/liburing/liburingConfigVersion.cmake",
        "ironring/liburing.so.2",
        "ironring/liburing.so.2.15",
        "ironring/liburing-ffi.so.2",
        "ironring/liburing-ffi.so.2.15",
    ];
    let mut more: Vec<String> = in_libdir.iter().map(|file| format!("{LIBDIR}/{file}")).collect();
    more.push(FFI_HEADER.into());
    ensure!(
        more.iter().all(|file| files.contains(file)),
        "make install doesn't install all of {more:?}"
    );
    if let Some(peer) = peer::get(peer::NEWEST)? {
        let usr = peer.lib.ancestors().find(|folder| folder.ends_with("usr"));
        let theirs = tree(usr.and_then(Path::parent).context("the peer has no /usr")?)?;
        // Without their documentation, and the header that xtask adds to them.
        let of_theirs = |file: &&String| !file.starts_with("/usr/share/") && !file.contains("/linux/");
        let theirs: BTreeSet<&String> = theirs.iter().filter(of_theirs).collect();
        let of_ours = |file: &&String| !file.contains("/man/") && !more.contains(file);
        let ours: BTreeSet<&String> = files.iter().filter(of_ours).collect();
        let missing: Vec<_> = theirs.difference(&ours).collect();
        let extra: Vec<_> = ours.difference(&theirs).collect();
        ensure!(
            missing.is_empty() && extra.is_empty(),
            "against Debian's packages, missing: {missing:?}, extra: {extra:?}\nto mend: the rule `install` of the Makefile"
        );
        println!(
            "install: the same {} files as Debian's liburing2 and liburing-dev, and {} more",
            ours.len(),
            more.len()
        );
    }
    manual(&top.join("usr/share/man"), &files)?;
    debian("uninstall")?;
    let left = tree(&top)?;
    ensure!(left.is_empty(), "make uninstall leaves {left:?}");
    let engine = top.join(&LIBDIR[1..]).join("ironring");
    ensure!(!engine.exists(), "make uninstall leaves {}", engine.display());
    println!("uninstall: nothing left of {} files", files.len());

    let top = scratch("split")?;
    make(
        "install",
        &top,
        &["libdir=/lib", "libdevdir=/usr/lib", "ENABLE_ENGINE=0"],
    )?;
    let engine = top.join("lib/ironring");
    ensure!(!engine.exists(), "ENABLE_ENGINE=0 installs {}", engine.display());
    let link = fs::read_link(top.join("usr/lib/liburing.so")).context("libdevdir has no liburing.so")?;
    ensure!(
        link == Path::new("/lib/liburing.so.2.15"),
        "libdevdir's liburing.so points to {}, not to /lib/liburing.so.2.15",
        link.display()
    );

    let top = scratch("static")?;
    make("install", &top, &["ENABLE_SHARED=0"])?;
    let shared: Vec<String> = tree(&top)?.into_iter().filter(|f| f.contains(".so")).collect();
    ensure!(shared.is_empty(), "ENABLE_SHARED=0 installs {shared:?}");
    println!("install: split folders, and installs without the engine or without shared libraries, work");
    Ok(())
}

fn scratch(name: &str) -> Result<PathBuf> {
    let folder = root().join("target/install").join(name);
    fresh(&folder)?;
    Ok(folder)
}

/// Runs an install target of make, with `top` as DESTDIR.
pub fn make(target: &str, top: &Path, settings: &[&str]) -> Result<()> {
    // On the command line, so that no config.mk changes them.
    let defaults = [
        "prefix=/usr",
        "libdir=/usr/lib",
        "libdevdir=$(libdir)",
        "includedir=/usr/include",
        "mandir=/usr/share/man",
        "ENABLE_SHARED=1",
        "ENABLE_CMAKE=1",
        "ENABLE_ENGINE=1",
    ];
    let named = |setting: &str| setting.split('=').next().unwrap_or_default().to_owned();
    let others = defaults
        .iter()
        .filter(|d| !settings.iter().any(|s| named(s) == named(d)));
    let mut make = command!("make -s", target, format!("DESTDIR={}", top.display()));
    output(make.current_dir(root()).args(others).args(settings)).map(drop)
}

/// Every file and link below a folder, as paths from it.
pub fn tree(top: &Path) -> Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    for file in files_below(top)? {
        files.insert(format!("/{}", file.strip_prefix(top)?.display()));
    }
    Ok(files)
}

/// Every alias among the installed pages must point to a page.
fn manual(folder: &Path, files: &BTreeSet<String>) -> Result<()> {
    let (mut pages, mut aliases) = (0, 0);
    for file in files.iter().filter_map(|file| file.strip_prefix("/usr/share/man/")) {
        let text = fs::read_to_string(folder.join(file))?;
        pages += 1;
        if let Some(target) = text.strip_prefix(".so ") {
            aliases += 1;
            let page = fs::read_to_string(folder.join(target.trim()));
            ensure!(
                page.is_ok_and(|page| !page.starts_with(".so ")),
                "{file} points to {target}, which is not a page"
            );
        }
    }
    ensure!(pages > aliases, "make install installs no manual pages");
    println!("manual: {pages} pages, {aliases} of them aliases of the others");
    Ok(())
}
