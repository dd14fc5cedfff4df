//! `cargo xtask code`: compare the machine code of every inline helper and barrier, the peer's C against ours, compiled
//! out of line at -O2.
//!
//! A pair is one function with one compiler. It passes if the instructions are identical, or ours are fewer, and the
//! instructions that order memory are the same in kind and order. `listing` reads the code, `shipped` checks the
//! finished library: here this machine's, in `cargo xtask platforms --build` those for other processors.

mod listing;
pub mod shipped;

use crate::peer;
use anyhow::{Context, Result, bail, ensure};
use base::compile::{self, Compile as _, clang};
use base::fault::{self, Change};
use base::{lib_dir, need, parallel, root, table};
use generator::model::Function as Definition;
use generator::read_source;
use listing::{Function, Functions};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pairs that differ at the same length, with the reason.
const LEDGER: [(&str, &str, &str); 4] = [
    (
        "gcc x86-64",
        "io_uring_skip_cqe",
        "an addition and a move between registers where the peer shifts; inlined, as in programs, the addition is \
         shorter",
    ),
    ("gcc x86-64", "io_uring_cqe_nr", "the same, with gcc 14"),
    ("gcc x86-64", "io_uring_cqe_seen", "the same, with gcc 14"),
    (
        "gcc aarch64",
        "io_uring_opcode_supported",
        "with gcc 14: an index known not to be negative is zero-extended",
    ),
];

#[derive(clap::Args)]
pub struct Args {
    /// Print both listings of the functions whose names contain this
    #[arg(long, value_name = "PATTERN")]
    show: Option<String>,
    /// Also introduce faults into a copy of the headers; each must be detected
    #[arg(long)]
    self_test: bool,
}

/// A compiler whose code is compared.
struct Tool {
    name: &'static str,
    cc: String,
    cpu: Cpu,
    flags: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cpu {
    X86,
    Arm,
    Riscv,
}

impl Cpu {
    fn objdump(self) -> Command {
        Command::new(match self {
            Cpu::X86 => "x86_64-linux-gnu-objdump",
            Cpu::Arm => "aarch64-linux-gnu-objdump",
            Cpu::Riscv => "riscv64-linux-gnu-objdump",
        })
    }
}

pub fn run(args: &Args) -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    let include = root().join("include");
    let verdict = comparison.compare("ours", &include)?;
    verdict.print(args.show.as_deref());
    let orders = shipped::library(&lib_dir(), Cpu::X86, 8)?;
    println!("ordering: {orders} assertions hold for the finished library");
    println!("code: {}", verdict.figure());
    verdict.end()?;
    if args.self_test {
        self_test(&comparison, &include)?;
        let found = shipped::self_test(&lib_dir(), Cpu::X86, 8)?;
        println!("self-test: missing and misplaced orderings in the library: all {found} found");
    }
    Ok(())
}

/// Introduces one fault at a time into a copy of the headers; each must be detected, as the right kind.
fn self_test(comparison: &Comparison, include: &Path) -> Result<()> {
    const LENGTH: &str = "\tsqe->len = len;";
    let faults: [(&str, Change, &str); 4] = [
        (
            "a relaxed store for a release",
            (
                "liburing/barrier.h",
                "__atomic_store_n((p), (v), __ATOMIC_RELEASE)",
                "__atomic_store_n((p), (v), __ATOMIC_RELAXED)",
            ),
            ": ordering differs:",
        ),
        (
            "a relaxed load for an acquire",
            (
                "liburing/barrier.h",
                "__atomic_load_n((p), __ATOMIC_ACQUIRE)",
                "__atomic_load_n((p), __ATOMIC_RELAXED)",
            ),
            ": ordering differs:",
        ),
        (
            "one wrong field",
            ("liburing.h", LENGTH, "\tsqe->file_index = len;"),
            ": different:",
        ),
        (
            "a needless store",
            ("liburing.h", LENGTH, "\tsqe->len = len;\n\tsqe->personality = 0;"),
            ": longer:",
        ),
    ];
    let copy = comparison.work.join("fault");
    for (what, change, kind) in faults {
        fault::copy(include, &copy, &[change])?;
        fault::expect(what, kind, || comparison.compare("fault", &copy)?.end())?;
    }
    Ok(())
}

