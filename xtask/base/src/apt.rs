//! Finds the programs that a command needs, and installs missing ones with apt.

use crate::{lock, output};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::process::Command;

/// Whether a program is on the PATH.
pub fn have(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Installs the Debian `package`, and prints that it does, unless `program` is already on the PATH.
pub fn need(program: &str, package: &str) -> Result<()> {
    if have(program) {
        return Ok(());
    }
    install(&[package])?;
    if !have(program) {
        bail!("{package} is installed, but {program} is not on the PATH");
    }
    Ok(())
}

/// Like [`need`] for several programs, with one apt-get call for all missing packages.
pub fn need_all(wanted: &[(&str, &str)]) -> Result<()> {
    let missing = wanted.iter().filter(|(program, _)| !have(program));
    let missing: BTreeSet<&str> = missing.map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        install(&Vec::from_iter(missing))?;
    }
    wanted.iter().try_for_each(|(program, package)| need(program, package))
}

/// Installs Debian packages, and prints their names.
pub fn install(packages: &[&str]) -> Result<()> {
    let _lock = lock("apt")?;
    eprintln!("installing with apt-get: {}", packages.join(" "));
    let remedy = format!("apt-get install {}", packages.join(" "));
    let apt = |args: &[&str]| {
        output(
            Command::new("apt-get")
                // Another apt process may hold the lock.
                .args(["-o", "DPkg::Lock::Timeout=300"])
                .args(args)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update", "-qq"]).with_context(|| format!("run as root: {remedy}"))?;
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend(packages);
    apt(&args).with_context(|| format!("run as root: {remedy}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::root;

    /// Programs of every build machine: Debian's required packages, Rust, a C compiler, binutils and make.
    const USUAL: &str = "apt-cache apt-config apt-get ar cargo cc chmod cp dpkg dpkg-deb dpkg-query find gcc grep ld losetup \
                         make mount nm objcopy readelf rustc rustup setpriv sh sha256sum sync tar timeout umount uname unshare";

    /// The programs that a source file runs, but passes neither to `need` nor to `have`.
    fn unneeded(source: &str) -> Vec<String> {
        let starts = ["Command::new(\"", "command!(\"", "started(\"", "limited(\""];
        let run = starts.iter().flat_map(|start| source.split(start).skip(1));
        let names = run.filter_map(|rest| rest.split_once(['"', ' '])).map(|(name, _)| name);
        names
            .filter(|name| !name.contains(['/', '{']) && !USUAL.split(' ').any(|usual| usual == *name))
            .filter(|name| {
                !source.contains(&format!("(\"{name}\", \"")) && !source.contains(&format!("have(\"{name}\")"))
            })
            .map(String::from)
            .collect()
    }

    #[test]
    fn every_file_needs_the_programs_that_it_runs() {
        assert_eq!(
            unneeded("need(\"xz\", \"xz-utils\")?; Command::new(\"xz\"); Command::new(\"cc\")"),
            [""; 0]
        );
        assert_eq!(
            unneeded("Command::new(\"xz\"); command!(\"patch -p1\", x); started(\"meson\", true)"),
            ["xz", "patch", "meson"]
        );
        let mut found = Vec::new();
        let mut folders = vec![root().join("xtask")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let source = std::fs::read_to_string(&path).unwrap();
                    found.extend(
                        unneeded(&source)
                            .iter()
                            .map(|name| format!("{}: {name}", path.display())),
                    );
                }
            }
        }
        assert!(
            found.is_empty(),
            "programs that are run without base::need in the same file:\n{}",
            found.join("\n")
        );
    }
}
