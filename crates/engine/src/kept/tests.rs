//! Descriptors that the engine holds.

use super::{Kept, duplicate, same_file};
use std::fs::{self, File};
use std::os::fd::AsRawFd;

/// A file of its own in the folder for temporary files.
fn file(name: &str) -> File {
    let path = std::env::temp_dir().join(format!("ironring-{}-{name}", std::process::id()));
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path);
    let file = file.expect("it can be created");
    fs::remove_file(path).expect("it is there");
    file
}

#[test]
fn duplicates_are_far_from_the_programs() {
    let file = file("far");
    let high = duplicate(file.as_raw_fd()).expect("there are descriptors");
    assert!(high > 100, "{high}");
    drop(Kept::own(high));
    assert_eq!(crate::sys::fcntl(high, libc::F_GETFD, 0), Err(-libc::EBADF));
}

#[test]
fn duplicates_are_the_same_file() {
    let (one, other) = (file("one"), file("other"));
    let duplicate = one.try_clone().expect("there are descriptors");
    assert!(same_file(one.as_raw_fd(), duplicate.as_raw_fd()));
    assert!(!same_file(one.as_raw_fd(), other.as_raw_fd()));
    assert!(!same_file(one.as_raw_fd(), 1 << 20));
}

/// Sets or removes a record lock.
fn set(file: &File, lock: &libc::flock) {
    // SAFETY: the lock is valid for the call.
    let ret = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const *lock) };
    assert_eq!(ret, 0);
}

/// A record lock of this process on a file, as others see it: whether a child is refused the same lock.
fn is_locked(file: &File) -> bool {
    // SAFETY: the child makes system calls only.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            let mut lock: libc::flock = std::mem::zeroed();
            lock.l_type = libc::F_WRLCK as _;
            libc::_exit(i32::from(
                libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const lock) != 0,
            ));
        }
        let mut status = 0;
        libc::waitpid(pid, &raw mut status, 0);
        status != 0
    }
}

#[test]
fn record_locks_survive_a_kept_descriptor() {
    let file = file("locked");
    // SAFETY: all zeroes is a valid lock.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as _;
    set(&file, &lock);
    let kept = Kept::new(file.as_raw_fd()).expect("there are descriptors");
    let number = kept.fd();
    drop(kept);
    assert!(
        is_locked(&file),
        "closing a duplicate at once would have released the lock"
    );
    // Unlocked, it is closed with the next one.
    lock.l_type = libc::F_UNLCK as _;
    set(&file, &lock);
    let other = duplicate(file.as_raw_fd()).expect("there are descriptors");
    assert_ne!(other, number);
    drop(Kept::own(other));
    assert_eq!(crate::sys::fcntl(number, libc::F_GETFD, 0), Err(-libc::EBADF));
}
