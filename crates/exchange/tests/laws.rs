//! Laws of every exchange, on random markets and requests: replies only about orders that were placed, nothing after an
//! order's end, never more filled than ordered, never worse than the limit, never before the order came, each trade id once,
//! no more volume than the market had, and every live order can still be cancelled (exactly once).

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tradewind_book::SequenceRule;
use tradewind_exchange::{BarExchange, BarFillModel, BarListing, Exchange, FeeAsset, FeeSchedule, Impact, L2Exchange, Listing, QueueModel};
use tradewind_types::{
    AccountId, Amount, Asset, AssetId, Bar, BookId, Decimal, DepthKind, DepthUpdate, Exposure, Instrument, InstrumentId, InstrumentKind,
    InstrumentTerms, LevelChange, Liquidity, MarketEvent, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty, Rate, Sequence, Side,
    TimeInForce, Timestamp, Trade, TradeId, VenueId, VenueReply,
};

const ID: InstrumentId = InstrumentId(0);

fn instrument() -> Instrument {
    let asset = |id, scale| Asset { id: AssetId(id), symbol: String::new(), scale };
    let (base, quote) = (asset(0, 5), asset(1, 4));
    let terms = InstrumentTerms {
        id: ID,
        venue: VenueId(0),
        symbol: String::new(),
        kind: InstrumentKind::Spot,
        base: base.id,
        quote: quote.id,
        settle: quote.id,
        tick: Decimal { mantissa: 1, scale: 1 },
        lot: Decimal { mantissa: 1, scale: 2 },
        multiplier: Decimal { mantissa: 1, scale: 0 },
        min_qty: Qty(1),
        max_qty: Qty(50),
        min_notional: Amount(0),
    };
    Instrument::new(terms, &base, &quote).expect("exact")
}

const FEES: FeeSchedule = FeeSchedule { maker: Rate(10_000), taker: Rate(50_000), asset: FeeAsset::Received };

