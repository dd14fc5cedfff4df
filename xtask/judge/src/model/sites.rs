//! What can be weakened, as the source tells.

use anyhow::Result;
use base::{command, root};

/// One ordering weakened, or one lock taken away.
pub struct Weakening {
    /// `FILE:LINE`.
    pub site: String,
    /// The line.
    pub text: String,
    /// What it calls.
    pub call: String,
    /// As the models are told.
    pub weaken: String,
}

/// The lines that match a pattern, without comments: the place and the text.
fn lines(pattern: &str, folders: &[&str], without: &[&str]) -> Result<Vec<(String, String)>> {
    let mut grep = command!("grep -rnE --include=*.rs --exclude-dir=model --exclude-dir=tests --exclude=tests.rs");
    grep.args(without.iter().map(|name| format!("--exclude={name}")));
    grep.arg(pattern).args(folders);
    let found = base::stdout(grep.current_dir(root()))?;
    let mut lines: Vec<_> = found
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (file, number, text) = (parts.next()?, parts.next()?, parts.next()?.trim());
            (!text.starts_with("//")).then(|| (format!("{file}:{number}"), text.to_owned()))
        })
        .collect();
    lines.sort();
    Ok(lines)
}

fn weakening(site: &str, text: &str, call: &str, gone: bool) -> Weakening {
    Weakening {
        site: site.to_owned(),
        text: text.to_owned(),
        call: call.to_owned(),
        weaken: if gone { format!("{site} gone") } else { site.to_owned() },
    }
}

/// Every call of an ordering function in the library.
pub fn of_library() -> Result<Vec<Weakening>> {
    let pattern = r"\bio_uring_smp_(load_acquire|store_release|mb)\(";
    let mut found = Vec::new();
    for (site, text) in lines(pattern, &["src", "crates/half/src"], &[])? {
        let code = text.split("//").next().unwrap_or_default();
        let Some(at) = code.rfind("io_uring_smp_") else {
            continue;
        };
        let call = code[at..].split('(').next().unwrap_or_default();
        if call == "io_uring_smp_mb" {
            found.push(weakening(&site, &text, call, true));
        }
        found.push(weakening(&site, &text, call, false));
    }
    Ok(found)
}

/// Every ordering and every lock in the engine.
pub fn of_engine() -> Result<Vec<Weakening>> {
    let folders = ["crates/engine/src"];
    let without = ["malloc.rs", "model.rs"];
    let mut found = Vec::new();
    for (site, text) in lines(r"\bOrdering::(Acquire|Release|AcqRel|SeqCst)\b", &folders, &without)? {
        if text.contains("compiler_fence(") {
            // Against signal handlers and for processes that are killed, not for other processors.
            continue;
        }
        if text.contains("Ordering::SeqCst") {
            found.push(weakening(&site, &text, "SeqCst", true));
            if !text.contains(".load(") && !text.contains("fence(") {
                // A load is an acquire load, as the models have the barrier after the store. A fence is there or not.
                found.push(weakening(&site, &text, "SeqCst", false));
            }
            continue;
        }
        if text.contains("Ordering::AcqRel") {
            for half in ["acquire", "release"] {
                let mut it = weakening(&site, &text, "AcqRel", false);
                it.weaken = format!("{site} {half}");
                found.push(it);
            }
            continue;
        }
        let name = ["Acquire", "Release"].into_iter().find(|name| text.contains(name));
        found.push(weakening(&site, &text, name.unwrap_or_default(), false));
    }
    for (site, text) in lines(
        r"\bMutex::new\(|\block\.lock\(\)",
        &folders,
        &[&without[..], &["lock.rs"]].concat(),
    )? {
        if !text.contains('"') {
            found.push(weakening(&site, &text, "lock", true));
        }
    }
    Ok(found)
}
