//! Why a program was not run, with the exit status for it: the same as of env(1) and timeout(1).

use std::fmt;
use std::io;
use std::path::Path;

/// A failure of the command itself, or wrong arguments.
pub const OWN: u8 = 125;
/// The program was found, but cannot be executed.
pub const NOT_EXECUTABLE: u8 = 126;
/// There is no such program.
pub const NOT_FOUND: u8 = 127;

#[derive(Debug)]
pub struct Refusal {
    pub status: u8,
    what: String,
}

impl Refusal {
    pub fn own(what: impl Into<String>) -> Self {
        Self {
            status: OWN,
            what: what.into(),
        }
    }

    pub fn not_found(what: impl Into<String>) -> Self {
        Self {
            status: NOT_FOUND,
            what: what.into(),
        }
    }

    /// What an attempt to look at a program or to execute it says.
    pub fn of(path: &Path, error: &io::Error) -> Self {
        let status = if error.kind() == io::ErrorKind::NotFound {
            NOT_FOUND
        } else {
            NOT_EXECUTABLE
        };
        Self {
            status,
            what: format!("cannot execute {}: {error}", path.display()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Refusal {}
