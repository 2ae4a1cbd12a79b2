//! Order id → place in the slab: open addressing with linear probing, never iterated, so that its layout cannot be seen.

use tradewind_types::OrderId;

const EMPTY: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub(crate) struct OrderIndex {
    /// A power of two of entries, at most half of them used.
    entries: Vec<(OrderId, u32)>,
    used: usize,
}

impl OrderIndex {
    pub(crate) fn new() -> Self {
        Self { entries: vec![(OrderId::default(), EMPTY); 1024], used: 0 }
    }

    #[inline]
    pub(crate) fn get(&self, order: OrderId) -> Option<u32> {
        let place = self.find(order);
        (self.entries[place].1 != EMPTY).then_some(self.entries[place].1)
    }

    #[inline]
    pub(crate) fn insert(&mut self, order: OrderId, slot: u32) {
        if self.used * 2 >= self.entries.len() {
            self.grow();
        }
        let place = self.find(order);
        self.used += usize::from(self.entries[place].1 == EMPTY);
        self.entries[place] = (order, slot);
    }

    /// Removes an id, and moves back the entries that its place had pushed on.
    #[inline]
    pub(crate) fn remove(&mut self, order: OrderId) {
        let mask = self.entries.len() - 1;
        let mut hole = self.find(order);
        if self.entries[hole].1 == EMPTY {
            return;
        }
        self.used -= 1;
        let mut next = hole;
        loop {
            next = (next + 1) & mask;
            let (found, slot) = self.entries[next];
            if slot == EMPTY {
                break;
            }
            let home = self.home(found);
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(hole) & mask {
                self.entries[hole] = self.entries[next];
                hole = next;
            }
        }
        self.entries[hole].1 = EMPTY;
    }

    /// Where an id is, or where it would go.
    #[inline]
    fn find(&self, order: OrderId) -> usize {
        let mask = self.entries.len() - 1;
        let mut place = self.home(order);
        while self.entries[place].1 != EMPTY && self.entries[place].0 != order {
            place = (place + 1) & mask;
        }
        place
    }

    /// Orders come and go in the order of their counters, so eight neighbouring counters share a stretch of memory; the
    /// stretches are spread by Fibonacci hashing, whose high bits are the good ones.
    #[inline]
    fn home(&self, order: OrderId) -> usize {
        let life = (u64::from(order.node) << 32 | u64::from(order.epoch)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let mixed = ((order.counter >> 3) ^ life).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let stretch = mixed >> (64 - (self.entries.len() >> 3).trailing_zeros());
        ((stretch << 3) | (order.counter & 7)) as usize
    }

    #[cold]
    fn grow(&mut self) {
        let doubled = vec![(OrderId::default(), EMPTY); self.entries.len() * 2];
        let old = std::mem::replace(&mut self.entries, doubled);
        for (order, slot) in old.into_iter().filter(|(_, slot)| *slot != EMPTY) {
            let place = self.find(order);
            self.entries[place] = (order, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OrderIndex;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use tradewind_types::OrderId;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Enough ids to collide, wrap around and grow.
        #[test]
        fn agrees_with_a_tree(steps in prop::collection::vec((0u8..5, 0u16..3, 0u64..500), 2000..4000)) {
            let (mut index, mut tree) = (OrderIndex::new(), BTreeMap::new());
            for (slot, (action, node, counter)) in (0u32..).zip(steps) {
                let order = OrderId { node, epoch: 1, counter: counter * 5 };
                if action < 3 {
                    index.insert(order, slot);
                    tree.insert(order, slot);
                } else {
                    index.remove(order);
                    tree.remove(&order);
                }
                prop_assert_eq!(index.used, tree.len());
                prop_assert_eq!(index.get(order), tree.get(&order).copied());
            }
            for (order, slot) in &tree {
                prop_assert_eq!(index.get(*order), Some(*slot));
            }
        }
    }
}
