//! The archives' gates: members that a program takes one by one, and that clash with nothing of its own.

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

/// `liburing.a` in bytes. A good third of it are empty relocations, as `ld -r` leaves each member as many as the unwind
/// tables of the whole library have.
const MOST_ARCHIVE: usize = 80 * 1024;

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
            &elf.globals.len(),
            &wrong,
            "ld -r -u SYMBOL brings a symbol in, objcopy --keep-global-symbols makes all others local",
        );
        self.heap(&members);
        if let Some(peer) = peer {
            self.links_as_peer(&members, name, peer)?;
        }
        self.undefined(&elf, &HEAP);
        self.no_panic(&elf, &data);
        let parts: Vec<(&str, &Elf)> = members.iter().map(|(name, elf)| (&**name, elf)).collect();
        self.shadow_stack(&parts);
        let over = name == "liburing" && self.limited(&elf) && data.len() >= MOST_ARCHIVE;
        self.gate(
            "size, bytes",
            &data.len(),
            &list("the limit is", over.then(|| MOST_ARCHIVE.to_string()).as_ref()),
            "strip --strip-debug, and ld -r --gc-sections: what is in it that the API doesn't reach?",
        );
        Ok(())
    }

    /// A weak reference takes nothing out of a static libc, so that `free()` would get what isn't its own; and any
    /// other member must do in a program without libc.
    fn heap(&mut self, members: &Members) {
        let mut wrong = Vec::new();
        for (name, elf) in members {
            wrong.extend(list(&format!("{name} wants weakly"), &elf.weak));
            let heap: Vec<String> = HEAP.map(String::from).into();
            let wanted = heap.iter().filter(|symbol| elf.undefined.contains(*symbol)).count();
            if wanted != if name == "probe" { HEAP.len() } else { 0 } {
                wrong.push(format!("{name} wants {wanted} functions of the heap"));
            }
        }
        self.gate(
            "members; only probe wants the heap",
            &members.len(),
            &wrong,
            "src/probe.rs says what is wanted of the heap; the Makefile makes it weak, but not in members",
        );
    }

    /// A program that calls one function and has another itself must link when it does with the peer's archive: ours
    /// takes no more into the program than that.
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
                clashes.extend(more.map(|more| format!("who calls {symbol} can't have a {more}")));
            }
            if let Some(first) = clashes.first() {
                wrong.push(format!("{member}: {first}, and {} more", clashes.len() - 1));
            }
        }
        self.gate(
            "links where the peer's does, pairs",
            &pairs,
            &wrong,
            "MEMBERS in xtask/src/generate/maps.rs",
        );
        Ok(())
    }
}

/// All that a program defines that takes one symbol out of an archive.
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
