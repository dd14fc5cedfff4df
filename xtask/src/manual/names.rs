//! Whether the errno values, flags, functions and structures that a page names exist.

use super::page::{Page, Problem};
use super::tree::{self, Inline};
use crate::util::{self, root};
use anyhow::Result;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// Names with one of these beginnings are the API's.
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

/// Such names that no header holds.
const ELSEWHERE: &[&str] = &["io_uring_disabled", "io_uring_group", "io_uring"];

/// Every word of our headers and of those that they include.
pub fn words() -> Result<BTreeSet<String>> {
    util::need("cc", "gcc")?;
    let folder = root().join("target/manual");
    fs::create_dir_all(&folder)?;
    let source = folder.join("names.c");
    fs::write(
        &source,
        "#define _GNU_SOURCE\n#include <liburing.h>\n#include <errno.h>\n",
    )?;
    let mut cc = Command::new("cc");
    // With -dD macros stay visible.
    cc.args(["-E", "-dD", "-I"]).arg(root().join("include")).arg(&source);
    let text = util::stdout(&mut cc)?;
    Ok(identifiers(&text).map(str::to_string).collect())
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// Names on the page that nothing defines.
pub fn unknown(page: &Page, words: &BTreeSet<String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for section in &page.sections {
        tree::walk(&section.nodes, &mut |line, inlines| {
            for inline in inlines {
                let (text, code) = match inline {
                    Inline::Code(text) => (text, true),
                    Inline::Text(text) | Inline::Strong(text) => (text, false),
                    Inline::Reference(..) => continue,
                };
                for word in strangers(text, code, words) {
                    problems.push(page.problem(line, format!("{word}: no header defines it")));
                }
            }
        });
    }
    problems
}

fn strangers<'a>(text: &'a str, code: bool, words: &BTreeSet<String>) -> Vec<&'a str> {
    let mut out = Vec::new();
    // `IORING_SETUP_*` stands for all that begin so.
    let groups: Vec<&str> = text
        .split('*')
        .map(|part| {
            part.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default()
        })
        .collect();
    for word in identifiers(text) {
        let api = API.iter().any(|start| word.starts_with(start)) && !ELSEWHERE.contains(&word);
        let errno = code && errno_like(word);
        let group = text.contains('*') && groups.contains(&word) && words.iter().any(|known| known.starts_with(word));
        if (api || errno) && !words.contains(word) && !group {
            out.push(word);
        }
    }
    out
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
    fn only_names_that_nothing_defines_are_strangers() {
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
            assert!(strangers(good, true, &words).is_empty(), "{good}");
        }
        for (bad, word) in [
            ("-EINVALID", "EINVALID"),
            ("IORING_SETUP_X", "IORING_SETUP_X"),
            ("IORING_ENTER_*", "IORING_ENTER_"),
            ("io_uring_go()", "io_uring_go"),
        ] {
            assert_eq!(strangers(bad, true, &words), [word]);
        }
        assert!(strangers("EITHER of them", false, &words).is_empty());
    }
}
