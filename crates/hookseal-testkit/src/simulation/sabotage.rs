//! Engines that are broken on purpose, so that each invariant is seen to catch something.
//!
//! Nothing of this is in the engine. Each variant stands between the engine and its ports and makes the whole behave as
//! an engine with that defect would.

use super::Invariant;

macro_rules! sabotages {
    ($($(#[$doc:meta])* $name:ident => $invariant:ident,)*) => {
        /// A defect.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Sabotage {
            $($(#[$doc])* $name,)*
        }

        impl Sabotage {
            /// All defects.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The invariant that it breaks.
            pub const fn breaks(self) -> Invariant {
                match self {
                    $(Self::$name => Invariant::$invariant,)*
                }
            }
        }
    };
}

sabotages! {
    /// After a crash one subscription's deliveries are not looked for.
    ForgetsAfterACrash => NothingForgotten,
    /// What waits in the store is never read back on time: the second sleep for it does not end.
    NeverLooksAgain => NothingForgotten,
    /// Publishers are answered before anything is stored.
    AnswersBeforeTheCommit => DurableBefore202,
    /// What was refused as a conflict is stored all the same.
    StoresWhatItRefuses => RefusedStaysOut,
    /// A publisher's id is not looked at.
    IgnoresPublishersIds => OneEventForOneId,
    /// The last of an event's subscriptions is left out.
    LeavesOneOut => Routed,
    /// A delivery that succeeded is sent once more, later.
    SendsAgainAfterSuccess => NoneAfterTheEnd,
    /// A failure that is to be tried again is recorded as a success.
    RecordsSuccessWithoutOne => SuccessWasAnswered,
    /// A success is not recorded, though the store says so.
    LosesOutcomes => OutcomesKept,
    /// A delivery that is read back has forgotten how often it was attempted.
    ForgetsAttempts => NumbersCountUp,
    /// Retries are read back an hour early.
    HurriesRetries => NotBeforeDue,
    /// What is read back has forgotten when its time is over.
    ForgetsExpiry => NotAfterExpiry,
    /// `max_in_flight` is read as its highest value.
    IgnoresTheCap => CapKept,
    /// `rate_limit_per_s` is not read.
    IgnoresTheRate => RateKept,
    /// `ordered` is not read.
    IgnoresOrder => OrderKept,
    /// A secret that was replaced with an overlap signs on when that is over.
    SignsForEver => SecretsInForce,
    /// A secret that was replaced with an overlap signs no more at once.
    ForgetsTheOverlap => SecretsInForce,
    /// A paused subscription stays active in memory.
    IgnoresAPause => HeldBack,
    /// What is read back goes out under a new id.
    ChangesIds => IdKept,
    /// What is read back has a space more.
    ChangesBodies => BytesKept,
    /// A new secret is stored, and the old one used.
    KeepsTheOldSecret => SignatureVerifies,
    /// All that waits is read back at once.
    ReadsBackWithoutABound => MemoryBounded,
    /// After a restart ids begin at the clock's time, also where it was set back.
    ForgetsTheHighestOrder => OrdersAscend,
    /// A task outlives the crash.
    OutlivesACrash => CrashEndsAll,
    /// An event is stored for a subscription that never was.
    MakesUpSubscriptions => StoreUsedRightly,
    /// Stopping waits for a commit that is not made.
    StopsForEver => NeverStuck,
}
