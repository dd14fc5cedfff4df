//! Checks the pages' statements about errors, results and lifetimes: a C program tests each, or a ledger says why none
//! can.

use super::lifetime::FORMS;
use crate::ctest::{self, Program};
use anyhow::{Context, Result};
use base::root;
use generator::manual::page::{Page, Problem};
use generator::manual::tree::{Kind, Node, plain};
use std::collections::BTreeMap;
use std::fs;

const LEDGER: &str = "test-c/manual/untested.toml";

/// An item of a list of errors with its causes, or sentences about results and lifetimes.
struct Statement<'a> {
    page: &'a Page,
    line: usize,
    errnos: Vec<String>,
    parts: Vec<String>,
}

/// How a test or the ledger names a statement: by words that only one part of the page, or of the errno there, has.
struct Name {
    path: String,
    line: usize,
    /// `*` in the ledger: all pages.
    page: String,
    errno: Option<String>,
    words: String,
    /// What else the statement must contain: for a lifetime, its end.
    form: &'static str,
    /// Why nothing tests it.
    reason: Option<String>,
}

/// Reports statements that nothing tests, and tests of what is not stated; prints counts.
pub fn check(pages: &[&Page], whole: bool) -> Result<Vec<Problem>> {
    let statements: Vec<Statement> = pages.iter().flat_map(|page| of(page)).collect();
    let mut reasons = BTreeMap::new();
    let mut problems = Vec::new();
    let names = names()?;
    // Tests precede the ledger: the first entry for a statement counts.
    for name in &names {
        let mut hits = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            let page = name.page == "*" || statement.page.name == name.page;
            let errno = name.errno.as_ref();
            if page && errno.map_or(statement.errnos.is_empty(), |errno| statement.errnos.contains(errno)) {
                let parts = statement
                    .parts
                    .iter()
                    .filter(|part| part.contains(&name.words) && part.contains(name.form));
                hits.extend(parts.map(|part| (at, part)));
            }
        }
        if hits.iter().filter(|(_, part)| part.starts_with(&name.words)).count() == 1 {
            hits.retain(|(_, part)| part.starts_with(&name.words));
        }
        let mut problem = |what| {
            let (path, line) = (name.path.clone(), name.line);
            problems.push(Problem { path, line, what });
        };
        let (known, here) = (name.page == "*", pages.iter().any(|page| page.name == name.page));
        if (hits.is_empty() && (whole || here)) || (hits.len() > 1 && !known) {
            let (errno, count) = (name.errno.as_deref().unwrap_or_default(), hits.len());
            problem(format!(
                "{} {errno}: {count} statements contain {:?}",
                name.page, name.words
            ));
        }
        let mut adds = name.reason.is_none() || known || hits.is_empty();
        for (at, part) in hits {
            for mark in [Some(part), name.errno.as_ref()].into_iter().flatten() {
                adds |= !reasons.contains_key(&(at, mark.clone()));
                reasons.entry((at, mark.clone())).or_insert(&name.reason);
            }
        }
        if !adds {
            problem(format!(
                "{}: {:?} is already tested or listed: remove it",
                name.page, name.words
            ));
        }
    }
    let mut counts = BTreeMap::new();
    for (at, statement) in statements.iter().enumerate() {
        let errnos = statement.errnos.iter().filter(|_| statement.errnos.len() > 1);
        for mark in statement.parts.iter().chain(errnos) {
            let found = reasons.get(&(at, mark.clone()));
            *counts.entry(found).or_insert(0) += 1;
            if found.is_none() {
                let what = format!("no test in test-c covers {} {mark:?}", statement.errnos.join(" "));
                problems.push(statement.page.problem(statement.line, what));
            }
        }
    }
    for (found, count) in counts {
        let why = found.map_or("untested", |reason| reason.as_deref().unwrap_or("tested"));
        println!("statements: {count} {why}");
    }
    Ok(problems)
}