#[derive(Clone, Debug)]
enum Step {
    Snapshot(Vec<LevelChange>),
    Delta(Vec<LevelChange>),
    Gap,
    Trade(i64, i64, Side),
    Bar { prices: [i64; 4], volume: i64 },
    Place { counter: u64, side: Side, kind: OrderKind, time_in_force: TimeInForce, qty: i64 },
    Cancel(u64),
    Amend(u64, i64, i64),
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn price() -> impl Strategy<Value = i64> {
    92i64..109
}

fn levels() -> impl Strategy<Value = Vec<LevelChange>> {
    // A random mid keeps most messages uncrossed, and lets the market move.
    (96i64..105, prop::collection::vec((any::<bool>(), 0i64..4, 0i64..12), 1..6)).prop_map(|(mid, levels)| {
        let level = |(buy, away, qty): (bool, i64, i64)| {
            let (side, price) = if buy { (Side::Buy, mid - away) } else { (Side::Sell, mid + 1 + away) };
            LevelChange { side, price: Price(price), qty: Qty(qty) }
        };
        // The far sides of the new mid are cleared.
        let clear = (88..112).map(|price| LevelChange {
            side: if price <= mid { Side::Sell } else { Side::Buy },
            price: Price(price),
            qty: Qty(0),
        });
        clear.chain(levels.into_iter().map(level)).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![6 => price().prop_map(|price| OrderKind::Limit { price: Price(price) }), 1 => Just(OrderKind::Market)];
    let time_in_force = prop_oneof![
        5 => Just(TimeInForce::GoodTillCancelled),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
        1 => Just(TimeInForce::PostOnly),
    ];
    prop_oneof![
        1 => levels().prop_map(Step::Snapshot),
        5 => levels().prop_map(Step::Delta),
        1 => Just(Step::Gap),
        5 => (price(), 1i64..30, side()).prop_map(|(price, qty, side)| Step::Trade(price, qty, side)),
        4 => ([price(), price(), price(), price()], 0i64..60).prop_map(|(prices, volume)| Step::Bar { prices, volume }),
        6 => (1u64..40, side(), kind, time_in_force, 0i64..52)
            .prop_map(|(counter, side, kind, time_in_force, qty)| Step::Place { counter, side, kind, time_in_force, qty }),
        1 => (1u64..40).prop_map(Step::Cancel),
        2 => (1u64..40, price(), 1i64..52).prop_map(|(counter, price, qty)| Step::Amend(counter, price, qty)),
    ]
}

/// What an observer knows of an order.
struct Seen {
    side: Side,
    limit: Option<i64>,
    qty: i64,
    filled: i64,
    placed: Timestamp,
    over: bool,
}

#[derive(Default)]
struct Observer {
    orders: BTreeMap<OrderId, Seen>,
    trades: BTreeSet<TradeId>,
    filled: i64,
}

fn order(counter: u64) -> OrderId {
    OrderId { node: 0, epoch: 1, counter }
}

impl Observer {
    /// Reads replies to one call; says how much was filled by takers and by makers.
    fn read(&mut self, now: Timestamp, request: Option<&OrderRequest>, replies: &[VenueReply]) -> Result<(i64, i64), TestCaseError> {
        let (mut taken, mut made) = (0, 0);
        for reply in replies {
            let unknown =
                matches!(reply, VenueReply::CancelRejected { .. } | VenueReply::AmendRejected { .. } | VenueReply::Rejected { .. });
            let Some(seen) = self.orders.get_mut(&reply.order()) else {
                prop_assert!(unknown, "about an order never placed: {:?}", reply);
                continue;
            };
            prop_assert!(!seen.over || unknown, "after the end: {:?}", reply);
            match reply {
                VenueReply::Filled(fill) => {
                    seen.filled += fill.qty.0;
                    prop_assert!(fill.qty.0 > 0 && seen.filled <= seen.qty, "filled {} of {}", seen.filled, seen.qty);
                    prop_assert!(self.trades.insert(fill.trade));
                    prop_assert!(fill.ts_venue >= seen.placed && fill.ts_venue <= now, "{:?} at {:?}", fill, now);
                    if let Some(limit) = seen.limit {
                        let worse = (fill.price.0 - limit) * seen.side.sign();
                        prop_assert!(worse <= 0, "{:?} is worse than {}", fill, limit);
                        prop_assert!(fill.liquidity == Liquidity::Taker || worse == 0, "a maker fills at its own price");
                    }
                    prop_assert!(fill.fee.amount.0 > 0);
                    *if fill.liquidity == Liquidity::Taker { &mut taken } else { &mut made } += fill.qty.0;
                    seen.over = seen.filled == seen.qty;
                }
                VenueReply::Cancelled { .. } | VenueReply::Expired { .. } => seen.over = true,
                VenueReply::Amended { price, qty, .. } => (seen.limit, seen.qty) = (Some(price.0), qty.0),
                // A repeated id is refused without touching the order that has it.
                VenueReply::Rejected { reason: tradewind_types::RejectReason::DuplicateId, .. } => {}
                VenueReply::Rejected { .. } => seen.over = true,
                _ => {}
            }
        }
        if let Some(OrderRequest::Cancel { .. } | OrderRequest::Amend { .. }) = request {
            prop_assert!(!replies.is_empty(), "{:?} was not answered", request);
        }
        self.filled += taken + made;
        Ok((taken, made))
    }

    fn place(&mut self, now: Timestamp, id: OrderId, terms: &OrderTerms) {
        let limit = if let OrderKind::Limit { price } = terms.kind { Some(price.0) } else { None };
        let seen = Seen { side: terms.side, limit, qty: terms.qty.0, filled: 0, placed: now, over: false };
        self.orders.entry(id).or_insert(seen);
    }
}

fn request_of(step: &Step) -> Option<OrderRequest> {
    match *step {
        Step::Place { counter, side, kind, time_in_force, qty } => {
            let (account, book, exposure) = (AccountId(0), BookId(0), Exposure::Any);
            let terms = OrderTerms { instrument: ID, account, book, side, kind, time_in_force, qty: Qty(qty), exposure };
            Some(OrderRequest::Place { order: order(counter), terms })
        }
        Step::Cancel(counter) => Some(OrderRequest::Cancel { order: order(counter), instrument: ID }),
        Step::Amend(counter, price, qty) => {
            Some(OrderRequest::Amend { order: order(counter), instrument: ID, price: Price(price), qty: Qty(qty) })
        }
        _ => None,
    }
}

/// Runs the steps, one second each; then cancels everything twice.
fn obey(exchange: &mut dyn Exchange, steps: &[Step], cap: Rate) -> Result<i64, TestCaseError> {
    let (mut observer, mut update) = (Observer::default(), 0u64);
    for (second, step) in (1i64..).zip(steps) {
        let (now, mut replies) = (Timestamp(second * 1_000_000_000), Vec::new());
        if let Some(request) = request_of(step) {
            if let OrderRequest::Place { order, terms } = &request {
                observer.place(now, *order, terms);
            }
            exchange.on_request(now, &request, &mut replies);
            observer.read(now, Some(&request), &replies)?;
            continue;
        }
        update += if matches!(step, Step::Gap) { 2 } else { 1 };
        let sequence = Sequence { first: update, last: update, previous: None };
        let depth = |kind, changes| MarketEvent::Depth(DepthUpdate { instrument: ID, kind, sequence, changes });
        let event = match step {
            Step::Snapshot(changes) => depth(DepthKind::Snapshot, changes),
            Step::Delta(changes) => depth(DepthKind::Delta, changes),
            Step::Trade(price, qty, aggressor) => {
                MarketEvent::Trade(Trade { instrument: ID, trade: TradeId(0), price: Price(*price), qty: Qty(*qty), aggressor: *aggressor })
            }
            Step::Bar { prices, volume } => {
                let (high, low) = (prices.iter().max().copied().unwrap_or(1), prices.iter().min().copied().unwrap_or(1));
                let (open, close, volume) = (Price(prices[0]), Price(prices[3]), Qty(*volume));
                // Bars are three seconds long, so orders come inside them.
                let open_ts = Timestamp(now.0 - 3_000_000_000);
                MarketEvent::Bar(Bar { instrument: ID, open_ts, open, high: Price(high), low: Price(low), close, volume })
            }
            _ => depth(DepthKind::Delta, &[]),
        };
        exchange.on_market(now, &event, &mut replies);
        let (taken, made) = observer.read(now, None, &replies)?;
        match step {
            Step::Trade(_, qty, _) => prop_assert!(made <= *qty && taken == 0, "{} filled from a trade of {}", made, qty),
            Step::Bar { volume, .. } => {
                let most = i128::from(*volume) * i128::from(cap.0) / Rate::ONE;
                prop_assert!(i128::from(made + taken) <= most, "{} filled from a volume of {}", made + taken, volume);
            }
            _ => prop_assert_eq!(taken, 0),
        }
    }
    let live: BTreeSet<OrderId> = observer.orders.iter().filter(|(_, seen)| !seen.over).map(|(id, _)| *id).collect();
    for id in observer.orders.keys().copied().collect::<Vec<_>>() {
        let (now, mut replies) = (Timestamp(i64::MAX), Vec::new());
        exchange.on_request(now, &OrderRequest::Cancel { order: id, instrument: ID }, &mut replies);
        let cancelled = matches!(replies[..], [VenueReply::Cancelled { .. }]);
        prop_assert_eq!(cancelled, live.contains(&id), "{}: {:?}", id, replies);
    }
    Ok(observer.filled)
}

fn l2(queue: QueueModel) -> L2Exchange {
    L2Exchange::new(vec![Listing { instrument: instrument(), fees: FEES, rule: SequenceRule::BinanceSpot, queue }])
}

fn bars(impact: Impact, cap: Rate) -> BarExchange {
    let fills = BarFillModel { half_spread: Rate(500_000), impact, max_participation: cap };
    BarExchange::new(vec![BarListing { instrument: instrument(), fees: FEES, fills }])
}

const SNAPSHOT: [LevelChange; 2] =
    [LevelChange { side: Side::Buy, price: Price(99), qty: Qty(9) }, LevelChange { side: Side::Sell, price: Price(101), qty: Qty(9) }];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..120).prop_map(|mut steps| {
        steps.insert(0, Step::Snapshot(SNAPSHOT.to_vec()));
        steps
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_recorded_market_obeys(steps in steps(), power in 0u32..5) {
        let queue = match power {
            0 => QueueModel::RiskAverse,
            4 => QueueModel::Logarithmic { unit_lots: 3 },
            power => QueueModel::Probabilistic { power },
        };
        obey(&mut l2(queue), &steps, Rate(0))?;
    }

    #[test]
    fn a_bar_market_obeys(steps in steps(), linear in any::<bool>(), percent in 1i64..101) {
        let (cap, coefficient) = (Rate(percent * 1_000_000), Rate(5_000_000));
        let impact = if linear { Impact::Linear(coefficient) } else { Impact::SquareRoot(coefficient) };
        obey(&mut bars(impact, cap), &steps, cap)?;
    }

    /// Nothing that comes later changes what was said before.
    #[test]
    fn replies_to_a_prefix_are_a_prefix_of_the_replies(steps in steps(), cut in 0usize..100) {
        let replies = |steps: &[Step]| {
            let (mut exchange, mut out) = (bars(Impact::None, Rate(50_000_000)), Vec::new());
            for (second, step) in (1i64..).zip(steps) {
                let now = Timestamp(second * 1_000_000_000);
                if let Some(request) = request_of(step) {
                    exchange.on_request(now, &request, &mut out);
                } else if let Step::Bar { prices: [open, high, low, close], volume } = *step {
                    let open_ts = Timestamp(now.0 - 1_000_000_000);
                    let (open, high, low, close) = (Price(open), Price(high.max(open)), Price(low.min(open)), Price(close));
                    exchange.on_market(now, &MarketEvent::Bar(Bar { instrument: ID, open_ts, open, high, low, close, volume: Qty(volume) }), &mut out);
                }
            }
            out
        };
        let (whole, part) = (replies(&steps), replies(&steps[..cut.min(steps.len())]));
        prop_assert_eq!(&whole[..part.len()], &part[..]);
    }
}

/// The random markets do trade, or the laws above would hold for nothing.
#[test]
fn the_random_markets_trade() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut on_l2, mut on_bars) = (0, 0);
    for _ in 0..50 {
        let steps = steps().new_tree(&mut runner).expect("steps").current();
        on_l2 += obey(&mut l2(QueueModel::RiskAverse), &steps, Rate(0)).expect("lawful");
        on_bars += obey(&mut bars(Impact::None, Rate(50_000_000)), &steps, Rate(50_000_000)).expect("lawful");
    }
    assert!(on_l2 > 500 && on_bars > 500, "{on_l2} lots on the recorded market, {on_bars} on bars");
}
