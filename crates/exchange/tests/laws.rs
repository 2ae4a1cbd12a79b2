//! Laws of every exchange, on random markets and requests: replies only about orders that were placed, every request answered,
//! nothing after an order's end, never more filled than ordered, never worse than the limit, never before the order came nor
//! at or after its time is over, each trade id once, no more volume than the market had, one that waits for a price wakes when
//! its series reaches it and neither fills before nor wakes otherwise, orders that an account keeps apart never trade with each
//! other, and every live order can still be cancelled (exactly once).

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tradewind_book::SequenceRule;
use tradewind_exchange::{BarExchange, BarFillModel, BarListing, Exchange, FeeAsset, FeeSchedule, Impact, L2Exchange, Listing, QueueModel};
use tradewind_types::{
    AccountId, Amount, Asset, AssetId, Bar, BookId, Decimal, DepthKind, DepthUpdate, Exposure, Instrument, InstrumentId, InstrumentKind,
    InstrumentTerms, LevelChange, Liquidity, Mark, MarketEvent, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty, Rate,
    RejectReason, SelfTradePrevention, Sequence, Side, TimeInForce, Timestamp, Trade, TradeId, Trigger, TriggerSource, VenueId, VenueReply,
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
    Mark(i64, i64),
    Time,
    Bar { prices: [i64; 4], volume: i64 },
    Place { counter: u64, account: u32, side: Side, kind: OrderKind, time_in_force: TimeInForce, qty: i64 },
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

fn kind() -> impl Strategy<Value = OrderKind> {
    let source = prop_oneof![4 => Just(TriggerSource::Last), 1 => Just(TriggerSource::Mark), 1 => Just(TriggerSource::Index)];
    let trigger = (price(), source).prop_map(|(price, source)| Trigger { price: Price(price), source }).boxed();
    prop_oneof![
        6 => price().prop_map(|price| OrderKind::Limit { price: Price(price) }),
        1 => Just(OrderKind::Market),
        2 => (price(), 1i64..6).prop_map(|(price, display)| OrderKind::Iceberg { price: Price(price), display: Qty(display) }),
        1 => trigger.clone().prop_map(|trigger| OrderKind::Stop { trigger }),
        1 => trigger.clone().prop_map(|trigger| OrderKind::TakeProfit { trigger }),
        1 => (trigger.clone(), price()).prop_map(|(trigger, price)| OrderKind::StopLimit { trigger, price: Price(price) }),
        1 => (trigger, price()).prop_map(|(trigger, price)| OrderKind::TakeProfitLimit { trigger, price: Price(price) }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let time_in_force = prop_oneof![
        5 => Just(TimeInForce::GoodTillCancelled),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
        1 => Just(TimeInForce::PostOnly),
        2 => (1i64..120).prop_map(|second| TimeInForce::GoodTillTime { until: Timestamp(second * 1_000_000_000) }),
    ];
    prop_oneof![
        1 => levels().prop_map(Step::Snapshot),
        5 => levels().prop_map(Step::Delta),
        1 => Just(Step::Gap),
        5 => (price(), 1i64..30, side()).prop_map(|(price, qty, side)| Step::Trade(price, qty, side)),
        1 => (price(), price()).prop_map(|(mark, index)| Step::Mark(mark, index)),
        1 => Just(Step::Time),
        4 => ([price(), price(), price(), price()], 0i64..60).prop_map(|(prices, volume)| Step::Bar { prices, volume }),
        6 => (1u64..40, 0u32..2, side(), kind(), time_in_force, 0i64..52).prop_map(|(counter, account, side, kind, time_in_force, qty)| {
            Step::Place { counter, account, side, kind, time_in_force, qty }
        }),
        1 => (1u64..40).prop_map(Step::Cancel),
        2 => (1u64..40, price(), 1i64..52).prop_map(|(counter, price, qty)| Step::Amend(counter, price, qty)),
    ]
}

/// What an observer knows of an order.
struct Seen {
    terms: OrderTerms,
    limit: Option<i64>,
    qty: i64,
    filled: i64,
    placed: Timestamp,
    /// When it got the terms it has.
    since: Timestamp,
    triggered: bool,
    over: bool,
}

impl Seen {
    fn until(&self) -> Timestamp {
        if let TimeInForce::GoodTillTime { until } = self.terms.time_in_force { until } else { Timestamp::MAX }
    }

    fn waits_for(&self, source: TriggerSource) -> bool {
        !self.over && !self.triggered && self.terms.kind.trigger().is_some_and(|trigger| trigger.source == source)
    }
}

/// What replies to one call add up to, in lots.
#[derive(Default)]
struct Filled {
    /// By makers before anybody woke.
    made: i64,
    /// By makers after that.
    made_later: i64,
    /// By takers who woke, now or before.
    taken_awake: i64,
    /// By other takers.
    taken: i64,
}

/// Whose prices a venue's triggers watch.
#[derive(Clone, Copy, PartialEq)]
enum Watches {
    Trades,
    Bars,
}

struct Observer {
    watches: Watches,
    prevention: SelfTradePrevention,
    orders: BTreeMap<OrderId, Seen>,
    trades: BTreeSet<TradeId>,
    latest: [Option<i64>; 3],
    filled: i64,
    woken: i64,
}

fn order(counter: u64) -> OrderId {
    OrderId { node: 0, epoch: 1, counter }
}

impl Observer {
    fn new(watches: Watches, prevention: SelfTradePrevention) -> Self {
        let (orders, trades) = (BTreeMap::new(), BTreeSet::new());
        Self { watches, prevention, orders, trades, latest: [None; 3], filled: 0, woken: 0 }
    }

    /// Reads replies to one call; says how much was filled.
    fn read(&mut self, now: Timestamp, replies: &[VenueReply]) -> Result<Filled, TestCaseError> {
        let (mut sum, mut woke) = (Filled::default(), false);
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
                    prop_assert!(fill.ts_venue < seen.until() && now < seen.until(), "{:?} is after {:?}", fill, seen.until());
                    prop_assert!(seen.triggered || seen.terms.kind.trigger().is_none(), "{:?} before it woke", fill);
                    if let Some(limit) = seen.limit {
                        let worse = (fill.price.0 - limit) * seen.terms.side.sign();
                        prop_assert!(worse <= 0, "{:?} is worse than {}", fill, limit);
                        prop_assert!(fill.liquidity == Liquidity::Taker || worse == 0, "a maker fills at its own price");
                    }
                    prop_assert!(fill.fee.amount.0 > 0);
                    *match (fill.liquidity, woke) {
                        (Liquidity::Maker, false) => &mut sum.made,
                        (Liquidity::Maker, true) => &mut sum.made_later,
                        (Liquidity::Taker, _) if seen.triggered => &mut sum.taken_awake,
                        (Liquidity::Taker, _) => &mut sum.taken,
                    } += fill.qty.0;
                    seen.over = seen.filled == seen.qty;
                }
                VenueReply::Cancelled { .. } | VenueReply::Expired { .. } => seen.over = true,
                VenueReply::SelfTradePrevented { .. } => {
                    prop_assert!(self.prevention != SelfTradePrevention::Allow);
                    seen.over = true;
                }
                VenueReply::Triggered { .. } => {
                    prop_assert!(!seen.triggered, "{:?} twice", reply);
                    (seen.triggered, woke) = (true, true);
                    self.woken += 1;
                }
                VenueReply::Amended { price, qty, .. } => (seen.limit, seen.qty, seen.since) = (Some(price.0), qty.0, now),
                // A repeated id is refused without touching the order that has it.
                VenueReply::Rejected { reason: RejectReason::DuplicateId, .. } => {}
                VenueReply::Rejected { reason, .. } => {
                    if *reason == RejectReason::WouldTriggerAtOnce {
                        prop_assert!(reached(seen, self.latest), "{:?}", reply);
                    }
                    seen.over = true;
                }
                _ => {}
            }
        }
        self.filled += sum.made + sum.made_later + sum.taken + sum.taken_awake;
        for (id, seen) in &self.orders {
            prop_assert!(seen.over || now < seen.until() || seen.placed == now, "{} outlives its time", id);
        }
        Ok(sum)
    }

    /// Reads what came back of a request of ours.
    fn answered(&mut self, now: Timestamp, request: &OrderRequest, replies: &[VenueReply]) -> Result<(), TestCaseError> {
        let (own, may_wait) = match *request {
            OrderRequest::Place { order, terms } => {
                let judged_on_a_bar = matches!(terms.time_in_force, TimeInForce::PostOnly | TimeInForce::FillOrKill);
                self.orders.entry(order).or_insert(Seen {
                    terms,
                    limit: terms.kind.price().map(|price| price.0),
                    qty: terms.qty.0,
                    filled: 0,
                    placed: now,
                    since: now,
                    triggered: false,
                    over: false,
                });
                (order, judged_on_a_bar && self.watches == Watches::Bars)
            }
            OrderRequest::Cancel { order, .. } | OrderRequest::Amend { order, .. } => (order, false),
        };
        prop_assert!(may_wait || replies.iter().any(|reply| reply.order() == own), "{:?} was not answered", request);
        for reply in replies {
            if let VenueReply::Filled(fill) = reply
                && fill.liquidity == Liquidity::Maker
                && self.prevention != SelfTradePrevention::Allow
            {
                let account = |order| self.orders.get(&order).map(|seen| seen.terms.account);
                prop_assert_ne!(account(fill.order), account(own), "{:?} meets its own account", request);
            }
        }
        self.read(now, replies)?;
        if let Some(seen) = self.orders.get(&own) {
            let waits = !seen.over && !seen.triggered && seen.placed == now && seen.terms.kind.trigger().is_some();
            prop_assert!(!waits || !reached(seen, self.latest), "{:?} waits for what is there", request);
        }
        Ok(())
    }

    /// A stop that a bar wakes fills at the worse of its trigger and the open, or worse.
    fn no_stop_gains(&self, bar: &Bar, replies: &[VenueReply]) -> Result<(), TestCaseError> {
        for reply in replies {
            let VenueReply::Filled(fill) = reply else { continue };
            let woke = replies.iter().any(|reply| matches!(reply, VenueReply::Triggered { order } if *order == fill.order));
            let seen = &self.orders[&fill.order];
            if let (true, OrderKind::Stop { trigger }) = (woke, seen.terms.kind) {
                let sign = seen.terms.side.sign();
                let worse = (trigger.price.0 * sign).max(bar.open.0 * sign);
                prop_assert!(fill.price.0 * sign >= worse, "{:?} in {:?}", fill, bar);
            }
        }
        Ok(())
    }

    /// Reads what a market event brought, and checks that whoever had to wake did, and nobody else.
    fn watched(&mut self, now: Timestamp, event: &MarketEvent<'_>, replies: &[VenueReply]) -> Result<Filled, TestCaseError> {
        let mut expected = BTreeSet::new();
        for (id, seen) in self.orders.iter().filter(|(_, seen)| now < seen.until()) {
            let wakes = |source, price: Price| seen.waits_for(source) && seen.terms.kind.is_triggered(seen.terms.side, price);
            let awake = match (event, self.watches) {
                (MarketEvent::Mark(mark), _) => wakes(TriggerSource::Mark, mark.mark) || wakes(TriggerSource::Index, mark.index),
                (MarketEvent::Trade(trade), Watches::Trades) => wakes(TriggerSource::Last, trade.price),
                (MarketEvent::Bar(bar), Watches::Bars) => {
                    let range = [bar.low, bar.high].into_iter().any(|price| wakes(TriggerSource::Last, price));
                    (seen.since <= bar.open_ts && range) || wakes(TriggerSource::Last, bar.close)
                }
                _ => false,
            };
            if awake {
                expected.insert(*id);
            }
        }
        let triggered = replies.iter().filter(|reply| matches!(reply, VenueReply::Triggered { .. }));
        prop_assert_eq!(triggered.map(VenueReply::order).collect::<BTreeSet<_>>(), expected, "{:?}", event);
        if let (MarketEvent::Bar(bar), Watches::Bars) = (event, self.watches) {
            self.no_stop_gains(bar, replies)?;
        }
        match (event, self.watches) {
            (MarketEvent::Mark(mark), _) => (self.latest[1], self.latest[2]) = (Some(mark.mark.0), Some(mark.index.0)),
            (MarketEvent::Trade(trade), Watches::Trades) => self.latest[0] = Some(trade.price.0),
            (MarketEvent::Bar(bar), Watches::Bars) => self.latest[0] = Some(bar.close.0),
            _ => {}
        }
        self.read(now, replies)
    }
}

