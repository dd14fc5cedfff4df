//! Prints the bodies of the inline helpers as C.

use super::ctype::{declare, generic, name_of};
use super::decl::{MORE, WIDTH, columns, guarded, list, signature};
use super::doc;
use super::model::{Function, Model};
use super::types::{self, Printer, path_name};
use anyhow::Result;
use std::collections::HashMap;
use syn::spanned::Spanned;
use syn::{Expr, Pat, Stmt, Type};

/// An inline function: comment, head and body.
pub fn print(model: &Model, function: &Function) -> Result<String> {
    let mut locals = HashMap::new();
    for input in &function.item.sig.inputs {
        let syn::FnArg::Typed(input) = input else { continue };
        if let Pat::Ident(name) = &*input.pat {
            types::check_identifier(function, &name.ident)?;
            locals.insert(name.ident.to_string(), (*input.ty).clone());
        }
    }
    let returns = matches!(function.item.sig.output, syn::ReturnType::Type(..));
    let mut body = Body {
        printer: Printer {
            model,
            function,
            locals,
        },
        out: String::new(),
    };
    body.block(&function.item.block.stmts, 1, returns)?;

    let macro_name = if function.local {
        "_LOCAL_INLINE"
    } else {
        "IOURINGINLINE"
    };
    let (head, parameters) = signature(function)?;
    let head = list(&format!("{macro_name} {head}"), &parameters, ")", WIDTH, MORE);
    let text = format!(
        "{}{head}\n\tLIBURING_NOEXCEPT\n{{\n{}}}\n",
        doc::block(&function.doc, 0),
        body.out
    );
    Ok(guarded(function, &text))
}

fn is_uninit(value: &Expr) -> bool {
    matches!(value, Expr::Call(call) if path_name(&call.func).is_some_and(|name| name == "uninit"))
}

/// Breaks a statement after commas and operators in at most `deepest` parentheses.
fn broken(text: &str, indent: usize, deepest: usize) -> Vec<String> {
    const AFTER: &[&str] = &[", ", " && ", " || ", " = ", " + ", " | "];
    let mut parts = vec![String::new()];
    // The parentheses of an `if` or `while` count as none.
    let start = usize::from(text.starts_with("if (") || text.starts_with("while ("));
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        let part = parts.last_mut().expect("there is always one");
        part.push(c);
        if AFTER.iter().any(|after| part.ends_with(after)) && depth <= deepest + start {
            parts.push(String::new());
        }
    }
    let mut lines = vec!["\t".repeat(indent)];
    for part in parts {
        let line = lines.last_mut().expect("there is always one");
        if columns(line) + part.trim_end().len() > WIDTH && !line.trim().is_empty() {
            lines.push("\t".repeat(indent + 2));
        }
        lines.last_mut().expect("there is always one").push_str(&part);
    }
    lines.iter().map(|line| line.trim_end().to_string()).collect()
}

struct Body<'a> {
    printer: Printer<'a>,
    out: String,
}

