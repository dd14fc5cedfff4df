//! C and C++ compilers and binutils, native and cross. The `cc` crate finds them (`$CC`, `$CXX`,
//! `$CC_aarch64_unknown_linux_gnu`); clang comes from the PATH or from apt. Missing ones are installed.
//!
//! A compiler is a [`Command`], to which [`Compile`] adds methods for its options:
//! `compile::program("test-c/cost/driver.c")?.include(&include).library(&library).to(&program)?`.

use crate::{have, install, lock, need, output, root, stdout};
use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The oldest clang that supports standard C++ modules.
const OLDEST_CLANG: u32 = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tools {
    /// The prefix of their names.
    pub prefix: &'static str,
    /// Rust's target, by which the `cc` crate finds the compiler; none for the native one.
    target: Option<&'static str>,
    /// Further flags of the C compiler.
    pub flags: &'static [&'static str],
    /// Debian's packages to compile and run C programs, and those that C++ needs besides.
    c: &'static [&'static str],
    cxx: &'static [&'static str],
}

/// The native tools.
pub const NATIVE: Tools = Tools {
    prefix: "",
    target: None,
    flags: &[],
    c: &["gcc"],
    cxx: &["g++"],
};

pub const ARM64: Tools = Tools {
    prefix: "aarch64-linux-gnu-",
    target: Some("aarch64-unknown-linux-gnu"),
    flags: &[],
    c: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
    cxx: &["g++-aarch64-linux-gnu"],
};

pub const RISCV64: Tools = Tools {
    prefix: "riscv64-linux-gnu-",
    target: Some("riscv64gc-unknown-linux-gnu"),
    flags: &[],
    c: &["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"],
    cxx: &["g++-riscv64-linux-gnu"],
};

pub const PPC64EL: Tools = Tools {
    prefix: "powerpc64le-linux-gnu-",
    target: Some("powerpc64le-unknown-linux-gnu"),
    flags: &[],
    c: &["gcc-powerpc64le-linux-gnu", "libc6-dev-ppc64el-cross"],
    cxx: &["g++-powerpc64le-linux-gnu"],
};

pub const I686: Tools = Tools {
    prefix: "i686-linux-gnu-",
    target: Some("i686-unknown-linux-gnu"),
    flags: &["-D_FILE_OFFSET_BITS=64"],
    c: &["gcc-i686-linux-gnu", "libc6-dev-i386-cross", "libc6-i386"],
    cxx: &["g++-i686-linux-gnu", "lib32stdc++6"],
};

impl Tools {
    pub fn cc(self) -> String {
        if self.prefix.is_empty() {
            "cc".to_owned()
        } else {
            format!("{}gcc", self.prefix)
        }
    }

    pub fn cxx(self) -> String {
        if self.prefix.is_empty() {
            "c++".to_owned()
        } else {
            format!("{}g++", self.prefix)
        }
    }

    /// The C or the C++ compiler, installed if it is missing and `$CC` or `$CXX` names no other.
    pub fn compiler(self, cxx: bool) -> Result<Command> {
        if std::env::var_os(variable(cxx)).is_none() {
            self.need(cxx)?;
        }
        let mut command = of(self.target, cxx)?;
        command.args(self.flags);
        Ok(command)
    }

    /// Whether this machine's processor can't run their programs.
    pub fn foreign(self) -> bool {
        self != NATIVE && self != I686
    }

    /// Another tool, such as `strip` or `objdump`.
    pub fn command(self, name: &str) -> Command {
        Command::new(format!("{}{name}", self.prefix))
    }

    /// Installs what is missing.
    pub fn need(self, cxx: bool) -> Result<()> {
        let mut missing = Vec::new();
        if !have(&self.cc()) {
            missing.extend(self.c);
        }
        if cxx && !have(&self.cxx()) {
            missing.extend(self.cxx);
        }
        if missing.is_empty() {
            return Ok(());
        }
        install(&missing)
    }

    /// The path at which the compiler finds a library.
    pub fn library(self, name: &str) -> Result<PathBuf> {
        let said = stdout(Command::new(self.cc()).arg(format!("-print-file-name={name}")))?;
        let path = Path::new(said.trim());
        ensure!(
            path.is_absolute(),
            "{} does not find {name}: apt-get install {}",
            self.cc(),
            self.cxx.join(" ")
        );
        path.canonicalize().with_context(|| path.display().to_string())
    }
}

