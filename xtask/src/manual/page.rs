//! One page's source: `man/NAME.SECTION.md`, its front matter and its sections.

use super::tree::{self, Kind, Node};
use std::fmt;

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

/// What the generator writes itself.
const GENERATED: &[&str] = &["NAME", "SYNOPSIS", "LIBRARY"];

pub struct Page {
    /// As it was given, for messages.
    pub path: String,
    pub name: String,
    pub section: char,
    pub covers: Vec<String>,
    pub summary: Option<String>,
    pub synopsis: Option<String>,
    /// The Markdown below the front matter.
    pub body: String,
    pub sections: Vec<Section>,
}

pub struct Section {
    pub title: String,
    pub line: usize,
    pub nodes: Vec<Node>,
}

/// What is wrong with a page, where.
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
    pub fn parse(path: &str, text: &str) -> Result<Self, Problem> {
        let refuse = |line: usize, what: String| Problem {
            path: path.to_string(),
            line,
            what,
        };
        let file = path.rsplit('/').next().unwrap_or(path);
        let (name, section) = file
            .strip_suffix(".md")
            .and_then(|file| file.rsplit_once('.'))
            .filter(|(_, section)| ["2", "3", "7"].contains(section))
            .ok_or_else(|| refuse(1, "a page's file is called NAME.2.md, NAME.3.md or NAME.7.md".into()))?;
        let mut page = Self {
            path: path.to_string(),
            name: name.to_string(),
            section: section.chars().next().unwrap_or('3'),
            covers: Vec::new(),
            summary: None,
            synopsis: None,
            body: String::new(),
            sections: Vec::new(),
        };
        let lines: Vec<&str> = text.lines().collect();
        let front = page.front(&lines).map_err(|(line, what)| refuse(line, what))?;
        page.body = lines[front..].join("\n") + "\n";
        let nodes = tree::parse(&page.body, front + 1).map_err(|(line, what)| refuse(line, what))?;
        page.split(nodes).map_err(|(line, what)| refuse(line, what))?;
        page.order().map_err(|(line, what)| refuse(line, what))?;
        Ok(page)
    }

    /// Reads the front matter; gives the number of its lines.
    fn front(&mut self, lines: &[&str]) -> Result<usize, (usize, String)> {
        if lines.first() != Some(&"---") {
            return Err((1, "a page begins with ---, `covers: NAME, …`, ---".into()));
        }
        let mut at = 1;
        loop {
            let Some(line) = lines.get(at) else {
                return Err((at, "the front matter has no end: a line with --- only".into()));
            };
            at += 1;
            if *line == "---" {
                break;
            }
            let Some((key, value)) = line.split_once(':') else {
                return Err((at, "a line of the front matter is KEY: VALUE".into()));
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
                "covers" => self.covers = value.split(',').map(|name| name.trim().to_string()).collect(),
                "summary" => self.summary = Some(value.trim_end_matches(['.', '\n']).to_string()),
                "synopsis" => self.synopsis = Some(value.trim_end().to_string()),
                _ => {
                    let what = format!("there is no {key}: only covers, summary and synopsis");
                    return Err((at, what));
                }
            }
        }
        if self.covers.first() != Some(&self.name) {
            let what = format!("the first name in `covers` must be the file's, {}", self.name);
            return Err((2, what));
        }
        if self.section == '7' && (self.summary.is_none() || self.covers.len() > 1) {
            return Err((
                2,
                "a page of section 7 covers its own name only, and has a summary".into(),
            ));
        }
        if self.covers.len() > 1 && self.summary.is_none() {
            return Err((2, "a page that covers several needs a `summary:`".into()));
        }
        Ok(at)
    }

    fn split(&mut self, nodes: Vec<Node>) -> Result<(), (usize, String)> {
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

    fn order(&self) -> Result<(), (usize, String)> {
        if self.sections.first().is_none_or(|s| s.title != "DESCRIPTION") {
            let line = self.sections.first().map_or(1, |s| s.line);
            return Err((line, "the first section must be ## DESCRIPTION".into()));
        }
        let mut last = 0;
        for section in &self.sections {
            let title = section.title.as_str();
            if GENERATED.contains(&title) {
                let what = format!("{title} is generated: take it out");
                return Err((section.line, what));
            }
            if section.nodes.is_empty() {
                return Err((section.line, format!("{title} is empty: fill it or take it out")));
            }
            let Some(place) = SECTIONS.iter().position(|known| *known == title) else {
                // Topics have parts of their own; what opcodes or commands there are is one.
                if self.section != '3' && title == title.to_uppercase() && last == 0 {
                    continue;
                }
                let own = if self.section == '3' {
                    String::new()
                } else {
                    ", or in CAPITALS right after DESCRIPTION".into()
                };
                let what = format!("{title} is no section: use {}{own}", SECTIONS.join(", "));
                return Err((section.line, what));
            };
            if place < last || (place == last && place > 0) {
                let what = format!("{title} stands too late: the order is {}", SECTIONS.join(", "));
                return Err((section.line, what));
            }
            last = place;
        }
        Ok(())
    }

    pub fn section(&self, title: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.title == title)
    }

    /// Every node, section by section.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.sections.iter().flat_map(|section| &section.nodes)
    }

    pub fn problem(&self, line: usize, what: impl Into<String>) -> Problem {
        Problem {
            path: self.path.clone(),
            line,
            what: what.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(front: &str, body: &str) -> Result<Page, String> {
        let text = format!("---\n{front}\n---\n{body}");
        Page::parse("man/io_uring_f.3.md", &text).map_err(|problem| problem.to_string())
    }

    #[test]
    fn front_matter_and_sections_are_taken_apart() {
        let front = "covers: io_uring_f, io_uring_g\nsummary: do it.\nsynopsis: |\n  #define A 1\n    B";
        let page = parse(front, "\n## DESCRIPTION\n\nx\n\n## NOTES\n\ny\n").expect("a good page");
        assert_eq!(page.covers, ["io_uring_f", "io_uring_g"]);
        assert_eq!(page.summary.as_deref(), Some("do it"));
        assert_eq!(page.synopsis.as_deref(), Some("#define A 1\n  B"));
        let lines: Vec<_> = page.sections.iter().map(|s| (s.title.as_str(), s.line)).collect();
        assert_eq!(lines, [("DESCRIPTION", 9), ("NOTES", 13)]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let good = "covers: io_uring_f";
        for (front, body, message) in [
            ("covers: io_uring_g", "## DESCRIPTION\nx\n", ".md:2: the first name"),
            (
                "covers: io_uring_f, g",
                "## DESCRIPTION\nx\n",
                ".md:2: a page that covers several",
            ),
            ("covers: io_uring_f\nsince: 2", "", ".md:3: there is no since"),
            (good, "x\n", ".md:4: text above"),
            (good, "## NOTES\nx\n", ".md:4: the first section"),
            (
                good,
                "## DESCRIPTION\nx\n## NOTES\nx\n## ERRORS\nx\n",
                ".md:8: ERRORS stands too late",
            ),
            (good, "## DESCRIPTION\nx\n## BUGS\nx\n", ".md:6: BUGS is no section"),
            (good, "## DESCRIPTION\nx\n## NOTES\n", ".md:6: NOTES is empty"),
            (
                good,
                "## DESCRIPTION\nx\n## SYNOPSIS\nx\n",
                ".md:6: SYNOPSIS is generated",
            ),
        ] {
            let said = parse(front, body).err().expect("it is wrong");
            assert!(said.contains(message), "{said}\nwithout: {message}");
        }
    }
}
