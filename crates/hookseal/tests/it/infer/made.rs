//! Schemes made up at random, signed here by other means than the library's.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use hookseal::infer::Captured;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// A value that may be signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    Timestamp,
    Id,
    Body,
    BodySha256,
    Method,
    Url,
    Header,
    Secret,
}

/// Where the signature stands.
#[derive(Clone, Debug)]
pub(super) enum Carrier {
    Bare,
    Prefix(String),
    /// A prefix, and a second signature by nobody after a comma.
    List(String),
    /// Separator, assignment and key; the timestamp is among the pairs.
    Pairs(char, char, String),
    /// `v1,...`, and a second signature by nobody.
    Spaces,
    /// A parameter of the URL.
    Query,
}

/// What kinds of schemes are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) hash: bool,
    /// Beside the body, the timestamp and the id also the method, the URL, another header and a digest of the body.
    pub(super) others: bool,
    pub(super) values: (usize, usize),
    /// Whether what separates the values differs.
    pub(super) mixed: bool,
    pub(super) version: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Scheme {
    pub(super) algorithm: &'static str,
    key: &'static str,
    pub(super) values: Vec<Value>,
    gaps: Vec<&'static str>,
    version: Option<(&'static str, &'static str)>,
    carrier: Carrier,
    encoding: &'static str,
    reading: &'static str,
    time: &'static str,
    /// Words of which the names of headers are made.
    words: Vec<String>,
}

const GAPS: &[&str] = &["", ".", ":", ",", "|", "\n", ";", "-", "_", "/", " ", "&", "\r\n"];

/// Schemes of a kind.
pub(super) fn schemes(kind: Kind) -> impl Strategy<Value = Scheme> {
    let algorithms = match kind.hash {
        true => vec!["sha256"],
        false => vec!["hmac-sha1", "hmac-sha256", "hmac-sha256", "hmac-sha384", "hmac-sha512"],
    };
    // A stage with many layouts looks for the readings that are common alone.
    let large = kind.others && (kind.values.1 > 3 || kind.mixed || kind.version && kind.values.1 > 2);
    let readings = match large {
        true => vec!["raw", "json-compact"],
        false => vec!["raw", "raw", "strip-spaces", "json-compact", "escape-non-ascii", "append-lf"],
    };
    let how = (
        select(algorithms),
        select(vec!["utf8", "utf8", "base64", "hex", "strip", "strip-base64", "strip-hex", "sha1"]),
        carriers(kind),
        select(vec!["hex", "HEX", "base64", "base64url"]),
        select(readings),
        select(vec!["unix-seconds", "unix-millis", "rfc3339"]),
    );
    let words = proptest::collection::hash_set("[a-z]{4,7}", 4).prop_map(|words| words.into_iter().collect());
    (how, contents(kind), words).prop_map(|(how, (values, gaps, version), words)| {
        let (algorithm, key, carrier, encoding, reading, time) = how;
        Scheme { algorithm, key, values, gaps, version, carrier, encoding, reading, time, words }
    })
}

fn carriers(kind: Kind) -> impl Strategy<Value = Carrier> {
    let key = select(vec!["v0", "v1", "sig", "s", "h1", "hash"]).prop_map(str::to_owned);
    let pairs = select(vec![(',', '='), (';', '='), ('&', '='), ('|', ':'), (' ', '=')]);
    let prefix = "[a-z]{1,6}[0-9]{0,3}[=: |]".prop_map(Carrier::Prefix);
    let list = "[a-z]{1,6}[0-9]{0,3}[=:]".prop_map(Carrier::List);
    let pairs = (pairs, key).prop_map(|((separator, assign), key)| Carrier::Pairs(separator, assign, key));
    // The URL would hold the signature of itself.
    let query = if kind.others { Carrier::Bare } else { Carrier::Query };
    prop_oneof![Just(Carrier::Bare), prefix, list, pairs, Just(Carrier::Spaces), Just(query)]
}

