//! Public keys in other notations.

use super::{Keys, escaped_newlines_finding, quotes_finding, unquoted, whitespace_finding, with_line_breaks};
use crate::explain::{Code, Finding};
use crate::key::KeyStep;

pub(super) fn offer(keys: &mut Keys<'_>, secret: &[u8]) {
    let trimmed = secret.trim_ascii();
    keys.offer(trimmed.to_vec(), vec![whitespace_finding()]);
    let bare = unquoted(trimmed).unwrap_or(trimmed);
    keys.offer(bare.to_vec(), vec![quotes_finding()]);
    let broken = with_line_breaks(bare);
    if let Some(broken) = &broken {
        keys.offer(broken.clone(), vec![escaped_newlines_finding()]);
    }
    for (words, steps) in forms() {
        let sentence = format!(
            "The key is right when it is read as {words}. Bring it into the form that the profile takes, or set `key` under `[scheme]` to the form that you have."
        );
        let finding = Finding::new(Code::SecretOtherForm, sentence).with("form", words);
        keys.offer_with(broken.as_deref().unwrap_or(bare).to_vec(), steps, vec![finding]);
    }
}

fn forms() -> [(&'static str, Vec<KeyStep>); 9] {
    use KeyStep::{Base64, Certificate, Hex, Jwk, Pem, Spki};
    [
        ("a public key in PEM", vec![Pem, Spki]),
        ("a public key in base64 of DER", vec![Base64, Spki]),
        ("a public key in hexadecimal of DER", vec![Hex, Spki]),
        ("a certificate in PEM", vec![Pem, Certificate]),
        ("a certificate in base64 of DER", vec![Base64, Certificate]),
        ("the bytes of the key in hexadecimal", vec![Hex]),
        ("the bytes of the key in base64", vec![Base64]),
        ("the bytes within PEM", vec![Pem]),
        ("a JSON Web Key", vec![Jwk]),
    ]
}
