//! On what, when and of which commit a run was made.

use std::path::Path;

use super::system::said;
use crate::shell::root;

/// The machine, the day and the commit, in a sentence or two.
pub(super) fn description() -> String {
    let root = root();
    let at = |program: &str, arguments: &[&str]| said(program, arguments, &root);
    let changed = if at("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty() {
        ""
    } else {
        " with uncommitted changes"
    };
    format!(
        "{} processors ({}), {} GiB of memory, Linux {}, {} on {}; {}; commit `{}`{changed}, {}.",
        std::thread::available_parallelism().map_or(0, usize::from),
        field("/proc/cpuinfo", "model name"),
        field("/proc/meminfo", "MemTotal").split(' ').next().map_or(0, gibibytes),
        at("uname", &["-r"]),
        at("stat", &["-f", "-c", "%T", "target"]),
        device(&root),
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

fn device(folder: &Path) -> String {
    let listed = said("df", &["--output=source", "."], folder);
    listed.rsplit(' ').next().unwrap_or_default().to_owned()
}
