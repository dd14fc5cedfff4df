//! The archives' gates: a program links members one by one, and none may clash with the program's symbols.

use super::elf::{self, Elf};
use super::map::Map;
use super::{Gates, HEAP, list};
use crate::peer::Peer;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Not API, but the original's archive has them and its test suite links them.
const ARCHIVE_ONLY: [&str; 4] = [
    "__io_uring_queue_init_params",
    "io_uring_mmap",
    "io_uring_setup_ring_pointers",
    "io_uring_unmap_rings",
];

/// The limit for `liburing.a` in bytes. Over a third of it is empty relocations: `ld -r` leaves each member as many as
/// the unwind tables of the whole library have.
const MOST_ARCHIVE: usize = 88 * 1024;

type Members = BTreeMap<String, Elf>;

impl Gates {
    pub fn archive(&mut self, dir: &Path, name: &str, map: &Map, peer: Option<&Peer>) -> Result<()> {
        let data = self.load(dir, format!("{name}.a"))?;
        let elf = elf::archive(&data).with_context(|| self.file.clone())?;
        let members = elf::members(&data)?;
        let mut want: BTreeSet<String> = map.symbols.keys().cloned().collect();
        want.extend(ARCHIVE_ONLY.map(String::from));
        let mut wrong = list("missing", want.difference(&elf.globals));
        wrong.extend(list("must be local", elf.globals.difference(&want)));
        self.gate(
            "the API and four more, all else local",
            elf.globals.len(),
            &wrong,
            "ld -r -u SYMBOL brings a symbol in, objcopy --keep-global-symbols makes all others local",
        );
        self.heap(&members);
        if let Some(peer) = peer {
            self.links_as_peer(&members, name, peer)?;
        }
        self.undefined(&elf, &HEAP);
        self.constants(&elf);
        self.no_panic(&elf, &data);
        self.no_bitcode(&elf);
        let parts: Vec<(&str, &Elf)> = members.iter().map(|(name, elf)| (&**name, elf)).collect();
        self.shadow_stack(&parts, true);
        let over = name == "liburing" && self.limited(&elf) && data.len() >= MOST_ARCHIVE;
        self.gate(
            "size, bytes",
            data.len(),
            &list("the limit is", over.then(|| MOST_ARCHIVE.to_string()).as_ref()),
            "strip --strip-debug and ld -r --gc-sections remove what the API doesn't reach; look for what they left",
        );
        Ok(())
    }

    /// A weak reference links nothing from a static libc, so `free()` could get memory that it didn't allocate; and all
    /// other members must work in a program without libc.
    fn heap(&mut self, members: &Members) {
        let mut wrong = Vec::new();
        for (name, elf) in members {
            wrong.extend(list(&format!("{name} has weak references"), &elf.weak));
            let heap: Vec<String> = HEAP.map(String::from).into();
            let wanted = heap.iter().filter(|symbol| elf.undefined.contains(*symbol)).count();
            if wanted != if name == "probe" { HEAP.len() } else { 0 } {
                wrong.push(format!("{name} references {wanted} functions of the heap"));
            }
        }
        self.gate(
            "members; only probe uses the heap",
            members.len(),
            &wrong,
            "src/probe.rs names the heap's functions; the Makefile makes them weak, but not in members",
        );
    }

    /// A program that calls one function and defines another must link if it links with the peer's archive: ours adds
    /// no more to the program than that.
    fn links_as_peer(&mut self, ours: &Members, name: &str, peer: &Peer) -> Result<()> {
        let path = peer.lib.join(format!("{name}.a"));
        let theirs = elf::members(&fs::read(&path)?).with_context(|| path.display().to_string())?;
        let known: BTreeSet<&String> = theirs.values().flat_map(|elf| &elf.globals).collect();
        let mut wrong = Vec::new();
        let mut pairs = 0;
        for (member, elf) in ours {
            let mut clashes = Vec::new();
            for symbol in elf.globals.iter().filter(|symbol| known.contains(symbol)) {
                let (taken, allowed) = (taken(ours, symbol), taken(&theirs, symbol));
                pairs += taken.len() - 1;
                let more = taken.difference(&allowed).filter(|symbol| known.contains(*symbol));
                clashes.extend(more.map(|more| format!("a program that calls {symbol} can't define {more}")));
            }
            if let Some(first) = clashes.first() {
                wrong.push(format!("{member}: {first}, and {} more", clashes.len() - 1));
            }
        }
        self.gate(
            "links where the peer's does, pairs",
            pairs,
            &wrong,
            "change MEMBERS in xtask/generator/src/maps.rs",
        );
        Ok(())
    }
}

/// All symbols that a program defines when it links one symbol from an archive.
fn taken<'a>(members: &'a Members, symbol: &'a String) -> BTreeSet<&'a String> {
    let mut taken = BTreeSet::new();
    let mut open = vec![symbol];
    while let Some(symbol) = open.pop() {
        let member = members.values().find(|elf| elf.globals.contains(symbol));
        if let Some(elf) = member.filter(|_| !taken.contains(symbol)) {
            taken.extend(&elf.globals);
            open.extend(&elf.undefined);
        }
    }
    taken
}
