//! Our packages, and a system in which apt has put them in the place of the original's.

use super::chroot::{Base, Place, System, remove};
use crate::package::{deb, dist, files_in, git};
use crate::util::{output, root, stdout};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What may go when ours come.
const REPLACED: [&str; 2] = ["liburing2", "liburing-dev"];

/// Our packages, as `make deb` makes them of the last commit.
pub struct Debs {
    pub files: Vec<PathBuf>,
    /// The sha256 of the shared library in them.
    pub library: String,
    pub names: Vec<String>,
}

impl Debs {
    pub fn get() -> Result<Debs> {
        let folder = root().join("target/programs/deb");
        let commit = stdout(git()?.args(["rev-parse", "HEAD^{tree}"])).context("packages are made of a commit")?;
        let made = folder.join("commit");
        if fs::read_to_string(&made).ok().as_ref() != Some(&commit) {
            eprintln!("making our packages in {}", folder.display());
            remove(&folder)?;
            fs::create_dir_all(&folder)?;
            deb::build(&dist::make(&folder)?, &folder, deb::How::default())?;
            fs::write(&made, &commit)?;
        }
        let mut files = files_in(&folder)?;
        files.retain(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".deb") && !name.contains("-dbgsym")
        });
        let unpacked = folder.join("files");
        remove(&unpacked)?;
        let mut names = Vec::new();
        for file in &files {
            output(Command::new("dpkg").arg("-x").arg(file).arg(&unpacked))?;
            let name = stdout(Command::new("dpkg-deb").arg("--field").arg(file).arg("Package"))?;
            names.push(name.trim().to_owned());
        }
        let library = super::chroot::library_folder(&unpacked).join("liburing.so.2");
        Ok(Debs {
            library: sum(&library)?,
            files,
            names,
        })
    }

    /// Puts them where a system can see them.
    pub fn copy_to(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        for file in &self.files {
            fs::copy(file, folder.join(file.file_name().context("a file without a name")?))?;
        }
        Ok(())
    }
}

pub fn sum(file: &Path) -> Result<String> {
    let text = stdout(Command::new("sha256sum").arg(file))?;
    Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
}

/// The base with our packages on it, put there by apt. It is kept until they or the base change.
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
    println!("{}: apt puts our packages in the place of the original's", base.suite);
    remove(&layer)?;
    let place = System::of(base).place("install")?;
    debs.copy_to(&place.shared())?;
    let run = |place: &Place, name: &str, line: &str| place.run(600, &["sh", "-ec", line], &system.log(name));
    let installed = "dpkg-query -W -f '${binary:Package} ${Version} ${db:Status-Abbrev}\\n'";
    let before = run(&place, "before", installed)?;
    let plan = run(
        &place,
        "plan",
        "cd /shared && apt-get -s --no-install-recommends install ./*.deb",
    )?;
    agree(&plan, &debs.names)?;
    run(
        &place,
        "install",
        "cd /shared && eatmydata apt-get -qq -y --no-install-recommends install ./*.deb >&2",
    )?;
    let after = run(&place, "after", installed)?;
    ensure!(
        others(&before, debs) == others(&after, debs),
        "packages have changed that should not:\n{before}\nafterwards:\n{after}"
    );
    let complaints = run(&place, "audit", "dpkg --audit; apt-get -qq check")?;
    ensure!(complaints.is_empty(), "after the installation: {complaints}");
    fs::create_dir_all(&layer)?;
    fs::rename(place.written(), layer.join("files"))?;
    place.clear()?;
    ensure!(
        sum(&system.library()?)? == debs.library,
        "our packages are installed, but liburing.so.2 is not theirs"
    );
    fs::write(&made, &key)?;
    Ok(system)
}

/// The lines of the packages that are neither ours nor replaced by ours.
fn others<'a>(list: &'a str, debs: &Debs) -> Vec<&'a str> {
    let name = |line: &str| line.split([' ', ':']).next().unwrap_or_default().to_owned();
    list.lines()
        .filter(|line| !REPLACED.contains(&&*name(line)) && !debs.names.contains(&name(line)))
        .collect()
}

/// What apt is going to do: install ours, all of them, and remove nothing but what they replace.
fn agree(plan: &str, ours: &[String]) -> Result<()> {
    let named = |what: &str| -> Vec<&str> {
        let lines = plan.lines().filter_map(|line| line.strip_prefix(what));
        let mut names: Vec<&str> = lines
            .filter_map(|rest| rest.split_whitespace().next())
            .map(|name| name.split(':').next().unwrap_or(name))
            .collect();
        names.sort_unstable();
        names
    };
    let mut expected: Vec<&str> = ours.iter().map(String::as_str).collect();
    expected.sort_unstable();
    let (comes, goes) = (named("Inst "), named("Remv "));
    ensure!(
        comes == expected,
        "apt would install {comes:?}, and should {expected:?}:\n{plan}"
    );
    ensure!(
        goes.iter().all(|name| REPLACED.contains(name)),
        "apt would remove {goes:?}, and should {REPLACED:?} at most:\n{plan}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::agree;

    #[test]
    fn plans() {
        let ours = ["libironring2".to_owned()];
        let plan = "Remv liburing2 [2.3-3] [mpd:amd64 ]\nInst libironring2 (2.15.0-1 local-deb [amd64])\n";
        assert!(agree(plan, &ours).is_ok());
        assert!(agree(&format!("{plan}Remv plocate [1.1]\n"), &ours).is_err());
        assert!(agree(&format!("{plan}Inst plocate [1.1]\n"), &ours).is_err());
        assert!(agree("", &ours).is_err());
    }
}
