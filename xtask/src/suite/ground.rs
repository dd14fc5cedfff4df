//! `cargo xtask suite --ground`: the tests that work on files once more, on other ground than the machine's own file
//! system: a loop block device, and images with ext4, XFS and btrfs, made on the spot.

use super::exec::Here;
use super::session::{Place, Session};
use crate::util::{self, root};
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// What makes a test one that works on files, seen in its source.
const FILE_WORDS: [&str; 8] = [
    "argv[1]",
    "O_CREAT",
    "mkstemp",
    "prep_linkat",
    "prep_mkdir",
    "prep_symlink",
    "t_create_file",
    "xattr",
];

/// These take something else as their argument.
const NO_FILE_ARGUMENT: [&str; 2] = ["napi-test", "read-mshot-stdin"];

const IMAGE_BYTES: u64 = 1 << 30;

/// The size of a file that is given to tests as their argument.
const FILE_BYTES: usize = 16 << 20;

/// The file systems, what makes them, and the package that has it.
const FILE_SYSTEMS: [(&str, &[&str], &str); 3] = [
    ("ext4", &["mkfs.ext4", "-q", "-F"], "e2fsprogs"),
    ("xfs", &["mkfs.xfs", "-q", "-f"], "xfsprogs"),
    ("btrfs", &["mkfs.btrfs", "-q", "-f"], "btrfs-progs"),
];

/// A place, the tests for it, and whether several may run at once.
pub struct Ground {
    pub place: Place,
    pub tests: Vec<String>,
    pub together: bool,
    /// Undone when this goes.
    _undo: Option<Undo>,
}

/// Something to undo: a mount, a loop device.
struct Undo(Command);

impl Drop for Undo {
    fn drop(&mut self) {
        if let Err(error) = util::output(&mut self.0) {
            eprintln!("suite: {error:#}");
        }
    }
}

/// Why there is no other ground on this machine, if so.
pub fn missing() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        Some("loop devices and mounts need root")
    } else if !Path::new("/dev/loop-control").exists() {
        Some("this kernel has no loop devices")
    } else {
        None
    }
}

/// The grounds, made one at a time by the caller's asking for the next.
pub fn names() -> Vec<&'static str> {
    let file_systems = FILE_SYSTEMS.iter().map(|(name, ..)| *name);
    ["loop"].into_iter().chain(file_systems).collect()
}

/// Makes a ground. On a file system there are two: the tests' working folders on it, and a file on it as their argument.
pub fn make(name: &str, session: &Session, tests: &[String]) -> Result<Vec<Ground>> {
    let dir = root().join("target/suite/ground");
    fs::create_dir_all(&dir)?;
    let image = dir.join(format!("{name}.img"));
    let mounted = dir.join(name);
    clean(&image, &mounted)?;
    File::create(&image)?.set_len(IMAGE_BYTES)?;
    let (on_files, with_argument) = select(session, tests)?;
    let here = session.out.join("run");
    if name == "loop" {
        let device = attach(&image)?;
        let undo = undo("losetup", &["--detach", &device]);
        return Ok(vec![Ground {
            place: place(name, here, Some(device.into())),
            tests: with_argument,
            together: false,
            _undo: Some(undo),
        }]);
    }
    let (_, mkfs, package) = FILE_SYSTEMS
        .iter()
        .find(|(known, ..)| *known == name)
        .with_context(|| format!("no ground is called {name}"))?;
    util::need(mkfs[0], package)?;
    util::output(Command::new(mkfs[0]).args(&mkfs[1..]).arg(&image))?;
    fs::create_dir_all(&mounted)?;
    util::output(Command::new("mount").args(["-o", "loop"]).args([&image, &mounted]))?;
    let undo = undo("umount", &[&mounted.to_string_lossy()]);
    let file = mounted.join("file");
    fs::write(&file, vec![0xaa; FILE_BYTES])?;
    Ok(vec![
        Ground {
            place: place(&format!("{name}-file"), here, Some(file)),
            tests: with_argument,
            together: false,
            _undo: None,
        },
        Ground {
            place: place(name, mounted.join("run"), None),
            tests: on_files,
            together: true,
            _undo: Some(undo),
        },
    ])
}

fn place(name: &str, dir: PathBuf, argument: Option<PathBuf>) -> Place {
    Place {
        name: name.to_owned(),
        machine: Arc::new(Here),
        dir,
        args: argument.into_iter().map(PathBuf::into_os_string).collect(),
    }
}

fn undo(program: &str, args: &[&str]) -> Undo {
    let mut command = Command::new(program);
    command.args(args);
    Undo(command)
}

fn attach(image: &Path) -> Result<String> {
    let device = util::stdout(Command::new("losetup").args(["--find", "--show"]).arg(image))?;
    Ok(device.trim().to_owned())
}

/// Takes away what an earlier run, if it was killed, left of ours.
fn clean(image: &Path, mounted: &Path) -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    if mounts.lines().any(|line| line.split(' ').nth(1) == mounted.to_str()) {
        util::output(Command::new("umount").arg(mounted))?;
    }
    if image.exists() {
        let devices = util::stdout(
            Command::new("losetup")
                .args(["--noheadings", "-O", "NAME", "-j"])
                .arg(image),
        )?;
        for device in devices.split_whitespace() {
            util::output(Command::new("losetup").args(["--detach", device]))?;
        }
        fs::remove_file(image)?;
    }
    Ok(())
}

/// Those of the tests that work on files, and those that take one as an argument.
fn select(session: &Session, tests: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    let mut on_files = Vec::new();
    let mut with_argument = Vec::new();
    for test in tests {
        let Ok(source) = fs::read(session.tree.dir.join(format!("test/{test}.c"))) else {
            continue;
        };
        let source = String::from_utf8_lossy(&source);
        if FILE_WORDS.iter().any(|word| source.contains(word)) {
            on_files.push(test.clone());
        }
        if source.contains("argv[1]") && !NO_FILE_ARGUMENT.contains(&test.as_str()) {
            with_argument.push(test.clone());
        }
    }
    ensure!(!on_files.is_empty(), "none of these tests works on files");
    Ok((on_files, with_argument))
}
