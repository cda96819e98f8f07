//! The binary from outside: the promises of the README, each on the real thing, in a few rounds. `cargo xtask crash`,
//! `drain`, `durable` and `hostile` do the same at length on the release build.

#![expect(clippy::unwrap_used, reason = "what keeps a test from going on has failed it")]

mod cases;
mod rotation;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use hookseal_testkit::outside::{crash, drain, durable, rate, receivers};

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_hookseal"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn other_languages_verify_what_is_delivered_and_refuse_it_after_one_flipped_byte() {
    let folder = tempfile::tempdir().unwrap();
    let verdicts = receivers::run(binary(), folder.path(), &root().join("tests/receivers")).unwrap();
    assert_eq!(verdicts.len(), 5 * 2 + 2, "five vendors, two languages; Harbor transfers' own body besides");
}

#[test]
fn nothing_accepted_is_lost_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let plan = crash::Plan { rounds: 2, events: 400, publishers: 8, seed: 7 };
    let report = crash::run(binary(), folder.path(), plan).unwrap();
    assert_eq!((report.kills, report.lost), (2, 0));
}

#[test]
fn nothing_accepted_is_lost_by_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let report = drain::run(binary(), folder.path(), 200, Duration::from_millis(20)).unwrap();
    assert!(report.accepted >= 200);
}

#[test]
fn no_answer_comes_before_the_commit_and_a_failing_disk_is_a_503() {
    let folder = tempfile::tempdir().unwrap();
    let report = durable::run(binary(), folder.path(), &root().join("tests/shim/syncshim.c")).unwrap();
    assert!(report.held_answer_after >= Duration::from_millis(500));
    assert_eq!((report.failing_status, report.full_status), (503, 503));
}

#[test]
fn a_restart_gains_nothing_on_a_rate_and_loses_no_more_than_its_own_time() {
    let folder = tempfile::tempdir().unwrap();
    let report = rate::run(binary(), folder.path(), true).unwrap();
    assert!(report.most_in_ten_seconds <= 102, "{report:?}");
    // While there is no server nothing is sent, and the first attempt after it waits for its tenth of a second.
    let lost = (report.down.as_secs_f64() * 10.0).ceil() as usize + 1;
    assert!(report.in_ten_seconds + lost >= 98, "{report:?}");
}
