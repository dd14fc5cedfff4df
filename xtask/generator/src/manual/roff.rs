//! Pages as man(7), for man-db, groff and mandoc.

use super::columns;
use super::facts::Facts;
use super::page::Page;
use super::synopsis;
use super::tree::{self, Inline, Item, Kind, Node, plain};
use anyhow::Result;
use roff::{Roff, bold, italic, roman};
use std::collections::BTreeSet;

/// The date in every page's footer, which mandoc expects. It is the release's: pages change only with their text.
const DATE: &str = "2026-11-22";

/// Output lines are shorter than this, or mandoc -T lint complains.
const WIDTH: usize = 76;

/// What replaces a tab in a program: a page is 78 columns wide.
const TAB: &str = "    ";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Font {
    Roman,
    Bold,
    Italic,
}

/// The text between two blanks, in pieces of one font each.
type Word = Vec<(Font, String)>;

struct Printer {
    roff: Roff,
    /// The parameters of all covered functions.
    parameters: BTreeSet<String>,
    section: String,
    /// Whether a heading or the like came last, after which no blank line is needed.
    fresh: bool,
}

/// The page's text.
pub fn page(page: &Page, facts: &Facts) -> Result<String> {
    let parameters = facts.parameters(&page.covers, page.synopsis.as_deref());
    let mut printer = Printer {
        roff: Roff::new(),
        parameters: parameters.into_iter().flat_map(|(_, names)| names).collect(),
        section: String::new(),
        fresh: true,
    };
    // mandoc expects capitals.
    let title = page.name.to_uppercase();
    let section = page.section.to_string();
    let product = if page.section == '1' { "ironring" } else { "liburing" };
    let source = format!("{product} {}", facts.version);
    printer
        .roff
        .control("TH", [title.as_str(), &section, DATE, &source, "ironring"]);
    // No hyphens, because names are copied from pages, and no gaps between words.
    printer.roff.control("nh", []).control("ad", ["l"]);
    printer.heading("NAME");
    printer.text(&[Inline::Text(format!("{} - {}", page.covers.join(", "), page.summary))]);
    if page.of_functions() {
        printer.heading("LIBRARY");
        let versions = facts.versions(&page.covers);
        let (library, kernel) = match versions.first() {
            Some((_, first)) if versions.iter().all(|(_, version)| version == first) => (
                format!("liburing {} or newer (", first.liburing),
                first
                    .kernel
                    .as_ref()
                    .map(|kernel| format!("), Linux {kernel} or newer")),
            ),
            Some(_) => ("liburing (".into(), Some("); the versions are in HISTORY".into())),
            None => ("liburing (".into(), None),
        };
        printer.text(&[
            Inline::Text(library),
            Inline::Code("-luring".into()),
            Inline::Text(kernel.unwrap_or_else(|| ")".into())),
        ]);
    }
    printer.synopsis(&synopsis::lines(page, facts)?);
    for section in &page.sections {
        printer.heading(&section.title);
        if section.title == "SEE ALSO" {
            // groff 1.23 warns of lines that can't be adjusted, as those of long names.
            printer.roff.control("na", []);
            if printer.see_also(&section.nodes) {
                continue;
            }
        }
        printer.nodes(&section.nodes);
    }
    // man-db looks here for the preprocessors that the page needs.
    let table = page.nodes().iter().any(|node| matches!(node.kind, Kind::Table { .. }));
    let tbl = if table { "'\\\" t\n" } else { "" };
    let text = printer.roff.render();
    Ok(format!("{tbl}.\\\" Made by `cargo gen` from {}.\n{text}", page.path))
}

impl Printer {
    fn heading(&mut self, title: &str) {
        self.roff.control("SH", [title]);
        self.section = title.to_string();
        self.fresh = true;
    }

