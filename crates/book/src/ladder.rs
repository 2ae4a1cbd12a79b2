//! One side's price levels, best first: a page table over the price axis.
//!
//! Prices are whole ticks, so the axis is cut into pages of 64 neighbouring ticks: a directory finds a price's page in one
//! read, a bit mask per page and a bit set over the pages find the next occupied tick. Reading, writing and removing a level
//! cost the same at the touch and thousands of ticks away, which is where most changes of a real book happen (the median
//! change of Binance spot BTCUSDT lies 16 000 ticks from the touch; a window around the touch would miss most of them).
//!
//! The directory spans [`DIRECTORY_PAGES`] pages around the touch; prices beyond it live in a tree. If writes to the tree
//! become frequent the directory is moved. That is a matter of speed only: every answer is the same either way.
//!
//! Nothing is allocated per change while prices stay within pages seen before; a page is recycled when it empties.

use crate::bits::BitSet;
use std::collections::BTreeMap;
use tradewind_types::{Price, Side};

const PAGE_BITS: u32 = 6;
const PAGE_TICKS: usize = 1 << PAGE_BITS;
/// 2^17 pages of 64 ticks: 8.4 million ticks, 512 KiB of directory, touched sparsely.
const DIRECTORY_PAGES: usize = 1 << 17;
/// Writes beyond the directory that are tolerated, per level held, before it is moved.
const FAR_WRITES_MIN: usize = 4096;

#[derive(Clone, Debug)]
struct Page<V> {
    occupied: u64,
    values: [V; PAGE_TICKS],
}

/// The directory and its pages.
#[derive(Clone, Debug)]
struct Pages<V> {
    /// Per page: its place in `pages` plus one; zero where there is none.
    directory: Vec<u32>,
    present: BitSet,
    pages: Vec<Page<V>>,
    free: Vec<u32>,
}

impl<V: Copy + Default> Pages<V> {
    fn new() -> Self {
        Self { directory: vec![0; DIRECTORY_PAGES], present: BitSet::new(DIRECTORY_PAGES), pages: Vec::new(), free: Vec::new() }
    }

    /// The page at a place of the directory, if there is one.
    #[inline]
    fn get(&self, place: usize) -> Option<&Page<V>> {
        self.pages.get((self.directory[place] as usize).checked_sub(1)?)
    }

    /// The page at a place of the directory, which gets one if it has none.
    #[inline]
    fn at(&mut self, place: usize) -> &mut Page<V> {
        if self.directory[place] == 0 {
            self.directory[place] = self.fresh() + 1;
            self.present.insert(place);
        }
        &mut self.pages[self.directory[place] as usize - 1]
    }

    fn fresh(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.pages.push(Page { occupied: 0, values: [V::default(); PAGE_TICKS] });
            // At most one page per directory entry exists, so the number fits.
            (self.pages.len() - 1) as u32
        })
    }

    /// Empties a level; whether it was occupied.
    #[inline]
    fn remove(&mut self, place: usize, tick: usize) -> bool {
        let Some(slot) = self.directory[place].checked_sub(1) else { return false };
        let page = &mut self.pages[slot as usize];
        if page.occupied >> tick & 1 == 0 {
            return false;
        }
        page.occupied &= !(1 << tick);
        if page.occupied == 0 {
            self.close(place, slot);
        }
        true
    }

    #[inline]
    fn close(&mut self, place: usize, slot: u32) {
        self.free.push(slot);
        self.directory[place] = 0;
        self.present.remove(place);
    }

    fn clear(&mut self) {
        let mut last = DIRECTORY_PAGES - 1;
        while let Some(place) = self.present.at_or_below(last) {
            let slot = self.directory[place] - 1;
            self.pages[slot as usize].occupied = 0;
            self.close(place, slot);
            last = place;
        }
    }

    /// The occupied tick at or below one: its place in the directory, and which of the page.
    #[inline]
    fn at_or_below(&self, place: usize, tick: usize) -> Option<(usize, u32)> {
        let word = self.get(place).map_or(0, |page| page.occupied & (u64::MAX >> (63 - tick)));
        if word != 0 {
            return Some((place, 63 - word.leading_zeros()));
        }
        let place = self.present.at_or_below(place.checked_sub(1)?)?;
        self.get(place).map(|page| (place, 63 - page.occupied.leading_zeros()))
    }
}

/// Levels of one side, each with a value `V` (a quantity, a queue of orders).
///
/// Inside, a price is a *rank* that rises as the price gets better: the price itself for bids, its complement for asks. So both
/// sides run through the same instructions, and which side it is need not be guessed by the branch predictor.
#[derive(Clone, Debug)]
pub struct Ladder<V> {
    side: Side,
    /// Price to rank and back: all bits for asks, none for bids.
    flip: i64,
    /// Number of the first page in the directory.
    first_page: i64,
    near: Pages<V>,
    far: BTreeMap<i64, V>,
    far_writes: usize,
    /// Highest rank; means nothing while the side is empty.
    best: i64,
    len: usize,
}

