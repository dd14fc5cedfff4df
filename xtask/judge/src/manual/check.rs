//! Checks that pages, prototypes and names agree.

use generator::manual::columns;
use generator::manual::facts::Facts;
use generator::manual::page::{Page, Places, Problem};
use generator::manual::tree::{Inline, Kind};
use std::collections::BTreeSet;
use std::path::Path;

/// The maximum width of a line in a program or figure, with tabs counted as eight columns.
const CODE_WIDTH: usize = 80;

/// Checks one page by itself.
pub fn page(page: &Page, facts: &Facts) -> Vec<Problem> {
    let mut problems = Vec::new();
    if page.of_functions() {
        covers(page, facts, &mut problems);
        parameters(page, facts, &mut problems);
        returns(page, facts, &mut problems);
    }
    wide(page, &mut problems);
    problems
}

fn covers(page: &Page, facts: &Facts, problems: &mut Vec<Problem>) {
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
                problems.push(page.problem(item.line, "an item here must read \"- `parameter`: what it is\""));
            }
            for inline in &item.tag {
                let Inline::Code(name) = inline else { continue };
                let name = name.trim_start_matches('*');
                if wanted.iter().any(|(_, names)| names.iter().any(|n| n == name)) {
                    told.insert(name.to_string());
                } else {
                    let what = format!("`{name}` is not a parameter of {}", page.covers.join(", "));
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
    if page.section("RETURN VALUE").is_some() {
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

fn wide(page: &Page, problems: &mut Vec<Problem>) {
    for node in page.nodes() {
        match &node.kind {
            Kind::Code { text, .. } => {
                for (at, line) in text.lines().enumerate() {
                    let columns = generator::decl::columns(line);
                    if columns > CODE_WIDTH {
                        let what = format!("{columns} columns: a line in a block has at most {CODE_WIDTH}");
                        problems.push(page.problem(node.line + 1 + at, what));
                    }
                }
            }
            Kind::Table { head, rows } if !columns::fit(head, rows) => {
                let what = "the table's longest words don't fit side by side in 80 columns: remove a column";
                problems.push(page.problem(node.line, what));
            }
            _ => {}
        }
    }
}

/// The folder of Linux's own pages, installed if missing; some small systems discard them.
pub fn system() -> Option<&'static Path> {
    let folder = Path::new("/usr/share/man");
    let there = || has_page(folder, "read", '2') && has_page(folder, "signal", '7');
    if !there() {
        let _ = base::install(&["manpages", "manpages-dev"]);
    }
    if there() {
        return Some(folder);
    }
    eprintln!("references to Linux's pages are not checked: this system has none (packages manpages, manpages-dev)");
    None
}

/// Broken references, to our pages or to the system's.
pub fn references(page: &Page, facts: &Facts, places: &Places, system: Option<&Path>) -> Vec<Problem> {
    let mut problems = Vec::new();
    page.walk(&mut |line, inlines| {
        for inline in inlines {
            let Inline::Reference(name, number) = inline else {
                continue;
            };
            let ours = facts.ours(name);
            if ours && !places.contains_key(&(name.as_str(), *number)) {
                problems.push(page.problem(line, format!("there is no page {name}({number})")));
            } else if !ours && system.is_some_and(|folder| !has_page(folder, name, *number)) {
                let what = format!("Debian's manpages have no page {name}({number})");
                problems.push(page.problem(line, what));
            }
        }
    });
    problems
}

fn has_page(folder: &Path, name: &str, section: char) -> bool {
    let start = format!("{name}.{section}");
    let folder = folder.join(format!("man{section}"));
    [".gz", "", "posix.gz", "type.gz", "const.gz", "head.gz"]
        .iter()
        .any(|end| folder.join(format!("{start}{end}")).exists())
}
