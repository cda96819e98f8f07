//! Every bound of the engine, with its unit and its reason.

use std::time::Duration;

/// Characters of an event's type. It goes out in header values and stands in every event's row.
pub const EVENT_TYPE_CHARS_MAX: usize = 128;
/// Characters of a publisher's own event id.
pub const EXTERNAL_ID_CHARS_MAX: usize = 128;

/// Bytes of an event's body, unless the operator allows more.
pub const BODY_BYTES_DEFAULT: usize = 256 * 1024;
/// Bytes of an event's body that an operator may allow at most.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of an answer's body that are kept; what comes after is read and dropped.
pub const RESPONSE_KEPT_BYTES: usize = 16 * 1024;
/// Bytes of an answer that are read at all, head, body and framing together: a longer one is a failure, and its
/// connection is closed.
pub const RESPONSE_READ_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of an answer's header names and values that are kept.
pub const RESPONSE_HEADERS_KEPT_BYTES: usize = 8 * 1024;
/// Bytes of an answer's head that are read at all.
pub const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;

/// The deadline of an attempt over connecting, headers and body, unless profile or subscription say otherwise.
pub const ATTEMPT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);
/// The shortest deadline that a subscription may choose.
pub const ATTEMPT_TIMEOUT_MIN: Duration = Duration::from_millis(100);
/// The longest deadline that a subscription may choose.
pub const ATTEMPT_TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// The waits between attempts, unless profile or subscription say otherwise: over two days in all.
pub const RETRY_SCHEDULE_DEFAULT: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(4 * 3600),
    Duration::from_secs(12 * 3600),
    Duration::from_secs(24 * 3600),
];
/// Entries of a retry schedule.
pub const RETRY_SCHEDULE_ENTRIES_MAX: usize = 32;
/// The longest wait between two attempts.
pub const RETRY_WAIT_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// How far a wait is moved, either way, so that what failed together is not tried again together: per cent.
pub const RETRY_JITTER_PER_CENT: u64 = 20;
/// The waits between the tries of a challenge: a deployment or a cold start is over within a minute, and whoever has just
/// created a webhook sees what became of it.
pub const CHALLENGE_SCHEDULE: [Duration; 3] =
    [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];
/// Challenges under way at once, over all subscriptions: after a restart many may wait for theirs.
pub const CHALLENGES_AT_ONCE_MAX: usize = 16;
/// Random bytes of a challenge's token, which is written in hexadecimal: none is ever guessed.
pub const CHALLENGE_TOKEN_BYTES: usize = 16;
/// The longest `Retry-After` that is honoured.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);
/// A subscription is disabled after this long without a success while attempts fail, unless its profile says otherwise.
pub const DISABLE_AFTER: Duration = Duration::from_secs(5 * 24 * 3600);
/// A subscription is disabled as unreachable after this long in which every attempt failed for a reason that does not
/// pass by itself: long enough for a mistake in a zone to be put right, and a typo does not cost a day of retries.
pub const UNREACHABLE_AFTER: Duration = Duration::from_secs(3600);
/// Attempts of which that has to be true, so that no clock that steps does it alone: the default schedule makes five in
/// eighteen minutes.
pub const UNREACHABLE_ATTEMPTS: u32 = 5;
/// The shortest time without a success that a subscription may choose: shorter, and one restart of its endpoint
/// disables it.
pub const DISABLE_AFTER_MIN: Duration = Duration::from_secs(60);
/// The longest such time that a subscription may choose; longer is as good as never.
pub const DISABLE_AFTER_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
/// The highest number of failed deliveries in a row that a subscription may choose.
pub const DISABLE_AFTER_FAILURES_MAX: u32 = 1_000_000;

/// Attempts under way at once to one subscription, unless it chooses otherwise.
pub const MAX_IN_FLIGHT_DEFAULT: u32 = 16;
/// Attempts under way at once to one subscription that it may choose at most.
pub const MAX_IN_FLIGHT_MAX: u32 = 256;
/// Attempts under way or not recorded yet, over all subscriptions. Bounds what a crash can repeat.
pub const IN_FLIGHT_TOTAL_MAX: usize = 1024;
/// Attempts per second that a subscription may choose as its limit at most.
pub const RATE_LIMIT_MAX: u32 = 10_000;

