//! `cargo xtask fresh`: run the README's commands on a fresh machine: a new Debian system with Rust, a C compiler,
//! binutils and make, and a clone of HEAD. Whatever else a test needs it must install itself.

use crate::programs::chroot::{bootstrap, remove, scripts, tools};
use anyhow::{Result, ensure};
use base::tally::Tally;
use base::{command, need, output, root};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// Only the checks whose names contain this
    #[arg(long, value_name = "PATTERN")]
    step: Option<String>,
    /// Debian's release
    #[arg(long, value_name = "SUITE", default_value = "stable")]
    suite: String,
    /// Keep the system and what is built in it, and start from what an earlier run kept
    #[arg(long)]
    keep: bool,
}

/// What README requires, with Debian stable's Rust, the oldest that suffices, and the certificates that cargo needs for
/// the registry. Debian's required packages and apt are installed anyway, as in the usual images.
const MACHINE: &str = "--include=gcc,libc6-dev,binutils,make,cargo,rustc,ca-certificates";

/// Environment variables with these prefixes tell cargo how to reach the network.
const NETWORK: [&str; 3] = ["CARGO_HTTP_", "CARGO_NET_", "CARGO_SOURCE_"];

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub fn run(args: &Args) -> Result<()> {
    tools()?;
    need("git", "git")?;
    let dir = root().join("target/fresh").join(&args.suite);
    if !args.keep {
        remove(&dir)?;
    }
    fs::create_dir_all(&dir)?;
    let system = System(dir.join("system"));
    if !dir.join("made").exists() {
        system.make(&args.suite)?;
        fs::write(dir.join("made"), "")?;
    }
    system.tree()?;

    let commands = match &args.step {
        Some(step) => vec![format!("make -s && cargo xtask check --only '{step}'")],
        None => vec!["make demo".to_owned(), "make check".to_owned()],
    };
    let mut tally = Tally::default();
    for command in commands {
        println!("\n== {command}, in {}", system.0.display());
        tally.run(&command, || {
            let status = system.enter(&format!("cd ironring && {command}")).status()?;
            ensure!(status.success(), "{status}");
            Ok("passed".to_owned())
        });
    }
    if !args.keep {
        remove(&dir)?;
    }
    println!();
    tally.end("fresh", "on a fresh Debian", "passed")
}

struct System(PathBuf);

impl System {
    fn make(&self, suite: &str) -> Result<()> {
        println!("creating a Debian system ({suite}) in {}", self.0.display());
        remove(&self.0)?;
        bootstrap(suite, &self.0, &["--variant=minbase", MACHINE].map(String::from))?;
        // How this machine reaches the registry: its own certificates, and cargo's settings.
        let certificates = "usr/local/share/ca-certificates";
        let ours = Path::new("/").join(certificates);
        if ours.exists() {
            output(&mut command!("cp -rT", ours, self.0.join(certificates)))?;
        }
        packager::cargo_settings(&self.0.join("root/.cargo"))?;
        output(&mut self.enter("update-ca-certificates")).map(drop)
    }

    /// Clones HEAD into the system, or updates the clone there.
    fn tree(&self) -> Result<()> {
        let tree = self.0.join("root/ironring");
        if !tree.exists() {
            output(&mut command!("git clone --quiet --no-hardlinks", root(), &tree))?;
        }
        output(&mut command!("git -C", &tree, "fetch", "--quiet", root(), "HEAD"))?;
        output(&mut command!(
            "git -C",
            &tree,
            "reset",
            "--quiet",
            "--hard",
            "FETCH_HEAD"
        ))
        .map(drop)
    }

    /// The command that runs a line of shell in the system.
    fn enter(&self, line: &str) -> Command {
        // Not TERM: unshare ignores it while it waits.
        let mut command = command!("setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child");
        command.arg("sh").arg(scripts().join("fresh.sh")).arg(&self.0);
        // Only the network settings of this machine's environment are kept.
        let network =
            |name: &str| name.to_lowercase().ends_with("_proxy") || NETWORK.iter().any(|start| name.starts_with(start));
        command.env_clear();
        command.envs(std::env::vars().filter(|(name, _)| network(name)));
        command.envs([("HOME", "/root"), ("LC_ALL", "C.UTF-8"), ("PATH", PATH)]);
        command.args(["sh", "-ec", line]);
        command
    }
}
