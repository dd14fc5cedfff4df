//! `cargo xtask lang`: the headers in other hands. C++: a C++20 module that exports the whole API, the header in
//! namespaces and extern "C", twice in one program, without exceptions and run-time types, with link-time
//! optimisation. Rust and Python: bindings made of `include/ffi` by bindgen and by cffi. And our own crate. Each program
//! does a read.
//! The sources are in `test-c/lang/`.

mod krate;

use crate::abi::ast::{Ast, Headers};
use crate::matrix::clang;
use crate::util::{have, install, lib_dir, need, output, root, stdout, table};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds liburing.h
    #[arg(long, value_name = "DIR")]
    include: Option<PathBuf>,
    /// The folder that holds the libraries
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
}

/// Does it, and says what was done.
type Check = fn(&Shop) -> Result<String>;

struct Shop {
    include: PathBuf,
    lib: PathBuf,
    work: PathBuf,
    sources: PathBuf,
    /// The suffix of the clang programs' names.
    clang: String,
    /// A file to read, of twelve bytes.
    data: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    need("g++", "g++")?;
    let work = root().join("target/lang");
    fs::create_dir_all(&work)?;
    let data = work.join("data");
    fs::write(&data, "twelve bytes")?;
    let shop = Shop {
        include: fs::canonicalize(args.include.clone().unwrap_or_else(|| root().join("include")))?,
        lib: fs::canonicalize(args.lib.clone().unwrap_or_else(lib_dir)).context("no libraries; to mend: make")?,
        sources: root().join("test-c/lang"),
        clang: clang()?,
        work,
        data,
    };
    let checks: [(&str, Check); 5] = [
        ("C++20 module", module),
        ("C++ in namespaces, twice", namespaces),
        ("Rust, by bindgen", bindgen),
        ("Rust, the crate", krate::run),
        ("Python, by cffi", cffi),
    ];
    let mut rows = Vec::new();
    let mut failed = 0;
    for (name, check) in checks {
        let figure = check(&shop).unwrap_or_else(|error| {
            eprintln!("FAILED {name}: {error:#}");
            failed += 1;
            "FAILED".into()
        });
        rows.push(vec![name.to_owned(), figure]);
    }
    table(&["language", "what was done"], &rows);
    println!("lang: {} of {} did a read", rows.len() - failed, rows.len());
    ensure!(failed == 0, "{failed} of the languages failed");
    Ok(())
}

impl Shop {
    fn cxx(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-I").arg(&self.include).current_dir(&self.work);
        command
    }

    /// The flags that link a library from the folder, which the program finds again when it runs.
    fn link(&self, name: &str) -> Vec<String> {
        let dir = self.lib.display();
        vec![format!("-L{dir}"), format!("-l{name}"), format!("-Wl,-rpath,{dir}")]
    }
}

/// All that the header declares.
fn declared(shop: &Shop) -> Result<Ast> {
    let headers = Headers {
        source: "#define _GNU_SOURCE\n#include <liburing.h>\n".into(),
        include: vec![shop.include.clone()],
        own: shop.include.clone(),
        clang: format!("clang{}", shop.clang),
    };
    headers.read(&shop.work)
}

fn module(shop: &Shop) -> Result<String> {
    let ast = declared(shop)?;
    let mut names: BTreeSet<&str> = ast.functions.keys().map(String::as_str).collect();
    names.extend(ast.records.keys().filter_map(|record| record.split(' ').nth(1)));
    names.extend(ast.enums.iter().chain(&ast.enumerators).map(String::as_str));
    let mut text = String::from("module;\n#include <liburing.h>\nexport module uring;\n");
    for name in &names {
        let _ = writeln!(text, "export using ::{name};");
    }
    fs::write(shop.work.join("uring.cppm"), text)?;
    let compiler = format!("clang++{}", shop.clang);
    let flags = ["-std=c++20", "-Wall", "-Wextra", "-Werror"];
    output(
        shop.cxx(&compiler)
            .args(flags)
            .args(["--precompile", "uring.cppm", "-o", "uring.pcm"]),
    )?;
    let mut build = shop.cxx(&compiler);
    build
        .args(flags)
        .args(["-fmodule-file=uring=uring.pcm", "-o", "module"]);
    output(
        build
            .arg(shop.sources.join("module.cpp"))
            .arg("uring.pcm")
            .args(shop.link("uring")),
    )?;
    output(Command::new(shop.work.join("module")).arg(&shop.data))?;
    Ok(format!("{} names exported", names.len()))
}

