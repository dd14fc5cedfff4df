//! One page's source: `man/NAME.SECTION.md`, its front matter and its sections.

use super::facts::Facts;
use super::tree::{self, Inline, Kind, Node};
use std::collections::BTreeMap;
use std::fmt;
use tree::Refusal;

/// The sections that a page may have, in their order.
pub const SECTIONS: &[&str] = &[
    "DESCRIPTION",
    "PARAMETERS",
    "FLAGS",
    "STRUCTURES",
    "RETURN VALUE",
    "COMPLETION",
    "ERRORS",
    "NOTES",
    "EXAMPLE",
    "HISTORY",
    "SEE ALSO",
];

/// The sections that the generator writes itself.
const GENERATED: &[&str] = &["NAME", "SYNOPSIS", "LIBRARY"];

pub struct Page {
    /// For messages, as it was given.
    pub path: String,
    pub name: String,
    pub section: char,
    pub covers: Vec<String>,
    /// The topic under which the index lists it.
    pub topic: String,
    pub summary: String,
    pub synopsis: Option<String>,
    /// The Markdown below the front matter; after [`Page::finish`], with what the source adds.
    pub body: String,
    /// The line of the file where the body begins.
    first: usize,
    pub sections: Vec<Section>,
}

pub struct Section {
    pub title: String,
    pub line: usize,
    pub nodes: Vec<Node>,
}

/// What is wrong with a page, and its line.
#[derive(Debug)]
pub struct Problem {
    pub path: String,
    pub line: usize,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

impl Page {
    /// Reads the front matter.
    pub fn begin(path: &str, text: &str, facts: &Facts) -> Result<Self, Problem> {
        let refuse = |(line, what): Refusal| Problem {
            path: path.to_string(),
            line,
            what,
        };
        let file = path.rsplit('/').next().unwrap_or(path);
        let (name, section) = file
            .strip_suffix(".md")
            .and_then(|file| file.rsplit_once('.'))
            .filter(|(_, section)| ["1", "2", "3", "7"].contains(section))
            .ok_or_else(|| {
                refuse((
                    1,
                    "a page's file must be called NAME.SECTION.md, and the section be 1, 2, 3 or 7".into(),
                ))
            })?;
        let mut page = Self {
            path: path.to_string(),
            name: name.to_string(),
            section: section.chars().next().unwrap_or('3'),
            covers: Vec::new(),
            topic: String::new(),
            summary: String::new(),
            synopsis: None,
            body: String::new(),
            first: 0,
            sections: Vec::new(),
        };
        let lines: Vec<&str> = text.lines().collect();
        let front = page.front(&lines, facts).map_err(refuse)?;
        page.body = lines[front..].join("\n") + "\n";
        page.first = front + 1;
        Ok(page)
    }

    /// Reads the body. The source adds `history`, and `expand` returns what replaces a line, or nothing.
    pub fn finish(
        &mut self,
        history: Option<String>,
        expand: impl Fn(&str) -> Option<Result<String, String>>,
    ) -> Result<(), Problem> {
        let refuse = |page: &Self, (line, what): Refusal| page.problem(line, what);
        let pieces = self.pieces(history, expand).map_err(|refusal| refuse(self, refusal))?;
        let mut nodes = Vec::new();
        for (line, text) in &pieces {
            nodes.extend(tree::parse(text, *line).map_err(|refusal| refuse(self, refusal))?);
        }
        let texts: Vec<String> = pieces.into_iter().map(|(_, text)| text).collect();
        self.body = texts.join("\n");
        self.split(nodes).map_err(|refusal| refuse(self, refusal))?;
        self.order().map_err(|refusal| refuse(self, refusal))
    }

    /// The body and what the source adds to it, in pieces with the page's line where each begins.
    fn pieces(
        &self,
        mut history: Option<String>,
        expand: impl Fn(&str) -> Option<Result<String, String>>,
    ) -> Result<Vec<(usize, String)>, Refusal> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut first = self.first;
        let mut at = first;
        for line in self.body.lines() {
            let added = match line {
                "## HISTORY" => history.take().map(|history| format!("{line}\n\n{history}\n")),
                "## SEE ALSO" => history
                    .take()
                    .map(|history| format!("## HISTORY\n\n{history}\n\n{line}\n")),
                _ => expand(line).transpose().map_err(|what| (at, what))?,
            };
            at += 1;
            if let Some(added) = added {
                pieces.extend([(first, std::mem::take(&mut text)), (at - 1, added)]);
                first = at;
            } else {
                text = text + line + "\n";
            }
        }
        pieces.push((first, text));
        pieces.extend(history.map(|history| (at, format!("## HISTORY\n\n{history}\n"))));
        Ok(pieces)
    }

