//! Guests: kernels under qemu in software emulation, several if several programs run at once. Each runs one program at
//! a time, so that a program that crashes its kernel is known.

use super::debian::{Arch, Kernel};
use super::disk;
use crate::suite::{LATE, Machine, Outcome, Spawn, TOOK_DOWN};
use anyhow::{Context, Result, bail, ensure};
use refused::How;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The maximum number of guests.
const GUESTS: usize = 3;
/// How often a failed boot, and a program during which the guest crashed, are tried.
const TRIES: usize = 2;
/// How long a boot may take.
const BOOT: Duration = Duration::from_secs(180);
/// How long after a program's limit init must have reported its end.
const OVERDUE: Duration = Duration::from_secs(60);

const QEMU_ARGS: &str = "-accel tcg,thread=multi -smp 2 -m 2048 -device virtio-blk-pci,drive=disk \
    -device virtio-serial-pci -chardev stdio,id=host,signal=off -device virtserialport,chardev=host \
    -device virtio-rng-pci -nodefaults -no-user-config -no-reboot -display none";

/// A panic ends qemu, so that the test that caused it is known. So does a soft lockup, which would take all other
/// tests' time.
const KERNEL_ARGS: &str = "panic=-1 oops=panic softlockup_panic=1 hugepages=8";

pub struct Guests {
    arch: Arch,
    pub kernel: Kernel,
    disk: String,
    /// The release and the page size that the kernel reports.
    pub release: String,
    pub page_size: u64,
    /// How many seconds the first took to boot.
    pub up: f64,
    restarts: AtomicUsize,
    /// Guests that run nothing, the next to be taken last: the first to be booted.
    idle: Mutex<Vec<Guest>>,
    freed: Condvar,
}

struct Guest {
    /// Its console's output, qemu's errors, and the copy of the disk that it writes to.
    dir: PathBuf,
    /// None before its first boot and after a crash.
    live: Option<Live>,
}

/// A guest that is up.
struct Live {
    qemu: Child,
    init: BufReader<UnixStream>,
}

/// How a program ended, and what it printed.
pub struct Done {
    pub status: ExitStatus,
    pub time: Duration,
    pub text: Vec<u8>,
}

impl Guests {
    /// Boots the first guest.
    pub fn new(arch: &Arch, kernel: Kernel, disk: &File) -> Result<Self> {
        let dir = |number| kernel.dir.join(format!("guest.{number}"));
        let idle = (0..GUESTS).rev().map(|number| Guest {
            dir: dir(number),
            live: None,
        });
        let mut guests = Self {
            arch: *arch,
            idle: Mutex::new(idle.collect()),
            kernel,
            disk: format!("/proc/{}/fd/{}", std::process::id(), disk.as_raw_fd()),
            release: String::new(),
            page_size: 0,
            up: 0.0,
            restarts: AtomicUsize::new(0),
            freed: Condvar::new(),
        };
        let start = Instant::now();
        let mut guest = guests.take();
        let (live, release, page_size) = guests.boot(&guest.dir)?;
        guest.live = Some(live);
        guests.give_back(guest);
        (guests.release, guests.page_size, guests.up) = (release, page_size, start.elapsed().as_secs_f64());
        Ok(guests)
    }

