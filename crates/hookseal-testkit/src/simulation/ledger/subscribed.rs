//! What the outside knows of a subscription: what it may be, while an answer is open or was lost.

use std::{collections::VecDeque, sync::Arc};

use hookseal::{Part, Profile, Request, Secret, Timestamp, Verifier, VerifyOptions};
use hookseal_engine::{
    EventType, Scope, Subscription, SubscriptionId, SubscriptionKey, SubscriptionStatus, limits,
};

use super::Publication;
use crate::{memory::MemoryStore, simulation::plan::Millis};

/// The longest window in which a rate is judged.
const WINDOW: Millis = 10_000;

/// What counts of a subscription's settings.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// Whether deliveries may begin.
    pub(crate) active: bool,
    pub(crate) cap: u32,
    pub(crate) rate: Option<u32>,
    /// What its deliveries are signed with; nothing where they are not signed.
    keys: Vec<Key>,
}

/// A secret, and what verifies by it.
#[derive(Debug, Clone)]
struct Key {
    secret: Secret,
    verifier: Option<Arc<Verifier>>,
    /// From when on it signs no more.
    expires_at: Option<Timestamp>,
}

impl Key {
    fn verifies(&self, request: &Request<'_>, at: Timestamp) -> bool {
        self.verifier.as_ref().is_none_or(|verifier| verifier.verify(request, at).is_ok())
    }
}

/// What a request's signatures are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    /// They are those of the secrets in force.
    Right,
    /// One of those in force has signed, but not all of them, or another too.
    ByOthersToo,
    /// None of those in force has signed.
    Wrong,
}

impl Version {
    /// What counts of these settings.
    pub(crate) fn of(subscription: &Subscription) -> Self {
        let settings = &subscription.settings;
        let keys = subscription.secrets.iter().map(|secret| Key {
            verifier: verifier(&settings.profile, &secret.secret),
            secret: secret.secret.clone(),
            expires_at: secret.expires_at,
        });
        let most = if settings.ordered.is_some() { Some(1) } else { settings.max_in_flight };
        Self {
            active: subscription.status == SubscriptionStatus::Active,
            cap: most.unwrap_or(limits::MAX_IN_FLIGHT_DEFAULT),
            rate: settings.rate_limit_per_s,
            keys: keys.collect(),
        }
    }

    fn has(&self, key: &Key) -> bool {
        self.keys.iter().any(|own| own.secret == key.secret)
    }

    /// Judges a request that goes out at this time, on a wall clock that has shown `latest`: a secret whose time was
    /// over by then may be gone, wherever the clock stands now. None of `retired` may have signed.
    fn judge(&self, request: &Request<'_>, at: Timestamp, latest: Timestamp, retired: &[Key]) -> Signed {
        if self.keys.is_empty() {
            return Signed::Right;
        }
        let (mut some, mut right) = (false, true);
        for key in &self.keys {
            let verifies = key.verifies(request, at);
            let (must, may) =
                (key.expires_at.is_none_or(|end| end > latest), key.expires_at.is_none_or(|end| end > at));
            some |= verifies && may;
            right &= if must { verifies } else { may || !verifies };
        }
        let mut others = retired.iter().filter(|key| !self.has(key));
        match (some, right && !others.any(|key| key.verifies(request, at))) {
            (true, true) => Signed::Right,
            (true, false) => Signed::ByOthersToo,
            (false, _) => Signed::Wrong,
        }
    }
}

/// What verifies by this secret; `None` where the profile has no scheme.
fn verifier(profile: &str, secret: &Secret) -> Option<Arc<Verifier>> {
    let profile = Profile::builtin(profile)?;
    let (options, secrets) = (VerifyOptions::default(), std::slice::from_ref(secret));
    Some(Arc::new(Verifier::new(profile, Part::Delivery, secrets, options).ok()?))
}

