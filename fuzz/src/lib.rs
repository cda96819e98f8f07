//! How the bytes of a fuzzer become a request, and back for the first ones that it is given.

use std::sync::LazyLock;

use hookseal::{
    Mode, Params, Part, Profile, Request, Secret, Timestamp, ToleranceOverride, Verifier, VerifyOptions,
};

/// The time of every run.
pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

/// The built-in profiles, in their order.
pub static PROFILES: LazyLock<Vec<&'static Profile>> =
    LazyLock::new(|| Profile::builtins().map(|profile| &**profile).collect());

/// A request and how it is verified, as one run of bytes: the number of the profile, flags, the secret and the URL each
/// on a line, headers until an empty line, and the body.
pub struct Given<'d> {
    pub profile: &'static Profile,
    pub part: Part,
    pub options: VerifyOptions,
    pub secret: &'d [u8],
    pub url: &'d str,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: &'d [u8],
}

const COMPAT: u8 = 1;
const NO_TOLERANCE: u8 = 2;
const CHALLENGE: u8 = 4;

impl<'d> Given<'d> {
    /// Reads one; any bytes are one, as long as there are two.
    pub fn read(data: &'d [u8]) -> Option<Self> {
        let (&[profile, flags], rest) = data.split_first_chunk::<2>()?;
        let profile = PROFILES[usize::from(profile) % PROFILES.len()];
        let (secret, rest) = line(rest);
        let (url, mut rest) = line(rest);
        let mut headers = Vec::new();
        loop {
            let (header, after) = line(rest);
            rest = after;
            if header.is_empty() {
                break;
            }
            let colon = header.iter().position(|byte| *byte == b':').unwrap_or(header.len());
            let name = String::from_utf8_lossy(&header[..colon]).into_owned();
            headers.push((name, header.get(colon + 1..).unwrap_or_default().to_vec()));
        }
        let part = if flags & CHALLENGE == 0 { Part::Delivery } else { Part::Challenge };
        let url = std::str::from_utf8(url).unwrap_or("https://hooks.example.test/in");
        Some(Self { profile, part, options: options(flags), secret, url, headers, body: rest })
    }

    /// The bytes that read as a request to this profile.
    pub fn write(
        profile: usize,
        mode: Mode,
        secret: &str,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Vec<u8> {
        let flags = NO_TOLERANCE | if mode == Mode::Compat { COMPAT } else { 0 };
        let mut data = vec![u8::try_from(profile).unwrap_or(0), flags];
        // A secret of several lines, such as a PEM, is one line here and written so again by `secret`.
        data.extend_from_slice(secret.replace('\n', "\u{1}").as_bytes());
        data.push(b'\n');
        data.extend_from_slice(url.as_bytes());
        data.push(b'\n');
        for (name, value) in headers {
            data.extend_from_slice(name.as_bytes());
            data.push(b':');
            data.extend_from_slice(value.as_bytes());
            data.push(b'\n');
        }
        data.push(b'\n');
        data.extend_from_slice(body);
        data
    }

    pub fn secret(&self) -> Secret {
        let lines: Vec<u8> = self.secret.iter().map(|byte| if *byte == 1 { b'\n' } else { *byte }).collect();
        Secret::new(lines)
    }

    pub fn request(&self) -> Request<'_> {
        Request { method: "POST", url: self.url, headers: &self.headers, body: self.body }
    }

    /// Verifies it with the secret that it brings; a secret that does not fit ends it.
    pub fn verify(&self) {
        let verifier = Verifier::new(self.profile, self.part, &[self.secret()], self.options.clone());
        let Ok(verifier) = verifier else { return };
        let outcome = verifier.verify(&self.request(), NOW);
        // What a verification hands on is the body that was given, and no other.
        if let Ok(verified) = outcome {
            assert_eq!(verified.body(), self.body);
        }
    }
}

/// Parameters that let every profile be made.
pub fn options(flags: u8) -> VerifyOptions {
    let mode = if flags & COMPAT == 0 { Mode::Strict } else { Mode::Compat };
    let tolerance =
        if flags & NO_TOLERANCE == 0 { ToleranceOverride::Profile } else { ToleranceOverride::Off };
    let params = Params::new()
        .with("public_key", "integration_public_key")
        .with("webhook_id", "WH-1")
        .with("callback_url", "https://hooks.example.test/in")
        .with("audience", "https://example.test/push")
        .with("email", "svc@proj.iam.gserviceaccount.com");
    VerifyOptions { mode, tolerance, params }
}

fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}