    /// Reads the front matter, and returns the number of its lines.
    fn front(&mut self, lines: &[&str], facts: &Facts) -> Result<usize, Refusal> {
        if lines.first() != Some(&"---") {
            return Err((1, "a page must begin with ---, `covers: NAME, …`, ---".into()));
        }
        let mut at = 1;
        let mut covers = 2;
        loop {
            let Some(line) = lines.get(at) else {
                return Err((at, "the front matter has no end: add a line with only ---".into()));
            };
            at += 1;
            if *line == "---" {
                break;
            }
            let Some((key, value)) = line.split_once(':') else {
                return Err((at, "a line of the front matter must be KEY: VALUE".into()));
            };
            let mut value = value.trim().to_string();
            if value == "|" || value.is_empty() {
                value.clear();
                while let Some(line) = lines.get(at).filter(|line| line.starts_with([' ', '\t'])) {
                    value += line.strip_prefix("  ").unwrap_or(line);
                    value.push('\n');
                    at += 1;
                }
            }
            match key {
                "covers" => {
                    covers = at;
                    self.covers = value.split(',').map(|name| name.trim().to_string()).collect();
                }
                "topic" => self.topic = value,
                "summary" => self.summary = value.trim_end_matches(['.', '\n']).to_string(),
                "synopsis" => self.synopsis = Some(value.trim_end().to_string()),
                _ => {
                    let what = format!("there is no key {key}: use topic, covers, summary or synopsis");
                    return Err((at, what));
                }
            }
        }
        if self.covers.first() != Some(&self.name) {
            let what = format!("the first name in `covers` must be the file's, {}", self.name);
            return Err((covers, what));
        }
        if !self.of_functions() && (self.summary.is_empty() || self.covers.len() > 1) {
            let what = "a page of section 1 or 7 must cover only its own name, and have a summary";
            return Err((2, what.into()));
        }
        if self.topic.is_empty() {
            self.topic = match self.section {
                '1' => "Commands".into(),
                '2' => "System calls".into(),
                '7' => "Overviews".into(),
                _ => String::new(),
            };
        }
        if self.summary.is_empty() && self.covers.len() == 1 {
            self.summary = facts.summary(&self.name);
        }
        if self.summary.is_empty() {
            let what = "a page that covers several, or what has no documentation in src/, needs a `summary:`";
            return Err((2, what.into()));
        }
        Ok(at)
    }

    fn split(&mut self, nodes: Vec<Node>) -> Result<(), Refusal> {
        for node in nodes {
            if let Kind::Section(title) = node.kind {
                self.sections.push(Section {
                    title,
                    line: node.line,
                    nodes: Vec::new(),
                });
            } else if let Some(section) = self.sections.last_mut() {
                section.nodes.push(node);
            } else {
                return Err((
                    node.line,
                    "text above the first section: put ## DESCRIPTION before it".into(),
                ));
            }
        }
        Ok(())
    }

    fn order(&self) -> Result<(), Refusal> {
        if self.sections.first().is_none_or(|s| s.title != "DESCRIPTION") {
            let line = self.sections.first().map_or(1, |s| s.line);
            return Err((line, "the first section must be ## DESCRIPTION".into()));
        }
        let mut last = 0;
        for section in &self.sections {
            let title = section.title.as_str();
            if GENERATED.contains(&title) {
                let what = format!("{title} is generated: remove it");
                return Err((section.line, what));
            }
            if section.nodes.is_empty() {
                return Err((section.line, format!("{title} is empty: fill it or remove it")));
            }
            let Some(at) = SECTIONS.iter().position(|known| *known == title) else {
                // Pages of other sections than 3 may have more headings, such as lists of opcodes or commands.
                if self.section != '3' && title == title.to_uppercase() && last == 0 {
                    continue;
                }
                let own = if self.section == '3' {
                    String::new()
                } else {
                    ", or in CAPITALS right after DESCRIPTION".into()
                };
                let what = format!("{title} is not a section: use {}{own}", SECTIONS.join(", "));
                return Err((section.line, what));
            };
            if at < last || (at == last && at > 0) {
                let what = format!("{title} is too late: the order is {}", SECTIONS.join(", "));
                return Err((section.line, what));
            }
            last = at;
        }
        Ok(())
    }

