//! Debian's kernels, and the first file system that they need to reach the disk.

use crate::peer;
use crate::tools::{self, Tools};
use crate::util::{self, need_all, output, root};
use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What differs between processors.
pub struct Arch {
    /// Debian's name for the processor; empty for this machine's.
    debian: &'static [&'static str],
    /// Debian's name for the kernel.
    flavour: &'static str,
    /// What emulates it, and the package that has that.
    pub qemu: (&'static str, &'static str),
    /// What kind of machine it emulates.
    pub machine: &'static [&'static str],
    /// The device that the kernel prints to.
    pub console: &'static str,
    pub tools: Tools,
    /// Where programs look for the dynamic loader, and it for libraries.
    loader: &'static str,
    libraries: &'static str,
    /// How much longer than here things may take.
    pub slower: u32,
}

pub const X86_64: Arch = Arch {
    debian: &[],
    // Without drivers for real machines.
    flavour: "cloud-amd64",
    qemu: ("qemu-system-x86_64", "qemu-system-x86"),
    // In qemu 7.2 an interrupt in a cmpxchg16b at times comes back to wrong flags, and the kernel's allocator falls.
    machine: &["-machine", "q35", "-cpu", "max,-cx16"],
    console: "ttyS0",
    tools: tools::NATIVE,
    loader: "/lib64/ld-linux-x86-64.so.2",
    libraries: "/lib/x86_64-linux-gnu",
    slower: 2,
};

pub const ARM64: Arch = Arch {
    debian: &["arm64"],
    flavour: "cloud-arm64",
    qemu: ("qemu-system-aarch64", "qemu-system-arm"),
    // Not `max`, whose pointer authentication takes most of the time in emulation.
    machine: &["-machine", "virt", "-cpu", "neoverse-n1"],
    console: "ttyAMA0",
    tools: tools::ARM64,
    loader: "/lib/ld-linux-aarch64.so.1",
    libraries: "/lib/aarch64-linux-gnu",
    slower: 4,
};

/// With pages of 16 KiB.
pub const ARM64_16K: Arch = Arch {
    flavour: "arm64-16k",
    ..ARM64
};

pub const RISCV64: Arch = Arch {
    debian: &["riscv64"],
    flavour: "riscv64",
    qemu: ("qemu-system-riscv64", "qemu-system-misc"),
    machine: &["-machine", "virt", "-cpu", "rv64"],
    console: "ttyS0",
    tools: tools::RISCV64,
    loader: "/lib/ld-linux-riscv64-lp64d.so.1",
    libraries: "/lib/riscv64-linux-gnu",
    slower: 4,
};

/// With pages of 64 KiB.
pub const PPC64EL_64K: Arch = Arch {
    debian: &["ppc64el"],
    flavour: "powerpc64le-64k",
    qemu: ("qemu-system-ppc64", "qemu-system-ppc"),
    machine: &["-machine", "pseries", "-cpu", "power9"],
    console: "hvc0",
    tools: tools::PPC64EL,
    loader: "/lib64/ld64.so.2",
    libraries: "/lib/powerpc64le-linux-gnu",
    slower: 4,
};

/// What programs may need beside their own library.
const SHARED: [&str; 5] = [
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libpthread.so.0",
];

impl Arch {
    /// The C library's files, and where programs look for them.
    pub fn runtime(&self) -> Result<Vec<(PathBuf, PathBuf)>> {
        let loader = Path::new(self.loader);
        let name = loader.file_name().context("a path to the loader")?.to_string_lossy();
        let mut files = vec![(self.tools.library(&name)?, loader.to_path_buf())];
        for name in SHARED {
            files.push((self.tools.library(name)?, Path::new(self.libraries).join(name)));
        }
        Ok(files)
    }
}

/// A kernel that is asked for, and the suites of Debian that have it.
pub struct Wanted {
    pub name: &'static str,
    /// What its version begins with.
    pub release: &'static str,
    pub suites: &'static [&'static str],
}

/// The oldest that Debian has, and the newest.
pub const WANTED: [Wanted; 4] = [
    Wanted {
        name: "5.10",
        release: "5.10.",
        suites: &["bullseye", "bullseye-security"],
    },
    Wanted {
        name: "6.1",
        release: "6.1.",
        suites: &["bookworm", "bookworm-security"],
    },
    Wanted {
        name: "6.12",
        release: "6.12.",
        suites: &["trixie", "bookworm-backports"],
    },
    Wanted {
        name: "newest",
        release: "",
        suites: &["sid"],
    },
];

/// What the way to the disk takes, and what tests use. Most of it is built into some kernels.
const MODULES: [&str; 5] = ["virtio_pci", "virtio_console", "virtio_blk", "ext4", "loop"];

