//! The gates of what the compiler left in the plain libraries.

use super::elf::{Elf, Mark};
use super::{Gates, list};

impl Gates {
    /// Constants could hold a jump table, whose targets don't begin with endbr64.
    pub fn constants(&mut self, elf: &Elf) {
        let constants = elf.sections.iter().filter(|name| name.starts_with(".rodata"));
        let wrong = list(
            "with the property IBT",
            constants.filter(|_| elf.is(Mark::IndirectBranches)),
        );
        self.gate("no constants with IBT", wrong.len(), &wrong, "IBT in the Makefile");
    }

    /// No path to Rust's panic handler.
    pub fn no_panic(&mut self, elf: &Elf, data: &[u8]) {
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
        // A stripped library has no such symbols, but a panic that is reached carries its message and its source file.
        for text in ["panicked", "library/core/src", "attempt to ", "out of bounds"] {
            if data.windows(text.len()).any(|window| window == text.as_bytes()) {
                wrong.push(format!("the text {text:?}"));
            }
        }
        self.gate(
            "no path to a panic",
            wrong.len(),
            &wrong,
            "look for indexing, division, +, - or << that the optimiser can't prove harmless; use wrapping_*, a raw \
             pointer, or a mask",
        );
    }

    pub fn no_bitcode(&mut self, elf: &Elf) {
        let bitcode = elf.sections.iter().filter(|name| name.contains(".llvm"));
        let bitcode = list("section", bitcode);
        let mend = "objcopy --remove-section=.llvmbc --remove-section=.llvmcmd";
        self.gate("no bitcode", bitcode.len(), &bitcode, mend);
    }
}
