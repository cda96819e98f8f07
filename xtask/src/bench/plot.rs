//! Plots as SVG, drawn by hand: bars beside each other, and lines over a logarithmic axis.

/// The colours of the series, in their order.
const COLOURS: [&str; 4] = ["#9aa5b1", "#c3cad3", "#1f6feb", "#79b0ff"];
const WIDTH: f64 = 760.0;
const LEFT: f64 = 230.0;
const STYLE: &str = "<style>text{font:12px system-ui,sans-serif;fill:#57606a}.t{font-weight:600;font-size:14px}\
                     .g{stroke:#d0d7de}</style>";

/// Groups of bars, one bar for each series, lying.
pub(super) struct Bars {
    pub(super) title: String,
    pub(super) series: Vec<String>,
    pub(super) groups: Vec<Group>,
}

/// One group of bars. A value that is not a number has no bar.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) values: Vec<f64>,
}

impl Bars {
    /// The drawing.
    pub(super) fn svg(&self) -> String {
        let (bar, gap, top) = (14.0, 12.0, 56.0);
        let group = bar * self.series.len() as f64 + gap;
        let height = top + group * self.groups.len() as f64 + 8.0;
        let values = self.groups.iter().flat_map(|group| &group.values).copied();
        let most = values.filter(|value| value.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
        let mut body = head(&self.title, &self.series);
        for (row, content) in self.groups.iter().enumerate() {
            let y = top + group * row as f64;
            body += &text(LEFT - 8.0, y + group / 2.0 - gap / 2.0 + 4.0, "end", &content.name);
            for (place, value) in content.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
                let (y, width) = (y + bar * place as f64, (WIDTH - LEFT - 90.0) * value / most);
                body += &format!(
                    "<rect x=\"{LEFT:.0}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
                    bar - 2.0,
                    COLOURS[(place + offset(self.series.len())) % COLOURS.len()],
                );
                body += &text(LEFT + width + 5.0, y + bar - 4.0, "start", &short(*value));
            }
        }
        wrapped(height, &body)
    }
}

/// With two series the colours are the strong ones: grey and blue.
fn offset(series: usize) -> usize {
    if series <= 2 { 1 } else { 0 }
}

/// Lines over a logarithmic axis, each beginning at zero.
pub(super) struct Lines {
    pub(super) title: String,
    /// What grows.
    pub(super) axis: String,
    pub(super) series: Vec<Line>,
}

/// One line, drawn in a panel of its own since units differ.
pub(super) struct Line {
    pub(super) name: String,
    /// What grows, from 1 on, and the value there.
    pub(super) points: Vec<(f64, f64)>,
}

impl Lines {
    /// The drawing.
    pub(super) fn svg(&self) -> String {
        let (panel, top) = (110.0, 40.0);
        let mut body = head(&self.title, &[]);
        for (row, line) in self.series.iter().enumerate() {
            let y = top + panel * row as f64;
            body += &text(LEFT - 60.0, y + panel / 2.0, "end", &line.name);
            body += &line.drawn(y + 14.0, panel - 34.0);
        }
        let height = top + panel * self.series.len() as f64 + 24.0;
        body += &text((LEFT + WIDTH) / 2.0, height - 8.0, "middle", &self.axis);
        wrapped(height, &body)
    }
}

impl Line {
    fn drawn(&self, top: f64, height: f64) -> String {
        let log = |x: f64| x.max(1.0).log10();
        let (first, last) = (
            self.points.iter().map(|(x, _)| log(*x)).fold(f64::MAX, f64::min),
            self.points.iter().map(|(x, _)| log(*x)).fold(f64::MIN, f64::max),
        );
        let most = self.points.iter().map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max);
        let width = WIDTH - LEFT - 60.0;
        let place = |(x, y): (f64, f64)| {
            let along = if last > first { (log(x) - first) / (last - first) } else { 0.5 };
            (LEFT + width * along, top + height * (1.0 - y / most))
        };
        let base = top + height;
        let mut drawn = format!("<path class=\"g\" d=\"M{LEFT:.0} {base:.1}h{width:.1}\"/>");
        let path: Vec<String> = self.points.iter().map(|point| place(*point)).map(pair).collect();
        drawn += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
            path.join(" "),
            COLOURS[2]
        );
        for point in &self.points {
            let (x, y) = place(*point);
            drawn += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{}\"/>", COLOURS[2]);
            drawn += &text(x, y - 6.0, "middle", &short(point.1));
            drawn += &text(x, base + 14.0, "middle", &short(point.0));
        }
        drawn
    }
}

fn pair((x, y): (f64, f64)) -> String {
    format!("{x:.1},{y:.1}")
}

fn head(title: &str, series: &[String]) -> String {
    let mut head = format!("<text class=\"t\" x=\"8\" y=\"20\">{}</text>", escaped(title));
    let mut x = LEFT;
    for (place, name) in series.iter().enumerate() {
        let colour = COLOURS[(place + offset(series.len())) % COLOURS.len()];
        head += &format!("<rect x=\"{x:.0}\" y=\"34\" width=\"10\" height=\"10\" fill=\"{colour}\"/>");
        head += &text(x + 15.0, 43.0, "start", name);
        x += 30.0 + 8.0 * name.len() as f64;
    }
    head
}

fn text(x: f64, y: f64, anchor: &str, words: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escaped(words))
}

fn wrapped(height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" width=\"{WIDTH:.0}\" \
         height=\"{height:.0}\">{STYLE}<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>{body}</svg>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A number in a few characters.
fn short(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{}M", trimmed(n / 1e6)),
        n if n >= 1e4 => format!("{}k", trimmed(n / 1e3)),
        n if n >= 100.0 => format!("{n:.0}"),
        n => trimmed(n),
    }
}

fn trimmed(number: f64) -> String {
    let text = if number >= 10.0 { format!("{number:.1}") } else { format!("{number:.2}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown = [0.25, 1.0, 99.96, 640.4, 41_587.0, 100_000.0, 1e6].map(short);
        assert_eq!(shown, ["0.25", "1", "100", "640", "41.6k", "100k", "1M"]);
    }

    #[test]
    fn what_is_not_a_number_has_no_bar() {
        let group = |values| Group { name: "a < b".to_owned(), values };
        let bars = Bars {
            title: "t".to_owned(),
            series: vec!["x".to_owned(), "y".to_owned()],
            groups: vec![group(vec![f64::NAN, 2.0]), group(vec![1.0, 2.0])],
        };
        let svg = bars.svg();
        // Background, two of the legend, three bars.
        assert_eq!(svg.matches("<rect").count(), 1 + 2 + 3);
        assert!(svg.contains("a &lt; b") && !svg.contains("NaN"));
    }

    #[test]
    fn a_line_goes_from_edge_to_edge() {
        let line = Line { name: "n".to_owned(), points: vec![(1.0, 10.0), (1e5, 20.0)] };
        let svg = Lines { title: "t".to_owned(), axis: "a".to_owned(), series: vec![line] }.svg();
        assert!(svg.contains("points=\"230.0,") && svg.contains(" 700.0,"), "{svg}");
    }
}
