//! `cargo xtask stacks PID`: where the threads of a process and of its children are, by gdb or eu-stack. Without them, or
//! where they may not look, by what /proc says: the system call that each thread is in.

use crate::ctest::STACK;
use anyhow::{Result, ensure};
use base::run::{limited, printed};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Duration;

/// How long a debugger may take for a process.
const LIMIT: Duration = Duration::from_secs(15);

#[derive(clap::Args)]
pub struct Args {
    /// The process
    pid: u32,
}

pub fn run(args: &Args) -> Result<()> {
    let family = family(args.pid);
    ensure!(!family.is_empty(), "there is no process {}", args.pid);
    print!("{}", of(&family));
    Ok(())
}

/// A process, its children, their children and so on.
pub fn family(pid: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // The name before it may contain anything.
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split(' ').nth(2)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    let mut found: Vec<u32> = parents
        .iter()
        .map(|(child, _)| *child)
        .filter(|child| *child == pid)
        .collect();
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        at += 1;
    }
    found
}

/// The stacks of all threads of these processes, as lines that begin with [`STACK`].
pub fn of(pids: &[u32]) -> String {
    let mut text = String::new();
    for pid in pids {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let _ = writeln!(text, "{STACK}process {pid} ({})", name.trim());
        let stacks = debugger(*pid).unwrap_or_else(|| threads(*pid));
        for line in stacks.lines() {
            let _ = writeln!(text, "{STACK}  {line}");
        }
    }
    text
}

/// What gdb or eu-stack says, if they are there and find a stack.
fn debugger(pid: u32) -> Option<String> {
    let ask = |command: &mut Command| {
        let text = printed(&command.output().ok()?);
        let lines = text.lines().filter(|line| line.starts_with(['#', 'T']));
        let lines: Vec<&str> = lines.collect();
        lines.iter().any(|line| line.starts_with('#')).then(|| lines.join("\n"))
    };
    let pid = pid.to_string();
    if base::have("gdb") {
        return ask(limited("gdb", LIMIT)
            .args(["-nx", "-batch", "-iex", "set debuginfod enabled off", "-p", &pid])
            .args(["-ex", "thread apply all backtrace 40"]));
    }
    if base::have("eu-stack") {
        return ask(limited("eu-stack", LIMIT).args(["-p", &pid]));
    }
    None
}

/// The name and state of each thread, and the number and arguments of its system call.
fn threads(pid: u32) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        let stat = read("stat");
        let state = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split(' ').nth(1))
            .unwrap_or("gone");
        let tid = entry.file_name();
        let _ = writeln!(
            text,
            "Thread {} ({}), state {state}, system call {}",
            tid.to_string_lossy(),
            read("comm").trim(),
            read("syscall").trim()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_a_debugger_shows_its_threads() {
        let me = std::process::id();
        assert!(family(me).contains(&me));
        assert!(threads(me).contains("system call"), "{}", threads(me));
        assert!(family(u32::MAX).is_empty());
    }
}
