//! The linking gates: requirements on the finished libraries, checked in the ELF files after every build.

mod archive;
mod code;
pub mod elf;
mod engine;
mod faults;
pub mod map;
mod page;
mod sources;

use crate::peer::{self, Peer};
use anyhow::{Context, Result, ensure};
use base::{lib_dir, table};
use elf::{Elf, Mark};
use map::Map;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

/// What a build through libc may reference: the functions that it calls, and those that compilers call.
const LIBC: [&str; 10] = [
    "syscall",
    "mmap",
    "__errno_location",
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "bcmp",
    "calloc",
    "free",
];

/// What a build without libc uses of a program's heap, if there is one.
const HEAP: [&str; 2] = ["calloc", "free"];

/// The size of x86's property note in bytes. Debian's libraries have none, because their start files have none.
const NOTE: u64 = 32;
/// The limit: 81 % of the peer's text, and the note.
pub const fn most_text(peers: u64) -> u64 {
    peers * 81 / 100 + NOTE
}

/// The limit that the peer's `liburing.so.2.15` gives on x86-64, in bytes.
const MOST_TEXT: u64 = most_text(24041);

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds the libraries
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Compare the symbols with the peer's, too
    #[arg(long)]
    peer: bool,
    /// The libraries make their system calls through libc
    #[arg(long)]
    libc: bool,
    /// Test that the gates find faults planted in a copy of the engine's flavour
    #[arg(long)]
    self_test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let dir = args.lib.clone().unwrap_or_else(lib_dir);
    let peer = if args.peer { peer::get(peer::NEWEST)? } else { None };
    check(&dir, peer.as_ref(), args.libc)?;
    if args.self_test {
        faults::run(&dir, args.libc)?;
    }
    Ok(())
}

/// Checks the libraries in a folder, and the engine's flavour beside it; returns how many gates passed, and fails if one
/// didn't.
pub fn check(dir: &Path, peer: Option<&Peer>, libc: bool) -> Result<usize> {
    let mut gates = Gates {
        libc,
        ..Gates::default()
    };
    let flavour = engine::folder(dir);
    for name in ["liburing", "liburing-ffi"] {
        let map = Map::of(name)?;
        gates.shared(dir, name, &map, peer)?;
        gates.archive(dir, name, &map, peer)?;
        gates.engine(&flavour, name, &map, peer)?;
    }
    gates.sources(dir)?;
    let calls = Vec::from_iter(gates.calls).join(" ");
    let (failures, rows) = (gates.failures, gates.rows);
    for failure in &failures {
        eprintln!("{failure}");
    }
    table(&["file", "gate", "figure", "ok"], &rows);
    println!("functions of libc in the engine's flavour: {calls}");
    println!(
        "gates: {} passed, {} failed",
        rows.len() - failures.len(),
        failures.len()
    );
    ensure!(failures.is_empty(), "{} of the linking gates failed", failures.len());
    Ok(rows.len())
}

#[derive(Default)]
struct Gates {
    libc: bool,
    rows: Vec<Vec<String>>,
    failures: Vec<String>,
    file: String,
    /// The functions of libc that the engine's flavour calls.
    calls: BTreeSet<String>,
}

impl Gates {
    /// Records one gate. It passes if nothing is `wrong`.
    fn gate(&mut self, gate: &str, figure: impl Display, wrong: &[String], mend: &str) {
        if !wrong.is_empty() {
            self.failures.push(format!(
                "FAILED {}: {gate}\n  {}\n  to mend: {mend}",
                self.file,
                wrong.join("\n  ")
            ));
        }
        let ok = if wrong.is_empty() { "ok" } else { "FAILED" };
        self.rows
            .push([&*self.file, gate, &figure.to_string(), ok].map(String::from).to_vec());
    }

    /// Limits of size and position hold for the processor and the settings that they were measured with.
    fn limited(&self, elf: &Elf) -> bool {
        elf.is(Mark::X86_64) && !elf.is(Mark::IndirectBranches) && !self.libc
    }

    fn load(&mut self, dir: &Path, file: String) -> Result<Vec<u8>> {
        self.file = file;
        let path = dir.join(&self.file);
        fs::read(&path).with_context(|| format!("{}; to mend: make", path.display()))
    }

