//! `cargo xtask since`: what a source tree of the original adds to the release that ironring matches, and which of it
//! ironring has: the facts of its headers and the symbols of its maps.

use crate::abi::facts::Facts;
use crate::abi::{Comparison, LIBRARIES, symbols};
use crate::gates::map::Map;
use crate::peer::{self, NEWEST};
use anyhow::{Result, bail, ensure};
use base::fault::{self, Change};
use base::{command, output, root, table};
use std::path::Path;

#[derive(clap::Args)]
pub struct Args {
    /// Add to a copy of the tree, and check that each addition is found
    #[arg(long)]
    self_test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let Some(peer) = peer::get(NEWEST)? else {
        return Ok(());
    };
    let comparison = Comparison::new(peer, "since")?;
    let added = added(&comparison, &[])?;
    let missing = added.iter().filter(|(_, here)| !here).count();
    let rows: Vec<Vec<String>> = added
        .iter()
        .map(|(fact, here)| vec![fact.clone(), if *here { "here" } else { "MISSING" }.to_owned()])
        .collect();
    if !rows.is_empty() {
        table(&[&format!("since liburing {NEWEST}"), "in ironring"], &rows);
    }
    println!(
        "since: {} has {} additions, {missing} of them missing here",
        comparison.peer.src.display(),
        added.len()
    );
    if args.self_test {
        self_test(&comparison)?;
    }
    ensure!(missing == 0, "to add a helper or a function: CONTRIBUTING.md");
    Ok(())
}

/// The facts that the tree adds to the release or changes, and whether ironring has them.
fn added(comparison: &Comparison, changes: &[Change]) -> Result<Vec<(String, bool)>> {
    // In a copy, because configure writes some of the headers into the tree.
    let tree = root().join("target/since");
    fault::copy(&comparison.peer.src, &tree, changes)?;
    output(command!("sh ./configure").current_dir(&tree))?;
    let mut theirs = comparison.facts(&tree.join("src/include"))?;
    let mut release = comparison.facts(&comparison.peer.include)?;
    let mut ours = comparison.facts(&comparison.include)?;
    for name in LIBRARIES {
        theirs.extend(mapped(&tree, name)?);
        ours.extend(mapped(&root(), name)?);
        let symbols = symbols::facts(&comparison.peer.lib, name)?.into_iter();
        release.extend(symbols.map(|(fact, node)| (format!("{name}: {fact}"), node)));
    }
    Ok(theirs
        .into_iter()
        .filter(|(name, fact)| release.get(name) != Some(fact))
        .map(|(name, fact)| (format!("{name}: {fact}"), ours.get(&name) == Some(&fact)))
        .collect())
}

/// The facts of a library's map, named like those of the library.
fn mapped(tree: &Path, name: &str) -> Result<Facts> {
    let map = Map::read(&tree.join(format!("src/{name}.map")))?;
    let nodes = map
        .nodes
        .into_iter()
        .map(|node| (format!("{name}: node {node}"), "defined".into()));
    let symbols = map.symbols.into_iter();
    Ok(symbols
        .map(|(symbol, node)| (format!("{name}: symbol {symbol}"), node))
        .chain(nodes)
        .collect())
}

fn self_test(comparison: &Comparison) -> Result<()> {
    let changes = [
        (
            "src/include/liburing/io_uring.h",
            "IORING_OP_LAST,",
            "IORING_OP_ADDED,\n\tIORING_OP_LAST,",
        ),
        (
            "src/include/liburing.h",
            "int io_uring_get_events(",
            "int io_uring_added(int a);\nint io_uring_get_events(",
        ),
        (
            "src/liburing.map",
            "io_uring_get_probe;",
            "io_uring_added;\n\t\tio_uring_get_probe;",
        ),
    ];
    let found = added(comparison, &changes)?;
    let missing = found.iter().filter(|(_, here)| !here).map(|(fact, _)| &**fact);
    let missing: Vec<&str> = missing.collect();
    for want in [
        "constant IORING_OP_ADDED:",
        "function io_uring_added:",
        "liburing: symbol io_uring_added:",
    ] {
        fault::expect(want, want, || bail!("{}", missing.join("\n")))?;
    }
    Ok(())
}
