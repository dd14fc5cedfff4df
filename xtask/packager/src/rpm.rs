//! `make rpm`: builds the RPM packages from the source archive by the recipe in `packaging/rpm`.

use crate::{copy_into, dist, need_cargo, started};
use anyhow::{Context, Result, ensure};
use base::{command, files_in, fresh, need, need_all, output, root, stdout};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Also run the package's tests
    #[arg(long)]
    test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let folder = root().join("target/rpm");
    fresh(&folder)?;
    let archive = dist::make(&root().join("target/dist"))?;
    crate::report("rpm", &folder, &build(&archive, &folder, args.test, false)?)
}

/// Builds source and binary packages from the archive into a folder.
pub fn build(archive: &Path, folder: &Path, test: bool, offline: bool) -> Result<Vec<PathBuf>> {
    need_all(&[("rpmbuild", "rpm"), ("rpm", "rpm"), ("eu-strip", "elfutils")])?;
    need_cargo()?;
    let top = folder.join("build");
    fresh(&top.join("SOURCES"))?;
    copy_into(archive, &top.join("SOURCES"))?;
    let mut command = started("rpmbuild", offline);
    // The spec names build dependencies as RPM distributions call them: Debian's rpm does not know them.
    command
        .args(["-ba", "--nodeps", "--define"])
        .arg(format!("_topdir {}", top.display()))
        .args((!test).then_some("--nocheck"))
        .arg(root().join("packaging/rpm/ironring.spec"))
        .env("CARGO_HOME", top.join("cargo"));
    crate::logged(&mut command, &folder.join("build.log"))?;
    let mut built = Vec::new();
    let processors = format!("RPMS/{}", std::env::consts::ARCH);
    for part in ["RPMS/noarch", &processors, "SRPMS"] {
        for rpm in files_in(&top.join(part))? {
            built.push(copy_into(&rpm, folder)?);
        }
    }
    fs::remove_dir_all(&top)?;
    Ok(built)
}

/// Checks that rpmlint reports nothing, and that the packages provide what the original's dependents require.
pub fn check(built: &[PathBuf]) -> Result<String> {
    need("rpmlint", "rpmlint")?;
    let here = root().join("packaging/rpm");
    let mut lint = command!(
        "rpmlint --rpmlintrc",
        here.join("ironring.rpmlintrc"),
        here.join("ironring.spec")
    );
    let said = lint.args(built).output()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let findings: Vec<&str> = said
        .lines()
        .filter(|line| line.contains(": E: ") || line.contains(": W: "))
        // Which filters are unused depends on rpmlint's version.
        .filter(|line| !line.contains("unused-rpmlintrc-filter"))
        .collect();
    ensure!(
        findings.is_empty() && said.contains("specfiles checked"),
        "rpmlint:\n{}",
        if findings.is_empty() { said } else { findings.join("\n") }
    );

    let query = |package: &str, what: &[&str]| -> Result<Vec<String>> {
        let named = |file: &&PathBuf| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let rest = name.strip_prefix(package).and_then(|rest| rest.strip_prefix('-'));
            rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.ends_with(".src.rpm"))
        };
        let file = built.iter().find(named);
        let file = file.with_context(|| format!("there is no package {package}"))?;
        let text = stdout(command!("rpm -qp").args(what).arg(file))?;
        Ok(text.lines().map(|line| line.trim().to_owned()).collect())
    };
    let provided = query("ironring", &["--provides"])?;
    // Every version node of the two libraries, in the form that dependent packages require.
    let mut nodes = 0;
    for library in ["liburing", "liburing-ffi"] {
        let map = fs::read_to_string(root().join(format!("src/{library}.map")))?;
        let named = map.lines().filter_map(|line| line.strip_suffix(" {"));
        for node in named.map(|node| format!("({node})")).chain(["()".to_owned()]) {
            let wanted = format!("{library}.so.2{node}(64bit)");
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
        let provided = query(package, &["--provides"])?;
        ensure!(
            provided.iter().any(|line| line.starts_with(provides)),
            "{package} doesn't provide {provides}"
        );
    }
    let needs = query("ironring", &["--requires"])?;
    ensure!(
        !needs.iter().any(|line| line.starts_with("lib")),
        "the package ironring must not require a library, but requires {needs:?}"
    );
    let provided = query("ironring-engine", &["--provides"])?;
    ensure!(
        provided.iter().all(|line| !line.starts_with("lib")),
        "ironring-engine must not satisfy programs that need liburing.so.2, but provides {provided:?}"
    );
    // rpmbuild itself refuses installed files that are in no package.
    let files = query("ironring-devel", &["-l"])?.len() + query("ironring", &["-l"])?.len();
    output(command!("rpm -qp").args(built))?;
    Ok(format!(
        "{} packages, {files} files in the first two, {nodes} versioned provides, rpmlint silent",
        built.len()
    ))
}
