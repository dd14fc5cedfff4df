//! `ironring run`: runs a program with the libraries that have the engine.

use crate::exec::exec;
use crate::libraries::{self, prepend};
use crate::loader::Linked;
use crate::program::Program;
use crate::reach::obstacle;
use crate::refusal::Refusal;
use anyhow::Result;
use clap::ValueEnum;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Run a program on io_uring in user space
#[derive(clap::Args)]
#[command(
    after_help = "The exit status is the program's; 125 if ironring itself fails, 126 if the program cannot be \
                        executed, 127 if it is not found."
)]
pub struct Args {
    /// Whose rings the program gets; without it $IRONRING decides, or else auto
    #[arg(long, value_enum)]
    policy: Option<Policy>,
    /// Write a line about each ring to standard error (stderr) or to the end of a file
    #[arg(long, value_name = "stderr|FILE")]
    log: Option<OsString>,
    /// The directory of the libraries with the engine; without it $IRONRING_LIB or the installed one
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Run the program even if it cannot be reached; programs that it starts may be
    #[arg(long)]
    force: bool,
    /// Preload the library into the program and its children, for programs that bring their own
    #[arg(long)]
    preload: bool,
    /// Say which libraries the program gets
    #[arg(short, long)]
    verbose: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Policy {
    /// The kernel's, or the engine's where the system refuses io_uring
    Auto,
    /// Always the engine's; the kernel is never asked
    Engine,
    /// Always the kernel's
    Kernel,
}

pub fn run(args: &Args) -> Result<()> {
    let (name, arguments) = args.program.split_first().expect("clap requires a program");
    let program = Program::find(name)?;
    let folder = libraries::find(args.lib.as_deref())?;
    expressible(&folder, b":;$")?;
    let search = prepend(&folder, std::env::var_os("LD_LIBRARY_PATH"));
    let interpreter = program.elf.as_ref().and_then(|elf| elf.interpreter.as_deref());

    let mut obstacle = obstacle(&program, &folder);
    let mut linked = Linked::default();
    if let (None, Some(interpreter)) = (&obstacle, interpreter) {
        linked = Linked::ask(interpreter, &program.image, &search);
        if linked.old && linked.libraries.is_empty() {
            let image = program.image.display();
            obstacle = Some(format!(
                "{image} is linked with liburing.so.1, and ironring has the ABI of liburing.so.2"
            ));
        }
    }
    match obstacle {
        Some(what) if args.force => eprintln!("ironring: warning: {what}; programs that it starts may be reached"),
        Some(what) => {
            let mend = "to run it anyway, for the programs that it starts: --force";
            return Err(Refusal::own(format!("{what}\n{mend}")).into());
        }
        None => {}
    }

    let mut preloaded = linked.elsewhere(&folder);
    if args.preload && !preloaded.contains(&libraries::LIBURING) {
        preloaded.push(libraries::LIBURING);
    }
    if args.verbose {
        report(&program, &folder, &linked, &preloaded);
    }

    let mut command = Command::new(&program.path);
    command.arg0(name).args(arguments).env("LD_LIBRARY_PATH", &search);
    if !preloaded.is_empty() {
        expressible(&folder, b" ")?;
        let list = std::env::var_os("LD_PRELOAD");
        let list = preloaded
            .iter()
            .fold(list, |list, library| Some(prepend(&folder.join(library), list)));
        command.env("LD_PRELOAD", list.unwrap_or_default());
    }
    if let Some(policy) = args.policy {
        let value = policy.to_possible_value().expect("no policy is hidden");
        command.env("IRONRING", value.get_name());
    }
    if let Some(log) = &args.log {
        command.env("IRONRING_LOG", destination(log)?);
    }
    let error = exec(&mut command);
    Err(Refusal::of(&program.path, &error).into())
}

/// The loader's lists have no way to quote the characters that separate or begin something in them.
fn expressible(folder: &Path, special: &[u8]) -> Result<(), Refusal> {
    match folder.as_os_str().as_bytes().iter().find(|byte| special.contains(byte)) {
        Some(byte) => Err(Refusal::own(format!(
            "the dynamic loader cannot be told of {}, because of the character {:?} in its name\nto mend: name it by a \
             symbolic link without this character, with --lib",
            folder.display(),
            char::from(*byte)
        ))),
        None => Ok(()),
    }
}

/// The value of IRONRING_LOG. The program may change its working directory before it makes a ring.
fn destination(log: &OsString) -> Result<OsString, Refusal> {
    if log == "stderr" {
        return Ok(log.clone());
    }
    let fail = |error| Refusal::own(format!("cannot write the log {}: {error}", Path::new(log).display()));
    let path = std::path::absolute(log).map_err(fail)?;
    // The library would say so, too, but in the midst of what the program prints.
    OpenOptions::new().append(true).create(true).open(&path).map_err(fail)?;
    Ok(path.into())
}

fn report(program: &Program, folder: &Path, linked: &Linked, preloaded: &[&str]) {
    eprintln!("ironring: the libraries are in {}", folder.display());
    if program.path != program.image {
        let (path, image) = (program.path.display(), program.image.display());
        eprintln!("ironring: {path} is a script, which {image} runs");
    }
    let image = program.image.display();
    if program.elf.is_none() {
        eprintln!("ironring: {image} cannot be read, or is not an ELF file: what it uses is not known");
    } else if linked.libraries.is_empty() {
        eprintln!("ironring: {image} is not linked with liburing; it or a child may load it later");
    }
    for (library, _) in &linked.libraries {
        eprintln!("ironring: {image} is linked with {library}");
    }
    for library in preloaded {
        eprintln!("ironring: {library} is preloaded (LD_PRELOAD)");
    }
}
