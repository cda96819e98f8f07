//! Reading handshakes and the answer to an event, and refusing those that would give something away.

use std::sync::Arc;

use super::delivery::is_header_text;
use super::reader::{Placed, Table};
use super::{Part, read_scheme};
use crate::handshake::{
    ActionKind, ActionRule, Answer, AnswerRule, Comparison, Expected, HandshakeRule, MacRule, Pattern,
    Source, Template,
};
use crate::key::KeyStep;
use crate::scheme::{Algorithm, Encoding};

/// Handshakes beyond these are a mistake: a request is held against every one.
const MAX_HANDSHAKES: usize = 16;
/// What is answered stands in the success codes of HTTP.
const STATUS: (u32, u32) = (200, 299);
/// The content types of answers that give something back: no browser makes a page of them.
const INERT: [&str; 2] = ["text/plain", "application/json"];

pub(super) fn handshakes(root: &Table<'_>) -> Arc<[HandshakeRule]> {
    let tables = root.tables("handshake");
    if tables.len() > MAX_HANDSHAKES {
        root.problem(format!("there are at most {MAX_HANDSHAKES} handshakes"));
    }
    tables.into_iter().filter_map(read_handshake).collect()
}

/// What a receiver answers to an event. The body is a text as it is, without references.
pub(super) fn acknowledgement(table: Table<'_>) -> Option<Answer> {
    let rule = read_answer(&table);
    let literal = rule.as_ref().and_then(|rule| rule.body.literal().map(str::to_owned));
    if let (Some(rule), None) = (&rule, &literal) {
        table.problem(format!("an acknowledgement of status {} refers to nothing", rule.status));
    }
    table.finish();
    let rule = rule?;
    let mut headers = vec![("x-content-type-options".to_owned(), "nosniff".to_owned())];
    headers.extend(rule.content_type.map(|value| ("content-type".to_owned(), value)));
    Some(Answer { status: rule.status, headers, body: literal?.into_bytes(), action: None })
}

fn read_handshake(table: Table<'_>) -> Option<HandshakeRule> {
    let name = table.required_text("name");
    let method = table.required_text("method").filter(|method| check_method(&table, method));
    let signed_by = read_signed_by(&table);
    let pending = table.boolean("pending").unwrap_or(false);
    let present = read_sources(&table, "present");
    let absent = read_sources(&table, "absent");
    let equal = read_entries(&table, "equal", |_, value| Some(value.value));
    let patterns = read_entries(&table, "patterns", read_pattern);
    let comparisons = read_entries(&table, "compare", read_expected);
    let mac = table.table("mac").and_then(read_mac);
    if !table.has("answer") {
        table.problem("the table `answer` is missing");
    }
    let answer = table.table("answer").and_then(|answer| {
        let read = read_answer(&answer);
        answer.finish();
        read
    });
    let action = table.table("action").and_then(read_action);
    let whole = (mac.is_some() || !table.has("mac")) && (action.is_some() || !table.has("action"));
    let comparisons = comparisons.into_iter().map(|(source, with)| Comparison { source, with }).collect();
    let rule = answer.filter(|_| whole).zip(name).zip(method).zip(signed_by).map(
        |(((answer, name), method), signed_by)| HandshakeRule {
            name: name.value,
            method: method.value,
            present,
            absent,
            equal,
            signed_by,
            pending,
            patterns,
            comparisons,
            mac,
            answer,
            action,
        },
    );
    for problem in rule.iter().flat_map(problems) {
        table.problem(problem);
    }
    table.finish();
    rule
}

/// What would let a stranger have something that is not theirs.
fn problems(rule: &HandshakeRule) -> Vec<&'static str> {
    let answer = &rule.answer;
    let wants_mac = answer.body.has_mac() || answer.headers.iter().any(|(_, value)| value.has_mac());
    let guarded =
        |mac: &MacRule| rule.patterns.iter().any(|(source, pattern)| *source == mac.of && pattern.is_token());
    let inert = answer.content_type.as_deref().is_some_and(|value| INERT.contains(&value));
    let kind = rule.action.as_ref().map(|action| &action.kind);
    let found = [
        (
            rule.mac.as_ref().is_some_and(|mac| !guarded(mac)),
            "a value whose MAC is answered needs a pattern of letters, digits, `_` and `-` alone, 256 at most: of anything else a stranger would have a signature",
        ),
        (wants_mac != rule.mac.is_some(), "`mac` and {mac} in the answer go together"),
        (
            answer.body.reflects() && !inert,
            "an answer that gives back what was sent is `text/plain` or `application/json`",
        ),
        (
            matches!(kind, Some(ActionKind::Fetch(_))) && rule.signed_by.is_none(),
            "a URL is fetched only where the request is signed",
        ),
        (
            matches!(kind, Some(ActionKind::Store)) && !rule.pending,
            "a secret is stored only while the subscription is pending",
        ),
        (
            rule.method != "HEAD" && rule.present.is_empty() && rule.equal.is_empty(),
            "`present` or `equal` says what tells it from an event",
        ),
    ];
    found.into_iter().filter_map(|(wrong, problem)| wrong.then_some(problem)).collect()
}

fn check_method(table: &Table<'_>, method: &Placed<String>) -> bool {
    let known = ["GET", "HEAD", "OPTIONS", "POST", "PUT"].contains(&method.value.as_str());
    if !known {
        table.problem_at(method, "one of `GET`, `HEAD`, `OPTIONS`, `POST` and `PUT` is needed");
    }
    known
}

