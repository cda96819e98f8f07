//! Which crate may know which: the edges of the workspace, held against what cargo says.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Every edge that is allowed, development dependencies aside.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("hookseal", &[]),
    ("hookseal-tower", &["hookseal"]),
    ("hookseal-engine", &["hookseal"]),
    ("hookseal-transport", &["hookseal", "hookseal-engine"]),
    // The feature `replay`: a guard against replays for receivers.
    ("hookseal-sqlite", &["hookseal", "hookseal-engine", "hookseal-tower"]),
    ("hookseal-server", &["hookseal", "hookseal-engine"]),
    ("hookseal-testkit", &["hookseal", "hookseal-engine"]),
    (
        "hookseal-cli",
        &["hookseal", "hookseal-engine", "hookseal-server", "hookseal-sqlite", "hookseal-transport"],
    ),
    ("xtask", &["hookseal", "hookseal-testkit"]),
];

/// What only these crates may depend on: outbound HTTP and SQL have one place each.
const WRAPPED: [(&str, &[&str]); 5] = [
    ("rusqlite", &["hookseal-sqlite"]),
    ("rustls", &["hookseal-transport"]),
    ("h2", &["hookseal-transport"]),
    ("hickory-resolver", &["hookseal-transport"]),
    ("axum", &["hookseal-server", "hookseal-cli"]),
];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let names = |package: &cargo_metadata::Package| {
        let normal = package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
        normal.map(|d| d.name.clone()).collect()
    };
    metadata.packages.iter().map(|package| (package.name.to_string(), names(package))).collect()
}

#[test]
fn no_crate_knows_what_it_must_not() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let all = dependencies();
    assert_eq!(
        all.keys().map(String::as_str).collect::<Vec<_>>(),
        allowed.keys().copied().collect::<Vec<_>>()
    );
    for (name, dependencies) in &all {
        let inner = dependencies.iter().filter(|d| all.contains_key(*d));
        for dependency in inner {
            assert!(
                allowed[name.as_str()].contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn sockets_sql_and_the_web_framework_have_one_place_each() {
    for (wrapped, users) in WRAPPED {
        for (name, dependencies) in dependencies() {
            assert!(
                !dependencies.contains(wrapped) || users.contains(&name.as_str()),
                "{name} must not use {wrapped}"
            );
        }
    }
}

#[test]
fn the_library_knows_neither_clock_nor_sockets_nor_async() {
    let library = &dependencies()["hookseal"];
    for banned in ["tokio", "async-trait", "hyper", "http", "rand", "getrandom", "jiff", "tracing"] {
        assert!(!library.contains(banned), "hookseal must not depend on {banned}");
    }
}
