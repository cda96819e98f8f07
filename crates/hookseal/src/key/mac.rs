//! HMAC and plain digests over a content that arrives in pieces.

use std::hint::black_box;

use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, FixedOutputCore, UpdateCore};
use hmac::{EagerHash, KeyInit};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::{Choice, ConstantTimeEq};

use crate::scheme::DigestKind;

/// The length of the longest tag, that of SHA-512.
const MAX_TAG: usize = 64;

/// An HMAC key whose two key blocks are already hashed, so that using it is a copy. As whoever has these blocks can
/// sign, they are wiped when they are dropped.
#[derive(Clone)]
pub(crate) enum MacKey {
    Sha1(HmacCore<Sha1>),
    Sha256(HmacCore<Sha256>),
    // On the heap, as they are twice the size of the others, and every move would pay for it.
    Sha384(Box<HmacCore<Sha384>>),
    Sha512(Box<HmacCore<Sha512>>),
}

/// A MAC or digest being computed.
#[derive(Clone)]
pub(crate) enum RunningMac {
    HmacSha1(RunningHmac<Sha1>),
    HmacSha256(RunningHmac<Sha256>),
    HmacSha384(Box<RunningHmac<Sha384>>),
    HmacSha512(Box<RunningHmac<Sha512>>),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Box<Sha384>),
    Sha512(Box<Sha512>),
}

/// An HMAC being computed, put together from the blocks' side of its crate.
///
/// It differs from the crate's `Hmac` in what is wiped: the states are, as a key can be put in their place, and the
/// buffer is not. That holds bytes of the message, and at last the inner digest, of which nobody can make a tag
/// without the outer state. To copy and wipe it with every message took 27 ns more, of 685 for 1 KiB.
pub(crate) struct RunningHmac<D: EagerHash> {
    core: HmacCore<D>,
    buffer: Buffer<HmacCore<D>>,
}

/// A finished MAC or digest. The expected value of a verification is a secret, so it has neither `Debug` nor `==`.
pub(crate) struct MacTag {
    bytes: [u8; MAX_TAG],
    length: usize,
}

/// Passes a content on, piece by piece. A trait, and no closure, so that each digest has the code of its own that the
/// compiler can see through: the pieces are short, and a call for each would cost as much as hashing it.
pub(crate) trait Content {
    /// Why there may be none.
    type Error;

    fn write(self, write: &mut impl FnMut(&[u8])) -> Result<(), Self::Error>;
}

impl MacKey {
    pub(crate) fn new(digest: DigestKind, key: &[u8]) -> Self {
        match digest {
            DigestKind::Sha1 => Self::Sha1(core(key)),
            DigestKind::Sha256 => Self::Sha256(core(key)),
            DigestKind::Sha384 => Self::Sha384(Box::new(core(key))),
            DigestKind::Sha512 => Self::Sha512(Box::new(core(key))),
        }
    }

    pub(crate) fn start(&self) -> RunningMac {
        match self {
            Self::Sha1(core) => RunningMac::HmacSha1(RunningHmac::new(core)),
            Self::Sha256(core) => RunningMac::HmacSha256(RunningHmac::new(core)),
            Self::Sha384(core) => RunningMac::HmacSha384(Box::new(RunningHmac::new(core))),
            Self::Sha512(core) => RunningMac::HmacSha512(Box::new(RunningHmac::new(core))),
        }
    }

    /// The tag of a content. The state is copied to where it is used and moved no more, and for none of the digests
    /// needs memory.
    #[inline]
    pub(crate) fn tag<C: Content>(&self, content: C) -> Result<MacTag, C::Error> {
        match self {
            Self::Sha1(core) => hmac(core, content),
            Self::Sha256(core) => hmac(core, content),
            Self::Sha384(core) => hmac(core, content),
            Self::Sha512(core) => hmac(core, content),
        }
    }
}

