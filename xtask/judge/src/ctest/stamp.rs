//! Compiles a program only if something has changed: the command, the compiler, or a file that the program was made from.
//! Beside the program lie its stamp, a hash of all these, and the compiler's list of the files.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Runs the command of a compiler that makes `exe`, unless that is up to date.
pub fn build(cc: &mut Command, exe: &Path) -> Result<()> {
    let list = exe.with_extension("d");
    let stamp = exe.with_extension("stamp");
    let before = fs::read_to_string(&stamp).unwrap_or_default();
    if exe.is_file() && hash(cc, &list).is_ok_and(|hash| hash == before) {
        return Ok(());
    }
    let _ = fs::remove_file(&stamp);
    let mut listing = Command::new(cc.get_program());
    listing.args(cc.get_args()).arg("-MD").arg("-MF").arg(&list);
    base::output(&mut listing)?;
    fs::write(&stamp, hash(cc, &list)?).with_context(|| format!("can't write {}", stamp.display()))
}

/// A program's stamp: whoever has the same was made from the same.
pub fn of(exe: &Path) -> Option<String> {
    fs::read_to_string(exe.with_extension("stamp")).ok()
}

/// Of the command, the compiler's version, the archives it links, and the files in the list. The system's headers come
/// with the compiler and the C library; a shared library need not be the one that a program was linked with.
fn hash(cc: &Command, list: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    base::show(cc).hash(&mut hasher);
    version(cc.get_program().to_owned())?.hash(&mut hasher);
    let archives = cc.get_args().map(Path::new);
    for archive in archives.filter(|path| path.extension().is_some_and(|ext| ext == "a")) {
        fs::read(archive)?.hash(&mut hasher);
    }
    let text = fs::read_to_string(list)?.replace("\\\n", " ");
    let (_, files) = text.split_once(": ").context("no list of files")?;
    for file in files.split_whitespace().filter(|file| !file.starts_with("/usr/")) {
        fs::read(file).with_context(|| file.to_owned())?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// What a compiler says about itself, asked once.
fn version(compiler: OsString) -> Result<String> {
    static KNOWN: Mutex<BTreeMap<OsString, String>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(version) = known.get(&compiler) {
        return Ok(version.clone());
    }
    let version = base::stdout(Command::new(&compiler).arg("--version"))?;
    known.insert(compiler, version.clone());
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_program_is_compiled_again_when_something_has_changed() {
        let folder = Folder(std::env::temp_dir().join(format!("ironring-stamp-{}", std::process::id())));
        base::fresh(&folder.0).unwrap();
        let [source, header, exe] = ["a.c", "a.h", "a"].map(|name| folder.0.join(name));
        fs::write(&source, "#include \"a.h\"\nint main(void) { return A; }\n").unwrap();
        let run = |value: u8, flags: &[&str]| {
            fs::write(&header, format!("#define A ({value} + B)\n")).unwrap();
            let mut cc = base::compile::c().unwrap();
            cc.args(flags).arg(&source).arg("-o").arg(&exe);
            build(&mut cc, &exe).unwrap();
            let made = fs::metadata(&exe).unwrap().modified().unwrap();
            (Command::new(&exe).status().unwrap().code(), made)
        };
        let first = run(1, &["-DB=0"]);
        assert_eq!(first.0, Some(1));
        assert_eq!(run(1, &["-DB=0"]), first);
        assert_eq!(run(2, &["-DB=0"]).0, Some(2));
        assert_eq!(run(2, &["-DB=3"]).0, Some(5));
    }
}