fn namespaces(shop: &Shop) -> Result<String> {
    let clangxx = format!("clang++{}", shop.clang);
    // clang optimises at link time with its own linker only.
    let lld = format!("ld.lld{}", shop.clang);
    let mut done = 0;
    for compiler in ["g++", &clangxx] {
        for std in ["c++11", "c++17", "c++20"] {
            for lto in [&[][..], &["-flto"]] {
                if !lto.is_empty() && compiler == clangxx && !have(&lld) {
                    install(&[&lld.replacen("ld.", "", 1)])?;
                }
                let part = |name: &str, more: &[&str]| -> Result<String> {
                    let object = format!("{name}.o");
                    let mut compile = shop.cxx(compiler);
                    compile
                        .arg(format!("-std={std}"))
                        .args(["-O2", "-Wall", "-Wextra", "-Werror"]);
                    compile.args(["-fno-exceptions", "-fno-rtti"]).args(lto).args(more);
                    compile
                        .arg(format!("-DNAME={name}"))
                        .arg("-c")
                        .arg(shop.sources.join("namespaces.cpp"));
                    output(compile.args(["-o", &object]))?;
                    Ok(object)
                };
                let objects = [part("first", &["-DMAIN"])?, part("second", &[])?];
                let mut link = shop.cxx(compiler);
                link.args(lto)
                    .args(objects)
                    .args(["-o", "namespaces"])
                    .args(shop.link("uring"));
                if compiler == clangxx && !lto.is_empty() {
                    link.arg("-fuse-ld=lld");
                }
                output(&mut link)?;
                output(Command::new(shop.work.join("namespaces")).arg(&shop.data))
                    .with_context(|| format!("{compiler} {std} {lto:?}"))?;
                done += 1;
            }
        }
    }
    Ok(format!("{done} builds, no exceptions, no RTTI, LTO on and off"))
}

fn bindgen(shop: &Shop) -> Result<String> {
    let dir = shop.work.join("rust");
    fs::create_dir_all(dir.join("src"))?;
    fs::write(
        dir.join("Cargo.toml"),
        "[package]\nname = \"bindings\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
         [build-dependencies]\nbindgen = \"0.72\"\n\n[workspace]\n",
    )?;
    fs::copy(shop.sources.join("build.rs"), dir.join("build.rs"))?;
    fs::copy(shop.sources.join("main.rs"), dir.join("src/main.rs"))?;
    let target = shop.work.join("rust-target");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--quiet", "--target-dir"])
        .arg(&target)
        .current_dir(&dir);
    let link: Vec<String> = shop
        .link("uring-ffi")
        .iter()
        .map(|flag| format!("-Clink-arg={flag}"))
        .collect();
    output(
        cargo
            .env("URING_INCLUDE", &shop.include)
            .env("RUSTFLAGS", link.join(" ")),
    )?;
    output(Command::new(target.join("debug/bindings")).arg(&shop.data))?;
    Ok("a read through liburing-ffi".into())
}

fn cffi(shop: &Shop) -> Result<String> {
    need("python3", "python3")?;
    let has = |python: &str| {
        Command::new(python)
            .args(["-c", "import cffi"])
            .output()
            .is_ok_and(|out| out.status.success())
    };
    // A python3 of the user's own doesn't see Debian's packages.
    let debian = "/usr/bin/python3";
    let python = if has("python3") { "python3" } else { debian };
    if !has(python) {
        install(&["python3-cffi"])?;
    }
    let preprocessed = shop.work.join("ffi.i");
    let mut gcc = shop.cxx("gcc");
    gcc.args(["-E", "-D_GNU_SOURCE", "-xc"])
        .arg(shop.include.join("ffi/liburing.h"));
    fs::write(&preprocessed, stdout(&mut gcc)?)?;
    let library: &Path = &shop.lib.join("liburing-ffi.so.2");
    let mut run = Command::new(python);
    run.arg(shop.sources.join("bindings.py"))
        .args([&preprocessed, &shop.include])
        .arg(library)
        .arg(&shop.data);
    let functions = stdout(&mut run)?;
    Ok(format!(
        "a read through liburing-ffi, {} functions known",
        functions.trim()
    ))
}