/// The machine's C compiler.
pub fn c() -> Result<Command> {
    NATIVE.compiler(false)
}

/// The machine's C++ compiler.
pub fn cxx() -> Result<Command> {
    NATIVE.compiler(true)
}

/// Compiles a C program, given by the path of its source in the repository.
pub fn program(source: &str) -> Result<Command> {
    let mut command = c()?;
    command.args(CLEAN).arg(root().join(source));
    Ok(command)
}

/// The flags of [`program`].
pub const CLEAN: [&str; 6] = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror"];

/// The compiler of a target, or the native one, with `$CFLAGS`, or the usual warnings if those are not set.
fn of(target: Option<&str>, cxx: bool) -> Result<Command> {
    // Shared by all calls, because it caches what it detects about each compiler.
    static BUILD: LazyLock<cc::Build> = LazyLock::new(|| {
        let mut build = cc::Build::new();
        build.opt_level(0).no_default_flags(true).cargo_metadata(false);
        build
    });
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let target = target.unwrap_or(&host);
    let tool = BUILD.clone().cpp(cxx).host(&host).target(target).try_get_compiler();
    let tool = tool.with_context(|| format!("no compiler for {target}; to name one, set ${}", variable(cxx)))?;
    Ok(tool.to_command())
}

/// The environment variable that names the compiler.
fn variable(cxx: bool) -> &'static str {
    if cxx { "CXX" } else { "CC" }
}

pub trait Compile {
    /// Searches a folder for headers, before the system's.
    fn include(&mut self, folder: impl AsRef<Path>) -> &mut Self;

    /// Links with a library, and sets an rpath so that the program finds it.
    fn library(&mut self, file: impl AsRef<Path>) -> &mut Self;

    /// Compiles to this file.
    fn to(&mut self, file: impl AsRef<Path>) -> Result<()>;
}

impl Compile for Command {
    fn include(&mut self, folder: impl AsRef<Path>) -> &mut Self {
        self.arg("-I").arg(folder.as_ref())
    }

    fn library(&mut self, file: impl AsRef<Path>) -> &mut Self {
        let file = file.as_ref();
        let mut rpath = OsString::from("-Wl,-rpath,");
        rpath.push(file.parent().unwrap_or(Path::new(".")));
        self.arg(file).arg(rpath)
    }

    fn to(&mut self, file: impl AsRef<Path>) -> Result<()> {
        output(self.arg("-o").arg(file.as_ref())).map(drop)
    }
}

/// The newest clang with the headers and libraries of its sanitizers, and the program that finds names for their reports.
pub fn sanitizing_clang() -> Result<String> {
    let version = clang()?;
    let clang = format!("clang{version}");
    let said = stdout(Command::new(&clang).arg("-print-resource-dir"))?;
    if !Path::new(said.trim()).join("lib/linux").is_dir() {
        install(&[&format!("libclang-rt{version}-dev")])?;
    }
    // Without it, reports have no names.
    need(&format!("llvm-symbolizer{version}"), &format!("llvm{version}"))?;
    Ok(clang)
}

/// The suffix of the newest clang on the PATH, or else of the newest that apt offers, which is installed.
pub fn clang() -> Result<String> {
    let here = |version: &u32| have(&format!("clang-{version}")) && have(&format!("clang++-{version}"));
    if let Some(version) = (OLDEST_CLANG..100).rev().find(here) {
        return Ok(format!("-{version}"));
    }
    if have("clang") && have("clang++") {
        let version = stdout(Command::new("clang").arg("-dumpversion"))?;
        let major = version.split('.').next().and_then(|major| major.trim().parse().ok());
        if major >= Some(OLDEST_CLANG) {
            return Ok(String::new());
        }
    }
    let offered = || -> Result<Option<u32>> {
        let names = stdout(Command::new("apt-cache").args(["pkgnames", "clang-"]))?;
        let versions = names
            .lines()
            .filter_map(|name| name.strip_prefix("clang-")?.parse().ok());
        Ok(versions.filter(|version| *version >= OLDEST_CLANG).max())
    };
    let mut version = offered()?;
    if version.is_none() {
        let _lock = lock("apt")?;
        output(Command::new("apt-get").args(["update", "-qq"]))?;
        version = offered()?;
    }
    let version = version.with_context(|| format!("apt offers no clang {OLDEST_CLANG} or later: install one"))?;
    install(&[&format!("clang-{version}")])?;
    Ok(format!("-{version}"))
}
