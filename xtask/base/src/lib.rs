//! Shared by the commands: paths, running programs, installing packages, tables.

pub mod apt;
mod command;
pub mod compile;
pub mod fault;
pub mod kept;
pub mod markdown;
pub mod parallel;
pub mod run;
pub mod tally;

use anyhow::{Context, Result};
pub use apt::{have, install, need, need_all};
pub use run::{lock, output, show, stdout, tail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The repository's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("xtask/base lies in the repository")
        .to_path_buf()
}

/// Creates an empty folder, and removes what was there.
pub fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("can't empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("can't create {}", folder.display()))
}

/// The files directly in a folder, sorted.
pub fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Every file and link below a folder, sorted.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files_below(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The exit code of a command's `main`; prints the error.
pub fn exit(command: &str, done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("{command}: {err:#}");
            ExitCode::FAILURE
        }
    }
}

/// Where `make` puts the finished libraries: `liburing.so.2.15`, `liburing.a`, the same for `-ffi`.
pub fn lib_dir() -> PathBuf {
    root().join("target/lib")
}

/// The given folder of our libraries, or [`lib_dir`]; the error says how to build them.
pub fn libraries(given: Option<&Path>) -> Result<PathBuf> {
    let lib = given.map_or_else(lib_dir, Path::to_path_buf);
    lib.canonicalize()
        .with_context(|| format!("there is no {}; to build it: make", lib.display()))
}

/// Prints rows under a header in aligned columns.
pub fn table(header: &[&str], rows: &[Vec<String>]) {
    print!("{}", markdown::columns(header, rows));
}

#[derive(serde::Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// Builds the library's unit tests, from the package with this manifest and with these compiler flags, and returns the
/// program. The folder under `target/` is separate, so that other builds stay valid.
pub fn unit_tests(manifest: &Path, folder: &str, flags: &str, env: &[(&str, &str)]) -> Result<PathBuf> {
    eprintln!("building the library's tests (target/{folder})");
    let out = stdout(
        Command::new("cargo")
            .args(["test", "--quiet", "--locked", "--lib", "--no-run", "--manifest-path"])
            .arg(manifest)
            .args(["--message-format", "json", "--target-dir"])
            .arg(root().join("target").join(folder))
            .env("RUSTFLAGS", flags)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .envs(env.iter().copied())
            .current_dir(root()),
    )?;
    out.lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable)
        .next_back()
        .context("cargo built no tests")
}
