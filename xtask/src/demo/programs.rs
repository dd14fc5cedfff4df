//! Our own programs, demo/copy.c and demo/copy.cpp, built and run as a newcomer would.

use super::watch::{Load, watch};
use super::{Scratch, ensure_same, note, remove, step};
use crate::util;
use anyhow::{Result, ensure};
use std::path::Path;
use std::process::Command;

/// Builds and runs our own programs: C on the shared library, C with everything linked in, C++20.
pub fn copies(demo: &Path, dir: &Path, scratch: &Scratch, input: &Path) -> Result<Vec<Vec<String>>> {
    let source = util::root().join("demo");
    let warnings = ["-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion"];
    let mut rows = Vec::new();
    for (name, compiler, file, extra, is_static) in [
        ("copy.c, shared", "cc", "copy.c", &[][..], false),
        ("copy.c, static", "cc", "copy.c", &["-static"][..], true),
        ("copy.cpp, shared", "c++", "copy.cpp", &["-std=c++20"][..], false),
    ] {
        step(&format!("compile {name}, and copy the input with it"));
        let flags = scratch.pkg_config(if is_static {
            &["--static", "--cflags", "--libs"]
        } else {
            &["--cflags", "--libs"]
        })?;
        let program = demo.join(name.replace(", ", "-"));
        let built = util::output(
            Command::new(compiler)
                .args(warnings)
                .args(extra)
                .arg(source.join(file))
                .arg("-o")
                .arg(&program)
                .args(&flags),
        )?;
        let said = String::from_utf8_lossy(&built.stderr);
        ensure!(said.is_empty(), "the compiler warns about {name}:\n{said}");

        let copy = dir.join("copy");
        // The copy has to make it anew, not to find it there.
        remove(&copy)?;
        let mut command = Command::new(&program);
        command.arg(input).arg(&copy);
        let (load, expected) = if is_static {
            (Load::System, None)
        } else {
            (Load::Path(&scratch.lib), Some(scratch.library()))
        };
        let run = watch(command, load, expected.as_deref())?;
        ensure_same(input, &copy)?;
        note(run.said.trim());
        note(&run.proof(expected.as_deref()));
        remove(&copy)?;
        let speed = run
            .said
            .split_once("copied at ")
            .and_then(|(_, rest)| rest.split_once(','))
            .map_or("-", |(speed, _)| speed);
        rows.push(
            [name, "-", speed, "-", "-", "copy is identical"]
                .map(String::from)
                .to_vec(),
        );
    }
    Ok(rows)
}
