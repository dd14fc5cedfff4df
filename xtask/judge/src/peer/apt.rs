//! A private apt: the machine's own Debian mirror and keys, but sources, lists, cache and state in a private folder.

use super::{NEWEST, PACKAGES, SUITES, upstream};
use anyhow::{Context, Result, anyhow, bail, ensure};
use base::{command, files_in, output, stdout};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A suite that has the release, and the version of its packages. If the archive no longer has our release, its newest
/// counts instead.
pub fn pick(version: &str, dir: &Path) -> Result<(Apt, String)> {
    let (_, usual) = SUITES
        .iter()
        .find(|(known, _)| *known == version)
        .with_context(|| format!("no Debian suite is known for liburing {version}"))?;
    let mut why = Vec::new();
    for archive in configured()? {
        let mut seen = BTreeSet::new();
        let more = archive.suites.iter().map(String::as_str);
        for suite in [*usual].into_iter().chain(more).chain(["testing", "sid", "stable"]) {
            if !seen.insert(suite) {
                continue;
            }
            let found = Apt::new(&archive, suite, &[], dir).and_then(|apt| Ok((apt.versions()?, apt)));
            match found {
                Ok((versions, apt)) => {
                    if let Some(deb) = versions.iter().find(|deb| upstream(deb) == version) {
                        return Ok((apt, deb.clone()));
                    }
                    why.push(format!("{suite} has {}", versions.join(", ")));
                }
                Err(error) => {
                    let text = error.to_string();
                    let line = text.lines().find(|line| line.starts_with("E: ")).unwrap_or(&text);
                    why.push(format!("{suite}: {line}"));
                }
            }
        }
    }
    if version == NEWEST {
        let apt = suite(&[usual], &[], dir)?;
        if let Some(newest) = apt.versions()?.first() {
            return Ok((apt, newest.clone()));
        }
    }
    bail!("no suite has liburing {version}:\n    {}", why.join("\n    "));
}

/// The first of the suites that a configured archive has, for these Debian architectures [default: the machine's].
pub fn suite(suites: &[&str], architectures: &[&str], dir: &Path) -> Result<Apt> {
    let mut why = anyhow!("no suite is named");
    for archive in &configured()? {
        for suite in suites {
            match Apt::new(archive, suite, architectures, dir) {
                Ok(apt) => return Ok(apt),
                Err(error) => why = error,
            }
        }
    }
    Err(why)
}

/// What apt needs for a suite of this machine's Debian archive: a sources file, and the machine's settings for reaching
/// and verifying the archive.
pub fn sources(suite: &str) -> Result<(String, Vec<String>)> {
    let wanted = ["Acquire::Check-", "Acquire::http", "Acquire::ForceIPv"];
    let dump = stdout(&mut command!("apt-config dump"))?;
    let settings = dump
        .lines()
        .filter(|line| wanted.iter().any(|start| line.starts_with(start)));
    Ok((configured()?[0].sources(suite), settings.map(String::from).collect()))
}

/// A Debian archive as apt's own sources name it.
struct Archive {
    uris: String,
    suites: Vec<String>,
    /// The `Signed-By` field's value, which may have several lines; empty when there is none.
    signed_by: String,
}

impl Archive {
    /// The text of a sources file with one suite of the archive.
    fn sources(&self, suite: &str) -> String {
        let signed = match &*self.signed_by {
            "" => String::new(),
            key => format!("Signed-By: {key}\n"),
        };
        format!(
            "Types: deb deb-src\nURIs: {}\nSuites: {suite}\nComponents: main\n{signed}",
            self.uris
        )
    }
}

/// The configured sources that are Debian's own: they have `main`, in a suite of this system or a rolling one.
fn configured() -> Result<Vec<Archive>> {
    let os = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let here = os.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let ours = |suite: &String| ["stable", "testing", "unstable", "sid"].contains(&&**suite) || here == Some(&**suite);
    let mut paths = files_in(Path::new("/etc/apt/sources.list.d")).unwrap_or_default();
    paths.push("/etc/apt/sources.list".into());
    let mut archives = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let entries: Vec<Archive> = match path.extension().and_then(|e| e.to_str()) {
            Some("sources") => text.split("\n\n").filter_map(stanza).collect(),
            Some("list") => text.lines().filter_map(one_line).collect(),
            _ => continue,
        };
        archives.extend(entries.into_iter().filter(|archive| archive.suites.iter().any(ours)));
    }
    ensure!(
        !archives.is_empty(),
        "no Debian archive is among apt's configured sources"
    );
    Ok(archives)
}

/// An entry of the form `Field: value`, one a line.
fn stanza(text: &str) -> Option<Archive> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with([' ', '\t']) {
            let (_, value) = fields.last_mut()?;
            value.push('\n');
            value.push_str(line);
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.to_lowercase(), value.trim().to_owned()));
        }
    }
    let field = |name: &str| fields.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value);
    let has = |name: &str, word: &str| field(name).split_whitespace().any(|w| w == word);
    (!has("enabled", "no") && has("types", "deb") && has("components", "main")).then(|| Archive {
        uris: field("uris").to_owned(),
        suites: field("suites").split_whitespace().map(String::from).collect(),
        signed_by: field("signed-by").to_owned(),
    })
}

