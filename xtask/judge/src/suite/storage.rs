//! `cargo xtask suite --storage`: runs the tests that use files on other storage than the machine's own file system: a
//! loop block device, and new images with ext4, XFS and btrfs.

use super::session::{Environment, Session};
use anyhow::{Result, ensure};
use base::{command, need, output, root, stdout};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A test whose source has one of these words uses files.
const FILE_WORDS: &str = "argv[1] O_CREAT mkstemp prep_linkat prep_mkdir prep_symlink t_create_file xattr";

/// These take something else as their argument.
const NO_FILE_ARGUMENT: [&str; 2] = ["napi-test", "read-mshot-stdin"];

const IMAGE_BYTES: u64 = 1 << 30;

/// The size of a file that is given to tests as their argument.
const FILE_BYTES: usize = 16 << 20;

/// The block device itself, then the file systems; each with the package of its tool.
pub const ALL: [(&str, &str); 4] = [
    ("loop", "mount"),
    ("ext4", "e2fsprogs"),
    ("xfs", "xfsprogs"),
    ("btrfs", "btrfs-progs"),
];

/// An environment, the tests for it, and how many may run at once.
pub struct Storage {
    pub env: Environment,
    pub tests: Vec<String>,
    pub at_once: usize,
    /// A loop device exists as long as it is open.
    _device: Option<File>,
}

/// Why this machine can't provide other storage, if it can't.
pub fn missing() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        Some("loop devices and mounts need root")
    } else if !Path::new("/dev/loop-control").exists() {
        Some("this kernel has no loop devices")
    } else {
        None
    }
}

/// Restarts this command in its own mount namespace, so that its mounts are private and end with it, however it ends.
pub fn enter() -> Result<()> {
    const ENTERED: &str = "IRONRING_SUITE_STORAGE";
    if std::env::var_os(ENTERED).is_some() {
        return Ok(());
    }
    let mut again = command!("unshare --mount");
    Err(again.args(std::env::args_os()).env(ENTERED, "own").exec().into())
}

/// Makes one. A file system gives two: one with the tests' working folders on it, one with a file on it as argument.
pub fn make((name, package): (&str, &str), session: &Session, tests: &[String], jobs: usize) -> Result<Vec<Storage>> {
    let dir = root().join("target/suite/storage").join(name);
    base::fresh(&dir)?;
    let (on_files, with_argument) = select(session, tests)?;
    let on = |kind: &str, dir: PathBuf, argument: Option<PathBuf>, tests| -> Result<Storage> {
        Ok(Storage {
            at_once: if argument.is_some() { 1 } else { jobs },
            env: Environment {
                name: format!("{name}{kind}"),
                args: argument.into_iter().map(PathBuf::into_os_string).collect(),
                ..Environment::here(dir)?
            },
            tests,
            _device: None,
        })
    };
    let here = session.out.join("run");
    let image = dir.with_extension("img");
    let _ = fs::remove_file(&image);
    File::create(&image)?.set_len(IMAGE_BYTES)?;
    let made = if name == "loop" {
        let device = stdout(&mut command!("losetup --find --show", &image))?;
        let device = device.trim();
        let open = File::open(device)?;
        output(&mut command!("losetup --detach", device))?;
        vec![Storage {
            _device: Some(open),
            ..on("", here, Some(device.into()), with_argument)?
        }]
    } else {
        let make = format!("mkfs.{name}");
        need(&make, package)?;
        output(
            Command::new(make)
                .args(["-q", if name == "ext4" { "-F" } else { "-f" }])
                .arg(&image),
        )?;
        output(&mut command!("mount -o loop", &image, &dir))?;
        let file = dir.join("file");
        fs::write(&file, vec![0xaa; FILE_BYTES])?;
        vec![
            on("-file", here, Some(file), with_argument)?,
            on("", dir.join("run"), None, on_files)?,
        ]
    };
    // The image exists as long as it is mounted, or its device is open.
    fs::remove_file(&image)?;
    Ok(made)
}

/// The tests that use files, and those that take one as their argument.
fn select(session: &Session, tests: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    let mut on_files = Vec::new();
    let mut with_argument = Vec::new();
    for test in tests {
        let Ok(source) = fs::read(session.tree.dir.join(format!("test/{test}.c"))) else {
            continue;
        };
        let source = String::from_utf8_lossy(&source);
        if FILE_WORDS.split(' ').any(|word| source.contains(word)) {
            on_files.push(test.clone());
        }
        if source.contains("argv[1]") && !NO_FILE_ARGUMENT.contains(&test.as_str()) {
            with_argument.push(test.clone());
        }
    }
    ensure!(!on_files.is_empty(), "none of these tests uses files");
    Ok((on_files, with_argument))
}
