//! The modes: what the suite is built with, which library it runs on, and whether the kernel's io_uring is refused there.

use refused::How;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What the suite is built with, and which library it runs on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The original's headers and shared library
    Peer,
    /// The programs of `peer` on our shared library
    Swap,
    /// Our headers and archive
    Source,
    /// Our headers with prototypes only, and our liburing-ffi
    Ffi,
    /// The programs of `peer` on the engine, where io_uring's system calls fail with EPERM
    Engine,
    /// The same where they fail with ENOSYS
    EngineEnosys,
    /// The same where they kill, with IRONRING=engine
    EngineKill,
}

impl Mode {
    pub const ALL: [Self; 7] = [
        Self::Peer,
        Self::Swap,
        Self::Source,
        Self::Ffi,
        Self::Engine,
        Self::EngineEnosys,
        Self::EngineKill,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Swap => "swap",
            Self::Source => "source",
            Self::Ffi => "ffi",
            Self::Engine => "engine",
            Self::EngineEnosys => "engine-enosys",
            Self::EngineKill => "engine-kill",
        }
    }

    /// How io_uring's system calls are refused.
    pub fn how(self) -> How {
        match self {
            Self::Engine => How::Eperm,
            Self::EngineEnosys => How::Enosys,
            Self::EngineKill => How::Kill,
            _ => How::None,
        }
    }

    pub fn on_engine(self) -> bool {
        self.how() != How::None
    }

    /// Whether it runs the programs of `peer`.
    pub fn runs_peers(self) -> bool {
        self == Self::Swap || self.on_engine()
    }

    /// The name of the library that its programs load or contain.
    pub fn library(self) -> &'static str {
        match self {
            Self::Source => "liburing.a",
            Self::Ffi => "liburing-ffi.so.2",
            _ => "liburing.so.2",
        }
    }

    /// The folder of its library if ours are in `lib`, none for the peer's: that of the libraries with the engine is beside
    /// that of the plain ones.
    pub fn folder(self, lib: &Path) -> Option<PathBuf> {
        match self {
            Self::Peer => None,
            _ if self.on_engine() => Some(lib.with_file_name("engine").join("lib")),
            _ => Some(lib.to_path_buf()),
        }
    }
}
