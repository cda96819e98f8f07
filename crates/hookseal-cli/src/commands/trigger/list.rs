//! The sample events there are.

use std::ffi::OsStr;

use hookseal::samples::{self, Sample};
use serde::Serialize;

use super::TriggerError;
use crate::{
    error::CommandError,
    inputs,
    output::{self},
};

/// A sample as `--json` lists it.
#[derive(Serialize)]
struct Listed<'s> {
    profile: &'s str,
    event: &'s str,
    event_type: &'s str,
    title: &'s str,
    content_type: &'s str,
    origin: &'static str,
}

/// Prints the samples of a profile, or of all.
pub(super) fn print(profile: Option<&OsStr>, json: bool) -> Result<(), CommandError> {
    let samples: Vec<&Sample> = match profile {
        Some(argument) => {
            let profile = inputs::profile(argument).map_err(TriggerError::Input)?;
            samples::of(profile.name()).iter().collect()
        }
        None => samples::profiles().flat_map(samples::of).collect(),
    };
    if json {
        let listed: Vec<Listed<'_>> = samples.into_iter().map(Listed::new).collect();
        return Ok(output::json(&listed)?);
    }
    let width =
        |text: fn(&Sample) -> &str| samples.iter().map(|sample| text(sample).len()).max().unwrap_or(0);
    let (profiles, names) = (width(Sample::profile), width(Sample::name));
    for sample in &samples {
        output::line(format_args!(
            "{:<profiles$}  {:<names$}  {}",
            sample.profile(),
            sample.name(),
            sample.title()
        ))?;
    }
    Ok(())
}

impl<'s> Listed<'s> {
    fn new(sample: &'s Sample) -> Self {
        Self {
            profile: sample.profile(),
            event: sample.name(),
            event_type: sample.event_type(),
            title: sample.title(),
            content_type: sample.content_type(),
            origin: sample.origin().as_str(),
        }
    }
}
