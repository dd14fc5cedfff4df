//! `links` in Cargo.toml, which keeps two versions of the crate out of one program, requires a build script.

fn main() {}
