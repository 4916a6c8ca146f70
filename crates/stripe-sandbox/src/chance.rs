//! What happens to events by chance: the same seed and the same history always give the same.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How often what happens to an event, in percent, and the source of chance.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Chance {
    pub(crate) seed: u64,
    pub(crate) drop_percent: u64,
    pub(crate) duplicate_percent: u64,
    pub(crate) delay_percent: u64,
    /// The longest delay, in seconds of the sandbox's clock.
    pub(crate) most_delay_seconds: u64,
    /// How many numbers were drawn.
    pub(crate) drawn: u64,
}

impl Default for Chance {
    fn default() -> Self {
        Self {
            seed: 0,
            drop_percent: 10,
            duplicate_percent: 20,
            delay_percent: 30,
            most_delay_seconds: 600,
            drawn: 0,
        }
    }
}

impl Chance {
    /// Whether the next event is lost.
    pub(crate) fn drops(&mut self) -> bool {
        self.draw(100) < self.drop_percent
    }

    /// Whether the next event comes twice.
    pub(crate) fn doubles(&mut self) -> bool {
        self.draw(100) < self.duplicate_percent
    }

    /// By how many seconds the next delivery is late.
    pub(crate) fn delay(&mut self) -> i64 {
        if self.draw(100) >= self.delay_percent {
            return 0;
        }
        let late = self.draw(self.most_delay_seconds.max(1)) + 1;
        i64::try_from(late).unwrap_or(i64::MAX)
    }

    /// The next delivery's place among those due in the same second.
    pub(crate) fn order(&mut self) -> i64 {
        i64::try_from(self.draw(1 << 32)).unwrap_or_default()
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.drawn += 1;
        let digest = Sha256::digest(format!("{}:{}", self.seed, self.drawn));
        let mut number = 0;
        for byte in digest.iter().take(8) {
            number = number << 8 | u64::from(*byte);
        }
        number % below
    }
}
