//! What a header declares, as clang reads it (`-ast-dump=json`) and as the preprocessor sees it.

use anyhow::{Context, Result, bail};
use base::{output, stdout};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which headers to read.
#[derive(Clone)]
pub struct Headers {
    /// The C text that includes them.
    pub source: String,
    /// Folders for `-isystem`, in order.
    pub include: Vec<PathBuf>,
    /// Files below this path are part of these headers, all others belong to the system.
    pub own: PathBuf,
    /// The clang program.
    pub clang: String,
}

#[derive(Default)]
pub struct Ast {
    /// A function's type, and how it is declared: `extern` or `static inline`.
    pub functions: BTreeMap<String, (String, String)>,
    /// Structs and unions that have a tag, with their members.
    pub records: BTreeMap<String, Vec<Member>>,
    pub enumerators: Vec<String>,
    /// Tags of enums, and typedefs with their types.
    pub enums: Vec<String>,
    pub typedefs: BTreeMap<String, String>,
    pub macros: BTreeMap<String, Macro>,
}

pub struct Member {
    pub path: String,
    pub ty: String,
    /// False for a flexible array.
    pub sized: bool,
}

#[derive(PartialEq, Eq)]
pub enum Macro {
    /// The number of parameters.
    Takes(usize),
    Empty,
    Text,
}

impl Headers {
    pub fn compiler(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-std=gnu17", "-w"]);
        for dir in &self.include {
            command.arg("-isystem").arg(dir);
        }
        command
    }

    pub fn read(&self, work: &Path) -> Result<Ast> {
        let file = work.join("headers.c");
        std::fs::write(&file, &self.source)?;
        let mut dump = self.compiler(&self.clang);
        dump.args(["-fsyntax-only", "-Xclang", "-ast-dump=json"]).arg(&file);
        let tree: Value = serde_json::from_slice(&output(&mut dump)?.stdout).context("clang's JSON")?;
        let mut reader = Reader {
            own: self.own.to_string_lossy().into_owned(),
            file: String::new(),
            ast: Ast::default(),
        };
        for node in children(&tree) {
            reader.top(node)?;
        }
        reader.ast.macros = self.macros(&file)?;
        Ok(reader.ast)
    }

    /// The macros that these headers define and leave defined.
    fn macros(&self, file: &Path) -> Result<BTreeMap<String, Macro>> {
        let text = stdout(self.compiler(&self.clang).args(["-E", "-dD"]).arg(file))?;
        let own = self.own.to_string_lossy();
        let (mut here, mut macros) = (false, BTreeMap::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# ") {
                here = rest.split_once('"').is_some_and(|(_, path)| path.starts_with(&*own));
            } else if let Some(name) = line.strip_prefix("#undef ") {
                macros.remove(name.trim());
            } else if let Some(rest) = line.strip_prefix("#define ").filter(|_| here) {
                let end = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                let params = after.strip_prefix('(').and_then(|after| after.split_once(')'));
                let what = match params {
                    Some((params, _)) => {
                        Macro::Takes(params.split(',').filter(|param| !param.trim().is_empty()).count())
                    }
                    None if after.trim().is_empty() => Macro::Empty,
                    None => Macro::Text,
                };
                macros.insert(name.to_owned(), what);
            }
        }
        Ok(macros)
    }
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["inner"].as_array().into_iter().flatten()
}

fn text<'a>(node: &'a Value, key: &str) -> &'a str {
    node[key].as_str().unwrap_or_default()
}

struct Reader {
    own: String,
    /// The file of the last location: clang names the file only when it changes.
    file: String,
    ast: Ast,
}

impl Reader {
    fn location(&mut self, location: &Value) {
        for location in [&location["spellingLoc"], &location["expansionLoc"], location] {
            if let Some(file) = location["file"].as_str() {
                file.clone_into(&mut self.file);
            }
        }
    }

    /// Updates `file` from the locations in a node and below it.
    fn follow(&mut self, node: &Value) {
        for location in [&node["loc"], &node["range"]["begin"], &node["range"]["end"]] {
            self.location(location);
        }
        children(node).for_each(|child| self.follow(child));
    }

    fn top(&mut self, node: &Value) -> Result<()> {
        self.location(&node["loc"]);
        let ours = self.file.starts_with(&self.own);
        self.follow(node);
        // clang declares builtins at their first use.
        if !ours || node["isImplicit"].as_bool() == Some(true) {
            return Ok(());
        }
        let name = text(node, "name").to_owned();
        match text(node, "kind") {
            "FunctionDecl" => {
                let how = match (text(node, "storageClass"), node["inline"].as_bool()) {
                    ("static", Some(true)) => "static inline",
                    ("", None) => "extern",
                    (class, inline) => bail!("{name}: storage class {class:?}, inline {inline:?}"),
                };
                self.ast.functions.insert(name, (ty(node), how.into()));
            }
            "RecordDecl" if node["completeDefinition"].as_bool() == Some(true) && !name.is_empty() => {
                let mut members = Vec::new();
                record(node, "", &mut members)?;
                self.ast
                    .records
                    .insert(format!("{} {name}", text(node, "tagUsed")), members);
            }
            "EnumDecl" => {
                let constants = children(node).filter(|child| text(child, "kind") == "EnumConstantDecl");
                self.ast
                    .enumerators
                    .extend(constants.map(|child| text(child, "name").to_owned()));
                if !name.is_empty() {
                    self.ast.enums.push(name);
                }
            }
            "TypedefDecl" => {
                self.ast.typedefs.insert(name, ty(node));
            }
            _ => {}
        }
        Ok(())
    }
}

/// A type as it is written.
fn ty(node: &Value) -> String {
    text(&node["type"], "qualType").to_owned()
}

/// The members of a struct or union; members of an unnamed part belong to the whole.
fn record(node: &Value, prefix: &str, members: &mut Vec<Member>) -> Result<()> {
    let mut part = None;
    for child in children(node) {
        let name = text(child, "name");
        match text(child, "kind") {
            "RecordDecl" => part = Some(child),
            "FieldDecl" if child["isBitfield"].as_bool() == Some(true) => bail!("{prefix}{name} is a bit field"),
            "FieldDecl" => {
                let mut ty = ty(child);
                let sized = !ty.contains("[]");
                let mut path = format!("{prefix}{name}");
                let unnamed = ty.contains("unnamed") || ty.contains("anonymous");
                if unnamed {
                    // clang appends the type's location.
                    ty.truncate(ty.find(' ').unwrap_or(ty.len()));
                }
                if !name.is_empty() {
                    members.push(Member {
                        path: path.clone(),
                        ty,
                        sized,
                    });
                    path.push('.');
                }
                if unnamed {
                    let inner = part
                        .take()
                        .with_context(|| format!("{path}: its type has no definition"))?;
                    record(inner, &path, members)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
