// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generates the bindings as a crate that uses the library would.

use std::{env, path::Path};

fn main() {
    let include = env::var("URING_INCLUDE").expect("URING_INCLUDE is the folder of the headers");
    println!("cargo:rerun-if-env-changed=URING_INCLUDE");
    println!("cargo:rerun-if-changed={include}");
    bindgen::Builder::default()
        .header(format!("{include}/ffi/liburing.h"))
        .clang_args([format!("-I{include}"), "-D_GNU_SOURCE".into()])
        .allowlist_item("_*io_uring.*|IO.*")
        .generate()
        .expect("bindgen reads the header")
        .write_to_file(Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("bindings.rs"))
        .expect("the bindings are written");
}
