//! The types of the inline helpers' expressions in Rust, and where C would give another result, because it computes in
//! `int` whatever is narrower.

use super::ctype::{generic, name_of, pointee};
use super::model::{Function, Model};
use super::refuse;
use anyhow::{Result, bail};
use std::collections::HashMap;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Type, UnOp, parse_quote};

/// What is printed, and the locals in scope.
pub struct Printer<'a> {
    pub model: &'a Model,
    pub function: &'a Function,
    pub locals: HashMap<String, Type>,
}

/// A binary operator in C and how strongly it binds.
pub fn binary(op: &BinOp) -> Option<(&'static str, u8)> {
    Some(match op {
        BinOp::Mul(_) => ("*", 13),
        BinOp::Add(_) => ("+", 12),
        BinOp::Sub(_) => ("-", 12),
        BinOp::Shl(_) => ("<<", 11),
        BinOp::Shr(_) => (">>", 11),
        BinOp::Lt(_) => ("<", 10),
        BinOp::Le(_) => ("<=", 10),
        BinOp::Gt(_) => (">", 10),
        BinOp::Ge(_) => (">=", 10),
        BinOp::Eq(_) => ("==", 9),
        BinOp::Ne(_) => ("!=", 9),
        BinOp::BitAnd(_) => ("&", 8),
        BinOp::BitXor(_) => ("^", 7),
        BinOp::BitOr(_) => ("|", 6),
        BinOp::And(_) => ("&&", 5),
        BinOp::Or(_) => ("||", 4),
        _ => return None,
    })
}

/// The last name of a path expression.
pub fn path_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()),
        _ => None,
    }
}

/// `T` of `T::function`.
pub fn path_type(expr: &Expr) -> Option<Type> {
    let Expr::Path(path) = expr else { return None };
    let segments = &path.path.segments;
    let ident = &segments.iter().rev().nth(1)?.ident;
    Some(parse_quote!(#ident))
}

/// An expression without its parentheses.
pub fn strip(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => strip(&inner.expr),
        other => other,
    }
}

/// A type as far as operators depend on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Pointer,
    /// An integer of at least `int`'s width, or a narrower one, which C promotes to `int`.
    Integer {
        narrow: bool,
        signed: bool,
    },
    /// `int` in C, another integer in Rust.
    Enumerator,
    /// A number without a suffix, which has the type that its context requires.
    Literal,
}

fn kind_of(ty: &Type) -> Option<Kind> {
    if matches!(ty, Type::Ptr(_)) {
        return Some(Kind::Pointer);
    }
    let (narrow, signed) = match name_of(ty)?.as_str() {
        "bool" => return Some(Kind::Bool),
        "__u8" | "__u16" | "u8" | "u16" | "c_uchar" | "c_ushort" | "uint16_t" => (true, false),
        "i8" | "i16" => (true, true),
        "__u32" | "__u64" | "__aligned_u64" | "u32" | "u64" | "usize" | "c_uint" | "c_ulong" | "size_t"
        | "uintptr_t" | "uint32_t" | "uint64_t" | "socklen_t" | "mode_t" | "id_t" => (false, false),
        "__s32" | "i32" | "i64" | "c_int" | "ssize_t" | "int64_t" | "off_t" | "loff_t" | "__kernel_rwf_t" => {
            (false, true)
        }
        _ => return None,
    };
    Some(Kind::Integer { narrow, signed })
}

