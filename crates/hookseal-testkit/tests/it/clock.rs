//! The clock moves only when it is moved.

use std::time::Duration;

use hookseal::Timestamp;
use hookseal_engine::ports::Clock;
use hookseal_testkit::ManualClock;

const NOON: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_sleeper_wakes_when_its_time_has_come() {
    let clock = ManualClock::at(NOON);
    let sleeper = tokio::spawn({
        let clock = clock.clone();
        async move {
            clock.sleep(3 * SECOND).await;
            clock.now()
        }
    });
    clock.sleepers(1).await;
    clock.advance(2 * SECOND);
    assert_eq!(clock.next_wake(), Some(SECOND));
    assert!(!sleeper.is_finished());
    clock.advance(SECOND);
    assert_eq!(sleeper.await.expect("the sleeper woke"), NOON.saturating_add(3 * SECOND));
    assert_eq!(clock.next_wake(), None);
}

#[tokio::test]
async fn stepping_the_wall_clock_wakes_nobody() {
    let clock = ManualClock::at(NOON);
    let sleeper = tokio::spawn({
        let clock = clock.clone();
        async move { clock.sleep(SECOND).await }
    });
    clock.sleepers(1).await;
    clock.step_to(NOON.saturating_add(100 * SECOND));
    assert_eq!(clock.next_wake(), Some(SECOND));
    clock.step_to(NOON.saturating_sub(100 * SECOND));
    clock.advance(SECOND);
    sleeper.await.expect("the sleeper woke");
    assert_eq!(clock.now(), NOON.saturating_sub(99 * SECOND));
}

#[tokio::test]
async fn who_gives_up_sleeping_is_forgotten() {
    let clock = ManualClock::at(NOON);
    let sleeper = tokio::spawn({
        let clock = clock.clone();
        async move { clock.sleep(SECOND).await }
    });
    clock.sleepers(1).await;
    sleeper.abort();
    assert!(sleeper.await.is_err());
    assert_eq!(clock.next_wake(), None);
    clock.sleep(Duration::ZERO).await;
}
