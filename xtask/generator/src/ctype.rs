//! Rust types as C types.

use anyhow::{Result, bail};
use std::collections::HashSet;
use syn::visit::{self, Visit};
use syn::{Expr, Item, Type};

/// C's spelling of a type with a name in Rust.
fn named(name: &str) -> Result<String> {
    let plain = match name {
        "c_void" => "void",
        "c_char" => "char",
        "c_uchar" => "unsigned char",
        "c_ushort" => "unsigned short",
        "c_int" => "int",
        "c_uint" => "unsigned",
        "c_ulong" => "unsigned long",
        "bool" => "bool",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
            bail!("{name} is a Rust type: use C's name for it, from crates/abi/src/ctypes.rs")
        }
        _ if name.ends_with("_t") => name,
        _ if ["__u8", "__u16", "__u32", "__u64", "__s32", "__aligned_u64"].contains(&name) => name,
        _ => return Ok(format!("struct {name}")),
    };
    Ok(plain.to_string())
}

/// The last name of a path type.
pub fn name_of(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()),
        Type::Paren(inner) => name_of(&inner.elem),
        _ => None,
    }
}

/// `flex<T>`'s T.
pub fn generic(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    match &path.path.segments.last()?.arguments {
        syn::PathArguments::AngleBracketed(args) => match args.args.first()? {
            syn::GenericArgument::Type(ty) => Some(ty),
            _ => None,
        },
        _ => None,
    }
}

/// What a pointer points to.
pub fn pointee(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Ptr(ptr) => Some(&ptr.elem),
        _ => None,
    }
}

/// The declaration of `name` with this type; with an empty name the type alone.
pub fn declare(ty: &Type, name: &str) -> Result<String> {
    let glue = |base: &str, name: &str| {
        if name.is_empty() {
            base.to_string()
        } else if base.ends_with('*') {
            format!("{base}{name}")
        } else {
            format!("{base} {name}")
        }
    };
    match ty {
        Type::Ptr(ptr) => {
            let constant = ptr.const_token.is_some();
            let base = match &*ptr.elem {
                Type::Array(_) => bail!("a pointer to an array has no plain C form: point to its first element"),
                // A constant pointer, not a pointer to a constant.
                Type::Ptr(_) if constant => format!("{}const *", declare(&ptr.elem, "")?),
                Type::Ptr(_) => format!("{}*", declare(&ptr.elem, "")?),
                elem if constant => format!("const {} *", declare(elem, "")?),
                elem => format!("{} *", declare(elem, "")?),
            };
            Ok(glue(&base, name))
        }
        Type::Array(array) => {
            let Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Int(len),
                ..
            }) = &array.len
            else {
                bail!("an array's length must be a plain number");
            };
            declare(&array.elem, &format!("{name}[{}]", len.base10_digits()))
        }
        Type::Paren(inner) => declare(&inner.elem, name),
        Type::Path(_) => {
            let ident = name_of(ty).unwrap_or_default();
            if ident == "flex" {
                let inner = generic(ty).ok_or_else(|| anyhow::anyhow!("flex without a type"))?;
                return declare(inner, &format!("{name}[]"));
            }
            if generic(ty).is_some() {
                bail!("a type that C doesn't have: {}", quote::quote!(#ty));
            }
            Ok(glue(&named(&ident)?, name))
        }
        _ => bail!("a type that C doesn't have: {}", quote::quote!(#ty)),
    }
}

/// The names of types that a Rust file imports or defines.
pub fn names(text: &str) -> Result<HashSet<String>> {
    let mut names = Names::default();
    for item in syn::parse_file(text)?.items {
        match item {
            Item::Use(item) => names.visit_item_use(&item),
            Item::Type(item) => names.all.push(item.ident.to_string()),
            Item::Struct(item) => names.all.push(item.ident.to_string()),
            Item::Macro(item) if item.mac.path.is_ident("opaque") => {
                let words = item.mac.tokens.into_iter();
                names.all.extend(words.filter_map(|word| match word {
                    proc_macro2::TokenTree::Ident(name) => Some(name.to_string()),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    Ok(names.all.into_iter().collect())
}

/// The names that a `use` imports, and its first segment.
#[derive(Default)]
pub struct Names {
    pub first: String,
    pub all: Vec<String>,
}

impl<'ast> Visit<'ast> for Names {
    fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
        if self.first.is_empty() {
            self.first = path.ident.to_string();
        }
        visit::visit_use_path(self, path);
    }

    fn visit_use_name(&mut self, name: &'ast syn::UseName) {
        self.all.push(name.ident.to_string());
    }
}
