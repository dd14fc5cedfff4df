//! What a script in a system prints: lines `key=value`. A few keys describe the run, all others are results.

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Facts {
    pub version: String,
    /// The sha256 of each liburing that was seen in use.
    libraries: Vec<String>,
    /// How many requests the kernel had received each time the script counted.
    requests: Vec<u64>,
    pub results: Vec<(String, String)>,
}

impl Facts {
    pub fn parse(text: &str) -> Result<Facts> {
        let mut facts = Facts::default();
        for line in text.lines() {
            let (key, value) = line
                .split_once('=')
                .with_context(|| format!("the script prints a line that is not key=value: {line}"))?;
            match key {
                "version" => value.clone_into(&mut facts.version),
                "library" => facts.libraries.push(value.to_owned()),
                "requests" => facts.requests.push(value.parse().with_context(|| line.to_owned())?),
                _ => facts.results.push((key.to_owned(), value.trim().to_owned())),
            }
        }
        Ok(facts)
    }

    pub fn requests(&self) -> u64 {
        self.requests.iter().sum()
    }

    /// Checks that the program used this library, and submitted requests.
    pub fn prove(&self, library: &str) -> Result<()> {
        ensure!(!self.version.is_empty(), "the script prints no version");
        ensure!(
            !self.libraries.is_empty() && self.libraries.len() == self.requests.len(),
            "the script must print as many lines library= as requests=, at least one"
        );
        for used in &self.libraries {
            ensure!(
                used == library,
                "the library that is mapped is {}, not {}",
                short(used),
                short(library)
            );
        }
        ensure!(
            self.requests.iter().all(|count| *count > 0),
            "io_uring is not used: {:?} requests",
            self.requests
        );
        ensure!(!self.results.is_empty(), "the script prints no results");
        if let Some((key, _)) = self.results.iter().find(|(_, value)| value.is_empty()) {
            bail!("the result {key} is empty");
        }
        Ok(())
    }

    /// The value of a result.
    pub fn result(&self, key: &str) -> &str {
        let found = self.results.iter().find(|(name, _)| name == key);
        found.map_or("nothing", |(_, value)| value)
    }

    /// The results that differ from another run's.
    pub fn differences(&self, other: &Facts) -> Vec<String> {
        let keys = |facts: &Facts| facts.results.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        if keys(self) != keys(other) {
            return vec!["the runs print different keys".to_owned()];
        }
        let pairs = self.results.iter().zip(&other.results);
        pairs
            .filter(|(one, two)| one != two)
            .map(|(one, two)| format!("{}: {} against {}", one.0, one.1, two.1))
            .collect()
    }
}

/// The beginning of a checksum, for messages.
fn short(sum: &str) -> &str {
    sum.get(..12).unwrap_or(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> Facts {
        Facts::parse(text).unwrap()
    }

    #[test]
    fn proof() {
        let good = "version=1\nlibrary=abc\nrequests=3\nsum=12\n";
        assert!(facts(good).prove("abc").is_ok());
        for (from, to) in [
            ("abc", "none"),
            ("requests=3", "requests=0"),
            ("sum=12", "sum="),
            ("sum=12\n", ""),
            ("library=abc\nrequests=3\n", ""),
            ("version=1\n", ""),
        ] {
            let text = good.replace(from, to);
            assert!(facts(&text).prove("abc").is_err(), "{text}");
        }
        assert!(Facts::parse("what is this").is_err());
    }

    #[test]
    fn differences() {
        let one = facts("version=1\nrequests=1\na=1\nb=2\n");
        assert!(one.differences(&facts("version=2\nrequests=7\na=1\nb=2\n")).is_empty());
        assert_eq!(one.differences(&facts("a=1\nb=3\n")), ["b: 2 against 3"]);
        assert_eq!(one.differences(&facts("a=1\n")).len(), 1);
    }
}
