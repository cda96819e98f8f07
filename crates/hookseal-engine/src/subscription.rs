//! Subscriptions: where a tenant wants events, and how they stand.

use hookseal::{Secret, Timestamp};

use crate::{FailureKind, SubscriptionId, SubscriptionSettings};

/// Tenant and mode as one small number: what rows carry instead of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(pub i32);

impl Scope {
    /// The scope of tenant `default` in mode `live`.
    pub const DEFAULT_LIVE: Self = Self(1);
    /// The scope of tenant `default` in mode `test`.
    pub const DEFAULT_TEST: Self = Self(2);

    /// Where the operator of what happens in this scope is told of it: tenant `default`, in the same mode. All scopes
    /// there are as yet are that tenant's.
    pub(crate) const fn operators(self) -> Self {
        self
    }
}

/// A subscription's number within its store: what delivery rows carry instead of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionKey(pub i64);

/// Where a tenant wants events, and all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Its number within the store.
    pub key: SubscriptionKey,
    /// Tenant and mode.
    pub scope: Scope,
    /// What its owner chose.
    pub settings: SubscriptionSettings,
    /// Signing secrets, newest first; none for an unsigned subscription.
    pub secrets: Vec<SubscriptionSecret>,
    /// Whether it takes deliveries.
    pub status: SubscriptionStatus,
    /// Why it was disabled, where the status is `TooManyErrors`.
    pub disabled_because: Option<DisableReason>,
    /// How its deliveries have gone lately.
    pub health: Health,
    /// What came of the last time that its challenge was asked; `None` where that was never done, and after a change
    /// of what it is about.
    pub challenge: Option<ChallengeRecord>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
}

/// A secret of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionSecret {
    /// The secret.
    pub secret: Secret,
    /// When it was given or made.
    pub created_at: Timestamp,
    /// When it signs no more and is destroyed, while a newer one takes its place; `None` where it stays.
    pub expires_at: Option<Timestamp>,
}

impl SubscriptionSecret {
    /// A secret that stays.
    pub fn new(secret: Secret, created_at: Timestamp) -> Self {
        Self { secret, created_at, expires_at: None }
    }

    /// Whether its time is not over.
    pub fn signs_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }
}

/// Whether a subscription takes deliveries. Discriminants are what stores keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SubscriptionStatus {
    /// Its challenge was not answered yet.
    Pending = 0,
    /// It takes deliveries.
    Active = 1,
    /// Its owner holds it.
    Paused = 2,
    /// It was disabled, with a reason.
    TooManyErrors = 3,
    /// Its challenge was answered wrongly, or not at all.
    ChallengeFailed = 4,
}

impl SubscriptionStatus {
    /// All statuses.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Active, Self::Paused, Self::TooManyErrors, Self::ChallengeFailed];

    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::TooManyErrors => "too_many_errors",
            Self::ChallengeFailed => "challenge_failed",
        }
    }

    /// The status with this discriminant.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status as i64 == code)
    }
}

/// Why a subscription was disabled. Discriminants are what stores keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DisableReason {
    /// Too many failures, by the rule of its profile or the default.
    Errors = 1,
    /// Its endpoint answered 410 Gone.
    Gone = 2,
    /// The delivery that goes first in its order was given up.
    GaveUp = 3,
    /// Its endpoint could not be reached, for reasons that do not pass by themselves.
    Unreachable = 4,
}

impl DisableReason {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::Errors, Self::Gone, Self::GaveUp, Self::Unreachable];

    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Gone => "gone",
            Self::GaveUp => "gave_up",
            Self::Unreachable => "unreachable",
        }
    }

    /// The reason with this discriminant.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| *reason as i64 == code)
    }
}

/// What came of asking a subscription's challenge once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeRecord {
    /// When it was asked.
    pub at: Timestamp,
    /// How many times it was asked by then since it began, from 1.
    pub tries: u32,
    /// Status code of the answer, where there was one.
    pub status: Option<u16>,
    /// Why there was no usable answer, or that its status code is none that answers.
    pub failure: Option<FailureKind>,
    /// What was wrong with the answer, in words; `None` where it was right.
    pub problem: Option<String>,
}

impl ChallengeRecord {
    /// Whether the answer was right.
    pub fn passed(&self) -> bool {
        self.problem.is_none()
    }
}

/// How a subscription's deliveries have gone since its last success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Deliveries in a row whose latest attempt failed, as the profile's disable rule counts them.
    pub failures_in_a_row: u32,
    /// When the first attempt failed since the last success; `None` while all is well.
    pub failing_since: Option<Timestamp>,
    /// Attempts in a row, up to now, that failed for a reason that does not pass by itself; counted as far as it
    /// matters, to `UNREACHABLE_ATTEMPTS`.
    pub unreachable_in_a_row: u32,
    /// When the first of those was; `None` where the last attempt was none.
    pub unreachable_since: Option<Timestamp>,
    /// Whether it was disabled, is enabled again, and has not succeeded since.
    pub recovering: bool,
}

impl Health {
    /// The health of a subscription of which nothing bad is known.
    pub const GOOD: Self = Self {
        failures_in_a_row: 0,
        failing_since: None,
        unreachable_in_a_row: 0,
        unreachable_since: None,
        recovering: false,
    };

    /// The health of a subscription that has just been enabled again.
    pub const RECOVERING: Self = Self { recovering: true, ..Self::GOOD };
}
