//! Writes what `lib.rs` compiles: for each function that clang finds in `include/ffi/liburing.h`, each structure and
//! each constant, one line that only compiles if ironring's own agrees.

use quote::{ToTokens, format_ident, quote};
use std::{env, fs, path::Path};
use syn::{ForeignItem, Item};

fn header(include: &str) -> bindgen::Builder {
    bindgen::Builder::default()
        .header(format!("{include}/ffi/liburing.h"))
        .clang_args([&format!("-I{include}"), "-D_GNU_SOURCE"])
        // Not what the C library's headers define.
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

    // Without types of its own: those that the prototypes name are ours.
    let functions = items(header(include).allowlist_recursively(false));
    let mut proofs = Vec::new();
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
            proofs.push(quote!(const _: unsafe extern "C" fn(#(#inputs),*) #output = #name;));
            count += 1;
        }
    }

    let definitions = items(header(include));
    let [mut types, mut constants] = [0_usize; 2];
    for item in &definitions {
        match item {
            // Those that C leaves without a name, and what bindgen makes of bit fields and flexible arrays.
            Item::Struct(syn::ItemStruct { ident, generics, .. })
            | Item::Union(syn::ItemUnion { ident, generics, .. })
                if generics.params.is_empty() && !ident.to_string().contains("__bindgen") && ours(ident) =>
            {
                types += 1;
                proofs.push(quote! {
                    const _: () = assert!(size_of::<c::#ident>() == size_of::<#ident>());
                    const _: () = assert!(align_of::<c::#ident>() == align_of::<#ident>());
                });
            }
            Item::Const(syn::ItemConst { ident, .. }) if ours(ident) => {
                constants += 1;
                // The sign is C's to choose: -1 and ~0U are the same 32 bits.
                proofs.push(quote! {
                    const _: () = assert!(c::#ident as u64 == #ident as u64
                        || size_of_val(&#ident) == 4 && c::#ident as u32 == #ident as u32);
                });
            }
            _ => {}
        }
    }
    let found = [("FUNCTIONS", count), ("TYPES", types), ("CONSTANTS", constants)];
    let found = found.iter().map(|(name, number)| {
        let name = format_ident!("{name}");
        quote!(pub const #name: usize = #number;)
    });
    let text = quote!(pub mod c { #(#definitions)* } #(#proofs)* #(#found)*);
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("witness.rs"), text.to_token_stream().to_string()).expect("it can be written");
}

fn ours(name: &syn::Ident) -> bool {
    let name = name.to_string();
    ["io_uring", "zcrx_", "IO", "LIBURING"]
        .iter()
        .any(|start| name.starts_with(start))
}
