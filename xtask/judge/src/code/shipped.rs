//! The order in which a finished library touches shared memory, read from the machine code of the object that it is
//! linked from: each full barrier is between the store of the SQ tail and the load of the flags, the tail is
//! published by a single release store, and each inline helper orders memory as the peer's C text does.

use super::listing::{self, Function, Functions};
use super::{Comparison, Cpu, Tool};
use anyhow::{Context, Result, bail, ensure};
use base::compile::clang;
use std::collections::BTreeSet;
use std::path::Path;

/// The indexes of the pointers to the tail and to the flags in `struct io_uring`.
const KTAIL: usize = 1;
const KFLAGS: usize = 4;

/// Functions that publish the tail themselves. `get_cqe` leaves that to its callers.
const SUBMITS: [&str; 3] = [
    "io_uring_submit",
    "io_uring_submit_and_wait",
    "io_uring_submit_and_get_events",
];

/// Returns how many assertions hold. A pointer has `pointer` bytes.
pub fn library(dir: &Path, cpu: Cpu, pointer: usize) -> Result<usize> {
    let mut held = 0;
    for name in ["liburing", "liburing-ffi"] {
        held += Listing::read(dir, name, cpu, pointer)?.holds().context(name)?;
    }
    Ok(held)
}

/// A C compiler that compiles an ordering as rustc does: LLVM's.
fn like_rustc(cpu: Cpu) -> Result<Tool> {
    let (name, flags): (_, &[&str]) = match cpu {
        Cpu::X86 => ("clang x86-64", &[]),
        Cpu::Arm => (
            "clang aarch64",
            &["--target=aarch64-linux-gnu", "-isystem/usr/aarch64-linux-gnu/include"],
        ),
        Cpu::Riscv => (
            "clang riscv64",
            &[
                "--target=riscv64-linux-gnu",
                "-march=rv64gc",
                "-mno-relax",
                "-isystem/usr/riscv64-linux-gnu/include",
            ],
        ),
    };
    let cc = format!("clang{}", clang()?);
    Ok(Tool { name, cc, cpu, flags })
}

#[derive(Clone)]
struct Listing {
    cpu: Cpu,
    pointer: usize,
    functions: Functions,
    /// The peer's inline functions, if this library has them too.
    peer: Functions,
}

impl Listing {
    fn read(dir: &Path, name: &str, cpu: Cpu, pointer: usize) -> Result<Self> {
        let object = dir.join(format!("{name}.o"));
        ensure!(object.exists(), "there is no {}; to mend: make", object.display());
        let mut peer = Functions::new();
        if name == "liburing-ffi" {
            if let Some(comparison) = Comparison::new()? {
                peer = comparison.functions(&like_rustc(cpu)?, "peer", &comparison.peer)?;
                peer.retain(|name, _| !super::BARRIERS.contains(&&**name));
            }
        }
        let functions = listing::read(&object, cpu)?;
        Ok(Self {
            cpu,
            pointer,
            functions,
            peer,
        })
    }

    /// How many assertions hold.
    fn holds(&self) -> Result<usize> {
        let mut held = 0;
        for (name, function) in &self.functions {
            for at in self.barriers(function) {
                self.flags_after(&function.code, at)
                    .with_context(|| format!("{name}:\n{function}"))?;
                held += 1;
            }
        }
        for submit in SUBMITS {
            let reached = self.reached(submit)?;
            ensure!(!reached.is_empty(), "{submit} has no full barrier");
            for name in reached {
                let function = &self.functions[name];
                for at in self.barriers(function).take(1) {
                    self.tail_before(&function.code, at)
                        .with_context(|| format!("{name}:\n{function}"))?;
                    held += 1;
                }
            }
        }
        for name in self.peer.keys() {
            let ours = self
                .functions
                .get(name)
                .with_context(|| format!("there is no {name}"))?;
            let (found, wanted) = (self.kinds(&self.functions, name), self.kinds(&self.peer, name));
            ensure!(
                found == wanted,
                "{name}: orders with {found:?}, the peer's with {wanted:?}:\n{ours}"
            );
            held += 1;
        }
        Ok(held)
    }

    fn barriers(&self, function: &Function) -> impl Iterator<Item = usize> {
        let code = function.code.iter().enumerate();
        code.filter(|(_, text)| self.full(text)).map(|(at, _)| at)
    }

