//! System calls with the engine's error convention: a negative errno in `Err`.

#[cfg(loom)]
use crate::model::kernel as arch;
use crate::status::Status;
use alloc::vec::Vec;
use core::mem::zeroed;
use core::ptr::null;
use core::time::Duration;
use ironring_abi::ctypes::{c_int, c_void};
#[cfg(not(loom))]
use ironring_linux::arch;
use libc::{c_long, timespec};

/// The result of a system call: its value, or -errno.
pub type Result<T = usize> = core::result::Result<T, c_int>;

/// Turns a system call's return value into a [`Result`].
pub fn result(ret: isize) -> Result {
    if (-4095..0).contains(&ret) {
        return Err(ret as c_int);
    }
    Ok(ret as usize)
}

/// Any system call.
///
/// # Safety
/// What the call does with the arguments must be sound. An address in the program's memory may be wrong: the kernel
/// refuses it.
pub unsafe fn call<const N: usize>(nr: c_long, args: [usize; N]) -> Result {
    let arg = |n: usize| args.get(n).copied().unwrap_or(0);
    // SAFETY: the caller's promise; the kernel ignores arguments that a call doesn't have.
    result(unsafe { arch::syscall6(nr, arg(0), arg(1), arg(2), arg(3), arg(4), arg(5)) })
}

/// The value of a result as the kernel returns it: -errno for an error.
pub fn number(result: Result) -> i32 {
    match result {
        Ok(value) => value as i32,
        Err(errno) => errno,
    }
}

/// A descriptor as an argument.
pub fn fd(fd: c_int) -> usize {
    fd as u32 as usize
}

pub fn close(file: c_int) {
    // SAFETY: the caller owns the descriptor.
    let _ = unsafe { call(libc::SYS_close, [fd(file)]) };
}

/// `fcntl(2)` with an integer argument.
pub fn fcntl(file: c_int, command: c_int, arg: usize) -> Result {
    // SAFETY: callers use commands whose argument is an integer.
    unsafe { call(libc::SYS_fcntl, [fd(file), command as usize, arg]) }
}

pub fn pid() -> u32 {
    // SAFETY: no arguments.
    unsafe { call::<0>(libc::SYS_getpid, []) }.unwrap_or(0) as u32
}

/// The calling thread's id in the kernel.
pub fn thread_id() -> u32 {
    // SAFETY: no arguments.
    unsafe { call::<0>(libc::SYS_gettid, []) }.unwrap_or(0) as u32
}

/// The number of processors that the process may use.
pub fn processors() -> u32 {
    let mut set = [0u64; 128];
    // SAFETY: the set is valid for the call.
    let read = unsafe {
        call(
            libc::SYS_sched_getaffinity,
            [0, size_of_val(&set), set.as_mut_ptr() as usize],
        )
    };
    match read {
        Ok(_) => set.iter().map(|word| word.count_ones()).sum::<u32>().max(1),
        Err(_) => 1,
    }
}

/// Whether a process runs. One that has been killed does not, even if its parent has not waited for it.
pub fn alive(pid: u32) -> bool {
    // SAFETY: no memory is passed.
    match unsafe { call(libc::SYS_pidfd_open, [pid as usize, 0]) } {
        Ok(file) => {
            let ended = poll_now(file as c_int, libc::POLLIN as u32).is_ok_and(|found| found != 0);
            close(file as c_int);
            !ended
        }
        Err(errno) if errno == -libc::ESRCH => false,
        Err(_) => !has_ended(pid),
    }
}

/// Whether a process has ended, as far as can be told without a descriptor: of those that nobody has waited for yet only
/// the caller's own children.
fn has_ended(pid: u32) -> bool {
    const NOW: c_int = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: all zeroes is a valid value.
    let mut info: libc::siginfo_t = unsafe { zeroed() };
    let args = [
        libc::P_PID as usize,
        pid as usize,
        (&raw mut info) as usize,
        NOW as usize,
        0,
    ];
    // SAFETY: the information is valid for the call, which leaves zeros if there is none.
    let child = unsafe { call(libc::SYS_waitid, args).is_ok() && info.si_pid() != 0 };
    // SAFETY: signal 0 is not delivered.
    child || unsafe { call(libc::SYS_kill, [pid as usize, 0]) } == Err(-libc::ESRCH)
}

pub fn eventfd(flags: c_int) -> Result<c_int> {
    // SAFETY: no memory is passed.
    unsafe { call(libc::SYS_eventfd2, [0, flags as usize]) }.map(|file| file as c_int)
}

