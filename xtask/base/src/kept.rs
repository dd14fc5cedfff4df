//! Saves a check's results, with the libraries they apply to, for the command that later writes the page.

use anyhow::{Context, Result, ensure};
use serde::{Serialize, de::DeserializeOwned};
use std::fs;
use std::path::Path;

/// Saves `found` in `file`.
pub fn keep<T: Serialize>(file: &Path, library: &str, found: &T) -> Result<()> {
    fs::create_dir_all(file.parent().context("a file without a folder")?)?;
    fs::write(file, serde_json::to_string_pretty(&(library, found))?).with_context(|| file.display().to_string())
}

/// Reads results from `file`, which must apply to `library`; `again` is the command that creates the file.
pub fn read<T: DeserializeOwned>(file: &Path, library: &str, again: &str) -> Result<T> {
    let text = fs::read(file).with_context(|| format!("no results in {}; run: {again}", file.display()))?;
    let (then, found): (String, T) =
        serde_json::from_slice(&text).with_context(|| format!("can't parse {}; run: {again}", file.display()))?;
    ensure!(
        then == library,
        "the libraries have changed since {} was written; run: {again}",
        file.display()
    );
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_apply_to_one_library() {
        let file = crate::root().join("target/kept-test.json");
        keep(&file, "one", &[1, 2]).unwrap();
        assert_eq!(read::<[u8; 2]>(&file, "one", "run").unwrap(), [1, 2]);
        let wrong = read::<[u8; 2]>(&file, "two", "run again").unwrap_err().to_string();
        assert!(wrong.contains("run again"), "{wrong}");
        fs::remove_file(file).unwrap();
    }
}
