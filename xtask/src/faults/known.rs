//! The ledger of differences that are meant. An entry that is no longer true fails the run.

use super::Difference;
use crate::util::root;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;

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
    /// All when left out.
    world: Option<String>,
    lines: Vec<String>,
    #[serde(default)]
    failed: bool,
    /// What ours may be; anything when left out.
    #[serde(default)]
    ours: Vec<String>,
    reason: String,
}

pub struct Judged<'a> {
    pub unlisted: Vec<&'a Difference>,
    /// The cases with differences that are all meant.
    pub listed: BTreeSet<&'a str>,
    pub untrue: Vec<String>,
}

impl Known {
    pub fn read() -> Result<Self> {
        let path = root().join("test-c/faults/known.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
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

    /// `complete`: every scenario was run, so that each line of each entry must have been seen.
    pub fn judge<'a>(&self, differences: &'a [Difference], complete: bool) -> Judged<'a> {
        let mut seen = BTreeSet::new();
        let mut unlisted = Vec::new();
        for difference in differences {
            let mut listed = false;
            for (index, entry) in self.difference.iter().enumerate() {
                for (nth, _) in entry
                    .lines
                    .iter()
                    .enumerate()
                    .filter(|(_, line)| entry.says(difference, line))
                {
                    listed = true;
                    seen.insert((index, nth));
                }
            }
            if !listed {
                unlisted.push(difference);
            }
        }
        let mut listed: BTreeSet<_> = differences.iter().map(|it| it.case.as_str()).collect();
        for difference in &unlisted {
            listed.remove(difference.case.as_str());
        }
        let mut untrue = Vec::new();
        for (index, entry) in self.difference.iter().enumerate().filter(|_| complete) {
            for (nth, line) in entry.lines.iter().enumerate() {
                if !seen.contains(&(index, nth)) {
                    untrue.push(format!("{}, {line}: no difference seen", entry.scenario));
                }
            }
        }
        Judged {
            unlisted,
            listed,
            untrue,
        }
    }
}

impl Entry {
    fn says(&self, difference: &Difference, line: &str) -> bool {
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

/// Whether a name is what a pattern says, in which * stands for anything.
fn like(pattern: &str, name: &str) -> bool {
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
        let judged = known.judge(&all, true);
        assert_eq!(judged.unlisted.len(), 2);
        assert!(judged.untrue.is_empty());
        assert!(judged.listed.is_empty(), "its other difference is not listed");
        assert_eq!(known.judge(&all[1..], true).untrue.len(), 1);
        assert!(known.judge(&all[1..], false).untrue.is_empty());
    }
}
