//! Debian's qemu-img, unmodified, on Debian's liburing and on ours.

use super::watch::{Load, watch};
use super::{MB, SONAME, Scratch, bar, create, ensure_same, note, remove, step};
use crate::util;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One thing that qemu-img does, on each way of loading the library.
struct Job {
    name: &'static str,
    result: &'static str,
    args: Vec<String>,
    /// Seconds: one list per way of loading, one entry per round.
    times: [Vec<f64>; 3],
}

/// Debian's qemu-img on Debian's liburing and on ours, in turn.
pub fn qemu(quick: bool, dir: &Path, scratch: &Scratch, input: &Path) -> Result<Vec<Vec<String>>> {
    let (rounds, size, requests) = if quick {
        (3, 64 << 20, "20000")
    } else {
        (9, 128 << 20, "50000")
    };
    util::need("qemu-img", "qemu-utils")?;
    let debian = debian_library()?;
    let ours = scratch.library();
    let ways = [
        ("Debian's", Load::System, &debian),
        ("ironring, LD_LIBRARY_PATH", Load::Path(&scratch.lib), &ours),
        ("ironring, LD_PRELOAD", Load::Preload(&ours), &ours),
    ];

    let [raw, packed, back] = ["image.raw", "image.qcow2", "back.raw"].map(|name| dir.join(name));
    step(&format!("fill a raw image of {} MB with the input", size / MB));
    fill_image(&raw, input, size)?;

    let version = util::stdout(Command::new("qemu-img").arg("--version"))?;
    step(&format!(
        "{}: {rounds} rounds on each library in turn",
        version.lines().next().unwrap_or("qemu-img")
    ));
    // Without aio=io_uring in the image's options, convert and compare use threads: they have no -i.
    let options = |format: &str, file: &Path| {
        format!(
            "driver={format},file.driver=file,file.filename={},file.aio=io_uring,file.cache.direct=on",
            // A comma is doubled in qemu's options.
            file.display().to_string().replace(',', ",,")
        )
    };
    let convert = |from: String, to: String| {
        // -n: into an image that exists, which alone can have options.
        let args = ["convert", "-n", "--image-opts", "--target-image-opts"];
        args.map(String::from).into_iter().chain([from, to]).collect()
    };
    let bench = [
        "bench", "-f", "raw", "-t", "none", "-i", "io_uring", "-d", "32", "-c", requests,
    ];
    let job = |name, result, args| Job {
        name,
        result,
        args,
        times: Default::default(),
    };
    let mut jobs = [
        job(
            "qemu-img bench",
            "all reads done",
            bench
                .map(String::from)
                .into_iter()
                .chain([raw.display().to_string()])
                .collect(),
        ),
        job(
            "qemu-img convert raw to qcow2",
            "qemu-img check: clean",
            convert(options("raw", &raw), options("qcow2", &packed)),
        ),
        job(
            "qemu-img compare",
            "images are identical",
            ["compare", "--image-opts"]
                .map(String::from)
                .into_iter()
                .chain([options("raw", &raw), options("qcow2", &packed)])
                .collect(),
        ),
        job(
            "qemu-img convert qcow2 to raw",
            "every byte is back",
            convert(options("qcow2", &packed), options("raw", &back)),
        ),
    ];

    let bar = bar((rounds + 1) * (ways.len() * jobs.len()) as u64);
    let mut proofs = vec![String::new(); ways.len()];
    // Round 0 warms up, and is not counted.
    for round in 0..=rounds {
        for turn in 0..ways.len() {
            // Each comes first in its turn, so that none profits from its place.
            let way = (turn + usize::try_from(round)?) % ways.len();
            let (_, load, library) = &ways[way];
            remove(&packed)?;
            remove(&back)?;
            qemu_img(&["create", "-q", "-f", "qcow2"], &packed, Some(size))?;
            qemu_img(&["create", "-q", "-f", "raw"], &back, Some(size))?;
            for job in &mut jobs {
                bar.set_message(job.name);
                let mut command = Command::new("qemu-img");
                command.args(&job.args);
                let run = watch(command, *load, Some(library))?;
                proofs[way] = run.proof(Some(library));
                if round > 0 {
                    job.times[way].push(run.time.as_secs_f64());
                }
                bar.inc(1);
            }
            qemu_img(&["check", "-q", "-f", "qcow2"], &packed, None)?;
            ensure_same(&raw, &back)?;
        }
    }
    bar.finish_and_clear();
    for ((name, ..), proof) in ways.iter().zip(&proofs) {
        note(&format!("{name}: {proof}"));
    }
    for file in [&raw, &packed, &back] {
        remove(file)?;
    }
    Ok(jobs
        .iter()
        .map(|job| {
            let [debian, path, preload] = &job.times;
            let seconds = |times: &[f64]| format!("{:.3} s", median(times));
            let ratios: Vec<f64> = [path, preload]
                .into_iter()
                .flat_map(|ours| ours.iter().zip(debian).map(|(ours, theirs)| ours / theirs))
                .collect();
            vec![
                job.name.into(),
                seconds(debian),
                seconds(path),
                seconds(preload),
                spread(ratios),
                job.result.into(),
            ]
        })
        .collect())
}

/// The `liburing.so.2` that Debian's package `liburing2` put there.
fn debian_library() -> Result<PathBuf> {
    let mend = "Debian's liburing is the peer here: apt-get install --reinstall liburing2";
    let list = util::stdout(Command::new("dpkg-query").args(["--listfiles", "liburing2"])).context(mend)?;
    list.lines()
        .map(PathBuf::from)
        .find(|file| file.file_name().is_some_and(|name| name == SONAME) && file.exists())
        .context(mend)
}

/// A short qemu-img command that is not measured.
fn qemu_img(args: &[&str], file: &Path, size: Option<u64>) -> Result<()> {
    let mut command = Command::new("qemu-img");
    command.args(args).arg(file);
    command.args(size.map(|size| size.to_string()));
    util::output(&mut command)?;
    Ok(())
}

/// An image of `size` bytes: the input over and over, on the disk and not only in the page cache.
fn fill_image(image: &Path, input: &Path, size: u64) -> Result<()> {
    let mut out = create(image)?;
    let mut left = size;
    while left > 0 {
        left -= std::io::copy(&mut File::open(input)?.take(left), &mut out)
            .with_context(|| format!("filling {}", image.display()))?;
    }
    out.sync_all()?;
    Ok(())
}

fn median(times: &[f64]) -> f64 {
    quartiles(times.to_vec())[1]
}

/// A quarter, half and three quarters of the values lie below these three.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    [1, 2, 3].map(|quarter| {
        let (below, above) = (last * quarter / 4, (last * quarter).div_ceil(4));
        f64::midpoint(values[below], values[above])
    })
}

/// The median, and the middle half of the values.
fn spread(values: Vec<f64>) -> String {
    let [low, middle, high] = quartiles(values);
    format!("{middle:.2} ({low:.2} to {high:.2})")
}
