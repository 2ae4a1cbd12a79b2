//! What those who have no account here have made of their trades, so that no money appears or is lost.
//!
//! Among them is the house itself: it stands in for what a reducing order had matched beyond its position, in one sweep with
//! other orders of its owner.

use std::collections::BTreeMap;
use tradewind_exchange::{Deal, OUTSIDER_NODE};
use tradewind_types::{Amount, AssetId, Instrument, InstrumentId, MoneyError, Qty, Rounding, Side};

/// All outsiders of a house together: cash by asset, and lots of derivatives.
#[derive(Clone, Debug, Default)]
pub(super) struct Outsiders {
    cash: BTreeMap<AssetId, Amount>,
    lots: BTreeMap<InstrumentId, i64>,
}

impl Outsiders {
    pub(super) fn book(&mut self, instrument: &Instrument, deal: &Deal) -> Result<(), MoneyError> {
        let sides = [(deal.maker, deal.aggressor.opposite()), (deal.taker, deal.aggressor)];
        for (order, side) in sides {
            if order.node == OUTSIDER_NODE {
                self.take_side(instrument, deal, side, deal.qty)?;
            }
        }
        Ok(())
    }

    /// So much of a deal's side falls to those without an account.
    pub(super) fn take_side(&mut self, instrument: &Instrument, deal: &Deal, side: Side, qty: Qty) -> Result<(), MoneyError> {
        let lots = side.sign().saturating_mul(qty.0);
        let value = instrument.value(deal.price, lots, Rounding::Truncate)?;
        let cash = self.cash.entry(instrument.value_asset()).or_default();
        *cash = cash.minus(value)?;
        if instrument.terms().kind.is_spot() {
            let base = self.cash.entry(instrument.terms().base).or_default();
            *base = base.plus(instrument.base_amount(lots)?)?;
        } else {
            *self.lots.entry(instrument.id()).or_default() += lots;
        }
        Ok(())
    }

    pub(super) fn cash(&self, asset: AssetId) -> Amount {
        self.cash.get(&asset).copied().unwrap_or_default()
    }

    pub(super) fn lots(&self, instrument: InstrumentId) -> i64 {
        self.lots.get(&instrument).copied().unwrap_or_default()
    }
}
