//! Doc comments as C comments.

/// Beginnings of lines that stay on their own line in the C comment.
const OWN_LINE: &[&str] = &["Returns ", "Since liburing ", "Needs _GNU_SOURCE", "- "];

/// Paragraphs, each a list of sentences or points that start on a line of their own.
fn paragraphs(doc: &[String]) -> Vec<Vec<String>> {
    let mut out: Vec<Vec<String>> = vec![Vec::new()];
    for line in doc {
        let line = plain(line);
        let own = OWN_LINE.iter().any(|start| line.starts_with(start));
        let current = out.last_mut().expect("there is always one");
        if line.is_empty() {
            out.push(Vec::new());
        } else if let (Some(last), false) = (current.last_mut(), own) {
            last.push(' ');
            last.push_str(&line);
        } else {
            current.push(line);
        }
    }
    out.retain(|paragraph| !paragraph.is_empty());
    out
}

/// The line without Markdown's marks.
fn plain(line: &str) -> String {
    line.replace("\\*", "*")
        .replace("[`", "")
        .replace("`]", "")
        .replace('`', "")
        .replace("*/", "*")
        .replace("/*", "*")
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always one");
        if !last.is_empty() && last.len() + 1 + word.len() > width {
            lines.push(word.to_string());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

/// A comment above what it describes, each line after `indent` tabs.
pub fn block(doc: &[String], indent: usize) -> String {
    let tabs = "\t".repeat(indent);
    let width = 80 - 8 * indent - 3;
    let mut lines = Vec::new();
    for (at, paragraph) in paragraphs(doc).iter().enumerate() {
        if at > 0 {
            lines.push(String::new());
        }
        for sentence in paragraph {
            lines.extend(wrap(sentence, width));
        }
    }
    match lines.as_slice() {
        [] => String::new(),
        [line] if line.len() + 3 <= width => format!("{tabs}/* {line} */\n"),
        _ => {
            let mut out = format!("{tabs}/*\n");
            for line in lines {
                out += format!("{tabs} * {line}").trim_end();
                out.push('\n');
            }
            out + &format!("{tabs} */\n")
        }
    }
}

/// A comment after what it describes, if it is short enough for the room on that line.
pub fn trailing(doc: &[String], room: usize) -> Option<String> {
    let text = doc.iter().map(|line| plain(line)).collect::<Vec<_>>().join(" ");
    let text = text.trim();
    (!text.is_empty() && text.len() + 6 <= room).then(|| format!("/* {text} */"))
}
