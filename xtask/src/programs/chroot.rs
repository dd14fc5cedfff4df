//! Debian systems to run programs in: a base for each suite, and layers on it. `test-c/programs/enter.sh` goes into one.

use crate::peer;
use crate::util::{need_all, output, root, show};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What every base has: the original's two packages, what ours need beside them, and tools of the scripts.
const ALWAYS: [&str; 6] = [
    "eatmydata",
    "liburing2",
    "liburing-dev",
    "libc6-dev",
    "procps",
    "strace",
];

/// Where the multiarch libraries lie.
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// A suite's system, as Debian makes it.
pub struct Base {
    pub suite: String,
    /// The folder for everything of this suite.
    pub dir: PathBuf,
}

impl Base {
    /// The base of a suite with these packages, and with these source packages unpacked in /usr/src. It is made when
    /// there is none, and what it lacks is added.
    pub fn open(suite: &str, packages: &BTreeSet<&str>, sources: &BTreeSet<&str>) -> Result<Base> {
        let base = Base {
            suite: suite.to_owned(),
            dir: root().join("target/programs").join(suite),
        };
        base.grow(packages, sources)
            .with_context(|| format!("to begin anew: rm -r {}", base.dir.display()))?;
        Ok(base)
    }

    pub fn system(&self) -> PathBuf {
        self.dir.join("base")
    }

    fn grow(&self, packages: &BTreeSet<&str>, sources: &BTreeSet<&str>) -> Result<()> {
        // Names what the base has; missing while something is being added to it.
        let list = self.dir.join("has");
        let has = fs::read_to_string(&list).unwrap_or_default();
        if has.is_empty() && self.dir.exists() {
            fs::remove_dir_all(&self.dir).with_context(|| format!("can't empty {}", self.dir.display()))?;
        }
        let lacks = |kind: &str, name: &str| !has.lines().any(|line| line == format!("{kind} {name}"));
        let packages: Vec<&str> = ALWAYS
            .iter()
            .chain(packages)
            .copied()
            .filter(|name| lacks("package", name))
            .collect();
        let sources: Vec<&str> = sources.iter().copied().filter(|name| lacks("source", name)).collect();
        if packages.is_empty() && sources.is_empty() {
            return Ok(());
        }
        if has.is_empty() {
            self.make()?;
        } else {
            fs::remove_file(&list)?;
            // What rests on the base would see it change.
            for layer in ["ours", "runs"] {
                remove(&self.dir.join(layer))?;
            }
            self.apt("apt-get -qq update")?;
        }
        let install = "eatmydata apt-get -qq -y --no-install-recommends";
        if !packages.is_empty() {
            eprintln!("{}: installing {}", self.suite, packages.join(" "));
            self.apt("apt-get -qq -y --no-install-recommends install eatmydata")?;
            self.apt(&format!("{install} install {}", packages.join(" ")))?;
            // For the way back from ours.
            self.apt("apt-get -qq -y --download-only --reinstall install liburing2 liburing-dev")?;
        }
        if !sources.is_empty() {
            let names = sources.join(" ");
            eprintln!("{}: fetching the sources of {names}", self.suite);
            self.apt(&format!("{install} install dpkg-dev"))?;
            self.apt(&format!("cd /usr/src && apt-get -qq source {names}"))?;
        }
        let mut text = has;
        for name in packages {
            let _ = writeln!(text, "package {name}");
        }
        for name in sources {
            let _ = writeln!(text, "source {name}");
        }
        fs::write(&list, text)?;
        Ok(())
    }

    /// Makes a minimal system.
    fn make(&self) -> Result<()> {
        eprintln!("{}: making a Debian system in {}", self.suite, self.system().display());
        fs::create_dir_all(self.dir.join("shared"))?;
        // The lists of packages stay: no later step needs the network.
        let mut more = ["--variant=apt", "--skip=cleanup/apt,cleanup/reproducible"]
            .map(String::from)
            .to_vec();
        more.extend(["man", "doc", "locale"].map(|name| format!("--dpkgopt=path-exclude=/usr/share/{name}/*")));
        bootstrap(&self.suite, &self.system(), &more)
    }

    /// Runs a shell's line in the base itself, with the network that the machine has.
    fn apt(&self, line: &str) -> Result<()> {
        let mut command = enter(
            &self.system().display().to_string(),
            None,
            &self.dir.join("shared"),
            true,
            1800,
        );
        output(command.args(["sh", "-ec", line]))?;
        Ok(())
    }
}

