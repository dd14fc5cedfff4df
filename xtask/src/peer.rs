//! The peer: the original as Debian packages it, fetched through apt from the mirror that this machine already uses.
//!
//! Nothing of the system's apt is touched: sources, lists, cache and state are in a private folder, which goes away
//! when the download is done. What stays is `target/peer/VERSION/`: `download/`, `deb/` (the two packages, unpacked),
//! `src/` (the source) and `sums` (sha256 of every file in them, so that a damaged cache is noticed).

mod apt;

pub use apt::{Apt, sources};

use crate::util::{have, need, output, root, stdout, table};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The release that ironring equals.
pub const NEWEST: &str = "2.15";

/// Where Debian keeps each release that the judges ask for.
const HOMES: [(&str, &str); 3] = [(NEWEST, "sid"), ("2.9", "trixie"), ("2.3", "bookworm")];

const PACKAGES: [&str; 2] = ["liburing2", "liburing-dev"];

const MEND: &str = "this needs apt and a Debian mirror in /etc/apt/sources.list.d; \
     a tree that was fetched elsewhere can be copied to target/peer";

#[derive(clap::Args)]
pub struct Args {
    /// Releases to fetch: 2.15 (the default), 2.9, 2.3
    versions: Vec<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let newest = [NEWEST.to_owned()];
    let versions = if args.versions.is_empty() {
        &newest[..]
    } else {
        &args.versions
    };
    let mut rows = Vec::new();
    for version in versions {
        if let Some(peer) = get(version)? {
            let paths = [("include", &peer.include), ("lib", &peer.lib), ("src", &peer.src)];
            rows.extend(paths.map(|(what, path)| vec![peer.version.clone(), what.into(), path.display().to_string()]));
        }
    }
    if !rows.is_empty() {
        table(&["version", "what", "where"], &rows);
    }
    Ok(())
}

pub struct Peer {
    /// Holds `liburing.h`; and `linux/blkdev.h` when the system's lacks what the peer's header wants of it.
    pub include: PathBuf,
    /// Holds `liburing.so.2` and, from 2.4 on, `liburing-ffi.so.2`, and the archives.
    pub lib: PathBuf,
    /// The source tree, with the test suite. `LIBURING_SRC` names another one for the newest release.
    pub src: PathBuf,
    /// The release that was found: the one asked for, or a newer one when the archive has moved on.
    pub version: String,
}

impl Peer {
    /// The folder of its library in the fastest form: from its source, without libc, and optimised as its own Makefile
    /// has it. Built once.
    pub fn fastest(&self) -> Result<PathBuf> {
        let tree = root().join("target/peer").join(format!("{}-fastest", self.version));
        let lib = tree.join("src");
        if !lib.join("liburing.so.2").exists() {
            if tree.exists() {
                fs::remove_dir_all(&tree)?;
            }
            output(Command::new("cp").arg("-r").arg(&self.src).arg(&tree))?;
            output(Command::new("sh").arg("./configure").current_dir(&tree))?;
            output(
                Command::new("make")
                    .args(["-s", "-C", "src", "CFLAGS=-O3 -fno-stack-protector"])
                    .current_dir(&tree),
            )?;
            fs::copy(
                lib.join(format!("liburing.so.{}", self.version)),
                lib.join("liburing.so.2"),
            )
            .context("the original's build gave no shared library")?;
        }
        Ok(lib)
    }
}

/// The peer of a release. When it can't be had, that is an error in CI, and elsewhere a loud skip.
pub fn get(version: &str) -> Result<Option<Peer>> {
    match find(version) {
        Ok(peer) => Ok(Some(peer)),
        Err(error) if env::var_os("CI").is_some_and(|ci| ci == "true") => {
            Err(error.context(format!("CI needs the peer, liburing {version}; to mend: {MEND}")))
        }
        Err(error) => {
            eprintln!("SKIPPED: no peer {version}: {error:#}\n  to mend: {MEND}");
            Ok(None)
        }
    }
}

