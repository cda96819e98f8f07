//! What a template needs to know of a scheme: the steps of a verification, in their order and as plain data.

mod fit;
mod read;

pub(super) use read::{extras, is_builtin};

use serde::Serialize;

/// The steps of a verification.
#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct Plan {
    /// The profile's name, which is the only text of it that stands in code as it is.
    pub(super) profile: String,
    /// Whether the sample is for the challenge.
    pub(super) challenge: bool,
    /// Whether the library has the profile built in.
    pub(super) builtin: bool,
    pub(super) algorithm: AlgorithmPlan,
    /// The steps from the secret to the key; empty where its text is the key.
    pub(super) key: Vec<KeyPlan>,
    pub(super) required: Vec<RequiredPlan>,
    pub(super) carrier: CarrierPlan,
    pub(super) grammar: GrammarPlan,
    /// `hex`, `hex-lower`, `base64` or `base64url`.
    pub(super) encoding: &'static str,
    /// How many characters a signature has, where all have as many.
    pub(super) signature_characters: Option<usize>,
    pub(super) timestamp: Option<TimestampPlan>,
    /// The header of a signed delivery id.
    pub(super) id: Option<IdPlan>,
    /// Values that are signed and have to be fetched from the request first.
    pub(super) values: Vec<ValuePlan>,
    pub(super) content: Vec<PiecePlan>,
    /// `raw`, `strip-spaces` or `json-compact`.
    pub(super) reading: &'static str,
    /// What is appended to the content, one after the other; one empty text in all but a few schemes.
    pub(super) endings: Vec<&'static str>,
    pub(super) body_digest: Option<BodyDigestPlan>,
    pub(super) claims: Vec<ClaimPlan>,
    /// What `verify` takes besides headers, body, secrets and the time.
    pub(super) extras: Vec<ExtraPlan>,
    pub(super) uses: Uses,
}

impl Plan {
    /// The steps without the name of the signature's header, to compare them with those of another part.
    pub(super) fn without_header(mut self) -> Self {
        self.carrier.name.clear();
        self.challenge = false;
        self
    }
}

/// What the sample needs of its language.
#[derive(PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct Uses {
    /// Reads JSON.
    pub(super) json: bool,
    /// Reads `application/x-www-form-urlencoded`.
    pub(super) form: bool,
    /// Reads the query of the URL.
    pub(super) query: bool,
    /// The content holds the secret, so it differs from one secret to the next.
    pub(super) secret_in_content: bool,
    /// The content holds the body.
    pub(super) body_in_content: bool,
    /// Reads a header that has to stand once.
    pub(super) single: bool,
    /// Signatures may stand in several fields.
    pub(super) many: bool,
    /// There is one signature to compare, and never a list.
    pub(super) one: bool,
    /// Verifies with a public key.
    pub(super) public_key: bool,
}

#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct AlgorithmPlan {
    /// `hmac`, `named`, `hash`, `ed25519`, `ecdsa`, `token`, `basic` or `jwt`.
    pub(super) kind: &'static str,
    /// `sha1`, `sha256`, `sha384` or `sha512`; empty where there is none.
    pub(super) digest: &'static str,
    /// The digests that a message may name. SHA-1 is not among them.
    pub(super) digests: Vec<&'static str>,
}

#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct KeyPlan {
    /// `refuse`, `strip`, `base64`, `hex`, `sha1` or `spki`.
    pub(super) step: &'static str,
    /// The prefix of the first two.
    pub(super) prefix: String,
}

#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct RequiredPlan {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct CarrierPlan {
    /// `header`, `headers`, `numbered`, `json`, `form` or `query`.
    pub(super) kind: &'static str,
    /// The header, field or parameter.
    pub(super) name: String,
    /// Every header, where there are several.
    pub(super) names: Vec<String>,
    /// The highest number that a numbered header may end with.
    pub(super) last: usize,
    pub(super) path: Vec<StepPlan>,
    /// Whether every value of the path has to match.
    pub(super) all: bool,
    pub(super) repeated: bool,
}

/// A step of a JSON path.
#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct StepPlan {
    /// The name of a member, or a position.
    pub(super) name: String,
    /// Whether it is letters alone, so that it can stand after a dot.
    pub(super) letters: bool,
    /// Whether it is digits alone, so that it can be a position.
    pub(super) digits: bool,
    /// Whether the step is to every item of a list.
    pub(super) every: bool,
}

#[derive(PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct GrammarPlan {
    /// `bare`, `prefix`, `pairs` or `algorithm-prefix`.
    pub(super) kind: &'static str,
    pub(super) prefix: String,
    /// Between the items of a list or of pairs; empty where there is one signature alone.
    pub(super) separator: String,
    pub(super) assign: String,
    /// The keys of signatures.
    pub(super) keys: Vec<String>,
    /// The text before the digits of a numbered key.
    pub(super) numbered: String,
    /// The parameter whose value is the key.
    pub(super) key_param: Option<ExtraPlan>,
    /// The key of the list of signed headers.
    pub(super) names: String,
    pub(super) trim: bool,
    /// Between groups that each have a timestamp.
    pub(super) groups: String,
    /// The key of the timestamp.
    pub(super) timestamp: String,
}

#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct TimestampPlan {
    /// `header`, `field` or `json`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) path: Vec<StepPlan>,
    /// `unix-seconds`, `unix-millis` or `rfc3339`.
    pub(super) format: &'static str,
    pub(super) past_ms: Option<u64>,
    pub(super) future_ms: Option<u64>,
}

#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct IdPlan {
    pub(super) name: String,
    /// A character that it must not hold; empty where there is none.
    pub(super) forbidden: String,
}

#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct ValuePlan {
    /// The name of the variable: `part` and a number.
    pub(super) variable: String,
    /// `header`, `json` or `form`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) path: Vec<StepPlan>,
}

#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct PiecePlan {
    /// `literal`, `timestamp`, `id`, `body`, `body-sha256`, `url`, `method`, `secret`, `value`, `param`,
    /// `signed-names`, `signed-values` or `sorted-form`.
    pub(super) kind: &'static str,
    /// The literal, or the name of the variable.
    pub(super) text: String,
}

#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct BodyDigestPlan {
    /// `query` or `claim`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) digest: &'static str,
    pub(super) encoding: &'static str,
}

#[derive(PartialEq, Eq, Debug, Serialize)]
pub(super) struct ClaimPlan {
    pub(super) name: String,
    /// `present`, `texts`, `flag` or `param`.
    pub(super) kind: &'static str,
    pub(super) texts: Vec<String>,
    pub(super) flag: bool,
    pub(super) param: Option<ExtraPlan>,
}

/// An argument of `verify`: a name in snake case that no language reserves, and what it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct ExtraPlan {
    pub(super) variable: String,
    /// The parameter of the profile; `method` and `url` are of the request.
    pub(super) name: String,
    /// `method`, `url` or `param`.
    pub(super) kind: &'static str,
}
