//! The index of the manual on the web: every page by topic, with a box that filters.

use super::document::Document;
use super::facts::Facts;
use super::html::{self, escape};
use anyhow::{Result, anyhow};
use std::fmt::Write as _;

/// The parts of section 3, and the files of `src/` whose functions belong to each.
const TOPICS: &[(&str, &[&str])] = &[
    ("Rings", &["setup", "memory", "resize"]),
    ("Submitting", &["queue", "inline/sqe"]),
    ("Completions", &["wait", "inline/cqe", "inline/ring"]),
    ("Reading and writing", &["inline/prep/rw", "inline/prep/sync"]),
    (
        "Files and paths",
        &["inline/prep/fs", "inline/prep/path", "inline/prep/xattr"],
    ),
    (
        "Sockets",
        &["inline/prep/net", "inline/prep/sendrecv", "inline/recvmsg"],
    ),
    (
        "Timeouts, cancelation, readiness",
        &["inline/prep/timeout", "inline/prep/poll"],
    ),
    ("Processes and futexes", &["inline/prep/process"]),
    ("Messages between rings", &["inline/prep/msg"]),
    ("Driver commands", &["inline/prep/cmd"]),
    (
        "Provided buffers",
        &["buf_ring", "inline/buf_ring", "inline/prep/buffers"],
    ),
    ("Registered files and buffers", &["resources"]),
    ("Registration and settings", &["register", "syscall"]),
    ("What is supported", &["probe", "version"]),
    ("Memory order", &["barrier"]),
];

/// Lists only what was typed for; without scripts the whole list stays.
const SCRIPT: &str = "<script>
const box = document.getElementById('filter'), rows = [...document.querySelectorAll('[data-names]')];
box.hidden = false;
box.oninput = () => {
  const words = box.value.toLowerCase().split(/\\s+/);
  for (const row of rows) row.hidden = !words.every(word => row.dataset.names.includes(word));
  for (const part of document.querySelectorAll('main section')) part.hidden = !part.querySelector('[data-names]:not([hidden])');
};
</script>
";

/// The part of the index that a page stands in.
fn topic(document: &Document, facts: &Facts) -> Result<&'static str> {
    let page = document.page;
    match page.section {
        '7' => return Ok("Topics"),
        '2' => return Ok("System calls"),
        _ => {}
    }
    let file = page
        .covers
        .iter()
        .find_map(|name| facts.model.function_named(name))
        .map_or("barrier", |function| {
            function.file.trim_start_matches("src/").trim_end_matches(".rs")
        });
    let found = TOPICS.iter().find(|(_, files)| files.contains(&file));
    found.map(|(topic, _)| *topic).ok_or_else(|| {
        anyhow!(
            "{}: src/{file}.rs belongs to no topic: add it to TOPICS in xtask/src/manual/index.rs",
            page.path
        )
    })
}

pub fn page(documents: &[Document], facts: &Facts, source: &str) -> Result<String> {
    let mut parts: Vec<(&str, Vec<&Document>)> = ["Topics", "System calls"]
        .into_iter()
        .chain(TOPICS.iter().map(|t| t.0))
        .map(|topic| (topic, Vec::new()))
        .collect();
    for document in documents {
        let topic = topic(document, facts)?;
        for part in parts.iter_mut().filter(|part| part.0 == topic) {
            part.1.push(document);
        }
    }
    let names: usize = documents.iter().map(|document| document.page.covers.len()).sum();
    let first = documents.iter().any(|document| document.page.name == "io_uring");
    let first = if first {
        " To begin with: <a href=\"io_uring.7.html\">io_uring(7)</a>."
    } else {
        ""
    };
    let mut out = format!(
        "<main class=\"index\">\n<h1>The manual</h1>\n<p class=\"lead\">{} pages about {names} functions, macros, \
         system calls and topics.{first}</p>\n\
         <input id=\"filter\" type=\"search\" placeholder=\"Filter by name or word\" aria-label=\"Filter\" hidden>\n",
        documents.len()
    );
    for (topic, documents) in parts.iter().filter(|part| !part.1.is_empty()) {
        let _ = write!(out, "<section>\n<h2>{topic}</h2>\n<ul>\n");
        for document in documents {
            out += &row(document);
        }
        out += "</ul>\n</section>\n";
    }
    out += "</main>\n";
    out += SCRIPT;
    Ok(html::frame("ironring manual", source, &out))
}

fn row(document: &Document) -> String {
    let page = document.page;
    let words = format!("{} {}", page.covers.join(" "), document.summary).to_lowercase();
    let others = match page.covers.len() {
        1 => String::new(),
        count => format!(" <small>+ {} more</small>", count - 1),
    };
    format!(
        "<li data-names=\"{}\"><a href=\"{}\">{}</a><span>{}{others}</span></li>\n",
        escape(&words),
        html::file(&page.name, page.section),
        html::name(&page.name),
        escape(&document.summary)
    )
}
