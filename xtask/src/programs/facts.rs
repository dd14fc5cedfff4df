//! What a script in a system says: lines `key=value`. Some tell how it was done, all others are results.

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Facts {
    pub version: String,
    /// The sha256 of each liburing that was seen in use.
    libraries: Vec<String>,
    /// How many requests the kernel was given each time somebody looked.
    requests: Vec<u64>,
    pub results: Vec<(String, String)>,
}

impl Facts {
    pub fn parse(text: &str) -> Result<Facts> {
        let mut facts = Facts::default();
        for line in text.lines() {
            let (key, value) = line
                .split_once('=')
                .with_context(|| format!("the script says what is no fact: {line}"))?;
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

    /// That it was this library, and that it did something.
    pub fn prove(&self, library: &str) -> Result<()> {
        ensure!(!self.version.is_empty(), "the script says no version");
        ensure!(
            !self.libraries.is_empty() && self.libraries.len() == self.requests.len(),
            "the script doesn't look at the library and its requests"
        );
        for used in &self.libraries {
            ensure!(
                used == library,
                "the library that is mapped is {}, and should be {}",
                short(used),
                short(library)
            );
        }
        ensure!(
            self.requests.iter().all(|count| *count > 0),
            "io_uring is not used: {:?} requests",
            self.requests
        );
        ensure!(!self.results.is_empty(), "the script has no results");
        if let Some((key, _)) = self.results.iter().find(|(_, value)| value.is_empty()) {
            bail!("nothing came out for {key}");
        }
        Ok(())
    }

    /// The keys by which it differs from another.
    pub fn differences(&self, other: &Facts) -> Vec<String> {
        let keys = |facts: &Facts| -> Vec<String> { facts.results.iter().map(|(key, _)| key.clone()).collect() };
        if keys(self) != keys(other) {
            return vec!["other results".to_owned()];
        }
        let pairs = self.results.iter().zip(&other.results);
        pairs
            .filter(|(one, two)| one != two)
            .map(|(one, two)| format!("{}: {} against {}", one.0, one.1, two.1))
            .collect()
    }
}

/// As much of a checksum as one wants to read.
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
