//! The ledger of deliberate differences. An entry that is no longer true fails the run.

use super::{Difference, SHOWN};
use crate::ledger;
use anyhow::{Result, ensure};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    #[serde(default)]
    difference: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    scenario: String,
    /// Any if left out.
    world: Option<String>,
    lines: Vec<String>,
    #[serde(default)]
    failed: bool,
    /// The values that ours may have; any if left out.
    #[serde(default)]
    ours: Vec<String>,
    reason: String,
}

pub struct Checked<'a> {
    pub unlisted: Vec<&'a Difference>,
    pub untrue: Vec<String>,
}

impl Known {
    pub fn read() -> Result<Self> {
        ledger::read("test-c/faults/known.toml", Self::parse)
    }

    pub fn parse(text: &str) -> Result<Self> {
        let known: Self = toml::from_str(text)?;
        for entry in &known.difference {
            ensure!(
                !entry.reason.is_empty() && !entry.lines.is_empty(),
                "{}: an entry needs a reason and lines",
                entry.scenario
            );
        }
        Ok(known)
    }

    /// `complete`: every scenario was run, so each line of each entry must have been seen.
    pub fn check<'a>(&self, differences: &'a [Difference], complete: bool) -> Checked<'a> {
        let is_listed = |difference: &&Difference| {
            let mut entries = self.difference.iter();
            entries.any(|entry| entry.lines.iter().any(|line| entry.covers(difference, line)))
        };
        let (meant, unlisted): (Vec<_>, Vec<_>) = differences.iter().partition(is_listed);
        let mut untrue = Vec::new();
        for entry in self.difference.iter().filter(|_| complete) {
            let mut lines = entry.lines.clone();
            lines.retain(|line| !meant.iter().any(|it| entry.covers(it, line)));
            untrue.extend(lines.iter().map(|line| format!("{}, {line}", entry.scenario)));
        }
        Checked { unlisted, untrue }
    }
}

impl Checked<'_> {
    /// Fails if anything is not as the ledger says.
    pub fn end(&self) -> Result<()> {
        let none = "nothing".to_owned();
        let shown = self.unlisted.iter().take(SHOWN).map(|it| {
            let (peer, ours) = (it.peer.as_ref().unwrap_or(&none), it.ours.as_ref().unwrap_or(&none));
            format!("\n{}: {}\n    peer: {peer}\n    ours: {ours}", it.case, it.line)
        });
        ensure!(
            self.unlisted.is_empty(),
            "{} values differ; the driver's output is in target/faults/peer.log and ours.log{}",
            self.unlisted.len(),
            shown.collect::<String>()
        );
        ensure!(
            self.untrue.is_empty(),
            "remove these entries from test-c/faults/known.toml, no longer true: {}",
            self.untrue.join("; ")
        );
        Ok(())
    }
}

impl Entry {
    fn covers(&self, difference: &Difference, line: &str) -> bool {
        let mut words = difference.case.split(' ');
        let scenario = words.next().unwrap_or_default();
        let world = words.next().unwrap_or_default();
        like(&self.scenario, scenario)
            && self.world.as_ref().is_none_or(|known| known == world)
            && (!self.failed || difference.failed)
            && difference.line.starts_with(line)
            && (self.ours.is_empty() || difference.ours.as_ref().is_some_and(|ours| self.ours.contains(ours)))
    }
}

/// Whether a name matches a pattern, in which * matches anything.
pub fn like(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    name.strip_prefix(first)
        .is_some_and(|name| (0..=name.len()).any(|at| name.is_char_boundary(at) && like(rest, &name[at..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(case: &str, line: &str, failed: bool) -> Difference {
        Difference {
            case: case.into(),
            line: line.into(),
            peer: None,
            ours: None,
            failed,
        }
    }

    #[test]
    fn patterns_have_stars() {
        for (pattern, name, want) in [
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*b", "abc", false),
            ("abc", "abc", true),
            ("ab", "abc", false),
        ] {
            assert_eq!(like(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn only_what_is_listed_is_meant() {
        let known = "[[difference]]\nscenario = 'a*'\nlines = ['act.ring']\nfailed = true\nreason = 'x'\n";
        let known = Known::parse(known).unwrap();
        let all = [
            difference("ab now none", "act.ring.flags", true),
            difference("ab now none", "act.ring.flags", false),
            difference("b now none", "act.ring.flags", true),
        ];
        let checked = known.check(&all, true);
        assert_eq!(checked.unlisted.len(), 2);
        assert!(checked.untrue.is_empty());
        assert_eq!(known.check(&all[1..], true).untrue.len(), 1);
        assert!(known.check(&all[1..], false).untrue.is_empty());
    }
}
