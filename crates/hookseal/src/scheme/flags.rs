//! What a verification does not prove.

/// What a verification does not prove, so that a caller can act on it. Worked out from the profile.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct Flags {
    /// Bodies with different bytes have the same signature: the reading drops or rewrites some.
    pub body_malleable: bool,
    /// The signature covers the body in part or not at all.
    pub body_unsigned: bool,
    /// The algorithm, or what binds the body, is known to be weak: SHA-1, a plain hash, a CRC.
    pub weak: bool,
    /// No timestamp is checked, or it may lie any time back: whoever has seen a request can send it again.
    pub replayable: bool,
    /// Other values can make the same signed content, as nothing that a value cannot hold stands between them: a byte
    /// can be moved from one to the next, and the signature still holds.
    pub ambiguous_boundary: bool,
}

impl Flags {
    /// The names of `admit` that a profile with these flags needs, in the order of the fields. A scheme that can be
    /// replayed needs none: that is for the receiver to notice, by the delivery's id or the body's digest.
    pub fn admissions(self) -> impl Iterator<Item = &'static str> {
        let set = [self.body_malleable, self.body_unsigned, self.weak, self.ambiguous_boundary];
        Self::ADMISSIONS.into_iter().zip(set).filter_map(|(name, set)| set.then_some(name))
    }

    pub(crate) const ADMISSIONS: [&'static str; 4] =
        ["body-malleable", "body-unsigned", "weak", "ambiguous-boundary"];

    /// The names of the flags that are set, in the order of the fields.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.body_malleable, "body_malleable"),
            (self.body_unsigned, "body_unsigned"),
            (self.weak, "weak"),
            (self.replayable, "replayable"),
            (self.ambiguous_boundary, "ambiguous_boundary"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
    }
}
