//! `io_uring_register` of the scripted kernel.

use crate::script::state::State;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::EINVAL;

/// The bytes that the kernel reads at the argument of a registration.
pub unsafe fn argument(opcode: u32, arg: usize, nr: usize) -> Vec<u8> {
    let len = match opcode & !IORING_REGISTER_USE_REGISTERED_RING {
        IORING_REGISTER_EVENTFD | IORING_REGISTER_EVENTFD_ASYNC => size_of::<c_int>(),
        IORING_REGISTER_FILES => nr * size_of::<c_int>(),
        IORING_REGISTER_BUFFERS => nr * size_of::<libc::iovec>(),
        IORING_REGISTER_RESTRICTIONS => nr * size_of::<io_uring_restriction>(),
        IORING_REGISTER_FILES_UPDATE | IORING_REGISTER_RING_FDS | IORING_UNREGISTER_RING_FDS => {
            size_of::<io_uring_rsrc_update>()
        }
        // These pass their own size in place of a count.
        IORING_REGISTER_FILES2
        | IORING_REGISTER_FILES_UPDATE2
        | IORING_REGISTER_BUFFERS2
        | IORING_REGISTER_BUFFERS_UPDATE
        | IORING_REGISTER_IOWQ_AFF => nr,
        IORING_REGISTER_IOWQ_MAX_WORKERS => 2 * size_of::<u32>(),
        IORING_REGISTER_PBUF_RING | IORING_UNREGISTER_PBUF_RING => size_of::<io_uring_buf_reg>(),
        IORING_REGISTER_PBUF_STATUS => size_of::<io_uring_buf_status>(),
        IORING_REGISTER_FILE_ALLOC_RANGE => size_of::<io_uring_file_index_range>(),
        IORING_REGISTER_CLONE_BUFFERS => size_of::<io_uring_clone_buffers>(),
        _ => 0,
    };
    if arg == 0 {
        return Vec::new();
    }
    // SAFETY: the library passes at least what the opcode asks for.
    unsafe { std::slice::from_raw_parts(arg as *const u8, len).to_vec() }
}

impl State {
    /// # Safety
    /// `arg` is what `opcode` asks for.
    pub unsafe fn register(&mut self, fd: c_int, opcode: u32, arg: usize, _nr: u32) -> c_int {
        let by_index = opcode & IORING_REGISTER_USE_REGISTERED_RING != 0;
        let opcode = opcode & !IORING_REGISTER_USE_REGISTERED_RING;
        // Without a ring the kernel supports only these.
        let blind = [
            IORING_REGISTER_SEND_MSG_RING,
            IORING_REGISTER_QUERY,
            IORING_REGISTER_BPF_FILTER,
        ];
        let ring = if fd == -1 && !by_index {
            if !blind.contains(&opcode) {
                return -EINVAL;
            }
            None
        } else {
            match self.ring_of(fd, by_index) {
                Ok(ring) => Some(ring),
                Err(errno) => return errno,
            }
        };
        if let Some(at) = self.answers.iter().position(|(asked, _)| *asked == opcode) {
            return self.answers.remove(at).1;
        }
        // SAFETY: the argument is what the opcode asks for.
        unsafe {
            match (opcode, ring) {
                (IORING_REGISTER_RING_FDS, _) => {
                    let update = arg as *mut io_uring_rsrc_update;
                    self.indexes.insert(5, (*update).data as c_int);
                    (*update).offset = 5;
                    1
                }
                (IORING_UNREGISTER_RING_FDS, _) => {
                    let index = (*(arg as *const io_uring_rsrc_update)).offset as c_int;
                    if self.indexes.remove(&index).is_none() {
                        self.complain(format!("the index {index} is not registered"));
                        return -EINVAL;
                    }
                    1
                }
                (IORING_REGISTER_PROBE, _) => {
                    let probe = arg as *mut io_uring_probe;
                    (*probe).last_op = (IORING_OP_LAST - 1) as u8;
                    (*probe).ops_len = IORING_OP_LAST as u8;
                    let ops = (&raw mut (*probe).ops).cast::<io_uring_probe_op>();
                    for op in 0..IORING_OP_LAST as usize {
                        (*ops.add(op)).op = op as u8;
                        (*ops.add(op)).flags = IO_URING_OP_SUPPORTED as u16;
                    }
                    0
                }
                (IORING_REGISTER_PBUF_STATUS, _) => {
                    (*(arg as *mut io_uring_buf_status)).head = self.buffers_head;
                    0
                }
                (IORING_REGISTER_RESIZE_RINGS, Some(ring)) => self.resize(ring, &mut *(arg as *mut io_uring_params)),
                _ => 0,
            }
        }
    }
}
