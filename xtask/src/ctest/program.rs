//! One test program in one mode: compiled, run, its output understood.

use crate::util;
use std::fs::{self, File};
use std::io;
use std::iter::Sum;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// A program that runs longer hangs outside of its cases, each of which has a limit of its own.
const LIMIT_SECONDS: u64 = 600;

/// How much of a failed program's log is shown.
const TAIL_LINES: usize = 15;

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    pub passed: u32,
    pub failed: u32,
    pub skipped: u32,
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            passed: a.passed + b.passed,
            failed: a.failed + b.failed,
            skipped: a.skipped + b.skipped,
        })
    }
}

pub struct Program {
    /// How it uses the library, or which checker watches it.
    pub way: &'static str,
    pub name: String,
    pub exe: PathBuf,
    logs: PathBuf,
    source: PathBuf,
    cc: Vec<String>,
    flags: Vec<String>,
    pub library: PathBuf,
    /// The command that runs it, when it doesn't run by itself.
    wrapper: Vec<String>,
    env: Vec<(&'static str, String)>,
    case: Option<&'static str>,
    limit: u64,
    /// What the compiler said, when it refused.
    pub refused: Option<String>,
}

pub struct Outcome {
    pub way: &'static str,
    pub name: String,
    pub log: PathBuf,
    pub counts: Counts,
    /// Case and reason.
    pub skips: Vec<(String, String)>,
    /// The lines of a failed program that say why.
    pub tail: Vec<String>,
}

impl Program {
    /// `name` is a file of `test-c` without its `.c`.
    pub fn new(out: &Path, way: &'static str, name: &str, flags: Vec<String>, library: PathBuf) -> Self {
        let path = name;
        let name = name.rsplit('/').next().unwrap_or(name);
        Self {
            way,
            name: name.to_owned(),
            exe: out.join(way).join(name),
            logs: out.to_path_buf(),
            flags,
            library,
            source: util::root().join(format!("test-c/{path}.c")),
            cc: vec!["cc".to_owned()],
            wrapper: Vec::new(),
            env: Vec::new(),
            case: None,
            limit: LIMIT_SECONDS,
            refused: None,
        }
    }

