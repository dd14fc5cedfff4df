//! `cargo xtask static`: our archive in every kind of program that people link it into. Each one writes a file through
//! a ring, reads it back and compares; the sources are in `test-c/static/`.

use crate::util::{lib_dir, need, output, root, stdout, table};
use anyhow::{Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds the archives
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
}

/// A way to link a program.
struct Way {
    name: &'static str,
    /// The compiler, and the package that has it.
    compiler: (&'static str, &'static str),
    /// The linker, where it is another than the compiler's.
    linker: Option<(&'static str, &'static str)>,
    /// The words before and after the source; `URING`, `FFI` and `SECOND` are the archives, `KERNEL` the system's
    /// headers.
    words: &'static str,
    /// No dynamic linker may be asked for.
    fixed: bool,
}

const GCC: (&str, &str) = ("gcc", "gcc");
const CLANG: (&str, &str) = ("clang", "clang");
const MUSL: (&str, &str) = ("musl-gcc", "musl-tools");
const MOLD: Option<(&str, &str)> = Some(("mold", "mold"));
const LLD: Option<(&str, &str)> = Some(("ld.lld", "lld"));
const GOLD: Option<(&str, &str)> = Some(("ld.gold", "binutils-gold"));

const fn way(
    name: &'static str,
    compiler: (&'static str, &'static str),
    linker: Option<(&'static str, &'static str)>,
    words: &'static str,
    fixed: bool,
) -> Way {
    Way {
        name,
        compiler,
        linker,
        words,
        fixed,
    }
}

const WAYS: &[Way] = &[
    way("the archive, glibc shared", GCC, None, "SOURCE URING", false),
    way("-static", GCC, None, "-static SOURCE URING", true),
    way("-static-pie", GCC, None, "-static-pie SOURCE URING", true),
    way("-static, clang", CLANG, None, "-static SOURCE URING", true),
    way("-static, musl", MUSL, None, "-static KERNEL SOURCE URING", true),
    way(
        "-static, musl, -flto",
        MUSL,
        None,
        "-static -flto KERNEL SOURCE URING",
        true,
    ),
    way("-static, liburing-ffi", GCC, None, "-static SOURCE FFI", true),
    way(
        "another Rust library after ours",
        GCC,
        None,
        "-DSECOND SOURCE URING SECOND",
        false,
    ),
    way(
        "another Rust library before ours",
        GCC,
        None,
        "-DSECOND SOURCE SECOND URING",
        false,
    ),
    way(
        "another after ours, -static",
        GCC,
        None,
        "-static -DSECOND SOURCE URING SECOND",
        true,
    ),
    way(
        "another before ours, -static",
        GCC,
        None,
        "-static -DSECOND SOURCE SECOND URING",
        true,
    ),
    way(
        "another, both whole",
        GCC,
        None,
        "-DSECOND SOURCE -Wl,--whole-archive URING SECOND -Wl,--no-whole-archive",
        false,
    ),
    way(
        "--whole-archive",
        GCC,
        None,
        "SOURCE -Wl,--whole-archive URING -Wl,--no-whole-archive",
        false,
    ),
    way(
        "--whole-archive, -static",
        GCC,
        None,
        "-static SOURCE -Wl,--whole-archive URING -Wl,--no-whole-archive",
        true,
    ),
    way(
        "--gc-sections",
        GCC,
        None,
        "-ffunction-sections -Wl,--gc-sections SOURCE URING",
        false,
    ),
    way("-flto, gcc", GCC, None, "-flto SOURCE URING", false),
    way("-flto -static, gcc", GCC, None, "-flto -static SOURCE URING", true),
    way(
        "-flto, gcc, another before ours",
        GCC,
        None,
        "-flto -DSECOND SOURCE SECOND URING",
        false,
    ),
    way("-flto, clang and lld", CLANG, LLD, "-flto SOURCE URING", false),
    way(
        "-flto=thin, clang and lld",
        CLANG,
        LLD,
        "-flto=thin -static SOURCE URING",
        true,
    ),
    way("mold", GCC, MOLD, "-fuse-ld=mold SOURCE URING", false),
    way("mold, -static", GCC, MOLD, "-fuse-ld=mold -static SOURCE URING", true),
    way("lld", GCC, LLD, "-fuse-ld=lld SOURCE URING", false),
    way(
        "lld, --gc-sections --icf=all, -static",
        GCC,
        LLD,
        "-fuse-ld=lld -static -Wl,--gc-sections,--icf=all SOURCE URING",
        true,
    ),
    way(
        "lld, another before ours",
        GCC,
        LLD,
        "-fuse-ld=lld -DSECOND SOURCE SECOND URING",
        false,
    ),
    way("gold", GCC, GOLD, "-fuse-ld=gold SOURCE URING", false),
    way("gold, -static", GCC, GOLD, "-fuse-ld=gold -static SOURCE URING", true),
];

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
    for (number, way) in WAYS.iter().enumerate() {
        enter(way.name, shop.program(number, way));
    }
    enter("in a shared library that is loaded", shop.plugin());
    table(&["how it is linked", "size"], &rows);
    println!(
        "static: {} of {} programs wrote and read",
        rows.len() - failed,
        rows.len()
    );
    ensure!(failed == 0, "{failed} programs failed");
    Ok(())
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
                "SOURCE" => cc.arg(self.sources.join("round.c")),
                "URING" => cc.arg(self.lib.join("liburing.a")),
                "FFI" => cc.arg(self.lib.join("liburing-ffi.a")),
                "SECOND" => cc.arg(self.second()),
                // musl brings none of the kernel's.
                "KERNEL" => cc.args(kernel_headers()?),
                word => cc.arg(word),
            };
        }
        output(cc.arg("-o").arg(&exe))?;
        let headers = stdout(Command::new("readelf").arg("-lW").arg(&exe))?;
        ensure!(
            headers.contains("INTERP") != way.fixed,
            "it {} a dynamic linker",
            if way.fixed { "asks for" } else { "does without" }
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