/// The newest peer's headers and libraries for another of Debian's architectures, with the source of this machine's.
pub fn foreign(architecture: &str) -> Result<Option<Peer>> {
    let Some(native) = get(NEWEST)? else {
        return Ok(None);
    };
    let dir = root().join("target/peer").join(format!("{NEWEST}-{architecture}"));
    if !dir.join("version").exists() {
        eprintln!(
            "peer: fetching liburing {NEWEST} for {architecture} through apt into {}",
            dir.display()
        );
    }
    let suites: Vec<&str> = HOMES
        .iter()
        .filter(|home| home.0 == NEWEST)
        .map(|home| home.1)
        .collect();
    packages(&suites, &[architecture], &dir, |_| {
        Ok(PACKAGES.map(String::from).to_vec())
    })?;
    let peer = open(NEWEST, &dir)?;
    ensure!(
        peer.version == native.version,
        "Debian has liburing {} for {architecture}, and {} here",
        peer.version,
        native.version
    );
    Ok(Some(Peer {
        src: native.src,
        ..peer
    }))
}

/// Unpacks the newest `name` of a Debian suite into `dir/deb`, once, and gives its version.
pub fn package(suite: &str, name: &str, dir: &Path) -> Result<String> {
    packages(&[suite], &[], dir, |_| Ok(vec![name.to_owned()]))
}

/// Unpacks the packages that `choose` names, of the first of these Debian suites that there is, into `dir/deb`, once,
/// and gives the version of one. Of these architectures, the first where none is named; by default the machine's.
pub fn packages(
    suites: &[&str],
    architectures: &[&str],
    dir: &Path,
    choose: impl FnOnce(&Apt) -> Result<Vec<String>>,
) -> Result<String> {
    let done = dir.join("version");
    if let Ok(version) = fs::read_to_string(&done) {
        return Ok(version);
    }
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)?;
    let apt = apt::suite(suites, architectures, &dir.join("apt"))?;
    apt.get(dir, "download", &choose(&apt)?)?;
    fs::remove_dir_all(&apt.dir)?;
    let debs = files(dir)?;
    for deb in &debs {
        output(Command::new("dpkg").arg("-x").arg(deb).arg(dir.join("deb")))?;
    }
    let deb = debs.last().context("apt left no package")?;
    let version = stdout(Command::new("dpkg-deb").arg("--field").arg(deb).arg("Version"))?;
    fs::write(&done, version.trim())?;
    Ok(version.trim().to_owned())
}

fn find(version: &str) -> Result<Peer> {
    let dir = root().join("target/peer").join(version);
    if dir.exists() && !intact(&dir) {
        eprintln!(
            "peer: {} is damaged (see its file sums); fetching it again",
            dir.display()
        );
        fs::remove_dir_all(&dir)?;
    }
    if !dir.exists() {
        download(version, &dir)?;
    }
    open(version, &dir)
}

fn intact(dir: &Path) -> bool {
    Command::new("sha256sum")
        .args(["--check", "--strict", "--status", "sums"])
        .current_dir(dir)
        .status()
        .is_ok_and(|status| status.success())
}

/// The peer in a folder that `download` made.
fn open(asked: &str, dir: &Path) -> Result<Peer> {
    let version = upstream(fs::read_to_string(dir.join("version"))?.trim()).to_owned();
    if version != asked {
        eprintln!("peer: Debian has no liburing {asked} any more; comparing with {version} instead");
    }
    let mut lib = None;
    for base in ["deb/usr/lib", "deb/lib"] {
        for entry in fs::read_dir(dir.join(base)).into_iter().flatten() {
            let folder = entry?.path();
            if folder.join("liburing.so.2").exists() {
                lib = Some(folder);
            }
        }
    }
    let include = dir.join("deb/usr/include");
    stub_blkdev(&include)?;
    let mut src = dir.join("src");
    if let Some(named) = env::var_os("LIBURING_SRC").filter(|_| asked == NEWEST) {
        src = fs::canonicalize(&named).with_context(|| format!("LIBURING_SRC={}", Path::new(&named).display()))?;
        ensure!(
            src.join("src/liburing.map").exists() && src.join("test").is_dir(),
            "LIBURING_SRC={} is no source tree of liburing: it lacks src/liburing.map or test/",
            src.display()
        );
    }
    Ok(Peer {
        include,
        lib: lib.context("the packages hold no liburing.so.2")?,
        src,
        version,
    })
}

/// The peer's headers want a constant that `linux/blkdev.h` has only since kernel 6.15; older systems get a stand-in.
fn stub_blkdev(include: &Path) -> Result<()> {
    let wanted =
        fs::read_to_string(include.join("liburing/compat.h")).is_ok_and(|text| text.contains("linux/blkdev.h"));
    let system =
        fs::read_to_string("/usr/include/linux/blkdev.h").is_ok_and(|text| text.contains("BLOCK_URING_CMD_DISCARD"));
    let stub = include.join("linux/blkdev.h");
    let text = "#include <linux/ioctl.h>\n#define BLOCK_URING_CMD_DISCARD _IO(0x12, 0)\n";
    if !wanted || system {
        if stub.exists() {
            fs::remove_file(&stub)?;
        }
    } else if fs::read_to_string(&stub).is_ok_and(|now| now == text) {
        // There already: leave its time stamp alone, for make's sake.
    } else {
        fs::create_dir_all(include.join("linux"))?;
        fs::write(&stub, text)?;
    }
    Ok(())
}