    fn shared(&mut self, dir: &Path, name: &str, map: &Map, peer: Option<&Peer>) -> Result<()> {
        let data = self.load(dir, format!("{name}.so.2"))?;
        let elf = elf::shared(&data).with_context(|| self.file.clone())?;
        self.api(&elf, name, map, peer)?;
        let libc_so = |needed: &&String| self.libc && needed.starts_with("libc.");
        let needed: Vec<&String> = elf.needed.iter().filter(|needed| !libc_so(needed)).collect();
        self.gate(
            "no NEEDED",
            elf.needed.len(),
            &list("it needs", needed),
            "link with -nostdlib; for a build through libc, pass --libc here",
        );
        self.undefined(&elf, &[]);
        self.weak(&elf);
        self.hardening(&elf);
        self.shadow_stack(&[("it", &elf)], true);
        self.constants(&elf);
        self.no_panic(&elf, &data);
        self.no_bitcode(&elf);
        self.unwinding(&elf);
        self.one_page(&elf);
        let over = name == "liburing" && self.limited(&elf) && elf.text > MOST_TEXT;
        self.gate(
            "text, bytes",
            elf.text,
            &list("the limit is", over.then(|| MOST_TEXT.to_string()).as_ref()),
            "nm -S --size-sort the archive, against the last commit's",
        );
        Ok(())
    }

    /// What programs see: symbols, their versions, and the library's name.
    fn api(&mut self, elf: &Elf, name: &str, map: &Map, peer: Option<&Peer>) -> Result<()> {
        self.gate(
            "symbols and versions as in the map",
            elf.exports.len(),
            &differences(&elf.exports, &map.symbols),
            "if the map is stale: cargo gen; if a symbol is missing: is it pub extern \"C\", with \
             #[cfg_attr(feature = \"shipped\", unsafe(no_mangle))], and in the crate's module tree? Stale library: make",
        );
        if let Some(peer) = peer {
            self.same_as_peer(elf, name, map, peer)?;
        }
        self.nodes(elf, name, map);
        let soname = elf.soname.clone().unwrap_or_else(|| "none".into());
        let want = format!("{name}.so.2");
        self.gate(
            "soname",
            &soname,
            &list("it is", (soname != want).then_some(&soname)),
            "link with -Wl,-soname,NAME.so.2",
        );
        Ok(())
    }

    fn nodes(&mut self, elf: &Elf, name: &str, map: &Map) {
        // liburing-ffi began with 2.4; from there on both have every release.
        let first = if name == "liburing" { 0 } else { 4 };
        let last = map.nodes.len() + first;
        let all: Vec<String> = (first..last).map(|minor| format!("LIBURING_2.{minor}")).collect();
        let mut wrong = list("no node", all.iter().filter(|node| !elf.nodes.contains(node)));
        wrong.extend(list("not a node", elf.nodes.iter().filter(|node| !all.contains(node))));
        wrong.extend(list(
            "missing in the map",
            all.iter().filter(|node| !map.nodes.contains(node)),
        ));
        let figure = elf.nodes.len();
        self.gate("version nodes, empty ones too", figure, &wrong, "cargo gen, then make");
    }

    /// The peer exports the same, in the same nodes. Our liburing-ffi also exports inline helpers that the peer omits.
    fn same_as_peer(&mut self, ours: &Elf, name: &str, map: &Map, peer: &Peer) -> Result<()> {
        let path = peer.lib.join(format!("{name}.so.2"));
        let theirs = elf::shared(&fs::read(&path)?).with_context(|| path.display().to_string())?;
        let (nodes, mut theirs) = (theirs.nodes, theirs.exports);
        // A Debian archive with a later release of the peer has more nodes.
        theirs.retain(|_, node| map.nodes.contains(node));
        let mut ours = ours.exports.clone();
        let mut figure = theirs.len().to_string();
        let mut wrong = Vec::new();
        if name == "liburing-ffi" {
            // Only inline helpers of the peer's own header, this one among them, and of later releases may be added.
            let forgotten = "io_uring_buf_ring_head";
            if theirs.contains_key(forgotten) || !ours.contains_key(forgotten) {
                wrong.push(format!(
                    "{forgotten}: ours must export it, and the peer's is known not to"
                ));
            }
            let header = fs::read_to_string(peer.include.join("liburing.h"))?;
            let all = ours.len();
            ours.retain(|symbol, node| {
                let helper = !nodes.contains(node) || header.contains(&format!("{symbol}("));
                theirs.contains_key(symbol) || !helper
            });
            let _ = write!(figure, " + {} inlines", all - ours.len());
        }
        wrong.extend(differences(&ours, &theirs));
        self.gate(
            "the same as the peer's",
            figure,
            &wrong,
            "the node of a symbol is the \"since\" version in its Rust definition; then cargo gen",
        );
        Ok(())
    }

