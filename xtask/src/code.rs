//! `cargo xtask code`: the machine code of every inline helper, the peer's C text against ours, out of line at -O2.
//!
//! A pair is one function with one compiler. It is right when the instructions are identical, or ours are fewer, and
//! the instructions that order memory are the same in kind and order. `listing` reads the code, `order` asserts what
//! the barriers themselves become, in C and in the finished library.

mod listing;
mod order;
mod plants;
mod rust;
pub mod shipped;

use crate::generate::read_source;
use crate::matrix::{clang, each};
use crate::peer;
use crate::tools;
use crate::util::{lib_dir, need, output, root, table};
use anyhow::{Context, Result, ensure};
use listing::Function;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pairs that are of the same length and yet different, with the reason.
const LEDGER: [(&str, &str, &str); 4] = [
    (
        "gcc x86-64",
        "io_uring_skip_cqe",
        "an addition where the peer shifts, and a move between registers for it; inlined, as programs have it, the \
         addition is the shorter one",
    ),
    ("gcc x86-64", "io_uring_cqe_nr", "the same by gcc 14"),
    ("gcc x86-64", "io_uring_cqe_seen", "the same by gcc 14"),
    (
        "gcc aarch64",
        "io_uring_opcode_supported",
        "by gcc 14: an index that was seen not to be negative is extended without its sign",
    ),
];

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds liburing.h
    #[arg(long, value_name = "DIR")]
    include: Option<PathBuf>,
    /// The folder that holds the libraries
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Print both listings of the functions whose names contain this
    #[arg(long, value_name = "PATTERN")]
    show: Option<String>,
    /// Also build faults into a copy of the headers, and expect them to be found
    #[arg(long)]
    self_test: bool,
}

/// A compiler that the judges use, and the program that reads its objects.
#[derive(Clone)]
pub struct Tool {
    pub name: &'static str,
    pub cc: String,
    pub cpu: Cpu,
    flags: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cpu {
    X86,
    Arm,
    Riscv,
}

impl Cpu {
    fn objdump(self) -> &'static str {
        match self {
            Cpu::X86 => "x86_64-linux-gnu-objdump",
            Cpu::Arm => "aarch64-linux-gnu-objdump",
            Cpu::Riscv => "riscv64-linux-gnu-objdump",
        }
    }
}

/// Installs what is missing.
fn tools() -> Result<Vec<Tool>> {
    need("gcc", "gcc")?;
    need("x86_64-linux-gnu-objdump", "binutils-x86-64-linux-gnu")?;
    tools::ARM64.need(false)?;
    tools::RISCV64.need(false)?;
    let tool = |name, cc: &str, cpu, flags| Tool {
        name,
        cc: cc.into(),
        cpu,
        flags,
    };
    Ok(vec![
        tool("gcc x86-64", "gcc", Cpu::X86, &[]),
        tool("gcc aarch64", "aarch64-linux-gnu-gcc", Cpu::Arm, &[]),
        // Without the linker's relaxation, branches are resolved already.
        tool(
            "gcc riscv64",
            "riscv64-linux-gnu-gcc",
            Cpu::Riscv,
            &["-mno-relax", "-Wa,-mno-relax"],
        ),
        tool("clang x86-64", &format!("clang{}", clang()?), Cpu::X86, &[]),
    ])
}

pub fn run(args: &Args) -> Result<()> {
    let Some(peer) = peer::get(peer::NEWEST)? else {
        return Ok(());
    };
    let include = args.include.clone().unwrap_or_else(|| root().join("include"));
    let work = root().join("target/code");
    fs::create_dir_all(&work)?;
    let names = inlines()?;
    let tools = tools()?;
    let judge = Judge {
        tools,
        work,
        peer: peer.include,
        names,
    };

    let verdict = judge.compare("ours", &include)?;
    verdict.print(args.show.as_deref());
    let lib = args.lib.clone().unwrap_or_else(lib_dir);
    let orders = order::headers(&judge, &include)? + shipped::library(&lib, Cpu::X86, 8)?;
    let rust = rust::run(&judge)?;
    println!("ordering: {orders} assertions hold for C on three processors and for the finished library");
    println!("ordering: {rust} assertions hold for the Rust functions on aarch64 and riscv64, by way of LLVM");
    println!("code: {}", verdict.figure());
    ensure!(
        verdict.wrong() == 0,
        "{} pairs are longer or different; see both listings with: cargo xtask code --show NAME",
        verdict.wrong()
    );
    if args.self_test {
        plants::run(&judge, &include, &lib)?;
    }
    Ok(())
}

