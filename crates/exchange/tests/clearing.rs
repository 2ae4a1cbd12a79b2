//! A venue's books, told as a trader would note them: what was done on the left of the bar, what the venue said on the right.
//!
//! Prices and quantities are decimals of the contract; money is USDT or BTC. Each scenario runs against a real book: `offer` and
//! `bid` show depth, and nothing else trades.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use tradewind_book::SequenceRule;
use tradewind_exchange::{
    CashRounding, Cleared, ClearedExchange, Clearing, ClearingRules, DeliveryPrice, FeeAsset, FeeSchedule, L2Exchange, Leg, Liquidation,
    Listing, PositionKey, PrivateMessage, QueueModel,
};
use tradewind_types::{
    Account, AccountEvent, AccountId, Amount, Asset, AssetId, BookId, Decimal, DepthKind, DepthUpdate, Exposure, Instrument, InstrumentId,
    InstrumentKind, InstrumentTerms, LevelChange, MarginMode, MarginSchedule, MarginTier, Mark, MarketEvent, Nanos, OrderId, OrderKind,
    OrderRequest, OrderTerms, PositionMode, Price, Qty, Rate, Rounding, Sequence, Side, TimeInForce, Timestamp, Transfer, TransferId,
    VenueId, VenueReply,
};

const MINUTE: i64 = 60_000_000_000;
const OURS: AccountId = AccountId(0);
const USDT: AssetId = AssetId(0);
const BTC: AssetId = AssetId(1);
const EXPIRY: Timestamp = Timestamp(480 * MINUTE);

fn asset(id: AssetId) -> Asset {
    let symbol = ["USDT", "BTC", "ETH"][id.index()];
    Asset { id, symbol: symbol.into(), scale: if id == USDT { 10 } else { 12 } }
}

fn instrument(id: u32, symbol: &str, kind: InstrumentKind, base: AssetId, [tick, lot]: [&str; 2]) -> Instrument {
    let quote = asset(USDT);
    let terms = InstrumentTerms {
        id: InstrumentId(id),
        venue: VenueId(0),
        symbol: symbol.into(),
        kind,
        base,
        quote: USDT,
        settle: if kind.is_inverse() { base } else { USDT },
        tick: tick.parse().unwrap(),
        lot: lot.parse().unwrap(),
        multiplier: "1".parse().unwrap(),
        min_qty: Qty(1),
        max_qty: Qty(i64::MAX),
        min_notional: Amount::ZERO,
    };
    Instrument::new(terms, &asset(base), &quote).unwrap()
}

fn instruments() -> Vec<Instrument> {
    vec![
        instrument(0, "BTC", InstrumentKind::LinearPerpetual, BTC, ["0.01", "0.001"]),
        instrument(1, "ETH", InstrumentKind::LinearPerpetual, AssetId(2), ["0.01", "0.001"]),
        instrument(2, "XBT", InstrumentKind::InversePerpetual, BTC, ["0.5", "1"]),
        instrument(3, "FUT", InstrumentKind::LinearFuture { expiry: EXPIRY }, BTC, ["0.01", "0.001"]),
        instrument(4, "SPOT", InstrumentKind::Spot, BTC, ["0.01", "0.001"]),
    ]
}

/// A tier from text: value from which, maintenance in per cent, deduction, largest leverage.
fn tier(asset_of: AssetId, from: &str, percent: &str, deduction: &str, max_leverage: u32) -> MarginTier {
    let scale = asset(asset_of).scale;
    let units = |text: &str| Amount(text.parse::<Decimal>().unwrap().at_scale(scale, Rounding::Floor).unwrap());
    let maintenance = percent.parse::<Decimal>().unwrap().at_scale(6, Rounding::Floor).unwrap();
    MarginTier { from: units(from), maintenance: Rate(maintenance.try_into().unwrap()), deduction: units(deduction), max_leverage }
}

