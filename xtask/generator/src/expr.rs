//! Expressions of the inline helpers as C: the subset described in `src/inline/mod.rs`.

use super::ctype::{declare, name_of};
use super::types::{Kind, Printer, binary, path_name, path_type, strip};
use anyhow::{Result, bail};
use syn::{Expr, Type, UnOp, parse_quote};

/// C's precedences, as far as they are needed.
const ATOM: u8 = 16;
const UNARY: u8 = 15;

fn is_pointer(ty: Option<&Type>) -> bool {
    matches!(ty, Some(Type::Ptr(_)))
}

/// `T::from(x)`.
fn is_from(call: &syn::ExprCall) -> bool {
    call.args.len() == 1 && path_name(&call.func).is_some_and(|name| name == "from")
}

/// The operator that selects a member of `base`.
fn joint(base: &Expr) -> &'static str {
    match base {
        Expr::Unary(syn::ExprUnary {
            op: UnOp::Deref(_),
            expr: pointer,
            ..
        }) if !matches!(strip(pointer), Expr::MethodCall(call) if call.method == "add") => "->",
        _ => ".",
    }
}

/// Whether it is a member that C flattens into its parent.
fn anonymous(field: &syn::ExprField) -> bool {
    matches!(&field.member, syn::Member::Named(name) if name.to_string().starts_with("anon_"))
}

fn is_array(ty: &Type) -> bool {
    matches!(ty, Type::Array(_)) || name_of(ty).is_some_and(|name| name == "flex")
}

