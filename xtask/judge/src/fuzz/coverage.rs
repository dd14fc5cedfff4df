//! Which opcodes and which commands of io_uring_register() the programs have used, as the traces tell at their end.

use super::known::Never;
use anyhow::{Context, Result, bail, ensure};
use base::root;
use std::collections::BTreeMap;
use std::fs;

/// How often something was asked for, and how often that succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    done: u64,
    asked: u64,
}

/// By the kind in a trace, `o` for opcodes and `c` for commands, and the number.
#[derive(Default)]
pub struct Coverage(BTreeMap<(char, u32), Count>);

impl Coverage {
    /// Adds what a trace says: `used: o0:3/4 c12:0/1`.
    pub fn add(&mut self, trace: &str) {
        let Some(line) = trace.lines().find_map(|line| line.strip_prefix("used:")) else {
            return;
        };
        for word in line.split_whitespace() {
            if let Some((key, count)) = parse(word) {
                let sum = self.0.entry(key).or_default();
                sum.done += count.done;
                sum.asked += count.asked;
            }
        }
    }

    /// Fails with the names of what was not used, or never with success and without a reason.
    pub fn check(&self, never: &[&Never]) -> Result<String> {
        let mut wrong = Vec::new();
        let mut said = Vec::new();
        let mut refused = Vec::new();
        for (kind, what, file, prefixes) in KINDS {
            let names = names(file, prefixes)?;
            ensure!(!names.is_empty(), "there are no {what} in {file}");
            let mut succeeded = 0;
            for (number, name) in &names {
                let count = self.0.get(&(kind, *number)).copied().unwrap_or_default();
                let excused = never.iter().find(|never| never.name == *name);
                succeeded += u32::from(count.done != 0);
                match excused {
                    None if count.asked == 0 => wrong.push(format!("{name}: no operation in test-c/fuzz uses it")),
                    None if count.done == 0 => wrong.push(format!("{name}: it never succeeds")),
                    Some(_) if count.done != 0 => wrong.push(format!("{name}: it succeeds, but known.toml says never")),
                    Some(never) => refused.push(format!("{name} never succeeds: {}", never.reason)),
                    None => {}
                }
            }
            said.push(format!("{} {what}, {succeeded} with success", names.len()));
        }
        if !wrong.is_empty() {
            bail!("{}", wrong.join("\n"));
        }
        Ok([vec![said.join("; ")], refused].concat().join("\n"))
    }
}

/// A word of the line: `o22:5/3`.
fn parse(word: &str) -> Option<((char, u32), Count)> {
    let (key, counts) = word.split_once(':')?;
    let (done, asked) = counts.split_once('/')?;
    let kind = key.chars().next()?;
    let number = key.get(1..)?.parse().ok()?;
    Some((
        (kind, number),
        Count {
            done: done.parse().ok()?,
            asked: asked.parse().ok()?,
        },
    ))
}

/// The kinds: their letter, what they are, the file that defines them, and how their names begin.
const KINDS: [(char, &str, &str, &[&str]); 2] = [
    ('o', "opcodes", "crates/abi/src/uapi/opcodes.rs", &["IORING_OP_"]),
    (
        'c',
        "commands",
        "crates/abi/src/uapi/register.rs",
        &["IORING_REGISTER_", "IORING_UNREGISTER_"],
    ),
];

/// The numbers and names of an enum's variants.
fn names(file: &str, prefixes: &[&str]) -> Result<Vec<(u32, String)>> {
    let text = fs::read_to_string(root().join(file)).with_context(|| format!("can't read {file}"))?;
    let variant = |line: &str| {
        let (name, value) = line.trim().strip_suffix(',')?.split_once(" = ")?;
        let is_one = prefixes.iter().any(|prefix| name.starts_with(prefix));
        is_one
            .then(|| value.parse().ok())?
            .map(|number| (number, name.to_owned()))
    };
    Ok(text.lines().filter_map(variant).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        for (_, _, file, prefixes) in KINDS {
            let names = names(file, prefixes).unwrap();
            let numbers: Vec<_> = names.iter().map(|(number, _)| *number).collect();
            // All of them, one after the other.
            assert!((0..).zip(&numbers).all(|(at, &number)| at == number), "{names:?}");
            assert!(numbers.len() > 30);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut coverage = Coverage::default();
        coverage.add("0 nop(): 0\n\nend: data 0x0\nused: o0:1/2 o1:0/3 c4:1/1\n");
        coverage.add("used: o0:0/1");
        let counted = |key| coverage.0[&key];
        assert_eq!(counted(('o', 0)), Count { done: 1, asked: 3 });
        let wrong = coverage.check(&[]).unwrap_err().to_string();
        assert!(!wrong.contains("IORING_OP_NOP:"));
        assert!(wrong.contains("IORING_OP_READV: it never succeeds"));
        assert!(wrong.contains("IORING_OP_WRITEV: no operation"));
        assert!(wrong.contains("IORING_REGISTER_BUFFERS: no operation"));
    }
}
