//! `cargo xtask suite --examples`: the original's example programs, built with our headers and linked with our library,
//! run on a file or on loopback (`test-c/suite/example.sh`).

use super::build::complaint;
use super::exec::{Outcome, Spawn};
use super::session::Environment;
use super::{Totals, tree};
use crate::peer::{self, NEWEST};
use anyhow::{Context, Result};
use base::compile::NATIVE;
use base::compile::{self, Compile as _};
use base::parallel::each;
use base::root;
use refused::How;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// The size of what is copied, sent and echoed: not a multiple of any buffer size.
const BYTES: u64 = 5_000_011;
/// The time limit of each.
const LIMIT: Duration = Duration::from_secs(60);

pub fn run(lib: &Path, totals: &mut Totals) -> Result<()> {
    let out = root().join("target/suite/examples");
    fs::create_dir_all(&out)?;
    let Some(peer) = peer::get(NEWEST)? else {
        return Ok(());
    };
    base::need("socat", "socat")?;
    let source = tree::prepare(&peer, NATIVE, &out.join("tree"))?.dir.join("examples");
    let library = out.join("liburing.so.2");
    let _ = fs::remove_file(&library);
    fs::copy(lib.join("liburing.so.2"), &library)
        .with_context(|| format!("there is no liburing.so.2 in {}; to build it: make", lib.display()))?;
    let input = out.join("input");
    std::io::copy(&mut File::open("/dev/urandom")?.take(BYTES), &mut File::create(&input)?)?;

    let env = Environment::here(out.join("run"))?;
    let script = root().join("test-c/suite/example.sh");
    let names = tree::targets(&source, "example_targets")?;
    let rows = each("examples", 1, names, String::clone, |name| {
        let log = out.join(format!("{name}.log"));
        let outcome = if let Err(error) = build(&source, &name, &library, &out.join(&name)) {
            Outcome::Unbuilt(complaint(&format!("{error:#}")))
        } else {
            let args = [out.as_os_str(), name.as_ref(), input.as_os_str()].map(OsString::from);
            let spawn = Spawn {
                exe: &script,
                name: "example.sh",
                args: &args,
                cwd: env.dir.join(&name),
                beside: &[("example.sh".to_owned(), script.clone())],
                log: log.clone(),
                limit: LIMIT,
                refuse: How::None,
            };
            env.machine.run(&spawn)?.0
        };
        let did = match &outcome {
            Outcome::Pass => base::tail(&log, 1).concat(),
            other => other.reason().to_owned(),
        };
        Ok((outcome, vec![name, did]))
    })?;
    println!("The original's examples with our headers and {}\n", lib.display());
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(outcome, mut row)| {
            match outcome {
                Outcome::Pass => totals.passed += 1,
                Outcome::Skip(_) => totals.skipped += 1,
                _ => totals.failed += 1,
            }
            row.insert(1, outcome.word().to_owned());
            row
        })
        .collect();
    base::table(&["example", "result", "what it did"], &rows);
    Ok(())
}

fn build(source: &Path, name: &str, library: &Path, program: &Path) -> Result<()> {
    compile::c()?
        .args(["-O2", "-Werror", "-D_GNU_SOURCE", "-pthread"])
        // Warnings that the original's own build has too.
        .args(["-Wno-extra", "-Wno-unused-result", "-Wno-stringop-overflow"])
        .include(root().join("include"))
        .args(["helpers.c", &format!("{name}.c")].map(|file| source.join(file)))
        .arg("-Wl,-rpath,$ORIGIN")
        .arg(library)
        .to(program)
}
