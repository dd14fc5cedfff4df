//! `cargo xtask abi`: the facts of the headers and of the libraries, the peer's against ours.
//!
//! A fact is a name and what is true of it: a function's C type, a member's offset, a macro's value. Every fact of
//! the peer must be one of ours. `ast` and `facts` read headers, `symbols` the libraries, `dwarf` lets abidiff judge
//! builds with debug information, and `plants` shows that none of them is blind.

pub mod ast;
mod dwarf;
mod facts;
mod plants;
pub mod since;
mod symbols;

use crate::matrix::clang;
use crate::peer::{self, Peer};
use crate::util::{lib_dir, need, root, table};
use anyhow::{Result, ensure};
use ast::Headers;
use facts::Facts;
pub use facts::Target;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const SOURCE: &str = "#define _GNU_SOURCE\n#include <liburing.h>\n";

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds liburing.h
    #[arg(long, value_name = "DIR")]
    include: Option<PathBuf>,
    /// The folder that holds the libraries
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Also build faults into copies of the headers and libraries, and expect them to be found
    #[arg(long)]
    self_test: bool,
    /// List the names that only our headers have
    #[arg(long)]
    extra: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let Some(peer) = peer::get(peer::NEWEST)? else {
        return Ok(());
    };
    let judge = Judge::new(peer, args.include.clone(), args.lib.clone())?;
    let names: Vec<&str> = judge.targets.iter().map(|target| target.name).collect();
    println!("sizes, offsets and values for: {}\n", names.join(", "));

    let theirs = judge.facts(&judge.peer.include)?;
    let ours = judge.facts(&judge.include)?;
    let mut report = Report::default();
    report.headers(&theirs, &ours);
    // There the inline functions are prototypes; all else is the same.
    let mut bindings = judge.facts(&judge.include.join("ffi"))?;
    let mut all = theirs.clone();
    for facts in [&mut bindings, &mut all] {
        facts.retain(|name, _| !name.starts_with("linkage "));
    }
    report.part("include/ffi, for bindings: all of these", &all, &bindings);
    for name in ["liburing", "liburing-ffi"] {
        let (theirs, ours) = (
            symbols::facts(&judge.peer.lib, name)?,
            symbols::facts(&judge.lib, name)?,
        );
        report.part(&format!("{name}.so.2"), &theirs, &ours);
    }
    // What was ever exported still is, in the same node.
    for version in ["2.9", "2.3"] {
        let Some(old) = peer::get(version)? else { continue };
        for name in ["liburing", "liburing-ffi"] {
            if old.lib.join(format!("{name}.so.2")).exists() {
                let (theirs, ours) = (symbols::facts(&old.lib, name)?, symbols::facts(&judge.lib, name)?);
                report.part(&format!("{name}.so.2 of {}", old.version), &theirs, &ours);
            }
        }
    }
    let (version, kernel, native) = judge.kernel()?;
    report.part(&format!("the kernel's headers, {version}"), &kernel, &native);
    let changes = dwarf::compare(&judge)?;
    report.print(args.extra, &theirs, &ours);
    let by_name = changes.said.contains(dwarf::BY_NAME);
    if by_name {
        println!("abidiff: SKIPPED: this one takes Rust's i32 and C's int for different types; 2.2 doesn't");
    } else {
        eprint!("{}", changes.said);
        println!("abidiff: {} of {} builds without a change", changes.same, changes.all);
    }
    println!("abi: {} of {} facts", report.held, report.all);
    ensure!(report.wrong.is_empty(), "{} facts differ", report.wrong.len());
    ensure!(
        by_name || changes.same == changes.all,
        "abidiff finds changes, see above"
    );
    if args.self_test {
        plants::run(&judge, &theirs)?;
    }
    Ok(())
}

/// How much of the peer's holds for ours, with a processor's own compiler and libraries.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Sameness {
    /// Types, sizes, offsets, values.
    pub headers: usize,
    /// Symbols with their versions, version nodes, names.
    pub libraries: usize,
}

/// Fails when a fact of the peer's headers or libraries isn't one of ours.
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
    for name in ["liburing", "liburing-ffi"] {
        let (theirs, ours) = (symbols::facts(&peer.lib, name)?, symbols::facts(lib, name)?);
        report.part(name, &theirs, &ours);
    }
    for wrong in &report.wrong {
        eprintln!("FAILED {wrong}");
    }
    ensure!(report.wrong.is_empty(), "{} facts differ", report.wrong.len());
    Ok(Sameness {
        headers,
        libraries: report.held - headers,
    })
}

