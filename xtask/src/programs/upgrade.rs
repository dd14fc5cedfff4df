//! Original, ours, original: by apt, while programs run.

use super::chroot::{Base, System, scripts};
use super::facts::Facts;
use super::ours::{Debs, sum};
use super::page::Row;
use crate::util::{lib_dir, output, root};
use anyhow::{Context, Result};
use std::process::Command;
use std::time::Instant;

pub const NAME: &str = "upgrade";
pub const DOES: &str = "original, ours, original, by apt, with programs that read all the time";

pub fn run(base: &Base, debs: &Debs) -> Result<Row> {
    println!("{NAME} on {}: {DOES}", base.suite);
    let start = Instant::now();
    let mut row = Row::named(NAME, &base.suite, DOES);
    match facts(base, debs) {
        Ok(facts) => {
            row.failures = judge(&facts, &sum(&System::of(base).library()?)?, &debs.library, &debs.names);
            row.ours = Some(facts);
        }
        Err(why) => row.failures.push(format!("{why:#}")),
    }
    row.seconds = start.elapsed().as_secs_f64();
    Ok(row)
}

fn facts(base: &Base, debs: &Debs) -> Result<Facts> {
    let system = System::of(base);
    let place = system.place(NAME)?;
    debs.copy_to(&place.shared().join("debs"))?;
    output(
        Command::new("cc")
            .args(["-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE", "-I"])
            .arg(root().join("include"))
            .arg(scripts().join("reader.c"))
            .arg("-o")
            .arg(place.shared().join("reader"))
            .arg("-L")
            .arg(lib_dir())
            .arg("-luring"),
    )
    .context("make builds the library")?;
    let said = place.run(600, &["sh", "/tests/upgrade.sh"], &system.log(NAME))?;
    place.clear()?;
    Facts::parse(&said)
}

/// What is not as it should be.
fn judge(facts: &Facts, theirs: &str, ours: &str, names: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |key: &str, wanted: String| {
        let found = facts.results.iter().find(|(name, _)| name == key);
        let found = found.map_or("nothing", |(_, value)| value);
        if found != wanted {
            wrong.push(format!("{key}: {found}\n    and should be: {wanted}"));
        }
    };
    // A program that runs keeps the library that it began with.
    expect("reading_on_theirs", theirs.to_owned());
    expect("reading_on_ours", format!("{theirs} {ours}"));
    expect("reading_after_rollback", format!("{theirs} {ours} {theirs}"));
    let mut owners: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !name.ends_with("-doc"))
        .collect();
    owners.sort_unstable();
    let theirs = "liburing-dev liburing2";
    for (when, owners) in [("theirs", theirs), ("ours", &owners.join(" ")), ("again", theirs)] {
        expect(&format!("{when}_owners"), owners.to_owned());
        expect(&format!("{when}_verify"), "ok".to_owned());
        expect(&format!("{when}_audit"), "ok".to_owned());
    }
    let packages = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("{name}:ii"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut own: Vec<&str> = names.iter().map(String::as_str).collect();
    own.sort_unstable();
    for (when, there) in [
        ("theirs", &["liburing-dev", "liburing2"][..]),
        ("ours", &own),
        ("again", &["liburing-dev", "liburing2"]),
    ] {
        expect(&format!("{when}_packages"), packages(there));
    }
    expect("ours_link", "so.2.15".to_owned());
    expect(
        "ours_ldconfig",
        "liburing-ffi.so liburing-ffi.so.2 liburing.so liburing.so.2".to_owned(),
    );
    for what in ["link", "ldconfig"] {
        let before = facts.results.iter().find(|(name, _)| *name == format!("theirs_{what}"));
        expect(
            &format!("again_{what}"),
            before.map_or(String::new(), |(_, value)| value.clone()),
        );
    }
    expect("left", "nothing".to_owned());
    wrong
}
