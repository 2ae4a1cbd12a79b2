//! Order ids that were used: an id is good once.
//!
//! Ids of one life of a node count upwards from one, so they are bits in a row. An id that is out of all proportion is kept in a
//! set, so that nobody can make a venue take memory by naming one.

use std::collections::BTreeSet;
use tradewind_types::OrderId;

/// Counters up to here are bits: an eighth of a gigabyte for each life that really gets there.
const LARGEST_BIT: u64 = 1 << 30;
/// How far ahead of what was seen a counter may be and still be a bit.
const FURTHEST_AHEAD: u64 = 1 << 20;

#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// By life, the latest last.
    lives: Vec<Life>,
    others: BTreeSet<OrderId>,
}

#[derive(Clone, Debug)]
struct Life {
    node: u16,
    epoch: u32,
    bits: Vec<u64>,
}

impl Seen {
    /// Notes an id; whether it is fresh.
    #[inline]
    pub(crate) fn insert(&mut self, order: OrderId) -> bool {
        let OrderId { node, epoch, counter } = order;
        let at = self.lives.iter().rposition(|life| (life.node, life.epoch) == (node, epoch)).unwrap_or_else(|| {
            self.lives.push(Life { node, epoch, bits: Vec::new() });
            self.lives.len() - 1
        });
        let life = &mut self.lives[at];
        let room = life.bits.len() as u64 * 64;
        if counter >= LARGEST_BIT || counter >= room + FURTHEST_AHEAD {
            return self.others.insert(order);
        }
        let (word, bit) = ((counter / 64) as usize, 1 << (counter % 64));
        if life.bits.len() <= word {
            life.bits.resize(word + 1, 0);
        }
        let is_fresh = life.bits[word] & bit == 0 && (self.others.is_empty() || !self.others.contains(&order));
        life.bits[word] |= bit;
        is_fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn it_knows_what_a_set_knows() {
        let (mut seen, mut set, mut state) = (Seen::default(), BTreeSet::new(), 7_u64);
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let far = [1 << 8, 1 << 12, 1 << 22, u64::MAX][(state >> 60) as usize % 4];
            let order = OrderId { node: (state >> 20) as u16 % 2, epoch: (state >> 30) as u32 % 3, counter: (state >> 8) % far };
            assert_eq!(seen.insert(order), set.insert(order), "{order}");
        }
    }
}
