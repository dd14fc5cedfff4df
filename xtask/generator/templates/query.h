/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Made by `cargo gen` from crates/abi/src/uapi/query.rs. */
#ifndef LINUX_IO_URING_QUERY_H
#define LINUX_IO_URING_QUERY_H

#include <linux/types.h>
@definitions@

#endif
