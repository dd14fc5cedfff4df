//! A page's Markdown as a small tree, which the emitters print and the checks read.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag};
use std::ops::Range;

pub struct Node {
    pub line: usize,
    pub kind: Kind,
}

pub enum Kind {
    /// `##`
    Section(String),
    /// `###`
    Heading(Vec<Inline>),
    Paragraph(Vec<Inline>),
    Code {
        language: String,
        text: String,
    },
    List {
        numbered: bool,
        items: Vec<Item>,
    },
    Table {
        head: Vec<Vec<Inline>>,
        rows: Vec<Vec<Vec<Inline>>>,
    },
}

pub struct Item {
    pub line: usize,
    /// The text before the colon in "- `fd`: the file", if any.
    pub tag: Vec<Inline>,
    pub nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    Text(String),
    Code(String),
    Strong(String),
    /// `name(3)`
    Reference(String, char),
}

/// The line of the Markdown, and what is wrong in it.
pub type Refusal = (usize, String);

type Parsed<T> = Result<T, Refusal>;

/// Reads a page's body, whose first line has the number `first`.
pub fn parse(text: &str, first: usize) -> Parsed<Vec<Node>> {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES)
        .into_offset_iter()
        .collect();
    let mut reader = Reader {
        text,
        first,
        events,
        at: 0,
    };
    let nodes = reader.nodes()?;
    Ok(nodes)
}

