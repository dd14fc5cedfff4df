//! `cargo xtask bench`: compare our times with those of the original, other libraries and bare system calls.
//!
//! Each engine is a worker: a process that waits for tasks (`test-c/bench/bench.h`). A round gives the same task to each
//! engine in turn, in alternating order; a ratio compares times of the same round, and the report shows the median and
//! the quartiles of the rounds' ratios.

mod engine;
mod measure;
mod plan;
mod plot;
mod report;
mod together;

use crate::peer::{self, NEWEST};
use anyhow::{Context, Result, bail};
use base::root;
use engine::Engine;
use indicatif::{ProgressBar, ProgressStyle};
use measure::{Files, Measured};
use std::fs;
use std::path::PathBuf;
use together::Together;

#[derive(clap::Args)]
pub struct Args {
    /// Only the work whose name contains this: nop, create, cached, direct, sqpoll, threads, echo
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Rounds of each task: more give steadier medians
    #[arg(long, default_value_t = 41)]
    rounds: usize,
    /// How long a task takes, in milliseconds
    #[arg(long, default_value_t = 20)]
    slice: u64,
    /// Directory of our libraries [default: target/lib]
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Directory for the report and the plots
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
        bail!("--write needs the results of all work: leave out --only");
    }
    let built = root().join("target/bench");
    fs::create_dir_all(&built)?;
    let out = root().join(&args.out);
    fs::create_dir_all(&out)?;
    let lib = args.lib.clone().unwrap_or_else(base::lib_dir);
    let fastest = peer.fastest()?;
    let with_engine = root().join("target/engine/lib");
    let mut engines = engine::make(&peer.lib, &lib, &with_engine, &fastest, &built)?;
    let together = Together::make(&peer.lib, &lib, &fastest, &built)?;
    let points: Vec<_> = plan::points()
        .into_iter()
        .filter(|point| args.only.as_ref().is_none_or(|only| point.work.contains(only.as_str())))
        .collect();
    if points.is_empty() {
        bail!("no work matches --only; for all of it run: cargo xtask bench");
    }

    let files = Files::make(&built)?;
    let bar = ProgressBar::new(points.len() as u64);
    bar.set_style(ProgressStyle::with_template(
        "{elapsed_precise} [{bar:40}] {pos}/{len} {msg} (about {eta} left)",
    )?);
    let mut results: Vec<Measured> = Vec::new();
    for point in points {
        bar.set_message(format!("{} {}", point.title, point.depth));
        if let Some(measured) = measure::measure(point, &mut engines, &together, &files, args.rounds, args.slice)? {
            results.push(measured);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    drop(files);
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
        report.write()?;
    }
    Ok(())
}

/// The names that the tables and plots use.
pub const OURS: &str = "ironring";
pub const PEER: &str = "liburing";
/// io_uring in user space.
pub const ENGINE: &str = "engine";
/// The library with the engine, on the kernel's rings.
pub const FLAVOUR: &str = "with engine";
pub const FASTEST: &str = "liburing -O3";
pub const FLOOR: &str = "bare calls";

/// An engine by its name.
fn find<'a>(engines: &'a mut [Engine], name: &str) -> Result<&'a mut Engine> {
    engines
        .iter_mut()
        .find(|engine| engine.name == name)
        .with_context(|| format!("there is no engine {name}"))
}
