//! The prep helpers: one per request, grouped by what the request works on.
//!
//! Each fills an SQE that `io_uring_get_sqe()` gave out; none submits it. They write only the fields of their own
//! request, so flags and `user_data` are set by the caller, before or after, unless a helper's docs say otherwise.
//! The order is that of the C header.

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
