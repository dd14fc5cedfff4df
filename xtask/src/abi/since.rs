//! `cargo xtask since`: what a source tree of the original has beyond the release that ironring equals, and which of it is
//! here: the facts of its headers and the symbols of its maps.

use super::facts::Facts;
use super::{Judge, symbols};
use crate::gates::map::Map;
use crate::package::fresh;
use crate::peer::{self, NEWEST};
use crate::util::{output, root, table};
use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// Put additions into a copy of the tree, and expect each to be found
    #[arg(long)]
    self_test: bool,
}

/// Each library, whose symbols are looked at in its map.
const NAMES: [&str; 2] = ["liburing", "liburing-ffi"];

pub fn run(args: &Args) -> Result<()> {
    let Some(peer) = peer::get(NEWEST)? else {
        return Ok(());
    };
    let judge = Judge::new(peer, None, None)?;
    let added = added(&judge, &[])?;
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
        judge.peer.src.display(),
        added.len()
    );
    if args.self_test {
        self_test(&judge)?;
    }
    ensure!(missing == 0, "to add a helper or a function: CONTRIBUTING.md");
    Ok(())
}

/// A change of a file: what stands there, and what to put in front of it.
type Plant = (&'static str, &'static str, &'static str);

/// The facts that the tree has and the release hasn't, or has otherwise, and whether they hold here.
fn added(judge: &Judge, plants: &[Plant]) -> Result<Vec<(String, bool)>> {
    // Its configure writes some of the headers, into the tree.
    let tree = root().join("target/since");
    fresh(&tree)?;
    output(Command::new("cp").arg("-r").arg(judge.peer.src.join(".")).arg(&tree))?;
    for (file, at, more) in plants {
        let path = tree.join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.contains(at), "{file} has no {at:?} any more: mend this self-test");
        fs::write(&path, text.replacen(at, &format!("{more}{at}"), 1))?;
    }
    output(Command::new("sh").arg("./configure").current_dir(&tree))?;
    let mut theirs = judge.facts(&tree.join("src/include"))?;
    let mut release = judge.facts(&judge.peer.include)?;
    let mut ours = judge.facts(&judge.include)?;
    for name in NAMES {
        theirs.extend(mapped(&tree, name)?);
        ours.extend(mapped(&root(), name)?);
        let symbols = symbols::facts(&judge.peer.lib, name)?.into_iter();
        release.extend(symbols.map(|(fact, node)| (format!("{name}: {fact}"), node)));
    }
    Ok(theirs
        .into_iter()
        .filter(|(name, fact)| release.get(name) != Some(fact))
        .map(|(name, fact)| (format!("{name}: {fact}"), ours.get(&name) == Some(&fact)))
        .collect())
}

/// The facts of a library's map, named as those of the library.
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

fn self_test(judge: &Judge) -> Result<()> {
    let plants = [
        (
            "src/include/liburing/io_uring.h",
            "IORING_OP_LAST,",
            "IORING_OP_PLANTED,\n\t",
        ),
        (
            "src/include/liburing.h",
            "int io_uring_get_events(",
            "int io_uring_planted(int a);\n",
        ),
        ("src/liburing.map", "io_uring_get_probe;", "io_uring_planted;\n\t\t"),
    ];
    let found = added(judge, &plants)?;
    for want in [
        "constant IORING_OP_PLANTED",
        "function io_uring_planted",
        "liburing: symbol io_uring_planted",
    ] {
        let seen = found.iter().any(|(fact, here)| fact.starts_with(want) && !here);
        ensure!(seen, "self-test: {want} was not found among {found:?}");
    }
    println!("self-test: {} additions, all found", plants.len());
    Ok(())
}
