//! JSON Web Key Sets (RFC 7517 section 5), as far as finding a key by its id goes.

use hookseal::Secret;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::limits::KEYS_PER_SET_MAX;

/// A key as it is written, and its id.
pub(super) struct SetKey {
    pub(super) id: Option<String>,
    pub(super) key: Secret,
}

#[derive(Deserialize)]
struct Document<'d> {
    #[serde(borrow)]
    keys: Vec<&'d RawValue>,
}

#[derive(Deserialize)]
struct Id {
    kid: Option<String>,
}

/// The keys of a set, each as it is written: whether it is one that can be used is for the library to say. What is not
/// an object, or has an id that is no text, is left out, since a set may hold what is not known here.
pub(super) fn parse(body: &[u8]) -> Option<Vec<SetKey>> {
    let document: Document<'_> = serde_json::from_slice(body).ok()?;
    let read = |key: &&RawValue| {
        let Id { kid } = serde_json::from_str(key.get()).ok()?;
        Some(SetKey { id: kid, key: Secret::new(key.get()) })
    };
    let keys: Vec<SetKey> = document.keys.iter().take(KEYS_PER_SET_MAX).filter_map(read).collect();
    (!keys.is_empty()).then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(body: &str) -> Option<Vec<Option<String>>> {
        Some(parse(body.as_bytes())?.into_iter().map(|key| key.id).collect())
    }

    #[test]
    fn keys_are_kept_as_they_are_written() {
        let keys = parse(br#"{"keys":[ {"kid":"a", "kty":"OKP"}, {"kty":"EC"} ],"more":1}"#).unwrap();
        assert_eq!(keys[0].id.as_deref(), Some("a"));
        assert_eq!(keys[0].key.expose(), br#"{"kid":"a", "kty":"OKP"}"#);
        assert_eq!(keys[1].id, None);
    }

    #[test]
    fn what_is_no_key_is_left_out_and_no_key_at_all_is_no_set() {
        assert_eq!(
            ids(r#"{"keys":[1,"x",null,[],{"kid":7},{"kid":"b"}]}"#),
            Some(vec![Some("b".to_owned())])
        );
        for body in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[]}"#, r#"{"keys":[1]}"#, "<html>"] {
            assert_eq!(ids(body), None, "{body}");
        }
    }

    #[test]
    fn a_set_is_bounded() {
        let many = vec!["{}"; 10 * KEYS_PER_SET_MAX].join(",");
        assert_eq!(ids(&format!(r#"{{"keys":[{many}]}}"#)).unwrap().len(), KEYS_PER_SET_MAX);
    }
}
