//! Pages as man(7), for man-db, groff and mandoc.

use super::columns;
use super::document::Document;
use super::tree::{Inline, Item, Kind, Node, plain};
use roff::{Roff, bold, italic, roman};

/// Output lines are shorter than this, or mandoc -T lint complains.
const WIDTH: usize = 76;

/// A tab in a program counts as so many columns: a page is 78 wide in all.
const TAB: &str = "    ";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Font {
    Roman,
    Bold,
    Italic,
}

/// A word: what stands between two blanks, in pieces of one font each.
type Word = Vec<(Font, String)>;

struct Printer<'a> {
    roff: Roff,
    document: &'a Document<'a>,
    section: String,
    /// A heading or the like came last: no space is wanted before what follows.
    fresh: bool,
}

/// The page's text; `source` and `date` stand in its footer.
pub fn page(document: &Document, source: &str, date: &str) -> String {
    let page = document.page;
    let mut printer = Printer {
        roff: Roff::new(),
        document,
        section: String::new(),
        fresh: true,
    };
    // In capitals, as mandoc asks for.
    let title = page.name.to_uppercase();
    let section = page.section.to_string();
    printer
        .roff
        .control("TH", [title.as_str(), &section, date, source, "ironring"]);
    // Names are copied from pages: none is hyphenated. And no gaps between words.
    printer.roff.control("nh", []).control("ad", ["l"]);
    printer.heading("NAME");
    printer.text(&[Inline::Text(format!(
        "{} - {}",
        page.covers.join(", "),
        document.summary
    ))]);
    if document.library() {
        printer.heading("LIBRARY");
        printer.text(&[
            Inline::Text("liburing (".into()),
            Inline::Code("-luring".into()),
            Inline::Text(")".into()),
        ]);
    }
    printer.synopsis();
    for (title, nodes) in document.sections() {
        printer.heading(title);
        if title == "SEE ALSO" {
            // Long names can't be spread to a full line, of which groff 1.23 complains.
            printer.roff.control("na", []);
            if printer.see_also(&nodes) {
                continue;
            }
        }
        printer.nodes(nodes);
    }
    let table = document
        .sections()
        .iter()
        .any(|(_, nodes)| nodes.iter().any(|node| matches!(node.kind, Kind::Table { .. })));
    // man-db looks here for the preprocessors that the page needs.
    let tbl = if table { "'\\\" t\n" } else { "" };
    format!(
        "{tbl}.\\\" Made by `cargo xtask gen` from {}.\n{}",
        page.path,
        printer.roff.render()
    )
}

/// A page that only leads to another.
pub fn alias(name: &str, section: char) -> String {
    format!(".so man{section}/{name}.{section}\n")
}

impl Printer<'_> {
    fn heading(&mut self, title: &str) {
        self.roff.control("SH", [title]);
        self.section = title.to_string();
        self.fresh = true;
    }

    fn synopsis(&mut self) {
        if self.document.synopsis.is_empty() {
            return;
        }
        self.heading("SYNOPSIS");
        self.roff.control("nf", []);
        for line in &self.document.synopsis {
            let mut pieces = Word::new();
            for piece in line {
                let font = if piece.parameter { Font::Italic } else { Font::Bold };
                add(&mut pieces, &(font, piece.text.clone()));
            }
            self.roff.text(pieces.iter().map(inline).collect::<Vec<_>>());
        }
        self.roff.control("fi", []);
    }

    /// A list of references as one line; says whether it was one.
    fn see_also(&mut self, nodes: &[&Node]) -> bool {
        let [
            Node {
                kind: Kind::List { items, .. },
                ..
            },
        ] = nodes
        else {
            return false;
        };
        let mut line = Vec::new();
        for item in items {
            let [
                Node {
                    kind: Kind::Paragraph(inlines),
                    ..
                },
            ] = item.nodes.as_slice()
            else {
                return false;
            };
            let [reference @ Inline::Reference(..)] = inlines.as_slice() else {
                return false;
            };
            if !line.is_empty() {
                line.push(Inline::Text(", ".into()));
            }
            line.push(reference.clone());
        }
        self.text(&line);
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

    /// A blank line, unless there is one.
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

    /// The text unbroken.
    fn line(&self, inlines: &[Inline]) -> Vec<roff::Inline> {
        fill(&self.words(inlines), usize::MAX).pop().unwrap_or_default()
    }

    /// Each line's tabs are expanded: terminals and roff disagree on them.
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
                // However long: the macro takes one line for the tag.
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
        // Raw lines: the layout is no text.
        self.raw(&format!("{}\n{}.", format("b"), format("")));
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

    /// A row's cells; those of filled columns are set like text.
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
                Inline::Code(text) if self.document.parameter(text, &self.section) => {
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

/// Words in lines that are not too long.
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

/// Adds a piece; one of the same font as the last is joined to it, and blanks before bold stay outside of it.
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

/// Text as the argument of a macro, which the roff crate prints as it is.
fn argument(text: &str) -> String {
    text.replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('"', "\\(dq")
        .replace('\'', "\\(aq")
}

#[cfg(test)]
mod tests;