/// An entry of the form `deb [options] URI suite components`.
fn one_line(line: &str) -> Option<Archive> {
    let rest = line.strip_prefix("deb ")?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let (uri, rest) = rest.trim_start().split_once(' ')?;
    let (suite, components) = rest.split_once(' ')?;
    let mut options = options.split_whitespace();
    let signed_by = options.find_map(|option| option.strip_prefix("signed-by="));
    let signed_by = signed_by.unwrap_or_default().replace(',', " ");
    stanza(&format!(
        "Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: {components}\nSigned-By: {signed_by}"
    ))
}

/// A private apt that knows one suite.
pub struct Apt {
    pub dir: PathBuf,
}

impl Apt {
    fn new(archive: &Archive, suite: &str, architectures: &[&str], dir: &Path) -> Result<Apt> {
        base::fresh(dir)?;
        for part in ["sources", "state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(dir.join(part))?;
        }
        fs::write(
            dir.join("sources/debian.sources"),
            archive.sources(suite) + "Targets: Packages Sources\nLanguages: none\nPDiffs: no\n",
        )?;
        fs::write(dir.join("status"), "")?;
        // The system's apt hooks would clean the system's caches.
        let mut conf = format!(
            "Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"{0}/sources\";\n\
             Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\n\
             Dir::State \"{0}/state\";\nDir::State::lists \"{0}/state/lists\";\n\
             Dir::State::status \"{0}/status\";\n\
             Dir::Cache \"{0}/cache\";\nDir::Cache::archives \"{0}/cache/archives\";\n\
             APT::Sandbox::User \"root\";\nAPT::Update::Error-Mode \"any\";\nAcquire::Retries \"3\";\n\
             #clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n",
            dir.display()
        );
        if let Some(first) = architectures.first() {
            let all = architectures.join("\"; \"");
            let _ = writeln!(
                conf,
                "APT::Architecture \"{first}\";\nAPT::Architectures {{ \"{all}\"; }};"
            );
        }
        fs::write(dir.join("apt.conf"), conf)?;
        let apt = Apt { dir: dir.to_path_buf() };
        apt.get(dir, "update", &[])?;
        Ok(apt)
    }

    fn command(&self, mut command: Command) -> Command {
        command.arg("-c").arg(self.dir.join("apt.conf"));
        command
    }

    /// Runs `apt-get` in a folder, where it leaves what it downloads.
    pub fn get(&self, at: &Path, what: &str, args: &[String]) -> Result<()> {
        let mut get = self.command(command!("apt-get -qq"));
        output(get.arg(what).args(args).current_dir(at)).map(drop)
    }

    /// The packages that a package of the suite depends on.
    pub fn depends(&self, package: &str) -> Result<Vec<String>> {
        let text = stdout(
            self.command(command!("apt-cache"))
                .args(["depends", "--important", package]),
        )?;
        let names = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
        Ok(names.map(String::from).collect())
    }

    /// These packages and all their dependencies.
    pub fn closure(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut install = self.command(command!("apt-get --simulate --no-install-recommends"));
        let text = stdout(install.arg("install").args(packages))?;
        let lines = text.lines().filter_map(|line| line.strip_prefix("Inst "));
        Ok(lines
            .filter_map(|line| line.split(' ').next().map(String::from))
            .collect())
    }

    /// The versions of liburing that the suite has, newest first.
    fn versions(&self) -> Result<Vec<String>> {
        let text = stdout(self.command(command!("apt-cache")).args(["madison", PACKAGES[1]]))?;
        // A line reads: package | version | where it is, "Packages" or "Sources"
        let lines = text.lines().filter(|line| line.trim_end().ends_with("Packages"));
        Ok(lines
            .filter_map(|line| Some(line.split('|').nth(1)?.trim().to_owned()))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let text = "# a note: with a colon\nTypes: deb deb-src\nURIs: mirror\nSuites: sid x\nComponents: main\n\
                    Signed-By:\n key\n block\n";
        let archive = stanza(text).unwrap();
        assert_eq!((&*archive.uris, &*archive.signed_by), ("mirror", "\n key\n block"));
        assert_eq!(archive.suites, ["sid", "x"]);
        assert!(stanza(&format!("{text}Enabled: no\n")).is_none());
        let archive = one_line("deb [arch=amd64 signed-by=/key.gpg] mirror sid main contrib").unwrap();
        assert_eq!((&*archive.uris, &*archive.signed_by), ("mirror", "/key.gpg"));
        assert!(one_line("deb-src mirror sid main").is_none());
        assert!(one_line("deb mirror sid main").unwrap().signed_by.is_empty());
    }

    #[test]
    fn versions() {
        for version in ["2.15-1", "1:2.15-1+b2", "2.15+ds-1~bpo12+1", "2.15"] {
            assert_eq!(upstream(version), "2.15");
        }
    }
}
