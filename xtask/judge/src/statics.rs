//! `cargo xtask statics`: links our archive into every kind of program that people use it in. Most write a file through
//! a ring, read it back and compare; the sources, and the list of programs, are in `test-c/static/`.

use anyhow::{Context, Result, bail, ensure};
use base::tally::Tally;
use base::{command, lib_dir, need, output, root, stdout};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds the archives
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
}

/// Each program's name, and the command that links it.
#[derive(Deserialize)]
struct Programs {
    programs: Vec<[String; 2]>,
    x86_64: Vec<[String; 2]>,
}

/// A word in the commands, the program that it needs, and the package of that.
const TOOLS: [(&str, &str, &str); 6] = [
    ("gcc", "gcc", "gcc"),
    ("clang", "clang", "clang"),
    ("musl-gcc", "musl-gcc", "musl-tools"),
    ("-fuse-ld=mold", "mold", "mold"),
    ("-fuse-ld=lld", "ld.lld", "lld"),
    ("-fuse-ld=gold", "ld.gold", "binutils-gold"),
];

/// Where the libraries with `endbr64` are built.
const IBT: &str = "target/static/ibt";

struct Linker {
    work: PathBuf,
    sources: PathBuf,
    lib: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    need("readelf", "binutils")?;
    let linker = Linker {
        work: root().join("target/static"),
        sources: root().join("test-c/static"),
        lib: args.lib.clone().unwrap_or_else(lib_dir),
    };
    ensure!(
        linker.lib.join("liburing.a").is_file(),
        "there is no liburing.a in {}; to build it: make",
        linker.lib.display()
    );
    fs::create_dir_all(&linker.work)?;
    let source = linker.sources.join("second.rs");
    output(&mut command!(
        "rustc --edition=2024 --crate-type=staticlib -O -o",
        linker.second(),
        source
    ))?;
    let list = fs::read_to_string(linker.sources.join("programs.toml"))?;
    let mut list: Programs = toml::from_str(&list).context("programs.toml")?;
    if cfg!(target_arch = "x86_64") {
        output(command!("make -s IBT=1", format!("OUT={IBT}")).current_dir(root()))?;
        list.programs.extend(list.x86_64);
    }
    let mut tally = Tally::default();
    for (number, [name, words]) in list.programs.iter().enumerate() {
        tally.run(name, || {
            linker.program(&linker.work.join(format!("round{number}")), words)
        });
    }
    tally.run("in a plugin", || linker.plugin());
    tally.end("statics", "how it is linked", "programs passed")
}

impl Linker {
    fn second(&self) -> PathBuf {
        self.work.join("libsecond.a")
    }

    /// The command, with files in place of the words that name them.
    fn command(&self, words: &str) -> Result<Command> {
        let (program, words) = words.split_once(' ').context("a command of one word")?;
        let mut cc = Command::new(program);
        cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-I"])
            .arg(root().join("include"))
            .current_dir(&self.work);
        for word in words.split(' ').chain([program]) {
            if let Some((_, program, package)) = TOOLS.iter().find(|(named, ..)| *named == word) {
                need(program, package)?;
            }
        }
        for word in words.split(' ') {
            match word {
                "URING" => cc.arg(self.lib.join("liburing.a")),
                "FFI" => cc.arg(self.lib.join("liburing-ffi.a")),
                "SECOND" => cc.arg(self.second()),
                "IBT" => cc.arg(root().join(IBT).join("lib/liburing.a")),
                "KERNEL" => cc.args(kernel_headers()?),
                word if self.sources.join(word).is_file() => cc.arg(self.sources.join(word)),
                word => cc.arg(word),
            };
        }
        Ok(cc)
    }

    fn program(&self, exe: &Path, words: &str) -> Result<String> {
        output(self.command(words)?.arg("-o").arg(exe))?;
        let headers = stdout(&mut command!("readelf -lW", exe))?;
        let fixed = words.contains("-static");
        ensure!(
            headers.contains("INTERP") != fixed,
            "the program {} a dynamic linker",
            if fixed { "requests" } else { "doesn't request" }
        );
        output(&mut command!("timeout 20", exe, self.work.join("data")))?;
        size(exe)
    }

    fn plugin(&self) -> Result<String> {
        let (library, exe) = (self.work.join("plugin.so"), self.work.join("plugin"));
        let words = "gcc -shared -fPIC -DPLUGIN -Wl,-z,defs round.c URING -Wl,--exclude-libs,ALL -o";
        output(self.command(words)?.arg(&library))?;
        let symbols = stdout(&mut command!("readelf -W --dyn-syms", &library))?;
        ensure!(!symbols.contains("io_uring_"), "the plugin exports our functions");
        output(self.command("gcc plugin.c -ldl -o")?.arg(&exe))?;
        output(&mut command!("timeout 20", exe, self.work.join("data"), &library))?;
        size(&library)
    }
}

fn size(file: &Path) -> Result<String> {
    Ok(format!("{} KiB", fs::metadata(file)?.len() / 1024))
}

/// The flags that give musl-gcc the kernel's headers, which it lacks.
pub fn kernel_headers() -> Result<Vec<String>> {
    let triple = stdout(&mut command!("gcc -print-multiarch"))?;
    let dirs = ["/usr/include".to_owned(), format!("/usr/include/{}", triple.trim())];
    if !dirs.iter().any(|dir| Path::new(dir).join("asm/types.h").is_file()) {
        bail!("there are no kernel headers; as root: apt-get install linux-libc-dev");
    }
    Ok(dirs.map(|dir| format!("-idirafter{dir}")).to_vec())
}
