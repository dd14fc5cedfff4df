//! The properties of an ELF file that the gates check, read with the `object` crate.

use anyhow::{Context, Result, ensure};
use object::elf;
use object::read::archive::ArchiveFile;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, SectionHeader as _, SectionTable, Sym as _};
use object::{Endianness, FileKind, SectionIndex, SymbolIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The bit of `GNU_PROPERTY_AARCH64_FEATURE_1_AND` for arm64's shadow stack.
const GCS: u32 = 1 << 2;
const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

/// Properties that a file has or lacks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    X86_64,
    AArch64,
    RiscV,
    /// Its property declares support for a shadow stack.
    ShadowStack,
    /// Its property declares that each function that is called indirectly begins with `endbr64`.
    IndirectBranches,
    Relro,
    BindNow,
    /// Declares that its stack need not be executable.
    PlainStack,
    TextRelocations,
    /// A segment that is writable and executable.
    WritableCode,
    /// Stays in memory after `dlclose`.
    NoDelete,
}

/// A shared object, or all members of an archive together.
#[derive(Default)]
pub struct Elf {
    /// Exported by a shared object, with the version node; "" without one, "hidden NODE" for an old version.
    pub exports: BTreeMap<String, String>,
    /// Where the exported symbols begin and end.
    pub ranges: BTreeMap<String, Range<u64>>,
    /// Defined version nodes, also empty ones.
    pub nodes: Vec<String>,
    pub soname: Option<String>,
    pub needed: Vec<String>,
    /// References to symbols that it doesn't define.
    pub undefined: BTreeSet<String>,
    /// The same for weak references, which may stay undefined.
    pub weak: BTreeSet<String>,
    /// Defined with global or weak binding, whatever the visibility (archives).
    pub globals: BTreeSet<String>,
    /// Every symbol's name, local ones too.
    pub symbols: BTreeSet<String>,
    pub sections: BTreeSet<String>,
    /// Global functions that don't begin with `endbr64`.
    pub without_endbr: BTreeSet<String>,
    /// What `size` calls text: loaded and read-only.
    pub text: u64,
    /// Entries of all relocation tables.
    pub relocations: u64,
    pub marks: BTreeSet<Mark>,
}

/// Reads a shared object.
pub fn shared(data: &[u8]) -> Result<Elf> {
    let mut elf = Elf::default();
    elf.add(data)?;
    Ok(elf)
}

/// Reads an archive as one; what one member references and another defines isn't undefined.
pub fn archive(data: &[u8]) -> Result<Elf> {
    let mut elf = Elf::default();
    for (name, member) in parts(data)? {
        elf.add(member).with_context(|| format!("member {name}"))?;
    }
    elf.undefined = elf.undefined.difference(&elf.globals).cloned().collect();
    Ok(elf)
}

/// Reads an archive's members, each with its name up to the dot.
pub fn members(data: &[u8]) -> Result<BTreeMap<String, Elf>> {
    parts(data)?
        .into_iter()
        .map(|(name, member)| {
            let elf = shared(member).with_context(|| format!("member {name}"))?;
            Ok((name, elf))
        })
        .collect()
}

fn parts(data: &[u8]) -> Result<Vec<(String, &[u8])>> {
    let archive = ArchiveFile::parse(data).context("not an ar archive")?;
    ensure!(
        !archive.is_thin(),
        "a thin archive: it names files instead of holding them"
    );
    archive
        .members()
        .map(|member| {
            let member = member?;
            let name = text(member.name());
            Ok((
                name.split('.').next().unwrap_or_default().to_owned(),
                member.data(data)?,
            ))
        })
        .collect()
}

/// A parsed file.
#[derive(Clone, Copy)]
struct File<'a, H: FileHeader> {
    header: &'a H,
    endian: Endianness,
    data: &'a [u8],
    sections: SectionTable<'a, H>,
}

impl Elf {
    fn mark(&mut self, mark: Mark, holds: bool) {
        if holds {
            self.marks.insert(mark);
        }
    }

