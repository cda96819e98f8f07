//! JSON that was parsed and written again. What is signed here is written by a writer of its own, after what the
//! libraries of other languages write.

use hookseal::Profile;
use hookseal::explain::Code;
use proptest::prelude::*;

use super::support::{Received, any_body_signing, check, proven, secret_of};

/// A document in which every style differs from every other.
#[derive(Clone, Debug)]
enum Doc {
    Number(String),
    Text(String),
    List(Vec<Doc>),
    Object(Vec<(String, Doc)>),
}

#[derive(Clone, Copy)]
struct Style {
    comma: &'static str,
    colon: &'static str,
    indent: usize,
    escape: fn(char) -> Option<String>,
}

const JAVASCRIPT: Style = Style { comma: ",", colon: ":", indent: 0, escape: |_| None };
const PYTHON: Style = Style {
    comma: ", ",
    colon: ": ",
    indent: 0,
    escape: |character| (!character.is_ascii()).then(|| unicode(character)),
};
const GO: Style =
    Style { escape: |character| "<>&".contains(character).then(|| unicode(character)), ..JAVASCRIPT };
const PHP: Style = Style {
    escape: |character| match character {
        '/' => Some("\\/".to_owned()),
        character => (!character.is_ascii()).then(|| unicode(character)),
    },
    ..JAVASCRIPT
};

fn unicode(character: char) -> String {
    character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

impl Doc {
    fn write(&self, style: Style, depth: usize) -> String {
        let (open, close, items) = match self {
            Self::Number(text) => return text.clone(),
            Self::Text(text) => return quote(text, style),
            Self::List(items) => {
                ('[', ']', items.iter().map(|item| item.write(style, depth + 1)).collect::<Vec<_>>())
            }
            Self::Object(members) => {
                let member = |(name, value): &(String, Self)| {
                    format!("{}{}{}", quote(name, style), style.colon, value.write(style, depth + 1))
                };
                ('{', '}', members.iter().map(member).collect())
            }
        };
        if style.indent == 0 || items.is_empty() {
            return format!("{open}{}{close}", items.join(style.comma));
        }
        let (inner, outer) = (" ".repeat(style.indent * (depth + 1)), " ".repeat(style.indent * depth));
        format!("{open}\n{inner}{}\n{outer}{close}", items.join(&format!(",\n{inner}")))
    }

    fn sorted(&self) -> Self {
        match self {
            Self::Object(members) => {
                let mut members: Vec<_> =
                    members.iter().map(|(name, value)| (name.clone(), value.sorted())).collect();
                members.sort_by(|(left, _), (right, _)| left.cmp(right));
                Self::Object(members)
            }
            Self::List(items) => Self::List(items.iter().map(Self::sorted).collect()),
            other => other.clone(),
        }
    }
}

fn quote(text: &str, style: Style) -> String {
    let inner: String = text
        .chars()
        .map(|character| match character {
            '"' => "\\\"".to_owned(),
            '\n' => "\\n".to_owned(),
            character => (style.escape)(character).unwrap_or_else(|| character.to_string()),
        })
        .collect();
    format!("\"{inner}\"")
}

/// An object whose names are not in order, with a list and every character that some style escapes.
fn doc() -> impl Strategy<Value = Doc> {
    let number =
        prop_oneof![Just("1.0"), Just("1e5"), Just("-0"), Just("12345678901234567890123"), Just("17")];
    let leaf = prop_oneof![
        number.prop_map(|text| Doc::Number(text.to_owned())),
        "[a-z\"\n ]{0,8}".prop_map(Doc::Text),
        Just(Doc::List(Vec::new())),
        Just(Doc::Object(Vec::new())),
    ];
    let nested = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Doc::List),
            proptest::collection::vec(("[a-z]{1,4}", inner), 0..3).prop_map(Doc::Object),
        ]
    });
    (nested, "[é-ú🗼]{1,3}").prop_map(|(inner, letters)| {
        Doc::Object(vec![
            ("z".to_owned(), Doc::Text(format!("<a>/&{letters}"))),
            (
                "items".to_owned(),
                Doc::List(vec![Doc::Number("1".to_owned()), Doc::Number("2.50".to_owned())]),
            ),
            ("a".to_owned(), inner),
        ])
    })
}

