//! `ironring`: runs programs on io_uring in user space. Each subcommand is a file, with its `Args` and `run`.

mod elf;
mod exec;
mod libraries;
mod loader;
mod program;
mod reach;
mod refusal;
mod run;

use clap::{Parser, Subcommand};
use refusal::Refusal;
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "ironring",
    version,
    about = "Run programs on io_uring in user space, where the system refuses io_uring"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // The version and the help are errors to clap, too.
            let status = if error.use_stderr() { refusal::OWN } else { 0 };
            let _ = error.print();
            return ExitCode::from(status);
        }
    };
    let done = match cli.command {
        Command::Run(args) => run::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ironring: {error:#}");
            let refusal = error.downcast_ref::<Refusal>();
            ExitCode::from(refusal.map_or(refusal::OWN, |refusal| refusal.status))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use std::collections::BTreeSet;

    /// The options that the manual page describes: names at the beginning of an item of OPTIONS.
    fn described() -> BTreeSet<String> {
        let page = include_str!("../../../man/ironring.1.md");
        let (_, options) = page.split_once("\n## OPTIONS\n").expect("the section");
        let (options, _) = options.split_once("\n## ").expect("a section after it");
        let items = options.lines().filter_map(|line| line.strip_prefix("- "));
        let names = items.flat_map(|item| item.split('`').filter(|name| name.starts_with('-')));
        names.map(str::to_owned).collect()
    }

    #[test]
    fn the_manual_page_has_the_options() {
        let mut cli = Cli::command();
        cli.build();
        let mut options = BTreeSet::new();
        for command in std::iter::once(&cli).chain(cli.get_subcommands()) {
            for argument in command.get_arguments().filter(|argument| !argument.is_positional()) {
                options.extend(argument.get_short().map(|short| format!("-{short}")));
                options.extend(argument.get_long().map(|long| format!("--{long}")));
            }
        }
        assert_eq!(described(), options);
    }
}
