//! A simulated venue: which kind of exchange it is, whether it keeps books, how far away, and its mid just before it answers.

use crate::latency::Line;
use crate::setup::{FillModel, InstrumentSetup, Setup, SetupError, TouchBookSetup, VenueSetup};
use tradewind_book::Level;
use tradewind_exchange::{
    BarExchange, BarFillModel, BarListing, ClearedExchange, Clearing, Exchange, Impact, L2Exchange, Listing, PrivateMessage, QueueModel,
    TouchBook, TouchExchange, TouchListing,
};
use tradewind_types::{
    AccountId, Amount, AssetId, Instrument, InstrumentId, MarketEvent, MoneyError, Nanos, OrderRequest, Price, Rate, RejectReason,
    Rounding, Stamp, Timestamp, Transfer, VenueReply,
};

enum Model {
    Depth(L2Exchange),
    Bars(BarExchange),
    Touch(TouchExchange),
}

/// With books or without.
enum House {
    Open(Model, Vec<VenueReply>),
    Cleared(Box<ClearedExchange<Model>>),
}

pub(crate) struct Venue {
    house: House,
    request: Line,
    response: Line,
    /// What its last market message took to reach us.
    feed_latency: Nanos,
}

impl Venue {
    /// Every venue of a setup, in id order.
    pub(crate) fn all(setup: &Setup) -> Result<Vec<Self>, SetupError> {
        let instruments = setup.instruments()?;
        let venue = |(id, venue): (u32, &VenueSetup)| {
            let listed = instruments.iter().zip(&setup.instruments).filter(|(_, i)| i.venue == id);
            let model = Model::new(venue.fills, listed);
            let house = match setup.clearing(id, &instruments)? {
                Some(clearing) => House::Cleared(Box::new(ClearedExchange::new(model, clearing))),
                None => House::Open(model, Vec::new()),
            };
            Ok(Self { house, request: venue.request_line()?, response: venue.response_line()?, feed_latency: Nanos(0) })
        };
        (0u32..).zip(&setup.venues).map(venue).collect()
    }

    /// The mid that fills caused by `event` are measured against, in half ticks: of the book before the event; a bar's open.
    pub(crate) fn mid_before(&self, event: &MarketEvent<'_>) -> Option<i64> {
        match (self.model(), event) {
            (Model::Bars(_), MarketEvent::Bar(bar)) => bar.open.0.checked_mul(2),
            _ => self.mid(event.instrument()),
        }
    }

    /// The mid now, in half ticks.
    pub(crate) fn mid(&self, instrument: InstrumentId) -> Option<i64> {
        match self.model() {
            Model::Depth(exchange) => exchange.book(instrument)?.mid_half_ticks(),
            Model::Bars(_) => None,
            Model::Touch(exchange) => exchange.mid_half_ticks(instrument),
        }
    }

    /// Its books, where it keeps them.
    pub(crate) const fn clearing(&self) -> Option<&Clearing> {
        match &self.house {
            House::Open(..) => None,
            House::Cleared(cleared) => Some(cleared.clearing()),
        }
    }

    pub(crate) fn on_market(&mut self, stamp: Stamp, event: &MarketEvent<'_>, out: &mut Vec<PrivateMessage>) -> Result<(), MoneyError> {
        self.feed_latency = stamp.ts_local.since(stamp.ts_venue);
        match &mut self.house {
            House::Open(model, replies) => {
                model.on_market(stamp.ts_venue, event, replies);
                out.extend(replies.drain(..).map(PrivateMessage::Reply));
                Ok(())
            }
            House::Cleared(cleared) => cleared.on_market(stamp.ts_venue, event, out),
        }
    }

    pub(crate) fn on_request(&mut self, at: Timestamp, request: &OrderRequest, out: &mut Vec<PrivateMessage>) -> Result<(), MoneyError> {
        let reference = self.reference(request);
        match &mut self.house {
            House::Open(model, replies) => {
                model.on_request(at, request, replies);
                out.extend(replies.drain(..).map(PrivateMessage::Reply));
                Ok(())
            }
            House::Cleared(cleared) => cleared.on_request(at, request, reference, out),
        }
    }