    /// How often a guest was lost and had to be replaced.
    pub fn restarts(&self) -> usize {
        self.restarts.load(Ordering::Relaxed)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Guest>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Guest {
        let mut idle = self.idle();
        loop {
            match idle.pop() {
                Some(guest) => return guest,
                None => idle = self.freed.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn give_back(&self, guest: Guest) {
        self.idle().push(guest);
        self.freed.notify_one();
    }

    /// Runs a program to its end, with these variables in its environment. An inner `Err`: it took the guest's kernel down,
    /// which printed this.
    pub fn execute(&self, spawn: &Spawn, env: &[(&str, String)]) -> Result<Result<Done, String>> {
        let mut guest = self.take();
        let done = self.execute_in(&mut guest, spawn, env);
        self.give_back(guest);
        done
    }

    fn execute_in(&self, guest: &mut Guest, spawn: &Spawn, env: &[(&str, String)]) -> Result<Result<Done, String>> {
        for _ in 0..TRIES {
            let mut live = match guest.live.take() {
                Some(live) => live,
                None => self.boot(&guest.dir)?.0,
            };
            match live.execute(spawn, env) {
                Ok((done, stuck)) => {
                    // A process that can't be killed may hold what the next test needs.
                    if stuck {
                        self.restarts.fetch_add(1, Ordering::Relaxed);
                    } else {
                        guest.live = Some(live);
                    }
                    return Ok(Ok(done));
                }
                Err(_) => self.restarts.fetch_add(1, Ordering::Relaxed),
            };
        }
        let console = guest.dir.join("console");
        let _ = fs::copy(&console, spawn.log.with_extension("console"));
        Ok(Err(last_words(&console)))
    }

    /// Boots a guest; also returns its release and page size.
    fn boot(&self, dir: &Path) -> Result<(Live, String, u64)> {
        let mut booted = self.try_boot(dir);
        for _ in 1..TRIES {
            booted = booted.or_else(|_| self.try_boot(dir));
        }
        let name = self.kernel.name;
        booted.with_context(|| format!("Linux {name} doesn't boot; see its console in {}", dir.display()))
    }

    fn try_boot(&self, dir: &Path) -> Result<(Live, String, u64)> {
        base::fresh(dir)?;
        let (ours, theirs) = UnixStream::pair()?;
        let (disk, console) = (&self.disk, dir.join("console"));
        let qemu = Command::new(self.arch.qemu.0)
            .args(self.arch.machine)
            .args(QEMU_ARGS.split_whitespace())
            .arg("-kernel")
            .arg(&self.kernel.image)
            .arg("-initrd")
            .arg(&self.kernel.initrd)
            .args(["-append", &format!("console={} {KERNEL_ARGS}", self.arch.console)])
            .args(["-serial", &format!("file:{}", console.display())])
            .arg("-drive")
            .arg(format!(
                "file={disk},if=none,id=disk,format=raw,snapshot=on,cache=unsafe"
            ))
            .env("TMPDIR", dir)
            .stdin(OwnedFd::from(theirs.try_clone()?))
            .stdout(OwnedFd::from(theirs))
            .stderr(File::create(dir.join("qemu"))?)
            .spawn()
            .with_context(|| format!("can't run {}", self.arch.qemu.0))?;
        ours.set_read_timeout(Some(BOOT))?;
        let mut live = Live {
            qemu,
            init: BufReader::new(ours),
        };
        let words = live.receive()?;
        match &words[..] {
            [ready, release, page_size] if ready == "ready" => Ok((live, release.clone(), page_size.parse()?)),
            _ => bail!("unexpected answer from init: {}", words.join(" ")),
        }
    }
}

impl Machine for Guests {
    fn run(&self, spawn: &Spawn) -> Result<(Outcome, Duration)> {
        let spawn = Spawn {
            limit: spawn.limit * self.arch.slower,
            cwd: spawn.cwd.clone(),
            log: spawn.log.clone(),
            ..*spawn
        };
        match self.execute(&spawn, &[])? {
            Ok(done) => {
                fs::write(&spawn.log, &done.text)?;
                let text = String::from_utf8_lossy(&done.text);
                Ok((Outcome::of(done.status, &text, spawn.limit), done.time))
            }
            Err(words) => {
                let said = format!("{TOOK_DOWN}: {words}");
                fs::write(&spawn.log, format!("{said}\n"))?;
                Ok((Outcome::Fail(said), Duration::ZERO))
            }
        }
    }

    /// On old kernels many tests wait for events that never come.
    fn runs_endless(&self) -> bool {
        false
    }
}

impl Live {
    /// The words of the next line from the guest's init.
    fn receive(&mut self) -> Result<Vec<String>> {
        let mut line = String::new();
        ensure!(self.init.read_line(&mut line)? > 0, "the guest has exited");
        Ok(line.split_whitespace().map(String::from).collect())
    }

    /// Has init run a program; also returns whether it is still there after a kill. An error: the guest is down.
    fn execute(&mut self, spawn: &Spawn, env: &[(&str, String)]) -> Result<(Done, bool)> {
        let init = self.init.get_mut();
        init.set_read_timeout(Some(spawn.limit + OVERDUE))?;
        init.write_all(request(spawn, env).as_bytes())?;
        let words = self.receive()?;
        let [how, code, time, count] = &words[..] else {
            bail!("unexpected answer from init: {}", words.join(" "));
        };
        let code: i32 = code.parse()?;
        let mut text = vec![0; count.parse()?];
        self.init.read_exact(&mut text)?;
        let done = Done {
            status: ExitStatus::from_raw(match how.as_str() {
                "exit" => code << 8,
                "signal" => code,
                _ => LATE << 8,
            }),
            time: Duration::from_millis(time.parse()?),
            text,
        };
        Ok((done, how == "stuck"))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// The line that asks init to run a program.
fn request(spawn: &Spawn, env: &[(&str, String)]) -> String {
    let filter = match spawn.refuse {
        How::None => PathBuf::from("-"),
        how => disk::filter(how),
    };
    let mut line = format!(
        "{}\t{}\t{}\t./{}\t{}\t{}",
        spawn.limit.as_secs(),
        spawn.cwd.display(),
        spawn.exe.display(),
        spawn.name,
        filter.display(),
        spawn.beside.len()
    );
    for (name, target) in spawn.beside {
        let _ = write!(line, "\t{name}\t{}", target.display());
    }
    let _ = write!(line, "\t{}", env.len());
    for (name, value) in env {
        let _ = write!(line, "\t{name}={value}");
    }
    for arg in spawn.args {
        let _ = write!(line, "\t{}", arg.to_string_lossy());
    }
    line.push('\n');
    line
}

/// What a crashed kernel printed about the crash.
fn last_words(console: &Path) -> String {
    const WORDS: [&str; 4] = ["BUG: ", "Oops", "Kernel panic", "general protection"];
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let found = WORDS
        .iter()
        .find_map(|word| text.lines().find(|line| line.contains(word)));
    match found.or(text.lines().last()) {
        Some(line) => line.trim().to_owned(),
        None => "it printed nothing".to_owned(),
    }
}
