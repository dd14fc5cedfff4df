//! The C compilers and binutils of a processor, this machine's or another one's.

use crate::util::{self, have, install};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tools {
    /// What their names start with.
    pub prefix: &'static str,
    /// What the C compiler must be told besides.
    pub flags: &'static [&'static str],
    /// Debian's packages that have them, for C, and what C++ and running programs take besides.
    c: &'static [&'static str],
    cxx: &'static [&'static str],
}

/// This machine's.
pub const NATIVE: Tools = Tools {
    prefix: "",
    flags: &[],
    c: &["gcc"],
    cxx: &["g++"],
};

pub const ARM64: Tools = Tools {
    prefix: "aarch64-linux-gnu-",
    flags: &[],
    c: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
    cxx: &["g++-aarch64-linux-gnu"],
};

pub const RISCV64: Tools = Tools {
    prefix: "riscv64-linux-gnu-",
    flags: &[],
    c: &["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"],
    cxx: &["g++-riscv64-linux-gnu"],
};

pub const PPC64EL: Tools = Tools {
    prefix: "powerpc64le-linux-gnu-",
    flags: &[],
    c: &["gcc-powerpc64le-linux-gnu", "libc6-dev-ppc64el-cross"],
    cxx: &["g++-powerpc64le-linux-gnu"],
};

pub const I686: Tools = Tools {
    prefix: "i686-linux-gnu-",
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

    /// Whether what they make doesn't run on this machine's processor.
    pub fn foreign(self) -> bool {
        self != NATIVE && self != I686
    }

    /// One of the others: `strip`, `objdump`.
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

    /// Where the compiler finds a library.
    pub fn library(self, name: &str) -> Result<PathBuf> {
        let said = util::stdout(Command::new(self.cc()).arg(format!("-print-file-name={name}")))?;
        let path = Path::new(said.trim());
        ensure!(
            path.is_absolute(),
            "{} knows no {name}: apt-get install {}",
            self.cc(),
            self.cxx.join(" ")
        );
        path.canonicalize().with_context(|| path.display().to_string())
    }
}
