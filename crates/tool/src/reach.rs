//! Programs into which no library can be put.

use crate::elf::{self, Machine};
use crate::libraries::LIBURING;
use crate::loader::is_loader;
use crate::program::Program;
use rustix::fs::StatVfsMountFlags;
use rustix::process::{getegid, geteuid, getgid, getuid};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Why a program cannot use the libraries in a directory; nothing if it can, as far as its file shows.
pub fn obstacle(program: &Program, folder: &Path) -> Option<String> {
    let image = program.image.display();
    let elf = program.elf.as_ref()?;
    let library: Option<Machine> = elf::read(&folder.join(LIBURING)).ok().flatten().map(|elf| elf.machine);
    let Some(library) = library else {
        return Some(format!("{} is not an ELF file", folder.join(LIBURING).display()));
    };
    if elf.machine != library {
        return Some(format!(
            "{image} is a program for {}, and the libraries in {} are for {library}",
            elf.machine,
            folder.display()
        ));
    }
    if elf.interpreter.is_none() && !is_loader(&program.image) {
        return Some(format!("{image} is statically linked, so it loads no libraries"));
    }
    let why = File::of(&program.image)?.privileges(&Process::this())?;
    Some(format!("{image} {why}, so the dynamic loader ignores LD_LIBRARY_PATH"))
}

/// What decides whether a program gets AT_SECURE, in the file.
struct File {
    mode: u32,
    owner: u32,
    group: u32,
    /// The attribute in which file capabilities are stored.
    capabilities: Vec<u8>,
    /// Whether the file system is mounted with nosuid.
    no_set_id: bool,
}

/// And in the process that executes it.
struct Process {
    uid: u32,
    effective_uid: u32,
    gid: u32,
    effective_gid: u32,
    no_new_privileges: bool,
}

impl Process {
    fn this() -> Self {
        Self {
            uid: getuid().as_raw(),
            effective_uid: geteuid().as_raw(),
            gid: getgid().as_raw(),
            effective_gid: getegid().as_raw(),
            no_new_privileges: rustix::thread::no_new_privs().unwrap_or(false),
        }
    }
}

impl File {
    fn of(path: &Path) -> Option<Self> {
        let status = std::fs::metadata(path).ok()?;
        let mut capabilities = vec![0; 64];
        let length = rustix::fs::getxattr(path, "security.capability", &mut capabilities).unwrap_or(0);
        capabilities.truncate(length);
        let mount = rustix::fs::statvfs(path).ok();
        Some(Self {
            mode: status.mode(),
            owner: status.uid(),
            group: status.gid(),
            capabilities,
            no_set_id: mount.is_some_and(|mount| mount.f_flag.contains(StatVfsMountFlags::NOSUID)),
        })
    }

    /// Which privileges make the kernel set AT_SECURE when the process executes the file. Security modules, which can do
    /// so too, are not asked.
    fn privileges(&self, process: &Process) -> Option<&'static str> {
        let set_id = !self.no_set_id && !process.no_new_privileges;
        // Without the group's execute bit, the set-group-ID bit means something else.
        let has = |bits: u32| set_id && self.mode & bits == bits;
        let uid = if has(libc::S_ISUID) {
            self.owner
        } else {
            process.effective_uid
        };
        let gid = if has(libc::S_ISGID | libc::S_IXGRP) {
            self.group
        } else {
            process.effective_gid
        };
        if uid != process.uid {
            return Some("runs with another user's privileges (set-user-ID)");
        }
        if gid != process.gid {
            return Some("runs with another group's privileges (set-group-ID)");
        }
        let raised = self.effective() || (self.permitted() && !process.no_new_privileges);
        (raised && !self.no_set_id && process.uid != 0).then_some("has file capabilities")
    }

    /// The attribute's words: a version with flags, then permitted and inheritable capabilities in turn.
    fn word(&self, at: usize) -> u32 {
        let bytes = self.capabilities.get(4 * at..4 * at + 4);
        bytes.map_or(0, |bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn effective(&self) -> bool {
        self.word(0) & 1 != 0
    }

    fn permitted(&self) -> bool {
        // Version 1 has one word of each kind, and ends before the fourth.
        self.word(1) | self.word(3) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Process = Process {
        uid: 1000,
        effective_uid: 1000,
        gid: 1000,
        effective_gid: 1000,
        no_new_privileges: false,
    };

    fn file(mode: u32, owner: u32, group: u32) -> File {
        File {
            mode: 0o100_000 | mode,
            owner,
            group,
            capabilities: Vec::new(),
            no_set_id: false,
        }
    }

    #[test]
    fn set_id_counts_if_the_id_changes() {
        for (mode, owner, group, wanted) in [
            (0o755, 0, 0, false),
            (0o4755, 0, 0, true),
            (0o4755, 1000, 0, false),
            (0o2755, 0, 50, true),
            (0o2755, 0, 1000, false),
            (0o2745, 0, 50, false),
        ] {
            let secure = file(mode, owner, group).privileges(&USER).is_some();
            assert_eq!(secure, wanted, "{mode:o} {owner} {group}");
        }
    }

    #[test]
    fn set_id_does_not_count_where_the_kernel_ignores_it() {
        let bound = Process {
            no_new_privileges: true,
            ..USER
        };
        assert!(file(0o4755, 0, 0).privileges(&bound).is_none());
        let mounted = File {
            no_set_id: true,
            ..file(0o6755, 0, 0)
        };
        assert!(mounted.privileges(&USER).is_none());
        let raised = Process {
            effective_uid: 0,
            ..USER
        };
        assert!(mounted.privileges(&raised).is_some());
    }

    #[test]
    fn capabilities_count_for_users_other_than_root() {
        let with = |flags: u32, permitted: u32, inheritable: u32| File {
            capabilities: [0x0200_0000 | flags, 0, 0, permitted, inheritable]
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .collect(),
            ..file(0o755, 0, 0)
        };
        let root = Process {
            uid: 0,
            effective_uid: 0,
            ..USER
        };
        assert!(with(1, 2, 0).privileges(&USER).is_some());
        assert!(with(0, 2, 0).privileges(&USER).is_some());
        assert!(with(0, 0, 2).privileges(&USER).is_none());
        assert!(with(1, 2, 0).privileges(&root).is_none());
    }
}
