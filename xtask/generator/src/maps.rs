//! The symbol maps, and the lists of symbols that the archives keep.

use super::model::{Function, Model};
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The release's minor version; every one since 2.0 has a version node, empty or not.
const LAST_MINOR: u32 = 15;

/// Functions that the original has merged for its next release are in that release's node.
const NEXT_MINOR: u32 = LAST_MINOR + 1;

/// The version in the libraries' soname.
const SOVERSION: u32 = 2;

/// liburing-ffi was introduced in 2.4, with all earlier symbols in that node.
const FFI_FIRST_MINOR: u32 = 4;

/// Inline in the header, but still exported for programs built before 2.2.
const ALSO_EXPORTED: &[&str] = &["io_uring_get_sqe"];

/// Symbols that the original's liburing-ffi has in another node than that of the version that introduced them.
const FFI_NODE: &[(&str, u32)] = &[
    ("__io_uring_peek_cqe", 15),
    ("io_uring_cqe_iter_init", 15),
    ("io_uring_cqe_iter_next", 15),
    ("io_uring_cqe_nr", 12),
    ("io_uring_prep_futex_wait", 5),
    ("io_uring_prep_futex_waitv", 5),
    ("io_uring_prep_futex_wake", 5),
    ("io_uring_prep_read_multishot", 5),
    ("io_uring_prep_send_bundle", 6),
    ("io_uring_prep_waitid", 5),
    ("io_uring_register_napi", 4),
    ("io_uring_unregister_napi", 4),
];

/// Inline helpers that the original's liburing-ffi lacks; they are in the node of the release.
const FFI_NEW: &[&str] = &[
    "__io_uring_prep_poll_mask",
    "__io_uring_prep_uring_cmd",
    "__io_uring_set_target_fixed_file",
    "_io_uring_get_sqe",
    "io_uring_buf_ring_head",
    "io_uring_cqe_shift",
    "io_uring_cqe_shift_from_flags",
    "io_uring_initialize_sqe",
    "io_uring_load_sq_head",
    "io_uring_skip_cqe",
    "io_uring_sqe_shift",
    "io_uring_sqe_shift_from_flags",
    "uring_ptr_to_u64",
];

/// The archives' members that combine several files of `src/`; any other file is one itself, and the inline helpers are
/// `ffi`. A member must not bring in a function that the original would not: a program that defines its own
/// `io_uring_setup()` would no longer link (`cargo xtask gates --peer`).
const MEMBERS: &[(&str, &[&str])] = &[
    ("queue", &["queue", "wait"]),
    ("register", &["register", "resources", "buf_ring"]),
    ("setup", &["setup", "memory", "resize"]),
];

/// The folder with the list of each member's symbols.
pub const MEMBERS_DIR: &str = "src/members";

/// Symbols for which a program built today needs a newer library than the node says, because what the function reads
/// or writes has grown since (2.3) or because Debian didn't package the release (2.5).
const SINCE_DEBIAN: &[(&str, u32)] = &[
    ("LIBURING_2.12", 13),
    ("io_uring_get_probe", 3),
    ("io_uring_mlock_size", 3),
    ("io_uring_mlock_size_params", 3),
    ("io_uring_prep_cmd_sock", 6),
    ("io_uring_prep_futex_wait", 6),
    ("io_uring_prep_futex_waitv", 6),
    ("io_uring_prep_futex_wake", 6),
    ("io_uring_prep_read_multishot", 6),
    ("io_uring_prep_waitid", 6),
    ("io_uring_queue_init", 3),
    ("io_uring_queue_init_params", 3),
    ("io_uring_queue_mmap", 3),
    ("io_uring_register_sync_msg", 12),
];

