//! `cargo xtask bench`: times, ours against the original's, other libraries' and the bare system call's.
//!
//! Each engine is a worker: a process that waits for tasks (`test-c/bench/bench.h`). A round gives the same task to each
//! engine in turn, forwards and backwards by turns; a ratio is between times of the same round, and what is reported is
//! the median of the rounds' ratios with their quartiles.

mod engine;
mod measure;
mod plan;
mod plot;
mod report;
mod together;

use crate::peer::{self, NEWEST};
use crate::util::root;
use anyhow::{Context, Result, bail};
use engine::Engine;
use indicatif::{ProgressBar, ProgressStyle};
use measure::{Measured, Place};
use std::fs;
use std::path::PathBuf;
use together::Together;

#[derive(clap::Args)]
pub struct Args {
    /// Only the work whose name contains this: nop, create, cached, direct, sqpoll, threads, echo
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Rounds of each task: more make the medians steadier
    #[arg(long, default_value_t = 41)]
    rounds: usize,
    /// How long a task takes, in milliseconds
    #[arg(long, default_value_t = 20)]
    slice: u64,
    /// Our libraries
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Where the report and the plots go
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// Write docs/benchmarks.md too
    #[arg(long)]
    write: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let Some(peer) = peer::get(NEWEST)? else {
        return Ok(());
    };
    if args.write && args.only.is_some() {
        bail!("docs/benchmarks.md holds everything: leave --only out");
    }
    let built = root().join("target/bench");
    fs::create_dir_all(&built)?;
    let out = root().join(&args.out);
    fs::create_dir_all(&out)?;
    let lib = args.lib.clone().unwrap_or_else(crate::util::lib_dir);
    let fastest = peer.fastest()?;
    let mut engines = engine::make(&peer.lib, &lib, &fastest, &built)?;
    let together = Together::make(&peer.lib, &lib, &fastest, &built)?;
    let points: Vec<_> = plan::points()
        .into_iter()
        .filter(|point| args.only.as_ref().is_none_or(|only| point.work.contains(only.as_str())))
        .collect();
    if points.is_empty() {
        bail!("no work has such a name; without --only everything is measured");
    }

    let place = Place::make(&built)?;
    let bar = ProgressBar::new(points.len() as u64);
    bar.set_style(ProgressStyle::with_template(
        "{elapsed_precise} [{bar:40}] {pos}/{len} {msg} (about {eta} more)",
    )?);
    let mut results: Vec<Measured> = Vec::new();
    for point in points {
        bar.set_message(format!("{} {}", point.title, point.depth));
        if let Some(measured) = measure::measure(point, &mut engines, &together, &place, args.rounds, args.slice)? {
            results.push(measured);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    drop(place);
    let calls = if args.only.as_ref().is_none_or(|only| "sqpoll".contains(only.as_str())) {
        engine::sqpoll_calls(&engines, &built)?
    } else {
        Vec::new()
    };
    drop(engines);

    let report = report::Report::new(&results, calls, args.rounds, args.slice)?;
    report.print();
    fs::write(out.join("report.json"), report.json()?)?;
    let plots = plot::draw(&results, &out)?;
    println!("\nplots: {}", plots.join(" "));
    if args.write {
        let file = root().join("docs/benchmarks.md");
        fs::write(&file, report.markdown()).with_context(|| format!("can't write {}", file.display()))?;
        println!("written: docs/benchmarks.md");
    }
    Ok(())
}

/// The names that the tables and plots use.
pub const OURS: &str = "ironring";
pub const PEER: &str = "liburing";
pub const FASTEST: &str = "liburing -O3";
pub const FLOOR: &str = "bare calls";

/// An engine by its name.
fn find<'a>(engines: &'a mut [Engine], name: &str) -> Result<&'a mut Engine> {
    engines
        .iter_mut()
        .find(|engine| engine.name == name)
        .with_context(|| format!("no engine is called {name}"))
}
