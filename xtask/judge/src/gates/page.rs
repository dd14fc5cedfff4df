//! The page gate: the functions that a program calls for each request are on one page of the shared library.

use super::elf::Elf;
use super::{Gates, list};
use std::collections::BTreeSet;

/// The smallest page size.
const PAGE: u64 = 4096;

/// The functions that programs call for each request or batch.
const EACH_TIME: [&str; 9] = [
    "io_uring_submit",
    "io_uring_submit_and_wait",
    "io_uring_submit_and_get_events",
    "io_uring_submit_and_wait_timeout",
    "io_uring_peek_batch_cqe",
    "io_uring_get_events",
    "__io_uring_get_cqe",
    "io_uring_wait_cqe_timeout",
    "io_uring_wait_cqes",
];

impl Gates {
    pub fn one_page(&mut self, elf: &Elf) {
        let found = |name: &&str| elf.ranges.contains_key(*name);
        let missing: Vec<String> = EACH_TIME
            .into_iter()
            .filter(|name| !found(name))
            .map(String::from)
            .collect();
        let pages: BTreeSet<u64> = EACH_TIME
            .iter()
            .filter_map(|name| elf.ranges.get(*name))
            .flat_map(|range| [range.start, range.end - 1])
            .map(|at| at / PAGE)
            .collect();
        let mut wrong = list("missing", &missing);
        if self.limited(elf) && pages.len() != 1 {
            wrong.push(format!("more than one: {pages:x?} times {PAGE}"));
        }
        self.gate(
            "pages for each request",
            pages.len(),
            &wrong,
            "src/archive.ld groups them: run nm -n on the library, and add what has moved",
        );
    }
}
