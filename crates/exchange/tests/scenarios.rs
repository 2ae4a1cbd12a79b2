//! Runs the scenario tables in `scenarios/*.txt`: one line per call, the expected replies behind the arrow.
//!
//! ```text
//! scenario: what it shows
//! venue: l2 risk-averse | l2 power 2 | l2 log 1 | bars spread 10bp impact linear 100bp cap 10% | matching
//! instrument: spot | linear | inverse              (optional; spot)
//! fees: maker 1bp taker 5bp received | settle      (optional; none)
//! at 5                                             clock, seconds
//! book bid 100x5 99x7 ask 101x4                    snapshot;  `depth …` a delta, 0 removes;  `gap` a delta with an id missing
//! trade 5 @ 100 sell → a fill 3 @ 100 maker        a public trade and who took
//! bar 60..120 100 105 95 101 volume 1000 → …       open to close time, then open high low close
//! a: buy 3 @ 100 [post|ioc|fok|until 30] → open    an order named a;  `buy 3 market`;  `buy 9 @ 100 show 3` an iceberg
//! a: sell 3 stop 95 [mark|index] [@ 94] → open     waits for the last price (or mark, or index);  `take 110` likewise
//! a: buy 3 @ 100 account 2 [self-trade oldest]     whose;  on a matching book, what happens where it meets its own
//! cancel a → cancelled          amend a 2 @ 100 → amended 2 @ 100          ahead a → 5
//! mark 100 index 99             time → a expired     the venue's clock is looked at        deadline → 30
//! self-trade 2 oldest           of account 2 on l2
//! filters tick 5 lot 2 min 2 max 100 worth 500
//! ```
//! Replies name their order where it is not the line's own; nothing behind the arrow means no reply. `*` after a fill's price
//! means that it is stamped earlier than the clock. Quantities are lots, prices ticks, fees whole units of the named asset.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use tradewind_book::SequenceRule;
use tradewind_exchange::{
    BarExchange, BarFillModel, BarListing, Exchange, FeeAsset, FeeSchedule, Impact, L2Exchange, Listing, MatchingBook, NewOrder, Placement,
    QueueModel,
};
use tradewind_types::{
    AccountId, Amount, Asset, AssetId, Bar, BookId, Decimal, DepthKind, DepthUpdate, Exposure, Instrument, InstrumentFilters, InstrumentId,
    InstrumentKind, InstrumentTerms, LevelChange, Liquidity, Mark, MarketEvent, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty,
    Rate, SelfTradePrevention, Sequence, Side, TimeInForce, Timestamp, Trade, TradeId, Trigger, TriggerSource, VenueId, VenueReply,
};

const ID: InstrumentId = InstrumentId(1);

/// A small instrument: 1 to 1000 lots, worth at least 200 units; a lot is 1000 base units, a tick times a lot 10 quote units.
fn instrument(kind: InstrumentKind) -> Instrument {
    let asset = |id, symbol: &str, scale| Asset { id: AssetId(id), symbol: symbol.into(), scale };
    let (base, quote) = (asset(0, "base", 5), asset(1, "quote", 4));
    let inverse = kind == InstrumentKind::InversePerpetual;
    let terms = InstrumentTerms {
        id: ID,
        venue: VenueId(0),
        symbol: "TEST".into(),
        kind,
        base: base.id,
        quote: quote.id,
        settle: if inverse { base.id } else { quote.id },
        tick: Decimal { mantissa: 1, scale: 1 },
        lot: if inverse { Decimal { mantissa: 1, scale: 0 } } else { Decimal { mantissa: 1, scale: 2 } },
        multiplier: if inverse { Decimal { mantissa: 100, scale: 0 } } else { Decimal { mantissa: 1, scale: 0 } },
        min_qty: Qty(1),
        max_qty: Qty(1000),
        min_notional: Amount(200),
    };
    Instrument::new(terms, &base, &quote).expect("the test instrument is exact")
}

enum Venue {
    L2(L2Exchange),
    Bars(BarExchange),
    Matching(Box<MatchingBook>),
}

struct Scenario {
    title: String,
    kind: InstrumentKind,
    fees: FeeSchedule,
    venue: Option<Venue>,
    clock: Timestamp,
    update_id: u64,
    names: BTreeMap<String, OrderId>,
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is not a whole number"))
}

fn rate(text: &str) -> Rate {
    match (text.strip_suffix("bp"), text.strip_suffix('%')) {
        (Some(bp), _) => Rate(number(bp) * 10_000),
        (_, Some(percent)) => Rate(number(percent) * 1_000_000),
        _ => panic!("`{text}` is not a rate: write 5bp or 10%"),
    }
}

