//! `cargo xtask model`: loom's models of the library's own code, and the proof that they can fail: for each ordering
//! in the library one run with that ordering taken away.

use crate::util::{self, root, table};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub struct Args {
    /// Only the models whose names contain this; then nothing is weakened
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
}

/// What a model may take: the longest takes some seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// What loom and the models say when something is wrong with the order, and not with the machine.
const REASONS: [(&str, &str); 3] = [
    ("Causality violation", "race"),
    ("deadlock;", "asleep for ever"),
    ("assertion `left == right` failed", "wrong data"),
];

/// A model that ran to its end.
struct Model {
    name: String,
    runs: String,
    seconds: f64,
    /// The library's orderings that it came by, as `FILE:LINE`.
    sites: BTreeSet<String>,
}

/// Runs one model, with one ordering weakened or none; its output, and whether it went through.
fn run(program: &Path, name: &str, weaken: &str) -> Result<(bool, String)> {
    let mut child = Command::new(program)
        .args(["--exact", name, "--nocapture"])
        .env("IRONRING_WEAKEN", weaken)
        .env("RUST_BACKTRACE", "0")
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("can't run {}", program.display()))?;
    let streams = (child.stdout.take(), child.stderr.take());
    let start = Instant::now();
    std::thread::scope(|scope| {
        let read = |stream: Option<Box<dyn Read + Send>>| {
            let mut text = Vec::new();
            let _ = stream.map(|mut stream| stream.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        };
        let out = streams.0.map(|s| Box::new(s) as Box<dyn Read + Send>);
        let err = streams.1.map(|s| Box::new(s) as Box<dyn Read + Send>);
        let (out, err) = (scope.spawn(move || read(out)), scope.spawn(move || read(err)));
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if start.elapsed() > LIMIT {
                child.kill()?;
                child.wait()?;
                bail!(
                    "{name} is not through after {} s (weakened: {weaken:?})",
                    LIMIT.as_secs()
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let text = [out, err].map(|reader| reader.join().expect("reading doesn't panic"));
        Ok((status.success(), text.concat()))
    })
}

/// The models of the program, run.
fn models(program: &Path, only: Option<&str>) -> Result<Vec<Model>> {
    let list = util::stdout(Command::new(program).args(["--list", "--format", "terse"]))?;
    let mut models = Vec::new();
    for test in list.lines().filter_map(|line| line.strip_suffix(": test")) {
        if only.is_some_and(|only| !test.contains(only)) {
            continue;
        }
        let (passed, text) = run(program, test, "")?;
        if !passed {
            bail!("the model {test} fails; again with: cargo xtask model --only {test}\n{text}");
        }
        let mut model = Model {
            name: test.to_string(),
            runs: String::new(),
            seconds: 0.0,
            sites: BTreeSet::new(),
        };
        for line in text.lines() {
            // The harness prints "test NAME ... " in front of a model's first line.
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                [.., "model", _, runs, seconds] => {
                    (model.runs, model.seconds) = (runs.to_string(), seconds.parse()?);
                }
                [.., "site", _, site] => {
                    model.sites.insert(site.to_string());
                }
                _ => {}
            }
        }
        if model.runs.is_empty() {
            bail!("{test} tells nothing of its runs:\n{text}");
        }
        models.push(model);
    }
    if models.is_empty() {
        bail!("there is no such model");
    }
    Ok(models)
}

/// Every call of an ordering in the library: where, and which.
fn orderings() -> Result<BTreeMap<String, &'static str>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in folder
            .read_dir()
            .with_context(|| format!("can't read {}", folder.display()))?
        {
            let path = entry?.path();
            let name = path.strip_prefix(root())?.to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|e| e != "rs")
                || name == "src/barrier.rs"
                || name.starts_with("src/model")
                || name.contains("/tests")
            {
                continue;
            }
            for (number, line) in std::fs::read_to_string(&path)?.lines().enumerate() {
                let line = line.split("//").next().unwrap_or_default();
                for call in [
                    "io_uring_smp_load_acquire",
                    "io_uring_smp_store_release",
                    "io_uring_smp_mb",
                ] {
                    if line.contains(&format!("{call}(")) {
                        found.insert(format!("{name}:{}", number + 1), call);
                    }
                }
            }
        }
    }
    Ok(found)
}

pub fn run_all(args: &Args) -> Result<()> {
    let start = Instant::now();
    let package = root().join("crates/model");
    // Of a file outside its package cargo tells rustc the whole path; the models tell it from the top.
    let flags = format!("--cfg loom --remap-path-prefix={}/../../=", package.display());
    let program = util::unit_tests(
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
            let short = model.name.trim_start_matches("model::tests::").to_string();
            vec![
                short,
                model.runs.clone(),
                format!("{:.1} s", model.seconds),
                sites.join(" "),
            ]
        })
        .collect();
    table(&["model", "executions", "time", "orderings it needs"], &rows);
    if args.only.is_some() {
        return Ok(());
    }

    // The quick ones first: the first to fail is enough.
    models.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for (site, call) in orderings()? {
        let mut weakenings = vec![site.clone()];
        if call == "io_uring_smp_mb" {
            weakenings.push(format!("{site} gone"));
        }
        for weaken in weakenings {
            let mut caught = None;
            for model in models.iter().filter(|model| model.sites.contains(&site)) {
                let (passed, text) = run(&program, &model.name, &weaken)?;
                let reason = REASONS.iter().find(|(sign, _)| text.contains(sign));
                if let (false, Some((_, reason))) = (passed, reason) {
                    caught = Some(format!("{}: {reason}", model.name.trim_start_matches("model::tests::")));
                    break;
                }
            }
            let shown = caught.clone().unwrap_or_else(|| "NO MODEL FAILS".to_string());
            rows.push(vec![weaken.clone(), call.to_string(), shown]);
            if caught.is_none() {
                wrong.push(weaken);
            }
        }
    }
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
            "an ordering that no model needs: {}\nadd a model to src/model/tests.rs that comes by it, or take the ordering out",
            wrong.join(", ")
        );
    }
    Ok(())
}
