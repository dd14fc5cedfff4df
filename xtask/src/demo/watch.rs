//! Runs a program and proves from its own maps which liburing it uses.

use crate::util;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How the library gets into a program.
#[derive(Clone, Copy)]
pub enum Load<'a> {
    /// As any program gets it: the system's.
    System,
    /// `LD_LIBRARY_PATH` is this folder.
    Path(&'a Path),
    /// `LD_PRELOAD` is this file.
    Preload(&'a Path),
}

/// What a run left.
pub struct Run {
    pub said: String,
    pub time: Duration,
    /// The highest count of requests that the kernel was seen to report for one of the process's rings.
    requests: u64,
}

impl Run {
    pub fn proof(&self, library: Option<&Path>) -> String {
        let library = library.map_or("no liburing (linked in)".into(), |path| {
            path.canonicalize()
                .unwrap_or_else(|_| path.into())
                .display()
                .to_string()
        });
        // 0: the kernel was too busy to say.
        match self.requests {
            0 => format!("its maps, with its ring open: {library}"),
            count => format!("its maps, at request {count} of its ring: {library}"),
        }
    }
}

/// Runs a program and looks into it while it runs: a ring must be open, and of all files called `liburing*`
/// exactly the expected one must be mapped.
pub fn watch(mut command: Command, load: Load, library: Option<&Path>) -> Result<Run> {
    command.env_remove("LD_LIBRARY_PATH").env_remove("LD_PRELOAD");
    match load {
        Load::System => &mut command,
        Load::Path(dir) => command.env("LD_LIBRARY_PATH", dir),
        Load::Preload(file) => command.env("LD_PRELOAD", file),
    };
    let shown = util::show(&command);
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("can't run: {shown}"))?;
    let proc = PathBuf::from(format!("/proc/{}", child.id()));
    let mut mapped = None;
    let mut requests = 0;
    // Once the kernel has reported requests there is nothing left to prove, and the process runs undisturbed.
    while requests == 0 && child.try_wait()?.is_none() {
        if let Some(count) = ring_requests(&proc) {
            // While it exits, a process still has its ring but no maps.
            let now = mapped_liburings(&proc);
            if mapped.is_none() || !now.is_empty() {
                mapped = Some(now);
            }
            requests = count;
        }
        sleep(Duration::from_millis(1));
    }
    let out = child.wait_with_output()?;
    let time = start.elapsed();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&out.stderr).into_owned();
    if !out.status.success() || !complaint.is_empty() {
        let hint = if complaint.contains("O_DIRECT") || complaint.contains("Invalid argument") {
            "\nthe file system may lack O_DIRECT; choose another: cargo xtask demo --dir DIR"
        } else {
            ""
        };
        bail!("{} from: {shown}\n{said}{complaint}{hint}", out.status);
    }
    let Some(mapped) = mapped else {
        bail!("no ring was seen in: {shown}\nit didn't use io_uring, or ended at once; try again without --quick");
    };
    let expected: BTreeSet<PathBuf> = library.map(Path::canonicalize).transpose()?.into_iter().collect();
    ensure!(
        mapped == expected,
        "wrong library in: {shown}\nexpected {expected:?}\nits maps have {mapped:?}"
    );
    Ok(Run { said, time, requests })
}

/// The requests submitted so far on the busiest ring of a process; `None` when it has no ring. 0 also while the kernel
/// is too busy with the ring to say.
fn ring_requests(proc: &Path) -> Option<u64> {
    let mut most = None;
    for entry in fs::read_dir(proc.join("fd")).ok()?.flatten() {
        let is_ring = fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().contains("[io_uring]"));
        if !is_ring {
            continue;
        }
        let info = fs::read_to_string(proc.join("fdinfo").join(entry.file_name())).unwrap_or_default();
        let count = info
            .lines()
            .find_map(|line| line.strip_prefix("SqTail:"))
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0);
        most = most.max(Some(count));
    }
    most
}

/// The files called `liburing*` that a process has mapped.
fn mapped_liburings(proc: &Path) -> BTreeSet<PathBuf> {
    fs::read_to_string(proc.join("maps"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.find('/').map(|at| PathBuf::from(&line[at..])))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("liburing"))
        })
        .collect()
}
