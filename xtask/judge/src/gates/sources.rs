//! The plain libraries are made without the engine: the compiler lists the source files that it has read for each
//! static library.

use super::{Gates, list};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// What only the flavour with the engine is made of.
const ENGINES: [&str; 4] = [
    "crates/engine/",
    "crates/engine-shipped/",
    "crates/half/",
    "/startup.rs",
];

/// How many files a report names.
const SHOWN: usize = 3;

impl Gates {
    pub fn sources(&mut self, dir: &Path) -> Result<()> {
        let release = release(dir)?;
        let [plain, flavour] = ["liburing.d", "liburing_engine.d"].map(|name| read(&release.join(name)));
        let (plain, flavour) = (plain?, flavour?);
        let engines = |file: &&String| ENGINES.iter().any(|part| file.contains(part));
        self.file = "liburing".into();
        let read: Vec<&String> = plain.iter().filter(engines).collect();
        let first = read.iter().copied().take(SHOWN);
        let mut wrong = list(&format!("{} read for the plain libraries", read.len()), first);
        // If the list said nothing about other crates, the gate would pass always.
        if !flavour.iter().any(|file| file.contains("crates/engine/")) {
            wrong.push("the list for the engine's flavour doesn't name the engine".into());
        }
        self.gate(
            "source files, none of the engine",
            plain.len(),
            &wrong,
            "the dependencies in crates/shipped/Cargo.toml",
        );
        Ok(())
    }
}

/// Where cargo left the static libraries of a folder `OUT/lib` or `OUT/TARGET/lib`.
pub fn release(lib: &Path) -> Result<PathBuf> {
    let lib = fs::canonicalize(lib).with_context(|| lib.display().to_string())?;
    let out = lib.parent().context("a folder of libraries without a parent")?;
    let mut places = vec![out.to_path_buf(), out.join(".ironring")];
    if let (Some(above), Some(target)) = (out.parent(), out.file_name()) {
        places.push(above.join(".ironring").join(target));
    }
    let places: Vec<PathBuf> = places.iter().map(|place| place.join("release")).collect();
    let found = places.iter().find(|place| place.join("liburing.d").exists());
    found
        .cloned()
        .with_context(|| format!("no liburing.d in any of {places:?}; to mend: make"))
}

/// The files that a list in make's syntax names.
fn read(path: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("{}; to mend: make", path.display()))?;
    let (_, files) = text
        .split_once(": ")
        .with_context(|| format!("{} has no colon", path.display()))?;
    let files: Vec<String> = files.split_whitespace().map(String::from).collect();
    ensure!(!files.is_empty(), "{} names no file", path.display());
    Ok(files)
}
