//! The peer: the original as Debian packages it, fetched through apt from the mirror that this machine already uses.
//!
//! The system's apt is not changed: sources, lists, cache and state are in a private folder, which is removed after the
//! download. What remains is `target/peer/VERSION/`: `download/`, `deb/` (the two packages, unpacked),
//! `src/` (the source) and `sums` (sha256 of every file in them, so that a damaged cache is noticed).

mod apt;

pub use apt::{Apt, sources};

use anyhow::{Context, Result, ensure};
use base::{command, files_below, files_in, fresh, have, lock, need, output, root, stdout, table};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The release that ironring matches.
pub const NEWEST: &str = "2.15";

/// The Debian suite of each release that the checks use.
const SUITES: [(&str, &str); 3] = [(NEWEST, "sid"), ("2.9", "trixie"), ("2.3", "bookworm")];

pub const PACKAGES: [&str; 2] = ["liburing2", "liburing-dev"];

const MEND: &str = "use apt with a Debian mirror in /etc/apt/sources.list.d, \
     or copy a target/peer that was fetched elsewhere";

#[derive(clap::Args, Default)]
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
    /// Contains `liburing.h`, and `linux/blkdev.h` if the system's lacks what the peer's header needs.
    pub include: PathBuf,
    /// Contains `liburing.so.2` and, from 2.4 on, `liburing-ffi.so.2`, and the archives.
    pub lib: PathBuf,
    /// The source tree, with the test suite. `LIBURING_SRC` names another one for the newest release.
    pub src: PathBuf,
    /// The release that was found: the one asked for, or a newer one when the archive has moved on.
    pub version: String,
}

impl Peer {
    /// The folder of its fastest library: built once from its source, without libc, optimised as its own Makefile does.
    pub fn fastest(&self) -> Result<PathBuf> {
        let tree = root().join("target/peer").join(format!("{}-fastest", self.version));
        let lib = tree.join("src");
        if !lib.join("liburing.so.2").exists() {
            fresh(&tree)?;
            output(&mut command!("cp -rT", &self.src, &tree))?;
            output(command!("sh ./configure").current_dir(&tree))?;
            output(command!("make -s -C src", "CFLAGS=-O3 -fno-stack-protector").current_dir(&tree))?;
            fs::copy(
                lib.join(format!("liburing.so.{}", self.version)),
                lib.join("liburing.so.2"),
            )
            .context("the original's build made no shared library")?;
        }
        Ok(lib)
    }
}

/// The peer of a release. If it is not available, that is an error in CI, and elsewhere a skip with a message.
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

/// The newest peer's headers and libraries for another Debian architecture, with the source of this machine's peer.
pub fn foreign(architecture: &str) -> Result<Option<Peer>> {
    let Some(native) = get(NEWEST)? else {
        return Ok(None);
    };
    let dir = root().join("target/peer").join(format!("{NEWEST}-{architecture}"));
    let suites = SUITES.map(|(release, suite)| (release == NEWEST).then_some(suite));
    let suites: Vec<&str> = suites.into_iter().flatten().collect();
    packages(&suites, &[architecture], &dir, |_| {
        Ok(PACKAGES.map(String::from).to_vec())
    })?;
    let peer = open(NEWEST, &dir)?;
    ensure!(
        peer.version == native.version,
        "Debian has liburing {} for {architecture}, but {} for this machine",
        peer.version,
        native.version
    );
    Ok(Some(Peer {
        src: native.src,
        ..peer
    }))
}

/// Unpacks the newest `name` of a Debian suite into `dir/deb`, once, and returns its version.
pub fn package(suite: &str, name: &str, dir: &Path) -> Result<String> {
    packages(&[suite], &[], dir, |_| Ok(vec![name.to_owned()]))
}

/// Unpacks the packages that `choose` names, from the first of these Debian suites that exists, into `dir/deb`, once,
/// and returns the version of one. A name without architecture means the first of these, by default the machine's.
pub fn packages(
    suites: &[&str],
    architectures: &[&str],
    dir: &Path,
    choose: impl FnOnce(&Apt) -> Result<Vec<String>>,
) -> Result<String> {
    let done = dir.join("version");
    let _lock = lock("fetch")?;
    if let Ok(version) = fs::read_to_string(&done) {
        return Ok(version);
    }
    eprintln!("fetching Debian's packages through apt into {}", dir.display());
    fresh(dir)?;
    let apt = apt::suite(suites, architectures, &dir.join("apt"))?;
    apt.get(dir, "download", &choose(&apt)?)?;
    fs::remove_dir_all(&apt.dir)?;
    let debs = files_in(dir)?;
    for deb in &debs {
        output(&mut command!("dpkg -x", deb, dir.join("deb")))?;
    }
    let deb = debs.last().context("apt left no package")?;
    let version = stdout(&mut command!("dpkg-deb --field", deb, "Version"))?;
    fs::write(&done, version.trim())?;
    Ok(version.trim().to_owned())
}

fn find(version: &str) -> Result<Peer> {
    let dir = root().join("target/peer").join(version);
    if dir.exists() && !intact(&dir) {
        eprintln!("peer: {} doesn't match its checksums; fetching it again", dir.display());
        fs::remove_dir_all(&dir)?;
    }
    if !dir.exists() {
        download(version, &dir)?;
    }
    open(version, &dir)
}

fn intact(dir: &Path) -> bool {
    let mut check = command!("sha256sum --check --strict --status sums");
    check.current_dir(dir).status().is_ok_and(|status| status.success())
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
            "LIBURING_SRC={} is not a source tree of liburing: it lacks src/liburing.map or test/",
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

/// The peer's headers need a constant that `linux/blkdev.h` has only since kernel 6.15; older systems get a stub.
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
        // Unchanged: a new time stamp would make `make` rebuild.
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
    ensure!(have("apt-get") && have("dpkg"), "apt-get or dpkg is not installed");
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

    let ends = |file: &Path, end: &str| file.extension().is_some_and(|has| has == end);
    let got = files_in(&get)?;
    for package in got.iter().filter(|file| ends(file, "deb")) {
        output(&mut command!("dpkg -x", package, new.join("deb")))?;
    }
    need("dpkg-source", "dpkg-dev")?;
    let source = got.iter().find(|file| ends(file, "dsc"));
    let source = source.context("apt left no source package")?;
    // With Debian's patches. apt has checked the signature.
    output(&mut command!(
        "dpkg-source --no-copy --no-check -x",
        source,
        new.join("src")
    ))?;
    for more in ["debian", ".pc"] {
        let _ = fs::remove_dir_all(new.join("src").join(more));
    }

    let mut kept = files_below(new)?;
    kept.retain(|file| !file.is_symlink());
    let kept = kept
        .iter()
        .map(|file| file.strip_prefix(new))
        .collect::<Result<Vec<_>, _>>()?;
    let sums = stdout(command!("sha256sum").args(kept).current_dir(new))?;
    fs::write(new.join("sums"), sums)?;
    Ok(())
}
