//! What a fault may change of what the program sees.

use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};

/// `ECANCELED`, the result of what followed a failed request in its chain.
const CANCELED: i64 = -125;
/// `EMFILE`, `ENFILE`, `ENOMEM` and `EAGAIN`: what there is no more of.
const SHORT: [i64; 4] = [-24, -23, NO_MEMORY, -11];
/// `ENOENT`, the result of canceling a request that has failed.
const NOT_FOUND: i64 = -2;
/// `ENOMEM`, the kernel's error for whatever can't be had.
const NO_MEMORY: i64 = -12;

/// What a family's program saw: in the round with the fault, and afterwards.
#[derive(Clone, Debug, Default)]
struct Seen {
    lines: Vec<String>,
    again: Vec<String>,
    /// The process did not end by itself, or printed something.
    ends: Vec<String>,
}

impl Seen {
    fn add(&mut self, line: &str) {
        let key = line.split(['=', ' ']).next().unwrap_or_default();
        if ["late", "killed", "exited", "printed", "hangs"].contains(&key) {
            self.ends.push(line.to_owned());
        } else if line == "again" || !self.again.is_empty() {
            self.again.push(line.to_owned());
        } else if !line.is_empty() {
            self.lines.push(line.to_owned());
        }
    }
}

impl Seen {
    /// The results of the last round.
    fn results(&self) -> &[String] {
        self.again.split_last().map_or(&[], |(_, results)| results)
    }

    /// What is left after it: descriptors, and bytes of shared memory.
    fn left(&self) -> Option<[u64; 2]> {
        let (fds, bytes) = self.again.last()?.strip_prefix("left=")?.split_once('/')?;
        Some([fds.parse().ok()?, bytes.parse().ok()?])
    }
}

/// A family of operations with its run without faults.
#[derive(Debug)]
pub struct Family {
    pub name: String,
    pub calls: BTreeSet<String>,
    pub cases: Vec<Case>,
    seen: Seen,
}

/// One fault.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    pub call: String,
    pub how: How,
    /// The error's name, for partial transfers `half`.
    pub error: String,
    number: i64,
    pub hits: u32,
    /// The thread that met it: `main`, or the engine's.
    role: String,
    phase: String,
    /// The call does the work of the family's requests.
    own: bool,
    seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Once,
    Ever,
    Part,
    /// A signal comes while the main thread makes the call.
    Signal,
    /// From this call on there is no more of what calls like it need.
    Group,
}

/// What is wrong with a case.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// The error of a call that is not the request's own became a result.
    Arrives(String),
    /// The error of the request's own call did not.
    Unnoticed,
    /// Other results than those of the fault.
    Differs(String),
    /// The process did not end by itself, something is left, or the next round has other results.
    Wrong(String),
}

impl Family {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            calls: BTreeSet::new(),
            cases: Vec::new(),
            seen: Seen::default(),
        }
    }

    pub fn line(&mut self, line: &str) {
        if !line.starts_with("met=") {
            self.seen.add(line);
        }
    }

    /// What is wrong without any fault: the family can't be judged.
    pub fn broken(&self) -> Option<String> {
        if !self.seen.ends.is_empty() {
            return Some(self.seen.ends.join(", "));
        }
        let bad = |line: &&String| line.starts_with("stuck") || line.starts_with("wait=");
        self.seen.lines.iter().find(bad).cloned()
    }
}

impl Case {
    pub fn parse(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let [family, place, how, error, number] = words[..] else {
            anyhow::bail!("not a case: {text}");
        };
        let call = place.split('#').next().unwrap_or_default();
        let how = match how {
            "once" => How::Once,
            "ever" => How::Ever,
            "part" => How::Part,
            "signal" => How::Signal,
            "group" => How::Group,
            _ => anyhow::bail!("not a kind of fault: {how}"),
        };
        Ok(Self {
            name: format!("{family}: {place} {} {error}", words[2]),
            call: call.to_owned(),
            how,
            error: error.to_owned(),
            number: number.parse().context("an error without a number")?,
            hits: 0,
            role: String::new(),
            phase: String::new(),
            own: false,
            seen: Seen::default(),
        })
    }

