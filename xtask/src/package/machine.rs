//! A copy of this machine that may be spoilt: an overlay over its files, whose changes lie in memory and are gone
//! afterwards.

use crate::util::root;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// Mounts the copy at /mnt of a name space of its own, so that the mounts end with the last process in it. What the
/// arguments name is bound into the copy, as overlays don't show what is mounted below.
const ENTER: &str = r#"
set -eu
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mount -t proc proc /mnt/root/proc
mount --rbind /dev /mnt/root/dev
mount -t tmpfs tmpfs /mnt/root/tmp
mkdir -p /mnt/root/tmp/debs /mnt/root/tmp/tree
mount --bind "$1" /mnt/root/tmp/debs
mount --bind "$2" /mnt/root/tmp/tree
exec chroot /mnt/root /tmp/tree/packaging/try-debs /tmp/debs /tmp/tree
"#;

/// Has `packaging/try-debs` of a source tree install and remove the packages of a folder.
pub fn try_debs(debs: &Path, tree: &Path) -> Result<()> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "packages are installed in a copy of this machine, which only root can make: sudo cargo xtask packages"
    );
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"])
        .args(["sh", "-c", ENTER, "sh"])
        .args([debs, tree])
        .current_dir(root())
        .status()
        .context("can't run unshare: apt-get install util-linux")?;
    ensure!(
        status.success(),
        "the packages fail in a copy of this machine, see above"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_in_the_copy_says_both_sides() {
        let says = |line: &str| {
            let script = format!(". {}/packaging/debian/tests/expect.sh; {line}", root().display());
            let out = Command::new("sh").args(["-euc", &script]).output().unwrap();
            (out.status.success(), String::from_utf8(out.stdout).unwrap())
        };
        for right in [
            "expect 'a.*' \"$(printf 'b\nab')\"",
            "expect '' ''",
            "lacks c ab",
            "same /dev/null /dev/null",
        ] {
            assert_eq!(says(right), (true, String::new()), "{right}");
        }
        for wrong in [
            "expect lib ''",
            "expect lib 'a lib'",
            "lacks lib 'a lib'",
            "echo lib | same /dev/null -",
        ] {
            let (success, said) = says(wrong);
            assert!(
                !success && ["wanted", "saw", "lib"].iter().all(|word| said.contains(word)),
                "{wrong}: {said}"
            );
        }
    }
}
