//! Runs a program that may hang: at its time limit the stacks of all its threads go into its log, then it is killed.

use super::output::LATE;
use crate::stacks;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(5);

/// Runs a command that writes to `log`, under timeout(1) so that it ends even if this process doesn't see to it. The status
/// of one that exceeds the limit is that of timeout(1).
pub fn run(command: &mut Command, limit: Duration, mut log: &File) -> io::Result<ExitStatus> {
    let end = Instant::now() + limit;
    let mut child = command.spawn()?;
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        sleep(TICK);
    }
    // Of timeout(1), which waits for the program, nobody wants the stack.
    let family = stacks::family(child.id());
    writeln!(log, "  still running after {} s", limit.as_secs())?;
    log.write_all(stacks::of(family.get(1..).unwrap_or_default()).as_bytes())?;
    // It goes on while a debugger looks at its threads.
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    // Parents first, so that none sees its child end and goes on.
    for pid in &family {
        if let Some(pid) = i32::try_from(*pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    child.wait()?;
    Ok(ExitStatus::from_raw(LATE << 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children_and_shows_where() {
        let path = std::env::temp_dir().join(format!("ironring-watch-{}", std::process::id()));
        let log = File::create(&path).unwrap();
        let mut command = Command::new("timeout");
        command.args(["60", "sh", "-c", "sleep 1000 & echo $!; wait"]);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(Stdio::null());
        let status = run(&mut command, Duration::from_millis(300), &log).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(status.code(), Some(LATE));
        assert!(text.contains("still running") && text.contains("(sleep)"), "{text}");
        let child: i32 = text.lines().next().unwrap().parse().unwrap();
        // A signal takes effect when the process next runs.
        let end = Instant::now() + Duration::from_secs(20);
        let mut state = String::new();
        while Instant::now() < end {
            state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            // Gone, or a zombie that nobody has reaped yet.
            if state.is_empty() || state.contains(") Z ") {
                return;
            }
            sleep(TICK);
        }
        panic!("the child still runs: {state}");
    }
}
