//! Files and buffers: the argument that each registration makes, and the limit on open files.

use super::*;
use crate::register::tests::{Case, REACHES, Reach, Want, case, check, long, rig};
use crate::rig::Rig;
use crate::script::{Call, Kind};

const FILES: [c_int; 4] = [3, -1, 5, -2];
static TAGS: [u64; 4] = [1, 2, 3, 4];
static NO_IOVEC: [u8; 64] = [0; 64];

fn iovecs() -> *const iovec {
    NO_IOVEC.as_ptr().cast()
}

/// `struct io_uring_rsrc_register` in words.
fn registers(nr: u32, flags: u32, data: usize, tags: usize) -> Want {
    let (data, tags) = (long(data as u64), long(tags as u64));
    Want::Words(vec![nr, flags, 0, 0, data[0], data[1], tags[0], tags[1]])
}

/// `struct io_uring_rsrc_update2` in words.
fn updates(offset: u32, data: usize, tags: usize, nr: u32) -> Want {
    let (data, tags) = (long(data as u64), long(tags as u64));
    Want::Words(vec![offset, 0, data[0], data[1], tags[0], tags[1], nr, 0])
}

#[test]
fn every_registration_of_buffers_and_files_makes_its_call() {
    use Want::{At, Nothing, Words};
    static OWN: [c_int; 4] = FILES;
    let (files, tags, vecs) = (OWN.as_ptr(), TAGS.as_ptr(), iovecs());
    let (f, t, v) = (files as usize, tags as usize, vecs as usize);
    let sparse = IORING_RSRC_REGISTER_SPARSE;
    let data = long(f as u64);
    let files_words: Vec<u32> = FILES.iter().map(|fd| *fd as u32).collect();
    check(&[
        case!(
            IORING_REGISTER_BUFFERS,
            4,
            At(v),
            io_uring_register_buffers(ring, vecs, 4)
        ),
        case!(
            IORING_REGISTER_BUFFERS2,
            32,
            registers(4, 0, v, t),
            io_uring_register_buffers_tags(ring, vecs, tags, 4)
        ),
        case!(
            IORING_REGISTER_BUFFERS2,
            32,
            registers(7, sparse, 0, 0),
            io_uring_register_buffers_sparse(ring, 7)
        ),
        case!(
            IORING_REGISTER_BUFFERS_UPDATE,
            32,
            updates(2, v, t, 4),
            io_uring_register_buffers_update_tag(ring, 2, vecs, tags, 4)
        ),
        case!(IORING_UNREGISTER_BUFFERS, 0, Nothing, io_uring_unregister_buffers(ring)),
        case!(
            IORING_REGISTER_FILES,
            4,
            Words(files_words),
            io_uring_register_files(ring, files, 4)
        ),
        case!(
            IORING_REGISTER_FILES2,
            32,
            registers(4, 0, f, t),
            io_uring_register_files_tags(ring, files, tags, 4)
        ),
        case!(
            IORING_REGISTER_FILES2,
            32,
            registers(9, sparse, 0, 0),
            io_uring_register_files_sparse(ring, 9)
        ),
        case!(
            IORING_REGISTER_FILES_UPDATE2,
            32,
            updates(1, f, t, 4),
            io_uring_register_files_update_tag(ring, 1, files, tags, 4)
        ),
        case!(
            IORING_REGISTER_FILES_UPDATE,
            4,
            Words(vec![1, 0, data[0], data[1]]),
            io_uring_register_files_update(ring, 1, files, 4)
        ),
        case!(IORING_UNREGISTER_FILES, 0, Nothing, io_uring_unregister_files(ring)),
        case!(
            IORING_REGISTER_FILE_ALLOC_RANGE,
            0,
            Words(vec![3, 5, 0, 0]),
            io_uring_register_file_alloc_range(ring, 3, 5)
        ),
    ]);
}