pub fn files(model: &Model) -> Result<Vec<(String, String)>> {
    let exported = |f: &&Function| (!f.inline && !f.archive) || ALSO_EXPORTED.contains(&f.name().as_str());
    let mut so = BTreeMap::new();
    for function in model.functions().iter().filter(exported) {
        so.insert(function.name(), minor(function)?);
    }
    let mut ffi = BTreeMap::new();
    for function in model.functions().iter().filter(|f| !f.archive) {
        let name = function.name();
        let node = match FFI_NODE.iter().find(|(n, _)| *n == name) {
            Some((_, node)) => *node,
            None if FFI_NEW.contains(&name.as_str()) => LAST_MINOR,
            None => minor(function)?.max(FFI_FIRST_MINOR),
        };
        ffi.insert(name, node);
    }
    let archive: Vec<String> = model
        .functions()
        .iter()
        .filter(|f| f.archive)
        .map(Function::name)
        .collect();
    let mut members: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for function in model.functions() {
        members.entry(member(function)).or_default().push(function.name());
    }
    let mut debian = String::new();
    for (library, symbols, first) in [("liburing-ffi", &ffi, FFI_FIRST_MINOR), ("liburing", &so, 0)] {
        debian += &debian_symbols(model, library, symbols, first)?;
    }
    let mut files: Vec<(String, String)> = members
        .into_iter()
        .map(|(member, names)| (format!("{MEMBERS_DIR}/{member}.keep"), keep(names)))
        .collect();
    files.extend([
        ("packaging/debian/libironring2.symbols".into(), debian),
        ("src/liburing.map".into(), map(&so, 0)),
        ("src/liburing-ffi.map".into(), map(&ffi, FFI_FIRST_MINOR)),
        (
            "src/liburing.keep".into(),
            keep(so.into_keys().chain(archive.clone()).collect()),
        ),
        (
            "src/liburing-ffi.keep".into(),
            keep(ffi.into_keys().chain(archive).collect()),
        ),
    ]);
    Ok(files)
}

fn member(function: &Function) -> &str {
    if ALSO_EXPORTED.contains(&&*function.name()) {
        return "queue";
    }
    if function.inline {
        return "ffi";
    }
    let file = function.file.trim_start_matches("src/").trim_end_matches(".rs");
    MEMBERS
        .iter()
        .find(|(_, files)| files.contains(&file))
        .map_or(file, |(member, _)| member)
}

/// The minor version that introduced a function.
fn minor(function: &Function) -> Result<u32> {
    match function.since.strip_prefix("2.").and_then(|minor| minor.parse().ok()) {
        Some(minor) if minor <= NEXT_MINOR => Ok(minor),
        _ => bail!(
            "{}: {}: not a known version: {}",
            function.file,
            function.name(),
            function.since
        ),
    }
}

/// The last node of a library.
fn last(symbols: &BTreeMap<String, u32>) -> u32 {
    symbols.values().copied().fold(LAST_MINOR, u32::max)
}

fn map(symbols: &BTreeMap<String, u32>, first: u32) -> String {
    let mut out = String::from("/* Made by `cargo gen` from the \"Since\" lines of the source. */\n");
    for node in first..=last(symbols) {
        let _ = writeln!(out, "LIBURING_2.{node} {{");
        let mut names = symbols
            .iter()
            .filter(|(_, n)| **n == node)
            .map(|(name, _)| name)
            .peekable();
        if names.peek().is_some() {
            out += "\tglobal:\n";
        }
        for name in names {
            let _ = writeln!(out, "\t\t{name};");
        }
        if node == first {
            out += "\tlocal:\n\t\t*;\n};\n";
        } else {
            let _ = writeln!(out, "}} LIBURING_2.{};", node - 1);
        }
    }
    out
}

/// The symbols file, from which dpkg derives a program's dependencies: liburing2, in the release that introduced what
/// the program uses, or libironring2 if only ironring has it.
fn debian_symbols(model: &Model, library: &str, symbols: &BTreeMap<String, u32>, first: u32) -> Result<String> {
    let mut out = format!(
        "{library}.so.{SOVERSION} liburing{SOVERSION} #MINVER#\n| libironring{SOVERSION} #MINVER#\n\
         * Build-Depends-Package: libironring-dev\n"
    );
    let known = |name: &str| {
        SINCE_DEBIAN
            .iter()
            .find(|(n, _)| *n == name)
            .map_or(0, |(_, since)| *since)
    };
    // What no release of the original has requires this release of ironring, by its own name.
    let ours = format!("2.{LAST_MINOR}.0 1");
    for node in first..=last(symbols) {
        let name = format!("LIBURING_2.{node}");
        let since = format!("2.{}", known(&name).max(node));
        let since = if node > LAST_MINOR { &ours } else { &since };
        let _ = writeln!(out, " {name}@{name} {since}");
    }
    for (name, node) in symbols {
        let function = model.function_named(name).expect("the maps are made of functions");
        let since = format!("2.{}", known(name).max(minor(function)?).max(*node));
        let only_ours = library == "liburing-ffi" && FFI_NEW.contains(&name.as_str());
        let since = if only_ours || *node > LAST_MINOR { &ours } else { &since };
        let _ = writeln!(out, " {name}@LIBURING_2.{node} {since}");
    }
    Ok(out)
}

fn keep(mut names: Vec<String>) -> String {
    names.sort();
    names.iter().fold(String::new(), |out, name| out + name + "\n")
}
