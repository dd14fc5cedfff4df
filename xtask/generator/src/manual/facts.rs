//! Facts of the source about the names that pages cover: signatures, versions, macros.

use crate::decl;
use crate::model::{Function, Model};
use anyhow::{Context, Result};
use base::root;
use std::collections::BTreeSet;
use std::{fmt, fs};

#[derive(Default)]
pub struct Facts {
    pub model: Model,
    /// The version in the headers.
    pub version: String,
    /// Macros with parameters that programs may use.
    pub macros: BTreeSet<String>,
}

/// The versions that introduced a function.
#[derive(PartialEq, Eq)]
pub struct Version {
    pub liburing: String,
    pub kernel: Option<String>,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "liburing {}", self.liburing)?;
        let kernel = self.kernel.as_ref().map(|kernel| write!(f, " and Linux {kernel}"));
        kernel.unwrap_or(Ok(()))
    }
}

/// Prefixes of the header's internal helpers, which no program calls.
const INTERNAL_MACROS: &[&str] = &["LIBURING_", "uring_", "IOURINGINLINE"];

impl Facts {
    pub fn read() -> Result<Self> {
        let (model, _) = crate::read_source()?;
        let mut macros = BTreeSet::new();
        for file in ["include/liburing.h", "include/liburing/barrier.h"] {
            let text = fs::read_to_string(root().join(file)).with_context(|| format!("can't read {file}"))?;
            macros.extend(function_like(&text));
        }
        let part = |part: &str| decl::constant_value(&model, &format!("IO_URING_VERSION_{part}"));
        let version = format!("{}.{}", part("MAJOR")?, part("MINOR")?);
        Ok(Self { model, version, macros })
    }

    /// Whether programs may use it, so that it needs a page.
    pub fn public(function: &Function) -> bool {
        !function.name().starts_with('_') && !function.local && !function.archive
    }

    /// Every name that needs a page.
    pub fn needed(&self) -> BTreeSet<String> {
        let functions = self.model.functions().iter().filter(|f| Self::public(f));
        functions
            .map(Function::name)
            .chain(self.macros.iter().cloned())
            .collect()
    }

    /// Whether a page may cover the name.
    pub fn known(&self, name: &str) -> bool {
        self.model.function_named(name).is_some()
            || self.macros.contains(name)
            || self.model.constant(name).is_some()
            || self.model.record_named(name).is_some()
    }

    /// Whether a reference to it must lead to a page of ours.
    pub fn ours(&self, name: &str) -> bool {
        name.starts_with("io_uring")
            || name.starts_with("__io_uring")
            || name.starts_with("IO_URING")
            || self.known(name)
    }

    /// The versions that introduced the functions among the names.
    pub fn versions(&self, names: &[String]) -> Vec<(String, Version)> {
        let functions = names.iter().filter_map(|name| self.model.function_named(name));
        let versions = functions.map(|function| {
            let kernel = function.doc.iter().find_map(|line| {
                let rest = line.strip_prefix("Since liburing ")?.split_once(", kernel ")?.1;
                Some(rest.trim_end_matches('.').to_string())
            });
            let version = Version {
                liburing: function.since.clone(),
                kernel,
            };
            (function.name(), version)
        });
        versions.collect()
    }

    /// The first sentence of a function's documentation, in the imperative.
    pub fn summary(&self, name: &str) -> String {
        let function = self.model.function_named(name);
        let doc = function.map_or(&[][..], |function| &function.doc);
        let lines = doc.iter().take_while(|line| !line.is_empty()).cloned();
        let sentence = lines.collect::<Vec<_>>().join(" ").replace('`', "");
        imperative(sentence.trim_end_matches('.'))
    }

    /// The parameters of the covered names, those of macros from the page's own synopsis.
    pub fn parameters(&self, covers: &[String], synopsis: Option<&str>) -> Vec<(String, Vec<String>)> {
        let each = covers.iter().map(|name| {
            let parameters = match self.model.function_named(name) {
                Some(function) => decl::signature(function).map_or(Vec::new(), |(_, list)| list),
                None => synopsis.map_or(Vec::new(), |text| macro_parameters(text, name)),
            };
            let names = parameters
                .iter()
                .filter(|p| *p != "void")
                .map(|p| parameter_name(p).to_string());
            (name.clone(), names.collect())
        });
        each.collect()
    }
}

/// The names of a header's macros with parameters, without internal ones.
fn function_like(header: &str) -> impl Iterator<Item = String> {
    header.lines().filter_map(|line| {
        let name = line.strip_prefix("#define ")?.split_once('(')?.0;
        let internal = name.starts_with('_') || INTERNAL_MACROS.iter().any(|start| name.starts_with(start));
        let good = !internal && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        good.then(|| name.to_string())
    })
}

/// The name in a parameter's declaration: `int pipefd[2]`, `const char *path`.
pub fn parameter_name(declaration: &str) -> &str {
    let end = declaration.find('[').unwrap_or(declaration.len());
    let text = &declaration[..end];
    let start = text
        .rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .map_or(0, |at| at + 1);
    &text[start..]
}

/// "Prepares a read" in the imperative: "prepare a read".
fn imperative(sentence: &str) -> String {
    let (verb, rest) = sentence.split_once(' ').unwrap_or((sentence, ""));
    let verb = verb.to_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| verb.ends_with(end));
    let verb = if let Some(stem) = verb.strip_suffix("ies") {
        format!("{stem}y")
    } else if ends(&["ches", "shes", "sses", "xes", "oes"]) {
        verb[..verb.len() - 2].to_string()
    } else if verb == "always" {
        verb
    } else {
        verb.trim_end_matches('s').to_string()
    };
    format!("{verb} {rest}").trim_end().to_string()
}

fn macro_parameters(synopsis: &str, name: &str) -> Vec<String> {
    let Some((_, rest)) = synopsis.split_once(&format!("{name}(")) else {
        return Vec::new();
    };
    let inner = rest.split(')').next().unwrap_or_default();
    inner
        .split(',')
        .map(|part| part.trim().to_string())
        .filter(|part| !part.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_imperative() {
        for (said, want) in [
            ("Prepares a read", "prepare a read"),
            ("Copies it", "copy it"),
            ("Attaches it", "attach it"),
            ("Always fails", "always fails"),
            ("Does it", "do it"),
            ("Closes it", "close it"),
        ] {
            assert_eq!(imperative(said), want);
        }
    }

    #[test]
    fn parameters_are_named_by_their_last_word() {
        for (declaration, name) in [
            ("int fd", "fd"),
            ("const char *path", "path"),
            ("int fds[2]", "fds"),
            ("__u64 **p", "p"),
        ] {
            assert_eq!(parameter_name(declaration), name);
        }
        assert_eq!(
            macro_parameters("x\nIO_F(ring, int n) { … }", "IO_F"),
            ["ring", "int n"]
        );
    }

    #[test]
    fn only_macros_for_programs_count() {
        let header = "#define io_uring_f(a)\tg(a)\n#define LIBURING_X(a) a\n#define io_uring_g f\n#define __io(a) a\n";
        assert_eq!(function_like(header).collect::<Vec<_>>(), ["io_uring_f"]);
    }
}