    /// Whether it covers functions or macros, not a command or a topic.
    pub fn of_functions(&self) -> bool {
        matches!(self.section, '2' | '3')
    }

    pub fn section(&self, title: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.title == title)
    }

    /// Every node, those in lists included.
    pub fn nodes(&self) -> Vec<&Node> {
        fn gather<'a>(nodes: &'a [Node], out: &mut Vec<&'a Node>) {
            for node in nodes {
                out.push(node);
                if let Kind::List { items, .. } = &node.kind {
                    for item in items {
                        gather(&item.nodes, out);
                    }
                }
            }
        }
        let mut out = Vec::new();
        for section in &self.sections {
            gather(&section.nodes, &mut out);
        }
        out
    }

    /// Visits every run of text, with the line of its block.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(usize, &'a [Inline])) {
        self.sections
            .iter()
            .for_each(|section| tree::walk(&section.nodes, visit));
    }

    pub fn problem(&self, line: usize, what: impl Into<String>) -> Problem {
        Problem {
            path: self.path.clone(),
            line,
            what: what.into(),
        }
    }
}

/// Which page covers a name, by name and section.
pub type Places<'a> = BTreeMap<(&'a str, char), &'a Page>;

/// The page that covers each name; a name on two pages is a problem.
pub fn places(pages: &[Page]) -> (Places<'_>, Vec<Problem>) {
    let mut places = Places::new();
    let mut problems = Vec::new();
    for page in pages {
        for name in &page.covers {
            if let Some(other) = places.insert((name, page.section), page) {
                problems.push(page.problem(2, format!("{name} is also covered by {}", other.path)));
            }
        }
    }
    (places, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(front: &str, body: &str) -> Result<Page, String> {
        let text = format!("---\n{front}\n---\n{body}");
        let facts = Facts::default();
        let mut page = Page::begin("man/io_uring_f.3.md", &text, &facts).map_err(|problem| problem.to_string())?;
        let finished = page.finish(None, |_| None);
        finished.map(|()| page).map_err(|problem| problem.to_string())
    }

    #[test]
    fn front_matter_and_sections_are_read() {
        let front = "covers: io_uring_f, io_uring_g\nsummary: do it.\nsynopsis: |\n  #define A 1\n    B";
        let page = parse(front, "\n## DESCRIPTION\n\nx\n\n## NOTES\n\ny\n").expect("a good page");
        assert_eq!(page.covers, ["io_uring_f", "io_uring_g"]);
        assert_eq!(page.summary, "do it");
        assert_eq!(page.synopsis.as_deref(), Some("#define A 1\n  B"));
        let lines: Vec<_> = page.sections.iter().map(|s| (s.title.as_str(), s.line)).collect();
        assert_eq!(lines, [("DESCRIPTION", 9), ("NOTES", 13)]);
    }

    #[test]
    fn problems_name_the_line() {
        let good = "covers: io_uring_f\nsummary: do it";
        for (front, body, message) in [
            ("covers: io_uring_g", "## DESCRIPTION\nx\n", ".md:2: the first name"),
            (
                "covers: io_uring_f, g",
                "## DESCRIPTION\nx\n",
                ".md:2: a page that covers several",
            ),
            ("covers: io_uring_f\nsince: 2", "", ".md:3: there is no key since"),
            (good, "x\n", ".md:5: text above"),
            (good, "## NOTES\nx\n", ".md:5: the first section"),
            (
                good,
                "## DESCRIPTION\nx\n## NOTES\nx\n## ERRORS\nx\n",
                ".md:9: ERRORS is too late",
            ),
            (good, "## DESCRIPTION\nx\n## BUGS\nx\n", ".md:7: BUGS is not a section"),
            (good, "## DESCRIPTION\nx\n## NOTES\n", ".md:7: NOTES is empty"),
            (
                good,
                "## DESCRIPTION\nx\n## SYNOPSIS\nx\n",
                ".md:7: SYNOPSIS is generated",
            ),
        ] {
            let said = parse(front, body).err().expect("it is wrong");
            assert!(said.contains(message), "{said}\nwithout: {message}");
        }
    }
}
