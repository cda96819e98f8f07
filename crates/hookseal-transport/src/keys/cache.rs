//! What is known of keys: those that are held, those that could not be had, and when to ask again. Pure: the time is an
//! argument, and nothing waits.

use std::collections::HashMap;
use std::time::Duration;

use hookseal::{CertificateUrl, KeyOfApi, KeyReference, Timestamp};

use super::Keys;
use super::error::KeyError;
use super::key_set::SetKey;
use crate::limits::{
    KEY_FAILURE_TIME, KEY_FAILURES_MAX, KEY_LIFETIME_DEFAULT, KEY_LIFETIME_MAX, KEY_LIFETIME_MIN,
    KEY_REFETCH_PAUSE, KEY_SOURCES_MAX, UNPROVEN_KEYS_MAX,
};

/// What is fetched at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Source {
    Certificate(CertificateUrl),
    /// A whole set, by its URL.
    Set(String),
    Api(KeyOfApi),
}

/// What is wanted of a source.
pub(super) struct Wanted<'w> {
    pub(super) source: Source,
    /// The id of a key, of a set that has several.
    pub(super) id: Option<&'w str>,
    /// The keys that did not do; only others are of use.
    pub(super) beyond: Option<&'w Keys>,
}

/// What a fetch came to.
pub(super) struct Fetched {
    pub(super) keys: Vec<SetKey>,
    /// How long the answer says that it may be kept, where it does.
    pub(super) lifetime: Option<Duration>,
    /// The end of the certificate's time, where there is one.
    pub(super) not_after: Option<Timestamp>,
}

/// What to do about what is wanted.
#[derive(Debug)]
pub(super) enum Decision {
    /// These are the keys; none where it is known that there is none.
    Answer(Keys),
    Refuse(KeyError),
    Fetch,
}

#[derive(Default)]
pub(super) struct Cache {
    held: HashMap<Source, Held>,
    failed: HashMap<Source, Failed>,
    /// By what the sources of one vendor have in common.
    unproven: HashMap<String, Window>,
    uses: u64,
}

/// Keys that were found good.
struct Held {
    keys: Vec<SetKey>,
    fetched: Timestamp,
    /// When fetching was last tried, with or without success.
    asked: Timestamp,
    expires: Timestamp,
    used: u64,
}

struct Failed {
    at: Timestamp,
    /// Nothing where the vendor says that there is no such key.
    error: Option<KeyError>,
}

/// How many were asked for since a time.
struct Window {
    start: Timestamp,
    asked: u32,
}

impl<'w> Wanted<'w> {
    pub(super) fn of(reference: &'w KeyReference, beyond: Option<&'w Keys>) -> Option<Self> {
        let (source, id) = match reference {
            KeyReference::Certificate(certificate) => (Source::Certificate(certificate.clone()), None),
            KeyReference::KeySet(key) => (Source::Set(key.url().to_owned()), key.id()),
            KeyReference::Api(key) => (Source::Api(key.clone()), None),
            _ => return None,
        };
        Some(Self { source, id, beyond })
    }
}

impl Source {
    /// What the sources of one vendor have in common, where a request can name a source that nobody has heard of.
    fn vendor(&self) -> Option<String> {
        match self {
            Self::Certificate(certificate) => Some(certificate.hosts().join(" ")),
            Self::Api(key) => Some(key.api().to_owned()),
            Self::Set(_) => None,
        }
    }
}

impl Cache {
    /// What to do, as far as it is known now.
    pub(super) fn decide(&mut self, wanted: &Wanted<'_>, now: Timestamp) -> Decision {
        self.uses += 1;
        let failed =
            self.failed.get(&wanted.source).filter(|failed| is_near(failed.at, now, KEY_FAILURE_TIME));
        if let Some(held) = self.held.get_mut(&wanted.source).filter(|held| held.is_fresh(now)) {
            held.used = self.uses;
            let keys = find(&held.keys, wanted.id);
            let will_do = !keys.is_empty() && wanted.beyond != Some(&keys);
            // What is missing may have been published since, but a stranger's word for it counts once in a while only.
            return match will_do || is_near(held.asked, now, KEY_REFETCH_PAUSE) {
                true => Decision::Answer(keys),
                false => Decision::Fetch,
            };
        }
        match failed {
            Some(Failed { error: Some(error), .. }) => Decision::Refuse(error.clone()),
            Some(Failed { error: None, .. }) => Decision::Answer(Keys::default()),
            None if self.is_throttled(&wanted.source, now) => Decision::Refuse(KeyError::Throttled),
            None => Decision::Fetch,
        }
    }

    /// Notes that a source is being fetched, which counts where it has not been good yet.
    pub(super) fn begin(&mut self, source: &Source, now: Timestamp) {
        if let Some(held) = self.held.get_mut(source) {
            held.asked = now;
            return;
        }
        let Some(vendor) = source.vendor() else { return };
        self.unproven.retain(|_, window| is_near(window.start, now, KEY_REFETCH_PAUSE));
        self.unproven.entry(vendor).or_insert(Window { start: now, asked: 0 }).asked += 1;
    }