impl Printer<'_> {
    pub fn refuse<T>(&self, what: &impl Spanned, why: &str) -> Result<T> {
        refuse(self.function, what.span(), why)
    }

    /// The kind of an operand. An unknown one is refused, because C could give another result.
    pub fn kind(&self, expr: &Expr) -> Result<Kind> {
        match strip(expr) {
            Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Int(number),
                ..
            }) if number.suffix().is_empty() => return Ok(Kind::Literal),
            Expr::Path(_) if self.enumerator(expr) => return Ok(Kind::Enumerator),
            Expr::Unary(unary) if !matches!(unary.op, UnOp::Deref(_)) => return self.kind(&unary.expr),
            Expr::Binary(b) if matches!(b.op, BinOp::Shl(_) | BinOp::Shr(_)) => return self.kind(&b.left),
            Expr::Binary(b) if binary(&b.op).is_some_and(|(_, strength)| !(9..=10).contains(&strength)) => {
                let (left, right) = (self.kind(&b.left)?, self.kind(&b.right)?);
                let untyped = matches!(left, Kind::Literal | Kind::Enumerator);
                return Ok(if untyped { right } else { left });
            }
            _ => {}
        }
        match self.type_of(expr).as_ref().and_then(kind_of) {
            Some(kind) => Ok(kind),
            None => self.refuse(expr, "its type is unknown: name it by a let with a type"),
        }
    }

    /// Whether C's value may be wider than Rust's: the result of arithmetic on narrow integers, and a pointer used as a
    /// condition.
    pub fn inexact(&self, expr: &Expr) -> Result<bool> {
        let narrow = |expr: &Expr| anyhow::Ok(matches!(self.kind(expr)?, Kind::Integer { narrow: true, .. }));
        Ok(match strip(expr) {
            Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_)) => match strip(&unary.expr) {
                Expr::MethodCall(call) if call.method == "is_null" => true,
                _ => narrow(&unary.expr)?,
            },
            Expr::Binary(b) => match b.op {
                BinOp::BitAnd(_) | BinOp::BitOr(_) | BinOp::BitXor(_) => {
                    self.inexact(&b.left)? || self.inexact(&b.right)?
                }
                BinOp::Add(_) | BinOp::Sub(_) | BinOp::Mul(_) | BinOp::Shl(_) => narrow(expr)?,
                _ => false,
            },
            Expr::MethodCall(call) if matches!(call.method.to_string().as_str(), "wrapping_add" | "wrapping_sub") => {
                narrow(&call.receiver)?
            }
            Expr::MethodCall(call) if call.method == "cast" && call.turbofish.is_none() => {
                self.inexact(&call.receiver)?
            }
            _ => false,
        })
    }

    /// Refuses an operator for which no C text gives Rust's result.
    pub fn check_operator(&self, whole: &Expr, (left, op, right): (&Expr, &str, &Expr), wrapping: bool) -> Result<()> {
        let (l, r) = (self.kind(left)?, self.kind(right)?);
        let narrow = |kind| matches!(kind, Kind::Integer { narrow: true, .. });
        if !matches!(op, "&&" | "||") {
            self.check_order(whole, [left, right].into_iter())?;
        }
        match (op, l, r) {
            ("<<" | ">>", Kind::Literal, _) => self.refuse(whole, "a shifted number needs its type: 1u64 << x"),
            ("<<" | "*", kind, _) | ("*", _, kind) if narrow(kind) => self.refuse(
                whole,
                "C computes it in int, which overflows: convert the operands first",
            ),
            ("+" | "-" | "*" | "<<", Kind::Enumerator | Kind::Literal, Kind::Enumerator | Kind::Literal) => {
                self.refuse(whole, "C computes it in int: give an operand a type by a let")
            }
            ("<<", Kind::Integer { signed: true, .. }, _) => self.refuse(
                whole,
                "C does not define every signed shift to the left: shift an unsigned number",
            ),
            _ if wrapping && matches!(l, Kind::Integer { signed: true, .. }) => self.refuse(
                whole,
                "signed integers don't wrap around in C: compute with unsigned ones",
            ),
            _ => Ok(()),
        }
    }

    /// Refuses `~` and `-` of operands that C would widen first.
    pub fn check_sign(&self, whole: &Expr, inner: &Expr, op: char) -> Result<()> {
        let negative = op == '-' && matches!(strip(inner), Expr::Lit(_) | Expr::Path(_));
        match self.kind(inner)? {
            Kind::Integer { signed: true, .. } | Kind::Bool => Ok(()),
            Kind::Integer { signed: false, .. } if op == '~' => Ok(()),
            Kind::Literal if negative => Ok(()),
            _ => self.refuse(
                whole,
                &format!("in C, {op} of it has another type: name the operand by a let with a type"),
            ),
        }
    }

    /// Refuses arguments whose order of evaluation matters: C does not specify it.
    pub fn check_order<'e>(&self, whole: &impl Spanned, parts: impl Iterator<Item = &'e Expr>) -> Result<()> {
        let mut effects = Effects {
            model: self.model,
            calls: 0,
        };
        let with_effects = parts.filter(|part| {
            let before = effects.calls;
            effects.visit_expr(part);
            effects.calls > before
        });
        if with_effects.count() > 1 {
            return self.refuse(
                whole,
                "C evaluates these in any order: call one of them first, in a let",
            );
        }
        Ok(())
    }

    pub fn enumerator(&self, expr: &Expr) -> bool {
        path_name(strip(expr)).is_some_and(|name| !self.locals.contains_key(&name) && self.model.is_enumerator(&name))
    }

    /// The type of an expression, if it is known.
    pub fn type_of(&self, expr: &Expr) -> Option<Type> {
        match strip(expr) {
            Expr::Path(_) => {
                let name = path_name(strip(expr))?;
                if let Some(ty) = self.locals.get(&name) {
                    return Some(ty.clone());
                }
                if self.model.is_enumerator(&name) {
                    return Some(parse_quote!(c_int));
                }
                if self.model.takes_from_libc(&self.function.file, &name) {
                    return Some(parse_quote!(c_int));
                }
                self.model.constant(&name).map(|constant| constant.0.clone())
            }
            Expr::Field(field) => {
                let syn::Member::Named(member) = &field.member else {
                    return None;
                };
                let base = self.type_of(&field.base)?;
                let record = self.model.record_named(&name_of(&base)?)?;
                record.fields.iter().find(|f| member == &f.0).map(|f| f.1.clone())
            }
            Expr::Unary(unary) => match unary.op {
                UnOp::Deref(_) => pointee(&self.type_of(&unary.expr)?).cloned(),
                _ => self.type_of(&unary.expr),
            },
            Expr::Index(index) => match self.type_of(&index.expr)? {
                Type::Array(array) => Some(*array.elem),
                _ => None,
            },
            Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Int(number),
                ..
            }) => match number.suffix() {
                "u8" => Some(parse_quote!(__u8)),
                "u16" => Some(parse_quote!(__u16)),
                "u32" => Some(parse_quote!(__u32)),
                "u64" => Some(parse_quote!(__u64)),
                "i32" => Some(parse_quote!(c_int)),
                "i64" => Some(parse_quote!(int64_t)),
                _ => None,
            },
            Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Bool(_), ..
            }) => Some(parse_quote!(bool)),
            Expr::RawAddr(address) => {
                let ty = self.type_of(&address.expr)?;
                Some(parse_quote!(*mut #ty))
            }
            Expr::Cast(cast) => Some((*cast.ty).clone()),
            Expr::Binary(b) => match binary(&b.op)?.1 {
                4 | 5 | 9 | 10 => Some(parse_quote!(bool)),
                _ => self.type_of(&b.left).or_else(|| self.type_of(&b.right)),
            },
            Expr::Call(call) => self.type_of_call(call),
            Expr::MethodCall(call) => match call.method.to_string().as_str() {
                "is_null" => Some(parse_quote!(bool)),
                "cast" => {
                    let turbofish = call.turbofish.as_ref()?;
                    let syn::GenericArgument::Type(ty) = turbofish.args.first()? else {
                        return None;
                    };
                    Some(parse_quote!(*mut #ty))
                }
                "assume_init" => generic(&self.type_of(&call.receiver)?).cloned(),
                _ => self.type_of(&call.receiver),
            },
            _ => None,
        }
    }

    fn type_of_call(&self, call: &syn::ExprCall) -> Option<Type> {
        let name = path_name(&call.func)?;
        match name.as_str() {
            "from" => path_type(&call.func),
            "read_once" | "io_uring_smp_load_acquire" => pointee(&self.type_of(&call.args[0])?).cloned(),
            "size_of" => Some(parse_quote!(size_t)),
            _ if self.model.helper(&name).is_some() => self.model.helper(&name)?.clone(),
            _ => match &self.model.function_named(&name)?.item.sig.output {
                syn::ReturnType::Type(_, ty) => Some((**ty).clone()),
                syn::ReturnType::Default => None,
            },
        }
    }
}

/// Counts the calls that may write memory or read what others write.
struct Effects<'a> {
    model: &'a Model,
    calls: usize,
}

