//! The engines: builds and starts their workers, and sends them tasks.

use super::{ENGINE, FASTEST, FLAVOUR, FLOOR, OURS, PEER};
use anyhow::{Context, Result, bail};
use base::{output, root};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running worker.
pub struct Engine {
    pub name: &'static str,
    pub program: PathBuf,
    pub lib: Option<PathBuf>,
    process: Child,
    tasks: Option<ChildStdin>,
    times: BufReader<ChildStdout>,
}

impl Engine {
    fn start(name: &'static str, program: PathBuf, lib: Option<PathBuf>) -> Result<Self> {
        let mut command = command(name, &program, lib.as_deref());
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't run {}", program.display()))?;
        let tasks = process.stdin.take();
        let times = BufReader::new(process.stdout.take().context("the worker has no standard output")?);
        Ok(Self {
            name,
            program,
            lib,
            process,
            tasks,
            times,
        })
    }

    /// Replaces the process by a new one, whose memory has other addresses.
    pub fn restart(&mut self) -> Result<()> {
        *self = Self::start(self.name, self.program.clone(), self.lib.clone())?;
        Ok(())
    }

    /// The nanoseconds that the task took, or why it can't be done here.
    pub fn perform(&mut self, task: &str) -> Result<Result<f64, String>> {
        let tasks = self.tasks.as_mut().context("the worker has ended")?;
        writeln!(tasks, "{task}").with_context(|| format!("{} has ended", self.name))?;
        let mut answer = String::new();
        self.times.read_line(&mut answer)?;
        let answer = answer.trim();
        match answer.strip_prefix("- ") {
            Some(reason) => Ok(Err(reason.to_owned())),
            None => match answer.parse() {
                Ok(time) => Ok(Ok(time)),
                Err(_) => bail!("{} failed at the task: {task} (its messages are above)", self.name),
            },
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.tasks.take());
        let _ = self.process.wait();
    }
}

fn command(name: &str, program: &Path, lib: Option<&Path>) -> Command {
    let mut command = Command::new(program);
    command.env_remove("IRONRING");
    if name == ENGINE {
        command.env("IRONRING", "engine");
    }
    if let Some(lib) = lib {
        command.env("LD_LIBRARY_PATH", lib);
    }
    command
}

/// Builds and starts all engines.
pub fn make(peer: &Path, lib: &Path, with_engine: &Path, fastest: &Path, out: &Path) -> Result<Vec<Engine>> {
    if !Path::new("/usr/include/libaio.h").exists() {
        base::install(&["libaio-dev"])?;
    }
    let worker = |name: &str, sources: &[&str], flags: &[&str]| {
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        compile(out, name, &[&["main.c"], sources].concat(), &flags)
    };
    let search = format!("-L{}", lib.display());
    let uring = worker(
        "uring",
        &["uring.c", "loops.c", "uring_echo.c", "echo.c"],
        &[&search, "-luring"],
    )?;
    let crate_worker = crate_worker(out)?;
    let plain = |name: &'static str, program: &str, sources: &[&str], flags: &[&str]| {
        Engine::start(name, worker(program, sources, flags)?, None)
    };
    Ok(vec![
        Engine::start(PEER, uring.clone(), Some(peer.to_path_buf()))?,
        Engine::start(OURS, uring.clone(), Some(lib.to_path_buf()))?,
        Engine::start(FASTEST, uring.clone(), Some(fastest.to_path_buf()))?,
        Engine::start(FLAVOUR, uring.clone(), Some(with_engine.to_path_buf()))?,
        Engine::start(ENGINE, uring, Some(with_engine.to_path_buf()))?,
        Engine::start("io-uring crate", crate_worker, None)?,
        plain(FLOOR, "floor", &["floor.c"], &[])?,
        plain("libaio", "libaio", &["libaio.c"], &["-laio"])?,
        plain("POSIX AIO", "posixaio", &["posixaio.c"], &[])?,
        plain("pread", "pread", &["pread.c"], &[])?,
        plain("epoll", "epoll", &["epoll.c", "echo.c"], &[])?,
    ])
}

/// Compiles sources of `test-c/bench/` with our headers.
pub fn compile(out: &Path, name: &str, sources: &[&str], flags: &[String]) -> Result<PathBuf> {
    let from = root().join("test-c/bench");
    let program = out.join(name);
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(root().join("include"))
        .args(sources.iter().map(|source| from.join(source)))
        .args(flags)
        .arg("-o")
        .arg(&program);
    output(&mut cc)?;
    Ok(program)
}

fn crate_worker(out: &Path) -> Result<PathBuf> {
    output(
        Command::new("cargo")
            .args([
                "build",
                "--quiet",
                "--locked",
                "--profile",
                "bench",
                "--manifest-path",
                "test-c/bench/crate/Cargo.toml",
            ])
            .arg("--target-dir")
            .arg(out.join("cargo"))
            .current_dir(root()),
    )?;
    Ok(out.join("cargo/release/bench-crate"))
}

/// For the original, ours and the engine: how many system calls a worker's thread made for how many operations with
/// SQPOLL, from the program's start to its end.
pub fn sqpoll_calls(engines: &[Engine], out: &Path) -> Result<Vec<(&'static str, usize, u64)>> {
    const OPERATIONS: u64 = 100_000;
    base::need("strace", "strace")?;
    let mut calls = Vec::new();
    for engine in engines
        .iter()
        .filter(|engine| [PEER, OURS, ENGINE].contains(&engine.name))
    {
        let trace = out.join("sqpoll.trace");
        let mut strace = Command::new("strace");
        strace
            .args(["-e", "signal=none", "-o"])
            .arg(&trace)
            .arg(&engine.program)
            .envs(engine.lib.iter().map(|lib| ("LD_LIBRARY_PATH", lib)))
            .envs((engine.name == ENGINE).then_some(("IRONRING", "engine")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = strace.spawn().context("can't run strace")?;
        writeln!(
            child.stdin.take().context("strace has no standard input")?,
            "sqpoll 32 {OPERATIONS} -"
        )?;
        let done = child.wait_with_output()?;
        if !done.status.success() || done.stdout.starts_with(b"-") {
            bail!(
                "{} under strace: {}",
                engine.name,
                String::from_utf8_lossy(&done.stdout)
            );
        }
        calls.push((engine.name, fs::read_to_string(&trace)?.lines().count(), OPERATIONS));
    }
    Ok(calls)
}
