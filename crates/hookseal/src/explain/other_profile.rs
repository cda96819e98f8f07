//! Requests that follow another profile.

use std::sync::Arc;

use super::question::Question;
use super::trial::{Change, Edit};
use super::{Code, Finding};
use crate::profile::{Part, Profile};
use crate::scheme::{Algorithm, Scheme};

/// How many profiles are named where several write the same.
const MAX_NAMED: usize = 6;

/// The other scheme of the profile, and those of all built-in ones.
pub(super) fn changes(question: &Question<'_>, scheme: &Arc<Scheme>) -> Vec<Change> {
    let other_part = match question.part {
        Part::Delivery => Part::Challenge,
        Part::Challenge => Part::Delivery,
    };
    let own = question.profile.part(other_part).map(|other| part_change(other_part, other));
    let others = Profile::builtins()
        .filter(|profile| profile.name() != question.profile.name())
        .flat_map(|profile| [Part::Delivery, Part::Challenge].map(|part| (profile, profile.part(part))))
        .filter_map(|(profile, other)| Some((profile, other?)))
        .filter(|(_, other)| !Arc::ptr_eq(other, scheme) && other.algorithm() != Some(Algorithm::None))
        .map(|(profile, other)| profile_change(profile, other));
    own.into_iter().chain(others).collect()
}

/// One finding in place of one for each profile.
pub(super) fn merge(findings: Vec<Finding>) -> Vec<Finding> {
    let (others, parts): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.code() == Code::OtherProfile);
    let mut names: Vec<&str> = others.iter().filter_map(|finding| finding.detail("profile")).collect();
    names.dedup();
    match names.as_slice() {
        [] | [_] => parts.into_iter().chain(others.into_iter().take(1)).collect(),
        names => {
            let shown =
                names.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let more = if names.len() > MAX_NAMED { " and others" } else { "" };
            let sentence = format!(
                "The request is signed with this secret as these profiles have it, which all do the same here: {shown}{more}. Verify with the one that the sender is."
            );
            let finding = Finding::new(Code::OtherProfile, sentence).with("profile", names.join(" "));
            parts.into_iter().chain([finding]).collect()
        }
    }
}

fn part_change(part: Part, scheme: &Arc<Scheme>) -> Change {
    let sentence = match part {
        Part::Challenge => {
            "The request is signed as the challenge of this profile, by which a sender checks an endpoint. Verify it with the challenge scheme."
        }
        Part::Delivery => {
            "The request is signed as an event of this profile, and not as its challenge. Verify it with the scheme of events."
        }
    };
    Change::one(Finding::new(Code::OtherPart, sentence), Edit::Scheme(Arc::clone(scheme)))
}

fn profile_change(profile: &Profile, scheme: &Arc<Scheme>) -> Change {
    let sentence = format!(
        "The request is signed with this secret as the profile `{}` has it. Verify with that profile, or have the sender follow this one.",
        profile.name()
    );
    let finding = Finding::new(Code::OtherProfile, sentence).with("profile", profile.name());
    Change::one(finding, Edit::Scheme(Arc::clone(scheme)))
}
