//! Reading a TOML document key by key: typed, with the place of every problem, and with unknown keys refused.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problems::Found;

/// Where problems are gathered while reading goes on, and what is not taken from the profile that is extended.
#[derive(Default)]
pub(super) struct Problems {
    found: RefCell<Vec<Found>>,
    /// Paths of keys.
    without: BTreeSet<String>,
}

impl Problems {
    pub(super) fn without(paths: BTreeSet<String>) -> Self {
        Self { found: RefCell::default(), without: paths }
    }

    pub(super) fn add(&self, span: Range<usize>, path: impl Into<String>, message: impl Into<String>) {
        self.found.borrow_mut().push(Found { span, path: path.into(), message: message.into() });
    }

    pub(super) fn into_found(self) -> Vec<Found> {
        self.found.into_inner()
    }
}

/// A table being read. It may lie over the same table of the profile that is extended: a key that the upper one
/// does not have is taken from the lower one.
pub(super) struct Table<'d> {
    upper: Option<&'d DeTable<'d>>,
    lower: Option<&'d DeTable<'d>>,
    /// Where the upper table stands, which is also where a problem with a value of the lower one is reported: the
    /// places of the lower document are no places in this one.
    span: Range<usize>,
    path: String,
    used: RefCell<BTreeSet<&'static str>>,
    problems: &'d Problems,
}

/// A value with its place.
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
    pub(super) path: String,
}

impl<'d> Table<'d> {
    pub(super) fn root(
        upper: &'d DeTable<'d>,
        lower: Option<&'d DeTable<'d>>,
        problems: &'d Problems,
    ) -> Self {
        Self {
            upper: Some(upper),
            lower,
            span: 0..0,
            path: String::new(),
            used: RefCell::default(),
            problems,
        }
    }

    pub(super) fn problem(&self, message: impl Into<String>) {
        self.problems.add(self.span.clone(), self.path.as_str(), message);
    }

    pub(super) fn problem_at<T>(&self, place: &Placed<T>, message: impl Into<String>) {
        self.problems.add(place.span.clone(), place.path.as_str(), message);
    }

    /// Reports a problem with the value of a key, or with the table where that does not have it.
    pub(super) fn problem_with(&self, key: &str, message: impl Into<String>) {
        match self.lookup(key) {
            Some((span, _)) => self.problems.add(span, self.child(key), message),
            None => self.problem(message),
        }
    }

    /// Names keys that can stand here, of which only some are read.
    pub(super) fn expect(&self, keys: &[&'static str]) {
        self.used.borrow_mut().extend(keys);
    }

    /// Whether exactly one of these keys is there, all of which can stand here.
    pub(super) fn has_one(&self, keys: &[&'static str]) -> bool {
        self.expect(keys);
        keys.iter().filter(|key| self.has(key)).count() == 1
    }

    /// Whether the key is there, without reading it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.lookup(key).is_some()
    }

    /// Whether the key is there and not taken from the profile that is extended.
    pub(super) fn has_own(&self, key: &str) -> bool {
        self.upper.is_some_and(|upper| upper.contains_key(key))
    }

    /// Whether the profile that is extended has a key, at a path of keys with dots between.
    pub(super) fn lower_has(&self, path: &str) -> bool {
        let mut layer = self.lower;
        path.split('.').all(|key| match layer.and_then(|table| table.get(key)) {
            Some(value) => {
                layer = value.get_ref().as_table();
                true
            }
            None => false,
        })
    }

    /// The table under a key.
    pub(super) fn table(&self, key: &'static str) -> Option<Table<'d>> {
        let (span, _) = self.value(key)?;
        let upper = self.upper.and_then(|layer| layer.get(key)).map(Spanned::get_ref);
        let lower = self.lower_value(key).map(Spanned::get_ref);
        if let Some(other) = upper.filter(|value| !value.is_table()) {
            return self.wrong_type(key, &span, "a table", other);
        }
        Some(Table {
            upper: upper.and_then(DeValue::as_table),
            lower: lower.and_then(DeValue::as_table),
            span,
            path: self.child(key),
            used: RefCell::default(),
            problems: self.problems,
        })
    }

    /// The tables of a list, `[[key]]`. A list of the upper table takes the place of the lower one's as a whole.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Table<'d>> {
        let Some((span, value)) = self.value(key) else { return Vec::new() };
        let DeValue::Array(items) = value else {
            self.wrong_type::<()>(key, &span, "a list of tables", value);
            return Vec::new();
        };
        let own = self.upper.is_some_and(|upper| upper.contains_key(key));
        let mut tables = Vec::new();
        for item in items.iter() {
            let place = self.place_within(&span, item);
            let Some(table) = item.get_ref().as_table() else {
                self.wrong_type::<()>(key, &place, "a table", item.get_ref());
                continue;
            };
            let (upper, lower) = if own { (Some(table), None) } else { (None, Some(table)) };
            let (path, problems) = (self.child(key), self.problems);
            tables.push(Table { upper, lower, span: place, path, used: RefCell::default(), problems });
        }
        tables
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Placed<String>> {
        let (span, value) = self.value(key)?;
        match value {
            DeValue::String(text) => Some(self.placed(key, span, text.clone().into_owned())),
            other => self.wrong_type(key, &span, "a text", other),
        }
    }

    pub(super) fn required_text(&self, key: &'static str) -> Option<Placed<String>> {
        if !self.has(key) {
            self.problem(format!("`{key}` is missing"));
        }
        self.text(key)
    }

    pub(super) fn boolean(&self, key: &'static str) -> Option<bool> {
        let (span, value) = self.value(key)?;
        match value {
            DeValue::Boolean(flag) => Some(*flag),
            other => self.wrong_type(key, &span, "true or false", other),
        }
    }

    /// A whole number within bounds, inclusive.
    pub(super) fn integer(&self, key: &'static str, bounds: (u32, u32)) -> Option<u32> {
        let (span, value) = self.value(key)?;
        let number = match value {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|number| (bounds.0..=bounds.1).contains(number));
        if number.is_none() {
            self.problems.add(
                span,
                self.child(key),
                format!("a whole number from {} to {} is needed", bounds.0, bounds.1),
            );
        }
        number
    }

    /// A list of texts; `None` where the key is absent or nothing in it can be read.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<Placed<String>>> {
        let (span, value) = self.value(key)?;
        let DeValue::Array(items) = value else {
            return self.wrong_type(key, &span, "a list of texts", value);
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            let place = self.place_within(&span, item);
            match item.get_ref() {
                DeValue::String(text) => texts.push(self.placed(key, place, text.clone().into_owned())),
                other => {
                    self.wrong_type::<()>(key, &place, "a text", other);
                }
            }
        }
        Some(texts)
    }

    /// The entries of a table whose keys are free and whose values are texts.
    pub(super) fn text_entries(&self, key: &'static str) -> Vec<(Placed<String>, Placed<String>)> {
        let Some(table) = self.table(key) else { return Vec::new() };
        let names: BTreeSet<&str> =
            table.layers().flat_map(|layer| layer.keys()).map(|name| name.get_ref().as_ref()).collect();
        let mut entries = Vec::new();
        for name in names {
            let Some((span, value)) = table.lookup(name) else { continue };
            let path = table.child(name);
            match value {
                DeValue::String(text) => entries.push((
                    Placed { value: name.to_owned(), span: span.clone(), path: path.clone() },
                    Placed { value: text.clone().into_owned(), span, path },
                )),
                other => {
                    let message = format!("a text is needed, and this is {}", other.type_str());
                    self.problems.add(span, path, message);
                }
            }
        }
        entries
    }

    /// One of a set of names.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let choice = choices.iter().find(|(name, _)| *name == text.value).map(|(_, choice)| *choice);
        if choice.is_none() {
            self.problem_at(
                &text,
                format!("one of {} is needed", names(choices.iter().map(|(name, _)| *name))),
            );
        }
        choice
    }