    /// Where a submit has a full barrier: in itself, or in the local functions that it calls or jumps to.
    fn reached(&self, submit: &str) -> Result<Vec<&str>> {
        let (name, function) = self
            .functions
            .get_key_value(submit)
            .with_context(|| format!("there is no {submit}"))?;
        let mut all: Vec<&str> = [&**name].into_iter().chain(function.targets()).collect();
        all.dedup();
        all.retain(|name| {
            self.functions
                .get(*name)
                .is_some_and(|function| self.barriers(function).next().is_some())
        });
        Ok(all)
    }

    /// The kinds of ordering instructions in a function and in the inlines that it calls.
    fn kinds<'a>(&self, functions: &'a Functions, name: &str) -> BTreeSet<&'a str> {
        let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
        let mut todo = vec![name];
        while let Some(name) = todo.pop() {
            if let Some(function) = functions.get(name).filter(|_| seen.insert(name.to_owned())) {
                found.extend(function.ordering());
                todo.extend(function.targets().filter(|name| self.peer.contains_key(*name)));
            }
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

    /// The register into which an instruction loads the pointer with this index in the structure at another register.
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
                let memory = format!("(%{register})");
                text.contains(&memory) && !text.ends_with(&format!(",{memory}"))
            }
            Cpu::Arm => text.starts_with("ldr w") && text.ends_with(&format!(", [{register}]")),
            Cpu::Riscv => text.starts_with("lw") && text.ends_with(&format!(",0({register})")),
        }
    }

    /// Whether this instruction is the single store that publishes the 32 bits that a register points to.
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

    /// After the barrier: the loads of the pointer to the flags and of the flags, with no memory access between.
    fn flags_after(&self, code: &[String], at: usize) -> Result<()> {
        let mut after = code[at + 1..].iter().filter(|text| self.touches_memory(text));
        let flags = after
            .next()
            .and_then(|text| self.pointer(text, KFLAGS))
            .context("no load of the pointer to the flags")?;
        let load = after.next().map(String::as_str).unwrap_or_default();
        ensure!(
            self.reads(load, flags),
            "the next memory access doesn't read the flags: {load}"
        );
        Ok(())
    }

    /// Before the barrier: the pointer to the tail, then the store through it.
    fn tail_before(&self, code: &[String], at: usize) -> Result<()> {
        for (back, text) in code[..at].iter().enumerate() {
            if let Some(tail) = self.pointer(text, KTAIL) {
                if (back..at).any(|store| self.releases(code, store, tail)) {
                    return Ok(());
                }
            }
        }
        bail!("no release store of the tail before the barrier")
    }
}

/// Moves each full barrier to another line of the listing, and removes each helper's orderings; the checks must fail.
pub fn self_test(dir: &Path, cpu: Cpu, pointer: usize) -> Result<usize> {
    let right = Listing::read(dir, "liburing-ffi", cpu, pointer)?;
    let mut faults = Vec::new();
    for (name, function) in &right.functions {
        for at in right.barriers(function) {
            let mut wrong = right.clone();
            let code = &mut wrong
                .functions
                .entry(name.clone())
                .or_insert_with(|| function.clone())
                .code;
            let barrier = code.remove(at);
            // Behind the next two memory accesses: the pointer to the flags, and the flags.
            let behind = code.iter().enumerate().skip(at);
            let second = behind.filter(|(_, text)| right.touches_memory(text)).nth(1);
            code.insert(second.map_or(at, |(second, _)| second + 1), barrier);
            faults.push((name, "a late barrier", wrong));
        }
    }
    for submit in SUBMITS {
        for name in right.reached(submit)? {
            let mut wrong = right.clone();
            let (name, _) = right.functions.get_key_value(name).context("reached")?;
            let function = wrong.functions.get_mut(name).context("reached")?;
            let at = right.barriers(function).next().context("reached")?;
            let barrier = function.code.remove(at);
            function.code.insert(0, barrier);
            faults.push((name, "an early barrier", wrong));
        }
    }
    for name in right.peer.keys() {
        let mut wrong = right.clone();
        let function = wrong
            .functions
            .get_mut(name)
            .with_context(|| format!("there is no {name}"))?;
        let before = function.code.len();
        // Helpers that it calls may have the same orderings, which would hide the fault.
        let alone = !function.targets().any(|name| right.peer.contains_key(name));
        function.code.retain(|text| !listing::orders(text, cpu));
        if alone && function.code.len() < before {
            faults.push((name, "no ordering", wrong));
        }
    }
    for (name, what, wrong) in &faults {
        ensure!(wrong.holds().is_err(), "self-test: {name}: {what}: not found");
    }
    Ok(faults.len())
}
