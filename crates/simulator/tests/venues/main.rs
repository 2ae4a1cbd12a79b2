//! Venues that keep books: what they say an account holds, and what the engine booked from their messages, are one and the same,
//! on one venue and on two with money on its way between them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

mod chance;
mod desk;

use desk::{BOOK, COIN, Finished, HERE, MS, Market, Plan, THERE, USDT, deposit, finished, instrument, margined, run, terms, units, venue};
use std::sync::Arc;
use tradewind_engine::Engine;
use tradewind_simulator::{
    CashSetup, ClearingSetup, DeliverySetup, Fault, FeeTierSetup, KindSetup, LatencySetup, LatencySetups, LiquidationSetup, MarginSetup,
    Recording, Setup, SetupError, Simulation, SimulationError, Strategist, TariffSetup, TransferSetup, Wake, Wakes,
};
use tradewind_types::{
    Amount, AssetId, BookId, Exposure, InstrumentId, Intent, MarginMode, Nanos, OrderKind, OrderTerms, Outcome, Price, Rounding, Side,
    TimeInForce, Timestamp, TradeCause, Transfer, TransferId, VenueId,
};

/// 1 000 USDT at 10x: 90 COIN at 100 and a limit order. Funding of 0.1 % takes 9 USDT in half a second, less as the price falls,
/// one in a tenth of a second; then the account is closed, its order ended first.
#[test]
fn a_leveraged_position_is_funded_and_then_liquidated() {
    for liquidation in [LiquidationSetup::AtBankruptcy, LiquidationSetup::AgainstBook { clearance_fee: 1_000_000 }] {
        let mut market = Market::default();
        for k in 0..200 {
            let (ms, price) = (10 * k, 10_000 - (10 * (k - 60)).clamp(0, 1_500));
            market.book(ms, 0, price - 1, price, 6_000);
            market.mark(ms, 0, price, Some((100_000, 500 * (ms / 500 + 1))));
        }
        let recording = market.done();
        let mut setup = run(
            vec![venue("perp", MarginMode::Cross, 2 * MS)],
            vec![instrument(0, "COINPERP", KindSetup::LinearPerpetual)],
            vec![deposit(0, "USDT", "1000")],
        );
        setup.venues[0].clearing = Some(ClearingSetup { liquidation, instruments: vec![margined(0, 10)], ..ClearingSetup::default() });
        let limit = OrderKind::Limit { price: Price(5_000) };
        let mut plan = Plan {
            orders: vec![
                (50, terms(0, HERE, Side::Buy, 5_000, OrderKind::Market, Exposure::Any)),
                (60, terms(0, HERE, Side::Buy, 4_000, OrderKind::Market, Exposure::Any)),
                (70, terms(0, HERE, Side::Buy, 100, limit, Exposure::Any)),
            ],
        };
        let Finished { simulation, outcomes, .. } = finished("liquidated", &setup, &recording, &mut plan);
        let funded: Vec<Amount> =
            outcomes.iter().filter_map(|o| if let Outcome::Funded { payment, .. } = o { Some(payment.amount) } else { None }).collect();
        assert_eq!(funded, [units("-9"), units("-8.64"), units("-8.19")], "{liquidation:?}");
        let expired = outcomes.iter().position(|o| matches!(o, Outcome::Expired { .. })).unwrap();
        let closed: Vec<_> =
            outcomes.iter().filter_map(|o| if let Outcome::AccountTraded { trade, .. } = o { Some(*trade) } else { None }).collect();
        let first = outcomes.iter().position(|o| matches!(o, Outcome::AccountTraded { .. })).unwrap();
        assert!(expired < first && closed.iter().all(|t| t.cause == TradeCause::Liquidation && t.side == Side::Sell));
        assert_eq!(closed.iter().map(|t| t.qty.0).sum::<i64>(), 9_000);
        let left = simulation.engine().state().balance(HERE, USDT);
        let parts: Vec<_> = closed.iter().map(|t| (t.price.0, t.qty.0)).collect();
        match liquidation {
            // 1 000 less 4.5 of fees and 25.83 of funding, over 90 COIN, is 10.774: at 89.23 there is 0.37 left.
            LiquidationSetup::AtBankruptcy => assert_eq!((parts, left), (vec![(8_923, 9_000)], units("0.37"))),
            // At a mark of 90.10, 60 COIN go at the bid, and 30 at the next; the clearance fee is 1 % of 8 105.1.
            LiquidationSetup::AgainstBook { .. } => {
                assert_eq!((parts, left), (vec![(9_009, 6_000), (8_999, 3_000)], units("-6.281")));
            }
        }
    }
}

