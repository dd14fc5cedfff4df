//! `make quick`, `make check` and `make check-all` run the table's checks, three at a time, and print a table of results.
//! A failed check doesn't stop the others.

use crate::checks::{CHECKS, Check, Tier};
use crate::{peer, system};
use anyhow::{Context, Result, bail, ensure};
use base::{root, table};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How much of a failed check's output is shown.
const LAST_LINES: usize = 30;
const LAST_CHARS: usize = 300;
/// How much of it stands below the table.
const REASON_LINES: usize = 3;
const REASON_CHARS: usize = 160;
/// How many checks run at once: on two cores, because each waits for much of its time, for packages and for time limits.
const AT_ONCE: usize = 3;
/// How many minutes of the table pass in one.
const MINUTES: u32 = 2;
const TICK: Duration = Duration::from_millis(100);
/// How often progress is printed if output is not a terminal.
const PROGRESS: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub struct Args {
    /// Only the check of this name, or those whose names contain it, of any tier
    #[arg(long, value_name = "NAME", conflicts_with = "tier")]
    only: Option<String>,
    /// The tier; `check` includes `quick`, `all` neither of the others
    #[arg(long, default_value = "check")]
    tier: Tier,
    /// Only the checks of the tier that fit into this many minutes, in the table's order
    #[arg(long, value_name = "MINUTES")]
    within: Option<u32>,
}

/// A check that is running or has run.
struct Step {
    check: &'static Check,
    log: PathBuf,
    start: Instant,
    commands: VecDeque<Command>,
    running: Option<(Child, String)>,
    /// The command that failed.
    failed: Option<String>,
    /// Why it can't run here.
    skipped: Option<String>,
    time: Duration,
    bar: ProgressBar,
}

pub fn run(args: &Args) -> Result<()> {
    let chosen = choose(args);
    ensure!(!chosen.is_empty(), "no check matches; see: cargo xtask --list");
    let minutes: u32 = chosen.iter().map(|check| check.minutes).sum();
    println!(
        "{} checks, about {} minutes if everything is built; logs in target/check",
        chosen.len(),
        minutes.div_ceil(MINUTES)
    );
    if chosen.iter().any(|check| check.needs("peer")) {
        // Fetched first, so that no two checks do it at the same time.
        peer::run(&peer::Args::default())?;
    }
    let start = Instant::now();
    let done = schedule(chosen)?;
    let failed: Vec<_> = done.iter().filter(|step| step.failed.is_some()).collect();
    for step in &failed {
        println!("\n== {} failed; full log: {}", step.check.name, step.log.display());
        show(&base::tail(&step.log, LAST_LINES), LAST_CHARS);
    }
    let rows: Vec<_> = done.iter().map(row_of).collect();
    println!();
    table(&["check", "time", "result"], &rows);
    // Again below the table, because only the end of a long output may be kept.
    for step in &failed {
        println!("\n{} ended with:", step.check.name);
        let mut lines = base::tail(&step.log, LAST_LINES);
        lines.retain(|line| !line.trim().is_empty());
        show(&lines[lines.len().saturating_sub(REASON_LINES)..], REASON_CHARS);
    }
    let skipped = done.iter().filter(|step| step.skipped.is_some()).count();
    let passed = done.len() - failed.len() - skipped;
    let skipped = if skipped > 0 {
        format!(", {skipped} skipped")
    } else {
        String::new()
    };
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    println!(
        "\ncheck: {passed} passed, {} failed{skipped}, in {minutes:.1} minutes",
        failed.len()
    );
    if !failed.is_empty() {
        bail!("{} of {} checks failed", failed.len(), done.len());
    }
    Ok(())
}

fn show(lines: &[String], chars: usize) {
    for line in lines {
        println!("  {}", line.chars().take(chars).collect::<String>());
    }
}

/// Runs one row's commands and shows their output.
pub fn row(name: &str) -> Result<()> {
    let Some(check) = CHECKS.iter().find(|check| check.name == name) else {
        bail!("there is no command {name}; for a list run: cargo xtask --help, or cargo xtask --list for the checks");
    };
    for mut command in commands(check)? {
        let status = command.status().with_context(|| base::show(&command))?;
        ensure!(status.success(), "{status} from: {}", base::show(&command));
    }
    Ok(())
}

fn choose(args: &Args) -> Vec<&'static Check> {
    let exact = CHECKS.iter().any(|check| args.only.as_deref() == Some(check.name));
    let wanted = |check: &&Check| match (&args.only, args.tier) {
        (Some(only), _) if exact => check.name == only,
        (Some(only), _) => check.name.contains(only.as_str()),
        (None, Tier::Check) => check.tier <= Tier::Check,
        (None, tier) => check.tier == tier,
    };
    let mut left = args.within.map_or(u32::MAX, |minutes| minutes * MINUTES);
    let mut chosen: Vec<_> = CHECKS.iter().filter(wanted).collect();
    chosen.retain(|check| {
        let fits = check.minutes <= left;
        left = if fits { left - check.minutes } else { left };
        fits
    });
    // Tiers in order; in each the checks that need quiet last, otherwise long ones first.
    chosen.sort_by_key(|check| (check.tier, check.needs("quiet"), Reverse(check.minutes)));
    chosen
}

