//! How a program ends.

use crate::bench::{Bench, refused, stdout};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

#[test]
fn the_exit_status_is_the_programs() {
    let bench = Bench::new("status");
    let state = bench.state();
    for status in [0, 1, 77, 125, 255] {
        let ended = bench
            .ironring()
            .arg(&state)
            .args(["exit", &status.to_string()])
            .status()
            .unwrap();
        assert_eq!(ended.code(), Some(status));
    }
    let ended = bench.ironring().arg(&state).args(["raise", "15"]).status().unwrap();
    assert_eq!(ended.signal(), Some(15));
}

#[test]
fn a_signal_reaches_the_program() {
    let bench = Bench::new("signal");
    let mut child = bench
        .ironring()
        .arg(bench.state())
        .arg("wait")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    let kill = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -USR1 {}", child.id()))
        .status()
        .unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn a_program_that_is_not_there_is_127_and_one_that_cannot_run_126() {
    let bench = Bench::new("there");
    let file = bench.folder.join("file");
    std::fs::write(&file, "not executable").unwrap();
    let broken = bench.script("broken", "#!/no/such/interpreter\n");
    for (program, wanted, words) in [
        ("/no/such/program", 127, "No such file"),
        ("no-such-program", 127, "not in any directory of PATH"),
        (broken.to_str().unwrap(), 127, "there is no /no/such/interpreter"),
        ("/", 126, "not a regular file"),
        (file.to_str().unwrap(), 126, "ermission denied"),
    ] {
        let (status, said) = refused(bench.ironring().args(["--", program]));
        assert_eq!(status, wanted, "{program}: {said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn the_version_is_the_release() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ironring"));
    assert_eq!(
        stdout(command.arg("--version")),
        format!("ironring {}\n", env!("CARGO_PKG_VERSION"))
    );
}