/// An inverse contract on a venue that writes BTC to eight digits: every fill states its cash, and what the rounding gave or took
/// stands in the ledger's rounding account.
#[test]
fn what_a_venue_rounds_stands_in_the_rounding_account() {
    let mut market = Market::default();
    for k in 0..100 {
        market.book(10 * k, 0, 3_000_000 + 700 * k, 3_000_100 + 700 * k, 10_000);
        market.mark(10 * k, 0, 3_000_000 + 700 * k, Some((12_345, 500)));
    }
    let recording = market.done();
    let mut setup = run(
        vec![venue("inverse", MarginMode::Isolated, 2 * MS)],
        vec![instrument(0, "COINUSD", KindSetup::InversePerpetual)],
        vec![deposit(0, "COIN", "1")],
    );
    let cash = Some(CashSetup { digits: 8, rounding: Rounding::HalfAway });
    let margins = vec![MarginSetup { cash, ..margined(0, 10) }];
    setup.venues[0].clearing = Some(ClearingSetup { instruments: margins, ..ClearingSetup::default() });
    let market = OrderKind::Market;
    let mut plan = Plan {
        orders: vec![
            (50, terms(0, HERE, Side::Buy, 7_777, market, Exposure::Any)),
            (600, terms(0, HERE, Side::Sell, 3_333, market, Exposure::ReduceOnly)),
            (700, terms(0, HERE, Side::Sell, 9_999, market, Exposure::ReduceOnly)),
        ],
    };
    let Finished { simulation, outcomes, .. } = finished("rounded", &setup, &recording, &mut plan);
    let state = simulation.engine().state();
    assert_eq!(state.position(HERE, InstrumentId(0)).lots, 0);
    assert_ne!(state.ledger().balance(tradewind_engine::LedgerAccount::Rounding(VenueId(0)), COIN), Amount::ZERO);
    let stated = |o: &&Outcome| matches!(o, Outcome::Filled { fill, .. } if fill.stated_cash.is_some_and(|cash| cash.0 % 10_000 == 0));
    assert_eq!(outcomes.iter().filter(stated).count(), 3);
    // The last order asked for 9 999 and there were 4 444.
    assert!(outcomes.iter().any(|o| matches!(o, Outcome::Cancelled { .. })));
}

/// Funding and expiry come between two market events, at their own time, and an expired contract's orders end.
#[test]
fn what_is_due_happens_on_the_clock_and_not_at_the_next_message() {
    let expiry_ns = 777 * MS;
    let mut market = Market::default();
    for k in 0..11 {
        market.book(100 * k, 0, 9_999, 10_001, 1_000);
        market.mark(100 * k, 0, 10_000 + 10 * k, None);
    }
    let recording = market.done();
    let mut setup = run(
        vec![venue("dated", MarginMode::Cross, 2 * MS)],
        vec![instrument(0, "COIN-DATED", KindSetup::LinearFuture { expiry_ns })],
        vec![deposit(0, "USDT", "10000")],
    );
    let delivery = DeliverySetup::AverageIndex { window_ns: 200 * MS };
    setup.venues[0].clearing = Some(ClearingSetup { delivery, delivery_fee: 10_000, ..ClearingSetup::default() });
    let limit = OrderKind::Limit { price: Price(9_000) };
    let mut plan = Plan {
        orders: vec![
            (150, terms(0, HERE, Side::Buy, 100, OrderKind::Market, Exposure::Any)),
            (200, terms(0, HERE, Side::Buy, 100, limit, Exposure::Any)),
        ],
    };
    let Finished { simulation, outcomes, .. } = finished("dated", &setup, &recording, &mut plan);
    let delivered = outcomes.iter().find_map(|o| if let Outcome::AccountTraded { trade, at, .. } = o { Some((*trade, *at)) } else { None });
    let (trade, at) = delivered.unwrap();
    // 23 ms at 100.50, 100 at 100.60, 77 at 100.70: 100.627.
    assert_eq!(
        (trade.cause, trade.price, trade.ts_venue, at),
        (TradeCause::Delivery, Price(10_063), Timestamp(777 * MS), Timestamp(779 * MS))
    );
    assert!(outcomes.iter().any(|o| matches!(o, Outcome::Expired { at, .. } if *at == Timestamp(779 * MS))));
    assert_eq!(simulation.engine().state().live_orders().count(), 0);
    // 1 COIN from 100.01 to 100.63, fees of 0.050005 and 0.010063.
    assert_eq!(simulation.engine().state().balance(HERE, USDT), units("10000.559932"));
}