/// The time of a clock in nanoseconds.
pub fn now(clock: c_int) -> u64 {
    #[cfg(loom)]
    return arch::now(clock);
    #[cfg(not(loom))]
    read_clock(clock)
}

#[cfg_attr(loom, allow(dead_code))]
fn read_clock(clock: c_int) -> u64 {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // Through libc, which reads the clock without a system call.
    // SAFETY: the time is valid for the call.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The kernel's `struct __kernel_timespec`.
pub fn kernel_time(nanoseconds: u64) -> [i64; 2] {
    let time = Duration::from_nanos(nanoseconds);
    [time.as_secs() as i64, i64::from(time.subsec_nanos())]
}

#[cfg(target_pointer_width = "64")]
pub const FUTEX: c_long = libc::SYS_futex;
// With 64-bit times, by the number that all processors share.
#[cfg(not(target_pointer_width = "64"))]
pub const FUTEX: c_long = 422;

/// Waits until a word no longer has a value, somebody wakes it, or a moment of `CLOCK_MONOTONIC` (nanoseconds). The word
/// may be shared with other processes.
pub fn futex_wait(word: *const u32, value: u32, until: u64) -> Result {
    let until = kernel_time(until);
    // SAFETY: the word outlives the call by the caller's contract; the time is valid for the call.
    unsafe {
        call(
            FUTEX,
            [
                word as usize,
                libc::FUTEX_WAIT_BITSET as usize,
                value as usize,
                (&raw const until) as usize,
                0,
                u32::MAX as usize,
            ],
        )
    }
}

/// Wakes up to `count` waiters of a word.
pub fn futex_wake(word: *const u32, count: u32) {
    // SAFETY: the kernel only uses the address as a key.
    let _ = unsafe { call(FUTEX, [word as usize, libc::FUTEX_WAKE as usize, count as usize]) };
}

/// Maps memory that a child shares.
pub fn map_shared(len: usize) -> Result<*mut u8> {
    map_with(len, libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1)
}

/// Maps a file.
pub fn map_shared_file(file: c_int, len: usize) -> Result<*mut u8> {
    map_with(len, 0, file)
}

fn map_with(len: usize, flags: c_int, file: c_int) -> Result<*mut u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the kernel chooses the address.
    let ret = unsafe { arch::mmap(len, access, libc::MAP_SHARED | flags, file, 0) };
    result(ret).map(|address| address as *mut u8)
}

/// Maps the pages of a shared mapping a second time.
///
/// # Safety
/// `address` is the start of a page of a shared mapping, which has `len` bytes from there.
pub unsafe fn map_again(address: *mut u8, len: usize) -> Result<*mut c_void> {
    // SAFETY: with an old size of 0 nothing is moved; the kernel chooses the new address.
    unsafe {
        call(
            libc::SYS_mremap,
            [address as usize, 0, len, libc::MREMAP_MAYMOVE as usize],
        )
    }
    .map(|address| address as *mut c_void)
}

/// # Safety
/// The mapping is no longer used.
pub unsafe fn unmap(address: *mut u8, len: usize) {
    // SAFETY: the caller's promise.
    let _ = unsafe { call(libc::SYS_munmap, [address as usize, len]) };
}

/// Writes a number to an eventfd.
pub fn signal(file: c_int) {
    let one = 1u64;
    // SAFETY: eight readable bytes.
    let _ = unsafe { call(libc::SYS_write, [fd(file), (&raw const one) as usize, 8]) };
}

/// Empties an eventfd that does not block.
pub fn drain(file: c_int) {
    let mut count = 0u64;
    // SAFETY: eight writable bytes.
    let _ = unsafe { call(libc::SYS_read, [fd(file), (&raw mut count) as usize, 8]) };
}

/// The events of `events` that a file has now; with `POLLERR` and `POLLHUP`. -errno if it can't be polled.
pub fn poll_now(file: c_int, events: u32) -> Result<u32> {
    loop {
        match poll(file, events, 0) {
            // A signal ends even a call that does not wait.
            Err(errno) if errno == -libc::EINTR => {}
            found => return found,
        }
    }
}

/// Waits for events of a file up to some milliseconds (-1 without limit).
pub fn poll(file: c_int, events: u32, milliseconds: c_int) -> Result<u32> {
    poll_masked(file, events, milliseconds, None)
}

