//! What the barriers become: in the C headers on three processors, and in the finished library on x86-64.

use super::{Cpu, Judge};
use crate::util::stdout;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const BARRIERS: &str = "#include <liburing.h>\n\
     unsigned acquire(unsigned *p) { return io_uring_smp_load_acquire(p); }\n\
     void release(unsigned *p, unsigned v) { io_uring_smp_store_release(p, v); }\n\
     unsigned short acquire16(unsigned short *p) { return io_uring_smp_load_acquire(p); }\n\
     void release16(unsigned short *p, unsigned short v) { io_uring_smp_store_release(p, v); }\n\
     unsigned read_once(unsigned *p) { return IO_URING_READ_ONCE(*p); }\n\
     void write_once(unsigned *p, unsigned v) { IO_URING_WRITE_ONCE(*p, v); }\n\
     void full(void) { io_uring_smp_mb(); }\n\
     unsigned published(unsigned *tail, unsigned v, unsigned *flags)\n\
     { io_uring_smp_store_release(tail, v); io_uring_smp_mb(); return IO_URING_READ_ONCE(*flags); }\n";

/// For each function the instructions that must be there, in this order; `|` parts what a compiler may choose from.
/// On x86-64 every load is an acquire and every store a release, so that only the full barrier shows.
fn wanted(cpu: Cpu) -> [(&'static str, &'static [&'static str]); 8] {
    match cpu {
        Cpu::X86 => [
            ("acquire", &["mov"]),
            ("release", &["mov"]),
            ("acquire16", &["mov"]),
            ("release16", &["mov"]),
            ("read_once", &["mov"]),
            ("write_once", &["mov"]),
            ("full", &["lock or|mfence"]),
            ("published", &["mov|xchg", "lock or|mfence", "mov"]),
        ],
        Cpu::Arm => [
            ("acquire", &["ldar |ldapr "]),
            ("release", &["stlr "]),
            ("acquire16", &["ldarh|ldaprh"]),
            ("release16", &["stlrh"]),
            ("read_once", &["ldr "]),
            ("write_once", &["str "]),
            ("full", &["dmb ish"]),
            ("published", &["stlr ", "dmb ish", "ldr "]),
        ],
        Cpu::Riscv => [
            ("acquire", &["lw", "fence r,rw|fence iorw|fence"]),
            ("release", &["fence rw,w|fence iorw|fence|amoswap.w.rl", "sw|amoswap"]),
            ("acquire16", &["lhu|lh", "fence r,rw|fence iorw|fence"]),
            ("release16", &["fence rw,w|fence iorw|fence", "sh"]),
            ("read_once", &["lw"]),
            ("write_once", &["sw|amoswap"]),
            ("full", &["fence rw,rw|fence iorw,iorw|fence"]),
            ("published", &["fence|amoswap.w.rl", "sw|amoswap", "fence", "lw"]),
        ],
    }
}

/// Checks the barriers of the header, and that they are the peer's; gives how many assertions hold.
pub fn headers(judge: &Judge, include: &Path) -> Result<usize> {
    let mut held = 0;
    for tool in &judge.tools {
        let ours = judge.functions(tool, "barriers", include, BARRIERS)?;
        let peer = judge.functions(tool, "barriers-peer", &judge.peer, BARRIERS)?;
        for (name, instructions) in wanted(tool.cpu) {
            let function = ours.get(name).with_context(|| format!("{name} isn't in the object"))?;
            let mut code = function.code.iter();
            for want in instructions {
                let found = code.any(|text| want.split('|').any(|choice| text.starts_with(choice)));
                ensure!(
                    found,
                    "{}: {name} lacks {want:?}, or has it too early:\n{function}",
                    tool.name
                );
            }
            let theirs = peer
                .get(name)
                .with_context(|| format!("{name} isn't in the peer's object"))?;
            ensure!(
                function.code == theirs.code,
                "{}: {name}: the peer has\n{theirs}ours is\n{function}",
                tool.name
            );
            held += 2;
        }
    }
    Ok(held)
}

/// Offsets in `struct io_uring`: where the pointers to the tail and to the flags are.
const KTAIL: &str = "0x8(%";
const KFLAGS: &str = "0x20(%";

/// Functions that publish the tail themselves. The wait does it in its callers.
pub const SUBMITS: [&str; 3] = [
    "io_uring_submit",
    "io_uring_submit_and_wait",
    "io_uring_submit_and_get_events",
];

/// In the finished library: each full barrier stands before the load of the flags, and in the submits after the store
/// of the SQ tail.
pub fn library(dir: &Path) -> Result<usize> {
    let mut held = 0;
    for name in ["liburing.so.2", "liburing-ffi.so.2"] {
        let path = dir.join(name);
        ensure!(path.exists(), "there is no {}; to mend: make", path.display());
        held += barriers(&listing(&path)?).with_context(|| name.to_owned())?;
    }
    Ok(held)
}

/// An exported function, with the local ones that follow it.
#[derive(Clone)]
struct Listed {
    name: String,
    code: Vec<String>,
    /// Where it jumps to or calls outside itself: the function's index, and the instruction's.
    leaves_to: Vec<(usize, usize)>,
}

type Listing = Vec<Listed>;

fn listing(path: &Path) -> Result<Listing> {
    let text = stdout(
        Command::new(Cpu::X86.objdump())
            .args(["-d", "--no-show-raw-insn"])
            .arg(path),
    )?;
    let mut list = Listing::new();
    let mut places = BTreeMap::new();
    let mut leaving = Vec::new();
    for line in text.lines() {
        if let Some((_, name)) = line.strip_suffix(">:").and_then(|line| line.split_once('<')) {
            list.push(Listed {
                name: name.split('@').next().unwrap_or(name).to_owned(),
                code: Vec::new(),
                leaves_to: Vec::new(),
            });
        } else if let (Some((address, code)), Some(at)) = (line.split_once(":\t"), list.len().checked_sub(1)) {
            places.insert(address.trim().to_owned(), (at, list[at].code.len()));
            let mut words = code.split_whitespace();
            if let (Some("jmp" | "call"), Some(target)) = (words.next(), words.next()) {
                leaving.push((at, target.to_owned()));
            }
            list[at].code.push(super::listing::clean(code, Cpu::X86));
        }
    }
    for (from, target) in leaving {
        if let Some(&place) = places.get(&target) {
            if place.0 != from {
                list[from].leaves_to.push(place);
            }
        }
    }
    Ok(list)
}

/// How far behind its beginning a local function's barrier may stand.
const REACH: usize = 80;

/// The full barriers that a submit reaches: in itself, or in the local functions that it goes to; each with the place
/// where that function begins.
fn reached(list: &Listing, submit: usize) -> Vec<(usize, usize, usize)> {
    let mut found = Vec::new();
    for &(function, begin) in [(submit, 0)].iter().chain(&list[submit].leaves_to) {
        let code = list[function].code.iter().enumerate().skip(begin).take(REACH);
        found.extend(
            code.filter(|(_, text)| full(text))
                .take(1)
                .map(|(at, _)| (function, begin, at)),
        );
    }
    found
}

fn full(text: &str) -> bool {
    text.starts_with("lock or") || text == "mfence"
}

/// How many assertions about full barriers hold.
fn barriers(list: &Listing) -> Result<usize> {
    let mut held = 0;
    let near = |function: &Listed, at: usize| {
        format!(
            "{}, near:\n    {}",
            function.name,
            function.code[at.saturating_sub(40)..function.code.len().min(at + 5)].join("\n    ")
        )
    };
    for function in list {
        for (at, _) in function.code.iter().enumerate().filter(|(_, text)| full(text)) {
            flags_after(&function.code, at).with_context(|| near(function, at))?;
            held += 1;
        }
    }
    for name in SUBMITS {
        let submit = list
            .iter()
            .position(|function| function.name == name)
            .with_context(|| format!("there is no {name}"))?;
        let places = reached(list, submit);
        ensure!(!places.is_empty(), "{name} has no full barrier");
        for (function, begin, at) in places {
            let function = &list[function];
            tail_before(&function.code[begin..], at - begin).with_context(|| near(function, at))?;
            held += 1;
        }
    }
    Ok(held)
}

/// The register that an instruction loads from an address that begins with `from`.
fn register<'a>(text: &'a str, from: &str) -> Option<&'a str> {
    let (source, target) = text.strip_prefix("mov ")?.rsplit_once(',')?;
    if source.starts_with(from) {
        target.strip_prefix('%')
    } else {
        None
    }
}

