//! The gates of the flavour with the engine: the same API, and of libc only what the table names.

use super::elf::{self, Elf, Mark};
use super::map::Map;
use super::{Gates, LIBC, list};
use crate::peer::Peer;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The functions of libc that the engine may call, and why it doesn't make a system call instead.
const CALLS: [(&str, &[&str]); 8] = [
    ("probes, which programs free", &["calloc", "free"]),
    (
        "compilers call them for large values",
        &["memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen"],
    ),
    (
        "libc must know of threads, what they hold, and forks",
        &[
            "pthread_create",
            "pthread_detach",
            "pthread_join",
            "pthread_attr_init",
            "pthread_attr_destroy",
            "pthread_attr_setdetachstate",
            "pthread_attr_setstacksize",
            "pthread_key_create",
            "pthread_key_delete",
            "pthread_getspecific",
            "pthread_setspecific",
            "pthread_sigmask",
            "sigfillset",
            "pthread_atfork",
            // What glibc's static part calls for it.
            "__register_atfork",
        ],
    ),
    ("clocks are read without a system call", &["clock_gettime"]),
    ("libc knows the size of a page", &["sysconf"]),
    (
        "the calls for structures and for 32-bit ids differ between processors",
        &["fstat", "fstatfs", "getrlimit", "setrlimit", "geteuid", "getegid"],
    ),
    (
        "the calls with 64-bit arguments differ between 32-bit processors",
        &["fallocate64", "ftruncate64", "posix_fadvise64", "sync_file_range"],
    ),
    (
        "the environment, unless the program is setuid, and the end of a panic",
        &["secure_getenv", "abort"],
    ),
];

/// Where `make` puts the flavour whose plain libraries are in `lib`.
pub fn folder(lib: &Path) -> PathBuf {
    lib.parent().unwrap_or(lib).join("engine/lib")
}

impl Gates {
    pub fn engine(&mut self, dir: &Path, name: &str, map: &Map, peer: Option<&Peer>) -> Result<()> {
        let data = self.load(dir, format!("{name}.so.2"))?;
        let elf = elf::shared(&data).with_context(|| format!("{}", dir.join(&self.file).display()))?;
        self.file = format!("engine/{name}.so.2");
        self.api(&elf, name, map, peer)?;
        let others: Vec<&String> = elf
            .needed
            .iter()
            .filter(|needed| !needed.starts_with("libc."))
            .collect();
        let mut wrong = list("it needs", others);
        if elf.needed.len() != 1 {
            wrong.push(format!("{} libraries instead of one", elf.needed.len()));
        }
        self.gate(
            "NEEDED: libc alone",
            elf.needed.join(" "),
            &wrong,
            "ENGINE_NEEDED in the Makefile",
        );
        let unmarked = (!elf.is(Mark::NoDelete)).then(|| "no flag NODELETE: its threads may outlive a dlclose".into());
        self.gate(
            "NODELETE",
            if unmarked.is_none() { "set" } else { "not set" },
            &Vec::from_iter(unmarked),
            "link with -z nodelete",
        );
        self.calls(&elf);
        self.hardening(&elf);
        // Linkers before binutils 2.44 drop arm64's property, because libc's static part and Rust's lack it.
        self.shadow_stack(&[("it", &elf)], !elf.is(Mark::AArch64));
        self.no_bitcode(&elf);
        // On RISC-V the linker may add those of libc's static part to none of ours.
        if !elf.is(Mark::RiscV) {
            self.unwinding(&elf);
        }
        Ok(())
    }

    /// Each function of libc that it calls is in the table, and none of its references is weak.
    fn calls(&mut self, elf: &Elf) {
        let allowed = |name: &str| {
            let plain = name.split('@').next().unwrap_or(name);
            CALLS.iter().any(|(_, names)| names.contains(&plain)) || (self.libc && LIBC.contains(&plain))
        };
        let mut wrong = list("not allowed", elf.undefined.iter().filter(|name| !allowed(name)));
        wrong.extend(list("weak", &elf.weak));
        let names: BTreeSet<&str> = elf.undefined.iter().filter_map(|name| name.split('@').next()).collect();
        self.calls.extend(names.iter().map(ToString::to_string));
        self.gate(
            "functions of libc",
            names.len(),
            &wrong,
            "make the system call (crates/linux), or add the function to CALLS in xtask/judge/src/gates/engine.rs with \
             the reason",
        );
    }
}