impl<'ast> Visit<'ast> for Effects<'_> {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let name = path_name(&call.func).unwrap_or_default();
        let writes = |function: &Function| {
            function.item.sig.inputs.iter().any(|input| {
                matches!(input, syn::FnArg::Typed(input) if matches!(&*input.ty, Type::Ptr(ptr) if ptr.mutability.is_some()))
            })
        };
        let barrier = matches!(name.as_str(), "read_once" | "write_once") || name.starts_with("io_uring_smp_");
        self.calls += usize::from(barrier || self.model.function_named(&name).is_some_and(writes));
        visit::visit_expr_call(self, call);
    }
}

/// Words that C or C++ reserves and Rust doesn't, and macros that compilers predefine.
const WORDS: &str = "alignas alignof and and_eq asm auto bitand bitor bool case catch char class compl concept constexpr decltype \
    default delete double export explicit float friend goto inline int linux long mutable namespace new noexcept \
    not not_eq nullptr operator or or_eq private protected public register requires restrict short signed sizeof \
    switch template this thread_local throw typedef typeid typename union unix unsigned using volatile wchar_t xor \
    xor_eq";

/// Refuses a name of a parameter or local that is reserved in C or C++.
pub fn check_identifier(function: &Function, name: &syn::Ident) -> Result<()> {
    if WORDS.split(' ').any(|word| name.unraw() == word) {
        return refuse(
            function,
            name.span(),
            &format!("{name} is reserved in C or C++: choose another name"),
        );
    }
    Ok(())
}

