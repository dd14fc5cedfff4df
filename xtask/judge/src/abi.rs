//! `cargo xtask abi`: compare the facts of our headers and libraries with the peer's.
//!
//! A fact is a property of one name: a function's C type, a member's offset, a macro's value. Every fact of the peer
//! must hold for ours. `ast` and `facts` read headers, `symbols` reads libraries, and `faults` tests that each detects
//! faults. `crates/witness` checks that the compiled Rust functions are what the headers declare.

pub mod ast;
pub mod facts;
mod faults;
pub mod symbols;

use crate::peer::{self, Peer};
use anyhow::{Result, ensure};
use ast::Headers;
use base::compile::clang;
use base::{lib_dir, root, table};
use facts::Facts;
pub use facts::Target;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const SOURCE: &str = "#define _GNU_SOURCE\n#include <liburing.h>\n";

/// The libraries, each with its own symbols.
pub const LIBRARIES: [&str; 2] = ["liburing", "liburing-ffi"];

#[derive(clap::Args)]
pub struct Args {
    /// Also introduce faults into copies of the headers and libraries; each must be detected
    #[arg(long)]
    self_test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let Some(peer) = peer::get(peer::NEWEST)? else {
        return Ok(());
    };
    let comparison = Comparison::new(peer, "abi")?;
    let names: Vec<&str> = comparison.targets.iter().map(|target| target.name).collect();
    println!("sizes, offsets and values for: {}\n", names.join(", "));

    let theirs = comparison.facts(&comparison.peer.include)?;
    let mut report = Report::default();
    report.headers(&theirs, &comparison.facts(&comparison.include)?);
    // Headers for bindings declare the inline functions as prototypes; all else must be the same.
    let mut bindings = comparison.facts(&comparison.include.join("ffi"))?;
    let mut all = theirs.clone();
    for facts in [&mut bindings, &mut all] {
        facts.retain(|name, _| !name.starts_with("linkage "));
    }
    report.part("include/ffi, for bindings: all of the above", &all, &bindings);
    report.libraries(&comparison.peer, &lib_dir())?;
    // Symbols of older releases must still be exported, in the same node.
    for version in ["2.9", "2.3"] {
        if let Some(old) = peer::get(version)? {
            report.libraries(&old, &lib_dir())?;
        }
    }
    let (version, kernel, native) = comparison.kernel()?;
    report.part(&format!("the kernel's headers, {version}"), &kernel, &native);
    table(&["what", "the peer's", "held", "only ours"], &report.rows);
    println!("abi: {} of {} facts hold", report.held, report.all);
    report.end()?;
    if args.self_test {
        faults::run(&comparison, &theirs)?;
    }
    Ok(())
}

/// How many facts of the peer hold for ours, with one processor's compiler and libraries.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Sameness {
    /// Types, sizes, offsets, values.
    pub headers: usize,
    /// Symbols with their versions, version nodes, names.
    pub libraries: usize,
}

/// Fails if a fact of the peer's headers or libraries doesn't hold for ours.
pub fn same(target: &Target, peer: &Peer, lib: &Path, work: &Path) -> Result<Sameness> {
    let clang = format!("clang{}", clang()?);
    let gather = |include: &Path| {
        let headers = Headers {
            source: SOURCE.into(),
            include: vec![include.into()],
            own: include.into(),
            clang: clang.clone(),
        };
        facts::gather(&headers, std::slice::from_ref(target), work)
    };
    let mut report = Report::default();
    report.headers(&gather(&peer.include)?, &gather(&root().join("include"))?);
    let headers = report.held;
    report.libraries(peer, lib)?;
    report.end()?;
    Ok(Sameness {
        headers,
        libraries: report.held - headers,
    })
}

pub struct Comparison {
    clang: String,
    targets: Vec<Target>,
    pub include: PathBuf,
    pub peer: Peer,
    work: PathBuf,
}

impl Comparison {
    /// For a check, whose working files are in `target/CHECK`: checks run at the same time.
    pub fn new(peer: Peer, check: &str) -> Result<Comparison> {
        let work = root().join("target").join(check);
        fs::create_dir_all(&work)?;
        base::need("gcc", "gcc")?;
        Ok(Comparison {
            clang: format!("clang{}", clang()?),
            targets: facts::targets(&work)?,
            include: root().join("include"),
            peer,
            work,
        })
    }

    /// The facts of `liburing.h` and all that it includes.
    pub fn facts(&self, include: &Path) -> Result<Facts> {
        facts::gather(&self.headers(include), &self.targets, &self.work)
    }

    fn headers(&self, include: &Path) -> Headers {
        let bindings = include.ends_with("ffi");
        Headers {
            source: SOURCE.into(),
            // The headers for bindings share all but one with the others.
            include: vec![include.into(), self.include.clone()],
            own: if bindings { &self.include } else { include }.into(),
            clang: self.clang.clone(),
        }
    }

