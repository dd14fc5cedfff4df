//! Generates the source of `lib.rs`: for each function, structure and constant that clang finds in
//! `include/ffi/liburing.h`, one line that only compiles if ironring's definition agrees.

use quote::{ToTokens, format_ident, quote};
use std::{env, fs, path::Path};
use syn::{ForeignItem, Item};

fn header(include: &str) -> bindgen::Builder {
    bindgen::Builder::default()
        .header(format!("{include}/ffi/liburing.h"))
        .clang_args([&format!("-I{include}"), "-D_GNU_SOURCE"])
        // Leaves out the definitions of the C library's headers.
        .allowlist_file(format!("{include}/.*"))
        .layout_tests(false)
        .prepend_enum_name(false)
        .formatter(bindgen::Formatter::None)
}

fn items(builder: bindgen::Builder) -> Vec<Item> {
    let text = builder.generate().expect("clang reads the header").to_string();
    syn::parse_file(&text).expect("bindgen writes Rust").items
}

fn main() {
    let include = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../include")
        .canonicalize();
    let include = include.expect("the headers are there");
    let include = include.to_str().expect("its path is text");
    println!("cargo:rerun-if-changed={include}");

    // bindgen generates no types: the prototypes refer to ironring's.
    let functions = items(header(include).allowlist_recursively(false));
    let mut checks = Vec::new();
    let mut count = 0_usize;
    for item in &functions {
        let Item::ForeignMod(block) = item else { continue };
        for item in &block.items {
            let ForeignItem::Fn(function) = item else { continue };
            let (name, output) = (&function.sig.ident, &function.sig.output);
            let inputs = function.sig.inputs.iter().map(|input| match input {
                syn::FnArg::Typed(input) => &input.ty,
                syn::FnArg::Receiver(_) => unreachable!("C has no methods"),
            });
            checks.push(quote!(const _: unsafe extern "C" fn(#(#inputs),*) #output = #name;));
            count += 1;
        }
    }

    let definitions = items(header(include));
    let [mut types, mut members, mut constants] = [0_usize; 3];
    for item in &definitions {
        match item {
            // Types without a name in C, and bindgen's types for bit fields and flexible arrays.
            Item::Struct(syn::ItemStruct { ident, generics, .. })
            | Item::Union(syn::ItemUnion { ident, generics, .. })
                if generics.params.is_empty() && !ident.to_string().contains("__bindgen") && ours(ident) =>
            {
                types += 1;
                checks.push(quote! {
                    const _: () = assert!(size_of::<c::#ident>() == size_of::<#ident>());
                    const _: () = assert!(align_of::<c::#ident>() == align_of::<#ident>());
                });
                if let Item::Struct(item) = item {
                    // C leaves some members without a name.
                    for field in item.fields.iter().filter_map(|field| field.ident.as_ref()) {
                        if !field.to_string().contains("__bindgen") {
                            members += 1;
                            checks.push(quote! {
                                const _: () = assert!(offset_of!(c::#ident, #field) == offset_of!(#ident, #field));
                            });
                        }
                    }
                }
            }
            Item::Const(syn::ItemConst { ident, .. }) if ours(ident) => {
                constants += 1;
                // The sign depends on C's type: -1 and ~0U are the same 32 bits.
                checks.push(quote! {
                    const _: () = assert!(c::#ident as u64 == #ident as u64
                        || size_of_val(&#ident) == 4 && c::#ident as u32 == #ident as u32);
                });
            }
            _ => {}
        }
    }
    let found = [
        ("FUNCTIONS", count),
        ("TYPES", types),
        ("MEMBERS", members),
        ("CONSTANTS", constants),
    ];
    let found = found.iter().map(|(name, number)| {
        let name = format_ident!("{name}");
        quote!(pub const #name: usize = #number;)
    });
    let text = quote!(pub mod c { #(#definitions)* } #(#checks)* #(#found)*);
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("witness.rs"), text.to_token_stream().to_string()).expect("it can be written");
}

fn ours(name: &syn::Ident) -> bool {
    let name = name.to_string();
    ["io_uring", "zcrx_", "IO", "LIBURING"]
        .iter()
        .any(|start| name.starts_with(start))
}
