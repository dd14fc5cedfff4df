//! `cargo xtask packages`: builds every recipe in `packaging/` from the source archive without network, and checks it.

mod nested;
mod others;

use anyhow::{Context, Result, ensure};
use base::tally::Tally;
use base::{command, files_in, fresh, need, root, stdout};
use packager::{deb, dist, rpm, version};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Only this check: reproducible, checkout, lintian, install, rpm, arch, alpine, meson wrap
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

struct Packages {
    archive: PathBuf,
    /// Where the Debian packages are.
    debs: PathBuf,
    work: PathBuf,
}

const OFFLINE: deb::How = deb::How {
    test: false,
    offline: true,
    otherwise: false,
};

type Check = fn(&Packages) -> Result<String>;

const CHECKS: [(&str, Check); 8] = [
    ("reproducible", reproducible),
    ("checkout", |built| nested::run(&built.work.join("checkout"))),
    ("lintian", lintian),
    ("install", in_a_copy),
    ("rpm", rpms),
    ("arch", |built| others::arch(&built.archive, &built.work.join("arch"))),
    ("alpine", |built| {
        others::alpine(&built.archive, &built.work.join("alpine"))
    }),
    ("meson wrap", |built| {
        others::meson(&built.archive, &built.work.join("wrap"))
    }),
];

pub fn run(args: &Args) -> Result<()> {
    crate::builds::tools()?;
    let work = root().join("target/packages");
    fresh(&work)?;
    let archive = dist::make(&work.join("dist"))?;
    let debs = work.join("deb");
    fresh(&debs)?;
    deb::build(&archive, &debs, OFFLINE)?;
    let built = Packages { archive, debs, work };
    let mut tally = Tally::default();
    for (name, check) in CHECKS {
        if args.only.as_ref().is_none_or(|only| only == name) {
            eprintln!("packages: {name}");
            tally.run(name, || check(&built));
        }
    }
    tally.end("packages", "check", "checks passed; all builds ran without network")
}

/// A second build in another folder, at another time of day, with another umask and language, and with one job, gives
/// the same bytes.
fn reproducible(built: &Packages) -> Result<String> {
    let folder = built.work.join("again/in-a-folder/of-another-length");
    let archive = dist::make(&folder.join("dist"))?;
    let otherwise = deb::How {
        otherwise: true,
        ..OFFLINE
    };
    deb::build(&archive, &folder, otherwise)?;
    let mut pairs = vec![(built.archive.clone(), archive)];
    for file in files_in(&built.debs)? {
        if ends(&file, &[".deb", ".dsc", ".tar.xz"]) {
            let name = file.file_name().context("a package without a name")?;
            pairs.push((file.clone(), folder.join(name)));
        }
    }
    for (one, other) in &pairs {
        let equal = fs::read(one)? == fs::read(other).with_context(|| other.display().to_string())?;
        ensure!(
            equal,
            "two builds differ: {} and {}; to compare them: diffoscope (apt-get install diffoscope-minimal)",
            one.display(),
            other.display()
        );
    }
    Ok(format!(
        "{} files, two builds in two folders, the same bytes",
        pairs.len()
    ))
}

fn ends(file: &Path, ends: &[&str]) -> bool {
    let name = file.to_string_lossy();
    ends.iter().any(|end| name.ends_with(end))
}

/// Each error, warning and info of lintian has an override with a reason, and no override is unused.
fn lintian(built: &Packages) -> Result<String> {
    need("lintian", "lintian")?;
    let files = files_in(&built.debs)?;
    let changes = files.iter().find(|file| ends(file, &[".changes"]));
    let mut lint = command!("lintian --allow-root --display-info --show-overrides --fail-on none --suppress-tags");
    // The newest policy that lintian knows depends on this machine's lintian.
    lint.arg("out-of-date-standards-version,newer-standards-version");
    let said = stdout(lint.arg(changes.context("no .changes file")?))?;
    let found: Vec<&str> = said.lines().filter(|line| line.starts_with(['E', 'W', 'I'])).collect();
    ensure!(found.is_empty(), "lintian:\n{}", found.join("\n"));
    let explained = said.lines().filter(|line| line.starts_with("O:")).count();
    ensure!(
        explained > 0,
        "lintian reports no override, so it can't have checked the packages:\n{said}"
    );
    Ok(format!(
        "0 errors, 0 warnings; {explained} findings explained in lintian-overrides"
    ))
}

fn rpms(built: &Packages) -> Result<String> {
    let folder = built.work.join("rpm");
    fresh(&folder)?;
    rpm::check(&rpm::build(&built.archive, &folder, false, true)?)
}

/// Installs Debian's packages in a copy of this machine.
fn in_a_copy(built: &Packages) -> Result<String> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "only root can install packages in a copy of this machine: sudo cargo xtask packages"
    );
    let script = root().join("test-c/programs/copy.sh");
    let tree = built.debs.join(format!("build/ironring-{}", version()?));
    let copy = command!(
        "unshare --mount --propagation private --pid --fork --kill-child sh",
        script
    )
    .args([&built.debs, &tree])
    .status()
    .context("can't run unshare: apt-get install util-linux")?;
    ensure!(copy.success(), "the packages fail in a copy of this machine, see above");
    Ok("replace liburing2 and liburing-dev, pass their tests, and are replaced by them again".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_in_the_copy_says_both_sides() {
        let says = |line: &str| {
            let script = format!(". {}/packaging/debian/tests/expect.sh; {line}", root().display());
            let out = command!("sh -euc", script).output().unwrap();
            (out.status.success(), String::from_utf8(out.stdout).unwrap())
        };
        for right in [
            "expect 'a.*' \"$(printf 'b\nab')\"",
            "expect '' ''",
            "lacks c ab",
            "same /dev/null /dev/null",
        ] {
            assert_eq!(says(right), (true, String::new()), "{right}");
        }
        for wrong in [
            "expect lib ''",
            "expect lib 'a lib'",
            "lacks lib 'a lib'",
            "echo lib | same /dev/null -",
        ] {
            let (success, said) = says(wrong);
            assert!(
                !success && ["wanted", "saw", "lib"].iter().all(|word| said.contains(word)),
                "{wrong}: {said}"
            );
        }
    }
}
