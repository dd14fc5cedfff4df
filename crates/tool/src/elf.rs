//! What an ELF file's headers say.

use object::elf::{EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_PPC, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64};
use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{Endianness, FileKind, ReadCache, ReadRef};
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// The processor and the ABI for which a file was built. A loader takes only libraries that have the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    bits: u8,
    little: bool,
    number: object::elf::Machine,
}

pub struct Elf {
    pub machine: Machine,
    /// The dynamic loader that the program names. Static programs, libraries and loaders name none.
    pub interpreter: Option<PathBuf>,
}

/// Reads a file's headers; nothing if it is not an ELF file, or a damaged one.
pub fn read(path: &Path) -> io::Result<Option<Elf>> {
    let data = ReadCache::new(File::open(path)?);
    Ok(match FileKind::parse(&data) {
        Ok(FileKind::Elf32) => parse::<FileHeader32<Endianness>, _>(&data, 32).ok(),
        Ok(FileKind::Elf64) => parse::<FileHeader64<Endianness>, _>(&data, 64).ok(),
        _ => None,
    })
}

fn parse<'data, H, R>(data: R, bits: u8) -> object::Result<Elf>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = H::parse(data)?;
    let endian = header.endian()?;
    let mut interpreter = None;
    for segment in header.program_headers(endian, data)? {
        if let Some(path) = segment.interpreter(endian, data)? {
            interpreter = Some(PathBuf::from(OsString::from_vec(path.to_vec())));
        }
    }
    let machine = Machine {
        bits,
        little: endian == Endianness::Little,
        number: header.e_machine(endian),
    };
    Ok(Elf { machine, interpreter })
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = match self.number {
            EM_X86_64 if self.bits == 32 => "x32",
            EM_386 | EM_X86_64 => "x86",
            EM_AARCH64 | EM_ARM => "ARM",
            EM_LOONGARCH => "LoongArch",
            EM_PPC | EM_PPC64 => "PowerPC",
            EM_RISCV => "RISC-V",
            EM_S390 => "S/390",
            number => return write!(f, "{}-bit, ELF machine {}", self.bits, number.0),
        };
        // Where both orders are in use.
        let order = match (self.number, self.little) {
            (EM_PPC64 | EM_AARCH64, false) => ", big-endian",
            (EM_PPC64, true) => ", little-endian",
            _ => "",
        };
        write!(f, "{}-bit {name}{order}", self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_program_names_its_loader_and_its_machine() {
        let elf = read(&std::env::current_exe().unwrap())
            .unwrap()
            .expect("this is a program");
        assert_eq!(usize::from(elf.machine.bits), usize::BITS as usize);
        assert_eq!(elf.machine.little, cfg!(target_endian = "little"));
        if let Some(loader) = elf.interpreter {
            let loader = read(&loader).unwrap().expect("a loader is an ELF file");
            assert_eq!(loader.interpreter, None);
            assert_eq!(loader.machine, elf.machine);
        }
    }

    #[test]
    fn other_files_are_not_elf() {
        let folder = std::env::temp_dir().join(format!("ironring-elf-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for text in [
            "",
            "#!/bin/sh\n",
            "\x7fELF",
            "\x7fELF\x02\x01\x01 and then nothing that makes sense in one",
        ] {
            fs::write(folder.join("file"), text).unwrap();
            assert!(read(&folder.join("file")).unwrap().is_none(), "{text:?}");
        }
        fs::remove_dir_all(&folder).unwrap();
        assert!(read(&folder).is_err());
    }

    #[test]
    fn machines_have_names() {
        let name = |bits, little, number| Machine { bits, little, number }.to_string();
        assert_eq!(name(64, true, EM_X86_64), "64-bit x86");
        assert_eq!(name(32, true, EM_X86_64), "32-bit x32");
        assert_eq!(name(32, true, EM_386), "32-bit x86");
        assert_eq!(name(64, false, EM_PPC64), "64-bit PowerPC, big-endian");
        assert_eq!(name(64, true, object::elf::Machine(999)), "64-bit, ELF machine 999");
    }
}
