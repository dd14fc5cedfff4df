//! One release of the suite: built, and run in a place. Several tests run at once, the delicate ones alone, and each
//! that fails a second time alone.

use super::build::{Builder, Built, Mode};
use super::duel::Duel;
use super::exec::{Here, Machine, Outcome, Spawn};
use super::ledger::Known;
use super::pool::{Progress, each, in_turns};
use super::report::{Results, Run};
use super::tree::{self, Tree};
use crate::peer::{self, NEWEST, Peer};
use crate::tools::{self, Tools};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Tests that run with nothing beside them: they count what the whole machine does, guess the next process number, or
/// take what there is only one of.
const ALONE: &[&str] = &["iowait", "napi-test", "sq-poll-kthread", "wq-aff"];

/// Tests that compare times with narrow limits, or use the port of another. They sleep most of the time, and run beside
/// each other only.
const QUIET: &[&str] = &[
    "7ad0e4b2f83c",
    "defer-tw-timeout",
    "io-cancel",
    "link-timeout",
    "min-timeout",
    "min-timeout-wait",
    "recvsend_bundle-inc",
    "reg-wait",
    "sqpoll-sleep",
    "submit-and-wait",
    "timeout",
    "timeout-new",
    "timerfd-short-read",
    "timestamp",
    "wait-timeout",
];

/// Tests that take long: they start first, so that none is left over at the end.
const LONG: &[&str] = &[
    "send-zerocopy",
    "multicqes_drain",
    "read-mshot",
    "cq-overflow",
    "pollfree",
];

/// How long a test may take. The original's runner gives each 60 seconds, on a machine that does nothing else; one needs
/// that much on a slow core.
fn limit(test: &str) -> Duration {
    Duration::from_secs(if test == "send-zerocopy" { 180 } else { 60 })
}

/// How long a test rests before it runs in the next mode: a ring's end is the kernel's work in the background, and
/// until then it keeps the sockets that the next run wants to bind.
const REST: Duration = Duration::from_secs(1);

pub struct Session {
    pub version: String,
    /// The suite's release: its headers, its tests, and the library that its programs are linked with.
    peer: Peer,
    /// The newest release, on whose library the programs run: it is what ours replaces.
    pub newest: Peer,
    pub tree: Tree,
    tools: Tools,
    pub modes: Vec<Mode>,
    /// Where programs, logs and working folders go.
    pub out: PathBuf,
    /// What became of each test in each mode.
    built: BTreeMap<String, Vec<(Mode, Built)>>,
}

/// Where tests run and with what.
pub struct Place {
    /// `here`, a ground such as `xfs`, or a kernel.
    pub name: String,
    pub machine: Arc<dyn Machine>,
    /// Working folders are made in it.
    pub dir: PathBuf,
    pub args: Vec<OsString>,
}

impl Place {
    /// On this machine, with nothing special.
    pub fn here(dir: PathBuf) -> Self {
        Self {
            name: "here".to_owned(),
            machine: Arc::new(Here),
            dir,
            args: Vec::new(),
        }
    }
}

impl Session {
    /// `None`: the peer can't be had, which has been said.
    pub fn open(version: &str, modes: &[Mode], out: &Path) -> Result<Option<Self>> {
        let (Some(peer), Some(newest)) = (peer::get(version)?, peer::get(NEWEST)?) else {
            return Ok(None);
        };
        Self::of(peer, newest, version, modes, tools::NATIVE, out).map(Some)
    }

    /// The newest release for another of Debian's architectures.
    pub fn foreign(architecture: &str, modes: &[Mode], tools: Tools, out: &Path) -> Result<Option<Self>> {
        let (Some(peer), Some(newest)) = (peer::foreign(architecture)?, peer::foreign(architecture)?) else {
            return Ok(None);
        };
        Self::of(peer, newest, NEWEST, modes, tools, out).map(Some)
    }

    fn of(peer: Peer, newest: Peer, version: &str, modes: &[Mode], tools: Tools, out: &Path) -> Result<Self> {
        fs::create_dir_all(out).with_context(|| format!("can't make {}", out.display()))?;
        tools.need(true)?;
        Ok(Self {
            version: version.to_owned(),
            tree: tree::prepare(&peer, tools, &out.join("tree"))?,
            tools,
            peer,
            newest,
            modes: modes.to_vec(),
            out: out.to_path_buf(),
            built: BTreeMap::new(),
        })
    }