/// How much earlier than evenly spaced an attempt may begin under a rate: more than a timer is late, so that lateness
/// loses nothing, and a fiftieth of what a second may have.
pub const RATE_AHEAD: Duration = Duration::from_millis(20);
/// Attempts under way to a subscription that goes on after a standstill; each answer allows one more.
pub const RAMP_FIRST: u32 = 2;

/// An endpoint that takes this long on average is slow, and shares its part of the budget with the slow ones. A healthy one
/// answers well within it.
pub const SLOW_FROM: Duration = Duration::from_secs(1);
/// A slow endpoint is quick again when it takes no more than this on average: well below, so that none goes to and fro.
pub const QUICK_UP_TO: Duration = Duration::from_millis(500);
/// A subscription is known to be quick for this long after its last quick attempt.
pub const QUICK_FOR: Duration = Duration::from_secs(60);
/// The part of every shared bound (attempts, memory) that all slow subscriptions together may hold: per cent.
pub const SLOW_PER_CENT: usize = 50;
/// The part that slow subscriptions and those of which nothing is known may hold together: per cent. The rest is for
/// those that are known to be quick.
pub const UNKNOWN_PER_CENT: usize = 75;

/// Failures in a row that open a breaker.
pub const BREAKER_FAILURES_IN_A_ROW: u32 = 10;
/// Attempts that a breaker looks back on.
pub const BREAKER_WINDOW: u32 = 32;
/// Attempts that a breaker must have seen before their share of failures counts.
pub const BREAKER_RECENT_MIN: u32 = 20;
/// Share of failures among recent attempts that opens a breaker: per cent.
pub const BREAKER_FAILED_PER_CENT: u32 = 50;
/// How long a breaker stays open at first; each failed probe doubles it.
pub const BREAKER_WAIT_FIRST: Duration = Duration::from_secs(5);
/// How long a breaker stays open at most, before it is moved by a fifth either way: an endpoint that works again is found out
/// within minutes.
pub const BREAKER_WAIT_LONGEST: Duration = Duration::from_secs(5 * 60);

/// Attempts that the limit on concurrency is judged by at least: fewer say nothing.
pub const CONCURRENCY_SAMPLES_MIN: u32 = 10;
/// How much longer than usual an attempt takes at least when it counts as slow: less is noise, and gains nothing.
pub const CONCURRENCY_MARGIN: Duration = Duration::from_millis(100);

/// Test deliveries of one subscription that are under way at once: enough for a person and a script.
pub const PINGS_MAX: usize = 2;
/// Test deliveries under way at once over all subscriptions. They stand outside the queues' rules, so that they are few
/// beside [`IN_FLIGHT_TOTAL_MAX`].
pub const PINGS_TOTAL_MAX: usize = 32;

/// Deliveries of one subscription that wait in memory; the rest waits in the store.
pub const QUEUE_DELIVERIES_MAX: usize = 4096;
/// Deliveries of one slow subscription that wait in memory: as many as it can begin within seconds.
pub const QUEUE_DELIVERIES_SLOW_MAX: usize = 64;
/// Deliveries that wait in memory over all subscriptions.
pub const QUEUE_DELIVERIES_TOTAL_MAX: usize = 32 * 1024;
/// Deliveries that wait in memory for one subscription from which on whoever publishes to it waits too, where its
/// endpoint answers promptly: some milliseconds of work.
pub const CROWDED_FROM: usize = 128;
/// The longest that a publisher waits for a queue to have room, when it is full.
pub const CROWDED_WAIT_MAX: Duration = Duration::from_millis(150);
/// An endpoint answers promptly that takes no more than this on average: a queue that is full is then empty in seconds.
pub const PROMPT_UP_TO: Duration = Duration::from_millis(25);
/// Bytes of bodies of one subscription that wait in memory.
pub const QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of bodies that wait in memory over all subscriptions.
pub const QUEUE_BYTES_TOTAL_MAX: usize = 24 * 1024 * 1024;
/// Deliveries of one subscription that somebody asked for one by one and that wait in memory, before all others: as many
/// as a person looks at. The rest waits in the store.
pub const ASKED_DELIVERIES_MAX: usize = 64;
/// Bytes of their bodies from which on the rest waits in the store: one of the largest bodies fits.
pub const ASKED_BYTES_MAX: usize = 1024 * 1024;
/// Deliveries read back from the store at once.
pub const CLAIM_DELIVERIES_MAX: usize = 256;
/// Bytes of bodies read back from the store at once.
pub const CLAIM_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Events of one group commit.
pub const COMMIT_EVENTS_MAX: usize = 512;
/// Outcomes of one group commit.
pub const COMMIT_OUTCOMES_MAX: usize = 1024;
/// Turns that everyone who is ready gets before a batch closes, while each turn brings something. More of them no longer
/// made batches much larger, and each lets the first event of the batch wait.
pub const COMMIT_TURNS_MAX: usize = 4;
/// Bytes of bodies of events that wait for their commit; a publisher beyond it waits its turn.
pub const ACCEPTING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Deliveries that one event may lead to.
pub const FAN_OUT_MAX: usize = 10_000;

