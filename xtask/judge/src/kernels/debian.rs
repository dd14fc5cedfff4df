//! Debian's kernels, and the initramfs that they need to reach the disk.

use crate::peer;
use anyhow::{Context, Result, bail, ensure};
use base::compile::{self, Tools};
use base::{command, fresh, need_all, output, root};
use std::fs;
use std::path::{Path, PathBuf};

/// What differs between processors.
#[derive(Clone, Copy)]
pub struct Arch {
    /// Debian's name for the processor; empty for this machine's.
    debian: &'static [&'static str],
    /// Debian's name for the kernel.
    flavour: &'static str,
    /// The emulator, and its package.
    pub qemu: (&'static str, &'static str),
    /// The machine to emulate.
    pub machine: &'static [&'static str],
    /// The device that the kernel prints to.
    pub console: &'static str,
    pub tools: Tools,
    /// Where programs look for the dynamic linker, and where that looks for libraries.
    loader: &'static str,
    libraries: &'static str,
    /// How many times longer than here a program may take.
    pub slower: u32,
}

pub const X86_64: Arch = Arch {
    debian: &[],
    // Without drivers for real machines.
    flavour: "cloud-amd64",
    qemu: ("qemu-system-x86_64", "qemu-system-x86"),
    // In qemu 7.2 an interrupt in cmpxchg16b sometimes returns to wrong flags, which crashes the kernel's allocator.
    machine: &["-machine", "q35", "-cpu", "max,-cx16"],
    console: "ttyS0",
    tools: compile::NATIVE,
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
    tools: compile::ARM64,
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
    tools: compile::RISCV64,
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
    tools: compile::PPC64EL,
    loader: "/lib64/ld64.so.2",
    libraries: "/lib/powerpc64le-linux-gnu",
    slower: 4,
};

/// Libraries that programs may need besides ours.
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

/// A kernel to test on, and the suites of Debian that have it.
pub struct Wanted {
    pub name: &'static str,
    /// What its version begins with.
    pub release: &'static str,
    pub suites: &'static [&'static str],
}

const fn wanted(name: &'static str, release: &'static str, suites: &'static [&'static str]) -> Wanted {
    Wanted { name, release, suites }
}

/// From the oldest that Debian has to the newest.
pub const WANTED: [Wanted; 4] = [
    wanted("5.10", "5.10.", &["bullseye", "bullseye-security"]),
    wanted("6.1", "6.1.", &["bookworm", "bookworm-security"]),
    wanted("6.12", "6.12.", &["trixie", "bookworm-backports"]),
    wanted("newest", "", &["sid"]),
];

/// Modules needed to reach the disk, and by tests. Some kernels have most of them built in.
const MODULES: [&str; 5] = ["virtio_pci", "virtio_console", "virtio_blk", "ext4", "loop"];

/// A kernel that was fetched.
pub struct Kernel {
    pub name: &'static str,
    /// The version of its package.
    pub version: String,
    pub image: PathBuf,
    pub initrd: PathBuf,
    /// The folder of all its files.
    pub dir: PathBuf,
}

impl Wanted {
    /// Fetches the kernel once, and makes its initramfs with our `init`.
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
        let version = peer::packages(self.suites, arch.debian, &package, |apt| packages(apt, arch));
        let version = version.with_context(|| {
            let package = package.display();
            format!(
                "can't fetch Linux {}; to mend: put a copy that was fetched elsewhere into {package}",
                self.name
            )
        })?;
        ensure!(
            version.starts_with(self.release),
            "Debian's suite {} has Linux {version}, not {}*",
            self.suites.join(" or "),
            self.release
        );
        let deb = package.join("deb");
        // Packages since Debian's /usr merge have everything below /usr.
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

/// The packages that make up the kernel: one, or those that a package without files depends on.
fn packages(apt: &peer::Apt, arch: &Arch) -> Result<Vec<String>> {
    let meta = format!("linux-image-{}", arch.flavour);
    let depends = apt.depends(&meta)?;
    let image = depends
        .iter()
        .find(|name| name.starts_with("linux-image-"))
        .with_context(|| format!("{meta} depends on no kernel"))?;
    let mut parts = apt.depends(image)?;
    parts.retain(|name| name.ends_with(arch.flavour));
    Ok(if parts.is_empty() { vec![image.clone()] } else { parts })
}

/// The only entry of a folder whose name begins with `start`.
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
        _ => bail!("{} must hold exactly one {start}*", dir.display()),
    }
}

/// Packs the modules and our init into an archive that the kernel unpacks.
fn make_initrd(base: &Path, release: &str, init: &Path, initrd: &Path) -> Result<()> {
    need_all(&[
        ("depmod", "kmod"),
        ("modprobe", "kmod"),
        ("xz", "xz-utils"),
        ("cpio", "cpio"),
    ])?;
    output(&mut command!("depmod -b", base, release))?;
    let dir = initrd.with_extension("dir");
    fresh(&dir)?;
    fs::create_dir(dir.join("modules"))?;
    fs::copy(init, dir.join("init"))?;
    let mut names: Vec<String> = Vec::new();
    for module in MODULES {
        let mut modprobe = command!("modprobe --config /dev/null --show-depends --set-version", release);
        let said = base::stdout(modprobe.arg("--dirname").arg(base).arg(module))?;
        for path in said.lines().filter_map(|line| line.strip_prefix("insmod ")) {
            let path = path.trim();
            let name = path.rsplit('/').next().unwrap_or(path);
            let plain = name.trim_end_matches(".xz");
            if names.iter().any(|known| known == plain) {
                continue;
            }
            let bytes = if name == plain {
                fs::read(path)?
            } else {
                output(&mut command!("xz -dc", path))?.stdout
            };
            fs::write(dir.join("modules").join(plain), bytes)?;
            names.push(plain.to_owned());
        }
    }
    fs::write(dir.join("modules/list"), names.join("\n"))?;
    let pack = "find . | cpio --quiet -o -H newc > \"$1\"";
    output(command!("sh -c", pack, "sh", initrd).current_dir(&dir)).map(drop)
}