fn seconds(text: &str) -> Timestamp {
    Timestamp(number(text) * 1_000_000_000)
}

fn side(text: &str) -> Side {
    match text {
        "buy" | "bid" => Side::Buy,
        "sell" | "ask" => Side::Sell,
        _ => panic!("`{text}` is not a side"),
    }
}

impl Scenario {
    fn new(title: &str) -> Self {
        Self {
            title: title.into(),
            kind: InstrumentKind::Spot,
            fees: FeeSchedule::FREE,
            venue: None,
            clock: Timestamp(0),
            update_id: 0,
            names: BTreeMap::new(),
        }
    }

    fn set(&mut self, key: &str, words: &[&str]) {
        match (key, words) {
            ("venue", ["l2", "risk-averse"]) => self.venue = Some(self.l2(QueueModel::RiskAverse)),
            ("venue", ["l2", "power", n]) => self.venue = Some(self.l2(QueueModel::Probabilistic { power: number(n) as u32 })),
            ("venue", ["l2", "log", unit]) => self.venue = Some(self.l2(QueueModel::Logarithmic { unit_lots: number(unit) })),
            ("venue", ["matching"]) => self.venue = Some(Venue::Matching(Box::default())),
            ("venue", ["bars", "spread", spread, "impact", impact @ .., "cap", cap]) => {
                let impact = match impact {
                    ["none"] => Impact::None,
                    ["linear", at] => Impact::Linear(rate(at)),
                    ["root", at] => Impact::SquareRoot(rate(at)),
                    _ => panic!("unknown impact {impact:?}"),
                };
                let fills = BarFillModel { half_spread: rate(spread), impact, max_participation: rate(cap) };
                let listing = BarListing { instrument: instrument(self.kind), fees: self.fees, fills };
                self.venue = Some(Venue::Bars(BarExchange::new(vec![listing])));
            }
            ("instrument", [kind]) => {
                self.kind = match *kind {
                    "spot" => InstrumentKind::Spot,
                    "linear" => InstrumentKind::LinearPerpetual,
                    "inverse" => InstrumentKind::InversePerpetual,
                    _ => panic!("unknown instrument {kind}"),
                }
            }
            ("fees", ["maker", maker, "taker", taker, asset]) => {
                let asset = if *asset == "received" { FeeAsset::Received } else { FeeAsset::Settle };
                self.fees = FeeSchedule { maker: rate(maker), taker: rate(taker), asset };
            }
            _ => panic!("{}: cannot read `{key}: {words:?}`", self.title),
        }
    }

    fn l2(&self, queue: QueueModel) -> Venue {
        let listing = Listing { instrument: instrument(self.kind), fees: self.fees, rule: SequenceRule::BinanceSpot, queue };
        Venue::L2(L2Exchange::new(vec![listing]))
    }

    fn name_of(&self, order: OrderId) -> &str {
        self.names.iter().find(|(_, id)| **id == order).map_or("?", |(name, _)| name)
    }

    fn id_of(&mut self, name: &str) -> OrderId {
        let counter = self.names.len() as u64 + 1;
        *self.names.entry(name.into()).or_insert(OrderId { node: 1, epoch: 1, counter })
    }

    /// Does one line and says what came back.
    fn call(&mut self, words: &[&str]) -> String {
        match words {
            ["at", at] => {
                self.clock = seconds(at);
                String::new()
            }
            ["book", levels @ ..] => self.depth(DepthKind::Snapshot, levels),
            ["depth", levels @ ..] => self.depth(DepthKind::Delta, levels),
            ["gap"] => {
                self.update_id += 1;
                self.depth(DepthKind::Delta, &[])
            }
            ["trade", qty, "@", price, aggressor] => {
                let (price, qty) = (Price(number(price)), Qty(number(qty)));
                let trade = Trade { instrument: ID, trade: TradeId(0), price, qty, aggressor: side(aggressor) };
                self.market(&MarketEvent::Trade(trade))
            }
            ["bar", span, open, high, low, close, "volume", volume] => {
                let (from, to) = span.split_once("..").expect("a bar has a span");
                self.clock = seconds(to);
                let price = |text: &str| Price(number(text));
                let (open, high, low, close) = (price(open), price(high), price(low), price(close));
                let bar = Bar { instrument: ID, open_ts: seconds(from), open, high, low, close, volume: Qty(number(volume)) };
                self.market(&MarketEvent::Bar(bar))
            }
            ["ahead", name] => {
                let order = self.id_of(name);
                let ahead = match self.venue.as_ref() {
                    Some(Venue::L2(venue)) => venue.queue_ahead(ID, order),
                    Some(Venue::Matching(book)) => book.ahead(order),
                    _ => None,
                };
                ahead.map_or("unknown".into(), |qty| qty.0.to_string())
            }
            ["cancel", name] => {
                let order = self.id_of(name);
                self.request(OrderRequest::Cancel { order, instrument: ID })
            }
            ["amend", name, qty, "@", price] => {
                let (order, price, qty) = (self.id_of(name), Price(number(price)), Qty(number(qty)));
                self.request(OrderRequest::Amend { order, instrument: ID, price, qty })
            }
            [name, verb @ ("buy" | "sell"), qty, rest @ ..] => {
                let order = self.id_of(name.trim_end_matches(':'));
                let (terms, self_trade) = terms(side(verb), Qty(number(qty)), rest);
                self.place(order, terms, self_trade)
            }
            _ => self.rule(words),
        }
    }