#[test]
fn too_many_files_raise_the_limit_once() {
    type Register = fn(&mut Rig) -> c_int;
    // SAFETY: the rig's ring, and arrays of the test's.
    let calls: [(u32, Register); 3] = unsafe {
        [
            (IORING_REGISTER_FILES, |rig| {
                io_uring_register_files(rig.ring(), FILES.as_ptr(), 4)
            }),
            (IORING_REGISTER_FILES2, |rig| {
                io_uring_register_files_tags(rig.ring(), FILES.as_ptr(), TAGS.as_ptr(), 4)
            }),
            (IORING_REGISTER_FILES2, |rig| {
                io_uring_register_files_sparse(rig.ring(), 4)
            }),
        ]
    };
    for (opcode, call) in calls {
        for (answers, want) in [
            (vec![-EMFILE], 0),
            (vec![-EMFILE, -EMFILE], -EMFILE),
            (vec![-EMFILE, -libc::EBUSY], -libc::EBUSY),
        ] {
            let mut rig = Rig::on(4, 0, |kernel| kernel.limit = (3, 100));
            rig.script
                .set(|kernel| kernel.answers.extend(answers.iter().map(|errno| (opcode, *errno))));
            assert_eq!(call(&mut rig), want);
            let calls = rig.script.calls();
            let kinds: Vec<_> = calls.iter().map(Call::kind).collect();
            assert_eq!(kinds, [Kind::Register, Kind::Limit, Kind::Limit, Kind::Register]);
            assert_eq!(calls[2], Call::Limit(Some((4, 100))), "raised to the table's size");
            assert_eq!(calls[0], calls[3], "the same call once more");
        }
        // A sufficient limit stays, as the kernel had another reason.
        for limit in [4, 5] {
            let mut rig = Rig::on(4, 0, |kernel| kernel.limit = (limit, 100));
            rig.script.set(|kernel| kernel.answers.extend([(opcode, -EMFILE); 2]));
            assert_eq!(call(&mut rig), -EMFILE);
            assert_eq!(rig.script.set(|kernel| kernel.limit), (limit, 100));
        }
    }
}

#[test]
fn clones_name_the_source_by_descriptor_or_index() {
    // (the function with its flags, whether it always uses the index)
    type Clone = unsafe fn(*mut io_uring, *mut io_uring) -> c_int;
    let replace = IORING_REGISTER_DST_REPLACE;
    let registered = IORING_REGISTER_SRC_REGISTERED;
    // SAFETY: rings of rigs.
    let calls: [(Clone, [u32; 3], u32, bool); 6] = unsafe {
        [
            (|d, s| io_uring_clone_buffers(d, s), [0, 0, 0], 0, true),
            (
                |d, s| __io_uring_clone_buffers(d, s, IORING_REGISTER_DST_REPLACE),
                [0, 0, 0],
                replace,
                false,
            ),
            (
                |d, s| __io_uring_clone_buffers(d, s, IORING_REGISTER_SRC_REGISTERED),
                [0, 0, 0],
                0,
                true,
            ),
            (
                |d, s| io_uring_clone_buffers_offset(d, s, 1, 2, 3, 0),
                [2, 1, 3],
                0,
                true,
            ),
            (
                |d, s| io_uring_clone_buffers_offset(d, s, 1, 2, 3, IORING_REGISTER_DST_REPLACE),
                [2, 1, 3],
                replace,
                true,
            ),
            (
                |d, s| __io_uring_clone_buffers_offset(d, s, 1, 2, 3, 0),
                [2, 1, 3],
                0,
                false,
            ),
        ]
    };
    for (call, [src_off, dst_off, nr], flags, asks) in calls {
        for reach in REACHES {
            // Only the source changes; the destination is the same ring, which the kernel may refuse.
            let (mut rig, by, flag) = rig(reach);
            // SAFETY: the rig's ring.
            let ret = unsafe { call(rig.ring(), rig.ring()) };
            assert_eq!(ret, 0);
            let Call::Register {
                fd,
                opcode,
                nr: count,
                bytes,
                ..
            } = rig.call()
            else {
                panic!("another call")
            };
            assert_eq!((fd, opcode, count), (by, IORING_REGISTER_CLONE_BUFFERS | flag, 1));
            let by_index = asks && !matches!(reach, Reach::Descriptor | Reach::EntersByIndex);
            let src = if by_index { by } else { rig.fd() };
            let flags = flags | if by_index { registered } else { 0 };
            let words: Vec<u8> = [src as u32, flags, src_off, dst_off, nr, 0, 0, 0]
                .iter()
                .flat_map(|word| word.to_ne_bytes())
                .collect();
            assert_eq!(bytes, words, "{reach:?}");
        }
        let (mut rig, ..) = rig(Reach::Descriptor);
        rig.script
            .set(|kernel| kernel.answers.push((IORING_REGISTER_CLONE_BUFFERS, -libc::ENXIO)));
        // SAFETY: the rig's ring.
        assert_eq!(unsafe { call(rig.ring(), rig.ring()) }, -libc::ENXIO);
    }
}
