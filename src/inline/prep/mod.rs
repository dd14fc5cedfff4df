//! The prep helpers: one for each request, grouped by the object of the request.
//!
//! Each fills an SQE from `io_uring_get_sqe()`; none submits it. A helper writes only the fields of its own request:
//! the caller sets flags and `user_data`, before or after, unless the helper's documentation says otherwise. The order
//! is that of the C header.

mod rw;

mod fs;

mod path;

mod poll;

mod timeout;

mod sync;

mod msg;

mod buffers;

mod xattr;

mod process;

mod net;

mod sendrecv;

mod cmd;

pub use buffers::*;
pub use cmd::*;
pub use fs::*;
pub use msg::*;
pub use net::*;
pub use path::*;
pub use poll::*;
pub use process::*;
pub use rw::*;
pub use sendrecv::*;
pub use sync::*;
pub use timeout::*;
pub use xattr::*;
