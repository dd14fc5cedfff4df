//! One release of the suite, its modes, and where it runs.

use super::exec::{Here, Machine};
use super::mode::Mode;
use super::tree::{self, Tree};
use crate::peer::{self, NEWEST, Peer};
use anyhow::{Context, Result};
use base::compile::{self, Tools};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whether a test was built in a mode.
pub enum Built {
    Yes,
    /// It uses the original's private names, and the mode's library is a shared one.
    Private,
    /// What the compiler or linker said.
    No(String),
}

pub struct Session {
    pub version: String,
    /// The suite's release: its headers, its tests, and the library that its programs are linked with.
    pub peer: Peer,
    /// The newest release, on whose library the programs run: it is what ours replaces.
    pub newest: Peer,
    pub tree: Tree,
    pub tools: Tools,
    pub modes: Vec<Mode>,
    /// Where programs, logs and working folders go.
    pub out: PathBuf,
    /// Whether each test was built in each mode.
    pub(super) built: BTreeMap<String, BTreeMap<Mode, Built>>,
    /// Our libraries.
    pub lib: PathBuf,
    /// How many times everything runs.
    pub repeat: u32,
    /// On the engine, only the tests of what the library itself does run.
    pub short: bool,
}

/// Where tests run, and with which arguments.
pub struct Environment {
    /// `here`, storage such as `xfs`, or a kernel.
    pub name: String,
    pub machine: Arc<dyn Machine>,
    /// Working folders are made in it.
    pub dir: PathBuf,
    pub args: Vec<OsString>,
    /// The kernel's release.
    pub kernel: String,
    /// The tests' effective capabilities, a bit for each.
    pub capabilities: u64,
}

impl Environment {
    /// This machine, without arguments.
    pub fn here(dir: PathBuf) -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        Ok(Self {
            name: "here".to_owned(),
            machine: Arc::new(Here),
            dir,
            args: Vec::new(),
            kernel: kernel()?,
            capabilities: mask.unwrap_or(u64::MAX),
        })
    }
}

/// The release of this machine's kernel.
pub fn kernel() -> Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned())
}

impl Session {
    /// `None`: the peer isn't available, which has been printed.
    pub fn open(version: &str, modes: &[Mode], out: &Path) -> Result<Option<Self>> {
        let (Some(peer), Some(newest)) = (peer::get(version)?, peer::get(NEWEST)?) else {
            return Ok(None);
        };
        Self::of(peer, newest, version, modes, compile::NATIVE, out).map(Some)
    }

    /// The newest release for another of Debian's architectures.
    pub fn foreign(architecture: &str, modes: &[Mode], tools: Tools, out: &Path) -> Result<Option<Self>> {
        let (Some(peer), Some(newest)) = (peer::foreign(architecture)?, peer::foreign(architecture)?) else {
            return Ok(None);
        };
        Self::of(peer, newest, NEWEST, modes, tools, out).map(Some)
    }

    fn of(peer: Peer, newest: Peer, version: &str, modes: &[Mode], tools: Tools, out: &Path) -> Result<Self> {
        fs::create_dir_all(out).with_context(|| format!("can't make {}", out.display()))?;
        tools.need(true)?;
        Ok(Self {
            version: version.to_owned(),
            tree: tree::prepare(&peer, tools, &out.join("tree"))?,
            tools,
            peer,
            newest,
            modes: modes.to_vec(),
            out: out.to_path_buf(),
            built: BTreeMap::new(),
            lib: PathBuf::new(),
            repeat: 1,
            short: false,
        })
    }

    /// The programs that were built, and the libraries that they load.
    pub fn programs(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for mode in &self.modes {
            let library = self.out.join(mode.name()).join("liburing.so.2");
            if library.exists() {
                files.push(library);
            }
        }
        for (test, built) in &self.built {
            let there = built.iter().filter(|(_, built)| matches!(built, Built::Yes));
            files.extend(there.map(|(mode, _)| self.program(*mode, test)));
        }
        files
    }

    /// The script that one of the tests runs.
    pub fn script(&self) -> PathBuf {
        self.tree.dir.join("test/napi-test.sh")
    }

    pub fn program(&self, mode: Mode, test: &str) -> PathBuf {
        self.out.join(mode.name()).join(format!("{test}.t"))
    }

    pub fn log(&self, env: &Environment, mode: Mode, test: &str) -> PathBuf {
        self.out
            .join("log")
            .join(&env.name)
            .join(mode.name())
            .join(format!("{test}.log"))
    }

    pub(super) fn title(&self, env: &Environment) -> String {
        match env.name.as_str() {
            "here" => self.version.clone(),
            name => format!("{} on {name}", self.version),
        }
    }
}