/// Buys where it is cheap and sells where it is dear, as long as both accounts can pay; and sends money after it, back to where it
/// was spent.
struct Arbitrage {
    lots: i64,
    transfers: Vec<Transfer>,
    sent: u32,
    last_pair: Timestamp,
}

impl Arbitrage {
    fn even_out(&mut self, engine: &Engine, asset: AssetId) {
        let state = engine.state();
        let (here, there) = (state.free_balance(HERE, asset), state.free_balance(THERE, asset));
        let (from, to, rich, poor) = if here > there { (HERE, THERE, here, there) } else { (THERE, HERE, there, here) };
        if state.in_transit(asset) != Amount::ZERO || poor.0 * 3 > rich.0 {
            return;
        }
        self.sent += 1;
        let (amount, fee) = (Amount((rich.0 - poor.0) / 2), Amount(1_000_000_000));
        self.transfers.push(Transfer { transfer: TransferId(self.sent), from, to, book: BOOK, asset, amount, fee });
    }
}

impl Strategist for Arbitrage {
    fn book(&self) -> BookId {
        BOOK
    }

    fn model(&self) -> u64 {
        2
    }

    fn wakes(&self) -> Wakes {
        Wakes { book: true, ..Wakes::default() }
    }

    fn wake(&mut self, now: Timestamp, _wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>) -> Result<(), Fault> {
        let (Some(here), Some(there)) = (engine.market(InstrumentId(0)).touch(), engine.market(InstrumentId(1)).touch()) else {
            return Ok(());
        };
        if engine.state().live_orders().next().is_some() || now.since(self.last_pair).0 < 20 * MS {
            return Ok(());
        }
        // Fees are 0.05 % on each side: an edge of 0.2 % is enough.
        let edge = |buy: Price, sell: Price| sell.0 * 1_000 > buy.0 * 1_002;
        let (buy, sell) = match () {
            () if edge(here.ask, there.bid) => ((0, HERE, here.ask), (1, THERE, there.bid)),
            () if edge(there.ask, here.bid) => ((1, THERE, there.ask), (0, HERE, here.bid)),
            () => return Ok(()),
        };
        self.last_pair = now;
        for ((instrument, account, price), side) in [(buy, Side::Buy), (sell, Side::Sell)] {
            let order = terms(instrument, account, side, self.lots, OrderKind::Limit { price }, Exposure::Any);
            intents.push(Intent::Place(OrderTerms { time_in_force: TimeInForce::ImmediateOrCancel, ..order }));
        }
        self.even_out(engine, USDT);
        self.even_out(engine, COIN);
        Ok(())
    }

    fn transfers(&mut self) -> Vec<Transfer> {
        std::mem::take(&mut self.transfers)
    }
}

/// Two spot venues whose prices lean to one side for a second, then to the other; the second is far away, with delays of chance.
fn two_venues() -> (Setup, Arc<Recording>) {
    let mut market = Market::default();
    for k in 0..400i64 {
        let lean = if (k / 100) % 2 == 0 { 40 } else { -40 };
        market.book(10 * k, 0, 9_999, 10_001, 5_000);
        market.book(10 * k + 5, 1, 9_999 + lean, 10_001 + lean, 5_000);
    }
    // The last second is quiet, so that all that is under way arrives.
    for k in 400..500 {
        market.book(10 * k, 0, 9_999, 10_001, 5_000);
        market.book(10 * k + 5, 1, 9_999, 10_001, 5_000);
    }
    let mut setup = run(
        vec![venue("near", MarginMode::Spot, MS), venue("far", MarginMode::Spot, 0)],
        vec![instrument(0, "COINUSDT", KindSetup::Spot), instrument(1, "COIN-USDT", KindSetup::Spot)],
        vec![deposit(0, "USDT", "20000"), deposit(0, "COIN", "200"), deposit(1, "USDT", "20000"), deposit(1, "COIN", "200")],
    );
    let drawn = |seed| Some(LatencySetup::Quantiles { ns: vec![2 * MS, 3 * MS, 4 * MS, 12 * MS], seed });
    setup.venues[1].latency = LatencySetups { feed: drawn(1), request: drawn(2), response: drawn(3) };
    // The near venue knows us: a rebate for makers, takers pay 0.04 %.
    let tier = |from: &str, maker, taker| FeeTierSetup { from: from.into(), maker, taker };
    let tiers = vec![tier("0", 20_000, 50_000), tier("1000000", -5_000, 40_000)];
    let tariff = TariffSetup { tiers, counted_in: "USDT".into(), days: 30, history: "2000000".into(), third: None };
    setup.venues[0].clearing = Some(ClearingSetup { tariff: Some(tariff), ..ClearingSetup::default() });
    setup.transfers = vec![TransferSetup { from: 0, to: 1, delay_ns: 150 * MS }, TransferSetup { from: 1, to: 0, delay_ns: 300 * MS }];
    (setup, market.done())
}

