//! Runs other programs, with or without a time limit, and returns or logs their output.

use crate::root;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

/// Runs a program and returns its output; if it fails, the error has the command and its output.
pub fn output(command: &mut Command) -> Result<Output> {
    let out = attempt(command)?;
    if !out.status.success() {
        bail!("{} from: {}\n{}", ending(out.status), show(command), printed(&out));
    }
    Ok(out)
}

/// Runs a program, and returns its output even if it fails.
pub fn attempt(command: &mut Command) -> Result<Output> {
    command
        .output()
        .with_context(|| format!("can't run: {}", show(command)))
}

/// The standard output of a program as text.
pub fn stdout(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&output(command)?.stdout).into_owned())
}

/// Standard output and error as text.
pub fn printed(out: &Output) -> String {
    String::from_utf8_lossy(&[&*out.stdout, &*out.stderr].concat()).into_owned()
}

/// A command that timeout(1) terminates with its process group after `limit`, and kills if it still runs five seconds
/// later. [`too_long`] recognizes its status.
pub fn limited(program: impl AsRef<OsStr>, limit: Duration) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", &limit.as_secs_f64().to_string()])
        .arg(program);
    command
}

/// Whether a [`limited`] command exceeded its limit. SIGKILL is sent to the whole group, and also kills timeout(1).
pub fn too_long(status: ExitStatus) -> bool {
    matches!(status.code(), Some(124 | 137)) || status.signal() == Some(9)
}

/// A command's exit status in words.
pub fn ending(status: ExitStatus) -> String {
    if too_long(status) {
        format!("time limit reached ({status})")
    } else {
        status.to_string()
    }
}

/// Runs a program without input; its output goes to `log`.
pub fn logged(command: &mut Command, log: &Path) -> Result<ExitStatus> {
    let file = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status();
    status.with_context(|| format!("can't run: {}", show(command)))
}

/// Waits until no other check has the lock of this name, and holds it until the result is dropped: checks run at the same
/// time, and may need the same thing first.
pub fn lock(name: &str) -> Result<File> {
    let path = root().join("target").join(format!(".{name}.lock"));
    fs::create_dir_all(path.with_file_name(""))?;
    let file = File::create(&path).with_context(|| format!("can't write {}", path.display()))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}

/// The last lines of a log.
pub fn tail(log: &Path, lines: usize) -> Vec<String> {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..]
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// A command as it is typed in a shell.
pub fn show(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        let _ = write!(text, " {}", arg.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_until_it_is_dropped() {
        let held = lock("test").unwrap();
        let other = std::thread::spawn(|| lock("test").unwrap());
        std::thread::sleep(Duration::from_millis(50));
        assert!(!other.is_finished());
        drop(held);
        drop(other.join().unwrap());
    }

    fn shell(limit: Duration, script: &str) -> Command {
        let mut command = limited("sh", limit);
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_limited_command_keeps_its_status_and_output() {
        let long = Duration::from_secs(60);
        assert_eq!(stdout(&mut shell(long, "echo a")).unwrap(), "a\n");
        let error = output(&mut shell(long, "echo a; echo b >&2; exit 3"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("exit status: 3 from: timeout"), "{error}");
        assert!(error.ends_with("a\nb\n"), "{error}");
    }

    #[test]
    fn a_limited_command_ends_with_its_children() {
        let log = std::env::temp_dir().join(format!("base-run-{}", std::process::id()));
        let status = logged(&mut shell(Duration::from_millis(200), "echo a; sleep 60 & wait"), &log).unwrap();
        assert!(too_long(status), "{status}");
        assert_eq!(tail(&log, 5), ["a"]);
        fs::remove_file(log).unwrap();
        let start = std::time::Instant::now();
        // The sleep keeps the pipe open, so it must end too.
        let error = output(&mut shell(Duration::from_millis(200), "echo a; sleep 60 & wait")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("time limit reached (exit status: 124) from:"),
            "{error}"
        );
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