    pub fn is(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    fn add(&mut self, data: &[u8]) -> Result<()> {
        match FileKind::parse(data)? {
            FileKind::Elf32 => self.add_file::<elf::FileHeader32<Endianness>>(data),
            FileKind::Elf64 => self.add_file::<elf::FileHeader64<Endianness>>(data),
            kind => anyhow::bail!("{kind:?} is not an ELF file"),
        }
    }

    fn add_file<H: FileHeader<Endian = Endianness>>(&mut self, data: &[u8]) -> Result<()> {
        let header = H::parse(data)?;
        let endian = header.endian()?;
        let file = File {
            sections: header.sections(endian, data)?,
            header,
            endian,
            data,
        };
        self.mark(Mark::X86_64, header.e_machine(endian) == elf::EM_X86_64);
        self.mark(Mark::AArch64, header.e_machine(endian) == elf::EM_AARCH64);
        self.mark(Mark::RiscV, header.e_machine(endian) == elf::EM_RISCV);
        self.add_sections(&file)?;
        self.add_symbols(&file)?;
        self.add_exports(&file)?;
        self.add_segments(&file)
    }

    fn add_sections<H: FileHeader<Endian = Endianness>>(&mut self, file: &File<H>) -> Result<()> {
        let (endian, data, sections) = (file.endian, file.data, file.sections);
        for section in sections.iter() {
            self.sections.insert(text(sections.section_name(endian, section)?));
            let flags = section.sh_flags(endian);
            if flags.contains(elf::SHF_ALLOC) && !flags.contains(elf::SHF_WRITE) {
                self.text += section.sh_size(endian).into();
            }
            if [elf::SHT_RELA, elf::SHT_REL].contains(&section.sh_type(endian)) {
                self.relocations += section.sh_size(endian).into() / section.sh_entsize(endian).into().max(1);
            }
            let Some(mut notes) = section.notes(endian, data)? else {
                continue;
            };
            while let Some(note) = notes.next()? {
                let Some(mut properties) = note.gnu_properties(endian) else {
                    continue;
                };
                while let Some(property) = properties.next()? {
                    let bits = |mask| property.data_u32(endian).is_ok_and(|bits| bits & mask != 0);
                    match property.pr_type() {
                        elf::GNU_PROPERTY_X86_FEATURE_1_AND => {
                            self.mark(Mark::ShadowStack, bits(elf::GNU_PROPERTY_X86_FEATURE_1_SHSTK));
                            self.mark(Mark::IndirectBranches, bits(elf::GNU_PROPERTY_X86_FEATURE_1_IBT));
                        }
                        elf::GNU_PROPERTY_AARCH64_FEATURE_1_AND => self.mark(Mark::ShadowStack, bits(GCS)),
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }

    fn add_symbols<H: FileHeader<Endian = Endianness>>(&mut self, file: &File<H>) -> Result<()> {
        let (header, endian, data, sections) = (file.header, file.endian, file.data, file.sections);
        for kind in [elf::SHT_SYMTAB, elf::SHT_DYNSYM] {
            let table = sections.symbols(endian, data, kind)?;
            for symbol in table.iter() {
                let name = text(table.symbol_name(endian, symbol)?);
                // The linker makes these itself.
                if name.is_empty() || name == "_GLOBAL_OFFSET_TABLE_" || name == ".TOC." {
                    continue;
                }
                if symbol.st_shndx(endian) == elf::SHN_UNDEF {
                    let weak = symbol.st_bind() == elf::STB_WEAK;
                    if weak { &mut self.weak } else { &mut self.undefined }.insert(name.clone());
                } else if symbol.st_bind() != elf::STB_LOCAL {
                    self.globals.insert(name.clone());
                    if let (elf::STT_FUNC, Some(index)) = (symbol.st_type(), symbol.st_shndx(endian).index()) {
                        let section = sections.section(SectionIndex(index.into()))?;
                        // In an object a value is an offset already, whatever address `ld -r` left.
                        let object = header.e_type(endian) == elf::ET_REL;
                        let start = if object { 0 } else { section.sh_addr(endian).into() };
                        let at = symbol.st_value(endian).into() - start;
                        let code = section.data(endian, data)?;
                        if !code
                            .get(usize::try_from(at)?..)
                            .is_some_and(|code| code.starts_with(&ENDBR64))
                        {
                            self.without_endbr.insert(name.clone());
                        }
                    }
                }
                self.symbols.insert(name);
            }
        }
        Ok(())
    }

    fn add_exports<H: FileHeader<Endian = Endianness>>(&mut self, file: &File<H>) -> Result<()> {
        let (endian, data, sections) = (file.endian, file.data, file.sections);
        let table = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
        if let Some((mut definitions, strings)) = sections.gnu_verdef(endian, data)? {
            let strings = sections.strings(endian, data, strings)?;
            while let Some((definition, mut names)) = definitions.next()? {
                if !definition.vd_flags.get(endian).contains(elf::VER_FLG_BASE) {
                    let name = names.next()?.context("a version node without a name")?;
                    let name = text(name.name(endian, strings)?);
                    let parent = names.next()?.map(|parent| parent.name(endian, strings)).transpose()?;
                    let (parent, last) = (parent.map(text), self.nodes.last());
                    ensure!(
                        parent.as_ref() == last,
                        "{name} follows {last:?}, but its parent is {parent:?}"
                    );
                    self.nodes.push(name);
                }
            }
        }
        let versions = sections.versions(endian, data)?;
        for (index, symbol) in table.enumerate() {
            let name = text(table.symbol_name(endian, symbol)?);
            let absolute = symbol.st_shndx(endian) == elf::SHN_ABS;
            if symbol.is_undefined(endian)
                || symbol.st_bind() == elf::STB_LOCAL
                || (absolute && self.nodes.contains(&name))
            {
                continue;
            }
            let mut node = String::new();
            if let Some(versions) = &versions {
                let version = versions.version_index(endian, SymbolIndex(index.0));
                if version.is_hidden() {
                    node.push_str("hidden ");
                }
                if let Some(version) = versions.version(version.index())? {
                    node.push_str(&text(version.name()));
                }
            }
            let start = symbol.st_value(endian).into();
            let end = start + symbol.st_size(endian).into();
            self.ranges.insert(name.clone(), start..end);
            self.exports.insert(name, node);
        }
        Ok(())
    }

    fn add_segments<H: FileHeader<Endian = Endianness>>(&mut self, file: &File<H>) -> Result<()> {
        let (header, endian, data, sections) = (file.header, file.endian, file.data, file.sections);
        let strings = sections.symbols(endian, data, elf::SHT_DYNSYM)?.strings();
        for segment in header.program_headers(endian, data)? {
            let flags = segment.p_flags(endian);
            match segment.p_type(endian) {
                elf::PT_GNU_RELRO => self.mark(Mark::Relro, true),
                elf::PT_GNU_STACK => self.mark(Mark::PlainStack, !flags.contains(elf::PF_X)),
                elf::PT_LOAD => self.mark(
                    Mark::WritableCode,
                    flags.contains(elf::PF_X) && flags.contains(elf::PF_W),
                ),
                _ => {}
            }
            for entry in segment.dynamic(endian, data)?.unwrap_or_default() {
                let value: u64 = entry.d_val(endian).into();
                let string = || -> Result<String> {
                    let bytes = strings.get(u32::try_from(value)?);
                    Ok(text(
                        bytes.ok().context("a dynamic entry points outside the string table")?,
                    ))
                };
                match entry.d_tag(endian) {
                    elf::DT_SONAME => self.soname = Some(string()?),
                    elf::DT_NEEDED => self.needed.push(string()?),
                    elf::DT_TEXTREL => self.mark(Mark::TextRelocations, true),
                    elf::DT_BIND_NOW => self.mark(Mark::BindNow, true),
                    elf::DT_FLAGS => {
                        self.mark(Mark::BindNow, value & elf::DF_BIND_NOW.0 != 0);
                        self.mark(Mark::TextRelocations, value & elf::DF_TEXTREL.0 != 0);
                    }
                    elf::DT_FLAGS_1 => {
                        self.mark(Mark::BindNow, value & elf::DF_1_NOW.0 != 0);
                        self.mark(Mark::NoDelete, value & elf::DF_1_NODELETE.0 != 0);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
