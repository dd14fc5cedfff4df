use super::*;
use base::compile::{self, Compile as _};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// What test-c/refused/calls.c prints under a filter, and its status.
fn calls(how: Option<How>) -> (String, ExitStatus) {
    // Tests run at the same time, in one process or in several.
    let name = format!("ironring-calls-{how:?}-{}", std::process::id());
    let exe = std::env::temp_dir().join(name);
    let mut cc = compile::program("test-c/refused/calls.c").unwrap();
    cc.arg("-pthread").to(&exe).unwrap();
    let mut command = Command::new(&exe);
    if let Some(how) = how {
        Filter::new(how).unwrap().put_on(&mut command);
    }
    let out = command.output().unwrap();
    std::fs::remove_file(&exe).unwrap();
    (String::from_utf8(out.stdout).unwrap(), out.status)
}

/// Each of `words` must be in the output of a program that ended well.
fn says(how: How, words: &[&str]) {
    let (text, status) = calls(Some(how));
    assert!(status.success(), "{status}: {text}");
    for word in words {
        assert!(text.contains(&format!("{word} ")), "no {word} in: {text}");
    }
}

const EPERM: i32 = libc::EPERM;
const ENOSYS: i32 = libc::ENOSYS;

#[test]
fn eperm_and_enosys_reach_the_program() {
    for (how, errno) in [(How::Eperm, EPERM), (How::Enosys, ENOSYS)] {
        let [setup, enter, register] = ["setup", "enter", "register"].map(|call| format!("{call}={errno}"));
        let others = ["no_new_privs=1", "unix=0", "memfd=0", "personality=0"];
        says(how, &[&[&*setup, &enter, &register], &others[..]].concat());
    }
}

#[test]
fn kill_ends_the_process_at_the_first_call() {
    let (text, status) = calls(Some(How::Kill));
    assert_eq!(status.signal(), Some(libc::SIGSYS), "{text}");
    assert!(text.contains("memfd=0 ") && !text.contains("setup="), "{text}");
}

#[test]
fn docker_refuses_what_its_profile_does_not_allow() {
    let refused =
        ["namespace", "bsd", "vsock", "kcmp", "setup", "enter", "register"].map(|call| format!("{call}={EPERM}"));
    let mut words: Vec<&str> = refused.iter().map(String::as_str).collect();
    let clone3 = format!("clone3={ENOSYS}");
    words.extend(["no_new_privs=1", "personality=0", "unix=0", "memfd=0", &clone3]);
    says(How::Docker, &words);
}

#[test]
fn docker_lets_ordinary_programs_run() {
    for words in [&["ls", "-l", "/"][..], &["sh", "-c", "echo a | cat && test -d ."]] {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        Filter::new(How::Docker).unwrap().put_on(&mut command);
        let out = command.output().unwrap();
        assert!(out.status.success() && !out.stdout.is_empty(), "{words:?}: {out:?}");
    }
}

#[test]
fn none_changes_nothing() {
    assert_eq!(calls(Some(How::None)), calls(None));
}