/// A subscription.
#[derive(Debug)]
pub(crate) struct Subscribed {
    /// Its endpoint's host, by which its requests are told from others.
    pub(crate) host: String,
    pub(crate) scope: Scope,
    pub(crate) event_types: Option<Vec<EventType>>,
    pub(crate) profile: &'static str,
    /// Whether its deliveries go out in order; it stays as it was made.
    pub(crate) ordered: bool,
    pub(crate) key: Option<SubscriptionKey>,
    pub(crate) id: Option<SubscriptionId>,
    /// Since when the engine of this life surely knows it.
    known_since: Option<Millis>,
    /// From when on nothing may begin for it.
    gone_since: Option<Millis>,
    /// What it may be now.
    possible: Vec<Version>,
    /// What it was, or may have been, until the moment `settled`.
    before: Vec<Version>,
    settled: Millis,
    /// Secrets that it had, or would have had, and that others have replaced.
    retired: Vec<Key>,
    /// Whether a change is under way, or was left without an answer.
    open: bool,
    /// Attempts under way.
    pub(crate) in_flight: u32,
    /// When attempts began, within the last window.
    begun: VecDeque<Millis>,
    /// When the rate may have begun anew: after a start, a change, or a step of the clock.
    fresh: VecDeque<Millis>,
}

impl Subscribed {
    /// A subscription that is about to be made.
    pub(crate) fn new(
        host: String,
        scope: Scope,
        event_types: Option<Vec<EventType>>,
        profile: &'static str,
        ordered: bool,
    ) -> Self {
        Self {
            ordered,
            retired: Vec::new(),
            host,
            scope,
            event_types,
            profile,
            key: None,
            id: None,
            known_since: None,
            gone_since: None,
            possible: Vec::new(),
            before: Vec::new(),
            settled: 0,
            open: false,
            in_flight: 0,
            begun: VecDeque::new(),
            fresh: VecDeque::new(),
        }
    }

    /// It is to be changed to this, or is so already: no answer yet.
    pub(crate) fn may_become(&mut self, version: Version, at: Millis) {
        self.fresh.push_back(at);
        if self.possible.iter().any(|possible| possible.rate != version.rate) {
            self.begun.clear();
        }
        self.open = true;
        self.possible.push(version);
    }

    /// The store holds it as this. While its owner waits for the answer to a change, that counts as well.
    pub(crate) fn is_stored_as(&mut self, subscription: &Subscription) {
        if self.open {
            self.possible.push(Version::of(subscription));
        }
    }

    /// What a request's signatures are worth at a moment: whatever it may be now counts.
    pub(crate) fn judge(&self, request: &Request<'_>, now: super::Moment) -> Signed {
        let judged = |version: &Version| version.judge(request, now.wall, now.latest, &self.retired);
        let mut all = self.versions(now.passed).map(judged);
        let first = all.next().unwrap_or(Signed::Right);
        all.fold(first, |best, next| match (best, next) {
            (Signed::Right, _) | (_, Signed::Right) => Signed::Right,
            (Signed::Wrong, Signed::Wrong) => Signed::Wrong,
            _ => Signed::ByOthersToo,
        })
    }

    /// What a request's signatures are by, in words.
    pub(crate) fn signers(&self, request: &Request<'_>, now: super::Moment) -> String {
        let key =
            |key: &Key| format!("(signs: {}, ends: {:?})", key.verifies(request, now.wall), key.expires_at);
        let all = |keys: &[Key]| keys.iter().map(key).collect::<Vec<_>>().join(" ");
        let versions: Vec<_> = self.versions(now.passed).map(|version| all(&version.keys)).collect();
        let moment = format!("wall {:?}, latest {:?}", now.wall, now.latest);
        format!("{moment}: it may have {}; it had {}", versions.join(" or "), all(&self.retired))
    }

    /// It is this, and nothing else.
    pub(crate) fn is(&mut self, subscription: &Subscription, at: Millis) {
        self.key = Some(subscription.key);
        self.id = Some(subscription.id);
        self.known_since = self.known_since.or(Some(at));
        self.before = std::mem::replace(&mut self.possible, vec![Version::of(subscription)]);
        let replaced = self.before.iter().flat_map(|before| &before.keys);
        let replaced: Vec<Key> = replaced.filter(|key| !self.possible[0].has(key)).cloned().collect();
        for key in replaced {
            if !self.retired.iter().any(|known| known.secret == key.secret) {
                self.retired.push(key);
            }
        }
        if self.before.iter().any(|before| before.rate != subscription.settings.rate_limit_per_s) {
            self.begun.clear();
        }
        self.settled = at;
        self.open = false;
        self.fresh.push_back(at);
    }

