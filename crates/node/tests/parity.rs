//! Parity: a small day worked by hand, days whose data is gone, and the law that the parts are the whole.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tradewind_journal::{CommitLevel, DiskBudget, FolderJournal, FolderSettings, RunFacts, Volume};
use tradewind_node::{
    InstrumentParity, Keeping, Kept, MarketLog, MarketLogSettings, PaperFees, ParityError, ParitySettings, Unheard, journal_folder,
    market_folder, parity, segments,
};
use tradewind_types::{
    AccountId, Amount, Asset, AssetId, BookId, Control, Decimal, Definition, DepthKind, DepthUpdate, Exposure, FeeCharge, Fill,
    FundingPayment, InstrumentId, InstrumentKind, InstrumentTerms, LevelChange, Liquidity, Mark, MarketEvent, Nanos, OrderId, OrderKind,
    OrderTerms, Outcome, Price, Qty, Rate, Sequence, Settlement, Side, Stamp, StateHash, TimeInForce, Timestamp, Trade, TradeId, VenueId,
    VenueOrderId,
};

const USDT: AssetId = AssetId(0);
const BTC: AssetId = AssetId(1);
const POINTS: AssetId = AssetId(2);
const PERPETUAL: InstrumentId = InstrumentId(0);
/// Units of one lot's tick: 0.1 USDT × 0.001, at a scale of 8.
const TICK: i128 = 10_000;
const MAKER: Rate = Rate(20_000);
const TAKER: Rate = Rate(50_000);
const FEES: PaperFees = PaperFees { maker: MAKER, taker: TAKER };

const fn micros(n: i64) -> Timestamp {
    Timestamp(1_700_000_000_000_000_000 + n * 1_000)
}

const fn order(counter: u64) -> OrderId {
    OrderId { node: 1, epoch: 1, counter }
}

/// A node's folder as it is written, each market event in a segment of its own.
struct Folder {
    path: PathBuf,
    kept: Kept<Volume>,
    seq: u64,
    depth: u64,
}

impl Folder {
    fn create(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tradewind-parity-{name}-{}", std::process::id()));
        if path.exists() {
            std::fs::remove_dir_all(&path).unwrap();
        }
        let facts = RunFacts {
            code_version: "test".to_owned(),
            node: 1,
            epoch: 0,
            created: micros(0),
            segments: Vec::new(),
            setup: "node".to_owned(),
        };
        let budget = DiskBudget { folder_bytes: 1 << 30, reserve_bytes: 0 };
        let settings = FolderSettings { volume_bytes: 1 << 20, budget };
        let journal = FolderJournal::create_folder(&journal_folder(&path), &facts, settings, CommitLevel::Process).unwrap();
        let log = MarketLogSettings { segment_bytes: 1, budget_bytes: 1 << 30 };
        let market = MarketLog::create(&market_folder(&path), 0, "a test", log).unwrap();
        let unheard = Unheard::open(&path, std::iter::empty(), micros(0)).unwrap();
        let mut folder = Self { path, kept: Kept::new(journal, market, unheard), seq: 0, depth: 0 };
        for (id, symbol) in [(USDT, "USDT"), (BTC, "BTC"), (POINTS, "POINTS")] {
            folder.define(Definition::Asset(Asset { id, symbol: symbol.to_owned(), scale: 8 }));
        }
        folder.define(Definition::Instrument(InstrumentTerms {
            id: PERPETUAL,
            venue: VenueId(1),
            symbol: "BTCUSDT".to_owned(),
            kind: InstrumentKind::LinearPerpetual,
            base: BTC,
            quote: USDT,
            settle: USDT,
            tick: Decimal { mantissa: 1, scale: 1 },
            lot: Decimal { mantissa: 1, scale: 3 },
            multiplier: Decimal { mantissa: 1, scale: 0 },
            min_qty: Qty(1),
            max_qty: Qty(1_000_000),
            min_notional: Amount::ZERO,
        }));
        folder
    }

    fn define(&mut self, definition: Definition) {
        self.seq += 1;
        self.kept.input(self.seq, micros(0), &Control::Define(definition.clone())).unwrap();
        self.outcome(&Outcome::Defined(definition));
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.kept.outcome(self.seq, outcome).unwrap();
    }

