//! `cargo xtask recipe`: builds our source with Debian's own recipe for the original. The recipe comes from the peer's
//! source package and is unpacked over the source archive in a scratch folder; its packages must have the files and the
//! symbols of Debian's.

use crate::{install, peer};
use anyhow::{Context, Result, ensure};
use base::{command, files_in, fresh, root, stdout, table};
use packager::{deb, dist, untar, version};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Run the recipe's test step too: `make runtests`
    #[arg(long)]
    test: bool,
}

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
    untar(&named(&theirs, ".debian.tar.")?, &tree)?;
    let log = folder.join("build.log");
    let how = deb::How {
        test: args.test,
        // The tests need a loopback interface and root's capabilities.
        offline: !args.test,
        ..deb::How::default()
    };
    deb::buildpackage(&tree, how, "-b", &log)?;

    let mut rows = Vec::new();
    for package in peer::PACKAGES {
        let [theirs, ours] = [&theirs, &folder].map(|folder| contents(&named(folder, &format!("{package}_"))?));
        let (theirs, ours) = (theirs?, ours?);
        let missing: Vec<&String> = theirs.difference(&ours).collect();
        let more: Vec<&String> = ours.difference(&theirs).collect();
        let expected = |file: &&&String| file.contains("/man/") || file.ends_with(install::FFI_HEADER);
        let extra: Vec<&&String> = more.iter().filter(|file| !expected(file)).collect();
        ensure!(
            missing.is_empty() && extra.is_empty(),
            "{package}: compared with Debian's, missing: {missing:?}, extra: {extra:?}"
        );
        rows.push(vec![
            package.to_owned(),
            theirs.len().to_string(),
            ours.len().to_string(),
            format!("{} pages more", more.len()),
        ]);
    }
    table(&["package", "Debian's files", "ours", "difference"], &rows);
    let said = fs::read_to_string(&log)?;
    if args.test {
        // Debian's recipe ignores that its test step fails.
        let verdict = said.lines().find(|line| line.starts_with("test: "));
        let verdict = verdict.with_context(|| format!("the test step has not run, see {}", log.display()))?;
        ensure!(
            verdict.ends_with("failed: none") || verdict.contains("SKIPPED"),
            "{verdict}, see {}",
            log.display()
        );
        println!("recipe: {verdict}");
    }
    let ours = fs::read_to_string(root().join("packaging/debian/libironring2.symbols"))?;
    let new = new_symbols(&said, &ours)?;
    let deb = named(&theirs, "liburing2_")?;
    later(&stdout(&mut command!("dpkg-deb -I", deb, "symbols"))?, &ours)?;
    println!(
        "recipe: Debian's recipe for liburing {} builds ironring; no file or symbol is missing, {new} symbols are new",
        peer::NEWEST
    );
    Ok(())
}

/// The one package or archive in a folder that has `part` in its name.
fn named(folder: &Path, part: &str) -> Result<PathBuf> {
    let mut files = files_in(folder)?.into_iter();
    let found = files.find(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.contains(part) && !name.ends_with(".asc")
    });
    found.with_context(|| format!("{} has no file {part}*", folder.display()))
}

/// A package's files, without its examples, whose names depend on the source.
fn contents(deb: &Path) -> Result<BTreeSet<String>> {
    let list = stdout(&mut command!("sh -c", "dpkg-deb --fsys-tarfile \"$0\" | tar -t", deb))?;
    let files = list
        .lines()
        .filter(|file| !file.ends_with('/') && !file.contains("/examples/"));
    Ok(files.map(String::from).collect())
}

/// Checks dpkg-gensymbols' report on the recipe's list of symbols: none may be missing, and only those that our
/// liburing-ffi alone has may be new. Returns how many those are.
fn new_symbols(log: &str, ours: &str) -> Result<usize> {
    let lost: Vec<&str> = log.lines().filter(|line| line.contains("#MISSING")).collect();
    ensure!(
        lost.is_empty(),
        "symbols of the recipe's list are missing:\n{}",
        lost.join("\n")
    );
    ensure!(
        !log.contains("dpkg-gensymbols: error"),
        "dpkg-gensymbols reports an error, see target/recipe/build.log"
    );
    let added = log
        .lines()
        .filter_map(|line| line.strip_prefix("+ ")?.split_once("@LIBURING_"));
    let found: BTreeSet<&str> = added.map(|(symbol, _)| symbol).collect();
    let ours = ours.lines().filter(|line| line.ends_with(" 1"));
    let ours: BTreeSet<&str> = ours.filter_map(|line| line.trim().split('@').next()).collect();
    ensure!(
        found == ours,
        "symbols that Debian's list lacks: {found:?}; only liburing-ffi's own are expected: {ours:?}"
    );
    Ok(found.len())
}

/// Checks that no symbol of our list requires an older release than in Debian's list.
fn later(theirs: &str, ours: &str) -> Result<()> {
    let ours = symbols(ours);
    let mut wrong = Vec::new();
    for ((library, symbol), version) in symbols(theirs) {
        let mine = ours.get(&(library, symbol));
        let enough = |mine: &&str| {
            let compared = command!("dpkg --compare-versions", mine, "ge", version).status();
            compared.is_ok_and(|status| status.success())
        };
        if !mine.is_some_and(enough) {
            wrong.push(format!("{library} {symbol}: {mine:?}, Debian says {version}"));
        }
    }
    ensure!(
        wrong.is_empty(),
        "symbols that need a later release than packaging/debian/libironring2.symbols says:\n{}\n\
         to mend: correct SINCE_DEBIAN in xtask/generator/src/maps.rs",
        wrong.join("\n")
    );
    Ok(())
}

/// The version that a symbols file has for each library and symbol.
fn symbols(text: &str) -> BTreeMap<(&str, &str), &str> {
    let mut library = "";
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if line.starts_with(' ') {
            if let (Some(symbol), Some(version)) = (words.next(), words.next()) {
                found.insert((library, symbol), version);
            }
        } else if !line.starts_with(['|', '*']) {
            library = words.next().unwrap_or_default();
        }
    }
    found
}
