//! HMAC and plain digests over a content that arrives in pieces.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::{Choice, ConstantTimeEq};

use crate::scheme::DigestKind;

/// The length of the longest tag, that of SHA-512.
const MAX_TAG: usize = 64;

/// An HMAC key whose two key blocks are already hashed, so that using it is a copy. As whoever has these blocks can
/// sign, they are wiped when they are dropped.
#[derive(Clone)]
pub(crate) struct MacKey(RunningMac);

/// A MAC or digest being computed.
#[derive(Clone)]
pub(crate) enum RunningMac {
    HmacSha1(Hmac<Sha1>),
    HmacSha256(Hmac<Sha256>),
    // On the heap, as they are twice the size of the others, and every move would pay for it.
    HmacSha384(Box<Hmac<Sha384>>),
    HmacSha512(Box<Hmac<Sha512>>),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Box<Sha384>),
    Sha512(Box<Sha512>),
}

/// A finished MAC or digest. The expected value of a verification is a secret, so it has neither `Debug` nor `==`.
pub(crate) struct MacTag {
    bytes: [u8; MAX_TAG],
    length: usize,
}

impl MacKey {
    pub(crate) fn new(digest: DigestKind, key: &[u8]) -> Self {
        const ANY_LENGTH: &str = "invariant: HMAC takes a key of any length";
        Self(match digest {
            DigestKind::Sha1 => RunningMac::HmacSha1(Hmac::new_from_slice(key).expect(ANY_LENGTH)),
            DigestKind::Sha256 => RunningMac::HmacSha256(Hmac::new_from_slice(key).expect(ANY_LENGTH)),
            DigestKind::Sha384 => {
                RunningMac::HmacSha384(Box::new(Hmac::new_from_slice(key).expect(ANY_LENGTH)))
            }
            DigestKind::Sha512 => {
                RunningMac::HmacSha512(Box::new(Hmac::new_from_slice(key).expect(ANY_LENGTH)))
            }
        })
    }

    pub(crate) fn start(&self) -> RunningMac {
        self.0.clone()
    }

    /// The tag of what `feed` passes on. The state is copied to where it is used and moved no more, and for none of
    /// the digests needs memory.
    pub(crate) fn tag<E>(
        &self,
        feed: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>,
    ) -> Result<MacTag, E> {
        match &self.0 {
            RunningMac::HmacSha1(mac) => tag(mac.clone(), feed),
            RunningMac::HmacSha256(mac) => tag(mac.clone(), feed),
            RunningMac::HmacSha384(mac) => tag((**mac).clone(), feed),
            RunningMac::HmacSha512(mac) => tag((**mac).clone(), feed),
            plain => {
                let mut running = plain.clone();
                feed(&mut |bytes| running.update(bytes))?;
                Ok(running.finish())
            }
        }
    }
}

fn tag<M: Mac, E>(
    mut mac: M,
    feed: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>,
) -> Result<MacTag, E> {
    feed(&mut |bytes| mac.update(bytes))?;
    Ok(MacTag::new(&mac.finalize().into_bytes()))
}

impl RunningMac {
    /// A digest without a key.
    pub(crate) fn plain(digest: DigestKind) -> Self {
        match digest {
            DigestKind::Sha1 => Self::Sha1(Sha1::new()),
            DigestKind::Sha256 => Self::Sha256(Sha256::new()),
            DigestKind::Sha384 => Self::Sha384(Box::new(Sha384::new())),
            DigestKind::Sha512 => Self::Sha512(Box::new(Sha512::new())),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::HmacSha1(mac) => mac.update(bytes),
            Self::HmacSha256(mac) => mac.update(bytes),
            Self::HmacSha384(mac) => mac.update(bytes),
            Self::HmacSha512(mac) => mac.update(bytes),
            Self::Sha1(hash) => Digest::update(hash, bytes),
            Self::Sha256(hash) => Digest::update(hash, bytes),
            Self::Sha384(hash) => Digest::update(&mut **hash, bytes),
            Self::Sha512(hash) => Digest::update(&mut **hash, bytes),
        }
    }

    pub(crate) fn finish(self) -> MacTag {
        match self {
            Self::HmacSha1(mac) => MacTag::new(&mac.finalize().into_bytes()),
            Self::HmacSha256(mac) => MacTag::new(&mac.finalize().into_bytes()),
            Self::HmacSha384(mac) => MacTag::new(&mac.finalize().into_bytes()),
            Self::HmacSha512(mac) => MacTag::new(&mac.finalize().into_bytes()),
            Self::Sha1(hash) => MacTag::new(&hash.finalize()),
            Self::Sha256(hash) => MacTag::new(&hash.finalize()),
            Self::Sha384(hash) => MacTag::new(&hash.finalize()),
            Self::Sha512(hash) => MacTag::new(&hash.finalize()),
        }
    }
}

impl MacTag {
    fn new(tag: &[u8]) -> Self {
        let mut bytes = [0; MAX_TAG];
        bytes[..tag.len()].copy_from_slice(tag);
        Self { bytes, length: tag.len() }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Compares in constant time; the lengths are no secret.
    pub(crate) fn matches(&self, candidate: &[u8]) -> Choice {
        equal(self.as_bytes(), candidate)
    }
}

/// Compares in constant time, eight bytes a step: the barrier that `subtle` puts up against the optimiser is then paid
/// for eight times less than with its comparison of slices.
fn equal(left: &[u8], right: &[u8]) -> Choice {
    let same_length = Choice::from(u8::from(left.len() == right.len()));
    let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<8>(), right.as_chunks::<8>());
    let words = left.iter().zip(right).fold(same_length, |equal, (left, right)| {
        equal & u64::from_ne_bytes(*left).ct_eq(&u64::from_ne_bytes(*right))
    });
    words & left_rest.ct_eq(right_rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_is_equality(left in proptest::collection::vec(0..3_u8, 0..20), right in proptest::collection::vec(0..3_u8, 0..20)) {
            prop_assert_eq!(bool::from(equal(&left, &right)), left == right);
            prop_assert!(bool::from(equal(&left, &left)));
        }

        #[test]
        fn one_bit_makes_a_difference(bytes in proptest::collection::vec(any::<u8>(), 1..64), at: prop::sample::Index, bit in 0..8_u8) {
            let mut other = bytes.clone();
            other[at.index(bytes.len())] ^= 1_u8 << bit;
            prop_assert!(!bool::from(equal(&bytes, &other)));
        }
    }
}