    fn market(&mut self, at: Timestamp, event: MarketEvent<'_>) {
        self.seq += 1;
        self.kept.market(self.seq, Stamp { ts_venue: at, ts_local: at }, &event).unwrap();
    }

    /// Levels as `(side, ticks, lots)`.
    fn depth(&mut self, at: Timestamp, kind: DepthKind, levels: &[(Side, i64, i64)]) {
        self.depth += 1;
        let changes: Vec<_> = levels.iter().map(|(side, p, q)| LevelChange { side: *side, price: Price(*p), qty: Qty(*q) }).collect();
        let sequence = Sequence { first: self.depth, last: self.depth, previous: None };
        self.market(at, MarketEvent::Depth(DepthUpdate { instrument: PERPETUAL, kind, sequence, changes: &changes }));
    }

    fn trade(&mut self, at: Timestamp, price: i64, qty: i64, aggressor: Side) {
        let trade = TradeId(u128::from(self.seq));
        self.market(at, MarketEvent::Trade(Trade { instrument: PERPETUAL, trade, price: Price(price), qty: Qty(qty), aggressor }));
    }

    fn mark(&mut self, at: Timestamp, price: i64, next_funding: Timestamp) {
        let (mark, index) = (Price(price), Price(price));
        self.market(at, MarketEvent::Mark(Mark { instrument: PERPETUAL, mark, index, funding_rate: Rate(10_000), next_funding }));
    }

    fn send(&mut self, at: Timestamp, counter: u64, side: Side, price: i64, qty: i64, time_in_force: TimeInForce) {
        let terms = OrderTerms {
            instrument: PERPETUAL,
            account: AccountId(0),
            book: BookId(1),
            side,
            kind: OrderKind::Limit { price: Price(price) },
            time_in_force,
            qty: Qty(qty),
            exposure: Exposure::Any,
        };
        let author = tradewind_types::Author::Strategy(BookId(1));
        self.outcome(&Outcome::OrderSent { order: order(counter), author, terms, reserved: Amount::ZERO, at });
    }

    fn accept(&mut self, at: Timestamp, counter: u64) {
        self.outcome(&Outcome::Accepted { order: order(counter), venue_order: VenueOrderId(u128::from(counter)), at });
    }

    fn fill(&mut self, at: Timestamp, counter: u64, price: i64, qty: i64, liquidity: Liquidity, fee: FeeCharge) {
        let trade = TradeId(u128::from(counter));
        let fill =
            Fill { order: order(counter), trade, price: Price(price), qty: Qty(qty), liquidity, fee, stated_cash: None, ts_venue: at };
        self.outcome(&Outcome::Filled { fill, settlement: Settlement::default(), at });
    }

    fn fund(&mut self, at: Timestamp, amount: i128) {
        let (account, rate, mark) = (AccountId(0), Rate(10_000), Price(1020));
        let payment = FundingPayment { account, instrument: PERPETUAL, rate, mark, amount: Amount(amount), ts_venue: at };
        self.outcome(&Outcome::Funded { payment, rounding: Amount::ZERO, at });
    }

    fn finish(mut self) -> PathBuf {
        self.kept.finish(self.seq, StateHash::default()).unwrap();
        self.path
    }
}

fn usdt(units: i128) -> FeeCharge {
    FeeCharge { asset: USDT, amount: Amount(units) }
}

const SET: ParitySettings = ParitySettings { fees: Some(FEES), latency: Some(Nanos(1_000_000)) };

/// What the simulation fills for less, what it fills more of, what it does not fill, and what is paid on each.
fn small_day(name: &str) -> PathBuf {
    let mut day = Folder::create(name);
    day.depth(micros(0), DepthKind::Snapshot, &[(Side::Buy, 1000, 10), (Side::Sell, 1009, 10), (Side::Sell, 1010, 10)]);
    day.mark(micros(1), 1020, micros(1_000_000));
    day.send(micros(10_000), 1, Side::Buy, 1011, 5, TimeInForce::ImmediateOrCancel);
    // Gone before the order is there, a millisecond later.
    day.depth(micros(10_500), DepthKind::Delta, &[(Side::Sell, 1009, 0)]);
    day.accept(micros(12_000), 1);
    day.fill(micros(12_000), 1, 1011, 3, Liquidity::Taker, usdt(15_165));
    day.trade(micros(15_000), 1010, 1, Side::Buy);
    day.send(micros(20_000), 2, Side::Buy, 1000, 4, TimeInForce::PostOnly);
    day.trade(micros(21_500), 1010, 1, Side::Buy);
    day.accept(micros(22_000), 2);
    day.fill(micros(25_000), 2, 1000, 4, Liquidity::Maker, usdt(8_000));
    day.trade(micros(30_000), 1020, 1, Side::Buy);
    day.mark(micros(2_000_000), 1020, micros(3_000_000));
    day.fund(micros(2_000_000), -7_140);
    day.finish()
}