fn arbitrage() -> Arbitrage {
    Arbitrage { lots: 1_000, transfers: vec![], sent: 0, last_pair: Timestamp(0) }
}

#[test]
fn two_venues_one_clock_and_money_on_its_way_between_them() {
    let (setup, recording) = two_venues();
    let Finished { simulation, hash, outcomes } = finished("arbitrage", &setup, &recording, &mut arbitrage());
    let state = simulation.engine().state();
    let sent: Vec<_> = outcomes
        .iter()
        .filter_map(|o| if let Outcome::TransferSent { transfer, at } = o { Some((*transfer, *at)) } else { None })
        .collect();
    let arrived: Vec<_> = outcomes
        .iter()
        .filter_map(|o| if let Outcome::TransferArrived { transfer, at } = o { Some((*transfer, *at)) } else { None })
        .collect();
    assert!(sent.len() >= 4, "{} transfers", sent.len());
    assert_eq!(sent.len(), arrived.len());
    for (transfer, left) in &sent {
        let came = arrived.iter().find(|(id, _)| *id == transfer.transfer).unwrap().1;
        let way = setup.transfers.iter().find(|way| way.from == transfer.from.0).unwrap();
        let took = came.since(*left).0 - way.delay_ns;
        // There and back to the venues, at most 13 ms; or a second more, where it had to wait for fills.
        assert!((2 * MS..=13 * MS).contains(&(took % 1_000_000_000)), "{took}");
    }
    assert!(sent.iter().any(|(t, _)| t.from == HERE) && sent.iter().any(|(t, _)| t.from == THERE));
    assert!(sent.iter().any(|(t, _)| t.asset == USDT) && sent.iter().any(|(t, _)| t.asset == COIN));
    assert!(simulation.tape().fills().len() > 40, "{} fills", simulation.tape().fills().len());
    for fill in simulation.tape().fills() {
        let rate = if fill.instrument == InstrumentId(0) { 4 } else { 5 };
        assert_eq!(fill.fee.amount.0, i128::from(fill.price.0 * fill.qty.0) * 100_000_000 * rate / 10_000);
    }
    assert_eq!((state.in_transit(USDT), state.in_transit(COIN)), (Amount::ZERO, Amount::ZERO));
    // Bought cheap and sold dear: more than there was, after fees.
    let total = |asset| state.balance(HERE, asset).0 + state.balance(THERE, asset).0;
    assert!(total(USDT) + 100 * total(COIN) > units("80000").0);
    let again = finished("arbitrage-again", &setup, &recording, &mut arbitrage());
    assert_eq!((again.hash, again.outcomes == outcomes), (hash, true));
}

