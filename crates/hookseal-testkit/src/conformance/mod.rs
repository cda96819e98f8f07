//! The rules of the store's port, as tests that every store passes.
//!
//! [`crate::store_conformance!`] makes one test of each. They hold no store to more than the port's documentation
//! says, and each begins with an empty store of its own.

pub mod accepting;
pub mod bodies;
pub mod claiming;
pub mod deleting;
pub mod ending;
pub mod keys;
pub mod listing;
pub mod outcomes;
pub mod pruning;
pub mod recovering;
pub mod replaying;
pub mod retrying;
pub mod subscriptions;
mod world;

use std::sync::Arc;

use async_trait::async_trait;
use hookseal_engine::ports::Store;

pub use world::World;

/// Where a store's tests get their store from.
#[async_trait]
pub trait Harness: Send + Sized {
    /// An empty store that is open, and not recovered.
    async fn start() -> Self;

    /// The store that is open.
    fn store(&self) -> Arc<dyn Store>;

    /// The process stops at once and another opens what the first one left; it is not recovered.
    async fn crash(&mut self);

    /// The store is closed in good order and opened again; it is not recovered.
    async fn restart(&mut self);
}

/// Makes a test of every rule, for the stores of a [`Harness`].
///
/// The crate that uses it needs tokio with its macros and the multi-thread runtime.
#[macro_export]
macro_rules! store_conformance {
    ($harness:ty) => {
        $crate::store_conformance! { @cases $harness;
            accepting: [
                an_accepted_event_is_there_with_its_deliveries
                an_event_without_targets_is_kept
                a_leased_target_is_leased_and_a_parked_one_waits
                a_publishers_id_is_taken_once
                a_publishers_id_is_taken_once_within_a_batch
                a_duplicate_differs_in_nothing_that_counts
                a_publishers_id_counts_within_its_scope
                an_event_that_is_offered_again_is_accepted_once
                a_batch_that_cannot_be_stored_changes_nothing
                an_empty_batch_is_committed
                an_event_may_be_committed_after_a_later_one
                batches_from_many_callers_are_all_kept
            ]
            outcomes: [
                a_success_ends_a_delivery
                a_retry_waits_until_it_is_due
                giving_up_ends_a_delivery
                an_outcome_without_a_lease_is_dropped
                an_outcome_of_another_delivery_is_dropped
                an_outcome_ends_the_lease
                of_two_outcomes_in_a_batch_the_first_counts
                an_outcome_that_is_offered_again_counts_once
                events_and_outcomes_share_a_batch
                a_failed_attempt_is_kept_in_full
                a_successful_attempt_is_kept_compactly
                attempts_are_listed_oldest_first
                health_is_written_with_the_outcomes
                a_subscription_is_disabled_with_its_reason
                health_of_a_subscription_that_is_gone_is_dropped
            ]
            claiming: [
                a_claim_gives_all_that_an_attempt_needs
                the_longest_due_comes_first
                what_is_not_due_is_left
                a_claim_is_bounded_in_number
                a_claim_is_bounded_in_bytes
                one_delivery_is_given_whatever_its_size
                a_leased_delivery_is_not_claimed
                a_claim_is_of_one_subscription
                a_claim_leases
                a_released_delivery_is_due_again_at_once
                a_released_delivery_keeps_its_attempts
                releasing_what_is_not_leased_changes_nothing
                a_delivery_that_was_leased_as_it_was_accepted_can_be_released
                a_retry_is_claimed_with_its_attempts
                a_claim_by_place_comes_in_the_order_of_places
                a_claim_by_place_stops_at_the_first_that_is_not_due
                a_claim_by_place_begins_with_what_was_made_due_again
                a_claim_of_one_delivery_gives_no_other
            ]
            recovering: [
                an_empty_store_has_nothing_to_recover
                what_was_accepted_and_not_recorded_waits_again
                what_succeeded_stays_so
                a_retry_keeps_its_time
                a_claimed_delivery_waits_again
                what_was_given_up_stays_so
                what_was_released_waits_again
                part_of_an_event_is_recovered
                recovery_works_after_every_crash
                a_recovered_delivery_keeps_its_id
                new_ids_come_after_all_stored_ones
                a_lease_ends_with_its_process
                an_outcome_from_before_a_crash_is_dropped
                everything_outlives_a_restart
                an_early_event_committed_late_is_recovered
            ]
            retrying: [
                a_succeeded_delivery_can_be_sent_again
                a_failed_delivery_can_be_sent_again
                a_waiting_delivery_is_made_due
                a_leased_delivery_is_left_alone
                a_claimed_delivery_is_left_alone
                a_delivery_that_does_not_exist_is_not_found
                a_delivery_of_another_scope_is_not_found
                a_delivery_whose_subscription_is_gone_is_told_apart
            ]
            ending: [
                an_event_that_is_put_off_waits
                an_event_that_is_put_off_waits_over_a_crash
                what_waits_expires_when_its_time_is_over
                expiring_is_bounded
                what_is_leased_does_not_expire
                a_retry_that_waits_expires
                an_outcome_may_expire_a_delivery
                what_is_recovered_expires
                an_expired_delivery_can_be_sent_again
                a_retry_begins_the_schedule_anew
                a_waiting_delivery_is_called_off
                a_leased_delivery_is_not_called_off
                what_does_not_wait_is_not_called_off
                a_leased_delivery_ends_without_an_attempt
                an_end_without_a_lease_is_dropped
                deliveries_of_a_deleted_subscription_do_not_expire
            ]
            replaying: [
                a_replay_comes_back_as_it_was_asked_for
                one_replay_of_a_subscription_runs_at_a_time
                what_failed_is_made_due_again
                states_choose_what_is_replayed
                what_is_missing_is_created
                what_is_not_asked_for_is_not_missing
                time_and_type_choose_what_is_replayed
                a_replay_goes_on_in_steps
                a_replays_step_has_a_bound_in_what_it_reads
                a_step_that_is_full_creates_nothing_more
                a_replay_waits_for_its_deliveries
                a_replay_can_be_called_off
                a_replay_ends_with_its_subscription
                a_late_delivery_keeps_its_events_time
            ]
            pruning: [
                what_ended_is_forgotten
                the_newest_event_is_kept
                one_turned_away_is_not_the_newest
                what_has_not_ended_is_kept
                what_ended_lately_is_kept
                forgetting_goes_on_in_steps
                late_deliveries_are_forgotten_with_their_event
            ]
            subscriptions: [
                a_subscription_comes_back_as_it_was_made
                creating_it_again_finds_it
                an_id_is_taken_once
                what_is_not_changed_stays
                settings_are_changed_as_a_whole
                secrets_are_replaced
                leaving_too_many_errors_mends_the_health
                pausing_keeps_the_health
                what_came_of_a_challenge_is_kept
                a_subscription_that_is_not_there_is_not_changed
                subscriptions_are_listed_oldest_first
                scopes_do_not_see_each_other
                all_subscriptions_are_of_all_scopes
            ]
            deleting: [
                a_deleted_subscription_is_gone
                what_waits_for_it_is_cancelled
                what_is_leased_for_it_is_cancelled
                its_deliveries_stay_readable
                its_id_stays_taken
                its_deliveries_are_not_claimed
                an_event_on_its_way_to_it_is_cancelled
                a_deleted_subscription_stays_deleted
                many_deliveries_are_cancelled_at_once
            ]
            listing: [
                events_are_listed_newest_first
                events_are_paged_through
                events_are_filtered
                deliveries_are_listed_newest_first
                deliveries_are_paged_through
                deliveries_are_paged_through_within_one_event
                deliveries_of_a_subscription_are_paged_through
                deliveries_are_filtered
                deliveries_are_filtered_by_state
                a_long_search_goes_on_where_it_stopped
                scopes_do_not_mix_in_lists
                an_event_of_another_scope_is_not_found
                what_does_not_exist_is_not_found
                ten_thousand_deliveries_of_one_event_are_read
            ]
            bodies: [
                any_bytes_come_back
                the_largest_body_comes_back
                a_content_type_comes_back
                lists_leave_bodies_out
            ]
            keys: [
                keys_come_back_oldest_first
                a_key_is_added_once
                a_key_is_unique
                a_store_can_be_checked
                a_closed_store_fails
            ]
        }
    };
    (@cases $harness:ty; $($module:ident: [$($case:ident)*])*) => {
        $(mod $module {
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::$module::$case($crate::conformance::World::<$harness>::start().await).await;
            })*
        })*
    };
}
