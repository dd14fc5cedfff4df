//! The table of all checks, and the command line generated from it: a row is a subcommand of `cargo xtask`, a step of
//! `make quick`, `make check` or `make check-all`, a line of `--list` and one of docs/checks.md.

#[allow(
    clippy::wildcard_imports,
    reason = "a row of the table names its module, which needs no import"
)]
use crate::*;
use anyhow::Result;
use base::markdown;
use clap::ValueEnum;

/// When a check runs: each has exactly one tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Tier {
    /// The inner loop: `make quick`
    Quick,
    /// What a change needs, after the quick ones: `make check`
    Check,
    /// The rest of what one machine can do: `make check-all`
    All,
}

/// A step of a tier.
pub struct Check {
    /// The subcommand, which is also the name of its file. A second word names another form of it.
    pub name: &'static str,
    pub tier: Tier,
    /// How long it takes on two cores with everything built, rounded up.
    pub minutes: u32,
    /// `peer`: the original, from the Debian mirror. `root`. `qemu`. `quiet`: no other check may run beside it. `rings`: the
    /// kernel's io_uring. `addresses`: a personality(2) without random ones. It is skipped where one of these two is refused.
    pub needs: &'static str,
    pub shows: &'static str,
    /// What runs, one after the other; `xtask` is this program.
    pub runs: &'static [&'static str],
}

impl Check {
    pub fn needs(&self, what: &str) -> bool {
        self.needs.split(' ').any(|need| need == what)
    }

    /// The commands that it runs, without their options.
    fn commands(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().map(|run| run.split(" -").next().unwrap_or(run))
    }

    /// Whether both may run at the same time: none needs to be alone, and they run no command in common, because a
    /// command has one directory in `target`.
    pub fn may_run_beside(&self, other: &Self) -> bool {
        let common = self
            .commands()
            .any(|command| other.commands().any(|theirs| theirs == command));
        !common && !self.needs("quiet") && !other.needs("quiet")
    }
}