/// Builds and runs the programs of test-c/manual.
pub fn run() -> Result<Vec<Problem>> {
    let out = root().join("target/manual/statements");
    let tmp = out.join(format!("tmp.{}", std::process::id()));
    fs::create_dir_all(out.join("manual"))?;
    fs::create_dir_all(&tmp)?;
    let flags = vec![format!("-I{}", root().join("include").display())];
    let library = base::lib_dir().join("liburing.so");
    let sources = sources("test-c/manual")?;
    let paths = sources
        .iter()
        .filter_map(|path| path.strip_prefix("test-c/")?.strip_suffix(".c"));
    let programs = paths.map(|path| Program::new(&out, "manual", path, flags.clone(), library.clone()));
    let programs = ctest::in_parallel("compiling", 2, programs.collect(), Program::build);
    let outcomes = ctest::outcomes(&programs, |program| program.run(&tmp));
    let _ = fs::remove_dir_all(&tmp);
    ctest::show(&["manual"], &outcomes);
    let failed = outcomes.iter().filter(|outcome| outcome.counts.failed > 0);
    Ok(failed
        .map(|outcome| Problem {
            path: format!("test-c/manual/{}.c", outcome.name),
            line: 1,
            what: "failed, see above".into(),
        })
        .collect())
}

fn of(page: &Page) -> Vec<Statement<'_>> {
    let mut out = Vec::new();
    for section in &page.sections {
        let title = section.title.as_str();
        texts(&section.nodes, &mut |line, tag, text| {
            let (mut errnos, mut parts) = (Vec::new(), Vec::new());
            if title == "ERRORS" {
                let words = if tag.is_empty() { text } else { tag }.split([' ', ',', '.', ';', ':']);
                errnos.extend(words.filter(|word| is_errno(word)).map(str::to_owned));
                errnos.sort();
                errnos.dedup();
                if !errnos.is_empty() {
                    let text = text.replace(". Or ", "; ").replace(". Also ", "; ");
                    parts.extend(text.split("; ").map(|cause| cause.trim_start_matches("or ").to_owned()));
                }
            } else {
                let result = ["RETURN VALUE", "COMPLETION"].contains(&title) && !text.starts_with("None.");
                let lifetime = |s: &str| FORMS.iter().any(|form| s.replace("(3)", "").contains(form));
                let sentences = text.split_inclusive(". ").map(str::trim);
                let sentences = sentences.filter(|s| (result && !s.ends_with(':')) || lifetime(s));
                parts.extend(sentences.map(|s| format!("{tag}: {s}").trim_start_matches(": ").to_owned()));
            }
            if !parts.is_empty() {
                out.push(Statement {
                    page,
                    line,
                    errnos,
                    parts,
                });
            }
        });
    }
    out
}

/// `-EINVAL`, and `-512`, which has no name.
fn is_errno(word: &str) -> bool {
    word.len() > 3 && word.starts_with('-')
}

/// Each paragraph, item and row of a table: its line, its tag, its text.
fn texts(nodes: &[Node], visit: &mut dyn FnMut(usize, &str, &str)) {
    for node in nodes {
        match &node.kind {
            Kind::Paragraph(inlines) => visit(node.line, "", &plain(inlines)),
            Kind::List { items, .. } => {
                for item in items {
                    let mut text = String::new();
                    texts(&item.nodes, &mut |_, _, more| text = format!("{text} {more}"));
                    visit(item.line, &plain(&item.tag), text.trim_start());
                }
            }
            Kind::Table { rows, .. } => {
                for row in rows {
                    let cells: Vec<_> = row.iter().map(|cell| plain(cell)).collect();
                    visit(node.line, "", &cells.join(", "));
                }
            }
            _ => {}
        }
    }
}

/// The names in the C tests, then those in the ledger.
fn names() -> Result<Vec<Name>> {
    let mut names = Vec::new();
    for path in sources("test-c")?.into_iter().chain(sources("test-c/manual")?) {
        named(&path, &fs::read_to_string(root().join(&path))?, &mut names);
    }
    let text = fs::read_to_string(root().join(LEDGER)).context(LEDGER)?;
    let ledger: BTreeMap<String, Vec<String>> = toml::from_str(&text).context(LEDGER)?;
    for (reason, statements) in ledger {
        for statement in &statements {
            let (head, words) = statement
                .split_once(": ")
                .with_context(|| format!("{LEDGER}: {statement:?}"))?;
            let (page, errno) = head
                .split_once(' ')
                .map_or((head, None), |(page, errno)| (page, Some(errno)));
            let line = 1 + text
                .lines()
                .position(|line| line.contains(statement.as_str()))
                .unwrap_or_default();
            names.push(Name {
                path: LEDGER.to_owned(),
                line,
                page: page.to_owned(),
                errno: errno.map(str::to_owned),
                words: words.to_owned(),
                form: "",
                reason: Some(reason.clone()),
            });
        }
    }
    Ok(names)
}