/// Whether the latest price of the series that an order watches is at its trigger or beyond.
fn reached(seen: &Seen, latest: [Option<i64>; 3]) -> bool {
    let kind = seen.terms.kind;
    kind.trigger().and_then(|trigger| latest[trigger.source as usize]).is_some_and(|price| kind.is_triggered(seen.terms.side, Price(price)))
}

fn request_of(step: &Step) -> Option<OrderRequest> {
    match *step {
        Step::Place { counter, account, side, kind, time_in_force, qty } => {
            let (account, book, exposure) = (AccountId(account), BookId(0), Exposure::Any);
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

/// Gives the event of a step to `see`; none where it is no event.
fn market<T>(step: &Step, now: Timestamp, update: &mut u64, see: impl FnOnce(&MarketEvent<'_>) -> T) -> Option<T> {
    *update += if matches!(step, Step::Gap) { 2 } else { 1 };
    let sequence = Sequence { first: *update, last: *update, previous: None };
    let depth = |kind, changes| MarketEvent::Depth(DepthUpdate { instrument: ID, kind, sequence, changes });
    Some(see(&match step {
        Step::Snapshot(changes) => depth(DepthKind::Snapshot, changes),
        Step::Delta(changes) => depth(DepthKind::Delta, changes),
        Step::Gap => depth(DepthKind::Delta, &[]),
        Step::Trade(price, qty, aggressor) => {
            MarketEvent::Trade(Trade { instrument: ID, trade: TradeId(0), price: Price(*price), qty: Qty(*qty), aggressor: *aggressor })
        }
        Step::Mark(mark, index) => {
            let (mark, index, next_funding) = (Price(*mark), Price(*index), Timestamp(0));
            MarketEvent::Mark(Mark { instrument: ID, mark, index, funding_rate: Rate(0), next_funding })
        }
        Step::Bar { prices, volume } => {
            let (high, low) = (prices.iter().max().copied().unwrap_or(1), prices.iter().min().copied().unwrap_or(1));
            let (open, close, volume) = (Price(prices[0]), Price(prices[3]), Qty(*volume));
            // Bars are three seconds long, so orders come inside them.
            let open_ts = Timestamp(now.0 - 3_000_000_000);
            MarketEvent::Bar(Bar { instrument: ID, open_ts, open, high: Price(high), low: Price(low), close, volume })
        }
        Step::Time | Step::Place { .. } | Step::Cancel(_) | Step::Amend(..) => return None,
    }))
}

/// Runs the steps, one second each; then cancels everything twice.
fn obey(exchange: &mut dyn Exchange, steps: &[Step], mut observer: Observer, cap: Rate) -> Result<Observer, TestCaseError> {
    let mut update = 0;
    for (second, step) in (1i64..).zip(steps) {
        let (now, mut replies) = (Timestamp(second * 1_000_000_000), Vec::new());
        if let Some(request) = request_of(step) {
            exchange.on_request(now, &request, &mut replies);
            observer.answered(now, &request, &replies)?;
        } else if matches!(step, Step::Time) {
            exchange.on_time(now, &mut replies);
            observer.read(now, &replies)?;
            let ended = replies.iter().filter(|reply| matches!(reply, VenueReply::Expired { .. })).count();
            prop_assert_eq!(ended, replies.len());
        } else {
            let seen = market(step, now, &mut update, |event| {
                exchange.on_market(now, event, &mut replies);
                observer.watched(now, event, &replies)
            });
            let Filled { made, made_later, taken_awake, taken } = seen.expect("a market event")?;
            match step {
                Step::Trade(_, qty, _) => prop_assert!(made <= *qty && taken == 0, "{} filled from a trade of {}", made, qty),
                Step::Bar { volume, .. } => {
                    let most = i128::from(*volume) * i128::from(cap.0) / Rate::ONE;
                    let all = made + made_later + taken_awake + taken;
                    prop_assert!(i128::from(all) <= most, "{} filled from a volume of {}", all, volume);
                }
                _ => prop_assert_eq!(taken, 0),
            }
        }
        prop_assert!(exchange.next_deadline().is_none_or(|due| due > now));
    }
    let mut replies = Vec::new();
    exchange.on_time(Timestamp::MAX, &mut replies);
    observer.read(Timestamp(0), &replies)?;
    let live: BTreeSet<OrderId> = observer.orders.iter().filter(|(_, seen)| !seen.over).map(|(id, _)| *id).collect();
    for id in observer.orders.keys().copied().collect::<Vec<_>>() {
        let (now, mut replies) = (Timestamp::MAX, Vec::new());
        exchange.on_request(now, &OrderRequest::Cancel { order: id, instrument: ID }, &mut replies);
        let cancelled = matches!(replies[..], [VenueReply::Cancelled { .. }]);
        prop_assert_eq!(cancelled, live.contains(&id), "{}: {:?}", id, replies);
    }
    Ok(observer)
}

fn l2_obeys(queue: QueueModel, prevention: SelfTradePrevention, steps: &[Step]) -> Result<Observer, TestCaseError> {
    let mut exchange = l2(queue);
    for account in 0..2 {
        exchange.set_self_trade(AccountId(account), prevention);
    }
    obey(&mut exchange, steps, Observer::new(Watches::Trades, prevention), Rate(0))
}

fn bars_obey(impact: Impact, cap: Rate, steps: &[Step]) -> Result<Observer, TestCaseError> {
    obey(&mut bars(impact, cap), steps, Observer::new(Watches::Bars, SelfTradePrevention::Allow), cap)
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
    fn a_recorded_market_obeys(steps in steps(), power in 0u32..5, mode in 0usize..5) {
        let queue = match power {
            0 => QueueModel::RiskAverse,
            4 => QueueModel::Logarithmic { unit_lots: 3 },
            power => QueueModel::Probabilistic { power },
        };
        l2_obeys(queue, MODES[mode], &steps)?;
    }

    #[test]
    fn a_bar_market_obeys(steps in steps(), linear in any::<bool>(), percent in 1i64..101) {
        let (cap, coefficient) = (Rate(percent * 1_000_000), Rate(5_000_000));
        let impact = if linear { Impact::Linear(coefficient) } else { Impact::SquareRoot(coefficient) };
        bars_obey(impact, cap, &steps)?;
    }

    /// Nothing that comes later changes what was said before.
    #[test]
    fn replies_to_a_prefix_are_a_prefix_of_the_replies(steps in steps(), cut in 0usize..100, on_bars in any::<bool>()) {
        let replies = |steps: &[Step]| {
            let mut exchange: Box<dyn Exchange> =
                if on_bars { Box::new(bars(Impact::None, Rate(50_000_000))) } else { Box::new(l2(QueueModel::RiskAverse)) };
            let (mut out, mut update) = (Vec::new(), 0);
            for (second, step) in (1i64..).zip(steps) {
                let now = Timestamp(second * 1_000_000_000);
                match request_of(step) {
                    Some(request) => exchange.on_request(now, &request, &mut out),
                    None => _ = market(step, now, &mut update, |event| exchange.on_market(now, event, &mut out)),
                }
            }
            out
        };
        let (whole, part) = (replies(&steps), replies(&steps[..cut.min(steps.len())]));
        prop_assert_eq!(&whole[..part.len()], &part[..]);
    }

    /// Hiding a part of an order costs places in the queue and gains none: it never has more filled than the plain order.
    #[test]
    fn an_iceberg_is_never_ahead_of_the_plain_order(steps in steps(), display in 1i64..10, qty in 10i64..50, limit in price(), side in side()) {
        let price = Price(limit);
        let filled = [OrderKind::Limit { price }, OrderKind::Iceberg { price, display: Qty(display) }].map(|kind| {
            let (mut exchange, mut filled, mut update) = (l2(QueueModel::RiskAverse), vec![0], 0);
            for (second, step) in (1i64..).zip(&steps) {
                let (now, mut replies) = (Timestamp(second * 1_000_000_000), Vec::new());
                market(step, now, &mut update, |event| exchange.on_market(now, event, &mut replies));
                if second == 1 {
                    let placed = Step::Place { counter: 1, account: 0, side, kind, time_in_force: TimeInForce::GoodTillCancelled, qty };
                    exchange.on_request(now, &request_of(&placed).expect("a request"), &mut replies);
                }
                let more = replies.iter().map(|reply| if let VenueReply::Filled(fill) = reply { fill.qty.0 } else { 0 }).sum::<i64>();
                filled.push(filled[filled.len() - 1] + more);
            }
            filled
        });
        prop_assert!(filled[1].iter().zip(&filled[0]).all(|(iceberg, plain)| iceberg <= plain), "{:?}", filled);
    }
}

const MODES: [SelfTradePrevention; 5] = [
    SelfTradePrevention::Allow,
    SelfTradePrevention::CancelNewest,
    SelfTradePrevention::CancelOldest,
    SelfTradePrevention::CancelBoth,
    SelfTradePrevention::Decrement,
];

/// The random markets do trade and wake orders, or the laws above would hold for nothing.
#[test]
fn the_random_markets_trade() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut on_l2, mut on_bars, mut woken_l2, mut woken_bars) = (0, 0, 0, 0);
    for _ in 0..50 {
        let steps = steps().new_tree(&mut runner).expect("steps").current();
        let observer = l2_obeys(QueueModel::RiskAverse, SelfTradePrevention::Allow, &steps).expect("lawful");
        (on_l2, woken_l2) = (on_l2 + observer.filled, woken_l2 + observer.woken);
        let observer = bars_obey(Impact::None, Rate(50_000_000), &steps).expect("lawful");
        (on_bars, woken_bars) = (on_bars + observer.filled, woken_bars + observer.woken);
    }
    assert!(on_l2 > 500 && on_bars > 500, "{on_l2} lots on the recorded market, {on_bars} on bars");
    assert!(woken_l2 > 20 && woken_bars > 20, "{woken_l2} orders woken on the recorded market, {woken_bars} on bars");
}
