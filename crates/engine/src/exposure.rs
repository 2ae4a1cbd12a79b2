//! What live orders could still do, summed per instrument: over the firm, per account, per book; and what they tie up per asset.
//!
//! Orders that may only close are in the sums with all their lots. An *outlook* is a standing in which they count, all together,
//! for no more than there is to close: the venue lets them do no more, however many there are.

use crate::grid::{Grid, grown};
use crate::state::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tradewind_limits::{Held, Standing, is_closing};
use tradewind_types::{AccountId, Amount, AssetId, BookId, Exposure as Effect, InstrumentId, MoneyError, OrderTerms, PositionMode, Side};

/// Lots in flight on each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InFlight {
    pub(crate) buys: i64,
    pub(crate) sells: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Exposure {
    firm: Vec<Standing>,
    accounts: Grid<InFlight>,
    books: Grid<InFlight>,
    /// Per (account, asset).
    reserved: Grid<Amount>,
    /// Of the lots above, those of orders that may only close.
    closing: BTreeMap<(InstrumentId, AccountId, BookId), InFlight>,
}

impl InFlight {
    #[inline]
    fn add(&mut self, side: Side, lots: i64) {
        // The limits refuse an order that could overflow these sums, so wrapping never shows.
        match side {
            Side::Buy => self.buys = self.buys.wrapping_add(lots),
            Side::Sell => self.sells = self.sells.wrapping_add(lots),
        }
    }

    const fn on(self, side: Side) -> i64 {
        match side {
            Side::Buy => self.buys,
            Side::Sell => self.sells,
        }
    }

    #[inline]
    pub(crate) const fn standing(self, position: i64) -> Standing {
        Standing { position, buys: self.buys, sells: self.sells }
    }
}

impl Exposure {
    #[inline]
    pub(crate) fn firm(&self, instrument: usize) -> Standing {
        self.firm.get(instrument).copied().unwrap_or_default()
    }

    #[inline]
    pub(crate) fn account(&self, account: usize, instrument: usize) -> InFlight {
        self.accounts.get(account, instrument)
    }

    #[inline]
    pub(crate) fn book(&self, book: usize, instrument: usize) -> InFlight {
        self.books.get(book, instrument)
    }

    #[inline]
    pub(crate) fn reserved(&self, account: usize, asset: AssetId) -> Amount {
        self.reserved.get(account, asset.index())
    }

    /// Replaces what one order holds back.
    #[inline]
    pub(crate) fn exchange(&mut self, terms: &OrderTerms, spends: AssetId, before: Held, after: Held) -> Result<(), MoneyError> {
        let (account, instrument) = (terms.account.index(), terms.instrument.index());
        let lots = after.lots.wrapping_sub(before.lots);
        if before.amount != after.amount {
            let reserved = self.reserved.at(account, spends.index());
            *reserved = reserved.plus(after.amount)?.minus(before.amount)?;
        }
        if lots != 0 {
            self.accounts.at(account, instrument).add(terms.side, lots);
            self.books.at(terms.book.index(), instrument).add(terms.side, lots);
            let firm = grown(&mut self.firm, instrument);
            match terms.side {
                Side::Buy => firm.buys = firm.buys.wrapping_add(lots),
                Side::Sell => firm.sells = firm.sells.wrapping_add(lots),
            }
            if is_closing(terms.exposure, terms.side) {
                self.exchange_closing(terms, lots);
            }
        }
        Ok(())
    }

    #[cold]
    fn exchange_closing(&mut self, terms: &OrderTerms, lots: i64) {
        let key = (terms.instrument, terms.account, terms.book);
        let in_flight = self.closing.entry(key).or_default();
        in_flight.add(terms.side, lots);
        if *in_flight == InFlight::default() {
            self.closing.remove(&key);
        }
    }

    /// Orders that may only close: (account, book, lots in flight).
    fn closing(&self, instrument: InstrumentId) -> impl Iterator<Item = (AccountId, BookId, InFlight)> + '_ {
        let key = |n| (instrument, AccountId(n), BookId(n));
        self.closing.range(key(0)..=key(u32::MAX)).map(|((_, account, book), lots)| (*account, *book, *lots))
    }

    /// Adds traded lots (signed) to the firm's position.
    #[inline]
    pub(crate) fn trade(&mut self, instrument: usize, lots: i64) {
        let firm = grown(&mut self.firm, instrument);
        firm.position = firm.position.saturating_add(lots);
    }
}