struct Reader<'a> {
    text: &'a str,
    first: usize,
    events: Vec<(Event<'a>, Range<usize>)>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn line(&self) -> usize {
        let offset = self.events.get(self.at).map_or(self.text.len(), |e| e.1.start);
        self.first + self.text[..offset].matches('\n').count()
    }

    fn refuse<T>(&self, what: &str) -> Parsed<T> {
        Err((self.line(), what.to_string()))
    }

    fn next(&mut self) -> Option<Event<'a>> {
        let event = self.events.get(self.at)?.0.clone();
        self.at += 1;
        Some(event)
    }

    /// Reads blocks up to and including the end of their parent.
    fn nodes(&mut self) -> Parsed<Vec<Node>> {
        let mut nodes = Vec::new();
        loop {
            let line = self.line();
            let Some((event, _)) = self.events.get(self.at) else {
                return Ok(nodes);
            };
            let kind = match event.clone() {
                Event::End(_) => {
                    self.at += 1;
                    return Ok(nodes);
                }
                Event::Start(Tag::Paragraph) => {
                    self.at += 1;
                    let inlines = self.inlines()?;
                    self.at += 1;
                    Kind::Paragraph(inlines)
                }
                Event::Start(Tag::Heading { level, .. }) => self.heading(level)?,
                Event::Start(Tag::CodeBlock(kind)) => self.code(&kind)?,
                Event::Start(Tag::List(start)) => {
                    self.at += 1;
                    let items = self.items()?;
                    Kind::List {
                        numbered: start.is_some(),
                        items,
                    }
                }
                Event::Start(Tag::Table(_)) => {
                    self.at += 1;
                    self.table()?
                }
                Event::Text(_) | Event::Code(_) | Event::SoftBreak | Event::Start(Tag::Strong) => {
                    Kind::Paragraph(self.inlines()?)
                }
                _ => return self.refuse(foreign(event)),
            };
            nodes.push(Node { line, kind });
        }
    }

    fn heading(&mut self, level: HeadingLevel) -> Parsed<Kind> {
        if !matches!(level, HeadingLevel::H2 | HeadingLevel::H3) {
            return self.refuse("a heading must be `## SECTION` or `### Sub-heading` (and `---` is not a rule here)");
        }
        self.at += 1;
        let inlines = self.inlines()?;
        self.at += 1;
        Ok(if level == HeadingLevel::H2 {
            Kind::Section(plain(&inlines))
        } else {
            Kind::Heading(inlines)
        })
    }

    fn code(&mut self, kind: &CodeBlockKind) -> Parsed<Kind> {
        let language = match kind {
            CodeBlockKind::Fenced(language) if ["c", "text"].contains(&&**language) => language.to_string(),
            CodeBlockKind::Fenced(_) => {
                return self.refuse("a block must be ```c (a whole program, compiled and run) or ```text");
            }
            CodeBlockKind::Indented => return self.refuse("indented by four columns: put it between ```text and ```"),
        };
        self.at += 1;
        let mut text = String::new();
        while let Some(Event::Text(part)) = self.next() {
            text += &part;
        }
        Ok(Kind::Code { language, text })
    }

    fn items(&mut self) -> Parsed<Vec<Item>> {
        let mut items = Vec::new();
        loop {
            let line = self.line();
            match self.next() {
                Some(Event::Start(Tag::Item)) => {
                    let mut nodes = self.nodes()?;
                    let tag = match nodes.first_mut().map(|node| &mut node.kind) {
                        Some(Kind::Paragraph(inlines)) => split_tag(inlines),
                        _ => Vec::new(),
                    };
                    items.push(Item { line, tag, nodes });
                }
                _ => return Ok(items),
            }
        }
    }

    fn table(&mut self) -> Parsed<Kind> {
        let mut head = Vec::new();
        let mut rows: Vec<Vec<Vec<Inline>>> = Vec::new();
        loop {
            match self.next() {
                Some(Event::Start(Tag::TableHead)) => head = self.cells()?,
                Some(Event::Start(Tag::TableRow)) => {
                    let row = self.cells()?;
                    rows.push(row);
                }
                _ => return Ok(Kind::Table { head, rows }),
            }
        }
    }

    fn cells(&mut self) -> Parsed<Vec<Vec<Inline>>> {
        let mut cells = Vec::new();
        while let Some(Event::Start(Tag::TableCell)) = self.next() {
            cells.push(self.inlines()?);
            self.at += 1;
        }
        Ok(cells)
    }

    /// Reads text up to what isn't text.
    fn inlines(&mut self) -> Parsed<Vec<Inline>> {
        let mut out: Vec<Inline> = Vec::new();
        let mut run = String::new();
        while let Some((event, _)) = self.events.get(self.at) {
            let part = match event.clone() {
                Event::Text(text) => {
                    run += &text;
                    None
                }
                Event::SoftBreak => {
                    run.push(' ');
                    None
                }
                Event::Code(code) => Some(code_span(&code)),
                Event::Start(Tag::Strong) => {
                    self.at += 1;
                    let inner = self.inlines()?;
                    Some(Inline::Strong(plain(&inner)))
                }
                Event::End(_) | Event::Start(Tag::List(_) | Tag::Paragraph | Tag::CodeBlock(_)) => break,
                _ => return self.refuse(foreign(event)),
            };
            self.at += 1;
            if let Some(part) = part {
                split_references(&std::mem::take(&mut run), &mut out);
                out.push(part);
            }
        }
        split_references(&run, &mut out);
        Ok(out)
    }
}

/// What to write instead of Markdown that the format excludes.
fn foreign(event: &Event) -> &'static str {
    match event {
        Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::HtmlBlock) => {
            "this is HTML to Markdown: put what is between < and > in backticks"
        }
        Event::Start(Tag::Emphasis) => "a pair of * or _ makes this italic: use `code` or **bold**, or write \\*",
        Event::HardBreak => "two blanks or a backslash end this line: begin a paragraph or a list instead",
        Event::Start(Tag::Link { .. } | Tag::Image { .. }) => "no links or images: refer to pages as name(3)",
        Event::Start(Tag::BlockQuote(_)) => "the line begins with >: put it in backticks or reword it",
        Event::Rule => "no rules: use headings",
        Event::Start(Tag::Table(_)) => "a table must not be in a list",
        _ => "this Markdown is not part of the manual's format: see docs/pages.md",
    }
}

