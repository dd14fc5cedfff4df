//! Builds the suite in the modes: objects and programs are made again only when something they come from has changed.

use super::exec::shorten;
use super::tree::{Tree, digest};
use crate::peer::Peer;
use crate::tools::Tools;
use crate::util;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A way to put a library under the suite.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The original's headers and shared library
    Peer,
    /// The programs of `peer` on our shared library
    Swap,
    /// Our headers and archive
    Source,
    /// Our headers with prototypes only, and our liburing-ffi
    Ffi,
}

impl Mode {
    pub const ALL: [Self; 4] = [Self::Peer, Self::Swap, Self::Source, Self::Ffi];

    pub fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Swap => "swap",
            Self::Source => "source",
            Self::Ffi => "ffi",
        }
    }

    /// What the mode needs in the folder of our libraries.
    pub fn library(self) -> Option<&'static str> {
        match self {
            Self::Peer => None,
            Self::Swap => Some("liburing.so.2"),
            Self::Source => Some("liburing.a"),
            Self::Ffi => Some("liburing-ffi.so.2"),
        }
    }
}

/// The suite's makefile has these too, with -O3; what Debian builds with is -O2.
const FLAGS: [&str; 10] = [
    "-O2",
    "-pipe",
    "-w",
    "-pthread",
    "-D_GNU_SOURCE",
    "-D__SANE_USERSPACE_TYPES__",
    "-D_LARGEFILE_SOURCE",
    "-D_FILE_OFFSET_BITS=64",
    "-DLIBURING_BUILD_TEST",
    "-include",
];

/// Builds one version's tests. Programs end up in `out/MODE/NAME.t`.
pub struct Builder<'a> {
    tree: &'a Tree,
    tools: Tools,
    out: PathBuf,
    kinds: Vec<Kind>,
    swap: bool,
    /// What every object comes from: the compiler, the flags, the suite's headers.
    common: u64,
}

/// One of the ways to compile.
struct Kind {
    mode: Mode,
    include: Vec<PathBuf>,
    /// The library to link with, and the archive for tests that use names which the shared one doesn't export.
    library: PathBuf,
    fallback: Option<PathBuf>,
    /// What every object of this kind comes from.
    key: u64,
}

/// What became of one test in one mode.
pub enum Built {
    Yes,
    /// It uses the original's private names, and the mode's library is a shared one.
    Private,
    /// What the compiler or linker said.
    No(String),
}