impl Printer<'_> {
    /// An expression where C converts implicitly: an argument, an initialiser, the right side of an assignment.
    pub fn value(&self, expr: &Expr) -> Result<String> {
        match strip(expr) {
            Expr::Call(call) if is_from(call) && !self.inexact(&call.args[0])? => {
                self.source_of(call)?;
                self.value(&call.args[0])
            }
            Expr::MethodCall(call) if call.method == "cast" && call.turbofish.is_none() => self.value(&call.receiver),
            // The store truncates it: only an operator could see that it is an int.
            Expr::Cast(cast) if self.enumerator(&cast.expr) => self.value(&cast.expr),
            inner => Ok(self.print(inner)?.0),
        }
    }

    /// An expression in parentheses unless it binds at least as strongly as `least`.
    fn at_least(&self, expr: &Expr, least: u8) -> Result<String> {
        let (text, strength) = self.print(strip(expr))?;
        Ok(if strength < least { format!("({text})") } else { text })
    }

    /// The text of an expression that has Rust's value in C too, in any context.
    fn exact(&self, expr: &Expr) -> Result<(String, u8)> {
        if !self.inexact(expr)? {
            return self.print(expr);
        }
        if self.kind(expr)? == Kind::Bool {
            return Ok((format!("{} != NULL", self.print(expr)?.0), 9));
        }
        let ty = self
            .type_of(expr)
            .map_or_else(|| self.refuse(expr, "its type is unknown"), Ok)?;
        Ok((
            format!("uring_cast({}, {})", declare(&ty, "")?, self.print(expr)?.0),
            ATOM,
        ))
    }

    /// An operand of a binary operator, in parentheses where C or a reader could misread it.
    fn operand(&self, expr: &Expr, op: &str, own: u8, right: bool) -> Result<String> {
        let inner = strip(expr);
        // With other operators, wider operands give the same low bits.
        let whole = matches!(own, 9 | 10) || op == ">>" || (right && op == "<<") || own == 13;
        let (text, strength) = if whole { self.exact(inner)? } else { self.print(inner)? };
        let bits = |strength: u8| matches!(strength, 6..=8 | 11);
        let mixed = (4..=13).contains(&strength)
            && strength != own
            && (bits(own) || bits(strength) || (op == "||" && strength == 5));
        let wrong = strength < own || (right && strength == own);
        Ok(if mixed || wrong { format!("({text})") } else { text })
    }

    /// The text of an expression and how strongly it binds.
    fn print(&self, expr: &Expr) -> Result<(String, u8)> {
        Ok(match expr {
            Expr::Paren(inner) => self.print(&inner.expr)?,
            Expr::Lit(lit) => match &lit.lit {
                syn::Lit::Int(number) => {
                    let suffix = match number.suffix() {
                        "" | "i32" | "u8" | "u16" => "",
                        "u32" => "U",
                        "u64" => "ULL",
                        "i64" => "LL",
                        _ => return self.refuse(expr, "a number without a C form: use u32, u64, i32 or i64"),
                    };
                    let digits = number.to_string().trim_end_matches(number.suffix()).replace('_', "");
                    if digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0x") {
                        return self.refuse(
                            expr,
                            "write decimal or hexadecimal digits: C reads a leading 0 as octal",
                        );
                    }
                    (digits + suffix, ATOM)
                }
                syn::Lit::Bool(value) => (value.value.to_string(), ATOM),
                _ => return self.refuse(expr, "only numbers, true and false have a C form here"),
            },
            Expr::Path(path) => (self.name(path)?, ATOM),
            Expr::Field(field) => (self.field(field)?, ATOM),
            Expr::Index(index) => (
                format!("{}[{}]", self.at_least(&index.expr, ATOM)?, self.index(&index.index)?),
                ATOM,
            ),
            Expr::Unary(unary) => match unary.op {
                UnOp::Deref(_) => self.deref(&unary.expr)?,
                UnOp::Neg(_) => {
                    self.check_sign(expr, &unary.expr, '-')?;
                    (format!("-{}", self.at_least(&unary.expr, UNARY)?), UNARY)
                }
                UnOp::Not(_) => self.not(&unary.expr)?,
                _ => return self.refuse(expr, "an unknown operator"),
            },
            Expr::Binary(b) => {
                let Some((op, own)) = binary(&b.op) else {
                    return self.refuse(expr, "an operator without a C form here");
                };
                self.check_operator(expr, (&b.left, op, &b.right), false)?;
                let left = self.operand(&b.left, op, own, false)?;
                let right = self.operand(&b.right, op, own, true)?;
                (format!("{left} {op} {right}"), own)
            }
            Expr::Cast(cast) => self.cast(&cast.expr, &cast.ty)?,
            Expr::RawAddr(address) => (format!("&{}", self.at_least(&address.expr, ATOM)?), UNARY),
            Expr::Call(call) => self.call(call)?,
            Expr::MethodCall(call) => self.method(call)?,
            _ => return self.refuse(expr, "an expression outside the subset of src/inline/mod.rs"),
        })
    }

    fn field(&self, field: &syn::ExprField) -> Result<String> {
        let syn::Member::Named(member) = &field.member else {
            return self.refuse(field, "tuples have no C form");
        };
        let base = strip(&field.base);
        // C leaves out the names of anonymous members.
        let mut root = base;
        while let Expr::Field(outer) = root {
            if !anonymous(outer) {
                break;
            }
            root = strip(&outer.base);
        }
        Ok(format!("{}{}{member}", self.target(root)?, joint(root)))
    }

    /// The text before `->` or `.`.
    fn target(&self, base: &Expr) -> Result<String> {
        if let Expr::Unary(syn::ExprUnary {
            op: UnOp::Deref(_),
            expr: pointer,
            ..
        }) = base
        {
            if let Some(element) = self.element(pointer)? {
                return Ok(element);
            }
            return self.at_least(pointer, ATOM);
        }
        self.at_least(base, ATOM)
    }

    /// `p.add(i)` as `p[i]`.
    fn element(&self, pointer: &Expr) -> Result<Option<String>> {
        let Expr::MethodCall(call) = strip(pointer) else {
            return Ok(None);
        };
        if call.method != "add" {
            return Ok(None);
        }
        let index = match strip(&call.args[0]) {
            Expr::Cast(cast) if name_of(&cast.ty).as_deref() == Some("usize") => &*cast.expr,
            other => other,
        };
        Ok(Some(format!(
            "{}[{}]",
            self.at_least(&call.receiver, ATOM)?,
            self.index(index)?
        )))
    }

    fn index(&self, expr: &Expr) -> Result<String> {
        if self.inexact(expr)? {
            return Ok(self.exact(expr)?.0);
        }
        self.value(expr)
    }

    /// A plain name: a local, a constant of the source, or one that the file takes from libc.
    fn name(&self, path: &syn::ExprPath) -> Result<String> {
        let name = path.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let known = self.locals.contains_key(&name)
            || self.model.is_enumerator(&name)
            || self.model.constant(&name).is_some()
            || self.model.takes_from_libc(&self.function.file, &name);
        if known {
            return Ok(name);
        }
        self.refuse(
            path,
            "neither a local, nor a constant of the source or of `use libc::…`",
        )
    }

    /// `T` of `T::from(x)`, or nothing if `T` is a helper of the file for an implicit conversion of C.
    fn source_of(&self, call: &syn::ExprCall) -> Result<Option<Type>> {
        let ty = path_type(&call.func);
        let name = ty.as_ref().and_then(name_of).unwrap_or_default();
        if self.model.is_type(&name) {
            return Ok(ty);
        }
        if self.model.helper(&name).is_some() {
            return Ok(None);
        }
        self.refuse(
            call,
            &format!("C has no type {name}: crates/abi/src/ctypes.rs lists those that can be printed"),
        )
    }

    fn deref(&self, pointer: &Expr) -> Result<(String, u8)> {
        if let Some(element) = self.element(pointer)? {
            return Ok((element, ATOM));
        }
        Ok((format!("*{}", self.at_least(pointer, UNARY)?), UNARY))
    }

    fn not(&self, expr: &Expr) -> Result<(String, u8)> {
        match strip(expr) {
            // In a condition, the pointer itself means "not null" in C; `exact` compares it elsewhere.
            Expr::MethodCall(call) if call.method == "is_null" => return self.print(strip(&call.receiver)),
            _ => {}
        }
        let op = if self.kind(expr)? == Kind::Bool { '!' } else { '~' };
        self.check_sign(expr, expr, op)?;
        Ok((format!("{op}{}", self.at_least(expr, UNARY)?), UNARY))
    }

    fn cast(&self, expr: &Expr, ty: &Type) -> Result<(String, u8)> {
        let inner = strip(expr);
        let to = declare(ty, "")?;
        let pointers = is_pointer(Some(ty)) || is_pointer(self.type_of(inner).as_ref());
        let keyword = if pointers { "uring_ptr_cast" } else { "uring_cast" };
        Ok((format!("{keyword}({to}, {})", self.index(inner)?), ATOM))
    }

    fn call(&self, call: &syn::ExprCall) -> Result<(String, u8)> {
        let Some(name) = path_name(&call.func) else {
            return self.refuse(call, "only a function can be called, by its name");
        };
        match name.as_str() {
            "null" | "null_mut" => return Ok(("NULL".into(), ATOM)),
            "from" if is_from(call) => {
                return match self.source_of(call)? {
                    // C promotes the narrower types by itself.
                    Some(ty) if name_of(&ty).is_some_and(|name| name == "c_int") => self.exact(strip(&call.args[0])),
                    None => self.exact(strip(&call.args[0])),
                    Some(ty) => self.cast(&call.args[0], &ty),
                };
            }
            "size_of" => {
                let Expr::Path(path) = &*call.func else {
                    bail!("size_of is a path")
                };
                let last = path.path.segments.last().expect("a path has a name");
                let syn::PathArguments::AngleBracketed(args) = &last.arguments else {
                    return self.refuse(call, "size_of needs its type: size_of::<T>()");
                };
                let Some(syn::GenericArgument::Type(ty)) = args.args.first() else {
                    return self.refuse(call, "size_of needs its type: size_of::<T>()");
                };
                return Ok((format!("sizeof({})", declare(ty, "")?), ATOM));
            }
            "release_data" | "acquire_data" => {
                let what = if name == "release_data" { "RELEASE" } else { "ACQUIRE" };
                return Ok((format!("LIBURING_{what}({})", self.value(&call.args[0])?), ATOM));
            }
            "read_once" => {
                return Ok((format!("IO_URING_READ_ONCE({})", self.deref(&call.args[0])?.0), ATOM));
            }
            "write_once" => {
                let target = self.deref(&call.args[0])?.0;
                return Ok((
                    format!("IO_URING_WRITE_ONCE({target}, {})", self.value(&call.args[1])?),
                    ATOM,
                ));
            }
            _ => {}
        }
        let barrier = name.starts_with("io_uring_smp_");
        if !barrier && self.model.function_named(&name).is_none() && self.model.helper(&name).is_none() {
            return self.refuse(call, &format!("{name} is not a function of the source"));
        }
        self.check_order(call, call.args.iter())?;
        let args: Result<Vec<String>> = call.args.iter().map(|arg| self.value(arg)).collect();
        Ok((format!("{name}({})", args?.join(", ")), ATOM))
    }

    fn method(&self, call: &syn::ExprMethodCall) -> Result<(String, u8)> {
        let receiver = &*call.receiver;
        Ok(match call.method.to_string().as_str() {
            "wrapping_add" | "wrapping_sub" => {
                let op = if call.method == "wrapping_add" { "+" } else { "-" };
                let whole = Expr::MethodCall(call.clone());
                self.check_operator(&whole, (receiver, op, &call.args[0]), true)?;
                let left = self.operand(receiver, op, 12, false)?;
                (
                    format!("{left} {op} {}", self.operand(&call.args[0], op, 12, true)?),
                    12,
                )
            }
            "is_null" => (format!("!{}", self.at_least(receiver, UNARY)?), UNARY),
            "add" => (
                format!(
                    "&{}",
                    self.element(&Expr::MethodCall(call.clone()))?.unwrap_or_default()
                ),
                UNARY,
            ),
            // The callee fills this local: C only declares it.
            "as_mut_ptr" => (format!("&{}", self.at_least(receiver, ATOM)?), UNARY),
            "assume_init" | "cast_mut" | "cast_const" => self.print(strip(receiver))?,
            "cast" => {
                let Some(arguments) = &call.turbofish else {
                    return self.refuse(call, "C implicitly converts only what is stored or passed: cast::<T>()");
                };
                let Some(syn::GenericArgument::Type(ty)) = arguments.args.first() else {
                    return self.refuse(call, "cast needs one type");
                };
                match strip(receiver) {
                    // An array decays to its first element's address.
                    Expr::RawAddr(address) if self.type_of(&address.expr).is_some_and(|ty| is_array(&ty)) => {
                        return self.print(strip(&address.expr));
                    }
                    _ => {}
                }
                let Some(Type::Ptr(from)) = self.type_of(receiver) else {
                    return self.refuse(call, "the type of this pointer is unknown: name it by a let");
                };
                let constant = from.const_token.is_some();
                let to: Type = if constant {
                    parse_quote!(*const #ty)
                } else {
                    parse_quote!(*mut #ty)
                };
                (
                    format!("uring_ptr_cast({}, {})", declare(&to, "")?, self.value(receiver)?),
                    ATOM,
                )
            }
            other => return self.refuse(call, &format!("the method {other} has no C form")),
        })
    }
}
