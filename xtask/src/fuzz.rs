//! Fuzzing every target for a while.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::shell::{Done, commit, is_there, root, run, target};

/// Run every fuzz target for a while, starting from the known-answer vectors
#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// How long each target runs
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub(crate) seconds: u32,
    /// Only these targets, in the place of all
    #[arg(long = "target", value_name = "NAME")]
    pub(crate) targets: Vec<String>,
    /// Write what came of it to fuzz/RUNS.md
    #[arg(long)]
    pub(crate) record: bool,
}

/// What came of one target.
struct Ran {
    target: String,
    runs: u64,
    corpus: usize,
    edges: u64,
}

/// The sanitizers need another compiler than the stable one; the coverage that steers a fuzzer does not, and the project
/// has no `unsafe` for them to watch.
const SANITIZER: &str = "none";

impl Fuzz {
    pub(crate) fn run(&self) -> Done {
        install()?;
        let targets = if self.targets.is_empty() { targets()? } else { self.targets.clone() };
        let corpus = target().join("fuzz-corpus");
        seeds(&corpus)?;
        let mut done = Vec::new();
        for name in &targets {
            done.push(self.fuzz(name, &corpus)?);
        }
        let table = self.table(&done)?;
        println!("{table}");
        if self.record {
            fs::write(root().join("fuzz/RUNS.md"), table)?;
        }
        Ok(())
    }

    fn fuzz(&self, name: &str, corpus: &Path) -> Result<Ran, Box<dyn std::error::Error>> {
        let folder = corpus.join(name);
        fs::create_dir_all(&folder)?;
        println!("> {name}: {} s", self.seconds);
        let output = Command::new("cargo")
            .args(["fuzz", "run", "--sanitizer", SANITIZER, "--target-dir"])
            .arg(target().join("fuzz"))
            .arg(name)
            .arg(&folder)
            .args(["--", "-print_final_stats=1", "-max_len=8192", "-timeout=10", "-rss_limit_mb=2048"])
            .arg(format!("-max_total_time={}", self.seconds))
            .current_dir(root())
            .output()?;
        let log = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            return Err(format!("{name} has a finding:\n{}", tail.join("\n")).into());
        }
        let runs =
            number_after(&log, "stat::number_of_executed_units:").ok_or("libFuzzer gave no count of runs")?;
        let edges = log.lines().rev().find_map(|line| number_after(line, "cov:")).unwrap_or(0);
        let corpus = fs::read_dir(&folder)?.count();
        println!("  {runs} runs, {corpus} inputs, {edges} edges, no finding");
        Ok(Ran { target: name.to_owned(), runs, corpus, edges })
    }

    fn table(&self, done: &[Ran]) -> Result<String, Box<dyn std::error::Error>> {
        let mut table = String::from("# Fuzzing\n\n");
        writeln!(
            table,
            "Written by `cargo xtask fuzz --seconds {} --record` at commit {}. No target had a finding.\n",
            self.seconds,
            commit()?
        )?;
        table.push_str(
            "| target | seconds | runs | inputs in the corpus | edges covered |\n|---|---:|---:|---:|---:|\n",
        );
        for Ran { target, runs, corpus, edges } in done {
            writeln!(table, "| `{target}` | {} | {runs} | {corpus} | {edges} |", self.seconds)?;
        }
        Ok(table)
    }
}

fn install() -> Done {
    match is_there("cargo", &["fuzz", "--version"]) {
        true => Ok(()),
        // It starts compilers and fuzzers and does nothing itself that would be worth optimising.
        false => run("cargo", &["install", "cargo-fuzz", "--locked", "--debug"]),
    }
}

/// The targets that there are: the files of their folder.
fn targets() -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a target has a name in UTF-8")?;
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}

/// Writes the first inputs of every target.
fn seeds(corpus: &Path) -> Done {
    let text = |path: PathBuf| path.to_str().map(str::to_owned).ok_or("a path is UTF-8");
    let arguments = [
        "run",
        "--quiet",
        "--locked",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target-dir",
        &text(target())?,
        "--example",
        "seeds",
        "--",
        "vectors/vectors.json",
        &text(corpus.to_owned())?,
    ];
    run("cargo", &arguments)
}

fn number_after(text: &str, label: &str) -> Option<u64> {
    let rest = text.split_once(label)?.1;
    rest.split_whitespace().next()?.parse().ok()
}
