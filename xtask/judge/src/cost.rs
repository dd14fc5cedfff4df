//! `cargo xtask cost`: compare the library's instructions on each path, and its size, with the original's.
//!
//! Instructions of the library and of what it calls in libc are counted under callgrind, so that a library has the same
//! figures on every machine. `test-c/cost/baseline.toml` holds our figures: a change fails until it is accepted.

mod baseline;
mod count;
mod size;

use crate::peer::{self, Peer};
use anyhow::{Result, ensure};
use base::{root, table};
use baseline::Baseline;
use count::{Counts, Driver};
use serde::Serialize;
use size::Size;
use std::fs;
use std::path::{Path, PathBuf};

/// The limit for the mean over all paths, relative to the peer.
const MEAN: f64 = 0.80;

#[derive(clap::Args)]
pub struct Args {
    /// Directory of our libraries, if not target/lib; they are compared only with the original's
    #[arg(long, value_name = "DIR", conflicts_with_all = ["accept", "self_test"])]
    lib: Option<PathBuf>,
    /// Record the counts as the new baseline
    #[arg(long)]
    accept: bool,
    /// Also check that a costlier library is detected
    #[arg(long)]
    self_test: bool,
}

/// The counts and sizes of a library.
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
    base::need("make", "make")?;
    let out = root().join("target/cost");
    fs::create_dir_all(&out)?;
    let lib = args.lib.clone().unwrap_or_else(base::lib_dir);
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
    let figures = |library: &Library| {
        let counts = library.counts.iter().map(|(path, count)| (path.clone(), *count));
        let sizes = library.size.rows().map(|(what, size)| (what.to_owned(), size));
        counts.chain(sizes).collect::<Vec<_>>()
    };
    let part = |ours: u64, of: u64| {
        if of == 0 {
            String::new()
        } else {
            format!("{:.2}", ratio(ours, of))
        }
    };
    let others = figures(theirs).into_iter().zip(figures(fastest));
    let rows = figures(ours).into_iter().zip(others);
    let rows: Vec<_> = rows
        .map(|((what, ours), ((_, theirs), (_, fastest)))| {
            let ratios = [part(ours, theirs), part(ours, fastest)];
            let [ours, theirs, fastest] = [ours, theirs, fastest].map(|figure| figure.to_string());
            let [to_theirs, to_fastest] = ratios;
            vec![what, ours, theirs, to_theirs, fastest, to_fastest]
        })
        .collect();
    table(
        &["instructions; sizes", "ours", "peer", "ratio", "fastest", "ratio"],
        &rows,
    );
}

/// With the peer's library instead of ours, the check must report every path that is costlier there.
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
        "self-test: the peer's library costs more on {costlier} paths, but the check found {}: {found:?}",
        found.len()
    );
    println!(
        "self-test: {} rises found in a costlier library, for example {}",
        found.len(),
        found[0]
    );
    Ok(())
}
