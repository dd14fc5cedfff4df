//! A directory with programs and libraries for one test.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What the stub in the system's place says, and the one in ours.
pub const THEIRS: &str = "1";
pub const OURS: &str = "2";

pub struct Bench {
    pub folder: PathBuf,
}

impl Bench {
    /// Everybody may read it, because some tests run as another user.
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ironring-run-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("ours")).unwrap();
        fs::create_dir_all(folder.join("theirs")).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let bench = Self { folder };
        for (place, which, engine) in [("ours", OURS, "-DENGINE"), ("theirs", THEIRS, "-DPLAIN")] {
            for library in ["liburing.so.2", "liburing-ffi.so.2"] {
                let define = format!("-DWHICH={which}");
                let soname = format!("-Wl,-soname,{library}");
                bench.cc(
                    "stub.c",
                    &format!("{place}/{library}"),
                    &["-shared", "-fPIC", engine, &define, &soname],
                );
            }
        }
        bench
    }

    /// Compiles one of the programs.
    pub fn cc(&self, source: &str, to: &str, options: &[&str]) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/programs")
            .join(source);
        let program = self.folder.join(to);
        let mut cc = Command::new("cc");
        cc.args(["-Wall", "-Wextra", "-Werror"])
            .arg(&source)
            .arg("-o")
            .arg(&program)
            .args(options);
        let out = cc.output().expect("a C compiler");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        program
    }

    pub fn state(&self) -> PathBuf {
        self.cc("state.c", "state", &["-ldl"])
    }

    /// A program that is linked with the system's library in a way.
    pub fn linked(&self, library: &str, options: &[&str]) -> PathBuf {
        let library = self.folder.join("theirs").join(library);
        let mut all = vec![library.to_str().unwrap()];
        all.extend(options);
        self.cc("linked.c", "linked", &all)
    }

    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let script = self.folder.join(name);
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        script
    }

    /// `ironring run` with our stubs, in an environment without any of its variables.
    pub fn ironring(&self) -> Command {
        self.run_by(env!("CARGO_BIN_EXE_ironring").as_ref())
    }

    /// The same in a folder that every user may enter.
    pub fn ironring_for_all(&self) -> Command {
        let place = self.folder.join("ironring");
        if !place.exists() && fs::hard_link(env!("CARGO_BIN_EXE_ironring"), &place).is_err() {
            fs::copy(env!("CARGO_BIN_EXE_ironring"), &place).unwrap();
        }
        self.run_by(&place)
    }

    fn run_by(&self, ironring: &Path) -> Command {
        let mut command = plain(ironring);
        command.args(["run", "--lib"]).arg(self.folder.join("ours"));
        command
    }

    pub fn ours(&self) -> String {
        self.folder.join("ours").display().to_string()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A command without the variables that matter here.
pub fn plain(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for variable in [
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "IRONRING",
        "IRONRING_LOG",
        "IRONRING_LIB",
    ] {
        command.env_remove(variable);
    }
    command
}

pub fn stdout(command: &mut Command) -> String {
    let out = command.output().expect("it runs");
    assert!(out.status.success(), "{command:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap()
}

/// The value in a line of what `state.c` prints.
pub fn value<'a>(said: &'a str, name: &str) -> &'a str {
    let lines = said.lines();
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.next().unwrap_or_else(|| panic!("no {name} in:\n{said}"))
}

/// The exit status and the messages of a command that must not succeed.
pub fn refused(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().expect("it runs");
    let said = String::from_utf8(stderr).unwrap();
    (
        status.code().unwrap_or_else(|| panic!("{command:?}: {status}\n{said}")),
        said,
    )
}