#[track_caller]
fn mistake(profile: &Profile, signed: &str, received: &str, details: [&str; 4]) {
    let mut request = Received::signed(profile, &secret_of(profile), signed.as_bytes());
    request.body = received.as_bytes().to_vec();
    let explanation = request.explain(profile);
    assert_eq!(proven(&explanation), [Code::BodyJsonReserialised], "{explanation}");
    let finding = &explanation.findings()[0];
    let got = ["layout", "escapes", "sorted_keys", "final_newline"].map(|name| finding.detail(name).unwrap());
    assert_eq!(got, details, "{explanation}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn layouts(profile in any_body_signing(), doc in doc()) {
        let indented = |indent| doc.write(Style { comma: ", ", colon: ": ", indent, ..JAVASCRIPT }, 0);
        let (compact, spaced) = (doc.write(JAVASCRIPT, 0), doc.write(Style { comma: ", ", colon: ": ", ..JAVASCRIPT }, 0));
        mistake(profile, &compact, &spaced, ["compact", "as-written", "no", "no"]);
        mistake(profile, &spaced, &compact, ["spaced", "as-written", "no", "no"]);
        mistake(profile, &indented(2), &compact, ["indented-2", "as-written", "no", "no"]);
        mistake(profile, &indented(4), &spaced, ["indented-4", "as-written", "no", "no"]);
        mistake(profile, &format!("{}\n", indented(2)), &compact, ["indented-2", "as-written", "no", "yes"]);
        mistake(profile, &compact, &format!("{}\n", indented(4)), ["compact", "as-written", "no", "no"]);
    }

    #[test]
    fn escapes(profile in any_body_signing(), doc in doc()) {
        let [javascript, python, go, php] = [JAVASCRIPT, PYTHON, GO, PHP].map(|style| doc.write(style, 0));
        mistake(profile, &python, &javascript, ["spaced", "non-ascii", "no", "no"]);
        mistake(profile, &javascript, &python, ["compact", "least", "no", "no"]);
        mistake(profile, &php, &javascript, ["compact", "slashes-and-non-ascii", "no", "no"]);
        mistake(profile, &javascript, &php, ["compact", "least", "no", "no"]);
        mistake(profile, &go, &php, ["compact", "html", "no", "no"]);
        mistake(profile, &python, &go, ["spaced", "non-ascii", "no", "no"]);
    }

    #[test]
    fn sorted_keys(profile in any_body_signing(), doc in doc()) {
        let received = doc.write(JAVASCRIPT, 0);
        mistake(profile, &doc.sorted().write(JAVASCRIPT, 0), &received, ["compact", "as-written", "yes", "no"]);
        mistake(profile, &doc.sorted().write(PYTHON, 0), &received, ["spaced", "non-ascii", "yes", "no"]);
        let indented = doc.sorted().write(Style { indent: 2, colon: ": ", ..JAVASCRIPT }, 0);
        mistake(profile, &indented, &received, ["indented-2", "as-written", "yes", "no"]);
    }

    #[test]
    fn documents_within_strings(profile in any_body_signing(), doc in doc()) {
        let inner = doc.write(JAVASCRIPT, 0);
        let outer = serde_json::to_string(&inner).unwrap();
        for (signed, received) in [(&inner, &outer), (&outer, &inner)] {
            let mut request = Received::signed(profile, &secret_of(profile), signed.as_bytes());
            request.body = received.clone().into_bytes();
            check(&request, profile, &[Code::BodyJsonInString]);
        }
    }
}

#[test]
fn the_writer_of_these_tests_writes_what_python_writes() {
    // json.dumps({"z": "<a>/é", "items": [1, 2.5]}), and with indent=2 and ensure_ascii=False.
    let doc = Doc::Object(vec![
        ("z".to_owned(), Doc::Text("<a>/é".to_owned())),
        ("items".to_owned(), Doc::List(vec![Doc::Number("1".to_owned()), Doc::Number("2.5".to_owned())])),
    ]);
    assert_eq!(doc.write(PYTHON, 0), r#"{"z": "<a>/\u00e9", "items": [1, 2.5]}"#);
    let indented = Style { indent: 2, colon: ": ", ..JAVASCRIPT };
    assert_eq!(doc.write(indented, 0), "{\n  \"z\": \"<a>/é\",\n  \"items\": [\n    1,\n    2.5\n  ]\n}");
}
