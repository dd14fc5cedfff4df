//! Builds a session's tests and runs them. Several run at once, sensitive ones alone, and each that fails runs again,
//! alone.

use super::build::Builder;
use super::duel::Duel;
use super::exec::{Outcome, Spawn};
use super::ledger::Known;
use super::mode::Mode;
use super::results::{Results, Run};
use super::session::{Built, Environment, Session};
use anyhow::{Context, Result};
use base::parallel::{cores, each};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Tests that run alone: they measure the whole machine, guess the next PID, or use something that exists only once.
const ALONE: &str = " iowait napi-test sq-poll-kthread wq-aff ";

/// Tests that compare times with narrow limits, or use the port of another. They sleep most of the time, and run only
/// beside each other.
const QUIET: &str = " 7ad0e4b2f83c defer-tw-timeout io-cancel link-timeout min-timeout min-timeout-wait \
                     recvsend_bundle-inc reg-wait sqpoll-sleep submit-and-wait timeout timeout-new timerfd-short-read \
                     timestamp wait-timeout ";

/// Slow tests: they start first, so that none delays the end.
const LONG: &str = " send-zerocopy multicqes_drain read-mshot cq-overflow pollfree ";

/// A test's time limit. The original's runner gives each 60 seconds on an idle machine; one needs that much on a slow
/// core, and those with a million polls need three times as much processor time on the engine as on the kernel.
fn limit(test: &str) -> Duration {
    Duration::from_secs(match test {
        "send-zerocopy" => 180,
        "poll-many" | "poll-mshot-update" => 120,
        _ => 60,
    })
}

/// A test that is known to fail may hang, and gets this part of its time limit.
const FAILING: u32 = 3;

/// The pause before a test that runs alone: the kernel frees rings in the background.
const REST: Duration = Duration::from_millis(250);

impl Session {
    /// Builds these tests in all modes, for our libraries in `lib`.
    pub fn build(&mut self, lib: &Path, tests: &[String]) -> Result<()> {
        self.lib = lib.to_path_buf();
        let builder = Builder::new(self, lib)?;
        // sqpoll-exec and timeout execute it.
        let mut names = tests.to_vec();
        if !names.iter().any(|name| name == "exec-target") {
            names.push("exec-target".to_owned());
        }
        let what = format!("building {}", self.version);
        let built = each(&what, cores(), names, String::clone, |name| {
            Ok((builder.build(&name)?, name))
        })?;
        for &mode in &self.modes {
            let here = |built: &&(BTreeMap<Mode, Built>, String)| {
                let yes = |mode| matches!(built.0.get(&mode), Some(Built::Yes));
                yes(mode) && yes(Mode::Peer) && !built.0.values().any(|built| matches!(built, Built::Private))
            };
            if let Some((_, test)) = built.iter().find(here) {
                builder.prove(mode, test)?;
            }
        }
        self.built = built.into_iter().map(|(modes, name)| (name, modes)).collect();
        Ok(())
    }

    /// Runs these tests, `jobs` at a time: all of them in a mode, then in the next.
    pub fn run(&self, env: &Environment, tests: &[String], jobs: usize, known: &Known) -> Result<Results> {
        let (alone, others): (Vec<&String>, Vec<_>) = tests.iter().partition(|test| is_in(ALONE, test));
        let (quiet, mut loud): (Vec<_>, Vec<_>) = others.into_iter().partition(|test| is_in(QUIET, test));
        loud.sort_by_key(|test| !is_in(LONG, test));
        let library = crate::kernels::library();
        let results: Results = tests.iter().map(|test| (test.clone(), BTreeMap::new())).collect();
        let results = Mutex::new(results);
        let locked = || results.lock().unwrap_or_else(PoisonError::into_inner);
        for (group, at_once) in [(loud, jobs), (quiet, jobs), (alone, 1)] {
            let runs = self
                .modes
                .iter()
                .flat_map(|mode| group.iter().map(move |test| (*test, *mode)));
            let ready = |(test, mode): &(&String, Mode)| {
                let left_out = self.short && mode.on_engine() && !library.contains(&test.as_str());
                !left_out && !matches!(self.built[*test].get(mode), None | Some(Built::Private))
            };
            let name = |(test, mode): &(&String, Mode)| format!("{test}({})", mode.name());
            each(
                &self.title(env),
                at_once,
                runs.filter(ready).collect(),
                name,
                |(test, mode)| {
                    let peer = locked()[test].get(&Mode::Peer).map(|run| run.outcome.clone());
                    let run = match &self.built[test][&mode] {
                        Built::No(why) => Run::new(Outcome::Unbuilt(why.clone()), 0.0),
                        _ if !env.machine.runs_endless() && peer.is_some_and(|peer| peer.endless()) => {
                            Run::new(Outcome::Skip("not run: endless on the peer".to_owned()), 0.0)
                        }
                        _ if known.fails(test, mode).is_some() => {
                            self.run_one(env, mode, test, limit(test) / FAILING)?
                        }
                        _ => self.run_one(env, mode, test, limit(test))?,
                    };
                    locked().entry(test.clone()).or_default().insert(mode, run);
                    Ok(())
                },
            )?;
        }
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.again(env, &mut results, known)?;
        Ok(results)
    }

