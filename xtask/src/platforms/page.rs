use super::build::Built;
use crate::kernels::Row;
use anyhow::Result;
use std::path::Path;

pub type Line = (&'static str, Option<Built>, Option<Row>);

pub fn keep(_path: &Path, _built: Option<&Built>, _row: Option<&Row>) -> Result<()> {
    Ok(())
}
pub fn show(rows: &[Line]) {
    for (name, _, row) in rows {
        println!("{name} {}", serde_json::to_string(row).unwrap_or_default());
    }
}
pub fn write(_out: &Path) -> Result<()> {
    Ok(())
}
