//! The facts of a set of headers, as text. Sizes, offsets and values come from the compilers: each is a constant in an
//! object, for every processor whose compiler is installed.

use super::ast::{Ast, Headers, Macro, Member};
use anyhow::{Context, Result, bail, ensure};
use base::compile::Compile as _;
use base::have;
use base::run::attempt;
use object::{Object as _, ObjectSection as _};
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

/// The compilers that work here; at least one must.
pub fn targets(work: &Path) -> Result<Vec<Target>> {
    const BITS_32: [&str; 3] = ["-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"];
    let all: [(_, _, &[&str]); 4] = [
        ("x86-64", "gcc", &["-m64"]),
        ("x86 32 bit", "gcc", &BITS_32),
        ("aarch64", "aarch64-linux-gnu-gcc", &[]),
        ("riscv64", "riscv64-linux-gnu-gcc", &[]),
    ];
    let trial = work.join("trial.c");
    fs::write(&trial, "#include <stdlib.h>\nint x;\n")?;
    let targets = all.map(|(name, program, flags)| Target {
        name,
        program: program.into(),
        flags,
    });
    let works = |target: &Target| {
        let mut command = Command::new(&target.program);
        command.args(target.flags).arg("-c").arg(&trial);
        have(&target.program) && command.to(work.join("trial.o")).is_ok()
    };
    let found: Vec<Target> = targets.into_iter().filter(works).collect();
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
            // A value that is the same on every processor is written once.
            if !fact.split(", ").any(|part| part == value) {
                let comma = if fact.is_empty() { "" } else { ", " };
                let seen = fact.contains(question.what);
                let _ = write!(fact, "{comma}{value}");
                if seen {
                    let _ = write!(fact, " on {}", target.name);
                }
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
    let names = ast.macros.iter().filter(|(_, what)| **what == Macro::Text);
    let names: Vec<&String> = names.map(|(name, _)| name).collect();
    // One macro per line: an error in a line means that its macro is not an integer constant.
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
    command.env("LC_ALL", "C").arg("-fsyntax-only").arg("-fmax-errors=0");
    let out = attempt(command.arg(&file))?;
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
    let good = names.iter().enumerate().filter(|(at, _)| !bad.contains(&(first + at)));
    let good = good.map(|(_, name)| (*name).clone());
    Ok(good.chain(ast.enumerators.iter().cloned()).collect())
}

fn questions(ast: &Ast, numbers: &BTreeSet<String>) -> Vec<Question> {
    let mut list = Vec::new();
    let mut add = |fact: &str, what, expr: String| {
        let fact = fact.to_owned();
        list.push(Question { fact, what, expr });
    };
    for (record, members) in &ast.records {
        add(record, "size", format!("sizeof({record})"));
        add(record, "alignment", format!("_Alignof({record})"));
        for Member { path, sized, .. } in members {
            let fact = format!("member {record}.{path}");
            add(&fact, "at", format!("__builtin_offsetof({record}, {path})"));
            if *sized {
                add(&fact, "size", format!("sizeof((({record} *)0)->{path})"));
            }
        }
    }
    for name in numbers {
        let fact = format!("constant {name}");
        add(&fact, "value", format!("({name})"));
        add(&fact, "bytes", format!("sizeof({name})"));
        add(&fact, "signed", format!("((__typeof__({name}))-1 < 1)"));
    }
    list
}

/// Compiles the questions into a section of an object, and reads it.
fn ask(headers: &Headers, target: &Target, questions: &[Question], work: &Path) -> Result<Vec<i64>> {
    let mut source = headers.source.clone();
    source.push_str("__attribute__((section(\"facts\"))) const unsigned long long facts_[] = {\n");
    for question in questions {
        let _ = writeln!(source, "(unsigned long long)({}),", question.expr);
    }
    source.push_str("};\n");
    let (file, object) = (work.join("facts.c"), work.join("facts.o"));
    fs::write(&file, source)?;
    let mut command = headers.compiler(&target.program);
    command.args(target.flags).arg("-c").arg(&file).to(&object)?;
    let data = fs::read(&object)?;
    let object = object::File::parse(&*data)?;
    let section = object
        .section_by_name("facts")
        .context("no section facts in the object")?;
    let answers = section.data()?.chunks_exact(8);
    ensure!(
        answers.len() == questions.len(),
        "{} answers to {} questions",
        answers.len(),
        questions.len()
    );
    Ok(answers
        .map(|answer| i64::from_le_bytes(answer.try_into().expect("8 bytes")))
        .collect())
}

/// What `#ifdef` and `#if` see of each macro.
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
        // Compared as unsigned numbers, because an unsigned macro would convert a value of -2 anyway.
        let _ = writeln!(
            source,
            "#if ({name}) + 0ULL == ({value}) + 0ULL\n@usable {name}\n#endif"
        );
    }
    let file = work.join("preprocessor.c");
    fs::write(&file, source)?;
    let out = attempt(headers.compiler("gcc").args(["-E", "-P"]).arg(&file))?;
    let text = String::from_utf8_lossy(&out.stdout);
    let usable: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("@usable ")).collect();
    for (name, what) in &ast.macros {
        let fact = match what {
            Macro::Takes(params) => format!("takes {params}"),
            _ if !numbers.contains(name) => "defined".into(),
            _ if usable.contains(name.as_str()) => "defined, its value in #if".into(),
            _ => "defined, nothing in #if".into(),
        };
        facts.insert(format!("macro {name}"), fact);
    }
    Ok(())
}
