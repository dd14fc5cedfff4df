//! The guests' disk: an ext4 image with the programs at the paths that they have here, so that no path has to be
//! translated.

use super::debian::Arch;
use anyhow::{Context, Result};
use base::{command, need, output};
use refused::{Filter, How};
use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const BYTES: u64 = 3 << 30;

/// The filters that programs in a guest can run behind. Docker's is made for this machine's processor.
const FILTERS: [How; 3] = [How::Eperm, How::Enosys, How::Kill];

/// Where a filter is.
pub fn filter(how: How) -> PathBuf {
    Path::new("/refused").join(how.name())
}

/// The files to put on it.
pub struct Disk {
    stage: PathBuf,
    /// Staged files by device and inode: other names of a file become links to it.
    seen: HashMap<(u64, u64), PathBuf>,
}

impl Disk {
    /// Uses a folder of this process's own, because others may run at the same time.
    pub fn new(arch: &Arch, out: &Path) -> Result<Self> {
        let stage = out.join(format!("disk-{}", std::process::id()));
        base::fresh(&stage)?;
        let disk = Self {
            stage,
            seen: HashMap::new(),
        };
        for (from, to) in arch.runtime()? {
            let to = disk.staged(&to)?;
            fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        }
        for folder in ["dev", "proc", "sys", "tmp", "var/tmp", "root"] {
            fs::create_dir_all(disk.stage.join(folder))?;
        }
        // Tests that look up users and host names read these.
        let etc = disk.staged(Path::new("/etc/passwd"))?;
        fs::write(&etc, "root:x:0:0:root:/root:/bin/sh\n")?;
        fs::write(etc.with_file_name("hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
        for how in FILTERS {
            fs::write(disk.staged(&filter(how))?, Filter::new(how)?.bytes())?;
        }
        Ok(disk)
    }

    fn staged(&self, path: &Path) -> Result<PathBuf> {
        let staged = self.stage.join(path.strip_prefix("/").unwrap_or(path));
        fs::create_dir_all(staged.parent().context("a file has a parent folder")?)?;
        Ok(staged)
    }

    /// Adds a program or a library, stripped.
    pub fn program(&mut self, arch: &Arch, path: &Path) -> Result<()> {
        let staged = self.staged(path)?;
        let facts = fs::metadata(path).with_context(|| path.display().to_string())?;
        if let Some(twin) = self.seen.get(&(facts.dev(), facts.ino())) {
            fs::hard_link(twin, &staged)?;
        } else {
            output(arch.tools.command("strip").arg("-o").arg(&staged).arg(path))?;
            self.seen.insert((facts.dev(), facts.ino()), staged);
        }
        Ok(())
    }

    /// Adds another file.
    pub fn file(&self, path: &Path) -> Result<()> {
        fs::copy(path, self.staged(path)?).with_context(|| path.display().to_string())?;
        Ok(())
    }

    /// Makes the image, an unlinked file that disappears with this process.
    pub fn finish(self) -> Result<File> {
        need("mkfs.ext4", "e2fsprogs")?;
        let path = self.stage.with_extension("img");
        let image = File::create(&path)?;
        image.set_len(BYTES)?;
        output(&mut command!("mkfs.ext4 -q -F -d", &self.stage, &path))?;
        fs::remove_file(path)?;
        fs::remove_dir_all(&self.stage)?;
        Ok(image)
    }
}
