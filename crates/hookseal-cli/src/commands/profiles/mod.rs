//! `hookseal profiles`: which formats there are, what each one does, and whether one's own is right.

mod check;
mod list;
mod page;
mod show;

use std::{borrow::Cow, time::Duration};

use hookseal::{Params, Part, Profile, Scheme, SecretError, Signer};

use crate::{
    cli::{ProfilesAction, ProfilesArgs},
    error::{CommandError, Status},
    inputs::{self, InputError, Seconds},
    output,
};

/// Why no profile was shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ProfilesError {
    /// An argument is not right.
    #[error(transparent)]
    Input(#[from] InputError),
}

pub(crate) fn run(arguments: &ProfilesArgs) -> Result<Status, CommandError> {
    match (&arguments.action, &arguments.name) {
        (Some(ProfilesAction::Check(arguments)), _) => return check::run(arguments),
        (Some(ProfilesAction::Page), _) => output::line(page::page().trim_end())?,
        (Some(ProfilesAction::List { json }), _) => list::print(*json)?,
        (Some(ProfilesAction::Show { name, form }), _) => {
            show::print(&*inputs::profile(name).map_err(ProfilesError::Input)?, form)?;
        }
        (None, Some(name)) => {
            show::print(&*inputs::profile(name).map_err(ProfilesError::Input)?, &arguments.form)?;
        }
        (None, None) => list::print(arguments.form.json)?,
    }
    Ok(Status::Good)
}

/// What the library can do with the events of a profile.
fn direction(profile: &Profile) -> &'static str {
    if profile.scheme().signature_place().is_none() {
        return "nothing is signed";
    }
    match Signer::new(profile, Part::Delivery, &[], &Params::new()) {
        Err(SecretError::VerifyOnly { .. }) => "verifies",
        _ => "signs and verifies",
    }
}

/// The signed content on one line, with line feeds as they are written in TOML.
fn content(scheme: &Scheme) -> String {
    scheme.content().map(|item| item.replace('\n', "\\n")).collect()
}

/// The tolerance for people.
fn tolerance(scheme: &Scheme) -> Cow<'static, str> {
    let side =
        |side: Option<Duration>| side.map_or_else(|| "any".to_owned(), |side| Seconds(side).to_string());
    match scheme.tolerance() {
        None => Cow::Borrowed("no timestamp is signed"),
        Some(tolerance) => {
            Cow::Owned(format!("{} past, {} future", side(tolerance.past), side(tolerance.future)))
        }
    }
}
