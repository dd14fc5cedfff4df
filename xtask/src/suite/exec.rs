//! Runs one test program to its end: alone in a folder, in a process group of its own, within a time limit.

use crate::util;
use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, geteuid, kill_process,
    kill_process_group, pidfd_open, set_child_subreaper, wait, waitid,
};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::cell::Cell;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What a test that was interrupted may take to end.
const GRACE: Duration = Duration::from_secs(5);
/// The exit status that means "skipped".
const SKIP: i32 = 77;
/// How much of a test's output goes into a reason, and how much is shown of a failing one.
const REASON_CHARS: usize = 110;

/// How the reason begins of a test that had to be ended, and of one that ended the machine.
const TOO_LONG: &str = "took over";
pub const TOOK_DOWN: &str = "took the kernel down";

/// How one run of a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    /// With what the test said about it.
    Skip(String),
    /// The status or signal, and what the test said.
    Fail(String),
    /// It doesn't compile or link; the compiler's first words.
    Unbuilt(String),
}

impl Outcome {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skip(_) => "skip",
            Self::Fail(_) => "FAIL",
            Self::Unbuilt(_) => "NOT BUILT",
        }
    }

    pub fn failed(&self) -> bool {
        matches!(self, Self::Fail(_) | Self::Unbuilt(_))
    }

    /// Whether it didn't end by itself.
    pub fn endless(&self) -> bool {
        matches!(self, Self::Fail(reason) if reason.starts_with(TOO_LONG) || reason.starts_with(TOOK_DOWN))
    }

    /// The higher, the worse.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Skip(_) => 1,
            Self::Fail(_) => 2,
            Self::Unbuilt(_) => 3,
        }
    }

    pub fn worse_than(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    pub fn reason(&self) -> &str {
        match self {
            Self::Pass => "",
            Self::Skip(text) | Self::Fail(text) | Self::Unbuilt(text) => text,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.reason() {
            "" => f.write_str(self.word()),
            reason => write!(f, "{} ({reason})", self.word()),
        }
    }
}

/// A program and where it runs.
pub struct Spawn<'a> {
    pub exe: &'a Path,
    pub name: &'a str,
    pub args: &'a [OsString],
    /// Made anew, and removed afterwards.
    pub cwd: PathBuf,
    /// Names that the tests look for beside themselves, and what they lead to.
    pub beside: &'a [(String, PathBuf)],
    pub log: PathBuf,
    pub limit: Duration,
}

/// Makes this process the parent of every orphan among the tests' descendants, and a signal to it a request to stop.
pub fn prepare() -> Result<()> {
    if geteuid().is_root() {
        util::need("ip", "iproute2")?;
    } else {
        eprintln!("suite: not root: many tests skip, and tests that run at once may take each other's ports");
    }
    set_child_subreaper(Some(rustix::process::getpid())).context("can't become the parent of the tests' orphans")?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(stop_flag()))?;
    }
    Ok(())
}

fn stop_flag() -> &'static Arc<AtomicBool> {
    static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    STOP.get_or_init(Arc::default)
}

pub fn stopped() -> bool {
    stop_flag().load(Ordering::Relaxed)
}

thread_local! {
    /// Whether this thread, and so what it starts, has a network of its own.
    static ISOLATED: Cell<bool> = const { Cell::new(false) };
}

/// Gives this thread a network of its own, with nothing but loopback: tests that run at once don't take each other's
/// ports, and none reaches another machine (one of them tries to).
fn isolate() -> Result<()> {
    if ISOLATED.get() || !geteuid().is_root() {
        return Ok(());
    }
    // SAFETY: only the network namespace of this thread changes; no descriptor and no memory does.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }
        .context("root here can't have a network namespace of its own, which the suite needs")?;
    util::output(Command::new("ip").args(["link", "set", "lo", "up"]))?;
    ISOLATED.set(true);
    Ok(())
}

/// What tests run on.
pub trait Machine: Send + Sync {
    /// Runs a test to its end. An error is the runner's own trouble, never the test's.
    fn run(&self, spawn: &Spawn) -> Result<(Outcome, Duration)>;

    /// Ends what tests left behind outside of their groups. Only at times when nothing else runs.
    fn end_strays(&self);

    /// Whether what hopelessly fails on the peer runs in the other modes all the same, and what fails in all modes again.
    fn insists(&self) -> bool;
}

/// This machine.
pub struct Here;

impl Machine for Here {
    fn run(&self, spawn: &Spawn) -> Result<(Outcome, Duration)> {
        run(spawn)
    }

    fn end_strays(&self) {
        end_strays();
    }

    fn insists(&self) -> bool {
        true
    }
}

