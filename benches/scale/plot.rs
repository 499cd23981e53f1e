//! Growth as a picture: both axes logarithmic, so that a cost that follows N climbs and one that does
//! not lies flat.

use std::fmt::Write;

use super::measure::Size;
use super::report::ms;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 230.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;

struct Curve {
    name: &'static str,
    colour: &'static str,
    of: fn(&Size) -> f64,
}

const CURVES: [Curve; 6] = [
    Curve {
        name: "sidecar start to ready",
        colour: "#8c564b",
        of: |size| ms(size.ready.cpu),
    },
    Curve {
        name: "cold start of 10 Envoys",
        colour: "#d62728",
        of: |size| ms(size.cold_delta_10.cpu),
    },
    Curve {
        name: "cold start of 1 Envoy",
        colour: "#ff7f0e",
        of: |size| ms(size.cold_delta_1.cpu),
    },
    Curve {
        name: "endpoint change, 10 Envoys",
        colour: "#1f77b4",
        of: |size| ms(size.delta_10.cpu),
    },
    Curve {
        name: "endpoint change, 1 Envoy",
        colour: "#2ca02c",
        of: |size| ms(size.delta_1.cpu),
    },
    Curve {
        name: "irrelevant message",
        colour: "#7f7f7f",
        of: |size| ms(size.irrelevant),
    },
];

/// The picture, as SVG.
pub(crate) fn growth(sizes: &[Size]) -> String {
    let values = || CURVES.iter().flat_map(|curve| sizes.iter().map(curve.of));
    let exponent = |value: f64| value.max(1e-4).log10();
    let low = values().map(exponent).fold(f64::MAX, f64::min).floor();
    let high = values()
        .map(exponent)
        .fold(f64::MIN, f64::max)
        .ceil()
        .max(low + 1.0);
    let first = sizes
        .first()
        .map_or(1.0, |size| (size.services as f64).log10());
    let last = sizes
        .last()
        .map_or(2.0, |size| (size.services as f64).log10());
    let span = (last - first).max(0.1);
    let x = |services: usize| {
        LEFT + ((services as f64).log10() - first) / span * (WIDTH - LEFT - RIGHT)
    };
    let y = |value: f64| {
        HEIGHT - BOTTOM - (exponent(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
    };
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="{LEFT}" y="18">Processor time of the sidecar, ms</text>
"#
    );
    for power in low as i32..=high as i32 {
        let value = 10f64.powi(power);
        let _ = writeln!(
            svg,
            r##"<line x1="{LEFT}" x2="{}" y1="{at:.1}" y2="{at:.1}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end">{value}</text>"##,
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(value) + 4.0,
            at = y(value),
        );
    }
    for size in sizes {
        let _ = writeln!(
            svg,
            r##"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"##,
            x(size.services),
            HEIGHT - BOTTOM + 20.0,
            size.services
        );
    }
    let _ = writeln!(
        svg,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">services</text>"#,
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 10.0
    );
    let mut labels: Vec<(f64, &Curve)> = Vec::new();
    for curve in &CURVES {
        let points: Vec<String> = sizes
            .iter()
            .map(|size| format!("{:.1},{:.1}", x(size.services), y((curve.of)(size))))
            .collect();
        let _ = writeln!(
            svg,
            r#"<polyline points="{}" fill="none" stroke="{}" stroke-width="2"/>"#,
            points.join(" "),
            curve.colour
        );
        labels.extend(sizes.last().map(|size| (y((curve.of)(size)), curve)));
    }
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = 0.0;
    for (at, curve) in labels {
        let at = f64::max(at, free);
        free = at + 15.0;
        let _ = writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" fill="{}">{}</text>"#,
            WIDTH - RIGHT + 10.0,
            at + 4.0,
            curve.colour,
            curve.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}
