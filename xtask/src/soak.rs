//! `cargo xtask soak`: everything at once and for long, in one program with two threads: an echo server with multishot
//! accept and receive on provided buffers, file copies, cancellations, rings that come, go, change size and are polled
//! by the kernel, requests of one thread that another reaps. Every byte is checked, every request must complete exactly
//! once, and mappings, descriptors and memory must stay as they were when warm. The program is `test-c/soak/`.

use crate::ctest::program::{Outcome, Program};
use crate::util;
use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Faults that the program makes on demand, and what it must say then.
const PLANTS: [(&str, &str); 6] = [
    ("leak", "KiB resident"),
    ("map", "mappings"),
    ("fd", "descriptors"),
    ("byte", "expected 0x"),
    ("lost", "have not completed"),
    ("doubled", "isn't under way"),
];

#[derive(clap::Args)]
pub struct Args {
    /// How long; without it, twenty seconds
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    /// Repeat the choices of a run that said this
    #[arg(long)]
    seed: Option<u64>,
    /// First make each fault that the soak must find, and see that it does
    #[arg(long)]
    self_test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    util::need("cc", "gcc")?;
    let out = util::root().join("target/soak");
    let tmp = out.join(format!("tmp.{}", std::process::id()));
    fs::create_dir_all(out.join("soak"))?;
    fs::create_dir_all(&tmp)?;
    let done = soak(args, &out, &tmp);
    let _ = fs::remove_dir_all(&tmp);
    done
}

fn soak(args: &Args, out: &Path, tmp: &Path) -> Result<()> {
    let library = util::lib_dir().join("liburing.so");
    ensure!(
        library.is_file(),
        "there is no {}; to build it: make",
        library.display()
    );
    let program = || {
        let flags = vec![format!("-I{}", util::root().join("include").display())];
        Program::new(out, "soak", "soak/soak", flags, library.clone())
    };
    let built = program().build();
    if let Some(message) = &built.refused {
        bail!("{message}");
    }
    if args.self_test {
        for (plant, says) in PLANTS {
            let env = vec![("SOAK_PLANT", plant.to_owned()), ("SOAK_SECONDS", "10".to_owned())];
            let outcome = program().under(Vec::new(), env).run(tmp);
            let found = outcome.counts.failed == 1 && outcome.tail.iter().any(|line| line.contains(says));
            ensure!(
                found,
                "self-test: the soak did not find the planted fault `{plant}`:\n{}",
                text(&outcome)?
            );
        }
        println!(
            "self-test: the soak finds a leak, a mapping and a descriptor that stay, a wrong byte, a lost and a doubled request"
        );
    }
    let seconds = args.minutes.map_or(20, |minutes| minutes * 60);
    let mut env = vec![("SOAK_SECONDS", seconds.to_string())];
    env.extend(args.seed.map(|seed| ("SOAK_SEED", seed.to_string())));
    let outcome = with_progress(seconds, || built.under(Vec::new(), env).limit(seconds + 300).run(tmp));
    show(&outcome)
}

/// A line that says how much of the time has gone by.
fn with_progress<R>(seconds: u64, work: impl FnOnce() -> R) -> R {
    let style = ProgressStyle::with_template("soaking {pos}/{len} s").expect("a template that parses");
    let bar = ProgressBar::new(seconds).with_style(style);
    let start = Instant::now();
    let done = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                bar.set_position(start.elapsed().as_secs().min(seconds));
                thread::sleep(Duration::from_millis(200));
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    });
    bar.finish_and_clear();
    result
}

fn text(outcome: &Outcome) -> Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(&outcome.log)?).into_owned())
}

fn show(outcome: &Outcome) -> Result<()> {
    let text = text(outcome)?;
    let state = text.lines().find_map(|line| line.strip_prefix("  state "));
    let Some(state) = state.filter(|_| outcome.counts.failed == 0 && outcome.counts.passed == 1) else {
        bail!(
            "the soak failed (its seed repeats its choices):\n{}\n{}",
            text.trim_end(),
            outcome.tail.join("\n")
        );
    };
    let ms: u64 = state
        .split([' ', ','])
        .skip_while(|word| *word != "rounds")
        .find_map(|word| word.parse().ok())
        .context("the soak does not say how long it ran")?;
    let mut rows = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("  count ")) {
        let (count, what) = line.split_once(' ').context("a count without a name")?;
        let count: u64 = count.parse()?;
        ensure!(
            count > 0 || what == "resizes" || what == "times out of buffers",
            "the soak counted no {what}"
        );
        rows.push(vec![
            what.to_owned(),
            count.to_string(),
            (count * 1000 / ms.max(1)).to_string(),
        ]);
    }
    util::table(&["what", "count", "a second"], &rows);
    println!("\n{state}\nsoak: 0 lost, 0 doubled, every byte right; mappings, descriptors and memory flat");
    Ok(())
}
