use super::*;

fn text(text: &str) -> Inline {
    Inline::Text(text.into())
}

fn code(text: &str) -> Inline {
    Inline::Code(text.into())
}

fn only(markdown: &str) -> Kind {
    let mut nodes = parse(markdown, 1).expect("it is good Markdown");
    assert_eq!(nodes.len(), 1);
    nodes.remove(0).kind
}

#[test]
fn references_are_found_in_text_and_in_code() {
    let Kind::Paragraph(inlines) = only("See io_uring_submit(3), `read(2)`; f(3x) and 9p(4) aren't any.") else {
        panic!("no paragraph")
    };
    let reference = |name: &str, section| Inline::Reference(name.into(), section);
    assert_eq!(
        inlines,
        [
            text("See "),
            reference("io_uring_submit", '3'),
            text(", "),
            reference("read", '2'),
            text("; f(3x) and 9p(4) aren't any."),
        ]
    );
}

#[test]
fn error_values_are_code_anywhere() {
    let Kind::Paragraph(inlines) = only("It is -EAGAIN: x-ENOT, -E.") else {
        panic!("no paragraph")
    };
    assert_eq!(inlines, [text("It is "), code("-EAGAIN"), text(": x-ENOT, -E.")]);
}

#[test]
fn an_items_code_before_a_colon_is_its_tag() {
    let Kind::List { items, .. } = only("- `A`, `B` (kernel 6.0): both\n- `c` alone. Not: this\n- plain: no") else {
        panic!("no list")
    };
    assert_eq!(items[0].tag, [code("A"), text(", "), code("B"), text(" (kernel 6.0)")]);
    assert!(items[1].tag.is_empty() && items[2].tag.is_empty());
    assert_eq!((items[0].line, items[2].line), (1, 3));
}

#[test]
fn lists_nest_and_hold_blocks() {
    let Kind::List { items, .. } = only("- `a`: one\n  - inner\n\n    ```text\n    x\n    ```\n- two") else {
        panic!("no list")
    };
    let Kind::List { items: inner, .. } = &items[0].nodes[1].kind else {
        panic!("no inner list")
    };
    assert!(matches!(&inner[0].nodes[1].kind, Kind::Code { text, .. } if text == "x\n"));
    assert_eq!(items.len(), 2);
}

#[test]
fn tables_keep_their_cells() {
    let Kind::Table { head, rows } = only("| a | b |\n|---|---|\n| `x` | y \\| z |\n") else {
        panic!("no table")
    };
    assert_eq!(head, [[text("a")], [text("b")]]);
    assert_eq!(rows, [[vec![code("x")], vec![text("y | z")]]]);
}

#[test]
fn what_is_not_in_the_format_is_refused_with_its_line() {
    for (markdown, part) in [
        ("a\n\n*b*", "italic"),
        ("a\n\na <pid> here", "backticks"),
        ("a\n\n[x](y)", "name(3)"),
        ("a\n\n```\nx\n```", "```text"),
        ("a\n\n# b", "## SECTION"),
        ("a\n\nb  \nc", "blanks"),
    ] {
        let (line, what) = parse(markdown, 1).err().expect("it is not in the format");
        assert!(line == 3 && what.contains(part), "{markdown}: {line}: {what}");
    }
}
