//! What a house publishes of an instrument beside its book: trades, candles, the day's figures, marks and funding.

use std::collections::VecDeque;
use tradewind_types::{Amount, InstrumentId, Nanos, Price, Qty, Rate, Side, Timestamp};

/// A minute.
pub const MINUTE: Nanos = Nanos::from_secs(60);
const DAY: Nanos = Nanos::from_secs(86_400);
const TRADES_KEPT: usize = 1_000;
/// A little over three days.
const CANDLES_KEPT: usize = 4_500;
const FUNDINGS_KEPT: usize = 200;

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicTrade {
    /// On what.
    pub instrument: InstrumentId,
    /// Counts from 1 per instrument.
    pub trade: u128,
    /// At what price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// Price × quantity, in quote.
    pub value: Amount,
    /// Who took.
    pub aggressor: Side,
    /// When.
    pub at: Timestamp,
}

/// What traded in an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candle {
    /// When the interval began.
    pub open_at: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest.
    pub high: Price,
    /// Lowest.
    pub low: Price,
    /// Last.
    pub close: Price,
    /// Traded, in lots.
    pub volume: Qty,
    /// Traded, in quote.
    pub value: Amount,
    /// Of the volume, taken by buyers.
    pub bought: Qty,
    /// Of the value, taken by buyers.
    pub bought_value: Amount,
    /// How many trades.
    pub trades: u64,
    /// Number of the first trade in it; zero where there is none.
    pub first_trade: u128,
    /// Number of the last trade in it; zero where there is none.
    pub last_trade: u128,
}

impl Candle {
    /// An interval in which nothing traded, after a close.
    #[must_use]
    pub const fn flat(open_at: Timestamp, close: Price) -> Self {
        Self {
            open_at,
            open: close,
            high: close,
            low: close,
            close,
            volume: Qty::ZERO,
            value: Amount::ZERO,
            bought: Qty::ZERO,
            bought_value: Amount::ZERO,
            trades: 0,
            first_trade: 0,
            last_trade: 0,
        }
    }

    fn add(&mut self, trade: &PublicTrade) {
        if self.trades == 0 {
            (self.open, self.high, self.low, self.first_trade) = (trade.price, trade.price, trade.price, trade.trade);
        }
        (self.close, self.last_trade) = (trade.price, trade.trade);
        (self.high, self.low) = (self.high.max(trade.price), self.low.min(trade.price));
        self.volume.0 = self.volume.0.saturating_add(trade.qty.0);
        self.value.0 = self.value.0.saturating_add(trade.value.0);
        if trade.aggressor == Side::Buy {
            self.bought.0 = self.bought.0.saturating_add(trade.qty.0);
            self.bought_value.0 = self.bought_value.0.saturating_add(trade.value.0);
        }
        self.trades += 1;
    }

    /// This interval and the one that follows it as one; prices of an interval without trades do not count.
    fn join(&mut self, next: &Candle) {
        if self.trades == 0 && next.trades > 0 {
            (self.open, self.high, self.low, self.first_trade) = (next.open, next.high, next.low, next.first_trade);
        } else if next.trades > 0 {
            (self.high, self.low) = (self.high.max(next.high), self.low.min(next.low));
        }
        self.close = next.close;
        self.volume.0 = self.volume.0.saturating_add(next.volume.0);
        self.value.0 = self.value.0.saturating_add(next.value.0);
        self.bought.0 = self.bought.0.saturating_add(next.bought.0);
        self.bought_value.0 = self.bought_value.0.saturating_add(next.bought_value.0);
        self.trades += next.trades;
        self.last_trade = self.last_trade.max(next.last_trade);
    }
}

/// What a perpetual is valued at, and its funding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkState {
    /// Mark price.
    pub mark: Price,
    /// Index behind it.
    pub index: Price,
    /// Rate that the next funding will charge, as it stands.
    pub funding_rate: Rate,
    /// When it will.
    pub next_funding: Timestamp,
}

/// One funding that was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingRecord {
    /// When.
    pub at: Timestamp,
    /// Share of the position's value that longs paid shorts.
    pub rate: Rate,
    /// Mark that positions were valued at.
    pub mark: Price,
}

/// The public state of one instrument beside its book; everything in it is bounded.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    trades: VecDeque<PublicTrade>,
    /// By minute; the last one is not over. Minutes without trades are there too.
    candles: VecDeque<Candle>,
    mark: Option<MarkState>,
    fundings: VecDeque<FundingRecord>,
}

