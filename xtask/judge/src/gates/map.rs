//! Version scripts: `src/liburing.map` and `src/liburing-ffi.map`.

use anyhow::{Context, Result, ensure};
use base::root;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A version script: each symbol's node, and the nodes in order.
#[derive(Default)]
pub struct Map {
    pub symbols: BTreeMap<String, String>,
    pub nodes: Vec<String>,
}

impl Map {
    /// The map of a library.
    pub fn of(name: &str) -> Result<Map> {
        Map::read(&root().join(format!("src/{name}.map")))
    }

    pub fn read(path: &Path) -> Result<Map> {
        let text = fs::read_to_string(path).with_context(|| format!("{}; to mend: cargo gen", path.display()))?;
        Map::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Map> {
        let mut map = Map::default();
        // Without comments.
        let text: String = text
            .split("/*")
            .enumerate()
            .filter_map(|(nth, part)| {
                if nth == 0 {
                    Some(part)
                } else {
                    part.split_once("*/").map(|part| part.1)
                }
            })
            .collect();
        let text = text.replace('{', " { ").replace('}', " } ").replace(';', " ");
        // Whether in a node, and after `global:`; the word before.
        let (mut inside, mut global, mut before) = (false, true, "");
        for word in text.split_whitespace() {
            match word {
                "{" => {
                    (inside, global) = (true, true);
                    map.nodes.push(before.to_owned());
                }
                "}" => inside = false,
                "global:" | "local:" => global = word == "global:",
                symbol if inside && global => {
                    let node = map.nodes.last().context("a node")?.clone();
                    let twice = map.symbols.insert(symbol.to_owned(), node);
                    ensure!(twice.is_none(), "{symbol} is also in {}", twice.unwrap_or_default());
                }
                _ => {}
            }
            before = word;
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps() {
        let map =
            Map::parse("/* z; */ A_2.0 { global: a; /* b; */ c; local: *; };\nA_2.1 {\n} A_2.0;\nB { d; };").unwrap();
        assert_eq!(map.nodes, ["A_2.0", "A_2.1", "B"]);
        assert!(map.symbols.keys().eq(["a", "c", "d"]));
        assert_eq!(map.symbols["d"], "B");
        assert!(Map::parse("A { a; }; B { a; } A;").is_err());
    }
}
