//! Comparisons of descriptors in several processes at once.

use super::same_shared_file;
use crate::lock::Lock;
use crate::sys;

#[test]
#[allow(clippy::cast_ptr_alignment, reason = "it is at the start of a page")]
fn processes_that_compare_at_once_get_the_right_answer() {
    let memory = sys::map_shared(size_of::<Lock>()).expect("there is memory");
    // SAFETY: zeroed memory is a free lock, and it stays mapped.
    let lock = unsafe { &*memory.cast::<Lock>().cast_const() };
    let [one, other] = [(); 2].map(|()| sys::eventfd(libc::EFD_CLOEXEC).expect("there are descriptors"));
    let again = sys::fcntl(one, libc::F_DUPFD_CLOEXEC, 100).expect("there are descriptors") as i32;
    let wrong = || !same_shared_file(one, lock, again) || same_shared_file(one, lock, other);
    // SAFETY: the children make system calls only, and end with one.
    let children = [(); 3].map(|()| unsafe {
        let pid = libc::fork();
        if pid == 0 {
            crate::lock::forget_pid();
            // Another test may have been at it.
            super::compare_lock().reset();
            libc::_exit(i32::from((0..2000).any(|_| wrong())));
        }
        pid
    });
    for pid in children {
        let mut status = 0;
        // SAFETY: the status is valid for the call.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        assert_eq!(status, 0);
    }
}
