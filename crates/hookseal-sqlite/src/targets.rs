//! The subscriptions of an event, as bytes: each key a varint (LEB128), in the order of their places.

use hookseal_engine::SubscriptionKey;

/// Appends one key.
pub(crate) fn push(bytes: &mut Vec<u8>, key: SubscriptionKey) {
    let mut rest = key.0.cast_unsigned();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// The number of keys: each has one last byte.
pub(crate) fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte < 0x80).count()
}

/// All keys, or `None` where the bytes are not what [`push`] makes.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<SubscriptionKey>> {
    let mut keys = Vec::with_capacity(count(bytes));
    let (mut value, mut shift) = (0u64, 0);
    for byte in bytes {
        let low = u64::from(byte & 0x7f);
        if shift > 63 || (shift == 63 && low > 1) {
            return None;
        }
        value |= low << shift;
        shift += 7;
        if *byte < 0x80 {
            keys.push(SubscriptionKey(value.cast_signed()));
            (value, shift) = (0, 0);
        }
    }
    (shift == 0).then_some(keys)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_come_back_as_they_went(keys in proptest::collection::vec(any::<i64>(), 0..50)) {
            let mut bytes = Vec::new();
            keys.iter().for_each(|key| push(&mut bytes, SubscriptionKey(*key)));
            prop_assert_eq!(count(&bytes), keys.len());
            let decoded: Vec<i64> = decode(&bytes).unwrap().into_iter().map(|key| key.0).collect();
            prop_assert_eq!(decoded, keys);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(keys) = decode(&bytes) {
                prop_assert_eq!(keys.len(), count(&bytes));
            }
        }
    }

    #[test]
    fn a_small_key_takes_one_byte() {
        let mut bytes = Vec::new();
        push(&mut bytes, SubscriptionKey(127));
        assert_eq!(bytes, [127]);
        assert_eq!(decode(&[0x80]), None);
    }
}
