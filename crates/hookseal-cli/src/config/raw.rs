//! Settings as they were written, with their places: a flag goes before a variable, and that before the file.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use super::{
    ServeArgs, file,
    problems::{ConfigProblems, Place},
    settings::{CONFIG, Kind, SETTINGS, Setting},
};
use crate::{inputs, limits, output::Chain};

/// A value as it was written.
#[derive(Clone)]
pub(super) struct Given {
    /// The value.
    pub(super) text: String,
    /// Where it stands.
    pub(super) place: Place,
}

/// The values that count, by key; a setting that was not given has none.
#[derive(Default)]
pub(super) struct Raw {
    values: BTreeMap<&'static str, Vec<Given>>,
}

impl Raw {
    /// Gathers the values from all sources.
    pub(super) fn gather(
        arguments: &ServeArgs,
        lookup: &dyn Fn(&str) -> Option<OsString>,
        problems: &mut ConfigProblems,
    ) -> Self {
        let mut raw = Self::default();
        for setting in SETTINGS {
            let from_flags = from_flags(setting, arguments);
            let given =
                if from_flags.is_some() { from_flags } else { from_variable(setting, lookup, problems) };
            if let Some(given) = given {
                raw.values.insert(setting.key, given);
            }
        }
        if let Some(path) = raw.one(&CONFIG) {
            for (key, given) in read_file(&path, problems) {
                raw.values.entry(key).or_insert(given);
            }
        }
        raw
    }

    /// All values of a setting; `None` where it was not given.
    pub(super) fn all(&self, setting: &Setting) -> Option<&[Given]> {
        self.values.get(setting.key).map(Vec::as_slice)
    }

    /// The one value of a setting.
    pub(super) fn one(&self, setting: &Setting) -> Option<Given> {
        self.all(setting)?.first().cloned()
    }
}

fn from_flags(setting: &'static Setting, arguments: &ServeArgs) -> Option<Vec<Given>> {
    let values = arguments.values(setting);
    let given = |text: &String| Given { text: text.clone(), place: Place::Flag(setting.flag) };
    (!values.is_empty()).then(|| values.iter().map(given).collect())
}

fn from_variable(
    setting: &'static Setting,
    lookup: &dyn Fn(&str) -> Option<OsString>,
    problems: &mut ConfigProblems,
) -> Option<Vec<Given>> {
    let place = Place::Variable(setting.variable);
    let Ok(value) = lookup(setting.variable)?.into_string() else {
        problems.add(&place, "the value is not UTF-8");
        return None;
    };
    let given = |text: &str| Given { text: text.to_owned(), place: place.clone() };
    Some(match setting.kind {
        Kind::Text | Kind::Number | Kind::Boolean => vec![given(&value)],
        Kind::Texts => value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(given).collect(),
    })
}

fn read_file(path: &Given, problems: &mut ConfigProblems) -> BTreeMap<&'static str, Vec<Given>> {
    match inputs::read_file(Path::new(&path.text), limits::CONFIG_FILE_BYTES_MAX) {
        Err(error) => problems.add(&path.place, Chain(&error)),
        Ok(bytes) => match String::from_utf8(bytes) {
            Err(_) => problems.add(&path.place, format_args!("{} is not UTF-8", path.text)),
            Ok(text) => return file::read(&path.text, &text, problems),
        },
    }
    BTreeMap::new()
}
