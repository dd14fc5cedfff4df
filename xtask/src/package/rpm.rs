//! `make rpm`: the RPM packages, made of the source archive by the recipe in `packaging/rpm`.

use super::{deb, dist, files_in, fresh, started};
use crate::util::{have, need, need_all, output, root, stdout, table};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Run the package's tests too
    #[arg(long)]
    test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let folder = root().join("target/rpm");
    fresh(&folder)?;
    let archive = dist::make(&root().join("target/dist"))?;
    let built = build(&archive, &folder, args.test, false)?;
    let mut rows = Vec::new();
    for rpm in &built {
        let name = rpm.file_name().unwrap_or_default().to_string_lossy().into_owned();
        rows.push(vec![name, format!("{} KiB", fs::metadata(rpm)?.len().div_ceil(1024))]);
    }
    table(&["package", "size"], &rows);
    println!("rpm: {} packages in {}", rows.len(), folder.display());
    Ok(())
}

/// Builds source and binary packages of the archive into a folder.
pub fn build(archive: &Path, folder: &Path, test: bool, offline: bool) -> Result<Vec<PathBuf>> {
    need_all(&[("rpmbuild", "rpm"), ("rpm", "rpm"), ("eu-strip", "elfutils")])?;
    ensure!(
        have("cargo"),
        "there is no cargo: apt-get install cargo, or see rustup.rs"
    );
    let top = folder.join("build");
    fresh(&top.join("SOURCES"))?;
    let name = archive.file_name().context("an archive without a name")?;
    fs::copy(archive, top.join("SOURCES").join(name))?;
    let log = folder.join("build.log");
    eprintln!("rpmbuild in {} (log: {})", top.display(), log.display());
    let file = fs::File::create(&log)?;
    let mut command = started("rpmbuild", offline);
    // What it needs to build stands in the spec by the names of RPM's distributions; here make check says so.
    command
        .args(["-ba", "--nodeps", "--define"])
        .arg(format!("_topdir {}", top.display()));
    if !test {
        command.arg("--nocheck");
    }
    let status = command
        .arg(root().join("packaging/rpm/ironring.spec"))
        .env("RUSTUP_HOME", deb::rustup_home())
        .env("CARGO_HOME", top.join("cargo"))
        .env_remove("MAKEFLAGS")
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()?;
    if !status.success() {
        bail!("rpmbuild failed:\n{}\nall of it: {}", super::tail(&log), log.display());
    }
    let mut built = Vec::new();
    for part in [
        "RPMS/noarch".to_owned(),
        format!("RPMS/{}", std::env::consts::ARCH),
        "SRPMS".to_owned(),
    ] {
        for rpm in files_in(&top.join(part))? {
            let to = folder.join(rpm.file_name().context("a package without a name")?);
            fs::rename(&rpm, &to)?;
            built.push(to);
        }
    }
    fs::remove_dir_all(&top)?;
    Ok(built)
}

/// rpmlint has nothing to say, and the packages provide what the original's dependents ask for.
pub fn check(built: &[PathBuf]) -> Result<String> {
    need("rpmlint", "rpmlint")?;
    let here = root().join("packaging/rpm");
    let mut lint = started("rpmlint", false);
    lint.arg("--rpmlintrc")
        .arg(here.join("ironring.rpmlintrc"))
        .arg(here.join("ironring.spec"));
    let said = lint.args(built).output()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let findings: Vec<&str> = said
        .lines()
        .filter(|line| line.contains(": E: ") || line.contains(": W: "))
        // Which filters are needed differs from one rpmlint to the next.
        .filter(|line| !line.contains("unused-rpmlintrc-filter"))
        .collect();
    ensure!(
        findings.is_empty() && said.contains("specfiles checked"),
        "rpmlint:\n{}",
        if findings.is_empty() { said } else { findings.join("\n") }
    );

    let query = |package: &str, what: &[&str]| -> Result<Vec<String>> {
        let file = built.iter().find(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.strip_prefix(package)
                .is_some_and(|rest| rest[1..].starts_with(|c: char| c.is_ascii_digit()))
                && !name.ends_with(".src.rpm")
        });
        let file = file.with_context(|| format!("there is no package {package}"))?;
        let text = stdout(started("rpm", false).arg("-qp").args(what).arg(file))?;
        Ok(text.lines().map(|line| line.trim().to_owned()).collect())
    };
    let provided = query("ironring", &["--provides"])?;
    // Every version node of the two libraries, as a program's packages will ask for them.
    let mut nodes = 0;
    for library in ["liburing", "liburing-ffi"] {
        let map = fs::read_to_string(root().join(format!("src/{library}.map")))?;
        for node in map.lines().filter_map(|line| line.strip_suffix(" {")).chain([""]) {
            let node = if node.is_empty() {
                String::new()
            } else {
                format!("({node})")
            };
            let wanted = format!("{library}.so.2{}(64bit)", if node.is_empty() { "()" } else { &node });
            ensure!(
                provided.contains(&wanted),
                "the package ironring doesn't provide {wanted}"
            );
            nodes += 1;
        }
    }
    for (package, provides) in [
        ("ironring", "liburing = 2."),
        ("ironring-devel", "pkgconfig(liburing) = 2."),
        ("ironring-static", "liburing-static = 2."),
    ] {
        ensure!(
            query(package, &["--provides"])?
                .iter()
                .any(|line| line.starts_with(provides)),
            "{package} doesn't provide {provides}"
        );
    }
    let needs = query("ironring", &["--requires"])?;
    ensure!(
        !needs.iter().any(|line| line.starts_with("lib")),
        "the package ironring needs {needs:?}"
    );
    // RPM packs nothing that is in two packages, and refuses what is in none.
    let files = query("ironring-devel", &["-l"])?.len() + query("ironring", &["-l"])?.len();
    output(started("rpm", false).arg("-qp").args(built))?;
    Ok(format!(
        "{} packages, {files} files in the first two, {nodes} versioned provides, rpmlint silent",
        built.len()
    ))
}
