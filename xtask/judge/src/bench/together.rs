//! Points whose time shows the library's own work: the libraries and the bare calls alternate in one process, at many
//! addresses (`test-c/bench/together.c`).

use super::engine::compile;
use super::plan::Point;
use super::{FASTEST, FLOOR, OURS, PEER};
use anyhow::{Context, Result, ensure};
use base::stdout;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Together {
    program: PathBuf,
    /// As `together.c` takes them: a library and the loops that use it, or the loops of the bare calls.
    sides: Vec<(&'static str, String)>,
}

impl Together {
    pub fn make(peer: &Path, ours: &Path, fastest: &Path, out: &Path) -> Result<Self> {
        let object = |name: &str, libs: &[String]| {
            let flags = [&["-shared".into(), "-fPIC".into()], libs].concat();
            compile(out, &format!("{name}.so"), &[&format!("{name}.c")], &flags)
        };
        let loops = object("loops", &[format!("-L{}", ours.display()), "-luring".into()])?;
        let bare = object("bare", &[])?;
        let archive = ours.join("liburing.a").display().to_string();
        let mut sides: Vec<_> = [(PEER, peer), (OURS, ours), (FASTEST, fastest)]
            .map(|(name, dir)| {
                let lib = dir.join("liburing.so.2");
                (name, format!("{},{}", lib.display(), loops.display()))
            })
            .into();
        sides.push((FLOOR, bare.display().to_string()));
        Ok(Self {
            program: compile(out, "together", &["together.c", "image.c"], &[archive])?,
            sides,
        })
    }

    pub fn has(&self, engine: &str) -> bool {
        self.sides.iter().any(|(name, _)| *name == engine)
    }

    /// Nanoseconds per operation, by engine. Each runs for about `slice` milliseconds.
    pub fn measure(&self, point: &Point, slice: u64, round: usize) -> Result<BTreeMap<&'static str, f64>> {
        let mut command = Command::new(&self.program);
        command.arg(point.work);
        command.args([point.depth.into(), slice, round as u64].map(|number| number.to_string()));
        command.args(self.sides.iter().map(|(_, objects)| objects));
        let said = stdout(&mut command)?;
        let times: Result<Vec<f64>, _> = said.lines().map(str::parse).collect();
        let times = times.with_context(|| format!("{} printed: {said}", self.program.display()))?;
        ensure!(times.len() == self.sides.len(), "a side is missing in: {said}");
        Ok(self.sides.iter().map(|(name, _)| *name).zip(times).collect())
    }
}
