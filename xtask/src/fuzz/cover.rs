//! Which functions the fuzzer reaches: the dynamic linker says when a symbol of liburing-ffi is called first.

use super::draw;
use super::server::Build;
use super::table::Step;
use crate::util::root;
use anyhow::{Context, Result, ensure};
use proptest::strategy::BoxedStrategy;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Enough for all that is drawn at all.
const PROGRAMS: u64 = 600;

/// Runs programs on liburing-ffi, where each helper is a symbol, and lists the functions that none called.
pub fn run(ffi: &Build, work: &Path, programs: &BoxedStrategy<Vec<Step>>, seed: u64) -> Result<()> {
    let log = work.join("bindings");
    let said = || -> Result<String> {
        let mut text = String::new();
        for entry in fs::read_dir(work)? {
            let path = entry?.path();
            if path.to_string_lossy().contains("/bindings.") {
                text.push_str(&fs::read_to_string(&path)?);
                fs::remove_file(&path)?;
            }
        }
        Ok(text)
    };
    said()?;
    let mut server = ffi.start_with(&[("LD_DEBUG", Path::new("bindings")), ("LD_DEBUG_OUTPUT", &log)])?;
    let mut bound = BTreeSet::new();
    for seed in seed..seed + PROGRAMS {
        server.send(&draw(programs, seed)?.current())?;
        server.receive()?;
    }
    drop(server);
    for line in said()?.lines().filter(|line| line.contains("liburing-ffi.so")) {
        // ... normal symbol `io_uring_submit' [LIBURING_2.4]
        if let Some((_, rest)) = line.split_once("symbol `") {
            bound.extend(rest.split('\'').next().map(str::to_owned));
        }
    }
    ensure!(!bound.is_empty(), "the dynamic linker says nothing (LD_DEBUG=bindings)");
    let map = root().join("src/liburing-ffi.map");
    let map = fs::read_to_string(&map).with_context(|| map.display().to_string())?;
    let all: BTreeSet<_> = map
        .split(|c: char| c.is_whitespace() || c == ';')
        .filter(|word| word.contains("io_uring_"))
        .map(str::to_owned)
        .collect();
    let missed: Vec<_> = all.difference(&bound).map(String::as_str).collect();
    println!(
        "cover: {} of {} functions called; not: {}",
        all.len() - missed.len(),
        all.len(),
        missed.join(" ")
    );
    Ok(())
}
