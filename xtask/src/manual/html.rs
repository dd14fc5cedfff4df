//! Pages as HTML: one file each, one stylesheet for all.

use super::check::Places;
use super::document::Document;
use super::highlight;
use super::tree::{Inline, Item, Kind, Node};
use std::fmt::Write as _;

/// Where Linux's own pages can be read.
const LINUX: &str = "https://man7.org/linux/man-pages";

/// A file of docs/manual/: everything around the text.
pub fn frame(title: &str, source: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"manual.css\">\n</head>\n<body>\n\
         <header><a href=\"index.html\">ironring manual</a><span>{source}</span></header>\n{body}</body>\n</html>\n"
    )
}

pub fn file(name: &str, section: char) -> String {
    format!("{name}.{section}.html")
}

struct Printer<'a> {
    document: &'a Document<'a>,
    places: &'a Places<'a>,
    section: String,
    out: String,
}

/// One page's file.
pub fn page(document: &Document, places: &Places, source: &str) -> String {
    let page = document.page;
    let mut printer = Printer {
        document,
        places,
        section: String::new(),
        out: String::new(),
    };
    let sections = document.sections();
    let synopsis = !document.synopsis.is_empty();
    let titles = synopsis
        .then_some("SYNOPSIS")
        .into_iter()
        .chain(sections.iter().map(|s| s.0));
    let contents = titles.fold(String::new(), |out, title| {
        format!("{out}<a href=\"#{}\">{}</a>\n", slug(title), capital(title))
    });
    printer.out = format!(
        "<main>\n<nav aria-label=\"Sections\">\n{contents}</nav>\n<article>\n<h1>{}<small>({})</small></h1>\n<p class=\"lead\">{}</p>\n",
        name(&page.name),
        page.section,
        escape(&document.summary)
    );
    if page.covers.len() > 1 {
        let names = page
            .covers
            .iter()
            .map(|covered| format!("<code>{}</code>", name(covered)))
            .collect::<Vec<_>>();
        let _ = writeln!(printer.out, "<p class=\"names\">{}</p>", names.join(" "));
    }
    if synopsis {
        printer.heading("SYNOPSIS");
        printer.synopsis();
    }
    for (title, nodes) in &sections {
        printer.heading(title);
        printer.nodes(nodes.iter().copied());
    }
    printer.out += "</article>\n</main>\n";
    frame(
        &format!("{}({}) · ironring", page.name, page.section),
        source,
        &printer.out,
    )
}

