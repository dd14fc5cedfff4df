//! `make install` and `make uninstall`, into a scratch root: the files of Debian's packages, usable through pkg-config.

use crate::peer::{self, Peer};
use crate::util::{have, need, output, root, stdout};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {}

/// Which the original doesn't have.
pub const FFI_HEADER: &str = "/usr/include/liburing/ffi/liburing.h";

/// Debian's folders.
const LIBDIR: &str = "/usr/lib/x86_64-linux-gnu";

pub fn run(_args: &Args) -> Result<()> {
    need("pkg-config", "pkg-config")?;
    need("cc", "gcc")?;
    let scratch = root().join("target/install");
    let fresh = |name: &str| -> Result<PathBuf> {
        let folder = scratch.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        Ok(folder)
    };

    let top = fresh("debian")?;
    // The manual goes where it does by default.
    let debian = |target: &str| make(target, &top, &[&format!("libdir={LIBDIR}")]);
    debian("install")?;
    let files = tree(&top)?;
    // What Debian's packages of the original don't have.
    let more = [
        &format!("{LIBDIR}/cmake/liburing/liburingConfig.cmake"),
        &format!("{LIBDIR}/cmake/liburing/liburingConfigVersion.cmake"),
        FFI_HEADER,
    ]
    .map(str::to_owned);
    ensure!(
        more.iter().all(|file| files.contains(file)),
        "make install leaves out one of {more:?}"
    );
    if let Some(peer) = peer::get(peer::NEWEST)? {
        let theirs = shipped(&peer)?;
        let ours: BTreeSet<String> = files
            .iter()
            .filter(|f| !f.contains("/man/") && !more.contains(f))
            .cloned()
            .collect();
        let missing: Vec<&String> = theirs.difference(&ours).collect();
        let extra: Vec<&String> = ours.difference(&theirs).collect();
        ensure!(
            missing.is_empty() && extra.is_empty(),
            "against Debian's packages, missing: {missing:?}, too many: {extra:?}\nmend the rule `install` of the Makefile"
        );
        println!(
            "install: the same {} files as Debian's liburing2 and liburing-dev, and {} more",
            ours.len(),
            more.len()
        );
    }
    manual(&top.join("usr/share/man"), &files)?;
    pkg_config(&top)?;
    debian("uninstall")?;
    let left = tree(&top)?;
    ensure!(left.is_empty(), "make uninstall leaves {left:?}");
    println!("uninstall: nothing left of {} files", files.len());

    let top = fresh("split")?;
    make("install", &top, &["libdir=/lib", "libdevdir=/usr/lib"])?;
    let link = fs::read_link(top.join("usr/lib/liburing.so")).context("libdevdir has no liburing.so")?;
    ensure!(
        link == Path::new("/lib/liburing.so.2.15"),
        "libdevdir's liburing.so leads to {}",
        link.display()
    );

    let top = fresh("static")?;
    make("install", &top, &["ENABLE_SHARED=0"])?;
    let shared: Vec<String> = tree(&top)?.into_iter().filter(|f| f.contains(".so")).collect();
    ensure!(shared.is_empty(), "ENABLE_SHARED=0 installs {shared:?}");

    configure()?;
    println!("install: split folders, static only, and configure work");
    Ok(())
}

/// Runs make for a target that installs, below `top`.
pub fn make(target: &str, top: &Path, settings: &[&str]) -> Result<()> {
    let mut command = Command::new("make");
    // On the command line, so that somebody's config.mk changes nothing here.
    let defaults = [
        "prefix=/usr",
        "libdir=/usr/lib",
        "libdevdir=$(libdir)",
        "includedir=/usr/include",
        "mandir=/usr/share/man",
        "ENABLE_SHARED=1",
        "ENABLE_CMAKE=1",
    ];
    command
        .current_dir(root())
        .arg("-s")
        .arg(target)
        .arg(format!("DESTDIR={}", top.display()));
    let named = |setting: &str| setting.split('=').next().unwrap_or_default().to_string();
    command.args(
        defaults
            .iter()
            .filter(|d| !settings.iter().any(|s| named(s) == named(d))),
    );
    output(command.args(settings)).map(drop)
}

/// Every file and link below a folder, as paths from it.
pub fn tree(top: &Path) -> Result<BTreeSet<String>> {
    fn walk(folder: &Path, top: &Path, out: &mut BTreeSet<String>) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                walk(&path, top, out)?;
            } else {
                out.insert(format!("/{}", path.strip_prefix(top)?.display()));
            }
        }
        Ok(())
    }
    let mut out = BTreeSet::new();
    walk(top, top, &mut out)?;
    Ok(out)
}

