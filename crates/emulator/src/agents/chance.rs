//! Chance from a seed: SplitMix64 (Steele, Lea, Flood 2014), whole numbers only.

/// A stream of chance; the same seed gives the same stream.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed and of what it is for.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut chance = Self(seed ^ purpose.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        chance.bits();
        chance
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A whole number from 0 to `bound` - 1; 0 where `bound` is less than 1.
    pub fn below(&mut self, bound: i64) -> i64 {
        if bound <= 0 {
            return 0;
        }
        let product = u128::from(self.bits()) * bound as u128;
        // The high half is less than `bound`.
        (product >> 64) as i64
    }

    /// Near the normal distribution, of mean zero and this deviation: a sum of twelve even ones.
    pub fn normal(&mut self, deviation: i64) -> i64 {
        let sum: i64 = (0..12).map(|_| self.below(1 << 20)).sum();
        let centred = sum - 12 * (1 << 19);
        i64::try_from(i128::from(centred) * i128::from(deviation) / (1 << 20)).unwrap_or(0)
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: i64) -> bool {
        self.below(times) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn a_normal_has_its_mean_and_deviation() {
        let mut chance = Chance::new(1, 2);
        let drawn: Vec<i64> = (0..20_000).map(|_| chance.normal(1_000)).collect();
        let mean = drawn.iter().sum::<i64>() / 20_000;
        let variance = drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<i64>() / 20_000;
        assert!(mean.abs() < 25, "mean {mean}");
        assert!((950_000..1_050_000).contains(&variance), "variance {variance}");
        assert!((0..1_000).all(|_| (0..10).contains(&chance.below(10))));
    }
}
