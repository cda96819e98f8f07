//! On what, when and of which commit a run was made.

use std::path::Path;

use super::system::said;
use crate::shell::root;

/// The machine, the day and the commit, in a sentence or two.
pub(super) fn description() -> String {
    let root = root();
    let at = |program: &str, arguments: &[&str]| said(program, arguments, &root);
    // What a run writes into the page is no change of what the next one measures.
    let changes = at("git", &["status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs"]);
    let changed = if changes.is_empty() { "" } else { " with uncommitted changes" };
    format!(
        "{} processors ({}), {} GiB of memory, Linux {}, {} on {}; {}; commit `{}`{changed}, {}.",
        std::thread::available_parallelism().map_or(0, usize::from),
        field("/proc/cpuinfo", "model name"),
        field("/proc/meminfo", "MemTotal").split(' ').next().map_or(0, gibibytes),
        at("uname", &["-r"]),
        listed("fstype", &root),
        listed("source", &root),
        at("rustc", &["--version"]),
        at("git", &["rev-parse", "--short", "HEAD"]),
        at("date", &["-u", "+%F"]),
    )
}

fn gibibytes(kibibytes: &str) -> u64 {
    kibibytes.parse::<u64>().unwrap_or(0).div_ceil(1024 * 1024)
}

/// The value of the first line of a file that begins with `name`.
fn field(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

/// What `df` says of the file system that a folder is in.
fn listed(column: &str, folder: &Path) -> String {
    let listed = said("df", &[&format!("--output={column}"), "."], folder);
    listed.rsplit(' ').next().unwrap_or_default().to_owned()
}
