//! The lists of opcodes and commands: `{enum NAME}` on a line of its own, made from the definition's documentation.

use super::facts::Facts;
use super::tree::{self, Inline, Item, Kind, Node};
use crate::generate::model::{Definition, Function};
use anyhow::{Context, Result, anyhow};
use quote::ToTokens as _;

/// The enum that a paragraph stands for.
pub fn asked(node: &Node) -> Option<&str> {
    let Kind::Paragraph(inlines) = &node.kind else {
        return None;
    };
    match inlines.as_slice() {
        [Inline::Text(text)] => text.strip_prefix("{enum ")?.strip_suffix('}'),
        _ => None,
    }
}

/// An item for each enumerator: what its documentation says, and the functions that use it.
pub fn list(facts: &Facts, name: &str) -> Result<Node> {
    let variants = facts
        .model
        .all()
        .find_map(|definition| match definition {
            Definition::Enum {
                name: known, variants, ..
            } if known == name => Some(variants),
            _ => None,
        })
        .with_context(|| format!("the source has no enum {name}"))?;
    let items = variants
        .iter()
        .map(|(variant, doc, _)| item(facts, variant, doc).with_context(|| format!("the documentation of {variant}")))
        .collect::<Result<Vec<_>>>()?;
    Ok(Node {
        line: 1,
        kind: Kind::List { numbered: false, items },
    })
}

fn item(facts: &Facts, name: &str, doc: &[String]) -> Result<Item> {
    let text = doc.join("\n");
    let (text, kernel) = kernel(&text);
    let mut tag = vec![Inline::Code(name.to_owned())];
    if let Some(kernel) = kernel {
        tag.push(Inline::Text(format!(" (kernel {kernel})")));
    }
    let users: Vec<String> = facts
        .model
        .functions()
        .iter()
        .filter(|function| Facts::public(function) && uses(function, name))
        .map(|function| format!("{}(3)", function.name()))
        .collect();
    let text = match users.as_slice() {
        [] => text.to_owned(),
        users => format!("{text}\n\nSee {}.", users.join(", ")),
    };
    let nodes = tree::parse(&text, 1).map_err(|(_, what)| anyhow!(what))?;
    Ok(Item { line: 1, tag, nodes })
}

/// Parts the last sentence off when it only names the kernel.
fn kernel(text: &str) -> (&str, Option<String>) {
    let Some(at) = text.rfind("Kernel ") else {
        return (text, None);
    };
    let version = text[at + "Kernel ".len()..].trim_end().trim_end_matches('.');
    (text[..at].trim_end(), Some(version.replace('\n', " ")))
}

fn uses(function: &Function, name: &str) -> bool {
    let body = function.item.block.to_token_stream().to_string();
    body.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opcode_has_its_kernel_its_text_and_its_functions() {
        let facts = Facts::read().expect("the source");
        let node = list(&facts, "io_uring_op").expect("the opcodes");
        let Kind::List { items, .. } = node.kind else {
            panic!("no list")
        };
        let find = |name: &str| {
            items
                .iter()
                .find(|item| item.tag[0] == Inline::Code(name.into()))
                .expect("an opcode")
        };
        let accept = find("IORING_OP_ACCEPT");
        assert_eq!(accept.tag[1], Inline::Text(" (kernel 5.5)".into()));
        let last = accept.nodes.last().expect("a paragraph");
        let Kind::Paragraph(inlines) = &last.kind else {
            panic!("no paragraph")
        };
        assert!(inlines.contains(&Inline::Reference("io_uring_prep_accept".into(), '3')));
        assert_eq!(find("IORING_OP_LAST").tag.len(), 1);
        assert!(list(&facts, "no_such_enum").is_err());
    }
}
