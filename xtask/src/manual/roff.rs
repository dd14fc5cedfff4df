//! Pages as man(7), for man-db, groff and mandoc.

use super::document::Document;
use super::tree::{Inline, Item, Kind, Node, plain};
use roff::{Roff, bold, italic, roman};

/// Output lines are shorter than this, or mandoc -T lint complains.
const WIDTH: usize = 76;

/// A tab in a program counts as so many columns: a page is 78 wide in all.
const TAB: &str = "    ";

/// A wider table has columns that are filled like text: an 80-column terminal shows so much beside the margin.
const TABLE: usize = 68;

/// What is left to such a column, if no word in it is longer.
const CELL: usize = 12;

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
        if title == "SEE ALSO" && printer.see_also(&nodes) {
            continue;
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
        let wide = wide(head, rows);
        self.roff.control("TS", []);
        let format = |font: &str| {
            wide.iter()
                .map(|wide| format!("l{font}{}", if *wide { "x" } else { "" }))
                .collect::<Vec<_>>()
                .join(" ")
        };
        // Raw lines: the layout is no text.
        self.raw(&format!("{}\n{}.", format("b"), format("")));
        self.row(head, &wide);
        for row in rows {
            self.row(row, &wide);
        }
        self.roff.control("TE", []);
        self.fresh = false;
    }

    fn raw(&mut self, text: &str) {
        for line in text.lines() {
            self.roff.text([roman(line)]);
        }
    }

    /// A row's cells; those of wide columns are filled like text.
    fn row(&mut self, cells: &[Vec<Inline>], wide: &[bool]) {
        let mut line = Vec::new();
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                line.push(roman("\t"));
            }
            if wide.get(at) == Some(&true) {
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

/// Which columns must be filled: the widest, until the table fits.
fn wide(head: &[Vec<Inline>], rows: &[Vec<Vec<Inline>>]) -> Vec<bool> {
    let cells = |column: usize| {
        let cells = rows.iter().map(Vec::as_slice).chain([head]);
        cells.filter_map(move |row| row.get(column)).map(|cell| plain(cell))
    };
    let longest = |part: &str| part.chars().count();
    let width = |column| cells(column).map(|cell| longest(&cell)).max().unwrap_or_default();
    let least = |column| {
        let words = cells(column).flat_map(|cell| cell.split(' ').map(longest).collect::<Vec<_>>());
        words.max().unwrap_or_default().max(CELL)
    };
    let mut widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut wide = vec![false; widths.len()];
    while widths.iter().sum::<usize>() + 3 * widths.len() > TABLE {
        match (0..widths.len())
            .filter(|at| widths[*at] > least(*at))
            .max_by_key(|at| widths[*at])
        {
            Some(at) => (widths[at], wide[at]) = (least(at), true),
            None => break,
        }
    }
    wide
}

/// Text as the argument of a macro, which the roff crate prints as it is.
fn argument(text: &str) -> String {
    text.replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('"', "\\(dq")
        .replace('\'', "\\(aq")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manual::facts::Facts;
    use crate::manual::page::Page;
    use std::collections::BTreeSet;

    /// What the page's DESCRIPTION becomes.
    fn description(markdown: &str) -> String {
        let text = format!("---\ncovers: topic\nsummary: a topic\n---\n## DESCRIPTION\n\n{markdown}\n");
        let facts = Facts {
            model: crate::generate::model::Model::default(),
            macros: BTreeSet::new(),
        };
        let parsed = Page::parse("man/topic.7.md", &text).expect("a good page");
        let document = Document::new(&parsed, &facts).expect("it needs nothing of the source");
        let printed = page(&document, "liburing 2.15", "2026-11-22");
        let (_, below) = printed.split_once(".SH DESCRIPTION\n").expect("there is one");
        below.to_string()
    }

    #[test]
    fn what_roff_would_take_for_its_own_is_escaped() {
        assert_eq!(description("x\n\n.so it is"), "x\n.PP\n\\&.so it is\n");
        assert_eq!(description("'tis `a\\b`"), "\\*(Aqtis \\fBa\\\\b\\fR\n");
        assert_eq!(description("a-b `-EINVAL`"), "a\\-b \\fB\\-EINVAL\\fR\n");
        assert_eq!(description("say \"x\""), "say \"x\"\n");
        assert_eq!(description("### A \"b\" `-c`"), ".SS \"A \\(dqb\\(dq \\-c\"\n");
    }

    #[test]
    fn a_line_that_comes_to_begin_with_a_dot_is_escaped() {
        let text = format!("{} .x {}", "w".repeat(75), "y".repeat(75));
        let lines: Vec<String> = description(&text).lines().map(str::to_string).collect();
        assert_eq!(lines[1], "\\&.x");
        assert!(lines.iter().all(|line| line.len() < 80));
    }

    #[test]
    fn blocks_of_code_keep_every_line() {
        let got = description("```text\n.x\n\n\ty\\n'\n```\n\nz");
        assert_eq!(got, ".in +4n\n.EX\n\\&.x\n\n    y\\\\n\\*(Aq\n.EE\n.in\n.PP\nz\n");
    }

    #[test]
    fn lists_nest() {
        let got = description("- `a`, `b`: one\n  - inner\n- two\n\n1. x\n2. y\n\n   z");
        let want = ".TP 8\n\\fBa\\fR, \\fBb\\fR\none\n.RS 8\n.IP \\(bu 3\ninner\n.RE\n.IP \\(bu 3\ntwo\n\
                    .IP 1. 4\nx\n.IP 2. 4\ny\n.RS 4\n.PP\nz\n.RE\n";
        assert_eq!(got, want);
    }

    #[test]
    fn wide_columns_of_tables_are_filled() {
        let table = |cell: &str| description(&format!("| a | b |\n|---|---|\n| `x` | {cell} |"));
        assert_eq!(table("a cell"), ".TS\nlb lb\nl l.\na\tb\n\\fBx\\fR\ta cell\n.TE\n");
        let long = "a cell of so many words that they need a line of their own, or even two";
        let want = format!(".TS\nlb lbx\nl lx.\na\tT{{\nb\nT}}\n\\fBx\\fR\tT{{\n{long}\nT}}\n.TE\n");
        assert_eq!(table(long), want);
    }
}
