//! `cargo xtask man --browser`: every page of docs/manual/ in a headless Chromium, at a phone's width.

use crate::util::{self, root};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is shown to people, and how wide.
const SHOTS: &[(&str, u32)] = &[
    ("index.html", 360),
    ("index.html", 1280),
    ("io_uring_check_version.3.html", 360),
    ("io_uring_check_version.3.html", 1280),
];

pub fn run() -> Result<()> {
    util::need("chromium", "chromium")?;
    let pages = root().join("docs/manual");
    let mut files = Vec::new();
    for entry in fs::read_dir(&pages).context("can't read docs/manual; to write it: cargo xtask gen")? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "html") {
            files.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    files.sort();
    let folder = root().join("target/manual/browser");
    fs::create_dir_all(&folder)?;
    let template = fs::read_to_string(root().join("xtask/templates/manual-check.html"))?;
    let text = template
        .replace("@files@", &serde_json::to_string(&files)?)
        .replace("@folder@", &pages.to_string_lossy());
    let check = folder.join("check.html");
    fs::write(&check, text)?;

    let dom = util::stdout(chromium(&folder).arg("--dump-dom").arg(&check))?;
    let said = dom
        .split_once("<pre id=\"said\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"))
        .map_or("", |(said, _)| said);
    let mut lines = said.lines();
    if lines.next() != Some(&format!("opened {}", files.len())) {
        bail!(
            "Chromium did not get through all {} pages; it said: {said:?}",
            files.len()
        );
    }
    let wrong: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    for line in &wrong {
        println!("docs/manual/{line}");
    }
    for (file, width) in SHOTS {
        shot(&folder, &pages, file, *width)?;
    }
    println!(
        "browser: {} pages opened at 360 pixels, {} problems; pictures are in {}",
        files.len(),
        wrong.len(),
        folder.display()
    );
    if !wrong.is_empty() {
        bail!("the manual on the web has {} problems, see above", wrong.len());
    }
    Ok(())
}

fn chromium(folder: &Path) -> Command {
    let mut command = Command::new("timeout");
    command
        .args([
            "--kill-after=5",
            "120",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        // One page asks another for its width.
        .args(["--allow-file-access-from-files", "--virtual-time-budget=60000"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command
}

/// A picture of a page. A window can't be as narrow as a phone, a frame can.
fn shot(folder: &Path, pages: &Path, file: &str, width: u32) -> Result<()> {
    let frame = folder.join("frame.html");
    let text = format!(
        "<!doctype html><body style=\"margin:0\"><iframe src=\"{}/{file}\" style=\"width:{width}px;height:1600px;border:0\"></iframe>",
        pages.display()
    );
    fs::write(&frame, text)?;
    let picture = folder.join(format!("{}-{width}.png", file.trim_end_matches(".html")));
    let mut command = chromium(folder);
    command.arg(format!("--window-size={},1600", width.max(500)));
    util::output(command.arg(format!("--screenshot={}", picture.display())).arg(&frame)).map(drop)
}
