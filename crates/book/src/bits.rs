//! A set of small integers that finds its next member fast: three levels of 64-way words, so that "next member below"
//! is at most five word reads, whatever the distance.

/// Members are in `0..capacity`.
#[derive(Clone, Debug)]
pub(crate) struct BitSet {
    /// Bit i of word w: member 64 w + i.
    leaves: Vec<u64>,
    /// Bit i of word w: leaf 64 w + i is not empty.
    middle: Vec<u64>,
    /// Bit i of word w: middle word 64 w + i is not empty.
    top: Vec<u64>,
}

/// Highest member of `words` at or below `from`.
fn scan_down(words: &[u64], from: usize) -> Option<usize> {
    let mut index = from >> 6;
    let mut word = words.get(index)? & (u64::MAX >> (63 - (from & 63)));
    while word == 0 {
        index = index.checked_sub(1)?;
        word = words[index];
    }
    Some((index << 6) + 63 - word.leading_zeros() as usize)
}

impl BitSet {
    pub(crate) fn new(capacity: usize) -> Self {
        let (leaves, middle, top) = (capacity.div_ceil(1 << 6), capacity.div_ceil(1 << 12), capacity.div_ceil(1 << 18));
        Self { leaves: vec![0; leaves], middle: vec![0; middle], top: vec![0; top] }
    }

    #[inline]
    pub(crate) fn insert(&mut self, member: usize) {
        self.leaves[member >> 6] |= 1 << (member & 63);
        self.middle[member >> 12] |= 1 << ((member >> 6) & 63);
        self.top[member >> 18] |= 1 << ((member >> 12) & 63);
    }

    #[inline]
    pub(crate) fn remove(&mut self, member: usize) {
        self.leaves[member >> 6] &= !(1 << (member & 63));
        if self.leaves[member >> 6] == 0 {
            self.middle[member >> 12] &= !(1 << ((member >> 6) & 63));
            if self.middle[member >> 12] == 0 {
                self.top[member >> 18] &= !(1 << ((member >> 12) & 63));
            }
        }
    }

    /// Highest member at or below `from`.
    #[inline]
    pub(crate) fn at_or_below(&self, from: usize) -> Option<usize> {
        let leaf = from >> 6;
        let word = self.leaves.get(leaf)? & (u64::MAX >> (63 - (from & 63)));
        if word != 0 {
            return Some((leaf << 6) + 63 - word.leading_zeros() as usize);
        }
        let next = self.leaf_at_or_below(leaf.checked_sub(1)?)?;
        Some((next << 6) + 63 - self.leaves[next].leading_zeros() as usize)
    }

    fn leaf_at_or_below(&self, from: usize) -> Option<usize> {
        let index = from >> 6;
        let word = self.middle.get(index)? & (u64::MAX >> (63 - (from & 63)));
        if word != 0 {
            return Some((index << 6) + 63 - word.leading_zeros() as usize);
        }
        let next = scan_down(&self.top, index.checked_sub(1)?)?;
        Some((next << 6) + 63 - self.middle[next].leading_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::BitSet;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn agrees_with_a_tree(steps in prop::collection::vec((any::<bool>(), 0usize..600_000, 0usize..600_000), 1..60)) {
            let (mut set, mut tree) = (BitSet::new(600_000), BTreeSet::new());
            for (add, member, from) in steps {
                if add { set.insert(member); tree.insert(member); } else { set.remove(member); tree.remove(&member); }
                prop_assert_eq!(set.at_or_below(from), tree.range(..=from).next_back().copied());
            }
        }
    }
}
