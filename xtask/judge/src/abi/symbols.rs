//! The facts of a shared library: each symbol with its version node, the nodes, the soname.

use super::facts::Facts;
use crate::gates::elf;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// The facts of `NAME.so.2` in a folder.
pub fn facts(dir: &Path, name: &str) -> Result<Facts> {
    let path = dir.join(format!("{name}.so.2"));
    let data = fs::read(&path).with_context(|| format!("{}; to mend: make", path.display()))?;
    let elf = elf::shared(&data).with_context(|| path.display().to_string())?;
    let mut facts = Facts::new();
    for (symbol, node) in elf.exports {
        facts.insert(format!("symbol {symbol}"), node);
    }
    for node in elf.nodes {
        facts.insert(format!("node {node}"), "defined".into());
    }
    facts.insert("soname".into(), elf.soname.unwrap_or_default());
    Ok(facts)
}
