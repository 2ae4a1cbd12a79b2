//! A node's day against the simulator: the same market, the same orders at the same moments, matched by the simulated engine; and
//! the difference in profit taken apart until nothing is left.
//!
//! Orders are taken from the journal as they were sent, with their own ids, so that fills can be compared order by order. Of each
//! order the first lots that both worlds filled differ by price; what only one of them filled is worth its distance to the last
//! price; fees and funding differ by themselves. The parts add up to the whole exactly: the residual is computed, not assumed.

use crate::market_log::{SegmentReader, segments};
use crate::paper::{PaperFees, PaperVenue, funding_payment};
use crate::replay::{journal_folder, market_folder, sequence_rule};
use std::collections::BTreeMap;
use std::path::Path;
use tradewind_journal::{Chain, Entries, Entry, JournalError, MarketRun};
use tradewind_types::{
    Amount, AssetId, Definition, Fill, Instrument, InstrumentId, Mark, MarketEvent, MoneyError, Nanos, OrderId, OrderRequest, OrderTerms,
    Outcome, Price, Rounding, Stamp, Timestamp, VenueReply,
};

/// Why a day cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum ParityError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Market data cannot be read.
    #[error("market data cannot be read: {0}")]
    Market(#[from] std::io::Error),
    /// Market data that the journal refers to is gone or damaged.
    #[error("market data of segment {segment} is missing from event {index} on; only days whose market data is kept can be compared")]
    Missing {
        /// Which segment.
        segment: u32,
        /// From which event.
        index: u64,
    },
    /// A sum left its integer type.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// How the simulated engine is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParitySettings {
    /// Fees it charges.
    pub fees: PaperFees,
    /// From us to it, and back.
    pub latency: Nanos,
}

/// One instrument's day; amounts in units of its value asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstrumentParity {
    /// The venue's symbol.
    pub symbol: String,
    /// In what amounts are.
    pub value_asset: AssetId,
    /// Orders compared.
    pub orders: u64,
    /// Of these, orders whose fills are the same in quantity and value.
    pub agreeing: u64,
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
}

impl InstrumentParity {
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
    /// By instrument.
    pub instruments: Vec<InstrumentParity>,
}

/// Compares what a node's folder holds with the simulation.
///
/// # Errors
/// [`ParityError`].
pub fn parity(folder: &Path, settings: ParitySettings) -> Result<Parity, ParityError> {
    let day = Day::read(folder)?;
    let simulated = day.simulate(settings)?;
    let at_once = day.simulate(ParitySettings { latency: Nanos(0), ..settings })?;
    let mut parity = Parity { span: day.span(), events: day.events.len() as u64, instruments: Vec::new() };
    for (id, instrument) in &day.instruments {
        let Some(last) = day.last_prices.get(id).copied() else { continue };
        let mut found = day.compare(instrument, last, &simulated)?;
        let without_delay = day.compare(instrument, last, &at_once)?;
        found.latency = found.simulated.minus(without_delay.simulated)?;
        if found.orders > 0 {
            parity.instruments.push(found);
        }
    }
    Ok(parity)
}

/// Fills by order, and funding by instrument.
#[derive(Debug, Default)]
struct Results {
    fills: BTreeMap<OrderId, Vec<Fill>>,
    funding: BTreeMap<InstrumentId, Amount>,
}

enum Happening {
    Market(Stamp, OwnedEvent),
    Request(Timestamp, OrderRequest),
}

/// A market event with its changes.
struct OwnedEvent {
    event: MarketEvent<'static>,
    changes: Vec<tradewind_types::LevelChange>,
}

impl OwnedEvent {
    fn of(event: &MarketEvent<'_>) -> Self {
        match *event {
            MarketEvent::Depth(update) => {
                let empty = tradewind_types::DepthUpdate { changes: &[], ..update };
                Self { event: MarketEvent::Depth(empty), changes: update.changes.to_vec() }
            }
            MarketEvent::Trade(trade) => Self { event: MarketEvent::Trade(trade), changes: Vec::new() },
            MarketEvent::Quote(quote) => Self { event: MarketEvent::Quote(quote), changes: Vec::new() },
            MarketEvent::Bar(bar) => Self { event: MarketEvent::Bar(bar), changes: Vec::new() },
            MarketEvent::Mark(mark) => Self { event: MarketEvent::Mark(mark), changes: Vec::new() },
        }
    }

