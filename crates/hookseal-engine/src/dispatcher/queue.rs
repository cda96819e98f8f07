//! The queue of one subscription.

use std::{collections::VecDeque, time::Duration};

use hookseal::Timestamp;

use super::{
    Ended, Job, Origin, QueueRules, Waiting,
    budget::{Pace, Use},
    turns::Standing,
};
use crate::{
    Trigger,
    breaker::{Breaker, Permit, Reaction},
    concurrency::Concurrency,
    limits,
    rate::Bucket,
};

/// Whether a queue can begin an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    Yes,
    /// Not before this time.
    NotBefore(Timestamp),
    /// Not until something happens.
    No,
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) rules: QueueRules,
    /// What waits in memory. In an ordered queue in the order of places; otherwise what somebody asked for comes first.
    jobs: VecDeque<Job>,
    /// How many at the front somebody asked for.
    asked: usize,
    bytes: usize,
    /// Places promised to events whose commit is under way, and their bytes.
    pub(super) promised: usize,
    pub(super) promised_bytes: usize,
    pub(super) in_flight: u32,
    /// Attempts under way, and outcomes and ends not recorded yet.
    pub(super) unrecorded: u32,
    pub(super) bucket: Option<Bucket>,
    pub(super) breaker: Breaker,
    pub(super) concurrency: Concurrency,
    pub(super) tempo: Tempo,
    /// The first of what waits in the store: by the time it is due or, in an ordered queue, by its place.
    pub(super) stored: Option<Waiting>,
    /// When it is to be looked at, because what waits in the store comes due.
    pub(super) comes_due: Option<Timestamp>,
    /// What [`Queue::stored`] was when the claim that is under way began; it is still in the store for all we know.
    pub(super) claiming: Option<Waiting>,
    /// Jobs on their way back to the store.
    pub(super) returning: usize,
    /// Whether deliveries that could have gone straight to memory wait in the store: later ones must not overtake them.
    pub(super) overflowed: bool,
    pub(super) in_turns: Standing,
    pub(super) in_claims: Standing,
}

impl Queue {
    pub(super) fn new(rules: QueueRules, origin: Origin, now: Timestamp) -> Self {
        let bucket =
            |rate| if origin.from_before { Bucket::empty(rate, now) } else { Bucket::full(rate, now) };
        Self {
            rules,
            jobs: VecDeque::new(),
            asked: 0,
            bytes: 0,
            promised: 0,
            promised_bytes: 0,
            in_flight: 0,
            unrecorded: 0,
            bucket: rules.rate_limit_per_s.map(bucket),
            breaker: Breaker::default(),
            concurrency: Concurrency::full(rules.max_in_flight),
            tempo: Tempo::new(origin, now),
            stored: None,
            comes_due: None,
            claiming: None,
            returning: 0,
            overflowed: false,
            in_turns: Standing::default(),
            in_claims: Standing::default(),
        }
    }

    /// Follows changed rules. `self.rules.active` is left as it is.
    pub(super) fn follow(&mut self, rules: QueueRules, now: Timestamp) {
        match (rules.rate_limit_per_s, &mut self.bucket) {
            (Some(rate), Some(bucket)) if self.rules.rate_limit_per_s != Some(rate) => {
                bucket.change(rate, now)
            }
            (Some(rate), None) => self.bucket = Some(Bucket::full(rate, now)),
            (None, _) => self.bucket = None,
            _ => {}
        }
        self.concurrency.allow(rules.max_in_flight);
        self.rules = QueueRules { active: self.rules.active, ..rules };
    }

    pub(super) fn waiting(&self) -> usize {
        self.jobs.len() + self.promised
    }

    pub(super) fn all_bytes(&self) -> usize {
        self.bytes + self.promised_bytes
    }

    /// What it holds of the shared bounds.
    pub(super) fn held(&self) -> Use {
        Use { slots: self.in_flight as usize, deliveries: self.waiting(), bytes: self.all_bytes() }
    }

    /// Attempts that may be under way at once.
    pub(super) fn limit(&self) -> u32 {
        if self.rules.ordered { 1 } else { self.concurrency.limit() }
    }

    /// Deliveries that may wait in memory.
    fn most(&self) -> usize {
        match self.tempo.pace {
            Pace::Slow => limits::QUEUE_DELIVERIES_SLOW_MAX,
            Pace::Quick | Pace::Unknown => limits::QUEUE_DELIVERIES_MAX,
        }
    }

    /// Whether a delivery that is accepted now may go straight to memory, as far as this queue is concerned.
    pub(super) fn takes(&self) -> bool {
        self.rules.active
            && !self.overflowed
            && !self.is_behind_store()
            && self.breaker.is_closed()
            && self.waiting() < self.most()
            && self.all_bytes() < limits::QUEUE_BYTES_MAX
    }

    /// Whether one more delivery that somebody asks for may wait here.
    pub(super) fn takes_asked(&self) -> bool {
        let asked = self.jobs.iter().filter(|job| job.trigger == Trigger::Manual);
        let (count, bytes) = asked.fold((0, 0), |(count, bytes), job| (count + 1, bytes + job.bytes()));
        self.rules.active && count < limits::ASKED_DELIVERIES_MAX && bytes < limits::ASKED_BYTES_MAX
    }

