//! Several things at once, with a line that shows how far they are: on a terminal one that moves, elsewhere a new one
//! now and then.

use super::exec::stopped;
use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// How often a line is printed where none can move.
const EVERY: Duration = Duration::from_secs(15);

pub struct Progress {
    what: String,
    state: Mutex<State>,
    /// Where lines can move.
    bar: Option<ProgressBar>,
}

struct State {
    total: usize,
    done: usize,
    failed: usize,
    running: Vec<String>,
    spoken: Instant,
}

impl Progress {
    pub fn new(what: &str, total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len} {elapsed} {wide_msg}")
                .expect("a template that parses");
            ProgressBar::new(total as u64)
                .with_style(style)
                .with_prefix(what.to_owned())
        });
        Self {
            what: what.to_owned(),
            state: Mutex::new(State {
                total,
                done: 0,
                failed: 0,
                running: Vec::new(),
                spoken: Instant::now(),
            }),
            bar,
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().expect("no worker panicked");
        change(&mut state);
        let failed = match state.failed {
            0 => String::new(),
            count => format!("{count} failed, "),
        };
        let now = format!("{failed}{}", state.running.join(" "));
        if let Some(bar) = &self.bar {
            bar.set_position(state.done as u64);
            bar.set_message(now);
        } else if state.spoken.elapsed() >= EVERY {
            state.spoken = Instant::now();
            eprintln!("{} {}/{}: {now}", self.what, state.done, state.total);
        }
    }

    pub fn start(&self, name: &str) {
        self.change(|state| state.running.push(name.to_owned()));
    }

    pub fn end(&self, name: &str, failed: bool) {
        self.change(|state| {
            state.done += 1;
            state.failed += usize::from(failed);
            if let Some(at) = state.running.iter().position(|running| running == name) {
                state.running.swap_remove(at);
            }
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Does the work on each item, so many at a time; stops at the first error or when asked to.
pub fn each<T: Send, R: Send>(at_once: usize, items: Vec<T>, work: impl Fn(T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let items = items.into_iter().map(|item| (Some(item), None)).collect();
    let done = in_turns(at_once, Duration::ZERO, items, |(item, result)| {
        *result = item.take().map(&work).transpose()?;
        Ok(false)
    })?;
    Ok(done.into_iter().filter_map(|(_, result)| result).collect())
}

/// Takes the items in order, so many at a time, and does a step with each; an item with more to do rests a while and
/// is then the next again. Stops at the first error or when asked to.
pub fn in_turns<T: Send>(
    at_once: usize,
    rest: Duration,
    items: Vec<T>,
    step: impl Fn(&mut T) -> Result<bool> + Sync,
) -> Result<Vec<T>> {
    let now = Instant::now();
    let todo = Mutex::new(items.into_iter().map(|item| (now, item)).collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::new());
    let error = Mutex::new(None);
    let left = AtomicUsize::new(todo.lock().expect("nobody has it").len());
    thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            scope.spawn(|| {
                while left.load(Relaxed) > 0 && error.lock().expect("no worker panicked").is_none() && !stopped() {
                    let next = {
                        let mut todo = todo.lock().expect("no worker panicked");
                        let now = Instant::now();
                        let ready = todo.iter().position(|(from, _)| *from <= now);
                        ready.and_then(|at| todo.remove(at))
                    };
                    let Some((_, mut item)) = next else {
                        thread::sleep(Duration::from_millis(10));
                        continue;
                    };
                    match step(&mut item) {
                        Ok(true) => {
                            let mut todo = todo.lock().expect("no worker panicked");
                            todo.push_front((Instant::now() + rest, item));
                        }
                        Ok(false) => {
                            left.fetch_sub(1, Relaxed);
                            done.lock().expect("no worker panicked").push(item);
                        }
                        Err(new) => *error.lock().expect("no worker panicked") = Some(new),
                    }
                }
            });
        }
    });
    if let Some(error) = error.into_inner().expect("no worker panicked") {
        return Err(error);
    }
    if stopped() {
        bail!("interrupted");
    }
    Ok(done.into_inner().expect("no worker panicked"))
}