/// Old events that are looked at, and forgotten, in one transaction of the store, which nobody else can write beside.
pub const PRUNE_EXAMINED_MAX: usize = 256;
/// Deliveries that are forgotten in one such transaction; those of one event are forgotten together.
pub const PRUNE_DELIVERIES_MAX: usize = 2_048;
/// Passes over the old events in the time for which events are kept: so much more than that is kept at most.
pub const PRUNE_PASSES: u32 = 24;
/// The shortest pause between two passes.
pub const PRUNE_PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause between two passes.
pub const PRUNE_PAUSE_MAX: Duration = Duration::from_secs(3600);
/// Deliveries that one step of a replay makes due: one transaction of the store, which nobody else can write beside.
pub const REPLAY_STEP: usize = CLAIM_DELIVERIES_MAX;
/// Events that one step of a replay looks at, wanted or not: some milliseconds where none of them is in memory, for which
/// every commit waits.
pub const REPLAY_EXAMINED_MAX: usize = 256;
/// Deliveries, of whatever subscription, of the events that one such step looks at; the event that reaches it is the last.
pub const REPLAY_TARGETS_MAX: usize = FAN_OUT_MAX;
/// The longest rest of replays between two steps. They rest for as long as the steps took, so that they have no more than
/// half of the store's time to write; a clock that steps makes no more of it than this.
pub const REPLAY_REST_MAX: Duration = Duration::from_secs(1);
/// Due deliveries of a subscription beyond which its replay waits: a replay fills no store, and ends soon after it is
/// called off.
pub const REPLAY_OUTSTANDING_MAX: usize = 2 * REPLAY_STEP;
/// How far ahead an event may be put off.
pub const DELIVER_AT_AHEAD_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// Deliveries that expire in one transaction of the store, which nobody else can write beside.
pub const EXPIRE_STEP: usize = 500;
/// How long the engine rests between two rounds of expiring: what expires one by one is ended in batches.
pub const EXPIRE_PAUSE: Duration = Duration::from_millis(250);

/// Deliveries of one batch of events that wait for their commit: beyond it the rest of the batch waits.
pub const BATCH_DELIVERIES_MAX: usize = 2 * FAN_OUT_MAX;

/// How long a publisher waits for its commit before it is told to come again.
pub const ACCEPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a batch of events may take, whatever its size; what is not durable by then is told to come again.
pub const BATCH_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a store that failed is left alone before outcomes are offered to it again: first and longest wait.
pub const STORE_RETRY_FIRST: Duration = Duration::from_millis(50);
/// See [`STORE_RETRY_FIRST`].
pub const STORE_RETRY_LONGEST: Duration = Duration::from_secs(2);
/// How long attempts under way may take to end when the server stops.
pub const DRAIN: Duration = Duration::from_secs(10);
/// How long what was cut off, and the last commit, may take after that.
pub const CUT: Duration = Duration::from_secs(2);

