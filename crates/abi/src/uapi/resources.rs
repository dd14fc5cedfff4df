//! Registered files, buffers and memory.

use crate::ctypes::{__aligned_u64, __u32, __u64, c_int, c_uint};

/// Superseded by `struct io_uring_rsrc_update`. Kernel 5.5.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_files_update {
    /// First slot to replace.
    pub offset: __u32,
    /// Must be 0.
    pub resv: __u32,
    /// Address of the file descriptors, an array of `__s32`.
    pub fds: __aligned_u64,
}

c_enum! {
    /// Values of `flags` in `struct io_uring_region_desc`.
    #[repr(i32)]
    pub enum anon_mem_region_type {
        /// The application provides the memory, at `user_addr`; without this flag the kernel
        /// allocates it. Kernel 6.13.
        IORING_MEM_REGION_TYPE_USER = 1,
    }
}

/// Memory that the kernel and the application share. Kernel 6.13.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_region_desc {
    /// Address of the memory, with `IORING_MEM_REGION_TYPE_USER`; otherwise 0.
    pub user_addr: __u64,
    /// Its size in bytes: whole pages.
    pub size: __u64,
    /// `IORING_MEM_REGION_TYPE_*` bits.
    pub flags: __u32,
    /// Must be 0.
    pub id: __u32,
    /// Out: the offset for `mmap()` of memory that the kernel allocated.
    pub mmap_offset: __u64,
    /// Must be 0.
    pub __resv: [__u64; 4],
}

c_enum! {
    /// Values of `flags` in `struct io_uring_mem_region_reg`.
    #[repr(i32)]
    pub enum anon_mem_region_reg_flags {
        /// The region holds `struct io_uring_reg_wait` elements, for `IORING_ENTER_EXT_ARG_REG`.
        ///
        /// The ring must still be disabled. Kernel 6.13.
        IORING_MEM_REGION_REG_WAIT_ARG = 1,
    }
}

/// For `IORING_REGISTER_MEM_REGION`. The region exists as long as the ring. Kernel 6.13.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_mem_region_reg {
    /// Address of a `struct io_uring_region_desc`.
    pub region_uptr: __u64,
    /// `IORING_MEM_REGION_REG_*` bits.
    pub flags: __u64,
    /// Must be 0.
    pub __resv: [__u64; 2],
}

/// In `flags` of `struct io_uring_rsrc_register`: all slots are empty; `data` and `tags` must be 0.
/// Kernel 5.19.
pub const IORING_RSRC_REGISTER_SPARSE: c_uint = 1 << 0;

/// For `IORING_REGISTER_FILES2` and `IORING_REGISTER_BUFFERS2`. Kernel 5.13.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_rsrc_register {
    /// Number of slots.
    pub nr: __u32,
    /// `IORING_RSRC_REGISTER_*` bits. Kernel 5.19.
    pub flags: __u32,
    /// Must be 0.
    pub resv2: __u64,
    /// Address of `nr` file descriptors, or of `nr` elements of `struct iovec`.
    pub data: __aligned_u64,
    /// Address of `nr` tags of 64 bits, or 0 for none.
    ///
    /// When a file or buffer with a tag other than 0 has been removed and no request uses it any
    /// more, a completion with the tag as `user_data` is posted.
    pub tags: __aligned_u64,
}

/// For `IORING_REGISTER_FILES_UPDATE`, and for ring file descriptors. Kernel 5.5.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_rsrc_update {
    /// First slot to replace; for a ring file descriptor its index.
    pub offset: __u32,
    /// Must be 0.
    pub resv: __u32,
    /// Address of the new file descriptors; for a ring the file descriptor itself.
    pub data: __aligned_u64,
}

/// For `IORING_REGISTER_FILES_UPDATE2` and `IORING_REGISTER_BUFFERS_UPDATE`. Kernel 5.13.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_rsrc_update2 {
    /// First slot to replace.
    pub offset: __u32,
    /// Must be 0.
    pub resv: __u32,
    /// Address of `nr` file descriptors, or of `nr` elements of `struct iovec`.
    pub data: __aligned_u64,
    /// Address of `nr` tags, or 0 for none: see `struct io_uring_rsrc_register`.
    pub tags: __aligned_u64,
    /// Number of slots to replace.
    pub nr: __u32,
    /// Must be 0.
    pub resv2: __u32,
}

/// Instead of a file descriptor, in an update of registered files: leave the slot unchanged.
/// Kernel 5.12.
pub const IORING_REGISTER_FILES_SKIP: c_int = -2;

c_enum! {
    /// Values of `flags` in `struct io_uring_clone_buffers`.
    #[repr(u32)]
    pub enum anon_clone_buffers_flags {
        /// `src_fd` is an index from `IORING_REGISTER_RING_FDS`. Kernel 6.12.
        IORING_REGISTER_SRC_REGISTERED = 1 << 0,
        /// Replace buffers that are already registered with this ring. Kernel 6.13.
        IORING_REGISTER_DST_REPLACE = 1 << 1,
    }
}

/// For `IORING_REGISTER_CLONE_BUFFERS`. Kernel 6.12.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_clone_buffers {
    /// The ring to copy from.
    pub src_fd: __u32,
    /// `IORING_REGISTER_SRC_REGISTERED` and `IORING_REGISTER_DST_REPLACE`.
    pub flags: __u32,
    /// First slot to copy from. Kernel 6.13.
    pub src_off: __u32,
    /// First slot to copy to. Kernel 6.13.
    pub dst_off: __u32,
    /// Number of slots; 0 with both offsets 0 copies all. Kernel 6.13.
    pub nr: __u32,
    /// Must be 0.
    pub pad: [__u32; 3],
}

/// For `IORING_REGISTER_FILE_ALLOC_RANGE`: the slots from `off` up to, but not including,
/// `off + len`. Kernel 6.0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_file_index_range {
    /// First slot.
    pub off: __u32,
    /// Number of slots.
    pub len: __u32,
    /// Must be 0.
    pub resv: __u64,
}

layout! { io_uring_files_update: 16, 8 {
    offset 0, resv 4, fds 8
} }

layout! { io_uring_region_desc: 64, 8 {
    user_addr 0, size 8, flags 16, id 20, mmap_offset 24, __resv 32
} }

layout! { io_uring_mem_region_reg: 32, 8 {
    region_uptr 0, flags 8, __resv 16
} }

layout! { io_uring_rsrc_register: 32, 8 {
    nr 0, flags 4, resv2 8, data 16, tags 24
} }

layout! { io_uring_rsrc_update: 16, 8 {
    offset 0, resv 4, data 8
} }

layout! { io_uring_rsrc_update2: 32, 8 {
    offset 0, resv 4, data 8, tags 16, nr 24, resv2 28
} }

layout! { io_uring_clone_buffers: 32, 4 {
    src_fd 0, flags 4, src_off 8, dst_off 12, nr 16, pad 20
} }

layout! { io_uring_file_index_range: 16, 8 {
    off 0, len 4, resv 8
} }
