//! The guests' disk: an ext4 image with the programs at the paths that they have here, so that nothing has to be
//! told where anything is.

use super::debian::Arch;
use crate::util::{need, output};
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const BYTES: u64 = 3 << 30;

/// The image; it goes away with this.
pub struct Image(pub PathBuf);

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// What will be on it.
pub struct Disk {
    stage: PathBuf,
    /// Files that are on it already, to which their other names are links.
    seen: HashMap<(u64, u64), PathBuf>,
}

impl Disk {
    /// In a folder of this process's own: others may be going on.
    pub fn new(arch: &Arch, out: &Path) -> Result<Self> {
        let stage = out.join(format!("disk.{}", std::process::id()));
        if stage.exists() {
            fs::remove_dir_all(&stage)?;
        }
        let disk = Self {
            stage,
            seen: HashMap::new(),
        };
        for (from, to) in arch.runtime()? {
            let to = disk.place(&to)?;
            fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        }
        for folder in ["dev", "proc", "sys", "tmp", "var/tmp", "root"] {
            fs::create_dir_all(disk.stage.join(folder))?;
        }
        // The tests of passwords, of names and of services look there.
        let etc = disk.place(Path::new("/etc/passwd"))?;
        fs::write(&etc, "root:x:0:0:root:/root:/bin/sh\n")?;
        fs::write(etc.with_file_name("hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
        Ok(disk)
    }

    fn place(&self, path: &Path) -> Result<PathBuf> {
        let place = self.stage.join(path.strip_prefix("/").unwrap_or(path));
        fs::create_dir_all(place.parent().context("a file lies in a folder")?)?;
        Ok(place)
    }

    /// Puts a program or a library on it, without what only a debugger reads.
    pub fn program(&mut self, arch: &Arch, path: &Path) -> Result<()> {
        let place = self.place(path)?;
        let facts = fs::metadata(path).with_context(|| path.display().to_string())?;
        if let Some(twin) = self.seen.get(&(facts.dev(), facts.ino())) {
            fs::hard_link(twin, &place)?;
        } else {
            output(arch.tools.command("strip").arg("-o").arg(&place).arg(path))?;
            self.seen.insert((facts.dev(), facts.ino()), place);
        }
        Ok(())
    }

    /// Puts another file on it.
    pub fn file(&self, path: &Path) -> Result<()> {
        fs::copy(path, self.place(path)?).with_context(|| path.display().to_string())?;
        Ok(())
    }

    /// Makes the image.
    pub fn finish(self) -> Result<Image> {
        need("mkfs.ext4", "e2fsprogs")?;
        let mut image = self.stage.clone().into_os_string();
        image.push(".img");
        let image = Image(image.into());
        File::create(&image.0)?.set_len(BYTES)?;
        output(
            Command::new("mkfs.ext4")
                .args(["-q", "-F", "-d"])
                .args([&self.stage, &image.0]),
        )?;
        fs::remove_dir_all(&self.stage)?;
        Ok(image)
    }
}