    /// Lines about what the venue knows beside its market.
    fn rule(&mut self, words: &[&str]) -> String {
        match words {
            ["mark", mark, "index", index] => {
                let (mark, index) = (Price(number(mark)), Price(number(index)));
                self.market(&MarketEvent::Mark(Mark { instrument: ID, mark, index, funding_rate: Rate(0), next_funding: Timestamp(0) }))
            }
            ["time"] => {
                let (mut replies, at) = (Vec::new(), self.clock);
                self.exchange().on_time(at, &mut replies);
                self.words(None, &replies)
            }
            ["deadline"] => self.exchange().next_deadline().map_or("none".into(), |at| (at.0 / 1_000_000_000).to_string()),
            ["self-trade", account, mode] => {
                let Some(Venue::L2(venue)) = self.venue.as_mut() else { panic!("only l2 keeps our orders apart") };
                venue.set_self_trade(AccountId(number(account) as u32), self_trade(mode));
                String::new()
            }
            ["filters", "tick", tick, "lot", lot, "min", min, "max", max, "worth", worth] => {
                let filters = InstrumentFilters {
                    instrument: ID,
                    price_step: Price(number(tick)),
                    qty_step: Qty(number(lot)),
                    min_qty: Qty(number(min)),
                    max_qty: Qty(number(max)),
                    min_notional: Amount(number(worth).into()),
                };
                let is_listed = match self.venue.as_mut() {
                    Some(Venue::L2(venue)) => venue.set_filters(filters),
                    Some(Venue::Bars(venue)) => venue.set_filters(filters),
                    _ => false,
                };
                if is_listed { String::new() } else { "not listed".into() }
            }
            _ => panic!("{}: cannot read {words:?}", self.title),
        }
    }

    fn place(&mut self, order: OrderId, terms: OrderTerms, self_trade: SelfTradePrevention) -> String {
        let Some(Venue::Matching(book)) = self.venue.as_mut() else { return self.request(OrderRequest::Place { order, terms }) };
        let OrderTerms { account: owner, side, kind, time_in_force, qty, .. } = terms;
        let mut executions = Vec::new();
        let placed = book.place(&NewOrder { order, owner, self_trade, side, kind, time_in_force, qty }, &mut executions);
        self.matching_words(placed, &executions)
    }

    fn exchange(&mut self) -> &mut dyn Exchange {
        match self.venue.as_mut().expect("a venue first") {
            Venue::L2(venue) => venue,
            Venue::Bars(venue) => venue,
            Venue::Matching(_) => panic!("a matching book has no clock and no market data"),
        }
    }

    fn depth(&mut self, kind: DepthKind, words: &[&str]) -> String {
        let (mut changes, mut current) = (Vec::new(), Side::Buy);
        for word in words {
            match word.split_once('x') {
                None => current = side(word),
                Some((price, qty)) => changes.push(LevelChange { side: current, price: Price(number(price)), qty: Qty(number(qty)) }),
            }
        }
        self.update_id += 1;
        let sequence = Sequence { first: self.update_id, last: self.update_id, previous: None };
        self.market(&MarketEvent::Depth(DepthUpdate { instrument: ID, kind, sequence, changes: &changes }))
    }

    fn market(&mut self, event: &MarketEvent<'_>) -> String {
        let (mut replies, at) = (Vec::new(), self.clock);
        self.exchange().on_market(at, event, &mut replies);
        self.words(None, &replies)
    }