/// After the barrier: the pointer to the flags, and the load of them, with nothing that touches memory between.
fn flags_after(code: &[String], at: usize) -> Result<()> {
    let mut after = code[at + 1..].iter().filter(|text| text.contains('('));
    let flags = after
        .next()
        .and_then(|text| register(text, KFLAGS))
        .context("no load of the pointer to the flags")?;
    let load = after.next().map(String::as_str).unwrap_or_default();
    let place = format!("(%{flags})");
    ensure!(
        load.contains(&place) && !load.ends_with(&format!(",{place}")),
        "the flags aren't read next, but: {load}"
    );
    Ok(())
}

/// Before the barrier: the pointer to the tail, then the store through it.
fn tail_before(code: &[String], at: usize) -> Result<()> {
    for (back, text) in code[..at].iter().enumerate() {
        if let Some(tail) = register(text, KTAIL) {
            let store = format!(",(%{tail})");
            if code[back..at]
                .iter()
                .any(|text| text.starts_with("mov %") && text.ends_with(&store))
            {
                return Ok(());
            }
        }
    }
    bail!("no store of the tail before it")
}

/// Moves each full barrier to a wrong place in the listing; the checks must notice.
pub fn self_test(dir: &Path) -> Result<usize> {
    let list = listing(&dir.join("liburing.so.2"))?;
    let mut wrong = Vec::new();
    for (function, listed) in list.iter().enumerate() {
        let full = listed.code.iter().enumerate().filter(|(_, text)| full(text));
        wrong.extend(full.map(|(at, _)| (function, at, at + 2)));
        if SUBMITS.contains(&&*listed.name) {
            wrong.extend(
                reached(&list, function)
                    .into_iter()
                    .map(|(function, begin, at)| (function, at, begin)),
            );
        }
    }
    for &(function, at, place) in &wrong {
        let mut moved = list.clone();
        let barrier = moved[function].code.remove(at);
        moved[function].code.insert(place, barrier);
        ensure!(
            barriers(&moved).is_err(),
            "self-test: {}: a full barrier in the wrong place was not found",
            list[function].name
        );
    }
    Ok(wrong.len())
}
