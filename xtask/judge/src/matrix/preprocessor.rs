//! What surrounds the headers in a program: feature-test macros, the kernel's own header, ThreadSanitizer, and
//! the names of macros.

use super::{Dialect, Headers, all_quiet, first_messages, preprocess, quiet};
use crate::peer;
use anyhow::{Result, bail, ensure};
use base::compile::sanitizing_clang;
use base::root;
use base::run::attempt;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What feature_test_macros(7) lets a program ask for. `_BSD_SOURCE` and `_SVID_SOURCE` alone make glibc warn.
pub const LEVELS: [&str; 21] = [
    "",
    "-D_POSIX_SOURCE",
    "-D_POSIX_C_SOURCE=1",
    "-D_POSIX_C_SOURCE=2",
    "-D_POSIX_C_SOURCE=199309L",
    "-D_POSIX_C_SOURCE=199506L",
    "-D_POSIX_C_SOURCE=200112L",
    "-D_POSIX_C_SOURCE=200809L",
    "-D_XOPEN_SOURCE",
    "-D_XOPEN_SOURCE -D_XOPEN_SOURCE_EXTENDED",
    "-D_XOPEN_SOURCE=500",
    "-D_XOPEN_SOURCE=600",
    "-D_XOPEN_SOURCE=700",
    "-D_ISOC99_SOURCE",
    "-D_ISOC11_SOURCE",
    "-D_ISOC2X_SOURCE",
    "-D_ATFILE_SOURCE",
    "-D_DEFAULT_SOURCE",
    "-D_DEFAULT_SOURCE -D_BSD_SOURCE",
    "-D_DEFAULT_SOURCE -D_SVID_SOURCE",
    "-D_GNU_SOURCE",
];

/// Options to add to each level.
const OPTIONS: [&str; 12] = [
    "-D_LARGEFILE_SOURCE",
    "-D_LARGEFILE64_SOURCE",
    "-D_FILE_OFFSET_BITS=64",
    "-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64",
    "-D_ATFILE_SOURCE",
    "-D_DYNAMIC_STACK_SIZE_SOURCE",
    "-D_REENTRANT",
    "-D_THREAD_SAFE",
    "-D__STDC_WANT_LIB_EXT2__=1",
    "-O2 -D_FORTIFY_SOURCE=1",
    "-O2 -D_FORTIFY_SOURCE=2",
    "-O2 -D_FORTIFY_SOURCE=3",
];

/// The dialects of C++ whose `<atomic>` works without `_GNU_SOURCE`, which C++ compilers predefine.
const CXX: [&str; 3] = ["c++11", "c++14", "c++17"];

/// Each level in each dialect, plain with one compiler and with all options with the other; and each option by itself.
pub fn feature_macros(headers: &Headers) -> Result<String> {
    let all = OPTIONS[..8].join(" ") + " " + OPTIONS[11];
    let mut commands = Vec::new();
    let mut enter = |dialect: &Dialect, macros: &[&str]| {
        let mut command = headers.syntax(dialect, "part.c");
        command.args(dialect.cxx().then_some("-U_GNU_SOURCE"));
        command.args(macros.iter().flat_map(|words| words.split_whitespace()));
        command.arg("-Wlong-long");
        commands.push(command);
    };
    let mut dialects = headers.dialects();
    dialects.retain(|dialect| !dialect.cxx() || CXX.contains(&dialect.std));
    for (index, dialect) in dialects.iter().enumerate() {
        for (at, level) in LEVELS.iter().enumerate() {
            let options = if (index + at) % 2 == 0 { "" } else { &all };
            enter(dialect, &[level, options]);
        }
        for option in OPTIONS.iter().filter(|_| ["c99", "gnu11"].contains(&dialect.std)) {
            enter(dialect, &[option]);
        }
    }
    all_quiet(commands)
}

/// The dialects for checks in which the compiler makes no difference.
const MIXED: [&str; 4] = ["gnu89", "gnu11", "c++11", "c++17"];

const OLD: &str = "include <liburing.h> before it or instead of it";