type Content = (Vec<Value>, Vec<&'static str>, Option<(&'static str, &'static str)>);

/// Values in a random order with the body among them, and what stands between them.
fn contents(kind: Kind) -> impl Strategy<Value = Content> {
    use Value::{Body, BodySha256, Header, Id, Method, Secret, Timestamp, Url};
    let body = select(if kind.others { vec![Body, Body, BodySha256] } else { vec![Body] });
    let beside = if kind.others { vec![Timestamp, Id, Method, Url, Header] } else { vec![Timestamp, Id] };
    let taken = 1 + usize::from(kind.hash);
    let (least, most) = kind.values;
    let counts = least.saturating_sub(taken)..=(most - taken).min(beside.len());
    let values = (body, subsequence(beside, counts)).prop_map(move |(body, mut values)| {
        values.push(body);
        values.extend(kind.hash.then_some(Secret));
        values
    });
    let gaps = proptest::collection::vec(select(GAPS), 2);
    let version = (select(vec!["v0", "v1"]), select(GAPS));
    (values.prop_shuffle(), gaps, version).prop_map(move |(values, gaps, (version, after))| {
        let mixed = |at: usize| if kind.mixed { gaps[at % 2] } else { gaps[0] };
        let between: Vec<&str> = (1..values.len()).map(mixed).collect();
        // Where there are many values or different separators, the version has one of theirs.
        let after = if kind.mixed || values.len() > 3 { gaps[1 % between.len().max(1)] } else { after };
        let after = if values.len() > 3 { gaps[0] } else { after };
        (values, between, kind.version.then_some((version, after)))
    })
}

impl Scheme {
    /// The secret in the notation that the key pipeline needs.
    pub(super) fn secret(&self) -> String {
        let bytes: Vec<u8> = (0..24).map(|at| at * 7 + 3).collect();
        match self.key {
            "base64" => STANDARD.encode(&bytes),
            "hex" => hex(&bytes),
            "strip" => "key_plain!text".to_owned(),
            "strip-base64" => format!("whsec_{}", STANDARD.encode(&bytes)),
            "strip-hex" => format!("sk_live_{}", hex(&bytes)),
            _ => "a shared secret, as text".to_owned(),
        }
    }

    fn key(&self) -> Vec<u8> {
        match self.key {
            "base64" | "hex" | "strip-base64" | "strip-hex" => (0..24).map(|at| at * 7 + 3).collect(),
            "strip" => b"plain!text".to_vec(),
            "sha1" => Sha1::digest(self.secret()).to_vec(),
            _ => self.secret().into_bytes(),
        }
    }

    fn name(&self, word: usize, role: &str) -> String {
        format!("x-{}-{role}", self.words[word])
    }

    /// A request that is signed; every value is another for another `seed`.
    pub(super) fn request(&self, seed: u32) -> Captured {
        let seconds = 1_750_000_000 + i64::from(seed) * 86_399;
        let time = match self.time {
            "unix-seconds" => seconds.to_string(),
            "unix-millis" => format!("{seconds}123"),
            _ => hookseal::Timestamp::from_unix_seconds(seconds).to_string(),
        };
        let fields = [("note", format!("é, two  spaces {seed}")), ("order", format!("o_{seed}"))];
        let mut captured = Captured {
            method: if seed.is_multiple_of(2) { "POST" } else { "PUT" }.to_owned(),
            url: format!("https://hooks{seed}.example.test/in?tenant={seed}"),
            headers: vec![
                ("Content-Type".to_owned(), b"application/json".to_vec()),
                ("User-Agent".to_owned(), format!("made-up/{seed}").into_bytes()),
                (self.name(1, "Delivery-Id"), format!("dlv_{seed}a{}", seed * 31).into_bytes()),
                (
                    self.name(2, "Topic"),
                    format!("order.{}", ["confirmed", "paid"][seed as usize % 2]).into_bytes(),
                ),
            ],
            body: pretty(&fields).into_bytes(),
        };
        let among_pairs = matches!(self.carrier, Carrier::Pairs(..));
        if self.values.contains(&Value::Timestamp) && !among_pairs {
            captured.headers.push((self.name(3, "At"), time.clone().into_bytes()));
        }
        let content = self.content(&captured, &time, &fields);
        let signature = self.encode(&self.sign(&content));
        self.carry(&mut captured, &time, &signature);
        captured
    }

    fn content(&self, captured: &Captured, time: &str, fields: &[(&str, String)]) -> Vec<u8> {
        let mut content =
            self.version.map_or(String::new(), |(version, gap)| format!("{version}{gap}")).into_bytes();
        for (at, value) in self.values.iter().enumerate() {
            if at > 0 {
                content.extend(self.gaps[at - 1].as_bytes());
            }
            match value {
                Value::Timestamp => content.extend(time.as_bytes()),
                Value::Id => content.extend(&captured.headers[2].1),
                Value::Header => content.extend(&captured.headers[3].1),
                Value::Method => content.extend(captured.method.as_bytes()),
                Value::Url => content.extend(captured.url.as_bytes()),
                Value::Secret => content.extend(self.key()),
                Value::BodySha256 => content.extend(hex(&Sha256::digest(&captured.body)).into_bytes()),
                Value::Body => content.extend(self.read(fields).into_bytes()),
            }
        }
        content
    }

    /// The body as the sender signs it, written anew rather than made from the one that is sent.
    fn read(&self, fields: &[(&str, String)]) -> String {
        match self.reading {
            "strip-spaces" => pretty(fields).chars().filter(|character| *character != ' ').collect(),
            "json-compact" => {
                let pairs: Vec<String> =
                    fields.iter().map(|(name, text)| format!("\"{name}\":\"{text}\"")).collect();
                format!("{{{}}}", pairs.join(","))
            }
            "escape-non-ascii" => pretty(fields).replace('é', "\\u00e9"),
            "append-lf" => format!("{}\n", pretty(fields)),
            _ => pretty(fields),
        }
    }

    fn sign(&self, content: &[u8]) -> Vec<u8> {
        macro_rules! hmac {
            ($digest:ty) => {{
                let mut mac = Hmac::<$digest>::new_from_slice(&self.key()).unwrap();
                mac.update(content);
                mac.finalize().into_bytes().to_vec()
            }};
        }
        match self.algorithm {
            "hmac-sha1" => hmac!(Sha1),
            "hmac-sha384" => hmac!(Sha384),
            "hmac-sha512" => hmac!(Sha512),
            "sha256" => Sha256::digest(content).to_vec(),
            _ => hmac!(Sha256),
        }
    }

    fn encode(&self, digest: &[u8]) -> String {
        match self.encoding {
            "base64" => STANDARD.encode(digest),
            "base64url" => URL_SAFE_NO_PAD.encode(digest),
            "HEX" => hex(digest).to_ascii_uppercase(),
            _ => hex(digest),
        }
    }

    fn carry(&self, captured: &mut Captured, time: &str, signature: &str) {
        let nobody = self.encode(&self.sign(b"signed by somebody else, as during a rotation"));
        let value = match &self.carrier {
            Carrier::Bare => signature.to_owned(),
            Carrier::Prefix(prefix) => format!("{prefix}{signature}"),
            Carrier::List(prefix) => format!("{prefix}{nobody},{signature}"),
            Carrier::Spaces => format!("v1,{nobody} v1,{signature}"),
            Carrier::Pairs(separator, assign, key) => {
                format!("t{assign}{time}{separator}{key}{assign}{signature}")
            }
            Carrier::Query => {
                let escaped = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
                captured.url = format!("{}&sig={escaped}", captured.url);
                return;
            }
        };
        captured.headers.push((self.name(0, "Signature"), value.into_bytes()));
    }
}

fn pretty(fields: &[(&str, String)]) -> String {
    let lines: Vec<String> = fields.iter().map(|(name, text)| format!("  \"{name}\" : \"{text}\"")).collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
