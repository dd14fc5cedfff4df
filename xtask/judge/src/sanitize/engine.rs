//! The engine for a checker: the library's source over the engine as an archive, with libc's heap, checked arithmetic and
//! assertions, and compiled with a sanitizer if the checker is one. `RUSTC_BOOTSTRAP` lets any rustc do that. System calls
//! go through libc, where the sanitizers learn of new mappings.
//!
//! `core` and `alloc` are those of the toolchain. What they have that is generic or inlined is compiled, and instrumented,
//! with the engine.

use anyhow::{Context, Result, ensure};
use base::root;
use std::path::PathBuf;
use std::process::Command;

/// What every program on it needs: a C compiler's start files define some symbols, too, that the engine has for the
/// library that is linked without them.
pub const LINK: &str = "-Wl,-z,muldefs";

/// Builds it, with flags for rustc.
pub fn build(name: &str, flags: &str) -> Result<PathBuf> {
    let manifest = root().join("crates/engine-shipped/Cargo.toml");
    let target = root().join("target/sanitize/engine").join(name);
    let host = base::stdout(Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc -vV names no host")?;
    // Newer compilers refuse to mix crates with and without a sanitizer, unless they are told that it is intended.
    let mixing = base::stdout(Command::new("rustc").args(["-C", "help"]))?.contains("unsafe-allow-abi-mismatch");
    let mixing = if mixing && !flags.is_empty() {
        "-Z unstable-options -C unsafe-allow-abi-mismatch=sanitizer"
    } else {
        ""
    };
    eprintln!("building the engine for {name}");
    let mut cargo = Command::new("cargo");
    cargo
        .args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--features",
            "malloc,use-libc",
            "--manifest-path",
        ])
        .arg(manifest)
        .args(["--target", host, "--target-dir"])
        .arg(&target)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", format!("-C force-frame-pointers {flags} {mixing}"));
    for setting in [
        "lto=false",
        "debug=1",
        "opt-level=1",
        "package.ironring-engine.opt-level=1",
        "debug-assertions=true",
        "overflow-checks=true",
    ] {
        cargo.args(["--config", &format!("profile.release.{setting}")]);
    }
    base::output(&mut cargo)?;
    let archive = target.join(host).join("release/liburing_engine.a");
    ensure!(archive.is_file(), "cargo has built no {}", archive.display());
    Ok(archive)
}

/// The environment of programs on it.
pub fn environment() -> [(&'static str, String); 2] {
    [("T_BACKEND", "engine".to_owned()), ("IRONRING", "engine".to_owned())]
}

/// The parts of a report that concern the library. Leaks of the tests themselves are not among them, because the tests leave
/// memory allocated at exit.
pub fn concerning(text: &str) -> String {
    let mut kept = String::new();
    let mut part = String::new();
    let blank = |line: &str| {
        line.chars()
            .all(|letter| "= ".contains(letter) || letter.is_ascii_digit())
    };
    // What valgrind says about itself: which system calls it does not know.
    let reported = text.lines().filter(|line| !line.starts_with("--"));
    for line in reported.chain([""]) {
        if !blank(line) {
            part.push_str(line);
            part.push('\n');
            continue;
        }
        let leak = ["definitely lost", "leak of", "detected memory leaks"]
            .iter()
            .any(|words| part.contains(words));
        let library = ["uring_engine::", "ironring_"].iter().any(|name| part.contains(name));
        if !part.starts_with("SUMMARY: ") && (library || !leak) {
            kept.push_str(&part);
        }
        part.clear();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaks_of_the_tests_are_no_reports_and_those_of_the_library_are() {
        let theirs =
            "==7== \n==7== 40 bytes in 1 blocks are definitely lost\n==7==    by 0x1: main (poll.c:1)\n==7== \n";
        assert_eq!(concerning(theirs), "");
        let ours = theirs.replace("main", "ironring_engine::slab::Slab::hold");
        assert!(concerning(&ours).contains("definitely lost"));
        let fault = "==7== Invalid read of size 4\n==7==    at 0x1: main (poll.c:1)\n";
        assert_eq!(concerning(fault), fault);
        assert_eq!(concerning("--7-- WARNING: unhandled amd64-linux syscall: 434\n"), "");
        let of_asan = "=====\n==8==ERROR: LeakSanitizer: detected memory leaks\n\nDirect leak of 8 byte(s)\n    #1 main\n\nSUMMARY: x\n";
        assert_eq!(concerning(of_asan), "");
        assert!(concerning(&of_asan.replace("main", "ironring_engine::x")).contains("Direct leak"));
    }
}