    /// Whether what comes now comes after something in the store that goes first: in memory it would be of no use.
    fn is_behind_store(&self) -> bool {
        self.rules.ordered && (self.stored.is_some() || self.claiming.is_some())
    }

    /// How full it is, in thousandths, where it is about to have room: its endpoint answers promptly, and nothing else
    /// holds it up. `None` for a queue that a publisher would wait for in vain.
    pub(super) fn crowding(&self) -> Option<usize> {
        let waiting = self.waiting();
        let moves = self.takes() && self.bucket.is_none() && !self.rules.ordered && self.tempo.is_prompt();
        (moves && waiting > limits::CROWDED_FROM).then(|| waiting * 1000 / limits::QUEUE_DELIVERIES_MAX)
    }

    /// Whether a job may wait here; otherwise it goes back to the store.
    pub(super) fn keeps(&self, job: &Job, now: Timestamp) -> bool {
        let permitted = matches!(self.breaker.permit(now), Permit::Any | Permit::Probe);
        self.rules.active && (permitted || job.trigger == Trigger::Manual)
    }

    pub(super) fn put(&mut self, job: Job) {
        self.bytes += job.bytes();
        if self.rules.ordered {
            let place = self.jobs.partition_point(|other| other.order() < job.order());
            self.jobs.insert(place, job);
        } else if job.trigger == Trigger::Manual {
            self.jobs.insert(self.asked, job);
            self.asked += 1;
        } else {
            self.jobs.push_back(job);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.asked = self.asked.saturating_sub(1);
        self.bytes -= job.bytes();
        Some(job)
    }

    /// Takes out what is wanted of what waits here.
    pub(super) fn take_out(&mut self, mut wanted: impl FnMut(&Job) -> bool) -> Vec<Job> {
        let (mut out, mut kept, mut asked) = (Vec::new(), VecDeque::new(), 0);
        for (index, job) in std::mem::take(&mut self.jobs).into_iter().enumerate() {
            if wanted(&job) {
                self.bytes -= job.bytes();
                out.push(job);
            } else {
                asked += usize::from(index < self.asked);
                kept.push_back(job);
            }
        }
        (self.jobs, self.asked) = (kept, asked);
        out
    }

    /// Takes out all but the first `keep` of what nobody asked for, from the end: what is left keeps its order.
    pub(super) fn trim(&mut self, keep: usize) -> Vec<Job> {
        let keep = if self.rules.ordered { keep } else { keep.max(self.asked) };
        let out: Vec<Job> = self.jobs.drain(keep.min(self.jobs.len())..).collect();
        self.asked = self.asked.min(self.jobs.len());
        self.bytes -= out.iter().map(Job::bytes).sum::<usize>();
        self.returning += out.len();
        out
    }

    /// Takes out everything but what goes out although the breaker is open, because somebody asked for it.
    pub(super) fn trim_unasked(&mut self) -> Vec<Job> {
        let first_is_asked = self.jobs.front().is_some_and(|job| job.trigger == Trigger::Manual);
        self.trim(if self.rules.ordered { usize::from(first_is_asked) } else { self.asked })
    }

    /// Takes out what a slow queue has no use for.
    pub(super) fn trim_excess(&mut self) -> Vec<Job> {
        let keep = self.most();
        if self.jobs.len() > keep { self.trim(keep) } else { Vec::new() }
    }

    /// Takes out everything that waits here.
    pub(super) fn empty(&mut self) -> Vec<Job> {
        self.asked = 0;
        self.trim(0)
    }

    /// Notes that something waits in the store.
    pub(super) fn note(&mut self, waiting: Waiting) {
        self.stored = Some(match self.stored {
            None => waiting,
            Some(first) if self.rules.ordered => match waiting.order.cmp(&first.order) {
                std::cmp::Ordering::Less | std::cmp::Ordering::Equal => waiting,
                std::cmp::Ordering::Greater => first,
            },
            Some(first) => Waiting { due: first.due.min(waiting.due), order: first.order.min(waiting.order) },
        });
    }

    /// Whether something that goes first waits in the store, so that what is in memory has to wait.
    pub(super) fn is_held_by_store(&self) -> bool {
        let first = self.jobs.front().map_or(u64::MAX, Job::order);
        self.rules.ordered
            && [self.stored, self.claiming].iter().flatten().any(|waiting| waiting.order < first)
    }

    pub(super) fn ready(&self, now: Timestamp) -> Ready {
        let Some(first) = self.jobs.front().filter(|_| self.rules.active) else { return Ready::No };
        if self.in_flight >= self.limit() {
            return Ready::No;
        }
        if self.rules.ordered && (self.unrecorded > 0 || self.returning > 0 || self.is_held_by_store()) {
            return Ready::No;
        }
        match self.breaker.permit(now) {
            _ if first.trigger == Trigger::Manual => Ready::Yes,
            Permit::Any | Permit::Probe => Ready::Yes,
            Permit::NotBefore(at) => Ready::NotBefore(at),
            Permit::NotNow => Ready::No,
        }
    }

    /// How many deliveries are to be read back now; 0 where none are. Claims are made in large pieces, so that a
    /// queue is filled up when it has run low.
    pub(super) fn refill(&self, now: Timestamp) -> usize {
        let due = self.stored.is_some_and(|waiting| waiting.due <= now);
        let returning = self.rules.ordered && self.returning > 0;
        if !due || self.claiming.is_some() || !self.rules.active || returning {
            return 0;
        }
        let most = self.most();
        let low = limits::CLAIM_DELIVERIES_MAX.min(most / 2);
        let runs_low = self.waiting() <= low && self.all_bytes() < limits::QUEUE_BYTES_MAX;
        match self.breaker.permit(now) {
            // What waits in memory may be what was asked for later, which the head in the store holds up.
            Permit::Probe if self.waiting() == 0 || self.is_held_by_store() => 1,
            Permit::Any if runs_low => limits::CLAIM_DELIVERIES_MAX.min(most - self.waiting()),
            Permit::Any if self.is_held_by_store() => 1,
            _ => 0,
        }
    }

    /// An attempt is over that began in `epoch`. Returns whether its breaker has changed.
    pub(super) fn ended(&mut self, epoch: crate::breaker::Epoch, ended: Ended, now: Timestamp) -> bool {
        if ended.reaction != Reaction::Nothing {
            self.concurrency.ended(ended.load);
            self.tempo.ended(ended, now);
        }
        let changed = self.breaker.ended(epoch, ended.reaction, now, ended.jitter);
        if changed && self.breaker.is_closed() {
            self.concurrency.ramp();
        }
        changed
    }
}

/// How long a queue's attempts take, and what follows from it.
#[derive(Debug)]
pub(super) struct Tempo {
    /// The pace that the queue's share of the budget is counted under.
    pub(super) pace: Pace,
    /// A moving average of how long attempts took; `None` while there was none.
    recent: Option<Duration>,
    /// When an attempt was last over soon.
    quick_at: Option<Timestamp>,
    /// When an attempt last ended, or the first of those that are under way began.
    moved_at: Timestamp,
    /// When it is to be seen whether attempts hang.
    pub(super) check_at: Option<Timestamp>,
    failing: bool,
}

impl Tempo {
    fn new(origin: Origin, now: Timestamp) -> Self {
        let pace = if origin.failing { Pace::Slow } else { Pace::Unknown };
        Self { pace, recent: None, quick_at: None, moved_at: now, check_at: None, failing: origin.failing }
    }