    /// The newest kernel headers in Debian: their version, their facts for names that our headers have too, and our
    /// facts.
    fn kernel(&self) -> Result<(String, Facts, Facts)> {
        let dir = self.work.join("linux-libc-dev");
        let version = peer::package("sid", "linux-libc-dev", &dir)?;
        let include = dir.join("deb/usr/include");
        let source = ["", "/query", "/bpf_filter", "/zcrx"].map(|name| {
            format!("#if __has_include(<linux/io_uring{name}.h>)\n#include <linux/io_uring{name}.h>\n#endif\n")
        });
        let kernel = Headers {
            source: source.concat(),
            include: vec![include.clone(), include.join("x86_64-linux-gnu"), include.clone()],
            own: include.join("linux/io_uring"),
            clang: self.clang.clone(),
        };
        let native = &self.targets[..1];
        let ours = facts::gather(&self.headers(&self.include), native, &self.work)?;
        let mut kernel = facts::gather(&kernel, native, &self.work)?;
        kernel.retain(|name, _| ours.contains_key(name) && !grows(name));
        // The kernel may name types differently, or declare a flexible array: only the numbers are compared.
        let plain = |facts: &Facts, other: &Facts| -> Facts {
            let facts = facts.iter();
            facts
                .map(|(name, fact)| (name.clone(), numbers(fact, other.get(name))))
                .collect()
        };
        Ok((version, plain(&kernel, &ours), plain(&ours, &kernel)))
    }
}

/// What a later kernel may change: the ends of enums, masks of all known bits, and reserved members that it begins
/// to use.
fn grows(name: &str) -> bool {
    let last = name.rsplit(['.', ' ']).next().unwrap_or_default();
    let bound = ["_MAX", "_LAST", "_MASK"].iter().any(|end| last.ends_with(end));
    let reserved = ["pad", "resv"].contains(&last.trim_matches('_').trim_end_matches(char::is_numeric));
    // A later kernel split its reserved 8 bytes into 4 and 4, which lowered its alignment.
    name == "struct io_uring_napi" || name.starts_with("constant ") && bound || name.starts_with("member ") && reserved
}

/// The numbers of a fact: without a member's type, and without a size that only one side has.
fn numbers(fact: &str, other: Option<&String>) -> String {
    if !fact.starts_with("at ") {
        return fact.to_owned();
    }
    let sized = |fact: &str| fact.contains(", size ");
    let both = sized(fact) && other.is_none_or(|other| sized(other));
    let parts: Vec<&str> = fact.split(", ").take(if both { 2 } else { 1 }).collect();
    parts.join(", ")
}

#[derive(Default)]
struct Report {
    rows: Vec<Vec<String>>,
    wrong: Vec<String>,
    held: usize,
    all: usize,
}

impl Report {
    /// One row for each kind of fact.
    fn headers(&mut self, theirs: &Facts, ours: &Facts) {
        let kinds = [
            ("function ", "functions: the C type"),
            ("linkage ", "functions: extern or static inline"),
            ("struct ", "structs: size, alignment"),
            ("union ", "unions: size, alignment"),
            ("member ", "members: type, offset, size"),
            ("constant ", "constants: value, size, sign"),
            ("macro ", "macros: in #ifdef and #if, parameters"),
            ("enum ", "enums"),
            ("typedef ", "typedefs"),
        ];
        for (kind, title) in kinds {
            let of = |facts: &Facts| {
                let mut facts = facts.clone();
                facts.retain(|name, _| name.starts_with(kind));
                facts
            };
            if !of(theirs).is_empty() {
                self.part(title, &of(theirs), &of(ours));
            }
        }
    }

    /// One row for each library that a release has.
    fn libraries(&mut self, peer: &Peer, lib: &Path) -> Result<()> {
        for name in LIBRARIES {
            if peer.lib.join(format!("{name}.so.2")).exists() {
                let (theirs, ours) = (symbols::facts(&peer.lib, name)?, symbols::facts(lib, name)?);
                self.part(&format!("{name}.so.2 of {}", peer.version), &theirs, &ours);
            }
        }
        Ok(())
    }

    fn part(&mut self, title: &str, theirs: &Facts, ours: &Facts) {
        let wrong = differences(theirs, ours);
        let held = theirs.len() - wrong.len();
        let extra = ours.keys().filter(|name| !theirs.contains_key(*name)).count();
        let figures = [theirs.len(), held, extra].map(|figure| figure.to_string());
        self.rows.push([&[title.to_owned()][..], &figures].concat());
        self.wrong.extend(wrong.iter().map(|wrong| format!("{title}: {wrong}")));
        self.held += held;
        self.all += theirs.len();
    }

    fn end(&self) -> Result<()> {
        ensure!(
            self.wrong.is_empty(),
            "{} facts differ:\n  {}",
            self.wrong.len(),
            self.wrong.join("\n  ")
        );
        Ok(())
    }
}

/// The facts that differ or are missing in ours.
fn differences(theirs: &Facts, ours: &Facts) -> Vec<String> {
    let wrong = theirs.iter().filter(|(name, fact)| ours.get(*name) != Some(fact));
    wrong
        .map(|(name, fact)| {
            let ours = ours.get(name).map_or("nothing", |fact| fact);
            format!("{name}: {fact}; ours: {ours}")
        })
        .collect()
}
