//! What the source defines: constants, enums, structures and functions, with their documentation.

use super::ctype::{self, Names};
use anyhow::{Context, Result, anyhow, bail};
use base::root;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned;
use syn::visit::Visit as _;
use syn::{Attribute, Expr, Fields, Item, Type};

/// Lines of a doc comment that are marks for the generator.
const LOCAL: &str = "Local to the header.";
const ARCHIVE: &str = "Internal to the archive.";
const GNU: &str = "Needs _GNU_SOURCE.";

#[derive(Default)]
pub struct Model {
    /// Each file's definitions, in order, and its `//!` heading.
    files: Vec<(String, String, Vec<Definition>)>,
    functions: Vec<Function>,
    records: HashMap<String, Record>,
    /// Names that C has from its own headers: types (`crates/abi/src/ctypes.rs`), constants (by file), and functions
    /// and conversions that a file of `src/inline/` defines only for Rust.
    types: HashSet<String>,
    libc: HashSet<(String, String)>,
    helpers: HashMap<String, Option<Type>>,
}

#[allow(clippy::large_enum_variant, reason = "there are a few hundred of them in all")]
pub enum Definition {
    Constant {
        name: String,
        doc: Vec<String>,
        ty: Type,
        value: Expr,
    },
    Enum {
        name: String,
        doc: Vec<String>,
        variants: Vec<(String, Vec<String>, Option<Expr>)>,
    },
    Record(String),
}

/// A struct or union.
#[derive(Clone)]
pub struct Record {
    pub union: bool,
    pub packed: bool,
    pub doc: Vec<String>,
    pub fields: Vec<(String, Type, Vec<String>)>,
}

#[allow(clippy::struct_excessive_bools, reason = "each is a separate mark")]
pub struct Function {
    pub file: String,
    pub lines: Vec<String>,
    pub item: syn::ItemFn,
    pub doc: Vec<String>,
    /// The liburing version that introduced it, for example `2.4`.
    pub since: String,
    pub inline: bool,
    pub local: bool,
    pub archive: bool,
    pub gnu: bool,
}

impl Function {
    /// Whether a header of the release defines it inline.
    pub fn inline_in(&self, release: &str) -> bool {
        let minor = |version: &str| version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        self.inline && minor(&self.since) <= minor(release)
    }

    pub fn name(&self) -> String {
        self.item.sig.ident.to_string()
    }

    /// The lines just above line `line` (1-based) that are `//` comments, without the slashes.
    pub fn comment_above(&self, line: usize) -> Vec<&str> {
        let mut comment = Vec::new();
        for text in self.lines[..line - 1].iter().rev() {
            match text.trim().strip_prefix("//") {
                Some(text) => comment.insert(0, text.trim()),
                None => break,
            }
        }
        comment
    }
}

/// The lines of a doc comment.
fn docs(attrs: &[Attribute]) -> Vec<String> {
    let mut lines = Vec::new();
    for attr in attrs {
        let syn::Meta::NameValue(meta) = &attr.meta else {
            continue;
        };
        match &meta.value {
            Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) if meta.path.is_ident("doc") => {
                lines.push(text.value().trim().to_string());
            }
            _ => {}
        }
    }
    lines
}

fn marked(doc: &[String], mark: &str) -> bool {
    doc.iter().any(|line| line.contains(mark))
}

fn is_pub(vis: &syn::Visibility) -> bool {
    matches!(vis, syn::Visibility::Public(_))
}