    /// Builds these tests in all modes, for our libraries in `lib`.
    pub fn build(&mut self, lib: &Path, tests: &[String]) -> Result<()> {
        let builder = Builder::new(
            &self.tree,
            self.tools,
            &self.peer,
            &self.modes,
            &self.newest.lib,
            lib,
            &self.out,
        )?;
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

    /// Runs these tests, `at_once` at a time, each in one mode after the other.
    pub fn run(&self, place: &Place, tests: &[String], at_once: usize, known: &Known) -> Result<Results> {
        let mut groups = [Vec::new(), Vec::new(), Vec::new()];
        let mut results = Results::new();
        for test in tests {
            let mut modes = VecDeque::new();
            let runs = results.entry(test.clone()).or_default();
            for (mode, built) in &self.built[test] {
                match built {
                    Built::Yes => modes.push_back(*mode),
                    Built::Private => {}
                    Built::No(why) => {
                        runs.insert(*mode, Run::new(Outcome::Unbuilt(why.clone()), 0.0));
                    }
                }
            }
            let group = if ALONE.contains(&test.as_str()) {
                2
            } else {
                usize::from(QUIET.contains(&test.as_str()))
            };
            groups[group].push((test, modes));
        }
        groups[0].sort_by_key(|(test, _)| !LONG.contains(&test.as_str()));

        let count = groups.iter().flatten().map(|(_, modes)| modes.len()).sum();
        let progress = Progress::new(&format!("running {}", self.title(place)), count);
        let new = Mutex::new(Vec::new());
        for (group, at_once) in groups.into_iter().zip([at_once, at_once, 1]) {
            in_turns(at_once, REST, group, |(test, modes)| {
                let Some(mode) = modes.pop_front() else {
                    return Ok(false);
                };
                let label = format!("{test}({})", mode.name());
                progress.start(&label);
                let endless = |(name, mode, run): &(String, Mode, Run)| {
                    name == *test && *mode == Mode::Peer && run.outcome.endless()
                };
                let hopeless = !place.machine.insists() && new.lock().expect("no worker panicked").iter().any(endless);
                let run = if hopeless {
                    Run::new(Outcome::Skip("not run: endless on the peer".to_owned()), 0.0)
                } else {
                    self.run_one(place, mode, test)?
                };
                progress.end(&label, run.outcome.failed() && known.fails(test, mode).is_none());
                new.lock()
                    .expect("no worker panicked")
                    .push(((*test).clone(), mode, run));
                if at_once == 1 {
                    place.machine.end_strays();
                }
                Ok(!modes.is_empty())
            })?;
            place.machine.end_strays();
        }
        drop(progress);
        for (test, mode, run) in new.into_inner().expect("no worker panicked") {
            results.entry(test).or_default().insert(mode, run);
        }
        // Not in this thread, which would have no network any more.
        thread::scope(|scope| {
            scope
                .spawn(|| self.again(place, &mut results, known))
                .join()
                .expect("running again doesn't panic")
        })?;
        Ok(results)
    }

    /// Runs alone what failed, or skipped where it passes in another mode. When only ours fails then too, a series of
    /// runs beside the peer's decides, because some tests fail now and then with any library.
    fn again(&self, place: &Place, results: &mut Results, known: &Known) -> Result<()> {
        let doubtful = |runs: &BTreeMap<Mode, Run>, test: &str, mode: Mode| {
            let doubt = runs.get(&mode).is_some_and(|run| match run.outcome {
                Outcome::Pass | Outcome::Unbuilt(_) => false,
                Outcome::Skip(_) => runs.values().any(|other| other.outcome == Outcome::Pass),
                Outcome::Fail(_) => true,
            });
            doubt && known.fails(test, mode).is_none()
        };
        // What the peer did where ours does worse.
        let worse = |runs: &BTreeMap<Mode, Run>, mode: Mode| {
            let peer = &runs.get(&Mode::Peer)?.outcome;
            let ours = &runs.get(&mode)?.outcome;
            ours.worse_than(peer).then(|| peer.clone())
        };
        let again: Vec<_> = results
            .iter_mut()
            .filter(|(test, runs)| Mode::ALL.iter().any(|mode| doubtful(runs, test, *mode)))
            .filter(|(_, runs)| {
                place.machine.insists()
                    || runs.values().any(|run| run.outcome == Outcome::Pass)
                    || runs.keys().any(|mode| worse(runs, *mode).is_some())
            })
            .collect();
        let progress = Progress::new(&format!("again, alone, {}", self.title(place)), again.len());
        for (test, runs) in again {
            progress.start(test);
            for mode in Mode::ALL {
                let Some(first) = runs.get(&mode).filter(|_| doubtful(runs, test, mode)).cloned() else {
                    continue;
                };
                let log = self.log(place, mode, test);
                let kept = log.with_extension("first.log");
                fs::rename(&log, &kept)?;
                let mut run = self.run_alone(place, mode, test)?;
                if run.outcome.rank() < first.outcome.rank() {
                    run.unsteady = Some(format!("{}; alone: {}", first.outcome, run.outcome.word()));
                }
                runs.insert(mode, run);
                if let Some(peer) = worse(runs, mode) {
                    fs::rename(&log, &kept)?;
                    runs.insert(mode, self.duel(place, mode, test, &first.outcome, peer)?);
                }
            }
            progress.end(test, Mode::ALL.iter().any(|mode| doubtful(runs, test, *mode)));
        }
        Ok(())
    }

    /// Ours and the peer's by turns. Ours loses when it does worse clearly more often; if it doesn't, it is as good as
    /// the peer was.
    fn duel(&self, place: &Place, mode: Mode, test: &str, first: &Outcome, peer: Outcome) -> Result<Run> {
        let mut duel = Duel::default();
        let mut worst = None;
        let mut last = Run::new(first.clone(), 0.0);
        while duel.undecided() {
            duel.rounds += 1;
            let theirs = self.run_alone(place, Mode::Peer, test)?;
            last = self.run_alone(place, mode, test)?;
            duel.peers += u32::from(theirs.outcome.worse_than(&peer));
            if last.outcome.worse_than(&peer) {
                duel.ours += 1;
                worst = Some(last.outcome.clone());
            }
        }
        let story = format!(
            "{first}; alone too; then, in {} rounds, worse than {}: ours {}, the peer {}",
            duel.rounds,
            peer.word(),
            duel.ours,
            duel.peers
        );
        let outcome = match worst {
            Some(outcome) if duel.lost() => outcome,
            _ => peer,
        };
        Ok(Run {
            unsteady: Some(story),
            outcome,
            ..last
        })
    }

    fn run_alone(&self, place: &Place, mode: Mode, test: &str) -> Result<Run> {
        thread::sleep(REST / 4);
        let run = self.run_one(place, mode, test)?;
        place.machine.end_strays();
        Ok(run)
    }

    fn run_one(&self, place: &Place, mode: Mode, test: &str) -> Result<Run> {
        let log = self.log(place, mode, test);
        fs::create_dir_all(log.parent().context("a log lies in a folder")?)?;
        let (outcome, time) = place.machine.run(&Spawn {
            exe: &self.program(mode, test),
            name: &format!("{test}.t"),
            args: &place.args,
            cwd: place.dir.join(format!("{test}.{}", mode.name())),
            beside: &self.beside(mode, test),
            log,
            limit: limit(test),
        })?;
        Ok(Run::new(outcome, time.as_secs_f64()))
    }

    /// What tests look for in their working folder: themselves, each other, the script of one of them.
    fn beside(&self, mode: Mode, test: &str) -> Vec<(String, PathBuf)> {
        let mut beside = vec![("exec-target.t".to_owned(), self.program(mode, "exec-target"))];
        if test != "exec-target" {
            beside.push((format!("{test}.t"), self.program(mode, test)));
        }
        if test == "napi-test" {
            beside.push(("napi-test.sh".to_owned(), self.script()));
        }
        beside
    }

    /// The programs that were built, and the libraries that they load.
    pub fn programs(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for mode in &self.modes {
            let library = self.out.join(mode.name()).join("liburing.so.2");
            if library.exists() {
                files.push(library);
            }
        }
        for (test, built) in &self.built {
            let there = built.iter().filter(|(_, built)| matches!(built, Built::Yes));
            files.extend(there.map(|(mode, _)| self.program(*mode, test)));
        }
        files
    }

    /// What one of the tests starts.
    pub fn script(&self) -> PathBuf {
        self.tree.dir.join("test/napi-test.sh")
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
