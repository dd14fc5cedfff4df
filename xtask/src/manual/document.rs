//! A page as readers see it, whatever it is printed with: what its author wrote and what the source adds.

use super::enums;
use super::facts::{self, Facts, Version};
use super::page::Page;
use super::tree::{Inline, Kind, Node};
use crate::generate::decl;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};

/// A prototype is broken before this column.
const WIDTH: usize = 72;

pub struct Document<'a> {
    pub page: &'a Page,
    pub summary: String,
    /// Lines, each in pieces.
    pub synopsis: Vec<Vec<Piece>>,
    /// The parameters of all covered functions.
    parameters: BTreeSet<String>,
    history: Vec<Node>,
    /// What stands for `{enum NAME}`, by name.
    lists: BTreeMap<String, Node>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    /// The name of a parameter.
    pub parameter: bool,
}

impl<'a> Document<'a> {
    pub fn new(page: &'a Page, facts: &Facts) -> Result<Self> {
        let parameters = facts.parameters(&page.covers, page.synopsis.as_deref());
        Ok(Self {
            page,
            summary: summary(page, facts)?,
            synopsis: synopsis(page, facts)?,
            parameters: parameters.into_iter().flat_map(|(_, names)| names).collect(),
            history: history(&facts.versions(&page.covers), page.covers.len()),
            lists: lists(page, facts)?,
        })
    }

    /// Whether code in a section is the name of a parameter. A CQE has `res` and `flags` of its own.
    pub fn parameter(&self, code: &str, section: &str) -> bool {
        section != "COMPLETION" && self.parameters.contains(code.trim_start_matches(['*', '&']))
    }

    /// The sections below the synopsis, in order.
    pub fn sections(&self) -> Vec<(&str, Vec<&Node>)> {
        let mut out: Vec<(&str, Vec<&Node>)> = Vec::new();
        let mut history = Some(&self.history).filter(|nodes| !nodes.is_empty());
        for section in &self.page.sections {
            let title = section.title.as_str();
            let mut nodes: Vec<&Node> = Vec::new();
            if title == "HISTORY" {
                nodes.extend(history.take().into_iter().flatten());
            }
            if let Some(history) = history.take_if(|_| title == "SEE ALSO") {
                out.push(("HISTORY", history.iter().collect()));
            }
            nodes.extend(section.nodes.iter().map(|node| {
                let list = enums::asked(node).and_then(|name| self.lists.get(name));
                list.unwrap_or(node)
            }));
            out.push((title, nodes));
        }
        if let Some(history) = history {
            out.push(("HISTORY", history.iter().collect()));
        }
        out
    }

    /// Programs of sections 2 and 3 link with the library.
    pub fn library(&self) -> bool {
        self.page.section != '7'
    }
}

fn lists(page: &Page, facts: &Facts) -> Result<BTreeMap<String, Node>> {
    let nodes = page.sections.iter().flat_map(|section| &section.nodes);
    nodes
        .filter_map(enums::asked)
        .map(|name| {
            let list = enums::list(facts, name).with_context(|| page.path.clone())?;
            Ok((name.to_owned(), list))
        })
        .collect()
}

/// The front matter's, or the first sentence of the definition's documentation.
fn summary(page: &Page, facts: &Facts) -> Result<String> {
    if let Some(summary) = &page.summary {
        return Ok(summary.clone());
    }
    let doc = facts
        .model
        .function_named(&page.name)
        .map_or(&[][..], |function| &function.doc);
    let sentence = doc
        .iter()
        .take_while(|line| !line.is_empty())
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    if sentence.is_empty() {
        bail!(
            "{}:2: {} has no documentation in src/: write a `summary:`",
            page.path,
            page.name
        );
    }
    Ok(imperative(sentence.replace('`', "").trim_end_matches('.')))
}

/// "Prepares a read" as manuals say it: "prepare a read".
fn imperative(sentence: &str) -> String {
    let (verb, rest) = sentence.split_once(' ').unwrap_or((sentence, ""));
    let verb = verb.to_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| verb.ends_with(end));
    let verb = if let Some(stem) = verb.strip_suffix("ies") {
        format!("{stem}y")
    } else if ends(&["ches", "shes", "sses", "xes", "oes"]) {
        verb[..verb.len() - 2].to_string()
    } else if verb == "always" {
        verb
    } else {
        verb.trim_end_matches('s').to_string()
    };
    format!("{verb} {rest}").trim_end().to_string()
}

fn plain(text: &str) -> Piece {
    Piece {
        text: text.to_string(),
        parameter: false,
    }
}

fn synopsis(page: &Page, facts: &Facts) -> Result<Vec<Vec<Piece>>> {
    let functions: Vec<_> = page
        .covers
        .iter()
        .filter_map(|name| facts.model.function_named(name))
        .collect();
    let mut lines = Vec::new();
    if page.section == '7' && page.synopsis.is_none() {
        return Ok(lines);
    }
    if functions.iter().any(|function| function.gnu) {
        lines.push(vec![plain("#define _GNU_SOURCE")]);
    }
    lines.push(vec![plain("#include <liburing.h>")]);
    if let Some(synopsis) = &page.synopsis {
        lines.push(Vec::new());
        lines.extend(
            synopsis
                .lines()
                .map(|line| if line.is_empty() { Vec::new() } else { vec![plain(line)] }),
        );
    }
    for (at, function) in functions.iter().enumerate() {
        let (head, parameters) = decl::signature(function)?;
        if at == 0 {
            lines.push(Vec::new());
        }
        lines.extend(prototype(&head, &parameters));
    }
    Ok(lines)
}

