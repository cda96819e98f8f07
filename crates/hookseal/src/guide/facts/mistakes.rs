//! What goes wrong in receivers of this kind, each with what to do.

use crate::guide::escape::code_span;
use crate::guide::plan::Plan;
use crate::profile::Profile;

/// Sentences, in the order in which a receiver is written.
pub(in crate::guide) fn mistakes(profile: &Profile, plan: Option<&Plan>) -> Vec<String> {
    let Some(plan) = plan else {
        return match profile.scheme().signature {
            Some(_) => vec!["**Parsing first.** Hand the library the bytes as they arrived.".to_owned()],
            None => vec!["**Acting on what it says.** It is a hint to look, and proves nothing.".to_owned()],
        };
    };
    let mut notes = Vec::new();
    if plan.uses.body_in_content || plan.body_digest.is_some() {
        notes.push("**Parsing first.** A JSON middleware that runs before the check leaves you with an object, and writing it again gives other bytes: spaces, escapes, the order of keys, `1.0` and `1`.".to_owned());
        notes.push("**Changing the bytes on the way.** A proxy that decompresses, re-encodes or trims the body breaks the signature. A line feed at the end counts.".to_owned());
    }
    if plan.uses.public_key || !matches!(plan.algorithm.kind, "token" | "basic") {
        notes.extend(of_signatures(plan));
    }
    notes.extend(of_secrets(profile, plan));
    notes.extend(of_timestamps(plan));
    if plan.extras.iter().any(|extra| extra.kind == "url") {
        notes.push("**Building the URL from the request.** `Host` and `X-Forwarded-*` are what the client says. Take scheme and host from your configuration; path and query must be byte for byte what the sender called.".to_owned());
    }
    notes.push("**Failing loudly.** A missing header, a signature of another length or a text that is no base64 must give `401`, never an exception and `500`: the sender would retry, and a stranger would learn where it broke.".to_owned());
    notes.push("**Saying why.** Tell the log which step failed, and the network only `401`.".to_owned());
    if profile.delivery().names_subscription() {
        notes.push("**Taking the subscription's id for the delivery's.** It is the same for every event; whoever recognises repeats by it drops all events but the first.".to_owned());
    }
    notes
}

fn of_signatures(plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    if !plan.uses.public_key {
        notes.push("**Comparing with `==`.** It stops at the first difference and tells, over many tries, how much was right. Use the comparison of the samples.".to_owned());
    }
    if plan.encoding.starts_with("hex") && !plan.uses.public_key {
        notes.push("**Decoding before comparing.** `Buffer.from(text, \"hex\")` stops at the first bad character, so 64 right digits with `zz` after them pass. The samples compare the written form.".to_owned());
    }
    if plan.grammar.kind == "pairs" {
        notes.push("**Reading the header into a dictionary.** A key that comes twice, as during a rotation, keeps one value. Collect every signature in a list.".to_owned());
    }
    if !plan.grammar.numbered.is_empty() {
        let start = &plan.grammar.numbered;
        let near = [format!("{start}ersion"), format!("{start}x")].map(|key| code_span(&key)).join(" or ");
        notes.push(format!(
            "**Taking any key that begins with {}.** It is followed by digits; {near} is no signature.",
            code_span(start)
        ));
    }
    notes
}

fn of_secrets(profile: &Profile, plan: &Plan) -> Vec<String> {
    let mut notes = vec![
        "**A default secret.** `process.env.SECRET ?? \"replace-me\"` makes a forgotten variable a published key. Refuse to start, as the samples do; an empty secret is no secret.".to_owned(),
    ];
    let stripped = plan.key.iter().find(|step| step.step == "strip");
    let prefix = profile.delivery().secret_prefix();
    if let Some(step) = stripped {
        notes.push(format!(
            "**Using the secret as it is shown.** {} comes off, and the rest is decoded; the bytes are the key.",
            code_span(&step.prefix)
        ));
    } else if plan.key.is_empty() && !prefix.is_empty() {
        notes.push(format!(
            "**Taking {} off the secret.** It is part of the key, as is everything else that is shown to you.",
            code_span(prefix)
        ));
    } else if plan.key.is_empty() && !plan.uses.public_key {
        notes.push("**Decoding the secret.** It may look like hexadecimal or base64; its text is the key. A line feed from a file is not part of it.".to_owned());
    }
    notes
}

fn of_timestamps(plan: &Plan) -> Vec<String> {
    let Some(timestamp) = &plan.timestamp else { return Vec::new() };
    let mut notes = Vec::new();
    notes.push(match timestamp.format {
        "rfc3339" => "**Reading the time with `Date.parse`.** It takes `2025`, times without a zone and the 30th of February. Without a zone, the end of the time and the beginning of the body can change places under one signature.".to_owned(),
        "unix-millis" => "**Mixing up units.** The timestamp is in milliseconds. Do not guess by its size.".to_owned(),
        _ => "**Reading the time with a lenient parser.** `parseInt`, `float()` and `int()` take `17e8`, `1_700` and digits of other scripts. Take 1 to 15 ASCII digits.".to_owned(),
    });
    if timestamp.past_ms.is_some() || timestamp.future_ms.is_some() {
        notes.push("**Checking the age of another time.** Times in the body say when something happened, not when it was sent. Compare the signed timestamp alone, and keep your clock right.".to_owned());
    }
    notes
}