/// BTC and ETH have the tiers of the venue's own worked example; see the test that uses them.
fn schedule(instrument: InstrumentId) -> Option<MarginSchedule> {
    let tiers = match instrument.0 {
        0 => vec![tier(USDT, "0", "0.4", "0", 125), tier(USDT, "1000000", "2.5", "16300", 20), tier(USDT, "10000000", "5", "266300", 10)],
        1 => vec![tier(USDT, "0", "0.5", "0", 100), tier(USDT, "1000000", "10", "135365", 5)],
        2 => vec![tier(BTC, "0", "0.5", "0", 100)],
        3 => vec![tier(USDT, "0", "2", "0", 10)],
        _ => return None,
    };
    Some(MarginSchedule { instrument, tiers })
}

struct Desk {
    venue: ClearedExchange<L2Exchange>,
    instruments: Vec<Instrument>,
    now: Timestamp,
    orders: u64,
    updates: u64,
}

/// What a scenario starts with.
#[derive(Clone, Copy)]
struct House {
    mode: MarginMode,
    positions: PositionMode,
    liquidation: Liquidation,
    fees: FeeSchedule,
    cash: Option<CashRounding>,
}

const PLAIN: House = House {
    mode: MarginMode::Cross,
    positions: PositionMode::OneWay,
    liquidation: Liquidation::AtBankruptcy,
    fees: FeeSchedule::FREE,
    cash: None,
};

impl Desk {
    fn new(house: House) -> Self {
        let instruments = instruments();
        let listing = |instrument: &Instrument| Listing {
            instrument: instrument.clone(),
            fees: house.fees,
            rule: SequenceRule::Unchecked,
            queue: QueueModel::RiskAverse,
        };
        let cleared = |instrument: &Instrument| Cleared {
            instrument: instrument.clone(),
            schedule: schedule(instrument.id()),
            fees: house.fees,
            cash: house.cash.filter(|_| instrument.id().0 == 2),
        };
        let rules = ClearingRules {
            liquidation: house.liquidation,
            delivery: DeliveryPrice::AverageIndex { window: Nanos(60 * MINUTE) },
            delivery_fee: Rate(15_000),
        };
        let mut clearing = Clearing::new(rules, instruments.iter().map(cleared).collect());
        let account = Account { id: OURS, venue: VenueId(0), name: "ours".into(), mode: house.mode };
        clearing.open_account(account, house.positions);
        let exchange = L2Exchange::new(instruments.iter().map(listing).collect());
        let mut desk = Self { venue: ClearedExchange::new(exchange, clearing), instruments, now: Timestamp(0), orders: 0, updates: 0 };
        for id in 0..5 {
            desk.depth(InstrumentId(id), &[]);
        }
        desk
    }

    fn symbol(&self, symbol: &str) -> &Instrument {
        self.instruments.iter().find(|i| i.terms().symbol == symbol).unwrap_or_else(|| panic!("no instrument {symbol}"))
    }

    fn price(&self, symbol: &str, text: &str) -> Price {
        Price(text.parse::<Decimal>().unwrap().in_steps_of(self.symbol(symbol).terms().tick).unwrap())
    }

    fn lots(&self, symbol: &str, text: &str) -> Qty {
        Qty(text.parse::<Decimal>().unwrap().in_steps_of(self.symbol(symbol).terms().lot).unwrap())
    }

    /// One side of the book becomes this one level; the other is as it was, less what it would cross.
    fn show(&mut self, symbol: &str, side: Side, price: &str, qty: &str) -> Vec<PrivateMessage> {
        let instrument = self.symbol(symbol).id();
        let level = LevelChange { side, price: self.price(symbol, price), qty: self.lots(symbol, qty) };
        let book = self.venue.exchange().book(instrument).unwrap();
        let stays = |price: Price| (price.0 - level.price.0) * side.sign() > 0;
        let other = book.levels(side.opposite()).filter(|other| stays(other.price));
        let mut changes: Vec<LevelChange> =
            other.map(|other| LevelChange { side: side.opposite(), price: other.price, qty: other.qty }).collect();
        changes.push(level);
        self.depth(instrument, &changes)
    }

