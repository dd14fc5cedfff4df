//! `cargo xtask fresh`: the README's commands on a fresh machine. That is a new Debian system with Rust, a C compiler,
//! binutils and make, and a clone of HEAD: whatever else a test needs, the tree itself must ask for.

use crate::programs::chroot::{bootstrap, remove, tools};
use crate::util::{need, output, root, stdout, table};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// Only this command of the README
    #[arg(long, value_parser = ["demo", "check"])]
    only: Option<String>,
    /// Only the steps of `make check` whose names contain this
    #[arg(long, value_name = "PATTERN", conflicts_with = "only")]
    step: Option<String>,
    /// Debian's release
    #[arg(long, value_name = "SUITE", default_value = "stable")]
    suite: String,
    /// Take this machine's Rust, for a release whose own is too old
    #[arg(long)]
    own_rust: bool,
    /// Keep the system and what is built in it, and begin with what was kept
    #[arg(long)]
    keep: bool,
}

/// What README says a machine has, but for Rust; and what makes cargo believe the registry.
const MACHINE: [&str; 5] = ["gcc", "libc6-dev", "binutils", "make", "ca-certificates"];
/// The oldest Rust that README promises to suffice is Debian stable's.
const RUST: [&str; 2] = ["cargo", "rustc"];

const PATH: &str = "/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the system the root of a name space of its own, so that every mount and process ends with this one. Not a
/// chroot: in one, the kernel refuses name spaces of users.
const ENTER: &str = r#"
set -eu
system=$1 rust=$2
shift 2
mount --bind "$system" "$system"
mount -t proc proc "$system/proc"
mount --rbind /sys "$system/sys"
mount --rbind /dev "$system/dev"
mount -t tmpfs -o mode=1777 shm "$system/dev/shm"
[ -z "$rust" ] || mount --bind -o ro "$rust" "$system/opt"
cp -L /etc/resolv.conf "$system/etc/resolv.conf"
cd "$system"
pivot_root . mnt
exec chroot . sh -ec 'umount -l /mnt; cd; exec "$@"' sh "$@"
"#;

pub fn run(args: &Args) -> Result<()> {
    tools()?;
    need("git", "git")?;
    let dir = root().join("target/fresh").join(&args.suite);
    if !args.keep {
        remove(&dir)?;
    }
    fs::create_dir_all(&dir)?;
    let system = System {
        root: dir.join("system"),
        rust: if args.own_rust {
            stdout(Command::new("rustc").args(["--print", "sysroot"]))?
                .trim()
                .to_owned()
        } else {
            String::new()
        },
    };
    if !dir.join("made").exists() {
        system.make(&args.suite)?;
        fs::write(dir.join("made"), "")?;
    }
    system.tree()?;

    let commands = match (&args.step, args.only.as_deref()) {
        (Some(step), _) => vec![format!("make -s && cargo xtask check --only '{step}'")],
        (None, Some(only)) => vec![format!("make {only}")],
        (None, None) => vec!["make demo".to_owned(), "make check".to_owned()],
    };
    let (mut rows, mut failed) = (Vec::new(), 0);
    for command in commands {
        println!("\n== {command}, in {}", system.root.display());
        let start = Instant::now();
        let status = system.enter(&format!("cd ironring && {command}")).status()?;
        failed += usize::from(!status.success());
        rows.push(vec![
            command,
            format!("{:.0} s", start.elapsed().as_secs_f64()),
            if status.success() { "passed" } else { "FAILED" }.to_owned(),
        ]);
    }
    if !args.keep {
        remove(&dir)?;
    }
    println!();
    table(&["on a fresh Debian", "time", "result"], &rows);
    println!("\nfresh: {} passed, {failed} failed", rows.len() - failed);
    ensure!(
        failed == 0,
        "{failed} of {} commands failed on a fresh machine",
        rows.len()
    );
    Ok(())
}

struct System {
    root: PathBuf,
    /// The folder of this machine's Rust, or empty for Debian's.
    rust: String,
}

impl System {
    fn make(&self, suite: &str) -> Result<()> {
        println!("making a Debian system ({suite}) in {}", self.root.display());
        remove(&self.root)?;
        let mut packages = MACHINE.to_vec();
        if self.rust.is_empty() {
            packages.extend(RUST);
        }
        // Debian's required packages and apt, as the usual images have them.
        let include = format!("--include={}", packages.join(","));
        bootstrap(suite, &self.root, &["--variant=minbase".to_owned(), include])?;
        // How this machine reaches the registry: certificates of its own, and cargo's settings.
        let certificates = Path::new("usr/local/share/ca-certificates");
        for entry in fs::read_dir(Path::new("/").join(certificates)).into_iter().flatten() {
            let file = entry?;
            fs::copy(file.path(), self.root.join(certificates).join(file.file_name()))?;
        }
        let cargo = std::env::var_os("CARGO_HOME").map_or_else(
            || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"),
            PathBuf::from,
        );
        fs::create_dir_all(self.root.join("root/.cargo"))?;
        if let Ok(settings) = fs::read(cargo.join("config.toml")) {
            fs::write(self.root.join("root/.cargo/config.toml"), settings)?;
        }
        output(&mut self.enter("update-ca-certificates"))?;
        Ok(())
    }

    /// Puts a clone of HEAD into it, or brings the one there up to date.
    fn tree(&self) -> Result<()> {
        let tree = self.root.join("root/ironring");
        let git = |args: &[&str]| output(Command::new("git").arg("-C").arg(&tree).args(args));
        if !tree.exists() {
            output(
                Command::new("git")
                    .args(["clone", "--quiet", "--no-hardlinks"])
                    .arg(root())
                    .arg(&tree),
            )?;
        }
        git(&[
            "fetch",
            "--quiet",
            root().to_str().context("a path that is no text")?,
            "HEAD",
        ])?;
        git(&["reset", "--quiet", "--hard", "FETCH_HEAD"])?;
        Ok(())
    }

    /// The command that runs a line of shell in it.
    fn enter(&self, line: &str) -> Command {
        // Not TERM: unshare ignores it as long as it waits.
        let mut command = Command::new("setpriv");
        command.args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
        ]);
        command.args(["sh", "-c", ENTER, "sh"]).arg(&self.root).arg(&self.rust);
        // Nothing of this machine's environment but how it reaches the network.
        let network = |name: &str| {
            name.to_lowercase().ends_with("_proxy")
                || ["CARGO_HTTP_", "CARGO_NET_", "CARGO_SOURCE_"]
                    .iter()
                    .any(|start| name.starts_with(start))
        };
        command
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| network(name)));
        command.envs([("HOME", "/root"), ("LC_ALL", "C.UTF-8"), ("PATH", PATH)]);
        command.args(["sh", "-ec", line]);
        command
    }
}
