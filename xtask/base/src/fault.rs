//! Tests that a check finds faults. Each check's `--self-test` calls [`expect`] for each fault of a table, in a copy of
//! a folder made by [`copy`] or a copy of our libraries made by [`library`].

use crate::compile::{self, Compile as _};
use crate::{command, output, root};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs a check on a faulty copy: it must fail, and its report must contain `words`.
pub fn expect(fault: &str, words: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
    let Err(report) = check() else {
        bail!("self-test: {fault}: not found");
    };
    let report = format!("{report:#}");
    let Some(line) = report.lines().find(|line| line.contains(words)) else {
        bail!("self-test: {fault}: the report lacks {words:?}:\n{report}");
    };
    println!("self-test: {fault}: found: {}", line.trim());
    Ok(())
}

/// A text change: the file's path in the copied folder, the old text, and what replaces its first occurrence.
pub type Change<'a> = (&'a str, &'a str, &'a str);

/// Replaces `to` by a copy of the folder `from` with these changes.
pub fn copy(from: &Path, to: &Path, changes: &[Change]) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    output(&mut command!("cp -r", from.join("."), to))?;
    for (file, old, new) in changes {
        let path = to.join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        ensure!(
            text.contains(old),
            "self-test: {file} no longer contains {old:?}: write another fault"
        );
        fs::write(&path, text.replacen(old, new, 1))?;
    }
    Ok(())
}

/// A fault for [`library`]: `io_uring_submit` returns one more than it should.
pub const SUBMIT: &str = "\
struct io_uring;
int right_submit(struct io_uring *ring);
int io_uring_submit(struct io_uring *ring);
int io_uring_submit(struct io_uring *ring)
{
	int ret = right_submit(ring);

	return ret > 0 ? ret + 1 : ret;
}
";

/// Calls [`library`] for one function; the macro `name` selects its fault in the C text `file` of the repository.
pub fn defined(lib: &Path, dir: &Path, function: &str, name: &str, file: &str) -> Result<()> {
    let text = format!("#define {name}\n#include \"{}\"\n", root().join(file).display());
    library(lib, dir, &[function], &text)
}

/// Builds a copy of our libraries in `dir` in which the C text `source` defines the functions `names`. It can call the
/// replaced ones, whose names begin with `right_` instead of `io_uring_`.
pub fn library(lib: &Path, dir: &Path, names: &[&str], source: &str) -> Result<()> {
    fs::create_dir_all(dir)?;
    let text = dir.join("wrong.c");
    let wrapper = dir.join("wrong.o");
    fs::write(&text, source)?;
    compile::c()?
        .args(["-O2", "-fPIC", "-fno-stack-protector", "-c"])
        .include(root().join("include"))
        .arg(&text)
        .to(&wrapper)?;
    for name in ["liburing", "liburing-ffi"] {
        let archive = dir.join(format!("{name}.a"));
        let mut objcopy = Command::new("objcopy");
        for function in names {
            let short = function.trim_start_matches("io_uring_");
            objcopy.arg(format!("--redefine-sym={function}=right_{short}"));
        }
        output(objcopy.args([&lib.join(format!("{name}.a")), &archive]))?;
        output(Command::new("ar").arg("rsD").args([&archive, &wrapper]))?;
        compile::c()?
            // The archive takes calloc and free from the program.
            .args(["-shared", "-nostdlib"])
            .arg(format!("-Wl,-soname,{name}.so.2"))
            .arg(format!("-Wl,--version-script={}/src/{name}.map", root().display()))
            .arg("-Wl,--whole-archive")
            .arg(&archive)
            .to(dir.join(format!("{name}.so.2")))?;
    }
    Ok(())
}
