# SPDX-License-Identifier: MIT OR Apache-2.0
"""A read through liburing-ffi, from Python, with the declarations of include/ffi as cffi takes them.

bindings.py PREPROCESSED INCLUDE LIBRARY FILE: PREPROCESSED is what `cc -E` makes of the header.
"""
import os
import re
import sys

import cffi

preprocessed, include, library, path = sys.argv[1:]

# The system types that the header uses, as far as pointers need them.
SYSTEM = """
typedef uint8_t __u8; typedef uint16_t __u16; typedef uint32_t __u32; typedef uint64_t __u64;
typedef int8_t __s8; typedef int16_t __s16; typedef int32_t __s32; typedef int64_t __s64; typedef int __kernel_rwf_t;
typedef unsigned int mode_t; typedef unsigned int socklen_t; typedef unsigned int id_t; typedef int idtype_t;
typedef uint64_t __aligned_u64; typedef long off_t; typedef long loff_t;
typedef struct { unsigned long bits[16]; } sigset_t; typedef struct { unsigned long bits[16]; } cpu_set_t;
typedef struct { int words[32]; } siginfo_t;
struct __kernel_timespec { int64_t tv_sec; long long tv_nsec; };
struct iovec { void *iov_base; size_t iov_len; };
"""


def declarations(text):
    """The lines that come from our own headers, without what cffi has no notion of."""
    own, lines = False, []
    for line in text.splitlines():
        marker = re.match(r'# \d+ "(.*?)"', line)
        if marker:
            own = os.path.realpath(marker[1]).startswith(include)
        elif own:
            lines.append(line)
    text = "\n".join(lines)
    for word in ("__attribute__", "__extension__"):
        while word in text:
            start = text.index(word)
            end = start + len(word)
            if text[end:].lstrip().startswith("("):
                end, depth = text.index("(", end), 0
                while True:
                    depth += (text[end] == "(") - (text[end] == ")")
                    end += 1
                    if depth == 0:
                        break
            text = text[:start] + text[end:]
    # Functions with a body are for C only.
    return re.sub(r"static inline [^;{]*\{.*?\n\}", "", text, flags=re.S)


include = os.path.realpath(include)
ffi = cffi.FFI()
with open(preprocessed, encoding="utf-8") as file:
    ffi.cdef(SYSTEM + declarations(file.read()))
uring = ffi.dlopen(library)
assert ffi.sizeof("struct io_uring_sqe") == 64 and ffi.sizeof("struct io_uring") == 216

ring = ffi.new("struct io_uring *")
cqe = ffi.new("struct io_uring_cqe **")
buf = ffi.new("char[64]")
fd = os.open(path, os.O_RDONLY)
assert uring.io_uring_queue_init(4, ring, 0) == 0
sqe = uring.io_uring_get_sqe(ring)
uring.io_uring_prep_read(sqe, fd, buf, 63, 0)
uring.io_uring_sqe_set_data64(sqe, 7)
assert sqe.opcode == uring.IORING_OP_READ
assert uring.io_uring_submit(ring) == 1
assert uring.io_uring_wait_cqe(ring, cqe) == 0
assert (cqe[0].res, uring.io_uring_cqe_get_data64(cqe[0])) == (12, 7)
uring.io_uring_cqe_seen(ring, cqe[0])
uring.io_uring_queue_exit(ring)
assert ffi.string(buf) == b"twelve bytes"
print(sum(1 for name in dir(uring) if callable(getattr(uring, name, None))))
