//! What `docs/trust.md` claims: each test that it names exists, and each exported function is called by one.

use crate::util::root;
use std::fs;
use std::path::Path;

/// Every name of the table: (the file or command in front of it, the name; none for a command).
fn claims(text: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for row in text.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<_> = row.split(" | ").collect();
        assert_eq!(cells.len(), 2, "two columns: {row}");
        let before = found.len();
        for claim in cells[1].trim_end_matches(" |").split("; ") {
            let mut names = claim.split('`').skip(1).step_by(2).map(str::to_string);
            let place = names.next().unwrap_or_else(|| panic!("no name in {claim:?}"));
            if place.starts_with("cargo ") {
                found.push((place, None));
            } else {
                found.extend(names.map(|name| (place.clone(), Some(name))));
            }
        }
        assert!(found.len() > before, "a class without a test: {row}");
    }
    found
}

/// Whether what is claimed exists.
fn holds(place: &str, name: Option<&str>) -> bool {
    let Some(name) = name else {
        use clap::CommandFactory;
        let command = place.trim_start_matches("cargo xtask ");
        return crate::Cli::command().find_subcommand(command).is_some();
    };
    let Ok(text) = fs::read_to_string(root().join(place)) else {
        return false;
    };
    if place.starts_with("test-c/") {
        return text.contains(&format!("TEST({name})"));
    }
    let mut before = "";
    text.lines().any(|line| {
        let found = before.trim() == "#[test]" && line.trim_start().starts_with(&format!("fn {name}("));
        before = line;
        found
    })
}

/// All text of the tests that play the kernel.
fn tests(folder: &Path, text: &mut String) {
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests(&path, text);
        } else if path.to_string_lossy().contains("/tests") {
            text.push_str(&fs::read_to_string(&path).expect("a test"));
        }
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let text = fs::read_to_string(root().join("docs/trust.md")).expect("the page");
    let claims = claims(&text);
    assert!(claims.len() > 60, "only {} claims were found", claims.len());
    let missing: Vec<_> = claims
        .iter()
        .filter(|(place, name)| !holds(place, name.as_deref()))
        .collect();
    assert!(missing.is_empty(), "docs/trust.md names what isn't there: {missing:#?}");
}

#[test]
fn a_name_that_is_not_there_is_seen() {
    let here = "src/queue/tests.rs";
    assert!(holds(here, Some("each_submit_says_what_it_should")));
    assert!(!holds(here, Some("each_submit_says_what_it_shoul")));
    assert!(!holds(here, Some("batch")), "not a test");
    assert!(!holds("src/queue/test.rs", Some("each_submit_says_what_it_should")));
    assert!(!holds("test-c/wait.c", Some("matrix_wait")));
    assert!(!holds("cargo xtask modell", None));
}

#[test]
fn every_exported_function_is_called_by_a_test() {
    let mut text = String::new();
    tests(&root().join("src"), &mut text);
    let map = fs::read_to_string(root().join("src/liburing.map")).expect("the map");
    let names: Vec<_> = map.lines().filter_map(|line| line.trim().strip_suffix(';')).collect();
    let names: Vec<_> = names.into_iter().filter(|name| name.contains("io_uring_")).collect();
    assert_eq!(names.len(), 83, "the exported functions");
    // Macros of the tests name a function before its bracket as well.
    let called = |name: &str| {
        text.match_indices(name).any(|(at, _)| {
            let (before, after) = (text[..at].chars().next_back(), text[at + name.len()..].chars().next());
            let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !part(before) && !part(after)
        })
    };
    let missing: Vec<_> = names.into_iter().filter(|name| !called(name)).collect();
    assert!(missing.is_empty(), "no test under src/ calls {missing:?}");
}
