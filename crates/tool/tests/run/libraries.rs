//! Which library a program gets.

use crate::bench::{Bench, OURS, THEIRS, plain, stdout, value};
use std::fs;
use std::process::Command;

#[test]
fn a_linked_program_gets_ours() {
    let bench = Bench::new("linked");
    let folder = bench.folder.join("theirs");
    for library in ["liburing.so.2", "liburing-ffi.so.2"] {
        let runpath = format!("-Wl,--enable-new-dtags,-rpath,{}", folder.display());
        let program = bench.linked(library, &[&runpath]);
        assert_eq!(stdout(&mut plain(&program)).trim(), THEIRS);
        assert_eq!(stdout(bench.ironring().arg(&program)).trim(), OURS, "{library}");
    }
}

/// The loader searches DT_RPATH first, so the library must be preloaded; for others it must not be.
#[test]
fn a_program_with_rpath_gets_ours() {
    let bench = Bench::new("rpath");
    for library in ["liburing.so.2", "liburing-ffi.so.2"] {
        let program = bench.linked(library, &["-Wl,--disable-new-dtags,-rpath,$ORIGIN/theirs"]);
        let path = bench.folder.join("ours");
        let only_path = stdout(plain(&program).env("LD_LIBRARY_PATH", path));
        assert_eq!(only_path.trim(), THEIRS, "DT_RPATH doesn't come first");
        assert_eq!(stdout(bench.ironring().arg(&program)).trim(), OURS, "{library}");
        let out = bench.ironring().arg("--verbose").arg(&program).output().unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(said.contains(&format!("{library} is preloaded")), "{said}");
    }
}

#[test]
fn a_program_that_loads_it_later_gets_ours() {
    let bench = Bench::new("dlopen");
    let said = stdout(bench.ironring().arg(bench.state()));
    assert_eq!(value(&said, "liburing"), OURS);
    assert_eq!(value(&said, "ffi"), OURS);
    assert_eq!(value(&said, "LD_PRELOAD"), "(unset)");
}

#[test]
fn children_and_scripts_get_ours() {
    let bench = Bench::new("children");
    let state = bench.state();
    let call = format!("'{}'\n", state.display());
    let script = bench.script("script", &format!("#!/bin/sh\n{call}"));
    let bare = bench.script("bare", &call);
    let by_env = bench.script("env", &format!("#!/usr/bin/env sh\n{call}"));
    for script in [script, bare, by_env] {
        let said = stdout(bench.ironring().arg(&script));
        assert_eq!(value(&said, "liburing"), OURS, "{}", script.display());
    }
}

#[test]
fn preloading_can_be_asked_for() {
    let bench = Bench::new("preload");
    let state = bench.state();
    let said = stdout(bench.ironring().arg("--preload").arg(&state));
    let library = format!("{}/liburing.so.2", bench.ours());
    assert_eq!(value(&said, "LD_PRELOAD"), library);
    let libm = "libm.so.6";
    let said = stdout(bench.ironring().env("LD_PRELOAD", libm).arg("--preload").arg(&state));
    assert_eq!(value(&said, "LD_PRELOAD"), format!("{library}:{libm}"));
}

#[test]
fn the_program_keeps_its_own_search_path() {
    let bench = Bench::new("search");
    let state = bench.state();
    let ours = bench.ours();
    for (before, after) in [
        ("", ours.clone()),
        ("/a:/b", format!("{ours}:/a:/b")),
        (ours.as_str(), ours.clone()),
    ] {
        let said = stdout(bench.ironring().env("LD_LIBRARY_PATH", before).arg(&state));
        assert_eq!(value(&said, "LD_LIBRARY_PATH"), after);
    }
}

#[test]
fn the_libraries_are_found_beside_the_command() {
    let bench = Bench::new("beside");
    let state = bench.state();
    let command = bench.folder.join("bin/ironring");
    fs::create_dir_all(bench.folder.join("bin")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_ironring"), &command).unwrap();
    for place in ["engine/lib", "lib/ironring", "lib64/ironring"] {
        fs::create_dir_all(bench.folder.join(place)).unwrap();
        fs::copy(
            bench.folder.join("ours/liburing.so.2"),
            bench.folder.join(place).join("liburing.so.2"),
        )
        .unwrap();
        let said = stdout(plain(&command).arg("run").arg(&state));
        let wanted = bench.folder.join(place).display().to_string();
        assert_eq!(value(&said, "LD_LIBRARY_PATH"), wanted);
        let said = stdout(plain(&command).arg("run").env("IRONRING_LIB", bench.ours()).arg(&state));
        assert_eq!(value(&said, "LD_LIBRARY_PATH"), bench.ours(), "IRONRING_LIB");
    }
}

#[test]
fn a_relative_directory_works_from_everywhere() {
    let bench = Bench::new("relative");
    let state = bench.state();
    let mut command: Command = plain(env!("CARGO_BIN_EXE_ironring"));
    command
        .current_dir(&bench.folder)
        .args(["run", "--lib", "ours", "sh", "-c"]);
    let said = stdout(command.arg(format!("cd / && '{}'", state.display())));
    assert_eq!(value(&said, "liburing"), OURS);
}
