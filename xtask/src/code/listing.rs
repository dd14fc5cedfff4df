//! The machine code of the functions in an object, as lists of instructions that can be compared.
//!
//! What depends on the place goes: addresses become the index of the instruction that they name, constants stand by
//! value, and the padding between loops isn't there.

use super::Cpu;
use crate::util::stdout;
use anyhow::{Context, Result};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

#[derive(Clone)]
pub struct Function {
    pub cpu: Cpu,
    pub code: Vec<String>,
}

impl Function {
    /// The instructions that order memory, by name.
    pub fn ordering(&self) -> Vec<&str> {
        let orders = |code: &&str| -> bool {
            match self.cpu {
                Cpu::X86 => {
                    let exchange = code.starts_with("xchg ") && code.contains('(');
                    exchange
                        || ["lock ", "mfence", "lfence", "sfence"]
                            .iter()
                            .any(|name| code.starts_with(name))
                }
                Cpu::Arm => {
                    let names = [
                        "lda", "stl", "dmb", "dsb", "isb", "ldx", "stx", "cas", "swp", "ldadd", "ldset", "ldclr",
                    ];
                    names.iter().any(|name| code.starts_with(name))
                }
                Cpu::Riscv => ["fence", "lr.", "sc.", "amo"].iter().any(|name| code.starts_with(name)),
            }
        };
        self.code
            .iter()
            .map(String::as_str)
            .filter(orders)
            .map(|code| {
                // A fence's operands say what it orders; those of a load only where its value goes.
                let whole = ["fence", "dmb", "dsb", "lock"]
                    .iter()
                    .any(|name| code.starts_with(name));
                if whole {
                    code
                } else {
                    code.split(' ').next().unwrap_or(code)
                }
            })
            .collect()
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (index, code) in self.code.iter().enumerate() {
            writeln!(f, "    {index:3}  {code}")?;
        }
        Ok(())
    }
}

/// An instruction as objdump prints it.
struct Raw {
    address: u64,
    text: String,
    relocations: Vec<String>,
}

/// The functions of an object whose functions have a section each.
pub fn read(object: &Path, cpu: Cpu) -> Result<BTreeMap<String, Function>> {
    let text = stdout(
        Command::new(cpu.objdump())
            .args(["-dr", "--no-show-raw-insn"])
            .arg(object),
    )?;
    let data = std::fs::read(object)?;
    let file = object::File::parse(&*data).with_context(|| object.display().to_string())?;
    let mut raw: BTreeMap<String, Vec<Raw>> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(label) = line.strip_suffix(">:").and_then(|line| line.split_once('<')) {
            // A label inside a function; a piece that gcc split off a function belongs to it.
            if !label.1.starts_with('.') {
                label.1.split('.').next().unwrap_or(label.1).clone_into(&mut name);
            }
            continue;
        }
        let Some((address, rest)) = line.trim_start().split_once(':') else {
            continue;
        };
        let Ok(address) = u64::from_str_radix(address, 16) else {
            continue;
        };
        let rest = rest.trim();
        let list = raw.entry(name.clone()).or_default();
        if rest.starts_with("R_") {
            let last = list.last_mut().context("a relocation before any instruction")?;
            last.relocations.extend(relocation(rest, &file));
        } else {
            let text = clean(rest, cpu);
            list.push(Raw {
                address,
                text,
                relocations: Vec::new(),
            });
        }
    }
    Ok(raw
        .into_iter()
        .map(|(name, list)| {
            let code = normal(list, cpu);
            (name, Function { cpu, code })
        })
        .collect())
}

/// Without objdump's remarks, and with single spaces.
pub fn clean(text: &str, cpu: Cpu) -> String {
    let remark = if cpu == Cpu::Arm { " //" } else { " #" };
    let text = text.replace('\t', " ");
    let text = text.split(remark).next().unwrap_or_default();
    let mut out = String::new();
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `KIND symbol+addend`, with the value in place of a constant's name; none for a branch inside the function.
fn relocation(text: &str, file: &object::File) -> Option<String> {
    let mut words = text.split_whitespace();
    let (kind, target) = (words.next()?, words.next().unwrap_or_default());
    if ["RELAX", "ALIGN", "BRANCH", "JUMP", "R_RISCV_JAL"]
        .iter()
        .any(|part| kind.contains(part))
        && target.starts_with(".L")
        || kind == "R_RISCV_RELAX"
    {
        return None;
    }
    let end = target.rfind(['+', '-']).filter(|at| *at > 0).unwrap_or(target.len());
    let symbol = &target[..end];
    if kind.contains("PCREL_LO12") {
        // Names the instruction that has the upper half.
        return Some(kind.into());
    }
    match value(symbol, &target[end..], file) {
        Some(value) => Some(format!("{kind} {value}")),
        None => Some(format!("{kind} {target}")),
    }
}

/// What a symbol or section of read-only data holds.
fn value(symbol: &str, addend: &str, file: &object::File) -> Option<String> {
    let found = file.symbols().find(|s| s.name() == Ok(symbol));
    let data = found.filter(|s| s.kind() != object::SymbolKind::Text && symbol.starts_with(".L"));
    if let Some((found, section)) = data.and_then(|found| Some((found.address(), found.section_index()?))) {
        return constant(&file.section_by_index(section).ok()?, found);
    }
    if symbol.starts_with(".rodata") {
        let section = file.section_by_name(symbol)?;
        let offset = addend.trim_start_matches(['+', '-']).trim_start_matches("0x");
        return constant(&section, u64::from_str_radix(offset, 16).unwrap_or(0));
    }
    None
}

fn constant(section: &object::Section, offset: u64) -> Option<String> {
    let name = section.name().ok()?;
    let size = name
        .rsplit_once("cst")
        .and_then(|(_, size)| size.parse().ok())
        .unwrap_or(8);
    let data = section.data().ok()?;
    let offset = usize::try_from(offset).ok()?;
    let bytes = data.get(offset..data.len().min(offset + size))?;
    Some(format!("{bytes:02x?}"))
}

fn padding(text: &str) -> bool {
    text == "xchg %ax,%ax" || text == "unimp" || text.split(' ').any(|word| word.starts_with("nop"))
}

fn branch(text: &str, cpu: Cpu) -> bool {
    match cpu {
        Cpu::X86 => text.starts_with('j') || text.starts_with("call"),
        Cpu::Arm => ["b ", "b.", "bl ", "cb", "tb"]
            .iter()
            .any(|name| text.starts_with(name)),
        Cpu::Riscv => text.starts_with('b') || text.starts_with('j'),
    }
}

fn normal(list: Vec<Raw>, cpu: Cpu) -> Vec<String> {
    let list: Vec<Raw> = list.into_iter().filter(|raw| !padding(&raw.text)).collect();
    // A jump to padding arrives at the instruction after it.
    let index = |address: u64| list.iter().position(|raw| raw.address >= address).unwrap_or(list.len());
    let mut code = Vec::new();
    for raw in &list {
        let mut text = raw.text.clone();
        if branch(&text, cpu) {
            let at = text.rfind([' ', ',']).map_or(0, |at| at + 1);
            if let Ok(address) = u64::from_str_radix(&text[at..], 16) {
                let target = if raw.relocations.is_empty() {
                    format!("@{}", index(address))
                } else {
                    String::new()
                };
                text.replace_range(at.., &target);
            }
        }
        for relocation in &raw.relocations {
            text = format!("{} {{{relocation}}}", text.trim_end());
        }
        code.push(text);
    }
    code
}
