//! `cargo xtask suite --examples`: the original's example programs, built with our headers and linked with our library,
//! at work on a file or on loopback.

use super::pool::Progress;
use super::tree;
use crate::peer::{self, NEWEST};
use crate::tools::NATIVE;
use crate::util::{self, root};
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What is copied, sent and echoed: no multiple of anything.
const SIZE: usize = 5_000_011;
/// How long any of them may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The counts of the last line.
#[derive(Default)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

enum Done {
    /// With what it did.
    Yes(String),
    Skipped(String),
}

pub fn run(lib: &Path) -> Result<Counts> {
    let mut counts = Counts::default();
    let out = root().join("target/suite/examples");
    fs::create_dir_all(&out)?;
    let Some(peer) = peer::get(NEWEST)? else {
        return Ok(counts);
    };
    NATIVE.need(true)?;
    let tree = tree::prepare(&peer, NATIVE, &out.join("tree"))?;
    let library = out.join("liburing.so.2");
    let _ = fs::remove_file(&library);
    fs::copy(lib.join("liburing.so.2"), &library)
        .with_context(|| format!("there is no liburing.so.2 in {}; to build it: make", lib.display()))?;

    let names = tree::targets(&tree.dir.join("examples"), "example_targets")?;
    let bench = Bench::new(&out, &tree.dir.join("examples"))?;
    let progress = Progress::new("examples", names.len());
    let mut rows = Vec::new();
    for name in &names {
        progress.start(name);
        let done = bench.build(name, &library).and_then(|()| bench.work(name));
        progress.end(name, done.is_err());
        let (word, text) = match done {
            Ok(Done::Yes(text)) => {
                counts.passed += 1;
                ("pass", text)
            }
            Ok(Done::Skipped(text)) => {
                counts.skipped += 1;
                ("skip", text)
            }
            Err(error) => {
                counts.failed += 1;
                ("FAIL", format!("{error:#}"))
            }
        };
        rows.push(vec![name.clone(), word.to_owned(), text]);
    }
    drop(progress);
    println!("The original's examples with our headers and {}\n", lib.display());
    print!("{}", super::report::grid(&["example", "result", "what it did"], &rows));
    Ok(counts)
}

/// The folder with the programs and the files that they work on.
struct Bench {
    dir: PathBuf,
    source: PathBuf,
    input: PathBuf,
    bytes: Vec<u8>,
}

