//! From a secret to the keys that it may stand for.

use crate::key::KeyStep;
use crate::secret::Secret;

/// Most prefixes that are tried, such as `sk_` and `sk_live_`.
const MAX_PREFIXES: usize = 3;
/// Longest prefix that is tried, in bytes.
const MAX_PREFIX: usize = 24;

/// A way from a secret to a key: the steps as a profile writes them.
pub(super) type Pipeline = Vec<String>;

/// The pipelines that a secret may be meant for, the likeliest first: a prefix that announces base64, as that of
/// `whsec_...`, is worth little as text, and still some take it as text.
pub(super) fn pipelines(secret: &Secret) -> Vec<Pipeline> {
    let text = std::str::from_utf8(secret.expose()).unwrap_or_default();
    let mut pipelines: Vec<Pipeline> = vec![vec!["utf8".to_owned()]];
    let decoders = ["base64", "hex"].map(str::to_owned);
    pipelines.extend(decoders.iter().map(|step| vec![step.clone()]));
    for prefix in prefixes(text) {
        let strip = format!("strip-prefix:{prefix}");
        pipelines.extend(decoders.iter().map(|step| vec![strip.clone(), step.clone()]));
        pipelines.push(vec![strip]);
    }
    pipelines.push(vec!["sha1".to_owned()]);
    pipelines
}

/// The steps as the key needs them.
pub(super) fn steps(pipeline: &Pipeline) -> Vec<KeyStep> {
    pipeline.iter().filter_map(|step| KeyStep::parse(step)).collect()
}

/// What a secret may begin with that is no part of the key: letters, digits and then `_`, `-` or `:`.
fn prefixes(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.char_indices().filter(|(_, character)| matches!(character, '_' | '-' | ':'));
    ends.map(|(at, _)| &text[..=at])
        .take_while(|prefix| prefix.len() <= MAX_PREFIX)
        .filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_graphic()))
        .take(MAX_PREFIXES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_prefixes_off() {
        assert_eq!(prefixes("sk_live_ab").collect::<Vec<_>>(), ["sk_", "sk_live_"]);
        assert_eq!(prefixes("é_x").count(), 0);
        assert_eq!(prefixes("plain").count(), 0);
    }

    #[test]
    fn every_step_is_one_that_profiles_know() {
        for pipeline in pipelines(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")) {
            assert_eq!(steps(&pipeline).len(), pipeline.len());
        }
    }
}
