//! Runs named checks in turn; a failure doesn't stop the others, and a table shows all results.

use anyhow::{Result, ensure};
use std::time::Instant;

#[derive(Default)]
pub struct Tally {
    rows: Vec<Vec<String>>,
    failed: usize,
}

impl Tally {
    /// Runs a check, which returns its figure.
    pub fn run(&mut self, name: &str, check: impl FnOnce() -> Result<String>) {
        let start = Instant::now();
        let figure = check().unwrap_or_else(|error| {
            eprintln!("FAILED {name}: {error:#}");
            self.failed += 1;
            "FAILED".to_owned()
        });
        let time = format!("{} s", start.elapsed().as_secs());
        self.rows.push(vec![name.to_owned(), time, figure]);
    }

    /// Prints the table and a summary such as `command: 3 of 4 passed`.
    pub fn end(self, command: &str, what: &str, did: &str) -> Result<()> {
        crate::table(&[what, "time", "result"], &self.rows);
        let (all, failed) = (self.rows.len(), self.failed);
        println!("{command}: {} of {all} {did}", all - failed);
        ensure!(all > 0, "{command}: no check has run; to run all, omit --only");
        ensure!(failed == 0, "{command}: {failed} of {all} failed, see above");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stops_nothing_and_is_reported_at_the_end() {
        let mut tally = Tally::default();
        tally.run("wrong", || anyhow::bail!("on purpose"));
        tally.run("right", || Ok("1".to_owned()));
        let error = tally.end("test", "what", "passed").unwrap_err().to_string();
        assert_eq!(error, "test: 1 of 2 failed, see above");
        assert!(Tally::default().end("test", "what", "passed").is_err());
    }
}