    pub fn line(&mut self, line: &str) -> Result<()> {
        let Some(rest) = line.strip_prefix("met=") else {
            self.seen.add(line);
            return Ok(());
        };
        let parts: Vec<&str> = rest.split(['/', ' ']).collect();
        ensure!(parts.len() == 4, "not what was met: {line}");
        self.hits = parts[0].parse().context("a number of faults")?;
        (self.role, self.phase) = (parts[1].to_owned(), parts[2].to_owned());
        self.own = parts[3] == "own=1";
        Ok(())
    }

    /// Where the fault was met, and what the program saw, for people.
    pub fn show(&self, what: &str) -> String {
        format!("{} ({}, phase {}): {what}", self.name, self.role, self.phase)
    }

    pub fn judge(&self, family: &Family) -> Option<Finding> {
        if !self.seen.ends.is_empty() {
            return Some(Finding::Wrong(self.seen.ends.join(", ")));
        }
        // A call that is refused stays refused.
        let refused = self.how == How::Ever && ["EPERM", "ENOSYS"].contains(&self.error.as_str());
        let same = self.seen.results() == family.seen.results() || refused;
        if !same
            || self
                .seen
                .left()
                .is_none_or(|left| family.seen.left().is_none_or(|most| left > most))
        {
            let differs = difference(&family.seen.again, &self.seen.again);
            return Some(Finding::Wrong(format!("afterwards {differs}")));
        }
        if self.hits == 0 {
            return None;
        }
        if self.seen.lines == family.seen.lines {
            let must = self.own && self.how == How::Once && self.phase == "a" && self.error != "EINTR";
            return must.then_some(Finding::Unnoticed);
        }
        match self.changes(family) {
            Err(what) => Some(Finding::Differs(what)),
            Ok(()) if self.how == How::Part => None,
            // Signals never reach the kernel's requests.
            Ok(()) if self.how == How::Group || self.how != How::Signal && (self.own || self.phase == "s") => None,
            Ok(()) => Some(Finding::Arrives(difference(&family.seen.lines, &self.seen.lines))),
        }
    }

    /// Whether a result is that of the fault.
    fn is_error(&self, value: i64) -> bool {
        if self.how == How::Group && SHORT.contains(&value) {
            return true;
        }
        let short = ["EMFILE", "ENFILE", "ENODEV", "ENOSPC", "EAGAIN"].contains(&self.error.as_str());
        let memory = value == NO_MEMORY && (short || self.call == "clone3");
        value == -self.number && self.how != How::Part || memory
    }

    /// Whether everything that differs is the fault's error, or follows from it.
    fn changes(&self, family: &Family) -> Result<(), String> {
        let (before, after) = (values(&family.seen.lines), values(&self.seen.lines));
        let differs = || difference(&family.seen.lines, &self.seen.lines);
        // After an error what else would have been done is missing.
        let mut failed = false;
        for (key, now) in &after {
            let was = before.get(key);
            if was == Some(now) {
                continue;
            }
            for value in now.iter().filter(|value| was.is_none_or(|was| !was.contains(value))) {
                let result: Option<i64> = value.split('/').next().and_then(|value| value.parse().ok());
                let follows =
                    |result| result == CANCELED || (self.own || self.how == How::Group) && result == NOT_FOUND;
                let error = result.is_some_and(|result| self.is_error(result) || follows(result));
                failed |= error;
                let part = self.how == How::Part && result.is_some_and(|result| result > 0) && key.starts_with("cqe");
                let follows = [
                    "data", "sizes", "ends", "slots", "child", "there", "first", "value", "signal",
                ];
                let follows = follows.contains(&key.as_str()) && value != "wrong";
                if !(error || part || follows) {
                    return Err(differs());
                }
            }
        }
        let missing = before.keys().any(|key| !after.contains_key(key));
        if missing && !failed && self.how != How::Part {
            return Err(differs());
        }
        Ok(())
    }
}