fn code_span(code: &str) -> Inline {
    match reference(code) {
        Some((name, section, "")) => Inline::Reference(name.to_string(), section),
        _ => Inline::Code(code.to_string()),
    }
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.".contains(c)
}

/// `name(3)` at the start of the text: the name, the section, and what follows.
fn reference(text: &str) -> Option<(&str, char, &str)> {
    let end = text.find(|c| !in_name(c))?;
    let (name, rest) = text.split_at(end);
    let mut inner = rest.strip_prefix('(')?.chars();
    let section = inner.next().filter(|c| ('1'..='8').contains(c))?;
    let rest = inner.as_str().strip_prefix(')')?;
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    good.then_some((name, section, rest))
}

/// `-EINVAL` at the start of the text, and what follows.
fn errno(text: &str) -> Option<(&str, &str)> {
    let name = text.strip_prefix("-E")?;
    let end = name
        .find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit())
        .unwrap_or(name.len());
    (end > 1).then(|| text.split_at(end + 2))
}

/// Adds the text, split at references, and at error values, which become code.
fn split_references(text: &str, out: &mut Vec<Inline>) {
    let mut plain = 0;
    let mut at = 0;
    while at < text.len() {
        let begins = !text[..at].ends_with(in_name);
        let reference =
            reference(&text[at..]).map(|(name, section, rest)| (Inline::Reference(name.to_string(), section), rest));
        let found = reference.or_else(|| errno(&text[at..]).map(|(name, rest)| (Inline::Code(name.to_string()), rest)));
        if let Some((inline, rest)) = found.filter(|_| begins) {
            if plain < at {
                out.push(Inline::Text(text[plain..at].to_string()));
            }
            out.push(inline);
            at = text.len() - rest.len();
            plain = at;
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    if plain < text.len() {
        out.push(Inline::Text(text[plain..].to_string()));
    }
}

/// Splits "`fd`: " off the front of an item's text.
fn split_tag(inlines: &mut Vec<Inline>) -> Vec<Inline> {
    if !matches!(inlines.first(), Some(Inline::Code(_) | Inline::Reference(..))) {
        return Vec::new();
    }
    for at in 1..inlines.len() {
        let Inline::Text(text) = &inlines[at] else {
            continue;
        };
        let colon = text.find(": ").or_else(|| text.ends_with(':').then(|| text.len() - 1));
        if let Some(colon) = colon {
            let (before, after) = (text[..colon].to_string(), text[colon + 1..].trim_start().to_string());
            if before.contains(". ") {
                break;
            }
            let rest = inlines.split_off(at + 1);
            inlines.pop();
            let mut tag = std::mem::take(inlines);
            let parts = [(before, &mut tag), (after, &mut *inlines)];
            for (text, list) in parts {
                if !text.is_empty() {
                    list.push(Inline::Text(text));
                }
            }
            inlines.extend(rest);
            return tag;
        }
        if text.contains(". ") {
            break;
        }
    }
    Vec::new()
}

/// The text without markup.
pub fn plain(inlines: &[Inline]) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Text(text) | Inline::Code(text) | Inline::Strong(text) => text.clone(),
            Inline::Reference(name, section) => format!("{name}({section})"),
        })
        .collect()
}

/// Visits every run of text in the tree, except code blocks, with the line of its block; headings and tags included.
pub fn walk<'a>(nodes: &'a [Node], visit: &mut impl FnMut(usize, &'a [Inline])) {
    for node in nodes {
        match &node.kind {
            Kind::Heading(inlines) | Kind::Paragraph(inlines) => visit(node.line, inlines),
            Kind::List { items, .. } => {
                for item in items {
                    visit(item.line, &item.tag);
                    walk(&item.nodes, visit);
                }
            }
            Kind::Table { head, rows } => {
                for cell in head.iter().chain(rows.iter().flatten()) {
                    visit(node.line, cell);
                }
            }
            Kind::Section(_) | Kind::Code { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
