//! The plots: cost of an operation against depth, the engines side by side.

use super::measure::Measured;
use super::{ENGINE, FASTEST, FLAVOUR, FLOOR, OURS, PEER};
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// Distinct for most kinds of colour blindness.
const COLOURS: [(&str, RGBColor); 11] = [
    (OURS, RGBColor(213, 94, 0)),
    (PEER, RGBColor(0, 114, 178)),
    (ENGINE, RGBColor(160, 0, 60)),
    (FLAVOUR, RGBColor(240, 170, 120)),
    (FASTEST, RGBColor(86, 180, 233)),
    ("io-uring crate", RGBColor(0, 158, 115)),
    (FLOOR, RGBColor(110, 110, 110)),
    ("libaio", RGBColor(204, 121, 167)),
    ("POSIX AIO", RGBColor(230, 159, 0)),
    ("pread", RGBColor(0, 0, 0)),
    ("epoll", RGBColor(148, 103, 189)),
];

/// Draws a file for each kind of work that has more than one depth; returns their names.
pub fn draw(results: &[Measured], out: &Path) -> Result<Vec<String>> {
    let mut kinds: Vec<(String, Vec<&Measured>)> = Vec::new();
    for measured in results {
        let title = format!("{} ({})", measured.point.title, measured.point.work);
        match kinds.iter_mut().find(|(known, _)| *known == title) {
            Some((_, list)) => list.push(measured),
            None => kinds.push((title, vec![measured])),
        }
    }
    let mut names = Vec::new();
    for (title, list) in kinds.iter().filter(|(_, list)| list.len() > 1) {
        let name: String = title
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .collect();
        let name = name
            .split('-')
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-");
        let file = out.join(format!("{name}.svg"));
        one(title, list, &file).map_err(|error| anyhow!("{}: {error}", file.display()))?;
        names.push(file.display().to_string());
    }
    Ok(names)
}

fn one(title: &str, list: &[&Measured], file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut lines: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for measured in list {
        for &name in measured.times.keys() {
            if let Some(median) = measured.median(name) {
                lines
                    .entry(name)
                    .or_default()
                    .push((f64::from(measured.point.depth), median));
            }
        }
    }
    let all = || lines.values().flatten();
    let deepest = all().map(|point| point.0).fold(1.0, f64::max);
    let (low, high) = all().fold((f64::MAX, f64::MIN), |(low, high), point| {
        (low.min(point.1), high.max(point.1))
    });

    let area = SVGBackend::new(file, (880, 520)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(72)
        // Room on the right for the names.
        .build_cartesian_2d(
            (0.9..deepest * (deepest + 1.0).powf(0.35)).log_scale(),
            (low * 0.8..high * 1.3).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("depth")
        .y_desc("nanoseconds per operation (median)")
        .light_line_style(RGBColor(238, 238, 238))
        .x_label_formatter(&|depth| format!("{depth:.0}"))
        .y_label_formatter(&|time| format!("{time:.0}"))
        .draw()?;
    for (name, colour) in COLOURS {
        let Some(points) = lines.get(name) else {
            continue;
        };
        let width = if name == OURS { 3 } else { 2 };
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(width)).point_size(3))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(width)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .border_style(RGBColor(200, 200, 200))
        .background_style(WHITE.mix(0.9))
        .label_font(("sans-serif", 14))
        .draw()?;
    area.present()?;
    Ok(())
}