impl Bench {
    fn new(dir: &Path, source: &Path) -> Result<Self> {
        let mut state = 1_u64;
        let bytes = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        });
        let bytes: Vec<u8> = bytes.take(SIZE).collect();
        let input = dir.join("input");
        fs::write(&input, &bytes)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            source: source.to_path_buf(),
            input,
            bytes,
        })
    }

    fn build(&self, name: &str, library: &Path) -> Result<()> {
        util::output(
            Command::new("cc")
                .args(["-O2", "-Wall", "-Werror", "-D_GNU_SOURCE", "-pthread"])
                // What the original's own build of them isn't free of.
                .args(["-Wno-unused-result", "-Wno-stringop-overflow"])
                .arg(format!("-I{}", root().join("include").display()))
                .arg("-o")
                .arg(self.dir.join(name))
                .args(["helpers.c", &format!("{name}.c")].map(|file| self.source.join(file)))
                .arg("-Wl,-rpath,$ORIGIN")
                .arg(library),
        )
        .map(drop)
    }

    fn work(&self, name: &str) -> Result<Done> {
        let input = self.input.to_string_lossy();
        let done = match name {
            "io_uring-cp" | "link-cp" => self.copy(name, SIZE)?,
            // It rests for a second after each 1024 bytes.
            "ucontext-cp" => self.copy(name, 2500)?,
            "io_uring-test" | "io_uring-close-test" => {
                let said = text(&Self::ended(&mut self.command(name, &[&input]))?);
                ensure!(said.contains("completed="), "it said: {said}");
                said
            }
            "kdigest" => return self.kdigest(),
            "echo-server" => self.echo_server()?,
            "io_uring-udp" => self.udp()?,
            "proxy" => self.proxy()?,
            "send-zerocopy" => self.zerocopy()?,
            "reg-wait" => {
                Self::ended(&mut self.command(name, &[]))?;
                "waited with registered arguments".to_owned()
            }
            "poll-bench" | "rsrc-update-bench" => {
                let said = text(&Self::ended(&mut self.command(name, &[]))?);
                said.lines().last().unwrap_or_default().trim().to_owned()
            }
            _ => return Ok(Done::Skipped("built; it needs special network hardware".into())),
        };
        Ok(Done::Yes(done))
    }

    fn command(&self, name: &str, args: &[&str]) -> Command {
        let mut command = Command::new(self.dir.join(name));
        command
            .args(args)
            .current_dir(&self.dir)
            .env_remove("LD_LIBRARY_PATH")
            .env_remove("LD_PRELOAD")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it to its end, which must come and be good.
    fn ended(command: &mut Command) -> Result<Output> {
        let out = Running::new(command)?.wait()?;
        ensure!(out.status.success(), "{}: {}", out.status, text(&out));
        Ok(out)
    }

    fn copy(&self, name: &str, size: usize) -> Result<String> {
        let [from, to] = ["from", "to"].map(|end| self.dir.join(format!("{name}.{end}")));
        fs::write(&from, &self.bytes[..size])?;
        let _ = fs::remove_file(&to);
        Self::ended(&mut self.command(name, &[&from.to_string_lossy(), &to.to_string_lossy()]))?;
        ensure!(fs::read(&to)? == self.bytes[..size], "the copy differs");
        fs::remove_file(from)?;
        fs::remove_file(to)?;
        Ok(format!("copied {size} bytes"))
    }

    fn kdigest(&self) -> Result<Done> {
        let out = Running::new(&mut self.command("kdigest", &["sha256", &self.input.to_string_lossy()]))?.wait()?;
        let said = text(&out);
        if !out.status.success() && said.contains("AF_ALG") {
            return Ok(Done::Skipped(format!("built; {}", said.trim())));
        }
        ensure!(out.status.success(), "{}: {said}", out.status);
        let sum = util::stdout(Command::new("sha256sum").arg(&self.input))?;
        let sum = sum.split(' ').next().unwrap_or_default();
        ensure!(said.contains(sum), "sha256sum says {sum}, it said {said}");
        Ok(Done::Yes("its sha256 is that of sha256sum".into()))
    }

    /// A piece at a time: the original's own loses what a short send leaves, as happens when its client is slow.
    fn echo_server(&self) -> Result<String> {
        const PIECE: usize = 16384;
        let port = free_port()?;
        let server = Running::new(&mut self.command("echo-server", &[&port.to_string()]))?;
        let mut stream = connect(&server, port)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let mut back = [0; PIECE];
        for piece in self.bytes.chunks(PIECE) {
            let back = &mut back[..piece.len()];
            stream.write_all(piece)?;
            stream.read_exact(back).context("reading the echo")?;
            ensure!(back == piece, "the echo differs");
        }
        let _ = stream.shutdown(Shutdown::Both);
        server.interrupt()?;
        Ok(format!("echoed {SIZE} bytes, then ended by SIGINT"))
    }

    /// One way only: in both, the original's own doesn't bear more than a few bytes at a time.
    fn proxy(&self) -> Result<String> {
        let behind = TcpListener::bind("127.0.0.1:0")?;
        let (front, back) = (free_port()?, behind.local_addr()?.port());
        let args = format!("-B 0 -b 4096 -H 127.0.0.1 -r {front} -p {back}");
        let proxy = Running::new(&mut self.command("proxy", &args.split(' ').collect::<Vec<_>>()))?;
        let mut client = connect(&proxy, front)?;
        client.set_write_timeout(Some(LIMIT))?;
        let passed = thread::scope(|scope| -> Result<Vec<u8>> {
            let sending = scope.spawn(move || client.write_all(&self.bytes).map(|()| client));
            let mut passed = vec![0; SIZE];
            let mut server = accept(&behind)?;
            server.set_read_timeout(Some(LIMIT))?;
            server
                .read_exact(&mut passed)
                .context("reading what the proxy passes")?;
            sending.join().expect("the sender doesn't panic")?;
            Ok(passed)
        })?;
        ensure!(passed == self.bytes, "it passes something else");
        proxy.interrupt()?;
        Ok(format!("passed on {SIZE} bytes, then ended by SIGINT"))
    }

    fn udp(&self) -> Result<String> {
        const COUNT: usize = 1000;
        let port = free_port()?;
        let server = Running::new(&mut self.command("io_uring-udp", &["-p", &port.to_string()]))?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        socket.connect(("127.0.0.1", port))?;
        let mut buf = [0; 2000];
        for count in 0..COUNT {
            let packet = &self.bytes[count..count + 1 + count % 1000];
            let start = Instant::now();
            // It may not be listening yet; later nothing gets lost on loopback.
            loop {
                server.alive()?;
                let _ = socket.send(packet);
                if let Ok(size) = socket.recv(&mut buf) {
                    ensure!(&buf[..size] == packet, "datagram {count} came back changed");
                    break;
                }
                ensure!(
                    count == 0 && start.elapsed() < LIMIT,
                    "datagram {count} didn't come back"
                );
                thread::sleep(Duration::from_millis(50));
            }
        }
        server.interrupt()?;
        Ok(format!("echoed {COUNT} datagrams, then ended by SIGINT"))
    }

    fn zerocopy(&self) -> Result<String> {
        let options = ["-4", "-t", "1", "-s", "16000", "-n", "1"];
        let send = |port: u16, protocol: &str| -> Result<u64> {
            let mut command = self.command("send-zerocopy", &options);
            command.args(["-D", "127.0.0.1", "-p", &port.to_string(), protocol]);
            let said = text(&Self::ended(&mut command)?);
            let packets = said.split_once("packets=").and_then(|(_, rest)| rest.split(' ').next());
            let packets = packets.and_then(|number| number.parse().ok()).unwrap_or(0);
            ensure!(packets > 0, "it sent nothing: {said}");
            Ok(packets)
        };
        let port = free_port()?;
        let mut receive = self.command("send-zerocopy", &options);
        receive.args(["-R", "-p", &port.to_string(), "tcp"]);
        let receiver = Running::new(&mut receive)?;
        // It takes one connection only, so there is no asking whether it listens.
        thread::sleep(Duration::from_millis(300));
        let tcp = send(port, "tcp")?;
        let out = receiver.wait()?;
        ensure!(out.status.success(), "receiver: {}: {}", out.status, text(&out));

        // The program itself, as a receiver of datagrams, waits for ever for one more.
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let udp = send(socket.local_addr()?.port(), "udp")?;
        let mut buf = vec![0; 20_000];
        let size = socket.recv(&mut buf)?;
        let pattern = (0..16_000_u32).map(|at| b'a' + (at % 26) as u8);
        ensure!(
            buf[..size].iter().copied().eq(pattern),
            "a datagram has other bytes than it should"
        );
        Ok(format!("sent {tcp} tcp and {udp} udp packets"))
    }
}

