/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's io_uring interface: entries, flags, opcodes, structures.
 *
 * Made by `cargo gen` from crates/abi/src/uapi/.
 */
#ifndef LINUX_IO_URING_H
#define LINUX_IO_URING_H

#include <linux/fs.h>
#include <linux/types.h>
#ifndef UAPI_LINUX_IO_URING_H_SKIP_LINUX_TIME_TYPES_H
#include <linux/time_types.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif
@definitions@

#ifdef __cplusplus
}
#endif

#endif