    fn depth(&mut self, instrument: InstrumentId, changes: &[LevelChange]) -> Vec<PrivateMessage> {
        self.updates += 1;
        let sequence = Sequence { first: self.updates, last: self.updates, previous: None };
        self.market(&MarketEvent::Depth(DepthUpdate { instrument, kind: DepthKind::Snapshot, sequence, changes }))
    }

    fn market(&mut self, event: &MarketEvent<'_>) -> Vec<PrivateMessage> {
        let mut out = Vec::new();
        self.venue.on_market(self.now, event, &mut out).unwrap();
        out
    }

    fn request(&mut self, request: &OrderRequest, reference: Option<Price>) -> Vec<PrivateMessage> {
        let mut out = Vec::new();
        self.venue.on_request(self.now, request, reference, &mut out).unwrap();
        out
    }

    /// `buy 1 BTC [at 100] [reduce-only|long-leg|short-leg]`.
    fn order(&mut self, side: Side, words: &[&str]) -> Vec<PrivateMessage> {
        let (qty, symbol) = (self.lots(words[1], words[0]), words[1]);
        let at = words.iter().position(|word| *word == "at").map(|index| self.price(symbol, words[index + 1]));
        let exposure = match words.last().copied() {
            Some("reduce-only") => Exposure::ReduceOnly,
            Some("long-leg") => Exposure::LongLeg,
            Some("short-leg") => Exposure::ShortLeg,
            _ => Exposure::Any,
        };
        let (kind, time_in_force) = match at {
            Some(price) => (OrderKind::Limit { price }, TimeInForce::GoodTillCancelled),
            None => (OrderKind::Market, TimeInForce::ImmediateOrCancel),
        };
        let instrument = self.symbol(symbol).id();
        self.orders += 1;
        let order = OrderId { node: 1, epoch: 1, counter: self.orders };
        let terms = OrderTerms { instrument, account: OURS, book: BookId(1), side, kind, time_in_force, qty, exposure };
        let book = self.venue.exchange().book(instrument).unwrap();
        let reference = book.best(side.opposite()).map(|level| level.price);
        self.request(&OrderRequest::Place { order, terms }, reference)
    }

    fn mark(&mut self, words: &[&str]) -> Vec<PrivateMessage> {
        let symbol = words[0];
        let number = |name: &str| words.iter().position(|word| *word == name).map(|index| words[index + 1]);
        let rate = number("rate").map_or(0, |text| text.parse::<Decimal>().unwrap().at_scale(8, Rounding::Floor).unwrap());
        let next = number("funding-at").map_or(0, |text| text.parse::<i64>().unwrap() * MINUTE);
        let mark = self.price(symbol, words[1]);
        let instrument = self.symbol(symbol).id();
        let mark = Mark { instrument, mark, index: mark, funding_rate: Rate(rate.try_into().unwrap()), next_funding: Timestamp(next) };
        self.market(&MarketEvent::Mark(mark))
    }

    /// The clock goes on to a minute; what is due on the way happens.
    fn until(&mut self, minute: &str) -> Vec<PrivateMessage> {
        let end = Timestamp(minute.parse::<i64>().unwrap() * MINUTE);
        let mut out = Vec::new();
        while let Some(due) = self.venue.next_deadline().filter(|due| *due <= end) {
            self.venue.on_time(due, &mut out).unwrap();
        }
        self.now = end;
        out
    }

