//! What a library takes: on disk, at start-up, and in the memory of a program that makes one ring.

use super::count::Driver;
use crate::gates::{elf, most_text};
use crate::util::stdout;
use anyhow::{Context, Result};
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::process::Command;

#[derive(Serialize)]
pub struct Size {
    /// `liburing.so.2`: loaded, and not written to.
    text: u64,
    /// The same of `liburing.a`.
    archive_text: u64,
    /// What the loader has to write before the program starts.
    relocations: u64,
    needed: u64,
    /// In the program: KiB of address space, KiB of pages that it has for itself because something was written to them.
    mapped: u64,
    copied: u64,
}

impl Size {
    pub fn of(lib: &Path, driver: &Driver) -> Result<Self> {
        let read = |name: &str| {
            let path = lib.join(name);
            fs::read(&path).with_context(|| path.display().to_string())
        };
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

    /// What is more than the promise: the text that it allows, and no more of anything else.
    pub fn above(&self, theirs: &Self) -> Vec<String> {
        let mut wrong: Vec<String> = self
            .rows()
            .iter()
            .zip(theirs.rows())
            .filter(|((_, ours), (_, theirs))| ours > theirs)
            .map(|((what, ours), (_, theirs))| format!("{what}: {ours}, the peer has {theirs}"))
            .collect();
        if self.text > most_text(theirs.text) {
            wrong.push(format!("text: {} bytes, too many beside {}", self.text, theirs.text));
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
