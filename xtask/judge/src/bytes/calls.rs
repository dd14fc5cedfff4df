//! The calls of every inline helper, in C and in Rust, and the table of their arguments, made from the signatures.

use crate::peer::NEWEST;
use anyhow::{Result, bail, ensure};
use base::root;
use generator::ctype::declare;
use generator::model::Function;
use generator::read_source;
use quote::ToTokens as _;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use syn::{FnArg, ReturnType, Type};

/// Writes `functions.h`, `calls.c` and the crate `rust/`; returns the number of functions.
pub fn write(work: &Path) -> Result<usize> {
    let (model, _) = read_source()?;
    let functions = model.functions().iter();
    let functions: Vec<&Function> = functions.filter(|function| function.inline_in(NEWEST)).collect();
    ensure!(!functions.is_empty(), "there are no inline functions in src/inline/");
    let mut table = String::from("static const struct function functions[] = {\n");
    let mut c = String::from(
        "#define _GNU_SOURCE\n#include <liburing.h>\n#include <stdint.h>\n#include <string.h>\n\n\
         uint64_t call(unsigned n, const uint64_t *a, void *ret);\n\
         uint64_t call(unsigned n, const uint64_t *a, void *ret)\n{\n\t(void)ret;\n\tswitch (n) {\n",
    );
    let mut rust = String::from(
        "#![allow(unused_unsafe)]\n\n\
         #[unsafe(no_mangle)]\npub unsafe extern \"C\" fn call(n: u32, a: *const u64, ret: *mut u8) -> u64 {\n    \
         let a = |i: usize| unsafe { *a.add(i) };\n    unsafe {\n        match n {\n",
    );
    for (number, function) in functions.iter().enumerate() {
        let name = function.name();
        let (mut kinds, mut c_args, mut rust_args) = (String::new(), Vec::new(), Vec::new());
        for (index, arg) in function.item.sig.inputs.iter().enumerate() {
            let FnArg::Typed(arg) = arg else {
                bail!("{name} takes self")
            };
            let ty = declare(&arg.ty, "")?;
            let param = arg.pat.to_token_stream().to_string();
            kinds.push(kind(&name, &param, &ty)?);
            c_args.push(c_argument(&ty, index));
            rust_args.push(rust_argument(&arg.ty, index));
        }
        let peeks = ["peek", "wait_cqe"].iter().any(|part| name.contains(part));
        let _ = writeln!(table, "\t{{ \"{name}\", \"{kinds}\", {} }},", u8::from(peeks));
        let (c_call, rust_call) = (
            format!("{name}({})", c_args.join(", ")),
            format!("ironring::{name}({})", rust_args.join(", ")),
        );
        let (c_line, rust_line) = result(&function.item.sig.output, &c_call, &rust_call)?;
        let _ = writeln!(c, "\tcase {number}: {c_line}");
        let _ = writeln!(rust, "            {number} => {rust_line}");
    }
    table.push_str("};\n");
    c.push_str("\t}\n\treturn 0;\n}\n");
    rust.push_str("            _ => 0,\n        }\n    }\n}\n");
    fs::write(work.join("functions.h"), table)?;
    fs::write(work.join("calls.c"), c)?;
    let krate = work.join("rust");
    fs::create_dir_all(krate.join("src"))?;
    fs::write(krate.join("src/lib.rs"), rust)?;
    fs::copy(root().join("Cargo.lock"), krate.join("Cargo.lock"))?;
    let manifest = format!(
        "[package]\nname = \"calls\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nironring = {{ path = \"{}\" }}\n\n[profile.release]\npanic = \"abort\"\n\n[workspace]\n",
        root().display()
    );
    fs::write(krate.join("Cargo.toml"), manifest)?;
    Ok(functions.len())
}

/// What the driver draws for an argument; see `argument` there.
fn kind(function: &str, param: &str, ty: &str) -> Result<char> {
    let bare = ty.strip_prefix("const ").unwrap_or(ty);
    let recvmsg = function.contains("io_uring_recvmsg_");
    Ok(match bare {
        "struct io_uring_sqe *" => 's',
        "struct io_uring *" => 'r',
        "struct io_uring_cqe *" => 'c',
        "struct io_uring_cqe **" => 'C',
        "struct io_uring_buf_ring *" => 'b',
        "struct io_uring_cqe_iter *" => 'i',
        "struct io_uring_probe *" => 'P',
        "struct io_uring_recvmsg_out *" => 'R',
        "void *" if recvmsg => 'R',
        "struct cmsghdr *" => 'm',
        "struct msghdr *" if recvmsg => 'M',
        "int *" if function == "io_uring_skip_cqe" => 'o',
        "unsigned *" if function == "__io_uring_peek_cqe" => 'n',
        // A pointer that is stored, not dereferenced.
        _ if bare.ends_with('*') => {
            let stores = ["_prep_", "_set_", "uring_ptr_to_u64", "io_uring_buf_ring_add"];
            ensure!(
                stores.iter().any(|part| function.contains(part)),
                "{function}: {ty} {param} has no kind: add one to xtask/judge/src/bytes/calls.rs and test-c/bytes/driver.c"
            );
            'p'
        }
        "bool" => '?',
        "int" if function == "io_uring_buf_ring_add" && param == "mask" => 'x',
        "int" if recvmsg => 'L',
        _ => '8',
    })
}

fn c_argument(ty: &str, index: usize) -> String {
    if ty.ends_with('*') {
        format!("({ty})(uintptr_t)a[{index}]")
    } else {
        format!("({ty})a[{index}]")
    }
}

fn rust_argument(ty: &Type, index: usize) -> String {
    let text = ty.to_token_stream().to_string();
    match ty {
        Type::Ptr(_) if text.starts_with("* const") => format!("a({index}) as usize as *const _"),
        Type::Ptr(_) => format!("a({index}) as usize as *mut _"),
        _ if text == "bool" => format!("a({index}) != 0"),
        _ => format!("a({index}) as _"),
    }
}

/// The statements that make a call and return its value as 64 bits; a structure goes to `ret`.
fn result(output: &ReturnType, c: &str, rust: &str) -> Result<(String, String)> {
    let ReturnType::Type(_, ty) = output else {
        return Ok((format!("{c}; return 0;"), format!("{{ {rust}; 0 }}")));
    };
    let name = declare(ty, "")?;
    Ok(if name.ends_with('*') {
        (
            format!("return (uint64_t)(uintptr_t){c};"),
            format!("{rust} as usize as u64,"),
        )
    } else if name.starts_with("struct ") {
        (
            format!("{{ {name} r = {c}; memcpy(ret, &r, sizeof(r)); return 0; }}"),
            format!("{{ core::ptr::write(ret.cast(), {rust}); 0 }}"),
        )
    } else {
        (format!("return (uint64_t){c};"), format!("{rust} as u64,"))
    })
}
