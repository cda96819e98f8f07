//! The in-memory store passes the suite that it is part of, and the simulated clock and entropy do what they say.

mod clock;
mod simulation;

use std::sync::Arc;

use async_trait::async_trait;
use hookseal_engine::ports::{Entropy, Store};
use hookseal_testkit::{MemoryStore, SeededEntropy, conformance::Harness};

struct Memory(Arc<MemoryStore>);

#[async_trait]
impl Harness for Memory {
    async fn start() -> Self {
        Self(Arc::new(MemoryStore::new()))
    }

    fn store(&self) -> Arc<dyn Store> {
        self.0.clone()
    }

    async fn crash(&mut self) {
        self.0 = Arc::new(self.0.after_crash());
    }

    async fn restart(&mut self) {
        self.0.close().await;
        self.crash().await;
    }
}

hookseal_testkit::store_conformance!(Memory);

#[test]
fn entropy_follows_from_its_seed() {
    let draw = |seed| {
        let entropy = SeededEntropy::new(seed);
        let mut bytes = [0; 21];
        entropy.fill(&mut bytes);
        (bytes, entropy.next_u64())
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1).0, draw(2).0);
    let entropy = SeededEntropy::new(1);
    assert_ne!(entropy.next_u64(), entropy.next_u64());
}
