//! One test program in one variant: compiles it, unless it is up to date, and runs it.

use super::output::{self, Case, End};
use super::{stamp, watch};
use refused::Filter;
use std::fs::{self, File};
use std::io;
use std::iter::Sum;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A program that runs longer hangs outside its cases, each of which has its own limit.
const LIMIT_SECONDS: u64 = 600;

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

#[derive(Clone)]
pub struct Program {
    /// How it uses the library, or which checker it runs under.
    pub variant: &'static str,
    pub name: String,
    pub exe: PathBuf,
    logs: PathBuf,
    source: PathBuf,
    cc: Vec<String>,
    flags: Vec<String>,
    pub library: PathBuf,
    /// Another library to link with, or none.
    linked: Option<PathBuf>,
    /// The command that it runs under, or none.
    wrapper: Vec<String>,
    env: Vec<(&'static str, String)>,
    case: Option<String>,
    limit: u64,
    /// The folder of libraries that replace those it was linked with.
    swapped: Option<PathBuf>,
    filter: Option<Arc<Filter>>,
    /// Whether a run that exceeds the limit ends with the stacks of its threads.
    watched: bool,
    /// The compiler's errors, if it failed.
    pub refused: Option<String>,
}

pub struct Outcome {
    pub variant: &'static str,
    pub name: String,
    pub log: PathBuf,
    pub counts: Counts,
    pub cases: Vec<Case>,
    /// Whether its log has stacks.
    pub hung: bool,
    /// Case and reason.
    pub skips: Vec<(String, String)>,
    /// The lines of a failed program's log that are shown.
    pub tail: Vec<String>,
}

impl Outcome {
    /// The cases that failed, with the reasons.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cases.iter().filter_map(|case| match &case.end {
            End::Failed(reason) => Some((case.name.as_str(), reason.as_str())),
            _ => None,
        })
    }
}

impl Program {
    /// `name` is a file of `test-c` without its `.c`.
    pub fn new(out: &Path, variant: &'static str, name: &str, flags: Vec<String>, library: PathBuf) -> Self {
        let path = name;
        let name = name.rsplit('/').next().unwrap_or(name);
        Self {
            variant,
            name: name.to_owned(),
            exe: out.join(variant).join(name),
            logs: out.to_path_buf(),
            flags,
            library,
            source: base::root().join(format!("test-c/{path}.c")),
            cc: vec!["cc".to_owned()],
            linked: None,
            wrapper: Vec::new(),
            env: Vec::new(),
            case: None,
            limit: LIMIT_SECONDS,
            swapped: None,
            filter: None,
            watched: false,
            refused: None,
        }
    }

