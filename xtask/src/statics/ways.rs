//! The programs of `cargo xtask static`, and how each is compiled and linked.

/// A way to link a program.
pub struct Way {
    pub name: &'static str,
    /// The compiler, and the package that has it.
    pub compiler: (&'static str, &'static str),
    /// The linker, where it is another than the compiler's.
    pub linker: Option<(&'static str, &'static str)>,
    /// What the compiler gets; `URING`, `FFI`, `SECOND` and `IBT` are archives, `KERNEL` the system's headers.
    pub words: &'static str,
}

const GCC: (&str, &str) = ("gcc", "gcc");
const CLANG: (&str, &str) = ("clang", "clang");
const MUSL: (&str, &str) = ("musl-gcc", "musl-tools");
const MOLD: Option<(&str, &str)> = Some(("mold", "mold"));
const LLD: Option<(&str, &str)> = Some(("ld.lld", "lld"));
const GOLD: Option<(&str, &str)> = Some(("ld.gold", "binutils-gold"));

const fn way(
    name: &'static str,
    compiler: (&'static str, &'static str),
    linker: Option<(&'static str, &'static str)>,
    words: &'static str,
) -> Way {
    Way {
        name,
        compiler,
        linker,
        words,
    }
}

pub const WAYS: &[Way] = &[
    way("the archive, glibc shared", GCC, None, "round.c URING"),
    way("-static", GCC, None, "-static round.c URING"),
    way("-static-pie", GCC, None, "-static-pie round.c URING"),
    way("-static, clang", CLANG, None, "-static round.c URING"),
    way("-static, musl", MUSL, None, "-static KERNEL round.c URING"),
    way("-static, musl, -flto", MUSL, None, "-static -flto KERNEL round.c URING"),
    way("-static, liburing-ffi", GCC, None, "-static round.c FFI"),
    way(
        "another Rust library after ours",
        GCC,
        None,
        "-DSECOND round.c URING SECOND",
    ),
    way(
        "another Rust library before ours",
        GCC,
        None,
        "-DSECOND round.c SECOND URING",
    ),
    way(
        "another after ours, -static",
        GCC,
        None,
        "-static -DSECOND round.c URING SECOND",
    ),
    way(
        "another before ours, -static",
        GCC,
        None,
        "-static -DSECOND round.c SECOND URING",
    ),
    way(
        "another, both whole",
        GCC,
        None,
        "-DSECOND round.c -Wl,--whole-archive URING SECOND -Wl,--no-whole-archive",
    ),
    way(
        "--whole-archive",
        GCC,
        None,
        "round.c -Wl,--whole-archive URING -Wl,--no-whole-archive",
    ),
    way(
        "--whole-archive, -static",
        GCC,
        None,
        "-static round.c -Wl,--whole-archive URING -Wl,--no-whole-archive",
    ),
    way(
        "--gc-sections",
        GCC,
        None,
        "-ffunction-sections -Wl,--gc-sections round.c URING",
    ),
    way("-flto, gcc", GCC, None, "-flto round.c URING"),
    way("-flto -static, gcc", GCC, None, "-flto -static round.c URING"),
    way(
        "-flto, gcc, another before ours",
        GCC,
        None,
        "-flto -DSECOND round.c SECOND URING",
    ),
    way("-flto, clang and lld", CLANG, LLD, "-flto round.c URING"),
    way(
        "-flto=thin, clang and lld",
        CLANG,
        LLD,
        "-flto=thin -static round.c URING",
    ),
    way("mold", GCC, MOLD, "-fuse-ld=mold round.c URING"),
    way("mold, -static", GCC, MOLD, "-fuse-ld=mold -static round.c URING"),
    way("lld", GCC, LLD, "-fuse-ld=lld round.c URING"),
    way(
        "lld, --gc-sections --icf=all, -static",
        GCC,
        LLD,
        "-fuse-ld=lld -static -Wl,--gc-sections,--icf=all round.c URING",
    ),
    way(
        "lld, another before ours",
        GCC,
        LLD,
        "-fuse-ld=lld -DSECOND round.c SECOND URING",
    ),
    way("gold", GCC, GOLD, "-fuse-ld=gold round.c URING"),
    way("gold, -static", GCC, GOLD, "-fuse-ld=gold -static round.c URING"),
    way("a probe for free(), musl", MUSL, None, "-static KERNEL probe.c URING"),
    way(
        "a probe for free(), musl, gold",
        MUSL,
        GOLD,
        "-fuse-ld=gold -static KERNEL probe.c URING",
    ),
    // musl-gcc names a dynamic linker for static programs too, and these two believe it.
    way(
        "a probe for free(), musl, lld",
        MUSL,
        LLD,
        "-fuse-ld=lld -static -Wl,--no-dynamic-linker KERNEL probe.c URING",
    ),
    way(
        "a probe for free(), musl, mold",
        MUSL,
        MOLD,
        "-fuse-ld=mold -static -Wl,--no-dynamic-linker KERNEL probe.c URING",
    ),
    way("a probe for free(), glibc", GCC, None, "-static probe.c URING"),
    way("own system calls", GCC, None, "own.c URING"),
    way("own system calls, gold", GCC, GOLD, "-fuse-ld=gold own.c URING"),
    way(
        "own system calls, lld, -flto",
        CLANG,
        LLD,
        "-fuse-ld=lld -flto own.c URING",
    ),
    way("own system calls, mold", GCC, MOLD, "-fuse-ld=mold own.c URING"),
    way("own submit as well, -static", GCC, None, "-static -DQUEUE own.c URING"),
    way("own submit as well, liburing-ffi", GCC, None, "-DQUEUE own.c FFI"),
    way("both archives", GCC, None, "both.c other.c URING FFI"),
    way("both archives, ffi first", GCC, None, "both.c other.c FFI URING"),
    way(
        "both archives, gold",
        GCC,
        GOLD,
        "-fuse-ld=gold both.c other.c URING FFI",
    ),
    way("both archives, lld", GCC, LLD, "-fuse-ld=lld both.c other.c URING FFI"),
    way(
        "both archives, mold",
        GCC,
        MOLD,
        "-fuse-ld=mold both.c other.c URING FFI",
    ),
    way(
        "both archives, mold, ffi first",
        GCC,
        MOLD,
        "-fuse-ld=mold both.c other.c FFI URING",
    ),
    way(
        "--whole-archive, liburing-ffi",
        GCC,
        None,
        "round.c -Wl,--whole-archive FFI -Wl,--no-whole-archive",
    ),
];

