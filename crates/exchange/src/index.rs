//! Order id → slot of the slab, by open addressing; never iterated, so that its layout cannot be seen.
//!
//! An entry is the slot alone: whose it is stands in the slab, which whoever finds an order reads next. An order keeps its
//! place until it goes, and remembers it, so that taking it out needs no search; what it leaves is marked as left, because a
//! search for another may have to pass it, and is swept out when such marks fill the table.

use tradewind_types::OrderId;

const EMPTY: u32 = u32::MAX;
const LEFT: u32 = u32::MAX - 1;
/// One entry in so many may be in use or left.
const SPARSENESS: usize = 4;

#[derive(Clone, Debug)]
pub(crate) struct OrderIndex {
    /// A power of two of entries.
    entries: Vec<u32>,
    /// Entries that are not empty.
    filled: usize,
}

/// Where an order may be put; good until another is put in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vacancy(usize);

impl OrderIndex {
    pub(crate) fn new() -> Self {
        Self { entries: vec![EMPTY; 4096], filled: 0 }
    }

    /// The slot of an order.
    #[inline]
    pub(crate) fn get(&self, order: OrderId, id_of: impl Fn(u32) -> OrderId) -> Option<u32> {
        let mask = self.entries.len() - 1;
        let mut place = self.home(order);
        loop {
            match self.entries[place] {
                EMPTY => return None,
                slot if slot != LEFT && id_of(slot) == order => return Some(slot),
                _ => place = (place + 1) & mask,
            }
        }
    }

    /// Whether marks and orders fill the table so far that searches grow long. [`Self::drain`] it then, and put everything back.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.filled * SPARSENESS >= self.entries.len()
    }

    /// Empties the table, with room for twice as many orders as it held; gives their slots.
    #[cold]
    pub(crate) fn drain(&mut self) -> Vec<u32> {
        let slots: Vec<u32> = self.entries.iter().copied().filter(|slot| *slot < LEFT).collect();
        let room = (slots.len() * 2 * SPARSENESS).next_power_of_two().max(self.entries.len());
        self.entries.clear();
        self.entries.resize(room, EMPTY);
        self.filled = 0;
        slots
    }

    /// Where to put an order; none when it is there already.
    #[inline]
    pub(crate) fn vacancy(&self, order: OrderId, id_of: impl Fn(u32) -> OrderId) -> Option<Vacancy> {
        let mask = self.entries.len() - 1;
        let (mut place, mut left) = (self.home(order), None);
        loop {
            match self.entries[place] {
                EMPTY => return Some(Vacancy(left.unwrap_or(place))),
                LEFT => left = left.or(Some(place)),
                slot if id_of(slot) == order => return None,
                _ => {}
            }
            place = (place + 1) & mask;
        }
    }

    /// Puts an order into its vacancy; the place is what [`Self::remove`] wants to know.
    #[inline]
    pub(crate) fn insert(&mut self, Vacancy(place): Vacancy, slot: u32) -> u32 {
        self.filled += usize::from(self.entries[place] == EMPTY);
        self.entries[place] = slot;
        // The slots number below 2^32 and an entry is four bytes: more places do not fit in memory.
        place as u32
    }

    /// Takes out the order at a place.
    #[inline]
    pub(crate) fn remove(&mut self, place: u32) {
        self.entries[place as usize] = LEFT;
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
}

#[cfg(test)]
mod tests {
    use super::OrderIndex;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use tradewind_types::OrderId;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Enough ids to collide, wrap around, crowd the table and grow it.
        #[test]
        fn agrees_with_a_tree(steps in prop::collection::vec((0u8..5, 0u16..3, 0u64..1500), 4000..6000)) {
            let (mut index, mut tree, mut ids) = (OrderIndex::new(), BTreeMap::new(), Vec::new());
            let mut places: Vec<u32> = Vec::new();
            for (action, node, counter) in steps {
                let order = OrderId { node, epoch: 1, counter: counter * 5 };
                if index.is_crowded() {
                    for slot in index.drain() {
                        let vacancy = index.vacancy(ids[slot as usize], |slot| ids[slot as usize]).unwrap();
                        places[slot as usize] = index.insert(vacancy, slot);
                    }
                }
                let found = index.get(order, |slot| ids[slot as usize]);
                prop_assert_eq!(found, tree.get(&order).copied());
                let vacancy = index.vacancy(order, |slot| ids[slot as usize]);
                prop_assert_eq!(vacancy.is_none(), found.is_some());
                match (vacancy, found) {
                    (Some(vacancy), _) if action < 3 => {
                        let slot = ids.len() as u32;
                        ids.push(order);
                        places.push(index.insert(vacancy, slot));
                        tree.insert(order, slot);
                    }
                    (None, Some(slot)) if action >= 3 => {
                        index.remove(places[slot as usize]);
                        tree.remove(&order);
                    }
                    _ => {}
                }
            }
            for (order, slot) in &tree {
                prop_assert_eq!(index.get(*order, |slot| ids[slot as usize]), Some(*slot));
            }
        }
    }
}
