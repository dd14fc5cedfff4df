/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Made by `cargo gen` from crates/abi/src/uapi/bpf_filter.rs. */
#ifndef LINUX_IO_URING_BPF_FILTER_H
#define LINUX_IO_URING_BPF_FILTER_H

#include <linux/types.h>
@definitions@

#endif
