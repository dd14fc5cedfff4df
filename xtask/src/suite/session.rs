//! One release of the suite: built, and run in a place. Several tests run at once, the delicate ones alone, and each
//! that fails a second time alone.

use super::build::{Builder, Built, Mode};
use super::exec::{self, Outcome, Spawn};
use super::ledger::Known;
use super::pool::{Progress, each};
use super::report::{Results, Run};
use super::tree::{self, Tree};
use crate::peer::{self, Peer};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

/// Tests that run with nothing beside them: they compare times with narrow limits, count what the whole machine does,
/// or take all of a thing that there is only one of.
const ALONE: &[&str] = &["iowait", "napi-test", "sq-poll-kthread"];

/// Tests that take long: they start first, so that none is left over at the end.
const LONG: &[&str] = &[];

pub struct Session {
    pub version: String,
    pub peer: Peer,
    pub tree: Tree,
    pub modes: Vec<Mode>,
    /// Where programs, logs and working folders go.
    pub out: PathBuf,
    /// What became of each test in each mode.
    built: BTreeMap<String, Vec<(Mode, Built)>>,
}

/// Where tests run and with what.
pub struct Place {
    /// `here`, or a ground such as `xfs`.
    pub name: String,
    /// Working folders are made in it.
    pub dir: PathBuf,
    pub args: Vec<OsString>,
}

impl Session {
    /// `None`: the peer can't be had, which has been said.
    pub fn open(version: &str, modes: &[Mode], out: &Path) -> Result<Option<Self>> {
        let Some(peer) = peer::get(version)? else {
            return Ok(None);
        };
        fs::create_dir_all(out).with_context(|| format!("can't make {}", out.display()))?;
        Ok(Some(Self {
            version: version.to_owned(),
            tree: tree::prepare(&peer, &out.join("tree"))?,
            peer,
            modes: modes.to_vec(),
            out: out.to_path_buf(),
            built: BTreeMap::new(),
        }))
    }

    /// Builds these tests in all modes, for our libraries in `lib`.
    pub fn build(&mut self, lib: &Path, tests: &[String]) -> Result<()> {
        let builder = Builder::new(&self.tree, &self.peer, &self.modes, lib, &self.out)?;
        // sqpoll-exec and timeout start it.
        let mut names = tests.to_vec();
        if !names.iter().any(|name| name == "exec-target") {
            names.push("exec-target".to_owned());
        }
        let progress = Progress::new(&format!("building {}", self.version), names.len());
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let built = each(cores, names, |name| {
            progress.start(&name);
            let built = builder.build(&name)?;
            progress.end(&name, built.iter().any(|(_, built)| matches!(built, Built::No(_))));
            Ok((name, built))
        })?;
        self.built = built.into_iter().collect();
        for &mode in &self.modes {
            let one = self.built.iter().find(|(_, built)| {
                let yes = |wanted| built.iter().any(|(m, b)| *m == wanted && matches!(b, Built::Yes));
                yes(mode) && yes(Mode::Peer) && !built.iter().any(|(_, built)| matches!(built, Built::Private))
            });
            if let Some((test, _)) = one {
                builder.prove(mode, test)?;
            }
        }
        Ok(())
    }

    /// Runs these tests, `at_once` at a time, each in all modes one after the other.
    pub fn run(&self, place: &Place, tests: &[String], at_once: usize, known: &Known) -> Result<Results> {
        let progress = Progress::new(&format!("running {}", self.title(place)), tests.len());
        let (alone, mut together): (Vec<String>, Vec<String>) =
            tests.iter().cloned().partition(|test| ALONE.contains(&test.as_str()));
        together.sort_by_key(|test| !LONG.contains(&test.as_str()));
        let one = |test: String| {
            progress.start(&test);
            let mut runs = BTreeMap::new();
            for (mode, built) in &self.built[&test] {
                match built {
                    Built::Private => {}
                    Built::No(why) => {
                        runs.insert(*mode, Run::new(Outcome::Unbuilt(why.clone()), 0.0));
                    }
                    Built::Yes => {
                        let (outcome, time) = self.run_one(place, *mode, &test)?;
                        runs.insert(*mode, Run::new(outcome, time));
                    }
                }
            }
            let failed = runs
                .iter()
                .any(|(mode, run)| run.outcome.failed() && known.reason(&test, *mode).is_none());
            progress.end(&test, failed);
            Ok((test, runs))
        };
        let mut results: Results = each(at_once, together, one)?.into_iter().collect();
        exec::end_strays();
        for test in alone {
            results.extend(each(1, vec![test], one)?);
            exec::end_strays();
        }
        drop(progress);
        self.again(place, &mut results, known)?;
        Ok(results)
    }

    /// Runs alone what failed, unless the ledger says that it does.
    fn again(&self, place: &Place, results: &mut Results, known: &Known) -> Result<()> {
        let failed: Vec<(String, Mode)> = results
            .iter()
            .flat_map(|(test, runs)| runs.iter().map(move |(mode, run)| (test, *mode, run)))
            .filter(|(test, mode, run)| matches!(run.outcome, Outcome::Fail(_)) && known.reason(test, *mode).is_none())
            .map(|(test, mode, _)| (test.clone(), mode))
            .collect();
        let progress = Progress::new(&format!("again, alone, {}", self.title(place)), failed.len());
        for (test, mode) in failed {
            progress.start(&test);
            let log = self.log(place, mode, &test);
            fs::rename(&log, log.with_extension("first.log"))?;
            let (outcome, time) = each(1, vec![()], |()| self.run_one(place, mode, &test))?.remove(0);
            exec::end_strays();
            progress.end(&test, outcome.failed());
            if let Some(run) = results.get_mut(&test).and_then(|runs| runs.get_mut(&mode)) {
                let first = std::mem::replace(run, Run::new(outcome, time));
                if !run.outcome.failed() {
                    run.unsteady = Some(first.outcome.reason().to_owned());
                }
            }
        }
        Ok(())
    }

    fn run_one(&self, place: &Place, mode: Mode, test: &str) -> Result<(Outcome, f64)> {
        let log = self.log(place, mode, test);
        fs::create_dir_all(log.parent().context("a log lies in a folder")?)?;
        let (outcome, time) = exec::run(&Spawn {
            exe: &self.program(mode, test),
            name: &format!("{test}.t"),
            args: &place.args,
            cwd: place.dir.join(format!("{test}.{}", mode.name())),
            beside: &self.beside(mode, test),
            log,
        })?;
        Ok((outcome, time.as_secs_f64()))
    }

    /// What tests look for in their working folder: themselves, each other, the script of one of them.
    fn beside(&self, mode: Mode, test: &str) -> Vec<(String, PathBuf)> {
        let mut beside = vec![("exec-target.t".to_owned(), self.program(mode, "exec-target"))];
        if test != "exec-target" {
            beside.push((format!("{test}.t"), self.program(mode, test)));
        }
        if test == "napi-test" {
            beside.push(("napi-test.sh".to_owned(), self.tree.dir.join("test/napi-test.sh")));
        }
        beside
    }

    fn program(&self, mode: Mode, test: &str) -> PathBuf {
        self.out.join(mode.name()).join(format!("{test}.t"))
    }

    pub fn log(&self, place: &Place, mode: Mode, test: &str) -> PathBuf {
        self.out
            .join("log")
            .join(&place.name)
            .join(mode.name())
            .join(format!("{test}.log"))
    }

    fn title(&self, place: &Place) -> String {
        match place.name.as_str() {
            "here" => self.version.clone(),
            ground => format!("{} on {ground}", self.version),
        }
    }
}
