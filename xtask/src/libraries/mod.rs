//! Libraries that others wrote: what we sign they verify, and what they sign we verify.

mod catalogue;
mod exchange;
mod install;

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use catalogue::{LIBRARIES, Library, Runner};
use exchange::{Case, Outcome, Sent};
use hookseal::{
    Headers, Message, Params, Part, Profile, Request, Secret, SignedHeaders, Signer, Timestamp, Verifier,
    VerifyOptions,
};

use crate::shell::Done;

/// Sign for the libraries of vendors and of others, and verify what they sign
#[derive(clap::Args, Default)]
pub(crate) struct Libraries {
    /// Look only at libraries whose name has this in it
    #[arg(long, default_value = "")]
    only: String,
}

/// What came of one library.
#[derive(Default)]
struct Tally {
    /// Our signatures that it took.
    took_ours: usize,
    /// Our requests, changed after signing, that it refused.
    refused_changed: usize,
    /// Its signatures that we took, and that we refused once changed.
    theirs: usize,
    problems: Vec<String>,
}

/// What a library is asked, and what has to come of it.
struct Asked {
    library: &'static Library,
    case: Case,
    expected: Expected,
}

enum Expected {
    /// It takes what we signed.
    Taken,
    /// It refuses what was changed.
    Refused,
    /// We take what it signs.
    Signs,
}

impl Libraries {
    /// Installs all of them, which [`run`](Self::run) then finds there.
    pub(crate) fn install() -> Done {
        [Runner::Node, Runner::Python].into_iter().try_for_each(|runner| install::runner(runner).map(drop))
    }

    pub(crate) fn run(&self) -> Done {
        let chosen: Vec<&'static Library> =
            LIBRARIES.iter().filter(|library| library.name.contains(&self.only)).collect();
        let mut tallies: Vec<Tally> = chosen.iter().map(|_| Tally::default()).collect();
        for runner in [Runner::Node, Runner::Python] {
            let installed = install::runner(runner)?;
            let now = unix_now()?;
            let asked: Vec<Asked> = chosen
                .iter()
                .filter(|library| library.runner == runner)
                .flat_map(|library| questions(library, now))
                .collect();
            let outcomes = exchange::ask(&installed, asked.iter().map(|asked| &asked.case))?;
            for (asked, outcome) in asked.iter().zip(outcomes) {
                let index = chosen.iter().position(|library| std::ptr::eq(*library, asked.library));
                let tally = &mut tallies[index.ok_or("a question belongs to a chosen library")?];
                tally.count(asked, outcome, now);
            }
        }
        report(&chosen, &tallies)
    }
}

#[expect(clippy::disallowed_methods, reason = "the libraries go by the clock of the machine")]
fn unix_now() -> Result<i64, Box<dyn std::error::Error>> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}

/// Everything that a library is asked: to verify what we sign, as it is and changed, and to sign.
fn questions(library: &'static Library, now: i64) -> Vec<Asked> {
    let mut asked = Vec::new();
    let now = now + library.ahead_s;
    for body in library.bodies.texts() {
        let unsigned = Case::new(library, body, now);
        asked.push(Asked { library, case: unsigned.clone().signing(), expected: Expected::Signs });
        let Some(sent) = signed(library, &unsigned, now) else { continue };
        let case = unsigned.clone().verifying(&sent);
        asked.push(Asked { library, case, expected: Expected::Taken });
        let changed = Sent { body: library.bodies.changed(&sent.body), ..sent.clone() };
        let case = unsigned.clone().verifying(&changed);
        asked.push(Asked { library, case, expected: Expected::Refused });
        let case = unsigned.clone().verifying(&sent).with_verify_key(library.other_key());
        asked.push(Asked { library, case, expected: Expected::Refused });
    }
    asked
}

/// What we would send, where the library has a receiver's side.
fn signed(library: &Library, case: &Case, now: i64) -> Option<Sent> {
    let profile = Profile::builtin(library.profile).expect("the profile is built in");
    if !profile.signs(Part::Delivery) {
        return None;
    }
    let secrets = [Secret::new(library.keys.sign)];
    let signer =
        Signer::new(profile, Part::Delivery, &secrets, &params(library)).expect("the key is of this profile");
    let url = library.url_without_digest();
    let message = Message::new(Timestamp::from_unix_seconds(now), "msg_from_hookseal", case.body.as_bytes())
        .with_url(&url);
    let mut headers = SignedHeaders::new();
    let sealed = signer.seal(&message, &mut headers).expect("the message is well formed");
    let headers = headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let body = String::from_utf8(sealed.body.into_owned()).expect("the signed body is text");
    Some(Sent { headers, body, url: sealed.url.into_owned() })
}

