//! The crates as cargo packs them, and programs outside the workspace that use them.

use super::Lang;
use crate::peer;
use anyhow::{Context, Result, ensure};
use base::{command, fresh, output, root, stdout};
use packager::version;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The sources, their tests and a few more files.
const FILES: usize = 140;

/// The minor release of cargo that packs several crates that no registry has yet.
const PACKS_TOGETHER: u32 = 90;

/// The minor release of this cargo.
fn minor() -> Result<u32> {
    let version = stdout(&mut command!("cargo --version"))?;
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse().ok());
    minor.with_context(|| format!("cargo --version prints {version}"))
}

pub fn run(lang: &Lang) -> Result<String> {
    if minor()? < PACKS_TOGETHER {
        return Ok(format!(
            "not tried: cargo packs crates that depend on each other since 1.{PACKS_TOGETHER}"
        ));
    }
    let dir = lang.work.join("crate");
    fresh(&dir)?;
    let (krate, files) = packed(&dir)?;
    let target = lang.work.join("crate-target");
    output(&mut cargo("test --doc", &krate, &target))?;
    examples(lang, &krate, &target)?;
    beside_a_shared_library(lang, &dir, &target)?;
    two_versions(&dir, &krate)?;
    Ok(format!(
        "{files} files; three examples run; no symbol exported; two versions refused"
    ))
}

fn cargo(words: &str, dir: &Path, target: &Path) -> Command {
    let mut cargo = command!("cargo");
    cargo.args(words.split(' ')).arg("--quiet");
    cargo.current_dir(dir).env("CARGO_TARGET_DIR", target);
    cargo
}

/// The published crates: the library, and those of ours that it and its tests depend on.
const CRATES: [&str; 4] = ["ironring", "ironring-abi", "ironring-half", "ironring-linux"];

/// Packs and unpacks the crates; returns the library's folder and the number of files.
fn packed(dir: &Path) -> Result<(PathBuf, usize)> {
    let mut package = cargo("package --locked --allow-dirty --no-verify", &root(), dir);
    // Together, so that cargo finds those that no registry has yet.
    output(package.args(CRATES.map(|name| format!("--package={name}"))))?;
    let version = version()?;
    let folders = CRATES.map(|name| dir.join(format!("{name}-{version}")));
    for name in CRATES {
        // -m sets the current time: cargo packs files with an old one, and would take an earlier build as up to date.
        let archive = dir.join(format!("package/{name}-{version}.crate"));
        output(&mut command!("tar -xmf", archive, "-C", dir))?;
    }
    let files = stdout(command!("find").args(&folders).args(["-type", "f"]))?;
    let files: Vec<&str> = files.lines().collect();
    ensure!(
        files.len() < FILES,
        "{} files are packed, and must be fewer than {FILES}: see `include` in Cargo.toml\n{}",
        files.len(),
        files.join("\n")
    );
    // The folder is inside our workspace but not a member of it.
    let [krate, ..] = folders;
    let manifest = krate.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    fs::write(&manifest, text + &workspace()?)?;
    Ok((krate, files.len()))
}

fn examples(lang: &Lang, krate: &Path, target: &Path) -> Result<()> {
    output(&mut cargo("build --examples", krate, target))?;
    let example = |name: &str| Command::new(target.join("debug/examples").join(name));
    let said = stdout(&mut example("nop"))?;
    ensure!(said == "request 42: result 0\n", "the example nop prints {said}");

    let (from, to) = (lang.work.join("crate/from"), lang.work.join("crate/to"));
    let bytes: Vec<u8> = (0..5_000_001_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    fs::write(&from, &bytes)?;
    output(example("copy").args([&from, &to]))?;
    ensure!(fs::read(&to)? == bytes, "the example copy makes a different file");

    let mut echo = example("echo")
        .args(["127.0.0.1:0", "1"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    BufReader::new(echo.stdout.take().context("a pipe")?).read_line(&mut address)?;
    let stream = TcpStream::connect(address.trim())?;
    let mut back = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (&stream)
                .write_all(&bytes)
                .and_then(|()| stream.shutdown(Shutdown::Write))
        });
        (&stream).read_to_end(&mut back)
    })?;
    ensure!(
        back == bytes,
        "the example echo must send back what it got: {} of {} bytes came back",
        back.len(),
        bytes.len()
    );
    drop(stream);
    ensure!(echo.wait()?.success(), "the example echo fails");
    Ok(())
}

/// A program that uses the crate and links a liburing.so gets both, and exports none of the crate's symbols.
fn beside_a_shared_library(lang: &Lang, dir: &Path, target: &Path) -> Result<()> {
    let consumer = dir.join("consumer");
    depend(&consumer, &this()?)?;
    fs::copy(lang.sources.join("crate.rs"), consumer.join("src/main.rs"))?;
    // The original's, if available.
    let lib = peer::get(peer::NEWEST)?.map_or_else(|| lang.lib.clone(), |peer| peer.lib);
    let lib = lib.display();
    let link = format!("-Clink-arg={lib}/liburing.so.2 -Clink-arg=-Wl,-rpath,{lib}");
    output(cargo("build --release", &consumer, target).env("RUSTFLAGS", link))?;
    let program = target.join("release/consumer");
    let symbols = stdout(&mut command!("nm -D --defined-only", &program))?;
    let exported: Vec<&str> = symbols.lines().filter(|line| line.contains("io_uring")).collect();
    ensure!(
        exported.is_empty(),
        "a program that uses the crate exports its symbols:\n{}",
        exported.join("\n")
    );
    ensure!(
        !stdout(&mut command!("nm", &program))?.contains("io_uring_cqe_seen"),
        "the helper io_uring_cqe_seen isn't inlined into a Rust program: see src/inline/mod.rs"
    );
    lang.read(program)
}

/// Cargo must refuse two versions in one program before it builds anything.
fn two_versions(dir: &Path, krate: &Path) -> Result<()> {
    let old = dir.join("old");
    output(&mut command!("cp -r", krate, &old))?;
    let manifest = old.join("Cargo.toml");
    let version = format!("version = \"{}\"", version()?);
    let text = fs::read_to_string(&manifest)?.replacen(&version, "version = \"1.0.0\"", 1);
    fs::write(manifest, text)?;
    let both = dir.join("both");
    depend(
        &both,
        &format!("{}\nold = {{ package = 'ironring', path = '../old' }}", this()?),
    )?;
    let refused = output(&mut cargo("generate-lockfile", &both, dir));
    let refused = refused.map_or_else(|error| error.to_string(), |_| String::new());
    ensure!(
        refused.contains("links to the native library `ironring`"),
        "cargo accepts two versions of the crate in one program:\n{refused}"
    );
    Ok(())
}

/// The dependency on the packed crate.
fn this() -> Result<String> {
    Ok(format!("ironring = {{ path = '../ironring-{}' }}", version()?))
}

/// The end of a manifest in a folder beside those of [`CRATES`]: its own workspace, which takes the crates from there.
fn workspace() -> Result<String> {
    let mut text = String::from("\n[workspace]\n\n[patch.crates-io]\n");
    for name in CRATES.iter().filter(|name| **name != "ironring") {
        let _ = writeln!(text, "{name} = {{ path = '../{name}-{}' }}", version()?);
    }
    Ok(text)
}

/// A package with dependencies.
fn depend(folder: &Path, dependencies: &str) -> Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/main.rs"), "fn main() {}\n")?;
    let name = folder.file_name().context("a folder without a name")?.to_string_lossy();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n{dependencies}\n{}",
        workspace()?
    );
    fs::write(folder.join("Cargo.toml"), manifest).map_err(Into::into)
}