/// What Debian's two packages hold, without their documentation (and without the header that xtask adds to them).
fn shipped(peer: &Peer) -> Result<BTreeSet<String>> {
    let top = peer
        .lib
        .ancestors()
        .find(|p| p.ends_with("usr"))
        .and_then(Path::parent)
        .context("the peer has no /usr")?;
    Ok(tree(top)?
        .into_iter()
        .filter(|f| !f.starts_with("/usr/share/") && !f.contains("/linux/"))
        .collect())
}

/// Every alias among the installed pages leads to a page.
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
                "{file} leads to {target}, which is no page"
            );
        }
    }
    ensure!(pages > aliases, "make install installs no manual pages");
    println!("manual: {pages} pages, {aliases} of them aliases that lead to the others");
    Ok(())
}

/// The installed .pc files answer, and a program builds and runs with what they say.
fn pkg_config(top: &Path) -> Result<()> {
    let ask = |args: &[&str]| {
        let mut command = Command::new("pkg-config");
        command
            .env("PKG_CONFIG_LIBDIR", top.join(&LIBDIR[1..]).join("pkgconfig"))
            .env("PKG_CONFIG_SYSROOT_DIR", top)
            // Flags that name the system's own folders count too: here they are below the scratch root.
            .env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1")
            .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1");
        stdout(command.args(args))
    };
    let source = root().join("target/install/version.c");
    fs::write(
        &source,
        "#include <liburing.h>\nint main(void)\n{\n\tstruct io_uring ring;\n\n\
         \tif (io_uring_queue_init(4, &ring, 0))\n\t\treturn 1;\n\tio_uring_queue_exit(&ring);\n\
         \treturn io_uring_check_version(IO_URING_VERSION_MAJOR, IO_URING_VERSION_MINOR);\n}\n",
    )?;
    for name in ["liburing", "liburing-ffi"] {
        let version = ask(&["--modversion", name])?;
        ensure!(version.trim() == "2.15", "{name}.pc says version {version}");
        for how in [&["--cflags", "--libs"][..], &["--cflags", "--libs", "--static"]] {
            let flags = ask(&[how, &[name]].concat())?;
            let program = root().join("target/install/version");
            let mut cc = Command::new("cc");
            cc.arg(&source).arg("-o").arg(&program).args(flags.split_whitespace());
            if how.contains(&"--static") {
                cc.arg("-static");
            }
            output(&mut cc)?;
            output(Command::new(&program).env("LD_LIBRARY_PATH", top.join(&LIBDIR[1..])))
                .with_context(|| format!("a program built with pkg-config {} {name}", how.join(" ")))?;
        }
    }
    println!("pkg-config: both packages answer; programs build with them, shared and static, and run");
    Ok(())
}

/// `./configure` takes the original's options, writes config.mk, and refuses what it doesn't know.
fn configure() -> Result<()> {
    let folder = root().join("target/install/configure");
    fs::create_dir_all(&folder)?;
    let run = |args: &[&str]| {
        Command::new(root().join("configure"))
            .current_dir(&folder)
            .args(args)
            .output()
    };
    let out = run(&[
        "--prefix=/opt/x",
        "--libdir=/opt/x/lib64",
        "--libdevdir=/opt/x/dev",
        "--mandir=/opt/x/man",
        // The original has no such option, but Meson gives it to each project's configure.
        "--bindir=/opt/x/bin",
    ])?;
    ensure!(
        out.status.success(),
        "configure: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    let mk = fs::read_to_string(folder.join("config.mk"))?;
    for line in [
        "prefix = /opt/x",
        "libdir = /opt/x/lib64",
        "libdevdir = /opt/x/dev",
        "mandir = /opt/x/man",
    ] {
        ensure!(mk.lines().any(|l| l == line), "config.mk lacks \"{line}\":\n{mk}");
    }
    for wrong in ["--no-such-option", "--prefix", "word", "--use-libc=1"] {
        ensure!(
            !run(&[wrong])?.status.success(),
            "configure takes {wrong}, which it can't know"
        );
    }
    // In a folder of its own it leaves a Makefile; what only the original's recipes install is what they expect.
    let top = folder.join("top");
    let out = run(&["--prefix=inst", "--cc=gcc"])?;
    ensure!(out.status.success(), "configure --prefix=inst --cc=gcc fails");
    let mut make = Command::new("make");
    make.args(["-s", "install"]).arg(format!("DESTDIR={}", top.display()));
    output(make.current_dir(&folder))?;
    let lib = folder.join("inst/lib");
    let files = tree(&top.join(lib.strip_prefix("/")?))?;
    ensure!(
        files.contains("/liburing.so.2.15") && !files.iter().any(|file| file.contains("cmake")),
        "make install after configure in another folder gives {files:?}"
    );
    ensure!(have("make"), "there is no make: apt-get install make");
    Ok(())
}
