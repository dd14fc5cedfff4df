//! The operations (`test-c/fuzz/table.h`), and how programs of them are drawn.

use anyhow::{Context, Result, bail};
use base::root;
#[allow(clippy::wildcard_imports, reason = "the kernel's flags, by their own names")]
use ironring_abi::uapi::*;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use std::fs;

/// The operations in the table's order.
pub struct Table(Vec<Row>);

struct Row {
    weight: u32,
    name: String,
    kinds: Vec<String>,
}

/// One operation with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub operation: u32,
    pub arguments: [u32; 4],
}

/// How many operations are drawn: never more than the interpreter takes.
const LENGTH: std::ops::Range<usize> = 1..160;

impl Table {
    pub fn read() -> Result<Self> {
        let path = root().join("test-c/fuzz/table.h");
        let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        let mut rows = Vec::new();
        for line in text.lines() {
            let Some(inside) = line.strip_prefix("OP(").and_then(|rest| rest.strip_suffix(')')) else {
                continue;
            };
            let words: Vec<_> = inside.split(", ").collect();
            let [weight, name, kinds @ ..] = &words[..] else {
                bail!("{}: {line}", path.display());
            };
            rows.push(Row {
                weight: weight.parse().with_context(|| line.to_owned())?,
                name: (*name).to_owned(),
                kinds: kinds.iter().map(ToString::to_string).collect(),
            });
        }
        Ok(Self(rows))
    }

    pub fn name(&self, step: Step) -> &str {
        &self.0[step.operation as usize].name
    }

    /// A step, written as a call.
    pub fn show(&self, step: Step) -> String {
        let row = &self.0[step.operation as usize];
        let arguments: Vec<_> = step.arguments[..row.kinds.len()].iter().map(u32::to_string).collect();
        format!("{}({})", row.name, arguments.join(","))
    }

    /// Parses a program of steps as `show` writes them.
    pub fn parse(&self, line: &str) -> Result<Vec<Step>> {
        line.split_whitespace().map(|word| self.step(word)).collect()
    }

    fn step(&self, word: &str) -> Result<Step> {
        let wrong = || format!("not an operation of test-c/fuzz/table.h: {word}");
        let (name, rest) = word.split_once('(').with_context(wrong)?;
        let operation = self.0.iter().position(|row| row.name == name).with_context(wrong)?;
        let mut arguments = [0; 4];
        let given: Vec<_> = rest.trim_end_matches(')').split(',').collect();
        if given.len() != self.0[operation].kinds.len() {
            bail!(wrong());
        }
        for (argument, text) in arguments.iter_mut().zip(given) {
            *argument = text.parse().with_context(wrong)?;
        }
        Ok(Step {
            operation: u32::try_from(operation)?,
            arguments,
        })
    }

    /// Random programs: a ring first, then anything.
    pub fn programs(&self) -> Result<BoxedStrategy<Vec<Step>>> {
        let mut all = Vec::new();
        let mut init = None;
        for (operation, row) in self.0.iter().enumerate() {
            let mut kinds = [const { None }; 4];
            for (slot, name) in kinds.iter_mut().zip(&row.kinds) {
                *slot = Some(kind(name).with_context(|| format!("test-c/fuzz/table.h: {}: {name}", row.name))?);
            }
            let kinds = kinds.map(|kind| kind.unwrap_or_else(|| Just(0).boxed()));
            let operation = u32::try_from(operation)?;
            let step = move |arguments| Step { operation, arguments };
            if row.name == "ring_init" {
                let [_, entries, setup, cq] = kinds.clone();
                init = Some([Just(0).boxed(), entries, setup, cq].prop_map(step));
            }
            all.push((row.weight, kinds.prop_map(step).boxed()));
        }
        let init = init.context("test-c/fuzz/table.h has no ring_init")?;
        let any = Union::new_weighted(all);
        Ok((init, proptest::collection::vec(any, LENGTH))
            .prop_map(|(init, mut rest)| {
                rest.insert(0, init);
                rest
            })
            .boxed())
    }
}

