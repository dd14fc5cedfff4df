//! Tests what the generator prints for small pieces of source, and what it refuses.

use super::model::Model;
use super::{body, decl, types};

fn model(text: &str) -> Model {
    let mut model = Model::default();
    model
        .parse("crates/abi/src/uapi/x.rs", "pub struct ring { pub flags: c_uint, pub anon_u: anon_ring_u, pub slots: *mut ring, }\n#[repr(C, packed)] pub union anon_ring_u { pub a: __u64, pub b: [__u8; 0], }")
        .expect("the types are Rust");
    model
        .parse(
            "crates/abi/src/uapi/e.rs",
            "c_enum! { #[repr(u32)] pub enum e { NONE, MOST = 300 } }\npub const LIMIT: c_uint = 7;",
        )
        .expect("the constants are Rust");
    model.parse("src/inline/x.rs", text).expect("the text is Rust");
    let types = include_str!("../../../crates/abi/src/ctypes.rs");
    model.read_types(types).expect("the types are Rust");
    model
}

/// The C text of one inline function with this head and body, from its opening brace on.
fn c(head: &str, text: &str) -> String {
    let source = format!(
        "use libc::EINVAL;\n/// Does it.\n/// Since liburing 2.0.\npub unsafe extern \"C\" fn f({head} {{\n{text}\n}}"
    );
    let model = model(&source);
    let printed = types::check_names(&model).and_then(|()| body::print(&model, &model.functions()[0]));
    let printed = printed.unwrap_or_else(|err| format!("refused: {err}"));
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
fn comments_and_blank_lines_are_kept() {
    let text = "    let x: c_uint = 1;\n\n    // Because.\n    return x;";
    assert_eq!(
        c(") -> c_uint", text),
        "{\n\tunsigned x = 1;\n\n\t/* Because. */\n\treturn x;\n}\n"
    );
}

/// The C text of `return` with this value, in a function with operands of many types.
fn value(result: &str, text: &str) -> String {
    let head =
        format!("a: __u16, b: __u16, c: __u8, i: c_int, u: c_uint, w: __u64, t: bool, p: *mut ring) -> {result}");
    let printed = c(&head, text);
    let printed = printed.strip_prefix("{\n\treturn ").unwrap_or(&printed);
    printed.trim_end_matches(";\n}\n").to_string()
}

#[test]
fn narrow_results_are_cast_where_c_would_compute_in_int() {
    for (result, text, want) in [
        ("bool", "a.wrapping_add(b) == 0", "uring_cast(__u16, a + b) == 0"),
        ("bool", "a.wrapping_sub(b) > a", "uring_cast(__u16, a - b) > a"),
        ("bool", "!c == 0", "uring_cast(__u8, ~c) == 0"),
        (
            "bool",
            "(a.wrapping_add(1) & b) != 3",
            "uring_cast(__u16, (a + 1) & b) != 3",
        ),
        ("__u16", "a.wrapping_add(b) >> 1", "uring_cast(__u16, a + b) >> 1"),
        ("c_int", "c_int::from(a.wrapping_add(b))", "uring_cast(__u16, a + b)"),
        (
            "__u32",
            "__u32::from(a.wrapping_add(b))",
            "uring_cast(__u32, uring_cast(__u16, a + b))",
        ),
        (
            "c_uint",
            "a.wrapping_add(b) as c_uint",
            "uring_cast(unsigned, uring_cast(__u16, a + b))",
        ),
        (
            "*mut ring",
            "p.add(a.wrapping_add(b) as usize)",
            "&p[uring_cast(__u16, a + b)]",
        ),
        ("bool", "c == MOST as __u8", "c == uring_cast(__u8, MOST)"),
        ("c_int", "c_int::from(!p.is_null())", "p != NULL"),
        ("__u64", "(MOST as __u64) << 40", "uring_cast(__u64, MOST) << 40"),
        (
            "bool",
            "(NONE as c_uint).wrapping_sub(1) > 7",
            "uring_cast(unsigned, NONE) - 1 > 7",
        ),
        (
            "__u64",
            "!(MOST as c_uint) as __u64",
            "uring_cast(__u64, ~uring_cast(unsigned, MOST))",
        ),
        ("__u8", "MOST as __u8", "MOST"),
        // The store to its own type truncates the sum.
        ("__u16", "a.wrapping_add(b)", "a + b"),
        ("__u16", "!a", "~a"),
        ("bool", "!p.is_null()", "p"),
    ] {
        assert_eq!(value(result, text), want, "{text}");
    }
}

#[test]
fn numbers_keep_the_type_that_their_suffix_gives() {
    assert_eq!(value("__u64", "1u64 << u"), "1ULL << u");
    assert_eq!(value("bool", "!0u16 == a"), "uring_cast(__u16, ~0) == a");
    assert_eq!(value("c_int", "-EINVAL"), "-EINVAL");
}

#[test]
fn what_c_would_compute_differently_is_refused() {
    for (result, text, why) in [
        ("bool", "!g(a)", "its type is unknown"),
        ("c_int", "i32::MAX", "neither a local"),
        ("c_uint", "ELSEWHERE", "neither a local"),
        ("c_int", "elsewhere(a)", "not a function of the source"),
        ("u8", "c", "no type u8"),
        ("bool", "u8::from(t) == c", "no type u8"),
        ("c_int", "a as i32", "no type i32"),
        ("other", "i", "no type other"),
        ("Option<__u8>", "c", "no type Option"),
        ("c_int", "i.wrapping_add(1)", "don't wrap around"),
        ("c_int", "i.wrapping_sub(i)", "don't wrap around"),
        ("__u64", "1 << u", "needs its type"),
        ("__u16", "a << 8", "computes it in int"),
        ("__u16", "a * b", "computes it in int"),
        ("c_uint", "NONE - MOST", "computes it in int"),
        ("bool", "a == !0", "another type"),
        ("c_uint", "!MOST", "another type"),
        ("c_uint", "0b11", "decimal or hexadecimal"),
        ("c_uint", "017", "decimal or hexadecimal"),
        ("c_int", "i << 1", "signed shift"),
        ("c_int", "c_int::from(c) << 24", "signed shift"),
        ("size_t", "3usize", "without a C form"),
        ("c_uint", "u / 2", "without a C form"),
        ("c_int", "let i: c_int = i; i", "another local has this name"),
        ("c_int", "let new: c_int = 1; new", "reserved in C or C++"),
        ("c_int", "let linux: c_int = 1; linux", "reserved in C or C++"),
        ("c_int", "let Some(x): c_int = i else { return 1 }; x", "one name"),
        ("c_int", "let x: c_int = i else { return 1 }; x", "no let"),
        (
            "c_int",
            "let mut x: MaybeUninit<c_int> = MaybeUninit::zeroed(); x.assume_init()",
            "uninitialized",
        ),
        ("c_int", "#[cfg(unix)] let x: c_int = 1; x", "nothing else"),
        (
            "c_int",
            "#[cfg(not(target_endian = \"big\"))] { f(); } i",
            "a block may only carry",
        ),
        ("c_int", "'out: loop { break 'out; } i", "neither label nor value"),
        ("c_int", "loop { break 3; }", "neither label nor value"),
        ("c_int", "u == 1; i", "the result is not used"),
        ("c_uint", "(*p.cast()).flags", "cast::<T>()"),
    ] {
        let refusal = value(result, text);
        assert!(refusal.starts_with("refused: src/inline/x.rs:"), "{text}: {refusal}");
        assert!(refusal.contains(why), "{text}: {refusal}");
    }
}

#[test]
fn arguments_whose_order_matters_are_refused() {
    let text = "/// Does it.\n/// Since liburing 2.0.\npub unsafe extern \"C\" fn f(r: *mut ring, i: c_uint) -> c_uint {\n\
                g(g(i, r), r)\n}\n\
                /// Does it.\n/// Since liburing 2.0.\npub unsafe extern \"C\" fn g(i: c_uint, r: *mut ring) -> c_uint {\n\
                g(i, r).wrapping_add(g(i, r))\n}";
    let model = model(text);
    body::print(&model, &model.functions()[0]).expect("one call after the other");
    let err = body::print(&model, &model.functions()[1]).expect_err("two calls that write");
    assert!(err.to_string().contains("in any order"), "{err}");
}

#[test]
fn constants_without_the_same_c_value_are_refused() {
    for text in [
        "c_uint = u32::MAX",
        "c_uint = 300 as u8 as c_uint",
        "__u16 = 1",
        "c_uint = 7 % 2",
        "[c_uint; 1] = [1]",
    ] {
        let mut model = Model::default();
        model
            .parse("crates/abi/src/uapi/x.rs", &format!("pub const A: {text};"))
            .expect("the text is Rust");
        assert!(decl::definitions(&model, "crates/abi/src/uapi/x.rs").is_err(), "{text}");
    }
}

#[test]
fn what_has_no_plain_c_form_is_refused_with_its_line() {
    for text in [
        "let x = 1;",
        "match x { _ => {} }",
        "let f: c_int = || 1;",
        "x.min(1);",
        "loop { x?; }",
    ] {
        let refusal = c("x: c_int)", text);
        assert!(
            refusal.starts_with("refused: src/inline/x.rs:5: f: "),
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
    let text = decl::definitions(&model(""), "crates/abi/src/uapi/x.rs").expect("they have a C form");
    let want = "__extension__ struct ring {\n\tunsigned flags;\n\tunion {\n\t\t__u64 a;\n\t\t__u8 b[0];\n\t} \
                __attribute__((packed));\n\tstruct ring *slots;\n};\n";
    assert!(text.contains(want), "{text}");
}

#[test]
fn constants_get_the_suffix_of_their_type() {
    let mut model = Model::default();
    let text = "pub const A: c_uint = 1 << 31;\npub const B: __u64 = 0x800_0000;\npub const C: c_int = -2;\n\
                pub const D: c_uint = A | 2;";
    model.parse("crates/abi/src/uapi/x.rs", text).expect("the text is Rust");
    let text = decl::definitions(&model, "crates/abi/src/uapi/x.rs").expect("they have a C form");
    for line in [
        "#define A\t(1U << 31)",
        "#define B\t0x8000000ULL",
        "#define C\t(-2)",
        "#define D\t(A | 2U)",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in {text}");
    }
}
