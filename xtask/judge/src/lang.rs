//! `cargo xtask lang`: the headers in other languages. C++: a C++20 module that exports the whole API; the header in
//! namespaces and extern "C", twice in one program, without exceptions and RTTI, with link-time optimisation. Rust and
//! Python: bindings that bindgen and cffi generate from `include/ffi`. And our own crate. Each program reads a file.
//! The sources are in `test-c/lang/`.

mod krate;

use crate::abi::ast::Headers;
use anyhow::{Context, Result};
use base::compile::{Compile as _, clang};
use base::tally::Tally;
use base::{command, have, install, lib_dir, need, output, root, stdout};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
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

const STRICT: [&str; 3] = ["-Wall", "-Wextra", "-Werror"];

struct Lang {
    include: PathBuf,
    lib: PathBuf,
    work: PathBuf,
    sources: PathBuf,
    /// The suffix of the clang programs' names.
    clang: String,
    /// A file of twelve bytes to read.
    data: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    need("g++", "g++")?;
    let work = root().join("target/lang");
    fs::create_dir_all(&work)?;
    let data = work.join("data");
    fs::write(&data, "twelve bytes")?;
    let lang = Lang {
        include: fs::canonicalize(args.include.clone().unwrap_or_else(|| root().join("include")))?,
        lib: fs::canonicalize(args.lib.clone().unwrap_or_else(lib_dir)).context("no libraries; to mend: make")?,
        sources: root().join("test-c/lang"),
        clang: clang()?,
        work,
        data,
    };
    let mut tally = Tally::default();
    tally.run("C++20 module", || lang.module());
    tally.run("C++ in namespaces, twice", || lang.namespaces());
    tally.run("Rust, by bindgen", || lang.bindgen());
    tally.run("Rust, the crate", || krate::run(&lang));
    tally.run("Python, by cffi", || lang.cffi());
    tally.end("lang", "language", "read the file")
}

impl Lang {
    fn cxx(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.include(&self.include).current_dir(&self.work);
        command
    }

    /// Runs a program, which must read the data.
    fn read(&self, program: PathBuf) -> Result<()> {
        output(Command::new(program).arg(&self.data)).map(drop)
    }

    /// A module that exports everything the header declares.
    fn module(&self) -> Result<String> {
        let headers = Headers {
            source: "#define _GNU_SOURCE\n#include <liburing.h>\n".into(),
            include: vec![self.include.clone()],
            own: self.include.clone(),
            clang: format!("clang{}", self.clang),
        };
        let ast = headers.read(&self.work)?;
        let mut names: BTreeSet<&str> = ast.functions.keys().map(String::as_str).collect();
        names.extend(ast.records.keys().filter_map(|record| record.split(' ').nth(1)));
        names.extend(ast.enums.iter().chain(&ast.enumerators).map(String::as_str));
        let mut text = String::from("module;\n#include <liburing.h>\nexport module uring;\n");
        for name in &names {
            let _ = writeln!(text, "export using ::{name};");
        }
        fs::write(self.work.join("uring.cppm"), text)?;
        let clang = || {
            let mut command = self.cxx(&format!("clang++{}", self.clang));
            command.args(STRICT);
            command
        };
        clang()
            .args(["-std=c++20", "--precompile", "uring.cppm"])
            .to("uring.pcm")?;
        clang()
            .args(["-std=c++20", "-fmodule-file=uring=uring.pcm"])
            .arg(self.sources.join("module.cpp"))
            .arg("uring.pcm")
            .library(self.lib.join("liburing.so.2"))
            .to("module")?;
        self.read(self.work.join("module"))?;
        Ok(format!("{} names exported", names.len()))
    }

    fn namespaces(&self) -> Result<String> {
        let clang = format!("clang++{}", self.clang);
        // clang optimises at link time with its own linker only.
        let lld = format!("ld.lld{}", self.clang);
        if !have(&lld) {
            install(&[&lld.replacen("ld.", "", 1)])?;
        }
        let optimised: [(&str, &[&str]); 4] = [
            ("g++", &[]),
            ("g++", &["-flto"]),
            (&clang, &[]),
            (&clang, &["-flto", "-fuse-ld=lld"]),
        ];
        let mut done = 0;
        for (compiler, lto) in optimised {
            for std in ["-std=c++11", "-std=c++17", "-std=c++20"] {
                let compile = |words: &str| {
                    let mut command = self.cxx(compiler);
                    command
                        .args([std, "-O2", "-fno-exceptions", "-fno-rtti"])
                        .args(words.split(' '));
                    // clang warns about the linker's name when it only compiles.
                    command.args(lto).arg("-Wno-unused-command-line-argument");
                    command
                };
                for (words, object) in [("-DNAME=first -DMAIN -c", "first.o"), ("-DNAME=second -c", "second.o")] {
                    compile(words).arg(self.sources.join("namespaces.cpp")).to(object)?;
                }
                compile("first.o second.o")
                    .library(self.lib.join("liburing.so.2"))
                    .to("namespaces")?;
                self.read(self.work.join("namespaces"))
                    .with_context(|| format!("{compiler} {std} {lto:?}"))?;
                done += 1;
            }
        }
        Ok(format!("{done} builds, no exceptions, no RTTI, LTO on and off"))
    }

    fn bindgen(&self) -> Result<String> {
        let (dir, target) = (self.work.join("rust"), self.work.join("rust-target"));
        fs::create_dir_all(dir.join("src"))?;
        let manifest = "[package]\nname = \"bindings\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
                        [build-dependencies]\nbindgen = \"0.72\"\n\n[workspace]\n";
        fs::write(dir.join("Cargo.toml"), manifest)?;
        fs::copy(self.sources.join("build.rs"), dir.join("build.rs"))?;
        fs::copy(self.sources.join("main.rs"), dir.join("src/main.rs"))?;
        let lib = self.lib.display();
        let link = format!("-Clink-arg={lib}/liburing-ffi.so.2 -Clink-arg=-Wl,-rpath,{lib}");
        output(
            command!("cargo build --quiet --target-dir", &target)
                .current_dir(&dir)
                .env("URING_INCLUDE", &self.include)
                .env("RUSTFLAGS", link),
        )?;
        self.read(target.join("debug/bindings"))?;
        Ok("a read through liburing-ffi".into())
    }

    fn cffi(&self) -> Result<String> {
        need("python3", "python3")?;
        let has = |python: &str| output(Command::new(python).args(["-c", "import cffi"])).is_ok();
        // A python3 outside /usr/bin doesn't see Debian's packages.
        let debian = "/usr/bin/python3";
        let python = if has("python3") { "python3" } else { debian };
        if !has(python) {
            install(&["python3-cffi"])?;
        }
        let preprocessed = self.work.join("ffi.i");
        let mut gcc = self.cxx("gcc");
        gcc.args(["-E", "-D_GNU_SOURCE", "-xc"]);
        fs::write(&preprocessed, stdout(gcc.arg(self.include.join("ffi/liburing.h")))?)?;
        let library = self.lib.join("liburing-ffi.so.2");
        let mut run = Command::new(python);
        run.arg(self.sources.join("bindings.py"));
        let functions = stdout(run.args([&preprocessed, &self.include, &library, &self.data]))?;
        Ok(format!(
            "a read through liburing-ffi, {} functions known",
            functions.trim()
        ))
    }
}
