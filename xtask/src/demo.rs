//! `make demo`: the finished library at work on real input, in programs of ours and in Debian's qemu-img.

mod programs;
mod qemu;
mod watch;

use crate::util;
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

const MB: u64 = 1_000_000;
const SONAME: &str = "liburing.so.2";

#[derive(clap::Args)]
pub struct Args {
    /// A smaller input and fewer rounds
    #[arg(long)]
    quick: bool,
    /// Where the input and the images go, 500 MB in all; the file system must support `O_DIRECT` [default: target/demo]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<()> {
    util::need("make", "make")?;
    util::need("cc", "gcc")?;
    util::need("c++", "g++")?;
    util::need("pkg-config", "pkg-config")?;

    let demo = util::root().join("target/demo");
    let dir = match &args.dir {
        Some(dir) => {
            fs::create_dir_all(dir).with_context(|| format!("can't make {}", dir.display()))?;
            dir.canonicalize()?
        }
        None => demo.clone(),
    };
    let scratch = install(&demo)?;
    let input = collect_input(&dir, if args.quick { 25 * MB } else { 100 * MB })?;

    let mut rows = programs::copies(&demo, &dir, &scratch, &input)?;
    rows.extend(qemu::qemu(args.quick, &dir, &scratch, &input)?);
    remove(&input)?;

    println!();
    util::table(
        &["job", "Debian's", "ironring", "preloaded", "time ratio", "result"],
        &rows,
    );
    println!(
        "\nTimes are medians. Time ratio: ironring / Debian's, the median of the pairs of runs (and the middle half of\n\
         them), both ways of loading. convert and compare mostly wait for the disk: there Debian's library\n\
         varies as much against itself."
    );
    Ok(())
}

/// The scratch root: where `make install` put things.
struct Scratch {
    root: PathBuf,
    /// The folder of the libraries.
    lib: PathBuf,
}

impl Scratch {
    /// `pkg-config` that knows the scratch root and nothing else.
    fn pkg_config(&self, args: &[&str]) -> Result<Vec<String>> {
        let mut command = Command::new("pkg-config");
        command
            .args(args)
            .arg("liburing")
            .env_remove("PKG_CONFIG_PATH")
            .env("PKG_CONFIG_SYSROOT_DIR", &self.root)
            .env("PKG_CONFIG_LIBDIR", self.lib.join("pkgconfig"))
            // Otherwise it leaves out -I/usr/include and -L/usr/lib, which here lie in the scratch root.
            .env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1")
            .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1");
        let text = util::stdout(&mut command)?;
        Ok(text.split_whitespace().map(String::from).collect())
    }

    fn library(&self) -> PathBuf {
        self.lib.join(SONAME)
    }
}

/// Builds the library and installs it into a scratch root.
fn install(demo: &Path) -> Result<Scratch> {
    let root = demo.join("root");
    step(&format!("make install into {}", root.display()));
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    fs::create_dir_all(&root)?;
    util::output(
        Command::new("make")
            .current_dir(util::root())
            // All of them, because config.mk may say otherwise.
            .args([
                "-s",
                "install",
                "prefix=/usr",
                "includedir=/usr/include",
                "mandir=/usr/share/man",
            ])
            .args(["libdir=/usr/lib", "libdevdir=/usr/lib", "ENABLE_SHARED=1"])
            .arg(format!("DESTDIR={}", root.display())),
    )
    .context("make install failed; `make` alone shows the whole build")?;

    let scratch = Scratch {
        lib: root.join("usr/lib"),
        root,
    };
    let library = scratch.library();
    let file = library
        .canonicalize()
        .with_context(|| format!("make install left no {}", library.display()))?;
    let version = scratch.pkg_config(&["--modversion"])?.concat();
    note(&format!("liburing {version}: {}", file.display()));
    Ok(scratch)
}

/// One file of at least `size` bytes: real files of this machine, one after the other.
fn collect_input(dir: &Path, size: u64) -> Result<PathBuf> {
    let input = dir.join("input");
    step(&format!("collect {} MB of real files", size / MB));
    let mut out = BufWriter::new(create(&input)?);
    let (mut total, mut count) = (0, 0);
    let bar = bar(size);
    for file in ["/usr/bin", "/usr/lib", "/usr/share"]
        .iter()
        .flat_map(|top| files_below(Path::new(top)))
    {
        if total >= size {
            break;
        }
        // Giants would overshoot the size. A file that can't be read is no loss.
        let fits = fs::metadata(&file).is_ok_and(|data| data.len() <= size / 10);
        if let (true, Ok(mut from)) = (fits, File::open(&file)) {
            total += std::io::copy(&mut from, &mut out)
                .with_context(|| format!("copying {} to {}", file.display(), input.display()))?;
            count += 1;
            bar.set_position(total);
        }
    }
    bar.finish_and_clear();
    out.flush()?;
    ensure!(
        total >= size,
        "found only {total} bytes in /usr/bin, /usr/lib and /usr/share"
    );
    note(&format!("{total} bytes from {count} files: {}", input.display()));
    Ok(input)
}

/// The regular files below a folder, in a fixed order; links are not followed.
fn files_below(top: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![top.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = fs::read_dir(&folder)
            .map(|list| list.flatten().collect())
            .unwrap_or_default();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

/// Requires two files to be equal, byte for byte.
fn ensure_same(one: &Path, other: &Path) -> Result<()> {
    let mut files = [File::open(one)?, File::open(other)?];
    ensure!(
        files[0].metadata()?.len() == files[1].metadata()?.len(),
        "{} and {} differ in size",
        one.display(),
        other.display()
    );
    let (mut a, mut b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut at = 0;
    loop {
        let count = files[0].read(&mut a)?;
        if count == 0 {
            return Ok(());
        }
        files[1].read_exact(&mut b[..count])?;
        ensure!(
            a[..count] == b[..count],
            "{} and {} differ after byte {at}",
            one.display(),
            other.display()
        );
        at += count;
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("can't write {}", path.display()))
}

/// Removes a file if it is there.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn step(text: &str) {
    println!("* {text}");
}

fn note(text: &str) {
    println!("    {text}");
}

/// A progress bar, which shows itself on a terminal only.
fn bar(length: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("    {bar:30} {percent}% {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}