    /// Runs it by `wrapper`, with more in its environment.
    pub fn under(mut self, wrapper: Vec<String>, env: Vec<(&'static str, String)>) -> Self {
        self.wrapper = wrapper;
        self.env = env;
        self
    }

    /// It is compiled by this one, with these flags, unless none is named.
    pub fn compiler(mut self, cc: &[String]) -> Self {
        if !cc.is_empty() {
            self.cc = cc.to_vec();
        }
        self
    }

    /// It may take so many seconds.
    pub fn limit(mut self, seconds: u64) -> Self {
        self.limit = seconds;
        self
    }

    /// Runs only this case of it.
    pub fn case(mut self, name: &'static str) -> Self {
        self.case = Some(name);
        self
    }

    pub fn build(mut self) -> Self {
        let mut rpath = std::ffi::OsString::from("-Wl,-rpath,");
        rpath.push(self.library.parent().expect("a library lies in a folder"));
        let mut cc = Command::new(&self.cc[0]);
        cc.args(&self.cc[1..]);
        cc.args(["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"])
            // What a program says of itself is the same wherever it was built.
            .arg(format!("-fmacro-prefix-map={}/=", util::root().display()))
            .args(&self.flags)
            .arg(&self.source)
            .arg("-o")
            .arg(&self.exe)
            .arg(&self.library)
            .arg(rpath);
        if let Err(error) = util::output(&mut cc) {
            self.refused = Some(format!("{error:#}"));
        }
        self
    }

    /// Runs it on this machine.
    pub fn run(&self, tmp: &Path) -> Outcome {
        self.run_by(&self.logs, |program, log| program.here(log, tmp))
    }

    /// Has `execute` run it, which leaves what it prints in the log that it is given; logs go into `logs/WAY`.
    pub fn run_by(&self, logs: &Path, execute: impl Fn(&Self, &Path) -> io::Result<ExitStatus>) -> Outcome {
        let log = logs.join(self.way).join(format!("{}.log", self.name));
        let (text, status) = match &self.refused {
            Some(message) => (message.clone(), None),
            None => match execute(self, &log) {
                Ok(status) => (read_lossy(&log), Some(status)),
                Err(error) => (format!("can't run {}: {error}", self.exe.display()), None),
            },
        };
        if status.is_none() {
            // The log is only for people: the text is shown as well.
            let _ = fs::write(&log, &text);
        }
        let (counts, skips, note) = understand(&text, status);
        let tail = if counts.failed > 0 {
            tail(&text, note, status.is_some())
        } else {
            Vec::new()
        };
        Outcome {
            way: self.way,
            name: self.name.clone(),
            log,
            counts,
            skips,
            tail,
        }
    }

    /// Whether the outcome is that of this program.
    pub fn is(&self, outcome: &Outcome) -> bool {
        self.name == outcome.name && self.way == outcome.way
    }

    fn here(&self, log: &Path, tmp: &Path) -> io::Result<ExitStatus> {
        let log = File::create(log)?;
        Command::new("timeout")
            .args(["--kill-after=5", &self.limit.to_string()])
            .args(&self.wrapper)
            .arg(&self.exe)
            .args(self.case)
            .env("TMPDIR", tmp)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            // It would win over the rpath.
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .status()
    }
}

fn read_lossy(path: &Path) -> String {
    fs::read(path).map_or_else(
        |error| error.to_string(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

/// Counts the cases in the output. What isn't a case's failure but shouldn't be either counts as one, and is noted.
fn understand(text: &str, status: Option<ExitStatus>) -> (Counts, Vec<(String, String)>, Option<String>) {
    let mut counts = Counts::default();
    let mut skips = Vec::new();
    let mut reason = "";
    let mut summary = None;
    for line in text.lines() {
        if line.starts_with("ok ") {
            counts.passed += 1;
        } else if line.starts_with("FAIL ") {
            counts.failed += 1;
        } else if let Some(case) = line.strip_prefix("skip ") {
            counts.skipped += 1;
            skips.push((case.to_owned(), std::mem::take(&mut reason).to_owned()));
        } else if let Some(found) = line.strip_prefix("  reason: ") {
            reason = found;
        } else if line.ends_with(" skipped") {
            summary = Some(line);
        }
    }
    let Some(status) = status else {
        counts.failed += 1;
        return (counts, skips, None);
    };
    let expected = format!(
        "{} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    );
    let note = if status.code() == Some(124) {
        Some("the program took longer than it may".to_owned())
    } else if let Some(signal) = status.signal() {
        Some(format!("the program ended by signal {signal}"))
    } else if summary != Some(expected.as_str()) {
        Some(format!(
            "the program ended ({status}) without its last line, which would be: {expected}"
        ))
    } else if counts == Counts::default() {
        Some("the program has no cases".to_owned())
    } else if status.success() != (counts.failed == 0) {
        Some(format!("the program ended with {status}"))
    } else {
        None
    };
    counts.failed += u32::from(note.is_some());
    (counts, skips, note)
}

/// Of a program the last lines, those of cases that passed left out; of a compiler the first, where the cause is.
fn tail(text: &str, note: Option<String>, ran: bool) -> Vec<String> {
    if !ran {
        return text.lines().take(TAIL_LINES).map(str::to_owned).collect();
    }
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("ok "))
        .map(str::to_owned)
        .chain(note)
        .collect();
    lines.drain(..lines.len().saturating_sub(TAIL_LINES));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u32, failed: u32, skipped: u32) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    fn of(text: &str, wait_status: i32) -> (Counts, Vec<(String, String)>, Option<String>) {
        understand(text, Some(ExitStatus::from_raw(wait_status)))
    }

    #[test]
    fn cases_are_counted_and_skips_keep_their_reasons() {
        let text = "ok a\n  reason: no b here\nskip b\n  x.c:1: not true: c\nFAIL c\n1 passed, 1 failed, 1 skipped\n";
        let (found, skips, note) = of(text, 1 << 8);
        assert_eq!(found, counts(1, 1, 1));
        assert_eq!(skips, [("b".to_owned(), "no b here".to_owned())]);
        assert_eq!(note, None);
    }

    #[test]
    fn an_end_without_the_last_line_is_a_failure() {
        for text in ["ok a\n", "", "ok a\n2 passed, 0 failed, 0 skipped\n"] {
            let (found, _, note) = of(text, 0);
            assert_eq!(found.failed, 1, "{text:?}");
            assert!(note.is_some());
        }
    }

    #[test]
    fn so_is_a_program_without_cases_or_with_a_wrong_end() {
        assert_eq!(of("0 passed, 0 failed, 0 skipped\n", 0).0, counts(0, 1, 0));
        let all_well = "ok a\n1 passed, 0 failed, 0 skipped\n";
        assert_eq!(of(all_well, 0).0, counts(1, 0, 0));
        for end in [1 << 8, 124 << 8, 11] {
            assert_eq!(of(all_well, end).0, counts(1, 1, 0), "{end}");
        }
    }

    #[test]
    fn a_program_that_does_not_compile_is_a_failure() {
        assert_eq!(understand("error: ok a\n", None).0, counts(0, 1, 0));
    }
}
