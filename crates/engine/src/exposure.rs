//! What live orders could still do, summed per instrument: over the firm, per account, per book; and what they tie up per asset.

use crate::grid::{Grid, grown};
use serde::{Deserialize, Serialize};
use tradewind_limits::{Held, Standing};
use tradewind_types::{Amount, AssetId, MoneyError, OrderTerms, Side};

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
        }
        Ok(())
    }

    /// Adds traded lots (signed) to the firm's position.
    #[inline]
    pub(crate) fn trade(&mut self, instrument: usize, lots: i64) {
        let firm = grown(&mut self.firm, instrument);
        firm.position = firm.position.saturating_add(lots);
    }
}
