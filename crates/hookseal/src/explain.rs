//! Why does my signature not match?
//!
//! [`explain`] verifies a request, and where that fails looks for the difference: it changes what people really get
//! wrong, one thing at a time and then two, and verifies again with the very same code. Which side made the mistake
//! nobody can tell, so a finding says what the difference is: "the signature is that of the body without the line
//! break at its end".
//!
//! For developers at their desks. A receiver must not call it while it answers requests: the search costs a thousand
//! times what a verification does, and its answers help a forger.
//!
//! ```
//! use hookseal::explain::{Code, explain};
//! use hookseal::{Part, Profile, Request, Secret, Timestamp, VerifyOptions};
//!
//! let profile = Profile::builtin("harvestr").expect("built in");
//! let secrets = [Secret::new("harvestr-secret-token-fake")];
//! let signature = "154790b4c527ca72f4bf349f2fb7a7babdd32b282a42291538283b8ad18b4a20";
//! let headers = [("X-Harvestr-Webhook-Signature", signature)];
//! // The vendor signed an empty body, and something made a line of it.
//! let request = Request { method: "POST", url: "https://app.example/hooks", headers: &headers, body: b"\n" };
//!
//! let now = Timestamp::from_unix_seconds(1_750_000_000);
//! let explanation = explain(profile, Part::Delivery, &secrets, &VerifyOptions::default(), &request, now);
//! assert_eq!(explanation.findings()[0].code(), Code::BodyTrailingNewlineAdded);
//! println!("{explanation}");
//! ```

mod address;
mod body;
mod clock;
mod code;
mod content;
mod cost;
mod finding;
mod form;
mod header;
mod json;
mod key;
mod names;
mod observe;
mod other_profile;
mod question;
mod search;
mod trial;

pub use code::Code;
pub use finding::{Effort, Evidence, Explanation, Finding, Outcome};
pub use question::Question;

use crate::profile::{Part, Profile};
use crate::request::Request;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::verifier::VerifyOptions;

/// Says why a request does not verify, or that it does.
///
/// Deterministic, and bounded by [`EXPLAIN_BUDGET_BYTES`](crate::limits::EXPLAIN_BUDGET_BYTES).
pub fn explain(
    profile: &Profile,
    part: Part,
    secrets: &[Secret],
    options: &VerifyOptions,
    request: &Request<'_>,
    now: Timestamp,
) -> Explanation {
    Question::new(profile, part, secrets, options, request, now).explain()
}
