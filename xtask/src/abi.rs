//! `cargo xtask abi`: the facts of the headers and of the libraries, the peer's against ours.
//!
//! A fact is a name and what is true of it: a function's C type, a member's offset, a macro's value. Every fact of
//! the peer must be one of ours. `ast` and `facts` read headers, `symbols` the libraries, `dwarf` lets abidiff judge
//! builds with debug information, and `plants` shows that none of them is blind.

mod ast;
mod dwarf;
mod facts;
mod plants;
mod symbols;

use crate::matrix::clang;
use crate::peer::{self, Peer};
use crate::util::{lib_dir, need, root, table};
use anyhow::{Result, ensure};
use ast::Headers;
use facts::{Facts, Target};
use std::fs;
use std::path::{Path, PathBuf};

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

/// Facts that are meant to differ, with the reason. An entry that is no longer so is an error.
const LEDGER: [(&str, &str); 0] = [];

pub fn run(args: &Args) -> Result<()> {
    let Some(peer) = peer::get(peer::NEWEST)? else {
        return Ok(());
    };
    let work = root().join("target/abi");
    fs::create_dir_all(&work)?;
    need("gcc", "gcc")?;
    let judge = Judge {
        clang: format!("clang{}", clang()?),
        targets: facts::targets(&work)?,
        include: fs::canonicalize(args.include.clone().unwrap_or_else(|| root().join("include")))?,
        lib: args.lib.clone().unwrap_or_else(lib_dir),
        peer,
        work,
    };
    let names: Vec<&str> = judge.targets.iter().map(|target| target.name).collect();
    println!("sizes, offsets and values for: {}\n", names.join(", "));

    let theirs = judge.facts(&judge.peer.include)?;
    let ours = judge.facts(&judge.include)?;
    let mut report = Report::default();
    report.headers(&theirs, &ours);
    for name in ["liburing", "liburing-ffi"] {
        let (theirs, ours) = (
            symbols::facts(&judge.peer.lib, name)?,
            symbols::facts(&judge.lib, name)?,
        );
        report.part(&format!("{name}.so.2"), &theirs, &ours);
    }
    let kernel = judge.kernel()?;
    let (version, agreed) = (&kernel.0, shared(&kernel.1, &ours));
    report.part(&format!("the kernel's headers, {version}"), &agreed, &ours);
    let changes = dwarf::compare(&judge, &judge.include)?;
    report.print(args.extra, &theirs, &ours);
    println!("abidiff: {} of {} builds without a change", changes.same, changes.all);
    println!("abi: {} of {} facts", report.held, report.all);
    ensure!(report.wrong.is_empty(), "{} facts differ", report.wrong.len());
    ensure!(changes.same == changes.all, "abidiff finds changes:\n{}", changes.said);
    if args.self_test {
        plants::run(&judge, &theirs)?;
    }
    Ok(())
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
    /// The facts of `liburing.h` and all that it includes.
    fn facts(&self, include: &Path) -> Result<Facts> {
        let headers = Headers {
            source: "#define _GNU_SOURCE\n#include <liburing.h>\n".into(),
            include: vec![include.into()],
            own: include.into(),
            clang: self.clang.clone(),
        };
        facts::gather(&headers, &self.targets, &self.work)
    }

    /// The facts of the newest kernel headers that Debian carries, and their version.
    fn kernel(&self) -> Result<(String, Facts)> {
        let dir = self.work.join("linux-libc-dev");
        let version = peer::package("sid", "linux-libc-dev", &dir)?;
        let include = dir.join("deb/usr/include");
        let headers = Headers {
            source: "#include <linux/io_uring.h>\n#if __has_include(<linux/io_uring/query.h>)\n\
                     #include <linux/io_uring/query.h>\n#endif\n\
                     #if __has_include(<linux/io_uring/bpf_filter.h>)\n\
                     #include <linux/io_uring/bpf_filter.h>\n#endif\n\
                     #if __has_include(<linux/io_uring/zcrx.h>)\n#include <linux/io_uring/zcrx.h>\n#endif\n"
                .into(),
            include: vec![
                include.clone(),
                include.join("x86_64-linux-gnu"),
                dir.join("deb/usr/lib/linux/uapi/x86"),
            ],
            own: include.join("linux/io_uring"),
            clang: self.clang.clone(),
        };
        let native = &self.targets[..1];
        Ok((version, facts::gather(&headers, native, &self.work)?))
    }
}

/// The facts of the kernel's headers whose names ours have too. A constant may be an enumerator in one and a macro in
/// the other, and have another type; its value must be the same.
fn shared(kernel: &Facts, ours: &Facts) -> Facts {
    kernel
        .iter()
        .filter(|(name, _)| ours.contains_key(*name))
        .map(|(n, f)| (n.clone(), f.clone()))
        .collect()
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
            let same = ours.get(name) == Some(fact);
            let ledger = LEDGER.iter().find(|(entry, _)| entry == name);
            match (same, ledger) {
                (true, None) | (false, Some(_)) => held += 1,
                (true, Some(_)) => self
                    .wrong
                    .push(format!("{name}: the same by now: take it out of the ledger")),
                (false, None) => {
                    let ours = ours.get(name).map_or("nothing", |fact| fact);
                    self.wrong.push(format!("{name}: the peer: {fact}; ours: {ours}"));
                }
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
        for (name, reason) in LEDGER {
            println!("in the ledger: {name}: {reason}");
        }
        if extra {
            for name in ours.keys().filter(|name| !theirs.contains_key(*name)) {
                println!("only ours: {name}: {}", ours[name]);
            }
        }
    }
}
