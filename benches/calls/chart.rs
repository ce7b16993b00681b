//! The chart of a run: processor time per second of a call, floors beside ours, as SVG.
//! What the figures mean is `docs/performance.md`.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const ROW: f64 = 34.0;
const LABEL: f64 = 230.0;
const VALUE: f64 = 60.0;

/// One bar: what it is, and milliseconds.
pub struct Bar {
    pub name: &'static str,
    pub ms: f64,
    /// A floor is drawn paler than what we cost.
    pub is_floor: bool,
}

pub fn draw(bars: &[Bar], caption: &str) -> String {
    let most = bars.iter().map(|bar| bar.ms).fold(f64::MIN_POSITIVE, f64::max);
    let height = ROW * (bars.len() + 1) as f64 + 8.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"14\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"22\" font-weight=\"bold\">{caption}</text>\n"
    );
    for (row, bar) in bars.iter().enumerate() {
        let top = ROW * (row + 1) as f64 + 4.0;
        let len = (WIDTH - LABEL - VALUE) * bar.ms / most;
        let colour = if bar.is_floor { "#9db8c9" } else { "#1f5f8b" };
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABEL}\" y=\"{top}\" width=\"{len:.1}\" height=\"22\" rx=\"3\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{}\">{:.2}</text>",
            LABEL - 10.0,
            top + 16.0,
            bar.name,
            LABEL + len + 8.0,
            top + 16.0,
            bar.ms
        )
        .unwrap();
    }
    svg.push_str("</svg>\n");
    svg
}
