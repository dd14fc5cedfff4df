//! The facts of a set of headers: a name and what is true of it, as text. Sizes, offsets and values come from the
//! compilers: each is a constant in an object, for every processor that there is a compiler for.

use super::ast::{Ast, Headers};
use crate::util::{have, output, show};
use anyhow::{Context, Result, bail, ensure};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

pub type Facts = BTreeMap<String, String>;

/// A compiler for facts: its name in the report, the program and its flags.
#[derive(Clone)]
pub struct Target {
    pub name: &'static str,
    pub program: String,
    pub flags: &'static [&'static str],
}

/// The compilers that work here; the machine's own always does.
pub fn targets(work: &Path) -> Result<Vec<Target>> {
    let all = [
        ("x86-64", "gcc", &["-m64"][..]),
        (
            "x86 32 bit",
            "gcc",
            &["-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"],
        ),
        ("aarch64", "aarch64-linux-gnu-gcc", &[]),
        ("riscv64", "riscv64-linux-gnu-gcc", &[]),
    ];
    let trial = work.join("trial.c");
    fs::write(&trial, "#include <stdlib.h>\nint x;\n")?;
    let works = |program: &str, flags: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(flags)
            .arg("-c")
            .arg(&trial)
            .arg("-o")
            .arg(work.join("trial.o"));
        have(program) && command.output().is_ok_and(|out| out.status.success())
    };
    let found: Vec<Target> = all
        .into_iter()
        .filter(|(_, program, flags)| works(program, flags))
        .map(|(name, program, flags)| Target {
            name,
            program: program.into(),
            flags,
        })
        .collect();
    ensure!(
        !found.is_empty(),
        "no C compiler works here; to mend: apt-get install gcc libc6-dev"
    );
    Ok(found)
}

/// A question to the compiler: the fact that it belongs to, and an integer constant expression.
struct Question {
    fact: String,
    what: &'static str,
    expr: String,
}

pub fn gather(headers: &Headers, targets: &[Target], work: &Path) -> Result<Facts> {
    let ast = headers.read(work)?;
    let mut facts = Facts::new();
    for (name, (ty, how)) in &ast.functions {
        facts.insert(format!("function {name}"), ty.clone());
        facts.insert(format!("linkage {name}"), how.clone());
    }
    for name in &ast.enums {
        facts.insert(format!("enum {name}"), "defined".into());
    }
    for (name, ty) in &ast.typedefs {
        facts.insert(format!("typedef {name}"), ty.clone());
    }
    let numbers = numbers(headers, &ast, work)?;
    let questions = questions(&ast, &numbers);
    for target in targets {
        let answers = ask(headers, target, &questions, work).with_context(|| target.name.to_owned())?;
        for (question, answer) in questions.iter().zip(&answers) {
            let fact = facts.entry(question.fact.clone()).or_default();
            let value = format!("{} {answer}", question.what);
            // Said once when it is the same on every processor.
            if !fact.split(", ").any(|part| part == value) {
                let seen = fact.contains(question.what);
                let place = if seen {
                    format!(" on {}", target.name)
                } else {
                    String::new()
                };
                let _ = write!(fact, "{}{value}{place}", if fact.is_empty() { "" } else { ", " });
            }
        }
    }
    for (record, members) in &ast.records {
        for member in members {
            let fact = facts.entry(format!("member {record}.{}", member.path)).or_default();
            let _ = write!(fact, ", {}", member.ty);
        }
    }
    preprocessor(headers, &ast, &numbers, work, &mut facts)?;
    Ok(facts)
}

/// Enumerators, and the macros that are integer constants.
fn numbers(headers: &Headers, ast: &Ast, work: &Path) -> Result<BTreeSet<String>> {
    let mut names: BTreeSet<String> = ast
        .macros
        .iter()
        .filter(|m| m.1.params.is_none())
        .map(|m| m.0.clone())
        .collect();
    names.retain(|name| !ast.macros[name].text.is_empty());
    // One a line; the lines that the compiler refuses are of macros that are something else.
    let mut source = headers.source.clone();
    let first = source.lines().count() + 1;
    for (index, name) in names.iter().enumerate() {
        let _ = writeln!(
            source,
            "static const unsigned long long is_{index} = (unsigned long long)(0 | ({name}));"
        );
    }
    let file = work.join("numbers.c");
    fs::write(&file, source)?;
    let mut command = headers.compiler("gcc");
    command
        .env("LC_ALL", "C")
        .args(["-fsyntax-only", "-fmax-errors=0"])
        .arg(&file);
    let out = command.output().with_context(|| show(&command))?;
    let errors = String::from_utf8_lossy(&out.stderr);
    let path = format!("{}:", file.display());
    let bad: BTreeSet<usize> = errors
        .lines()
        .filter(|line| line.contains(" error: "))
        .filter_map(|line| line.strip_prefix(&path)?.split(':').next()?.parse().ok())
        .collect();
    if let Some(line) = bad.iter().find(|line| **line < first) {
        bail!("the headers don't compile, line {line}:\n{errors}");
    }
    names = names
        .into_iter()
        .enumerate()
        .filter(|(index, _)| !bad.contains(&(first + index)))
        .map(|n| n.1)
        .collect();
    names.extend(ast.enumerators.iter().cloned());
    Ok(names)
}

