//! A simulated venue: which kind of exchange it is, how far away, and its mid just before it answers.

use crate::setup::{FillModel, InstrumentSetup, Setup, SetupError, TouchBookSetup};
use tradewind_exchange::{
    BarExchange, BarFillModel, BarListing, Exchange, Impact, L2Exchange, Listing, QueueModel, TouchBook, TouchExchange, TouchListing,
};
use tradewind_types::{Instrument, InstrumentId, MarketEvent, Nanos, OrderRequest, Rate, Rounding, Timestamp, VenueReply};

enum Model {
    Depth(L2Exchange),
    Bars(BarExchange),
    Touch(TouchExchange),
}

pub(crate) struct Venue {
    model: Model,
    pub(crate) request_latency: Nanos,
    pub(crate) response_latency: Nanos,
}

impl Venue {
    /// Every venue of a setup, in id order.
    pub(crate) fn all(setup: &Setup) -> Result<Vec<Self>, SetupError> {
        let instruments = setup.instruments()?;
        let venues = (0u32..).zip(&setup.venues).map(|(id, venue)| {
            let listed = instruments.iter().zip(&setup.instruments).filter(|(_, i)| i.venue == id);
            let model = match venue.fills {
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
            };
            Self { model, request_latency: Nanos(venue.request_latency_ns), response_latency: Nanos(venue.response_latency_ns) }
        });
        Ok(venues.collect())
    }

    /// The mid that fills caused by `event` are measured against, in half ticks: of the book before the event; a bar's open.
    pub(crate) fn mid_before(&self, event: &MarketEvent<'_>) -> Option<i64> {
        match (&self.model, event) {
            (Model::Bars(_), MarketEvent::Bar(bar)) => bar.open.0.checked_mul(2),
            _ => self.mid(event.instrument()),
        }
    }

    /// The mid now, in half ticks.
    pub(crate) fn mid(&self, instrument: InstrumentId) -> Option<i64> {
        match &self.model {
            Model::Depth(exchange) => exchange.book(instrument)?.mid_half_ticks(),
            Model::Bars(_) => None,
            Model::Touch(exchange) => exchange.mid_half_ticks(instrument),
        }
    }

    pub(crate) fn on_market(&mut self, at: Timestamp, event: &MarketEvent<'_>, replies: &mut Vec<VenueReply>) {
        match &mut self.model {
            Model::Depth(exchange) => exchange.on_market(at, event, replies),
            Model::Bars(exchange) => exchange.on_market(at, event, replies),
            Model::Touch(exchange) => exchange.on_market(at, event, replies),
        }
    }

    pub(crate) fn on_request(&mut self, at: Timestamp, request: &OrderRequest, replies: &mut Vec<VenueReply>) {
        match &mut self.model {
            Model::Depth(exchange) => exchange.on_request(at, request, replies),
            Model::Bars(exchange) => exchange.on_request(at, request, replies),
            Model::Touch(exchange) => exchange.on_request(at, request, replies),
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
