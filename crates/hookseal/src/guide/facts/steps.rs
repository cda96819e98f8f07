//! The steps of a verification in words.

use crate::guide::escape::code_span;
use crate::guide::plan::Plan;

pub(super) fn where_signature(plan: &Plan) -> String {
    let name = code_span(&plan.carrier.name);
    match plan.carrier.kind {
        "headers" => {
            let names: Vec<String> = plan.carrier.names.iter().map(|name| code_span(name)).collect();
            format!("from {}, whichever are there.", names.join(" and "))
        }
        "numbered" => format!(
            "from {}, and from those that end in `2`, `3` and so on up to `{}`, whichever are there.",
            code_span(&format!("{}1", plan.carrier.name)),
            plan.carrier.last
        ),
        "json" => format!("at {name} in the body, which is JSON."),
        "form" => format!("from the field {name} of the body, which is a form."),
        "query" => format!("from the parameter {name} of the URL."),
        _ if plan.carrier.repeated => format!("from every line of {name}."),
        _ => format!("from {name}."),
    }
}

pub(super) fn grammar(plan: &Plan) -> String {
    let grammar = &plan.grammar;
    match grammar.kind {
        "prefix" if grammar.separator.is_empty() => {
            format!(" It begins with {}; take that off.", code_span(&grammar.prefix))
        }
        "prefix" => format!(
            " It begins with {}, once; then come signatures with {} between them.",
            code_span(&grammar.prefix),
            code_span(&grammar.separator)
        ),
        "algorithm-prefix" => {
            let digests: Vec<String> =
                plan.algorithm.digests.iter().map(|digest| code_span(digest)).collect();
            format!(
                " It is the name of a digest, `=`, and the signature. Allow {} and no other.",
                digests.join(", ")
            )
        }
        "pairs" => pairs(plan),
        _ => String::new(),
    }
}

fn pairs(plan: &Plan) -> String {
    let grammar = &plan.grammar;
    let mut text = String::new();
    if !grammar.groups.is_empty() {
        text += &format!(
            " It holds groups with {} between them, each with its own timestamp.",
            named(&grammar.groups)
        );
    }
    text += &format!(
        " Split it at each {}, and each item at its first {} into a key and a value.",
        named(&grammar.separator),
        named(&grammar.assign)
    );
    if grammar.trim {
        text += " Take spaces off both ends of an item.";
    }
    if !grammar.timestamp.is_empty() {
        text += &format!(" {} is the timestamp and stands once.", code_span(&grammar.timestamp));
    }
    if !grammar.names.is_empty() {
        text += &format!(" {} lists the names of headers that are signed.", code_span(&grammar.names));
    }
    let keys: Vec<String> = grammar.keys.iter().map(|key| code_span(key)).collect();
    text += &match &grammar.key_param {
        Some(param) => format!(" The signature under your {} is the one to check.", code_span(&param.name)),
        None if !grammar.numbered.is_empty() => format!(
            " Every {} followed by digits is a signature, and there may be several.",
            code_span(&grammar.numbered)
        ),
        None => format!(" Every {} is a signature, and there may be several.", keys.join(" or ")),
    };
    text + " Skip other keys."
}

fn named(character: &str) -> String {
    match character {
        " " => "space".to_owned(),
        "," => "comma".to_owned(),
        ";" => "semicolon".to_owned(),
        other => code_span(other),
    }
}

pub(super) fn where_timestamp(plan: &Plan) -> String {
    let Some(timestamp) = &plan.timestamp else { return String::new() };
    let name = code_span(&timestamp.name);
    match timestamp.kind {
        "field" => format!("from {name} of the same header"),
        "json" => format!("from {name} in the body"),
        _ => format!("from {name}"),
    }
}

pub(super) fn timestamp_form(plan: &Plan) -> String {
    let form = match plan.timestamp.as_ref().map(|timestamp| timestamp.format) {
        Some("unix-seconds") => "whole seconds since 1970 in 1 to 15 digits",
        Some("unix-millis") => "milliseconds since 1970 in 1 to 15 digits",
        _ => "an RFC 3339 date and time with a zone, such as `2025-01-01T12:00:00.000Z`",
    };
    form.to_owned()
}

pub(super) fn content(plan: &Plan) -> String {
    let pieces = plan.content.iter().map(|piece| match piece.kind {
        "literal" => match piece.text.as_str() {
            "\n" => "a line feed".to_owned(),
            text => code_span(text),
        },
        "timestamp" => "the timestamp".to_owned(),
        "id" => "the id".to_owned(),
        "body" if plan.reading == "raw" => "the body".to_owned(),
        "body" => "the body without spaces".to_owned(),
        "body-sha256" => "the SHA-256 of the body in small hexadecimal letters".to_owned(),
        "url" => "the URL as the sender has it".to_owned(),
        "secret" => "the secret".to_owned(),
        "signed-names" => "the list of header names".to_owned(),
        "signed-values" => "their values with `.` between them".to_owned(),
        "sorted-form" => {
            "every name and value of the form, sorted and without anything between them".to_owned()
        }
        "param" => format!("your {}", code_span(&piece.text)),
        "value" => {
            let value = plan.values.iter().find(|value| value.variable == piece.text);
            value.map_or_else(String::new, |value| code_span(&value.name))
        }
        _ => "the method".to_owned(),
    });
    let pieces: Vec<String> = pieces.collect();
    match pieces.as_slice() {
        [only] => format!("{only}, and nothing else"),
        pieces => format!("{}, with nothing else between them", pieces.join(", ")),
    }
}

pub(super) fn reading(plan: &Plan) -> String {
    let text = match plan.reading {
        "strip-spaces" => {
            " Take every space (the byte `0x20`) out of the body for this, also within strings; tabs and line breaks stay."
        }
        "json-compact" => " Take the white space outside of strings out of the body for this.",
        _ if plan.endings.len() > 1 => " Try it with a line feed at the end as well.",
        _ => "",
    };
    text.to_owned()
}

pub(super) fn compute(plan: &Plan) -> String {
    match plan.algorithm.kind {
        "hmac" => format!("Compute HMAC-{}", digest_name(plan.algorithm.digest)),
        "named" => "Compute the HMAC with that digest".to_owned(),
        "hash" => format!("Compute the {}", digest_name(plan.algorithm.digest)),
        "ed25519" => "Verify the Ed25519 signature over it".to_owned(),
        _ => "Verify the ECDSA signature (P-256, SHA-256, DER) over it".to_owned(),
    }
}

pub(super) fn digest_name(digest: &str) -> String {
    digest.to_uppercase().replace("SHA", "SHA-")
}

pub(super) fn key(plan: &Plan) -> String {
    if plan.algorithm.kind == "hash" {
        return String::new();
    }
    let mut parts = Vec::new();
    for step in &plan.key {
        parts.push(match step.step {
            "strip" => format!("without {} at its beginning", code_span(&step.prefix)),
            "base64" => "decoded from base64".to_owned(),
            "hex" => "decoded from hexadecimal".to_owned(),
            "sha1" => "as its SHA-1 digest".to_owned(),
            _ => continue,
        });
    }
    let what = if plan.uses.public_key { "with the public key" } else { "with the secret as the key" };
    match parts.is_empty() {
        true => format!("{what}, exactly as it is shown to you"),
        false => format!("{what}, {}", parts.join(" and ")),
    }
}

pub(super) fn encoding(name: &str) -> &'static str {
    match name {
        "hex" => "hexadecimal (small and capital letters are the same)",
        "hex-lower" => "hexadecimal with small letters",
        "base64" => "base64 with padding",
        _ => "base64 in the URL alphabet without padding",
    }
}
