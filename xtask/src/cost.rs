//! `cargo xtask cost`: the instructions that the library spends on each path, and its size, against the original's.
//!
//! Counted under callgrind, so that the same library gives the same figures on every machine. What counts is the
//! library and what it calls in libc. `test-c/cost/baseline.toml` holds our own figures: a change fails until accepted.

mod baseline;
mod count;
mod size;

use crate::peer::{self, Peer};
use crate::util::{self, root, table};
use anyhow::{Result, ensure};
use baseline::Baseline;
use count::{Counts, Driver};
use serde::Serialize;
use size::Size;
use std::fs;
use std::path::{Path, PathBuf};

/// What the mean over the paths may be, of the peer's.
const MEAN: f64 = 0.80;

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds our libraries, when it isn't target/lib; they are compared with the original's only
    #[arg(long, value_name = "DIR", conflicts_with_all = ["accept", "self_test"])]
    lib: Option<PathBuf>,
    /// Record the counts as the new baseline
    #[arg(long)]
    accept: bool,
    /// Also show that a costlier library is found
    #[arg(long)]
    self_test: bool,
}

/// What a library costs and what it takes.
#[derive(Serialize)]
struct Library {
    counts: Counts,
    size: Size,
}

impl Library {
    fn measure(name: &str, lib: &Path, peer: &Peer, out: &Path) -> Result<Self> {
        let driver = Driver::build(&peer.include, lib, &out.join(name))?;
        Ok(Self {
            counts: driver.counts()?,
            size: Size::of(lib, &driver)?,
        })
    }
}

pub fn run(args: &Args) -> Result<()> {
    let Some(peer) = peer::get(peer::NEWEST)? else {
        return Ok(());
    };
    for (program, package) in [("cc", "gcc"), ("make", "make"), ("valgrind", "valgrind")] {
        util::need(program, package)?;
    }
    let out = root().join("target/cost");
    fs::create_dir_all(&out)?;
    let lib = args.lib.clone().unwrap_or_else(util::lib_dir);
    let ours = Library::measure("ours", &lib, &peer, &out)?;
    let theirs = Library::measure("peer", &peer.lib, &peer, &out)?;
    let fastest = Library::measure("fastest", &peer.fastest()?, &peer, &out)?;

    let mean = mean(&ours.counts, &theirs.counts);
    print(&ours, &theirs, &fastest);
    println!("\ncost: {mean:.3} of the peer's instructions (geometric mean)");
    let json = serde_json::json!({ "ours": ours, "peer": theirs, "fastest": fastest, "mean": mean });
    fs::write(out.join("cost.json"), serde_json::to_string_pretty(&json)? + "\n")?;

    let mut wrong = Vec::new();
    if args.lib.is_none() {
        let now = Baseline::of(ours.counts.clone())?;
        if args.accept {
            return now.write();
        }
        let recorded = Baseline::read()?;
        wrong.extend(now.against(&recorded));
        if args.self_test {
            self_test(&recorded, &ours, &theirs)?;
        }
    }
    wrong.extend(above(&ours.counts, &theirs.counts, "the peer"));
    wrong.extend(above(&ours.counts, &fastest.counts, "the original's fastest build"));
    if mean > MEAN {
        wrong.push(format!("the mean is {mean:.3} of the peer's, more than {MEAN}"));
    }
    wrong.extend(ours.size.above(&theirs.size));
    ensure!(wrong.is_empty(), "{}", wrong.join("\n  "));
    Ok(())
}

fn ratio(ours: u64, theirs: u64) -> f64 {
    // No count comes near the 52 bits that a f64 holds exactly.
    #[allow(clippy::cast_precision_loss)]
    let ratio = ours as f64 / theirs as f64;
    ratio
}

/// The geometric mean of our counts over theirs.
fn mean(ours: &Counts, theirs: &Counts) -> f64 {
    let logs: Vec<f64> = ours
        .iter()
        .map(|(path, count)| ratio(*count, theirs[path]).ln())
        .collect();
    #[allow(clippy::cast_precision_loss)]
    let paths = logs.len() as f64;
    (logs.iter().sum::<f64>() / paths).exp()
}

fn above(ours: &Counts, theirs: &Counts, who: &str) -> Vec<String> {
    let over = |(path, count): (&String, &u64)| {
        let their = theirs[path];
        (*count > their).then(|| format!("{path}: {count} instructions, {who} spends {their}"))
    };
    ours.iter().filter_map(over).collect()
}

fn print(ours: &Library, theirs: &Library, fastest: &Library) {
    let mut rows = Vec::new();
    let mut row = |what: &str, ours: u64, theirs: u64, fastest: u64| {
        let part = |of: u64| {
            if of == 0 {
                String::new()
            } else {
                format!("{:.2}", ratio(ours, of))
            }
        };
        rows.push(vec![
            what.to_owned(),
            ours.to_string(),
            theirs.to_string(),
            part(theirs),
            fastest.to_string(),
            part(fastest),
        ]);
    };
    for (path, count) in &ours.counts {
        row(path, *count, theirs.counts[path], fastest.counts[path]);
    }
    for ((what, ours), (theirs, fastest)) in ours
        .size
        .rows()
        .into_iter()
        .zip(theirs.size.rows().into_iter().zip(fastest.size.rows()))
    {
        row(what, ours, theirs.1, fastest.1);
    }
    table(
        &["instructions; sizes", "ours", "peer", "ratio", "fastest", "ratio"],
        &rows,
    );
}

/// With the peer's library in the place of ours, the judge must complain of every path that is costlier there.
fn self_test(recorded: &Baseline, ours: &Library, theirs: &Library) -> Result<()> {
    let costlier = ours
        .counts
        .iter()
        .filter(|(path, count)| theirs.counts[*path] > **count);
    let costlier = costlier.count();
    let mut found = recorded.changes(&Baseline::of(theirs.counts.clone())?);
    found.retain(|what| what.contains("rose"));
    ensure!(
        costlier > 0 && found.len() >= costlier,
        "self-test: the peer's library costs more on {costlier} paths, but the judge found {}: {found:?}",
        found.len()
    );
    println!(
        "self-test: {} rises found in a costlier library, as {}",
        found.len(),
        found[0]
    );
    Ok(())
}