impl<V: Copy + Default> Ladder<V> {
    /// An empty side: bids for [`Side::Buy`], asks for [`Side::Sell`].
    #[must_use]
    pub fn new(side: Side) -> Self {
        let flip = match side {
            Side::Buy => 0,
            Side::Sell => -1,
        };
        Self { side, flip, first_page: 0, near: Pages::new(), far: BTreeMap::new(), far_writes: 0, best: 0, len: 0 }
    }

    /// Which side it is.
    #[inline]
    #[must_use]
    pub const fn side(&self) -> Side {
        self.side
    }

    /// How many levels are occupied.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no level.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Best price: highest bid or lowest ask.
    #[inline]
    #[must_use]
    pub fn best(&self) -> Option<Price> {
        (self.len != 0).then_some(Price(self.best ^ self.flip))
    }

    /// The value at a price, if the level is occupied.
    #[inline]
    #[must_use]
    pub fn get(&self, price: Price) -> Option<V> {
        self.at(price.0 ^ self.flip)
    }

    /// The value at a price, which becomes occupied if it was not.
    #[inline]
    pub fn level(&mut self, price: Price) -> &mut V {
        let rank = price.0 ^ self.flip;
        match self.reached(rank) {
            Some(place) => self.near_level(place, tick_of(rank)),
            None => self.far_level(rank),
        }
    }

    /// Puts a value at a price, which becomes occupied if it was not.
    #[inline]
    pub fn set(&mut self, price: Price, value: V) {
        let rank = price.0 ^ self.flip;
        match self.reached(rank) {
            Some(place) => {
                let (page, tick) = (self.near.at(place), tick_of(rank));
                // Whether it was occupied is a coin's toss, so it is counted and not asked.
                let was_empty = usize::from(page.occupied >> tick & 1 == 0);
                page.occupied |= 1 << tick;
                page.values[tick] = value;
                self.len += was_empty;
            }
            None => *self.far_level(rank) = value,
        }
    }

    /// Empties a level; an empty one stays so.
    #[inline]
    pub fn remove(&mut self, price: Price) {
        let rank = price.0 ^ self.flip;
        let removed = match self.place(rank) {
            Some(place) => self.near.remove(place, tick_of(rank)),
            None => self.far.remove(&rank).is_some(),
        };
        if removed {
            self.len -= 1;
            if self.best == rank
                && let Some(next) = self.next_worse(rank)
            {
                self.best = next;
            }
        }
    }

    /// Empties everything.
    pub fn clear(&mut self) {
        self.near.clear();
        self.far.clear();
        (self.far_writes, self.len) = (0, 0);
    }