/// The tag of a content, without a [`RunningHmac`] that would have to be moved.
#[inline]
fn hmac<D: EagerHash, C: Content>(key: &HmacCore<D>, content: C) -> Result<MacTag, C::Error> {
    let mut core = key.clone();
    let mut buffer = Buffer::<HmacCore<D>>::default();
    content.write(&mut |bytes| buffer.digest_blocks(bytes, |blocks| core.update_blocks(blocks)))?;
    let mut tag = Output::<HmacCore<D>>::default();
    core.finalize_fixed_core(&mut buffer, &mut tag);
    Ok(MacTag::new(&tag))
}

fn core<D: EagerHash>(key: &[u8]) -> HmacCore<D> {
    HmacCore::new_from_slice(key).expect("invariant: HMAC takes a key of any length")
}

impl<D: EagerHash> RunningHmac<D> {
    #[inline]
    fn new(core: &HmacCore<D>) -> Self {
        Self { core: core.clone(), buffer: Buffer::<HmacCore<D>>::default() }
    }

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.buffer.digest_blocks(bytes, |blocks| self.core.update_blocks(blocks));
    }

    #[inline]
    fn finish(mut self) -> MacTag {
        let mut tag = Output::<HmacCore<D>>::default();
        self.core.finalize_fixed_core(&mut self.buffer, &mut tag);
        MacTag::new(&tag)
    }
}

impl<D: EagerHash> Clone for RunningHmac<D> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone(), buffer: self.buffer.clone() }
    }
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

    /// The tag of a content that follows on what came before.
    pub(crate) fn tag<C: Content>(mut self, content: C) -> Result<MacTag, C::Error> {
        content.write(&mut |bytes| self.update(bytes))?;
        Ok(self.finish())
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
            Self::HmacSha1(mac) => mac.finish(),
            Self::HmacSha256(mac) => mac.finish(),
            Self::HmacSha384(mac) => mac.finish(),
            Self::HmacSha512(mac) => mac.finish(),
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

/// Compares in constant time, eight bytes a step. What differs is gathered and judged once, at the end, so that the
/// barrier of `subtle` against the optimiser is paid for once and not with every word; until then the standard library's
/// keeps it from leaving early.
fn equal(left: &[u8], right: &[u8]) -> Choice {
    if left.len() != right.len() {
        return Choice::from(0);
    }
    let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<8>(), right.as_chunks::<8>());
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    let words = left.iter().zip(right).map(|(left, right)| word(left) ^ word(right));
    let rest = left_rest.iter().zip(right_rest).map(|(left, right)| u64::from(left ^ right));
    let differs = |differs: u64, more: u64| black_box(differs | more);
    rest.fold(words.fold(0, differs), differs).ct_eq(&0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, Mac};
    use proptest::prelude::*;

    /// A content that comes in these pieces.
    struct Pieces<'p>(&'p [Vec<u8>]);

    impl Content for Pieces<'_> {
        type Error = ();

        fn write(self, write: &mut impl FnMut(&[u8])) -> Result<(), ()> {
            self.0.iter().for_each(|piece| write(piece));
            Ok(())
        }
    }

    fn by_the_crate<D: EagerHash>(key: &[u8], message: &[u8]) -> Vec<u8>
    where
        Hmac<D>: Mac + KeyInit,
    {
        let mac = <Hmac<D> as KeyInit>::new_from_slice(key).unwrap();
        mac.chain_update(message).finalize().into_bytes().to_vec()
    }

    proptest! {
        #[test]
        fn an_hmac_is_that_of_its_crate(
            key in proptest::collection::vec(any::<u8>(), 1..200),
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..150), 0..8),
        ) {
            let message = pieces.concat();
            for (digest, expected) in [
                (DigestKind::Sha1, by_the_crate::<Sha1>(&key, &message)),
                (DigestKind::Sha256, by_the_crate::<Sha256>(&key, &message)),
                (DigestKind::Sha384, by_the_crate::<Sha384>(&key, &message)),
                (DigestKind::Sha512, by_the_crate::<Sha512>(&key, &message)),
            ] {
                let key = MacKey::new(digest, &key);
                let mut running = key.start();
                pieces.iter().for_each(|piece| running.update(piece));
                let at_once = key.tag(Pieces(&pieces)).unwrap();
                for tag in [at_once, running.clone().finish(), running.finish()] {
                    prop_assert_eq!(tag.as_bytes(), &expected);
                }
            }
        }

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