    fn lend(&self) -> MarketEvent<'_> {
        match self.event {
            MarketEvent::Depth(update) => MarketEvent::Depth(tradewind_types::DepthUpdate { changes: &self.changes, ..update }),
            other => other,
        }
    }
}

/// What the journal says of a day.
#[derive(Default)]
struct Day {
    instruments: BTreeMap<InstrumentId, Instrument>,
    events: Vec<Happening>,
    terms: BTreeMap<OrderId, OrderTerms>,
    last_prices: BTreeMap<InstrumentId, Price>,
    results: Results,
    assets: BTreeMap<AssetId, tradewind_types::Asset>,
}

impl Day {
    fn read(folder: &Path) -> Result<Self, ParityError> {
        let mut day = Self::default();
        let mut chain = Chain::open(&journal_folder(folder))?;
        let paths: BTreeMap<u32, _> = segments(&market_folder(folder))?.into_iter().collect();
        let mut open: Option<(u32, SegmentReader)> = None;
        while let Some(entry) = chain.next_entry()? {
            match entry {
                Entry::MarketRun(run) => {
                    if open.as_ref().is_none_or(|(id, _)| *id != run.segment) {
                        let missing = ParityError::Missing { segment: run.segment, index: run.first };
                        let path = paths.get(&run.segment).ok_or(missing)?;
                        open = Some((run.segment, SegmentReader::open(path)?));
                    }
                    if let Some((_, reader)) = &mut open {
                        day.take_market(&run, reader)?;
                    }
                }
                Entry::Outcome { outcome, .. } => day.take_outcome(outcome)?,
                Entry::Input { .. } | Entry::Segment { .. } | Entry::StateHash { .. } | Entry::End { .. } => {}
            }
        }
        Ok(day)
    }

    fn take_market(&mut self, run: &MarketRun, reader: &mut SegmentReader) -> Result<(), ParityError> {
        for k in 0..run.count {
            let missing = ParityError::Missing { segment: run.segment, index: run.first + k };
            let Some((_, stamp, event)) = reader.next_event() else { return Err(missing) };
            match &event {
                MarketEvent::Trade(trade) => {
                    self.last_prices.insert(trade.instrument, trade.price);
                }
                MarketEvent::Mark(mark) => {
                    self.last_prices.entry(mark.instrument).or_insert(mark.mark);
                }
                _ => {}
            }
            self.events.push(Happening::Market(stamp, OwnedEvent::of(&event)));
        }
        Ok(())
    }

