//! What surrounds the headers in a program: feature-test macros, the kernel's own header, ThreadSanitizer, and
//! the names of macros.

use super::checks::{preprocess, quiet, silent};
use super::{Ground, Pair, first_messages, sanitizing_clang};
use crate::peer;
use crate::util::{root, show};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
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

/// What may be added to each of them.
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

/// The dialects of C++ whose `<atomic>` takes less than `_GNU_SOURCE`, which its compilers define by themselves.
const CXX: [&str; 3] = ["c++11", "c++14", "c++17"];

/// Each level in each dialect, alone with one of the compilers, with all options with the other; each option by itself.
pub fn feature_macros(ground: &Ground) -> Result<String> {
    let all = OPTIONS[..8].join(" ") + " " + OPTIONS[11];
    let pairs = ground.pairs();
    let pairs = pairs.iter().filter(|pair| !pair.cxx() || CXX.contains(&pair.std));
    let mut commands = Vec::new();
    let mut enter = |pair: &Pair, macros: &[&str]| {
        let mut command = ground.command(pair);
        command.args(pair.cxx().then_some("-U_GNU_SOURCE"));
        command.args(macros.iter().flat_map(|words| words.split_whitespace()));
        command.args(["-Wall", "-Wextra", "-Wlong-long", "-fsyntax-only", "part.c"]);
        commands.push(command);
    };
    for (index, pair) in pairs.enumerate() {
        for (at, level) in LEVELS.iter().enumerate() {
            let options = if (index + at) % 2 == 0 { "" } else { &all };
            enter(pair, &[level, options]);
        }
        for option in OPTIONS.iter().filter(|_| ["c99", "gnu11"].contains(&pair.std)) {
            enter(pair, &[option]);
        }
    }
    silent(commands)
}

/// The dialects for what the compiler has no part in.
const MIXED: [&str; 4] = ["gnu89", "gnu11", "c++11", "c++17"];

const OLD: &str = "include <liburing.h> before it or instead of it";

/// The kernel's header has the same include guard. One that is new enough may come first or last; an older one first
/// gives one error, which says what to do.
pub fn kernel_header(ground: &Ground) -> Result<String> {
    // Ours stands for a new one; without what came last it is an old one.
    let text = fs::read_to_string(ground.include.join("liburing/io_uring.h"))?;
    let aged: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("IORING_SETUP_SQE_MIXED"))
        .collect();
    let fixture = |name: &str, text: &str| -> Result<PathBuf> {
        let dir = ground.work.join(name);
        fs::create_dir_all(dir.join("linux"))?;
        fs::write(dir.join("linux/io_uring.h"), text)?;
        Ok(dir)
    };
    let (new, old) = (fixture("kernel-new", &text)?, fixture("kernel-old", &aged.join("\n"))?);
    let mut done = 0;
    for pair in ground.chosen(&MIXED) {
        for (dir, first) in [(&new, true), (&new, false), (&old, false)] {
            quiet(&mut order(ground, &pair, &[dir], first))?;
        }
        let system = Path::new("/usr/include");
        for (dir, must) in [(old.as_path(), true), (system, false)] {
            let mut command = order(ground, &pair, if must { std::slice::from_ref(&dir) } else { &[] }, true);
            let out = command.output().with_context(|| show(&command))?;
            let said = String::from_utf8_lossy(&out.stderr);
            let errors: Vec<&str> = said.lines().filter(|line| line.contains("error: ")).collect();
            match errors[..] {
                [] if !must && !said.contains("warning: ") => {}
                [error] if error.contains(OLD) => {}
                _ => bail!("{}", first_messages(&command, &said)),
            }
        }
        done += 5;
    }
    Ok(format!("{done} of {done}"))
}

/// The same with the newest kernel headers that Debian carries.
pub fn newest_kernel_header(ground: &Ground) -> Result<String> {
    let dir = root().join("target/abi/linux-libc-dev");
    let version = peer::package("sid", "linux-libc-dev", &dir)?;
    let include = dir.join("deb/usr/include");
    let dirs = [&include, &include.join("x86_64-linux-gnu")];
    for pair in ground.chosen(&MIXED) {
        quiet(&mut order(ground, &pair, &dirs, true))?;
        quiet(&mut order(ground, &pair, &dirs, false))?;
    }
    Ok(version)
}

/// Includes both headers, the kernel's in one of these folders.
fn order(ground: &Ground, pair: &Pair, dirs: &[impl AsRef<Path>], kernel_first: bool) -> Command {
    let mut command = ground.command(pair);
    for dir in dirs {
        command.arg("-isystem").arg(dir.as_ref());
    }
    let (first, second) = if kernel_first {
        ("linux/io_uring.h", "liburing.h")
    } else {
        ("liburing.h", "linux/io_uring.h")
    };
    command.args([
        "-Wall",
        "-Wextra",
        "-fsyntax-only",
        "-include",
        first,
        "-include",
        second,
    ]);
    command.arg("/dev/null");
    command
}

/// What the headers have for ThreadSanitizer is as clean, beside its own header too.
pub fn thread_sanitizer(ground: &Ground) -> Result<String> {
    sanitizing_clang()?;
    let mut commands = Vec::new();
    for pair in ground.chosen(&["gnu89", "gnu11", "c++11", "c++20"]) {
        for header in ["stddef.h", "sanitizer/tsan_interface.h"] {
            let mut command = ground.strict(&pair);
            command.args(["-fsanitize=thread", "-include", header, "uses.c"]);
            // Of the full barrier, which uses.c asks for.
            command.args((!pair.clang()).then_some("-Wno-tsan"));
            commands.push(command);
        }
    }
    silent(commands)
}

/// Macros of ours that those of the API expand to, in the program.
const HELPERS: [&str; 5] = [
    // What came after the peer's release, with io_uring_prep_cmd_zone_reset_all().
    "BLOCK_URING_CMD_ZONE_RESET_ALL",
    "LIBURING_FOR_EACH_CQE",
    "LIBURING_NR",
    "LIBURING_PASTE",
    "LIBURING_PASTE_EXPANDED",
];

/// The headers leave no macro behind that the peer's don't, but for these.
pub fn macro_names(ours: &Ground, theirs: &Ground) -> Result<String> {
    let mut figure = 0;
    for pair in ours.chosen(&MIXED) {
        let mine = left_defined(ours, &pair)?;
        let theirs = left_defined(theirs, &pair)?;
        let more: Vec<&str> = mine
            .difference(&theirs)
            .map(String::as_str)
            .filter(|name| !HELPERS.contains(name))
            .collect();
        ensure!(
            more.is_empty(),
            "{} {}: after liburing.h there are the macros {}; to mend: #undef them, or let HELPERS have them",
            pair.compiler,
            pair.std,
            more.join(", ")
        );
        figure = figure.max(mine.len());
    }
    Ok(format!("{figure} macros"))
}

fn left_defined(ground: &Ground, pair: &Pair) -> Result<BTreeSet<String>> {
    let mut defined = BTreeSet::new();
    for line in preprocess(ground, pair, &["-dD"])? {
        let mut words = line.split([' ', '(']);
        match (words.next(), words.next()) {
            (Some("#define"), Some(name)) => defined.insert(name.to_owned()),
            (Some("#undef"), Some(name)) => defined.remove(name),
            _ => false,
        };
    }
    Ok(defined)
}
