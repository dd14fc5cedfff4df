//! Checks that the errno values, flags, functions and structures that a page names exist.

use anyhow::Result;
use base::compile::{self, Compile as _};
use base::root;
use generator::manual::page::{Page, Problem};
use generator::manual::tree::Inline;
use std::collections::BTreeSet;
use std::fs;

/// The prefixes of the API's names.
const API: &[&str] = &[
    "IORING_",
    "IOSQE_",
    "IOU_",
    "IO_URING_",
    "IO_WQ_",
    "SOCKET_URING_OP_",
    "LIBURING_",
    "ZCRX_",
    "io_uring",
];

/// Names with such a prefix that no header defines.
const ELSEWHERE: &[&str] = &["io_uring_disabled", "io_uring_group", "io_uring"];

/// Every word of our headers and of those that they include.
pub fn words() -> Result<BTreeSet<String>> {
    let source = root().join("target/manual/names.c");
    fs::create_dir_all(root().join("target/manual"))?;
    fs::write(
        &source,
        "#define _GNU_SOURCE\n#include <liburing.h>\n#include <errno.h>\n",
    )?;
    // -dD keeps macro definitions in the output.
    let text = base::stdout(
        compile::c()?
            .args(["-E", "-dD"])
            .include(root().join("include"))
            .arg(source),
    )?;
    Ok(identifiers(&text).map(str::to_string).collect())
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// Names on the page that nothing defines.
pub fn unknown(page: &Page, words: &BTreeSet<String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    page.walk(&mut |line, inlines| {
        for inline in inlines {
            let (text, code) = match inline {
                Inline::Code(text) => (text, true),
                Inline::Text(text) | Inline::Strong(text) => (text, false),
                Inline::Reference(..) => continue,
            };
            for word in undefined(text, code, words) {
                problems.push(page.problem(line, format!("{word}: no header defines it")));
            }
        }
    });
    problems
}

fn undefined<'a>(text: &'a str, code: bool, words: &BTreeSet<String>) -> Vec<&'a str> {
    let unknown = identifiers(text).filter(|word| {
        let api = API.iter().any(|start| word.starts_with(start)) && !ELSEWHERE.contains(word);
        // `IORING_SETUP_*` means all names with that prefix.
        let group = word.ends_with('_') && words.iter().any(|known| known.starts_with(word));
        (api || (code && errno_like(word))) && !words.contains(*word) && !group
    });
    unknown.collect()
}

/// `EINVAL`, and not `EPOLLIN` or `EXT_ARG`.
fn errno_like(word: &str) -> bool {
    let rest = word.strip_prefix('E').unwrap_or_default();
    (2..=14).contains(&rest.len())
        && !word.starts_with("EPOLL")
        && !word.starts_with("EFD")
        && rest.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_nothing_defines_are_reported() {
        let words = ["IORING_SETUP_SQPOLL", "IORING_SETUP_CQE32", "EINVAL", "io_uring_submit"];
        let words = words.iter().map(ToString::to_string).collect();
        for good in [
            "-EINVAL",
            "IORING_SETUP_*",
            "IORING_SETUP_SQPOLL | 4",
            "io_uring_submit(&ring)",
            "EPOLLIN",
            "EXT_ARG",
        ] {
            assert!(undefined(good, true, &words).is_empty(), "{good}");
        }
        for (bad, word) in [
            ("-EINVALID", "EINVALID"),
            ("IORING_SETUP_X", "IORING_SETUP_X"),
            ("IORING_ENTER_*", "IORING_ENTER_"),
            ("io_uring_go()", "io_uring_go"),
        ] {
            assert_eq!(undefined(bad, true, &words), [word]);
        }
        assert!(undefined("EITHER of them", false, &words).is_empty());
    }
}
