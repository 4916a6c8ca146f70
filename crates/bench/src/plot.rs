//! Plots as SVG: small, both axes logarithmic, readable on light and on dark ground.

use std::fmt::Write as _;

/// One line of a plot.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is of.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 210.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;
const COLORS: [&str; 8] = [
    "#2f6fde", "#d9822b", "#2a9d5c", "#c0392b", "#8e5bd0", "#1b9aaa", "#b0578d", "#7f8c2a",
];

/// A scale from values to places.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min).max(1e-3).log10();
        let high = values.fold(f64::NEG_INFINITY, f64::max).max(1e-3).log10();
        let high = if high - low < 0.1 { low + 0.1 } else { high };
        Self { low, high, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let part = (value.max(1e-3).log10() - self.low) / (self.high - self.low);
        self.from + part * (self.to - self.from)
    }
}

/// Draws the lines.
pub fn svg(title: &str, lines: &[Line]) -> String {
    let points = lines.iter().flat_map(|line| line.points.iter().copied());
    let across = Scale::over(points.clone().map(|point| point.0), LEFT + 10.0, WIDTH - RIGHT);
    let decades = points.clone().flat_map(|point| {
        [
            10_f64.powf(point.1.max(1e-3).log10().floor()),
            10_f64.powf(point.1.max(1e-3).log10().ceil()),
        ]
    });
    let up = Scale::over(decades, HEIGHT - BOTTOM, TOP);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>{title}</title>\n\
         <style>text {{ fill: #222; }} .grid {{ stroke: #ccc; }} .line {{ fill: none; stroke-width: 2; }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #ddd; }} .grid {{ stroke: #444; }} }}</style>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{title}</text>\n"
    );
    let mut decade = up.low.floor() as i32;
    while f64::from(decade) <= up.high + 1e-9 {
        let (value, y) = (10_f64.powi(decade), up.place(10_f64.powi(decade)));
        let _ = writeln!(
            text,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            WIDTH - RIGHT + 10.0,
            LEFT - 6.0,
            y + 4.0
        );
        decade += 1;
    }
    let mut marks: Vec<f64> = points.map(|point| point.0).collect();
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    for mark in marks {
        let x = across.place(mark);
        let _ = writeln!(
            text,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{mark}</text>",
            HEIGHT - BOTTOM + 20.0
        );
    }
    for ((place, line), color) in lines.iter().enumerate().zip(COLORS.iter().cycle()) {
        let at: Vec<(f64, f64)> = line
            .points
            .iter()
            .map(|point| (across.place(point.0), up.place(point.1)))
            .collect();
        let path: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            text,
            "<polyline class=\"line\" stroke=\"{color}\" points=\"{}\"/>",
            path.join(" ")
        );
        for (x, y) in at {
            let _ = writeln!(
                text,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>"
            );
        }
        let y = TOP + 18.0 * place as f64 + 6.0;
        let x = WIDTH - RIGHT + 30.0;
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{color}\"/><text x=\"{}\" y=\"{y:.1}\">{}</text>",
            y - 9.0,
            x + 16.0,
            line.name
        );
    }
    text += "</svg>\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_shows_every_point_within_its_frame() {
        let line = Line {
            name: "shop page".to_owned(),
            points: vec![(1.0, 0.5), (16.0, 3.0), (64.0, 20.0)],
        };
        let text = svg("p50", &[line]);
        assert_eq!(text.matches("<circle").count(), 3);
        let places = text
            .match_indices("cy=\"")
            .map(|(at, _)| text[at + 4..].split('"').next().unwrap_or_default());
        assert!(
            places
                .map(|place| place.parse::<f64>().unwrap_or(-1.0))
                .all(|y| (TOP..=HEIGHT - BOTTOM).contains(&y))
        );
    }
}
