//! Libraries that are wrong on purpose: does a check notice?

use crate::util::{output, root};
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::process::Command;

/// For `library`: `io_uring_submit` returns one more than it should.
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

/// Puts a copy of our libraries into `dir` in which the functions called `names` are those of the C text `source`. It
/// finds the right ones as `right_` and what follows `io_uring_`.
pub fn library(lib: &Path, dir: &Path, names: &[&str], source: &str) -> Result<()> {
    fs::create_dir_all(dir)?;
    let text = dir.join("wrong.c");
    let wrapper = dir.join("wrong.o");
    fs::write(&text, source)?;
    output(
        Command::new("cc")
            .args(["-O2", "-fPIC", "-fno-stack-protector", "-I"])
            .arg(root().join("include"))
            .args(["-c", "-o"])
            .args([&wrapper, &text]),
    )?;
    for name in ["liburing", "liburing-ffi"] {
        let archive = dir.join(format!("{name}.a"));
        let mut objcopy = Command::new("objcopy");
        for function in names {
            let short = function.trim_start_matches("io_uring_");
            objcopy.arg(format!("--redefine-sym={function}=right_{short}"));
        }
        output(objcopy.args([&lib.join(format!("{name}.a")), &archive]))?;
        output(Command::new("ar").arg("rsD").args([&archive, &wrapper]))?;
        output(
            Command::new("cc")
                // The archive's calloc and free are the program's.
                .args(["-shared", "-nostdlib"])
                .arg(format!("-Wl,-soname,{name}.so.2"))
                .arg(format!("-Wl,--version-script={}/src/{name}.map", root().display()))
                .arg("-o")
                .arg(dir.join(format!("{name}.so.2")))
                .arg("-Wl,--whole-archive")
                .arg(&archive),
        )?;
    }
    Ok(())
}