fn questions(ast: &Ast, numbers: &BTreeSet<String>) -> Vec<Question> {
    let mut list = Vec::new();
    let mut add = |fact: String, what, expr: String| list.push(Question { fact, what, expr });
    for (record, members) in &ast.records {
        add(record.clone(), "size", format!("sizeof({record})"));
        add(record.clone(), "alignment", format!("_Alignof({record})"));
        for member in members {
            let fact = format!("member {record}.{}", member.path);
            add(
                fact.clone(),
                "at",
                format!("__builtin_offsetof({record}, {})", member.path),
            );
            if member.sized {
                add(fact, "size", format!("sizeof((({record} *)0)->{})", member.path));
            }
        }
    }
    for name in numbers {
        add(format!("constant {name}"), "value", format!("({name})"));
        add(format!("constant {name}"), "bytes", format!("sizeof({name})"));
        add(
            format!("constant {name}"),
            "signed",
            format!("((__typeof__({name}))-1 < 1)"),
        );
    }
    list
}

/// Compiles the questions into an array of an object, and reads it.
fn ask(headers: &Headers, target: &Target, questions: &[Question], work: &Path) -> Result<Vec<i128>> {
    let mut source = headers.source.clone();
    source.push_str("const unsigned long long facts_[] = {\n");
    for question in questions {
        let _ = writeln!(source, "(unsigned long long)({}),", question.expr);
    }
    source.push_str("};\n");
    let (file, object) = (work.join("facts.c"), work.join("facts.o"));
    fs::write(&file, source)?;
    let mut command = headers.compiler(&target.program);
    output(command.args(target.flags).arg("-c").arg(&file).arg("-o").arg(&object))?;
    let data = fs::read(&object)?;
    let object = object::File::parse(&*data)?;
    let symbol = object
        .symbols()
        .find(|symbol| symbol.name() == Ok("facts_"))
        .context("no array in the object")?;
    let section = object.section_by_index(symbol.section_index().context("the array is nowhere")?)?;
    let start = usize::try_from(symbol.address())?;
    let bytes = &section.data()?[start..start + questions.len() * 8];
    Ok(bytes
        .chunks_exact(8)
        .map(|chunk| i128::from(i64::from_le_bytes(chunk.try_into().expect("8 bytes"))))
        .collect())
}

/// What `#ifdef` and `#if` say of each macro.
fn preprocessor(
    headers: &Headers,
    ast: &Ast,
    numbers: &BTreeSet<String>,
    work: &Path,
    facts: &mut Facts,
) -> Result<()> {
    let mut source = headers.source.clone();
    for name in ast.macros.keys().filter(|name| numbers.contains(*name)) {
        let fact = &facts[&format!("constant {name}")];
        let value = fact.split([' ', ',']).nth(1).unwrap_or_default();
        // As unsigned numbers, which -2 becomes in the comparison with a macro that is unsigned.
        let _ = writeln!(
            source,
            "#if ({name}) + 0ULL == ({value}) + 0ULL\n@usable {name}\n#endif"
        );
    }
    let file = work.join("preprocessor.c");
    fs::write(&file, source)?;
    let mut command = headers.compiler("gcc");
    let out = command
        .args(["-E", "-P"])
        .arg(&file)
        .output()
        .with_context(|| show(&command))?;
    let text = String::from_utf8_lossy(&out.stdout);
    let usable: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("@usable ")).collect();
    for (name, what) in &ast.macros {
        let fact = match what.params {
            Some(params) => format!("takes {params}"),
            None if !numbers.contains(name) => "defined".into(),
            None if usable.contains(name.as_str()) => "defined, its value in #if".into(),
            None => "defined, nothing in #if".into(),
        };
        facts.insert(format!("macro {name}"), fact);
    }
    Ok(())
}
