//! Whether pages, prototypes and names agree.

use super::columns;
use super::facts::Facts;
use super::lifetime;
use super::page::{Page, Problem};
use super::tree::{self, Inline, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Lines of a program and of a figure may have so many columns, tabs counted as eight.
const CODE_WIDTH: usize = 80;

/// What one page must fulfil by itself.
pub fn alone(page: &Page, facts: &Facts) -> Vec<Problem> {
    let mut problems = Vec::new();
    covers(page, facts, &mut problems);
    parameters(page, facts, &mut problems);
    returns(page, facts, &mut problems);
    problems.extend(lifetime::check(page, facts));
    wide(page, page.nodes().collect::<Vec<_>>().as_slice(), &mut problems);
    problems
}

fn covers(page: &Page, facts: &Facts, problems: &mut Vec<Problem>) {
    if page.section == '7' {
        return;
    }
    for name in &page.covers {
        let defined = facts.known(name);
        let synopsis = page.synopsis.as_ref().is_some_and(|text| text.contains(name.as_str()));
        if !defined {
            problems.push(page.problem(2, format!("{name}: neither src/ nor the headers define it")));
        } else if facts.macros.contains(name) && !synopsis {
            let what = format!("{name} is a macro: show how it is used in the front matter's `synopsis:`");
            problems.push(page.problem(2, what));
        }
    }
}

fn parameters(page: &Page, facts: &Facts, problems: &mut Vec<Problem>) {
    if page.section == '7' {
        return;
    }
    let wanted = facts.parameters(&page.covers, page.synopsis.as_deref());
    let Some(section) = page.section("PARAMETERS") else {
        if page.section == '3' && wanted.iter().any(|(_, names)| !names.is_empty()) {
            let what = "PARAMETERS is missing: the covered functions have some";
            problems.push(page.problem(1, what));
        }
        return;
    };
    let mut told = BTreeSet::new();
    for node in &section.nodes {
        let Kind::List { items, .. } = &node.kind else {
            continue;
        };
        for item in items {
            if item.tag.is_empty() {
                problems.push(page.problem(item.line, "an item here is \"- `parameter`: what it is\""));
            }
            for inline in &item.tag {
                let Inline::Code(name) = inline else { continue };
                let name = name.trim_start_matches('*');
                if wanted.iter().any(|(_, names)| names.iter().any(|n| n == name)) {
                    told.insert(name.to_string());
                } else {
                    let what = format!("`{name}` is no parameter of {}", page.covers.join(", "));
                    problems.push(page.problem(item.line, what));
                }
            }
        }
    }
    for (function, names) in &wanted {
        for name in names {
            if told.insert(name.clone()) {
                let what = format!("PARAMETERS lacks `{name}` of {function}()");
                problems.push(page.problem(section.line, what));
            }
        }
    }
}

fn returns(page: &Page, facts: &Facts, problems: &mut Vec<Problem>) {
    if page.section == '7' || page.section("RETURN VALUE").is_some() {
        return;
    }
    let result = |name: &&String| {
        let function = facts.model.function_named(name);
        function.is_some_and(|f| matches!(f.item.sig.output, syn::ReturnType::Type(..)))
    };
    if let Some(name) = page.covers.iter().find(result) {
        problems.push(page.problem(1, format!("RETURN VALUE is missing: {name}() returns something")));
    }
}

fn wide(page: &Page, nodes: &[&tree::Node], problems: &mut Vec<Problem>) {
    for node in nodes {
        match &node.kind {
            Kind::Code { text, .. } => {
                for (at, line) in text.lines().enumerate() {
                    let columns = crate::generate::decl::columns(line);
                    if columns > CODE_WIDTH {
                        let what = format!("{columns} columns: a line in a block has at most {CODE_WIDTH}");
                        problems.push(page.problem(node.line + 1 + at, what));
                    }
                }
            }
            Kind::Table { head, rows } if !columns::fit(head, rows) => {
                let what = "the table's longest words don't fit beside each other in 80 columns: make one column fewer";
                problems.push(page.problem(node.line, what));
            }
            Kind::List { items, .. } => {
                for item in items {
                    wide(page, item.nodes.iter().collect::<Vec<_>>().as_slice(), problems);
                }
            }
            _ => {}
        }
    }
}

/// Which page covers a name, by name and section.
pub type Places<'a> = BTreeMap<(&'a str, char), &'a Page>;

/// Where every name is covered; a name on two pages is a problem.
pub fn places(pages: &[Page]) -> (Places<'_>, Vec<Problem>) {
    let mut places = Places::new();
    let mut problems = Vec::new();
    for page in pages {
        for name in &page.covers {
            if let Some(other) = places.insert((name, page.section), page) {
                problems.push(page.problem(2, format!("{name} is covered by {} too", other.path)));
            }
        }
    }
    (places, problems)
}

/// References that lead nowhere: first those to pages of ours, then those to the system's pages.
pub fn references(page: &Page, facts: &Facts, places: &Places, system: Option<&Path>) -> (Vec<Problem>, Vec<Problem>) {
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for section in &page.sections {
        tree::walk(&section.nodes, &mut |line, inlines| {
            for inline in inlines {
                let Inline::Reference(name, number) = inline else {
                    continue;
                };
                if places.contains_key(&(name.as_str(), *number)) {
                } else if facts.ours(name) {
                    ours.push(page.problem(line, format!("there is no page {name}({number})")));
                } else if system.is_some_and(|folder| !has_page(folder, name, *number)) {
                    let what = format!("Linux has no page {name}({number}), as far as Debian's manpages know");
                    others.push(page.problem(line, what));
                }
            }
        });
    }
    (ours, others)
}

fn has_page(folder: &Path, name: &str, section: char) -> bool {
    let start = format!("{name}.{section}");
    let folder = folder.join(format!("man{section}"));
    [".gz", "", "posix.gz", "type.gz", "const.gz", "head.gz"]
        .iter()
        .any(|end| folder.join(format!("{start}{end}")).exists())
}
