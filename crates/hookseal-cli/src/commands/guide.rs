//! `hookseal guide`: the page by which a vendor's customers verify.

use std::{fs, io, path::PathBuf};

use hookseal::guide::{self, Language, Options, PageError};

use crate::{
    cli::{GuideArgs, GuideFormat},
    error::{CommandError, Status},
    inputs::{self, InputError},
    output,
};

/// Why no page was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum GuideError {
    /// An argument is not right.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The page cannot be made.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The page cannot be written to the file.
    #[error("{} cannot be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

pub(crate) fn run(arguments: &GuideArgs) -> Result<Status, CommandError> {
    let page = page(arguments)?;
    match &arguments.out {
        None => output::line(page.trim_end())?,
        Some(path) => {
            fs::write(path, page).map_err(|source| GuideError::Write { path: path.clone(), source })?
        }
    }
    Ok(Status::Good)
}

fn page(arguments: &GuideArgs) -> Result<String, GuideError> {
    let profile = inputs::profile(&arguments.profile)?;
    let languages: Vec<Language> = match arguments.languages.is_empty() {
        true => Language::ALL.to_vec(),
        false => arguments.languages.clone(),
    };
    let options = Options::default().with_languages(languages);
    Ok(match arguments.format {
        GuideFormat::Markdown => guide::markdown(&profile, &options)?,
        GuideFormat::Html => guide::html(&profile, &options)?,
    })
}