/// Refuses types that neither `crates/abi/src/ctypes.rs` nor the source defines: they would be printed as a `struct`.
pub fn check_names(model: &Model) -> Result<()> {
    for (name, record) in model.records() {
        for (field, ty, _) in &record.fields {
            let mut unknown = Unknown { model, found: None };
            unknown.visit_type(ty);
            if let Some(ty) = unknown.found {
                bail!("{name}.{field}: C has no type {ty}: crates/abi/src/ctypes.rs lists those that can be printed");
            }
        }
    }
    for function in model.functions() {
        if function.item.attrs.iter().any(|attr| attr.path().is_ident("cfg")) {
            return refuse(
                function,
                function.item.span(),
                "the header would have it regardless of the #[cfg]",
            );
        }
        let mut unknown = Unknown { model, found: None };
        if function.inline {
            unknown.visit_item_fn(&function.item);
        } else {
            unknown.visit_signature(&function.item.sig);
        }
        if let Some(name) = unknown.found {
            return refuse(
                function,
                name.span(),
                &format!("C has no type {name}: crates/abi/src/ctypes.rs lists those that can be printed"),
            );
        }
    }
    Ok(())
}

struct Unknown<'a> {
    model: &'a Model,
    found: Option<syn::Ident>,
}

impl<'ast> Visit<'ast> for Unknown<'_> {
    fn visit_type_path(&mut self, path: &'ast syn::TypePath) {
        if let Some(last) = path.path.segments.last() {
            if !self.model.is_type(&last.ident.to_string()) {
                self.found.get_or_insert(last.ident.clone());
            }
        }
        visit::visit_type_path(self, path);
    }
}
