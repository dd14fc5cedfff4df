//! What the dynamic loader is told, and what it answers.
//!
//! `LD_LIBRARY_PATH` is what makes a program load our library. It reaches programs that are linked with liburing.so.2 or
//! liburing-ffi.so.2, whatever their `DT_RUNPATH`, and those that dlopen(3) either by its name, and their children. Programs
//! that use neither load nothing, and the loader skips a library of another ELF class without a word, so 32-bit children
//! of 64-bit programs are as before.
//!
//! `LD_PRELOAD` would load the library into every child, would print an error in each child of another class, and would
//! take the place of functions in programs that bring a liburing of their own. It is right in one case: the loader
//! searches `DT_RPATH`, the predecessor of `DT_RUNPATH`, before `LD_LIBRARY_PATH`. So the loader is asked which libraries
//! the program would get, and only what it would take from elsewhere is preloaded too. A library that is loaded already
//! is also used for every later one with its soname.

use crate::libraries::{FFI, LIBURING};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The library of liburing before 2.0, which has another ABI.
const OLD: &str = "liburing.so.1";

/// The libraries of liburing that a program is linked with, and where the loader finds them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Linked {
    pub libraries: Vec<(&'static str, PathBuf)>,
    /// Whether the program uses liburing before 2.0.
    pub old: bool,
}

impl Linked {
    /// Asks a program's loader, with the `LD_LIBRARY_PATH` that the program will have. Where the loader cannot be asked
    /// nothing is known of the program, as of one that uses dlopen(3).
    pub fn ask(interpreter: &Path, image: &Path, search: &OsStr) -> Self {
        if !is_loader(interpreter) {
            return Self::default();
        }
        let mut loader = Command::new(interpreter);
        loader.arg("--list").arg(image).env("LD_LIBRARY_PATH", search);
        let out = loader.stdin(Stdio::null()).stderr(Stdio::null()).output();
        out.map_or_else(
            |_| Self::default(),
            |out| Self::parse(&String::from_utf8_lossy(&out.stdout)),
        )
    }

    /// Reads lines such as `liburing.so.2 => /usr/lib/liburing.so.2 (0x00007f0000000000)`.
    fn parse(list: &str) -> Self {
        let mut linked = Self::default();
        for line in list.lines() {
            let line = line.trim().rsplit_once(" (0x").map_or("", |(line, _)| line);
            // A preloaded library, or one that is linked by its path, has no name of its own there.
            let (name, path) = match line.split_once(" => ") {
                Some((name, path)) => (name, Path::new(path)),
                None => (line.rsplit('/').next().unwrap_or_default(), Path::new(line)),
            };
            match name.rsplit('/').next() {
                Some(LIBURING) => linked.libraries.push((LIBURING, path.into())),
                Some(FFI) => linked.libraries.push((FFI, path.into())),
                Some(OLD) => linked.old = true,
                _ => {}
            }
        }
        linked
    }

    /// The libraries that the loader would take from elsewhere than this directory.
    pub fn elsewhere(&self, folder: &Path) -> Vec<&'static str> {
        let other = |(name, path): &&(&str, PathBuf)| {
            let real = |path: &Path| fs::canonicalize(path).ok();
            real(path) != real(&folder.join(name))
        };
        self.libraries.iter().filter(other).map(|(name, _)| *name).collect()
    }
}

/// Whether a file is the dynamic loader of glibc or musl. Nobody knows what another one does with options.
pub fn is_loader(file: &Path) -> bool {
    let name = file.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    ["ld-linux", "ld-musl-", "ld64.so.", "ld.so."]
        .iter()
        .any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_glibc_and_musl_are_read() {
        let glibc = "\tlinux-vdso.so.1 (0x00007ffd3d5f2000)\n\
            \tliburing-ffi.so.2 => /opt/a b/liburing-ffi.so.2 (0x00007f0b5c600000)\n\
            \tliburing.so.3 => not found\n\
            \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f0b5c400000)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f0b5c7e0000)\n";
        assert_eq!(
            Linked::parse(glibc).libraries,
            [(FFI, PathBuf::from("/opt/a b/liburing-ffi.so.2"))]
        );
        let musl = "\t/lib/ld-musl-x86_64.so.1 (0x7f1)\n\tliburing.so.2 => /usr/lib/liburing.so.2 (0x7f2)\n";
        assert_eq!(
            Linked::parse(musl).libraries,
            [(LIBURING, PathBuf::from("/usr/lib/liburing.so.2"))]
        );
        let preloaded = "\t/opt/liburing.so.2 (0x7f1)\n\tliburing.so.1 => /usr/lib/liburing.so.1 (0x7f2)\n";
        let linked = Linked::parse(preloaded);
        assert_eq!(linked.libraries, [(LIBURING, PathBuf::from("/opt/liburing.so.2"))]);
        assert!(linked.old);
        assert_eq!(Linked::parse("\tnot a dynamic executable\n"), Linked::default());
    }

    #[test]
    fn a_library_in_another_directory_is_noticed() {
        let linked = Linked {
            libraries: vec![(LIBURING, "/proc/self/exe".into())],
            old: false,
        };
        assert_eq!(linked.elsewhere(Path::new("/proc/self")), [LIBURING]);
    }

    #[test]
    fn loaders_have_known_names() {
        for loader in [
            "/lib64/ld-linux-x86-64.so.2",
            "/lib/ld-musl-aarch64.so.1",
            "/lib64/ld64.so.2",
            "/lib/ld.so.1",
        ] {
            assert!(is_loader(Path::new(loader)), "{loader}");
        }
        for other in ["/bin/ld", "/usr/bin/ld.bfd", "/bin/sh"] {
            assert!(!is_loader(Path::new(other)), "{other}");
        }
    }
}
