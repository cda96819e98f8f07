use hookseal::{ParamValue, Params};

use super::InputError;

/// Parameters by name. A name that is given again takes its last value.
pub(crate) fn params(arguments: &[String]) -> Result<Params, InputError> {
    let mut params = Params::new();
    for (index, argument) in arguments.iter().enumerate() {
        match argument.split_once('=') {
            Some((name, value)) if !name.is_empty() => params.insert(name, ParamValue::from_argument(value)),
            _ => return Err(InputError::Param { number: index + 1 }),
        }
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_equals_sign() {
        let params =
            params(&["url=https://a.test/?b=c".into(), "allow_sha1=true".into(), "empty=".into()]).unwrap();
        assert_eq!(params.text("url"), Some("https://a.test/?b=c"));
        assert!(params.flag("allow_sha1"));
        assert_eq!(params.text("empty"), Some(""));
    }

    #[test]
    fn refuses_what_has_no_name() {
        for argument in ["url", "=x", ""] {
            assert!(
                matches!(params(&[argument.to_owned()]), Err(InputError::Param { number: 1 })),
                "{argument}"
            );
        }
    }
}