/// The same, for processors that these programs know.
pub const X86_WAYS: &[Way] = &[
    way("no libc", GCC, None, "-nostdlib -static bare.c URING"),
    way(
        "no libc, a probe",
        GCC,
        None,
        "-nostdlib -static -DPROBE -Wl,--defsym=calloc=0,--defsym=free=0 bare.c URING",
    ),
    // Debian's start files have neither property, so a program with libc is refused for those.
    way(
        "cet-report=error, but for IBT",
        GCC,
        None,
        "-nostdlib -static -fcf-protection=full -Wl,-z,ibt,-z,cet-report=error bare.c URING",
    ),
    way(
        "cet-report=error, make IBT=1",
        GCC,
        None,
        "-nostdlib -static -fcf-protection=full -Wl,-z,cet-report=error bare.c IBT",
    ),
    way(
        "cet-report=error, make IBT=1, lld",
        GCC,
        LLD,
        "-fuse-ld=lld -nostdlib -static -fcf-protection=full -Wl,-z,cet-report=error bare.c IBT",
    ),
    way(
        "cet-report=error, make IBT=1, mold",
        GCC,
        MOLD,
        "-fuse-ld=mold -nostdlib -static -fcf-protection=full -Wl,-z,cet-report=error bare.c IBT",
    ),
];