/// The upstream part of a Debian version: `2.15` of `1:2.15+ds-1~bpo12+1`.
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(up, _)| up);
    version.split(['+', '~']).next().unwrap_or(version)
}

/// Makes `dir`, complete or not at all, even when two processes do so at once.
fn download(version: &str, dir: &Path) -> Result<()> {
    ensure!(have("apt-get") && have("dpkg"), "there is no apt-get here");
    eprintln!("peer: fetching liburing {version} through apt into {}", dir.display());
    let new = dir.with_file_name(format!(".{version}-{}", std::process::id()));
    let made = make(version, &new).and_then(|()| match fs::rename(&new, dir) {
        Err(_) if intact(dir) => Ok(()),
        other => other.with_context(|| format!("can't make {}", dir.display())),
    });
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    made
}

fn make(version: &str, new: &Path) -> Result<()> {
    let get = new.join("download");
    fs::create_dir_all(&get)?;
    let (apt, deb) = apt::pick(version, &new.join("apt"))?;
    // A rebuild in the archive (2.15-1+b2) has the source of 2.15-1.
    let source = match deb.rsplit_once("+b") {
        Some((source, build)) if build.parse::<u32>().is_ok() => source,
        _ => &deb,
    };
    let packages = PACKAGES.map(|package| format!("{package}={deb}"));
    apt.get(&get, "download", &packages)?;
    let source = ["--download-only", "--only-source", &format!("liburing={source}")];
    apt.get(&get, "source", &source.map(String::from))?;
    fs::remove_dir_all(&apt.dir)?;
    fs::write(new.join("version"), format!("{deb}\n"))?;

    let got = files(&get)?;
    for package in got.iter().filter(|file| file.extension().is_some_and(|e| e == "deb")) {
        output(Command::new("dpkg").arg("-x").arg(package).arg(new.join("deb")))?;
    }
    let untar = |part: &str, to: &Path| {
        let mut tars = got.iter().filter(|file| !file.to_string_lossy().ends_with(".asc"));
        let tar = tars
            .find(|file| file.to_string_lossy().contains(part))
            .with_context(|| format!("the source package has no file *{part}*"))?;
        fs::create_dir_all(to)?;
        output(
            Command::new("tar")
                .arg("-xf")
                .arg(tar)
                .arg("-C")
                .arg(to)
                .arg("--strip-components=1"),
        )
    };
    need("xz", "xz-utils")?;
    untar(".orig.tar.", &new.join("src"))?;
    untar(".debian.tar.", &new.join("debian"))?;
    patch(&new.join("debian/patches"), &new.join("src"))?;
    fs::remove_dir_all(new.join("debian"))?;

    let mut kept = Vec::new();
    for file in files(new)? {
        kept.push(file.strip_prefix(new)?.to_path_buf());
    }
    fs::write(
        new.join("sums"),
        stdout(Command::new("sha256sum").args(kept).current_dir(new))?,
    )?;
    Ok(())
}

/// Every regular file below a folder, sorted.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.extend(files(&entry.path())?);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Applies those of Debian's patches that touch what we build or run.
fn patch(patches: &Path, src: &Path) -> Result<()> {
    let Ok(series) = fs::read_to_string(patches.join("series")) else {
        return Ok(());
    };
    for line in series.lines() {
        let name = line.split('#').next().unwrap_or_default().split_whitespace().next();
        let Some(name) = name else { continue };
        let text = fs::read(patches.join(name))?;
        let touches = String::from_utf8_lossy(&text).lines().any(|line| {
            let path = line.strip_prefix("+++ ").and_then(|path| path.split_once('/'));
            path.is_some_and(|(_, path)| path.starts_with("src/") || path.starts_with("test/"))
        });
        if touches {
            need("patch", "patch")?;
            output(
                Command::new("patch")
                    .args(["-p1", "-s", "-d"])
                    .arg(src)
                    .arg("-i")
                    .arg(patches.join(name)),
            )?;
        }
    }
    Ok(())
}
