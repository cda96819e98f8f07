//! Running the code of a guide in its own language: one process for all profiles.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set by the checks: a runtime that is not there is a failure then, and not a remark.
const REQUIRED: &str = "HOOKSEAL_REQUIRE_RUNTIMES";

/// A folder of one test's own, below the one that cargo gives to tests.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guides").join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path).unwrap();
    }
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The source of a harness.
pub(crate) fn harness(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guides").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Whether a program is there. If it is not, that is said aloud, and is a failure where runtimes are required.
#[expect(
    clippy::disallowed_methods,
    reason = "whether a missing runtime fails a test is said by its environment"
)]
pub(crate) fn is_there(program: &str, argument: &str) -> bool {
    if answers(program, &[argument]) {
        return true;
    }
    assert!(std::env::var_os(REQUIRED).is_none(), "`{program}` is not there, and {REQUIRED} is set");
    not_run(&format!("`{program}` is not installed, so the guides' code in its language was not executed"));
    false
}

/// The Python to run samples with.
#[expect(clippy::disallowed_methods, reason = "which Python has the package of the samples is said outside")]
pub(crate) fn python_with_packages() -> String {
    std::env::var("HOOKSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Whether Python has the package for public keys. Without it, the samples that verify with those do not run.
#[expect(
    clippy::disallowed_methods,
    reason = "whether a missing package fails a test is said by its environment"
)]
pub(crate) fn has_cryptography() -> bool {
    if answers(&python_with_packages(), &["-c", "import cryptography"]) {
        return true;
    }
    assert!(std::env::var_os(REQUIRED).is_none(), "Python has no `cryptography`, and {REQUIRED} is set");
    not_run("Python has no `cryptography`, so its code for public keys was not executed");
    false
}

/// Says it past the capture of what tests print, which hides the words of those that pass.
#[expect(clippy::explicit_write, reason = "what `eprintln!` writes is captured")]
fn not_run(what: &str) {
    writeln!(std::io::stderr(), "NOT RUN: {what}").unwrap();
}

fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// Runs a program in a folder and returns what it prints; what it prints is the message where it fails.
pub(crate) fn run<A: AsRef<OsStr>>(folder: &Path, program: &str, arguments: &[A]) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} in {}:\n{printed}\n{complained}", folder.display());
    printed
}
