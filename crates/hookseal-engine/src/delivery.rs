//! Deliveries and their states.

use hookseal::Timestamp;

use crate::{
    AttemptId, DeliveryId, EventId, EventType, FailureKind, Scope, SubscriptionId, SubscriptionKey, Window,
};

/// The state of a delivery. Discriminants are what stores keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DeliveryState {
    /// It waits until it is due, or until its subscription takes deliveries.
    Pending = 0,
    /// A worker holds the right to attempt it.
    Leased = 1,
    /// An endpoint took it.
    Succeeded = 2,
    /// Every attempt that its schedule allows has failed.
    Failed = 3,
    /// Its time was over before it succeeded.
    Expired = 4,
    /// Its owner called it off, or its subscription is gone.
    Cancelled = 5,
}

impl DeliveryState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Leased, Self::Succeeded, Self::Failed, Self::Expired, Self::Cancelled];

    /// Every transition there is; `docs/states.md` draws the same, and a test compares the two.
    pub const TRANSITIONS: [(Self, Self); 12] = [
        (Self::Pending, Self::Leased),
        (Self::Pending, Self::Expired),
        (Self::Pending, Self::Cancelled),
        (Self::Leased, Self::Pending),
        (Self::Leased, Self::Succeeded),
        (Self::Leased, Self::Failed),
        (Self::Leased, Self::Expired),
        (Self::Leased, Self::Cancelled),
        (Self::Succeeded, Self::Pending),
        (Self::Failed, Self::Pending),
        (Self::Expired, Self::Pending),
        (Self::Cancelled, Self::Pending),
    ];

    /// Whether nothing happens to it any more unless someone asks for another attempt.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Leased)
    }

    /// Whether a delivery may go from this state to `next`.
    pub fn may_become(self, next: Self) -> bool {
        Self::TRANSITIONS.contains(&(self, next))
    }

    /// The state's name in the API: `pending`, `leased`, ...
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The state with this discriminant.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as i64 == code)
    }
}

/// Which delivery, with all that leads to its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryRef {
    /// The delivery.
    pub id: DeliveryId,
    /// The event it carries.
    pub event: EventId,
    /// The subscription it goes to.
    pub subscription: SubscriptionKey,
    /// Tenant and mode.
    pub scope: Scope,
}

/// What holds for a delivery between its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// From this time on it is not attempted any more, unless someone asks for that.
    pub expires_at: Option<Timestamp>,
    /// Attempts that had been made when its schedule began anew, because someone asked for it again.
    pub schedule_from: u32,
}

impl Terms {
    /// Whether the delivery's time is over: an attempt for this reason must not begin at `now`. What someone asked
    /// for is attempted all the same.
    pub fn are_over(&self, trigger: Trigger, now: Timestamp) -> bool {
        trigger == Trigger::Schedule && self.expires_at.is_some_and(|at| at <= now)
    }
}

/// A delivery as a store gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Which delivery.
    pub key: DeliveryRef,
    /// The public id of its subscription.
    pub subscription_id: SubscriptionId,
    /// The type of its event.
    pub event_type: EventType,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts made so far, successful and failed.
    pub attempts: u32,
    /// When the next attempt is due; `None` once it is final or while it is leased.
    pub due_at: Option<Timestamp>,
    /// When its event was accepted.
    pub created_at: Timestamp,
    /// When its event may be delivered.
    pub window: Window,
    /// When it became final.
    pub finished_at: Option<Timestamp>,
    /// Status code of the last answer.
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    pub last_failure: Option<FailureKind>,
    /// How long the last attempt took.
    pub last_duration_ms: Option<u32>,
}

/// Which attempts of a delivery were made, and what came of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Its number within the delivery, from 1.
    pub number: u32,
    /// Why it was made.
    pub trigger: Trigger,
    /// When it began.
    pub started_at: Timestamp,
    /// What was sent and what came back.
    pub result: crate::AttemptResult,
}

impl AttemptRecord {
    /// The attempt's id, which follows from its delivery, number and start.
    pub fn id(&self, delivery: DeliveryId) -> AttemptId {
        AttemptId::derive(delivery, self.number, self.started_at)
    }
}

/// Why an attempt was made. Discriminants are what stores keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Trigger {
    /// The delivery was due.
    Schedule = 0,
    /// Someone asked for it.
    Manual = 1,
    /// It is a test delivery.
    Ping = 2,
    /// A replay of its subscription took it in.
    Replay = 3,
}

impl Trigger {
    /// All triggers.
    pub const ALL: [Self; 4] = [Self::Schedule, Self::Manual, Self::Ping, Self::Replay];

    /// Its name in the API: `schedule`, `manual`, `ping`, `replay`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Manual => "manual",
            Self::Ping => "ping",
            Self::Replay => "replay",
        }
    }

    /// The trigger with this discriminant.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| *trigger as i64 == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_state_is_left_only_by_asking_again() {
        for (from, to) in DeliveryState::TRANSITIONS {
            assert!(!from.is_final() || to == DeliveryState::Pending, "{from:?} -> {to:?}");
        }
        assert!(!DeliveryState::Succeeded.may_become(DeliveryState::Failed));
    }

    #[test]
    fn the_page_draws_the_same_transitions() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/states.md");
        let page = std::fs::read_to_string(page).unwrap();
        let state = |name: &str| DeliveryState::from_name(name).unwrap_or_else(|| panic!("no state {name}"));
        let arrows = page.lines().filter_map(|line| line.trim().split_once(" --> "));
        let drawn: Vec<_> =
            arrows.filter(|(from, _)| *from != "[*]").map(|(from, to)| (state(from), state(to))).collect();
        assert_eq!(drawn, DeliveryState::TRANSITIONS);
        for status in crate::SubscriptionStatus::ALL {
            assert!(page.contains(&format!("| `{}` |", status.as_str())), "{}", status.as_str());
        }
        let (_, replays) = page.split_once("## A replay").unwrap();
        for state in crate::ReplayState::ALL {
            assert!(replays.contains(&format!("| `{}` |", state.as_str())), "{}", state.as_str());
        }
    }

    #[test]
    fn names_and_codes_lead_back() {
        for state in DeliveryState::ALL {
            assert_eq!(DeliveryState::from_name(state.as_str()), Some(state));
            assert_eq!(DeliveryState::from_code(state as i64), Some(state));
        }
        for trigger in Trigger::ALL {
            assert_eq!(Trigger::from_code(trigger as i64), Some(trigger));
        }
    }
}
