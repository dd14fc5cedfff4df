//! Constants, enums, structures and prototypes as C.

use super::ctype::{self, declare};
use super::doc;
use super::model::{Definition, Function, Model, Record};
use anyhow::{Context, Result, anyhow, bail};
use std::fmt::Write as _;
use syn::{BinOp, Expr, ReturnType, Type, UnOp};

pub const WIDTH: usize = 80;

/// The indentation of a prototype's second line.
pub const MORE: &str = "\t\t";

/// The length of a line with its tabs counted as eight.
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| if c == '\t' { 8 } else { 1 }).sum()
}

/// `head` + `parts` separated by commas + `tail`, broken before column `width`; lines after the first begin with `more`.
pub fn list(head: &str, parts: &[String], tail: &str, width: usize, more: &str) -> String {
    let mut lines = vec![head.to_string()];
    for (at, part) in parts.iter().enumerate() {
        let last = at + 1 == parts.len();
        let piece = format!("{part}{}", if last { tail } else { "," });
        let line = lines.last_mut().expect("there is always one");
        let space = if at > 0 { " " } else { "" };
        if at > 0 && columns(line) + space.len() + piece.len() > width {
            lines.push(format!("{more}{piece}"));
        } else {
            line.push_str(space);
            line.push_str(&piece);
        }
    }
    if parts.is_empty() {
        lines[0].push_str(tail);
    }
    lines.join("\n")
}

/// A comment with the heading of a source file, to separate the sections of a header.
pub fn section(model: &Model, file: &str) -> String {
    format!("\n{}", doc::block(&[model.heading(file).to_string()], 0))
}

/// All constants, enums and structures of a file.
pub fn definitions(model: &Model, file: &str) -> Result<String> {
    let mut out = section(model, file);
    let mut after_constant = false;
    for definition in model.definitions(file) {
        let constant = matches!(definition, Definition::Constant { .. });
        if !(constant && after_constant) {
            out.push('\n');
        }
        after_constant = constant;
        match definition {
            Definition::Constant { name, doc, ty, value } => {
                let value = constant_text(ty, value).with_context(|| format!("{file}: {name}"))?;
                let line = format!("#define {name}\t{value}");
                match doc::trailing(doc, WIDTH.saturating_sub(columns(&line) + 8)) {
                    Some(comment) => writeln!(out, "{line}\t{comment}")?,
                    None => writeln!(out, "{}{line}", doc::block(doc, 0))?,
                }
            }
            Definition::Enum { name, doc, variants } => {
                out += &doc::block(doc, 0);
                out += &enumeration(name, variants).with_context(|| format!("{file}: {name}"))?;
            }
            Definition::Record(name) => {
                let record = model.record_named(name).expect("the model knows its records");
                out += &doc::block(&record.doc, 0);
                if needs_extension(model, record) {
                    out += "__extension__ ";
                }
                writeln!(out, "{} {name} {{", keyword(record))?;
                out += &fields(model, record, 1).with_context(|| format!("{file}: {name}"))?;
                out += "};\n";
            }
        }
    }
    Ok(out)
}

fn enumeration(name: &str, variants: &[(String, Vec<String>, Option<Expr>)]) -> Result<String> {
    let tag = if name.starts_with("anon_") {
        String::new()
    } else {
        format!("{name} ")
    };
    let mut out = format!("enum {tag}{{\n");
    for (variant, doc, value) in variants {
        let mut line = format!("\t{variant}");
        if let Some(value) = value {
            let text = expression(value, "")?;
            if text.contains("<< 31") {
                // Larger than an int, which strict C before C23 doesn't allow without this keyword.
                out.insert_str(0, "__extension__ ");
                write!(line, " = {}", expression(value, "U")?)?;
            } else {
                write!(line, " = {text}")?;
            }
        }
        line.push(',');
        match doc::trailing(doc, WIDTH.saturating_sub(columns(&line) + 8)) {
            Some(comment) => writeln!(out, "{line}\t{comment}")?,
            None => writeln!(out, "{}{line}", doc::block(doc, 1))?,
        }
    }
    out += "};\n";
    Ok(out)
}

fn keyword(record: &Record) -> &'static str {
    if record.union { "union" } else { "struct" }
}

