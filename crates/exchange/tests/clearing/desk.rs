//! A venue of five instruments and one account, driven by the words of a trader's notes.

use tradewind_book::SequenceRule;
use tradewind_exchange::{
    CashRounding, Cleared, ClearedExchange, Clearing, ClearingRules, DeliveryPrice, FeeSchedule, L2Exchange, Leg, Liquidation, Listing,
    PositionKey, PrivateMessage, QueueModel, Tariff,
};
use tradewind_types::{
    Account, AccountEvent, AccountId, Amount, Asset, AssetId, BookId, Decimal, DepthKind, DepthUpdate, Exposure, Instrument, InstrumentId,
    InstrumentKind, InstrumentTerms, LevelChange, MarginMode, MarginSchedule, MarginTier, Mark, MarketEvent, Nanos, OrderId, OrderKind,
    OrderRequest, OrderTerms, PositionMode, Price, Qty, Rate, Rounding, Sequence, Side, TimeInForce, Timestamp, Trade, TradeId, VenueId,
    VenueReply,
};

pub const MINUTE: i64 = 60_000_000_000;
pub const OURS: AccountId = AccountId(0);
pub const USDT: AssetId = AssetId(0);
pub const BTC: AssetId = AssetId(1);
const BNB: AssetId = AssetId(3);
const EXPIRY: Timestamp = Timestamp(480 * MINUTE);

fn asset(id: AssetId) -> Asset {
    let symbol = ["USDT", "BTC", "ETH", "BNB"][id.index()];
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
        instrument(5, "BNB", InstrumentKind::Spot, BNB, ["0.01", "0.001"]),
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

pub struct Desk {
    pub venue: ClearedExchange<L2Exchange>,
    instruments: Vec<Instrument>,
    now: Timestamp,
    orders: u64,
    updates: u64,
}

/// What a scenario starts with.
#[derive(Clone, Copy)]
pub struct House {
    pub mode: MarginMode,
    pub positions: PositionMode,
    pub liquidation: Liquidation,
    pub fees: FeeSchedule,
    pub cash: Option<CashRounding>,
    pub tariff: Option<fn() -> Tariff>,
}

pub const PLAIN: House = House {
    mode: MarginMode::Cross,
    positions: PositionMode::OneWay,
    liquidation: Liquidation::AtBankruptcy,
    fees: FeeSchedule::FREE,
    cash: None,
    tariff: None,
};

impl Desk {
    pub fn new(house: House) -> Self {
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
        if let Some(tariff) = house.tariff {
            clearing = clearing.with_tariff(tariff());
        }
        let account = Account { id: OURS, venue: VenueId(0), name: "ours".into(), mode: house.mode };
        clearing.open_account(account, house.positions);
        let exchange = L2Exchange::new(instruments.iter().map(listing).collect());
        let mut desk = Self { venue: ClearedExchange::new(exchange, clearing), instruments, now: Timestamp(0), orders: 0, updates: 0 };
        for id in 0..6 {
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

    pub fn act(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let said = match words[0] {
            "deposit" => {
                let asset = asset_named(words[2]);
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
            "trade" => {
                let (instrument, price) = (self.symbol(words[1]).id(), self.price(words[1], words[2]));
                let trade = Trade { instrument, trade: TradeId(1), price, qty: Qty(1), aggressor: Side::Buy };
                self.market(&MarketEvent::Trade(trade))
            }
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

    pub fn tell(house: House, story: &str) {
        let mut desk = Self::new(house);
        for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (action, expected) = line.split_once('|').unwrap_or((line, ""));
            assert_eq!(desk.act(action), expected.trim(), "after `{}`", action.trim());
        }
    }
}

fn asset_named(symbol: &str) -> AssetId {
    match symbol {
        "BTC" => BTC,
        "BNB" => BNB,
        _ => USDT,
    }
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