    /// Runs it under `wrapper`, with additional environment variables.
    pub fn under(mut self, wrapper: Vec<String>, env: Vec<(&'static str, String)>) -> Self {
        self.wrapper = wrapper;
        self.env = env;
        self
    }

    /// Compiles it with this command, unless it is empty.
    pub fn compiler(mut self, cc: &[String]) -> Self {
        if !cc.is_empty() {
            self.cc = cc.to_vec();
        }
        self
    }

    /// Limits how long it may take.
    pub fn limit(mut self, seconds: u64) -> Self {
        self.limit = seconds;
        self
    }

    /// Runs only this case of it.
    pub fn case(mut self, name: &str) -> Self {
        self.case = Some(name.to_owned());
        self
    }

    /// Links it with this library, in place of the one that it runs on.
    pub fn linked_with(mut self, library: Option<PathBuf>) -> Self {
        self.linked = library;
        self
    }

    /// Runs it on the libraries in this folder, in place of those it was linked with.
    pub fn on(mut self, folder: &Path) -> Self {
        self.swapped = Some(folder.to_path_buf());
        self
    }

    /// Runs it under a filter of system calls.
    pub fn refused(mut self, filter: &Arc<Filter>) -> Self {
        self.filter = Some(Arc::clone(filter));
        self
    }

    /// Logs the stacks of its threads if it exceeds its time limit.
    pub fn watched(mut self) -> Self {
        self.watched = true;
        self
    }

    /// Compiles it, unless the program is there and nothing has changed since.
    pub fn build(mut self) -> Self {
        let mut rpath = std::ffi::OsString::from("-Wl,-rpath,");
        rpath.push(self.library.parent().expect("a library has a parent folder"));
        let mut cc = Command::new(&self.cc[0]);
        cc.args(&self.cc[1..]);
        cc.args(["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"])
            // File names in a program's messages don't depend on where it was built.
            .arg(format!("-fmacro-prefix-map={}/=", base::root().display()))
            .args(&self.flags)
            .arg(&self.source)
            .arg("-o")
            .arg(&self.exe)
            .arg(self.linked.as_ref().unwrap_or(&self.library))
            .arg(rpath)
            // LD_LIBRARY_PATH precedes such an rpath.
            .arg("-Wl,--enable-new-dtags");
        if let Err(error) = stamp::build(&mut cc, &self.exe) {
            self.refused = Some(format!("{error:#}"));
        }
        self
    }

    /// Runs it on this machine.
    pub fn run(&self, tmp: &Path) -> Outcome {
        self.run_in(&self.logs, tmp)
    }

    /// Runs it on this machine; logs go into `logs/VARIANT`.
    pub fn run_in(&self, logs: &Path, tmp: &Path) -> Outcome {
        self.run_by(logs, |program, log| program.here(log, tmp))
    }

    /// Runs it with `execute`, which writes its output to the given log; logs go into `logs/VARIANT`.
    pub fn run_by(&self, logs: &Path, execute: impl Fn(&Self, &Path) -> io::Result<ExitStatus>) -> Outcome {
        let log = logs.join(self.variant).join(format!("{}.log", self.name));
        let (text, status) = match &self.refused {
            Some(message) => (message.clone(), None),
            None => match execute(self, &log) {
                Ok(status) => (output::read(&log), Some(status)),
                Err(error) => (format!("can't run {}: {error}", self.exe.display()), None),
            },
        };
        if status.is_none() {
            // An error here loses nothing: the text is shown as well.
            let _ = fs::write(&log, &text);
        }
        self.outcome(log, &text, status)
    }

    /// The outcome of a run that wrote `text` and ended with `status`, or with none if it could not be started.
    pub fn outcome(&self, log: PathBuf, text: &str, status: Option<ExitStatus>) -> Outcome {
        let (cases, note) = output::parse(text, status);
        let mut counts = output::count(&cases);
        counts.failed += u32::from(status.is_none() || note.is_some());
        let tail = if counts.failed > 0 {
            output::tail(text, note, status.is_some())
        } else {
            Vec::new()
        };
        Outcome {
            variant: self.variant,
            name: self.name.clone(),
            log,
            counts,
            skips: output::skips(&cases),
            cases,
            hung: text.lines().any(|line| line.starts_with(output::STACK)),
            tail,
        }
    }

    /// Whether the outcome is that of this program.
    pub fn is(&self, outcome: &Outcome) -> bool {
        self.name == outcome.name && self.variant == outcome.variant
    }

    fn here(&self, log: &Path, tmp: &Path) -> io::Result<ExitStatus> {
        let log = File::create(log)?;
        // A watched one gets time for its stacks.
        let limit = if self.watched { self.limit + 60 } else { self.limit };
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", &limit.to_string()])
            .args(&self.wrapper)
            .arg(&self.exe)
            .args(&self.case)
            .env("TMPDIR", tmp)
            // What a caller's environment says about the engine must not reach the tests.
            .env_remove("T_BACKEND")
            .env_remove("IRONRING")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?);
        match &self.swapped {
            Some(folder) => command.env("LD_LIBRARY_PATH", folder),
            // It would take precedence over the rpath.
            None => command.env_remove("LD_LIBRARY_PATH"),
        };
        if let Some(filter) = &self.filter {
            filter.put_on(&mut command);
        }
        if self.watched {
            watch::run(&mut command, Duration::from_secs(self.limit), &log)
        } else {
            command.status()
        }
    }
}
