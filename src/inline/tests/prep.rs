//! The prep helpers on memory, files and paths: each writes its fields and no others.

use crate::inline::*;
use ironring_abi::uapi::*;
use libc::AT_FDCWD;

/// What a helper writes. It always writes the first five fields; of the rest, None leaves the field unchanged.
pub struct Want {
    pub opcode: i32,
    pub fd: i32,
    pub off: u64,
    pub addr: u64,
    pub len: u32,
    /// The request's own flags, at byte 28.
    pub word: Option<u32>,
    pub flags: Option<u32>,
    pub ioprio: Option<u32>,
    /// Bits set in `ioprio`.
    pub more: Option<u32>,
    pub buf: Option<u16>,
    pub file: Option<u32>,
    pub addr3: Option<u64>,
}

pub const NOTHING: Want = Want {
    opcode: 0,
    fd: 0,
    off: 0,
    addr: 0,
    len: 0,
    word: None,
    flags: None,
    ioprio: None,
    more: None,
    buf: None,
    file: None,
    addr3: None,
};

type Bytes = [u8; size_of::<io_uring_sqe>()];

impl Want {
    fn bytes(&self, fill: u8) -> Bytes {
        let mut all: Bytes = [fill; size_of::<io_uring_sqe>()];
        let mut put = |at: usize, bytes: &[u8]| all[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[self.opcode as u8]);
        put(4, &self.fd.to_ne_bytes());
        put(8, &self.off.to_ne_bytes());
        put(16, &self.addr.to_ne_bytes());
        put(24, &self.len.to_ne_bytes());
        let more = self.more.map(|more| u32::from(u16::from_ne_bytes([fill; 2])) | more);
        for (at, size, value) in [
            (1, 1, self.flags.map(u64::from)),
            (2, 2, self.ioprio.or(more).map(u64::from)),
            (28, 4, self.word.map(u64::from)),
            (40, 2, self.buf.map(u64::from)),
            (44, 4, self.file.map(u64::from)),
            (48, 8, self.addr3),
        ] {
            match (size, value) {
                (_, None) => {}
                (1, Some(value)) => put(at, &[value as u8]),
                (2, Some(value)) => put(at, &(value as u16).to_ne_bytes()),
                (4, Some(value)) => put(at, &(value as u32).to_ne_bytes()),
                (_, Some(value)) => put(at, &value.to_ne_bytes()),
            }
        }
        all
    }
}

/// Calls a helper on a clean and on a dirty slot.
pub fn check(name: &str, helper: impl Fn(*mut io_uring_sqe), want: &Want) {
    for fill in [0, 0xff, 0x5a] {
        // SAFETY: an SQE contains only integers.
        let mut sqe: io_uring_sqe = unsafe { std::mem::transmute([fill; size_of::<io_uring_sqe>()]) };
        helper(&raw mut sqe);
        // SAFETY: as above.
        let bytes: Bytes = unsafe { std::mem::transmute(sqe) };
        assert_eq!(bytes, want.bytes(fill), "{name} on {fill:#x}");
    }
}

/// An address that is never dereferenced.
pub fn p<T>(address: usize) -> *mut T {
    address as *mut T
}

/// `helper(arguments) => opcode, fd, off, addr, len, other fields`.
macro_rules! prep {
    ($($name:ident($($arg:expr),*) => $op:expr, $fd:expr, $off:expr, $addr:expr, $len:expr $(, $field:ident $value:expr)*;)*) => {
        $(
            // SAFETY: an SQE to write; no pointer is dereferenced.
            $crate::inline::tests::prep::check(stringify!($name), |sqe| unsafe { $name(sqe $(, $arg)*) },
                &$crate::inline::tests::prep::Want {
                    opcode: $op,
                    fd: $fd,
                    off: $off as u64,
                    addr: $addr as u64,
                    len: $len as u32,
                    $($field: Some($value),)*
                    ..$crate::inline::tests::prep::NOTHING
                });
        )*
    };
}
pub(crate) use prep;

/// The index of "any free slot", as the SQE holds it.
pub const ANY: u32 = IORING_FILE_INDEX_ALLOC;

