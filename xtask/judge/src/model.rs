//! `cargo xtask model`: runs loom's models of the library's own code and of the engine's, and proves that they can fail:
//! they run with each memory ordering weakened, and for the engine with each lock taken away.

mod known;
mod sites;

use anyhow::{Context, Result, bail};
use base::parallel::{cores, each};
use base::run::{limited, printed, too_long};
use base::{root, table};
use sites::Weakening;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub struct Args {
    /// Only the models whose names contain this; then nothing is weakened
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Runs what is known to be caught by no model, too, and lets threads be interrupted once more; for the engine's models
    #[arg(long, conflicts_with = "only")]
    deep: bool,
    /// Only the models of one part
    #[arg(long)]
    part: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Library,
    Engine,
}

const PARTS: [Part; 2] = [Part::Library, Part::Engine];

impl Part {
    /// The package of the models.
    fn package(self) -> PathBuf {
        match self {
            Part::Library => root().join("crates/model"),
            Part::Engine => root().join("crates/engine-model"),
        }
    }

    fn weakenings(self) -> Result<Vec<Weakening>> {
        match self {
            Part::Library => sites::of_library(),
            Part::Engine => sites::of_engine(),
        }
    }

    /// What its weakenings' files begin with, apart from the other part's.
    fn folder(self) -> &'static str {
        match self {
            Part::Library => "src/",
            Part::Engine => "crates/engine/src/",
        }
    }

    /// Where to add a model.
    fn models(self) -> &'static str {
        match self {
            Part::Library => "src/model/tests.rs",
            Part::Engine => "crates/engine/src/model/tests.rs",
        }
    }
}

/// A model's time limit: the longest takes a few seconds, and with `--deep` minutes.
const LIMIT: Duration = Duration::from_secs(60);
const DEEP: Duration = Duration::from_secs(1800);
/// The limit with something weakened. A model that hasn't failed by then has not caught it.
const WEAKENED: Duration = Duration::from_secs(60);

/// What loom and the models print if an ordering is wrong, and not something else.
const REASONS: [(&str, &str); 8] = [
    ("Causality violation", "race"),
    ("Concurrent write accesses", "race"),
    ("Concurrent read and write accesses", "race"),
    ("deadlock;", "asleep forever"),
    ("assertion `left == right` failed", "wrong data"),
    ("assertion failed: ", "wrong data"),
    ("a word in memory that was unmapped", "use after unmap"),
    ("completions: ", "wrong completions"),
];

/// What the names of all models begin with.
const PREFIX: &str = "model::tests::";

/// The result of a weakening that every model passes.
const NOT_CAUGHT: &str = "NO MODEL FAILS";

/// A model that ran to its end.
struct Model {
    name: String,
    runs: String,
    seconds: f64,
    /// The orderings and locks that it exercised, as `FILE:LINE`.
    sites: BTreeSet<String>,
}

/// Runs one model, with one ordering weakened or none; returns whether it passed, and its output. None if it did not end.
fn explore(program: &Path, name: &str, weaken: &str, limit: Duration) -> Result<Option<(bool, String)>> {
    let mut run = limited(program, limit);
    run.args(["--exact", name, "--nocapture"])
        .env("IRONRING_WEAKEN", weaken)
        .env("RUST_BACKTRACE", "0")
        .current_dir(root());
    if limit == DEEP {
        run.env("IRONRING_DEEP", "1");
    }
    let out = run.output()?;
    Ok((!too_long(out.status)).then(|| (out.status.success(), printed(&out))))
}

/// Runs a model without weakening anything.
fn model(program: &Path, test: &str, limit: Duration) -> Result<Model> {
    let Some((passed, text)) = explore(program, test, "", limit)? else {
        bail!("{test} didn't finish within {} s", limit.as_secs());
    };
    if !passed {
        bail!("the model {test} fails; rerun with: cargo xtask model --only {test}\n{text}");
    }
    let mut model = None;
    let mut sites = BTreeSet::new();
    for line in text.lines() {
        // The harness prints "test NAME ... " in front of a model's first line.
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [.., "model", _, runs, seconds] => model = Some((runs.to_owned(), seconds.parse()?)),
            [.., "site", _, site] => {
                sites.insert(site.to_owned());
            }
            _ => {}
        }
    }
    let (runs, seconds) = model.with_context(|| format!("{test} doesn't print its number of runs:\n{text}"))?;
    Ok(Model {
        name: test.to_owned(),
        runs,
        seconds,
        sites,
    })
}

