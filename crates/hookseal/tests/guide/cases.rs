//! What the code of a guide is run with: the known answers, and what becomes of a valid request when one thing about
//! it changes. The library's own strict verdict is the expected one, and the known answers hold it to account.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hookseal::vectors::{Vector, VectorFile};
use hookseal::{
    Algorithm, Mode, Params, Part, Profile, Request, Secret, Timestamp, Verifier, VerifyOptions, guide,
};

/// One call of `verify` and what has to come of it.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    secrets: Vec<String>,
    now_ms: i64,
    params: Params,
}

/// How a language's web servers hand over a header that stands several times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lines {
    /// As several.
    Apart,
    /// As one, with `, ` between the values.
    Joined,
}

/// The part of a profile that code is generated for.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) profile: &'static Profile,
    pub(crate) part: Part,
}

impl Subject {
    /// Every part of every built-in profile.
    pub(crate) fn all() -> Vec<Subject> {
        let both = |profile: &'static std::sync::Arc<Profile>| {
            [Part::Delivery, Part::Challenge].map(|part| Subject { profile, part })
        };
        Profile::builtins()
            .flat_map(both)
            .filter(|subject| subject.profile.part(subject.part).is_some())
            .collect()
    }

    /// A name that can stand in a path and in code.
    pub(crate) fn name(self) -> String {
        let name = self.profile.name().replace('-', "_");
        if self.part == Part::Challenge { format!("p_{name}_challenge") } else { format!("p_{name}") }
    }

    /// The cases, as lines of fields with tabs between them. They are worked out once for all languages.
    pub(crate) fn lines(self, lines: Lines) -> String {
        static KNOWN: Mutex<BTreeMap<(String, Lines), String>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap();
        known.entry((self.name(), lines)).or_insert_with(|| self.work_out(lines)).clone()
    }

    fn work_out(self, lines: Lines) -> String {
        static VECTORS: LazyLock<VectorFile> = LazyLock::new(vectors);
        let vectors = &*VECTORS;
        let own = vectors
            .vectors()
            .iter()
            .filter(|vector| self.profile.scheme_for(&vector.scheme) == Some(self.part));
        let mut out = String::new();
        for vector in own {
            let case = Case::of(vector);
            self.hold_to_account(vector, &case);
            for case in std::iter::once(case.clone()).chain(self.changes(&case)) {
                self.write(&case, lines, &mut out);
            }
        }
        out
    }

    /// The vector's own expectation, where it is about strict mode, the profile's tolerance and what a sample takes.
    fn hold_to_account(self, vector: &Vector, case: &Case) {
        let optional =
            ["allow_sha1", "required_components"].iter().any(|name| case.params.value(name).is_some());
        if vector.mode.as_deref() == Some("compat") || vector.tolerance_s.is_some() || optional {
            return;
        }
        let expected = if self.is_valid(case) { "valid" } else { "not valid" };
        assert_eq!(expected == "valid", vector.expect.0 == "valid", "{}", vector.id);
    }

    fn is_valid(self, case: &Case) -> bool {
        self.timestamp(case).is_some()
    }

    /// The timestamp of a request that verifies, if it has one; nothing for a request that does not verify.
    fn timestamp(self, case: &Case) -> Option<Option<Timestamp>> {
        let secrets: Vec<Secret> = case.secrets.iter().map(|secret| Secret::new(secret.as_str())).collect();
        // A sample has what its profile needs, and no choice beyond it.
        let needed = guide::arguments(self.profile, self.part);
        let known = needed.iter().filter_map(|name| Some((name, case.params.text(name)?)));
        let params = known.fold(Params::new(), |params, (name, text)| params.with(name.as_str(), text));
        let options = VerifyOptions { mode: Mode::Strict, params, ..VerifyOptions::default() };
        // A secret that is not right is refused by samples as well.
        let verifier = Verifier::new(self.profile, self.part, &secrets, options).ok()?;
        let request =
            Request { method: &case.method, url: &case.url, headers: &case.headers, body: &case.body };
        let verified = verifier.verify(&request, Timestamp::from_unix_millis(case.now_ms)).ok()?;
        Some(verified.timestamp())
    }

    /// A valid request with one thing about it changed, in every way that is worth a try.
    fn changes(self, case: &Case) -> Vec<Case> {
        let Some(timestamp) = self.timestamp(case) else { return Vec::new() };
        let mut changes = Vec::new();
        for (index, (name, value)) in case.headers.iter().enumerate() {
            let with = |value: &str| {
                let mut headers = case.headers.clone();
                headers[index].1 = value.to_owned();
                Case { headers, ..case.clone() }
            };
            changes.extend(
                texts(value).into_iter().map(|(what, text)| with(&text).named(&format!("{name} {what}"))),
            );
            let mut without = case.clone();
            without.headers.remove(index);
            changes.push(without.named(&format!("without {name}")));
            let mut twice = case.clone();
            twice.headers.push(case.headers[index].clone());
            changes.push(twice.named(&format!("{name} twice")));
        }
        changes.extend(bodies(case));
        changes.extend(secrets(case, self.has_public_key()));
        changes.extend(times(case, timestamp));
        changes.push(Case { url: format!("{}x", case.url), ..case.clone() }.named("another URL"));
        changes.push(Case { method: "DELETE".to_owned(), ..case.clone() }.named("another method"));
        changes
    }

    fn has_public_key(self) -> bool {
        let algorithm = self.profile.part(self.part).and_then(|scheme| scheme.algorithm());
        matches!(algorithm, Some(Algorithm::Ed25519 | Algorithm::EcdsaP256Der))
    }

    fn write(self, case: &Case, lines: Lines, out: &mut String) {
        let handed_over = if lines == Lines::Joined { case.joined() } else { case.clone() };
        // Samples take the lines of a repeated header apart again, which is not for the library to do.
        let repeated = lines == Lines::Joined && self.profile.source().contains("repeated = true");
        let valid = self.is_valid(&if repeated { handed_over.apart() } else { handed_over.clone() });
        let headers = &handed_over.headers;
        let list = |items: &mut dyn Iterator<Item = String>| {
            items.map(|item| format!(".{item}")).collect::<Vec<_>>().join(",")
        };
        let encode = |text: &str| STANDARD.encode(text);
        let header = |(name, value): &(String, String)| format!("{}:{}", encode(name), encode(trim(value)));
        let arguments = guide::arguments(self.profile, self.part);
        let argument = |name: &String| match name.as_str() {
            "method" => encode(&case.method),
            "url" => encode(case.params.text("url").unwrap_or(&case.url)),
            name => encode(case.params.text(name).unwrap_or_default()),
        };
        let fields = [
            self.name(),
            case.id.replace(['\t', '\n'], " "),
            u8::from(valid).to_string(),
            case.now_ms.to_string(),
            STANDARD.encode(&case.body),
            list(&mut case.secrets.iter().map(|secret| encode(secret))),
            list(&mut arguments.iter().map(argument)),
            list(&mut headers.iter().map(header)),
        ];
        writeln!(out, "{}", fields.join("\t")).unwrap();
    }
}

