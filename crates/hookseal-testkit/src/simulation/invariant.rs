//! What must hold in every run, whatever fails.

use std::fmt;

macro_rules! invariants {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// What must hold in every run, whatever fails.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Invariant {
            $($(#[$doc])* $name,)*
        }

        impl Invariant {
            /// All invariants.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

invariants! {
    /// Every delivery that is stored ends in a final state, is due in the future, or waits for a subscription that
    /// takes no deliveries; after crashes as well.
    NothingForgotten "nothing-forgotten",
    /// An event is in the store when its publisher is told that it is accepted.
    DurableBefore202 "durable-before-202",
    /// An event that was refused for good is never delivered.
    RefusedStaysOut "refused-stays-out",
    /// One publisher's id makes one event, however often it is published.
    OneEventForOneId "one-event-for-one-id",
    /// An event goes to every subscription that wants it, and to no other.
    Routed "routed",
    /// No attempt is made once a success was recorded, or the delivery ended otherwise.
    NoneAfterTheEnd "none-after-the-end",
    /// A recorded success was answered as one by the endpoint.
    SuccessWasAnswered "success-was-answered",
    /// An outcome that the store took is there ever after.
    OutcomesKept "outcomes-kept",
    /// The attempts of a delivery are numbered 1, 2, 3 and so on.
    NumbersCountUp "numbers-count-up",
    /// No retry is made before it is due.
    NotBeforeDue "not-before-due",
    /// No attempt is made once the event's time is over, unless someone asked for it.
    NotAfterExpiry "not-after-expiry",
    /// No more attempts are under way to a subscription than it allows.
    CapKept "cap-kept",
    /// No more attempts begin in any window of time than the subscription's rate allows.
    RateKept "rate-kept",
    /// An ordered subscription gets one delivery at a time, each after every earlier one has ended for good.
    OrderKept "order-kept",
    /// Nothing begins for a subscription after it was paused, disabled or deleted.
    HeldBack "held-back",
    /// A delivery has one id on the wire, over all attempts and crashes.
    IdKept "id-kept",
    /// The endpoint gets the bytes that were published.
    BytesKept "bytes-kept",
    /// The endpoint's verifier takes every delivery, by the secret that is in force.
    SignatureVerifies "signature-verifies",
    /// While secrets overlap each of them signs; none signs once its time is over, or once another has replaced it.
    SecretsInForce "secrets-in-force",
    /// What waits in memory stays within its bounds.
    MemoryBounded "memory-bounded",
    /// Ids made after a restart are above all that were made before, whatever the clock does.
    OrdersAscend "orders-ascend",
    /// A crash ends everything: nothing of the engine outlives it.
    CrashEndsAll "crash-ends-all",
    /// The store is never asked for what a sound program does not ask for.
    StoreUsedRightly "store-used-rightly",
    /// The engine starts, answers and stops within the time that its bounds allow.
    NeverStuck "never-stuck",
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When, in simulated milliseconds since the run began.
    pub at_ms: u64,
    /// What was seen.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { invariant, at_ms, detail } = self;
        write!(f, "{invariant} at {}.{:03} s: {detail}", at_ms / 1000, at_ms % 1000)
    }
}