/// Rows whose file has the subcommand's `Args` and `run`; rows without a file; and commands that are not checks.
macro_rules! checks {
    (
        commands { $($module:ident $tier:ident $minutes:literal $needs:literal $shows:literal [$($runs:literal),+],)* }
        forms { $($name:literal $form_tier:ident $form_minutes:literal $form_needs:literal $form_shows:literal [$($form:literal),+],)* }
        tools { $($tool:ident $about:literal,)* }
    ) => {
        #[derive(clap::Subcommand)]
        #[allow(non_camel_case_types, reason = "a variant has the name of its file")]
        pub enum Command {
            $(#[doc = $shows] $module($module::Args),)*
            $(#[doc = $about] $tool($tool::Args),)*
            #[command(external_subcommand)]
            Row(Vec<String>),
        }

        impl Command {
            pub fn run(&self) -> Result<()> {
                match self {
                    $(Self::$module(args) => $module::run(args),)*
                    $(Self::$tool(args) => $tool::run(args),)*
                    Self::Row(words) => check::row(&words.join(" ")),
                }
            }
        }

        pub const CHECKS: &[Check] = &[
            $(Check {
                name: stringify!($module),
                tier: Tier::$tier,
                minutes: $minutes,
                needs: $needs,
                shows: $shows,
                runs: &[$($runs),+],
            },)*
            $(Check {
                name: $name,
                tier: Tier::$form_tier,
                minutes: $form_minutes,
                needs: $form_needs,
                shows: $form_shows,
                runs: &[$($form),+],
            },)*
        ];
    };
}

checks! {
    commands {
    lint Quick 1 "" "rustfmt and clippy report nothing" ["xtask lint"],
    unit Quick 1 "" "the Rust tests pass; the headers declare the library's prototypes, structures and constants" ["xtask unit"],
    gates Quick 1 "peer" "symbols, versions, sizes and dependencies of the libraries, and of their flavour with the engine" ["xtask gates --peer --self-test"],
    cover Check 1 "" "the Rust tests run the library's lines" ["xtask cover"],
    model Check 3 "" "loom's models of the queues and of the engine pass, and fail when any one ordering or lock is removed" ["xtask model"],
    install Check 1 "peer" "make install installs the files that Debian's packages have" ["xtask install"],
    matrix Check 1 "peer" "the headers compile without a warning in every dialect of C and C++" ["xtask matrix --peer"],
    abi Check 1 "peer" "every fact of the peer's headers and libraries holds for ours" ["xtask abi --self-test"],
    since Check 1 "peer" "additions in a newer source of the original are found" ["xtask since --self-test"],
    bytes Check 1 "peer" "every inline helper writes the same bytes as the peer's" ["xtask bytes --self-test"],
    code Check 1 "peer" "every inline helper has the peer's machine code, or shorter code with the same memory order" ["xtask code --self-test"],
    cost Check 1 "peer rings" "no path executes more instructions than in the peer, or than in the baseline" ["xtask cost --self-test"],
    manual Check 2 "rings" "every function has a page, the pages agree with the source, their examples run" ["xtask manual"],
    versions Check 1 "rings" "all files that state the release number agree" ["xtask versions"],
    builds Check 1 "rings" "make, CMake and Meson projects build on what make install installs" ["xtask builds --self-test"],
    tool Check 1 "rings" "the command ironring is installed by its own target, and programs get rings by its policy" ["xtask tool"],
    lang Check 1 "rings" "C++ modules, Rust, Python and a program of the crate use the API to read a file" ["xtask lang"],
    ctest Check 2 "rings" "C tests with real I/O on this kernel, on liburing-ffi and the archive" ["xtask ctest --mode ffi,static"],
    statics Check 1 "rings" "the archive links into every kind of program" ["xtask statics"],
    sanitize Check 2 "rings addresses" "valgrind, gcc's sanitizers and clang's TSan report nothing" ["xtask sanitize"],
    soak Check 1 "rings quiet" "twenty seconds of mixed load: nothing is lost, duplicated or leaked" ["xtask soak --self-test"],
    faults Check 1 "peer rings" "fault injection: failing system calls have the same consequences as on the peer (x86-64)" ["xtask faults --self-test"],
    fuzz Check 2 "peer rings" "the same random calls have the same results as on the peer" ["xtask fuzz --seed 1"],
    suite Check 4 "peer rings quiet" "the original's test suite does as well on ours as on the peer" ["xtask suite --mode swap"],
    bench All 1 "peer rings quiet" "the benchmark engines complete all their tasks; times are not compared" ["xtask bench --rounds 1 --slice 1 --out target/check/bench"],
    packages All 5 "root peer" "all packages build without network, archive and Debian packages reproducibly, and replace liburing" ["xtask packages"],
    recipe All 1 "peer" "Debian's recipe for the original builds ironring" ["xtask recipe"],
    programs All 4 "root peer rings" "Debian's programs have the same results on our packages as on the original's" ["xtask programs --self-test", "xtask programs --short"],
    kernels All 120 "peer qemu" "C tests and the original's suite on Linux 5.10, 6.1, 6.12 and the newest" ["xtask kernels"],
    platforms All 240 "peer qemu" "C tests and the original's suite on arm64, riscv64, ppc64el, i686 and musl" ["xtask platforms"],
    }
    forms {
    "gen" Quick 1 "" "the committed headers, maps and manual are up to date" ["cargo gen --check"],
    "ctest inline" Quick 1 "rings" "C tests with real I/O on this kernel, on the inline functions" ["xtask ctest --mode inline"],
    "ctest engine" Check 2 "peer quiet" "C tests on the engine, where the system refuses io_uring or kills who asks for it, pass as on the kernel" ["xtask ctest --backend engine --mode inline", "xtask ctest --backend engine --refuse kill --mode swapped"],
    "ctest engine all" All 2 "peer quiet" "C tests on the engine, on liburing-ffi and existing binaries, with io_uring refused in two ways" ["xtask ctest --backend engine --mode ffi,swapped", "xtask ctest --backend engine --refuse enosys --mode swapped"],
    "faults engine" Check 1 "" "each system call of the engine fails in each way that it can: the error arrives where the kernel's would (x86-64)" ["xtask faults --backend engine --self-test"],
    "soak engine" Check 2 "quiet" "the soak on the engine, and processes that are killed or fork at 50 random moments: nothing is lost, doubled or leaked" ["xtask soak --backend engine", "xtask soak --backend engine --moments 50 --self-test"],
    "sanitize engine" Check 2 "addresses" "clang's TSan sees all of the engine, and reports no race" ["xtask sanitize --backend engine --tool tsan"],
    "fuzz engine" Check 2 "rings" "the same random calls have the same results on the engine as on the kernel's rings" ["xtask fuzz --backend engine --seed 1"],
    "gates ibt" Check 1 "" "the gates pass for libraries with endbr64" ["make -s IBT=1 OUT=target/ibt", "xtask gates --lib target/ibt/lib"],
    "libc" All 1 "rings" "the gates and C tests pass with system calls through libc, as on other processors" ["make -s USE_LIBC=1 OUT=target/libc", "xtask gates --libc --lib target/libc/lib", "xtask ctest --lib target/libc/lib --mode inline"],
    "cross" Check 2 "peer" "libraries for other processors, built with the oldest Rust: gates, symbols, layouts, memory order" ["xtask platforms --build"],
    "manual doc" All 1 "" "the Rust documentation builds with the manual in it" ["xtask manual --doc"],
    "suite examples" All 1 "peer rings" "the original's example programs build with our headers and run" ["xtask suite --examples"],
    "musl" All 3 "rings" "C tests with musl, on the shared libraries and static" ["xtask platforms --on musl"],
    "i686" All 4 "peer rings" "32-bit programs: C tests, and the suite's tests of the library itself" ["xtask platforms --on i686 --short"],
    "arm64" All 9 "qemu" "C tests on an arm64 kernel" ["xtask platforms --on arm64 --part c --mode inline"],
    "kernel 5.10" All 21 "peer qemu" "C tests, and the suite's tests of the library itself, on Linux 5.10" ["xtask kernels --kernel 5.10 --self-test", "xtask kernels --kernel 5.10 --short"],
    "packages tests" All 10 "root peer rings" "the packages' own test steps pass, as in a distribution's build" ["cargo pack deb --test", "cargo pack rpm --test", "xtask recipe --test"],
    "bytes long" All 5 "peer" "the helpers' bytes for more than 150 million random inputs" ["xtask bytes --long"],
    "sanitize long" All 15 "rings addresses" "tests without threads under TSan, and the soak under ASan and TSan" ["xtask sanitize --long --tool tsan", "xtask sanitize --soak"],
    "soak long" All 10 "rings quiet" "ten minutes of mixed load" ["xtask soak --minutes 10"],
    "soak engine long" All 20 "rings quiet" "ten minutes of mixed load on the engine, and a thousand moments, there and on the kernel" ["xtask soak --minutes 10 --backend engine", "xtask soak --moments 1000 --backend engine", "xtask soak --moments 1000"],
    "sanitize engine long" All 12 "addresses" "C tests on the engine under valgrind and ASan; the soak under ASan and TSan, and nothing is left in the heap after the last ring" ["xtask sanitize --backend engine --tool valgrind", "xtask sanitize --backend engine --tool asan", "xtask sanitize --backend engine --soak --tool asan", "xtask sanitize --backend engine --soak --tool tsan", "xtask sanitize --backend engine --soak --tool heap"],
    "fuzz long" All 20 "peer rings" "a million random calls, different ones each time; libraries with planted faults are found" ["xtask fuzz --seed 1 --self-test", "xtask fuzz --calls 1000000"],
    "model deep" All 5 "" "the engine's models with more interruptions; no model catches what is known to be caught by none" ["xtask model --part engine --deep"],
    "faults long" All 10 "" "the engine's system calls fail at each place where they are made" ["xtask faults --backend engine --long"],
    "suite older" All 15 "peer rings quiet" "programs built with the headers of 2.9 and 2.3 run on our library" ["xtask suite --version 2.9,2.3"],
    "programs all" All 60 "root peer rings" "more programs, on bookworm and sid, some built from source" ["xtask programs"],
    "suite modes" All 9 "peer rings quiet" "the suite built with our headers, too, and its tests of the library itself on the engine; a wrong library fails" ["xtask suite --self-test", "xtask suite"],
    "suite engine" All 25 "peer rings quiet" "the original's suite, and those of 2.9 and 2.3, on the engine, where the system refuses io_uring" ["xtask suite --mode engine,engine-enosys,engine-kill", "xtask suite --version 2.9,2.3 --mode engine"],
    "suite storage" All 30 "root peer rings quiet" "the original's I/O tests on a loop device, ext4, XFS and btrfs" ["xtask suite --storage"],
    "fuzz engine long" All 60 "rings" "a million random calls on the engine and on the kernel's rings, different ones each time; engines with planted faults are found" ["xtask fuzz --backend engine --seed 1 --self-test", "xtask fuzz --backend engine --calls 1000000"],
    }
    tools {
    check "Run the checks of a tier, three at a time, and print a table of results",
    fresh "Run `make demo` and `make check` in a new Debian system with only the packages that README requires",
    peer "Fetch the original from the machine's Debian mirror and print its path",
    refused "Run a program where io_uring's system calls are refused, as in containers",
    stacks "Print the stacks of all threads of a process and of its children",
    }
}

/// Prints the table, or writes it into the documentation.
pub fn list(write: bool) -> Result<()> {
    if write {
        return markdown::write("checks", &[("table", &table())]);
    }
    let rows: Vec<_> = in_order().map(|check| cells(check).to_vec()).collect();
    base::table(&HEADER, &rows);
    println!("\nto run a tier: make quick, make check or make check-all; one check: cargo xtask check --only NAME");
    Ok(())
}

const HEADER: [&str; 5] = ["check", "tier", "minutes", "needs", "shows"];

fn in_order() -> impl Iterator<Item = &'static Check> {
    let tiers = [Tier::Quick, Tier::Check, Tier::All];
    tiers
        .into_iter()
        .flat_map(|tier| CHECKS.iter().filter(move |check| check.tier == tier))
}

fn cells(check: &Check) -> [String; 5] {
    let tier = check.tier.to_possible_value().expect("no tier is hidden");
    [
        check.name.to_owned(),
        tier.get_name().to_owned(),
        check.minutes.to_string(),
        check.needs.replace(' ', ", "),
        check.shows.to_owned(),
    ]
}

fn table() -> String {
    let rows: Vec<_> = in_order().map(|check| cells(check).to_vec()).collect();
    markdown::table(&HEADER, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_documentation_has_this_table() {
        let there = std::fs::read_to_string(base::root().join("docs/checks.md")).unwrap();
        let page = markdown::page("checks", &[("table", &table())]).unwrap();
        assert!(
            there == page,
            "docs/checks.md is stale; to mend: cargo xtask --list --write"
        );
    }

    #[test]
    fn every_command_of_a_check_is_one_and_takes_its_options() {
        for line in CHECKS.iter().flat_map(|check| check.runs) {
            if let Some(words) = line.strip_prefix("xtask ") {
                let parsed = Cli::command().try_get_matches_from(std::iter::once("xtask").chain(words.split(' ')));
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                let command = words.split(' ').next().unwrap_or_default();
                assert!(Cli::command().find_subcommand(command).is_some(), "{line}");
            }
        }
    }

    #[test]
    fn checks_with_a_command_in_common_do_not_run_at_the_same_time() {
        let check = |name| CHECKS.iter().find(|check| check.name == name).unwrap();
        assert!(check("abi").may_run_beside(check("since")));
        assert!(!check("programs").may_run_beside(check("programs all")));
        assert!(!check("musl").may_run_beside(check("arm64")));
        assert!(!check("cover").may_run_beside(check("suite")));
    }

    #[test]
    fn names_are_different() {
        let names: std::collections::BTreeSet<_> = CHECKS.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), CHECKS.len());
    }
}