fn commands(check: &Check) -> Result<VecDeque<Command>> {
    let me = std::env::current_exe().context("can't find xtask's own path")?;
    let command = |line: &&str| {
        let mut words = line.split(' ');
        let mut command = match words.next() {
            Some("xtask") => Command::new(&me),
            program => Command::new(program.unwrap_or_default()),
        };
        command.args(words).current_dir(root());
        command
    };
    Ok(check.runs.iter().map(command).collect())
}

/// Runs the checks in order, up to `AT_ONCE` at the same time.
fn schedule(checks: Vec<&'static Check>) -> Result<Vec<Step>> {
    fs::create_dir_all(root().join("target/check"))?;
    let bars = MultiProgress::new();
    let (mut waiting, mut running, mut done) = (VecDeque::from(checks), Vec::<Step>::new(), Vec::new());
    let mut reported = Instant::now();
    while !waiting.is_empty() || !running.is_empty() {
        while running.len() < AT_ONCE {
            let may_start = |next: &&Check| running.iter().all(|step| next.may_run_beside(step.check));
            let Some(next) = waiting.iter().position(may_start).and_then(|at| waiting.remove(at)) else {
                break;
            };
            bars.println(format!("== {}: {}", next.name, next.shows))?;
            if bars.is_hidden() {
                println!("== {}: {}", next.name, next.shows);
            }
            running.push(Step::start(next, &bars)?);
        }
        sleep(TICK);
        let mut still = Vec::new();
        for mut step in running {
            if step.advance()? {
                still.push(step);
                continue;
            }
            step.bar.finish_and_clear();
            println!("   {}: {}, {}", step.check.name, verdict(&step), seconds(step.time));
            done.push(step);
            reported = Instant::now();
        }
        running = still;
        if reported.elapsed() > PROGRESS {
            for step in running.iter().filter(|_| bars.is_hidden()) {
                println!(
                    "   {}, {}: {}",
                    step.check.name,
                    seconds(step.start.elapsed()),
                    last(&step.log)
                );
            }
            reported = Instant::now();
        }
    }
    Ok(done)
}

impl Step {
    fn start(check: &'static Check, bars: &MultiProgress) -> Result<Self> {
        let log = root().join(format!("target/check/{}.log", check.name.replace(' ', "-")));
        File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
        let style =
            ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}").expect("a template that parses");
        let bar = bars.add(ProgressBar::new_spinner().with_style(style));
        bar.set_prefix(check.name);
        let skipped = system::lacks(check.needs);
        let commands = if skipped.is_none() {
            commands(check)?
        } else {
            VecDeque::new()
        };
        Ok(Self {
            check,
            log,
            start: Instant::now(),
            commands,
            running: None,
            failed: None,
            skipped,
            time: Duration::ZERO,
            bar,
        })
    }

    /// Starts the next command when one has ended; returns whether there is more to do.
    fn advance(&mut self) -> Result<bool> {
        self.bar.set_message(last(&self.log));
        self.bar.tick();
        if let Some((child, shown)) = &mut self.running {
            let Some(status) = child.try_wait()? else {
                return Ok(true);
            };
            if !status.success() {
                self.failed = Some(shown.clone());
                self.commands.clear();
            }
        }
        self.time = self.start.elapsed();
        let Some(mut command) = self.commands.pop_front() else {
            return Ok(false);
        };
        let shown = again(&command);
        let log = || File::options().append(true).open(&self.log);
        command.stdin(std::process::Stdio::null()).stdout(log()?).stderr(log()?);
        let child = command.spawn().with_context(|| format!("can't run: {shown}"))?;
        self.running = Some((child, shown));
        Ok(true)
    }
}

/// The last non-empty line of a log.
fn last(log: &Path) -> String {
    let lines = base::tail(log, 3);
    let line = lines.iter().rev().find(|line| !line.trim().is_empty());
    line.map_or_else(String::new, |line| line.chars().take(100).collect())
}

fn verdict(step: &Step) -> String {
    match (&step.failed, &step.skipped) {
        (Some(command), _) => format!("FAILED, rerun with: {command}"),
        (None, Some(reason)) => format!("skipped: {reason}"),
        (None, None) => "passed".to_owned(),
    }
}

fn row_of(step: &Step) -> Vec<String> {
    vec![step.check.name.to_owned(), seconds(step.time), verdict(step)]
}

/// How to run a check's command by hand.
fn again(command: &Command) -> String {
    let shown = base::show(command);
    match shown.split_once("/xtask ") {
        Some((_, args)) => format!("cargo xtask {args}"),
        None => shown,
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64())
}
