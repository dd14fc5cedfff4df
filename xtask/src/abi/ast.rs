//! What a header declares, as clang reads it (`-ast-dump=json`) and as the preprocessor sees it.

use crate::util::{output, stdout};
use anyhow::{Context, Result, bail};
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
    /// What lies below this path is theirs; all else is the system's.
    pub own: PathBuf,
    /// The clang program.
    pub clang: String,
}

#[derive(Default)]
pub struct Ast {
    /// A function's type, and how it is declared: `extern` or `static inline`.
    pub functions: BTreeMap<String, (String, String)>,
    /// A struct or union that has a tag, and its members: the path to each, its type, whether it has a size.
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
    /// A flexible array has none.
    pub sized: bool,
}

pub struct Macro {
    /// The number of parameters; none for one that stands alone.
    pub params: Option<usize>,
    pub text: String,
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
        let dump = output(&mut dump)?.stdout;
        let tree: Value = serde_json::from_slice(&dump).context("clang's JSON")?;
        let mut ast = Ast::default();
        let mut walk = Walk {
            own: self.own.to_string_lossy().into_owned(),
            file: String::new(),
            ast: &mut ast,
        };
        for node in children(&tree) {
            walk.top(node)?;
        }
        ast.macros = self.macros(&file)?;
        Ok(ast)
    }

    /// The macros that are defined in the headers themselves when all is read.
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
                let (params, text) = match after.strip_prefix('(').and_then(|after| after.split_once(')')) {
                    Some((params, text)) => (Some(params.split(',').filter(|p| !p.trim().is_empty()).count()), text),
                    None => (None, after),
                };
                macros.insert(
                    name.to_owned(),
                    Macro {
                        params,
                        text: text.trim().to_owned(),
                    },
                );
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

struct Walk<'a> {
    own: String,
    /// The file of the last place that was printed: clang names it only where it changes.
    file: String,
    ast: &'a mut Ast,
}

impl Walk<'_> {
    fn place(&mut self, place: &Value) {
        for part in ["spellingLoc", "expansionLoc"] {
            if let Some(inner) = place.get(part) {
                self.place(inner);
            }
        }
        if let Some(file) = place["file"].as_str() {
            file.clone_into(&mut self.file);
        }
    }

    /// Follows the places in a node and below it.
    fn follow(&mut self, node: &Value) {
        self.place(&node["loc"]);
        self.place(&node["range"]["begin"]);
        self.place(&node["range"]["end"]);
        for child in children(node) {
            self.follow(child);
        }
    }

    fn top(&mut self, node: &Value) -> Result<()> {
        self.place(&node["loc"]);
        let ours = self.file.starts_with(&self.own);
        self.follow(node);
        // Builtins appear where they are used first.
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

/// A type as it is written, without the places of types that have no name.
fn ty(node: &Value) -> String {
    let mut written = text(&node["type"], "qualType").to_owned();
    while let Some(start) = written
        .find(" at ")
        .filter(|_| written.contains("unnamed") || written.contains("anonymous"))
    {
        let end = written[start..].find(')').map_or(written.len(), |end| start + end);
        written.replace_range(start..end, "");
    }
    written
}

/// The members of a struct or union; those of a part without a name belong to the whole.
fn record(node: &Value, prefix: &str, members: &mut Vec<Member>) -> Result<()> {
    let mut part = None;
    for child in children(node) {
        let name = text(child, "name");
        match text(child, "kind") {
            "RecordDecl" => part = Some(child),
            "FieldDecl" if child["isBitfield"].as_bool() == Some(true) => bail!("{prefix}{name} is a bit field"),
            "FieldDecl" => {
                let ty = ty(child);
                let unnamed = ty.contains("unnamed") || ty.contains("anonymous");
                let path = format!("{prefix}{name}");
                if !name.is_empty() {
                    let sized = !ty.contains("[]");
                    let shape = if unnamed {
                        ty.split(' ').next().unwrap_or_default().to_owned()
                    } else {
                        ty
                    };
                    members.push(Member {
                        path: path.clone(),
                        ty: shape,
                        sized,
                    });
                }
                if unnamed || name.is_empty() {
                    let inner = part.take().with_context(|| format!("{path}: where is its type?"))?;
                    let dot = if name.is_empty() { "" } else { "." };
                    record(inner, &format!("{path}{dot}"), members)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