    /// Runs again, alone, what failed, or skipped but passes in another mode. If only ours fails then too, a series of
    /// runs on both decides, because some tests fail now and then with any library.
    fn again(&self, env: &Environment, results: &mut Results, known: &Known) -> Result<()> {
        let doubtful = |runs: &BTreeMap<Mode, Run>, test: &str, mode: Mode| {
            let doubt = runs.get(&mode).is_some_and(|run| match run.outcome {
                Outcome::Pass | Outcome::Unbuilt(_) => false,
                Outcome::Skip(_) => runs.values().any(|other| other.outcome == Outcome::Pass),
                Outcome::Fail(_) => true,
            });
            doubt && known.fails(test, mode).is_none()
        };
        // The peer's outcome, if ours is worse.
        let worse = |runs: &BTreeMap<Mode, Run>, mode: Mode| {
            let peer = &runs.get(&Mode::Peer)?.outcome;
            let ours = &runs.get(&mode)?.outcome;
            ours.worse_than(peer).then(|| peer.clone())
        };
        let again: Vec<_> = results
            .iter_mut()
            .filter(|(test, runs)| self.modes.iter().any(|mode| doubtful(runs, test, *mode)))
            .filter(|(_, runs)| {
                env.machine.runs_endless()
                    || runs.values().any(|run| run.outcome == Outcome::Pass)
                    || runs.keys().any(|mode| worse(runs, *mode).is_some())
            })
            .collect();
        let what = format!("again, alone, {}", self.title(env));
        each(
            &what,
            1,
            again,
            |(test, _)| (*test).clone(),
            |(test, runs)| {
                for &mode in &self.modes {
                    let Some(first) = runs.get(&mode).filter(|_| doubtful(runs, test, mode)).cloned() else {
                        continue;
                    };
                    let log = self.log(env, mode, test);
                    let kept = log.with_extension("first.log");
                    fs::rename(&log, &kept)?;
                    let mut run = self.run_alone(env, mode, test)?;
                    if run.outcome.rank() < first.outcome.rank() {
                        run.unsteady = Some(format!("{}; alone: {}", first.outcome, run.outcome.word()));
                    }
                    runs.insert(mode, run);
                    if let Some(peer) = worse(runs, mode) {
                        fs::rename(&log, &kept)?;
                        runs.insert(mode, self.duel(env, mode, test, &first.outcome, peer)?);
                    }
                }
                Ok(())
            },
        )
        .map(drop)
    }

    /// Runs ours and the peer's alternately. Ours loses if it does worse significantly more often; otherwise it gets
    /// the peer's outcome.
    fn duel(&self, env: &Environment, mode: Mode, test: &str, first: &Outcome, peer: Outcome) -> Result<Run> {
        let mut duel = Duel::default();
        let mut worst = None;
        let mut last = Run::new(first.clone(), 0.0);
        while duel.undecided() {
            duel.rounds += 1;
            let theirs = self.run_alone(env, Mode::Peer, test)?;
            last = self.run_alone(env, mode, test)?;
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

    fn run_alone(&self, env: &Environment, mode: Mode, test: &str) -> Result<Run> {
        thread::sleep(REST);
        self.run_one(env, mode, test, limit(test))
    }

    fn run_one(&self, env: &Environment, mode: Mode, test: &str, limit: Duration) -> Result<Run> {
        let log = self.log(env, mode, test);
        fs::create_dir_all(log.parent().context("a log without a folder")?)?;
        let (outcome, time) = env.machine.run(&Spawn {
            exe: &self.program(mode, test),
            name: &format!("{test}.t"),
            args: &env.args,
            cwd: env.dir.join(format!("{test}.{}", mode.name())),
            beside: &self.beside(mode, test),
            log,
            limit,
            refuse: mode.how(),
        })?;
        Ok(Run::new(outcome, time.as_secs_f64()))
    }

    /// What tests need in their working folder: themselves, exec-target, the script of one of them.
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
}

/// Whether a name is in a list of names, between spaces.
fn is_in(list: &str, name: &str) -> bool {
    list.contains(&format!(" {name} "))
}