/// C code with every barrier and every inline helper; macros that a program may set put the helpers out of line.
const SOURCE: &str = "#define _GNU_SOURCE\n\
    #define IOURINGINLINE static inline __attribute__((used))\n\
    #define _LOCAL_INLINE static inline __attribute__((used))\n\
    #include <liburing.h>\n\
    unsigned acquire(unsigned *p) { return io_uring_smp_load_acquire(p); }\n\
    void release(unsigned *p, unsigned v) { io_uring_smp_store_release(p, v); }\n\
    unsigned short acquire16(unsigned short *p) { return io_uring_smp_load_acquire(p); }\n\
    void release16(unsigned short *p, unsigned short v) { io_uring_smp_store_release(p, v); }\n\
    unsigned read_once(unsigned *p) { return IO_URING_READ_ONCE(*p); }\n\
    void write_once(unsigned *p, unsigned v) { IO_URING_WRITE_ONCE(*p, v); }\n\
    void full(void) { io_uring_smp_mb(); }\n\
    unsigned published(unsigned *tail, unsigned v, unsigned *flags)\n\
    { io_uring_smp_store_release(tail, v); io_uring_smp_mb(); return IO_URING_READ_ONCE(*flags); }\n";

const BARRIERS: [&str; 8] = [
    "acquire",
    "release",
    "acquire16",
    "release16",
    "read_once",
    "write_once",
    "full",
    "published",
];

struct Comparison {
    tools: Vec<Tool>,
    work: PathBuf,
    peer: PathBuf,
    /// The inline functions that the peer's header defines too, and the barriers.
    names: Vec<String>,
}

impl Comparison {
    /// Installs what is missing.
    fn new() -> Result<Option<Self>> {
        let Some(peer) = peer::get(peer::NEWEST)? else {
            return Ok(None);
        };
        need("gcc", "gcc")?;
        need("x86_64-linux-gnu-objdump", "binutils-x86-64-linux-gnu")?;
        compile::ARM64.need(false)?;
        compile::RISCV64.need(false)?;
        let tool = |name, cc: &str, cpu, flags| Tool {
            name,
            cc: cc.into(),
            cpu,
            flags,
        };
        // Without linker relaxation the assembler resolves branches.
        let riscv: &[&str] = &["-mno-relax", "-Wa,-mno-relax"];
        let work = root().join("target/code");
        fs::create_dir_all(&work)?;
        let (model, _) = read_source()?;
        let inlines = model.functions().iter().filter(|f| f.inline_in(peer::NEWEST));
        Ok(Some(Self {
            tools: vec![
                tool("gcc x86-64", "gcc", Cpu::X86, &[]),
                tool("gcc aarch64", "aarch64-linux-gnu-gcc", Cpu::Arm, &[]),
                tool("gcc riscv64", "riscv64-linux-gnu-gcc", Cpu::Riscv, riscv),
                tool("clang x86-64", &format!("clang{}", clang()?), Cpu::X86, &[]),
            ],
            work,
            peer: peer.include,
            names: inlines
                .map(Definition::name)
                .chain(BARRIERS.map(String::from))
                .collect(),
        }))
    }

    /// Compiles `SOURCE` with the headers of `include`, and reads its functions.
    fn functions(&self, tool: &Tool, side: &str, include: &Path) -> Result<Functions> {
        let stem = format!("{side}-{}", tool.name.replace(' ', "-"));
        let (text, object) = (self.work.join(format!("{stem}.c")), self.work.join(format!("{stem}.o")));
        fs::write(&text, SOURCE)?;
        let mut command = Command::new(&tool.cc);
        command.args(["-O2", "-std=gnu17", "-ffunction-sections", "-c"]);
        command.arg("-fno-asynchronous-unwind-tables").args(tool.flags);
        command.include(include).arg(&text).to(&object)?;
        listing::read(&object, tool.cpu)
    }