    fn request(&mut self, request: OrderRequest) -> String {
        let (mut replies, at) = (Vec::new(), self.clock);
        let own = match request {
            OrderRequest::Place { order, .. } | OrderRequest::Cancel { order, .. } | OrderRequest::Amend { order, .. } => order,
        };
        if let Some(Venue::Matching(book)) = self.venue.as_mut() {
            let mut executions = Vec::new();
            return match request {
                OrderRequest::Amend { order, price, qty, .. } => {
                    let amended = book.amend(order, price, qty, &mut executions);
                    self.matching_words(amended, &executions)
                }
                _ => book.cancel(own).map_or_else(|reason| format!("rejected {reason:?}"), |left| format!("cancelled {}", left.0)),
            };
        }
        self.exchange().on_request(at, &request, &mut replies);
        self.words(Some(own), &replies)
    }

    fn matching_words(
        &self,
        placed: Result<Placement, tradewind_types::RejectReason>,
        executions: &[tradewind_exchange::Execution],
    ) -> String {
        let Some(Venue::Matching(book)) = self.venue.as_ref() else { panic!("not a matching book") };
        let mut words: Vec<String> =
            executions.iter().map(|e| format!("fill {} @ {} with {}", e.qty.0, e.price.0, self.name_of(e.maker))).collect();
        words.extend(book.prevented().iter().map(|own| format!("{} loses {} has {}", self.name_of(own.order), own.lost.0, own.left.0)));
        match placed {
            Err(reason) => words.push(format!("rejected {reason:?}")),
            Ok(Placement { resting, cancelled, prevented, .. }) => {
                for (verb, qty) in [("rests", resting.0), ("cancelled", cancelled.0), ("prevented", prevented.0)] {
                    if qty > 0 {
                        words.push(format!("{verb} {qty}"));
                    }
                }
            }
        }
        words.join(", ")
    }

    fn words(&self, own: Option<OrderId>, replies: &[VenueReply]) -> String {
        let say = |reply: &VenueReply| {
            let name = if own == Some(reply.order()) { String::new() } else { format!("{} ", self.name_of(reply.order())) };
            let what = match reply {
                VenueReply::Accepted { .. } => "open".into(),
                VenueReply::Rejected { reason, .. } => format!("rejected {reason:?}"),
                VenueReply::Cancelled { .. } => "cancelled".into(),
                VenueReply::Expired { .. } => "expired".into(),
                VenueReply::Triggered { .. } => "triggered".into(),
                VenueReply::SelfTradePrevented { .. } => "self-trade prevented".into(),
                VenueReply::CancelRejected { reason, .. } => format!("cancel rejected {reason:?}"),
                VenueReply::Amended { price, qty, .. } => format!("amended {} @ {}", qty.0, price.0),
                VenueReply::AmendRejected { reason, .. } => format!("amend rejected {reason:?}"),
                VenueReply::Filled(fill) => {
                    let star = if fill.ts_venue < self.clock { "*" } else { "" };
                    let how = if fill.liquidity == Liquidity::Maker { "maker" } else { "taker" };
                    let mut words = format!("fill {} @ {}{star} {how}", fill.qty.0, fill.price.0);
                    if self.fees != FeeSchedule::FREE {
                        let asset = if fill.fee.asset == AssetId(0) { "base" } else { "quote" };
                        write!(words, " fee {} {asset}", fill.fee.amount.0).expect("writing to a string");
                    }
                    words
                }
                VenueReply::Lost { .. } | VenueReply::NotFound { .. } => panic!("an exchange does not say {reply:?}"),
            };
            format!("{name}{what}")
        };
        replies.iter().map(say).collect::<Vec<_>>().join(", ")
    }
}

fn self_trade(text: &str) -> SelfTradePrevention {
    match text {
        "allow" => SelfTradePrevention::Allow,
        "newest" => SelfTradePrevention::CancelNewest,
        "oldest" => SelfTradePrevention::CancelOldest,
        "both" => SelfTradePrevention::CancelBoth,
        "decrement" => SelfTradePrevention::Decrement,
        _ => panic!("`{text}` is not a way to keep orders apart"),
    }
}