    /// When something is due there that nobody asks for.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        match &self.house {
            House::Open(model, _) => model.next_deadline(),
            House::Cleared(cleared) => cleared.next_deadline(),
        }
    }

    pub(crate) fn on_time(&mut self, at: Timestamp, out: &mut Vec<PrivateMessage>) -> Result<(), MoneyError> {
        match &mut self.house {
            House::Open(model, replies) => {
                model.on_time(at, replies);
                out.extend(replies.drain(..).map(PrivateMessage::Reply));
                Ok(())
            }
            House::Cleared(cleared) => cleared.on_time(at, out),
        }
    }

    /// Lets a transfer's money go. A venue without books lets anything go.
    pub(crate) fn withdraw(&mut self, transfer: &Transfer) -> Result<(), RejectReason> {
        match &mut self.house {
            House::Open(..) => Ok(()),
            House::Cleared(cleared) => cleared.clearing_mut().withdraw(transfer),
        }
    }

    pub(crate) fn deposit(&mut self, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), MoneyError> {
        match &mut self.house {
            House::Open(..) => Ok(()),
            House::Cleared(cleared) => cleared.clearing_mut().deposit(account, asset, amount),
        }
    }

    /// When a request sent now reaches it.
    pub(crate) fn request_arrival(&mut self, now: Timestamp) -> Timestamp {
        self.request.arrival(now, self.feed_latency)
    }

    /// When an answer it sends now reaches us.
    pub(crate) fn response_arrival(&mut self, now: Timestamp) -> Timestamp {
        self.response.arrival(now, self.feed_latency)
    }

    fn model(&self) -> &Model {
        match &self.house {
            House::Open(model, _) => model,
            House::Cleared(cleared) => cleared.exchange(),
        }
    }

    /// Price of the last level that a market order would need, as far as depth shows it.
    fn reference(&self, request: &OrderRequest) -> Option<Price> {
        let (OrderRequest::Place { terms, .. }, Model::Depth(exchange)) = (request, self.model()) else { return None };
        if terms.kind.price().is_some() {
            return None;
        }
        let mut left = terms.qty.0;
        let is_needed = |level: &Level| {
            let needed = left > 0;
            left = left.saturating_sub(level.qty.0);
            needed
        };
        exchange.book(terms.instrument)?.levels(terms.side.opposite()).take_while(is_needed).last().map(|level| level.price)
    }
}

impl Model {
    fn new<'a>(fills: FillModel, listed: impl Iterator<Item = (&'a Instrument, &'a InstrumentSetup)>) -> Self {
        match fills {
            FillModel::Depth { queue_power } => {
                let queue = if queue_power == 0 { QueueModel::RiskAverse } else { QueueModel::Probabilistic { power: queue_power } };
                Model::Depth(L2Exchange::new(listed.map(|(i, setup)| depth_listing(i, setup, queue)).collect()))
            }
            FillModel::Bars { max_participation, impact } => {
                let listing = |(i, setup)| bar_listing(i, setup, Rate(max_participation), Rate(impact));
                Model::Bars(BarExchange::new(listed.map(listing).collect()))
            }
            FillModel::Touch { book, fee_rounding } => {
                Model::Touch(TouchExchange::new(listed.map(|(i, setup)| touch_listing(i, setup, book, fee_rounding)).collect()))
            }
        }
    }

    fn exchange(&self) -> &dyn Exchange {
        match self {
            Model::Depth(exchange) => exchange,
            Model::Bars(exchange) => exchange,
            Model::Touch(exchange) => exchange,
        }
    }
}

impl Exchange for Model {
    fn on_market(&mut self, at: Timestamp, event: &MarketEvent<'_>, replies: &mut Vec<VenueReply>) {
        match self {
            Model::Depth(exchange) => exchange.on_market(at, event, replies),
            Model::Bars(exchange) => exchange.on_market(at, event, replies),
            Model::Touch(exchange) => exchange.on_market(at, event, replies),
        }
    }

    fn on_request(&mut self, at: Timestamp, request: &OrderRequest, replies: &mut Vec<VenueReply>) {
        match self {
            Model::Depth(exchange) => exchange.on_request(at, request, replies),
            Model::Bars(exchange) => exchange.on_request(at, request, replies),
            Model::Touch(exchange) => exchange.on_request(at, request, replies),
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.exchange().next_deadline()
    }

    fn on_time(&mut self, at: Timestamp, replies: &mut Vec<VenueReply>) {
        match self {
            Model::Depth(exchange) => exchange.on_time(at, replies),
            Model::Bars(exchange) => exchange.on_time(at, replies),
            Model::Touch(exchange) => exchange.on_time(at, replies),
        }
    }
}

fn depth_listing(instrument: &Instrument, setup: &InstrumentSetup, queue: QueueModel) -> Listing {
    Listing { instrument: instrument.clone(), fees: setup.fees(), rule: setup.sequencing.rule(), queue }
}

fn bar_listing(instrument: &Instrument, setup: &InstrumentSetup, max_participation: Rate, impact: Rate) -> BarListing {
    let fills = BarFillModel { half_spread: Rate(setup.half_spread), impact: Impact::SquareRoot(impact), max_participation };
    BarListing { instrument: instrument.clone(), fees: setup.fees(), fills }
}

fn touch_listing(instrument: &Instrument, setup: &InstrumentSetup, book: TouchBookSetup, fee_rounding: Rounding) -> TouchListing {
    let book = match book {
        TouchBookSetup::Depth => TouchBook::Depth(setup.sequencing.rule()),
        TouchBookSetup::Top => TouchBook::Top,
    };
    TouchListing { instrument: instrument.clone(), fees: setup.fees(), fee_rounding, book }
}
