//! What a program sees: arguments, policy, log, signals.

use crate::bench::{Bench, plain, refused, stdout, value};
use std::fs;

#[test]
fn the_policy_is_passed_on() {
    let bench = Bench::new("policy");
    let state = bench.state();
    for policy in ["auto", "engine", "kernel"] {
        let said = stdout(
            bench
                .ironring()
                .env("IRONRING", "other")
                .args(["--policy", policy])
                .arg(&state),
        );
        assert_eq!(value(&said, "IRONRING"), policy);
    }
    assert_eq!(value(&stdout(bench.ironring().arg(&state)), "IRONRING"), "(unset)");
    let said = stdout(bench.ironring().env("IRONRING", "kernel").arg(&state));
    assert_eq!(value(&said, "IRONRING"), "kernel");
    let (status, said) = refused(bench.ironring().args(["--policy", "best"]).arg(&state));
    assert_eq!(status, 125);
    assert!(said.contains("auto, engine, kernel"), "{said}");
}

#[test]
fn the_log_is_a_place_that_exists() {
    let bench = Bench::new("log");
    let state = bench.state();
    let log = |to: &str| {
        let mut command = bench.ironring();
        command.current_dir(&bench.folder).args(["--log", to]).arg(&state);
        command
    };
    assert_eq!(value(&stdout(&mut log("stderr")), "IRONRING_LOG"), "stderr");
    let file = bench.folder.join("rings.log");
    fs::write(&file, "before\n").unwrap();
    assert_eq!(
        value(&stdout(&mut log("rings.log")), "IRONRING_LOG"),
        file.display().to_string()
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "before\n");
    let (status, said) = refused(&mut log("none/rings.log"));
    assert_eq!(status, 125);
    assert!(said.contains("cannot write the log none/rings.log"), "{said}");
}

#[test]
fn arguments_are_the_programs_from_its_name_on() {
    let bench = Bench::new("arguments");
    bench.state();
    for before in [&["--"][..], &[]] {
        let mut command = bench.ironring();
        command.env("PATH", format!("{}:/usr/bin:/bin", bench.folder.display()));
        let said = stdout(command.args(before).args(["state", "-x", "--policy", "--", "a b"]));
        assert_eq!(value(&said, "name"), "state");
        let arguments: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("argument=")).collect();
        assert_eq!(arguments, ["-x", "--policy", "--", "a b"]);
    }
    let (status, said) = refused(bench.ironring().args(["--polcy", "engine", "--", "state"]));
    assert_eq!(status, 125);
    assert!(said.contains("--policy"), "no hint: {said}");
}

/// Signals that are ignored or blocked, and closed descriptors, are as the caller left them.
#[test]
fn what_a_program_inherits_is_the_callers() {
    let bench = Bench::new("inherits");
    let state = bench.state();
    let run = format!("'{}' run --lib '{}'", env!("CARGO_BIN_EXE_ironring"), bench.ours());
    let shell = |before: &str, after: &str| {
        let line = format!("{before} exec {run} '{}' {after}", state.display());
        stdout(plain("sh").arg("-c").arg(line))
    };
    let said = shell("", "");
    assert_eq!(
        (value(&said, "pipe"), value(&said, "usr2"), value(&said, "stdin")),
        ("default", "open", "open")
    );
    let said = shell("trap '' PIPE;", "<&-");
    assert_eq!((value(&said, "pipe"), value(&said, "stdin")), ("ignored", "closed"));

    let blocker = "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2]); \
                   os.execv(sys.argv[1], sys.argv[1:])";
    let mut python = plain("python3");
    python.args(["-c", blocker, env!("CARGO_BIN_EXE_ironring"), "run", "--lib"]);
    match python.arg(bench.ours()).arg(&state).output() {
        Ok(out) => assert_eq!(value(&String::from_utf8(out.stdout).unwrap(), "usr2"), "blocked"),
        Err(error) => eprintln!("skipped: blocked signals, because there is no python3: {error}"),
    }
}
