//! Everything that must pass, in the order in which it fails soonest.

use crate::{
    fuzz::Fuzz,
    guides,
    instructions::Instructions,
    libraries::Libraries,
    scenarios::{Crash, Drain, Durable, Hostile},
    shell::{Binary, Done, is_there, root, run, run_in},
};

/// Everything that must pass
#[derive(clap::Args)]
pub(crate) struct Check {
    /// Leave out the scenarios on the release build
    #[arg(long)]
    quick: bool,
}

impl Check {
    pub(crate) fn run(&self) -> Done {
        run("cargo", &["fmt", "--all", "--check"])?;
        // Fetching waits for the network while the compiler has both cores.
        let fetching = std::thread::spawn(|| fetch().map_err(|error| error.to_string()));
        run("cargo", &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])?;
        docs()?;
        licences()?;
        fetching.join().map_err(|_| "fetching what the tests need panicked")??;
        guides::test_with_runtimes(&["--workspace"])?;
        Libraries::default().run()?;
        Fuzz { seconds: 10, targets: Vec::new(), record: false }.run()?;
        run("python3", &["tests/shim/selftest.py"])?;
        run("python3", &["tests/receivers/selftest.py"])?;
        if self.quick {
            println!("skipped: the scenarios on the release build (--quick)");
            return Ok(());
        }
        let binary = Binary::default;
        Crash { rounds: 5, events: 2000, seed: 20_261_121, binary: binary() }.run()?;
        Drain { events: 1000, answer_after_ms: 20, binary: binary() }.run()?;
        Durable { binary: binary() }.run()?;
        // What is timed is no test: latency is judged by `cargo xtask hostile` alone.
        Hostile { events: 600, no_latency: true, binary: binary() }.run()?;
        Instructions::default().run()?;
        // The load driver has a lock file of its own and must keep building.
        run_in(&root().join("bench"), "cargo", &["check", "--locked"])?;
        println!("all checks passed");
        Ok(())
    }
}

/// Installs the runtimes that the guides' code needs, and the libraries of others.
fn fetch() -> Done {
    guides::install()?;
    Libraries::install()
}

/// The docs build without a warning. `RUSTDOCFLAGS` is given through cargo, the environment being no channel.
fn docs() -> Done {
    let deny = "build.rustdocflags=[\"--deny\",\"warnings\"]";
    run("cargo", &["doc", "--workspace", "--no-deps", "--locked", "--config", deny])
}

fn licences() -> Done {
    if is_there("cargo", &["deny", "--version"]) {
        run("cargo", &["deny", "check", "licenses", "bans", "sources"])
    } else {
        println!(
            "skipped: licences and bans (cargo-deny is not installed: `cargo install cargo-deny --locked`)"
        );
        Ok(())
    }
}
