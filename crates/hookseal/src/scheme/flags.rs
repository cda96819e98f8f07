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
    /// No timestamp is checked: whoever has seen a request can send it again at any time.
    pub replayable: bool,
    /// Signed values stand side by side with nothing between them, so a boundary can be shifted.
    pub ambiguous_boundary: bool,
}

impl Flags {
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
