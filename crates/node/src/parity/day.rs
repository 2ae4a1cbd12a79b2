//! What a journal says of a day: what was sent, what it was filled at, and what that cost in fees and in time.

use super::{ParityError, ParitySettings, fee_at};
use crate::paper::PaperFees;
use crate::replay::journal_folder;
use std::collections::BTreeMap;
use std::path::Path;
use tradewind_journal::{Chain, Entries, Entry};
use tradewind_types::{
    Amount, Asset, AssetId, Definition, Fill, Instrument, InstrumentId, Liquidity, MoneyError, Nanos, OrderId, OrderTerms, Outcome, Price,
    Rate, Rounding, Timestamp,
};

/// An order and what became of it.
pub(super) struct SentOrder {
    pub(super) terms: OrderTerms,
    pub(super) at: Timestamp,
    pub(super) fills: Vec<Fill>,
}

/// Fees beside what was traded for them, in the value asset.
#[derive(Clone, Copy, Default)]
struct Charged {
    fees: i128,
    value: i128,
}

impl Charged {
    fn rate(self) -> Option<Rate> {
        let rate = Rounding::HalfEven.mul_div(self.fees, Rate::ONE, self.value).ok()?;
        i64::try_from(rate).ok().map(Rate)
    }
}

/// What happened, market data apart.
#[derive(Default)]
pub(super) struct Day {
    pub(super) instruments: BTreeMap<InstrumentId, Instrument>,
    pub(super) orders: BTreeMap<OrderId, SentOrder>,
    pub(super) funding: BTreeMap<InstrumentId, Amount>,
    pub(super) last_fill: BTreeMap<InstrumentId, Price>,
    assets: BTreeMap<AssetId, Asset>,
    maker: BTreeMap<InstrumentId, Charged>,
    taker: BTreeMap<InstrumentId, Charged>,
    waits: BTreeMap<InstrumentId, Vec<Nanos>>,
}

impl Day {
    pub(super) fn read(folder: &Path) -> Result<Self, ParityError> {
        let mut day = Self::default();
        let mut chain = Chain::open(&journal_folder(folder))?;
        while let Some(entry) = chain.next_entry()? {
            if let Entry::Outcome { outcome, .. } = entry {
                day.take(outcome)?;
            }
        }
        day.waits.values_mut().for_each(|waits| waits.sort_unstable());
        Ok(day)
    }

    /// Fees and distance of an instrument's simulation.
    pub(super) fn set(&self, settings: ParitySettings, id: InstrumentId) -> (PaperFees, Nanos) {
        let rate = |charged: &BTreeMap<InstrumentId, Charged>| charged.get(&id).copied().and_then(Charged::rate);
        let (maker, taker) = (rate(&self.maker), rate(&self.taker));
        // A day without a fill of one kind says nothing of its fee: the other one is nearer than none.
        let either = |first: Option<Rate>, other: Option<Rate>| first.or(other).unwrap_or(Rate(0));
        let fees = settings.fees.unwrap_or_else(|| PaperFees { maker: either(maker, taker), taker: either(taker, maker) });
        let median = || self.waits.get(&id).and_then(|waits| waits.get(waits.len() / 2)).map_or(Nanos(0), |wait| Nanos(wait.0 / 2));
        (fees, settings.latency.unwrap_or_else(median))
    }

    fn take(&mut self, outcome: Outcome) -> Result<(), MoneyError> {
        match outcome {
            Outcome::Defined(Definition::Asset(asset)) => {
                self.assets.insert(asset.id, asset);
            }
            Outcome::Defined(Definition::Instrument(terms)) => {
                if let (Some(base), Some(quote)) = (self.assets.get(&terms.base), self.assets.get(&terms.quote)) {
                    self.instruments.insert(terms.id, Instrument::new(terms, base, quote)?);
                }
            }
            Outcome::Defined(Definition::Filters(filters)) => {
                if let Some(instrument) = self.instruments.remove(&filters.instrument) {
                    self.instruments.insert(filters.instrument, instrument.with_filters(filters));
                }
            }
            Outcome::OrderSent { order, terms, at, .. } => {
                self.orders.insert(order, SentOrder { terms, at, fills: Vec::new() });
            }
            Outcome::Accepted { order, at, .. } => {
                if let Some(sent) = self.orders.get(&order) {
                    self.waits.entry(sent.terms.instrument).or_default().push(at.since(sent.at));
                }
            }
            Outcome::Filled { fill, .. } => self.take_fill(fill)?,
            Outcome::Funded { payment, .. } => {
                let sum = self.funding.entry(payment.instrument).or_default();
                *sum = sum.plus(payment.amount)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn take_fill(&mut self, fill: Fill) -> Result<(), MoneyError> {
        let Some(sent) = self.orders.get_mut(&fill.order) else { return Ok(()) };
        let id = sent.terms.instrument;
        sent.fills.push(fill);
        self.last_fill.insert(id, fill.price);
        let Some(instrument) = self.instruments.get(&id) else { return Ok(()) };
        if let Some(fee) = fee_at(instrument, &fill, fill.price)? {
            let charged = if fill.liquidity == Liquidity::Maker { &mut self.maker } else { &mut self.taker };
            let sum = charged.entry(id).or_default();
            sum.fees += fee.0;
            sum.value += instrument.value(fill.price, fill.qty.0, Rounding::Floor)?.0;
        }
        Ok(())
    }
}
