//! The day again: market data as it came, requests when they left, both to two simulated engines, one as far away as the venue was
//! and one at no distance.

use super::{Day, ParityError, ParitySettings};
use crate::paper::{PaperVenue, funding_due, funding_payment};
use crate::replay::{Segments, journal_folder, market_folder, sequence_rule};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tradewind_book::SequenceRule;
use tradewind_journal::{Chain, Entries, Entry, MarketRun};
use tradewind_simulator::MarketSource;
use tradewind_types::{
    Amount, DepthKind, Fill, InstrumentId, Mark, MarketEvent, MoneyError, Nanos, OrderId, OrderRequest, Outcome, Price, Side, Stamp,
    Timestamp, VenueReply,
};

/// What the simulated engines made of the orders.
#[derive(Default)]
pub(super) struct Simulated {
    /// One engine for each instrument: each has fees and a distance of its own.
    venues: BTreeMap<InstrumentId, PaperVenue>,
    pub(super) fills: BTreeMap<OrderId, Vec<Fill>>,
    pub(super) funding: BTreeMap<InstrumentId, Amount>,
    lots: BTreeMap<InstrumentId, i64>,
}

impl Simulated {
    fn of(day: &Day, settings: ParitySettings) -> Self {
        let venue = |(id, instrument): (&InstrumentId, &tradewind_types::Instrument)| {
            let (fees, distance) = day.set(settings, *id);
            let rule = sequence_rule(instrument.terms()).unwrap_or(SequenceRule::Unchecked);
            (*id, PaperVenue::new(std::iter::once((instrument.clone(), rule)), fees, distance))
        };
        Self { venues: day.instruments.iter().map(venue).collect(), ..Self::default() }
    }

    fn on_market(&mut self, day: &Day, stamp: Stamp, event: &MarketEvent<'_>) {
        let id = event.instrument();
        if let Some(venue) = self.venues.get_mut(&id) {
            venue.on_market(stamp, event);
            self.collect(day, id, stamp.ts_local);
        }
    }

    fn submit(&mut self, at: Timestamp, request: OrderRequest, id: InstrumentId) {
        if let Some(venue) = self.venues.get_mut(&id) {
            venue.on_time(at);
            venue.submit(at, request);
        }
    }

    /// What has come back by now.
    fn collect(&mut self, day: &Day, id: InstrumentId, now: Timestamp) {
        let Some(venue) = self.venues.get_mut(&id) else { return };
        while let Some(reply) = venue.next_reply(now) {
            if let (VenueReply::Filled(fill), Some(sent)) = (reply, day.orders.get(&reply.order())) {
                *self.lots.entry(id).or_default() += sent.terms.side.sign() * fill.qty.0;
                self.fills.entry(fill.order).or_default().push(fill);
            }
        }
    }

    /// A position is paid for, or pays, when the venue's own does.
    fn fund(&mut self, day: &Day, due: &Mark) -> Result<(), MoneyError> {
        let held = self.lots.get(&due.instrument).copied().unwrap_or_default();
        if let (Some(instrument), true) = (day.instruments.get(&due.instrument), held != 0) {
            let sum = self.funding.entry(due.instrument).or_default();
            *sum = sum.plus(funding_payment(instrument, held, due)?)?;
        }
        Ok(())
    }
}

/// The last price of an instrument, by what is worth most as evidence.
#[derive(Clone, Copy, Default)]
struct Seen {
    traded: Option<Price>,
    stated: Option<Price>,
}

/// A day that happened again.
pub(super) struct Rerun {
    pub(super) span: Option<(Timestamp, Timestamp)>,
    pub(super) events: u64,
    pub(super) events_gone: u64,
    /// Orders that met no market: its data has been let go.
    pub(super) left_out: BTreeSet<OrderId>,
    pub(super) delayed: Simulated,
    pub(super) at_once: Simulated,
    prices: BTreeMap<InstrumentId, Seen>,
    marks: BTreeMap<InstrumentId, Mark>,
    /// Instruments whose depth has begun with a snapshot.
    begun: BTreeSet<InstrumentId>,
}

