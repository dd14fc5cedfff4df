//! The order in which a finished library touches shared memory, read from its machine code: each full barrier stands
//! between the store of the SQ tail and the load of the flags, and the tail is published by a single store that
//! releases.

use super::{Cpu, listing};
use crate::util::stdout;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Which pointers of `struct io_uring` lead to the tail and to the flags.
const KTAIL: usize = 1;
const KFLAGS: usize = 4;

/// Functions that publish the tail themselves. The wait does it in its callers.
pub const SUBMITS: [&str; 3] = [
    "io_uring_submit",
    "io_uring_submit_and_wait",
    "io_uring_submit_and_get_events",
];

/// Gives how many assertions hold. A pointer has so many bytes.
pub fn library(dir: &Path, cpu: Cpu, pointer: usize) -> Result<usize> {
    let mut held = 0;
    for name in ["liburing.so.2", "liburing-ffi.so.2"] {
        let path = dir.join(name);
        ensure!(path.exists(), "there is no {}; to mend: make", path.display());
        held += listing(&path, cpu, pointer)?
            .barriers()
            .with_context(|| name.to_owned())?;
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

#[derive(Clone)]
struct Listing {
    cpu: Cpu,
    pointer: usize,
    functions: Vec<Listed>,
}

fn listing(path: &Path, cpu: Cpu, pointer: usize) -> Result<Listing> {
    let text = stdout(Command::new(cpu.objdump()).args(["-d", "--no-show-raw-insn"]).arg(path))?;
    let mut functions: Vec<Listed> = Vec::new();
    let mut places = BTreeMap::new();
    let mut leaving = Vec::new();
    for line in text.lines() {
        if let Some((_, name)) = line.strip_suffix(">:").and_then(|line| line.split_once('<')) {
            functions.push(Listed {
                name: name.split('@').next().unwrap_or(name).to_owned(),
                code: Vec::new(),
                leaves_to: Vec::new(),
            });
        } else if let (Some((address, code)), Some(at)) = (line.split_once(":\t"), functions.len().checked_sub(1)) {
            places.insert(address.trim().to_owned(), (at, functions[at].code.len()));
            leaving.extend(target(code, cpu).map(|target| (at, target.to_owned())));
            functions[at].code.push(listing::clean(code, cpu));
        }
    }
    for (from, target) in leaving {
        if let Some(&place) = places.get(&target) {
            if place.0 != from {
                functions[from].leaves_to.push(place);
            }
        }
    }
    Ok(Listing {
        cpu,
        pointer,
        functions,
    })
}

/// The address that an instruction goes to whatever happens.
fn target(code: &str, cpu: Cpu) -> Option<&str> {
    let mut words = code.split_whitespace();
    match (cpu, words.next()?) {
        (Cpu::X86, "jmp" | "call") | (Cpu::Arm, "b" | "bl") | (Cpu::Riscv, "j") => words.next(),
        // From the register that the instruction before it has set: objdump says where that leads.
        (Cpu::Riscv, "jalr" | "jr") => code.split_once("# ")?.1.split(' ').next(),
        (Cpu::Riscv, "jal") => words.next()?.rsplit(',').next(),
        _ => None,
    }
}

/// How far behind its beginning a local function's barrier may stand.
const REACH: usize = 80;

impl Listing {
    /// How many assertions about full barriers hold.
    fn barriers(&self) -> Result<usize> {
        let mut held = 0;
        let near = |function: &Listed, at: usize| {
            format!(
                "{}, near:\n    {}",
                function.name,
                function.code[at.saturating_sub(40)..function.code.len().min(at + 5)].join("\n    ")
            )
        };
        for function in &self.functions {
            for (at, _) in function.code.iter().enumerate().filter(|(_, text)| self.full(text)) {
                self.flags_after(&function.code, at)
                    .with_context(|| near(function, at))?;
                held += 1;
            }
        }
        for name in SUBMITS {
            let submit = self
                .functions
                .iter()
                .position(|function| function.name == name)
                .with_context(|| format!("there is no {name}"))?;
            let places = self.reached(submit);
            ensure!(!places.is_empty(), "{name} has no full barrier");
            for (function, begin, at) in places {
                let function = &self.functions[function];
                self.tail_before(&function.code[begin..], at - begin)
                    .with_context(|| near(function, at))?;
                held += 1;
            }
        }
        Ok(held)
    }

    /// The full barriers that a submit reaches: in itself, or in the local functions that it goes to; each with the
    /// place where that function begins.
    fn reached(&self, submit: usize) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        for &(function, begin) in [(submit, 0)].iter().chain(&self.functions[submit].leaves_to) {
            let code = self.functions[function].code.iter().enumerate();
            let full = code.skip(begin).take(REACH).find(|(_, text)| self.full(text));
            found.extend(full.map(|(at, _)| (function, begin, at)));
        }
        found
    }

    fn full(&self, text: &str) -> bool {
        match self.cpu {
            Cpu::X86 => text.starts_with("lock or") || text == "mfence",
            Cpu::Arm => text == "dmb ish",
            Cpu::Riscv => text == "fence rw,rw",
        }
    }

    fn touches_memory(&self, text: &str) -> bool {
        match self.cpu {
            Cpu::Arm => text.contains('['),
            _ => text.contains('(') && !text.starts_with('j'),
        }
    }

    /// The register that an instruction loads with this one of the pointers behind another register.
    fn pointer<'a>(&self, text: &'a str, number: usize) -> Option<&'a str> {
        let offset = number * self.pointer;
        let from = match self.cpu {
            Cpu::X86 => {
                let (source, register) = text.strip_prefix("mov ")?.rsplit_once(',')?;
                return register
                    .strip_prefix('%')
                    .filter(|_| source.starts_with(&format!("{offset:#x}(%")));
            }
            Cpu::Arm => format!(", #{offset}]"),
            Cpu::Riscv => format!(",{offset}("),
        };
        let load = if self.cpu == Cpu::Arm { "ldr " } else { "ld " };
        let (register, _) = text.strip_prefix(load)?.split_once(',')?;
        Some(register).filter(|_| text.contains(&from))
    }

    /// Whether an instruction reads the 32 bits that a register points to.
    fn reads(&self, text: &str, register: &str) -> bool {
        match self.cpu {
            Cpu::X86 => {
                let place = format!("(%{register})");
                text.contains(&place) && !text.ends_with(&format!(",{place}"))
            }
            Cpu::Arm => text.starts_with("ldr w") && text.ends_with(&format!(", [{register}]")),
            Cpu::Riscv => text.starts_with("lw") && text.ends_with(&format!(",0({register})")),
        }
    }

    /// Whether the instruction at a place is the single store that publishes the 32 bits that a register points to.
    fn releases(&self, code: &[String], at: usize, register: &str) -> bool {
        let text = &code[at];
        match self.cpu {
            Cpu::X86 => text.starts_with("mov %e") && text.ends_with(&format!(",(%{register})")),
            Cpu::Arm => text.starts_with("stlr w") && text.ends_with(&format!(", [{register}]")),
            Cpu::Riscv => {
                text.starts_with("sw ")
                    && text.ends_with(&format!(",0({register})"))
                    && at.checked_sub(1).is_some_and(|before| code[before] == "fence rw,w")
            }
        }
    }

    /// After the barrier: the pointer to the flags, and the load of them, with nothing that touches memory between.
    fn flags_after(&self, code: &[String], at: usize) -> Result<()> {
        let mut after = code[at + 1..].iter().filter(|text| self.touches_memory(text));
        let flags = after
            .next()
            .and_then(|text| self.pointer(text, KFLAGS))
            .context("no load of the pointer to the flags")?;
        let load = after.next().map(String::as_str).unwrap_or_default();
        ensure!(self.reads(load, flags), "the flags aren't read next, but: {load}");
        Ok(())
    }

    /// Before the barrier: the pointer to the tail, then the store through it.
    fn tail_before(&self, code: &[String], at: usize) -> Result<()> {
        for (back, text) in code[..at].iter().enumerate() {
            if let Some(tail) = self.pointer(text, KTAIL) {
                if (back..at).any(|place| self.releases(code, place, tail)) {
                    return Ok(());
                }
            }
        }
        bail!("no store of the tail before it")
    }
}

