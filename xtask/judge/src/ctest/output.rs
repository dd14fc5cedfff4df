//! What a test program prints: its cases and how they ended.

use super::program::Counts;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

/// How much of a failed program's log is shown.
const TAIL_LINES: usize = 15;

/// How many lines of a failed case are its reason.
const REASON_LINES: usize = 2;

/// What the lines of a stack begin with.
pub const STACK: &str = "  | ";

/// The status of a program that exceeded its limit, as timeout(1) has it.
pub const LATE: i32 = 124;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub name: String,
    pub end: End,
}

/// How a case ended, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Passed,
    Failed(String),
    Skipped(String),
}

/// The text of a log, or why it can't be read.
pub fn read(path: &Path) -> String {
    fs::read(path).map_or_else(
        |error| error.to_string(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

/// The cases in the output; and a note if there was a failure outside the cases.
pub fn parse(text: &str, status: Option<ExitStatus>) -> (Vec<Case>, Option<String>) {
    let mut cases = Vec::new();
    let mut reason = "";
    let mut said = Vec::new();
    let mut summary = None;
    for line in text.lines() {
        let (name, end) = if let Some(name) = line.strip_prefix("ok ") {
            (name, End::Passed)
        } else if let Some(name) = line.strip_prefix("FAIL ") {
            let start = said.len().saturating_sub(REASON_LINES);
            (name, End::Failed(said[start..].join("; ")))
        } else if let Some(name) = line.strip_prefix("skip ") {
            (name, End::Skipped(std::mem::take(&mut reason).to_owned()))
        } else {
            if let Some(found) = line.strip_prefix("  reason: ") {
                reason = found;
            } else if line.ends_with(" skipped") {
                summary = Some(line);
            }
            if !line.starts_with(STACK) {
                said.push(line.trim());
            }
            continue;
        };
        said.clear();
        cases.push(Case {
            name: name.to_owned(),
            end,
        });
    }
    let note = status.and_then(|status| note(&cases, summary, status));
    (cases, note)
}

/// What is wrong with the end of a program.
fn note(cases: &[Case], summary: Option<&str>, status: ExitStatus) -> Option<String> {
    let counts = count(cases);
    let expected = format!(
        "{} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    );
    if status.code() == Some(LATE) {
        Some("the program exceeded its time limit".to_owned())
    } else if let Some(signal) = status.signal() {
        Some(format!("the program was killed by signal {signal}"))
    } else if summary != Some(expected.as_str()) {
        Some(format!(
            "the program ended ({status}) without the expected last line: {expected}"
        ))
    } else if counts == Counts::default() {
        Some("the program has no cases".to_owned())
    } else if status.success() != (counts.failed == 0) {
        Some(format!("the program ended with {status}"))
    } else {
        None
    }
}

pub fn count(cases: &[Case]) -> Counts {
    let mut counts = Counts::default();
    for case in cases {
        match case.end {
            End::Passed => counts.passed += 1,
            End::Failed(_) => counts.failed += 1,
            End::Skipped(_) => counts.skipped += 1,
        }
    }
    counts
}

/// The skipped cases, with their reasons.
pub fn skips(cases: &[Case]) -> Vec<(String, String)> {
    let skip = |case: &Case| match &case.end {
        End::Skipped(reason) => Some((case.name.clone(), reason.clone())),
        _ => None,
    };
    cases.iter().filter_map(skip).collect()
}

/// The last lines of a program, without those of passed cases, or a compiler's first lines, where the cause is.
pub fn tail(text: &str, note: Option<String>, ran: bool) -> Vec<String> {
    if !ran {
        return text.lines().take(TAIL_LINES).map(str::to_owned).collect();
    }
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("ok ") && !line.starts_with(STACK))
        .map(str::to_owned)
        .chain(note)
        .collect();
    lines.drain(..lines.len().saturating_sub(TAIL_LINES));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u32, failed: u32, skipped: u32) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    /// A failure outside the cases counts as one more.
    fn of(text: &str, wait_status: i32) -> (Counts, Vec<Case>, Option<String>) {
        let (cases, note) = parse(text, Some(ExitStatus::from_raw(wait_status)));
        let mut counts = count(&cases);
        counts.failed += u32::from(note.is_some());
        (counts, cases, note)
    }

    #[test]
    fn cases_are_counted_and_skips_keep_their_reasons() {
        let text = "ok a\n  reason: no b here\nskip b\n  x.c:1: not true: c\nFAIL c\n1 passed, 1 failed, 1 skipped\n";
        let (found, cases, note) = of(text, 1 << 8);
        assert_eq!(found, counts(1, 1, 1));
        assert_eq!(skips(&cases), [("b".to_owned(), "no b here".to_owned())]);
        assert_eq!(cases[2].end, End::Failed("x.c:1: not true: c".to_owned()));
        assert_eq!(note, None);
    }

    #[test]
    fn an_end_without_the_last_line_is_a_failure() {
        for text in ["ok a\n", "", "ok a\n2 passed, 0 failed, 0 skipped\n"] {
            let (found, _, note) = of(text, 0);
            assert_eq!(found.failed, 1, "{text:?}");
            assert!(note.is_some());
        }
    }

    #[test]
    fn a_program_without_cases_or_with_a_wrong_end_is_a_failure() {
        assert_eq!(of("0 passed, 0 failed, 0 skipped\n", 0).0, counts(0, 1, 0));
        let all_well = "ok a\n1 passed, 0 failed, 0 skipped\n";
        assert_eq!(of(all_well, 0).0, counts(1, 0, 0));
        for end in [1 << 8, 124 << 8, 11] {
            assert_eq!(of(all_well, end).0, counts(1, 1, 0), "{end}");
        }
    }

    #[test]
    fn stacks_are_not_part_of_a_reason() {
        let text = "ok a\n  | #0 ppoll ()\n  still running after 10 s\nFAIL b\n1 passed, 1 failed, 0 skipped\n";
        let (_, cases, _) = of(text, 1 << 8);
        assert_eq!(cases[1].end, End::Failed("still running after 10 s".to_owned()));
        assert!(!tail(text, None, true).join("").contains("ppoll"));
    }
}
