//! Replays: sending a subscription again what a stretch of time holds for it.

use hookseal::Timestamp;

use crate::{DeliveryState, EventType, ReplayId, Scope, SubscriptionId, SubscriptionKey};

/// What a replay takes in, besides a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Replayable {
    /// Deliveries that were given up.
    Failed = 0,
    /// Deliveries whose time was over.
    Expired = 1,
    /// Deliveries that were called off.
    Cancelled = 2,
    /// Deliveries that an endpoint took.
    Succeeded = 3,
    /// Events that led to no delivery to the subscription: they matched something else, or it was not there yet.
    Missing = 4,
}

impl Replayable {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Failed, Self::Expired, Self::Cancelled, Self::Succeeded, Self::Missing];

    /// Its name in the API: `failed`, `expired`, ...
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Succeeded => "succeeded",
            Self::Missing => "missing",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// What a delivery in this state counts as.
    const fn of(state: DeliveryState) -> Option<Self> {
        match state {
            DeliveryState::Failed => Some(Self::Failed),
            DeliveryState::Expired => Some(Self::Expired),
            DeliveryState::Cancelled => Some(Self::Cancelled),
            DeliveryState::Succeeded => Some(Self::Succeeded),
            DeliveryState::Pending | DeliveryState::Leased => None,
        }
    }
}

/// A set of [`Replayable`], at least one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted(u8);

impl Wanted {
    /// What has not reached the endpoint and was not called off.
    pub const DEFAULT: Self =
        Self(1 << Replayable::Failed as u8 | 1 << Replayable::Expired as u8 | 1 << Replayable::Missing as u8);

    /// The set of these; `None` where there are none.
    pub fn of(some: impl IntoIterator<Item = Replayable>) -> Option<Self> {
        let bits = some.into_iter().fold(0, |bits, one| bits | 1 << one as u8);
        Self::from_code(i64::from(bits))
    }

    /// The set with these bits, as stores keep it.
    pub fn from_code(bits: i64) -> Option<Self> {
        u8::try_from(bits).ok().filter(|bits| (1..1 << Replayable::ALL.len()).contains(bits)).map(Self)
    }

    /// The set as bits: bit `n` stands for the member with the discriminant `n`.
    pub const fn code(self) -> i64 {
        self.0 as i64
    }

    /// Whether it is in the set.
    pub const fn holds(self, one: Replayable) -> bool {
        self.0 >> one as u8 & 1 == 1
    }

    /// Whether deliveries in this state are in the set. Those that are not final never are.
    pub fn holds_state(self, state: DeliveryState) -> bool {
        Replayable::of(state).is_some_and(|one| self.holds(one))
    }

    /// Its members.
    pub fn members(self) -> impl Iterator<Item = Replayable> {
        Replayable::ALL.into_iter().filter(move |one| self.holds(*one))
    }
}

/// What somebody asks a replay for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRequest {
    /// Events from this moment on: that of the event's id.
    pub since: Timestamp,
    /// Events before this moment; `None` means all that was accepted before the replay was asked for.
    pub until: Option<Timestamp>,
    /// See [`ReplayWish::wanted`].
    pub wanted: Wanted,
    /// See [`ReplayWish::event_types`].
    pub event_types: Option<Vec<EventType>>,
}

impl ReplayRequest {
    /// What the replay with this id is to do.
    pub fn of(self, id: ReplayId) -> ReplayWish {
        let Self { since, until, wanted, event_types } = self;
        // The id's own moment, and none that was read before: what was accepted in between would be left out.
        ReplayWish { since, until: until.unwrap_or_else(|| id.timestamp()), wanted, event_types }
    }
}

/// What is to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayWish {
    /// Events from this moment on: that of the event's id.
    pub since: Timestamp,
    /// Events before this moment.
    pub until: Timestamp,
    /// Which.
    pub wanted: Wanted,
    /// Of these types alone; `None` means all but test deliveries. Missing ones have to be of a type that the
    /// subscription asks for, too.
    pub event_types: Option<Vec<EventType>>,
}

impl ReplayWish {
    /// Whether deliveries of events of this type are taken in.
    pub fn takes(&self, event_type: &EventType) -> bool {
        match &self.event_types {
            Some(types) => types.contains(event_type),
            None => event_type.as_str() != EventType::PING,
        }
    }

    /// Whether an event of this type is missed by a subscription that asks for `types`.
    pub fn misses(&self, event_type: &EventType, types: Option<&[EventType]>) -> bool {
        self.wanted.holds(Replayable::Missing)
            && event_type.as_str() != EventType::PING
            && types.is_none_or(|types| types.contains(event_type))
    }

    /// The places of the events that it looks at: none before the first, none from the second on.
    pub fn places(&self, id: ReplayId) -> (u64, u64) {
        let place = |time: Timestamp| (time.as_unix_millis().max(0).cast_unsigned()) << 12;
        // Until the moment at which it was asked for means: all that was accepted before it.
        let end = if self.until >= id.timestamp() { id.order() } else { place(self.until) };
        (place(self.since), end)
    }
}