    fn undefined(&mut self, elf: &Elf, wanted: &[&str]) {
        let allowed = |name: &str| {
            // With or without the version that the linker found in libc.
            let plain = name.split('@').next().unwrap_or(name);
            wanted.contains(&plain) || (self.libc && LIBC.contains(&plain))
        };
        let wrong: Vec<&String> = elf.undefined.iter().filter(|name| !allowed(name)).collect();
        self.gate(
            "nothing undefined",
            elf.undefined.len(),
            &list("undefined", wrong),
            "the compiler generates mem* calls, which must resolve to our hidden definitions; any other call bypasses \
             crates/linux",
        );
    }

    /// In a program without libc the library must work without every function of libc.
    fn weak(&mut self, elf: &Elf) {
        let plain: BTreeSet<&str> = elf.weak.iter().filter_map(|name| name.split('@').next()).collect();
        let wanted: BTreeSet<&str> = HEAP.into_iter().filter(|_| !self.libc).collect();
        let wrong = (plain != wanted).then_some(format!("{plain:?} instead of {wanted:?}"));
        self.gate(
            "weakly undefined: the heap",
            elf.weak.len(),
            &list("weak symbols", &wrong),
            "src/probe.rs names the heap's functions, and the Makefile makes them weak",
        );
    }

    fn hardening(&mut self, elf: &Elf) {
        let checks = [
            (elf.is(Mark::Relro), "no PT_GNU_RELRO: link with -Wl,-z,relro"),
            (elf.is(Mark::BindNow), "lazy binding: link with -Wl,-z,now"),
            (
                elf.is(Mark::PlainStack),
                "an executable stack: link with -Wl,-z,noexecstack",
            ),
            (
                !elf.is(Mark::TextRelocations),
                "text relocations: compile with relocation-model=pic",
            ),
            (!elf.is(Mark::WritableCode), "a segment that is writable and executable"),
        ];
        let wrong: Vec<String> = checks
            .iter()
            .filter(|(good, _)| !good)
            .map(|(_, what)| (*what).into())
            .collect();
        let figure = format!("{} of {}", checks.len() - wrong.len(), checks.len());
        self.gate(
            "relro, now, stack, relocations",
            &figure,
            &wrong,
            "the link line in the Makefile",
        );
    }

    /// One object without the property turns the shadow stack off for the whole program.
    fn shadow_stack(&mut self, parts: &[(&str, &Elf)], required: bool) {
        let all = |mark| parts.iter().all(|(_, elf)| elf.is(mark));
        let mut wrong = Vec::new();
        for (name, elf) in parts {
            let asked = elf.is(Mark::X86_64) || elf.is(Mark::AArch64);
            if required && asked && !elf.is(Mark::ShadowStack) {
                wrong.push(format!("{name} has no property SHSTK or GCS"));
            }
            if elf.is(Mark::IndirectBranches) {
                let what = format!("{name} has the property IBT without endbr64 in");
                wrong.extend(list(&what, &elf.without_endbr));
            }
        }
        let figure = match (all(Mark::ShadowStack), all(Mark::IndirectBranches)) {
            (true, true) => "shadow stack, IBT",
            (true, false) => "shadow stack",
            _ => "none",
        };
        let mend = "PROPERTIES and IBT in the Makefile; for arm64 the end of src/lib.rs";
        self.gate("properties", figure, &wrong, mend);
    }

    /// Complete tables with an index, or none. The index is missing if the linker couldn't read the tables, and is then
    /// missing from every program that links the archive, too.
    fn unwinding(&mut self, elf: &Elf) {
        let [tables, index] = [".eh_frame", ".eh_frame_hdr"].map(|name| elf.sections.contains(name));
        let wrong = if elf.is(Mark::RiscV) {
            tables.then_some("there are tables, which GNU ld breaks on RISC-V")
        } else {
            (!tables || !index).then_some("tables or index are missing")
        };
        let wrong: Vec<String> = wrong.map(String::from).into_iter().collect();
        let figure = if tables { "tables" } else { "none" };
        self.gate("unwinding", figure, &wrong, "DROPPED in the Makefile");
    }
}

/// "missing: a, b" as one line, or none.
fn list<'a>(what: &str, items: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let items: Vec<&str> = items.into_iter().map(|item| &**item).collect();
    if items.is_empty() {
        Vec::new()
    } else {
        vec![format!("{what}: {}", items.join(", "))]
    }
}

fn differences(have: &BTreeMap<String, String>, want: &BTreeMap<String, String>) -> Vec<String> {
    let mut wrong = list("missing", want.keys().filter(|name| !have.contains_key(*name)));
    wrong.extend(list("extra", have.keys().filter(|name| !want.contains_key(*name))));
    for (name, node) in have {
        if want.get(name).is_some_and(|want| want != node) {
            wrong.push(format!("{name} is in {node:?}, not in {}", want[name]));
        }
    }
    wrong
}
