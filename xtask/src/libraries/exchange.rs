//! What goes to a runner and what comes back, as JSON over its standard streams.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{catalogue::Library, install::Installed};

/// One question to one library.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) body: String,
    pub(super) url: String,
    json: Value,
}

/// A request as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) headers: Vec<(String, String)>,
    /// Empty where it is the body that was given.
    pub(super) body: String,
    /// Empty where it is the URL that was given.
    pub(super) url: String,
}

/// What a library answered.
#[derive(Debug)]
pub(super) enum Outcome {
    Signed(Sent),
    Taken,
    /// Refused, with what it says about it.
    Refused(String),
    /// It has no such side.
    Unsupported,
    Failed(String),
}

impl Case {
    pub(super) fn new(library: &Library, body: &str, now: i64) -> Self {
        let url = library.url_for(body);
        let json = json!({
            "library": library.name,
            "sign_key": library.keys.sign,
            "verify_key": library.keys.verify,
            "params": library.params.iter().map(|(name, value)| (name.to_string(), json!(value))).collect::<serde_json::Map<_, _>>(),
            "body": body,
            "url": url,
            "method": "POST",
            "now": now,
            "headers": [],
        });
        Self { body: body.to_owned(), url, json }
    }

    pub(super) fn signing(mut self) -> Self {
        self.json["action"] = json!("sign");
        self
    }

    pub(super) fn verifying(mut self, sent: &Sent) -> Self {
        self.json["action"] = json!("verify");
        self.json["headers"] = json!(sent.headers);
        self.json["body"] = json!(sent.body);
        if !sent.url.is_empty() {
            self.json["url"] = json!(sent.url);
        }
        self
    }

    pub(super) fn with_verify_key(mut self, key: &str) -> Self {
        self.json["verify_key"] = json!(key);
        self
    }
}

/// Puts all cases to a runner and reads as many outcomes.
pub(super) fn ask<'c>(
    installed: &Installed,
    cases: impl Iterator<Item = &'c Case>,
) -> Result<Vec<Outcome>, Box<dyn std::error::Error>> {
    let cases: Vec<&Value> = cases.map(|case| &case.json).collect();
    let input = serde_json::to_vec(&cases)?;
    let mut child = Command::new(&installed.program)
        .arg(&installed.script)
        .current_dir(&installed.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or("the runner has no standard input")?;
    // The runners read everything before they write anything.
    stdin.write_all(&input)?;
    drop(stdin);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", installed.script.display(), output.status).into());
    }
    let results: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    if results.len() != cases.len() {
        return Err(format!("{} cases were given and {} answered", cases.len(), results.len()).into());
    }
    Ok(results.into_iter().map(outcome).collect())
}

fn outcome(result: Value) -> Outcome {
    match (result["valid"].as_bool(), result["error"].as_str()) {
        (Some(false), Some(error)) => return Outcome::Refused(error.to_owned()),
        (Some(false), None) => return Outcome::Refused(String::new()),
        (Some(true), _) => return Outcome::Taken,
        (None, _) => {}
    }
    if result["unsupported"].as_bool() == Some(true) {
        return Outcome::Unsupported;
    }
    match serde_json::from_value::<Vec<(String, String)>>(result["headers"].clone()) {
        Ok(headers) => {
            let body = result["body"].as_str().unwrap_or_default().to_owned();
            Outcome::Signed(Sent { headers, body, url: String::new() })
        }
        Err(_) => Outcome::Failed(result.to_string()),
    }
}
