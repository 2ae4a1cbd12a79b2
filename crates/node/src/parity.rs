//! A node's day against the simulator: the same market, the same orders at the same moments, matched by the simulated engine; and
//! the difference in profit taken apart until nothing is left.
//!
//! Orders are taken from the journal as they were sent, with their own ids, so that fills can be compared order by order. Of each
//! order the first lots that both worlds filled differ by price; what only one of them filled is worth its distance to the last
//! price; fees and funding differ by themselves. The parts add up to the whole exactly: the residual is computed, not assumed.
//!
//! The folder is read twice, and no market data is held: once for what happened, and for the fees and the latency that it happened
//! with; once to let it happen again.

mod day;
mod rerun;

use crate::paper::PaperFees;
use day::{Day, SentOrder};
use rerun::{Rerun, Simulated};
use std::collections::BTreeMap;
use std::path::Path;
use tradewind_journal::JournalError;
use tradewind_simulator::ReplayError;
use tradewind_types::{Amount, AssetId, Fill, Instrument, InstrumentId, MoneyError, Nanos, Price, Rounding, Timestamp};

/// Why a day cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum ParityError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Market data that the journal refers to is damaged, or gone from the middle.
    #[error(transparent)]
    Market(#[from] ReplayError),
    /// A sum left its integer type.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// How the simulated engine is set, where it shall not be as the day itself was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParitySettings {
    /// Fees it charges; none said: what the day's fills were charged, by instrument.
    pub fees: Option<PaperFees>,
    /// From us to it, and back; none said: half the median of what an order waited for its acknowledgement, by instrument.
    pub latency: Option<Nanos>,
}

/// One instrument's day; amounts in units of its value asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstrumentParity {
    /// Which.
    pub instrument: Instrument,
    /// Fees that the simulation charged.
    pub charged: PaperFees,
    /// How far away the simulation was, each way.
    pub distance: Nanos,
    /// Orders compared.
    pub orders: u64,
    /// Of these, orders whose fills are the same in quantity and value.
    pub agreeing: u64,
    /// Orders that cannot be compared: the market data of their time, or the snapshot that it builds on, has been let go.
    pub left_out: u64,
    /// Lots filled.
    pub live_lots: i64,
    /// Lots filled in the simulation.
    pub simulated_lots: i64,
    /// Profit with open lots at the last price, fees and funding counted.
    pub live: Amount,
    /// The same in the simulation.
    pub simulated: Amount,
    /// Of `live - simulated`: lots that only the simulation filled.
    pub missed: Amount,
    /// Lots that only the day itself filled.
    pub extra: Amount,
    /// Lots that both filled, at other prices.
    pub price: Amount,
    /// Fees.
    pub fees: Amount,
    /// Funding.
    pub funding: Amount,
    /// What the simulation loses by its latency, beside one without; not a part of the difference.
    pub latency: Amount,
    /// Fees in assets that nothing here values, a venue's own coin for one; in no figure above.
    pub unvalued_fees: BTreeMap<AssetId, Amount>,
}

impl InstrumentParity {
    fn of(instrument: &Instrument, (charged, distance): (PaperFees, Nanos)) -> Self {
        Self {
            instrument: instrument.clone(),
            charged,
            distance,
            orders: 0,
            agreeing: 0,
            left_out: 0,
            live_lots: 0,
            simulated_lots: 0,
            live: Amount::ZERO,
            simulated: Amount::ZERO,
            missed: Amount::ZERO,
            extra: Amount::ZERO,
            price: Amount::ZERO,
            fees: Amount::ZERO,
            funding: Amount::ZERO,
            latency: Amount::ZERO,
            unvalued_fees: BTreeMap::new(),
        }
    }

    /// What the parts leave unexplained of `live - simulated`.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn residual(&self) -> Result<Amount, MoneyError> {
        let gap = self.live.minus(self.simulated)?;
        [self.missed, self.extra, self.price, self.fees, self.funding].into_iter().try_fold(gap, Amount::minus)
    }
}

/// A day compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parity {
    /// First and last moment of the market data.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Market events replayed.
    pub events: u64,
    /// Market events that the folder's budget has let go.
    pub events_gone: u64,
    /// What was traded, by instrument.
    pub instruments: Vec<InstrumentParity>,
}

/// Compares what a node's folder holds with the simulation.
///
/// # Errors
/// [`ParityError`].
pub fn parity(folder: &Path, settings: ParitySettings) -> Result<Parity, ParityError> {
    let day = Day::read(folder)?;
    let rerun = Rerun::of(folder, &day, settings)?;
    let mut parity = Parity { span: rerun.span, events: rerun.events, events_gone: rerun.events_gone, instruments: Vec::new() };
    for (id, instrument) in &day.instruments {
        let last = rerun.last_price(*id).or(day.last_fill.get(id).copied()).unwrap_or_default();
        let blank = InstrumentParity::of(instrument, day.set(settings, *id));
        let compare = |simulated: &Simulated| day.compare(blank.clone(), last, &rerun, simulated);
        let mut found = compare(&rerun.delayed)?;
        found.latency = found.simulated.minus(compare(&rerun.at_once)?.simulated)?;
        if found.orders + found.left_out > 0 {
            parity.instruments.push(found);
        }
    }
    Ok(parity)
}