#[test]
fn other_seeds_are_other_runs_and_a_slower_feed_is_seen_later() {
    let (mut setup, recording) = two_venues();
    let first = finished("seed-a", &setup, &recording, &mut arbitrage());
    setup.venues[1].latency.request = Some(LatencySetup::Quantiles { ns: vec![2 * MS, 12 * MS], seed: 99 });
    let second = finished("seed-b", &setup, &recording, &mut arbitrage());
    assert_ne!(first.hash, second.hash);
    setup.venues[0].latency.feed = Some(LatencySetup::Constant { ns: 25 * MS });
    let delivered = setup.delivered(&recording).unwrap().unwrap();
    assert_eq!((delivered.len(), delivered.hash()), (recording.len(), recording.hash()));
    let mut last = [Timestamp(0); 2];
    for index in 0..delivered.len() {
        let (stamp, event) = delivered.local(index).unwrap();
        let venue = event.instrument().index();
        if venue == 0 {
            assert_eq!(stamp.ts_local.since(stamp.ts_venue), Nanos(25 * MS));
        }
        assert!(stamp.ts_venue >= last[venue], "a message overtook the one before it");
        last[venue] = stamp.ts_venue;
        assert!(stamp.ts_local >= stamp.ts_venue);
    }
}

#[test]
fn a_reducing_order_without_a_position_is_refused_by_the_venue() {
    let mut market = Market::default();
    for k in 0..50 {
        market.book(10 * k, 0, 9_999, 10_001, 5_000);
        market.mark(10 * k, 0, 10_000, None);
    }
    let recording = market.done();
    let mut setup = run(
        vec![venue("perp", MarginMode::Cross, MS)],
        vec![instrument(0, "COINPERP", KindSetup::LinearPerpetual)],
        vec![deposit(0, "USDT", "1000")],
    );
    setup.venues[0].clearing = Some(ClearingSetup { instruments: vec![margined(0, 5)], ..ClearingSetup::default() });
    let limit = OrderKind::Limit { price: Price(9_990) };
    let mut plan = Plan {
        orders: vec![
            (50, terms(0, HERE, Side::Sell, 100, limit, Exposure::ReduceOnly)),
            (60, terms(0, HERE, Side::Buy, 4_000, limit, Exposure::Any)),
        ],
    };
    let Finished { simulation, outcomes, .. } = finished("refused", &setup, &recording, &mut plan);
    let reasons: Vec<String> =
        outcomes.iter().filter_map(|o| if let Outcome::Rejected { reason, .. } = o { Some(format!("{reason:?}")) } else { None }).collect();
    assert_eq!(reasons, ["WouldIncrease"]);
    assert_eq!(simulation.clearing(VenueId(0)).unwrap().free(HERE, USDT).unwrap(), units("200.8"));
}

/// A setup that was written into a journal before venues had books, delays of chance or ways for money.
const OLD_SETUP: &str = r#"{
    "node": 1, "epoch": 1,
    "assets": [{"symbol": "USDT", "scale": 10}, {"symbol": "COIN", "scale": 8}],
    "venues": [{"name": "venue", "margin": "Spot", "fills": {"depth": {"queue_power": 1}},
                "request_latency_ns": 5, "response_latency_ns": 7}],
    "instruments": [{"venue": 0, "symbol": "COINUSDT", "kind": "spot", "base": "COIN", "quote": "USDT", "tick": "0.01", "lot": "0.1",
                     "multiplier": "1", "min_notional": "1", "maker_fee": 100000, "taker_fee": 100000, "fee_in": "received",
                     "sequencing": "binance_spot", "half_spread": 0}],
    "books": ["test"],
    "deposits": [{"venue": 0, "book": 1, "asset": "USDT", "amount": "100000"}],
    "limits": [], "equity_in": "USDT", "sample_every_ns": 100000000
}"#;

#[test]
fn a_setup_of_before_is_read_and_written_as_it_was() {
    let read: Setup = serde_json::from_str(OLD_SETUP).unwrap();
    assert_eq!((read.venues[0].request_latency_ns, &read.venues[0].clearing, read.transfers.len()), (5, &None, 0));
    let value: serde_json::Value = serde_json::from_str(OLD_SETUP).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), value);
    // And everything that is new survives a journal's header.
    let (setup, _) = two_venues();
    let text = serde_json::to_string(&setup).unwrap();
    assert_eq!(serde_json::from_str::<Setup>(&text).unwrap(), setup);
}

#[test]
fn a_delay_that_is_none_is_refused_by_name() {
    let (mut setup, recording) = two_venues();
    setup.venues[1].latency.response = Some(LatencySetup::Quantiles { ns: vec![5, 3], seed: 0 });
    let refused = Simulation::new(&setup, recording, None).err().unwrap();
    let SimulationError::Setup(SetupError::NoDelay { place, found }) = refused else { panic!("{refused}") };
    assert_eq!((place.as_str(), found), ("response latency of venue far", 3));
}