/// The kernel's header has the same include guard. One that is new enough may come first or last; an older one first
/// gives one error, which says what to do.
pub fn kernel_header(headers: &Headers) -> Result<String> {
    // Our header serves as a new one, and without its newest flag as an old one.
    let text = fs::read_to_string(headers.include.join("liburing/io_uring.h"))?;
    let aged = text.lines().filter(|line| !line.contains("IORING_SETUP_SQE_MIXED"));
    let aged: Vec<&str> = aged.collect();
    let fixture = |name: &str, text: &str| -> Result<PathBuf> {
        let dir = headers.work.join(name);
        fs::create_dir_all(dir.join("linux"))?;
        fs::write(dir.join("linux/io_uring.h"), text)?;
        Ok(dir)
    };
    let (new, old) = (fixture("kernel-new", &text)?, fixture("kernel-old", &aged.join("\n"))?);
    let mut done = 0;
    for dialect in headers.chosen(&MIXED) {
        for (dir, first) in [(&new, true), (&new, false), (&old, false)] {
            quiet(&mut order(headers, &dialect, &[dir], first))?;
        }
        // The system's own may be new enough.
        for (dirs, may) in [(vec![&old], false), (vec![], true)] {
            let mut command = order(headers, &dialect, &dirs, true);
            let out = attempt(&mut command)?;
            let said = String::from_utf8_lossy(&out.stderr);
            let errors: Vec<&str> = said.lines().filter(|line| line.contains("error: ")).collect();
            match errors[..] {
                [] if may && !said.contains("warning: ") => {}
                [error] if error.contains(OLD) => {}
                _ => bail!("{}", first_messages(&command, &out)),
            }
        }
        done += 5;
    }
    Ok(format!("{done} of {done}"))
}

/// The same with the newest kernel headers that Debian carries.
pub fn newest_kernel_header(headers: &Headers) -> Result<String> {
    let dir = root().join("target/abi/linux-libc-dev");
    let version = peer::package("sid", "linux-libc-dev", &dir)?;
    let include = dir.join("deb/usr/include");
    let dirs = [&include, &include.join("x86_64-linux-gnu")];
    for dialect in headers.chosen(&MIXED) {
        quiet(&mut order(headers, &dialect, &dirs, true))?;
        quiet(&mut order(headers, &dialect, &dirs, false))?;
    }
    Ok(version)
}

/// Includes both headers, the kernel's in one of these folders.
fn order(headers: &Headers, dialect: &Dialect, dirs: &[&PathBuf], kernel_first: bool) -> Command {
    let mut command = headers.syntax(dialect, "/dev/null");
    for dir in dirs {
        command.arg("-isystem").arg(dir);
    }
    let mut files = ["liburing.h", "linux/io_uring.h"];
    if kernel_first {
        files.reverse();
    }
    command.args(files.iter().flat_map(|file| ["-include", file]));
    command
}

/// The headers' code for ThreadSanitizer compiles without warnings, also after ThreadSanitizer's own header.
pub fn thread_sanitizer(headers: &Headers) -> Result<String> {
    sanitizing_clang()?;
    let mut commands = Vec::new();
    for dialect in headers.chosen(&["gnu89", "gnu11", "c++11", "c++20"]) {
        for header in ["stddef.h", "sanitizer/tsan_interface.h"] {
            let mut command = headers.strict(&dialect);
            command.args(["-fsanitize=thread", "-include", header, "uses.c"]);
            // uses.c uses the full barrier, which gcc warns about.
            command.args((!dialect.clang()).then_some("-Wno-tsan"));
            commands.push(command);
        }
    }
    all_quiet(commands)
}

/// Macros of ours that the API's macros expand to in the program.
const HELPERS: [&str; 5] = [
    // Newer than the peer's release; it belongs to io_uring_prep_cmd_zone_reset_all().
    "BLOCK_URING_CMD_ZONE_RESET_ALL",
    "LIBURING_FOR_EACH_CQE",
    "LIBURING_NR",
    "LIBURING_PASTE",
    "LIBURING_PASTE_EXPANDED",
];

/// The headers leave no macro defined that the peer's don't, except HELPERS.
pub fn macro_names(ours: &Headers, theirs: &Headers) -> Result<String> {
    let mut figure = 0;
    for dialect in ours.chosen(&MIXED) {
        let mine = left_defined(ours, &dialect)?;
        let theirs = left_defined(theirs, &dialect)?;
        let more: Vec<&str> = mine
            .difference(&theirs)
            .map(String::as_str)
            .filter(|name| !HELPERS.contains(name))
            .collect();
        ensure!(
            more.is_empty(),
            "{}: liburing.h leaves the macros {} defined; to mend: #undef them, or add them to HELPERS",
            dialect.name(),
            more.join(", ")
        );
        figure = figure.max(mine.len());
    }
    Ok(format!("{figure} macros"))
}

fn left_defined(headers: &Headers, dialect: &Dialect) -> Result<BTreeSet<String>> {
    let mut defined = BTreeSet::new();
    for line in preprocess(headers, dialect, &["-dD"])? {
        let mut words = line.split([' ', '(']);
        match (words.next(), words.next()) {
            (Some("#define"), Some(name)) => defined.insert(name.to_owned()),
            (Some("#undef"), Some(name)) => defined.remove(name),
            _ => false,
        };
    }
    Ok(defined)
}
