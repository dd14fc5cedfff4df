//! What the barriers of the C headers become on three processors.

use super::{Cpu, Judge};
use anyhow::{Context, Result, ensure};
use std::path::Path;

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
