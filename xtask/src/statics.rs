//! `cargo xtask static`: our archive in every kind of program that people link it into. Most write a file through a
//! ring, read it back and compare; the sources are in `test-c/static/`.

mod ways;

use crate::util::{lib_dir, need, output, root, stdout, table};
use anyhow::{Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use ways::{WAYS, Way, X86_WAYS};

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds the archives
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
}

struct Shop {
    work: PathBuf,
    sources: PathBuf,
    lib: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    need("readelf", "binutils")?;
    let shop = Shop {
        work: root().join("target/static"),
        sources: root().join("test-c/static"),
        lib: args.lib.clone().unwrap_or_else(lib_dir),
    };
    ensure!(
        shop.lib.join("liburing.a").is_file(),
        "there is no liburing.a in {}; to build it: make",
        shop.lib.display()
    );
    fs::create_dir_all(&shop.work)?;
    output(
        Command::new("rustc")
            .args(["--edition=2024", "--crate-type=staticlib", "-O", "-o"])
            .arg(shop.second())
            .arg(shop.sources.join("second.rs")),
    )?;
    let mut rows = Vec::new();
    let mut failed = 0;
    let mut enter = |name: &str, result: Result<u64>| {
        let shown = match result {
            Ok(size) => format!("{} KiB", size / 1024),
            Err(error) => {
                eprintln!("FAILED {name}: {error:#}");
                failed += 1;
                "FAILED".into()
            }
        };
        rows.push(vec![name.to_owned(), shown]);
    };
    let mut ways: Vec<&Way> = WAYS.iter().collect();
    if cfg!(target_arch = "x86_64") {
        let out = format!("OUT={}", ibt().display());
        output(Command::new("make").current_dir(root()).args(["-s", "IBT=1", &out]))?;
        ways.extend(X86_WAYS);
    }
    for (number, way) in ways.into_iter().enumerate() {
        enter(way.name, shop.program(number, way));
    }
    enter("in a shared library that is loaded", shop.plugin());
    table(&["how it is linked", "size"], &rows);
    println!(
        "static: {} of {} programs did what they should",
        rows.len() - failed,
        rows.len()
    );
    ensure!(failed == 0, "{failed} programs failed");
    Ok(())
}

/// Where the libraries with `endbr64` are built.
fn ibt() -> PathBuf {
    root().join("target/ibt")
}

impl Shop {
    fn second(&self) -> PathBuf {
        self.work.join("libsecond.a")
    }

    fn program(&self, number: usize, way: &Way) -> Result<u64> {
        need(way.compiler.0, way.compiler.1)?;
        if let Some((program, package)) = way.linker {
            need(program, package)?;
        }
        let exe = self.work.join(format!("round{number}"));
        let mut cc = self.compiler(way.compiler.0);
        for word in way.words.split(' ') {
            match word {
                "URING" => cc.arg(self.lib.join("liburing.a")),
                "FFI" => cc.arg(self.lib.join("liburing-ffi.a")),
                "SECOND" => cc.arg(self.second()),
                "IBT" => cc.arg(ibt().join("lib/liburing.a")),
                // musl brings none of the kernel's.
                "KERNEL" => cc.args(kernel_headers()?),
                word if self.sources.join(word).is_file() => cc.arg(self.sources.join(word)),
                word => cc.arg(word),
            };
        }
        output(cc.arg("-o").arg(&exe))?;
        let headers = stdout(Command::new("readelf").arg("-lW").arg(&exe))?;
        let fixed = way.words.contains("-static");
        ensure!(
            headers.contains("INTERP") != fixed,
            "it {} a dynamic linker",
            if fixed { "asks for" } else { "does without" }
        );
        self.round(&exe, None)?;
        Ok(fs::metadata(&exe)?.len())
    }

    fn compiler(&self, program: &str) -> Command {
        let mut cc = Command::new(program);
        cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-I"])
            .arg(root().join("include"))
            .current_dir(&self.work);
        cc
    }

    fn plugin(&self) -> Result<u64> {
        let library = self.work.join("plugin.so");
        output(
            self.compiler("gcc")
                .args(["-shared", "-fPIC", "-DPLUGIN", "-Wl,-z,defs"])
                .arg(self.sources.join("round.c"))
                .arg(self.lib.join("liburing.a"))
                .args(["-Wl,--exclude-libs,ALL", "-o"])
                .arg(&library),
        )?;
        let symbols = stdout(Command::new("readelf").args(["-W", "--dyn-syms"]).arg(&library))?;
        ensure!(
            !symbols.contains("io_uring_"),
            "the shared library passes our functions on"
        );
        let exe = self.work.join("plugin");
        output(
            self.compiler("gcc")
                .arg(self.sources.join("plugin.c"))
                .args(["-ldl", "-o"])
                .arg(&exe),
        )?;
        self.round(&exe, Some(&library))?;
        Ok(fs::metadata(&library)?.len())
    }

    fn round(&self, exe: &Path, plugin: Option<&Path>) -> Result<()> {
        output(
            Command::new("timeout")
                .arg("20")
                .arg(exe)
                .arg(self.work.join("data"))
                .args(plugin),
        )?;
        Ok(())
    }
}

/// How musl-gcc is told where the kernel's headers are.
pub fn kernel_headers() -> Result<Vec<String>> {
    let triple = stdout(Command::new("gcc").arg("-print-multiarch"))?;
    let dirs = ["/usr/include".to_owned(), format!("/usr/include/{}", triple.trim())];
    if !dirs.iter().any(|dir| Path::new(dir).join("asm/types.h").is_file()) {
        bail!("there are no kernel headers; as root: apt-get install linux-libc-dev");
    }
    Ok(dirs.map(|dir| format!("-idirafter{dir}")).to_vec())
}
