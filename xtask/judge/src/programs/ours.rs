//! Our packages, and a system in which apt has replaced the original's with them.

use super::chroot::{Base, LIBRARIES, Sandbox, System, remove};
use anyhow::{Context, Result, ensure};
use base::{command, files_in, output, root, stdout};
pub use packager::sha256 as sum;
use packager::{deb, dist, git};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The packages that ours replace.
const REPLACED: [&str; 2] = ["liburing2", "liburing-dev"];

/// Our packages, as `make deb` builds them from the last commit.
pub struct Debs {
    pub files: Vec<PathBuf>,
    /// The sha256 of the shared library in them.
    pub library: String,
    pub names: Vec<String>,
}

impl Debs {
    pub fn get() -> Result<Debs> {
        let folder = root().join("target/programs/deb");
        let commit = stdout(git()?.args(["rev-parse", "HEAD^{tree}"])).context("packages are built from a commit")?;
        let made = folder.join("commit");
        if fs::read_to_string(&made).ok().as_ref() != Some(&commit) {
            eprintln!("building our packages in {}", folder.display());
            remove(&folder)?;
            fs::create_dir_all(&folder)?;
            deb::build(&dist::make(&folder)?, &folder, deb::How::default())?;
            fs::write(&made, &commit)?;
        }
        let mut files = files_in(&folder)?;
        files.retain(|file| file.extension().is_some_and(|end| end == "deb"));
        files.retain(|file| !file.to_string_lossy().contains("-dbgsym"));
        let unpacked = folder.join("files");
        remove(&unpacked)?;
        let mut names = Vec::new();
        for file in &files {
            output(&mut command!("dpkg -x", file, &unpacked))?;
            let name = stdout(&mut command!("dpkg-deb --field", file, "Package"))?;
            names.push(name.trim().to_owned());
        }
        Ok(Debs {
            library: sum(&unpacked.join(LIBRARIES).join("liburing.so.2"))?,
            files,
            names,
        })
    }

    /// Copies them to a folder that a system can see.
    pub fn copy_to(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        for file in &self.files {
            fs::copy(file, folder.join(file.file_name().context("a file without a name")?))?;
        }
        Ok(())
    }
}

/// The base with our packages, installed by apt. It is kept until they or the base change.
pub fn install(base: &Base, debs: &Debs) -> Result<System> {
    let layer = base.dir.join("ours");
    let made = layer.join("library");
    let mut key = debs.library.clone();
    for file in &debs.files {
        key += &sum(file)?;
    }
    let system = System::of(base).under(&layer.join("files"));
    if fs::read_to_string(&made).ok().as_ref() == Some(&key) {
        return Ok(system);
    }
    println!("{}: apt replaces the original's packages with ours", base.suite);
    remove(&layer)?;
    let sandbox = System::of(base).sandbox("install")?;
    debs.copy_to(&sandbox.shared())?;
    let run = |sandbox: &Sandbox, name: &str, line: &str| {
        let line = format!("cd /shared && {line}");
        sandbox.run(600, &["sh", "-ec", &line], &system.log(name))
    };
    let installed = "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'";
    let install = "--no-install-recommends install ./*.deb";
    let before = run(&sandbox, "before", installed)?;
    check_plan(&run(&sandbox, "plan", &format!("apt-get -s {install}"))?, &debs.names)?;
    run(&sandbox, "install", &format!("eatmydata apt-get -qq -y {install} >&2"))?;
    let after = run(&sandbox, "after", installed)?;
    let others = |list: &str| {
        let named = |line: &&str, name: &str| line.split(' ').next() == Some(name);
        let ours = |line: &&str| debs.names.iter().any(|name| named(line, name));
        let lines = list
            .lines()
            .filter(|line| !REPLACED.iter().any(|name| named(line, name)));
        lines.filter(|line| !ours(line)).map(String::from).collect::<Vec<_>>()
    };
    ensure!(
        others(&before) == others(&after),
        "the installation changed other packages too; before:\n{before}\nafter:\n{after}"
    );
    let complaints = run(&sandbox, "audit", "dpkg --audit; apt-get -qq check")?;
    ensure!(complaints.is_empty(), "after the installation: {complaints}");
    fs::create_dir_all(&layer)?;
    fs::rename(sandbox.written(), layer.join("files"))?;
    sandbox.clear()?;
    ensure!(
        sum(&system.library()?)? == debs.library,
        "our packages are installed, but liburing.so.2 is not theirs"
    );
    fs::write(&made, &key)?;
    Ok(system)
}

/// Checks apt's plan: it must install all of ours, and remove nothing but what they replace.
fn check_plan(plan: &str, ours: &[String]) -> Result<()> {
    let named = |what: &str| -> BTreeSet<&str> {
        let lines = plan.lines().filter_map(|line| line.strip_prefix(what));
        lines.filter_map(|rest| rest.split([' ', ':']).next()).collect()
    };
    let expected: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    let (installed, removed) = (named("Inst "), named("Remv "));
    ensure!(
        installed == expected,
        "apt would install {installed:?}, not {expected:?}:\n{plan}"
    );
    ensure!(
        removed.iter().all(|name| REPLACED.contains(name)),
        "apt would remove {removed:?}, and may remove only {REPLACED:?}:\n{plan}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_plan;

    #[test]
    fn plans() {
        let ours = ["libironring2".to_owned()];
        let plan = "Remv liburing2 [2.3-3] [mpd:amd64 ]\nInst libironring2 (2.15.0-1 local-deb [amd64])\n";
        assert!(check_plan(plan, &ours).is_ok());
        assert!(check_plan(&format!("{plan}Remv plocate [1.1]\n"), &ours).is_err());
        assert!(check_plan(&format!("{plan}Inst plocate [1.1]\n"), &ours).is_err());
        assert!(check_plan("", &ours).is_err());
    }
}