/// The values of a kind of argument, the simplest first, for shrinking.
fn kind(name: &str) -> Option<BoxedStrategy<u32>> {
    Some(match name {
        "RING" => weighted(&[(8, 0), (3, 1), (1, 2)]),
        // The last one is for requests that are awaited at once.
        "ANY" => weighted(&[(8, 0), (3, 1), (1, 2), (4, 3)]),
        "LONE" => weighted(&[(15, 3), (1, 0)]),
        "ENTRIES" => select(vec![8, 4, 2, 1, 16, 8, 4, 3, 5, 64, 0, 300, 40000]).boxed(),
        "CQ_ENTRIES" => select(vec![0, 8, 4, 2, 1, 16, 7, 64, 100_000]).boxed(),
        "SETUP" => setup(),
        "SIZE" => select(vec![0, 1, 10, 100, 500, 1000]).boxed(),
        "BIT" | "GROUP" => (0..2u32).boxed(),
        "NUMBER" => (0..32u32).boxed(),
        "OPCODE" => (0..80u32).boxed(),
        "COMMAND" => (0..40u32).boxed(),
        "SQE_FLAGS" => weighted(&[
            (8, 0),
            (4, IOSQE_IO_LINK),
            (2, IOSQE_IO_HARDLINK),
            (2, IOSQE_CQE_SKIP_SUCCESS),
            (2, IOSQE_BUFFER_SELECT),
            (2, IOSQE_FIXED_FILE),
            (1, IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS),
        ]),
        "FD" | "TARGET" | "TIME" => (0..8u32).boxed(),
        "SLOT" => (0..10u32).boxed(),
        "COUNT" => select(vec![0, 1, 1, 1, 2, 3, 4, 8, 20]).boxed(),
        "MASK" => (0..3u32).boxed(),
        _ => return None,
    })
}

/// A ring's flags: sets that make sense, or two of them at once, which often don't.
fn setup() -> BoxedStrategy<u32> {
    let both = (sets(), sets()).prop_map(|(one, other)| one | other);
    Union::new_weighted(vec![(4, sets()), (1, both.boxed())]).boxed()
}

/// Flags that make sense together, and some that don't.
fn sets() -> BoxedStrategy<u32> {
    let deferred = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    weighted(&[
        (12, 0),
        (10, deferred),
        (2, deferred | IORING_SETUP_TASKRUN_FLAG),
        (2, IORING_SETUP_COOP_TASKRUN),
        (2, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG),
        (2, IORING_SETUP_SINGLE_ISSUER),
        (3, IORING_SETUP_SUBMIT_ALL),
        (4, IORING_SETUP_CQE32),
        (4, IORING_SETUP_SQE128),
        (2, IORING_SETUP_SQE128 | IORING_SETUP_CQE32),
        (2, IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | deferred),
        (4, IORING_SETUP_CQE_MIXED),
        (4, IORING_SETUP_CQE_MIXED | deferred),
        (2, IORING_SETUP_CQE_MIXED | IORING_SETUP_CQSIZE),
        (4, IORING_SETUP_CQSIZE),
        (3, IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP),
        (2, IORING_SETUP_CLAMP),
        (3, IORING_SETUP_NO_SQARRAY),
        (3, IORING_SETUP_R_DISABLED),
        (2, IORING_SETUP_R_DISABLED | deferred),
        (3, IORING_SETUP_IOPOLL),
        (1, IORING_SETUP_IOPOLL | IORING_SETUP_SINGLE_ISSUER),
        (3, IORING_SETUP_SQPOLL),
        (1, IORING_SETUP_SQPOLL | IORING_SETUP_CQE32),
        (2, IORING_SETUP_SQE_MIXED),
        (2, IORING_SETUP_SQE_MIXED | IORING_SETUP_CQE_MIXED),
        (2, IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY),
        (3, IORING_SETUP_NO_MMAP),
        (2, IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY),
        (1, IORING_SETUP_REGISTERED_FD_ONLY),
        (1, IORING_SETUP_CQE_MIXED | IORING_SETUP_CQE32),
        (1, IORING_SETUP_TASKRUN_FLAG),
        (1, 1 << 31),
    ])
}

fn weighted(values: &[(u32, u32)]) -> BoxedStrategy<u32> {
    let values = values.iter().map(|&(weight, value)| (weight, Just(value)));
    Union::new_weighted(values.collect()).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_a_line_and_back() {
        let table = Table::read().unwrap();
        let line = "ring_init(0,8,0,0) nop(0,4,5) submit(0)";
        let program = table.parse(line).unwrap();
        assert_eq!(program[1].arguments, [0, 4, 5, 0]);
        let shown: Vec<_> = program.iter().map(|&step| table.show(step)).collect();
        assert_eq!(shown.join(" "), line);
        assert!(table.parse("nop(0)").is_err());
        assert!(table.parse("nothing(0)").is_err());
    }

    #[test]
    fn every_kind_of_argument_is_known() {
        let _ = Table::read().unwrap().programs().unwrap();
    }
}
