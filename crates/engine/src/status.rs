//! What files are: their kind and place. Asking never waits for a file system that other machines or processes serve, so
//! that it can be done with a ring locked.

use crate::atomic::{AtomicU64, Ordering};
use crate::sys::{self, Result};
use core::mem::MaybeUninit;
use ironring_abi::ctypes::c_int;
use libc::{AT_EMPTY_PATH, AT_FDCWD, AT_STATX_DONT_SYNC, mode_t};

/// The kernel's `struct statx`, up to the numbers of the device.
#[repr(C)]
#[derive(Clone, Copy)]
struct Statx {
    before: [u32; 7],
    mode: u16,
    spare: u16,
    inode: u64,
    sizes: [u64; 3],
    times: [u64; 8],
    special: [u32; 2],
    device: [u32; 2],
    rest: [u64; 14],
}

const _: () = assert!(size_of::<Statx>() == 256);

/// What the kernel knows of a file without asking its file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// `S_IFREG`, `S_IFIFO`, …
    pub kind: mode_t,
    pub device: u64,
    pub inode: u64,
}

impl Status {
    /// By an address of a terminated path, relative to a folder; an empty path is the folder itself.
    fn read(folder: c_int, path: usize) -> Result<Status> {
        let mut found = MaybeUninit::<Statx>::uninit();
        let flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
        let mask = libc::STATX_TYPE | libc::STATX_INO;
        // SAFETY: a terminated path by the callers' contract, and room for the structure.
        unsafe {
            sys::call(
                libc::SYS_statx,
                [
                    sys::fd(folder),
                    path,
                    flags as usize,
                    mask as usize,
                    found.as_mut_ptr() as usize,
                ],
            )
        }?;
        // SAFETY: the call has filled it, and every pattern of bytes is a value.
        let found = unsafe { found.assume_init() };
        Ok(Status {
            kind: mode_t::from(found.mode) & libc::S_IFMT,
            device: u64::from(found.device[0]) << 20 | u64::from(found.device[1]),
            inode: found.inode,
        })
    }

    /// By fstat(2), where statx(2) fails.
    // On other processors the types are others.
    #[allow(clippy::unnecessary_cast)]
    #[cold]
    fn read_old(file: c_int) -> Option<Status> {
        // SAFETY: all zeroes is a valid `stat`, and it is valid for the call.
        let found = unsafe {
            let mut found: libc::stat = core::mem::zeroed();
            (libc::fstat(file, &raw mut found) == 0).then_some(found)
        }?;
        let [major, minor] = [libc::major(found.st_dev as _), libc::minor(found.st_dev as _)];
        Some(Status {
            kind: found.st_mode & libc::S_IFMT,
            device: (major as u64) << 20 | minor as u64,
            inode: found.st_ino as u64,
        })
    }

    /// Of a descriptor's file.
    pub fn of(file: c_int) -> Option<Status> {
        match Status::read(file, c"".as_ptr() as usize) {
            Err(errno) if errno == -libc::EBADF => None,
            // Refused, or there is no memory for the name that statx(2) takes even if it is empty.
            Err(_) => Status::read_old(file),
            Ok(read) => Some(read),
        }
    }

    /// By a terminated path.
    pub fn of_path(path: &[u8]) -> Option<Status> {
        debug_assert!(path.ends_with(&[0]));
        Status::read(AT_FDCWD, path.as_ptr() as usize).ok()
    }

    /// Whether it is a regular file, a folder or a block device: these can't be polled.
    pub fn is_storage(&self) -> bool {
        matches!(self.kind, libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK)
    }

    /// What tells the file from all others.
    pub fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Whether the file system is on this machine and never waits for a process; false if nobody has [learned](learn) it.
    pub fn is_local(&self) -> bool {
        known(self.device).load(Ordering::Relaxed) == self.device << 1 | 1
    }

    /// Whether it is not known what [`is_local`](Self::is_local) says.
    pub fn is_unknown(&self) -> bool {
        known(self.device).load(Ordering::Relaxed) >> 1 != self.device
    }
}

/// The devices of file systems, with the lowest bit set for local ones. Each has one place, where another may replace it.
static KNOWN: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

fn known(device: u64) -> &'static AtomicU64 {
    &KNOWN[(device % KNOWN.len() as u64) as usize]
}

/// Asks a file's file system what it is, which may wait.
// On other processors the type of the number is another.
#[allow(clippy::unnecessary_cast)]
pub fn learn(file: c_int) {
    /// ext4, xfs, btrfs, f2fs, tmpfs, ramfs, overlayfs, proc and sysfs.
    const LOCAL: [u32; 9] = [
        0xef53,
        0x5846_5342,
        0x9123_683e,
        0xf2f5_2010,
        0x0102_1994,
        0x8584_58f6,
        0x794c_7630,
        0x9fa0,
        0x6265_6572,
    ];
    let Some(status) = Status::of(file) else { return };
    // SAFETY: all zeroes is a valid `statfs`, and it is valid for the call.
    let system = unsafe {
        let mut found: libc::statfs = core::mem::zeroed();
        (libc::fstatfs(file, &raw mut found) == 0).then_some(found.f_type as u32)
    };
    let local = system.is_some_and(|system| LOCAL.contains(&system));
    known(status.device).store(status.device << 1 | u64::from(local), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn status_is_that_of_fstat() {
        for path in ["/", "/proc/self/exe", "/dev/null"] {
            let file = std::fs::File::open(path).unwrap();
            // SAFETY: all zeroes is a valid `stat`, and it is valid for the call.
            let expected = unsafe {
                let mut found: libc::stat = core::mem::zeroed();
                assert_eq!(libc::fstat(file.as_raw_fd(), &raw mut found), 0);
                found
            };
            let status = Status::of(file.as_raw_fd()).unwrap();
            assert_eq!(status.kind, expected.st_mode & libc::S_IFMT);
            assert_eq!(status.inode, expected.st_ino);
            let device = u64::from(libc::major(expected.st_dev)) << 20 | u64::from(libc::minor(expected.st_dev));
            assert_eq!(status.device, device);
            assert_eq!(Status::read_old(file.as_raw_fd()), Some(status));
        }
        assert_eq!(Status::of(-1), None);
        assert_eq!(Status::of_path(b"/nowhere/at all\0"), None);
    }

    #[test]
    fn file_systems_are_learned() {
        let file = std::fs::File::open("/proc/self").unwrap();
        learn(file.as_raw_fd());
        let status = Status::of(file.as_raw_fd()).unwrap();
        assert!(status.is_local() && !status.is_unknown());
        let mut other = status;
        other.device += KNOWN.len() as u64;
        assert!(!other.is_local() && other.is_unknown());
    }
}
