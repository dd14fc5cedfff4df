//! `cargo xtask recipe`: Debian's own recipe for the original, on our source. The recipe comes with the peer's source
//! package and is laid over the source archive in a scratch folder; its packages must have the files and the symbols of
//! Debian's.

use super::{deb, dist, fresh, untar, version};
use crate::install;
use crate::peer;
use crate::util::{output, root, stdout, table};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// Run the recipe's test step too: `make runtests`
    #[arg(long)]
    test: bool,
}

/// Debian's packages of the original.
const PACKAGES: [&str; 2] = ["liburing2", "liburing-dev"];

pub fn run(args: &Args) -> Result<()> {
    if peer::get(peer::NEWEST)?.is_none() {
        return Ok(());
    }
    let theirs = root().join("target/peer").join(peer::NEWEST).join("download");
    let folder = root().join("target/recipe");
    fresh(&folder)?;
    deb::tools()?;
    let archive = dist::make(&folder.join("dist"))?;
    untar(&archive, &folder)?;
    let tree = folder.join(format!("ironring-{}", version()?));
    let recipe = named(&theirs, ".debian.tar.")?;
    untar(&recipe, &tree)?;
    let log = folder.join("build.log");
    let how = deb::How {
        test: args.test,
        // The tests want a loopback interface and root's own rights.
        offline: !args.test,
        ..deb::How::default()
    };
    deb::buildpackage(&tree, how, &["-b"], &log)?;

    let mut rows = Vec::new();
    for package in PACKAGES {
        let (theirs, ours) = (
            contents(&named(&theirs, &format!("{package}_"))?)?,
            contents(&named(&folder, &format!("{package}_"))?)?,
        );
        let missing: Vec<&String> = theirs.difference(&ours).collect();
        let extra: Vec<&String> = ours
            .difference(&theirs)
            .filter(|file| !file.contains("/man/") && !file.ends_with(install::FFI_HEADER))
            .collect();
        ensure!(
            missing.is_empty() && extra.is_empty(),
            "{package}: against Debian's, missing: {missing:?}, too many: {extra:?}"
        );
        let pages = ours.difference(&theirs).count();
        rows.push(vec![
            package.to_owned(),
            theirs.len().to_string(),
            ours.len().to_string(),
            format!("{pages} pages more"),
        ]);
    }
    table(&["package", "Debian's files", "ours", "difference"], &rows);
    if args.test {
        // Debian's recipe builds all the same when its test step fails.
        let text = fs::read_to_string(&log)?;
        let verdict = text.lines().find(|line| line.starts_with("test: "));
        let verdict = verdict.with_context(|| format!("the test step has not run, see {}", log.display()))?;
        ensure!(
            verdict.ends_with("failed: none") || verdict.contains("SKIPPED"),
            "{verdict}, see {}",
            log.display()
        );
        println!("recipe: {verdict}");
    }
    let new = new_symbols(&log)?;
    println!(
        "recipe: Debian's recipe for liburing {} builds ironring; every file and symbol is there, and {new} symbols more",
        peer::NEWEST
    );
    Ok(())
}

/// The one package or archive in a folder that has `part` in its name.
fn named(folder: &Path, part: &str) -> Result<PathBuf> {
    let files = super::files_in(folder)?;
    let found = files.into_iter().find(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.contains(part) && !name.ends_with(".asc")
    });
    found.with_context(|| format!("{} has no file {part}*", folder.display()))
}

/// A package's files, but for its examples, whose names are the source's own.
fn contents(deb: &Path) -> Result<BTreeSet<String>> {
    let list = stdout(
        Command::new("sh")
            .args(["-c", "dpkg-deb --fsys-tarfile \"$0\" | tar -t"])
            .arg(deb),
    )?;
    let files = list
        .lines()
        .filter(|file| !file.ends_with('/') && !file.contains("/examples/"));
    Ok(files.map(String::from).collect())
}

/// What dpkg-gensymbols says of the recipe's list of symbols: none may be lost, and all that are new are those that only
/// our liburing-ffi has.
fn new_symbols(log: &Path) -> Result<usize> {
    let text = fs::read_to_string(log)?;
    let lost: Vec<&str> = text.lines().filter(|line| line.contains("#MISSING")).collect();
    ensure!(lost.is_empty(), "the recipe misses symbols:\n{}", lost.join("\n"));
    ensure!(
        !text.contains("dpkg-gensymbols: error"),
        "dpkg-gensymbols complains, see {}",
        log.display()
    );
    let new: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("+ ") && line.contains("@LIBURING_"))
        .filter_map(|line| line[2..].split('@').next())
        .collect();
    let ours = fs::read_to_string(root().join("packaging/debian/libironring2.symbols"))?;
    let ours = ours.lines().filter(|line| line.ends_with(" 1"));
    let ours: BTreeSet<&str> = ours.filter_map(|line| line.trim().split('@').next()).collect();
    let found: BTreeSet<&str> = new.iter().copied().collect();
    ensure!(
        found == ours,
        "symbols that Debian's list lacks: {found:?}; only liburing-ffi's own are expected: {ours:?}"
    );
    later(&root().join("target/peer").join(peer::NEWEST))?;
    Ok(found.len())
}

/// No symbol of our list may ask for an older release than the same symbol of Debian's list does.
fn later(peer: &Path) -> Result<()> {
    let deb = named(&peer.join("download"), "liburing2_")?;
    let theirs = stdout(Command::new("dpkg-deb").args(["-I"]).arg(&deb).arg("symbols"))?;
    let ours = fs::read_to_string(root().join("packaging/debian/libironring2.symbols"))?;
    let mut wrong = Vec::new();
    for (library, symbol, version) in lines(&theirs) {
        let mine = lines(&ours)
            .find(|(l, s, _)| (*l, *s) == (library, symbol))
            .map(|(_, _, v)| v);
        let enough = mine.is_some_and(|mine| {
            let mut compare = Command::new("dpkg");
            output(compare.args(["--compare-versions", mine, "ge", version])).is_ok()
        });
        if !enough {
            wrong.push(format!("{library} {symbol}: {mine:?}, Debian says {version}"));
        }
    }
    ensure!(
        wrong.is_empty(),
        "symbols that need a later release than packaging/debian/libironring2.symbols says:\n{}\n\
         mend SINCE_DEBIAN in xtask/src/generate/maps.rs",
        wrong.join("\n")
    );
    Ok(())
}

/// Library, symbol and version of each line of a symbols file.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut library = "";
    text.lines().filter_map(move |line| {
        if !line.starts_with(' ') {
            if !line.starts_with(['|', '*']) {
                library = line.split(' ').next().unwrap_or_default();
            }
            return None;
        }
        let mut words = line.split_whitespace();
        Some((library, words.next()?, words.next()?))
    })
}
