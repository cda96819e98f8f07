//! What a seed asks of a run: how large it is, and what goes wrong when.

use std::{ops::Range, time::Duration};

use super::random::Random;

/// Simulated time since a run began, in milliseconds. It never steps.
pub(super) type Millis = u64;

const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;

/// The whole of a run, but for what the engine makes of it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// How long things go wrong. After that nothing fails any more, and everything must settle.
    pub(super) storm: Millis,
    /// Subscriptions that are made at the beginning.
    pub(super) subscriptions: usize,
    /// How many publish at once.
    pub(super) publishers: usize,
    /// Events to be published.
    pub(super) publications: u64,
    /// The longest wait between two events of one publisher.
    pub(super) gap: Millis,
    /// Changes of subscriptions, test deliveries, and attempts that are asked for.
    pub(super) changes: u64,
    /// Bodies of up to a mebibyte, so that memory is short.
    pub(super) large: bool,
    /// When each process of the run ends at the latest; after the last of these there is one that stays.
    pub(super) ends: Vec<End>,
    /// When the wall clock steps, and by how much.
    pub(super) steps: Vec<(Millis, i64)>,
    pub(super) store: StorePlan,
    /// Moods of the endpoints: that of endpoint `n` is number `n` modulo their count.
    pub(super) endpoints: Vec<EndpointPlan>,
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At a call of the store, counted from its start: before it did anything, or after, its answer lost.
    AtCall { number: u64, done: bool },
    /// Whatever it is doing, so long after its start.
    After(Millis),
    /// It is asked to stop so long after its start, and does.
    Stopped(Millis),
}

/// What goes wrong with the store.
#[derive(Debug, Clone)]
pub(super) struct StorePlan {
    /// Calls in a thousand that fail without having done anything.
    pub(super) fails: u64,
    /// Calls in a thousand that fail after having done it.
    pub(super) loses_answer: u64,
    /// Milliseconds that a call takes at most.
    pub(super) slow: Millis,
    /// When it cannot be reached.
    pub(super) down: Vec<Range<Millis>>,
    /// When it is full: nothing that grows it is taken.
    pub(super) full: Vec<Range<Millis>>,
}

/// How one endpoint behaves over time.
#[derive(Debug, Clone)]
pub(super) struct EndpointPlan {
    /// Until when which mood; the last one stays for the rest of the storm.
    pub(super) moods: Vec<(Millis, Mood)>,
    /// The mood after the storm: well, or never to recover.
    pub(super) calm: Mood,
}

/// What an endpoint does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It answers 200 or 204 soon.
    Well,
    /// It answers 200 after up to so many milliseconds, which may be too late.
    Slow(Millis),
    /// It answers with a failure so often in a thousand, and otherwise well.
    Failing(u64),
    /// It asks to be left alone for so many seconds: 429 or 503 with `Retry-After`.
    Busy(u64),
    /// Connections are lost before or after the request was processed, half the time.
    Lossy,
    /// It takes requests and never answers.
    Hanging,
    /// It refuses connections.
    Refusing,
    /// It answers 410, once in five requests.
    Leaving,
}

impl Plan {
    /// The plan of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::stream(seed, "plan");
        let large = random.chance(60);
        let storm = *random.pick(&[30 * SECOND, 2 * MINUTE, 10 * MINUTE, 40 * MINUTE]);
        let publications = if large { random.between(25, 45) } else { random.between(4, 60) };
        let ends = (0..*random.pick(&[0, 1, 1, 2, 3, 4])).map(|_| End::of(storm, &mut random)).collect();
        Self {
            seed,
            storm,
            subscriptions: random.between(1, 5) as usize,
            publishers: random.between(1, 4) as usize,
            publications,
            gap: *random.pick(&[20, 2 * SECOND, storm / 20]),
            changes: random.between(0, 14),
            large,
            ends,
            steps: steps(storm, &mut random),
            store: StorePlan::of(storm, &mut random),
            endpoints: (0..7).map(|_| EndpointPlan::of(storm, &mut random)).collect(),
        }
    }

    /// The furthest that the wall clock has been ahead of where it began, up to a moment.
    pub(super) fn furthest(&self, passed: Millis) -> i64 {
        let before_steps = self.steps.iter().map(|(at, _)| at.saturating_sub(1)).filter(|at| *at < passed);
        let ahead = |at: Millis| at as i64 + self.offset(at);
        before_steps.chain([passed]).map(ahead).max().unwrap_or(0)
    }

    /// How far the wall clock is ahead of the time passed, at a moment.
    pub(super) fn offset(&self, passed: Millis) -> i64 {
        self.steps.iter().filter(|(at, _)| *at <= passed).map(|(_, by)| by).sum()
    }
}