/// Reads what follows an order's quantity: when it wakes, its price, and what else is said of it, in any order.
fn terms(side: Side, qty: Qty, words: &[&str]) -> (OrderTerms, SelfTradePrevention) {
    let (mut limit, mut show, mut prevention) = (None, None, SelfTradePrevention::Allow);
    let mut wakes: Option<(&str, i64, TriggerSource)> = None;
    let (account, book, exposure) = (AccountId(0), BookId(1), Exposure::Any);
    let (kind, time_in_force, instrument) = (OrderKind::Market, TimeInForce::GoodTillCancelled, ID);
    let mut terms = OrderTerms { instrument, account, book, side, kind, time_in_force, qty, exposure };
    let mut rest = words;
    while let [word, after @ ..] = rest {
        rest = after;
        let mut next = || {
            let [value, after @ ..] = rest else { panic!("`{word}` of what?") };
            rest = after;
            *value
        };
        match *word {
            "market" => {}
            "@" => limit = Some(Price(number(next()))),
            "show" => show = Some(Qty(number(next()))),
            "stop" | "take" => wakes = Some((word, number(next()), TriggerSource::Last)),
            "mark" => wakes = wakes.map(|(verb, at, _)| (verb, at, TriggerSource::Mark)),
            "index" => wakes = wakes.map(|(verb, at, _)| (verb, at, TriggerSource::Index)),
            "post" => terms.time_in_force = TimeInForce::PostOnly,
            "ioc" => terms.time_in_force = TimeInForce::ImmediateOrCancel,
            "fok" => terms.time_in_force = TimeInForce::FillOrKill,
            "until" => terms.time_in_force = TimeInForce::GoodTillTime { until: seconds(next()) },
            "account" => terms.account = AccountId(number(next()) as u32),
            "self-trade" => prevention = self_trade(next()),
            "elsewhere" => terms.instrument = InstrumentId(77),
            _ => panic!("cannot read `{word}` in {words:?}"),
        }
    }
    let trigger = wakes.map(|(verb, at, source)| (verb, Trigger { price: Price(at), source }));
    terms.kind = match (trigger, limit, show) {
        (None, None, None) => OrderKind::Market,
        (None, Some(price), None) => OrderKind::Limit { price },
        (None, Some(price), Some(display)) => OrderKind::Iceberg { price, display },
        (Some(("stop", trigger)), None, None) => OrderKind::Stop { trigger },
        (Some(("stop", trigger)), Some(price), None) => OrderKind::StopLimit { trigger, price },
        (Some((_, trigger)), None, None) => OrderKind::TakeProfit { trigger },
        (Some((_, trigger)), Some(price), None) => OrderKind::TakeProfitLimit { trigger, price },
        _ => panic!("no such order: {words:?}"),
    };
    (terms, prevention)
}

/// Runs one table and returns (scenarios, calls, what differed).
fn run(text: &str, file: &str) -> (usize, usize, String) {
    let (mut scenario, mut scenarios, mut calls, mut wrong) = (Scenario::new("none"), 0, 0, String::new());
    for (line_number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or("").trim();
        if line.is_empty() {
            continue;
        }
        if let Some(title) = line.strip_prefix("scenario:") {
            scenario = Scenario::new(title.trim());
            scenarios += 1;
            continue;
        }
        let (call, expected) = line.split_once('→').unwrap_or((line, ""));
        let words: Vec<&str> = call.split_whitespace().collect();
        if let Some(key) = words[0].strip_suffix(':').filter(|key| ["venue", "instrument", "fees"].contains(key)) {
            scenario.set(key, &words[1..]);
            continue;
        }
        calls += 1;
        let got = scenario.call(&words);
        if got != expected.trim() {
            let (title, call, expected) = (&scenario.title, call.trim(), expected.trim());
            writeln!(wrong, "{file}:{} ({title})\n  {call}\n  expected: {expected}\n  got:      {got}", line_number + 1).expect("a string");
        }
    }
    (scenarios, calls, wrong)
}

#[test]
fn every_scenario_goes_as_its_table_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(&folder).expect("the scenario folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let (mut scenarios, mut calls, mut wrong) = (0, 0, String::new());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable table");
        let (more_scenarios, more_calls, more_wrong) = run(&text, &file.file_name().expect("a name").to_string_lossy());
        (scenarios, calls) = (scenarios + more_scenarios, calls + more_calls);
        wrong.push_str(&more_wrong);
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    println!("{scenarios} scenarios, {calls} calls");
    assert!(scenarios >= 100, "only {scenarios} scenarios were found in {}", folder.display());
}

#[test]
fn a_wrong_expectation_is_noticed() {
    let table = "scenario: x\nvenue: matching\na: buy 3 @ 100 → rests 4\n";
    assert!(run(table, "inline").2.contains("expected: rests 4\n  got:      rests 3"));
}
