//! Chance as a value: SplitMix64. The same seed throws the same dice on every machine.

/// Dice that were thrown so often from one seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 … n - 1.
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }

    /// From `low` to `high`, both included.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).cast_unsigned()).cast_signed()
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn among<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// Index of a weight, in proportion to the weights.
    pub fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut left = self.below(weights.iter().sum());
        weights
            .iter()
            .position(|weight| {
                if left < *weight {
                    true
                } else {
                    left -= weight;
                    false
                }
            })
            .unwrap_or(0)
    }
}

/// Two numbers made one that shows neither.
pub fn mixed(a: u64, b: u64) -> u64 {
    Dice::new(a ^ b.rotate_left(32)).roll()
}

/// Which of things with these names a pick means: the first for zero, else the one that goes best with it, so that a pick goes
/// on meaning the same thing when others are taken away.
pub fn chosen(names: impl Iterator<Item = u64>, pick: u64) -> Option<usize> {
    let fit = |(at, name): (usize, u64)| (if pick == 0 { u64::MAX - at as u64 } else { mixed(pick, name) }, at);
    names.enumerate().map(fit).max().map(|(_, at)| at)
}