fn run(spawn: &Spawn) -> Result<(Outcome, Duration)> {
    isolate()?;
    clear(&spawn.cwd)?;
    fs::create_dir_all(&spawn.cwd).with_context(|| format!("can't make {}", spawn.cwd.display()))?;
    for (name, target) in spawn.beside {
        std::os::unix::fs::symlink(target, spawn.cwd.join(name))?;
    }
    let start = Instant::now();
    let end = run_in(spawn);
    let time = start.elapsed();
    clear(&spawn.cwd)?;
    let text = fs::read(&spawn.log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    Ok((end?.outcome(&text, spawn.limit), time))
}

fn clear(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// How a program ended.
pub enum End {
    Code(i32),
    Signal(i32),
    TooLong,
}

impl End {
    /// What that says about the test, which printed `text`.
    pub fn outcome(&self, text: &str, limit: Duration) -> Outcome {
        match self {
            Self::Code(0) => Outcome::Pass,
            Self::Code(SKIP) => Outcome::Skip(skip_reason(text)),
            Self::Code(code) => Outcome::Fail(with_words(&format!("exit {code}"), text)),
            Self::Signal(signal) => Outcome::Fail(with_words(&format!("signal {signal}"), text)),
            Self::TooLong => Outcome::Fail(with_words(&format!("{TOO_LONG} {} s", limit.as_secs()), text)),
        }
    }
}

fn run_in(spawn: &Spawn) -> Result<End> {
    // Appending: some tests write to their standard output at an offset.
    let _ = fs::remove_file(&spawn.log);
    let log = OpenOptions::new().create(true).append(true).open(&spawn.log)?;
    let child = Command::new(spawn.exe)
        .arg0(format!("./{}", spawn.name))
        .args(spawn.args)
        .current_dir(&spawn.cwd)
        // The program finds its library by its own path; nothing may come before that.
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("LD_PRELOAD")
        .env("TMPDIR", &spawn.cwd)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("can't run {}", spawn.exe.display()))?;
    let pid = Pid::from_child(&child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;

    let start = Instant::now();
    let mut late = false;
    // The leader stays a zombie until the group is dead, so that the group's number can't be somebody else's.
    while !ended(&pidfd)? {
        let limit = if late { spawn.limit + GRACE } else { spawn.limit };
        if stopped() || (late && start.elapsed() > limit) {
            let _ = kill_process_group(pid, Signal::KILL);
        } else if start.elapsed() > limit {
            let _ = kill_process_group(pid, Signal::INT);
            late = true;
        }
    }
    let _ = kill_process_group(pid, Signal::KILL);
    let status = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED)?;
    if stopped() {
        bail!("interrupted");
    }
    Ok(match status {
        _ if late => End::TooLong,
        Some(status) => end_of(&status),
        None => bail!("{} ended without a status", spawn.exe.display()),
    })
}

/// Waits a little for the process; true when it has ended.
fn ended(pidfd: &rustix::fd::OwnedFd) -> Result<bool> {
    let pause = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    match poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&pause)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn end_of(status: &WaitIdStatus) -> End {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => End::Code(code),
        (_, Some(signal)) => End::Signal(signal),
        _ => End::Code(-1),
    }
}

fn end_strays() {
    // Each one that dies may leave us its own children.
    for _ in 0..10 {
        let strays = children();
        for pid in &strays {
            let _ = kill_process(*pid, Signal::KILL);
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if strays.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The processes whose parent is this one.
fn children() -> Vec<Pid> {
    let own = rustix::process::getpid();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // After the name, which may hold anything but ends with the last parenthesis: state and parent.
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        if parent.and_then(|parent| parent.parse().ok()).and_then(Pid::from_raw) == Some(own) {
            found.push(pid);
        }
    }
    found
}

/// What a test that skipped said about it: the first line that sounds like a reason, or the last.
fn skip_reason(text: &str) -> String {
    const WORDS: [&str; 8] = [
        "skip",
        "support",
        "need",
        "require",
        "root",
        "privilege",
        "enabled",
        "fail",
    ];
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling = lines.clone().find(|line| {
        let line = line.to_lowercase();
        WORDS.iter().any(|word| line.contains(word))
    });
    telling
        .or_else(|| lines.next_back())
        .map_or_else(|| "said nothing".to_owned(), shorten)
}

fn with_words(end: &str, text: &str) -> String {
    match text.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        Some(line) => format!("{end}: {}", shorten(line)),
        None => end.to_owned(),
    }
}

pub fn shorten(line: &str) -> String {
    if line.chars().count() <= REASON_CHARS {
        return line.to_owned();
    }
    line.chars().take(REASON_CHARS - 1).chain(['…']).collect()
}