    /// Occupied levels, best first.
    pub fn iter(&self) -> impl Iterator<Item = (Price, V)> + '_ {
        let mut next = (self.len != 0).then_some(self.best);
        std::iter::from_fn(move || {
            let rank = next?;
            next = self.next_worse(rank);
            self.at(rank).map(|value| (Price(rank ^ self.flip), value))
        })
    }

    #[inline]
    fn at(&self, rank: i64) -> Option<V> {
        let Some(place) = self.place(rank) else { return self.far.get(&rank).copied() };
        let (page, tick) = (self.near.get(place)?, tick_of(rank));
        (page.occupied >> tick & 1 == 1).then(|| page.values[tick])
    }

    /// Where a rank's page is in the directory; none beyond it.
    #[inline]
    fn place(&self, rank: i64) -> Option<usize> {
        let place = (rank >> PAGE_BITS).wrapping_sub(self.first_page) as usize;
        (place < DIRECTORY_PAGES).then_some(place)
    }

    /// As [`Self::place`], for a rank that is about to be occupied.
    #[inline]
    fn reached(&mut self, rank: i64) -> Option<usize> {
        if self.len == 0 || self.place(rank).is_none() {
            self.reach(rank);
        }
        if self.len == 0 || rank > self.best {
            self.best = rank;
        }
        self.place(rank)
    }

    #[inline]
    fn near_level(&mut self, place: usize, tick: usize) -> &mut V {
        let page = self.near.at(place);
        if page.occupied >> tick & 1 == 0 {
            page.occupied |= 1 << tick;
            page.values[tick] = V::default();
            self.len += 1;
        }
        &mut page.values[tick]
    }

    #[cold]
    fn far_level(&mut self, rank: i64) -> &mut V {
        let len = &mut self.len;
        self.far.entry(rank).or_insert_with(|| {
            *len += 1;
            V::default()
        })
    }

    /// The occupied rank next below `rank`.
    #[inline]
    fn next_worse(&self, rank: i64) -> Option<i64> {
        let near = self.near_below(rank);
        if self.far.is_empty() {
            return near;
        }
        near.max(self.far.range(..rank).next_back().map(|(rank, _)| *rank))
    }

    fn near_below(&self, rank: i64) -> Option<i64> {
        let last = self.first_page + DIRECTORY_PAGES as i64;
        let below = rank.min(last << PAGE_BITS).checked_sub(1)?;
        let (place, tick) = self.near.at_or_below(self.place(below)?, tick_of(below))?;
        Some(((self.first_page + place as i64) << PAGE_BITS) + i64::from(tick))
    }

    /// Puts the directory of an empty side around its first rank; counts a rank beyond it.
    #[cold]
    fn reach(&mut self, rank: i64) {
        if self.len == 0 {
            self.centre(rank);
        }
        if self.place(rank).is_none() {
            self.write_far();
        }
    }

    /// Puts the middle of the (empty) directory at a rank.
    fn centre(&mut self, rank: i64) {
        let pages = DIRECTORY_PAGES as i64;
        // The upper bound keeps the rank behind the last page an i64.
        self.first_page = ((rank >> PAGE_BITS) - pages / 2).clamp(i64::MIN >> PAGE_BITS, (i64::MAX >> PAGE_BITS) - pages);
    }

    /// Counts a write beyond the directory and moves the directory to the touch when they have become frequent; the count
    /// grows with the number of levels, so that moving stays cheap on average.
    fn write_far(&mut self) {
        self.far_writes += 1;
        if self.len != 0 && self.far_writes > FAR_WRITES_MIN.max(4 * self.len) {
            let best = self.best;
            let levels: Vec<(Price, V)> = self.iter().collect();
            self.clear();
            self.centre(best);
            for (price, value) in levels {
                self.restore(price.0 ^ self.flip, value);
            }
            self.best = best;
        }
    }

    fn restore(&mut self, rank: i64, value: V) {
        match self.place(rank) {
            Some(place) => *self.near_level(place, tick_of(rank)) = value,
            None => {
                self.len += 1;
                self.far.insert(rank, value);
            }
        }
    }
}

#[inline]
const fn tick_of(rank: i64) -> usize {
    (rank & (PAGE_TICKS as i64 - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::{DIRECTORY_PAGES, FAR_WRITES_MIN, Ladder, PAGE_BITS};
    use tradewind_types::{Price, Side};

    /// Beyond the reach of a directory centred low.
    const FAR: i64 = (DIRECTORY_PAGES as i64) << (PAGE_BITS + 2);

    #[test]
    fn the_directory_follows_the_touch() {
        let mut bids = Ladder::new(Side::Buy);
        *bids.level(Price(5)) = 1;
        for step in 0..=FAR_WRITES_MIN as i64 + 1 {
            *bids.level(Price(FAR + step % 100)) = step;
        }
        assert!(bids.place(FAR).is_some() && bids.place(5).is_none());
        assert_eq!((bids.best(), bids.len(), bids.get(Price(5))), (Some(Price(FAR + 99)), 101, Some(1)));
        assert_eq!(bids.far.len(), 1);
    }

    #[test]
    fn the_largest_price_is_a_price_like_any_other() {
        for side in [Side::Buy, Side::Sell] {
            let mut ladder = Ladder::new(side);
            for price in [i64::MAX, 1, i64::MAX - 1, i64::MAX - 64] {
                *ladder.level(Price(price)) = price;
            }
            let mut prices: Vec<i64> = ladder.iter().map(|(price, _)| price.0).collect();
            prices.sort_unstable();
            assert_eq!(prices, [1, i64::MAX - 64, i64::MAX - 1, i64::MAX]);
        }
    }

    #[test]
    fn pages_are_recycled() {
        let mut asks = Ladder::new(Side::Sell);
        for price in 1..100_000 {
            *asks.level(Price(price)) = price;
            asks.remove(Price(price - 3));
        }
        assert_eq!((asks.len(), asks.best()), (3, Some(Price(99_997))));
        assert!(asks.near.pages.len() <= 2, "{} pages for three levels", asks.near.pages.len());
    }

    #[test]
    fn an_emptied_level_forgets_its_value() {
        let mut asks = Ladder::new(Side::Sell);
        *asks.level(Price(7)) = 9;
        *asks.level(Price(8)) = 9;
        asks.remove(Price(7));
        assert_eq!((asks.get(Price(7)), *asks.level(Price(7))), (None, 0));
        asks.clear();
        assert_eq!((asks.best(), asks.len(), asks.iter().count()), (None, 0, 0));
    }
}
