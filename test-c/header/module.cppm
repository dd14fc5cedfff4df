// A C++20 module that hands on a part of liburing. What it names must not have internal linkage.
module;
#include <liburing.h>
export module uring;

export using ::io_uring;
export using ::io_uring_cqe;
export using ::io_uring_sqe;
export using ::io_uring_cqe_get_data64;
export using ::io_uring_get_sqe;
export using ::io_uring_prep_nop;
export using ::io_uring_prep_read;
export using ::io_uring_queue_init;
export using ::io_uring_sqe_set_data64;
export using ::io_uring_submit;
export using ::io_uring_wait_cqe;