#[test]
fn reading_and_writing() {
    let huge = (1u64 << 40) | 7;
    prep! {
        io_uring_prep_splice(3, -1, 4, -2, 5, 6) => IORING_OP_SPLICE, 4, -2i64, -1i64, 5, word 6, file 3;
        io_uring_prep_tee(3, 4, 5, 6) => IORING_OP_TEE, 4, 0, 0, 5, word 6, file 3;
        io_uring_prep_readv(3, p(0x10), 2, huge) => IORING_OP_READV, 3, huge, 0x10, 2;
        io_uring_prep_readv2(3, p(0x10), 2, huge, -9) => IORING_OP_READV, 3, huge, 0x10, 2, word -9i32 as u32;
        io_uring_prep_writev(3, p(0x10), 2, huge) => IORING_OP_WRITEV, 3, huge, 0x10, 2;
        io_uring_prep_writev2(3, p(0x10), 2, huge, 9) => IORING_OP_WRITEV, 3, huge, 0x10, 2, word 9;
        io_uring_prep_read_fixed(3, p(0x10), 2, huge, 0x12345) => IORING_OP_READ_FIXED, 3, huge, 0x10, 2, buf 0x2345;
        io_uring_prep_write_fixed(3, p(0x10), 2, huge, 6) => IORING_OP_WRITE_FIXED, 3, huge, 0x10, 2, buf 6;
        io_uring_prep_readv_fixed(3, p(0x10), 2, huge, 9, 6) => IORING_OP_READV_FIXED, 3, huge, 0x10, 2, word 9, buf 6;
        io_uring_prep_writev_fixed(3, p(0x10), 2, huge, 9, 6) => IORING_OP_WRITEV_FIXED, 3, huge, 0x10, 2, word 9, buf 6;
        io_uring_prep_read(3, p(0x10), u32::MAX, u64::MAX) => IORING_OP_READ, 3, u64::MAX, 0x10, u32::MAX;
        io_uring_prep_write(3, p(0x10), 2, huge) => IORING_OP_WRITE, 3, huge, 0x10, 2;
        io_uring_prep_read_multishot(3, 2, huge, 0x1_0007) => IORING_OP_READ_MULTISHOT, 3, huge, 0, 2,
            buf 7, flags IOSQE_BUFFER_SELECT;
    }
}

#[test]
fn files() {
    prep! {
        io_uring_prep_files_update(p(0x10), 4, -1) => IORING_OP_FILES_UPDATE, -1, -1i64, 0x10, 4;
        io_uring_prep_fallocate(3, 1, 2, 1 << 40) => IORING_OP_FALLOCATE, 3, 2, 1u64 << 40, 1;
        io_uring_prep_openat(7, p(0x10), 5, 0o644) => IORING_OP_OPENAT, 7, 0, 0x10, 0o644, word 5;
        io_uring_prep_openat_direct(7, p(0x10), 5, 6, 8) => IORING_OP_OPENAT, 7, 0, 0x10, 6, word 5, file 9;
        io_uring_prep_openat_direct(7, p(0x10), 5, 6, ANY) => IORING_OP_OPENAT, 7, 0, 0x10, 6, word 5, file ANY;
        io_uring_prep_open(p(0x10), 5, 6) => IORING_OP_OPENAT, AT_FDCWD, 0, 0x10, 6, word 5;
        io_uring_prep_open_direct(p(0x10), 5, 6, 0) => IORING_OP_OPENAT, AT_FDCWD, 0, 0x10, 6, word 5, file 1;
        io_uring_prep_openat2(7, p(0x10), p(0x20)) => IORING_OP_OPENAT2, 7, 0x20, 0x10, 24;
        io_uring_prep_openat2_direct(7, p(0x10), p(0x20), 8) => IORING_OP_OPENAT2, 7, 0x20, 0x10, 24, file 9;
        io_uring_prep_openat2_direct(7, p(0x10), p(0x20), ANY) => IORING_OP_OPENAT2, 7, 0x20, 0x10, 24, file ANY;
        io_uring_prep_close(3) => IORING_OP_CLOSE, 3, 0, 0, 0;
        io_uring_prep_close_direct(8) => IORING_OP_CLOSE, 0, 0, 0, 0, file 9;
        io_uring_prep_statx(7, p(0x10), 5, 6, p(0x20)) => IORING_OP_STATX, 7, 0x20, 0x10, 6, word 5;
        io_uring_prep_fadvise(3, 1, 2, 4) => IORING_OP_FADVISE, 3, 1, 0, 2, word 4;
        io_uring_prep_fadvise64(3, 1, -2, 4) => IORING_OP_FADVISE, 3, 1, -2i64, 0, word 4;
        io_uring_prep_madvise(p(0x10), 2, 4) => IORING_OP_MADVISE, -1, 0, 0x10, 2, word 4;
        io_uring_prep_madvise64(p(0x10), 1 << 40, 4) => IORING_OP_MADVISE, -1, 1u64 << 40, 0x10, 0, word 4;
        io_uring_prep_fixed_fd_install(3, 5) => IORING_OP_FIXED_FD_INSTALL, 3, 0, 0, 0, word 5, flags IOSQE_FIXED_FILE;
        io_uring_prep_ftruncate(3, -4) => IORING_OP_FTRUNCATE, 3, -4i64, 0, 0;
        io_uring_prep_pipe(p(0x10), 5) => IORING_OP_PIPE, 0, 0, 0x10, 0, word 5;
        io_uring_prep_pipe_direct(p(0x10), 5, 8) => IORING_OP_PIPE, 0, 0, 0x10, 0, word 5, file 9;
        io_uring_prep_pipe_direct(p(0x10), 5, ANY) => IORING_OP_PIPE, 0, 0, 0x10, 0, word 5, file ANY;
        io_uring_prep_fsync(3, 5) => IORING_OP_FSYNC, 3, 0, 0, 0, word 5;
        io_uring_prep_sync_file_range(3, 4, 1 << 40, -1) => IORING_OP_SYNC_FILE_RANGE, 3, 1u64 << 40, 0, 4, word u32::MAX;
    }
}

