//! `cargo gen`: generates headers, symbol maps and the manual from the Rust definitions and `man/*.md`.
//!
//! `model` reads the source, `decl` prints declarations, `body` and `expr` print the bodies of the inline helpers,
//! `doc` the comments, `maps` the symbol maps. Text without a Rust form is in `xtask/generator/templates/`.

mod body;
pub mod ctype;
pub mod decl;
mod doc;
mod expr;
pub mod manual;
mod maps;
pub mod model;
#[cfg(test)]
mod tests;
mod types;

use anyhow::{Context, Result, bail};
use base::root;
use model::{Function, Model};
use std::fs;
use std::path::Path;

/// The files of `crates/abi/src/uapi/` that make up `liburing/io_uring.h`, in C order.
const IO_URING_H: &[&str] = &[
    "sqe",
    "opcodes",
    "op_flags",
    "cqe",
    "setup",
    "enter",
    "register",
    "resources",
    "buffers",
    "zcrx",
];

/// The files with exported functions, in the order of the header.
const EXPORTED: &[&str] = &[
    "setup",
    "memory",
    "queue",
    "wait",
    "register",
    "resources",
    "buf_ring",
    "resize",
    "probe",
    "syscall",
    "version",
];

#[derive(clap::Args)]
pub struct Args {
    /// Only check that the committed files match the source
    #[arg(long)]
    check: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let mut stale = Vec::new();
    let files = generate()?;
    for (path, text) in &files {
        let file = root().join(path);
        if fs::read_to_string(&file).is_ok_and(|old| old == *text) {
            continue;
        }
        if !args.check {
            fs::create_dir_all(file.parent().expect("a file lies in a folder"))?;
            fs::write(&file, text).with_context(|| format!("can't write {path}"))?;
        }
        stale.push(path.as_str());
    }
    let old = left_over(&files)?;
    for path in &old {
        if !args.check {
            fs::remove_file(root().join(path)).with_context(|| format!("can't remove {path}"))?;
        }
        stale.push(path);
    }
    if args.check && !stale.is_empty() {
        bail!("stale: {}\nto update them: cargo gen", stale.join(" "));
    }
    let what = if args.check { "fresh" } else { "written" };
    println!("gen: {} files {what}, {} of them changed", files.len(), stale.len());
    Ok(())
}

/// Reads the source; also returns the files of `src/inline/` in order.
pub fn read_source() -> Result<(Model, Vec<String>)> {
    let mut model = Model::default();
    for file in IO_URING_H.iter().chain(&["query", "bpf_filter"]) {
        model.read(&format!("crates/abi/src/uapi/{file}.rs"))?;
    }
    model.read("crates/abi/src/types.rs")?;
    for file in EXPORTED {
        model.read(&format!("src/{file}.rs"))?;
    }
    let inline_files = model.read_inline()?;
    model.read_types(&fs::read_to_string(root().join("crates/abi/src/ctypes.rs"))?)?;
    types::check_names(&model)?;
    Ok((model, inline_files))
}

