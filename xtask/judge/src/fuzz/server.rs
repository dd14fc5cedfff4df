//! The interpreters (`test-c/fuzz/server.c`), one for each library.

use super::table::Step;
use crate::peer::Peer;
use anyhow::{Context, Result};
use base::compile::{self, Compile as _};
use base::root;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What test-c/fuzz/known.h reads.
const AVOIDED: &str = "FUZZ_KNOWN";

fn flag(flag: &str, include: &Path) -> String {
    format!("{flag}{}", include.display())
}

/// An interpreter compiled against one library.
#[derive(Clone)]
pub struct Build {
    pub name: &'static str,
    program: PathBuf,
    /// The folder of the library.
    pub lib: PathBuf,
    /// What the interpreter is told by its environment.
    pub env: Vec<(&'static str, String)>,
}

impl Build {
    fn new(name: &'static str, work: &Path, include: &[&str], lib: &Path, file: &str) -> Result<Self> {
        let program = work.join(name);
        compile::program("test-c/fuzz/server.c")?
            .args(["-O1", "-Wl,-z,lazy"])
            .args(include)
            .arg(lib.join(file))
            .to(&program)?;
        Ok(Self {
            name,
            program,
            lib: lib.to_owned(),
            env: Vec::new(),
        })
    }

    /// The peer with its own headers; ours with ours, on the inline functions and on liburing-ffi.
    pub fn all(work: &Path, peer: &Peer, lib: &Path) -> Result<Vec<Self>> {
        fs::create_dir_all(work)?;
        let theirs = flag("-isystem", &peer.include);
        let ours = flag("-I", &root().join("include"));
        let ffi = flag("-I", &root().join("include/ffi"));
        Ok(vec![
            Self::new("peer", work, &[&theirs], &peer.lib, "liburing.so.2")?,
            Self::new("inline", work, &[&ours], lib, "liburing.so.2")?,
            Self::new("ffi", work, &[&ffi, &ours], lib, "liburing-ffi.so.2")?,
        ])
    }

    /// The kernel's rings through our plain library, and the engine's through the flavour with it: the same program.
    pub fn engine(work: &Path, lib: &Path, engine: &Path) -> Result<Vec<Self>> {
        fs::create_dir_all(work)?;
        let include = flag("-I", &root().join("include"));
        let kernel = Self::new("kernel", work, &[&include], lib, "liburing.so.2")?;
        let mut other = kernel.on(engine);
        other.name = "engine";
        other.env.push(("IRONRING", "engine".to_owned()));
        Ok(vec![kernel, other])
    }

    /// The same side, which waits for the engine's threads and avoids known differences.
    pub fn avoiding(&self, names: &str) -> Self {
        let mut other = self.clone();
        other.env.retain(|(name, _)| *name != AVOIDED);
        other.env.push((AVOIDED, names.to_owned()));
        other
    }

    /// The same program on another library.
    pub fn on(&self, lib: &Path) -> Self {
        let mut other = self.clone();
        lib.clone_into(&mut other.lib);
        other
    }

    fn start(&self) -> Result<Server> {
        let mut child = Command::new(&self.program)
            .env("LD_LIBRARY_PATH", &self.lib)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't run {}", self.program.display()))?;
        Ok(Server {
            input: child.stdin.take(),
            output: child.stdout.take().context("a pipe")?,
            child,
        })
    }
}

struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

impl Server {
    fn send(&mut self, program: &[Step]) -> Result<()> {
        let mut words = vec![u32::try_from(program.len())?];
        for step in program {
            words.push(step.operation);
            words.extend(step.arguments);
        }
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
        let input = self.input.as_mut().context("the interpreter's input")?;
        let sent = input.write_all(&bytes).and_then(|()| input.flush());
        sent.context("the interpreter has exited")
    }

    fn receive(&mut self) -> Result<String> {
        let mut read = |length: usize| {
            let mut bytes = vec![0; length];
            let read = self.output.read_exact(&mut bytes);
            read.map(|()| bytes).context("the interpreter has exited")
        };
        let length = read(4)?.try_into().map(u32::from_ne_bytes);
        let text = read(length.expect("4 bytes") as usize)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The interpreter exits at the end of its input.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// One interpreter for each build, all given the same programs.
pub struct Servers(Vec<Server>);

impl Servers {
    pub fn start(builds: &[Build]) -> Result<Self> {
        Ok(Self(builds.iter().map(Build::start).collect::<Result<_>>()?))
    }

    /// The trace of each, in the order of the builds.
    pub fn run(&mut self, program: &[Step]) -> Result<Vec<String>> {
        for server in &mut self.0 {
            server.send(program)?;
        }
        self.0.iter_mut().map(Server::receive).collect()
    }
}