/// Runs the models of the program.
fn models(program: &Path, only: Option<&str>, limit: Duration) -> Result<Vec<Model>> {
    let list = base::stdout(Command::new(program).args(["--list", "--format", "terse"]))?;
    let tests: Vec<_> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter(|test| test.starts_with(PREFIX) && only.is_none_or(|only| test.contains(only)))
        .collect();
    each("model", cores(), tests, ToString::to_string, |test| {
        model(program, test, limit)
    })
}

pub fn run(args: &Args) -> Result<()> {
    let parts = args.part.map_or(PARTS.to_vec(), |part| vec![part]);
    let mut found = 0;
    for part in parts {
        found += run_part(part, args)?;
    }
    if found == 0 {
        bail!("no model is called *{}*", args.only.as_deref().unwrap_or_default());
    }
    Ok(())
}

/// Runs the models of a part, and unless only some were asked for, the weakenings; returns the number of models.
fn run_part(part: Part, args: &Args) -> Result<usize> {
    let start = Instant::now();
    let only = args.only.as_deref();
    // cargo gives rustc absolute paths of files outside its workspace; the models print them from the top. The last
    // mapping that matches counts. Both parts have the same flags, so that loom is built once.
    let mut flags = format!("--cfg loom --remap-path-prefix={}/=", root().display());
    for package in PARTS.map(Part::package) {
        let package = package.display();
        let _ = write!(
            flags,
            " --remap-path-prefix={package}/../=crates/ --remap-path-prefix={package}/../../="
        );
    }
    let program = base::unit_tests(
        &part.package().join("Cargo.toml"),
        "loom",
        &flags,
        &[("CARGO_PROFILE_DEV_OPT_LEVEL", "1"), ("CARGO_PROFILE_DEV_DEBUG", "0")],
    )?;
    let built = start.elapsed();
    let limit = if args.deep { DEEP } else { LIMIT };
    let mut models = models(&program, only, limit)?;
    let rows: Vec<_> = models
        .iter()
        .map(|model| {
            vec![
                model.name.trim_start_matches(PREFIX).to_owned(),
                model.runs.clone(),
                format!("{:.1} s", model.seconds),
                model.sites.len().to_string(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        table(&["model", "executions", "time", "orderings and locks"], &rows);
    }
    if only.is_some() {
        return Ok(models.len());
    }

    // The quickest first: one that fails is enough.
    models.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let ledger = known::Known::read(part.folder())?;
    let weakenings = part.weakenings()?;
    let mut wrong = ledger.without_line(&weakenings);
    let caught = each(
        "weakening",
        cores(),
        weakenings,
        |it| it.weaken.clone(),
        |it| {
            let known = ledger.reason(&it);
            if known.is_some() && !args.deep {
                return Ok((it, None, known));
            }
            let model = catch(&program, &models, &it)?;
            Ok((it, model, known))
        },
    )?;
    for (it, model, known) in &caught {
        match (model, known) {
            (None, None) => wrong.push(format!("{NOT_CAUGHT} without {}: {}", it.weaken, it.text)),
            (Some(model), Some(_)) => wrong.push(format!("{}: {} is caught by {model}", known::PATH, it.text)),
            _ => {}
        }
    }
    let rows: Vec<_> = caught
        .iter()
        .map(|(it, model, known)| {
            let caught = model.as_ref().or(known.as_ref()).map_or(NOT_CAUGHT, String::as_str);
            vec![it.weaken.clone(), it.call.clone(), caught.to_owned()]
        })
        .collect();
    println!();
    table(&["weakened", "call", "caught by"], &rows);
    println!(
        "\nmodel: {} models pass, {} of {} weakenings are caught, {} are known to be caught by none; {:.0} s to build, {:.0} s in \
         all",
        models.len(),
        caught.iter().filter(|(_, model, _)| model.is_some()).count(),
        rows.len(),
        caught.iter().filter(|(_, _, known)| known.is_some()).count(),
        built.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
    if rows.is_empty() || !wrong.is_empty() {
        bail!(
            "{}\nto mend: add a model to {}, or remove the ordering",
            wrong.join("\n"),
            part.models()
        );
    }
    Ok(models.len())
}

/// The model that fails with something weakened, and how; none if all pass.
fn catch(program: &Path, models: &[Model], it: &Weakening) -> Result<Option<String>> {
    for model in models.iter().filter(|model| model.sites.contains(&it.site)) {
        let Some((passed, text)) = explore(program, &model.name, &it.weaken, WEAKENED)? else {
            continue;
        };
        let reason = REASONS.iter().find(|(sign, _)| text.contains(sign));
        if let (false, Some((_, reason))) = (passed, reason) {
            return Ok(Some(format!("{}: {reason}", model.name.trim_start_matches(PREFIX))));
        }
    }
    Ok(None)
}