/// Whether strict C99 or C++ needs `__extension__` for it: anonymous members, arrays without a length.
fn needs_extension(model: &Model, record: &Record) -> bool {
    record.fields.iter().any(|(_, ty, _)| match ty {
        Type::Array(array) => quote::quote!(#array).to_string().ends_with("; 0]"),
        _ => match ctype::name_of(ty) {
            Some(name) if name == "flex" => true,
            Some(name) if name.starts_with("anon_") => true,
            _ => false,
        },
    }) || record.fields.iter().any(|(_, ty, _)| {
        ctype::name_of(ty)
            .filter(|name| name.starts_with("anon_"))
            .and_then(|name| model.record_named(&name))
            .is_some_and(|inner| needs_extension(model, inner))
    })
}

fn fields(model: &Model, record: &Record, indent: usize) -> Result<String> {
    let tabs = "\t".repeat(indent);
    let mut out = String::new();
    for (name, ty, doc) in &record.fields {
        if let Some(inner) = ctype::name_of(ty).filter(|name| name.starts_with("anon_")) {
            let inner = model
                .record_named(&inner)
                .ok_or_else(|| anyhow!("there is no {inner}"))?;
            let declarator = if name.starts_with("anon_") {
                String::new()
            } else {
                format!(" {name}")
            };
            let attribute = if inner.packed { " __attribute__((packed))" } else { "" };
            out += &doc::block(doc, indent);
            writeln!(out, "{tabs}{} {{", keyword(inner))?;
            out += &fields(model, inner, indent + 1)?;
            writeln!(out, "{tabs}}}{declarator}{attribute};")?;
            continue;
        }
        let line = format!("{tabs}{};", declare(ty, name)?);
        match doc::trailing(doc, WIDTH.saturating_sub(columns(&line) + 8)) {
            Some(comment) => writeln!(out, "{line}\t{comment}")?,
            None => writeln!(out, "{}{line}", doc::block(doc, indent))?,
        }
    }
    Ok(out)
}

/// A constant as the text of a macro: numbers get the suffix of the constant's type.
fn constant_text(ty: &Type, value: &Expr) -> Result<String> {
    let suffix = match ctype::name_of(ty).as_deref() {
        Some("c_uint" | "__u32") => "U",
        Some("__u64") => "ULL",
        Some("c_int") => "",
        other => bail!("a constant must be c_int, c_uint, __u32 or __u64, not {other:?}"),
    };
    let text = expression(value, suffix)?;
    Ok(if matches!(value, Expr::Lit(_) | Expr::Path(_) | Expr::Paren(_)) {
        text
    } else {
        format!("({text})")
    })
}

/// The value of a constant that is a plain number.
pub fn constant_value(model: &Model, name: &str) -> Result<String> {
    let (_, value) = model
        .constant(name)
        .ok_or_else(|| anyhow!("there is no constant {name}"))?;
    expression(value, "")
}

fn expression(value: &Expr, suffix: &str) -> Result<String> {
    Ok(match value {
        Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Int(number),
            ..
        }) => {
            let text = number.to_string();
            format!("{}{suffix}", text.trim_end_matches(number.suffix()).replace('_', ""))
        }
        Expr::Path(path) => match path.path.get_ident() {
            Some(name) => name.to_string(),
            None => bail!("a name that C doesn't have: {}", quote::quote!(#path)),
        },
        Expr::Paren(inner) => format!("({})", expression(&inner.expr, suffix)?),
        Expr::Unary(unary) => {
            let operator = match unary.op {
                UnOp::Not(_) => "~",
                UnOp::Neg(_) => "-",
                _ => bail!("an operator that a constant can't have"),
            };
            format!("{operator}{}", expression(&unary.expr, suffix)?)
        }
        Expr::Binary(binary) => {
            let (operator, right) = match binary.op {
                BinOp::Shl(_) => ("<<", ""),
                BinOp::Shr(_) => (">>", ""),
                BinOp::BitOr(_) => ("|", suffix),
                BinOp::BitAnd(_) => ("&", suffix),
                BinOp::Add(_) => ("+", suffix),
                BinOp::Sub(_) => ("-", suffix),
                _ => bail!("an operator that a constant can't have"),
            };
            format!(
                "{} {operator} {}",
                expression(&binary.left, suffix)?,
                expression(&binary.right, right)?
            )
        }
        // The constant's own type gives the suffix. A cast to a narrower type truncates in Rust, but not in C.
        Expr::Cast(cast)
            if !matches!(
                ctype::name_of(&cast.ty).as_deref(),
                Some("c_int" | "c_uint" | "__u32" | "__u64")
            ) =>
        {
            bail!("a cast that C would leave out: {}", quote::quote!(#cast))
        }
        Expr::Cast(cast) => expression(&cast.expr, suffix)?,
        _ => bail!("an expression that a constant can't have: {}", quote::quote!(#value)),
    })
}

/// `RETURN NAME(` and the parameters.
pub fn signature(function: &Function) -> Result<(String, Vec<String>)> {
    let sig = &function.item.sig;
    let name = function.name();
    let head = match &sig.output {
        ReturnType::Default => format!("void {name}("),
        ReturnType::Type(_, ty) => format!("{}(", declare(ty, &name)?),
    };
    let mut parameters = Vec::new();
    for input in &sig.inputs {
        let syn::FnArg::Typed(input) = input else {
            bail!("{name}: a method has no C form")
        };
        let syn::Pat::Ident(parameter) = &*input.pat else {
            bail!("{name}: a parameter without a name")
        };
        let parameter = parameter.ident.to_string();
        parameters.push(declare(&input.ty, parameter.trim_start_matches('_'))?);
    }
    if parameters.is_empty() {
        parameters.push("void".to_string());
    }
    Ok((head, parameters))
}

/// One function's comment and prototype.
pub fn prototype(function: &Function) -> Result<String> {
    let text = format!("{}{}\n", doc::block(&function.doc, 0), bare_prototype(function)?);
    Ok(guarded(function, &text))
}

/// One function's prototype alone.
pub fn bare_prototype(function: &Function) -> Result<String> {
    let (head, parameters) = signature(function)?;
    let line = list(&head, &parameters, ") LIBURING_NOEXCEPT;", WIDTH, MORE);
    Ok(if line.lines().any(|line| columns(line) > WIDTH) {
        list(&head, &parameters, ")", WIDTH, MORE) + "\n\tLIBURING_NOEXCEPT;"
    } else {
        line
    })
}

/// The text, between `#ifdef _GNU_SOURCE` and `#endif` if the function needs it.
pub fn guarded(function: &Function, text: &str) -> String {
    if function.gnu {
        format!("\n#ifdef _GNU_SOURCE\n{text}#endif\n")
    } else {
        format!("\n{text}")
    }
}

/// The prototypes of a file's exported functions.
pub fn prototypes(model: &Model, file: &str) -> Result<String> {
    let mut out = section(model, file);
    for function in model.functions_of(file).filter(|f| !f.archive) {
        out += &prototype(function)?;
    }
    Ok(out)
}
