//! Those who trade: makers that keep a ladder of quotes around what they know, and takers that come and go.

use super::chance::Chance;
use super::fair::{VALUE_SCALE, WHOLE, part};
use crate::house::{House, Listing};
use tradewind_exchange::{NewOrder, OUTSIDER_NODE};
use tradewind_types::{AccountId, Amount, OrderId, OrderKind, Price, Qty, Rounding, SelfTradePrevention, Side, TimeInForce, Timestamp};

/// Accounts of those without one at the house count from here.
const FIRST_OWNER: u32 = 1 << 30;
/// A basis point.
const BPS: i64 = WHOLE / 10_000;

/// Numbers an outsider's orders.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> OrderId {
        self.0 += 1;
        OrderId { node: OUTSIDER_NODE, epoch: 0, counter: self.0 }
    }
}

/// A market as its agents know it: what trades, at about what value.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) listing: &'a Listing,
    /// Value of one base in quote, 10^-8.
    pub(super) value: i64,
    /// Value of one quote in dollars, 10^-8.
    pub(super) quote_value: i64,
}

impl View<'_> {
    /// The nearest tick below or at a value.
    pub(super) fn ticks(&self, value: i64) -> Price {
        let tick = self.listing.instrument.terms().tick.at_scale(VALUE_SCALE, Rounding::HalfAway).unwrap_or(1).max(1);
        Price(i64::try_from(i128::from(value) / tick).unwrap_or(1).max(1))
    }

    /// Lots worth so many dollars at a price, at least the fewest that may be traded.
    pub(super) fn lots(&self, price: Price, dollars: i64) -> Qty {
        let terms = self.listing.instrument.terms();
        let of_lot = self.listing.instrument.value(price, 1, Rounding::Ceil).unwrap_or(Amount(1)).0.max(1);
        // Dollars at 10^-12, over dollars per quote at 10^-8.
        let quote = i128::from(dollars) * 1_000_000_000_000 * 100_000_000 / i128::from(self.quote_value.max(1));
        let lots = i64::try_from(quote / of_lot).unwrap_or(i64::MAX);
        Qty(lots.clamp(terms.min_qty.0.max(1), terms.max_qty.0))
    }
}

#[derive(Clone, Copy, Debug)]
struct Quoted {
    order: OrderId,
    side: Side,
    price: Price,
}

/// Keeps a ladder of quotes.
#[derive(Clone, Debug)]
pub(super) struct Maker {
    owner: AccountId,
    /// Distance of its best quotes from what it takes for the value, in parts of [`WHOLE`].
    half_spread: i64,
    /// Distance of its last quotes.
    reach: i64,
    /// Quotes a side.
    levels: usize,
    quoted: Vec<Quoted>,
}

impl Maker {
    pub(super) fn new(number: u32, chance: &mut Chance) -> Self {
        let half_spread = BPS / 4 + chance.below(BPS);
        Self {
            owner: AccountId(FIRST_OWNER + number),
            half_spread,
            reach: 40 * BPS + chance.below(20 * BPS),
            levels: 20,
            quoted: Vec::new(),
        }
    }

    /// Takes back what is too near, too far or gone, a few others, and quotes anew what is missing.
    pub(super) fn act(&mut self, now: Timestamp, house: &mut House, view: &View<'_>, chance: &mut Chance, numbers: &mut Numbers) {
        let id = view.listing.id();
        let nearest = |side: Side| part(view.value, WHOLE - side.sign() * self.half_spread);
        let furthest = |side: Side| part(view.value, WHOLE - side.sign() * (self.reach + self.reach / 4));
        let (bid, ask) = (view.ticks(nearest(Side::Buy)), Price(view.ticks(nearest(Side::Sell)).0 + 1));
        let (lowest, highest) = (view.ticks(furthest(Side::Buy)), view.ticks(furthest(Side::Sell)));
        let mut quoted = std::mem::take(&mut self.quoted);
        quoted.retain(|quote| {
            let is_good = match quote.side {
                Side::Buy => quote.price <= bid && quote.price >= lowest,
                Side::Sell => quote.price >= ask && quote.price <= highest,
            };
            if is_good && !chance.one_in(12) {
                return house.outsider_left(id, quote.order).is_some();
            }
            // What is not there any more was filled.
            house.outsider_leaves(now, id, quote.order).ok();
            false
        });
        self.quoted = quoted;
        for side in [Side::Buy, Side::Sell] {
            let there = self.quoted.iter().filter(|quote| quote.side == side).count();
            for _ in there..self.levels {
                self.quote(now, house, view, side, chance, numbers);
            }
        }
    }

    /// One quote: most of them near, the further the larger.
    fn quote(&mut self, now: Timestamp, house: &mut House, view: &View<'_>, side: Side, chance: &mut Chance, numbers: &mut Numbers) {
        let drawn = chance.below(WHOLE);
        let distance = self.half_spread + part(self.reach, part(drawn, drawn));
        let price = match side {
            Side::Buy => view.ticks(part(view.value, WHOLE - distance)),
            Side::Sell => Price(view.ticks(part(view.value, WHOLE + distance)).0 + 1),
        };
        let dollars = 300 + chance.below(3_000) + part(20_000, part(drawn, drawn));
        let new = NewOrder {
            order: numbers.next(),
            owner: self.owner,
            self_trade: SelfTradePrevention::Allow,
            side,
            kind: OrderKind::Limit { price },
            time_in_force: TimeInForce::PostOnly,
            qty: view.lots(price, dollars),
        };
        if house.outsider_enters(now, view.listing.id(), &new).is_ok() {
            self.quoted.push(Quoted { order: new.order, side, price });
        }
    }
}

/// Takes what is offered, at once or not at all.
#[derive(Clone, Debug)]
pub(super) struct Taker {
    owner: AccountId,
}

impl Taker {
    pub(super) const fn new(number: u32) -> Self {
        Self { owner: AccountId(FIRST_OWNER + number) }
    }

    /// Comes with an order of any size, small ones more often, and pays up to half a per cent beyond the value.
    pub(super) fn act(&self, now: Timestamp, house: &mut House, view: &View<'_>, chance: &mut Chance, numbers: &mut Numbers) {
        let side = if chance.one_in(2) { Side::Buy } else { Side::Sell };
        let drawn = chance.below(WHOLE);
        let dollars = 20 + part(15_000, part(drawn, part(drawn, part(drawn, drawn))));
        let limit = view.ticks(part(view.value, WHOLE + side.sign() * 50 * BPS));
        self.take(now, house, view, side, limit, view.lots(limit, dollars), numbers);
    }

    /// Takes up to `qty` within `limit`; says how much.
    pub(super) fn take(
        &self,
        now: Timestamp,
        house: &mut House,
        view: &View<'_>,
        side: Side,
        limit: Price,
        qty: Qty,
        numbers: &mut Numbers,
    ) -> Qty {
        let new = NewOrder {
            order: numbers.next(),
            owner: self.owner,
            self_trade: SelfTradePrevention::Allow,
            side,
            kind: OrderKind::Limit { price: limit },
            time_in_force: TimeInForce::ImmediateOrCancel,
            qty,
        };
        house.outsider_enters(now, view.listing.id(), &new).map_or(Qty::ZERO, |placed| placed.filled)
    }
}

/// A price as a value: 10^-8 of the quote.
pub(super) fn value_of(listing: &Listing, price: Price) -> i64 {
    let tick = listing.instrument.terms().tick.at_scale(VALUE_SCALE, Rounding::HalfAway).unwrap_or(1);
    i64::try_from(i128::from(price.0) * tick).unwrap_or(i64::MAX)
}
