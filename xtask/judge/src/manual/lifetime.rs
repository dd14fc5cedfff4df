//! Checks that pages and the headers' comments state in the same words how long memory must stay valid.

use generator::decl;
use generator::manual::facts::{Facts, parameter_name};
use generator::manual::page::{Page, Problem};
use generator::manual::tree::{self, Inline, Kind, Node, plain};
use syn::spanned::Spanned as _;

/// The two forms: the kernel uses the memory itself, or copies it when it takes the SQE.
pub const FORMS: &[&str] = &["until the request completes", "until io_uring_sq_ready returns 0"];

/// The beginnings of other lifetimes, none of them a request's.
const OTHERS: &[&str] = &[
    "io_uring_queue_exit",
    "after io_uring_queue_exit",
    "io_uring_cq_advance",
    "the group",
    "it is unregistered",
    "they are unregistered",
];

/// Wordings that are wrong with SQPOLL, or that reword a form.
const REFUSED: &[&str] = &[
    "submitting call has returned",
    "until the submission",
    "request is submitted",
    "has taken the sqe",
    "until the completion",
    "until the notification",
    "until the cqe",
    "completion arrives",
    "completion has arrived",
    "as they are until",
    "as it is until",
    "kernel's until",
    "be reused",
];

/// The text of a page or comment in lower case, with single spaces, without code marks and section numbers.
fn bare(text: &str) -> String {
    let text = text.replace(['`', '*'], "").replace("(3)", "").replace("()", "");
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The wrong lifetimes in a text.
fn wrong(text: &str) -> Vec<String> {
    let text = bare(text);
    let mut found: Vec<String> = REFUSED
        .iter()
        .filter(|words| text.contains(*words))
        .map(|words| format!("\"{words}\""))
        .collect();
    let ends = ["valid until ", "stay mapped until "]
        .iter()
        .flat_map(|start| text.split(start).skip(1));
    for end in ends {
        let form = FORMS.iter().any(|form| end.starts_with(&form["until ".len()..]));
        if !form && !OTHERS.iter().any(|other| end.starts_with(other)) {
            let end = end.split(['.', ',', ';', ':']).next().unwrap_or(end);
            found.push(format!("\"until {end}\""));
        }
    }
    found
}

fn advice(what: &str) -> String {
    format!(
        "{what}: memory \"must stay valid {}\", or \"until io_uring_sq_ready(3) returns 0\"",
        FORMS[0]
    )
}

/// Checks the lifetimes on a page and in its functions' comments, and that each parameter of a request has one.
pub fn check(page: &Page, facts: &Facts) -> Vec<Problem> {
    let mut problems = Vec::new();
    page.walk(&mut |line, inlines| {
        let wrong = wrong(&plain(inlines));
        problems.extend(wrong.iter().map(|what| page.problem(line, advice(what))));
    });
    for function in page.covers.iter().filter_map(|name| facts.model.function_named(name)) {
        problems.extend(wrong(&function.doc.join(" ")).iter().map(|what| Problem {
            path: function.file.clone(),
            line: function.item.sig.span().start().line,
            what: format!("{}: {}", function.name(), advice(what)),
        }));
    }
    let parameters = page.section("PARAMETERS").map_or(&[][..], |section| &section.nodes);
    let items = parameters.iter().filter_map(|node| match &node.kind {
        Kind::List { items, .. } => Some(items),
        _ => None,
    });
    for item in items.flatten() {
        let text = text(&item.nodes);
        let said = text.starts_with("null") || FORMS.iter().any(|form| text.contains(form));
        for tag in &item.tag {
            match tag {
                Inline::Code(name) if !said && pointer(page, facts, name) => {
                    let what = advice(&format!("`{name}` has no lifetime"));
                    problems.push(page.problem(item.line, what));
                }
                _ => {}
            }
        }
    }
    problems
}

/// Whether this parameter of a request on the page points to memory that the kernel reads or writes.
fn pointer(page: &Page, facts: &Facts, name: &str) -> bool {
    let requests = page.covers.iter().filter(|name| name.starts_with("io_uring_prep_"));
    let functions = requests.filter_map(|name| facts.model.function_named(name));
    // `sqe` is the request itself, and the kernel never dereferences `user_data`.
    !["sqe", "user_data"].contains(&name)
        && functions
            .filter_map(|function| decl::signature(function).ok())
            .flat_map(|(_, parameters)| parameters)
            .any(|parameter| parameter_name(&parameter) == name && parameter.contains(['*', '[']))
}

fn text(nodes: &[Node]) -> String {
    let mut out = String::new();
    tree::walk(nodes, &mut |_, inlines| out = format!("{out} {}", plain(inlines)));
    bare(&out)
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn one_sentence_is_taken_and_the_others_are_refused() {
        for good in [
            "It must stay valid until the request completes.",
            "`ts` must stay valid until `io_uring_sq_ready()` returns 0.",
            "Must stay valid until io_uring_sq_ready(3)\nreturns 0; before kernel 5.5, until the request completes.",
            "They stay valid until `io_uring_cq_advance()`.",
        ] {
            assert!(wrong(good).is_empty(), "{good}");
        }
        for bad in [
            "The kernel copies it: it must stay valid until the submitting call has returned.",
            "`path` must stay valid until the request is submitted.",
            "Must stay valid until it is used.",
            "It is copied and may be reused then.",
            "The buffers are the kernel's until the completion has arrived.",
        ] {
            assert!(!wrong(bad).is_empty(), "{bad}");
        }
    }
}