/// A kernel that is here.
pub struct Kernel {
    pub name: &'static str,
    /// The version of its package.
    pub version: String,
    pub image: PathBuf,
    pub initrd: PathBuf,
    /// Everything about it is below this.
    pub dir: PathBuf,
}

impl Wanted {
    /// Fetches the kernel once, and makes its first file system with our `init`.
    pub fn get(&self, arch: &Arch, init: &Path) -> Result<Kernel> {
        let dir = root().join("target/kernels").join(self.name);
        let package = dir.join("package");
        if !package.join("version").exists() {
            eprintln!(
                "kernels: fetching Linux {} through apt into {}",
                self.name,
                dir.display()
            );
        }
        let version =
            peer::packages(self.suites, arch.debian, &package, |apt| packages(apt, arch)).with_context(|| {
                format!(
                    "no Linux {}; a copy that was fetched elsewhere can be put into {}",
                    self.name,
                    package.display()
                )
            })?;
        ensure!(
            version.starts_with(self.release),
            "Debian's suite {} has Linux {version}, not {}*",
            self.suites.join(" or "),
            self.release
        );
        let deb = package.join("deb");
        // Debian's newest packages keep to /usr.
        let base = if deb.join("lib/modules").is_dir() {
            deb.clone()
        } else {
            deb.join("usr")
        };
        let (release, modules) = only(&base.join("lib/modules"), "")?;
        let image = match modules.join("vmlinuz") {
            image if image.exists() => image,
            _ => only(&deb.join("boot"), "vmlinu")?.1,
        };
        let initrd = dir.join("initrd");
        make_initrd(&base, &release, init, &initrd)?;
        Ok(Kernel {
            name: self.name,
            version,
            image,
            initrd,
            dir,
        })
    }
}

/// The packages that make up the kernel: one, or, in newer releases, one that only names others.
fn packages(apt: &peer::Apt, arch: &Arch) -> Result<Vec<String>> {
    let meta = format!("linux-image-{}", arch.flavour);
    let depends = apt.depends(&meta)?;
    let image = depends
        .iter()
        .find(|name| name.starts_with("linux-image-"))
        .with_context(|| format!("{meta} names no kernel"))?;
    let mut parts = apt.depends(image)?;
    parts.retain(|name| name.ends_with(arch.flavour));
    Ok(if parts.is_empty() { vec![image.clone()] } else { parts })
}

/// The only entry of a folder whose name starts so.
fn only(dir: &Path, start: &str) -> Result<(String, PathBuf)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(start) {
            found.push((name, entry.path()));
        }
    }
    match found.pop() {
        Some(only) if found.is_empty() => Ok(only),
        _ => bail!("{} should hold one {start}*, and only one", dir.display()),
    }
}

/// The modules and our init, as an archive that the kernel unpacks.
fn make_initrd(base: &Path, release: &str, init: &Path, initrd: &Path) -> Result<()> {
    need_all(&[
        ("depmod", "kmod"),
        ("modprobe", "kmod"),
        ("xz", "xz-utils"),
        ("cpio", "cpio"),
    ])?;
    output(Command::new("depmod").arg("-b").arg(base).arg(release))?;
    let dir = initrd.with_extension("dir");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir_all(dir.join("modules"))?;
    fs::copy(init, dir.join("init"))?;
    let mut names: Vec<String> = Vec::new();
    for module in MODULES {
        let said = util::stdout(
            Command::new("modprobe")
                .args(["--config", "/dev/null", "--set-version", release, "--show-depends"])
                .arg("--dirname")
                .arg(base)
                .arg(module),
        )?;
        for path in said.lines().filter_map(|line| line.strip_prefix("insmod ")) {
            let path = Path::new(path.trim());
            let name = path.file_name().context("a module's path")?.to_string_lossy();
            let plain = name.trim_end_matches(".xz").to_owned();
            if names.contains(&plain) {
                continue;
            }
            let to = dir.join("modules").join(&plain);
            if *name == plain {
                fs::copy(path, &to)?;
            } else {
                let bytes = output(Command::new("xz").arg("-dc").arg(path))?.stdout;
                fs::write(&to, bytes)?;
            }
            names.push(plain);
        }
    }
    fs::write(dir.join("modules/list"), names.join("\n"))?;
    let files = util::stdout(Command::new("find").arg(".").current_dir(&dir))?;
    let list = initrd.with_extension("list");
    fs::write(&list, files)?;
    let status = Command::new("cpio")
        .args(["--quiet", "-o", "-H", "newc"])
        .current_dir(&dir)
        .stdin(Stdio::from(File::open(&list)?))
        .stdout(Stdio::from(File::create(initrd)?))
        .status()?;
    ensure!(status.success(), "cpio can't pack {}", dir.display());
    Ok(())
}
