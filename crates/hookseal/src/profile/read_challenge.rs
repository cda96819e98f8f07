//! Reading the challenge of a profile.

use std::sync::Arc;

use super::challenge::{AnswerRule, Challenge, TOKEN};
use super::delivery::is_header_text;
use super::read::read_success;
use super::reader::{Placed, Table};
use super::{Part, read_scheme};
use crate::handshake::Source;
use crate::limits::MAX_CHALLENGE_ANSWERS;

/// Methods of a challenge. All but the first have no body.
const METHODS: [(&str, &str); 4] =
    [("POST", "POST"), ("GET", "GET"), ("HEAD", "HEAD"), ("OPTIONS", "OPTIONS")];

/// The table `challenge`.
pub(super) fn challenge(table: Table<'_>) -> Option<Challenge> {
    let method = table.choice("method", &METHODS).unwrap_or("POST");
    let body = table.text("body").filter(|body| check_references(&table, body));
    if let (Some(body), true) = (&body, method != "POST") {
        table.problem_at(body, format!("a {method} request has no body"));
    }
    let query = read_query(&table);
    let headers = read_headers(&table);
    let success = read_success(&table);
    let signed_by = read_signed_by(&table);
    let scheme = table.table("scheme").map(read_scheme::scheme);
    let answers = read_answers(&table, method);
    let body = body.map_or_else(String::new, |body| body.value);
    let texts = query.iter().chain(&headers).map(|(_, text)| text).chain([&body]);
    let asks = texts.into_iter().any(|text| text.contains(TOKEN));
    if !asks && answers.iter().any(|answer| answer.equal.contains(TOKEN)) {
        table.problem("an answer with {token} needs a {token} in the body, the headers or the query");
    }
    table.finish();
    let scheme = match scheme {
        Some(scheme) => Some(Arc::new(scheme?)),
        None => None,
    };
    let (signed_by, success) = (signed_by?, success?);
    Some(Challenge { scheme, signed_by, method: method.to_owned(), query, headers, body, success, answers })
}

/// What signs it: a scheme of its own, that of deliveries, or nothing. It is never left to a default.
fn read_signed_by(table: &Table<'_>) -> Option<Option<Part>> {
    table.expect(&["scheme", "signed-by"]);
    if table.has("scheme") {
        if table.has("signed-by") {
            table.problem("`signed-by` and the table `scheme` exclude each other");
        }
        return Some(Some(Part::Challenge));
    }
    if !table.has("signed-by") {
        table.problem("the table `scheme` is missing, or else `signed-by`: `delivery` or `nobody`");
        return None;
    }
    table.choice("signed-by", &[("delivery", Some(Part::Delivery)), ("nobody", None)])
}

/// Whether a text has no other reference than the token. Braces that hold no word are JSON's.
fn check_references(table: &Table<'_>, text: &Placed<String>) -> bool {
    let rest = text.value.replace(TOKEN, "");
    let is_reference = |at: usize| {
        let inner = rest[at + 1..].split('}').next().unwrap_or_default();
        inner.starts_with(|c: char| c.is_ascii_lowercase())
            && inner.bytes().all(|b| b.is_ascii_lowercase() || b == b':' || b == b'_')
    };
    let odd = rest.match_indices('{').any(|(at, _)| is_reference(at));
    if odd {
        table.problem_at(text, "the only reference here is {token}");
    }
    !odd
}

fn read_query(table: &Table<'_>) -> Vec<(String, String)> {
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:".contains(&b));
    let entries = table.text_entries("query").into_iter().filter_map(|(name, value)| {
        if name.value.is_empty() || !plain(&name.value) || !plain(&value.value.replace(TOKEN, "")) {
            table.problem_at(&value, "a query here is letters, digits, `-._~:` and {token}");
            return None;
        }
        Some((name.value, value.value))
    });
    entries.collect()
}

fn read_headers(table: &Table<'_>) -> Vec<(String, String)> {
    let entries = table.text_entries("headers").into_iter().filter_map(|(name, value)| {
        let name = read_scheme::header_name(table, name)?;
        if value.value.is_empty() || !is_header_text(&value.value) {
            table.problem_at(&value, "a header value is visible ASCII and spaces, and is not empty");
            return None;
        }
        check_references(table, &value).then_some((name, value.value))
    });
    entries.collect()
}

fn read_answers(table: &Table<'_>, method: &str) -> Vec<AnswerRule> {
    let tables = table.tables("answer");
    if tables.len() > MAX_CHALLENGE_ANSWERS {
        table.problem(format!("there are at most {MAX_CHALLENGE_ANSWERS} answers"));
    }
    tables.into_iter().filter_map(|table| read_answer(table, method)).collect()
}

fn read_answer(table: Table<'_>, method: &str) -> Option<AnswerRule> {
    let place = table.required_text("place").and_then(|text| match Source::parse(&text.value) {
        None | Some(Source::Json(_)) if method == "HEAD" => {
            table.problem_at(&text, "the answer to HEAD has no body: `header:NAME` is needed");
            None
        }
        None if text.value == "body" => Some(None),
        Some(place @ (Source::Header(_) | Source::Json(_))) => Some(Some(place)),
        Some(Source::Query(_)) | None => {
            table.problem_at(&text, "`body`, `json:PATH` or `header:NAME` is needed");
            None
        }
    });
    let equal = match table.text("equal") {
        Some(text) if text.value.is_empty() => {
            table.problem_at(&text, "what has to come back is not empty");
            None
        }
        Some(text) => check_references(&table, &text).then_some(text.value),
        None => Some(TOKEN.to_owned()),
    };
    table.finish();
    Some(AnswerRule { place: place?, equal: equal? })
}
