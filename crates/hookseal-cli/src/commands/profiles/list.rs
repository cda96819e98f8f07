//! The built-in profiles, one a line.

use hookseal::Profile;
use serde::Serialize;

use super::direction;
use crate::output::{self, OutputError};

pub(super) fn print(json: bool) -> Result<(), OutputError> {
    let rows: Vec<Row<'_>> = Profile::builtins().map(|profile| Row::new(profile)).collect();
    if json {
        return output::json(&rows);
    }
    let heads = ["profile", "algorithm", "signature in", "what is done", "not proven"].map(str::to_owned);
    let lines: Vec<[String; 5]> = std::iter::once(heads).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    lines.iter().try_for_each(|[name, algorithm, signature, direction, flags]| {
        let text = format!(
            "{name:<w0$}  {algorithm:<w1$}  {signature:<w2$}  {direction:<w3$}  {flags}",
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3],
        );
        output::line(text.trim_end())
    })
}

/// A profile in the list. What `--json` prints.
#[derive(Serialize)]
struct Row<'p> {
    name: &'p str,
    title: &'p str,
    document: Option<&'p str>,
    unconfirmed: &'p [String],
    algorithm: String,
    signature: Option<String>,
    direction: &'static str,
    flags: Vec<&'static str>,
}

impl<'p> Row<'p> {
    fn new(profile: &'p Profile) -> Self {
        let scheme = profile.scheme();
        Self {
            name: profile.name(),
            title: profile.title(),
            document: profile.document(),
            unconfirmed: profile.unconfirmed(),
            algorithm: scheme.algorithm_text().into_owned(),
            signature: scheme.signature_place(),
            direction: direction(profile),
            flags: scheme.flags().names().collect(),
        }
    }

    /// The columns, of which `--json` has all there is.
    fn cells(&self) -> [String; 5] {
        [
            self.name.to_owned(),
            self.algorithm.clone(),
            self.signature.as_deref().map_or_else(String::new, short),
            self.direction.to_owned(),
            self.flags.join(", "),
        ]
    }
}

/// A place without what follows in its path, and the first of several headers.
fn short(place: &str) -> String {
    place.split([',', '.']).next().unwrap_or_default().to_owned()
}
