//! Builds the suite in the modes: objects and programs are rebuilt only if an input has changed.

use super::exec::shorten;
use super::mode::Mode;
use super::session::{Built, Session};
use super::tree::digest;
use anyhow::{Context, Result, ensure};
use base::compile::Compile as _;
use base::stdout;
use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The flags of the suite's makefile, with Debian's -O2 in place of -O3.
const FLAGS: &str = "-O2 -pipe -w -pthread -D_GNU_SOURCE -D__SANE_USERSPACE_TYPES__ -D_LARGEFILE_SOURCE \
                     -D_FILE_OFFSET_BITS=64 -DLIBURING_BUILD_TEST";

/// Builds a session's tests. Programs end up in `out/MODE/NAME.t`.
pub struct Builder<'a> {
    session: &'a Session,
    kinds: Vec<Kind>,
    /// A hash of every object's common inputs: the compiler, the flags, the suite's headers.
    common: u64,
}

/// How to compile for a mode.
struct Kind {
    mode: Mode,
    include: Vec<PathBuf>,
    /// The library to link with, and the archive for tests that use names which the shared one doesn't export.
    library: PathBuf,
    fallback: Option<PathBuf>,
    /// A hash of the common inputs of this kind's objects.
    key: u64,
}

impl<'a> Builder<'a> {
    /// Uses our libraries in `ours`. They and the peer's are copied, so that a `make` during the run has no effect.
    pub fn new(session: &'a Session, ours: &Path) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        for cxx in [false, true] {
            stdout(session.tools.compiler(cxx)?.arg("--version"))?.hash(&mut hasher);
        }
        FLAGS.hash(&mut hasher);
        let top = &session.tree.dir;
        digest(&[&top.join("config-host.h"), &top.join("src")])?.hash(&mut hasher);
        for path in base::files_in(&top.join("test"))? {
            if path.extension().is_some_and(|ext| ext == "h") {
                digest(&[&path])?.hash(&mut hasher);
            }
        }
        let include = base::root().join("include");
        let mut builder = Self {
            session,
            kinds: Vec::new(),
            common: hasher.finish(),
        };
        for &mode in &session.modes {
            let dir = session.out.join(mode.name());
            fs::create_dir_all(&dir)?;
            let name = mode.library();
            let from = mode.folder(ours).unwrap_or_else(|| session.newest.lib.clone());
            // A new file, because a test of another run may have the old one mapped.
            let copy = dir.join(name);
            let _ = fs::remove_file(&copy);
            fs::copy(from.join(name), &copy).with_context(|| format!("no {name} in {}", from.display()))?;
            let (include, library, fallback) = match mode {
                // A program built with an old release links with it too, whichever library it runs on.
                Mode::Peer => {
                    let peer = &session.peer;
                    let archive = peer.lib.join("liburing.a");
                    (vec![peer.include.clone()], peer.lib.join(name), Some(archive))
                }
                Mode::Source => (vec![include.clone()], copy, None),
                Mode::Ffi => (vec![include.join("ffi"), include.clone()], copy, None),
                _ => continue,
            };
            let tops: Vec<&Path> = include.iter().map(PathBuf::as_path).collect();
            let kind = Kind {
                mode,
                key: digest(&tops)?,
                include,
                library,
                fallback,
            };
            fs::create_dir_all(builder.objects(&kind))?;
            builder
                .object(&kind, "helpers")
                .with_context(|| format!("the suite's helpers.c, mode {}", mode.name()))?;
            builder.kinds.push(kind);
        }
        Ok(builder)
    }

    fn objects(&self, kind: &Kind) -> PathBuf {
        self.session.out.join("obj").join(kind.mode.name())
    }

    /// Builds a test in every mode.
    pub fn build(&self, test: &str) -> Result<BTreeMap<Mode, Built>> {
        let mut all = BTreeMap::new();
        let mut private = false;
        for kind in &self.kinds {
            let program = self.session.program(kind.mode, test);
            let made = match kind.mode {
                Mode::Ffi if private => Ok(false),
                _ => self.object(kind, test).and_then(|()| self.link(kind, test, &program)),
            };
            let built = match made {
                Ok(archive) => {
                    private |= archive;
                    if private && kind.mode == Mode::Ffi {
                        Built::Private
                    } else {
                        Built::Yes
                    }
                }
                Err(error) => Built::No(complaint(&format!("{error:#}"))),
            };
            if !matches!(built, Built::Yes) {
                let _ = fs::remove_file(&program);
            }
            let twins = self.session.modes.iter().filter(|mode| mode.runs_peers());
            for &mode in twins.filter(|_| kind.mode == Mode::Peer) {
                let twin = self.session.program(mode, test);
                let _ = fs::remove_file(&twin);
                let built = match &built {
                    Built::Yes if private => Built::Private,
                    Built::Yes => {
                        // The same file under another path: the path decides which library it finds.
                        fs::hard_link(&program, &twin)?;
                        Built::Yes
                    }
                    _ => Built::No("not built for the peer either".into()),
                };
                all.insert(mode, built);
            }
            all.insert(kind.mode, built);
        }
        Ok(all)
    }

    /// Where a test's source is, and whether it is C++.
    fn source(&self, name: &str) -> (PathBuf, bool) {
        let cxx = self.session.tree.dir.join(format!("test/{name}.cc"));
        let is_cxx = cxx.exists();
        (if is_cxx { cxx } else { cxx.with_extension("c") }, is_cxx)
    }

    fn object(&self, kind: &Kind, name: &str) -> Result<()> {
        let (source, cxx) = self.source(name);
        let object = self.objects(kind).join(format!("{name}.o"));
        made_from(&object, &(self.common, kind.key, fs::read(&source)?), || {
            let mut command = self.session.tools.compiler(cxx)?;
            if cxx {
                command.arg("-std=c++11");
            }
            command.args(FLAGS.split_whitespace()).arg("-include");
            command.arg(self.session.tree.dir.join("config-host.h"));
            for dir in &kind.include {
                command.include(dir);
            }
            command.arg("-c").arg(&source).to(&object)
        })
    }

    /// Links, and returns whether that needed the archive instead of the shared library.
    fn link(&self, kind: &Kind, test: &str, program: &Path) -> Result<bool> {
        let objects = [test, "helpers"].map(|name| self.objects(kind).join(format!("{name}.o")));
        let with = |library: &Path| {
            let mut command = self.session.tools.compiler(self.source(test).1)?;
            command
                .args(&objects)
                .args(["-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN"])
                .arg(library)
                .arg("-lpthread")
                .to(program)
        };
        let mark = program.with_extension("archive");
        let parts = [&objects[0], &objects[1], &kind.library].map(PathBuf::as_path);
        made_from(program, &digest(&parts)?, || {
            let _ = fs::remove_file(&mark);
            // Not over the old file, which may have a hard link in another mode's folder.
            let _ = fs::remove_file(program);
            match (with(&kind.library), &kind.fallback) {
                (Err(error), Some(archive)) if error.to_string().contains("undefined reference") => {
                    with(archive)?;
                    Ok(fs::write(&mark, "")?)
                }
                (result, _) => result,
            }
        })?;
        Ok(mark.exists())
    }

    /// Checks, on one test's program, that a mode's programs load the right library: they name the one that was copied
    /// beside them, where the loader looks first.
    pub fn prove(&self, mode: Mode, test: &str) -> Result<()> {
        let program = self.session.program(mode, test);
        let text = stdout(self.session.tools.command("readelf").arg("-dW").arg(&program))?;
        let library = mode.library();
        let named = text
            .lines()
            .filter(|line| line.contains("(NEEDED)") && line.contains("liburing"));
        let named: Vec<_> = named.filter_map(|line| line.split(['[', ']']).nth(1)).collect();
        let (wanted, beside) = match mode {
            Mode::Source => (Vec::new(), true),
            _ => (vec![library], text.contains("[$ORIGIN]")),
        };
        ensure!(
            named == wanted && beside,
            "{} asks for {named:?}, not for {wanted:?} beside it",
            program.display()
        );
        Ok(())
    }
}

/// The compiler's or linker's first complaint.
pub fn complaint(text: &str) -> String {
    const WORDS: [&str; 3] = ["error:", "undefined reference", "error"];
    let line = WORDS
        .iter()
        .find_map(|word| text.lines().skip(1).find(|line| line.contains(word)));
    shorten(line.or(text.lines().next()).unwrap_or_default().trim())
}

/// Makes a file unless it exists and was made from the same inputs.
fn made_from(file: &Path, what: &impl Hash, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    let key = format!("{:016x}", hasher.finish());
    let stamp = file.with_extension("key");
    if file.exists() && fs::read_to_string(&stamp).is_ok_and(|made| made == key) {
        return Ok(());
    }
    let _ = fs::remove_file(&stamp);
    make()?;
    Ok(fs::write(&stamp, key)?)
}
