use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use hookseal_engine::ports::Entropy;

/// Bytes that are asked of the kernel at once: a system call costs more than the bytes.
const POOL_BYTES: usize = 1024;

/// The randomness of the operating system, buffered. A byte is given out once and wiped as it is.
pub(crate) struct OsEntropy {
    pool: Mutex<Pool>,
}

struct Pool {
    bytes: [u8; POOL_BYTES],
    used: usize,
}

/// The operating system gives no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub(crate) struct EntropyError(#[source] getrandom::Error);

impl OsEntropy {
    /// Asks for the first bytes, so that a system without randomness is found out before anything relies on it.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] where there are none.
    pub(crate) fn new() -> Result<Self, EntropyError> {
        let mut pool = Pool { bytes: [0; POOL_BYTES], used: 0 };
        pool.refill().map_err(EntropyError)?;
        Ok(Self { pool: Mutex::new(pool) })
    }
}

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in buffer.chunks_mut(POOL_BYTES) {
            pool.take(chunk);
        }
    }
}

impl Pool {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter through which all others have randomness"
    )]
    fn refill(&mut self) -> Result<(), getrandom::Error> {
        getrandom::fill(&mut self.bytes)?;
        self.used = 0;
        Ok(())
    }

    /// Fills a chunk of at most [`POOL_BYTES`].
    fn take(&mut self, chunk: &mut [u8]) {
        if chunk.len() > POOL_BYTES - self.used {
            self.refill().expect("invariant: the kernel gave random bytes before, and then never stops to");
        }
        let fresh = &mut self.bytes[self.used..self.used + chunk.len()];
        chunk.copy_from_slice(fresh);
        fresh.fill(0);
        self.used += chunk.len();
    }
}

impl fmt::Debug for OsEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OsEntropy")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn gives_no_bytes_twice_over_refills() {
        let entropy = OsEntropy::new().unwrap();
        let drawn: HashSet<u64> = (0..10 * POOL_BYTES).map(|_| entropy.next_u64()).collect();
        assert_eq!(drawn.len(), 10 * POOL_BYTES);
    }

    #[test]
    fn fills_more_than_it_holds() {
        let entropy = OsEntropy::new().unwrap();
        entropy.next_u64();
        let mut long = vec![0; 3 * POOL_BYTES + 7];
        entropy.fill(&mut long);
        assert!(long.chunks(64).all(|chunk| chunk.len() < 64 || chunk.iter().any(|byte| *byte != 0)));
    }

    #[test]
    fn wipes_what_it_gave_out() {
        let entropy = OsEntropy::new().unwrap();
        entropy.fill(&mut [0; 64]);
        assert!(entropy.pool.lock().unwrap().bytes[..64].iter().all(|byte| *byte == 0));
    }
}