struct Judge {
    clang: String,
    targets: Vec<Target>,
    include: PathBuf,
    lib: PathBuf,
    peer: Peer,
    work: PathBuf,
}

impl Judge {
    fn new(peer: Peer, include: Option<PathBuf>, lib: Option<PathBuf>) -> Result<Judge> {
        let work = root().join("target/abi");
        fs::create_dir_all(&work)?;
        need("gcc", "gcc")?;
        Ok(Judge {
            clang: format!("clang{}", clang()?),
            targets: facts::targets(&work)?,
            include: fs::canonicalize(include.unwrap_or_else(|| root().join("include")))?,
            lib: lib.unwrap_or_else(lib_dir),
            peer,
            work,
        })
    }

    /// The facts of `liburing.h` and all that it includes.
    fn facts(&self, include: &Path) -> Result<Facts> {
        facts::gather(&self.headers(include), &self.targets, &self.work)
    }

    fn headers(&self, include: &Path) -> Headers {
        Headers {
            source: SOURCE.into(),
            // The headers for bindings share all but one with the others.
            include: vec![include.into(), self.include.clone()],
            own: if include.ends_with("ffi") {
                self.include.clone()
            } else {
                include.into()
            },
            clang: self.clang.clone(),
        }
    }

    /// The newest kernel headers that Debian carries: their version, their facts under the names that ours have too,
    /// and ours.
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
        // Which typedef or flexible array the kernel writes is its own affair.
        let plain = |facts: Facts, other: &Facts| -> Facts {
            facts
                .into_iter()
                .map(|(name, fact)| (name.clone(), numbers(&fact, other.get(&name))))
                .collect()
        };
        let both = (plain(kernel.clone(), &ours), plain(ours, &kernel));
        Ok((version, both.0, both.1))
    }
}

/// What a later kernel may change: the ends of enums, masks of all known bits, and reserved members that it takes
/// into use.
fn grows(name: &str) -> bool {
    // Its reserved 8 bytes became 4 and 4 later, which lowered its alignment.
    if name == "struct io_uring_napi" {
        return true;
    }
    let last = name.rsplit(['.', ' ']).next().unwrap_or_default();
    let bound = name.starts_with("constant ") && ["_MAX", "_LAST", "_MASK"].iter().any(|end| last.ends_with(end));
    bound
        || (name.starts_with("member ")
            && ["pad", "resv"].contains(&last.trim_matches('_').trim_end_matches(char::is_numeric)))
}

/// The numbers of a fact, without the type that ends that of a member, and without a size that only one side has.
fn numbers(fact: &str, other: Option<&String>) -> String {
    let Some(rest) = fact.strip_prefix("at ") else {
        return fact.to_owned();
    };
    let sized = |fact: &str| fact.contains(", size ");
    let parts = if sized(fact) && other.is_none_or(|other| sized(other)) {
        2
    } else {
        1
    };
    rest.split(", ").take(parts).collect::<Vec<_>>().join(", ")
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
            let of = |facts: &Facts| -> Facts {
                facts
                    .iter()
                    .filter(|(name, _)| name.starts_with(kind))
                    .map(|(n, f)| (n.clone(), f.clone()))
                    .collect()
            };
            if !of(theirs).is_empty() {
                self.part(title, &of(theirs), &of(ours));
            }
        }
    }

    fn part(&mut self, title: &str, theirs: &Facts, ours: &Facts) {
        let mut held = 0;
        for (name, fact) in theirs {
            if ours.get(name) == Some(fact) {
                held += 1;
            } else {
                let ours = ours.get(name).map_or("nothing", |fact| fact);
                self.wrong.push(format!("{title}: {name}: {fact}; ours: {ours}"));
            }
        }
        let extra = ours.keys().filter(|name| !theirs.contains_key(*name)).count();
        self.rows.push(vec![
            title.into(),
            theirs.len().to_string(),
            held.to_string(),
            extra.to_string(),
        ]);
        self.held += held;
        self.all += theirs.len();
    }

    fn print(&self, extra: bool, theirs: &Facts, ours: &Facts) {
        table(&["what", "the peer's", "held", "only ours"], &self.rows);
        for wrong in &self.wrong {
            eprintln!("FAILED {wrong}");
        }
        if extra {
            for name in ours.keys().filter(|name| !theirs.contains_key(*name)) {
                println!("only ours: {name}: {}", ours[name]);
            }
        }
    }
}
