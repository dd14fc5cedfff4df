//! `cargo xtask packages`: every recipe in `packaging/`, built without network from the source archive and looked at.

use super::{deb, dist, files_in, fresh, machine, nested, others, rpm, started};
use crate::util::{need, root, stdout, table};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// Only what is called so: reproducible, checkout, lintian, install, rpm, arch, alpine, meson wrap
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

struct Shop {
    archive: PathBuf,
    /// Where the Debian packages are.
    debs: PathBuf,
    work: PathBuf,
}

/// Does it, and says what was done.
type Check = fn(&Shop) -> Result<String>;

pub fn run(args: &Args) -> Result<()> {
    crate::builds::tools()?;
    let work = root().join("target/packages");
    fresh(&work)?;
    let archive = dist::make(&work.join("dist"))?;
    let debs = work.join("deb");
    fresh(&debs)?;
    deb::build(
        &archive,
        &debs,
        deb::How {
            offline: true,
            ..deb::How::default()
        },
    )?;
    let shop = Shop { archive, debs, work };
    let checks: [(&str, Check); 8] = [
        ("reproducible", reproducible),
        ("checkout", |shop| nested::run(&shop.work.join("checkout"))),
        ("lintian", lintian),
        ("install", in_a_copy),
        ("rpm", rpms),
        ("arch", |shop| others::arch(&shop.archive, &shop.work.join("arch"))),
        ("alpine", |shop| {
            others::alpine(&shop.archive, &shop.work.join("alpine"))
        }),
        ("meson wrap", |shop| {
            others::meson(&shop.archive, &shop.work.join("wrap"))
        }),
    ];
    let mut rows = Vec::new();
    let mut failed = 0;
    for (name, check) in checks {
        if args.only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        eprintln!("packages: {name}");
        let start = Instant::now();
        let said = check(&shop).unwrap_or_else(|error| {
            eprintln!("FAILED {name}: {error:#}");
            failed += 1;
            "FAILED".into()
        });
        rows.push(vec![name.to_owned(), format!("{} s", start.elapsed().as_secs()), said]);
    }
    table(&["what", "time", "result"], &rows);
    ensure!(
        !rows.is_empty(),
        "there is no such check; without --only all of them run"
    );
    ensure!(failed == 0, "{failed} of the checks of packages failed");
    println!(
        "packages: {} checks passed; every build was without network",
        rows.len()
    );
    Ok(())
}

/// Archive and packages once more, in another folder, at another hour of the day, with another umask and language, and
/// by one job: the same bytes.
fn reproducible(shop: &Shop) -> Result<String> {
    let folder = shop.work.join("again/in-a-folder/of-another-length");
    let archive = dist::make(&folder.join("dist"))?;
    let mut compared = vec![same(&shop.archive, &archive)?];
    let otherwise = deb::How {
        offline: true,
        otherwise: true,
        ..deb::How::default()
    };
    deb::build(&archive, &folder, otherwise)?;
    for file in files_in(&shop.debs)?
        .iter()
        .filter(|file| ends(file, &[".deb", ".dsc", ".tar.xz"]))
    {
        let name = file.file_name().context("a package without a name")?;
        compared.push(same(file, &folder.join(name))?);
    }
    Ok(format!(
        "{} files, two builds in two folders, the same bytes",
        compared.len()
    ))
}

fn same(one: &Path, other: &Path) -> Result<()> {
    let equal = fs::read(one)? == fs::read(other).with_context(|| other.display().to_string())?;
    ensure!(
        equal,
        "two builds differ: {} and {}; see with: diffoscope (apt-get install diffoscope-minimal)",
        one.display(),
        other.display()
    );
    Ok(())
}

fn ends(file: &Path, ends: &[&str]) -> bool {
    let name = file.to_string_lossy();
    ends.iter().any(|end| name.ends_with(end))
}

/// No error, no warning, nothing of interest that an override with its reason doesn't name; and no override for nothing.
fn lintian(shop: &Shop) -> Result<String> {
    need("lintian", "lintian")?;
    let files = files_in(&shop.debs)?;
    let changes = files
        .iter()
        .find(|file| ends(file, &[".changes"]))
        .context("no .changes file")?;
    let mut lint = started("lintian", false);
    lint.args([
        "--allow-root",
        "--display-info",
        "--show-overrides",
        "--fail-on",
        "none",
        // Which release of Debian's policy is the last one depends on the lintian that this machine has.
        "--suppress-tags",
        "out-of-date-standards-version,newer-standards-version",
    ])
    .arg(changes);
    let said = stdout(&mut lint)?;
    let found: Vec<&str> = said.lines().filter(|line| line.starts_with(['E', 'W', 'I'])).collect();
    ensure!(found.is_empty(), "lintian:\n{}", found.join("\n"));
    let explained = said.lines().filter(|line| line.starts_with("O:")).count();
    ensure!(
        explained > 0,
        "lintian says nothing at all, not even of the overrides: did it look?\n{said}"
    );
    Ok(format!(
        "0 errors, 0 warnings; {explained} findings explained in lintian-overrides"
    ))
}

fn in_a_copy(shop: &Shop) -> Result<String> {
    let trees = fs::read_dir(shop.debs.join("build"))?;
    let tree = trees
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.is_dir())
        .context("the build has left no tree")?;
    machine::try_debs(&shop.debs, &tree)?;
    Ok("replace liburing2 and liburing-dev, pass their tests, and give way again".into())
}

fn rpms(shop: &Shop) -> Result<String> {
    let folder = shop.work.join("rpm");
    fresh(&folder)?;
    let built = rpm::build(&shop.archive, &folder, false, true)?;
    rpm::check(&built)
}
