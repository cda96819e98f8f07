//! Identifiers: TypeIDs on the outside, 16 bytes on the inside.
//!
//! Every id is a UUIDv7 (RFC 9562 section 5.7) behind a prefix that names its kind. Its upper part, the **order**
//! (48 bits of unix milliseconds and a 12-bit counter), is unique and ascending within one [`IdSource`]; its lower
//! part, the **nonce**, is 62 random bits. A store can therefore keep an id as two integers, the first of which is
//! the natural row number, and needs no index to find it again.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

use hookseal::Timestamp;
use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

/// The low 62 bits of an id: what is random in it.
const NONCE_MASK: u64 = (1 << 62) - 1;

/// A text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form `{prefix}_` followed by 26 characters")]
#[non_exhaustive]
pub struct IdError {
    /// The prefix that was expected, for example `evt`.
    pub prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $marker:ident $prefix:literal;)*) => {$(
        #[derive(Default)]
        struct $marker;

        impl StaticType for $marker {
            const TYPE: &'static str = $prefix;
        }

        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u128);

        impl $name {
            /// The prefix of its text form, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Puts an id together from its order (60 bits) and nonce (62 bits); higher bits are dropped.
            pub const fn from_parts(order: u64, nonce: u64) -> Self {
                Self(join(order, nonce))
            }

            /// The ascending part: unix milliseconds in the upper 48 of 60 bits, a counter in the lower 12.
            pub const fn order(self) -> u64 {
                order(self.0)
            }

            /// The random part, 62 bits.
            pub const fn nonce(self) -> u64 {
                self.0 as u64 & NONCE_MASK
            }

            /// The id as the UUID that it is.
            pub const fn as_uuid(self) -> Uuid {
                Uuid::from_u128(self.0)
            }

            /// The id whose UUID this is.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid.as_u128())
            }

            /// The moment in the id, to the millisecond.
            pub const fn timestamp(self) -> Timestamp {
                Timestamp::from_unix_millis((self.order() >> 12) as i64)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                TypeSafeId::<$marker>::from_uuid(self.as_uuid()).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                match text.parse::<TypeSafeId<$marker>>() {
                    Ok(id) => Ok(Self(id.uuid().as_u128())),
                    Err(_) => Err(IdError { prefix: $prefix }),
                }
            }
        }
    )*};
}

ids! {
    /// The id of an event: `evt_...`.
    EventId EventMarker "evt";
    /// The id of a subscription: `sub_...`.
    SubscriptionId SubscriptionMarker "sub";
    /// The id of a delivery, the same over all of its attempts: `dlv_...`.
    DeliveryId DeliveryMarker "dlv";
    /// The id of one attempt: `att_...`.
    AttemptId AttemptMarker "att";
    /// The id of an API key: `key_...`.
    KeyId KeyMarker "key";
    /// The id of a replay: `rpl_...`.
    ReplayId ReplayMarker "rpl";
}

impl DeliveryId {
    /// The id of the delivery of `event` that was given the place `order`.
    ///
    /// A delivery's nonce follows from its event's, so that a store keeps neither. Ids name things; they are not
    /// secrets, and knowing one gives no right to anything.
    pub const fn derive(event: EventId, order: u64) -> Self {
        Self::from_parts(order, mix(event.nonce() ^ order.rotate_left(17)))
    }
}

impl AttemptId {
    /// The id of attempt `number` (from 1) of `delivery`, which began at `started_at`: derived, never stored.
    pub const fn derive(delivery: DeliveryId, number: u32, started_at: Timestamp) -> Self {
        let millis = started_at.as_unix_millis();
        let order = (if millis < 0 { 0 } else { millis as u64 }) << 12 | (number as u64 & 0xfff);
        Self::from_parts(order, mix(delivery.nonce() ^ number as u64))
    }
}

/// Gives out orders: ascending, never twice, near the clock.
///
/// The counter lives in the 12 bits below the millisecond (RFC 9562 section 6.2, method 1). When more than 4,096 are
/// taken within one millisecond, or the clock steps back, it runs ahead of the clock rather than repeat itself.
#[derive(Debug)]
pub struct IdSource {
    last: AtomicU64,
}

impl IdSource {
    /// A source whose orders are all above `floor`: the highest order that a store already holds, or 0.
    pub const fn new(floor: u64) -> Self {
        Self { last: AtomicU64::new(floor) }
    }

    /// Takes `count` consecutive orders (at least one) and returns the first.
    pub fn reserve(&self, now: Timestamp, count: u64) -> u64 {
        let clock = (now.as_unix_millis().max(0) as u64) << 12;
        let count = count.max(1);
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let first = clock.max(last + 1);
            let end = first + count - 1;
            match self.last.compare_exchange_weak(last, end, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return first,
                Err(seen) => last = seen,
            }
        }
    }
}

/// Lays order and nonce out as a UUIDv7: 48 bits of time, version 7, 12 bits, variant 0b10, 62 bits.
const fn join(order: u64, nonce: u64) -> u128 {
    let millis = (order >> 12) & 0xffff_ffff_ffff;
    let counter = order & 0xfff;
    (millis as u128) << 80 | 0x7 << 76 | (counter as u128) << 64 | 0b10 << 62 | (nonce & NONCE_MASK) as u128
}

const fn order(id: u128) -> u64 {
    ((id >> 80) as u64) << 12 | (id >> 64) as u64 & 0xfff
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): spreads its input over all bits of its output.
const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_a_version_7_uuid_and_comes_apart_again(order in 0u64..1 << 60, nonce in 0u64..1 << 62) {
            let id = EventId::from_parts(order, nonce);
            prop_assert_eq!(id.order(), order);
            prop_assert_eq!(id.nonce(), nonce);
            prop_assert_eq!(id.as_uuid().get_version_num(), 7);
            prop_assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
        }

        #[test]
        fn orders_ascend_whatever_the_clock_does(clock in proptest::collection::vec((0i64..5_000, 1u64..9), 1..200)) {
            let source = IdSource::new(77);
            let mut last = 77;
            for (now, count) in clock {
                let first = source.reserve(Timestamp::from_unix_millis(now), count);
                prop_assert!(first > last);
                last = first + count - 1;
            }
        }
    }

    #[test]
    fn ids_of_one_kind_are_refused_where_another_is_due() {
        let event = EventId::from_parts(1 << 40, 5).to_string();
        assert_eq!(event.parse::<DeliveryId>(), Err(IdError { prefix: "dlv" }));
        assert!("evt_".parse::<EventId>().is_err());
        assert!("evt_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<EventId>().is_err());
    }

    #[test]
    fn a_delivery_keeps_its_id_and_has_its_own() {
        let event = EventId::from_parts(9 << 12, 1234);
        let (one, two) = (DeliveryId::derive(event, 10), DeliveryId::derive(event, 11));
        assert_eq!(one, DeliveryId::derive(event, 10));
        assert_ne!(one.nonce(), two.nonce());
        assert_eq!(one.order(), 10);
    }
}