impl Rerun {
    pub(super) fn of(folder: &Path, day: &Day, settings: ParitySettings) -> Result<Self, ParityError> {
        let mut rerun = Self {
            span: None,
            events: 0,
            events_gone: 0,
            left_out: BTreeSet::new(),
            delayed: Simulated::of(day, settings),
            at_once: Simulated::of(day, ParitySettings { latency: Some(Nanos(0)), ..settings }),
            prices: BTreeMap::new(),
            marks: BTreeMap::new(),
            begun: BTreeSet::new(),
        };
        let mut chain = Chain::open(&journal_folder(folder))?;
        let mut market = Segments::of(&market_folder(folder));
        while let Some(entry) = chain.next_entry()? {
            match entry {
                Entry::Segment { segment, .. } => market.begin(&segment),
                Entry::MarketRun(run) if rerun.events == 0 && market.is_gone(run.segment) => rerun.events_gone += run.count,
                Entry::MarketRun(run) => rerun.take_market(day, &run, &mut market)?,
                Entry::Outcome { outcome, .. } => rerun.take_outcome(day, &outcome),
                Entry::Input { .. } | Entry::StateHash { .. } | Entry::End { .. } => {}
            }
        }
        for id in day.instruments.keys() {
            rerun.delayed.collect(day, *id, Timestamp::MAX);
            rerun.at_once.collect(day, *id, Timestamp::MAX);
        }
        Ok(rerun)
    }

    /// The price that open lots are worth.
    pub(super) fn last_price(&self, id: InstrumentId) -> Option<Price> {
        self.prices.get(&id).and_then(|seen| seen.traded.or(seen.stated))
    }

    fn take_market(&mut self, day: &Day, run: &MarketRun, market: &mut Segments) -> Result<(), ParityError> {
        for k in 0..run.count {
            let (stamp, event) = market.event(run.segment, run.first + k)?;
            self.events += 1;
            self.span = Some((self.span.map_or(stamp.ts_local, |(first, _)| first), stamp.ts_local));
            self.note(&event);
            self.delayed.on_market(day, stamp, &event);
            self.at_once.on_market(day, stamp, &event);
            if let MarketEvent::Mark(mark) = event
                && let Some(due) = funding_due(self.marks.insert(mark.instrument, mark), &mark)
            {
                self.delayed.fund(day, &due)?;
                self.at_once.fund(day, &due)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, event: &MarketEvent<'_>) {
        let seen = self.prices.entry(event.instrument()).or_default();
        match event {
            MarketEvent::Trade(trade) => seen.traded = Some(trade.price),
            MarketEvent::Mark(mark) => seen.stated = Some(mark.mark),
            MarketEvent::Quote(quote) => seen.stated = Some(quote.bid),
            MarketEvent::Bar(bar) => seen.stated = Some(bar.close),
            MarketEvent::Depth(update) if update.kind == DepthKind::Snapshot => {
                self.begun.insert(update.instrument);
                let bids = update.changes.iter().filter(|change| change.side == Side::Buy);
                seen.stated = bids.map(|change| change.price).max().or(seen.stated);
            }
            MarketEvent::Depth(_) => {}
        }
    }

    fn take_outcome(&mut self, day: &Day, outcome: &Outcome) {
        let (request, at, order) = match *outcome {
            Outcome::OrderSent { order, terms, at, .. } => {
                if self.events_gone > 0 && !self.begun.contains(&terms.instrument) {
                    self.left_out.insert(order);
                }
                (OrderRequest::Place { order, terms }, at, order)
            }
            Outcome::CancelSent { order, at } => {
                let Some(sent) = day.orders.get(&order) else { return };
                (OrderRequest::Cancel { order, instrument: sent.terms.instrument }, at, order)
            }
            Outcome::AmendSent { order, price, qty, at } => {
                let Some(sent) = day.orders.get(&order) else { return };
                (OrderRequest::Amend { order, instrument: sent.terms.instrument, price, qty }, at, order)
            }
            Outcome::Filled { fill, .. } => return self.take_over(day, &fill),
            _ => return,
        };
        let Some(sent) = day.orders.get(&order).filter(|_| !self.left_out.contains(&order)) else { return };
        self.delayed.submit(at, request, sent.terms.instrument);
        self.at_once.submit(at, request, sent.terms.instrument);
    }

    /// What an order that is left out was filled, the simulation holds too: funding is charged on it in both worlds.
    fn take_over(&mut self, day: &Day, fill: &Fill) {
        let Some(sent) = day.orders.get(&fill.order).filter(|_| self.left_out.contains(&fill.order)) else { return };
        for simulated in [&mut self.delayed, &mut self.at_once] {
            *simulated.lots.entry(sent.terms.instrument).or_default() += sent.terms.side.sign() * fill.qty.0;
        }
    }
}