/// `STATES("PAGE", -ERRNO, "WORDS | WORDS")` anywhere; `GIVES(-ERRNO, "WORDS", …)` and the like in a case of its name.
fn named(path: &str, text: &str, out: &mut Vec<Name>) {
    let mut case = "";
    // A name precedes each bracket, and its arguments follow.
    for (before, given) in text.match_indices('(').map(|(at, _)| (&text[..at], &text[at + 1..])) {
        let head = before
            .rsplit(|c: char| !c.is_ascii_uppercase())
            .next()
            .unwrap_or_default();
        let mut strings = given.split(';').next().unwrap_or_default().split('"');
        let first = strings.next().unwrap_or_default();
        let form = match head {
            "COPIED" => "until io_uring_sq_ready(3) returns 0",
            "USED" => "until the request completes",
            _ => "",
        };
        let (page, errno) = match head {
            "TEST" => {
                let name = given.split(')').next().unwrap_or_default();
                case = name.split("__").next().unwrap_or_default();
                continue;
            }
            "STATES" => (strings.next().unwrap_or_default(), strings.next().unwrap_or_default()),
            "GIVES" | "RETURNS" => (case, first),
            "COPIED" | "USED" => (case, ""),
            _ => continue,
        };
        let errno = errno.split([',', ' ']).find(|word| is_errno(word));
        let words = strings.next().unwrap_or_default();
        // With neither errno nor words a call is only a step of its case.
        for words in words.split(" | ").filter(|words| errno.is_some() || !words.is_empty()) {
            out.push(Name {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                page: page.to_owned(),
                errno: errno.map(str::to_owned),
                words: words.to_owned(),
                form,
                reason: None,
            });
        }
    }
}

/// The C files of a folder.
fn sources(folder: &str) -> Result<Vec<String>> {
    let files = base::files_in(&root().join(folder))?;
    let names = files.iter().filter_map(|file| file.file_name()?.to_str());
    let sources = names.filter(|name| name.rsplit_once('.').is_some_and(|(_, end)| end == "c"));
    Ok(sources.map(|name| format!("{folder}/{name}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use generator::manual::facts::Facts;

    #[test]
    fn causes_sentences_and_lifetimes_are_statements() {
        let text = "---\ncovers: io_uring_x\nsummary: x\n---\n\n## DESCRIPTION\n\nX.\n\n## PARAMETERS\n\n- `a`: it. It must stay valid until the \
                    request completes. More.\n\n## COMPLETION\n\n`res` is 0. `flags` is:\n\n## ERRORS\n\nIn `res`.\n\n\
                    - `-EINVAL`: one; or another. Or a third.\n- `-EIO`, `-512`: both.\n";
        let facts = Facts::default();
        let mut page = Page::begin("man/io_uring_x.3.md", text, &facts).expect("a page");
        page.finish(None, |_| None).expect("a page");
        let found: Vec<_> = of(&page)
            .into_iter()
            .map(|s| (s.errnos.join(" "), s.parts.join("|")))
            .collect();
        let want = [
            ("", "a: It must stay valid until the request completes."),
            ("", "res is 0."),
            ("-EINVAL", "one|another|a third."),
            ("-512 -EIO", "both."),
        ];
        assert_eq!(found, want.map(|(errnos, parts)| (errnos.to_owned(), parts.to_owned())));
    }

    #[test]
    fn tests_name_page_errno_and_words() {
        let text = "TEST(io_uring_x__y)\n{\n GIVES(-EINVAL, \"one | other\", f(sqe));\n COPIED(-EIO, \"a: It\", f());\n \
                    GIVES(0, \"\", f());\n STATES(\"io_uring_z\", \"res\");\n}\n";
        let mut names = Vec::new();
        named("x.c", text, &mut names);
        let found: Vec<_> = names
            .iter()
            .map(|name| {
                (
                    name.line,
                    name.page.as_str(),
                    name.errno.as_deref().unwrap_or(""),
                    name.words.as_str(),
                )
            })
            .collect();
        let want = [
            (3, "io_uring_x", "-EINVAL", "one"),
            (3, "io_uring_x", "-EINVAL", "other"),
            (4, "io_uring_x", "", "a: It"),
            (6, "io_uring_z", "", "res"),
        ];
        assert_eq!(found, want);
    }
}