#[test]
fn paths_and_attributes() {
    prep! {
        io_uring_prep_unlinkat(7, p(0x10), 5) => IORING_OP_UNLINKAT, 7, 0, 0x10, 0, word 5;
        io_uring_prep_unlink(p(0x10), 5) => IORING_OP_UNLINKAT, AT_FDCWD, 0, 0x10, 0, word 5;
        io_uring_prep_renameat(7, p(0x10), 8, p(0x20), 5) => IORING_OP_RENAMEAT, 7, 0x20, 0x10, 8, word 5;
        io_uring_prep_rename(p(0x10), p(0x20)) => IORING_OP_RENAMEAT, AT_FDCWD, 0x20, 0x10, AT_FDCWD, word 0;
        io_uring_prep_mkdirat(7, p(0x10), 0o755) => IORING_OP_MKDIRAT, 7, 0, 0x10, 0o755;
        io_uring_prep_mkdir(p(0x10), 0o755) => IORING_OP_MKDIRAT, AT_FDCWD, 0, 0x10, 0o755;
        io_uring_prep_symlinkat(p(0x10), 7, p(0x20)) => IORING_OP_SYMLINKAT, 7, 0x20, 0x10, 0;
        io_uring_prep_symlink(p(0x10), p(0x20)) => IORING_OP_SYMLINKAT, AT_FDCWD, 0x20, 0x10, 0;
        io_uring_prep_linkat(7, p(0x10), 8, p(0x20), 5) => IORING_OP_LINKAT, 7, 0x20, 0x10, 8, word 5;
        io_uring_prep_link(p(0x10), p(0x20), 5) => IORING_OP_LINKAT, AT_FDCWD, 0x20, 0x10, AT_FDCWD, word 5;
        io_uring_prep_getxattr(p(0x10), p(0x20), p(0x30), 4) => IORING_OP_GETXATTR, 0, 0x20, 0x10, 4, word 0, addr3 0x30;
        io_uring_prep_setxattr(p(0x10), p(0x20), p(0x30), 5, 4) => IORING_OP_SETXATTR, 0, 0x20, 0x10, 4,
            word 5, addr3 0x30;
        io_uring_prep_fgetxattr(3, p(0x10), p(0x20), 4) => IORING_OP_FGETXATTR, 3, 0x20, 0x10, 4, word 0;
        io_uring_prep_fsetxattr(3, p(0x10), p(0x20), 5, 4) => IORING_OP_FSETXATTR, 3, 0x20, 0x10, 4, word 5;
    }
}
