//! Reading the settings' file.

use std::{collections::BTreeMap, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    problems::{ConfigProblems, Place},
    raw::Given,
    settings::{Kind, SETTINGS, Setting},
};

/// The values of a file by key. What is not TOML, not known or not of the right type is a problem.
pub(super) fn read(
    path: &str,
    text: &str,
    problems: &mut ConfigProblems,
) -> BTreeMap<&'static str, Vec<Given>> {
    let source = Source { path, text };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        problems.add(&source.place(error.span().unwrap_or(0..0), ""), error.message());
    }
    let mut values = BTreeMap::new();
    if !errors.is_empty() {
        return values;
    }
    let mut entries: Vec<_> = document.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let name: &str = key.get_ref();
        match SETTINGS.iter().find(|setting| setting.in_file && setting.key == name) {
            None => problems.add(&source.place(key.span(), name), unknown()),
            Some(setting) => {
                if let Some(given) = source.given(setting, value, problems) {
                    values.insert(setting.key, given);
                }
            }
        }
    }
    values
}

fn unknown() -> String {
    let known: Vec<_> =
        SETTINGS.iter().filter(|setting| setting.in_file).map(|setting| setting.key).collect();
    format!("no such setting; the settings are {}", known.join(", "))
}

struct Source<'f> {
    path: &'f str,
    text: &'f str,
}

impl Source<'_> {
    fn given(
        &self,
        setting: &Setting,
        value: &Spanned<DeValue<'_>>,
        problems: &mut ConfigProblems,
    ) -> Option<Vec<Given>> {
        let place = self.place(value.span(), setting.key);
        let given = |text: &str, place: Place| Given { text: text.to_owned(), place };
        match (setting.kind, value.get_ref()) {
            (Kind::Text, DeValue::String(text)) => Some(vec![given(text, place)]),
            (Kind::Boolean, DeValue::Boolean(yes)) => Some(vec![given(&yes.to_string(), place)]),
            (Kind::Number, DeValue::Integer(number)) => Some(vec![given(&number.to_string(), place)]),
            (Kind::Texts, DeValue::Array(items)) => {
                let texts = items.iter().map(|item| {
                    let text = item.get_ref().as_str()?;
                    Some(given(text, self.place(item.span(), setting.key)))
                });
                let texts: Option<Vec<_>> = texts.collect();
                if texts.is_none() {
                    problems.add(&place, "the list holds texts alone");
                }
                texts
            }
            (kind, _) => {
                problems.add(&place, kind.expected());
                None
            }
        }
    }

    fn place(&self, span: Range<usize>, key: &str) -> Place {
        let start = self.text.floor_char_boundary(span.start.min(self.text.len()));
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            key: key.to_owned(),
        }
    }
}

impl Kind {
    fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes is needed",
            Self::Number => "a whole number without quotes is needed",
            Self::Boolean => "true or false, without quotes, is needed",
            Self::Texts => "a list of texts is needed",
        }
    }
}
