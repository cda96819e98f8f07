//! What was measured, as tables and plots, for the terminal and for `docs/performance.md`.

use std::path::PathBuf;

use super::{
    driver::Round,
    machine,
    matrix::{Measured, Results},
    plot::{Bars, Group},
};
use crate::shell::{Done, root};

/// The page that holds what was measured.
fn page() -> PathBuf {
    root().join("docs/performance.md")
}

/// One round in a line.
pub(super) fn in_a_line(limit: Option<&Round>, system: &Round) -> String {
    let beside = limit.map_or_else(String::new, |limit| {
        format!(
            ", limit {:.0}/s, ratio {:.2}",
            limit.delivered_per_s,
            system.delivered_per_s / limit.delivered_per_s
        )
    });
    format!(
        "hookseal {:.0}/s{beside}; p50 {:.2} p99 {:.2} ms, {:.1} us, {:.0} MB",
        system.delivered_per_s, system.p50_ms, system.p99_ms, system.cpu_us, system.peak_mb
    )
}

/// The table of throughput. Where `limit` has no figure of its own, that of the first row is compared with.
pub(super) fn throughput_table(rows: &[Measured]) -> String {
    let mut table = String::from(
        "| | events a round | `limit` delivered/s | hookseal delivered/s | ratio | accepted/s | CPU us each: `limit` | hookseal | \
         memory MB | KiB written an event |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let main = rows.first().map_or(f64::NAN, |row| row.limit(|round| round.delivered_per_s));
    for row in rows {
        let delivered = row.system(|round| round.delivered_per_s);
        let (limit, ratio) = if row.row.limit {
            (count(row.limit(|round| round.delivered_per_s)), format!("**{:.2}**", row.ratio()))
        } else {
            ("-".to_owned(), format!("({:.2})", delivered / main))
        };
        let limit_cpu = row.limit(|round| round.cpu_us);
        table += &format!(
            "| {} | {} | {limit} | {} | {ratio} | {} | {} | {:.1} | {:.0} / {:.0} | {:.1} |\n",
            row.row.name,
            count(row.row.load.events as f64),
            count(delivered),
            count(row.system(|round| round.accepted_per_s)),
            if limit_cpu.is_nan() { "-".to_owned() } else { format!("{limit_cpu:.1}") },
            row.system(|round| round.cpu_us),
            row.system(|round| round.memory_mb),
            row.system(|round| round.peak_mb),
            row.system(|round| round.written_kib),
        );
    }
    table
}

/// The table of latency.
pub(super) fn latency_table(rows: &[Measured]) -> String {
    let mut table = String::from(
        "| | `limit` p50 / p99 ms | one idle `fdatasync` | hookseal | beyond both |\n|---|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let sync = row.idle_sync();
        let (limit, system) = (
            [row.limit(|round| round.p50_ms), row.limit(|round| round.p99_ms)],
            [row.system(|round| round.p50_ms), row.system(|round| round.p99_ms)],
        );
        table += &format!(
            "| {} | {:.2} / {:.2} | {:.2} / {:.2} | {:.2} / {:.2} | {:+.2} / {:+.2} |\n",
            row.row.name,
            limit[0],
            limit[1],
            sync.p50_ms,
            sync.p99_ms,
            system[0],
            system[1],
            system[0] - limit[0] - sync.p50_ms,
            system[1] - limit[1] - sync.p99_ms,
        );
    }
    table
}

/// Everything, in Markdown.
pub(super) fn comparison(results: &Results) -> String {
    let duplicates: f64 =
        results.throughput.iter().flat_map(|row| &row.system).map(|round| round.duplicates).sum();
    let rounds = results.throughput.first().map_or(0, |row| row.row.rounds);
    format!(
        "```console\n$ cargo xtask bench\n```\n\n{}\n\n\
         Medians of {rounds} rounds of the first row and of the latencies, of 3 at most of the others; `limit` and the server in \
         turn, on the same processor. The ratio is the median of the rounds' ratios; in brackets, beside the first row's `limit`, \
         where `limit` cannot take such a load. Memory is what is anonymous at the end, and all that was resident at the highest \
         point, the program's own pages included. {:.2} syncs an event in the first row; {duplicates:.0} deliveries came twice.\n\n{}\n\
         ![delivered a second](plots/throughput.svg)\n\n\
         Latency, end to end, open loop: counted from when an event was due, `202` and delivery included. In every round 100 idle \
         syncs of a page were timed as well, in the same folder and on the server's processor.\n\n{}\n\
         ![latency](plots/latency.svg)\n",
        machine::description(),
        results.syncs_per_event,
        throughput_table(&results.throughput),
        latency_table(&results.latency),
    )
}

/// Writes tables and plots into the page.
pub(super) fn write_comparison(results: &Results) -> Done {
    let group = |row: &Measured| Group {
        name: row.row.name.to_owned(),
        values: vec![row.limit(|round| round.delivered_per_s), row.system(|round| round.delivered_per_s)],
    };
    let throughput = Bars {
        title: "delivered a second".to_owned(),
        series: vec!["limit".to_owned(), "hookseal".to_owned()],
        groups: results.throughput.iter().map(group).collect(),
    };
    let latency = Bars {
        title: "end to end, ms (open loop)".to_owned(),
        series: ["limit p50", "limit p99", "hookseal p50", "hookseal p99"].map(str::to_owned).to_vec(),
        groups: results.latency.iter().map(latency_group).collect(),
    };
    write_plot("throughput", &throughput.svg())?;
    write_plot("latency", &latency.svg())?;
    write_section("bench", &comparison(results))
}

fn latency_group(row: &Measured) -> Group {
    let values = vec![
        row.limit(|round| round.p50_ms),
        row.limit(|round| round.p99_ms),
        row.system(|round| round.p50_ms),
        row.system(|round| round.p99_ms),
    ];
    Group { name: row.row.name.to_owned(), values }
}

/// Writes `docs/plots/<name>.svg`.
pub(super) fn write_plot(name: &str, svg: &str) -> Done {
    let folder = root().join("docs/plots");
    std::fs::create_dir_all(&folder)?;
    Ok(std::fs::write(folder.join(format!("{name}.svg")), svg)?)
}

/// Puts a text between the markers of a section of the page, in the place of what stood there.
pub(super) fn write_section(name: &str, text: &str) -> Done {
    let page = page();
    let old = std::fs::read_to_string(&page)?;
    let new = with_section(&old, name, text)
        .ok_or_else(|| format!("{} has no section `{name}`", page.display()))?;
    std::fs::write(&page, new)?;
    println!("written: {}, section `{name}`", page.display());
    Ok(())
}

fn with_section(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim()))
}

/// A whole number with commas between the thousands; a dash where it is none.
pub(super) fn count(number: f64) -> String {
    if !number.is_finite() {
        return "-".to_owned();
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        assert_eq!([0.0, 999.0, 1000.0, 1_234_567.4].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(count(f64::NAN), "-");
    }

    #[test]
    fn a_section_is_replaced_and_the_rest_stays() {
        let page = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n";
        let new = with_section(page, "x", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nb\n");
        assert_eq!(with_section(&new, "x", "new").unwrap(), new);
        assert!(with_section(page, "y", "new").is_none());
    }

    #[test]
    fn the_page_has_every_section() {
        let text = std::fs::read_to_string(page()).unwrap();
        for name in ["bench", "dead", "pending", "growth"] {
            assert!(with_section(&text, name, "").is_some(), "{name}");
        }
    }
}
