//! The page as one HTML file.

use minijinja::{AutoEscape, Environment, context};
use pulldown_cmark::{Options, Parser};

use super::escape;
use crate::profile::Profile;

/// The page around what the Markdown gives.
pub(super) fn page(profile: &Profile, markdown: &str) -> Result<String, minijinja::Error> {
    let mut body = String::new();
    pulldown_cmark::html::push_html(&mut body, Parser::new_ext(markdown, Options::ENABLE_TABLES));
    // A part that scrolls has to be reachable with the keyboard.
    let body = body.replace("<pre>", "<pre tabindex=\"0\">");
    let mut environment = Environment::new();
    // What is put in is HTML already.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_template("page.html.j2", include_str!("../../templates/page.html.j2"))?;
    let title = escape::html(profile.title());
    environment.get_template("page.html.j2")?.render(context! { title, body })
}
