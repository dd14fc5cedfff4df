//! Credentials of threads: what decides over access to files. Threads of one process may differ (servers change them per
//! thread by raw system calls), and a request's work is done with those of the thread that submitted it.

use crate::status::Status;
use crate::sys::{self, Result};
use crate::thread;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use libc::{ENOMEM, EPERM, c_long};

/// The credentials of a thread.
#[derive(Debug, Clone)]
pub struct Credentials {
    user: u32,
    group: u32,
    groups: Vec<u32>,
    effective: [u32; 2],
    permitted: [u32; 2],
}

/// Equal for what they allow.
impl PartialEq for Credentials {
    fn eq(&self, other: &Credentials) -> bool {
        (self.user, self.group, self.effective) == (other.user, other.group, other.effective)
            && self.groups == other.groups
    }
}

// Where there are two calls, the older has ids of 16 bits.
#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
use libc::{
    SYS_getgroups as GETGROUPS, SYS_getresgid as GETRESGID, SYS_getresuid as GETRESUID, SYS_setfsgid as SETFSGID,
    SYS_setfsuid as SETFSUID, SYS_setgroups as SETGROUPS,
};
#[cfg(any(target_arch = "x86", target_arch = "arm"))]
use libc::{
    SYS_getgroups32 as GETGROUPS, SYS_getresgid32 as GETRESGID, SYS_getresuid32 as GETRESUID,
    SYS_setfsgid32 as SETFSGID, SYS_setfsuid32 as SETFSUID, SYS_setgroups32 as SETGROUPS,
};

/// The header of capget(2) for the calling thread, in the version with 64 bits.
const HEADER: [u32; 2] = [0x2008_0522, 0];
/// How often a thread tries to get its own credentials back.
const TRIES: u32 = 1000;
/// The most groups that a thread can have.
const GROUPS: usize = 65536;

/// Sets an id for access to files; returns the former one.
fn set_id(nr: c_long, id: u32) -> u32 {
    // SAFETY: no memory is passed.
    unsafe { sys::call(nr, [id as usize]) }.unwrap_or(0) as u32
}

/// The effective, permitted and inheritable capabilities, each in two halves.
fn capabilities() -> Result<[[u32; 2]; 3]> {
    let header = HEADER;
    let mut sets = [[0u32; 3]; 2];
    // SAFETY: the header and two sets of three words, valid for the call.
    unsafe {
        sys::call(
            libc::SYS_capget,
            [(&raw const header) as usize, (&raw mut sets) as usize],
        )
    }?;
    Ok([0, 1, 2].map(|set| [sets[0][set], sets[1][set]]))
}

fn set_capabilities([effective, permitted, inheritable]: [[u32; 2]; 3]) -> Result<()> {
    let header = HEADER;
    let sets = [0, 1].map(|half: usize| [effective[half], permitted[half], inheritable[half]]);
    // SAFETY: the header and two sets of three words, valid for the call.
    unsafe {
        sys::call(
            libc::SYS_capset,
            [(&raw const header) as usize, (&raw const sets) as usize],
        )
    }
    .map(drop)
}

fn groups() -> Vec<u32> {
    let mut groups = [0u32; 32];
    // SAFETY: the array has as many elements as the call is told.
    let few = unsafe { sys::call(GETGROUPS, [groups.len(), groups.as_mut_ptr() as usize]) };
    if let Ok(count) = few {
        return groups.iter().take(count).copied().collect();
    }
    // SAFETY: the size of 0 asks for their number.
    let count = unsafe { sys::call(GETGROUPS, [0, 0]) }.unwrap_or(0);
    let mut groups = alloc::vec![0u32; count.min(GROUPS)];
    // SAFETY: as above.
    let count = unsafe { sys::call(GETGROUPS, [groups.len(), groups.as_mut_ptr() as usize]) };
    groups.truncate(count.unwrap_or(0));
    groups
}

/// Whether the real, effective and saved ids are one.
fn one_id(nr: c_long) -> bool {
    let mut ids = [0u32; 3];
    let addresses = ids.each_mut().map(|id| (&raw mut *id) as usize);
    // SAFETY: three words, valid for the call.
    let read = unsafe { sys::call(nr, addresses) };
    read.is_ok() && ids[0] == ids[1] && ids[1] == ids[2]
}

impl Credentials {
    /// Reads those of the calling thread.
    fn read() -> Credentials {
        // Where the call is refused, there may be any.
        let [effective, permitted, _] = capabilities().unwrap_or([[0; 2], [u32::MAX; 2], [0; 2]]);
        Credentials {
            // An impossible id changes nothing.
            user: set_id(SETFSUID, u32::MAX),
            group: set_id(SETFSGID, u32::MAX),
            groups: groups(),
            effective,
            permitted,
        }
    }

    /// Whether the calling thread can't ever have others: without capabilities and with one id.
    fn are_final(&self) -> bool {
        self.permitted == [0; 2] && one_id(GETRESUID) && one_id(GETRESGID)
    }

    /// Whether the calling thread has these.
    pub fn are_current(&self) -> bool {
        *self == *current()
    }

