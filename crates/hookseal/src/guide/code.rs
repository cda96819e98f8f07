//! Code that verifies, in several languages, from one plan.

use minijinja::{Environment, UndefinedBehavior, context};

use super::literal::{Escape, Quoting, comment};
use super::plan::{self, Plan};
use super::{Language, NotGenerated};
use crate::profile::{Part, Profile};

/// Literals whose bytes are UTF-8.
const BYTES: Quoting = Quoting { interpolation: "", escape: Escape::Bytes };

/// The code of a part of a profile.
pub(super) fn verification(
    profile: &Profile,
    part: Part,
    language: Language,
) -> Result<String, NotGenerated> {
    render(profile, part, language, language.facts().verify)
}

/// The web server's side of it.
pub(super) fn handler(profile: &Profile, part: Part, language: Language) -> Result<String, NotGenerated> {
    render(profile, part, language, language.facts().handler)
}

fn render(profile: &Profile, part: Part, language: Language, template: &str) -> Result<String, NotGenerated> {
    let scheme = profile.part(part).ok_or(NotGenerated::NoSuchPart)?;
    if scheme.signature.is_none() {
        return Err(NotGenerated::Unsigned);
    }
    // The sample in Rust leaves the steps to the library.
    let plan = match language {
        Language::Rust => None,
        _ => Some(Plan::of(profile, part)?),
    };
    if let Some(needs) = plan.as_ref().and_then(|plan| lacks(language, plan)) {
        return Err(NotGenerated::Language { needs });
    }
    let environment = environment(language);
    let library = context! {
        profile => profile.name(),
        builtin => plan::is_builtin(profile),
        challenge => part == Part::Challenge,
        extras => plan::extras(scheme),
    };
    let context = context! {
        plan => plan,
        library => library,
        environment_variable => environment_variable(profile),
        success => success_status(profile),
    };
    let text = environment
        .get_template(template)
        .and_then(|template| template.render(context))
        .map_err(|error| NotGenerated::Template(error.to_string()))?;
    let text = tidy(&text, language);
    Ok(if language == Language::Go { with_tabs(&text) } else { text })
}

/// What the standard library of a language does not have and a scheme needs.
fn lacks(language: Language, plan: &Plan) -> Option<&'static str> {
    match language {
        Language::Java if plan.uses.json => {
            Some("a JSON parser, which Java's standard library does not have")
        }
        Language::CSharp if plan.algorithm.kind == "ed25519" => {
            Some("Ed25519, which the standard library of .NET does not have")
        }
        _ => None,
    }
}

/// The name of the environment variable from which the sample takes the secret.
pub(super) fn environment_variable(profile: &Profile) -> String {
    format!("{}_WEBHOOK_SECRET", profile.name().to_ascii_uppercase().replace('-', "_"))
}

fn environment(language: Language) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    let quoting = language.quoting();
    environment.add_filter("quote", move |text: String| quoting.quote(&text));
    environment.add_filter("bytes", move |text: String| format!("b{}", BYTES.quote(&text)));
    environment.add_filter("comment", |text: String| comment(&text));
    environment.add_filter("camel", |text: String| camel(&text));
    environment.add_filter("pascal", |text: String| capitalised(&camel(&text)));
    environment.add_filter("canonical", |text: String| canonical_header(&text));
    environment.add_filter("cgi", |text: String| text.to_ascii_uppercase().replace('-', "_"));
    environment.add_filter("regex", |text: String| regex_escape(&text));
    environment.set_loader(|name| Ok(source(name).map(str::to_owned)));
    environment
}

fn source(name: &str) -> Option<&'static str> {
    Some(match name {
        "node.j2" => include_str!("../../templates/node.j2"),
        "node-handler.j2" => include_str!("../../templates/node-handler.j2"),
        "python.j2" => include_str!("../../templates/python.j2"),
        "python-handler.j2" => include_str!("../../templates/python-handler.j2"),
        "go.j2" => include_str!("../../templates/go.j2"),
        "go-handler.j2" => include_str!("../../templates/go-handler.j2"),
        "ruby.j2" => include_str!("../../templates/ruby.j2"),
        "ruby-handler.j2" => include_str!("../../templates/ruby-handler.j2"),
        "php.j2" => include_str!("../../templates/php.j2"),
        "php-handler.j2" => include_str!("../../templates/php-handler.j2"),
        "java.j2" => include_str!("../../templates/java.j2"),
        "java-handler.j2" => include_str!("../../templates/java-handler.j2"),
        "csharp.j2" => include_str!("../../templates/csharp.j2"),
        "csharp-handler.j2" => include_str!("../../templates/csharp-handler.j2"),
        "rust.j2" => include_str!("../../templates/rust.j2"),
        "rust-handler.j2" => include_str!("../../templates/rust-handler.j2"),
        _ => return None,
    })
}

impl Language {
    fn quoting(self) -> Quoting {
        let quoting = |escape| Quoting { interpolation: "", escape };
        match self {
            Self::Node | Self::Rust => quoting(Escape::Braces),
            Self::Python | Self::Go => quoting(Escape::Long),
            Self::Php => Quoting { interpolation: "$", ..BYTES },
            Self::Ruby => Quoting { interpolation: "#", ..BYTES },
            Self::Java | Self::CSharp => quoting(Escape::Utf16),
        }
    }
}

/// Leaves no space at the end of a line and no more than one empty line in a row, which templates would; between the
/// definitions of a Python module there are two.
fn tidy(text: &str, language: Language) -> String {
    let mut out = String::new();
    let mut empty = 0;
    for line in text.trim().lines().map(str::trim_end) {
        if line.is_empty() {
            empty += 1;
            continue;
        }
        let most = if language == Language::Python && !line.starts_with(' ') { 2 } else { 1 };
        out.extend(std::iter::repeat_n('\n', empty.min(most)));
        out.push_str(line);
        out.push('\n');
        empty = 0;
    }
    out
}

/// Four spaces at the beginning of a line as a tab each, as gofmt has it.
fn with_tabs(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let content = line.trim_start_matches(' ');
        let depth = (line.len() - content.len()) / 4;
        out.extend(std::iter::repeat_n('\t', depth));
        out.push_str(content);
        out.push('\n');
    }
    out
}

/// `public_key` as `publicKey`.
fn camel(text: &str) -> String {
    let mut words = text.split(['_', '-']);
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &capitalised(word))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
}

/// `x-hub-signature` as `X-Hub-Signature`.
fn canonical_header(text: &str) -> String {
    text.split('-').map(capitalised).collect::<Vec<_>>().join("-")
}

/// `text` within a regular expression between slashes: everything but letters and digits as its code.
fn regex_escape(text: &str) -> String {
    let escape = |character: char| match character {
        character if character.is_ascii_alphanumeric() => character.to_string(),
        character if u32::from(character) < 0x100 => format!("\\x{:02x}", u32::from(character)),
        character => character.to_string(),
    };
    text.chars().map(escape).collect()
}

/// A status by which a handler says that it has the event: 200 where that is one.
pub(super) fn success_status(profile: &Profile) -> u16 {
    let success = profile.delivery().success();
    [200, 204, 202].into_iter().chain(200..300).find(|status| success.contains(*status)).unwrap_or(200)
}
