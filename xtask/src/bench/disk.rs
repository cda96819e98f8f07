//! What one idle `fdatasync` costs, in the folder where the stores of the run are.

use std::{fs::File, io, os::unix::fs::FileExt, time::Duration, time::Instant};

use hookseal_testkit::outside::quantile;

use crate::shell::scratch;

/// Syncs that are timed.
const SYNCS: usize = 500;
/// The pause between two of them, so that the disk is idle.
const PAUSE: Duration = Duration::from_millis(4);
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

/// Times syncs of a page each, one after the other.
///
/// # Errors
///
/// What the file system said.
pub(super) fn idle_sync() -> Result<Sync, Box<dyn std::error::Error>> {
    let folder = scratch("bench-sync")?;
    let mut times = time_syncs(&File::create(folder.join("file"))?)?;
    std::fs::remove_dir_all(folder)?;
    let ms = |times: &mut [Duration], fraction| quantile(times, fraction).as_secs_f64() * 1e3;
    Ok(Sync { p50_ms: ms(&mut times, 0.5), p99_ms: ms(&mut times, 0.99) })
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
