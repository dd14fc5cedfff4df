//! Debian systems to run programs in: a base for each suite, and layers on it. `test-c/programs/enter.sh` enters one.

use super::Program;
use crate::peer;
use anyhow::{Context, Result, bail, ensure};
use base::{command, need_all, output, root, show};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packages of every base: the original's two, what ours need as well, and the scripts' tools.
const ALWAYS: [&str; 6] = [
    "eatmydata",
    "liburing2",
    "liburing-dev",
    "libc6-dev",
    "procps",
    "strace",
];

/// The folder of the multiarch libraries.
pub const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// A suite's unmodified system.
pub struct Base {
    pub suite: String,
    /// The folder for everything of this suite.
    pub dir: PathBuf,
}

impl Base {
    /// The base of a suite with what these programs need, and with their source packages unpacked in /usr/src. It is
    /// made if missing, and what it lacks is added.
    pub fn open(suite: &str, programs: &[&Program]) -> Result<Base> {
        let base = Base {
            suite: suite.to_owned(),
            dir: root().join("target/programs").join(suite),
        };
        let packages = programs.iter().flat_map(|program| &program.packages);
        let packages = packages.map(String::as_str).chain(ALWAYS);
        let sources = programs.iter().flat_map(|program| &program.sources);
        let wanted: BTreeSet<String> = packages
            .map(|name| format!("package {name}"))
            .chain(sources.map(|name| format!("source {name}")))
            .collect();
        // Lists what the base has; absent while something is being added to it.
        let list = base.dir.join("has");
        let has = fs::read_to_string(&list).unwrap_or_default();
        let mut has: BTreeSet<String> = has.lines().map(String::from).collect();
        if !wanted.is_subset(&has) {
            base.grow(&list, &wanted.difference(&has).collect::<Vec<_>>())
                .with_context(|| format!("to start over: rm -r {}", base.dir.display()))?;
            has.extend(wanted);
            fs::write(&list, Vec::from_iter(has).join("\n"))?;
        }
        Ok(base)
    }

    pub fn system(&self) -> PathBuf {
        self.dir.join("base")
    }

    fn grow(&self, list: &Path, missing: &[&String]) -> Result<()> {
        eprintln!("{}: adding {missing:?} to {}", self.suite, self.system().display());
        if list.exists() {
            fs::remove_file(list)?;
            // The base would change below these layers.
            for layer in ["ours", "runs"] {
                remove(&self.dir.join(layer))?;
            }
            self.apt("apt-get -qq update")?;
        } else {
            remove(&self.dir)?;
            fs::create_dir_all(self.dir.join("shared"))?;
            // Keep the package lists, so that no later step needs the network.
            let more = ["--variant=apt", "--skip=cleanup/apt,cleanup/reproducible"].map(String::from);
            let without = ["man", "doc", "locale"].map(|name| format!("--dpkgopt=path-exclude=/usr/share/{name}/*"));
            bootstrap(&self.suite, &self.system(), &[&more[..], &without].concat())?;
        }
        let named = |kind: &str| {
            let names = missing.iter().filter_map(|name| name.strip_prefix(kind));
            names.collect::<Vec<_>>().join(" ")
        };
        let install = "eatmydata apt-get -qq -y --no-install-recommends install";
        let (packages, sources) = (named("package "), named("source "));
        if !packages.is_empty() {
            self.apt("apt-get -qq -y --no-install-recommends install eatmydata")?;
            self.apt(&format!("{install} {packages}"))?;
            // For the rollback from our packages.
            self.apt("apt-get -qq -y --download-only --reinstall install liburing2 liburing-dev")?;
        }
        if !sources.is_empty() {
            self.apt(&format!(
                "{install} dpkg-dev && cd /usr/src && apt-get -qq source {sources}"
            ))?;
        }
        Ok(())
    }

    /// Runs a shell command in the base itself, with the machine's network.
    fn apt(&self, line: &str) -> Result<()> {
        let system = self.system().display().to_string();
        let mut command = enter(&system, Path::new(""), &self.dir.join("shared"), true, 1800);
        output(command.args(["sh", "-ec", line])).map(drop)
    }
}

/// Makes a minimal Debian system in a folder, from the archive that this machine uses.
pub fn bootstrap(suite: &str, system: &Path, more: &[String]) -> Result<()> {
    let (sources, settings) = peer::sources(suite)?;
    let file = system.with_extension("sources");
    fs::write(&file, sources)?;
    let settings = settings.iter().map(|setting| setting.trim_end_matches(';'));
    let ours = [
        "Acquire::Languages \"none\"",
        "Acquire::Retries \"3\"",
        "APT::Sandbox::User \"root\"",
    ];
    output(
        command!("mmdebstrap --quiet --mode=root --format=directory --dpkgopt=force-unsafe-io")
            .args(settings.chain(ours).map(|setting| format!("--aptopt={setting}")))
            .args(more)
            .arg(suite)
            .args([system, &file]),
    )?;
    fs::write(system.join("etc/hosts"), "127.0.0.1 localhost\n")?;
    // Keep packages from starting services.
    let policy = system.join("usr/sbin/policy-rc.d");
    fs::write(&policy, "#!/bin/sh\nexit 101\n")?;
    output(&mut command!("chmod 755", policy)).map(drop)
}

