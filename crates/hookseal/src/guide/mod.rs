//! The page by which a vendor's customers verify, written from a profile.
//!
//! [`markdown`] and [`html`] write the page: what arrives, how it is verified step by step, a request to try it with, code
//! in eight languages, and what to watch out for. [`code`] is the code of one language alone.
//!
//! ```
//! use hookseal::Profile;
//! use hookseal::guide::{self, Language, Options};
//!
//! let profile = Profile::builtin("harmon").expect("built in");
//! let page = guide::markdown(profile, &Options::default())?;
//! assert!(page.starts_with("# Verify Harmon storefront webhooks"));
//!
//! let code = guide::code(profile, Language::Node)?;
//! assert!(code.contains("timingSafeEqual"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The code depends on the language's standard library alone, with two exceptions that it names: public keys in Python
//! need `cryptography`, and Rust uses this library. Texts of the profile are escaped wherever they stand.

mod code;
mod escape;
mod example;
mod facts;
mod html;
mod language;
mod literal;
mod page;
mod plan;

pub use example::Example;
pub use language::Language;

use crate::profile::{Part, Profile};

/// What is on a page.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The languages of the code, in the order in which they stand on the page.
    pub languages: Vec<Language>,
}

impl Default for Options {
    fn default() -> Self {
        Self { languages: Language::ALL.to_vec() }
    }
}

impl Options {
    /// A page with code in these languages alone.
    #[must_use]
    pub fn with_languages(mut self, languages: impl Into<Vec<Language>>) -> Self {
        self.languages = languages.into();
        self
    }
}

/// Why there is no code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotGenerated {
    /// The profile has no such part.
    #[error("the profile has no challenge scheme")]
    NoSuchPart,
    /// The vendor sends no proof, so there is nothing to verify.
    #[error("the vendor sends no proof of where a request comes from")]
    Unsigned,
    /// The key is the vendor's, and is fetched and checked at run time.
    #[error("the key is fetched from the vendor and checked at run time")]
    FetchedKey,
    /// The key has a form that needs more than a short sample.
    #[error("the key is written in a form that a short sample does not read")]
    KeyForm,
    /// What is signed is a canonical form of the request, with rules of its own.
    #[error("what is signed is a canonical form of the request with rules of its own")]
    Canonical,
    /// What is signed is a reading of the body that a short sample does not make.
    #[error("what is signed is a rewritten form of the body")]
    Reading,
    /// The parts of the scheme are put together in a way that no known vendor does.
    #[error("the scheme puts its parts together in a way that the samples do not know")]
    Combination,
    /// The language does not have what the scheme needs.
    #[error("the scheme needs {needs}")]
    Language {
        /// What it needs and the language does not have.
        needs: &'static str,
    },
    /// A template is broken, which is a mistake in this library.
    #[error("a template is broken: {0}")]
    Template(String),
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[error("the page cannot be written")]
pub struct PageError(#[source] minijinja::Error);

/// The page in Markdown (CommonMark with the tables of GitHub).
///
/// # Errors
/// [`PageError`] only where a template of this library is broken.
pub fn markdown(profile: &Profile, options: &Options) -> Result<String, PageError> {
    page::markdown(profile, options, page::Layout::Document).map_err(PageError)
}

/// The page in HTML: one file with its style inside, which needs nothing else and runs no script.
///
/// # Errors
/// As for [`markdown`].
pub fn html(profile: &Profile, options: &Options) -> Result<String, PageError> {
    let markdown = page::markdown(profile, options, page::Layout::Tabs).map_err(PageError)?;
    html::page(profile, &markdown).map_err(PageError)
}

/// The code that verifies the deliveries of a profile.
///
/// # Errors
/// [`NotGenerated`] says what stands in the way; the library itself verifies every profile.
pub fn code(profile: &Profile, language: Language) -> Result<String, NotGenerated> {
    part_code(profile, Part::Delivery, language)
}

/// The code that verifies one part of a profile.
///
/// # Errors
/// As for [`code`].
pub fn part_code(profile: &Profile, part: Part, language: Language) -> Result<String, NotGenerated> {
    code::verification(profile, part, language)
}

/// The web server's side of the code: how to get at the bytes of the body, and what to answer.
///
/// # Errors
/// As for [`code`].
pub fn handler_code(profile: &Profile, language: Language) -> Result<String, NotGenerated> {
    code::handler(profile, Part::Delivery, language)
}

/// What the code of a part takes besides the headers, the body, the secrets and the time, in order: `method`, `url`,
/// and names of parameters.
pub fn arguments(profile: &Profile, part: Part) -> Vec<String> {
    let scheme = profile.part(part);
    scheme.map_or_else(Vec::new, |scheme| plan::extras(scheme).into_iter().map(|extra| extra.name).collect())
}

/// A request that verifies, where the library can sign one for this profile.
pub fn example(profile: &Profile) -> Option<Example> {
    example::of(profile)
}
