//! Version scripts: `src/liburing.map` and `src/liburing-ffi.map`.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A version script: each symbol's node, and the nodes in order.
pub struct Map {
    pub symbols: BTreeMap<String, String>,
    pub nodes: Vec<String>,
}

impl Map {
    pub fn read(path: &Path) -> Result<Map> {
        let text = fs::read_to_string(path).with_context(|| format!("{}; to mend: cargo xtask gen", path.display()))?;
        Map::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(mut text: &str) -> Result<Map> {
        let mut clean = String::new();
        while let Some((before, rest)) = text.split_once("/*") {
            clean.push_str(before);
            text = rest.split_once("*/").context("an open comment")?.1;
        }
        clean.push_str(text);
        let mut map = Map {
            symbols: BTreeMap::new(),
            nodes: Vec::new(),
        };
        for block in clean.split('}') {
            let (head, body) = block
                .split_once('{')
                .map_or((block, None), |(head, body)| (head, Some(body)));
            // Before the node's name stands the end of the one before: its parent and a semicolon.
            let (parent, node) = head.split_once(';').unwrap_or(("", head));
            let (parent, node) = (parent.trim(), node.trim());
            if let Some(last) = map.nodes.last() {
                // The parent that was just read is that of `last`.
                let before = map.nodes.len().checked_sub(2).map_or("", |i| &*map.nodes[i]);
                ensure!(
                    parent == before,
                    "{last} follows {before}, but names the parent {parent:?}"
                );
            }
            let Some(body) = body else { continue };
            let mut global = true;
            for word in body.replace(':', ":;").split(';').map(str::trim) {
                match word {
                    "global:" => global = true,
                    "local:" => global = false,
                    "" => {}
                    symbol if global => {
                        let twice = map.symbols.insert(symbol.into(), node.into());
                        ensure!(
                            twice.is_none(),
                            "{symbol} is in {node} and in {}",
                            twice.unwrap_or_default()
                        );
                    }
                    _ => {}
                }
            }
            map.nodes.push(node.into());
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps() -> Result<()> {
        let map = Map::parse("A_2.0 { global: a; /* b; */ c; local: *; };\nA_2.1 {\n} A_2.0;\n")?;
        assert_eq!(map.nodes, ["A_2.0", "A_2.1"]);
        assert_eq!(map.symbols.len(), 2);
        assert!(Map::parse("A { a; }; B { a; } A;").is_err());
        assert!(Map::parse("A { a; }; B { b; };").is_err());
        Ok(())
    }
}