    fn synopsis(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.heading("SYNOPSIS");
        self.roff.control("nf", []);
        for line in lines {
            let mut pieces = Word::new();
            let mut rest = line.as_str();
            while !rest.is_empty() {
                let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end.max(1));
                let parameter = after.starts_with([',', ')', '[']) && self.parameters.contains(word);
                let font = if parameter { Font::Italic } else { Font::Bold };
                match pieces.last_mut() {
                    Some((last, text)) if *last == font => text.push_str(word),
                    _ => pieces.push((font, word.to_string())),
                }
                rest = after;
            }
            self.roff.text(pieces.iter().map(inline).collect::<Vec<_>>());
        }
        self.roff.control("fi", []);
    }

    /// Whether code is the name of a parameter. A CQE has `res` and `flags` of its own.
    fn parameter(&self, code: &str) -> bool {
        self.section != "COMPLETION" && self.parameters.contains(code.trim_start_matches(['*', '&']))
    }

    /// Prints a list that has only references as one line, and returns whether it was one.
    fn see_also(&mut self, nodes: &[Node]) -> bool {
        let mut line = Vec::new();
        tree::walk(nodes, &mut |_, inlines| line.extend(inlines));
        if !line.iter().all(|inline| matches!(inline, Inline::Reference(..))) {
            return false;
        }
        let comma = Inline::Text(", ".into());
        let line: Vec<Inline> = line.into_iter().flat_map(|inline| [&comma, inline]).cloned().collect();
        self.text(line.get(1..).unwrap_or_default());
        true
    }

    fn nodes<'n>(&mut self, nodes: impl IntoIterator<Item = &'n Node>) {
        for node in nodes {
            match &node.kind {
                Kind::Section(title) => self.heading(title),
                Kind::Heading(inlines) => {
                    self.roff.control("SS", [argument(&plain(inlines)).as_str()]);
                    self.fresh = true;
                }
                Kind::Paragraph(inlines) => {
                    self.space();
                    self.text(inlines);
                }
                Kind::Code { text, .. } => self.code(text),
                Kind::List { numbered, items } => self.list(*numbered, items),
                Kind::Table { head, rows } => self.table(head, rows),
            }
        }
    }

    /// Prints a blank line, unless there is one.
    fn space(&mut self) {
        if !std::mem::take(&mut self.fresh) {
            self.roff.control("PP", []);
        }
    }

    fn text(&mut self, inlines: &[Inline]) {
        for line in fill(&self.words(inlines), WIDTH) {
            self.roff.text(line);
        }
        self.fresh = false;
    }

    /// The text as one line.
    fn line(&self, inlines: &[Inline]) -> Vec<roff::Inline> {
        fill(&self.words(inlines), usize::MAX).pop().unwrap_or_default()
    }

    /// Prints code, with tabs expanded, because terminals and roff disagree on them.
    fn code(&mut self, text: &str) {
        self.space();
        self.roff.control("in", ["+4n"]).control("EX", []);
        for line in text.lines() {
            self.roff.text([roman(line.replace('\t', TAB))]);
        }
        self.roff.control("EE", []).control("in", []);
    }

    fn list(&mut self, numbered: bool, items: &[Item]) {
        for (at, item) in items.iter().enumerate() {
            let indent = if !item.tag.is_empty() {
                self.roff.control("TP", ["8"]);
                // Not broken, because the macro takes one line for the tag.
                let tag = self.line(&item.tag);
                self.roff.text(tag);
                "8"
            } else if numbered {
                self.roff.control("IP", [format!("{}.", at + 1).as_str(), "4"]);
                "4"
            } else {
                self.roff.control("IP", ["\\(bu", "3"]);
                "3"
            };
            self.fresh = true;
            let mut nodes = item.nodes.iter();
            match nodes.next() {
                Some(Node {
                    kind: Kind::Paragraph(inlines),
                    ..
                }) if !inlines.is_empty() => self.text(inlines),
                _ => nodes = item.nodes.iter(),
            }
            if nodes.len() > 0 {
                self.roff.control("RS", [indent]);
                self.nodes(nodes);
                self.roff.control("RE", []);
            }
        }
        self.fresh = false;
    }

    fn table(&mut self, head: &[Vec<Inline>], rows: &[Vec<Vec<Inline>>]) {
        self.space();
        let filled = columns::filled(head, rows);
        let ragged = filled.iter().any(Option::is_some);
        if ragged {
            self.roff.control("na", []);
        }
        self.roff.control("TS", []);
        let format = |font: &str| {
            let columns = filled.iter().map(|width| match width {
                Some(width) => format!("l{font}w({width}n)"),
                None => format!("l{font}"),
            });
            columns.collect::<Vec<_>>().join(" ")
        };
        // The layout is not text: its lines are printed unchanged.
        let rule = vec!["_"; filled.len()].join(" ");
        self.raw(&format!("{}\n{rule}\n{}.", format("b"), format("")));
        self.row(head, &filled);
        for row in rows {
            self.row(row, &filled);
        }
        self.roff.control("TE", []);
        if ragged {
            self.roff.control("ad", []);
        }
        self.fresh = false;
    }

    fn raw(&mut self, text: &str) {
        for line in text.lines() {
            self.roff.text([roman(line)]);
        }
    }

    /// Prints a row's cells; those of filled columns are set like text.
    fn row(&mut self, cells: &[Vec<Inline>], filled: &[Option<usize>]) {
        let mut line = Vec::new();
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                line.push(roman("\t"));
            }
            if filled.get(at).is_some_and(Option::is_some) {
                line.push(roman("T{"));
                self.roff.text(std::mem::take(&mut line));
                for text in fill(&self.words(cell), WIDTH) {
                    self.roff.text(text);
                }
                line.push(roman("T}"));
            } else {
                line.extend(self.line(cell));
            }
        }
        self.roff.text(line);
    }

    fn words(&self, inlines: &[Inline]) -> Vec<Word> {
        let mut words: Vec<Word> = vec![Vec::new()];
        let mut add = |font: Font, text: &str| {
            for (at, part) in text.split(' ').enumerate() {
                if at > 0 {
                    words.push(Vec::new());
                }
                if !part.is_empty() {
                    words
                        .last_mut()
                        .expect("there is always one")
                        .push((font, part.to_string()));
                }
            }
        };
        for inline in inlines {
            match inline {
                Inline::Text(text) => add(Font::Roman, text),
                Inline::Code(text) if self.parameter(text) => {
                    add(Font::Italic, text);
                }
                Inline::Code(text) | Inline::Strong(text) => add(Font::Bold, text),
                Inline::Reference(name, section) => {
                    add(Font::Bold, name);
                    add(Font::Roman, &format!("({section})"));
                }
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }
}

fn inline((font, text): &(Font, String)) -> roff::Inline {
    match font {
        Font::Roman => roman(text),
        Font::Bold => bold(text),
        Font::Italic => italic(text),
    }
}

/// Fills lines of at most `width` columns with words.
fn fill(words: &[Word], width: usize) -> Vec<Vec<roff::Inline>> {
    // Escapes make a line longer than it looks.
    let cost = |word: &Word| -> usize {
        let text = |text: &str| text.len() + text.matches(['-', '\\']).count() + 4 * text.matches('\'').count();
        word.iter()
            .map(|(font, part)| text(part) + if *font == Font::Roman { 0 } else { 6 })
            .sum()
    };
    let mut lines = Vec::new();
    let mut line: Word = Vec::new();
    let mut length = 0;
    for word in words {
        let needs = cost(word);
        if !line.is_empty() && length + 1 + needs > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if !line.is_empty() {
            add(&mut line, &(word[0].0, " ".to_string()));
            length += 1;
        }
        for piece in word {
            add(&mut line, piece);
        }
        length += needs;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines.iter().map(|line| line.iter().map(inline).collect()).collect()
}

/// Adds a piece, joined to the last one if that has the same font; blanks before bold stay outside of it.
fn add(line: &mut Word, piece: &(Font, String)) {
    match line.last_mut() {
        Some((font, text)) if *font == piece.0 => text.push_str(&piece.1),
        _ if piece.1 == " " => match line.last_mut() {
            Some((Font::Roman, text)) => text.push(' '),
            _ => line.push((Font::Roman, " ".to_string())),
        },
        _ => line.push(piece.clone()),
    }
}

/// Text as the argument of a macro, which the roff crate does not escape.
fn argument(text: &str) -> String {
    text.replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('"', "\\(dq")
        .replace('\'', "\\(aq")
}

#[cfg(test)]
mod tests;