impl Day {
    fn compare(
        &self,
        mut found: InstrumentParity,
        last: Price,
        rerun: &Rerun,
        simulated: &Simulated,
    ) -> Result<InstrumentParity, MoneyError> {
        let id = found.instrument.id();
        for (order, sent) in self.orders.iter().filter(|(_, sent)| sent.terms.instrument == id) {
            if rerun.left_out.contains(order) {
                found.left_out += 1;
            } else {
                let fills = simulated.fills.get(order).map_or(&[][..], Vec::as_slice);
                compare_order(sent, fills, last, &mut found)?;
            }
        }
        let of = |funding: &BTreeMap<InstrumentId, Amount>| funding.get(&id).copied().unwrap_or_default();
        let (live, simulated) = (of(&self.funding), of(&simulated.funding));
        found.live = found.live.plus(live)?;
        found.simulated = found.simulated.plus(simulated)?;
        found.funding = live.minus(simulated)?;
        Ok(found)
    }
}

fn compare_order(sent: &SentOrder, simulated: &[Fill], last: Price, found: &mut InstrumentParity) -> Result<(), MoneyError> {
    let worth = Worth { instrument: &found.instrument, last, sign: sent.terms.side.sign() };
    let sum = |fills: &[Fill]| fills.iter().map(|fill| fill.qty.0).sum::<i64>();
    let (ours, theirs) = (sum(&sent.fills), sum(simulated));
    let common = ours.min(theirs);
    let (live_common, live_rest) = worth.split(&sent.fills, common)?;
    let (simulated_common, simulated_rest) = worth.split(simulated, common)?;
    let mut unvalued = Vec::new();
    let mut fees = |fills: &[Fill]| {
        fills.iter().try_fold(Amount::ZERO, |sum, fill| match worth.fee(fill)? {
            Some(fee) => sum.plus(fee),
            None => {
                unvalued.push(fill.fee);
                Ok(sum)
            }
        })
    };
    let (live_fees, simulated_fees) = (fees(&sent.fills)?, fees(simulated)?);
    found.orders += 1;
    found.agreeing += u64::from(ours == theirs && live_common == simulated_common);
    found.live_lots += ours;
    found.simulated_lots += theirs;
    found.live = found.live.plus(live_common)?.plus(live_rest)?.minus(live_fees)?;
    found.simulated = found.simulated.plus(simulated_common)?.plus(simulated_rest)?.minus(simulated_fees)?;
    found.price = found.price.plus(live_common)?.minus(simulated_common)?;
    found.extra = found.extra.plus(live_rest)?;
    found.missed = found.missed.minus(simulated_rest)?;
    found.fees = found.fees.plus(simulated_fees)?.minus(live_fees)?;
    for fee in unvalued {
        let sum = found.unvalued_fees.entry(fee.asset).or_default();
        *sum = sum.plus(fee.amount)?;
    }
    Ok(())
}

/// What a fill is worth at the last price.
struct Worth<'a> {
    instrument: &'a Instrument,
    last: Price,
    sign: i64,
}

impl Worth<'_> {
    /// Profit of so many lots at a price; exact, since a tick of a lot is a whole number of units.
    fn profit(&self, price: Price, lots: i64) -> Result<Amount, MoneyError> {
        let signed = self.sign * lots;
        self.instrument.value(self.last, signed, Rounding::Floor)?.minus(self.instrument.value(price, signed, Rounding::Floor)?)
    }

    /// A fee in the value asset, one in the base coin at the last price; none for one in another asset.
    fn fee(&self, fill: &Fill) -> Result<Option<Amount>, MoneyError> {
        fee_at(self.instrument, fill, self.last)
    }

    /// Profit of the first `common` lots, and of the rest.
    fn split(&self, fills: &[Fill], common: i64) -> Result<(Amount, Amount), MoneyError> {
        let (mut left, mut first, mut rest) = (common, Amount::ZERO, Amount::ZERO);
        for fill in fills {
            let inside = fill.qty.0.min(left);
            left -= inside;
            first = first.plus(self.profit(fill.price, inside)?)?;
            rest = rest.plus(self.profit(fill.price, fill.qty.0 - inside)?)?;
        }
        Ok((first, rest))
    }
}

/// What a fill was charged, in the value asset; a fee in the base coin at a price.
fn fee_at(instrument: &Instrument, fill: &Fill, price: Price) -> Result<Option<Amount>, MoneyError> {
    if fill.fee.asset == instrument.value_asset() || fill.fee.amount == Amount::ZERO {
        Ok(Some(fill.fee.amount))
    } else if fill.fee.asset == instrument.terms().base {
        instrument.value_of_base(price, fill.fee.amount, Rounding::HalfEven).map(Some)
    } else {
        Ok(None)
    }
}
