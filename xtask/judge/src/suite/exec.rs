//! Runs one test program within a time limit, in its own folder, network namespace and PID namespace, on the engine also
//! behind a filter that refuses the kernel's io_uring.

use anyhow::{Context, Result};
use base::command;
use refused::{Filter, How};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, geteuid, kill_process_group, waitid};
use serde::Serialize;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The exit status that means "skipped".
const SKIP: i32 = 77;
/// The one that means "took too long", as in timeout(1).
pub const LATE: i32 = 124;
/// How much of a test's output goes into a reason.
const REASON_CHARS: usize = 110;

/// The beginning of the reason of a test that exceeded its time limit, and of one that crashed the kernel.
const TOO_LONG: &str = "took over";
pub const TOOK_DOWN: &str = "took the kernel down";

/// How one run of a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    /// With the reason that the test printed.
    Skip(String),
    /// The status or signal, and what the test printed.
    Fail(String),
    /// It doesn't compile or link; the compiler's first message.
    Unbuilt(String),
}

impl Outcome {
    /// The outcome of a test that ended with `status` and printed `text`.
    pub fn of(status: ExitStatus, text: &str, limit: Duration) -> Self {
        let end = match (status.code(), status.signal()) {
            (Some(0), _) => return Self::Pass,
            (Some(SKIP), _) => return Self::Skip(skip_reason(text)),
            (Some(LATE), _) => format!("{TOO_LONG} {} s", limit.as_secs()),
            (_, Some(signal)) => format!("signal {signal}"),
            (code, _) => format!("exit {}", code.unwrap_or(-1)),
        };
        Self::Fail(match text.lines().map(str::trim).rfind(|line| !line.is_empty()) {
            Some(line) => format!("{end}: {}", shorten(line)),
            None => end,
        })
    }

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

    /// Whether it exceeded its time limit or crashed the kernel.
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
    /// Created empty, and removed afterwards.
    pub cwd: PathBuf,
    /// Links that the tests need beside themselves, and their targets.
    pub beside: &'a [(String, PathBuf)],
    pub log: PathBuf,
    pub limit: Duration,
    /// How the kernel's io_uring is refused.
    pub refuse: How,
}

/// Checks that tests can run isolated here.
pub fn prepare() -> Result<()> {
    if geteuid().is_root() {
        base::need("ip", "iproute2")?;
        base::output(alone(Duration::from_secs(60)).arg("true"))
            .context("root can't create namespaces here, which the suite needs")?;
    } else {
        eprintln!("suite: not root: many tests skip, and tests that run at once may take each other's ports");
    }
    Ok(())
}

/// A command that ends with this process. Root's has its own network namespace, with nothing but loopback: tests that
/// run at once don't take each other's ports, and none reaches another machine (one of them tries to). It also has its
/// own PID namespace: all processes that a test started end with it.
fn alone(limit: Duration) -> Command {
    let mut command = if geteuid().is_root() {
        command!(
            "setpriv --pdeathsig KILL unshare --net --pid --fork --kill-child --mount-proc sh -c",
            "ip link set lo up && exec timeout --signal=INT --kill-after=5 \"$@\"",
            "sh"
        )
    } else {
        command!("setpriv --pdeathsig TERM timeout --signal=INT --kill-after=5")
    };
    command.arg(limit.as_secs().to_string());
    command
}

/// What tests run on.
pub trait Machine: Send + Sync {
    /// Runs a test to its end. An error means that the runner failed, never the test.
    fn run(&self, spawn: &Spawn) -> Result<(Outcome, Duration)>;

    /// Whether a test that never ends on the peer runs in the other modes too, and one that fails in all modes again.
    fn runs_endless(&self) -> bool;
}

/// This machine.
pub struct Here;

impl Machine for Here {
    fn run(&self, spawn: &Spawn) -> Result<(Outcome, Duration)> {
        base::fresh(&spawn.cwd)?;
        for (name, target) in spawn.beside {
            std::os::unix::fs::symlink(target, spawn.cwd.join(name))?;
        }
        let start = Instant::now();
        let status = run_in(spawn).with_context(|| format!("can't run {}", spawn.exe.display()))?;
        let time = start.elapsed();
        fs::remove_dir_all(&spawn.cwd)?;
        let status = match status.code() {
            _ if time >= spawn.limit => ExitStatus::from_raw(LATE << 8),
            // timeout(1) exits with 128 + N if it can't end by the program's signal.
            Some(code @ 129..=192) => ExitStatus::from_raw(code - 128),
            _ => status,
        };
        let text = fs::read(&spawn.log)?;
        Ok((Outcome::of(status, &String::from_utf8_lossy(&text), spawn.limit), time))
    }

    fn runs_endless(&self) -> bool {
        true
    }
}

fn run_in(spawn: &Spawn) -> Result<ExitStatus> {
    // Appending: some tests write to their standard output at an offset.
    let _ = fs::remove_file(&spawn.log);
    let log = OpenOptions::new().create(true).append(true).open(&spawn.log)?;
    let mut command = alone(spawn.limit);
    Filter::new(spawn.refuse)?.put_on(&mut command);
    let policy = spawn.refuse.policy().filter(|_| spawn.refuse != How::None);
    let mut child = command
        .arg(format!("./{}", spawn.name))
        .args(spawn.args)
        .current_dir(&spawn.cwd)
        // The program finds its library by its runpath; nothing may precede that.
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("LD_PRELOAD")
        .env_remove("IRONRING")
        .env_remove("IRONRING_LOG")
        .envs(policy.map(|policy| ("IRONRING", policy)))
        .env("TMPDIR", &spawn.cwd)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()?;
    let pid = Pid::from_child(&child);
    // It stays a zombie until the group is dead, so that the group's number can't be reused.
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let _ = kill_process_group(pid, Signal::KILL);
    Ok(child.wait()?)
}

/// Why a test skipped: the first line of its output that looks like a reason, or the last.
fn skip_reason(text: &str) -> String {
    const WORDS: &str = "skip support need require root privilege enabled fail";
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling = lines.clone().find(|line| {
        let line = line.to_lowercase();
        WORDS.split(' ').any(|word| line.contains(word))
    });
    telling
        .or_else(|| lines.next_back())
        .map_or_else(|| "said nothing".to_owned(), shorten)
}

pub fn shorten(line: &str) -> String {
    if line.chars().count() <= REASON_CHARS {
        return line.to_owned();
    }
    line.chars().take(REASON_CHARS - 1).chain(['…']).collect()
}