/// `head` + the parameters + `);`, broken where it is too long.
fn prototype(head: &str, parameters: &[String]) -> Vec<Vec<Piece>> {
    let mut lines = vec![vec![plain(head)]];
    let mut column = head.len();
    for (at, parameter) in parameters.iter().enumerate() {
        let end = if at + 1 == parameters.len() { ");" } else { "," };
        let line = lines.last_mut().expect("there is always one");
        let space = if at > 0 { " " } else { "" };
        let length = parameter.len() + end.len();
        if at > 0 && column + space.len() + length > WIDTH {
            column = 8 + length;
            lines.push(vec![plain("        ")]);
        } else {
            line.push(plain(space));
            column += space.len() + length;
        }
        let line = lines.last_mut().expect("there is always one");
        if parameter == "void" {
            line.push(plain(&format!("{parameter}{end}")));
            continue;
        }
        let name = facts::parameter_name(parameter);
        let start = parameter.rfind(name).unwrap_or_default();
        line.push(plain(&parameter[..start]));
        line.push(Piece {
            text: name.to_string(),
            parameter: true,
        });
        line.push(plain(&format!("{}{end}", &parameter[start + name.len()..])));
    }
    for line in &mut lines {
        line.retain(|piece| !piece.text.is_empty());
    }
    lines
}

/// Since when there are the functions among the `covered` names: a sentence, or a table where they differ.
fn history(versions: &[(String, Version)], covered: usize) -> Vec<Node> {
    let node = |kind| vec![Node { line: 1, kind }];
    let text = |text: String| vec![Inline::Text(text)];
    let Some((_, first)) = versions.first() else {
        return Vec::new();
    };
    if versions.iter().all(|(_, version)| version == first) {
        let kernel = first.kernel.as_ref().map(|kernel| format!(" and Linux {kernel}"));
        let sentence = format!("ince liburing {}{}.", first.liburing, kernel.unwrap_or_default());
        if versions.len() == covered {
            return node(Kind::Paragraph(text(format!("S{sentence}"))));
        }
        // Macros have no such line: they may be older or younger.
        let mut inlines = Vec::new();
        for (at, (name, _)) in versions.iter().enumerate() {
            let end = if at + 1 < versions.len() {
                ", ".to_string()
            } else {
                format!(": s{sentence}")
            };
            inlines.extend([Inline::Code(format!("{name}()")), Inline::Text(end)]);
        }
        return node(Kind::Paragraph(inlines));
    }
    let kernels = versions.iter().any(|(_, version)| version.kernel.is_some());
    let mut head = vec![Vec::new(), text("liburing".into())];
    if kernels {
        head.push(text("Linux".into()));
    }
    let rows = versions.iter().map(|(name, version)| {
        let mut row = vec![vec![Inline::Code(format!("{name}()"))], text(version.liburing.clone())];
        if kernels {
            row.push(text(version.kernel.clone().unwrap_or_else(|| "any".into())));
        }
        row
    });
    node(Kind::Table {
        head,
        rows: rows.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manual::tree;

    fn version(liburing: &str, kernel: Option<&str>) -> Version {
        Version {
            liburing: liburing.into(),
            kernel: kernel.map(str::to_string),
        }
    }

    #[test]
    fn summaries_are_imperative() {
        for (said, want) in [
            ("Prepares a read", "prepare a read"),
            ("Copies it", "copy it"),
            ("Attaches it", "attach it"),
            ("Always fails", "always fails"),
            ("Does it", "do it"),
            ("Closes it", "close it"),
        ] {
            assert_eq!(imperative(said), want);
        }
    }

    #[test]
    fn a_long_prototype_is_broken_between_parameters() {
        let parameters: Vec<String> = ["struct io_uring *ring", "const struct iovec *iovecs", "int fds[2]"]
            .map(str::to_string)
            .into();
        let lines = prototype("int io_uring_register_buffers(", &parameters);
        let text: Vec<String> = lines
            .iter()
            .map(|line| line.iter().map(|p| p.text.as_str()).collect())
            .collect();
        assert_eq!(
            text,
            [
                "int io_uring_register_buffers(struct io_uring *ring,",
                "        const struct iovec *iovecs, int fds[2]);"
            ]
        );
        let names: Vec<&str> = lines
            .iter()
            .flatten()
            .filter(|p| p.parameter)
            .map(|p| p.text.as_str())
            .collect();
        assert_eq!(names, ["ring", "iovecs", "fds"]);
        assert_eq!(
            prototype("int f(", &["void".to_string()]),
            [[plain("int f("), plain("void);")]]
        );
    }

    #[test]
    fn equal_versions_are_one_sentence_and_others_a_table() {
        let same = [
            ("f".to_string(), version("2.0", Some("5.1"))),
            ("g".to_string(), version("2.0", Some("5.1"))),
        ];
        let Kind::Paragraph(text) = &history(&same, 2)[0].kind else {
            panic!("no sentence")
        };
        assert_eq!(*text, [Inline::Text("Since liburing 2.0 and Linux 5.1.".into())]);
        let Kind::Paragraph(text) = &history(&same, 3)[0].kind else {
            panic!("no sentence")
        };
        assert_eq!(tree::plain(text), "f(), g(): since liburing 2.0 and Linux 5.1.");
        let differ = [
            ("f".to_string(), version("2.0", None)),
            ("g".to_string(), version("2.1", Some("5.1"))),
        ];
        let Kind::Table { head, rows } = &history(&differ, 2)[0].kind else {
            panic!("no table")
        };
        assert_eq!((head.len(), rows.len()), (3, 2));
        assert!(history(&[], 1).is_empty());
    }
}
