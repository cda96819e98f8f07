//! Instructions of the steps of an event's way, counted by callgrind and held against a committed file, so that a
//! slowdown shows without a clock.
//!
//! What a count depends on besides the code is the compiler, the C library and what the processor offers: the file
//! says with which it was made. Each step is counted twice, with different numbers of times, and the difference is what
//! counts: the start of the program is left out.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use crate::shell::{Done, is_there, root, run, target};

/// The steps, and how often each is made in the two counts.
const STEPS: [(&str, [u64; 2]); 6] = [
    ("sign", [200, 1200]),
    ("verify", [200, 1200]),
    ("accept", [100, 400]),
    ("deliver", [100, 600]),
    ("commit", [20, 100]),
    ("send", [100, 600]),
];
/// How much more a step may take than what is recorded, in per cent, and how much less before it is to be recorded.
const TOLERANCE: f64 = 5.0;
/// The same for steps that wait for another thread: how often they look before it is ready differs from run to run.
const TOLERANCE_OF_WAITING: [(&str, f64); 2] = [("accept", 10.0), ("send", 30.0)];

/// Count the instructions of the steps of an event's way, and compare with what is recorded
#[derive(clap::Args, Default)]
pub(crate) struct Instructions {
    /// Record what is counted now
    #[arg(long)]
    record: bool,
}

impl Instructions {
    pub(crate) fn run(&self) -> Done {
        if !is_there("valgrind", &["--version"]) {
            println!("skipped: instructions (valgrind is not installed)");
            return Ok(());
        }
        run(
            "cargo",
            &["build", "--release", "--locked", "--package", "hookseal-cli", "--example", "instructions"],
        )?;
        let counted = STEPS
            .into_iter()
            .map(|(step, times)| Ok((step.to_owned(), count(step, times)?)))
            .collect::<Result<BTreeMap<_, _>, Box<dyn std::error::Error>>>()?;
        let made_with = made_with();
        if self.record {
            std::fs::write(file(), written(&counted, &made_with))?;
            println!("recorded: {}", file().display());
            return Ok(());
        }
        let (recorded, then) = read(&std::fs::read_to_string(file())?)?;
        if then != made_with {
            println!(
                "instructions: recorded with `{then}`, counted with `{made_with}`: a difference may be theirs"
            );
        }
        for (step, counted) in &counted {
            let recorded = recorded.get(step).copied().unwrap_or(f64::NAN);
            println!(
                "instructions: {step} {counted:.0}, recorded {recorded:.0} ({:+.1} %)",
                change(recorded, *counted)
            );
        }
        judge(&recorded, &counted, then == made_with)
    }
}

fn file() -> PathBuf {
    root().join("bench/instructions.txt")
}

/// What else a count depends on.
fn made_with() -> String {
    let first_line = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(root()).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        text.unwrap_or_default().lines().next().unwrap_or_default().to_owned()
    };
    let parts = [
        first_line("rustc", &["--version"]),
        first_line("cc", &["--version"]),
        first_line("getconf", &["GNU_LIBC_VERSION"]),
        first_line("valgrind", &["--version"]),
        std::env::consts::ARCH.to_owned(),
    ];
    parts.join(", ")
}

/// Instructions that one time of a step takes.
fn count(step: &str, [few, many]: [u64; 2]) -> Result<f64, Box<dyn std::error::Error>> {
    let (less, more) = (collected(step, few)?, collected(step, many)?);
    Ok((more - less) / (many - few) as f64)
}

fn collected(step: &str, times: u64) -> Result<f64, Box<dyn std::error::Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(target().join("release/examples/instructions"))
        .args([step, &times.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("the step `{step}` failed under callgrind: {said}").into());
    }
    let line = said.lines().find_map(|line| line.split_once("Collected : "));
    let number = line.and_then(|(_, number)| number.trim().parse().ok());
    number.ok_or_else(|| format!("callgrind did not say what it collected: {said}").into())
}

/// By how much a count is above what is recorded, in per cent.
fn change(recorded: f64, counted: f64) -> f64 {
    (counted / recorded - 1.0) * 100.0
}

/// How far a step may be from what is recorded, in per cent.
fn tolerance(step: &str) -> f64 {
    TOLERANCE_OF_WAITING.into_iter().find(|(waiting, _)| *waiting == step).map_or(TOLERANCE, |(_, most)| most)
}

/// Fails with the steps that take more than they may, or are not recorded. With another compiler or C library a
/// difference proves nothing.
fn judge(recorded: &BTreeMap<String, f64>, counted: &BTreeMap<String, f64>, comparable: bool) -> Done {
    let mut wrong = Vec::new();
    for (step, counted) in counted {
        match recorded.get(step) {
            None => wrong.push(format!("`{step}` is not recorded")),
            Some(recorded) if change(*recorded, *counted).abs() > tolerance(step) && comparable => {
                let (change, most) = (change(*recorded, *counted), tolerance(step));
                wrong.push(format!("`{step}` takes {change:+.1} %, {most} are allowed"));
            }
            Some(_) => {}
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let wrong = wrong.join(", ");
    Err(format!("instructions: {wrong}. Where that is meant: `cargo xtask instructions --record`").into())
}

fn written(counted: &BTreeMap<String, f64>, made_with: &str) -> String {
    let mut text = format!(
        "# Instructions that one time of each step takes, by callgrind: `cargo xtask instructions --record`.\n# {made_with}\n"
    );
    for (step, _) in STEPS {
        if let Some(count) = counted.get(step) {
            text += &format!("{step} {count:.0}\n");
        }
    }
    text
}

/// What is recorded, and what it was made with.
fn read(text: &str) -> Result<(BTreeMap<String, f64>, String), String> {
    let mut recorded = BTreeMap::new();
    let made_with = text.lines().nth(1).and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (step, count) =
            line.split_once(' ').ok_or_else(|| format!("not a step and its count: {line}"))?;
        let count = count.parse().map_err(|_| format!("not a count: {line}"))?;
        recorded.insert(step.to_owned(), count);
    }
    Ok((recorded, made_with.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(sign: f64) -> BTreeMap<String, f64> {
        BTreeMap::from([("sign".to_owned(), sign)])
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(read(&written(&counts(1234.0), "a, b")), Ok((counts(1234.0), "a, b".to_owned())));
    }

    #[test]
    fn more_than_the_tolerance_is_a_failure_either_way() {
        for (counted, passes) in
            [(1000.0, true), (1049.0, true), (1051.0, false), (951.0, true), (940.0, false)]
        {
            assert_eq!(judge(&counts(1000.0), &counts(counted), true).is_ok(), passes, "{counted}");
        }
    }

    #[test]
    fn a_step_that_waits_for_a_thread_may_differ_by_more() {
        let send = |count| BTreeMap::from([("send".to_owned(), count)]);
        assert!(judge(&send(1000.0), &send(1290.0), true).is_ok());
        assert!(judge(&send(1000.0), &send(1310.0), true).is_err());
    }

    #[test]
    fn another_compiler_is_no_slowdown_and_a_missing_step_is() {
        assert!(judge(&counts(1000.0), &counts(2000.0), false).is_ok());
        assert!(judge(&BTreeMap::new(), &counts(2000.0), false).is_err());
    }

    #[test]
    fn every_step_is_recorded() {
        let (recorded, _) = read(&std::fs::read_to_string(file()).unwrap()).unwrap();
        assert!(recorded.keys().map(String::as_str).eq(BTreeMap::from(STEPS).into_keys()));
    }
}
