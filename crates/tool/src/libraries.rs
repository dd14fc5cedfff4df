//! Finds the directory of the libraries with the engine.

use crate::refusal::Refusal;
use std::env::{self, consts};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The library's soname, by which programs and the loader know it.
pub const LIBURING: &str = "liburing.so.2";
/// The same with functions for what C programs compile from the header.
pub const FFI: &str = "liburing-ffi.so.2";

/// Names the directory where the command line doesn't.
const VARIABLE: &str = "IRONRING_LIB";

/// The directory that the command line or the environment names, or the first one that has the library.
pub fn find(given: Option<&Path>) -> Result<PathBuf, Refusal> {
    let variable = env::var_os(VARIABLE).filter(|value| !value.is_empty());
    let named = match (given, &variable) {
        (Some(folder), _) => Some(("--lib", folder)),
        (None, Some(folder)) => Some((VARIABLE, Path::new(folder))),
        (None, None) => None,
    };
    let Some((by, folder)) = named else {
        return search(&candidates(env::current_exe().ok().as_deref(), &multiarch()));
    };
    let library = folder.join(LIBURING);
    if !library.is_file() {
        return Err(Refusal::own(format!(
            "{by} names {}, where there is no {LIBURING}",
            folder.display()
        )));
    }
    if !has_engine(&library) {
        return Err(Refusal::own(format!(
            "{by} names {}, whose {LIBURING} has no engine; in a build tree of ironring, the directory is target/engine/lib",
            folder.display()
        )));
    }
    // The program may change its working directory before it loads a library.
    std::path::absolute(folder).map_err(|error| Refusal::own(format!("{}: {error}", folder.display())))
}

fn search(folders: &[PathBuf]) -> Result<PathBuf, Refusal> {
    if let Some(folder) = folders.iter().find(|folder| has_engine(&folder.join(LIBURING))) {
        return Ok(folder.clone());
    }
    let mut what = String::from("the libraries with the engine are not installed; looked for ");
    what += LIBURING;
    what += " in";
    for folder in folders {
        let _ = write!(what, "\n    {}", folder.display());
    }
    let _ = write!(
        what,
        "\nto mend: install them (`make install` in ironring's source does), or name their directory with --lib or \
         {VARIABLE}"
    );
    Err(Refusal::own(what))
}

/// Whether a library has the engine. One that obeys IRONRING and IRONRING_LOG contains their names.
fn has_engine(library: &Path) -> bool {
    const NAME: &[u8] = b"IRONRING_LOG\0";
    fs::read(library).is_ok_and(|bytes| bytes.windows(NAME.len()).any(|window| window == NAME))
}

/// Where the libraries can be, for a command at this place: beside it, then where systems keep libraries.
fn candidates(command: Option<&Path>, multiarch: &str) -> Vec<PathBuf> {
    let library_folders = |prefix: &Path| {
        [format!("lib/{multiarch}"), "lib64".into(), "lib".into()].map(|lib| prefix.join(lib).join("ironring"))
    };
    let mut folders = Vec::new();
    // PREFIX/bin/ironring; in a build tree, target/bin/ironring.
    if let Some(prefix) = command.and_then(Path::parent).and_then(Path::parent) {
        folders.extend(library_folders(prefix));
        folders.push(prefix.join("engine/lib"));
    }
    for prefix in ["/usr/local", "/usr"] {
        for folder in library_folders(Path::new(prefix)) {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    }
    folders
}

/// Debian's name for this system, of which it has a directory in lib.
fn multiarch() -> String {
    let libc = if cfg!(target_env = "musl") { "musl" } else { "gnu" };
    let little = cfg!(target_endian = "little");
    let (cpu, abi) = match consts::ARCH {
        "x86" => ("i386", ""),
        "arm" => ("arm", "eabihf"),
        "powerpc64" if little => ("powerpc64le", ""),
        cpu => (cpu, ""),
    };
    format!("{cpu}-linux-{libc}{abi}")
}

/// A list of the loader's with one more item at its beginning. An empty item would mean the working directory, so an
/// empty list must not be appended.
pub fn prepend(item: &Path, list: Option<OsString>) -> OsString {
    let mut new = item.as_os_str().to_owned();
    if let Some(list) = list.filter(|list| !list.is_empty()) {
        if env::split_paths(&list).next().as_deref() == Some(item) {
            return list;
        }
        new.push(":");
        new.push(list);
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directories_beside_the_command_come_first() {
        let list = |command: &str| candidates(Some(Path::new(command)), "x86_64-linux-gnu");
        let opt = list("/opt/ring/bin/ironring");
        let wanted = [
            "/opt/ring/lib/x86_64-linux-gnu/ironring",
            "/opt/ring/lib64/ironring",
            "/opt/ring/lib/ironring",
            "/opt/ring/engine/lib",
            "/usr/local/lib/x86_64-linux-gnu/ironring",
        ];
        assert_eq!(opt[..5], wanted.map(PathBuf::from));
        let usr = list("/usr/bin/ironring");
        assert_eq!(usr[0], Path::new("/usr/lib/x86_64-linux-gnu/ironring"));
        let places: std::collections::BTreeSet<_> = usr.iter().collect();
        assert_eq!(places.len(), usr.len(), "a directory is there twice: {usr:?}");
    }

    #[test]
    fn the_first_directory_with_the_library_is_found() {
        let top = env::temp_dir().join(format!("ironring-libraries-{}", std::process::id()));
        let folders = ["none", "plain", "engine", "other"].map(|name| top.join(name));
        for (folder, text) in folders[1..].iter().zip(["", "xIRONRING_LOG\0x", "IRONRING_LOG\0"]) {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join(LIBURING), text).unwrap();
        }
        assert_eq!(search(&folders).unwrap(), folders[2]);
        fs::remove_dir_all(&top).unwrap();
        let said = search(&folders).unwrap_err().to_string();
        for folder in &folders {
            assert!(said.contains(&folder.display().to_string()), "{said}");
        }
        assert!(said.contains("--lib") && said.contains("make install"), "{said}");
    }

    #[test]
    fn lists_never_get_an_empty_item() {
        let prepend = |list: Option<&str>| prepend(Path::new("/x"), list.map(OsString::from));
        assert_eq!(prepend(None), "/x");
        assert_eq!(prepend(Some("")), "/x");
        assert_eq!(prepend(Some("/a:/b")), "/x:/a:/b");
        assert_eq!(prepend(Some("/x:/a")), "/x:/a");
        assert_eq!(prepend(Some("/xy")), "/x:/xy");
    }
}