fn only(folder: &Path, settings: ParitySettings) -> InstrumentParity {
    let mut found = parity(folder, settings).unwrap().instruments;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[test]
fn a_small_day_worked_by_hand() {
    let folder = small_day("small");
    let found = only(&folder, SET);
    assert_eq!((found.orders, found.agreeing, found.left_out), (2, 0, 0));
    assert_eq!((found.live_lots, found.simulated_lots), (7, 5));
    // Two lots more at 1010 in the simulation; four at 1000 that it never gets to; three at 1011 for 1010; all worth 1020 now.
    assert_eq!(found.missed, Amount(-(1020 - 1010) * 2 * TICK));
    assert_eq!(found.extra, Amount((1020 - 1000) * 4 * TICK));
    assert_eq!(found.price, Amount(-3 * TICK));
    // 5 bps of five lots at 1010, beside what was charged; 1 bp of the position at the mark.
    assert_eq!(found.fees, Amount(1010 * 5 * TICK * 5 / 10_000 - 15_165 - 8_000));
    assert_eq!(found.funding, Amount(1020 * 5 * TICK / 10_000 - 7_140));
    assert_eq!(found.live, Amount(9 * 3 * TICK + 20 * 4 * TICK - 15_165 - 8_000 - 7_140));
    assert_eq!(found.simulated, Amount(10 * 5 * TICK - 25_250 - 5_100));
    assert_eq!(found.residual().unwrap(), Amount::ZERO);
    // At no distance it is there while somebody still sells at 1009.
    assert_eq!(found.latency, Amount(-5 * TICK - 25_250 + 25_225));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn fees_and_latency_are_the_days_own_where_none_are_said() {
    let folder = small_day("own");
    let found = only(&folder, ParitySettings::default());
    assert_eq!((found.charged, found.distance), (FEES, Nanos(1_000_000)));
    assert_eq!(found, only(&folder, SET));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_fee_in_another_coin_is_said_and_not_valued() {
    let mut day = Folder::create("points");
    day.depth(micros(0), DepthKind::Snapshot, &[(Side::Buy, 1000, 10), (Side::Sell, 1010, 10)]);
    day.send(micros(10_000), 1, Side::Buy, 1010, 5, TimeInForce::ImmediateOrCancel);
    day.fill(micros(12_000), 1, 1010, 5, Liquidity::Taker, FeeCharge { asset: POINTS, amount: Amount(77) });
    day.trade(micros(15_000), 1010, 1, Side::Buy);
    let folder = day.finish();
    let found = only(&folder, SET);
    assert_eq!(found.unvalued_fees, BTreeMap::from([(POINTS, Amount(77))]));
    assert_eq!((found.agreeing, found.live, found.fees), (1, Amount::ZERO, Amount(25_250)));
    assert_eq!(found.residual().unwrap(), Amount::ZERO);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_was_sent_while_the_data_is_gone_is_left_out() {
    let mut day = Folder::create("gone");
    let book = [(Side::Buy, 1000, 10), (Side::Sell, 1010, 10)];
    day.depth(micros(0), DepthKind::Snapshot, &book);
    day.send(micros(10_000), 1, Side::Buy, 1010, 2, TimeInForce::ImmediateOrCancel);
    day.fill(micros(11_000), 1, 1010, 2, Liquidity::Taker, usdt(0));
    day.mark(micros(12_000), 1000, micros(1_000_000));
    // No snapshot has come yet: the book cannot be known.
    day.send(micros(20_000), 2, Side::Buy, 1010, 1, TimeInForce::ImmediateOrCancel);
    day.depth(micros(30_000), DepthKind::Snapshot, &book);
    day.send(micros(40_000), 3, Side::Buy, 1010, 1, TimeInForce::ImmediateOrCancel);
    day.fill(micros(41_000), 3, 1010, 1, Liquidity::Taker, usdt(50));
    day.mark(micros(2_000_000), 1000, micros(3_000_000));
    day.fund(micros(2_000_000), -3_000);
    let folder = day.finish();
    // The first segment holds nothing: it was full with its header.
    for (_, oldest) in &segments(&market_folder(&folder)).unwrap()[..2] {
        std::fs::remove_file(oldest).unwrap();
    }
    let found = parity(&folder, SET).unwrap();
    assert_eq!((found.events, found.events_gone), (3, 1));
    let found = &found.instruments[0];
    assert_eq!((found.orders, found.agreeing, found.left_out), (1, 1, 2));
    // The position that came of what is left out is there in both.
    assert_eq!(found.funding, Amount::ZERO);
    // Gone from the middle is another thing: nothing can be compared across it.
    std::fs::remove_file(&segments(&market_folder(&folder)).unwrap()[1].1).unwrap();
    assert!(matches!(parity(&folder, SET), Err(ParityError::Market(_))));
    std::fs::remove_dir_all(folder).unwrap();
}

#[derive(Clone, Debug)]
enum Happening {
    Trade(i64, i64, bool),
    Level(bool, i64, i64),
    Mark(i64),
    Order { is_buy: bool, price: i64, qty: i64, time_in_force: TimeInForce, filled: i64, at: i64, fee: i128 },
    Fund(i128),
}

fn happening() -> impl Strategy<Value = Happening> {
    use TimeInForce::{GoodTillCancelled, ImmediateOrCancel, PostOnly};
    let force = prop_oneof![Just(GoodTillCancelled), Just(ImmediateOrCancel), Just(PostOnly)];
    let order = (any::<bool>(), 980..1030i64, 1..20i64, force, 0..20i64, 980..1030i64, -5_000..50_000i128);
    prop_oneof![
        3 => (990..1020i64, 1..30i64, any::<bool>()).prop_map(|(p, q, b)| Happening::Trade(p, q, b)),
        3 => (any::<bool>(), 0..20i64, 0..30i64).prop_map(|(b, p, q)| Happening::Level(b, p, q)),
        1 => (990..1020i64).prop_map(Happening::Mark),
        3 => order.prop_map(|(is_buy, price, qty, time_in_force, filled, at, fee)| {
            Happening::Order { is_buy, price, qty, time_in_force, filled: filled.min(qty), at, fee }
        }),
        1 => (-9_000..9_000i128).prop_map(Happening::Fund),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_parts_are_the_whole(happenings in proptest::collection::vec(happening(), 1..60), latency_us in 0..5_000i64) {
        let mut day = Folder::create("whole");
        day.depth(micros(0), DepthKind::Snapshot, &[(Side::Buy, 1000, 10), (Side::Sell, 1010, 10)]);
        let (mut live_lots, mut orders) = (0, 0);
        let side = |is_buy: bool| if is_buy { Side::Buy } else { Side::Sell };
        for (k, happening) in (1i64..).zip(&happenings) {
            let at = micros(k * 1_000);
            match *happening {
                Happening::Trade(price, qty, is_buy) => day.trade(at, price, qty, side(is_buy)),
                Happening::Level(true, below, qty) => day.depth(at, DepthKind::Delta, &[(Side::Buy, 1000 - below, qty)]),
                Happening::Level(false, above, qty) => day.depth(at, DepthKind::Delta, &[(Side::Sell, 1010 + above, qty)]),
                Happening::Mark(price) => day.mark(at, price, micros(k * 1_000 + 2_500)),
                Happening::Order { is_buy, price, qty, time_in_force, filled, at: paid, fee } => {
                    orders += 1;
                    live_lots += filled;
                    day.send(at, orders, side(is_buy), price, qty, time_in_force);
                    if filled > 0 {
                        day.fill(at, orders, paid, filled, Liquidity::Taker, usdt(fee));
                    }
                }
                Happening::Fund(amount) => day.fund(at, amount),
            }
        }
        let folder = day.finish();
        let found = parity(&folder, ParitySettings { fees: None, latency: Some(Nanos(latency_us * 1_000)) }).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        for each in &found.instruments {
            prop_assert_eq!(each.residual().unwrap(), Amount::ZERO);
            prop_assert_eq!((each.live_lots, each.orders), (live_lots, orders));
        }
        prop_assert_eq!(found.instruments.is_empty(), orders == 0);
    }
}
