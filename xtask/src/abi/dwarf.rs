pub struct Changes {
    pub same: usize,
    pub all: usize,
    pub said: String,
}
pub fn compare(_j: &super::Judge, _i: &std::path::Path) -> anyhow::Result<Changes> {
    Ok(Changes {
        same: 0,
        all: 0,
        said: String::new(),
    })
}
