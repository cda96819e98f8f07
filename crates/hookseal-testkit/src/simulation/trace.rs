//! What happened in a run, as a number that two runs of one seed share, and as lines for a person.

use std::fmt::{self, Write};

use super::plan::Millis;

/// Every call of a port, in order. FNV-1a (Fowler, Noll, Vo) over their text.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    calls: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// An empty trace, which keeps its lines where someone wants to read them.
    pub(super) fn new(keep: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, calls: 0, lines: keep.then(Vec::new) }
    }

    /// Adds what happened.
    pub(super) fn note(&mut self, at: Millis, what: fmt::Arguments<'_>) {
        self.calls += 1;
        let mut hash = Hash(self.hash);
        // Hashing never fails.
        writeln!(hash, "{at} {what}").ok();
        self.hash = hash.0;
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>8}.{:03} {what}", at / 1000, at % 1000));
        }
    }

    /// The number that stands for all of it.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// How many calls there were.
    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// The lines, where they are kept.
    pub(super) fn take_lines(&mut self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }
}

struct Hash(u64);

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