    fn act(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let said = match words[0] {
            "deposit" => {
                let asset = if words[2] == "BTC" { BTC } else { USDT };
                let scale = self::asset(asset).scale;
                let amount = Amount(words[1].parse::<Decimal>().unwrap().at_scale(scale, Rounding::Floor).unwrap());
                self.venue.clearing_mut().deposit(OURS, asset, amount).unwrap();
                Vec::new()
            }
            "leverage" => {
                let instrument = self.symbol(words[1]).id();
                self.venue.clearing_mut().set_leverage(OURS, instrument, words[2].parse().unwrap());
                Vec::new()
            }
            "offer" => self.show(words[2], Side::Sell, words[4], words[1]),
            "bid" => self.show(words[2], Side::Buy, words[4], words[1]),
            "buy" => self.order(Side::Buy, &words[1..]),
            "sell" => self.order(Side::Sell, &words[1..]),
            "cancel" | "amend" => {
                let order = OrderId { node: 1, epoch: 1, counter: words[1].parse().unwrap() };
                let instrument = self.symbol(words[2]).id();
                let request = match words[..] {
                    ["amend", _, symbol, "to", qty, "at", price] => {
                        OrderRequest::Amend { order, instrument, price: self.price(symbol, price), qty: self.lots(symbol, qty) }
                    }
                    _ => OrderRequest::Cancel { order, instrument },
                };
                self.request(&request, None)
            }
            "mark" => self.mark(&words[1..]),
            "until" => self.until(words[1]),
            "wallet" => return money(self.venue.clearing().wallet(OURS, self::asset_named(words[1])), asset_named(words[1])),
            "free" => return money(self.venue.clearing().free(OURS, asset_named(words[1])).unwrap(), asset_named(words[1])),
            "position" | "margin" | "liquidation-price" | "bankruptcy-price" => return self.look(&words),
            other => panic!("cannot {other}"),
        };
        said.iter().filter_map(|message| self.say(message)).collect::<Vec<_>>().join(", ")
    }

    fn look(&self, words: &[&str]) -> String {
        let instrument = self.symbol(words[1]);
        let leg = match words.get(2).copied() {
            Some("long-leg") => Leg::Long,
            Some("short-leg") => Leg::Short,
            _ => Leg::Net,
        };
        let key = PositionKey { account: OURS, instrument: instrument.id(), leg };
        let (clearing, holding) = (self.venue.clearing(), self.venue.clearing().holding(OURS, instrument.id(), leg));
        let show = |price: Option<Price>| price.map_or("none".into(), |price| decimal(price.0, instrument.terms().tick));
        match words[0] {
            "position" => decimal(holding.lots, instrument.terms().lot),
            "margin" => money(holding.margin, instrument.value_asset()),
            "liquidation-price" => show(clearing.liquidation_price(key).unwrap()),
            _ => show(clearing.bankruptcy_price(key).unwrap()),
        }
    }

    fn say(&self, message: &PrivateMessage) -> Option<String> {
        let known = |order: &OrderId| format!("#{}", order.counter);
        Some(match message {
            PrivateMessage::Reply(VenueReply::Accepted { .. }) => return None,
            PrivateMessage::Reply(VenueReply::Filled(fill)) => {
                let cash = fill.stated_cash.map(|cash| format!(" for {}", money(cash, fill.fee.asset))).unwrap_or_default();
                format!("{} filled {} @ {}{cash}", known(&fill.order), fill.qty.0, fill.price.0)
            }
            PrivateMessage::Reply(VenueReply::Rejected { reason, .. }) => format!("{reason:?}"),
            PrivateMessage::Reply(VenueReply::AmendRejected { reason, .. }) => format!("amend refused: {reason:?}"),
            PrivateMessage::Reply(VenueReply::Cancelled { order }) => format!("{} cancelled", known(order)),
            PrivateMessage::Reply(VenueReply::Expired { order }) => format!("{} expired", known(order)),
            PrivateMessage::Reply(VenueReply::Amended { order, qty, .. }) => format!("{} now {}", known(order), qty.0),
            PrivateMessage::Reply(other) => format!("{other:?}"),
            PrivateMessage::Account(AccountEvent::Funding(paid)) => {
                format!("funding {}", money(paid.amount, self.instruments[paid.instrument.index()].value_asset()))
            }
            PrivateMessage::Account(AccountEvent::Traded(trade)) => {
                let instrument = &self.instruments[trade.instrument.index()];
                let (price, lots) = (decimal(trade.price.0, instrument.terms().tick), decimal(trade.qty.0, instrument.terms().lot));
                let fee = money(trade.fee.amount, trade.fee.asset);
                format!("{:?}: {:?} {lots} {} at {price} fee {fee}", trade.cause, trade.side, instrument.terms().symbol)
            }
            PrivateMessage::Account(other) => format!("{other:?}"),
        })
    }

