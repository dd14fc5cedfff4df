//! `cargo xtask soak`: everything at once for a long time, in one program with two threads: an echo server with
//! multishot accept and receive on provided buffers, file copies, cancellations, rings that are created, exited,
//! resized and polled by the kernel, requests of one thread that another reaps. Every byte is checked, every request
//! must complete exactly once, and mappings, descriptors and memory must stay as they were after warm-up.
//!
//! With `--moments` three other programs: processes that share rings, one of which is killed at a random moment; a
//! process that is killed at a random instruction of a call on a shared ring; and a threaded program that forks at random
//! moments. The others, or both sides, must go on, and nothing of theirs may be lost. The programs are in `test-c/soak/`.

use crate::ctest::Backend;
use crate::ctest::program::{Outcome, Program};
use anyhow::{Context, Result, bail, ensure};
use refused::{Filter, How};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A program, and the faults that it injects on demand, with what it must then report.
struct Soak {
    name: &'static str,
    faults: &'static [(&'static str, &'static str)],
    /// What it has shown if it passes.
    shows: &'static str,
}

const MIXED: Soak = Soak {
    name: "soak",
    faults: &[
        ("leak", "KiB resident"),
        ("map", "mappings"),
        ("fd", "descriptors"),
        ("byte", "expected 0x"),
        ("lost", "have not completed"),
        ("doubled", "isn't under way"),
    ],
    shows: "0 lost, 0 doubled, every byte right; mappings, descriptors and memory flat",
};

/// The programs of `--moments`.
const MOMENTS: [Soak; 3] = [
    Soak {
        name: "killed",
        faults: &[("lost", "lost: request"), ("doubled", "isn't under way")],
        shows: "the other processes went on, and lost nothing; mappings, descriptors and memory flat",
    },
    Soak {
        name: "stepped",
        faults: &[("doubled", "isn't under way")],
        shows: "the parent lost no completion, and was told of each; mappings, descriptors and memory flat",
    },
    Soak {
        name: "forked",
        faults: &[("lost", "have not completed")],
        shows: "parent and children went on, and lost nothing; mappings, descriptors and memory flat",
    },
];

#[derive(clap::Args)]
pub struct Args {
    /// How many minutes to run [default: 20 seconds]
    #[arg(long, value_name = "N", conflicts_with = "moments")]
    minutes: Option<u64>,
    /// Instead, kill a process and fork at so many random moments
    #[arg(long, value_name = "N")]
    moments: Option<u64>,
    /// Repeat the choices of the run that printed this seed
    #[arg(long)]
    seed: Option<u64>,
    /// What does the programs' I/O
    #[arg(long, default_value = "kernel")]
    backend: Backend,
    /// First inject each fault that the soak must find, and check that it does
    #[arg(long)]
    self_test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let out = base::root().join("target/soak");
    let tmp = out.join(format!("tmp.{}", std::process::id()));
    fs::create_dir_all(out.join("soak"))?;
    fs::create_dir_all(&tmp)?;
    let soaks = if args.moments.is_some() { &MOMENTS[..] } else { &[MIXED] };
    let done = soaks.iter().try_for_each(|soak| soak.run(args, &out, &tmp));
    let _ = fs::remove_dir_all(&tmp);
    done
}

impl Soak {
    fn run(&self, args: &Args, out: &Path, tmp: &Path) -> Result<()> {
        let library = base::libraries(None)?.join("liburing.so");
        let flags = vec![format!("-I{}", base::root().join("include").display())];
        let mut program = Program::new(out, "soak", &format!("soak/{}", self.name), flags, library).build();
        if let Some(message) = &program.refused {
            bail!("{message}");
        }
        let me = std::env::current_exe().context("can't find xtask's own path")?;
        let mut env = vec![("T_STACKS", format!("'{}' stacks", me.display()))];
        if args.backend == Backend::Engine {
            program = program.on(&engine()?).refused(&Arc::new(Filter::new(How::Eperm)?));
            env.push(("T_BACKEND", "engine".to_owned()));
        }
        let with = |more: &[(&'static str, String)]| program.clone().under(Vec::new(), [&env, more].concat());
        if args.self_test {
            for (fault, says) in self.faults {
                let env = [
                    ("SOAK_FAULT", (*fault).to_owned()),
                    ("SOAK_SECONDS", "10".to_owned()),
                    ("MOMENTS", "10".to_owned()),
                ];
                let outcome = with(&env).run(tmp);
                base::fault::expect(fault, says, || {
                    ensure!(outcome.counts.failed == 0, "{}", outcome.tail.join("\n"));
                    Ok(())
                })?;
            }
        }
        let seconds = args.minutes.map_or(20, |minutes| minutes * 60);
        let moments = args.moments.unwrap_or_default();
        let mut env = vec![("SOAK_SECONDS", seconds.to_string()), ("MOMENTS", moments.to_string())];
        env.extend(args.seed.map(|seed| ("SOAK_SEED", seed.to_string())));
        match args.moments {
            Some(moments) => eprintln!("{}: {moments} moments", self.name),
            None => eprintln!("soaking for {seconds} s"),
        }
        show(self, &with(&env).limit(seconds + moments * 2 + 300).run(tmp))
    }
}

/// The folder of the libraries with the engine.
fn engine() -> Result<PathBuf> {
    let folder = base::root().join("target/engine/lib");
    ensure!(
        folder.join("liburing.so.2").is_file(),
        "there are no libraries in {}; to build them: make",
        folder.display()
    );
    Ok(folder)
}

fn show(soak: &Soak, outcome: &Outcome) -> Result<()> {
    let text = fs::read(&outcome.log)?;
    let text = String::from_utf8_lossy(&text);
    let state = text.lines().find_map(|line| line.strip_prefix("  state "));
    let Some(state) = state.filter(|_| outcome.counts.failed == 0 && outcome.counts.passed == 1) else {
        bail!(
            "the soak failed; to repeat its choices: --seed with its seed\n{}\n{}",
            text.trim_end(),
            outcome.tail.join("\n")
        );
    };
    let ms: u64 = state
        .split([' ', ','])
        .skip_while(|word| *word != "rounds")
        .find_map(|word| word.parse().ok())
        .context("the soak doesn't print how long it ran")?;
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
    base::table(&["what", "count", "a second"], &rows);
    println!("\n{state}\n{}: {}", soak.name, soak.shows);
    Ok(())
}