/// The values of each key; those of completions are kept apart by their user data.
fn values(lines: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines {
        let (mut key, mut value) = line.split_once('=').unwrap_or((line, ""));
        let numbered = value
            .split_once('/')
            .map(|(data, rest)| (format!("{key} {data}"), rest));
        let of_completion;
        if let ("cqe", Some((name, rest))) = (key, numbered) {
            of_completion = name;
            (key, value) = (&of_completion, rest);
        }
        all.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    all
}

/// The lines that differ, for people.
fn difference(before: &[String], after: &[String]) -> String {
    let only = |these: &[String], others: &[String]| -> Vec<String> {
        these.iter().filter(|line| !others.contains(line)).cloned().collect()
    };
    format!(
        "{} instead of {}",
        some(&only(after, before)),
        some(&only(before, after))
    )
}

fn some(lines: &[String]) -> String {
    if lines.is_empty() {
        "nothing".to_owned()
    } else {
        lines.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(lines: &str) -> Family {
        let mut family = Family::new("a");
        lines.lines().for_each(|line| family.line(line));
        family
    }

    fn case(fault: &str, met: &str, lines: &str) -> Case {
        let mut case = Case::parse(fault).unwrap();
        case.line(met).unwrap();
        lines.lines().for_each(|line| case.line(line).unwrap());
        case
    }

    const GOOD: &str = "init=0\ncqe=1/100/0\ncqe=2/0/0\ndata=right\nagain\ninit=0\nleft=5/0";

    #[test]
    fn own_errors_must_arrive() {
        let family = family(GOOD);
        let judge = |fault, met, lines: &str| case(fault, met, lines).judge(&family);
        let failed = GOOD.replacen("1/100/0", "1/-5/0", 1).replacen("data=right\n", "", 1);
        assert_eq!(judge("a read#1 once EIO 5", "met=1/main/a own=1", &failed), None);
        let chain = failed.replace("2/0/0", "2/-125/0");
        assert_eq!(judge("a read#1 once EIO 5", "met=1/main/a own=1", &chain), None);
        let same = judge("a read#1 once EIO 5", "met=1/main/a own=1", GOOD);
        assert_eq!(same, Some(Finding::Unnoticed));
        let other = judge("a fcntl#1 once EIO 5", "met=1/main/a own=0", &failed);
        assert!(matches!(other, Some(Finding::Arrives(_))), "{other:?}");
        assert_eq!(judge("a fcntl#1 once EIO 5", "met=1/main/a own=0", GOOD), None);
        let wrong = judge("a read#1 once EIO 5", "met=1/main/a own=1", &failed.replace("-5", "-6"));
        assert!(matches!(wrong, Some(Finding::Differs(_))), "{wrong:?}");
    }

    #[test]
    fn short_transfers_keep_their_data() {
        let family = family(GOOD);
        let judge = |lines: &str| case("a read#1 part half 0", "met=1/main/a own=1", lines).judge(&family);
        assert_eq!(judge(&GOOD.replacen("1/100/0", "1/50/0", 1)), None);
        let wrong = GOOD.replacen("1/100/0", "1/50/0", 1).replacen("right", "wrong", 1);
        assert!(matches!(judge(&wrong), Some(Finding::Differs(_))));
    }

    #[test]
    fn ends_leaks_and_lost_completions_are_wrong() {
        let family = family(GOOD);
        let all = [
            format!("{GOOD}\nlate"),
            format!("{GOOD}\nkilled=6"),
            format!("{GOOD}\nprinted=a"),
            GOOD.replace("left=5", "left=6"),
            GOOD.replacen("cqe=2/0/0", "stuck=1", 1),
            GOOD.replacen("cqe=2/0/0\n", "", 1),
            GOOD.replacen("again\ninit=0", "again\ninit=-5", 1),
        ];
        for lines in all {
            let found = case("a read#1 once EAGAIN 11", "met=1/main/a own=0", &lines).judge(&family);
            assert!(
                matches!(found, Some(Finding::Wrong(_) | Finding::Differs(_))),
                "{lines}: {found:?}"
            );
        }
    }

    #[test]
    fn setup_fails_with_the_error() {
        let family = family(GOOD);
        let failed = "init=-24\nagain\ninit=0\nleft=5/0";
        let judge = |fault| case(fault, "met=1/main/s own=0", failed).judge(&family);
        assert_eq!(judge("a eventfd2#1 once EMFILE 24"), None);
        assert!(matches!(
            judge("a eventfd2#1 once ENFILE 23"),
            Some(Finding::Differs(_))
        ));
    }
}
