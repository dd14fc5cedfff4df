//! A guest: a kernel under qemu in software emulation, which runs programs as it is told. When its kernel goes down or
//! hangs, the programs that ran then run again one at a time, each in a fresh guest, so that the one that did it is named.

use super::debian::{Arch, Kernel};
use crate::suite::{End, Machine, Outcome, Spawn, TOOK_DOWN, stopped};
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

/// How often a start that fails is tried again, and how long one may take.
const TRIES: usize = 2;
const BOOT: Duration = Duration::from_secs(180);
/// How long after a program's limit init has reported its end, whatever it did.
const OVERDUE: Duration = Duration::from_secs(60);

/// A panic ends qemu: the test that caused it is then known. So it is with one that makes a processor spin for ever,
/// which would take all others' time.
const KERNEL_ARGS: &str = "panic=-1 oops=panic softlockup_panic=1 hugepages=8";

pub struct Guest {
    name: &'static str,
    /// How much longer than here things may take.
    slower: u32,
    qemu: Qemu,
    state: Mutex<State>,
    /// Held shared by each program that runs, exclusively by one that runs alone.
    company: RwLock<()>,
}

/// How to start one.
struct Qemu {
    program: &'static str,
    args: Vec<String>,
    console: PathBuf,
}

#[derive(Default)]
struct State {
    live: Option<Arc<Live>>,
    release: String,
    page_size: u64,
    boots: Vec<Duration>,
    number: u64,
}

/// One that is up.
struct Live {
    child: Mutex<Child>,
    to: Mutex<ChildStdin>,
    /// Who waits for which number's end. Gone with the guest.
    waiting: Mutex<Option<HashMap<u64, Sender<Done>>>>,
}

/// The kernel's release, and the size of its pages.
type Hello = (String, u64);

