//! In which order layouts are tried: the plausible ones first, and what is there in all.

use std::ops::Range;

/// What may stand between two signed values, the likeliest first.
pub(super) const GAPS: &[&str] = &["", ".", ":", ",", "|", "\n", ";", "-", "_", "/", " ", "&", "\r\n"];

/// Layouts that are tried together, before any of the next stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stage {
    pub(super) family: Family,
    pub(super) pool: Pool,
    /// How many values are signed.
    pub(super) values: usize,
    pub(super) gaps: Gaps,
    /// Whether a version and a separator stand before the values, as in `v0:`.
    pub(super) version: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    Hmac,
    /// A plain digest of a content that holds the secret.
    Hash,
}

/// Which values take part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pool {
    /// The body, and the times and ids that are signed beside it nearly always.
    Core,
    /// These, the other headers, the method, the URL, and digests of the body.
    All,
    /// Anything but the whole body: where parts of it are signed, or nothing of it.
    Parts,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gaps {
    /// The same between all values.
    Alike,
    /// Not the same between all.
    Mixed,
}

/// Every stage. What is not in here is not found.
pub(super) const STAGES: &[Stage] = {
    use Gaps::{Alike, Mixed};
    use Pool::{All, Core, Parts};
    &[
        hmac(All, 1, Alike, false),
        hmac(Core, 2, Alike, false),
        hmac(Core, 3, Alike, false),
        hmac(Core, 1, Alike, true),
        hmac(Core, 2, Alike, true),
        hmac(All, 2, Alike, false),
        hmac(All, 3, Alike, false),
        hmac(Core, 4, Alike, false),
        hash(Core, 2),
        hash(Core, 3),
        hmac(Parts, 1, Alike, false),
        hmac(Parts, 2, Alike, false),
        hmac(Core, 3, Alike, true),
        hmac(All, 1, Alike, true),
        hmac(All, 2, Alike, true),
        hmac(Core, 3, Mixed, false),
        hash(All, 2),
        hash(All, 3),
        hmac(All, 3, Mixed, false),
        hmac(All, 4, Alike, false),
        hash(All, 4),
        hmac(All, 3, Alike, true),
        hmac(Core, 3, Mixed, true),
        hmac(Parts, 3, Alike, false),
        hmac(All, 5, Alike, false),
        hmac(All, 3, Mixed, true),
        hmac(All, 4, Alike, true),
        hmac(All, 5, Alike, true),
    ]
};

const fn hmac(pool: Pool, values: usize, gaps: Gaps, version: bool) -> Stage {
    Stage { family: Family::Hmac, pool, values, gaps, version }
}

const fn hash(pool: Pool, values: usize) -> Stage {
    Stage { family: Family::Hash, pool, values, gaps: Gaps::Alike, version: false }
}

impl Stage {
    /// Whether a stage with fewer values to choose from has tried these already, unless a further value takes part.
    pub(super) fn is_wider(&self) -> bool {
        let narrow = Stage { pool: Pool::Core, ..*self };
        self.pool == Pool::All && STAGES.contains(&narrow)
    }

    /// Whether it has so many layouts that the rarer readings of the body are left out.
    pub(super) fn is_large(&self) -> bool {
        let mixed = self.gaps == Gaps::Mixed;
        self.pool == Pool::All && (self.values > 3 || mixed || self.values == 3 && self.version)
    }

    /// The separators that may stand before a value that follows so many others, the last of them after the separator
    /// `last`.
    pub(super) fn gaps(&self, version: Option<usize>, before: usize, last: usize) -> Range<usize> {
        let only = |gap: usize| gap..gap + 1;
        match (before, version) {
            (0, _) => only(0),
            // Of four and more values, a version is separated as they are from each other.
            (1, Some(gap)) if gap > 0 && self.values > 3 => only(gap),
            (1, _) => 0..GAPS.len(),
            _ if self.gaps == Gaps::Alike => only(last),
            // Of three different separators that of the version is one.
            (_, Some(gap)) if gap > 0 && gap != last => only(gap),
            _ => 0..GAPS.len(),
        }
    }
}
