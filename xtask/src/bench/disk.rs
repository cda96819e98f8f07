//! What one idle `fdatasync` costs, in the folder where the stores of the run are, on the processor of the system.

use std::{env, fs::File, io, os::unix::fs::FileExt, process::Command, time::Duration, time::Instant};

use hookseal_testkit::outside::quantile;

use super::Bed;
use crate::shell::{Done, scratch};

/// Syncs that are timed at once.
const SYNCS: usize = 100;
/// The pause between two of them, so that disk and processor are idle: that of a stream of 100 events a second.
const PAUSE: Duration = Duration::from_millis(10);
/// Bytes of a write before each: a page of the store.
const PAGE: usize = 4096;
/// Pages of the file, which is written before: the store's log is one that is used again.
const PAGES: usize = 1024;

/// How long one idle sync took, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sync {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// The real time: what is measured here is that of processes and of a disk.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the real time that a process takes")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// What the times of many syncs come to.
pub(super) fn summary(times: &mut [Duration]) -> Sync {
    let ms = |times: &mut [Duration], fraction| quantile(times, fraction).as_secs_f64() * 1e3;
    Sync { p50_ms: ms(times, 0.5), p99_ms: ms(times, 0.99) }
}

/// Times some idle syncs, one after the other, on the processor of the system.
///
/// # Errors
///
/// What the program that does it said.
pub(super) fn idle_syncs(bed: &Bed) -> Result<Vec<Duration>, Box<dyn std::error::Error>> {
    let mut command = Command::new("taskset");
    command
        .args(["-c", &bed.system_processor.to_string()])
        .arg(env::current_exe()?)
        .args(["bench", "idle-sync"]);
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("timing idle syncs: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(|line| line.parse().map(Duration::from_nanos)).collect::<Result<_, _>>()?)
}

/// Does so, and prints each in nanoseconds: what the other calls on a processor that it is held to.
pub(super) fn print_idle_syncs() -> Done {
    let folder = scratch("bench-sync")?;
    let times = time_syncs(&File::create(folder.join("file"))?)?;
    std::fs::remove_dir_all(folder)?;
    for time in times {
        println!("{}", time.as_nanos());
    }
    Ok(())
}

fn time_syncs(file: &File) -> io::Result<Vec<Duration>> {
    file.write_all_at(&vec![0; PAGE * PAGES], 0)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(SYNCS);
    for sync in 0..SYNCS {
        std::thread::sleep(PAUSE);
        file.write_all_at(&[sync as u8; PAGE], (PAGE * (sync % PAGES)) as u64)?;
        let begun = now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
