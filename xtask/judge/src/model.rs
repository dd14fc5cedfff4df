//! `cargo xtask model`: runs loom's models of the library's own code, and proves that they can fail: for each memory
//! ordering in the library, they run with that ordering weakened.

use anyhow::{Context, Result, bail, ensure};
use base::parallel::{cores, each};
use base::run::{limited, printed, too_long};
use base::{command, root, table};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub struct Args {
    /// Only the models whose names contain this; then nothing is weakened
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
}

/// A model's time limit: the longest takes a few seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// What loom and the models print if an ordering is wrong, and not something else.
const REASONS: [(&str, &str); 3] = [
    ("Causality violation", "race"),
    ("deadlock;", "asleep forever"),
    ("assertion `left == right` failed", "wrong data"),
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
    /// The library's orderings that it exercised, as `FILE:LINE`.
    sites: BTreeSet<String>,
}

/// Runs one model, with one ordering weakened or none; returns whether it passed, and its output.
fn explore(program: &Path, name: &str, weaken: &str) -> Result<(bool, String)> {
    let out = limited(program, LIMIT)
        .args(["--exact", name, "--nocapture"])
        .env("IRONRING_WEAKEN", weaken)
        .env("RUST_BACKTRACE", "0")
        .current_dir(root())
        .output()?;
    ensure!(
        !too_long(out.status),
        "{name} didn't finish within {} s (weakened: {weaken:?})",
        LIMIT.as_secs()
    );
    Ok((out.status.success(), printed(&out)))
}

/// Runs the models of the program.
fn models(program: &Path, only: Option<&str>) -> Result<Vec<Model>> {
    let list = base::stdout(Command::new(program).args(["--list", "--format", "terse"]))?;
    let mut models = Vec::new();
    for test in list.lines().filter_map(|line| line.strip_suffix(": test")) {
        if only.is_some_and(|only| !test.contains(only)) {
            continue;
        }
        let (passed, text) = explore(program, test, "")?;
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
        models.push(Model {
            name: test.to_owned(),
            runs,
            seconds,
            sites,
        });
    }
    if models.is_empty() {
        bail!("no model is called *{}*", only.unwrap_or_default());
    }
    Ok(models)
}

/// Every call of an ordering function in the library, by `FILE:LINE`.
fn orderings() -> Result<BTreeMap<String, String>> {
    let mut grep = command!(
        "grep -rnoE --include=*.rs --exclude-dir=model --exclude-dir=tests --exclude=tests.rs",
        r"^.*\bio_uring_smp_(load_acquire|store_release|mb)\(",
        "src",
        "crates/half/src"
    );
    let mut found = BTreeMap::new();
    for line in base::stdout(grep.current_dir(root()))?.lines() {
        let mut parts = line.splitn(3, ':');
        let (file, number, text) = (parts.next(), parts.next(), parts.next());
        let text = text.filter(|text| !text.contains("//")).unwrap_or_default();
        if let (Some(file), Some(number), Some(at)) = (file, number, text.rfind("io_uring_smp_")) {
            found.insert(format!("{file}:{number}"), text[at..].trim_end_matches('(').to_owned());
        }
    }
    Ok(found)
}

pub fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    let package = root().join("crates/model");
    // cargo gives rustc absolute paths of files outside its workspace; the models print them from the top. The last
    // mapping that matches counts.
    let flags = format!(
        "--cfg loom --remap-path-prefix={}/= --remap-path-prefix={}/../../=",
        root().display(),
        package.display()
    );
    let program = base::unit_tests(
        &package.join("Cargo.toml"),
        "loom",
        &flags,
        &[("CARGO_PROFILE_DEV_OPT_LEVEL", "2"), ("CARGO_PROFILE_DEV_DEBUG", "0")],
    )?;
    let built = start.elapsed();
    let mut models = models(&program, args.only.as_deref())?;
    let rows: Vec<_> = models
        .iter()
        .map(|model| {
            let sites: Vec<_> = model.sites.iter().map(String::as_str).collect();
            vec![
                model.name.trim_start_matches(PREFIX).to_owned(),
                model.runs.clone(),
                format!("{:.1} s", model.seconds),
                sites.join(" "),
            ]
        })
        .collect();
    table(&["model", "executions", "time", "orderings it exercises"], &rows);
    if args.only.is_some() {
        return Ok(());
    }

    // The quickest first: one that fails is enough.
    models.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let mut weakenings = Vec::new();
    for (site, call) in orderings()? {
        if call == "io_uring_smp_mb" {
            weakenings.push([&site, &call, &format!("{site} gone")].map(String::clone));
        }
        weakenings.push([&site, &call, &site].map(String::clone));
    }
    weakenings.sort_by(|a, b| a[2].cmp(&b[2]));
    let rows = each(
        "weakening",
        cores(),
        weakenings,
        |it| it[2].clone(),
        |[site, call, weaken]| {
            let mut caught = NOT_CAUGHT.to_owned();
            for model in models.iter().filter(|model| model.sites.contains(&site)) {
                let (passed, text) = explore(&program, &model.name, &weaken)?;
                let reason = REASONS.iter().find(|(sign, _)| text.contains(sign));
                if let (false, Some((_, reason))) = (passed, reason) {
                    caught = format!("{}: {reason}", model.name.trim_start_matches(PREFIX));
                    break;
                }
            }
            Ok(vec![weaken, call, caught])
        },
    )?;
    let wrong = rows.iter().filter(|row| row[2] == NOT_CAUGHT).map(|row| row[0].clone());
    let wrong: Vec<_> = wrong.collect();
    println!();
    table(&["weakened", "call", "caught by"], &rows);
    println!(
        "\nmodel: {} models pass, {} of {} weakenings are caught; {:.0} s to build, {:.0} s in all",
        models.len(),
        rows.len() - wrong.len(),
        rows.len(),
        built.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
    if rows.is_empty() || !wrong.is_empty() {
        bail!(
            "no model fails without the ordering {}\nto mend: add one to src/model/tests.rs, or remove the ordering",
            wrong.join(", ")
        );
    }
    Ok(())
}