/// How a program ended, and what it printed.
pub struct Done {
    pub end: End,
    pub time: Duration,
    pub text: Vec<u8>,
    stuck: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guest {
    pub fn new(arch: &Arch, kernel: &Kernel, disk: &Path) -> Self {
        let console = kernel.dir.join("console");
        // A comma is doubled in qemu's options.
        let shown = |path: &Path| path.display().to_string().replace(',', ",,");
        let mut args: Vec<String> = arch.machine.iter().map(ToString::to_string).collect();
        let mut add = |option: &str, value: String| args.extend([option.to_owned(), value]);
        add("-accel", "tcg,thread=multi".to_owned());
        add("-smp", "2".to_owned());
        add("-m", "2048".to_owned());
        add("-kernel", kernel.image.display().to_string());
        add("-initrd", kernel.initrd.display().to_string());
        add("-append", format!("console={} {KERNEL_ARGS}", arch.console));
        add("-serial", format!("file:{}", console.display()));
        add(
            "-drive",
            format!(
                "file={},if=none,id=disk,format=raw,snapshot=on,cache=unsafe",
                shown(disk)
            ),
        );
        add("-device", "virtio-blk-pci,drive=disk".to_owned());
        add("-device", "virtio-serial-pci".to_owned());
        add("-chardev", "stdio,id=host,signal=off".to_owned());
        add("-device", "virtserialport,chardev=host".to_owned());
        add("-device", "virtio-rng-pci".to_owned());
        args.extend(["-nodefaults", "-no-user-config", "-no-reboot"].map(String::from));
        args.extend(["-display", "none"].map(String::from));
        Self {
            name: kernel.name,
            slower: arch.slower,
            qemu: Qemu {
                program: arch.qemu.0,
                args,
                console,
            },
            state: Mutex::default(),
            company: RwLock::new(()),
        }
    }

    /// The release that the kernel says it is.
    pub fn release(&self) -> Result<String> {
        self.live()?;
        Ok(lock(&self.state).release.clone())
    }

    /// The size of its pages; 0 before it was up.
    pub fn page_size(&self) -> u64 {
        lock(&self.state).page_size
    }

    /// How long each start took.
    pub fn boots(&self) -> Vec<Duration> {
        lock(&self.state).boots.clone()
    }

    /// Runs a program to its end. `Err` in the inner result: it took the guest's kernel down, which said this.
    pub fn execute(&self, spawn: &Spawn) -> Result<Result<Done, String>> {
        {
            let _company = self.company.read().unwrap_or_else(PoisonError::into_inner);
            let live = self.live()?;
            if let Some(done) = self.attempt(&live, spawn)? {
                return Ok(Ok(done));
            }
        }
        // It, or what ran beside it.
        let _alone = self.company.write().unwrap_or_else(PoisonError::into_inner);
        self.stop();
        let live = self.live()?;
        if let Some(done) = self.attempt(&live, spawn)? {
            return Ok(Ok(done));
        }
        let words = last_words(&self.qemu.console);
        let kept = spawn.log.with_extension("console");
        let _ = fs::copy(&self.qemu.console, kept);
        Ok(Err(words))
    }

    /// `None`: the guest is down.
    fn attempt(&self, live: &Arc<Live>, spawn: &Spawn) -> Result<Option<Done>> {
        let number = {
            let mut state = lock(&self.state);
            state.number += 1;
            state.number
        };
        let (sender, receiver) = channel();
        match lock(&live.waiting).as_mut() {
            Some(waiting) => waiting.insert(number, sender),
            None => return Ok(None),
        };
        let request = request(number, spawn);
        let sent = {
            let mut to = lock(&live.to);
            to.write_all(request.as_bytes()).and_then(|()| to.flush())
        };
        let done = match sent {
            Ok(()) => wait(&receiver, spawn.limit + OVERDUE)?,
            Err(_) => None,
        };
        match done {
            Some(done) if !done.stuck => Ok(Some(done)),
            stuck => {
                // What can't be killed may hold what the next test needs.
                self.drop_live(live);
                Ok(stuck)
            }
        }
    }

    /// The guest that is up, or a new one.
    fn live(&self) -> Result<Arc<Live>> {
        let mut state = lock(&self.state);
        if let Some(live) = state.live.clone().filter(|live| lock(&live.waiting).is_some()) {
            return Ok(live);
        }
        state.live = None;
        let start = Instant::now();
        let mut tries = (0..TRIES).map(|_| self.qemu.boot());
        let booted = tries.find(|booted| booted.is_ok() || stopped());
        let (live, (release, page_size)) = booted.unwrap_or_else(|| self.qemu.boot()).with_context(|| {
            format!(
                "Linux {} doesn't start; its last words are in {}",
                self.name,
                self.qemu.console.display()
            )
        })?;
        state.boots.push(start.elapsed());
        state.release = release;
        state.page_size = page_size;
        state.live = Some(Arc::clone(&live));
        Ok(live)
    }

    fn drop_live(&self, live: &Arc<Live>) {
        live.kill();
        let mut state = lock(&self.state);
        if state.live.as_ref().is_some_and(|now| Arc::ptr_eq(now, live)) {
            state.live = None;
        }
    }

    fn stop(&self) {
        if let Some(live) = lock(&self.state).live.take() {
            live.kill();
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Machine for Guest {
    fn run(&self, spawn: &Spawn) -> Result<(Outcome, Duration)> {
        let spawn = Spawn {
            limit: spawn.limit * self.slower,
            cwd: spawn.cwd.clone(),
            log: spawn.log.clone(),
            ..*spawn
        };
        match self.execute(&spawn)? {
            Ok(done) => {
                fs::write(&spawn.log, &done.text)?;
                let text = String::from_utf8_lossy(&done.text);
                Ok((done.end.outcome(&text, spawn.limit), done.time))
            }
            Err(words) => {
                let said = format!("{TOOK_DOWN}: {words}");
                fs::write(&spawn.log, format!("{said}\n"))?;
                Ok((Outcome::Fail(said), Duration::ZERO))
            }
        }
    }

    /// Its init does so whenever nothing runs.
    fn end_strays(&self) {}

    /// Old kernels let many tests wait for what never comes.
    fn insists(&self) -> bool {
        false
    }
}

impl Qemu {
    fn boot(&self) -> Result<(Arc<Live>, Hello)> {
        let _ = fs::remove_file(&self.console);
        let dir = self.console.parent().context("a file lies in a folder")?;
        // The disk's copies, which stay when qemu is killed.
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("vl.") {
                let _ = fs::remove_file(entry.path());
            }
        }
        let complaints = File::create(self.console.with_extension("qemu"))?;
        let mut child = Command::new(self.program)
            .args(&self.args)
            // For the copy of the disk that it writes to.
            .env("TMPDIR", dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints)
            .spawn()
            .with_context(|| format!("can't run {}", self.program))?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let live = Arc::new(Live {
            child: Mutex::new(child),
            to: Mutex::new(to.context("qemu has no standard input")?),
            waiting: Mutex::new(Some(HashMap::new())),
        });
        let from = from.context("qemu has no standard output")?;
        let (sender, receiver) = channel();
        let reader = Arc::clone(&live);
        thread::spawn(move || {
            let _ = reader.hear(from, &sender);
            *lock(&reader.waiting) = None;
        });
        match wait(&receiver, BOOT) {
            Ok(Some(hello)) => Ok((live, hello)),
            other => {
                live.kill();
                other?;
                bail!("no word from it; see {}", self.console.display());
            }
        }
    }
}

impl Live {
    fn kill(&self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
        *lock(&self.waiting) = None;
    }

    /// Takes what the guest's init says, until it falls silent.
    fn hear(&self, from: ChildStdout, ready: &Sender<Hello>) -> Result<()> {
        let mut from = BufReader::new(from);
        let mut line = String::new();
        loop {
            line.clear();
            if from.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["ready", release, page_size] => {
                    let _ = ready.send((release.to_owned(), page_size.parse()?));
                }
                [number, how, code, time, count] => {
                    let code = code.parse()?;
                    let mut text = vec![0; count.parse()?];
                    from.read_exact(&mut text)?;
                    let done = Done {
                        end: match how {
                            "exit" => End::Code(code),
                            "signal" => End::Signal(code),
                            _ => End::TooLong,
                        },
                        time: Duration::from_millis(time.parse()?),
                        text,
                        stuck: how == "stuck",
                    };
                    let number: u64 = number.parse()?;
                    let waiter = lock(&self.waiting).as_mut().and_then(|all| all.remove(&number));
                    if let Some(waiter) = waiter {
                        let _ = waiter.send(done);
                    }
                }
                _ => bail!("init said: {line}"),
            }
        }
    }
}

/// Waits for the next from the guest; `None` when it is gone, or silent for too long.
fn wait<T>(from: &Receiver<T>, limit: Duration) -> Result<Option<T>> {
    let start = Instant::now();
    while start.elapsed() < limit {
        match from.recv_timeout(Duration::from_millis(200)) {
            Ok(it) => return Ok(Some(it)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) if stopped() => bail!("interrupted"),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    Ok(None)
}

/// The line that asks init to run a program.
fn request(number: u64, spawn: &Spawn) -> String {
    let mut line = format!(
        "{number}\t{}\t{}\t{}\t./{}\t{}",
        spawn.limit.as_secs(),
        spawn.cwd.display(),
        spawn.exe.display(),
        spawn.name,
        spawn.beside.len()
    );
    for (name, target) in spawn.beside {
        let _ = write!(line, "\t{name}\t{}", target.display());
    }
    for arg in spawn.args {
        let _ = write!(line, "\t{}", arg.to_string_lossy());
    }
    line.push('\n');
    line
}

/// What a kernel that went down says about it.
fn last_words(console: &Path) -> String {
    const WORDS: [&str; 4] = ["BUG: ", "Oops", "Kernel panic", "general protection"];
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let found = WORDS
        .iter()
        .find_map(|word| text.lines().find(|line| line.contains(word)));
    match found.or(text.lines().last()) {
        Some(line) => line.trim().to_owned(),
        None => "it said nothing".to_owned(),
    }
}
