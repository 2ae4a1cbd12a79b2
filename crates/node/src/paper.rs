//! A paper account: a simulated matching engine on live market data, a fixed delay away.

use std::collections::BTreeMap;
use tradewind_exchange::{Exchange, FeeAsset, FeeSchedule, L2Exchange, Listing, QueueModel};
use tradewind_types::{
    Amount, Instrument, Mark, MarketEvent, MoneyError, Nanos, OrderRequest, Rate, Rounding, Stamp, Timestamp, VenueReply,
};

/// Requests on their way there, replies on their way back.
pub struct PaperVenue {
    exchange: L2Exchange,
    latency: Nanos,
    requests: BTreeMap<(Timestamp, u64), OrderRequest>,
    replies: BTreeMap<(Timestamp, u64), VenueReply>,
    count: u64,
    buffer: Vec<VenueReply>,
}

/// The funding that fell due between two marks of an instrument: the earlier one's, once the later one names another time. A mark
/// that names no time charges nothing.
#[must_use]
pub fn funding_due(before: Option<Mark>, after: &Mark) -> Option<Mark> {
    before.filter(|before| before.next_funding > Timestamp(0) && before.next_funding < after.next_funding)
}

/// What a position of `lots` (signed) receives when a mark's funding falls due: position value × rate, paid by longs where the rate
/// is positive; to nearest, ties to even.
///
/// # Errors
/// [`MoneyError`]: the amount leaves its integer type.
pub fn funding_payment(instrument: &Instrument, lots: i64, mark: &Mark) -> Result<Amount, MoneyError> {
    let value = instrument.value(mark.mark, lots, Rounding::HalfEven)?;
    Rounding::HalfEven.mul_div(value.0, -i128::from(mark.funding_rate.0), 100_000_000).map(Amount)
}

/// Fees of a paper account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaperFees {
    /// For liquidity added.
    pub maker: Rate,
    /// For liquidity taken.
    pub taker: Rate,
}

impl PaperVenue {
    /// A venue of these instruments, each with the rule that its depth is numbered by.
    #[must_use]
    pub fn new(instruments: impl Iterator<Item = (Instrument, tradewind_book::SequenceRule)>, fees: PaperFees, latency: Nanos) -> Self {
        let listing = |(instrument, rule): (Instrument, _)| {
            // Spot fees come off what is received, as at Binance and Bybit.
            let asset = if instrument.terms().kind.is_spot() { FeeAsset::Received } else { FeeAsset::Settle };
            let fees = FeeSchedule { maker: fees.maker, taker: fees.taker, asset };
            Listing { instrument, fees, rule, queue: QueueModel::Probabilistic { power: 3 } }
        };
        let exchange = L2Exchange::new(instruments.map(listing).collect());
        Self { exchange, latency, requests: BTreeMap::new(), replies: BTreeMap::new(), count: 0, buffer: Vec::new() }
    }

    /// Market data reaches us; the matching engine saw it when the venue stamped it, at the latest now.
    pub fn on_market(&mut self, stamp: Stamp, event: &MarketEvent<'_>) {
        self.on_time(stamp.ts_local);
        self.exchange.on_market(stamp.ts_local, event, &mut self.buffer);
        self.send_back(stamp.ts_local);
    }

    /// A request leaves.
    pub fn submit(&mut self, now: Timestamp, request: OrderRequest) {
        self.count += 1;
        self.requests.insert((now.plus(self.latency), self.count), request);
    }

    /// What reaches the matching engine by now.
    pub fn on_time(&mut self, now: Timestamp) {
        while let Some(entry) = self.requests.first_entry().filter(|e| e.key().0 <= now) {
            let ((at, _), request) = entry.remove_entry();
            self.exchange.on_request(at, &request, &mut self.buffer);
            self.send_back(at);
        }
        self.exchange.on_time(now, &mut self.buffer);
        self.send_back(now);
    }

    /// The next reply that has reached us.
    pub fn next_reply(&mut self, now: Timestamp) -> Option<VenueReply> {
        let entry = self.replies.first_entry().filter(|e| e.key().0 <= now)?;
        Some(entry.remove())
    }

    /// When something is on its way or due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let first = |at: Option<&(Timestamp, u64)>| at.map(|(at, _)| *at);
        let (requests, replies) = (first(self.requests.keys().next()), first(self.replies.keys().next()));
        [requests, replies, self.exchange.next_deadline()].into_iter().flatten().min()
    }

    fn send_back(&mut self, at: Timestamp) {
        for reply in self.buffer.drain(..) {
            self.count += 1;
            self.replies.insert((at.plus(self.latency), self.count), reply);
        }
    }
}