/// The wall clock is set forth and back by up to two hours.
fn steps(storm: Millis, random: &mut Random) -> Vec<(Millis, i64)> {
    let count = *random.pick(&[0, 0, 1, 3]);
    let mut step = || {
        let size = *random.pick(&[200, 30 * SECOND, 2 * HOUR]);
        let by = random.between(0, size) as i64;
        (random.between(0, storm), if random.chance(500) { by } else { -by })
    };
    (0..count).map(|_| step()).collect()
}

/// Up to so many spans of time within the storm.
fn spans(most: u64, longest: Millis, storm: Millis, random: &mut Random) -> Vec<Range<Millis>> {
    let count = random.between(0, most);
    let mut span = || {
        let from = random.between(0, storm);
        from..(from + random.between(1, longest)).min(storm)
    };
    (0..count).map(|_| span()).collect()
}

impl End {
    fn of(storm: Millis, random: &mut Random) -> Self {
        match random.between(0, 9) {
            0..=5 => Self::AtCall { number: random.between(1, 40), done: random.chance(500) },
            6..=8 => Self::After(random.between(0, storm / 3)),
            _ => Self::Stopped(random.between(0, storm / 3)),
        }
    }
}

impl StorePlan {
    fn of(storm: Millis, random: &mut Random) -> Self {
        let quiet = random.chance(300);
        let rate = |random: &mut Random| if quiet { 0 } else { *random.pick(&[0, 10, 50, 150]) };
        Self {
            fails: rate(random),
            loses_answer: rate(random),
            slow: *random.pick(&[0, 2, 40, 3 * SECOND]),
            down: if quiet { Vec::new() } else { spans(2, 20 * SECOND, storm, random) },
            full: if quiet { Vec::new() } else { spans(1, MINUTE, storm, random) },
        }
    }

    /// Whether a moment lies in one of these spans.
    pub(super) fn within(spans: &[Range<Millis>], at: Millis) -> bool {
        spans.iter().any(|span| span.contains(&at))
    }
}

impl EndpointPlan {
    fn of(storm: Millis, random: &mut Random) -> Self {
        let count = random.between(1, 4);
        let moods = (1..=count).map(|number| (storm * number / count, Mood::of(random))).collect();
        let calm = if random.chance(100) { Mood::Failing(1000) } else { Mood::Well };
        Self { moods, calm }
    }

    /// Its mood at a moment of the storm.
    pub(super) fn mood(&self, at: Millis) -> Mood {
        self.moods.iter().find(|(until, _)| at < *until).map_or(self.calm, |(_, mood)| *mood)
    }
}

impl Mood {
    fn of(random: &mut Random) -> Self {
        match random.between(0, 11) {
            0..=2 => Self::Well,
            3 => Self::Slow(200),
            4 => Self::Slow(20 * SECOND),
            5 => Self::Failing(300),
            6 => Self::Failing(1000),
            7 => Self::Busy(random.between(1, 300)),
            8 => Self::Lossy,
            9 => Self::Hanging,
            10 => Self::Refusing,
            _ => Self::Leaving,
        }
    }
}

/// How long everything may take to settle once nothing fails any more.
pub(super) const SETTLING: Duration = Duration::from_secs(3 * 3600);