    fn take_outcome(&mut self, outcome: Outcome) -> Result<(), MoneyError> {
        match outcome {
            Outcome::Defined(Definition::Asset(asset)) => {
                self.assets.insert(asset.id, asset);
            }
            Outcome::Defined(Definition::Instrument(terms)) => {
                if let (Some(base), Some(quote)) = (self.assets.get(&terms.base), self.assets.get(&terms.quote)) {
                    let id = terms.id;
                    self.instruments.insert(id, Instrument::new(terms, base, quote)?);
                }
            }
            Outcome::OrderSent { order, terms, at, .. } => {
                self.terms.insert(order, terms);
                self.events.push(Happening::Request(at, OrderRequest::Place { order, terms }));
            }
            Outcome::CancelSent { order, at } => {
                if let Some(terms) = self.terms.get(&order) {
                    self.events.push(Happening::Request(at, OrderRequest::Cancel { order, instrument: terms.instrument }));
                }
            }
            Outcome::AmendSent { order, price, qty, at } => {
                if let Some(terms) = self.terms.get(&order) {
                    let instrument = terms.instrument;
                    self.events.push(Happening::Request(at, OrderRequest::Amend { order, instrument, price, qty }));
                }
            }
            Outcome::Filled { fill, .. } => self.results.fills.entry(fill.order).or_default().push(fill),
            Outcome::Funded { payment, .. } => {
                let sum = self.results.funding.entry(payment.instrument).or_default();
                *sum = sum.plus(payment.amount)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let at = |happening: &Happening| match happening {
            Happening::Market(stamp, _) => stamp.ts_local,
            Happening::Request(at, _) => *at,
        };
        Some((at(self.events.first()?), at(self.events.last()?)))
    }

    fn simulate(&self, settings: ParitySettings) -> Result<Results, MoneyError> {
        let listed = self.instruments.values().map(|i| (i.clone(), sequence_rule(i.terms().venue, i.terms().kind.is_spot())));
        let mut venue = PaperVenue::new(listed, settings.fees, settings.latency);
        let mut results = Results::default();
        let mut lots: BTreeMap<InstrumentId, i64> = BTreeMap::new();
        let mut marks: BTreeMap<InstrumentId, Mark> = BTreeMap::new();
        for happening in &self.events {
            match happening {
                Happening::Market(stamp, owned) => {
                    let event = owned.lend();
                    venue.on_market(*stamp, &event);
                    self.collect(&mut venue, stamp.ts_local, &mut results, &mut lots);
                    if let MarketEvent::Mark(mark) = event {
                        let due = marks.insert(mark.instrument, mark).filter(|before| before.next_funding < mark.next_funding);
                        let held = lots.get(&mark.instrument).copied().unwrap_or_default();
                        if let (Some(before), Some(instrument), true) = (due, self.instruments.get(&mark.instrument), held != 0) {
                            let sum = results.funding.entry(mark.instrument).or_default();
                            *sum = sum.plus(funding_payment(instrument, held, &before)?)?;
                        }
                    }
                }
                Happening::Request(at, request) => {
                    venue.on_time(*at);
                    venue.submit(*at, *request);
                }
            }
        }
        self.collect(&mut venue, Timestamp::MAX, &mut results, &mut lots);
        Ok(results)
    }

    fn collect(&self, venue: &mut PaperVenue, now: Timestamp, results: &mut Results, lots: &mut BTreeMap<InstrumentId, i64>) {
        while let Some(reply) = venue.next_reply(now) {
            if let (VenueReply::Filled(fill), Some(terms)) = (reply, self.terms.get(&reply.order())) {
                *lots.entry(terms.instrument).or_default() += terms.side.sign() * fill.qty.0;
                results.fills.entry(fill.order).or_default().push(fill);
            }
        }
    }

    fn compare(&self, instrument: &Instrument, last: Price, simulated: &Results) -> Result<InstrumentParity, MoneyError> {
        let id = instrument.id();
        let mut found = InstrumentParity {
            symbol: instrument.terms().symbol.clone(),
            value_asset: instrument.value_asset(),
            ..InstrumentParity::default()
        };
        for (order, terms) in self.terms.iter().filter(|(_, terms)| terms.instrument == id) {
            let none = Vec::new();
            let (live, simulated) = (self.results.fills.get(order).unwrap_or(&none), simulated.fills.get(order).unwrap_or(&none));
            let books = Books { instrument, last, sign: terms.side.sign() };
            books.compare(live, simulated, &mut found)?;
        }
        let of = |results: &Results| results.funding.get(&id).copied().unwrap_or_default();
        let (live, simulated) = (of(&self.results), of(simulated));
        found.live = found.live.plus(live)?;
        found.simulated = found.simulated.plus(simulated)?;
        found.funding = live.minus(simulated)?;
        Ok(found)
    }
}

/// What a fill is worth.
struct Books<'a> {
    instrument: &'a Instrument,
    last: Price,
    sign: i64,
}

impl Books<'_> {
    /// Profit of so many lots at a price, at the last price.
    fn profit(&self, price: Price, lots: i64) -> Result<Amount, MoneyError> {
        let signed = self.sign * lots;
        self.instrument.value(self.last, signed, Rounding::Floor)?.minus(self.instrument.value(price, signed, Rounding::Floor)?)
    }

    /// A fee in the value asset; one in the base coin at the last price.
    fn fee(&self, fill: &Fill) -> Result<Amount, MoneyError> {
        if fill.fee.asset == self.instrument.value_asset() {
            Ok(fill.fee.amount)
        } else {
            self.instrument.value_of_base(self.last, fill.fee.amount, Rounding::HalfEven)
        }
    }

    fn compare(&self, live: &[Fill], simulated: &[Fill], found: &mut InstrumentParity) -> Result<(), MoneyError> {
        let sum = |fills: &[Fill]| fills.iter().map(|fill| fill.qty.0).sum::<i64>();
        let (ours, theirs) = (sum(live), sum(simulated));
        let common = ours.min(theirs);
        let (live_common, live_rest) = self.split(live, common)?;
        let (simulated_common, simulated_rest) = self.split(simulated, common)?;
        let fees = |fills: &[Fill]| fills.iter().try_fold(Amount::ZERO, |sum, fill| sum.plus(self.fee(fill)?));
        let (live_fees, simulated_fees) = (fees(live)?, fees(simulated)?);
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
        Ok(())
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
