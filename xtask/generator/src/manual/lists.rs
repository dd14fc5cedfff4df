//! What is added to a page's Markdown: the values of `{enum NAME}`, the pages of the index's `{topic NAME}`, HISTORY.

use super::facts::Facts;
use super::page::{Page, Problem};
use crate::model::{Definition, Function};
use quote::ToTokens as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The page that lists all others by topic.
const INDEX: &str = "io_uring_api";

/// Whether the index lists a page. Those of commands are installed with their commands, so the index can't refer to them.
fn listed(page: &Page) -> bool {
    page.name != INDEX && page.section != '1'
}

pub struct Lists<'a> {
    facts: &'a Facts,
    /// The items of the index, by topic.
    topics: BTreeMap<String, String>,
}

impl<'a> Lists<'a> {
    pub fn new(facts: &'a Facts, pages: &[Page]) -> Self {
        let mut topics = BTreeMap::<String, String>::new();
        for page in pages.iter().filter(|page| listed(page)) {
            let names = page.covers.iter().map(|name| format!("`{name}({})`", page.section));
            let item = format!("- {}: {}\n", names.collect::<Vec<_>>().join(", "), page.summary);
            *topics.entry(page.topic.clone()).or_default() += &item;
        }
        Self { facts, topics }
    }

    /// The Markdown that replaces a line, if it is one of those above.
    pub fn expand(&self, line: &str) -> Option<Result<String, String>> {
        let (kind, name) = line.strip_prefix('{')?.strip_suffix('}')?.split_once(' ')?;
        match kind {
            "enum" => Some(self.enumerators(name)),
            "topic" => Some(
                self.topics
                    .get(name)
                    .cloned()
                    .ok_or(format!("no page has the topic {name}")),
            ),
            _ => None,
        }
    }

    /// An item for each enumerator: what its documentation says, and the functions that use it.
    fn enumerators(&self, name: &str) -> Result<String, String> {
        let mut definitions = self.facts.model.all();
        let variants = definitions.find_map(|definition| match definition {
            Definition::Enum {
                name: known, variants, ..
            } if known == name => Some(variants),
            _ => None,
        });
        let variants = variants.ok_or(format!("the source has no enum {name}"))?;
        Ok(variants.iter().fold(String::new(), |mut out, (variant, doc, _)| {
            let text = doc.join("\n");
            // The last sentence names the kernel.
            let (text, kernel) = match text.rsplit_once("Kernel ") {
                Some((text, kernel)) => (text.trim_end(), format!(" (kernel {})", kernel.trim_end_matches('.'))),
                None => (text.as_str(), String::new()),
            };
            let functions = self.facts.model.functions().iter();
            let users = functions.filter(|function| Facts::public(function) && uses(function, variant));
            let users: Vec<String> = users.map(|function| format!("{}(3)", function.name())).collect();
            let _ = writeln!(out, "- `{variant}`{kernel}: {}", text.replace('\n', "\n  "));
            if !users.is_empty() {
                let _ = writeln!(out, "\n  See {}.", users.join(", "));
            }
            out
        }))
    }

    /// The versions of the functions among the names: a sentence, or a table if they differ.
    pub fn history(&self, covers: &[String]) -> Option<String> {
        let versions = self.facts.versions(covers);
        let (_, first) = versions.first()?;
        if versions.iter().all(|(_, version)| version == first) {
            if versions.len() == covers.len() {
                return Some(format!("Since {first}."));
            }
            // Macros have no Since line: they may be older or newer.
            let names: Vec<String> = versions.iter().map(|(name, _)| format!("`{name}()`")).collect();
            return Some(format!("{}: since {first}.", names.join(", ")));
        }
        let mut table = String::from("| function | liburing | Linux |\n|---|---|---|");
        for (name, version) in &versions {
            let kernel = version.kernel.as_deref().unwrap_or("any");
            let _ = write!(table, "\n| `{name}()` | {} | {kernel} |", version.liburing);
        }
        Some(table)
    }
}

fn uses(function: &Function, name: &str) -> bool {
    let body = function.item.block.to_token_stream().to_string();
    body.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word == name)
}

/// Pages that the index leaves out, or lists twice.
pub fn unlisted(pages: &[Page]) -> Vec<Problem> {
    let Some(index) = pages.iter().find(|page| page.name == INDEX) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for page in pages.iter().filter(|page| listed(page)) {
        let item = format!("- `{}({})`", page.name, page.section);
        let count = index.body.lines().filter(|line| line.starts_with(&item)).count();
        if count != 1 {
            let (topic, index) = (&page.topic, &index.path);
            let what =
                format!("`topic: {topic}`: {{topic {topic}}} is {count} times in {index}: it must be there once");
            problems.push(page.problem(1, what));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opcode_has_its_kernel_its_text_and_its_functions() {
        let facts = Facts::read().expect("the source");
        let lists = Lists::new(&facts, &[]);
        let text = lists.enumerators("io_uring_op").expect("the opcodes");
        let (_, accept) = text
            .split_once("- `IORING_OP_ACCEPT` (kernel 5.5): ")
            .expect("it is there");
        let (accept, _) = accept.split_once("\n- ").expect("it is not the last");
        assert!(accept.contains("\n\n  See io_uring_prep_accept(3)"), "{accept}");
        assert!(text.contains("- `IORING_OP_LAST`: "));
        assert!(lists.expand("{enum no_such_enum}").is_some_and(|list| list.is_err()));
        assert!(lists.expand("{ x }").is_none());
    }

    #[test]
    fn equal_versions_are_one_sentence_and_others_a_table() {
        let facts = Facts::read().expect("the source");
        let lists = Lists::new(&facts, &[]);
        let history = |names: &[&str]| lists.history(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        let same = history(&["io_uring_queue_init", "io_uring_queue_init_params"]).expect("they are functions");
        assert_eq!(same, "Since liburing 2.0 and Linux 5.1.");
        let mixed = history(&["io_uring_queue_init", "A_MACRO"]).expect("one is a function");
        assert_eq!(mixed, "`io_uring_queue_init()`: since liburing 2.0 and Linux 5.1.");
        let differ = history(&["io_uring_queue_init", "io_uring_queue_init_mem"]).expect("they are functions");
        assert_eq!(differ.lines().count(), 4, "{differ}");
        assert_eq!(history(&["A_MACRO"]), None);
    }
}
