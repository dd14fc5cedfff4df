//! C in colours, for the web: comments, strings, keywords, and links from names to their pages.

use super::html::escape;
use std::fmt::Write as _;

const KEYWORDS: &[&str] = &[
    "bool", "break", "case", "char", "const", "continue", "default", "do", "else", "enum", "for", "goto", "if", "int",
    "long", "return", "short", "signed", "sizeof", "static", "struct", "switch", "union", "unsigned", "void",
    "volatile", "while",
];

/// The program with marks; `place` gives the file that a name leads to.
pub fn c(text: &str, place: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let line_start = out.is_empty() || out.ends_with('\n');
        let (length, class) = if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |at| at + 2), "c")
        } else if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), "c")
        } else if first == '"' || first == '\'' {
            (literal(rest, first), "s")
        } else if first == '#' && line_start {
            // The directive's word alone: what follows is C again.
            (rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len()), "k")
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            (length, if KEYWORDS.contains(&&rest[..length]) { "k" } else { "" })
        } else {
            (first.len_utf8(), "")
        };
        let token = &rest[..length];
        let shown = escape(token);
        if !class.is_empty() {
            let _ = write!(out, "<i class=\"{class}\">{shown}</i>");
        } else if let Some(file) = place(token) {
            let _ = write!(out, "<a href=\"{file}\">{shown}</a>");
        } else {
            out += &shown;
        }
        rest = &rest[length..];
    }
    out
}

/// The length of a string or character with its quotes.
fn literal(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return at,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_token_has_its_mark() {
        let place = |word: &str| (word == "io_uring_f").then(|| "f.html".to_string());
        let text = "#include <x.h>\nint a = io_uring_f(\"\\\"<\", 'b'); /* int */ // c\n\"int";
        let want = "<i class=\"k\">#include</i> &lt;x.h&gt;\n<i class=\"k\">int</i> a = <a href=\"f.html\">io_uring_f</a>(\
                    <i class=\"s\">&quot;\\&quot;&lt;&quot;</i>, <i class=\"s\">'b'</i>); <i class=\"c\">/* int */</i> \
                    <i class=\"c\">// c</i>\n<i class=\"s\">&quot;int</i>";
        assert_eq!(c(text, &place), want);
    }
}
