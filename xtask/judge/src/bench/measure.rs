//! Measures one point: rounds of all its engines, and their times.

use super::engine::Engine;
use super::find;
use super::plan::{Point, Target};
use super::together::Together;
use super::{OURS, PEER};
use anyhow::{Context, Result};
use base::{output, stdout};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Large enough that random reads rarely hit the same block, small enough to stay in the page cache.
const FILE_BYTES: usize = 256 << 20;

/// The addresses of a process's memory make all its rounds a little faster or slower, so it is restarted.
const ROUNDS_PER_PROCESS: usize = 3;

/// The file to read, and a loop device over another file, if the machine allows one.
pub struct Files {
    file: PathBuf,
    device: Option<(String, File)>,
}

impl Files {
    pub fn make(out: &Path) -> Result<Self> {
        let file = out.join("blocks");
        let behind = out.join("behind");
        let bytes = vec![0x5a_u8; FILE_BYTES];
        for path in [&file, &behind] {
            fs::write(path, &bytes).with_context(|| format!("can't write {}", path.display()))?;
        }
        output(&mut Command::new("sync"))?;
        let device = match loop_device(&behind) {
            Ok(device) => Some(device),
            Err(error) => {
                eprintln!("bench: leaving out the loop device: {error:#}");
                None
            }
        };
        Ok(Self { file, device })
    }

    fn path(&self, target: Target) -> Option<String> {
        match target {
            Target::Nothing => Some("-".into()),
            Target::File => Some(self.file.display().to_string()),
            Target::Loop => self.device.as_ref().map(|(device, _)| device.clone()),
        }
    }
}

/// A loop device that exists while its file is open: it is detached already, so the kernel frees it with the last user.
fn loop_device(behind: &Path) -> Result<(String, File)> {
    let made = stdout(Command::new("losetup").args(["--find", "--show"]).arg(behind))?;
    let device = made.trim().to_owned();
    let held = File::open(&device);
    output(Command::new("losetup").args(["--detach", &device]))?;
    Ok((device, held?))
}

/// A point's times: nanoseconds per operation, by engine, one value per round.
pub struct Measured {
    pub point: Point,
    pub times: BTreeMap<&'static str, Vec<f64>>,
    /// Engines that can't run it here, and why.
    pub missing: Vec<(&'static str, String)>,
}

impl Measured {
    pub fn median(&self, engine: &str) -> Option<f64> {
        self.times.get(engine).map(|times| quantile(times, 0.5))
    }

    /// The quartiles of an engine's time divided by the peer's in the same round: low, median, high.
    pub fn ratio(&self, engine: &str) -> Option<[f64; 3]> {
        let (times, peer) = (self.times.get(engine)?, self.times.get(PEER)?);
        let ratios: Vec<f64> = times.iter().zip(peer).map(|(time, peer)| time / peer).collect();
        Some(quartiles(&ratios))
    }
}

pub fn quartiles(values: &[f64]) -> [f64; 3] {
    [0.25, 0.5, 0.75].map(|at| quantile(values, at))
}

fn quantile(values: &[f64], at: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    let index = ((sorted.len() - 1) as f64 * at).round() as usize;
    sorted[index]
}

/// Returns `None` if the machine lacks the point's target. A task takes `slice` milliseconds.
pub fn measure(
    point: Point,
    engines: &mut [Engine],
    together: &Together,
    files: &Files,
    rounds: usize,
    slice: u64,
) -> Result<Option<Measured>> {
    let Some(path) = files.path(point.target) else {
        return Ok(None);
    };
    let task = |operations: u64| format!("{} {} {operations} {path}", point.work, point.depth);
    #[expect(clippy::cast_precision_loss)]
    let nanoseconds = slice as f64 * 1e6;

    let mut operations = BTreeMap::new();
    let mut missing = Vec::new();
    let alone = |name: &&str| !(point.together() && together.has(name));
    for &name in point.engines.iter().filter(|name| alone(name)) {
        // All builds of liburing do as many as the peer, which comes first.
        let same = operations
            .get(PEER)
            .copied()
            .filter(|_| name.starts_with(PEER) || name == OURS);
        match same {
            Some(count) => operations.insert(name, count),
            None => match calibrate(find(engines, name)?, point.batch(), nanoseconds, task)? {
                Ok(count) => operations.insert(name, count),
                Err(reason) => {
                    missing.push((name, reason));
                    continue;
                }
            },
        };
    }

    let mut times: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    let mut order: Vec<&'static str> = operations.keys().copied().collect();
    for round in 0..rounds {
        if point.together() {
            for (name, time) in together.measure(&point, slice, round)? {
                times.entry(name).or_default().push(time);
            }
        }
        if round % ROUNDS_PER_PROCESS == 0 {
            for &name in &order {
                find(engines, name)?.restart()?;
            }
        }
        for &name in &order {
            let count = operations[name];
            let time = match find(engines, name)?.perform(&task(count))? {
                #[expect(clippy::cast_precision_loss)]
                Ok(time) => time / count as f64,
                Err(reason) => anyhow::bail!("{name}: {}: {reason}", task(count)),
            };
            times.entry(name).or_default().push(time);
        }
        order.reverse();
    }
    Ok(Some(Measured { point, times, missing }))
}

/// How many operations take about `wanted` nanoseconds: a multiple of the batch.
fn calibrate(
    engine: &mut Engine,
    batch: u64,
    wanted: f64,
    task: impl Fn(u64) -> String,
) -> Result<Result<u64, String>> {
    let mut count = batch;
    loop {
        let time = match engine.perform(&task(count))? {
            Ok(time) => time,
            Err(reason) => return Ok(Err(reason)),
        };
        if time >= wanted / 2.0 {
            return Ok(Ok(count));
        }
        // Not extrapolated, because the first operations are the slowest.
        count *= if time < wanted / 20.0 { 8 } else { 2 };
    }
}
