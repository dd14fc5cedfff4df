//! musl: our C tests with its compiler wrapper, on the shared library, on liburing-ffi, and all in one piece.

use super::{Args, c_tests};
use crate::ctest;
use crate::kernels::Row;
use crate::suite::System;
use crate::util::{lib_dir, need};
use anyhow::Result;
use std::path::Path;
use std::time::Instant;

pub fn run(args: &Args, out: &Path) -> Result<Row> {
    need("musl-gcc", "musl-tools")?;
    let start = Instant::now();
    let mut cc = vec!["musl-gcc".to_owned()];
    // musl brings none of the kernel's headers.
    cc.extend(crate::statics::kernel_headers()?);
    let ours = ctest::Args {
        lib: Some(lib_dir()),
        mode: args.scope.mode,
        only: args.scope.only.clone(),
        cc,
        fixed: true,
        ..ctest::Args::default()
    };
    let out = out.join(super::MUSL);
    let programs = ctest::build(&ours, &out.join("ctest"), &[])?;
    let mut row = Row {
        name: super::MUSL.to_owned(),
        release: System::here()?.kernel,
        page_size: rustix::param::page_size() as u64,
        ..Row::default()
    };
    c_tests(&programs, &out.join("tmp"), &mut row)?;
    row.seconds = start.elapsed().as_secs_f64();
    Ok(row)
}
