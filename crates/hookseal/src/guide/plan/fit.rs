//! What a plan needs, and whether the templates know it.

use super::{KeyPlan, Plan, StepPlan, Uses};

/// What the sample needs of its language.
pub(super) fn uses(plan: &Plan) -> Uses {
    let has = |kind: &str| plan.content.iter().any(|piece| piece.kind == kind);
    let value = |kind: &str| plan.values.iter().any(|value| value.kind == kind);
    let timestamp = |kind: &str| plan.timestamp.as_ref().is_some_and(|timestamp| timestamp.kind == kind);
    let query = plan.carrier.kind == "query"
        || plan.body_digest.as_ref().is_some_and(|digest| digest.kind == "query");
    let many =
        matches!(plan.carrier.kind, "headers" | "numbered") || plan.carrier.repeated || plan.carrier.all;
    let list = plan.grammar.kind == "pairs" || !plan.grammar.separator.is_empty();
    Uses {
        json: plan.algorithm.kind == "jwt"
            || plan.carrier.kind == "json"
            || value("json")
            || timestamp("json"),
        form: plan.carrier.kind == "form" || value("form") || has("sorted-form") || query,
        query,
        secret_in_content: has("secret"),
        body_in_content: has("body"),
        single: (plan.carrier.kind == "header" && !plan.carrier.repeated)
            || !plan.required.is_empty()
            || plan.id.is_some()
            || timestamp("header")
            || value("header")
            || has("signed-values"),
        many,
        one: !many && !list,
        public_key: matches!(plan.algorithm.kind, "ed25519" | "ecdsa"),
    }
}

/// Whether the templates know this combination. No known vendor has another one; the library takes them all.
pub(super) fn fits(plan: &Plan) -> bool {
    let grammar = plan.grammar.kind;
    let kind = plan.algorithm.kind;
    let several_every = |path: &[StepPlan]| path.iter().filter(|step| step.every).count() > 1;
    let text_step = |step: &KeyPlan| matches!(step.step, "refuse" | "strip");
    let decoded_at = plan.key.iter().position(|step| !text_step(step)).unwrap_or(plan.key.len());
    let decoding: Vec<&str> = plan.key[decoded_at..].iter().map(|step| step.step).collect();
    let key_fits = match kind {
        "ed25519" => matches!(decoding[..], ["base64" | "hex"]),
        "ecdsa" => decoding == ["base64", "spki"],
        "token" | "basic" | "hash" => plan.key.is_empty(),
        _ => matches!(decoding[..], [] | ["base64" | "hex" | "sha1"]),
    };
    let carrier_fits = match kind {
        "token" => grammar == "bare" && (plan.carrier.kind == "header" || plan.carrier.kind == "json"),
        "basic" | "jwt" => grammar == "bare" && plan.carrier.kind == "header" && !plan.carrier.repeated,
        _ if plan.carrier.kind == "json" => grammar == "bare" && !plan.carrier.all,
        _ => true,
    };
    let every_in = |path: &[StepPlan]| path.iter().any(|step| step.every);
    key_fits
        && carrier_fits
        && (!plan.uses.many || matches!(grammar, "bare" | "prefix"))
        && (grammar != "algorithm-prefix" || kind == "named")
        && (kind != "named" || grammar == "algorithm-prefix")
        && (plan.endings.len() == 1 || !plan.uses.public_key)
        && (plan.uses.one || !plan.uses.public_key || grammar == "pairs")
        && (plan.reading == "raw" || plan.content.iter().any(|piece| piece.kind == "body"))
        && !several_every(&plan.carrier.path)
        && !plan.values.iter().any(|value| every_in(&value.path))
        && !plan.timestamp.as_ref().is_some_and(|timestamp| every_in(&timestamp.path))
}
