//! A registration as a case: its call, for each way in which a ring reaches the kernel, and its errors.

use super::*;

/// What the kernel must find at the argument.
pub enum Want {
    Nothing,
    /// The program's own memory.
    At(usize),
    /// A structure in the library's memory.
    Words(Vec<u32>),
}

/// A registration: the function with its arguments, and the call it makes.
pub struct Case {
    pub name: &'static str,
    pub call: Box<dyn Fn(*mut io_uring) -> c_int>,
    pub opcode: c_uint,
    pub nr: c_uint,
    pub want: Want,
}

/// Makes a [`Case`] of a call, which is named after its function.
macro_rules! case {
    ($opcode:expr, $nr:expr, $want:expr, $function:ident($ring:ident $(, $arg:expr)*)) => {
        Case {
            name: stringify!($function),
            // SAFETY: the ring of a rig; only the script dereferences the arguments, as the case describes them.
            call: Box::new(move |$ring| unsafe { $function($ring $(, $arg)*) }),
            opcode: $opcode,
            nr: $nr,
            want: $want,
        }
    };
}
pub(crate) use case;

/// How a ring reaches the kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reach {
    Descriptor,
    /// Registered, on a kernel that accepts the index only in `io_uring_enter`.
    EntersByIndex,
    Index,
    /// The descriptor is closed.
    IndexAlone,
    /// The ring never had a descriptor.
    FdOnly,
}

pub const REACHES: [Reach; 5] = [
    Reach::Descriptor,
    Reach::EntersByIndex,
    Reach::Index,
    Reach::IndexAlone,
    Reach::FdOnly,
];

/// A ring of this kind, and the descriptor and flag of its registrations.
pub fn rig(reach: Reach) -> (Rig, c_int, c_uint) {
    let flags = if reach == Reach::FdOnly {
        IORING_SETUP_REGISTERED_FD_ONLY | IORING_SETUP_NO_MMAP
    } else {
        0
    };
    let mut rig = Rig::on(4, flags, |kernel| {
        if reach == Reach::EntersByIndex {
            kernel.features &= !IORING_FEAT_REG_REG_RING;
        }
    });
    // SAFETY: the rig's ring.
    unsafe {
        if !matches!(reach, Reach::Descriptor | Reach::FdOnly) {
            assert_eq!(io_uring_register_ring_fd(rig.ring()), 1);
        }
        if reach == Reach::IndexAlone {
            assert_eq!(io_uring_close_ring_fd(rig.ring()), 1);
        }
        rig.script.calls();
        let by_index = IORING_REGISTER_USE_REGISTERED_RING;
        match reach {
            Reach::Descriptor | Reach::EntersByIndex => {
                let fd = rig.fd();
                (rig, fd, 0)
            }
            Reach::Index | Reach::IndexAlone => (rig, 5, by_index),
            Reach::FdOnly => (rig, 3, by_index),
        }
    }
}

/// Makes each call once for each way to reach the kernel, and once for each of some errors.
pub fn check(cases: &[Case]) {
    for case in cases {
        for reach in REACHES {
            let (mut rig, by, flag) = rig(reach);
            let name = case.name;
            assert_eq!((case.call)(rig.ring()), 0, "{name} {reach:?}");
            let Call::Register {
                fd,
                opcode,
                nr,
                arg,
                bytes,
            } = rig.call()
            else {
                panic!("{name} makes another call");
            };
            assert_eq!((fd, opcode, nr), (by, case.opcode | flag, case.nr), "{name} {reach:?}");
            match &case.want {
                Want::Nothing => assert_eq!(arg, 0, "{name}"),
                Want::At(at) => assert_eq!(arg, *at, "{name}"),
                Want::Words(words) => {
                    let words: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
                    assert_eq!(bytes, words, "{name}");
                }
            }
        }
        let (mut rig, ..) = rig(Reach::Descriptor);
        for errno in [-libc::EINVAL, -EBUSY, -ENXIO, -ENOMEM, -EPERM] {
            rig.script.set(|kernel| kernel.answers.push((case.opcode, errno)));
            assert_eq!((case.call)(rig.ring()), errno, "{}", case.name);
            assert_eq!(rig.script.calls().len(), 1, "{}: once", case.name);
        }
    }
}

/// A number in two words.
pub fn long(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}
