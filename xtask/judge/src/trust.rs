//! Each test and command that docs/trust.md names exists.

use base::root;
use clap::CommandFactory as _;
use std::fs;

#[test]
fn every_test_that_the_page_names_exists() {
    let page = fs::read_to_string(root().join("docs/trust.md")).expect("the page");
    let (mut file, mut text, mut count) = ("", String::new(), 0);
    let cells = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(1));
    for name in cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
        if let Some(command) = name.strip_prefix("cargo xtask ") {
            assert!(crate::Cli::command().find_subcommand(command).is_some(), "{name}");
        } else if name.contains('.') {
            (file, text) = (name, fs::read_to_string(root().join(name)).expect(name));
        } else {
            let test = [format!("#[test]\nfn {name}("), format!("TEST({name})")];
            let text = text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
            assert!(test.iter().any(|test| text.contains(test)), "{file} has no test {name}");
            count += 1;
        }
    }
    assert!(count > 60, "only {count} tests are named");
}
