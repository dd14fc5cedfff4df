//! Prints rows as tables, and fills the templates of docs/.

use crate::root;
use anyhow::{Context, Result, ensure};
use std::fmt::{Display, Write as _};
use std::fs;
use std::path::Path;

/// Rows under a header in aligned columns, for the terminal.
pub fn columns(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(ToString::to_string).collect();
    let width: Vec<usize> = (0..header.len())
        .map(|column| {
            let cells = rows.iter().chain([&header]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let rule = width.iter().map(|width| "-".repeat(*width)).collect();
    let mut text = String::new();
    for row in [&header, &rule].into_iter().chain(rows) {
        let pairs = row.iter().zip(&width);
        let cells: Vec<String> = pairs.map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

/// Rows under a header as a Markdown table.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|{}\n", header.join(" | "), "---|".repeat(header.len()));
    for row in rows {
        let cells = row.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// A list under a title; no text if there are no items.
pub fn list<T: Display>(title: &str, items: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for item in items {
        if text.is_empty() {
            let _ = writeln!(text, "\n{title}:\n");
        }
        let _ = writeln!(text, "- {item}");
    }
    text
}

/// `xtask/judge/templates/NAME.md` with each `{{key}}` replaced by its value.
pub fn page(name: &str, values: &[(&str, &str)]) -> Result<String> {
    let template = root().join(format!("xtask/judge/templates/{name}.md"));
    let text = fs::read_to_string(&template).with_context(|| template.display().to_string())?;
    fill(&text, values).with_context(|| template.display().to_string())
}

/// Writes the [`page`] to `docs/NAME.md`.
pub fn write(name: &str, values: &[(&str, &str)]) -> Result<()> {
    let text = page(name, values)?;
    let path = Path::new("docs").join(format!("{name}.md"));
    fs::write(root().join(&path), text).with_context(|| path.display().to_string())?;
    println!("written: {}", path.display());
    Ok(())
}

/// Replaces what stands in `docs/NAME.md` between the comments `<!-- BY -->` and `<!-- end -->`, where BY is the command
/// that does it.
pub fn replace(name: &str, by: &str, text: &str) -> Result<()> {
    let path = Path::new("docs").join(format!("{name}.md"));
    let page = fs::read_to_string(root().join(&path)).with_context(|| path.display().to_string())?;
    let page = between(&page, by, text).with_context(|| path.display().to_string())?;
    fs::write(root().join(&path), page).with_context(|| path.display().to_string())?;
    println!("written: {}", path.display());
    Ok(())
}

fn between(page: &str, by: &str, text: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {by} -->\n"), "<!-- end -->\n");
    let (before, rest) = page
        .split_once(&begin)
        .with_context(|| format!("there is no {begin}"))?;
    let (_, after) = rest.split_once(end).with_context(|| format!("there is no {end}"))?;
    Ok(format!(
        "{before}{begin}\n{}\n\n{end}{after}",
        text.trim_end_matches('\n')
    ))
}

fn fill(template: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut text = template.to_owned();
    for (key, value) in values {
        let key = format!("{{{{{key}}}}}");
        ensure!(text.contains(&key), "{key} is not in the template");
        text = text.replace(&key, value.trim_end_matches('\n'));
    }
    if let Some((_, rest)) = text.split_once("{{") {
        anyhow::bail!("no value for {{{{{}", rest.lines().next().unwrap_or_default());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_and_tables() {
        let rows = [vec!["a|b".to_owned(), "1".to_owned()]];
        assert_eq!(columns(&["x", "count"], &rows), "x    count\n---  -----\na|b  1\n");
        assert_eq!(
            table(&["x", "count"], &rows),
            "| x | count |\n|---|---|\n| a\\|b | 1 |\n"
        );
        assert_eq!(list("Seen", [1, 2]), "\nSeen:\n\n- 1\n- 2\n");
        assert_eq!(list("Seen", [0; 0]), "");
    }

    #[test]
    fn text_between_two_comments_is_replaced() {
        let page = "a\n<!-- x -->\nold\n<!-- end -->\nb\n";
        let new = "a\n<!-- x -->\n\nnew\n\n<!-- end -->\nb\n";
        assert_eq!(between(page, "x", "new\n").unwrap(), new);
        assert_eq!(between(new, "x", "new").unwrap(), new);
        assert!(between(page, "y", "new").is_err());
    }

    #[test]
    fn each_value_has_a_key_and_each_key_a_value() {
        assert_eq!(fill("a {{x}}.\n", &[("x", "b\n")]).unwrap(), "a b.\n");
        assert!(fill("a\n", &[("x", "b")]).is_err());
        assert!(fill("a {{x}}\n", &[]).is_err());
    }
}
