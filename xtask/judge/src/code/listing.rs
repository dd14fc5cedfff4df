//! The machine code of the functions in an object, as lists of instructions that can be compared.
//!
//! What depends on addresses is removed: an address becomes the index of the instruction that it refers to, that of a
//! constant the value, and padding is left out.

use super::Cpu;
use anyhow::{Context, Result};
use base::stdout;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

#[derive(Clone)]
pub struct Function {
    pub cpu: Cpu,
    pub code: Vec<String>,
}

impl Function {
    /// The instructions that order memory, by name.
    pub fn ordering(&self) -> Vec<&str> {
        let code = self.code.iter().filter(|code| orders(code, self.cpu));
        code.map(|code| {
            // A fence's operands say what it orders; the registers of other instructions don't matter.
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

    /// The functions that its relocations name.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.code.iter().filter_map(|text| {
            let (_, symbol) = text.split_once("{R_")?.1.split_once(' ')?;
            unsectioned(symbol.trim_end_matches('}')).split(['+', '-', '@']).next()
        })
    }
}

/// Whether an instruction orders memory.
pub fn orders(code: &str, cpu: Cpu) -> bool {
    let names: &[&str] = match cpu {
        Cpu::X86 => &["lock ", "mfence", "lfence", "sfence"],
        Cpu::Arm => &[
            "lda", "stl", "dmb", "dsb", "isb", "ldx", "stx", "cas", "swp", "ldadd", "ldset", "ldclr",
        ],
        Cpu::Riscv => &["fence", "lr.", "sc.", "amo"],
    };
    let exchange = cpu == Cpu::X86 && code.starts_with("xchg ") && code.contains('(');
    exchange || names.iter().any(|name| code.starts_with(name))
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

pub type Functions = BTreeMap<String, Function>;

/// The functions of an object, by symbol, or by section if they have no symbol.
pub fn read(object: &Path, cpu: Cpu) -> Result<Functions> {
    let text = stdout(cpu.objdump().args(["-dr", "--no-show-raw-insn"]).arg(object))?;
    let data = std::fs::read(object).with_context(|| object.display().to_string())?;
    let file = object::File::parse(&*data).with_context(|| object.display().to_string())?;
    let sizes: BTreeMap<&str, u64> = file
        .symbols()
        .filter_map(|symbol| Some((symbol.name().ok()?, symbol.size())))
        .collect();
    let mut raw: BTreeMap<String, Vec<Raw>> = BTreeMap::new();
    let mut section = "";
    // The current function and its end: code after the end has no symbol.
    let mut here = ("", u64::MAX);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Disassembly of section ") {
            section = unsectioned(name.trim_end_matches(':'));
            here = (section, u64::MAX);
            continue;
        }
        let Some((address, rest)) = line.trim_start().split_once([':', ' ']) else {
            continue;
        };
        let Ok(address) = u64::from_str_radix(address, 16) else {
            continue;
        };
        if let Some(label) = rest.strip_prefix('<').and_then(|rest| rest.strip_suffix(">:")) {
            // A part that gcc split off a function belongs to it.
            if let Some(size) = sizes.get(label).filter(|_| !label.starts_with('.')) {
                here = (label.split('.').next().unwrap_or(label), address + size);
            }
            continue;
        }
        if address >= here.1 {
            here = (section, u64::MAX);
        }
        let rest = rest.trim();
        let list = raw.entry(here.0.to_owned()).or_default();
        if rest.starts_with("R_") {
            let last = list.last_mut().context("a relocation before any instruction")?;
            last.relocations.extend(relocation(rest, &file));
        } else {
            list.push(Raw {
                address,
                text: clean(rest, cpu),
                relocations: Vec::new(),
            });
        }
    }
    let function = |(name, list)| {
        (
            name,
            Function {
                cpu,
                code: normal(list, cpu),
            },
        )
    };
    Ok(raw.into_iter().map(function).collect())
}

/// The name of the function in a section.
fn unsectioned(section: &str) -> &str {
    section.trim_start_matches(".text.").trim_start_matches("unlikely.")
}

/// Removes objdump's remarks and extra spaces.
fn clean(text: &str, cpu: Cpu) -> String {
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
        // Its symbol only labels the instruction with the upper half.
        return Some(kind.into());
    }
    match value(symbol, &target[end..], file) {
        Some(value) => Some(format!("{kind} {value}")),
        None => Some(format!("{kind} {target}")),
    }
}

/// The value of a symbol or section of read-only data.
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
    // A jump to padding reaches the instruction after it.
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