impl Case {
    fn of(vector: &Vector) -> Self {
        Self {
            id: vector.id.clone(),
            method: vector.request.method.clone(),
            url: vector.request.url.clone(),
            headers: vector.request.headers.clone(),
            body: vector.request.body().into_owned(),
            secrets: vector.secrets().map(str::to_owned).collect(),
            now_ms: vector.now_unix * 1000,
            params: vector.params(),
        }
    }

    fn named(self, what: &str) -> Self {
        Self { id: format!("{}: {what}", self.id), ..self }
    }

    /// The request as a server hands it over that joins the lines of a header.
    fn joined(&self) -> Self {
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in &self.headers {
            match headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, known)) => *known = format!("{known}, {value}"),
                None => headers.push((name.clone(), value.clone())),
            }
        }
        Self { headers, ..self.clone() }
    }
}

impl Case {
    /// The request with the parts of its headers between commas as lines.
    fn apart(&self) -> Self {
        let parts = |(name, value): &(String, String)| {
            let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(|part| (name.clone(), part.to_owned())).collect::<Vec<_>>()
        };
        Self { headers: self.headers.iter().flat_map(parts).collect(), ..self.clone() }
    }
}

/// What a header's value can become.
fn texts(value: &str) -> Vec<(&'static str, String)> {
    let cut =
        |from: usize, to: usize| value.get(from..value.len().saturating_sub(to)).unwrap_or("").to_owned();
    vec![
        ("empty", String::new()),
        ("longer", format!("{value}0")),
        ("with a padding more", format!("{value}=")),
        ("shorter", cut(0, 1)),
        ("without its first", cut(1, 0)),
        ("in capitals", value.to_uppercase()),
        ("in small letters", value.to_lowercase()),
        ("joined", format!("{value}, {value}")),
        ("with a comma", format!("{value},")),
        ("after a comma", format!(",{value}")),
        ("with a space within", value.replacen('=', " =", 1)),
        ("in two lines", format!("{value} {value}")),
        ("not ASCII", format!("{value}\u{e9}")),
        ("with junk within", value.replacen('=', "=!", 1)),
        ("in the URL alphabet", value.replace('+', "-").replace('/', "_")),
        ("another version", value.replace("v1", "v9").replace("v0", "v9").replace("sha256", "sha1")),
        ("other digits", value.replace('1', "\u{661}")),
        ("a number", "1".to_owned()),
        ("not a number", "0x10".to_owned()),
        ("a fraction", format!("{value}.5")),
        ("without padding", value.trim_end_matches('=').to_owned()),
    ]
}