/// The names of the functions that the peer's header defines too.
fn inlines() -> Result<Vec<String>> {
    let (model, _) = read_source()?;
    let names: Vec<String> = model
        .functions()
        .iter()
        .filter(|f| f.inline_in(peer::NEWEST))
        .map(crate::generate::model::Function::name)
        .collect();
    ensure!(!names.is_empty(), "there are no inline functions in src/inline/");
    Ok(names)
}

/// A text with every inline, kept out of line by the macros that the headers let a program set.
const INLINES: &str = "#define _GNU_SOURCE\n\
    #define IOURINGINLINE static inline __attribute__((used))\n\
    #define _LOCAL_INLINE static inline __attribute__((used))\n\
    #include <liburing.h>\n";

struct Judge {
    tools: Vec<Tool>,
    work: PathBuf,
    peer: PathBuf,
    names: Vec<String>,
}

impl Judge {
    /// Compiles a C text with the headers of `include`, and reads the functions in it.
    fn functions(&self, tool: &Tool, side: &str, include: &Path, source: &str) -> Result<BTreeMap<String, Function>> {
        let stem = format!("{side}-{}", tool.name.replace(' ', "-"));
        let (text, object) = (self.work.join(format!("{stem}.c")), self.work.join(format!("{stem}.o")));
        fs::write(&text, source)?;
        let mut command = Command::new(&tool.cc);
        command.args([
            "-O2",
            "-std=gnu17",
            "-ffunction-sections",
            "-fno-asynchronous-unwind-tables",
        ]);
        command
            .args(tool.flags)
            .arg("-I")
            .arg(include)
            .arg("-c")
            .arg(&text)
            .arg("-o")
            .arg(&object);
        output(&mut command)?;
        listing::read(&object, tool.cpu)
    }

    fn inline_functions(&self, tool: &Tool, side: &str, include: &Path) -> Result<BTreeMap<String, Function>> {
        self.functions(tool, side, include, INLINES)
    }

    fn compare(&self, side: &str, include: &Path) -> Result<Verdict> {
        let columns = each(&self.tools, |tool| -> Result<Vec<Pair>> {
            let peer = self.inline_functions(tool, "peer", &self.peer)?;
            let ours = self.inline_functions(tool, side, include)?;
            let extra: Vec<&String> = peer.keys().filter(|name| !self.names.contains(name)).collect();
            ensure!(
                extra.is_empty(),
                "the peer has inlines that src/inline/ lacks: {extra:?}"
            );
            let pair = |name: &String| -> Result<Pair> {
                let get = |side: &BTreeMap<String, Function>, whose: &str| {
                    side.get(name)
                        .cloned()
                        .with_context(|| format!("{}: {name} isn't in {whose} object", tool.name))
                };
                Ok(Pair::new(
                    tool.name,
                    name,
                    get(&peer, "the peer's")?,
                    get(&ours, "our")?,
                ))
            };
            self.names.iter().map(pair).collect()
        });
        let mut pairs = Vec::new();
        for column in columns {
            pairs.extend(column?);
        }
        Ok(Verdict { pairs })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Identical,
    Shorter,
    Different,
    Longer,
    /// The instructions that order memory are not the same.
    Ordering,
    /// Different, as the ledger says.
    Ledger,
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::Identical, "identical"),
    (Kind::Shorter, "shorter"),
    (Kind::Ledger, "in the ledger"),
    (Kind::Different, "different"),
    (Kind::Longer, "longer"),
    (Kind::Ordering, "ordering differs"),
];

struct Pair {
    tool: &'static str,
    name: String,
    peer: Function,
    ours: Function,
    kind: Kind,
}

