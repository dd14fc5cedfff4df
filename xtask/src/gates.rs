//! The linking gates: what the finished libraries must be, read from the ELF files after every build.

mod archive;
pub mod elf;
pub mod map;
mod page;

use crate::peer::{self, Peer};
use crate::util::{lib_dir, root, table};
use anyhow::{Context, Result, ensure};
use elf::{Elf, Mark};
use map::Map;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

/// What the libc route may want: the calls it makes, and those that compilers make up.
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

/// What the library without libc takes of a program's heap, when there is one.
const HEAP: [&str; 2] = ["calloc", "free"];

/// The note of x86's properties in bytes: Debian's shared libraries have lost theirs to start files that have none.
const NOTE: u64 = 32;
/// The promise: 81 % of the peer's text, and the note.
pub const fn most_text(peers: u64) -> u64 {
    peers * 81 / 100 + NOTE
}

/// What the text of the peer's `liburing.so.2.15` on x86-64 allows, in bytes.
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
}

pub fn run(args: &Args) -> Result<()> {
    let dir = args.lib.clone().unwrap_or_else(lib_dir);
    let peer = if args.peer { peer::get(peer::NEWEST)? } else { None };
    check(&dir, peer.as_ref(), args.libc).map(drop)
}

/// Looks at the libraries in a folder; gives how many gates hold, and fails when one doesn't.
pub fn check(dir: &Path, peer: Option<&Peer>, libc: bool) -> Result<usize> {
    let mut gates = Gates {
        libc,
        rows: Vec::new(),
        failed: 0,
        file: String::new(),
    };
    for name in ["liburing", "liburing-ffi"] {
        let map = Map::read(&root().join(format!("src/{name}.map")))?;
        gates.shared(dir, name, &map, peer)?;
        gates.archive(dir, name, &map, peer)?;
    }
    table(&["file", "gate", "figure", "ok"], &gates.rows);
    println!(
        "gates: {} passed, {} failed",
        gates.rows.len() - gates.failed,
        gates.failed
    );
    ensure!(gates.failed == 0, "{} of the linking gates failed", gates.failed);
    Ok(gates.rows.len())
}

struct Gates {
    libc: bool,
    rows: Vec<Vec<String>>,
    failed: usize,
    file: String,
}

impl Gates {
    /// Enters one gate. It holds when nothing is `wrong`.
    fn gate(&mut self, gate: &str, figure: &dyn Display, wrong: &[String], mend: &str) {
        if !wrong.is_empty() {
            self.failed += 1;
            eprintln!(
                "FAILED {}: {gate}\n  {}\n  to mend: {mend}",
                self.file,
                wrong.join("\n  ")
            );
        }
        let ok = if wrong.is_empty() { "ok" } else { "FAILED" };
        self.rows
            .push([&*self.file, gate, &figure.to_string(), ok].map(String::from).to_vec());
    }

    /// Limits of size and place are for the processor and the settings that they were read on.
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

        self.gate(
            "symbols and versions as in the map",
            &elf.exports.len(),
            &differences(&elf.exports, &map.symbols),
            "if the map is stale: cargo xtask gen; if a symbol is missing: is it pub extern \"C\", with \
             #[cfg_attr(feature = \"shipped\", unsafe(no_mangle))], and in the crate's module tree? Is the library stale: make",
        );
        if let Some(peer) = peer {
            self.same_as_peer(&elf, name, map, peer)?;
        }
        self.nodes(&elf, name, map);
        let soname = elf.soname.clone().unwrap_or_else(|| "none".into());
        let want = format!("{name}.so.2");
        self.gate(
            "soname",
            &soname,
            &list("it is", (soname != want).then_some(&soname)),
            "link with -Wl,-soname,NAME.so.2",
        );
        let libc_so = |needed: &&String| self.libc && needed.starts_with("libc.");
        let needed: Vec<&String> = elf.needed.iter().filter(|needed| !libc_so(needed)).collect();
        self.gate(
            "no NEEDED",
            &elf.needed.len(),
            &list("it needs", needed),
            "link with -nostdlib; for a build that goes through libc, say --libc here",
        );
        self.undefined(&elf, &[]);
        self.weak(&elf);
        self.hardening(&elf);
        self.shadow_stack(&[("it", &elf)]);
        self.no_panic(&elf, &data);
        self.unwinding(&elf);
        self.one_page(&elf);
        let over = name == "liburing" && self.limited(&elf) && elf.text > MOST_TEXT;
        self.gate(
            "text, bytes",
            &elf.text,
            &list("the limit is", over.then(|| MOST_TEXT.to_string()).as_ref()),
            "nm -S --size-sort the archive, against the last commit's",
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
        self.gate(
            "version nodes, empty ones too",
            &figure,
            &wrong,
            "cargo xtask gen, then make",
        );
    }