    /// Gives the calling thread these. -EPERM if it may not have them, or -ENOMEM; then it may have some of them.
    pub fn adopt(&self) -> Result<()> {
        let [_, permitted, inheritable] = capabilities()?;
        // To be allowed the changes.
        let _ = set_capabilities([permitted, permitted, inheritable]);
        let mut changed = Ok(0);
        if groups() != self.groups {
            // SAFETY: the groups are valid for the call.
            changed = unsafe { sys::call(SETGROUPS, [self.groups.len(), self.groups.as_ptr() as usize]) };
        }
        set_id(SETFSGID, self.group);
        set_id(SETFSUID, self.user);
        let effective = [0, 1].map(|half| self.effective[half] & permitted[half]);
        let _ = set_capabilities([effective, permitted, inheritable]);
        if Credentials::read() == *self {
            return Ok(());
        }
        if changed == Err(-ENOMEM) {
            return Err(-ENOMEM);
        }
        refused();
        Err(-EPERM)
    }

    /// Gives the calling thread these back: it has had them, so that only memory can be missing, for a while.
    fn restore(&self) {
        let mut tries = 0;
        // Where not even the question is allowed, nothing was changed.
        while self.adopt().is_err() && Credentials::read() != *self && tries < TRIES {
            tries += 1;
            // SAFETY: no memory is passed.
            let _ = unsafe { sys::call::<0>(libc::SYS_sched_yield, []) };
        }
    }
}

/// Those of the calling thread.
pub fn current() -> Arc<Credentials> {
    let thread = thread::current();
    if let Some(known) = &thread.credentials {
        return known.clone();
    }
    let read = Arc::new(Credentials::read());
    if read.are_final() {
        thread.credentials = Some(read.clone());
    }
    read
}

/// Makes a call with credentials, which the calling thread has for the time of the call.
pub fn with<T>(wanted: &Credentials, call: impl FnOnce() -> T) -> Result<T> {
    let own = current();
    if *own == *wanted {
        return Ok(call());
    }
    let done = wanted.adopt().map(|()| call());
    own.restore();
    done
}

#[cold]
fn refused() {
    crate::policy::log(format_args!(
        "a request failed with EPERM, because a thread of the engine may not take on the credentials of its submitter"
    ));
}

/// Whether a thread of the process, by its thread id, shares its working directory and file mode mask with the calling one,
/// which unshare(2) can end.
pub fn shares_folder(thread: u32) -> bool {
    const KCMP_FS: usize = 3;
    // SAFETY: no memory is passed.
    let filter = unsafe { sys::call(libc::SYS_prctl, [libc::PR_GET_SECCOMP as usize]) };
    // A filter may kill who makes a call that it does not know. Without the call a mask of its own is not noticed.
    if matches!(filter, Ok(1..)) {
        return is_in_folder_of(thread);
    }
    let own = sys::thread_id() as usize;
    // SAFETY: as above.
    let found = unsafe { sys::call(libc::SYS_kcmp, [own, thread as usize, KCMP_FS, 0, 0]) };
    // 1 and 2 say which of two different ones is the first.
    !matches!(found, Ok(1..))
}

/// Whether a thread's working directory is the calling thread's; true if that can't be found out.
fn is_in_folder_of(thread: u32) -> bool {
    let other = format!("/proc/self/task/{thread}/cwd\0");
    let theirs = Status::of_path(other.as_bytes());
    theirs.is_none() || theirs == Status::of_path(b".\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn current_is_what_the_thread_has() {
        let found = current();
        // SAFETY: no arguments.
        assert_eq!((found.user, found.group), unsafe { (libc::geteuid(), libc::getegid()) });
        assert!(found.are_current());
        let mut other = Credentials::clone(&found);
        other.groups.push(12345);
        assert!(!other.are_current());
    }

    #[test]
    fn threads_share_their_folder_until_they_unshare_it() {
        let first = sys::thread_id();
        std::thread::spawn(move || {
            assert!(shares_folder(first));
            // SAFETY: no memory is passed.
            if unsafe { libc::unshare(libc::CLONE_FS) } == 0 {
                assert!(!shares_folder(first));
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn folder_is_told_apart() {
        let first = sys::thread_id();
        std::thread::spawn(move || {
            assert!(is_in_folder_of(first));
            // SAFETY: no memory is passed.
            if unsafe { libc::unshare(libc::CLONE_FS) } == 0 {
                assert!(is_in_folder_of(first));
                std::env::set_current_dir("/proc").unwrap();
                assert!(!is_in_folder_of(first));
            }
            assert!(is_in_folder_of(u32::MAX));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn with_is_undone() {
        std::thread::spawn(|| {
            let before = current();
            let mut other = Credentials::clone(&before);
            other.user = 54321;
            other.group = 54321;
            other.groups = alloc::vec![1, 54321];
            other.effective = [0; 2];
            let mut made = false;
            let res = with(&other, || {
                made = other.are_current();
                7
            });
            // Who is not privileged is refused.
            assert!(made && res == Ok(7) || !made && res == Err(-EPERM));
            assert!(before.are_current());
        })
        .join()
        .unwrap();
    }
}
