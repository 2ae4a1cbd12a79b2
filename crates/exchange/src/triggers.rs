//! Orders that wait for a price: stops and take-profits until they wake.
//!
//! An order watches one series of its instrument: the last trade, the mark or the index. It wakes when a price of that series
//! is at its trigger or beyond, works from then on as the market or limit order it names, and cannot go back. One whose trigger
//! is reached already by the latest price of its series is refused ([`RejectReason::WouldTriggerAtOnce`]; Binance futures -2021
//! "Order would immediately trigger", spot -2010). Where no price of the series was ever seen there is nothing to compare with:
//! the order is taken, and waits for the first one. Bybit calls the three `triggerBy` LastPrice, MarkPrice and IndexPrice,
//! Binance futures `workingType` CONTRACT_PRICE and MARK_PRICE, Kraken `trigger` last and index.
//!
//! A bar shows a range, not a path. An order that was there when the bar opened wakes when the range reaches its trigger: at
//! the open where the bar opened at it or beyond, else at the trigger. One that came inside the bar may have missed any of it,
//! and wakes only if the close, which it did see, is beyond.

use tradewind_types::{Bar, Mark, OrderId, OrderTerms, Price, Qty, RejectReason, Timestamp, TriggerSource};

/// An order that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) order: OrderId,
    pub(crate) terms: OrderTerms,
    /// Since when it has these terms.
    since: Timestamp,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Asleep,
    /// Its trigger was reached; it has still to enter the market.
    Awake,
}

/// An order that woke inside a bar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Woken {
    pub(crate) order: OrderId,
    /// As it works now.
    pub(crate) terms: OrderTerms,
    pub(crate) moment: Moment,
}

/// When in a bar an order woke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The bar opened at its trigger or beyond.
    Open,
    /// The bar came to this price, its trigger, after it opened.
    Inside(Price),
}

/// The waiting orders of one instrument by arrival, and the latest price of each series.
#[derive(Clone, Debug, Default)]
pub(crate) struct Triggers {
    waiting: Vec<Waiting>,
    last: Option<Price>,
    mark: Option<Price>,
    index: Option<Price>,
}

impl Waiting {
    /// Its terms once it works.
    pub(crate) fn working(&self) -> OrderTerms {
        OrderTerms { kind: self.terms.kind.working(), ..self.terms }
    }

    fn watches(&self, source: TriggerSource) -> bool {
        self.state == State::Asleep && self.terms.kind.trigger().is_some_and(|trigger| trigger.source == source)
    }
}

impl Triggers {
    /// Lets an order wait.
    pub(crate) fn add(&mut self, order: OrderId, terms: &OrderTerms, at: Timestamp) -> Result<(), RejectReason> {
        let latest = terms.kind.trigger().and_then(|trigger| match trigger.source {
            TriggerSource::Last => self.last,
            TriggerSource::Mark => self.mark,
            TriggerSource::Index => self.index,
        });
        if latest.is_some_and(|price| terms.kind.is_triggered(terms.side, price)) {
            return Err(RejectReason::WouldTriggerAtOnce);
        }
        self.waiting.push(Waiting { order, terms: *terms, since: at, state: State::Asleep });
        Ok(())
    }

    /// A waiting order.
    pub(crate) fn get(&self, order: OrderId) -> Option<&Waiting> {
        self.waiting.iter().find(|waiting| waiting.order == order)
    }

    /// Takes an order out; whether it waited.
    pub(crate) fn remove(&mut self, order: OrderId) -> bool {
        let index = self.waiting.iter().position(|waiting| waiting.order == order);
        index.is_some_and(|index| {
            self.waiting.remove(index);
            true
        })
    }

    /// Gives a waiting order another limit price and quantity.
    pub(crate) fn amend(&mut self, order: OrderId, price: Price, qty: Qty, at: Timestamp) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.order == order) {
            waiting.terms.kind = waiting.terms.kind.at_price(price);
            waiting.terms.qty = qty;
            waiting.since = at;
        }
    }

    /// The last trade was at this price; says who wakes, by arrival.
    pub(crate) fn traded(&mut self, price: Price, woken: &mut Vec<OrderId>) {
        self.last = Some(price);
        self.wake(TriggerSource::Last, price, woken);
    }

    /// The mark and the index are now so; says who wakes.
    pub(crate) fn marked(&mut self, mark: &Mark, woken: &mut Vec<OrderId>) {
        if mark.mark.0 > 0 {
            self.mark = Some(mark.mark);
            self.wake(TriggerSource::Mark, mark.mark, woken);
        }
        if mark.index.0 > 0 {
            self.index = Some(mark.index);
            self.wake(TriggerSource::Index, mark.index, woken);
        }
    }

    fn wake(&mut self, source: TriggerSource, price: Price, woken: &mut Vec<OrderId>) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.watches(source)) {
            if waiting.terms.kind.is_triggered(waiting.terms.side, price) {
                waiting.state = State::Awake;
                woken.push(waiting.order);
            }
        }
    }

    /// Takes out the orders that a bar's range wakes, by arrival.
    pub(crate) fn woken_in(&mut self, bar: &Bar) -> Vec<Woken> {
        let mut woken = Vec::new();
        self.waiting.retain(|waiting| {
            let Some(trigger) = waiting.terms.kind.trigger().filter(|_| waiting.watches(TriggerSource::Last)) else { return true };
            let (kind, side) = (waiting.terms.kind, waiting.terms.side);
            let reached = kind.is_triggered(side, bar.high) || kind.is_triggered(side, bar.low);
            if waiting.since > bar.open_ts || !reached {
                return true;
            }
            let moment = if kind.is_triggered(side, bar.open) { Moment::Open } else { Moment::Inside(trigger.price) };
            woken.push(Woken { order: waiting.order, terms: waiting.working(), moment });
            false
        });
        woken
    }

    /// Takes out the first order that is awake.
    pub(crate) fn next_awake(&mut self) -> Option<Waiting> {
        let index = self.waiting.iter().position(|waiting| waiting.state == State::Awake)?;
        Some(self.waiting.remove(index))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