/// A system to run in: a base and the layers on it.
#[derive(Clone)]
pub struct System {
    pub suite: String,
    /// The folders, topmost first.
    layers: Vec<PathBuf>,
    dir: PathBuf,
}

impl System {
    pub fn of(base: &Base) -> System {
        System {
            suite: base.suite.clone(),
            layers: vec![base.system()],
            dir: base.dir.clone(),
        }
    }

    pub fn under(&self, layer: &Path) -> System {
        let mut system = self.clone();
        system.layers.insert(0, layer.to_path_buf());
        system
    }

    /// The path of a file of this system in the topmost layer that has it.
    fn find(&self, path: &Path) -> Result<PathBuf> {
        let mut paths = self.layers.iter().map(|layer| layer.join(path));
        paths
            .find(|path| path.symlink_metadata().is_ok())
            .with_context(|| format!("{} has no {}", self.suite, path.display()))
    }

    /// The file that programs load as liburing.
    pub fn library(&self) -> Result<PathBuf> {
        let folder = Path::new(LIBRARIES);
        let link = self.find(&folder.join("liburing.so.2"))?;
        let target = fs::read_link(&link).with_context(|| link.display().to_string())?;
        self.find(&folder.join(target))
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(name)
    }

    /// A sandbox to run something in: what it writes goes into a separate layer.
    pub fn sandbox(&self, name: &str) -> Result<Sandbox> {
        let layers: Vec<_> = self.layers.iter().map(|layer| layer.display().to_string()).collect();
        let sandbox = Sandbox {
            below: layers.join(":"),
            dir: self.dir.join("runs").join(name),
        };
        sandbox.clear()?;
        fs::create_dir_all(sandbox.shared())?;
        Ok(sandbox)
    }
}

pub struct Sandbox {
    below: String,
    dir: PathBuf,
}

impl Sandbox {
    /// The folder that is /shared inside.
    pub fn shared(&self) -> PathBuf {
        self.dir.join("shared")
    }

    /// The layer that receives what is written.
    pub fn written(&self) -> PathBuf {
        self.dir.join("layer/files")
    }

    /// Runs a command in it for at most so many seconds, with no network but loopback. Returns its standard output; its
    /// standard error goes to a log.
    pub fn run(&self, seconds: u32, command: &[&str], log: &Path) -> Result<String> {
        fs::create_dir_all(log.parent().context("a log without a folder")?)?;
        let mut enter = enter(&self.below, &self.dir.join("layer"), &self.shared(), false, seconds);
        enter.args(command).stdin(Stdio::null()).stderr(File::create(log)?);
        let out = enter.output().with_context(|| format!("can't run: {}", show(&enter)))?;
        if !out.status.success() {
            let why = match out.status.code() {
                Some(124 | 137) => format!("didn't end within {seconds} s"),
                _ => out.status.to_string(),
            };
            bail!("{why}: {} (log: {})", base::tail(log, 5).join("; "), log.display());
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// Removes what a run left.
    pub fn clear(&self) -> Result<()> {
        remove(&self.dir)
    }
}

pub fn remove(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("can't remove {}", dir.display()))?;
    }
    Ok(())
}

/// The command that enters a system; append what to run there. Without a `layer`, writes change the system itself.
fn enter(below: &str, layer: &Path, shared: &Path, net: bool, seconds: u32) -> Command {
    // Ends with this process if that is killed, and with it everything inside.
    let mut command = command!("setpriv --pdeathsig TERM timeout --kill-after=5", seconds.to_string());
    command.args(["unshare", "--mount", "--pid", "--fork", "--kill-child"]);
    command.args((!net).then_some("--net"));
    command.arg("sh").arg(scripts().join("enter.sh")).arg(below);
    command.args([layer, shared]);
    command
}

pub fn scripts() -> PathBuf {
    root().join("test-c/programs")
}

/// Checks for the tools that this machine must have.
pub fn tools() -> Result<()> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "only root can make and enter Debian systems: run this with sudo"
    );
    need_all(&[
        ("mmdebstrap", "mmdebstrap"),
        ("unshare", "util-linux"),
        ("ip", "iproute2"),
        ("cc", "gcc"),
    ])
}
