use super::*;
use crate::manual::lists::Lists;

/// The roff text of a page's DESCRIPTION.
fn description(markdown: &str) -> String {
    let text = format!("---\ncovers: topic\nsummary: a topic\n---\n## DESCRIPTION\n\n{markdown}\n");
    let facts = Facts::default();
    let mut parsed = Page::begin("man/topic.7.md", &text, &facts).expect("a good page");
    let lists = Lists::new(&facts, &[]);
    parsed
        .finish(lists.history(&parsed.covers), |line| lists.expand(line))
        .expect("a good page");
    let printed = page(&parsed, &facts).expect("it needs nothing of the source");
    let (_, below) = printed.split_once(".SH DESCRIPTION\n").expect("there is one");
    below.to_string()
}

#[test]
fn roff_syntax_in_text_is_escaped() {
    assert_eq!(description("x\n\n.so it is"), "x\n.PP\n\\&.so it is\n");
    assert_eq!(description("'tis `a\\b`"), "\\*(Aqtis \\fBa\\\\b\\fR\n");
    assert_eq!(description("a-b `-EINVAL`"), "a\\-b \\fB\\-EINVAL\\fR\n");
    assert_eq!(description("say \"x\""), "say \"x\"\n");
    assert_eq!(description("### A \"b\" `-c`"), ".SS \"A \\(dqb\\(dq \\-c\"\n");
}

#[test]
fn a_line_broken_before_a_dot_is_escaped() {
    let text = format!("{} .x {}", "w".repeat(75), "y".repeat(75));
    let lines: Vec<String> = description(&text).lines().map(str::to_string).collect();
    assert_eq!(lines[1], "\\&.x");
    assert!(lines.iter().all(|line| line.len() < 80));
}

#[test]
fn blocks_of_code_keep_every_line() {
    let got = description("```text\n.x\n\n\ty\\n'\n```\n\nz");
    assert_eq!(got, ".in +4n\n.EX\n\\&.x\n\n    y\\\\n\\*(Aq\n.EE\n.in\n.PP\nz\n");
}

#[test]
fn lists_nest() {
    let got = description("- `a`, `b`: one\n  - inner\n- two\n\n1. x\n2. y\n\n   z");
    let want = ".TP 8\n\\fBa\\fR, \\fBb\\fR\none\n.RS 8\n.IP \\(bu 3\ninner\n.RE\n.IP \\(bu 3\ntwo\n\
                .IP 1. 4\nx\n.IP 2. 4\ny\n.RS 4\n.PP\nz\n.RE\n";
    assert_eq!(got, want);
}

#[test]
fn wide_columns_of_tables_are_filled() {
    let table = |cell: &str| description(&format!("| a | b |\n|---|---|\n| `x` | {cell} |"));
    assert_eq!(table("a cell"), ".TS\nlb lb\n_ _\nl l.\na\tb\n\\fBx\\fR\ta cell\n.TE\n");
    let long = "a cell of so many words that they need a line of their own, or even two";
    let want =
        format!(".na\n.TS\nlb lbw(67n)\n_ _\nl lw(67n).\na\tT{{\nb\nT}}\n\\fBx\\fR\tT{{\n{long}\nT}}\n.TE\n.ad\n");
    assert_eq!(table(long), want);
}
