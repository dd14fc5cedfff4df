//! The crate as cargo packs it, and programs outside the workspace that use it.

use super::Shop;
use crate::package::{fresh, untar, version};
use crate::peer;
use crate::util::{output, root, stdout};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The sources and their tests, and few files more.
const FILES: usize = 120;

pub fn run(shop: &Shop) -> Result<String> {
    let dir = shop.work.join("crate");
    fresh(&dir)?;
    let (krate, files) = packed(&dir)?;
    let target = shop.work.join("crate-target");
    output(cargo(&krate, &target).args(["test", "--quiet", "--doc"]))?;
    examples(shop, &krate, &target)?;
    beside_a_shared_library(shop, &dir, &target)?;
    two_versions(&dir, &krate)?;
    Ok(format!(
        "{files} files; three examples run; no symbol exported; two versions refused"
    ))
}

fn cargo(dir: &Path, target: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(dir).env("CARGO_TARGET_DIR", target);
    cargo
}

/// Packs the crate and unpacks it; where it is, and how many files it has.
fn packed(dir: &Path) -> Result<(PathBuf, usize)> {
    let mut package = cargo(&root(), dir);
    output(package.args(["package", "--quiet", "--locked", "--allow-dirty", "--no-verify"]))?;
    let name = format!("ironring-{}", version()?);
    untar(&dir.join("package").join(format!("{name}.crate")), dir)?;
    let krate = dir.join(name);
    let files = stdout(Command::new("find").arg(&krate).args(["-type", "f"]))?;
    let files: Vec<&str> = files.lines().collect();
    ensure!(
        files.len() < FILES,
        "{} files are packed, more than {FILES}: look at `include` of Cargo.toml\n{}",
        files.len(),
        files.join("\n")
    );
    // It lies below our own workspace here, and isn't part of it.
    let manifest = krate.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    fs::write(&manifest, text + "\n[workspace]\n")?;
    Ok((krate, files.len()))
}

fn examples(shop: &Shop, krate: &Path, target: &Path) -> Result<()> {
    output(cargo(krate, target).args(["build", "--quiet", "--examples"]))?;
    let example = |name: &str| Command::new(target.join("debug/examples").join(name));
    let said = stdout(&mut example("nop"))?;
    ensure!(said == "request 42: result 0\n", "the example nop says {said}");

    let (from, to) = (shop.work.join("crate/from"), shop.work.join("crate/to"));
    let bytes: Vec<u8> = (0..5_000_001_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    fs::write(&from, &bytes)?;
    output(example("copy").args([&from, &to]))?;
    ensure!(fs::read(&to)? == bytes, "the example copy makes another file");

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
        "the example echo sends {} of {} bytes back",
        back.len(),
        bytes.len()
    );
    drop(stream);
    ensure!(echo.wait()?.success(), "the example echo fails");
    Ok(())
}

/// A program that uses the crate and links a liburing.so has both, and none of the crate's symbols.
fn beside_a_shared_library(shop: &Shop, dir: &Path, target: &Path) -> Result<()> {
    let consumer = dir.join("consumer");
    depend(
        &consumer,
        &format!("ironring = {{ path = '../ironring-{}' }}", version()?),
    )?;
    fs::copy(shop.sources.join("crate.rs"), consumer.join("src/main.rs"))?;
    // The original's, where there is one.
    let lib = peer::get(peer::NEWEST)?.map_or_else(|| shop.lib.clone(), |peer| peer.lib);
    let link = format!(
        "-Clink-arg=-L{0} -Clink-arg=-luring -Clink-arg=-Wl,-rpath,{0}",
        lib.display()
    );
    output(
        cargo(&consumer, target)
            .args(["build", "--quiet", "--release"])
            .env("RUSTFLAGS", link),
    )?;
    let program = target.join("release/consumer");
    let symbols = stdout(Command::new("nm").args(["-D", "--defined-only"]).arg(&program))?;
    let exported: Vec<&str> = symbols.lines().filter(|line| line.contains("io_uring")).collect();
    ensure!(
        exported.is_empty(),
        "a program exports what the crate has:\n{}",
        exported.join("\n")
    );
    let inlined = !stdout(Command::new("nm").arg(&program))?.contains("io_uring_cqe_seen");
    ensure!(
        inlined,
        "the helper io_uring_cqe_seen isn't inlined into a Rust program: see src/inline/mod.rs"
    );
    output(Command::new(&program).arg(&shop.data))?;
    Ok(())
}

/// Cargo itself must refuse them, before anything is built.
fn two_versions(dir: &Path, krate: &Path) -> Result<()> {
    let old = dir.join("old");
    output(Command::new("cp").arg("-r").arg(krate).arg(&old))?;
    let text = fs::read_to_string(old.join("Cargo.toml"))?;
    fs::write(
        old.join("Cargo.toml"),
        text.replacen(&format!("version = \"{}\"", version()?), "version = \"1.0.0\"", 1),
    )?;
    let both = dir.join("both");
    let new = format!("ironring = {{ path = '../ironring-{}' }}", version()?);
    depend(
        &both,
        &format!("{new}\nold = {{ package = 'ironring', path = '../old' }}"),
    )?;
    let out = cargo(&both, dir).arg("generate-lockfile").output()?;
    let said = String::from_utf8_lossy(&out.stderr);
    if out.status.success() || !said.contains("links to the native library `ironring`") {
        bail!("a program may have two versions of the crate; cargo says:\n{said}");
    }
    Ok(())
}

/// A package with dependencies.
fn depend(folder: &Path, dependencies: &str) -> Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/main.rs"), "fn main() {}\n")?;
    let name = folder.file_name().context("a folder without a name")?.to_string_lossy();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n{dependencies}\n\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).map_err(Into::into)
}