/// A program that ends at the latest when this goes.
struct Running(Option<Child>);

impl Running {
    fn new(command: &mut Command) -> Result<Self> {
        let shown = util::show(command);
        let child = command.spawn().with_context(|| format!("can't run: {shown}"))?;
        Ok(Self(Some(child)))
    }

    /// An error when the program, which should still run, has ended.
    fn alive(&self) -> Result<()> {
        let pid = self.pid()?;
        let status = rustix::process::waitid(
            rustix::process::WaitId::Pid(pid),
            rustix::process::WaitIdOptions::EXITED
                | rustix::process::WaitIdOptions::NOHANG
                | rustix::process::WaitIdOptions::NOWAIT,
        )?;
        ensure!(status.is_none(), "it ended too early");
        Ok(())
    }

    fn pid(&self) -> Result<Pid> {
        Ok(Pid::from_child(self.0.as_ref().context("it has been waited for")?))
    }

    fn wait(mut self) -> Result<Output> {
        let start = Instant::now();
        let mut child = self.0.take().context("it has been waited for")?;
        while child.try_wait()?.is_none() {
            if start.elapsed() > LIMIT {
                child.kill()?;
                let out = child.wait_with_output()?;
                bail!("took over {} s: {}", LIMIT.as_secs(), text(&out));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(child.wait_with_output()?)
    }

    /// Ends a server that has no other end.
    fn interrupt(self) -> Result<()> {
        self.alive()?;
        kill_process(self.pid()?, Signal::INT)?;
        let out = self.wait()?;
        // One of them has a handler for it, which exits with 1.
        let good = out.status.success() || out.status.code() == Some(1) || out.status.signal() == Some(2);
        ensure!(good, "{}: {}", out.status, text(&out));
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn connect(server: &Running, port: u16) -> Result<TcpStream> {
    let start = Instant::now();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    loop {
        match TcpStream::connect_timeout(&address, LIMIT) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused && start.elapsed() < LIMIT => {
                server.alive()?;
                thread::sleep(Duration::from_millis(20));
            }
            other => return other.context("connecting"),
        }
    }
}

/// The next connection, if one comes in time.
fn accept(listener: &TcpListener) -> Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let start = Instant::now();
    loop {
        match listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock && start.elapsed() < LIMIT => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error).context("nobody connects"),
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
        }
    }
}

/// A port that nobody uses, neither for TCP nor for UDP.
fn free_port() -> Result<u16> {
    for _ in 0..100 {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on loopback");
}

fn text(out: &Output) -> String {
    let both = [&*out.stdout, &*out.stderr].concat();
    String::from_utf8_lossy(&both).trim().to_owned()
}