    /// Keeps what was found.
    pub(super) fn keep(&mut self, source: Source, fetched: Fetched, now: Timestamp) {
        let lifetime =
            fetched.lifetime.unwrap_or(KEY_LIFETIME_DEFAULT).clamp(KEY_LIFETIME_MIN, KEY_LIFETIME_MAX);
        let expires = now.saturating_add(lifetime);
        let expires = fetched.not_after.map_or(expires, |not_after| expires.min(not_after));
        self.failed.remove(&source);
        if !self.held.contains_key(&source) && self.held.len() >= KEY_SOURCES_MAX {
            self.make_room(now);
        }
        let held = Held { keys: fetched.keys, fetched: now, asked: now, expires, used: self.uses };
        self.held.insert(source, held);
    }

    /// Remembers that there was nothing to be had: for this reason, or because there is no such key.
    pub(super) fn fail(&mut self, source: Source, error: Option<KeyError>, now: Timestamp) {
        if self.failed.len() >= KEY_FAILURES_MAX {
            self.failed.retain(|_, failed| is_near(failed.at, now, KEY_FAILURE_TIME));
        }
        // Beyond the bound nothing is remembered; how often unknown ones are asked for stays bounded all the same.
        if self.failed.len() < KEY_FAILURES_MAX {
            self.failed.insert(source, Failed { at: now, error });
        }
    }

    fn is_throttled(&self, source: &Source, now: Timestamp) -> bool {
        // What was good once is fetched anew when its time is over, whatever strangers ask for.
        let Some(vendor) = source.vendor().filter(|_| !self.held.contains_key(source)) else { return false };
        match self.unproven.get(&vendor) {
            Some(window) => {
                is_near(window.start, now, KEY_REFETCH_PAUSE) && window.asked >= UNPROVEN_KEYS_MAX
            }
            None => self.unproven.len() >= KEY_FAILURES_MAX,
        }
    }

    fn make_room(&mut self, now: Timestamp) {
        self.held.retain(|_, held| held.is_fresh(now));
        if self.held.len() < KEY_SOURCES_MAX {
            return;
        }
        let oldest = self.held.iter().min_by_key(|(_, held)| held.used).map(|(source, _)| source.clone());
        if let Some(source) = oldest {
            self.held.remove(&source);
        }
    }
}

impl Held {
    /// Whether the keys may still be used. A clock that was set back makes them old rather than young.
    fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.expires && self.fetched.since(now) < KEY_REFETCH_PAUSE
    }
}

impl Fetched {
    /// The keys of an id, or all where none is named.
    pub(super) fn find(&self, id: Option<&str>) -> Keys {
        find(&self.keys, id)
    }
}

fn find(keys: &[SetKey], id: Option<&str>) -> Keys {
    let fits = |key: &&SetKey| id.is_none() || key.id.as_deref() == id;
    keys.iter().filter(fits).map(|key| key.key.clone()).collect()
}

/// Whether two times are less than `span` apart, whichever comes first: a clock may be set back.
fn is_near(one: Timestamp, other: Timestamp, span: Duration) -> bool {
    one.since(other).max(other.since(one)) < span
}

#[cfg(test)]
mod tests {
    use hookseal::Secret;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_780_000_000);

    fn set(number: usize) -> Source {
        Source::Set(format!("https://{number}.test/"))
    }

    fn keep(cache: &mut Cache, number: usize, now: Timestamp) {
        let keys = vec![SetKey { id: None, key: Secret::new("{}") }];
        cache.keep(set(number), Fetched { keys, lifetime: None, not_after: None }, now);
    }

    fn answers(cache: &mut Cache, number: usize, now: Timestamp) -> bool {
        let wanted = Wanted { source: set(number), id: None, beyond: None };
        matches!(cache.decide(&wanted, now), Decision::Answer(keys) if keys.len() == 1)
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_was_used_last_stays() {
        let mut cache = Cache::default();
        for number in 0..2 * KEY_SOURCES_MAX {
            keep(&mut cache, number, NOW);
            assert!(answers(&mut cache, 0, NOW), "{number}");
        }
        assert_eq!(cache.held.len(), KEY_SOURCES_MAX);
        assert!(!answers(&mut cache, 1, NOW));
        assert!(answers(&mut cache, 2 * KEY_SOURCES_MAX - 1, NOW));
    }

    #[test]
    fn what_is_too_old_makes_room_first() {
        let mut cache = Cache::default();
        keep(&mut cache, 0, NOW.saturating_add(KEY_LIFETIME_DEFAULT / 2));
        for number in 1..KEY_SOURCES_MAX {
            keep(&mut cache, number, NOW);
            assert!(answers(&mut cache, number, NOW));
        }
        let later = NOW.saturating_add(KEY_LIFETIME_DEFAULT);
        keep(&mut cache, KEY_SOURCES_MAX, later);
        assert!(answers(&mut cache, 0, later));
        assert_eq!(cache.held.len(), 2);
    }

    #[test]
    fn failures_are_bounded() {
        let mut cache = Cache::default();
        for number in 0..2 * KEY_FAILURES_MAX {
            cache.fail(set(number), Some(KeyError::Status(404)), NOW);
        }
        assert_eq!(cache.failed.len(), KEY_FAILURES_MAX);
        cache.fail(set(0), None, NOW.saturating_add(KEY_FAILURE_TIME));
        assert_eq!(cache.failed.len(), 1);
    }
}