impl<'a> Builder<'a> {
    /// `theirs` and `ours` hold the libraries that the programs run on. They are copied, so that a `make` meanwhile
    /// doesn't matter.
    pub fn new(
        tree: &'a Tree,
        tools: Tools,
        peer: &Peer,
        modes: &[Mode],
        theirs: &Path,
        ours: &Path,
        out: &Path,
    ) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        util::stdout(Command::new(tools.cc()).arg("--version"))?.hash(&mut hasher);
        util::stdout(Command::new(tools.cxx()).arg("--version"))?.hash(&mut hasher);
        FLAGS.hash(&mut hasher);
        let (test, src) = (tree.dir.join("test"), tree.dir.join("src"));
        fs::read(tree.dir.join("config-host.h"))?.hash(&mut hasher);
        for entry in fs::read_dir(&test)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ext| ext == "h") {
                digest(&[&path])?.hash(&mut hasher);
            }
        }
        digest(&[&src])?.hash(&mut hasher);

        let include = util::root().join("include");
        let mut kinds = Vec::new();
        for &mode in modes {
            let dir = out.join(mode.name());
            fs::create_dir_all(&dir)?;
            let name = mode.library().unwrap_or("liburing.so.2");
            let from = if mode == Mode::Peer { theirs } else { ours };
            // A new file, not new bytes in the old one, which a test of another run may have mapped.
            let copy = dir.join(name);
            let _ = fs::remove_file(&copy);
            fs::copy(from.join(name), &copy).with_context(|| format!("no {} in {}", name, from.display()))?;
            let (include, library, fallback) = match mode {
                // A program built with an old release is linked with it too, whatever it runs on.
                Mode::Peer => {
                    let archive = peer.lib.join("liburing.a");
                    (vec![peer.include.clone()], peer.lib.join(name), Some(archive))
                }
                Mode::Swap => continue,
                Mode::Source => (vec![include.clone()], copy, None),
                Mode::Ffi => (vec![include.join("ffi"), include.clone()], copy, None),
            };
            let tops: Vec<&Path> = include.iter().map(PathBuf::as_path).collect();
            kinds.push(Kind {
                mode,
                key: digest(&tops)?,
                include,
                library,
                fallback,
            });
        }
        let builder = Self {
            tree,
            tools,
            out: out.to_path_buf(),
            kinds,
            swap: modes.contains(&Mode::Swap),
            common: hasher.finish(),
        };
        for kind in &builder.kinds {
            fs::create_dir_all(builder.objects(kind))?;
            builder
                .object(kind, "helpers")
                .with_context(|| format!("the suite's helpers.c, mode {}", kind.mode.name()))?;
        }
        Ok(builder)
    }

    fn objects(&self, kind: &Kind) -> PathBuf {
        self.out.join("obj").join(kind.mode.name())
    }

    pub fn program(&self, mode: Mode, test: &str) -> PathBuf {
        self.out.join(mode.name()).join(format!("{test}.t"))
    }

    /// Builds a test in every mode.
    pub fn build(&self, test: &str) -> Result<Vec<(Mode, Built)>> {
        let mut all = Vec::new();
        let mut private = false;
        for kind in &self.kinds {
            let program = self.program(kind.mode, test);
            if private && kind.mode == Mode::Ffi {
                let _ = fs::remove_file(&program);
                all.push((kind.mode, Built::Private));
                continue;
            }
            let built = match self.object(kind, test).and_then(|()| self.link(kind, test, &program)) {
                Ok(archive) => {
                    private |= archive;
                    Built::Yes
                }
                Err(error) => {
                    let _ = fs::remove_file(&program);
                    Built::No(complaint(&format!("{error:#}")))
                }
            };
            if kind.mode == Mode::Peer && self.swap {
                let twin = self.program(Mode::Swap, test);
                let _ = fs::remove_file(&twin);
                let swap = match &built {
                    Built::Yes if private => Built::Private,
                    Built::Yes => {
                        // The same file under another path: the path decides which library it finds.
                        fs::hard_link(&program, &twin)?;
                        Built::Yes
                    }
                    _ => Built::No("not built for the peer either".into()),
                };
                all.push((kind.mode, built));
                all.push((Mode::Swap, swap));
            } else {
                all.push((kind.mode, built));
            }
        }
        Ok(all)
    }

    fn object(&self, kind: &Kind, name: &str) -> Result<()> {
        let test = self.tree.dir.join("test");
        let cxx = test.join(format!("{name}.cc"));
        let (compiler, source) = if cxx.exists() {
            (self.tools.cxx(), cxx)
        } else {
            (self.tools.cc(), test.join(format!("{name}.c")))
        };
        let key = key(&(self.common, kind.key, fs::read(&source)?));
        let object = self.objects(kind).join(format!("{name}.o"));
        made_from(&object, &key, || {
            let mut command = Command::new(&compiler);
            if source.extension().is_some_and(|ext| ext == "cc") {
                command.arg("-std=c++11");
            }
            command.args(FLAGS).arg(self.tree.dir.join("config-host.h"));
            for dir in &kind.include {
                command.arg("-I").arg(dir);
            }
            command.arg("-c").arg(&source).arg("-o").arg(&object);
            util::output(&mut command).map(drop)
        })
    }

    /// Links, and says whether that took the archive instead of the shared library.
    fn link(&self, kind: &Kind, test: &str, program: &Path) -> Result<bool> {
        let objects = ["helpers", test].map(|name| self.objects(kind).join(format!("{name}.o")));
        let parts = [&objects[0], &objects[1], &kind.library].map(PathBuf::as_path);
        let key = key(&digest(&parts)?);
        let with = |library: &Path| {
            let cxx = self.tree.dir.join(format!("test/{test}.cc")).exists();
            util::output(
                Command::new(if cxx { self.tools.cxx() } else { self.tools.cc() })
                    .arg("-o")
                    .arg(program)
                    .args([&objects[1], &objects[0]])
                    .args(["-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN"])
                    .arg(library)
                    .arg("-lpthread"),
            )
            .map(drop)
        };
        let mark = program.with_extension("archive");
        made_from(program, &key, || {
            let _ = fs::remove_file(&mark);
            // Not over the old file: a twin in another mode's folder may be the same.
            let _ = fs::remove_file(program);
            match (with(&kind.library), &kind.fallback) {
                (Err(error), Some(archive)) if error.to_string().contains("undefined reference") => {
                    with(archive)?;
                    fs::write(&mark, "")?;
                    Ok(())
                }
                (result, _) => result,
            }
        })?;
        Ok(mark.exists())
    }

    /// Proves that the programs of each mode load the library that they should, on the example of one.
    pub fn prove(&self, mode: Mode, test: &str) -> Result<()> {
        let program = self.program(mode, test);
        if self.tools.foreign() {
            return self.prove_foreign(mode, &program);
        }
        let text = util::stdout(
            Command::new(&program)
                .env("LD_TRACE_LOADED_OBJECTS", "1")
                .env_remove("LD_LIBRARY_PATH")
                .env_remove("LD_PRELOAD"),
        )?;
        let loaded: Vec<&str> = text
            .split_whitespace()
            .filter(|word| word.starts_with('/') && word.contains("/liburing"))
            .collect();
        let expected = match mode {
            Mode::Source => None,
            _ => Some(program.with_file_name(mode.library().unwrap_or("liburing.so.2"))),
        };
        ensure!(
            loaded == expected.iter().filter_map(|path| path.to_str()).collect::<Vec<_>>(),
            "{} loads {loaded:?}, not {expected:?}",
            program.display()
        );
        Ok(())
    }

    /// The same by what the program's file says: the library's name, and that it is looked for beside the program.
    fn prove_foreign(&self, mode: Mode, program: &Path) -> Result<()> {
        let text = util::stdout(self.tools.command("readelf").args(["-dW"]).arg(program))?;
        let named = text
            .lines()
            .any(|line| line.contains("(NEEDED)") && line.contains("[liburing"));
        let beside = text.contains("[$ORIGIN]");
        let wanted = mode != Mode::Source;
        ensure!(
            named == wanted && (beside || !wanted),
            "{} {} a shared liburing",
            program.display(),
            if named { "asks for" } else { "doesn't ask for" }
        );
        Ok(())
    }
}

/// The compiler's or linker's first complaint.
fn complaint(text: &str) -> String {
    const WORDS: [&str; 3] = ["error:", "undefined reference", "error"];
    let line = WORDS
        .iter()
        .find_map(|word| text.lines().skip(1).find(|line| line.contains(word)));
    shorten(line.or(text.lines().next()).unwrap_or_default().trim())
}

fn key(what: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Makes a file unless it is there and was made from the same.
fn made_from(file: &Path, key: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = file.with_extension("key");
    if file.exists() && fs::read_to_string(&stamp).ok().as_deref() == Some(key) {
        return Ok(());
    }
    let _ = fs::remove_file(&stamp);
    make()?;
    fs::write(&stamp, key)?;
    Ok(())
}
