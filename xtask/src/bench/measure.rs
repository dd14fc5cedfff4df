//! One point: rounds of all its engines, and what comes of them.

use super::engine::Engine;
use super::find;
use super::plan::{Ground, Point};
use super::together::Together;
use super::{OURS, PEER};
use crate::util::{output, stdout};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Enough for random reads not to meet each other, and small enough to stay in the page cache.
const FILE_BYTES: usize = 256 << 20;

/// Where a process's memory happens to lie makes it a little faster or slower for as long as it lives.
const ROUNDS_OF_A_PROCESS: usize = 3;

/// The file that is read, and a loop device over another one, if there can be one.
pub struct Place {
    file: PathBuf,
    device: Option<(String, File)>,
}

impl Place {
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
                eprintln!("bench: no loop device, so nothing is measured on one: {error:#}");
                None
            }
        };
        Ok(Self { file, device })
    }

    fn path(&self, ground: Ground) -> Option<String> {
        match ground {
            Ground::Nothing => Some("-".into()),
            Ground::File => Some(self.file.display().to_string()),
            Ground::Loop => self.device.as_ref().map(|(device, _)| device.clone()),
        }
    }
}

/// A device that is there as long as its file is open: detached already, it ends with its last user, however that ends.
fn loop_device(behind: &Path) -> Result<(String, File)> {
    let made = stdout(Command::new("losetup").args(["--find", "--show"]).arg(behind))?;
    let device = made.trim().to_owned();
    let held = File::open(&device);
    output(Command::new("losetup").args(["--detach", &device]))?;
    Ok((device, held?))
}

/// A point's times: nanoseconds for an operation, by engine, a value for each round.
pub struct Measured {
    pub point: Point,
    pub times: BTreeMap<&'static str, Vec<f64>>,
    /// Engines that can't do it here, and why.
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

/// `None`: there is no ground for it here. A task takes `slice` milliseconds.
pub fn measure(
    point: Point,
    engines: &mut [Engine],
    together: &Together,
    place: &Place,
    rounds: usize,
    slice: u64,
) -> Result<Option<Measured>> {
    let Some(path) = place.path(point.ground) else {
        return Ok(None);
    };
    let task = |operations: u64| format!("{} {} {operations} {path}", point.work, point.depth);
    #[expect(clippy::cast_precision_loss)]
    let nanoseconds = slice as f64 * 1e6;

    let mut operations = BTreeMap::new();
    let mut missing = Vec::new();
    let alone = |name: &&str| !(point.together() && together.has(name));
    for &name in point.engines.iter().filter(|name| alone(name)) {
        // All liburings do the same number: the peer comes first.
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
        if round % ROUNDS_OF_A_PROCESS == 0 {
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

/// How many operations take about so many nanoseconds: a multiple of the batch.
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
        // Not straight to the goal: the first operations are the slowest.
        count *= if time < wanted / 20.0 { 8 } else { 2 };
    }
}