/// Every generated file: its path in the repository and its text.
pub fn generate() -> Result<Vec<(String, String)>> {
    let (model, inline_files) = read_source()?;
    check_version(&model)?;

    let abi = |files: &[&str]| -> Result<String> {
        files
            .iter()
            .map(|file| decl::definitions(&model, &format!("crates/abi/src/uapi/{file}.rs")))
            .collect()
    };
    let version = |part: &str| decl::constant_value(&model, &format!("IO_URING_VERSION_{part}"));

    let types = decl::definitions(&model, "crates/abi/src/types.rs")?;
    let mut prototypes = String::new();
    for file in EXPORTED {
        prototypes += &decl::prototypes(&model, &format!("src/{file}.rs"))?;
    }
    let clone_buffers = match model.function_named("io_uring_clone_buffers") {
        Some(function) => decl::bare_prototype(function)?,
        None => bail!("src/ no longer has io_uring_clone_buffers: remove its mark from the template liburing.h"),
    };
    let (mut bodies, mut ffi) = (String::new(), String::new());
    for file in &inline_files {
        let section = decl::section(&model, file);
        bodies += &section;
        ffi += &section;
        for function in model.functions_of(file) {
            let body = body::print(&model, function)?;
            bodies += &body;
            ffi += &if function.local {
                body
            } else {
                decl::prototype(function)?
            };
        }
    }

    let mut out = vec![
        (
            "include/liburing/io_uring.h".into(),
            fill("io_uring.h", &[("definitions", &abi(IO_URING_H)?)])?,
        ),
        (
            "include/liburing/io_uring/query.h".into(),
            fill("query.h", &[("definitions", &abi(&["query"])?)])?,
        ),
        (
            "include/liburing/io_uring/bpf_filter.h".into(),
            fill("bpf_filter.h", &[("definitions", &abi(&["bpf_filter"])?)])?,
        ),
        ("include/liburing/barrier.h".into(), fill("barrier.h", &[])?),
        ("include/liburing/compat.h".into(), fill("compat.h", &[])?),
        (
            "include/liburing/io_uring_version.h".into(),
            fill(
                "io_uring_version.h",
                &[("major", &version("MAJOR")?), ("minor", &version("MINOR")?)],
            )?,
        ),
    ];
    for (path, inlines, kind) in [
        ("include/liburing.h", &bodies, ""),
        (
            "include/ffi/liburing.h",
            &ffi,
            "\n * For bindings: the inline helpers are prototypes here, and symbols of liburing-ffi.",
        ),
    ] {
        let marks = [
            ("kind", kind),
            ("clone_buffers", &clone_buffers),
            ("types", &types),
            ("prototypes", &prototypes),
            ("inlines", inlines),
        ];
        out.push((path.into(), fill("liburing.h", &marks)?));
    }
    out.extend(maps::files(&model)?);
    out.extend(manual::generate()?);
    Ok(out)
}

/// Files in the generated folders that the source no longer generates.
fn left_over(files: &[(String, String)]) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for folder in manual::GENERATED.iter().chain(&[maps::MEMBERS_DIR]) {
        let Ok(entries) = fs::read_dir(root().join(folder)) else {
            continue;
        };
        for entry in entries {
            let path = format!("{folder}/{}", entry?.file_name().to_string_lossy());
            if !files.iter().any(|file| file.0 == path) {
                out.push(path);
            }
        }
    }
    Ok(out)
}

/// The text of a template, with each `@mark@` replaced.
fn fill(template: &str, marks: &[(&str, &str)]) -> Result<String> {
    let path = Path::new("xtask/generator/templates").join(template);
    let mut text = fs::read_to_string(root().join(&path)).with_context(|| format!("can't read {}", path.display()))?;
    for (mark, value) in marks {
        let mark = format!("@{mark}@");
        if !text.contains(&mark) {
            bail!("{}: the mark {mark} is missing", path.display());
        }
        text = text.replace(&mark, value.trim_end_matches('\n'));
    }
    Ok(text)
}

/// Cargo.toml's version and the header's must be the same.
fn check_version(model: &Model) -> Result<()> {
    let header = format!(
        "{}.{}",
        decl::constant_value(model, "IO_URING_VERSION_MAJOR")?,
        decl::constant_value(model, "IO_URING_VERSION_MINOR")?
    );
    let cargo = fs::read_to_string(root().join("Cargo.toml"))?;
    if !cargo.contains(&format!("version = \"{header}.")) {
        bail!("src/version.rs has version {header}, Cargo.toml another: set the same in both");
    }
    Ok(())
}

/// Fails with the line of the source that the generator can't print.
fn refuse<T>(function: &Function, span: proc_macro2::Span, what: &str) -> Result<T> {
    bail!("{}:{}: {}: {what}", function.file, span.start().line, function.name())
}