/// Where a replay stands. Discriminants are what stores keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReplayState {
    /// It goes on, as fast as its subscription takes deliveries.
    Running = 0,
    /// It has looked at every event of its time.
    Done = 1,
    /// Its owner called it off, or its subscription is gone. What it made due by then is delivered.
    Cancelled = 2,
    /// What is stored could not be read.
    Failed = 3,
}

impl ReplayState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Running, Self::Done, Self::Cancelled, Self::Failed];

    /// The state's name in the API: `running`, `done`, ...
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// The state with this discriminant.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as i64 == code)
    }
}

/// A replay as a store gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRecord {
    /// Its id, which holds when it was asked for.
    pub id: ReplayId,
    /// Whose deliveries.
    pub subscription: SubscriptionKey,
    /// The public id of that subscription.
    pub subscription_id: SubscriptionId,
    /// Tenant and mode.
    pub scope: Scope,
    /// What is to be sent again.
    pub wish: ReplayWish,
    /// Where it stands.
    pub state: ReplayState,
    /// The place of the last event that it looked at, or the one before its first.
    pub place: u64,
    /// Events that it looked at.
    pub examined: u64,
    /// Deliveries that it made due, new ones included.
    pub replayed: u64,
    /// Deliveries that it made for events that had none.
    pub created: u64,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl ReplayRecord {
    /// How far it has come: the moment of the last event that it looked at. `None` before the first.
    pub fn position(&self) -> Option<Timestamp> {
        let (first, _) = self.wish.places(self.id);
        (self.place >= first).then(|| Timestamp::from_unix_millis((self.place >> 12).cast_signed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

    fn wish(event_types: Option<&[&str]>) -> ReplayWish {
        let types = |types: &[&str]| types.iter().map(|name| EventType::new(*name).unwrap()).collect();
        let until = Timestamp::from_unix_seconds(1_750_000_100);
        ReplayWish { since: SINCE, until, wanted: Wanted::DEFAULT, event_types: event_types.map(types) }
    }

    #[test]
    fn what_was_called_off_or_arrived_is_not_sent_again_unasked() {
        let members: Vec<_> = Wanted::DEFAULT.members().map(Replayable::as_str).collect();
        assert_eq!(members, ["failed", "expired", "missing"]);
        assert_eq!(Wanted::from_code(Wanted::DEFAULT.code()), Some(Wanted::DEFAULT));
        assert_eq!((Wanted::of([]), Wanted::from_code(0), Wanted::from_code(32)), (None, None, None));
        let all = Wanted::of(Replayable::ALL).unwrap();
        for state in DeliveryState::ALL {
            assert_eq!(all.holds_state(state), state.is_final(), "{state:?}");
        }
        for one in Replayable::ALL {
            assert_eq!(Replayable::from_name(one.as_str()), Some(one));
        }
    }

    #[test]
    fn test_deliveries_are_left_out_unless_they_are_named() {
        let (ping, paid) = (EventType::new("ping").unwrap(), EventType::new("paid").unwrap());
        assert!(!wish(None).takes(&ping) && wish(None).takes(&paid));
        assert!(wish(Some(&["ping"])).takes(&ping) && !wish(Some(&["ping"])).takes(&paid));
        assert!(!wish(Some(&["ping"])).misses(&ping, None), "they were another subscription's");
        assert!(wish(None).misses(&paid, None));
        assert!(!wish(None).misses(&paid, Some(&[ping])), "it does not ask for that type");
    }

    #[test]
    fn it_looks_at_no_event_that_came_after_it() {
        let at_once = ReplayId::from_parts((1_750_000_100_000 << 12) + 7, 1);
        assert_eq!(wish(None).places(at_once).1, at_once.order(), "events of the same millisecond");
        let early = ReplayId::from_parts((1_750_000_050_000 << 12) + 7, 1);
        assert_eq!(wish(None).places(early), (1_750_000_000_000 << 12, early.order()));
        let late = ReplayId::from_parts(1_750_000_200_000 << 12, 1);
        assert_eq!(wish(None).places(late).1, 1_750_000_100_000 << 12);
    }

    #[test]
    fn without_an_end_it_looks_at_all_that_came_before_it() {
        let id = ReplayId::from_parts((1_750_000_100_123 << 12) + 7, 1);
        let request = ReplayRequest { since: SINCE, until: None, wanted: Wanted::DEFAULT, event_types: None };
        assert_eq!(request.of(id).places(id).1, id.order());
    }

    #[test]
    fn codes_lead_back() {
        for state in ReplayState::ALL {
            assert_eq!(ReplayState::from_code(state as i64), Some(state));
        }
    }
}