    /// A duration such as `500ms`, `5s`, `5m`, `12h` or `5d`.
    pub(super) fn duration(&self, key: &'static str) -> Option<Duration> {
        let text = self.text(key)?;
        let duration = parse_duration(&text.value);
        if duration.is_none() {
            self.problem_at(&text, DURATION_EXPECTED);
        }
        duration
    }

    /// Reports every key that nothing asked for.
    pub(super) fn finish(self) {
        let used = self.used.borrow();
        for key in self.upper.into_iter().flat_map(|upper| upper.keys()) {
            let name: &str = key.get_ref();
            if used.contains(name) {
                continue;
            }
            let message = match used.is_empty() {
                true => "this key is not known here".to_owned(),
                false => format!("this key is not known; here can stand {}", names(used.iter().copied())),
            };
            self.problems.add(key.span(), self.child(name), message);
        }
    }

    fn layers(&self) -> impl Iterator<Item = &'d DeTable<'d>> {
        self.upper.into_iter().chain(self.lower)
    }

    fn value(&self, key: &'static str) -> Option<(Range<usize>, &'d DeValue<'d>)> {
        self.used.borrow_mut().insert(key);
        self.lookup(key)
    }

    /// The value of a key in the upper table, or else in the lower one.
    fn lookup(&self, key: &str) -> Option<(Range<usize>, &'d DeValue<'d>)> {
        if let Some(value) = self.upper.and_then(|upper| upper.get(key)) {
            return Some((value.span(), value.get_ref()));
        }
        let value = self.lower_value(key)?;
        Some((self.span.clone(), value.get_ref()))
    }

    /// The value of a key in the lower table, unless it is one that is not taken from there.
    fn lower_value(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        let value = self.lower?.get(key)?;
        let taken = self.problems.without.is_empty() || !self.problems.without.contains(&self.child(key));
        taken.then_some(value)
    }

    /// The place of an item of a list: its own, unless the list is one of the lower document.
    fn place_within<T>(&self, list: &Range<usize>, item: &Spanned<T>) -> Range<usize> {
        let span = item.span();
        if list.contains(&span.start) { span } else { list.clone() }
    }

    fn placed<T>(&self, key: &str, span: Range<usize>, value: T) -> Placed<T> {
        Placed { value, span, path: self.child(key) }
    }

    fn child(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn wrong_type<T>(
        &self,
        key: &str,
        span: &Range<usize>,
        expected: &str,
        found: &DeValue<'_>,
    ) -> Option<T> {
        let message = format!("{expected} is needed, and this is {}", found.type_str());
        self.problems.add(span.clone(), self.child(key), message);
        None
    }
}

/// What a duration looks like, for messages.
pub(super) const DURATION_EXPECTED: &str = "a duration such as `500ms`, `5s`, `5m`, `12h` or `5d` is needed";

/// Reads a whole number and a unit. At most 365 days, which is longer than anything a profile can mean.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let unit_millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let millis = number.checked_mul(unit_millis)?;
    (millis <= 365 * 86_400_000).then(|| Duration::from_millis(millis))
}

/// Names in backticks, separated by commas.
pub(super) fn names<'n>(names: impl Iterator<Item = &'n str>) -> Cow<'static, str> {
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    Cow::Owned(quoted.join(", "))
}