    /// It is to be deleted: no answer yet.
    pub(crate) fn may_be_gone(&mut self) {
        self.known_since = None;
    }

    /// It was deleted.
    pub(crate) fn is_gone(&mut self, at: Millis) {
        self.gone_since = self.gone_since.or(Some(at));
        self.known_since = None;
    }

    /// It was disabled by the engine. Where its owner changes it at the same time, either may come last.
    pub(crate) fn is_disabled(&mut self, at: Millis) {
        if self.open {
            return;
        }
        self.before = self.possible.clone();
        for version in &mut self.possible {
            version.active = false;
        }
        self.settled = at;
    }

    /// Whether it was deleted for all to know.
    pub(crate) fn gone(&self) -> bool {
        self.gone_since.is_some()
    }

    /// A process begins: what is on the disk counts.
    pub(crate) fn life_begins(&mut self, disk: &MemoryStore, at: Millis) {
        self.in_flight = 0;
        self.known_since = None;
        match disk.look_for_host(&self.host) {
            Some((key, true)) => {
                if let Some(subscription) = disk.look_at_subscription(key) {
                    self.is(&subscription, at);
                }
            }
            Some((key, false)) => {
                self.key = Some(key);
                self.is_gone(at);
            }
            None => self.possible.clear(),
        }
    }

    /// Whether it is certain that this event goes to it: it was there before `since`, and wants its type.
    pub(crate) fn surely_wants(&self, publication: &Publication, since: Millis) -> bool {
        let there = self.known_since.is_some_and(|known| known < since) && self.gone_since.is_none();
        there && self.scope == publication.scope && self.wants(&publication.payload.event_type)
    }

    /// Whether it wants events of this type.
    pub(crate) fn wants(&self, event_type: &EventType) -> bool {
        self.event_types.as_ref().is_none_or(|types| types.contains(event_type))
    }

    /// What it may be at a moment: everything that it was within the same millisecond counts.
    pub(crate) fn versions(&self, at: Millis) -> impl Iterator<Item = &Version> {
        let before = self.before.iter().filter(move |_| at <= self.settled);
        self.possible.iter().chain(before)
    }

    /// Whether attempts may begin.
    pub(crate) fn may_begin(&self, at: Millis) -> bool {
        self.gone_since.is_none_or(|gone| at <= gone) && self.versions(at).any(|version| version.active)
    }

    /// Attempts that may be under way at once.
    pub(crate) fn cap(&self, at: Millis) -> u32 {
        self.versions(at).map(|version| version.cap).max().unwrap_or(0)
    }

    /// Attempts are paced anew from here: the clock stepped.
    pub(crate) fn paced_anew(&mut self, at: Millis) {
        self.fresh.push_back(at);
    }

    /// An attempt begins. Returns what is wrong with its time, if anything is.
    pub(crate) fn paces(&mut self, at: Millis) -> Result<(), String> {
        let old = |times: &VecDeque<Millis>| times.front().is_some_and(|first| first + WINDOW < at);
        while old(&self.begun) {
            self.begun.pop_front();
        }
        while old(&self.fresh) {
            self.fresh.pop_front();
        }
        self.begun.push_back(at);
        let Some(rate) =
            self.versions(at).map(|version| version.rate).min_by_key(|rate| rate.is_some()).flatten()
        else {
            return Ok(());
        };
        let rate = self.versions(at).filter_map(|version| version.rate).max().unwrap_or(rate);
        // A tenth of a second's attempts may begin at once, and once more whenever the bucket began anew.
        let burst = u64::from(rate / 10).max(1);
        for window in [1000, WINDOW] {
            let within =
                |times: &VecDeque<Millis>| times.iter().filter(|time| **time + window > at).count() as u64;
            let (begun, anew) = (within(&self.begun), within(&self.fresh));
            let most = u64::from(rate) * window / 1000 + burst * (1 + anew);
            if begun > most {
                return Err(format!("{begun} attempts in {window} ms, {most} are allowed by {rate}/s"));
            }
        }
        Ok(())
    }
}