/// Waits until one of two files is readable.
pub fn wait_for_either(one: c_int, other: c_int) {
    let mut entries = [one, other].map(|fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    });
    // SAFETY: two entries, valid for the call, and neither a time nor a mask.
    let _ = unsafe { call(PPOLL, [entries.as_mut_ptr() as usize, 2, 0, 0, 8]) };
}

/// As [`poll`], with another signal mask meanwhile.
pub fn poll_masked(file: c_int, events: u32, milliseconds: c_int, mask: Option<u64>) -> Result<u32> {
    let mut entry = libc::pollfd {
        fd: file,
        events: events as i16,
        revents: 0,
    };
    let time = kernel_time(u64::from(milliseconds.max(0) as u32) * 1_000_000);
    let time = if milliseconds < 0 { null() } else { &raw const time };
    let set = [mask.unwrap_or(0), 0];
    let set = if mask.is_some() { set.as_ptr() } else { null() };
    // SAFETY: one entry, and a time and a mask or none, valid for the call.
    unsafe { call(PPOLL, [(&raw mut entry) as usize, 1, time as usize, set as usize, 8]) }?;
    if entry.revents & libc::POLLNVAL != 0 {
        return Err(-libc::EBADF);
    }
    Ok(u32::from(entry.revents as u16))
}

#[cfg(target_pointer_width = "64")]
pub const PPOLL: c_long = libc::SYS_ppoll;
// As above.
#[cfg(not(target_pointer_width = "64"))]
pub const PPOLL: c_long = 414;

/// Whether the thread may use I/O priorities for real time: `CAP_SYS_ADMIN` or `CAP_SYS_NICE`.
pub fn may_run_in_real_time() -> bool {
    const CAPABILITY_VERSION: u32 = 0x2008_0522;
    const NICE_OR_ADMIN: u32 = 1 << 23 | 1 << 21;
    let header = [CAPABILITY_VERSION, 0];
    let mut sets = [[0u32; 3]; 2];
    // SAFETY: the header and the sets are valid for the call.
    let got = unsafe {
        call(
            libc::SYS_capget,
            [(&raw const header) as usize, (&raw mut sets) as usize],
        )
    };
    let [[effective, ..], _] = sets;
    got.is_ok() && effective & NICE_OR_ADMIN != 0
}

/// Whether a descriptor's file is set not to block.
pub fn is_nonblocking(file: c_int) -> bool {
    fcntl(file, libc::F_GETFL, 0).is_ok_and(|flags| flags as c_int & libc::O_NONBLOCK != 0)
}

/// Whether a descriptor is open, and can be used for more than paths.
pub fn is_usable(file: c_int) -> bool {
    fcntl(file, libc::F_GETFL, 0).is_ok_and(|flags| flags as c_int & libc::O_PATH == 0)
}

/// The device and inode of a descriptor's file.
pub fn identity(file: c_int) -> Option<(u64, u64)> {
    Status::of(file).map(|status| status.identity())
}

/// Whether a descriptor's file is a regular file, a folder or a block device: these can't be polled.
pub fn is_storage(file: c_int) -> bool {
    Status::of(file).is_some_and(|status| status.is_storage())
}

/// The processors that the calling thread may use.
pub fn affinity() -> Result<Vec<u8>> {
    let mut processors = alloc::vec![0u8; 1024];
    // SAFETY: the buffer has as many bytes as the call is told.
    let len = unsafe {
        call(
            libc::SYS_sched_getaffinity,
            [0, processors.len(), processors.as_mut_ptr() as usize],
        )
    }?;
    processors.truncate(len);
    Ok(processors)
}

/// Moves the calling thread to processors.
pub fn set_affinity(processors: &[u8]) -> Result {
    // SAFETY: the bytes are valid for the call.
    unsafe {
        call(
            libc::SYS_sched_setaffinity,
            [0, processors.len(), processors.as_ptr() as usize],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_have_ended_are_told_without_a_descriptor() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!has_ended(child.id()) && !has_ended(std::process::id()) && !has_ended(1));
        child.kill().unwrap();
        // Nobody waits for it, so that it can still be sent signals.
        let start = std::time::Instant::now();
        while !has_ended(child.id()) {
            assert!(start.elapsed().as_secs() < 10, "it is taken for alive");
        }
        assert!(!alive(child.id()));
        child.wait().unwrap();
        assert!(has_ended(child.id()));
    }
}