    fn tell(house: House, story: &str) {
        let mut desk = Self::new(house);
        for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (action, expected) = line.split_once('|').unwrap_or((line, ""));
            assert_eq!(desk.act(action), expected.trim(), "after `{}`", action.trim());
        }
    }
}

fn asset_named(symbol: &str) -> AssetId {
    if symbol == "BTC" { BTC } else { USDT }
}

fn decimal(steps: i64, step: Decimal) -> String {
    plain(Decimal { mantissa: steps * step.mantissa, scale: step.scale })
}

/// To eight digits, towards zero.
fn money(amount: Amount, of: AssetId) -> String {
    let down = 10i128.pow(u32::from(asset(of).scale) - 8);
    let mantissa = i64::try_from(amount.0 / down).unwrap();
    plain(Decimal { mantissa, scale: 8 })
}

fn plain(value: Decimal) -> String {
    let text = value.to_string();
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Two positions in one cross wallet of 1 535 443.01 USDT, as in the venue's FAQ "How to calculate liquidation price of USDⓈ-M
/// futures contracts" (Binance): BTCUSDT liquidates at 26 316.89, ETHUSDT at 1 153.26; to more digits 26 316.8933 and 1 153.2565,
/// so that the first marks that do it are 26 316.89 and 1 153.25.
#[test]
fn the_liquidation_prices_of_the_venues_own_example() {
    Desk::tell(
        PLAIN,
        "deposit 1535443.01 USDT
         leverage BTC 20
         leverage ETH 5
         offer 109.488 BTC at 32481.98
         buy 109.488 BTC               | #1 filled 109488 @ 3248198
         offer 3683.979 ETH at 1456.84
         buy 3683.979 ETH              | #2 filled 3683979 @ 145684
         mark BTC 31967.27
         mark ETH 1335.18
         liquidation-price BTC         | 26316.89
         liquidation-price ETH         | 1153.25
         mark BTC 26316.90
         position BTC                  | 109.488",
    );
}

/// At the first tick of the liquidation price both positions of the pool go, the one with the larger maintenance margin first; the
/// pool is empty then, but for what the tick leaves.
#[test]
fn a_cross_pool_goes_as_one() {
    Desk::tell(
        PLAIN,
        "deposit 1000 USDT
         leverage BTC 20
         leverage ETH 20
         offer 0.1 BTC at 100000
         buy 0.1 BTC                       | #1 filled 100 @ 10000000
         offer 1 ETH at 2000
         buy 1 ETH                         | #2 filled 1000 @ 200000
         buy 1 ETH at 1500
         mark ETH 2000
         mark BTC 90502.01
         liquidation-price BTC             | 90461.84
         mark BTC 90461.84                 | #3 expired, Liquidation: Sell 0.1 BTC at 90000 fee 0, Liquidation: Sell 1 ETH at 2000 fee 0
         wallet USDT                       | 0",
    );
}

/// Isolated: margin 1 000 at 10x on 10 000; closed where 1 000 − loss meets 0.4 % of the value: 90 361.445; taken over where
/// nothing of the margin is left: 90 000. The rest of the wallet is safe.
#[test]
fn an_isolated_position_loses_its_own_margin_only() {
    let house = House { mode: MarginMode::Isolated, ..PLAIN };
    Desk::tell(
        house,
        "deposit 5000 USDT
         leverage BTC 10
         offer 0.1 BTC at 100000
         buy 0.1 BTC                       | #1 filled 100 @ 10000000
         margin BTC                        | 1000
         mark BTC 95000
         free USDT                         | 4000
         liquidation-price BTC             | 90361.44
         bankruptcy-price BTC              | 90000
         mark BTC 90361.45
         position BTC                      | 0.1
         mark BTC 90361.44                 | Liquidation: Sell 0.1 BTC at 90000 fee 0
         wallet USDT                       | 4000",
    );
}

/// Against the book the position is sold for what is bid, the rest at the next mark, and the clearance fee of 1.25 % comes on top.
#[test]
fn a_liquidation_against_the_book_takes_what_is_bid() {
    let house = House { liquidation: Liquidation::AgainstBook { clearance_fee: Rate(1_250_000) }, ..PLAIN };
    Desk::tell(
        house,
        "deposit 1000 USDT
         leverage BTC 10
         offer 0.1 BTC at 100000
         buy 0.1 BTC                       | #1 filled 100 @ 10000000
         bid 0.06 BTC at 90200
         mark BTC 90300                    | Liquidation: Sell 0.06 BTC at 90200 fee 67.65
         wallet USDT                       | 344.35
         position BTC                      | 0.04
         bid 0.06 BTC at 90100
         mark BTC 90200                    | Liquidation: Sell 0.04 BTC at 90100 fee 45.05
         wallet USDT                       | -96.7
         position BTC                      | 0",
    );
}

/// A long of 10 BTC at a mark of 8 000 and a rate of 0.01 % pays 8 USDT; the short receives at a positive rate, pays at a negative.
/// Contracts of 10 000 USD at 8 000 are 1.25 BTC: 0.000125 BTC (Bybit's examples of both).
#[test]
fn funding_is_position_value_times_rate() {
    Desk::tell(
        PLAIN,
        "deposit 80000 USDT
         deposit 2 BTC
         offer 10 BTC at 8000
         buy 10 BTC                                  | #1 filled 10000 @ 800000
         mark BTC 8000 rate 0.0001 funding-at 60
         until 59
         until 60                                    | funding -8
         wallet USDT                                 | 79992
         mark BTC 8000 rate 0.0001 funding-at 60
         until 119
         mark BTC 8100 rate -0.0002 funding-at 120
         until 120                                   | funding 16.2
         offer 10000 XBT at 8000
         buy 10000 XBT                               | #2 filled 10000 @ 16000
         mark XBT 8000 rate 0.0001 funding-at 180
         until 180                                   | funding -0.000125
         wallet BTC                                  | 1.999875",
    );
}

/// Contracts × (1/entry − 1/exit): 50 000 × (1/5 000 − 1/5 500) = 0.90909090 BTC long; a short loses as much.
#[test]
fn inverse_profit_is_contracts_over_entry_less_contracts_over_exit() {
    Desk::tell(
        PLAIN,
        "deposit 20 BTC
         offer 50000 XBT at 5000
         buy 50000 XBT                      | #1 filled 50000 @ 10000
         bid 50000 XBT at 5500
         sell 50000 XBT                     | #2 filled 50000 @ 11000
         wallet BTC                         | 20.9090909
         sell 50000 XBT                     | NoMarket
         bid 50000 XBT at 5000
         sell 50000 XBT                     | #4 filled 50000 @ 10000
         offer 50000 XBT at 5500
         buy 50000 XBT                      | #5 filled 50000 @ 11000
         wallet BTC                         | 20",
    );
}

/// 10 000 contracts at 50 000 with 10x: margin 0.02 BTC, value 0.2 BTC. Closed where 0.02 + 0.2 − 10 000/p = 0.5 % × 10 000/p, that
/// is p = 10 050 / 0.22 = 45 681.8; the margin is gone at 10 000 / 0.22 = 45 454.5. A 1x short has no such price.
#[test]
fn inverse_liquidation() {
    Desk::tell(
        House { mode: MarginMode::Isolated, ..PLAIN },
        "deposit 1 BTC
         leverage XBT 10
         offer 10000 XBT at 50000
         buy 10000 XBT                      | #1 filled 10000 @ 100000
         margin XBT                         | 0.02
         mark XBT 50000
         liquidation-price XBT              | 45681.5
         bankruptcy-price XBT               | 45455
         mark XBT 45500                     | Liquidation: Sell 10000 XBT at 45455 fee 0
         wallet BTC                         | 0.98000219
         leverage XBT 1
         bid 10000 XBT at 45500
         sell 10000 XBT                     | #2 filled 10000 @ 91000
         liquidation-price XBT              | none",
    );
}

/// The mean of the index over the hour before expiry, by time: 30 minutes at 100, 20 at 103, 10 at 109 are 102.5. The fee is
/// 0.015 % of the value. Orders on it end first, and nothing trades after.
#[test]
fn a_dated_contract_is_settled_at_the_mean_of_the_index() {
    Desk::tell(
        PLAIN,
        "deposit 1000 USDT
         offer 2 FUT at 98
         buy 2 FUT                          | #1 filled 2000 @ 9800
         until 400
         mark FUT 100
         until 450
         mark FUT 103
         buy 1 FUT at 90
         until 470
         mark FUT 109
         until 480                          | #2 expired, Delivery: Sell 2 FUT at 102.5 fee 0.03075
         wallet USDT                        | 1008.96925
         position FUT                       | 0
         buy 1 FUT at 90                    | NoMarket",
    );
}

/// Buys at 90 and 80 of one contract each, 10x: 9 + 8 of margin, and against a mark of 85 the first would lose 5 at once.
#[test]
fn orders_need_margin_before_they_rest() {
    Desk::tell(
        PLAIN,
        "deposit 25 USDT
         leverage BTC 10
         mark BTC 85
         buy 1 BTC at 90
         free USDT                          | 11
         buy 1 BTC at 80
         free USDT                          | 3
         sell 1 BTC at 100
         free USDT                          | 3
         buy 1 BTC at 80                    | InsufficientFunds
         amend 2 BTC to 2 at 80             | amend refused: InsufficientFunds
         amend 2 BTC to 1 at 70             | #2 now 1000
         free USDT                          | 4
         cancel 1 BTC                       | #1 cancelled
         free USDT                          | 15
         buy 1 BTC at 80
         free USDT                          | 10",
    );
}

/// The tier's largest leverage binds before the chosen one: 1 200 000 of value at 20x at most, not at 100x.
#[test]
fn a_large_position_gets_less_leverage() {
    Desk::tell(
        PLAIN,
        "deposit 59999 USDT
         leverage BTC 100
         mark BTC 100000
         buy 12 BTC at 100000               | InsufficientFunds
         deposit 1 USDT
         buy 12 BTC at 100000
         free USDT                          | 0",
    );
}

/// Reduce-only: refused without a position or in its direction, cut to the position beside others of its kind, and shrunk or
/// ended as the position shrinks, the youngest first.
#[test]
fn reducing_orders_never_exceed_the_position() {
    Desk::tell(
        PLAIN,
        "deposit 10000 USDT
         sell 1 BTC at 110 reduce-only      | WouldIncrease
         offer 5 BTC at 100
         buy 5 BTC                          | #2 filled 5000 @ 10000
         buy 1 BTC at 90 reduce-only        | WouldIncrease
         sell 3 BTC at 110 reduce-only
         sell 4 BTC at 111 reduce-only      | #5 now 2000
         sell 1 BTC at 112 reduce-only      | WouldIncrease
         bid 1 BTC at 99
         sell 1 BTC                         | #7 filled 1000 @ 9900, #5 now 1000
         bid 3 BTC at 99
         sell 2 BTC                         | #8 filled 2000 @ 9900, #5 expired, #4 now 2000
         bid 2 BTC at 98
         sell 2 BTC                         | #9 filled 2000 @ 9800, #4 expired
         position BTC                       | 0
         wallet USDT                        | 9993",
    );
}

/// A market order that may only reduce is filled for what there is to reduce; the rest is cancelled.
#[test]
fn a_reducing_market_order_is_cut() {
    Desk::tell(
        PLAIN,
        "deposit 10000 USDT
         offer 5 BTC at 100
         buy 5 BTC                          | #1 filled 5000 @ 10000
         bid 20 BTC at 99
         sell 9 BTC reduce-only             | #2 filled 5000 @ 9900, #2 cancelled
         position BTC                       | 0",
    );
}

/// A plain sell and a reducing one fill on the same message: the second may not open a short.
#[test]
fn a_reducing_order_does_not_fill_beyond_the_position() {
    Desk::tell(
        PLAIN,
        "deposit 10000 USDT
         offer 5 BTC at 100
         buy 5 BTC                          | #1 filled 5000 @ 10000
         sell 3 BTC at 110
         sell 5 BTC at 110 reduce-only
         offer 1 BTC at 115
         bid 20 BTC at 112                  | #2 filled 3000 @ 11000, #3 filled 2000 @ 11000, #3 expired
         position BTC                       | 0",
    );
}

/// Hedge mode: both legs at once, each order names its leg, and a leg's closing order cannot exceed it.
#[test]
fn a_hedged_account_keeps_two_legs() {
    Desk::tell(
        House { positions: PositionMode::Hedge, ..PLAIN },
        "deposit 1000 USDT
         offer 5 BTC at 100
         buy 5 BTC                          | WrongPositionMode
         buy 1 BTC reduce-only              | WrongPositionMode
         buy 5 BTC long-leg                 | #3 filled 5000 @ 10000
         bid 3 BTC at 98
         buy 1 BTC short-leg                | WouldIncrease
         sell 3 BTC short-leg               | #5 filled 3000 @ 9800
         position BTC long-leg              | 5
         position BTC short-leg             | -3
         mark BTC 90 rate 0.001 funding-at 60
         free USDT                          | 254
         until 60                           | funding -0.18
         bid 9 BTC at 90
         sell 9 BTC long-leg                | #6 filled 5000 @ 9000, #6 cancelled
         wallet USDT                        | 949.82
         position BTC short-leg             | -3",
    );
    Desk::tell(PLAIN, "deposit 1000 USDT\n buy 1 BTC at 90 long-leg | WrongPositionMode");
}

/// Spot: a buy ties up quote and fee, a sell the coins; what is not there cannot be sold.
#[test]
fn spot_needs_what_it_gives() {
    let fees = FeeSchedule { maker: Rate(0), taker: Rate(100_000), asset: FeeAsset::Settle };
    Desk::tell(
        House { mode: MarginMode::Spot, fees, ..PLAIN },
        "deposit 1000 USDT
         buy 10 SPOT at 100                 | InsufficientFunds
         sell 1 SPOT at 120                 | InsufficientFunds
         offer 5 SPOT at 100
         buy 5 SPOT                         | #3 filled 5000 @ 10000
         wallet USDT                        | 499.5
         wallet BTC                         | 5
         sell 4 SPOT at 120
         sell 2 SPOT at 120                 | InsufficientFunds
         buy 4 SPOT at 99
         free USDT                          | 103.104
         free BTC                           | 1
         buy 1 BTC at 10                    | InsufficientFunds",
    );
}

/// The venue writes BTC to eight digits, half up: 10 000 / 30 000 is 0.33333333, and that is what the position cost.
#[test]
fn a_venue_that_rounds_says_so_in_its_fills() {
    let cash = Some(CashRounding { step: Amount(10_000), rounding: Rounding::HalfAway });
    Desk::tell(
        House { cash, ..PLAIN },
        "deposit 1 BTC
         offer 10000 XBT at 30000
         buy 10000 XBT                      | #1 filled 10000 @ 60000 for 0.33333333
         bid 10000 XBT at 35000
         sell 10000 XBT                     | #2 filled 10000 @ 70000 for 0.28571429
         wallet BTC                         | 1.04761904",
    );
}

/// Positions without a schedule or a mark are valued where the market trades, and money that is tied up cannot leave.
#[test]
fn what_is_tied_up_cannot_be_withdrawn() {
    let mut desk = Desk::new(PLAIN);
    for line in ["deposit 100 USDT", "offer 1 BTC at 80", "buy 1 BTC"] {
        desk.act(line);
    }
    let transfer = |amount: i128| Transfer {
        transfer: TransferId(1),
        from: OURS,
        to: AccountId(1),
        book: BookId(1),
        asset: USDT,
        amount: Amount(amount * 10_000_000_000),
        fee: Amount::ZERO,
    };
    assert!(desk.venue.clearing_mut().withdraw(&transfer(21)).is_err());
    assert!(desk.venue.clearing_mut().withdraw(&transfer(20)).is_ok());
    assert_eq!(desk.act("wallet USDT"), "80");
    assert_eq!(desk.act("free USDT"), "0");
}
