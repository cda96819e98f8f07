use std::{ffi::OsStr, path::Path, sync::Arc};

use hookseal::{Part, Profile};

use super::{InputError, file::bounded};
use crate::limits;

/// A profile, and which of its schemes is meant.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The profile.
    pub(crate) profile: Arc<Profile>,
    /// The scheme within it.
    pub(crate) part: Part,
}

/// The profile that an argument names, with the scheme that it and `--challenge` ask for.
///
/// A name is looked for among the built-in profiles, then as the scheme id of one, such as `harvestr-challenge`, and
/// then as a file.
pub(crate) fn profile_part(argument: &OsStr, challenge: bool) -> Result<Chosen, InputError> {
    let (profile, named) = match builtin(argument) {
        Some(found) => found,
        None => (from_file(argument)?, None),
    };
    let part = match (named, challenge) {
        (Some(Part::Delivery), true) => {
            return Err(InputError::Contradiction { scheme: argument.to_string_lossy().into_owned() });
        }
        (_, true) => Part::Challenge,
        (named, false) => named.unwrap_or(Part::Delivery),
    };
    match profile.part(part) {
        Some(_) => Ok(Chosen { profile, part }),
        None => Err(InputError::NoChallenge { profile: profile.name().to_owned() }),
    }
}

/// The profile that an argument names.
pub(crate) fn profile(argument: &OsStr) -> Result<Arc<Profile>, InputError> {
    match builtin(argument) {
        Some((profile, _)) => Ok(profile),
        None => from_file(argument),
    }
}

/// The built-in profile of a name, and the part where the name says one.
fn builtin(name: &OsStr) -> Option<(Arc<Profile>, Option<Part>)> {
    let name = name.to_str()?;
    if let Some(profile) = Profile::builtin(name) {
        return Some((Arc::clone(profile), None));
    }
    Profile::builtins().find_map(|profile| Some((Arc::clone(profile), Some(profile.scheme_for(name)?))))
}

fn from_file(argument: &OsStr) -> Result<Arc<Profile>, InputError> {
    let path = Path::new(argument);
    // A misspelt name is more likely than a file that is not there.
    let named_like_a_file = path.extension().is_some() || path.components().count() > 1;
    if !named_like_a_file && !path.exists() {
        let known = Profile::builtins().map(|profile| profile.name()).collect::<Vec<_>>().join(", ");
        return Err(InputError::UnknownProfile { name: argument.to_owned(), known });
    }
    let bytes = bounded(path, limits::PROFILE_FILE_BYTES_MAX)?;
    let text = String::from_utf8(bytes).map_err(|_| InputError::NotText { path: path.to_owned() })?;
    match Profile::parse(&text) {
        Ok(profile) => Ok(Arc::new(profile)),
        Err(problems) => Err(InputError::Profile { path: path.to_owned(), problems }),
    }
}
