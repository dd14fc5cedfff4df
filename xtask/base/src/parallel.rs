//! Parallel work, and its progress: a bar on a terminal, otherwise a line every few seconds.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a line is printed if standard error is not a terminal.
const EVERY: Duration = Duration::from_secs(15);

/// The number of available processors.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Does the work on each item, `at_once` at a time, and returns the results in the items' order. After an error no
/// further item is started. The progress shows `what` and the names of running items.
pub fn each<T: Send, R: Send>(
    what: &str,
    at_once: usize,
    items: Vec<T>,
    name: impl Fn(&T) -> String + Sync,
    work: impl Fn(T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let progress = Progress::new(what, items.len());
    let next = Mutex::new(items.into_iter().enumerate());
    let failed = AtomicBool::new(false);
    let worker = || -> Result<Vec<(usize, R)>> {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let item = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((at, item)) = item else { break };
            let name = name(&item);
            progress.start(&name);
            let result = work(item).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            progress.end(&name);
            done.push((at, result));
        }
        Ok(done)
    };
    let mut done = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| {
            let part = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            done.extend(part);
            Ok(())
        })
    })
    .map(|()| {
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, result)| result).collect()
    })
}

/// Shows the progress of some work.
pub struct Progress {
    what: String,
    total: u64,
    state: Mutex<State>,
    /// Only on a terminal.
    bar: Option<ProgressBar>,
}

struct State {
    done: u64,
    running: Vec<String>,
    printed: Instant,
}

impl Progress {
    pub fn new(what: &str, total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len} {elapsed}, {eta} left {wide_msg}")
                .expect("a template that parses");
            ProgressBar::new(total as u64)
                .with_style(style)
                .with_prefix(what.to_owned())
        });
        Self {
            what: what.to_owned(),
            total: total as u64,
            state: Mutex::new(State {
                done: 0,
                running: Vec::new(),
                printed: Instant::now(),
            }),
            bar,
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let now = state.running.join(" ");
        if let Some(bar) = &self.bar {
            bar.set_position(state.done);
            bar.set_message(now);
        } else if state.printed.elapsed() >= EVERY {
            state.printed = Instant::now();
            eprintln!("{} {}/{}: {now}", self.what, state.done, self.total);
        }
    }

    pub fn start(&self, name: &str) {
        self.change(|state| state.running.push(name.to_owned()));
    }

    pub fn end(&self, name: &str) {
        self.change(|state| {
            state.done += 1;
            if let Some(at) = state.running.iter().position(|running| running == name) {
                state.running.swap_remove(at);
            }
        });
    }

    /// Sets how much is done, for work without named items.
    pub fn reach(&self, done: u64) {
        self.change(|state| state.done = done);
    }

    /// Prints a line to standard error, above the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::ensure;

    #[test]
    fn results_keep_the_order_and_an_error_stops_the_rest() {
        let squares = each("squares", 4, (0..100).collect(), u32::to_string, |n: u32| Ok(n * n)).unwrap();
        assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<u32>>());
        let seen = Mutex::new(0);
        let result = each("squares", 1, (0..100).collect(), u32::to_string, |n: u32| {
            *seen.lock().unwrap() += 1;
            ensure!(n < 3, "{n} is too large");
            Ok(())
        });
        assert_eq!(result.unwrap_err().to_string(), "3 is too large");
        assert_eq!(*seen.lock().unwrap(), 4);
    }
}
