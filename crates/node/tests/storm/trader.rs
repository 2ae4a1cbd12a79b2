//! A trader that does anything: limit and market orders of both sides, amends and cancels, on whatever there is.

use crate::world::Chance;
use tradewind_engine::Engine;
use tradewind_node::Seating;
use tradewind_simulator::{Fault, Strategist, Wake, Wakes};
use tradewind_types::{
    AccountId, BookId, Exposure, Instrument, InstrumentId, Intent, Nanos, OrderKind, OrderTerms, Price, Qty, Side, TimeInForce, Timestamp,
};

pub struct Trading {
    pub seed: u64,
}

impl Seating for Trading {
    fn seat(&mut self, book: BookId, _name: &str, engine: &Engine) -> Result<Option<Box<dyn Strategist>>, String> {
        let registry = engine.state().registry();
        let account_of = |instrument: &Instrument| {
            let is_spot = instrument.terms().kind.is_spot();
            let fits = |name: &str| name.ends_with("unified") || name.ends_with("spot") == is_spot;
            registry.accounts().find(|a| a.venue == instrument.terms().venue && fits(&a.name)).map(|a| a.id)
        };
        let traded = registry.instruments().filter_map(|i| Some((i.id(), account_of(i)?))).collect();
        Ok(Some(Box::new(Trader { book, chance: Chance(self.seed), traded })))
    }
}

struct Trader {
    book: BookId,
    chance: Chance,
    traded: Vec<(InstrumentId, AccountId)>,
}

impl Trader {
    fn place(&mut self, engine: &Engine, instrument: InstrumentId, account: AccountId) -> Option<Intent> {
        let listed = engine.state().registry().instrument(instrument)?;
        let price = engine.market(instrument).reference()?.price;
        let side = if self.chance.in_1000(500) { Side::Buy } else { Side::Sell };
        // Enough for every venue's smallest value.
        let quote_per_lot = listed.value(price, 1, tradewind_types::Rounding::Ceil).ok()?.0.max(1);
        let smallest = i64::try_from(150_000_000_000_000i128 / quote_per_lot).ok()?.max(listed.filters().min_qty.0).max(1);
        let qty = Qty(smallest * (1 + self.chance.below(3).cast_signed()));
        let away = price.0 / 10_000 * self.chance.below(30).cast_signed();
        let at = Price((price.0 - side.sign() * (away - price.0 / 2000)).max(1));
        let (kind, time_in_force) = match self.chance.below(10) {
            0 => (OrderKind::Market, TimeInForce::ImmediateOrCancel),
            1 => (OrderKind::Limit { price: at }, TimeInForce::ImmediateOrCancel),
            2 => (OrderKind::Limit { price: at }, TimeInForce::PostOnly),
            _ => (OrderKind::Limit { price: at }, TimeInForce::GoodTillCancelled),
        };
        let terms = OrderTerms { instrument, account, book: self.book, side, kind, time_in_force, qty, exposure: Exposure::Any };
        Some(Intent::Place(terms))
    }
}

impl Strategist for Trader {
    fn book(&self) -> BookId {
        self.book
    }

    fn model(&self) -> u64 {
        1
    }

    fn wakes(&self) -> Wakes {
        Wakes { timer: Some(Nanos::from_millis(100)), fill: true, ..Wakes::default() }
    }

    fn wake(&mut self, _now: Timestamp, _wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>) -> Result<(), Fault> {
        let live: Vec<_> = engine.state().live_orders().map(|o| (o.id, o.terms.kind.price(), o.terms.qty)).collect();
        for _ in 0..1 + self.chance.below(4) {
            let pick = usize::try_from(self.chance.next() % live.len().max(1) as u64).unwrap();
            match (self.chance.below(10), live.get(pick)) {
                (0..=2, Some((order, ..))) => intents.push(Intent::Cancel { order: *order }),
                (3, Some((order, Some(price), qty))) => {
                    let price = Price(price.0 - price.0 / 5000);
                    let qty = Qty(qty.0 + qty.0 / 2 * (self.chance.below(3).cast_signed() - 1));
                    intents.push(Intent::Amend { order: *order, price, qty });
                }
                _ if live.len() < 20 => {
                    let (instrument, account) = self.traded[usize::try_from(self.chance.next() % self.traded.len() as u64).unwrap()];
                    intents.extend(self.place(engine, instrument, account));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