    /// The peer exports the same, in the same nodes. To liburing-ffi we add the inline helpers that the peer forgot.
    fn same_as_peer(&mut self, ours: &Elf, name: &str, map: &Map, peer: &Peer) -> Result<()> {
        let path = peer.lib.join(format!("{name}.so.2"));
        let theirs = elf::shared(&fs::read(&path)?).with_context(|| path.display().to_string())?;
        let older = |node: &String| theirs.nodes.contains(node);
        // An archive that has moved on to a newer release has newer nodes.
        let theirs: BTreeMap<String, String> = theirs
            .exports
            .into_iter()
            .filter(|(_, node)| map.nodes.contains(node))
            .collect();
        let mut wrong = differences(&ours.exports, &theirs);
        let mut figure = theirs.len().to_string();
        if name == "liburing-ffi" {
            // Extra are only inline helpers of the peer's own header, this one among them, and those of later releases.
            let header = fs::read_to_string(peer.include.join("liburing.h"))?;
            let forgotten = "io_uring_buf_ring_head";
            let (extra, ours): (BTreeMap<_, _>, BTreeMap<_, _>) =
                ours.exports.clone().into_iter().partition(|(symbol, node)| {
                    !theirs.contains_key(symbol) && (!older(node) || header.contains(&format!("{symbol}(")))
                });
            wrong = differences(&ours, &theirs);
            if !extra.contains_key(forgotten) {
                wrong.push(format!("missing: {forgotten}, which the peer forgot and programs need"));
            }
            let _ = write!(figure, " + {} inlines", extra.len());
        }
        self.gate(
            "the same as the peer's",
            &figure,
            &wrong,
            "the node of a symbol is the \"since\" version in its Rust definition; then cargo xtask gen",
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
            &elf.undefined.len(),
            &list("undefined", wrong),
            "mem* calls are made up by the compiler: they must resolve to hidden definitions of ours; anything else \
             is a call out of src/kernel.rs's reach",
        );
    }

    /// In a program without libc it can do without everything of libc.
    fn weak(&mut self, elf: &Elf) {
        let plain: BTreeSet<&str> = elf.weak.iter().filter_map(|name| name.split('@').next()).collect();
        let wanted: BTreeSet<&str> = HEAP.into_iter().filter(|_| !self.libc).collect();
        let wrong = (plain != wanted).then_some(format!("{plain:?} instead of {wanted:?}"));
        self.gate(
            "weakly undefined: the heap",
            &elf.weak.len(),
            &list("wanted are", &wrong),
            "src/probe.rs says what is wanted of the heap, and the Makefile makes it weak",
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
    fn shadow_stack(&mut self, parts: &[(&str, &Elf)]) {
        let all = |mark| parts.iter().all(|(_, elf)| elf.is(mark));
        let mut wrong = Vec::new();
        for (name, elf) in parts {
            let asked = elf.is(Mark::X86_64) || elf.is(Mark::AArch64);
            if asked && !elf.is(Mark::ShadowStack) {
                wrong.push(format!("{name} has no property SHSTK or GCS"));
            }
            if elf.is(Mark::IndirectBranches) {
                let what = format!("{name} has the property IBT without endbr64 in");
                wrong.extend(list(&what, &elf.without_endbr));
                // A table of jumps would lie there, and lead to places without one.
                let constants = elf.sections.iter().filter(|name| name.starts_with(".rodata"));
                wrong.extend(list(&format!("{name} has it, and constants"), constants));
            }
        }
        let figure = match (all(Mark::ShadowStack), all(Mark::IndirectBranches)) {
            (true, true) => "shadow stack, IBT",
            (true, false) => "shadow stack",
            _ => "none",
        };
        let mend = "PROPERTIES and IBT in the Makefile; for arm64 the end of src/lib.rs";
        self.gate("properties", &figure, &wrong, mend);
    }

    /// Whole tables with an index, or none: an index is missing when the linker couldn't read the tables, and then it
    /// is missing from every program that links the archive, too.
    fn unwinding(&mut self, elf: &Elf) {
        let [tables, index] = [".eh_frame", ".eh_frame_hdr"].map(|name| elf.sections.contains(name));
        let wrong = if elf.is(Mark::RiscV) {
            tables.then_some("there are tables, which GNU ld breaks on RISC-V")
        } else {
            (!tables || !index).then_some("tables or index are missing")
        };
        let wrong: Vec<String> = wrong.map(String::from).into_iter().collect();
        let figure = if tables { "tables" } else { "none" };
        self.gate("unwinding", &figure, &wrong, "DROPPED in the Makefile");
    }

    /// Neither a path to Rust's panic handler nor bitcode.
    fn no_panic(&mut self, elf: &Elf, data: &[u8]) {
        let signs = [
            "panic",
            "rust_begin_unwind",
            "rust_eh_personality",
            "core..fmt",
            "4core3fmt",
        ];
        let mut wrong = list(
            "symbol",
            elf.symbols
                .iter()
                .filter(|symbol| signs.iter().any(|sign| symbol.contains(sign))),
        );
        // A stripped library has no such symbols, but a panic that is reached carries its message and its place.
        for text in ["panicked", "library/core/src", "attempt to ", "out of bounds"] {
            if data.windows(text.len()).any(|window| window == text.as_bytes()) {
                wrong.push(format!("the text {text:?}"));
            }
        }
        self.gate(
            "no way to panic",
            &wrong.len(),
            &wrong,
            "look for indexing, division, +, - or << that the optimiser can't prove harmless: wrapping_*, a raw \
             pointer, or a mask",
        );
        let bitcode = elf.sections.iter().filter(|name| name.contains(".llvm"));
        let bitcode = list("section", bitcode);
        let mend = "objcopy --remove-section=.llvmbc --remove-section=.llvmcmd";
        self.gate("no bitcode", &bitcode.len(), &bitcode, mend);
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
    wrong.extend(list("too many", have.keys().filter(|name| !want.contains_key(*name))));
    for (name, node) in have {
        if want.get(name).is_some_and(|want| want != node) {
            wrong.push(format!("{name} is in {node:?}, not in {}", want[name]));
        }
    }
    wrong
}