/// Makes a minimal Debian system in a folder, from the archive that this machine uses.
pub fn bootstrap(suite: &str, system: &Path, more: &[String]) -> Result<()> {
    let (sources, settings) = peer::sources(suite)?;
    let file = system.with_extension("sources");
    fs::write(&file, sources)?;
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--mode=root", "--format=directory"]);
    command.args(
        settings
            .iter()
            .map(|setting| format!("--aptopt={}", setting.trim_end_matches(';'))),
    );
    command.args([
        "--aptopt=Acquire::Languages \"none\"",
        "--aptopt=Acquire::Retries \"3\"",
        "--aptopt=APT::Sandbox::User \"root\"",
        "--dpkgopt=force-unsafe-io",
    ]);
    output(command.args(more).arg(suite).arg(system).arg(&file))?;
    fs::write(system.join("etc/hosts"), "127.0.0.1 localhost\n")?;
    // No service starts by itself.
    let policy = system.join("usr/sbin/policy-rc.d");
    fs::write(&policy, "#!/bin/sh\nexit 101\n")?;
    output(Command::new("chmod").arg("755").arg(&policy))?;
    Ok(())
}

/// A system to run in: a base and what lies upon it.
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
        let mut layers = vec![layer.to_path_buf()];
        layers.extend(self.layers.iter().cloned());
        System { layers, ..self.clone() }
    }

    /// The path in this system where the topmost layer that has it keeps it.
    fn find(&self, path: &Path) -> Result<PathBuf> {
        let mut places = self.layers.iter().map(|layer| layer.join(path));
        places
            .find(|place| place.symlink_metadata().is_ok())
            .with_context(|| format!("{} has no {}", self.suite, path.display()))
    }

    /// The file that programs get as liburing.
    pub fn library(&self) -> Result<PathBuf> {
        let folder = Path::new(LIBRARIES);
        let link = self.find(&folder.join("liburing.so.2"))?;
        let target = fs::read_link(&link).with_context(|| link.display().to_string())?;
        self.find(&folder.join(target))
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(name)
    }

    /// A place to run something: what it writes goes into a layer of its own.
    pub fn place(&self, name: &str) -> Result<Place> {
        let place = Place {
            below: self
                .layers
                .iter()
                .map(|l| l.display().to_string())
                .collect::<Vec<_>>()
                .join(":"),
            dir: self.dir.join("runs").join(name),
        };
        place.clear()?;
        fs::create_dir_all(place.shared())?;
        Ok(place)
    }
}

pub struct Place {
    below: String,
    dir: PathBuf,
}

impl Place {
    /// The folder that is /shared within.
    pub fn shared(&self) -> PathBuf {
        self.dir.join("shared")
    }

    /// The layer that takes what is written.
    pub fn written(&self) -> PathBuf {
        self.dir.join("layer/files")
    }

    /// Runs a command in it without a network but the loopback, for so many seconds at most. Gives what it prints;
    /// what it complains of goes to a log.
    pub fn run(&self, seconds: u32, command: &[&str], log: &Path) -> Result<String> {
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut enter = enter(
            &self.below,
            Some(&self.dir.join("layer")),
            &self.shared(),
            false,
            seconds,
        );
        enter.args(command).stdin(Stdio::null());
        let shown = show(&enter);
        let out = enter
            .stderr(File::create(log)?)
            .output()
            .with_context(|| format!("can't run: {shown}"))?;
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        if !out.status.success() {
            let text = fs::read_to_string(log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
            let end = lines[lines.len().saturating_sub(5)..].join("; ");
            let why = match out.status.code() {
                Some(124 | 137) => format!("not ended after {seconds} s"),
                _ => out.status.to_string(),
            };
            anyhow::bail!("{why}: {end} (log: {})", log.display());
        }
        Ok(said)
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

/// The library's folder within a layer.
pub fn library_folder(layer: &Path) -> PathBuf {
    layer.join(LIBRARIES)
}

/// The command that goes into a system; what to run there comes after it.
fn enter(below: &str, layer: Option<&Path>, shared: &Path, net: bool, seconds: u32) -> Command {
    // Ends with this process, should that be killed; and everything within ends with it.
    let mut command = Command::new("setpriv");
    command.args([
        "--pdeathsig",
        "TERM",
        "timeout",
        "--kill-after=5",
        &seconds.to_string(),
        "unshare",
    ]);
    command.args(["--mount", "--pid", "--fork", "--kill-child"]);
    if !net {
        command.arg("--net");
    }
    command.arg("sh").arg(scripts().join("enter.sh")).arg(below);
    command
        .arg(layer.map_or_else(PathBuf::new, Path::to_path_buf))
        .arg(shared);
    command
}

pub fn scripts() -> PathBuf {
    root().join("test-c/programs")
}

/// What this machine must have.
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
