//! Signatures that are missing or malformed.

use crate::error::{ErrorKind, VerifyError};
use crate::explain::question::Question;
use crate::explain::{Code, Finding, names};
use crate::scheme::{Algorithm, AlgorithmRule, DigestKind, Encoding, Scheme};
use crate::verifier::{Mode, Verifier};

use super::listed;

/// Most profiles that are named for one header.
const MAX_NAMED: usize = 4;

pub(super) fn missing(question: &Question<'_>, scheme: &Scheme, place: &str) -> Finding {
    let present = names::present(&question.request);
    let alike = names::alike(place, &present);
    let mut sentence = match names::signature(scheme) {
        Some(header) => {
            format!("The signature is missing: the header `{header}` is not in the request, or is empty.")
        }
        None => format!("The signature is missing: `{place}` is not in the request, or is empty."),
    };
    let mut finding = Finding::new(Code::SignatureHeaderMissing, "").with("place", place);
    if !alike.is_empty() {
        sentence.push_str(&format!(" These headers are alike: {}.", listed(&alike)));
        finding = finding.with("alike", alike.join(" "));
    }
    for header in &present {
        let profiles = names::profiles_with(header);
        if !profiles.is_empty() && profiles.len() <= MAX_NAMED && header != place {
            sentence.push_str(&format!(" `{header}` is the header of {}.", listed(&profiles)));
        }
    }
    sentence.push_str(" See whether the sender has a secret configured and signs at all, whether a proxy takes the header off, and whether it is the right profile.");
    finding.saying(sentence)
}

pub(super) fn malformed(question: &Question<'_>, scheme: &Scheme, error: &VerifyError) -> Vec<Finding> {
    let place = error.place().unwrap_or("the signature");
    let general = || {
        let sentence = match error.kind() {
            ErrorKind::UnsupportedVersion => format!(
                "`{place}` holds no signature of a version that the profile accepts. See which versions the vendor documents, and whether the profile is the right one."
            ),
            _ => format!(
                "The signature in `{place}` does not have the form that the profile says: {}.",
                error.problem()
            ),
        };
        vec![Finding::new(Code::SignatureMalformed, sentence).with("place", place)]
    };
    let options = question.options;
    let scheme_of = std::sync::Arc::new(scheme.clone());
    let verifier = Verifier::of_scheme(scheme_of, question.secrets, options.mode, options.params.clone());
    let inspection = verifier.ok().and_then(|verifier| verifier.inspect(&question.request).ok());
    let (Some(inspection), Some(rule)) = (inspection, &scheme.signature) else { return general() };
    let findings: Vec<Finding> =
        inspection.candidates.iter().filter_map(|text| of_text(scheme, rule.encoding, text, place)).collect();
    if findings.is_empty() { general() } else { findings }
}

/// What is wrong with the text of a signature.
fn of_text(scheme: &Scheme, encoding: Encoding, text: &[u8], place: &str) -> Option<Finding> {
    if let Some(position) = text.iter().position(|byte| !fits(encoding, *byte)) {
        let sentence = format!(
            "The signature in `{place}` has a character at byte {position} that {} does not have. It may be cut, quoted, or written in another encoding.",
            name(encoding)
        );
        return Some(
            Finding::new(Code::SignatureCharacter, sentence)
                .with("position", position)
                .with("encoding", name(encoding)),
        );
    }
    let digests: &[DigestKind] = match &scheme.algorithm {
        AlgorithmRule::Fixed(Algorithm::Hmac(digest) | Algorithm::Hash(digest)) => {
            std::slice::from_ref(digest)
        }
        AlgorithmRule::Named(digests) => digests,
        AlgorithmRule::Fixed(_) | AlgorithmRule::Json { .. } => return None,
    };
    let expected = digests.first()?;
    let mut bytes = vec![0; text.len()];
    let length = encoding.decode(text, Mode::Compat, &mut bytes);
    let whole = length.unwrap_or(text.len() * bits(encoding) / 8);
    if digests.iter().any(|digest| Some(digest.length()) == length) {
        return None;
    }
    let other = DigestKind::NAMES.iter().find(|(_, digest)| Some(digest.length()) == length);
    let finding = match other {
        Some((other, _)) => {
            let sentence = format!(
                "The signature has {whole} bytes, which is the length of {other}; the profile has {}, with {} bytes. The sender probably signs with the other digest, and with something else different besides.",
                expected.name(),
                expected.length()
            );
            Finding::new(Code::SignatureLength, sentence)
        }
        None => {
            let sentence = format!(
                "The signature has {whole} bytes, where {} has {}: it was cut, or something was added to it. See whether a log or a column shortened it.",
                expected.name(),
                expected.length()
            );
            Finding::new(Code::SignatureTruncated, sentence)
        }
    };
    Some(finding.with("bytes", whole).with("expected", expected.length()))
}

fn fits(encoding: Encoding, byte: u8) -> bool {
    match encoding {
        Encoding::Hex => byte.is_ascii_hexdigit(),
        Encoding::HexLower => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        Encoding::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
        Encoding::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
    }
}

/// How many bits a character stands for.
fn bits(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Hex | Encoding::HexLower => 4,
        Encoding::Base64 | Encoding::Base64Url => 6,
    }
}

fn name(encoding: Encoding) -> &'static str {
    Encoding::NAMES.iter().find(|(_, known)| *known == encoding).map_or("", |(name, _)| name)
}