impl State {
    /// Whether an order lives that may only close.
    #[inline]
    pub(crate) fn has_closing_orders(&self) -> bool {
        !self.exposure.closing.is_empty()
    }

    /// Outlooks in place of the standings that an order is judged by: firm, account, book.
    #[cold]
    #[inline(never)]
    pub(crate) fn outlooks(&self, terms: &OrderTerms) -> [Standing; 3] {
        let (account, instrument) = (terms.account, terms.instrument);
        [self.firm_outlook(instrument), self.account_outlook(account, instrument), self.book_outlook(terms.book, instrument)]
    }

    /// [`Self::firm_standing`] with closing orders counted for what they could close.
    fn firm_outlook(&self, instrument: InstrumentId) -> Standing {
        let standing = self.firm_standing(instrument);
        if self.exposure.closing.is_empty() { standing } else { less(standing, |side| self.firm_excess(instrument, side)) }
    }

    /// [`Self::account_standing`] with closing orders counted for what they could close.
    pub(crate) fn account_outlook(&self, account: AccountId, instrument: InstrumentId) -> Standing {
        let standing = self.account_standing(account, instrument);
        if self.exposure.closing.is_empty() {
            return standing;
        }
        less(standing, |side| self.closers(account, instrument, side).saturating_sub(self.to_close(account, instrument, side)))
    }

    /// [`Self::book_standing`] with closing orders counted for what they could close. What other books of the account may open
    /// before, this book's orders may close.
    pub(crate) fn book_outlook(&self, book: BookId, instrument: InstrumentId) -> Standing {
        let standing = self.book_standing(book, instrument);
        if self.exposure.closing.is_empty() { standing } else { less(standing, |side| self.book_excess(book, instrument, side)) }
    }

    /// Lots that a new order which may only close could take off the account's position (or its leg).
    pub(crate) fn closable(&self, account: AccountId, instrument: InstrumentId, side: Side) -> i64 {
        let left = self.to_close(account, instrument, side).saturating_sub(self.closers(account, instrument, side));
        left.max(0)
    }

    /// What there is for an order on `side` to close.
    fn to_close(&self, account: AccountId, instrument: InstrumentId, side: Side) -> i64 {
        let effect = match (self.position_mode(account), side) {
            (PositionMode::OneWay, _) => Effect::ReduceOnly,
            (PositionMode::Hedge, Side::Sell) => Effect::LongLeg,
            (PositionMode::Hedge, Side::Buy) => Effect::ShortLeg,
        };
        self.leg(account, instrument, effect).lots.saturating_mul(side.opposite().sign()).max(0)
    }

    /// Lots of an account's closing orders in flight.
    fn closers(&self, account: AccountId, instrument: InstrumentId, side: Side) -> i64 {
        self.exposure.closing(instrument).filter(|(whose, ..)| *whose == account).map(|(.., lots)| lots.on(side)).sum()
    }

    fn firm_excess(&self, instrument: InstrumentId, side: Side) -> i64 {
        let mut excess = 0_i64;
        let mut last = None;
        for (account, ..) in self.exposure.closing(instrument) {
            if last.replace(account) != Some(account) {
                let beyond = self.closers(account, instrument, side).saturating_sub(self.to_close(account, instrument, side));
                excess = excess.saturating_add(beyond.max(0));
            }
        }
        excess
    }

    fn book_excess(&self, book: BookId, instrument: InstrumentId, side: Side) -> i64 {
        let own = self.exposure.book(book.index(), instrument.index()).on(side.opposite());
        let of_book = self.exposure.closing(instrument).filter(|(_, whose, _)| *whose == book);
        let beyond = of_book.map(|(account, _, lots)| {
            let opening = self.exposure.account(account.index(), instrument.index()).on(side.opposite());
            let room = self.to_close(account, instrument, side).saturating_add(opening.saturating_sub(own).max(0));
            lots.on(side).saturating_sub(room).max(0)
        });
        beyond.sum()
    }
}

/// A standing without lots that cannot be filled.
#[cold]
fn less(standing: Standing, excess: impl Fn(Side) -> i64) -> Standing {
    let Standing { position, buys, sells } = standing;
    Standing { position, buys: buys.wrapping_sub(excess(Side::Buy).max(0)), sells: sells.wrapping_sub(excess(Side::Sell).max(0)) }
}
