//! Programs that cannot be reached.

use crate::bench::{Bench, OURS, refused, stdout, value};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// A user other than root.
const NOBODY: u32 = 65534;

#[test]
fn static_programs_are_refused() {
    let bench = Bench::new("static");
    for option in ["-static", "-static-pie"] {
        let program = bench.cc("state.c", option, &[option, "-Wno-error", "-ldl"]);
        let (status, said) = refused(bench.ironring().arg(&program).args(["exit", "3"]));
        assert_eq!(status, 125, "{said}");
        assert!(
            said.contains("is statically linked") && said.contains("--force"),
            "{said}"
        );
        let (status, said) = refused(bench.ironring().arg("--force").arg(&program).args(["exit", "3"]));
        assert_eq!(status, 3, "{said}");
        assert!(
            said.contains("warning: ") && said.contains("is statically linked"),
            "{said}"
        );
    }
}

/// A script is what its interpreter is.
#[test]
fn scripts_of_static_programs_are_refused() {
    let bench = Bench::new("interpreter");
    let program = bench.cc("state.c", "state", &["-static", "-Wno-error", "-ldl"]);
    let script = bench.script("script", &format!("#!{} exit\n", program.display()));
    let (status, said) = refused(bench.ironring().arg(&script));
    assert_eq!(status, 125, "{said}");
    assert!(
        said.contains(&format!("{} is statically linked", program.display())),
        "{said}"
    );
}

#[test]
fn the_loader_itself_is_reached() {
    let bench = Bench::new("loader");
    let state = bench.state();
    let loader = [
        "/lib64/ld-linux-x86-64.so.2",
        "/lib/ld-linux-aarch64.so.1",
        "/lib/ld-linux-riscv64-lp64d.so.1",
    ];
    let Some(loader) = loader.into_iter().find(|loader| Path::new(loader).exists()) else {
        eprintln!("skipped: no loader of glibc at a known path");
        return;
    };
    let said = stdout(bench.ironring().arg(loader).arg(&state));
    assert_eq!(value(&said, "liburing"), OURS);
}

#[test]
fn programs_for_another_machine_are_refused() {
    let bench = Bench::new("machine");
    let program = bench.state();
    let mut bytes = fs::read(&program).unwrap();
    // e_machine, in this machine's byte order: MIPS.
    bytes[18..20].copy_from_slice(&8_u16.to_ne_bytes());
    fs::write(&program, bytes).unwrap();
    let (status, said) = refused(bench.ironring().arg(&program));
    assert_eq!(status, 125, "{said}");
    assert!(said.contains("ELF machine 8, and the libraries in"), "{said}");
}

#[test]
fn a_directory_without_the_library_is_refused() {
    let bench = Bench::new("empty");
    let state = bench.state();
    let empty = bench.folder.join("empty");
    fs::create_dir(&empty).unwrap();
    let ironring = || {
        let mut command = crate::bench::plain(env!("CARGO_BIN_EXE_ironring"));
        command.arg("run");
        command
    };
    let (status, said) = refused(ironring().arg("--lib").arg(&empty).arg(&state));
    assert_eq!(status, 125);
    assert!(
        said.contains("--lib names") && said.contains("no liburing.so.2"),
        "{said}"
    );
    let (status, said) = refused(ironring().env("IRONRING_LIB", &empty).arg(&state));
    assert_eq!(status, 125);
    assert!(said.contains("IRONRING_LIB names"), "{said}");
    let (status, said) = refused(ironring().arg("--lib").arg(bench.folder.join("theirs")).arg(&state));
    assert_eq!(status, 125);
    assert!(said.contains("has no engine"), "{said}");
    let colon = bench.folder.join("a:b");
    fs::rename(bench.folder.join("ours"), &colon).unwrap();
    let (status, said) = refused(ironring().arg("--lib").arg(&colon).arg(&state));
    assert_eq!(status, 125);
    assert!(
        said.contains("the character ':'") && said.contains("symbolic link"),
        "{said}"
    );
}

/// The verdict is the kernel's: it is compared with what the program finds in its auxiliary vector.
#[test]
fn programs_with_privileges_are_refused() {
    let bench = Bench::new("privileges");
    let state = bench.state();
    if chown(&state, Some(NOBODY), Some(NOBODY)).is_err() {
        eprintln!("skipped: only root can give a program to another user");
        return;
    }
    let ping = bench.folder.join("ping");
    for (mode, capability, user, wanted) in [
        (0o755, None, 0, None),
        (0o4755, None, 0, Some("set-user-ID")),
        (0o2755, None, 0, Some("set-group-ID")),
        (0o4755, None, NOBODY, None),
        (0o755, Some("cap_net_raw=ep"), NOBODY, Some("file capabilities")),
        (0o755, Some("cap_net_raw=p"), NOBODY, Some("file capabilities")),
        (0o755, Some("cap_net_raw=ep"), 0, None),
    ] {
        let _ = fs::remove_file(&ping);
        fs::copy(&state, &ping).unwrap();
        chown(&ping, Some(NOBODY), Some(NOBODY)).unwrap();
        fs::set_permissions(&ping, fs::Permissions::from_mode(mode)).unwrap();
        if let Some(capability) = capability {
            let set = Command::new("setcap").arg(capability).arg(&ping).status();
            if !set.is_ok_and(|status| status.success()) {
                eprintln!("skipped: {capability}, because setcap does not work here");
                continue;
            }
        }
        let run = |command: &mut Command| command.uid(user).gid(user).output().unwrap();
        let secure = run(&mut Command::new(&ping));
        let secure = String::from_utf8(secure.stdout).unwrap();
        let refused = run(bench.ironring_for_all().arg(&ping));
        let said = String::from_utf8(refused.stderr).unwrap();
        let case = format!("{mode:o} {capability:?} as {user}: {said}");
        match wanted {
            None => {
                assert_eq!(value(&secure, "secure"), "0", "{case}");
                assert!(refused.status.success(), "{case}");
            }
            // A file system may ignore the bits, and then so does the command.
            Some(_) if value(&secure, "secure") == "0" => assert!(refused.status.success(), "{case}"),
            Some(words) => {
                assert_eq!(refused.status.code(), Some(125), "{case}");
                assert!(said.contains(words) && said.contains("--force"), "{case}");
            }
        }
    }
}
