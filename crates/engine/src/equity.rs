//! What an account or a book is worth, marked to market.

use crate::position::direction;
use crate::state::State;
use tradewind_limits::Conversion;
use tradewind_types::{AccountId, Amount, AssetId, BookId, Instrument, InstrumentId, InstrumentKind, MoneyError, Price, Rounding};

/// Whose equity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A venue's account.
    Account(AccountId),
    /// A strategy's book.
    Book(BookId),
    /// Nobody for now: money on its way between two accounts.
    InTransit,
}

/// Why an equity has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValuationError {
    /// A position without a mark.
    #[error("instrument {instrument} is held and has no mark")]
    NoMark {
        /// Which.
        instrument: InstrumentId,
    },
    /// A holding that no marked instrument converts into the quote asset.
    #[error("asset {asset} is held and no marked instrument trades it against asset {quote}")]
    NoConversion {
        /// Held.
        asset: AssetId,
        /// Wanted.
        quote: AssetId,
    },
    /// Money arithmetic.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl State {
    /// Balances and the open profit of derivatives, in units of `quote`. `marks` are prices by instrument id. An asset is converted
    /// by the first marked spot instrument that trades it against `quote`, else by the first marked linear perpetual; each
    /// holding is truncated to whole units of `quote`.
    ///
    /// # Errors
    /// [`ValuationError`] names what lacks a mark.
    pub fn equity(&self, owner: Owner, quote: AssetId, marks: &[Option<Price>]) -> Result<Amount, ValuationError> {
        let mut total = Amount::ZERO;
        let holdings: Vec<(usize, Amount)> = match owner {
            Owner::Account(id) => self.ledger.holdings(id).collect(),
            Owner::Book(id) => self.books.balances.row(id.index()).collect(),
            Owner::InTransit => self.ledger.in_transit().collect(),
        };
        for (asset, amount) in holdings {
            total = total.plus(self.converted(AssetId(asset as u32), amount, quote, marks)?)?;
        }
        let positions: Vec<_> = match owner {
            Owner::Account(id) => self.positions.row(id.index()).collect(),
            Owner::Book(id) => self.books.positions.row(id.index()).collect(),
            Owner::InTransit => Vec::new(),
        };
        for (index, position) in positions {
            let id = InstrumentId(index as u32);
            let Some(instrument) = self.registry.instrument(id) else { continue };
            let kind = instrument.terms().kind;
            if kind.is_spot() || position.lots == 0 {
                continue;
            }
            let mark = mark(marks, id).ok_or(ValuationError::NoMark { instrument: id })?;
            let value = Amount(direction(kind) * instrument.value(mark, position.lots, Rounding::Truncate)?.0);
            let open = position.unrealised(value)?;
            total = total.plus(self.converted(instrument.value_asset(), open, quote, marks)?)?;
        }
        Ok(total)
    }

    fn converted(&self, asset: AssetId, amount: Amount, quote: AssetId, marks: &[Option<Price>]) -> Result<Amount, ValuationError> {
        if amount == Amount::ZERO {
            return Ok(amount);
        }
        let conversion = self.conversion(asset, quote, marks).ok_or(ValuationError::NoConversion { asset, quote })?;
        Ok(conversion.convert(amount)?)
    }

    /// What an asset is worth in another one, by the first marked spot instrument that trades it against that, else by the first
    /// marked linear perpetual.
    pub(crate) fn conversion(&self, asset: AssetId, quote: AssetId, marks: &[Option<Price>]) -> Option<Conversion> {
        if asset == quote {
            return Some(Conversion::ONE);
        }
        let trades = |kind: InstrumentKind| {
            self.registry.instruments().find_map(move |instrument: &Instrument| {
                let terms = instrument.terms();
                let fits = terms.kind == kind && terms.base == asset && terms.quote == quote;
                mark(marks, terms.id).filter(|_| fits).map(|price| (instrument, price))
            })
        };
        let (instrument, price) = trades(InstrumentKind::Spot).or_else(|| trades(InstrumentKind::LinearPerpetual))?;
        let value = instrument.value(price, 1, Rounding::Truncate).ok()?;
        let base = instrument.base_amount(1).ok()?;
        Some(Conversion { numerator: value.0, denominator: base.0 })
    }
}

fn mark(marks: &[Option<Price>], instrument: InstrumentId) -> Option<Price> {
    marks.get(instrument.index()).copied().flatten()
}
