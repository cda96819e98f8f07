use hookseal::ToleranceOverride;

use super::{InputError, duration::duration};

/// Reads a tolerance: a duration for both directions, `off`, or the profile's where nothing is given.
pub(crate) fn tolerance(argument: Option<&str>) -> Result<ToleranceOverride, InputError> {
    match argument {
        None => Ok(ToleranceOverride::Profile),
        Some("off") => Ok(ToleranceOverride::Off),
        Some(text) => match duration(text) {
            Some(both) => Ok(ToleranceOverride::Both(both)),
            None => Err(InputError::Tolerance { text: text.to_owned() }),
        },
    }
}
