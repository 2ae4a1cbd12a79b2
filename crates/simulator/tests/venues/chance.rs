//! Accounts that trade at random until they are ruined or the market ends: whatever happens, the venue and the engine agree.

use crate::desk::{BOOK, Finished, HERE, MS, Market, deposit, finished, instrument, margined, run, terms, venue};
use std::collections::BTreeMap;
use std::sync::Arc;
use tradewind_engine::Engine;
use tradewind_simulator::{
    CashSetup, ClearingSetup, DeliverySetup, Fault, KindSetup, LatencySetup, LatencySetups, LiquidationSetup, MarginSetup, Recording,
    Setup, Strategist, Wake, Wakes,
};
use tradewind_types::{
    Exposure, InstrumentId, Intent, MarginMode, Nanos, OrderKind, OrderTerms, Outcome, PositionMode, Price, Rounding, Side, TimeInForce,
    Timestamp, TradeCause, Trigger, TriggerSource,
};

/// Steele, Lea & Flood (OOPSLA 2014): splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n).cast_signed()
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

struct Gambler {
    dice: Dice,
    legs: bool,
    until: Timestamp,
}

impl Gambler {
    fn order(&mut self, engine: &Engine) -> Option<Intent> {
        let id = self.dice.below(3) as u32;
        let touch = engine.market(InstrumentId(id)).touch()?;
        let side = if self.dice.one_in(2) { Side::Buy } else { Side::Sell };
        let exposure = match (self.legs, self.dice.below(4)) {
            (true, 0 | 1) => Exposure::LongLeg,
            (true, _) => Exposure::ShortLeg,
            (false, 0) => Exposure::ReduceOnly,
            (false, _) => Exposure::Any,
        };
        let price = Price(touch.bid.0 + self.dice.below(41) - 20);
        let kind = match self.dice.below(5) {
            0 | 1 => OrderKind::Market,
            2 => OrderKind::Stop { trigger: Trigger { price, source: TriggerSource::Mark } },
            _ => OrderKind::Limit { price },
        };
        // About a tenth of what the account could hold.
        let qty = if id == 1 { 1 + self.dice.below(9_000) } else { 1 + self.dice.below(900) };
        let order = terms(id, HERE, side, qty, kind, exposure);
        let time_in_force = if self.dice.one_in(6) { TimeInForce::PostOnly } else { order.time_in_force };
        Some(Intent::Place(OrderTerms { time_in_force, ..order }))
    }
}

impl Strategist for Gambler {
    fn book(&self) -> tradewind_types::BookId {
        BOOK
    }

    fn model(&self) -> u64 {
        3
    }

    fn wakes(&self) -> Wakes {
        Wakes { timer: Some(Nanos(4 * MS)), ..Wakes::default() }
    }

    fn wake(&mut self, now: Timestamp, _wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>) -> Result<(), Fault> {
        if now > self.until {
            return Ok(());
        }
        let live: Vec<_> = engine.state().live_orders().map(|order| (order.id, order.price(), order.terms.qty)).collect();
        if let Some((order, price, qty)) = live.get(self.dice.below(8) as usize).copied() {
            match price {
                Some(price) if self.dice.one_in(2) => {
                    let qty = tradewind_types::Qty(1 + self.dice.below(qty.0.unsigned_abs() + 20));
                    intents.push(Intent::Amend { order, price: Price(price.0 + self.dice.below(11) - 5), qty });
                }
                _ => intents.push(Intent::Cancel { order }),
            }
        }
        intents.extend(self.order(engine));
        Ok(())
    }
}

/// Three contracts whose prices walk, and jump now and then; funding each 300 ms; the dated one ends at 1 500 ms.
fn market(dice: &mut Dice) -> Arc<Recording> {
    let mut market = Market::default();
    let mut prices = [10_000i64, 10_000, 10_000];
    for k in 0..220 {
        for (id, price) in (0u32..).zip(&mut prices) {
            // The end is quiet, so that all that is under way arrives.
            if k >= 200 {
                market.book(10 * k, id, *price - 1, *price + 1, 1);
                continue;
            }
            *price += dice.below(21) - 10;
            if dice.one_in(60) {
                *price += if dice.one_in(2) { 1_200 } else { -1_200 };
            }
            *price = (*price).max(2_000);
            market.book(10 * k, id, *price - 1, *price + 1, 1 + dice.below(3_000));
            market.mark(10 * k, id, *price, (id < 2).then_some((dice.below(200_000) - 100_000, 300 * (10 * k / 300 + 1))));
        }
    }
    market.done()
}

fn setup(seed: u64) -> Setup {
    let mode = if seed.is_multiple_of(2) { MarginMode::Cross } else { MarginMode::Isolated };
    let positions = if seed % 3 == 2 { PositionMode::Hedge } else { PositionMode::OneWay };
    let liquidation = match seed % 5 {
        0 | 1 => LiquidationSetup::AtBankruptcy,
        _ => LiquidationSetup::AgainstBook { clearance_fee: 300_000 },
    };
    let kinds = [KindSetup::LinearPerpetual, KindSetup::InversePerpetual, KindSetup::LinearFuture { expiry_ns: 1_500 * MS }];
    let contracts = kinds.iter().zip(["LINEAR", "INVERSE", "DATED"]).map(|(kind, symbol)| instrument(0, symbol, *kind)).collect();
    let mut setup = run(vec![venue("perp", mode, MS)], contracts, vec![deposit(0, "USDT", "60"), deposit(0, "COIN", "12")]);
    let drawn = |salt| Some(LatencySetup::Quantiles { ns: vec![0, MS, 2 * MS, 9 * MS], seed: seed + salt });
    setup.venues[0].latency = LatencySetups { feed: None, request: drawn(1), response: drawn(2) };
    let cash = Some(CashSetup { digits: 6, rounding: Rounding::Floor });
    let instruments = vec![margined(0, 20), MarginSetup { cash, ..margined(1, 10) }, margined(2, 5)];
    let delivery = DeliverySetup::AverageIndex { window_ns: 100 * MS };
    setup.venues[0].clearing =
        Some(ClearingSetup { positions, liquidation, delivery, delivery_fee: 10_000, instruments, ..ClearingSetup::default() });
    setup
}

#[test]
fn whatever_an_account_does_its_venue_and_the_engine_agree() {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..60 {
        let setup = setup(seed);
        let recording = market(&mut Dice(seed));
        let legs = seed % 3 == 2;
        let mut gambler = Gambler { dice: Dice(seed ^ 0xABCD), legs, until: Timestamp(1_900 * MS) };
        let Finished { outcomes, .. } = finished(&format!("chance-{seed}"), &setup, &recording, &mut gambler);
        for outcome in &outcomes {
            let what = match outcome {
                Outcome::Filled { .. } => "filled".into(),
                Outcome::Funded { .. } => "funded".into(),
                Outcome::Rejected { reason, .. } => format!("{reason:?}"),
                Outcome::AmendRejected { reason, .. } => format!("amend: {reason:?}"),
                Outcome::Expired { .. } => "expired".into(),
                Outcome::AccountTraded { trade, .. } if trade.cause == TradeCause::Liquidation => {
                    format!("{mode:?} liquidated", mode = setup.venues[0].margin)
                }
                Outcome::AccountTraded { .. } => "delivered".into(),
                _ => continue,
            };
            *seen.entry(what).or_default() += 1;
        }
    }
    for what in ["filled", "funded", "expired", "WouldIncrease", "Cross liquidated", "Isolated liquidated", "delivered"] {
        assert!(seen.get(what).is_some_and(|count| *count >= 10), "`{what}` hardly happened: {seen:?}");
    }
}