impl Pair {
    fn new(tool: &'static str, name: &str, peer: Function, ours: Function) -> Pair {
        let kind = if peer.code == ours.code {
            Kind::Identical
        } else if peer.ordering() != ours.ordering() {
            Kind::Ordering
        } else {
            match ours.code.len().cmp(&peer.code.len()) {
                std::cmp::Ordering::Less => Kind::Shorter,
                std::cmp::Ordering::Equal if in_ledger(tool, name) => Kind::Ledger,
                std::cmp::Ordering::Equal => Kind::Different,
                std::cmp::Ordering::Greater => Kind::Longer,
            }
        };
        Pair {
            tool,
            name: name.into(),
            peer,
            ours,
            kind,
        }
    }

    fn wrong(&self) -> bool {
        !matches!(self.kind, Kind::Identical | Kind::Shorter | Kind::Ledger)
    }
}

fn in_ledger(tool: &str, name: &str) -> bool {
    LEDGER.iter().any(|(t, n, _)| (*t, *n) == (tool, name))
}

struct Verdict {
    pairs: Vec<Pair>,
}

impl Verdict {
    fn wrong(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.wrong()).count()
    }

    fn count<'a>(&'a self, kind: Kind, tool: impl Fn(&'a str) -> bool) -> usize {
        self.pairs
            .iter()
            .filter(|pair| pair.kind == kind && tool(pair.tool))
            .count()
    }

    fn print(&self, show: Option<&str>) {
        let mut tools: Vec<&str> = self.pairs.iter().map(|pair| pair.tool).collect();
        tools.dedup();
        let mut rows = Vec::new();
        for tool in &tools {
            let of: Vec<&Pair> = self.pairs.iter().filter(|pair| pair.tool == *tool).collect();
            let sum = |side: fn(&Pair) -> &Function| of.iter().map(|pair| side(pair).code.len()).sum::<usize>();
            let fences: usize = of.iter().map(|pair| pair.ours.ordering().len()).sum();
            let mut row = vec![(*tool).to_owned(), of.len().to_string()];
            row.extend(KINDS.map(|(kind, _)| self.count(kind, |t| t == *tool).to_string()));
            row.extend([sum(|pair| &pair.peer), sum(|pair| &pair.ours), fences].map(|n| n.to_string()));
            rows.push(row);
        }
        let mut header = vec!["compiler", "functions"];
        header.extend(KINDS.map(|(_, name)| name));
        header.extend(["instructions: peer", "ours", "that order"]);
        table(&header, &rows);
        for (tool, name, why) in LEDGER {
            println!("in the ledger: {tool} {name}: {why}");
            if self.count(Kind::Ledger, |t| t == tool) == 0 {
                println!("  this compiler doesn't need the entry");
            }
        }
        for pair in &self.pairs {
            let asked = show.is_some_and(|show| pair.name.contains(show));
            if pair.wrong() {
                let kind = KINDS
                    .iter()
                    .find(|(kind, _)| *kind == pair.kind)
                    .map_or("", |(_, name)| name);
                let (peer, ours) = (pair.peer.code.len(), pair.ours.code.len());
                eprintln!(
                    "FAILED {} {}: {kind}: {peer} instructions, ours {ours}",
                    pair.tool, pair.name
                );
            }
            if asked {
                println!(
                    "\n{} {}\n  peer:\n{}  ours:\n{}",
                    pair.tool, pair.name, pair.peer, pair.ours
                );
            }
        }
    }

    fn figure(&self) -> String {
        let gcc = |tool: &str| tool.starts_with("gcc");
        let all = |of: fn(&str) -> bool| {
            let counts: Vec<String> = KINDS
                .iter()
                .map(|(kind, name)| (self.count(*kind, of), name))
                .filter(|(count, name)| {
                    *count > 0 || matches!(**name, "identical" | "shorter" | "different" | "longer")
                })
                .map(|(count, name)| format!("{count} {name}"))
                .collect();
            let pairs = self.pairs.iter().filter(|pair| of(pair.tool)).count();
            format!("{pairs} pairs: {}", counts.join(", "))
        };
        format!("gcc: {}; clang: {}", all(gcc), all(|tool| !tool.starts_with("gcc")))
    }
}