impl Printer<'_> {
    fn heading(&mut self, title: &str) {
        self.section = title.to_string();
        let _ = writeln!(self.out, "<h2 id=\"{}\">{}</h2>", slug(title), capital(title));
    }

    fn synopsis(&mut self) {
        self.out += "<pre><code>";
        for line in &self.document.synopsis {
            for piece in line {
                if piece.parameter {
                    let _ = write!(self.out, "<var>{}</var>", escape(&piece.text));
                } else {
                    self.out += &highlight::c(&piece.text, &|_| None);
                }
            }
            self.out.push('\n');
        }
        self.out += "</code></pre>\n";
        if self.document.library() {
            self.out += "<p class=\"link\">Link with <code>-luring</code>.</p>\n";
        }
    }

    fn nodes<'n>(&mut self, nodes: impl IntoIterator<Item = &'n Node>) {
        for node in nodes {
            match &node.kind {
                Kind::Section(title) => self.heading(title),
                Kind::Heading(inlines) => {
                    let text = self.inlines(inlines);
                    let _ = writeln!(self.out, "<h3>{text}</h3>");
                }
                Kind::Paragraph(inlines) => {
                    let text = self.inlines(inlines);
                    let _ = writeln!(self.out, "<p>{text}</p>");
                }
                Kind::Code { language, text } => {
                    let text = if language == "c" {
                        highlight::c(text, &|word| self.place(word))
                    } else {
                        escape(text)
                    };
                    let _ = writeln!(self.out, "<pre><code>{text}</code></pre>");
                }
                Kind::List { numbered, items } => self.list(*numbered, items),
                Kind::Table { head, rows } => self.table(head, rows),
            }
        }
    }

    fn list(&mut self, numbered: bool, items: &[Item]) {
        if items.iter().all(|item| !item.tag.is_empty()) {
            self.out += "<dl>\n";
            for item in items {
                let tag = self.inlines(&item.tag);
                let _ = write!(self.out, "<dt>{tag}</dt>\n<dd>");
                self.item(item);
                self.out += "</dd>\n";
            }
            self.out += "</dl>\n";
            return;
        }
        let kind = if numbered { "ol" } else { "ul" };
        let _ = writeln!(self.out, "<{kind}>");
        for item in items {
            self.out += "<li>";
            if !item.tag.is_empty() {
                let tag = self.inlines(&item.tag);
                let _ = write!(self.out, "{tag}: ");
            }
            self.item(item);
            self.out += "</li>\n";
        }
        let _ = writeln!(self.out, "</{kind}>");
    }

    /// The first paragraph stands by itself, as most items are nothing else.
    fn item(&mut self, item: &Item) {
        let mut nodes = item.nodes.as_slice();
        if let Some((
            Node {
                kind: Kind::Paragraph(inlines),
                ..
            },
            rest,
        )) = nodes.split_first()
        {
            self.out += &self.inlines(inlines);
            nodes = rest;
        }
        if !nodes.is_empty() {
            self.out.push('\n');
        }
        self.nodes(nodes);
    }

    fn table(&mut self, head: &[Vec<Inline>], rows: &[Vec<Vec<Inline>>]) {
        self.out += "<div class=\"table\"><table>\n";
        let row = |cells: &[Vec<Inline>], kind: &str| {
            let cells = cells.iter().fold(String::new(), |out, cell| {
                format!("{out}<{kind}>{}</{kind}>", self.inlines(cell))
            });
            format!("<tr>{cells}</tr>\n")
        };
        let mut text = row(head, "th");
        for cells in rows {
            text += &row(cells, "td");
        }
        self.out += &text;
        self.out += "</table></div>\n";
    }

    fn inlines(&self, inlines: &[Inline]) -> String {
        inlines
            .iter()
            .fold(String::new(), |out, inline| out + &self.inline(inline))
    }

    fn inline(&self, inline: &Inline) -> String {
        match inline {
            Inline::Text(text) => escape(text),
            Inline::Strong(text) => format!("<strong>{}</strong>", escape(text)),
            Inline::Code(text) if self.document.parameter(text, &self.section) => {
                format!("<var>{}</var>", escape(text))
            }
            Inline::Code(text) => match self.place(text.trim_end_matches("()")) {
                Some(file) => format!("<a href=\"{file}\"><code>{}</code></a>", escape(text)),
                None => format!("<code>{}</code>", escape(text)),
            },
            Inline::Reference(name, section) => {
                let shown = format!("{}({section})", self::name(name));
                match self.places.get(&(name.as_str(), *section)) {
                    Some(page) if std::ptr::eq(*page, self.document.page) => shown,
                    Some(page) => format!("<a href=\"{}\">{shown}</a>", file(&page.name, page.section)),
                    None if name.starts_with("io_uring") => shown,
                    None => {
                        format!("<a class=\"linux\" href=\"{LINUX}/man{section}/{name}.{section}.html\">{shown}</a>")
                    }
                }
            }
        }
    }

    /// The file about a function or macro, unless it is this one.
    fn place(&self, word: &str) -> Option<String> {
        let found = ['3', '2'].iter().find_map(|section| self.places.get(&(word, *section)));
        let page = found.filter(|page| !std::ptr::eq(**page, self.document.page))?;
        Some(file(&page.name, page.section))
    }
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A long name may be broken after its underscores.
pub fn name(text: &str) -> String {
    escape(text)
        .replace('_', "_<wbr>")
        .replacen("io_<wbr>uring_<wbr>", "io_uring_", 1)
}

/// `RETURN VALUE` as `return-value`.
fn slug(title: &str) -> String {
    title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// `RETURN VALUE` as `Return value`.
fn capital(title: &str) -> String {
    let mut chars = title.chars();
    let first = chars.next().unwrap_or_default();
    escape(&format!("{first}{}", chars.as_str().to_lowercase()))
}
