use crate::profile::Profile;
pub(super) fn page(_: &Profile, m: &str) -> Result<String, minijinja::Error> {
    Ok(m.to_owned())
}