    fn compare(&self, side: &str, include: &Path) -> Result<Verdict> {
        let tools: Vec<&Tool> = self.tools.iter().collect();
        let name = |tool: &&Tool| tool.name.to_owned();
        let pairs = parallel::each("code", parallel::cores(), tools, name, |tool| {
            let mut peer = self.functions(tool, "peer", &self.peer)?;
            let mut ours = self.functions(tool, side, include)?;
            let mut get = |name: &String| {
                let pair = peer.remove(name).zip(ours.remove(name));
                let (peer, ours) = pair.with_context(|| format!("{}: {name} isn't in both objects", tool.name))?;
                Ok(Pair::new(tool.name, name, peer, ours))
            };
            let pairs: Vec<Pair> = self.names.iter().map(&mut get).collect::<Result<_>>()?;
            if let Some(name) = peer.keys().next() {
                bail!("the peer has {name}, which src/inline/ lacks");
            }
            Ok(pairs)
        })?;
        Ok(Verdict {
            pairs: pairs.into_iter().flatten().collect(),
        })
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
    /// Different, and listed in the ledger.
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
    fn count<'a>(&'a self, kind: Kind, tool: impl Fn(&'a str) -> bool) -> usize {
        let of = |pair: &&Pair| pair.kind == kind && tool(pair.tool);
        self.pairs.iter().filter(of).count()
    }

    fn print(&self, show: Option<&str>) {
        let mut tools: Vec<&str> = self.pairs.iter().map(|pair| pair.tool).collect();
        tools.dedup();
        let mut rows = Vec::new();
        for tool in &tools {
            let of: Vec<&Pair> = self.pairs.iter().filter(|pair| pair.tool == *tool).collect();
            let sum = |side: fn(&Pair) -> &Function| of.iter().map(|pair| side(pair).code.len()).sum::<usize>();
            let fences = of.iter().map(|pair| pair.ours.ordering().len()).sum();
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
            println!("in the ledger: {tool}, {name}: {why}");
            if self.count(Kind::Ledger, |t| t == tool) == 0 {
                println!("  this compiler doesn't need the entry");
            }
        }
        let asked = |pair: &&Pair| show.is_some_and(|show| pair.name.contains(show));
        for Pair {
            tool, name, peer, ours, ..
        } in self.pairs.iter().filter(asked)
        {
            println!("\n{tool} {name}\n  peer:\n{peer}  ours:\n{ours}");
        }
    }

    fn figure(&self) -> String {
        let all = |gcc: bool| {
            let of = |tool: &str| tool.starts_with("gcc") == gcc;
            let counts = KINDS.map(|(kind, name)| format!("{} {name}", self.count(kind, of)));
            let pairs = self.pairs.iter().filter(|pair| of(pair.tool)).count();
            format!("{pairs} pairs: {}", counts.join(", "))
        };
        format!("gcc: {}; clang: {}", all(true), all(false))
    }

    fn end(&self) -> Result<()> {
        let wrong = self.pairs.iter().filter(|pair| pair.wrong()).map(|pair| {
            let kind = KINDS.iter().find(|(kind, _)| *kind == pair.kind);
            let kind = kind.map_or("", |(_, name)| name);
            let (peer, ours) = (pair.peer.code.len(), pair.ours.code.len());
            format!("{} {}: {kind}: {peer} instructions, ours {ours}", pair.tool, pair.name)
        });
        let wrong: Vec<String> = wrong.collect();
        ensure!(
            wrong.is_empty(),
            "{} pairs are longer or different; see both listings with: cargo xtask code --show NAME\n  {}",
            wrong.len(),
            wrong.join("\n  ")
        );
        Ok(())
    }
}
