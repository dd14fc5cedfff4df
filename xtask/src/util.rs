//! What several commands share: paths, running programs, installing packages, tables.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository's top folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the repository")
        .to_path_buf()
}

/// Where `make` puts the finished libraries: `liburing.so.2.15`, `liburing.a`, the same for `-ffi`.
pub fn lib_dir() -> PathBuf {
    root().join("target/lib")
}

/// Runs a program to its end and returns what it printed; an error names the command and shows its output.
pub fn output(command: &mut Command) -> Result<Output> {
    let shown = show(command);
    let out = command.output().with_context(|| format!("can't run: {shown}"))?;
    if !out.status.success() {
        bail!(
            "{} from: {shown}\n{}{}",
            out.status,
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
    }
    Ok(out)
}

/// The standard output of a program as text.
pub fn stdout(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&output(command)?.stdout).into_owned())
}

/// The last lines of a log.
pub fn tail(log: &Path, lines: usize) -> Vec<String> {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..]
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// A command as one would type it.
pub fn show(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        let _ = write!(text, " {}", arg.to_string_lossy());
    }
    text
}

/// Whether a program is on the PATH.
pub fn have(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Makes sure that `program` is there, by installing the Debian `package` when it isn't, and says so.
pub fn need(program: &str, package: &str) -> Result<()> {
    if have(program) {
        return Ok(());
    }
    install(&[package])?;
    if !have(program) {
        bail!("{package} is installed, but there is no {program} on the PATH");
    }
    Ok(())
}

/// [`need`] for several programs and their packages, installed at once.
pub fn need_all(wanted: &[(&str, &str)]) -> Result<()> {
    let missing = wanted.iter().filter(|(program, _)| !have(program));
    let missing: BTreeSet<&str> = missing.map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        install(&Vec::from_iter(missing))?;
    }
    wanted.iter().try_for_each(|(program, package)| need(program, package))
}

/// Installs Debian packages, saying so.
pub fn install(packages: &[&str]) -> Result<()> {
    eprintln!("installing with apt-get: {}", packages.join(" "));
    let mend = format!("apt-get install {}", packages.join(" "));
    let apt = |args: &[&str]| {
        output(
            Command::new("apt-get")
                // Somebody else's apt may be at work.
                .args(["-o", "DPkg::Lock::Timeout=300"])
                .args(args)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update", "-qq"]).with_context(|| format!("as root: {mend}"))?;
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend(packages);
    apt(&args).with_context(|| format!("as root: {mend}"))?;
    Ok(())
}

/// Prints rows under a header in aligned columns.
pub fn table(header: &[&str], rows: &[Vec<String>]) {
    let mut width: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            width[column] = width[column].max(cell.chars().count());
        }
    }
    let line = |cells: &[String]| {
        let mut text = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let pad = width[column] - cell.chars().count();
            let _ = write!(text, "{cell}{}  ", " ".repeat(pad));
        }
        println!("{}", text.trim_end());
    };
    line(&header.iter().map(ToString::to_string).collect::<Vec<_>>());
    line(&width.iter().map(|w| "-".repeat(*w)).collect::<Vec<_>>());
    for row in rows {
        line(row);
    }
}

#[derive(serde::Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// Builds the library's own tests, those of the package with the manifest, with other flags for the compiler, into a folder under `target/` where no other
/// build is disturbed; gives the program.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a machine for Rust has: Debian's required packages, Rust, a C compiler, binutils and make.
    const THERE: &str = "apt-cache apt-config apt-get ar cargo cc chmod cp dpkg dpkg-deb dpkg-query find gcc ld losetup \
                         make mount nm objcopy readelf rustc rustup setpriv sh sha256sum sync tar timeout umount uname unshare";

    /// The programs that a source file runs without having asked for them.
    fn unasked(source: &str) -> Vec<String> {
        let starts = ["Command::new(\"", "started(\""];
        let run = starts.iter().flat_map(|start| source.split(start).skip(1));
        let names = run.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name);
        names
            .filter(|name| !name.contains(['/', '{']) && !THERE.split(' ').any(|there| there == *name))
            .filter(|name| {
                !source.contains(&format!("(\"{name}\", \"")) && !source.contains(&format!("have(\"{name}\")"))
            })
            .map(String::from)
            .collect()
    }

    #[test]
    fn every_program_is_asked_for_where_it_is_run() {
        assert_eq!(
            unasked("need(\"xz\", \"xz-utils\")?; Command::new(\"xz\"); Command::new(\"cc\")"),
            [""; 0]
        );
        assert_eq!(
            unasked("Command::new(\"xz\"); started(\"meson\", true)"),
            ["xz", "meson"]
        );
        let mut found = Vec::new();
        let mut folders = vec![root().join("xtask/src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let source = std::fs::read_to_string(&path).unwrap();
                    found.extend(
                        unasked(&source)
                            .iter()
                            .map(|name| format!("{}: {name}", path.display())),
                    );
                }
            }
        }
        assert!(
            found.is_empty(),
            "run, but not asked for by util::need in the same file:\n{}",
            found.join("\n")
        );
    }
}
