//! The page, put together from the facts, the code and the templates.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde::Serialize;

use super::facts::PageFacts;
use super::plan::Plan;
use super::{Language, NotGenerated, Options, code, escape, example};
use crate::profile::{Part, Profile};

/// How the languages stand on the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// One below the other, each to be opened.
    Document,
    /// As tabs, which are HTML.
    Tabs,
}

/// The code of one language.
#[derive(Serialize)]
struct CodeFacts {
    name: &'static str,
    title: &'static str,
    fence: &'static str,
    runs_on: &'static str,
    /// What is to be installed.
    needs: &'static str,
    file: &'static str,
    framework: &'static str,
    verify: String,
    handler: String,
    /// Why there is none; empty where there is.
    reason: String,
}

pub(super) fn markdown(
    profile: &Profile,
    options: &Options,
    layout: Layout,
) -> Result<String, minijinja::Error> {
    let plan = Plan::of(profile, Part::Delivery);
    let example = example::of(profile);
    let languages = shown(&plan, &options.languages);
    let names = languages.iter().map(|language| language.name()).collect();
    let facts = PageFacts::of(profile, plan.as_ref().map_err(ToString::to_string), example.as_ref(), names);
    let environment = environment();
    let code = codes(&environment, profile, Part::Delivery, &languages, layout)?;
    let challenge_code = match profile.part(Part::Challenge) {
        Some(_) => codes(&environment, profile, Part::Challenge, &languages, layout)?,
        None => String::new(),
    };
    let page = environment.get_template("page.md.j2")?.render(context! {
        plan => plan.ok(),
        example => example.as_ref().map(example_context),
        page => context! { code, challenge_code, ..Value::from_serialize(&facts) },
    })?;
    Ok(tidy(&page))
}

/// The languages on the page: where no language has a short sample, only the one that uses the library.
fn shown(plan: &Result<Plan, NotGenerated>, languages: &[Language]) -> Vec<Language> {
    match plan {
        Ok(_) => languages.to_vec(),
        Err(_) => vec![Language::Rust],
    }
}

fn codes(
    environment: &Environment<'_>,
    profile: &Profile,
    part: Part,
    languages: &[Language],
    layout: Layout,
) -> Result<String, minijinja::Error> {
    let codes: Vec<CodeFacts> =
        languages.iter().map(|language| CodeFacts::of(profile, part, *language)).collect();
    let template = match layout {
        Layout::Document => "code-document.md.j2",
        Layout::Tabs => "code-tabs.md.j2",
    };
    let group = if part == Part::Delivery { "language" } else { "challenge-language" };
    environment.get_template(template)?.render(context! { codes, group })
}

impl CodeFacts {
    fn of(profile: &Profile, part: Part, language: Language) -> Self {
        let facts = language.facts();
        let (verify, reason) = match code::verification(profile, part, language) {
            Ok(code) => (code, String::new()),
            Err(reason) => (String::new(), reason.to_string()),
        };
        // The challenge comes to the same handler, so there is no second one.
        let handler = match part {
            Part::Delivery => code::handler(profile, part, language).unwrap_or_default(),
            Part::Challenge => String::new(),
        };
        let public_key = verify.contains("from cryptography");
        let needs = match language {
            Language::Python if public_key => "It needs `pip install cryptography`.",
            Language::Rust => "It needs `cargo add hookseal`.",
            Language::CSharp => {
                "Unlike the other samples, this one is not executed in the tests of this guide."
            }
            _ => "",
        };
        Self {
            name: facts.name,
            title: facts.title,
            fence: facts.fence,
            runs_on: facts.runs_on,
            needs,
            file: facts.file,
            framework: facts.framework,
            verify,
            handler,
            reason,
        }
    }
}

fn example_context(example: &example::Example) -> Value {
    context! {
        secret => example.secret,
        headers => example.headers,
        body => example.body,
        url => example.url,
        params => example.params,
        now => example.now.to_string(),
        now_unix => example.now.as_unix_seconds(),
        content => example.content,
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_filter("md", |text: String| escape::markdown(&text));
    environment.add_filter("code", |text: String| escape::code_span(&text));
    environment.add_filter("cell", |text: String| escape::cell(&text));
    environment.add_filter("shell", |text: String| escape::shell(&text));
    environment.set_loader(|name| Ok(source(name).map(str::to_owned)));
    environment
}

fn source(name: &str) -> Option<&'static str> {
    Some(match name {
        "page.md.j2" => include_str!("../../templates/page.md.j2"),
        "code-document.md.j2" => include_str!("../../templates/code-document.md.j2"),
        "code-tabs.md.j2" => include_str!("../../templates/code-tabs.md.j2"),
        _ => return None,
    })
}

/// No more than one empty line in a row outside of code, where two may be meant.
fn tidy(text: &str) -> String {
    let mut out = String::new();
    let mut in_code = false;
    let mut empty = false;
    for line in text.trim().lines() {
        in_code ^= line.starts_with("```");
        if in_code || !line.is_empty() || !empty {
            out.push_str(line);
            out.push('\n');
        }
        empty = line.is_empty();
    }
    out
}