const fn floor_to(at: Timestamp, interval: Nanos) -> Timestamp {
    Timestamp(at.0 - at.0.rem_euclid(interval.0))
}

impl Tape {
    pub(super) fn print(&mut self, trade: &PublicTrade) {
        if self.trades.len() == TRADES_KEPT {
            self.trades.pop_front();
        }
        self.trades.push_back(*trade);
        if self.candles.is_empty() {
            self.candles.push_back(Candle::flat(floor_to(trade.at, MINUTE), trade.price));
        }
        if let Some(last) = self.candles.back_mut() {
            last.add(trade);
        }
    }

    /// Puts minutes before everything that traded so far; oldest first, each right after the one before.
    pub(super) fn precede(&mut self, candles: impl DoubleEndedIterator<Item = Candle>) {
        for candle in candles.rev().take(CANDLES_KEPT.saturating_sub(self.candles.len())) {
            self.candles.push_front(candle);
        }
    }

    /// Lets the clock go on; says which minutes are over.
    pub(super) fn turn(&mut self, now: Timestamp, over: &mut Vec<Candle>) {
        while let Some(last) = self.candles.back().copied().filter(|last| last.open_at.plus(MINUTE) <= now) {
            over.push(last);
            if self.candles.len() == CANDLES_KEPT {
                self.candles.pop_front();
            }
            self.candles.push_back(Candle::flat(last.open_at.plus(MINUTE), last.close));
        }
    }

    pub(super) fn next_turn(&self) -> Option<Timestamp> {
        self.candles.back().map(|last| last.open_at.plus(MINUTE))
    }

    pub(super) fn set_mark(&mut self, at: Timestamp, mark: MarkState) {
        if let Some(before) = self.mark.filter(|before| before.next_funding <= at && before.next_funding < mark.next_funding) {
            if self.fundings.len() == FUNDINGS_KEPT {
                self.fundings.pop_front();
            }
            self.fundings.push_back(FundingRecord { at: before.next_funding, rate: before.funding_rate, mark: before.mark });
        }
        self.mark = Some(mark);
    }

    /// Recent trades, oldest first.
    pub fn trades(&self) -> impl DoubleEndedIterator<Item = &PublicTrade> + ExactSizeIterator {
        self.trades.iter()
    }

    /// The last price traded.
    #[must_use]
    pub fn last_price(&self) -> Option<Price> {
        self.candles.back().map(|last| last.close)
    }

    /// Mark, index and funding; none where there are none.
    #[must_use]
    pub const fn mark(&self) -> Option<&MarkState> {
        self.mark.as_ref()
    }

    /// Fundings charged, oldest first.
    pub fn fundings(&self) -> impl DoubleEndedIterator<Item = &FundingRecord> + ExactSizeIterator {
        self.fundings.iter()
    }

    /// What traded by intervals that begin at multiples of `interval` (a whole number of minutes) since 1970, oldest first. The
    /// last one is not over.
    #[must_use]
    pub fn candles(&self, interval: Nanos) -> Vec<Candle> {
        let interval = Nanos(interval.0.max(MINUTE.0));
        let mut found: Vec<Candle> = Vec::new();
        for minute in &self.candles {
            let open_at = floor_to(minute.open_at, interval);
            match found.last_mut() {
                Some(last) if last.open_at == open_at => last.join(minute),
                _ => found.push(Candle { open_at, ..*minute }),
            }
        }
        found
    }

    /// The interval that is not over; none before the first trade.
    #[must_use]
    pub fn current(&self, interval: Nanos) -> Option<Candle> {
        let open_at = floor_to(self.candles.back()?.open_at, Nanos(interval.0.max(MINUTE.0)));
        let mut minutes = self.candles.iter().skip(self.candles.partition_point(|minute| minute.open_at < open_at));
        let mut all = Candle { open_at, ..*minutes.next()? };
        minutes.for_each(|minute| all.join(minute));
        Some(all)
    }

    /// What traded in the 24 hours before `now`, to the minute; none before the first trade.
    #[must_use]
    pub fn day(&self, now: Timestamp) -> Option<Candle> {
        let since = Timestamp(now.0 - DAY.0);
        let first = self.candles.partition_point(|minute| minute.open_at.plus(MINUTE) <= since);
        let mut minutes = self.candles.iter().skip(first);
        let mut all = *minutes.next()?;
        minutes.for_each(|minute| all.join(minute));
        Some(all)
    }
}