/// Secrets of one subscription that are active at once.
pub const SECRETS_MAX: usize = 8;
/// Characters of a User-Agent that the operator chooses.
pub const USER_AGENT_CHARS_MAX: usize = 200;
/// For how long the secrets that were sign beside a new one, unless that is chosen: receivers are changed on a working
/// day.
pub const ROTATION_OVERLAP_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// The longest such time that may be chosen: a secret is rotated because it should not be good for ever.
pub const ROTATION_OVERLAP_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Headers that a subscription may add.
pub const CUSTOM_HEADERS_MAX: usize = 32;
/// Status codes and ranges that a subscription may list as a success.
pub const SUCCESS_ENTRIES_MAX: usize = 32;
/// Bytes of the certificates of authorities, and of a client certificate with its chain, in PEM: some ten
/// certificates each.
pub const CERTIFICATES_BYTES_MAX: usize = 32 * 1024;
/// Bytes of the private key of a client certificate in PEM: that of an RSA key of 8,192 bits fits.
pub const CLIENT_KEY_BYTES_MAX: usize = 8 * 1024;
/// Characters of an endpoint's URL.
pub const ENDPOINT_URL_CHARS_MAX: usize = 2048;
/// Event types that a subscription may list.
pub const EVENT_TYPES_MAX: usize = 1000;
/// Bytes of a subscription's metadata, description and custom headers each.
pub const METADATA_BYTES_MAX: usize = 16 * 1024;

/// Rows of a page, unless asked otherwise.
pub const PAGE_DEFAULT: usize = 50;
/// Rows of a page at most.
pub const PAGE_MAX: usize = 250;

const _: () = {
    assert!(BODY_BYTES_DEFAULT <= BODY_BYTES_MAX);
    assert!(BODY_BYTES_MAX <= ACCEPTING_BYTES_MAX, "one event must fit, or it waits for ever");
    assert!(BODY_BYTES_MAX <= CLAIM_BYTES_MAX, "one delivery must fit into a claim");
    assert!(2 * CLAIM_DELIVERIES_MAX <= QUEUE_DELIVERIES_MAX, "a claim fits while another is worked off");
    assert!(CROWDED_FROM < QUEUE_DELIVERIES_MAX);
    assert!(PROMPT_UP_TO.as_millis() < QUICK_UP_TO.as_millis());
    assert!(QUEUE_BYTES_MAX <= QUEUE_BYTES_TOTAL_MAX);
    assert!(ASKED_DELIVERIES_MAX <= QUEUE_DELIVERIES_SLOW_MAX);
    assert!(BODY_BYTES_MAX <= ASKED_BYTES_MAX && 2 * ASKED_BYTES_MAX <= QUEUE_BYTES_MAX);
    assert!(QUEUE_DELIVERIES_MAX <= QUEUE_DELIVERIES_TOTAL_MAX);
    assert!(IN_FLIGHT_TOTAL_MAX <= COMMIT_OUTCOMES_MAX, "all that is in flight fits into one commit");
    // One subscription holds at most half of what it leaves free to others.
    assert!(MAX_IN_FLIGHT_MAX as usize * 3 <= IN_FLIGHT_TOTAL_MAX * UNKNOWN_PER_CENT / 100);
    assert!(2 * QUEUE_DELIVERIES_MAX <= QUEUE_DELIVERIES_TOTAL_MAX * SLOW_PER_CENT / 100);
    assert!(2 * QUEUE_BYTES_MAX <= QUEUE_BYTES_TOTAL_MAX * SLOW_PER_CENT / 100);
    assert!(QUEUE_DELIVERIES_SLOW_MAX <= CLAIM_DELIVERIES_MAX);
    assert!(0 < SLOW_PER_CENT && SLOW_PER_CENT < UNKNOWN_PER_CENT && UNKNOWN_PER_CENT < 100);
    assert!(QUICK_UP_TO.as_millis() < SLOW_FROM.as_millis());
    assert!(0 < BREAKER_RECENT_MIN && BREAKER_RECENT_MIN <= BREAKER_WINDOW && BREAKER_WINDOW <= u32::BITS);
    assert!(BREAKER_WAIT_FIRST.as_millis() <= BREAKER_WAIT_LONGEST.as_millis());
    assert!(RESPONSE_KEPT_BYTES <= RESPONSE_READ_BYTES_MAX);
    assert!(RETRY_JITTER_PER_CENT < 100);
    assert!(DISABLE_AFTER_MIN.as_secs() <= DISABLE_AFTER.as_secs());
    assert!(DISABLE_AFTER.as_secs() <= DISABLE_AFTER_MAX.as_secs());
    assert!(PAGE_DEFAULT <= PAGE_MAX);
    assert!(SECRETS_MAX <= hookseal::limits::MAX_SIGNING_SECRETS, "every secret of a subscription can sign");
    assert!(ROTATION_OVERLAP_DEFAULT.as_secs() <= ROTATION_OVERLAP_MAX.as_secs());
};
