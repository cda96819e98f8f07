//! API keys: who may call, in which scope.

use std::{collections::HashMap, fmt};

use hookseal::{Secret, Timestamp};
use hookseal_engine::{
    KeyId, Scope,
    ports::{
        Entropy, Store,
        store::{ApiKey, StoreError},
    },
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::limits;

/// Mode and prefix of every key: it acts in the scope of tenant `default` in that mode.
const MODES: [(&str, Scope); 2] = [("hs_live_", Scope::DEFAULT_LIVE), ("hs_test_", Scope::DEFAULT_TEST)];

/// The name under which the operator's key is stored.
const OPERATOR: &str = "operator";

/// The API keys in memory: the SHA-256 of each, and what it may do.
///
/// Keys are random and long, so that a plain digest gives nothing away; a slow one would have no place on every
/// request.
///
/// ```
/// use hookseal::Timestamp;
/// use hookseal_server::Keyring;
/// use hookseal_testkit::{MemoryStore, SeededEntropy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (store, entropy) = (MemoryStore::new(), SeededEntropy::new(1));
/// let now = Timestamp::from_unix_seconds(1_750_000_000);
/// let mut keys = Keyring::load(&store).await?;
/// let made = keys.ensure_operator(&store, None, now, &entropy).await?;
/// assert!(made.is_some_and(|key| key.starts_with("hs_live_")));
/// assert_eq!(keys.ensure_operator(&store, None, now, &entropy).await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Keyring {
    /// By the first 64 bits of the digest.
    entries: HashMap<u64, Vec<Entry>>,
}

struct Entry {
    hash: [u8; 32],
    access: Access,
}

/// What a key gives access to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    /// Tenant and mode.
    pub(crate) scope: Scope,
    /// Whether it reaches the calls below `/v1/tenants`.
    pub(crate) operator: bool,
}

/// Why there is no operator key to call with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key that was given begins with neither prefix.
    #[error("an operator key begins with `hs_live_` or `hs_test_`")]
    Prefix,
    /// The key that was given is too short to be safe, or longer than any key is.
    #[error(
        "an operator key has {} to {} characters, this one has {chars}",
        limits::OPERATOR_KEY_CHARS_MIN,
        limits::KEY_CHARS_MAX
    )]
    Length {
        /// How many it has.
        chars: usize,
    },
    /// The key that was given could not be sent in a header.
    #[error("an operator key holds visible ASCII characters alone, and no space")]
    Characters,
    /// The key that was given is stored already, and is not an operator's.
    #[error("the key is in use and is not an operator's")]
    NotOperator,
    /// It could not be stored.
    #[error("the operator key could not be stored")]
    Store(#[source] StoreError),
}

impl Keyring {
    /// Reads the keys of a store.
    ///
    /// # Errors
    ///
    /// Whatever kept the store from answering.
    pub async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let mut keyring = Self::default();
        for key in store.keys().await? {
            keyring.insert(&key);
        }
        Ok(keyring)
    }

    /// Makes sure that there is an operator key: stores `given` where it is new, or makes one where the store has
    /// none and nothing is given. Returns the text of a key that was made here, to be shown this once.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which says what would be right; `Store` where the store refused.
    pub async fn ensure_operator(
        &mut self,
        store: &dyn Store,
        given: Option<&Secret>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Option<String>, KeyError> {
        if let Some(given) = given {
            let scope = check_given(given.expose())?;
            return match self.access(given.expose()) {
                Some(known) if known.operator => Ok(None),
                Some(_) => Err(KeyError::NotOperator),
                None => self.add_operator(store, given.expose(), scope, now, entropy).await.map(|()| None),
            };
        }
        if self.entries.values().flatten().any(|entry| entry.access.operator) {
            return Ok(None);
        }
        let (prefix, scope) = MODES[0];
        let mut bits = [0; 32];
        entropy.fill(&mut bits);
        // Hexadecimal digits: a double click takes all of the key, and nothing in it means something to a shell.
        let digits: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("{prefix}{digits}");
        self.add_operator(store, text.as_bytes(), scope, now, entropy).await?;
        Ok(Some(text))
    }

    /// What a key that a client sent gives access to; `None` where there is no such key.
    ///
    /// The digest picks a handful of candidates, which are compared in constant time. What timing could show is the
    /// digest of a guess, and that its maker knows.
    pub(crate) fn access(&self, text: &[u8]) -> Option<Access> {
        if text.len() > limits::KEY_CHARS_MAX {
            return None;
        }
        let hash = digest(text);
        let candidates = self.entries.get(&bucket(&hash))?;
        candidates.iter().find(|entry| entry.hash.ct_eq(&hash).into()).map(|entry| entry.access)
    }

    async fn add_operator(
        &mut self,
        store: &dyn Store,
        text: &[u8],
        scope: Scope,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(), KeyError> {
        let millis = u64::try_from(now.as_unix_millis()).unwrap_or(0);
        let key = ApiKey {
            id: KeyId::from_parts(millis << 12 | entropy.next_u64() & 0xfff, entropy.next_u64()),
            hash: digest(text),
            scope,
            operator: true,
            name: OPERATOR.to_owned(),
            created_at: now,
        };
        store.add_key(key.clone()).await.map_err(KeyError::Store)?;
        self.insert(&key);
        Ok(())
    }

    fn insert(&mut self, key: &ApiKey) {
        let access = Access { scope: key.scope, operator: key.operator };
        self.entries.entry(bucket(&key.hash)).or_default().push(Entry { hash: key.hash, access });
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("keys", &self.entries.values().flatten().count()).finish()
    }
}

/// The scope of a key that an operator chose, once it is found to be one.
fn check_given(key: &[u8]) -> Result<Scope, KeyError> {
    let mode = MODES.iter().find(|(prefix, _)| key.starts_with(prefix.as_bytes()));
    let &(_, scope) = mode.ok_or(KeyError::Prefix)?;
    if !key.iter().all(u8::is_ascii_graphic) {
        return Err(KeyError::Characters);
    }
    if !(limits::OPERATOR_KEY_CHARS_MIN..=limits::KEY_CHARS_MAX).contains(&key.len()) {
        return Err(KeyError::Length { chars: key.len() });
    }
    Ok(scope)
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn bucket(hash: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_key_is_long_plain_and_names_its_mode() {
        let live = format!("hs_live_{}", "x".repeat(24));
        assert_eq!(check_given(live.as_bytes()).unwrap(), Scope(1));
        assert_eq!(check_given(live.replace("live", "test").as_bytes()).unwrap(), Scope(2));
        for (bad, why) in [
            ("", "begins with"),
            ("HS_LIVE_xxxxxxxxxxxxxxxxxxxxxxxxxx", "begins with"),
            ("hs_live_xxxxxxxxxxxxxxxxxxxxxxx", "this one has 31"),
            ("hs_live_xxxxxxxxxxxx xxxxxxxxxxxxx", "visible ASCII"),
            ("hs_live_xxxxxxxxxxxxxxxxxxxxxxxxä", "visible ASCII"),
        ] {
            let error = check_given(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{bad}: {error}");
            assert!(bad.is_empty() || !error.contains(bad), "{bad}: {error}");
        }
    }
}
