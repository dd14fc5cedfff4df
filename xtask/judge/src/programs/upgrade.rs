//! Upgrades from the original to ours and back with apt, while programs run.

use super::Program;
use super::chroot::{Base, System, scripts};
use super::facts::Facts;
use super::ours::{Debs, sum};
use super::page::Row;
use anyhow::{Context, Result};
use base::{command, lib_dir, output, root};

pub const NAME: &str = "upgrade";

pub fn run(program: &Program, base: &Base, debs: &Debs) -> Result<Row> {
    let mut row = Row::new(program, &base.suite);
    row.ours = row.facts("upgrade", facts(base, debs));
    if let Some(facts) = &row.ours {
        row.failures = wrong(facts, &sum(&System::of(base).library()?)?, debs);
    }
    Ok(row)
}

fn facts(base: &Base, debs: &Debs) -> Result<Facts> {
    let system = System::of(base);
    let sandbox = system.sandbox(NAME)?;
    debs.copy_to(&sandbox.shared().join("debs"))?;
    let reader = sandbox.shared().join("reader");
    output(
        command!("cc -O2 -Wall -Wextra -D_GNU_SOURCE -I", root().join("include"))
            .arg(scripts().join("reader.c"))
            .args(["-o".as_ref(), reader.as_os_str(), "-L".as_ref(), lib_dir().as_os_str()])
            .arg("-luring"),
    )
    .context("can't build reader.c; if the library is missing: make")?;
    let said = sandbox.run(600, &["sh", "/tests/upgrade.sh"], &system.log(NAME))?;
    sandbox.clear()?;
    Facts::parse(&said)
}

/// The facts that are not as expected.
fn wrong(facts: &Facts, theirs: &str, debs: &Debs) -> Vec<String> {
    let ours = &debs.library;
    let mut own: Vec<&str> = debs.names.iter().map(String::as_str).collect();
    own.sort_unstable();
    let documents = |name: &&&str| !name.ends_with("-doc");
    let owners: Vec<&str> = own.iter().filter(documents).copied().collect();
    // Sorted as lines: `a-b:ii` stands before `a:ii`.
    let packages = |names: &[&str]| {
        let mut lines: Vec<String> = names.iter().map(|name| format!("{name}:ii")).collect();
        lines.sort_unstable();
        lines.join(" ")
    };
    let peers = ["liburing-dev", "liburing2"];
    let mut wanted = vec![
        // A running program keeps the library that it started with.
        ("reading_on_theirs".to_owned(), theirs.to_owned()),
        ("reading_on_ours".to_owned(), format!("{theirs} {ours}")),
        ("reading_after_rollback".to_owned(), format!("{theirs} {ours} {theirs}")),
        ("ours_link".to_owned(), "so.2.15".to_owned()),
        (
            "ours_ldconfig".to_owned(),
            "liburing-ffi.so liburing-ffi.so.2 liburing.so liburing.so.2".to_owned(),
        ),
        ("again_link".to_owned(), facts.result("theirs_link").to_owned()),
        ("again_ldconfig".to_owned(), facts.result("theirs_ldconfig").to_owned()),
        ("left".to_owned(), "nothing".to_owned()),
    ];
    for (when, there, owners) in [
        ("theirs", &peers[..], &peers[..]),
        ("ours", &own, &owners),
        ("again", &peers, &peers),
    ] {
        wanted.push((format!("{when}_packages"), packages(there)));
        wanted.push((format!("{when}_owners"), owners.join(" ")));
        wanted.push((format!("{when}_verify"), "ok".to_owned()));
        wanted.push((format!("{when}_audit"), "ok".to_owned()));
    }
    let wrong = wanted.iter().filter(|(key, wanted)| facts.result(key) != wanted);
    wrong
        .map(|(key, wanted)| format!("{key}: {}\n    expected: {wanted}", facts.result(key)))
        .collect()
}
