//! What will be executed: the file that a name means, and the ELF program behind a script.

use crate::elf::{self, Elf};
use crate::refusal::Refusal;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The kernel reads this much of a script's first line.
const LINE: usize = 256;
/// The kernel follows at most this many scripts to their interpreters.
const SCRIPTS: usize = 5;
/// Where execvp(3) searches without PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

pub struct Program {
    /// What is executed.
    pub path: PathBuf,
    /// The file whose code runs: that program, or the interpreter of a script.
    pub image: PathBuf,
    /// Nothing if the file may not be read, or is in a format that only the kernel knows (binfmt_misc).
    pub elf: Option<Elf>,
}

impl Program {
    /// Finds a program as execvp(3) does.
    pub fn find(name: &OsStr) -> Result<Self, Refusal> {
        let path = locate(name, std::env::var_os("PATH"))?;
        let mut image = path.clone();
        for _ in 0..SCRIPTS {
            match interpreter(&image) {
                Ok(Some(interpreter)) => {
                    if !interpreter.exists() {
                        return Err(Refusal::not_found(format!(
                            "cannot execute {}: there is no {}, which its first line names",
                            image.display(),
                            interpreter.display()
                        )));
                    }
                    image = interpreter;
                }
                Ok(None) => break,
                // A program may be executable and not readable.
                Err(_) => {
                    let elf = None;
                    return Ok(Self { path, image, elf });
                }
            }
        }
        let elf = elf::read(&image).map_err(|error| Refusal::of(&image, &error))?;
        Ok(Self { path, image, elf })
    }
}

fn locate(name: &OsStr, path: Option<OsString>) -> Result<PathBuf, Refusal> {
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return executable(&path)
            .map_err(|error| Refusal::of(&path, &error))
            .map(|()| path);
    }
    let path = path.unwrap_or_else(|| DEFAULT_PATH.into());
    let mut refused = None;
    for folder in std::env::split_paths(&path).filter(|_| !name.is_empty()) {
        let folder = if folder.as_os_str().is_empty() {
            ".".into()
        } else {
            folder
        };
        let file = folder.join(name);
        match executable(&file) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                refused.get_or_insert_with(|| Refusal::of(&file, &error));
            }
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or_else(|| {
        Refusal::not_found(format!("{} is not in any directory of PATH", Path::new(name).display()))
    }))
}

/// Whether the calling process may execute a file.
fn executable(file: &Path) -> io::Result<()> {
    // Without this a directory would count, because it may be searched.
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is not a regular file",
        ));
    }
    Ok(accessat(CWD, file, Access::EXEC_OK, AtFlags::EACCESS)?)
}

/// The interpreter of a script. execvp(3) gives a file that the kernel does not know, and that looks like text, to
/// the shell.
fn interpreter(file: &Path) -> io::Result<Option<PathBuf>> {
    let mut line = Vec::new();
    File::open(file)?.take(LINE as u64).read_to_end(&mut line)?;
    if let Some(rest) = line.strip_prefix(b"#!") {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let start = rest.iter().position(|byte| !blank(byte)).unwrap_or(rest.len());
        let rest = &rest[start..];
        let end = rest.iter().position(|byte| blank(byte) || matches!(byte, b'\n' | 0));
        let name = &rest[..end.unwrap_or(rest.len())];
        return Ok((!name.is_empty()).then(|| OsStr::from_bytes(name).into()));
    }
    let text = !line.starts_with(b"\x7fELF") && !line.contains(&0);
    Ok(text.then(|| "/bin/sh".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::{NOT_EXECUTABLE, NOT_FOUND};
    use std::os::unix::fs::PermissionsExt as _;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("ironring-program-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn file(&self, name: &str, text: &[u8], mode: u32) -> PathBuf {
            let file = self.0.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            file
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_first_executable_in_path_is_taken() {
        let folder = Folder::new("path");
        folder.file("a/x", b"", 0o644);
        fs::create_dir_all(folder.0.join("b/x")).unwrap();
        let wanted = folder.file("c/x", b"", 0o755);
        folder.file("d/x", b"", 0o755);
        let path = |names: &[&str]| Some(std::env::join_paths(names.iter().map(|name| folder.0.join(name))).unwrap());
        let status =
            |name: &str, names: &[&str]| locate(name.as_ref(), path(names)).err().map(|refusal| refusal.status);
        assert_eq!(
            locate("x".as_ref(), path(&["none", "a", "b", "c", "d"])).unwrap(),
            wanted
        );
        assert_eq!(status("x", &["a", "none"]), Some(NOT_EXECUTABLE));
        assert_eq!(status("x", &["b"]), Some(NOT_EXECUTABLE));
        assert_eq!(status("y", &["a", "c"]), Some(NOT_FOUND));
        assert_eq!(status("", &["c"]), Some(NOT_FOUND));
        assert_eq!(locate("sh".as_ref(), None).unwrap(), Path::new("/bin/sh"));
    }

    #[test]
    fn the_line_of_a_script_names_its_interpreter() {
        let folder = Folder::new("script");
        let long = format!("#!/{}", "x".repeat(400));
        for (text, wanted) in [
            (&b"#!/bin/sh\nexit\n"[..], Some("/bin/sh")),
            (b"#! \t/usr/bin/env python3\n", Some("/usr/bin/env")),
            (b"#!/bin/true", Some("/bin/true")),
            (b"#!\n", None),
            (b"exit 3\n", Some("/bin/sh")),
            (b"", Some("/bin/sh")),
            (b"\x7fELF\x02\x01", None),
            (b"MZ\0\0", None),
            (long.as_bytes(), Some(&long[2..LINE])),
        ] {
            let file = folder.file("script", text, 0o755);
            let found = interpreter(&file).unwrap();
            assert_eq!(
                found.as_deref(),
                wanted.map(Path::new),
                "{}",
                String::from_utf8_lossy(text)
            );
        }
    }

    #[test]
    fn a_chain_of_scripts_is_followed() {
        let folder = Folder::new("chain");
        let first = folder.file("first", b"#!/bin/sh\n", 0o755);
        let second = folder.file("second", format!("#!{}\n", first.display()).as_bytes(), 0o755);
        let program = Program::find(second.as_os_str()).unwrap();
        assert_eq!((program.path, program.image), (second, "/bin/sh".into()));
        let broken = folder.file("broken", b"#!/no/such/interpreter\n", 0o755);
        let refusal = Program::find(broken.as_os_str())
            .err()
            .expect("the interpreter is missing");
        assert_eq!(refusal.status, NOT_FOUND);
        assert!(refusal.to_string().contains("/no/such/interpreter"), "{refusal}");
    }
}