/// Whether we take what a library sends.
fn verifies(library: &Library, case: &Case, sent: &Sent, key: &str, now: i64) -> Result<(), String> {
    let profile = Profile::builtin(library.profile).expect("the profile is built in");
    let options = VerifyOptions { params: params(library), ..VerifyOptions::default() };
    let verifier = Verifier::new(profile, Part::Delivery, &[Secret::new(key)], options)
        .map_err(|error| error.to_string())?;
    let headers: &dyn Headers = &sent.headers;
    let request = Request { method: "POST", url: &case.url, headers, body: sent.body.as_bytes() };
    let verified = verifier.verify(&request, Timestamp::from_unix_seconds(now));
    verified.map(|_| ()).map_err(|error| error.to_string())
}

fn params(library: &Library) -> Params {
    let mut params = Params::new();
    for (name, value) in library.params {
        params.insert(*name, *value);
    }
    params
}

impl Tally {
    fn count(&mut self, asked: &Asked, outcome: Outcome, now: i64) {
        let Asked { library, case, expected } = asked;
        match (expected, outcome) {
            (Expected::Signs, Outcome::Signed(sent)) => self.count_theirs(library, case, &sent, now),
            (_, Outcome::Unsupported) => {}
            (Expected::Taken, Outcome::Taken) => self.took_ours += 1,
            (Expected::Refused, Outcome::Refused(_)) => self.refused_changed += 1,
            (Expected::Taken, outcome) => self.problem(case, "it does not take what we signed", outcome),
            (Expected::Refused, outcome) => self.problem(case, "it takes what was changed", outcome),
            (Expected::Signs, outcome) => self.problem(case, "it does not sign", outcome),
        }
    }

    fn count_theirs(&mut self, library: &Library, case: &Case, sent: &Sent, now: i64) {
        let body = if sent.body.is_empty() { case.body.clone() } else { sent.body.clone() };
        let sent = Sent { body, ..sent.clone() };
        let changed = Sent { body: library.bodies.changed(&sent.body), ..sent.clone() };
        let taken = verifies(library, case, &sent, library.keys.verify, now);
        let refused = [
            verifies(library, case, &changed, library.keys.verify, now),
            verifies(library, case, &sent, library.other_key(), now),
        ];
        match taken {
            Ok(()) if refused.iter().all(Result::is_err) => self.theirs += 1,
            Ok(()) => self.problem(case, "we take what was changed", Outcome::Signed(sent)),
            Err(error) => {
                self.problem(case, &format!("we refuse what it signed: {error}"), Outcome::Signed(sent))
            }
        }
    }

    fn problem(&mut self, case: &Case, what: &str, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Signed(sent) => format!("signed {sent:?}"),
            Outcome::Taken => "taken".to_owned(),
            Outcome::Refused(error) => format!("refused {error}"),
            Outcome::Unsupported => "not supported".to_owned(),
            Outcome::Failed(error) => format!("failed {error}"),
        };
        self.problems.push(format!("{what}\n    body {:?}\n    {outcome}", case.body));
    }
}

fn report(chosen: &[&Library], tallies: &[Tally]) -> Done {
    let width = chosen.iter().map(|library| library.name.len()).max().unwrap_or(0);
    println!("{:<width$}  {:<24} took ours  refused changed  we took theirs", "library", "profile");
    for (library, tally) in chosen.iter().zip(tallies) {
        println!(
            "{:<width$}  {:<24} {:>9}  {:>15}  {:>14}",
            library.name, library.profile, tally.took_ours, tally.refused_changed, tally.theirs
        );
    }
    let mut failed = 0;
    for (library, tally) in chosen.iter().zip(tallies) {
        let silent = tally.took_ours == 0 && tally.theirs == 0 && tally.problems.is_empty();
        let silence = silent.then(|| "nothing was signed by either side".to_owned());
        for problem in tally.problems.iter().chain(&silence) {
            println!("{}: {problem}", library.name);
            failed += 1;
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(format!("{failed} disagreements with other libraries").into()),
    }
}

/// The folder of the runner's sources.
fn sources(runner: Runner) -> std::path::PathBuf {
    let folder = match runner {
        Runner::Node => "tests/libraries/node",
        Runner::Python => "tests/libraries/python",
    };
    Path::new(&crate::shell::root()).join(folder)
}