fn packed(attrs: &[Attribute]) -> bool {
    attrs
        .iter()
        .any(|attr| attr.path().is_ident("repr") && quote::quote!(#attr).to_string().contains("packed"))
}

fn cfg(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("cfg"))
}

impl Model {
    /// Reads one file of the repository.
    pub fn read(&mut self, path: &str) -> Result<()> {
        let text = fs::read_to_string(root().join(path)).with_context(|| format!("can't read {path}"))?;
        self.parse(path, &text)
    }

    /// Reads the definitions of a file's text.
    pub fn parse(&mut self, path: &str, text: &str) -> Result<()> {
        let file =
            syn::parse_file(text).map_err(|err| anyhow!("{path}:{}: not Rust: {err}", err.span().start().line))?;
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        let mut definitions = Vec::new();
        for item in file.items {
            match item {
                Item::Const(item) if is_pub(&item.vis) && !cfg(&item.attrs) => {
                    definitions.push(Definition::Constant {
                        name: item.ident.to_string(),
                        doc: docs(&item.attrs),
                        ty: *item.ty,
                        value: *item.expr,
                    });
                }
                Item::Macro(item) if item.mac.path.is_ident("c_enum") => {
                    let item: syn::ItemEnum = item
                        .mac
                        .parse_body()
                        .map_err(|err| anyhow!("{path}:{}: in c_enum!: {err}", err.span().start().line))?;
                    let variants = item
                        .variants
                        .iter()
                        .map(|v| (v.ident.to_string(), docs(&v.attrs), v.discriminant.clone().map(|d| d.1)))
                        .collect();
                    definitions.push(Definition::Enum {
                        name: item.ident.to_string(),
                        doc: docs(&item.attrs),
                        variants,
                    });
                }
                Item::Struct(item) if is_pub(&item.vis) => {
                    if let Fields::Named(fields) = &item.fields {
                        self.record(&item.ident, &item.attrs, fields, false, &mut definitions);
                    }
                }
                Item::Union(item) if is_pub(&item.vis) => {
                    self.record(&item.ident, &item.attrs, &item.fields, true, &mut definitions);
                }
                Item::Fn(item)
                    if item.sig.abi.is_some() && (is_pub(&item.vis) || marked(&docs(&item.attrs), ARCHIVE)) =>
                {
                    self.function(path, &lines, item)?;
                }
                Item::Fn(item) if path.starts_with("src/inline/") => {
                    let result = match item.sig.output {
                        syn::ReturnType::Type(_, ty) => Some(*ty),
                        syn::ReturnType::Default => None,
                    };
                    self.helpers.insert(item.sig.ident.to_string(), result);
                }
                Item::Struct(item) if path.starts_with("src/inline/") => {
                    self.helpers.insert(item.ident.to_string(), None);
                }
                Item::Use(item) => {
                    let mut names = Names::default();
                    names.visit_item_use(&item);
                    if names.first == "libc" {
                        self.libc
                            .extend(names.all.into_iter().map(|name| (path.to_string(), name)));
                    }
                }
                _ => {}
            }
        }
        let heading = docs(&file.attrs)
            .into_iter()
            .take_while(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        self.files.push((path.to_string(), heading, definitions));
        Ok(())
    }

    /// Reads the names of C's types from the text of `ctypes.rs`.
    pub fn read_types(&mut self, text: &str) -> Result<()> {
        self.types = ctype::names(text)?;
        Ok(())
    }

    /// Whether C has a type of this name: from its own headers, from ours, or built in.
    pub fn is_type(&self, name: &str) -> bool {
        self.types.contains(name) || self.records.contains_key(name) || matches!(name, "bool" | "usize" | "MaybeUninit")
    }

    pub fn takes_from_libc(&self, file: &str, name: &str) -> bool {
        self.libc.contains(&(file.to_string(), name.to_string()))
    }

    /// The helper that is only for Rust: the type it returns, if it is a function that returns a value.
    pub fn helper(&self, name: &str) -> Option<&Option<Type>> {
        self.helpers.get(name)
    }

    fn record(
        &mut self,
        ident: &syn::Ident,
        attrs: &[Attribute],
        fields: &syn::FieldsNamed,
        union: bool,
        definitions: &mut Vec<Definition>,
    ) {
        let name = ident.to_string();
        let fields = fields
            .named
            .iter()
            .map(|field| {
                let name = field.ident.as_ref().expect("a named field").unraw().to_string();
                (name, field.ty.clone(), docs(&field.attrs))
            })
            .collect();
        let record = Record {
            union,
            packed: packed(attrs),
            doc: docs(attrs),
            fields,
        };
        self.records.insert(name.clone(), record);
        if !name.starts_with("anon_") {
            definitions.push(Definition::Record(name));
        }
    }

    fn function(&mut self, path: &str, lines: &[String], item: syn::ItemFn) -> Result<()> {
        let mut doc = docs(&item.attrs);
        let (local, archive, gnu) = (marked(&doc, LOCAL), marked(&doc, ARCHIVE), marked(&doc, GNU));
        doc.retain(|line| line != LOCAL);
        let since = match doc.iter().find_map(|line| line.strip_prefix("Since liburing ")) {
            Some(rest) => rest
                .trim_end_matches('.')
                .split(',')
                .next()
                .unwrap_or_default()
                .to_string(),
            None if archive => String::new(),
            None => bail!(
                "{path}:{}: {}: its documentation lacks the line \"Since liburing X.Y.\"",
                item.span().start().line,
                item.sig.ident
            ),
        };
        self.functions.push(Function {
            file: path.to_string(),
            lines: lines.to_vec(),
            item,
            doc,
            since,
            inline: path.starts_with("src/inline/"),
            local,
            archive,
            gnu,
        });
        Ok(())
    }

    /// Reads `src/inline/` in the order of its `mod` lines, and returns the files.
    pub fn read_inline(&mut self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        Self::modules(&mut files, "src/inline")?;
        for file in &files {
            self.read(file)?;
        }
        Ok(files)
    }

    fn modules(files: &mut Vec<String>, folder: &str) -> Result<()> {
        let path = format!("{folder}/mod.rs");
        let text = fs::read_to_string(root().join(&path)).with_context(|| format!("can't read {path}"))?;
        for item in syn::parse_file(&text)?.items {
            if let Item::Mod(module) = item {
                if cfg(&module.attrs) {
                    continue;
                }
                let name = module.ident.to_string();
                let inner: PathBuf = root().join(folder).join(&name);
                if inner.is_dir() {
                    Self::modules(files, &format!("{folder}/{name}"))?;
                } else {
                    files.push(format!("{folder}/{name}.rs"));
                }
            }
        }
        Ok(())
    }

    pub fn definitions(&self, file: &str) -> &[Definition] {
        self.files.iter().find(|f| f.0 == file).map_or(&[], |f| &f.2)
    }

    /// The first paragraph of a file's own documentation.
    pub fn heading(&self, file: &str) -> &str {
        self.files.iter().find(|f| f.0 == file).map_or("", |f| &f.1)
    }

    /// All definitions, file by file.
    pub fn all(&self) -> impl Iterator<Item = &Definition> {
        self.files.iter().flat_map(|(_, _, definitions)| definitions)
    }

    pub fn records(&self) -> impl Iterator<Item = (&String, &Record)> {
        self.records.iter()
    }

    pub fn record_named(&self, name: &str) -> Option<&Record> {
        self.records.get(name)
    }

    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    pub fn functions_of(&self, file: &str) -> impl Iterator<Item = &Function> {
        self.functions.iter().filter(move |f| f.file == file)
    }

    pub fn function_named(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|f| f.item.sig.ident == name)
    }

    /// Whether `name` is an enumerator: in C those have the type `int`, whatever stores them.
    pub fn is_enumerator(&self, name: &str) -> bool {
        self.all().any(|definition| {
            matches!(definition, Definition::Enum { variants, .. } if variants.iter().any(|v| v.0 == name))
        })
    }

    pub fn constant(&self, name: &str) -> Option<(&Type, &Expr)> {
        self.all().find_map(|definition| match definition {
            Definition::Constant { name: n, ty, value, .. } if n == name => Some((ty, value)),
            _ => None,
        })
    }
}
