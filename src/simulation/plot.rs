//! A chart of lines and points as SVG, for docs/scale.md and whoever tries figures of their own. Colours are told apart in
//! grey, too; lines of theory are dashed, what was simulated has points.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 46.0;
const COLOURS: [&str; 5] = ["#1f5f8b", "#c2571a", "#4a7d3a", "#7a4a9c", "#222222"];
/// Lines of the grid, at least.
const GRID: f64 = 4.0;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pen {
    Line,
    Dashed,
    Points,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    pub name: String,
    pub pen: Pen,
    /// The same number, the same colour.
    pub colour: usize,
    pub points: Vec<(f64, f64)>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Chart<'a> {
    pub title: &'a str,
    pub across: &'a str,
    pub upwards: &'a str,
    pub series: Vec<Series>,
}

impl Chart<'_> {
    /// Upwards from zero, across from the first point to the last. A chart without points is empty but valid.
    pub fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let (first, last) =
            points().fold((f64::MAX, f64::MIN), |(low, high), (x, _)| (low.min(*x), high.max(*x)));
        let most = points().map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max);
        let (step_across, step_up) = (step(last - first), step(most));
        let top = (most / step_up).ceil() * step_up;
        let x = |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * (value - first) / (last - first).max(1e-9);
        let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
             <text x=\"8\" y=\"20\" font-weight=\"bold\">{}</text>\n",
            self.title
        );
        let mut line = |text: String| svg.push_str(&(text + "\n"));
        for count in 0..=(top / step_up).round() as u32 {
            let (value, right) = (step_up * f64::from(count), WIDTH - RIGHT);
            let at = y(value);
            line(format!("<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#ddd\"/>"));
            line(format!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                at + 4.0,
                number(value)
            ));
        }
        let mut mark = (first / step_across).ceil() * step_across;
        while first <= last && mark <= last + 1e-9 {
            let (at, below) = (x(mark), HEIGHT - BOTTOM + 18.0);
            line(format!("<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", number(mark)));
            mark += step_across;
        }
        line(format!("<text x=\"8\" y=\"{}\" fill=\"#555\">{}</text>", HEIGHT - 8.0, self.upwards));
        let end = WIDTH - RIGHT;
        line(format!(
            "<text x=\"{end}\" y=\"{}\" text-anchor=\"end\" fill=\"#555\">{}</text>",
            HEIGHT - 8.0,
            self.across
        ));
        self.legend(&mut svg);
        for series in &self.series {
            series.draw(&mut svg, x, y);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn legend(&self, svg: &mut String) {
        let mut at = LEFT;
        for series in &self.series {
            let Series { name, .. } = series;
            let sample = [(at, 42.0), (at + 24.0, 42.0)];
            Series { points: sample.to_vec(), ..series.clone() }.draw(svg, |x| x, |y| y);
            writeln!(svg, "<text x=\"{:.1}\" y=\"46\">{name}</text>", at + 30.0).ok();
            at += 30.0 + 7.2 * name.chars().count() as f64 + 16.0;
        }
    }
}

impl Series {
    fn draw(&self, svg: &mut String, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) {
        let colour = COLOURS[self.colour % COLOURS.len()];
        // Writing to a String cannot fail.
        if self.pen == Pen::Points {
            for (across, up) in &self.points {
                writeln!(
                    svg,
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"/>",
                    x(*across),
                    y(*up)
                )
                .ok();
            }
            return;
        }
        let way: Vec<String> =
            self.points.iter().map(|(across, up)| format!("{:.1} {:.1}", x(*across), y(*up))).collect();
        let dashes = if self.pen == Pen::Dashed { " stroke-dasharray=\"6 4\"" } else { "" };
        let way = way.join("L");
        writeln!(svg, "<path d=\"M{way}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>")
            .ok();
    }
}

/// A round distance between lines, so that there are four to ten of them.
fn step(range: f64) -> f64 {
    let range = if range.is_finite() && range > 0.0 { range } else { 1.0 };
    let power = 10_f64.powf((range / GRID).log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|part| part * power).find(|step| range / step >= GRID).unwrap_or(power)
}

fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_round() {
        for (range, wanted) in
            [(100.0, 20.0), (1.0, 0.2), (24.0, 5.0), (7.9, 1.0), (0.0, 0.2), (12_345.0, 2_000.0)]
        {
            assert!((step(range) - wanted).abs() < 1e-12, "{range}: {}", step(range));
        }
    }

    #[test]
    fn a_chart_is_drawn_from_corner_to_corner_and_an_empty_one_is_valid() {
        let line =
            |pen| Series { name: "n".to_owned(), pen, colour: 7, points: vec![(0.0, 0.0), (10.0, 8.0)] };
        let series = vec![line(Pen::Line), line(Pen::Dashed), line(Pen::Points)];
        let svg = Chart { title: "t", across: "x", upwards: "y", series }.svg();
        assert_eq!(svg.matches("M64.0 334.0L744.0 64.0\"").count(), 2, "{svg}");
        assert!(
            svg.contains("<circle cx=\"744.0\" cy=\"64.0\"") && svg.matches("stroke-dasharray").count() == 2
        );
        let empty = Chart { title: "t", across: "x", upwards: "y", series: Vec::new() }.svg();
        assert!(empty.ends_with("</svg>\n") && !empty.contains("NaN"), "{empty}");
    }
}