/// The part that signs it, if one does. It is never left to a default whether a request is signed.
fn read_signed_by(table: &Table<'_>) -> Option<Option<Part>> {
    if !table.has("signed-by") {
        table.problem("`signed-by` is missing: `delivery`, `challenge` or `nobody`");
    }
    let parts = [("delivery", Some(Part::Delivery)), ("challenge", Some(Part::Challenge)), ("nobody", None)];
    table.choice("signed-by", &parts)
}

fn read_sources(table: &Table<'_>, key: &'static str) -> Vec<Source> {
    let texts = table.texts(key).unwrap_or_default().into_iter();
    texts.filter_map(|text| read_source(table, &text)).collect()
}

fn read_source(table: &Table<'_>, text: &Placed<String>) -> Option<Source> {
    let source = Source::parse(&text.value);
    if source.is_none() {
        table.problem_at(text, Source::EXPECTED);
    }
    source
}

fn read_entries<T>(
    table: &Table<'_>,
    key: &'static str,
    read: impl Fn(&Table<'_>, Placed<String>) -> Option<T>,
) -> Vec<(Source, T)> {
    let entries = table.text_entries(key).into_iter();
    entries.filter_map(|(name, value)| Some((read_source(table, &name)?, read(table, value)?))).collect()
}

fn read_pattern(table: &Table<'_>, text: Placed<String>) -> Option<Pattern> {
    let pattern = Pattern::parse(&text.value);
    if pattern.is_none() {
        table.problem_at(&text, Pattern::EXPECTED);
    }
    pattern
}

/// What a value is compared with, as in `param:verify_token or secret`.
fn read_expected(table: &Table<'_>, text: Placed<String>) -> Option<Vec<Expected>> {
    let read = |item: &str| match item.split_once(':') {
        Some(("param", name)) if !name.is_empty() => Some(Expected::Param(name.to_owned())),
        None if item == "secret" => Some(Expected::Secret),
        None if item == "any" => Some(Expected::Any),
        _ => None,
    };
    let expected: Option<Vec<Expected>> = text.value.split(" or ").map(read).collect();
    if expected.is_none() {
        table.problem_at(&text, "`param:NAME`, `secret` or `any` is needed, several with ` or ` between");
    }
    expected
}

fn read_mac(table: Table<'_>) -> Option<MacRule> {
    let of = table.required_text("of").and_then(|text| read_source(&table, &text));
    let hmacs: Vec<_> = Algorithm::NAMES
        .iter()
        .filter_map(|(name, algorithm)| match algorithm {
            Algorithm::Hmac(digest) => Some((*name, *digest)),
            _ => None,
        })
        .collect();
    table.required_text("algorithm");
    let digest = table.choice("algorithm", &hmacs);
    let mut key = Vec::new();
    for text in table.texts("key").unwrap_or_default() {
        match KeyStep::parse(&text.value) {
            Some(step) => key.push(step),
            None => table.problem_at(&text, KeyStep::EXPECTED),
        }
    }
    if key.is_empty() {
        table.problem("`key` is missing, such as [\"utf8\"]");
    }
    let encoding = table.choice("encoding", Encoding::NAMES).unwrap_or(Encoding::Hex);
    table.finish();
    Some(MacRule { of: of?, digest: digest?, key, encoding })
}

fn read_answer(table: &Table<'_>) -> Option<AnswerRule> {
    let status = table.integer("status", STATUS).unwrap_or(STATUS.0);
    let content_type = table.text("content-type").map(|text| {
        check_header_text(table, &text);
        text.value
    });
    let mut headers = Vec::new();
    for (name, value) in table.text_entries("headers") {
        let template = read_template(table, &value);
        if let (Some(name), Some(template)) = (read_scheme::header_name(table, name), template) {
            if template.literals().any(|literal| !is_header_text(literal)) {
                table.problem_at(&value, "a header value is visible ASCII and spaces");
            }
            headers.push((name, template));
        }
    }
    let body = table.text("body");
    let template = body.as_ref().map_or(Some(Template::default()), |body| read_template(table, body));
    let template = template?;
    if let (Some(body), true) = (&body, status == 204 || content_type.is_none()) {
        table.problem_at(body, "a body has a `content-type`, and a status that allows it");
    }
    Some(AnswerRule { status: u16::try_from(status).ok()?, content_type, headers, body: template })
}

fn read_template(table: &Table<'_>, text: &Placed<String>) -> Option<Template> {
    Template::parse(&text.value).map_err(|message| table.problem_at(text, message)).ok()
}

fn check_header_text(table: &Table<'_>, text: &Placed<String>) {
    if text.value.is_empty() || !is_header_text(&text.value) {
        table.problem_at(text, "a header value is visible ASCII and spaces, and is not empty");
    }
}

fn read_action(table: Table<'_>) -> Option<ActionRule> {
    #[derive(Clone, Copy)]
    enum Kind {
        Fetch,
        Store,
        Confirm,
    }
    table.required_text("kind");
    let kinds = [("fetch", Kind::Fetch), ("store", Kind::Store), ("confirm", Kind::Confirm)];
    let kind = table.choice("kind", &kinds);
    let value = table.required_text("value").and_then(|text| read_source(&table, &text));
    let hosts: Vec<String> =
        table.texts("hosts").unwrap_or_default().into_iter().map(|text| text.value).collect();
    if matches!(kind, Some(Kind::Fetch)) == hosts.is_empty() {
        table.problem("`hosts` lists whose URLs are fetched, and stands with `fetch` alone");
    }
    table.finish();
    let kind = match kind? {
        Kind::Fetch => ActionKind::Fetch(hosts),
        Kind::Store => ActionKind::Store,
        Kind::Confirm => ActionKind::Confirm,
    };
    Some(ActionRule { kind, value: value? })
}
