//! The size of a library: on disk, at start-up, and in the memory of a program that creates one ring.

use super::count::Driver;
use crate::gates::{elf, most_text};
use anyhow::{Context, Result};
use base::stdout;
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::process::Command;

#[derive(Serialize)]
pub struct Size {
    /// Of `liburing.so.2`: what is loaded and read-only.
    text: u64,
    /// The same of `liburing.a`.
    archive_text: u64,
    /// What the dynamic linker writes before the program starts.
    relocations: u64,
    needed: u64,
    /// In the program: KiB of address space, and KiB of pages that are private because they were written to.
    mapped: u64,
    copied: u64,
}

impl Size {
    pub fn of(lib: &Path, driver: &Driver) -> Result<Self> {
        let read = |name: &str| fs::read(lib.join(name)).with_context(|| format!("{name} in {}", lib.display()));
        let shared = elf::shared(&read("liburing.so.2")?)?;
        let smaps = stdout(Command::new(&driver.shared).arg("pages").env_remove("LD_LIBRARY_PATH"))?;
        Ok(Self {
            text: shared.text,
            archive_text: elf::archive(&read("liburing.a")?)?.text,
            relocations: shared.relocations,
            needed: shared.needed.len() as u64,
            mapped: sum(&smaps, "Size:")?,
            copied: sum(&smaps, "Anonymous:")?,
        })
    }

    pub fn rows(&self) -> [(&'static str, u64); 6] {
        [
            ("text of liburing.so.2, bytes", self.text),
            ("text of liburing.a, bytes", self.archive_text),
            ("relocations", self.relocations),
            ("libraries needed", self.needed),
            ("mapped, KiB", self.mapped),
            ("private pages, KiB", self.copied),
        ]
    }

    /// What is above its limit: the promised text, and the peer's value for all sizes.
    pub fn above(&self, theirs: &Self) -> Vec<String> {
        let mut wrong: Vec<String> = self
            .rows()
            .iter()
            .zip(theirs.rows())
            .filter(|((_, ours), (_, theirs))| ours > theirs)
            .map(|((what, ours), (_, theirs))| format!("{what}: {ours}, the peer has {theirs}"))
            .collect();
        if self.text > most_text(theirs.text) {
            wrong.push(format!(
                "text: {} bytes, the limit is {}",
                self.text,
                most_text(theirs.text)
            ));
        }
        wrong
    }
}

/// The sum of a field of `/proc/self/smaps` over the library's mappings, in KiB.
fn sum(smaps: &str, field: &str) -> Result<u64> {
    let mut library = false;
    let mut sum = 0;
    for line in smaps.lines() {
        let first = line.split(' ').next().unwrap_or_default();
        if !first.ends_with(':') {
            library = line.contains("/liburing.so.2");
        } else if library && first == field {
            let size = line.split_whitespace().nth(1).context("a field without a size")?;
            sum += size.parse::<u64>()?;
        }
    }
    Ok(sum)
}