fn bodies(case: &Case) -> Vec<Case> {
    let with = |what: &str, body: Vec<u8>| Case { body, ..case.clone() }.named(what);
    let mut flipped = case.body.clone();
    if let Some(byte) = flipped.last_mut() {
        *byte ^= 1;
    }
    let middle = case.body.len() / 2;
    let spaced = [&case.body[..middle], b" ", &case.body[middle..]].concat();
    vec![
        with("another last byte", flipped),
        with("a line feed more", [&case.body[..], b"\n"].concat()),
        with("a space more", [&case.body[..], b" "].concat()),
        with("a space within", spaced),
        with("no body", Vec::new()),
    ]
}

fn secrets(case: &Case, public_key: bool) -> Vec<Case> {
    let with = |what: &str, secrets: &[&str]| {
        let secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        Case { secrets, ..case.clone() }.named(what)
    };
    let own = case.secrets[0].as_str();
    // A secret of the same form: the same text with two characters of its middle changed places or made others.
    let mut other: Vec<char> = own.chars().collect();
    let middle = other.len() / 2;
    other[middle] = if other[middle] == 'a' { 'b' } else { 'a' };
    let other: String = other.into_iter().collect();
    let mut changes = vec![
        with("no secret", &[]),
        with("an empty secret", &[""]),
        with("an empty secret beside ours", &[own, ""]),
        with("another secret", &[&other]),
    ];
    // A public key with a byte changed is none, which samples refuse as they do an empty secret.
    if !public_key {
        changes.extend([
            with("another secret first", &[&other, own]),
            with("another secret last", &[own, &other]),
        ]);
    }
    changes
}

fn times(case: &Case, timestamp: Option<Timestamp>) -> Vec<Case> {
    let at = |what: String, now_ms: i64| Case { now_ms, ..case.clone() }.named(&what);
    let year = 366 * 86_400_000;
    let mut cases = vec![
        at("a year later".to_owned(), case.now_ms + year),
        at("a year earlier".to_owned(), case.now_ms - year),
    ];
    let Some(timestamp) = timestamp.map(Timestamp::as_unix_millis) else { return cases };
    let bounds =
        [0, 5, 30, 60, 180, 300, 600, 1800].map(|seconds| Duration::from_secs(seconds).as_millis() as i64);
    for bound in bounds {
        for off in [0, 1000] {
            cases.push(at(format!("{bound} ms and {off} ms old"), timestamp + bound + off));
            cases.push(at(format!("{bound} ms and {off} ms ahead"), timestamp - bound - off));
        }
    }
    cases
}

/// What an HTTP server takes off both ends.
fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

fn vectors() -> VectorFile {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/vectors.json");
    VectorFile::parse(&fs::read(path).unwrap()).unwrap()
}
