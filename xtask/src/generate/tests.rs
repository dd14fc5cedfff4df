//! What the generator makes of small pieces of source, and what it refuses.

use super::model::Model;
use super::{body, decl};

fn model(text: &str) -> Model {
    let mut model = Model::default();
    model
        .parse("src/abi/x.rs", "pub struct ring { pub flags: c_uint, pub anon_u: anon_ring_u, pub slots: *mut ring, }\n#[repr(C, packed)] pub union anon_ring_u { pub a: __u64, pub b: [__u8; 0], }")
        .expect("the types are Rust");
    model.parse("src/inline/x.rs", text).expect("the text is Rust");
    model
}

/// The C text of one inline function with this head and body, from its opening brace on.
fn c(head: &str, text: &str) -> String {
    let source = format!("/// Does it.\n/// Since liburing 2.0.\npub unsafe extern \"C\" fn f({head} {{\n{text}\n}}");
    let model = model(&source);
    let printed = body::print(&model, &model.functions()[0]).unwrap_or_else(|err| format!("refused: {err}"));
    printed
        .split_once("LIBURING_NOEXCEPT\n")
        .map_or(printed.clone(), |parts| parts.1.to_string())
}

#[test]
fn fields_of_anonymous_members_join_their_parent() {
    assert_eq!(c("r: *mut ring)", "(*r).anon_u.a = 1;"), "{\n\tr->a = 1;\n}\n");
    assert_eq!(
        c("r: *mut ring)", "(*(*r).slots).flags = 2;"),
        "{\n\tr->slots->flags = 2;\n}\n"
    );
}

#[test]
fn pointers_are_indexed_and_addressed() {
    let head = "r: *mut ring, i: c_uint) -> *mut ring";
    assert_eq!(
        c(head, "(*r).slots.add((i & 7) as usize)"),
        "{\n\treturn &r->slots[i & 7];\n}\n"
    );
    assert_eq!(
        c("r: *mut ring, i: c_uint) -> c_uint", "(*r.add(i as usize)).flags"),
        "{\n\treturn r[i].flags;\n}\n"
    );
}

#[test]
fn operators_get_the_parentheses_that_c_needs() {
    let head = "a: c_uint, b: c_uint) -> c_uint";
    assert_eq!(
        c(head, "(a.wrapping_add(b) & 3) << 1"),
        "{\n\treturn ((a + b) & 3) << 1;\n}\n"
    );
    assert_eq!(
        c(head, "a.wrapping_sub(b.wrapping_sub(1))"),
        "{\n\treturn a - (b - 1);\n}\n"
    );
    assert_eq!(c(head, "!a"), "{\n\treturn ~a;\n}\n");
    assert_eq!(c("a: bool) -> bool", "!a"), "{\n\treturn !a;\n}\n");
}

#[test]
fn casts_say_whether_pointers_are_involved() {
    assert_eq!(
        c("a: c_int) -> __u8", "a as __u8"),
        "{\n\treturn uring_cast(__u8, a);\n}\n"
    );
    let pointer = c("a: *const c_void) -> __u64", "a as uintptr_t as __u64");
    assert_eq!(
        pointer,
        "{\n\treturn uring_cast(__u64, uring_ptr_cast(uintptr_t, a));\n}\n"
    );
}

#[test]
fn comments_and_blank_lines_come_along() {
    let text = "    let x: c_uint = 1;\n\n    // Because.\n    return x;";
    assert_eq!(
        c(") -> c_uint", text),
        "{\n\tunsigned x = 1;\n\n\t/* Because. */\n\treturn x;\n}\n"
    );
}

#[test]
fn what_has_no_plain_c_form_is_refused_with_its_place() {
    for text in [
        "let x = 1;",
        "match x { _ => {} }",
        "let f: c_int = || 1;",
        "x.min(1);",
        "loop { x?; }",
    ] {
        let refusal = c("x: c_int)", text);
        assert!(
            refusal.starts_with("refused: src/inline/x.rs:4: f: "),
            "{text}: {refusal}"
        );
    }
}

#[test]
fn a_function_without_its_since_line_is_refused() {
    let text = "/// Does it.\npub unsafe extern \"C\" fn f() {}";
    let err = Model::default()
        .parse("src/queue.rs", text)
        .expect_err("there is no Since line");
    assert!(err.to_string().contains("Since liburing X.Y."), "{err}");
}

#[test]
fn structures_keep_their_members_and_attributes() {
    let text = decl::definitions(&model(""), "src/abi/x.rs").expect("they have a C form");
    let want = "__extension__ struct ring {\n\tunsigned flags;\n\tunion {\n\t\t__u64 a;\n\t\t__u8 b[0];\n\t} \
                __attribute__((packed));\n\tstruct ring *slots;\n};\n";
    assert!(text.contains(want), "{text}");
}

#[test]
fn constants_get_the_suffix_of_their_type() {
    let mut model = Model::default();
    let text = "pub const A: c_uint = 1 << 31;\npub const B: __u64 = 0x800_0000;\npub const C: c_int = -2;\n\
                pub const D: c_uint = A | 2;";
    model.parse("src/abi/x.rs", text).expect("the text is Rust");
    let text = decl::definitions(&model, "src/abi/x.rs").expect("they have a C form");
    for line in [
        "#define A\t(1U << 31)",
        "#define B\t0x8000000ULL",
        "#define C\t(-2)",
        "#define D\t(A | 2U)",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in {text}");
    }
}