impl Body<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        self.out += &"\t".repeat(indent);
        self.out += text;
        self.out.push('\n');
    }

    /// Prints a statement; a long one is broken, as far outside its parentheses as possible.
    fn statement(&mut self, indent: usize, text: &str) {
        let tabs = "\t".repeat(indent);
        let mut lines = vec![format!("{tabs}{text}")];
        for depth in 0..4 {
            if lines.iter().all(|line| columns(line) <= WIDTH) {
                break;
            }
            lines = broken(text, indent, depth);
        }
        self.out += &lines.join("\n");
        self.out.push('\n');
    }

    /// Prints the `//` comment and the blank line above this node in the source.
    fn lead(&mut self, node: &impl Spanned, indent: usize, first: bool) {
        let function = self.printer.function;
        let line = node.span().start().line;
        let comment: Vec<String> = function.comment_above(line).iter().map(ToString::to_string).collect();
        let above = line - 1 - comment.len();
        if !first && above > 0 && function.lines[above - 1].trim().is_empty() {
            self.out.push('\n');
        }
        self.out += &doc::block(&comment, indent);
    }

    /// Prints the statements of a block; with `tail`, its last expression is the function's result.
    fn block(&mut self, stmts: &[Stmt], indent: usize, tail: bool) -> Result<()> {
        let outside = self.printer.locals.clone();
        for (at, stmt) in stmts.iter().enumerate() {
            let last = at + 1 == stmts.len();
            self.lead(stmt, indent, at == 0);
            match stmt {
                Stmt::Local(local) => self.local(local, indent)?,
                Stmt::Expr(expr, semicolon) => {
                    self.expression(expr, indent, tail && last && semicolon.is_none())?;
                }
                _ => {
                    return self
                        .printer
                        .refuse(stmt, "a statement outside the subset of src/inline/mod.rs");
                }
            }
        }
        self.printer.locals = outside;
        Ok(())
    }

    fn local(&mut self, local: &syn::Local, indent: usize) -> Result<()> {
        let Pat::Type(typed) = &local.pat else {
            return self.printer.refuse(local, "a let needs an explicit type");
        };
        let Pat::Ident(name) = &*typed.pat else {
            return self.printer.refuse(local, "a let needs one name");
        };
        if name.by_ref.is_some() || name.subpat.is_some() || !local.attrs.is_empty() {
            return self
                .printer
                .refuse(local, "a let takes a name, its type and a value, nothing else");
        }
        types::check_identifier(self.printer.function, &name.ident)?;
        let name = name.ident.to_string();
        if self.printer.locals.contains_key(&name) {
            return self.printer.refuse(
                local,
                "another local has this name: C would use the new one in its own value",
            );
        }
        if local.init.as_ref().is_some_and(|init| init.diverge.is_some()) {
            return self.printer.refuse(local, "C has no let … else");
        }
        self.printer.locals.insert(name.clone(), (*typed.ty).clone());
        let uninit = name_of(&typed.ty).is_some_and(|ty| ty == "MaybeUninit");
        let ty: &Type = if uninit {
            generic(&typed.ty).unwrap_or(&typed.ty)
        } else {
            &typed.ty
        };
        let declaration = declare(ty, &name)?;
        match local.init.as_ref().map(|init| &*init.expr) {
            Some(Expr::Struct(value)) if value.rest.is_some() => {
                return self.printer.refuse(value, "every member needs its value");
            }
            Some(value) if uninit && !is_uninit(value) => {
                return self
                    .printer
                    .refuse(value, "C leaves it uninitialized: use MaybeUninit::uninit()");
            }
            Some(Expr::Struct(value)) => {
                self.line(indent, &format!("{declaration};"));
                self.out.push('\n');
                for field in &value.fields {
                    let syn::Member::Named(member) = &field.member else {
                        return self.printer.refuse(field, "tuples have no C form");
                    };
                    let text = format!("{name}.{member} = {};", self.printer.value(&field.expr)?);
                    self.statement(indent, &text);
                }
            }
            Some(value) if !uninit => {
                let text = format!("{declaration} = {};", self.printer.value(value)?);
                self.statement(indent, &text);
            }
            _ => self.line(indent, &format!("{declaration};")),
        }
        Ok(())
    }

    fn expression(&mut self, expr: &Expr, indent: usize, tail: bool) -> Result<()> {
        let labelled = match expr {
            Expr::Loop(body) => body.label.is_some(),
            Expr::While(body) => body.label.is_some(),
            Expr::Block(block) => block.label.is_some(),
            Expr::Break(end) => end.label.is_some() || end.expr.is_some(),
            Expr::Continue(next) => next.label.is_some(),
            _ => false,
        };
        if labelled {
            return self
                .printer
                .refuse(expr, "C's break and continue have neither label nor value");
        }
        let text = match expr {
            Expr::If(branch) => return self.branch(branch, indent, tail, ""),
            Expr::Loop(body) => return self.looped("for (;;) {", &body.body, indent),
            Expr::While(body) => {
                let head = format!("while ({}) {{", self.printer.value(&body.cond)?);
                return self.looped(&head, &body.body, indent);
            }
            Expr::Block(block) => {
                let big: syn::Attribute = syn::parse_quote!(#[cfg(target_endian = "big")]);
                if block.attrs != [big] {
                    return self
                        .printer
                        .refuse(expr, "a block may only carry #[cfg(target_endian = \"big\")]");
                }
                self.out += "#if __BYTE_ORDER == __BIG_ENDIAN\n";
                self.block(&block.block.stmts, indent, false)?;
                self.out += "#endif\n";
                return Ok(());
            }
            Expr::Assign(assign) => {
                format!(
                    "{} = {};",
                    self.printer.value(&assign.left)?,
                    self.printer.value(&assign.right)?
                )
            }
            Expr::Binary(binary) => match binary.op {
                syn::BinOp::AddAssign(_) => self.compound(binary, "+=")?,
                syn::BinOp::SubAssign(_) => self.compound(binary, "-=")?,
                syn::BinOp::BitOrAssign(_) => self.compound(binary, "|=")?,
                syn::BinOp::BitAndAssign(_) => self.compound(binary, "&=")?,
                _ if tail => format!("return {};", self.printer.value(expr)?),
                _ => return self.printer.refuse(expr, "the result is not used"),
            },
            Expr::Break(_) => "break;".into(),
            Expr::Continue(_) => "continue;".into(),
            Expr::Return(ret) => match &ret.expr {
                Some(value) => format!("return {};", self.printer.value(value)?),
                None => "return;".into(),
            },
            _ if tail => format!("return {};", self.printer.value(expr)?),
            _ => format!("{};", self.printer.value(expr)?),
        };
        self.statement(indent, &text);
        Ok(())
    }

    fn compound(&self, binary: &syn::ExprBinary, op: &str) -> Result<String> {
        Ok(format!(
            "{} {op} {};",
            self.printer.value(&binary.left)?,
            self.printer.value(&binary.right)?
        ))
    }

    fn looped(&mut self, head: &str, body: &syn::Block, indent: usize) -> Result<()> {
        self.statement(indent, head);
        self.block(&body.stmts, indent + 1, false)?;
        self.line(indent, "}");
        Ok(())
    }

    /// Whether the braces around a branch can be omitted: one statement, and no comment above it.
    fn single(&self, block: &syn::Block) -> bool {
        let [stmt] = block.stmts.as_slice() else { return false };
        let simple = match stmt {
            Stmt::Expr(expr, _) => !matches!(expr, Expr::If(_) | Expr::Loop(_) | Expr::While(_) | Expr::Block(_)),
            _ => false,
        };
        simple && self.printer.function.comment_above(stmt.span().start().line).is_empty()
    }

    fn branch(&mut self, branch: &syn::ExprIf, indent: usize, tail: bool, before: &str) -> Result<()> {
        let mut other = branch.else_branch.as_ref().map(|b| &*b.1);
        let mut bare = self.single(&branch.then_branch);
        while let Some(next) = other {
            match next {
                Expr::If(next) => {
                    bare &= self.single(&next.then_branch);
                    other = next.else_branch.as_ref().map(|b| &*b.1);
                }
                Expr::Block(block) => {
                    bare &= self.single(&block.block);
                    other = None;
                }
                _ => other = None,
            }
        }
        bare &= before.is_empty() || !before.starts_with('}');
        let (open, close) = if bare { ("", "") } else { (" {", "} ") };
        let head = format!("{before}if ({}){open}", self.printer.value(&branch.cond)?);
        self.statement(indent, &head);
        self.block(&branch.then_branch.stmts, indent + 1, tail)?;
        match branch.else_branch.as_ref().map(|b| &*b.1) {
            Some(Expr::If(next)) => return self.branch(next, indent, tail, &format!("{close}else ")),
            Some(Expr::Block(block)) => {
                self.line(indent, &format!("{close}else{open}"));
                self.block(&block.block.stmts, indent + 1, tail)?;
            }
            _ => {}
        }
        if !bare {
            self.line(indent, "}");
        }
        Ok(())
    }
}
