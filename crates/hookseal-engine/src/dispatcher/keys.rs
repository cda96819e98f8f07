//! A map by subscription. Several look-ups are made for each attempt, and the keys are a store's own small numbers, which
//! nobody chooses to collide: one multiplication spreads them. Its order is the same in every run.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use crate::SubscriptionKey;

pub(super) type ByKey<V> = HashMap<SubscriptionKey, V, BuildHasherDefault<Spread>>;

/// Multiplicative hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4).
#[derive(Debug, Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_i64(i64::from(*byte)));
    }

    fn write_i64(&mut self, number: i64) {
        self.0 = (self.0 ^ number.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
