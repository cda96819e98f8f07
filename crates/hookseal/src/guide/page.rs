use super::Options;
use crate::profile::Profile;
pub(super) enum Layout {
    Document,
    Tabs,
}
pub(super) fn markdown(_: &Profile, _: &Options, _: Layout) -> Result<String, minijinja::Error> {
    Ok(String::new())
}
