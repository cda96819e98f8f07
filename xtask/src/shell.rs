//! Running other programs.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// The outcome of a task; the text says what went wrong.
pub(crate) type Done = Result<(), Box<dyn std::error::Error>>;

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned)
}

/// Runs a command at the root, showing what it prints.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Done {
    run_in(&root(), program, arguments)
}

/// Runs a command in a folder, showing what it prints.
pub(crate) fn run_in(folder: &Path, program: &str, arguments: &[&str]) -> Done {
    println!("> {program} {}", arguments.join(" "));
    let status = Command::new(program).args(arguments).current_dir(folder).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{program} {}` ended with {status}", arguments.join(" ")).into()),
        Err(error) => Err(format!("`{program}` cannot be run: {error}").into()),
    }
}

/// Whether a program is there and runs.
pub(crate) fn is_there(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// The commit that is checked out, and whether anything was changed since.
pub(crate) fn commit() -> Result<String, Box<dyn std::error::Error>> {
    let git = |arguments: &[&str]| Command::new("git").args(arguments).current_dir(root()).output();
    let commit = String::from_utf8(git(&["rev-parse", "--short=12", "HEAD"])?.stdout)?;
    let changed = !git(&["status", "--porcelain"])?.stdout.is_empty();
    Ok(format!("{}{}", commit.trim(), if changed { " with changes" } else { "" }))
}

/// A stopwatch that runs: it says how much time has passed.
#[expect(clippy::disallowed_methods, reason = "a task tells how long it took")]
pub(crate) fn stopwatch() -> impl Fn() -> Duration + Sync {
    let start = Instant::now();
    move || start.elapsed()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    // The task runs from `<target>/<profile>/xtask`.
    let own = std::env::current_exe().ok();
    let target = own.as_deref().and_then(Path::parent).and_then(Path::parent).map(Path::to_owned);
    target.unwrap_or_else(|| root().join("target"))
}

/// Which binary to look at.
#[derive(clap::Args, Default)]
pub(crate) struct Binary {
    /// A `hookseal` binary to look at, in the place of the release build of this checkout
    #[arg(long)]
    binary: Option<PathBuf>,
}

impl Binary {
    /// Its path; builds it for release where none was given.
    pub(crate) fn path(&self) -> Result<PathBuf, Box<dyn std::error::Error>> {
        if let Some(binary) = &self.binary {
            return Ok(binary.clone());
        }
        run("cargo", &["build", "--release", "--locked", "--package", "hookseal-cli"])?;
        Ok(target().join("release/hookseal"))
    }
}

/// A new, empty folder below the target folder, on the same disk as everything else.
pub(crate) fn scratch(name: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let folder = target().join("scratch").join(format!("{name}-{}", std::process::id()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
