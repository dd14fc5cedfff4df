//! Which programs run, in which suites.

/// A script of `test-c/programs`, and what it needs.
pub struct Program {
    pub name: &'static str,
    pub suite: &'static str,
    pub packages: &'static [&'static str],
    /// Source packages that it builds; `packages` has what that takes.
    pub sources: &'static [&'static str],
    pub does: &'static str,
    /// How long it may take, in seconds; a quiet machine needs a tenth.
    pub seconds: u32,
    pub short: bool,
}

const fn program(
    name: &'static str,
    suite: &'static str,
    packages: &'static [&'static str],
    does: &'static str,
) -> Program {
    Program {
        name,
        suite,
        packages,
        sources: &[],
        does,
        seconds: 300,
        short: false,
    }
}

const fn short(mut program: Program) -> Program {
    program.short = true;
    program
}

/// A program that is built from its source package.
const fn built(
    name: &'static str,
    suite: &'static str,
    source: &'static [&'static str],
    packages: &'static [&'static str],
    does: &'static str,
) -> Program {
    Program {
        sources: source,
        seconds: 1800,
        ..program(name, suite, packages, does)
    }
}

const QEMU: &str = "qemu-img bench -w and bench with -i io_uring, convert and compare with aio=io_uring, no cache";
const PLOCATE: &str = "updatedb over 20,000 files, five searches";
const MARIADB: &str = "load, query, kill -9 within a transaction, recover, CHECKSUM TABLE, CHECK TABLE";
const SAMBA: &str = "smbd with vfs objects = io_uring, smbclient copies 50 MB and small files both ways";
const MPD: &str = "plays 90 seconds of sound to a null output, and to a recorder";

pub const PROGRAMS: [Program; 14] = [
    short(program("qemu", "bookworm", &["qemu-utils"], QEMU)),
    short(program("plocate", "bookworm", &["plocate"], PLOCATE)),
    short(program("mariadb", "bookworm", &["mariadb-server"], MARIADB)),
    program("samba", "bookworm", &["samba", "samba-vfs-modules", "smbclient"], SAMBA),
    program("mpd", "bookworm", &["mpd", "mpc"], MPD),
    program("qemu", "sid", &["qemu-utils"], QEMU),
    program("plocate", "sid", &["plocate"], PLOCATE),
    program("mariadb", "sid", &["mariadb-server"], MARIADB),
    program("samba", "sid", &["samba", "samba-vfs-modules", "smbclient"], SAMBA),
    program(
        "postgresql",
        "sid",
        &["postgresql-18"],
        "io_method = io_uring: pgbench, kill -9 of all processes, recovery, checksums, pgbench",
    ),
    program("mpd", "sid", &["mpd", "mpc"], MPD),
    program("bfs", "sid", &["bfs"], "walks 20,000 files, three searches"),
    built(
        "build-qemu",
        "bookworm",
        &["qemu"],
        &[
            "gcc",
            "libglib2.0-dev",
            "libpixman-1-dev",
            "make",
            "ninja-build",
            "pkg-config",
            "python3",
            "zlib1g-dev",
        ],
        "qemu-img, built from the source package, does what Debian's does above",
    ),
    built(
        "build-mpd",
        "bookworm",
        &["mpd"],
        &[
            "g++",
            "libboost-dev",
            "libfmt-dev",
            "libsndfile1-dev",
            "meson",
            "mpc",
            "pkg-config",
        ],
        "MPD, built from the source package, plays as Debian's does above",
    ),
];