/// Moves each full barrier to a wrong place in the listing; the checks must notice.
pub fn self_test(dir: &Path, cpu: Cpu, pointer: usize) -> Result<usize> {
    let list = listing(&dir.join("liburing.so.2"), cpu, pointer)?;
    let mut wrong = Vec::new();
    for (function, listed) in list.functions.iter().enumerate() {
        let full = listed.code.iter().enumerate().filter(|(_, text)| list.full(text));
        // Behind the next two that touch memory: the pointer to the flags, and the flags.
        wrong.extend(full.map(|(at, _)| {
            let behind = listed.code.iter().enumerate().skip(at + 1);
            let second = behind.filter(|(_, text)| list.touches_memory(text)).nth(1);
            (function, at, second.map_or(at, |second| second.0))
        }));
        if SUBMITS.contains(&&*listed.name) {
            wrong.extend(
                list.reached(function)
                    .into_iter()
                    .map(|(function, begin, at)| (function, at, begin)),
            );
        }
    }
    for &(function, at, place) in &wrong {
        let mut moved = list.clone();
        let barrier = moved.functions[function].code.remove(at);
        moved.functions[function].code.insert(place, barrier);
        ensure!(
            moved.barriers().is_err(),
            "self-test: {}: a full barrier in the wrong place was not found",
            list.functions[function].name
        );
    }
    Ok(wrong.len())
}
