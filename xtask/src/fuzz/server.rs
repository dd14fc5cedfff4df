//! The interpreters (`test-c/fuzz/server.c`), one on each library.

use super::table::Step;
use crate::peer::Peer;
use crate::util::{output, root};
use anyhow::{Context, Result};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Compiled against a library: its name, and how it is started.
#[derive(Clone)]
pub struct Build {
    pub name: &'static str,
    program: PathBuf,
    lib: PathBuf,
}

impl Build {
    fn new(name: &'static str, work: &Path, include: &[&Path], own: bool, lib: &Path, file: &str) -> Result<Self> {
        let program = work.join(name);
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wl,-z,lazy"]);
        for dir in include {
            cc.arg(if own { "-I" } else { "-isystem" }).arg(dir);
        }
        cc.arg(root().join("test-c/fuzz/server.c")).arg("-o").arg(&program);
        output(cc.arg(lib.join(file)))?;
        Ok(Self {
            name,
            program,
            lib: lib.to_owned(),
        })
    }

    /// The peer with its own headers; ours with ours, on the inline functions and on liburing-ffi.
    pub fn all(work: &Path, peer: &Peer, lib: &Path) -> Result<[Self; 3]> {
        fs::create_dir_all(work)?;
        let include = root().join("include");
        let ffi = include.join("ffi");
        Ok([
            Self::new("peer", work, &[&peer.include], false, &peer.lib, "liburing.so.2")?,
            Self::new("inline", work, &[&include], true, lib, "liburing.so.2")?,
            Self::new("ffi", work, &[&ffi, &include], true, lib, "liburing-ffi.so.2")?,
        ])
    }

    /// The same program on another library.
    pub fn on(&self, lib: &Path) -> Self {
        let mut other = self.clone();
        lib.clone_into(&mut other.lib);
        other
    }

    /// The folder of the library.
    pub fn lib(&self) -> &Path {
        &self.lib
    }

    pub fn start(&self) -> Result<Server> {
        self.start_with(&[])
    }

    pub fn start_with(&self, env: &[(&str, &Path)]) -> Result<Server> {
        let mut child = Command::new(&self.program)
            .env("LD_LIBRARY_PATH", &self.lib)
            .envs(env.iter().copied())
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

pub struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

impl Server {
    pub fn send(&mut self, program: &[Step]) -> Result<()> {
        let mut words = vec![u32::try_from(program.len())?];
        for step in program {
            words.push(step.operation);
            words.extend(step.arguments);
        }
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
        let input = self.input.as_mut().context("the interpreter's input")?;
        input
            .write_all(&bytes)
            .and_then(|()| input.flush())
            .context("the interpreter has died")
    }

    pub fn receive(&mut self) -> Result<String> {
        let mut length = [0; 4];
        self.output
            .read_exact(&mut length)
            .context("the interpreter has died")?;
        let mut text = vec![0; u32::from_ne_bytes(length) as usize];
        self.output.read_exact(&mut text).context("the interpreter has died")?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input is the end of it.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// One of each, given the same programs.
pub struct Servers(Vec<Server>);

impl Servers {
    pub fn start(builds: &[Build]) -> Result<Self> {
        Ok(Self(builds.iter().map(Build::start).collect::<Result<_>>()?))
    }

    /// What each saw, in the order of the builds.
    pub fn run(&mut self, program: &[Step]) -> Result<Vec<String>> {
        for server in &mut self.0 {
            server.send(program)?;
        }
        self.0.iter_mut().map(Server::receive).collect()
    }
}