    /// An attempt begins. Returns when to see whether it hangs, where that is not seen to already.
    pub(super) fn begun(&mut self, is_first: bool, now: Timestamp) -> Option<Timestamp> {
        if is_first {
            self.moved_at = now;
        }
        if self.check_at.is_some() || self.pace == Pace::Slow {
            return None;
        }
        self.check_at = Some(now.saturating_add(limits::SLOW_FROM));
        self.check_at
    }

    /// Whether attempts have succeeded of late, each within moments.
    fn is_prompt(&self) -> bool {
        !self.failing && self.recent.is_some_and(|recent| recent <= limits::PROMPT_UP_TO)
    }

    fn ended(&mut self, ended: Ended, now: Timestamp) {
        let took = ended.load.took;
        let recent = self.recent.map_or(took, |recent| (recent * 3 + took) / 4);
        self.recent = Some(recent);
        self.moved_at = now;
        self.failing = ended.reaction == Reaction::Failed;
        if took < limits::SLOW_FROM && !self.failing {
            self.quick_at = Some(now);
        }
    }

    /// Looks whether attempts hang. Returns when to look again.
    pub(super) fn check(&mut self, in_flight: u32, now: Timestamp) -> Option<Timestamp> {
        // A clock that was set back is no reason to look only when the old time comes again.
        if self.check_at.is_none_or(|at| at > now && at.since(now) <= limits::SLOW_FROM) {
            return None;
        }
        self.check_at = None;
        self.moved_at = self.moved_at.min(now);
        if in_flight == 0 {
            return None;
        }
        let at = self.moved_at.saturating_add(limits::SLOW_FROM);
        if at > now {
            self.check_at = Some(at);
            return self.check_at;
        }
        self.recent = Some(self.recent.map_or(limits::SLOW_FROM, |recent| recent.max(limits::SLOW_FROM)));
        None
    }

    /// The pace as it is now.
    pub(super) fn pace_at(&self, now: Timestamp) -> Pace {
        let slow_from = if self.pace == Pace::Slow { limits::QUICK_UP_TO } else { limits::SLOW_FROM };
        match self.recent {
            Some(recent) if recent >= slow_from => Pace::Slow,
            None if self.failing => Pace::Slow,
            _ if self.quick_at.is_some_and(|at| now.since(at) <= limits::QUICK_FOR) && !self.failing => {
                Pace::Quick
            }
            _ => Pace::Unknown,
        }
    }
}
