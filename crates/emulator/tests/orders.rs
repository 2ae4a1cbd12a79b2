//! What becomes of orders at a house, case by case: triggers, times, priority, self-trades, legs, funding, liquidation, records.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use tradewind_emulator::house::{
    Category, ClientId, ConditionsUnmet, Ended, FillCause, House, HouseRules, HouseSetup, Leg, MarkState, News, OrderCause, OrderNo,
    OrderRef, OrderStatus, PlaceOrder, Rejection, Size, Wallet,
};
use tradewind_emulator::venues::Venue;
use tradewind_types::{
    Exposure, Nanos, OrderKind, PositionMode, Price, Rate, SelfTradePrevention, Side, TimeInForce, Timestamp, Trigger, TriggerSource,
};

const ALICE: ClientId = ClientId(0);
const BOB: ClientId = ClientId(1);
const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

struct Desk {
    house: House,
    category: Category,
}

impl Desk {
    fn at(venue: Venue, category: Category) -> Self {
        Self { house: House::new(&venue.house(7, 3), NOW).unwrap(), category }
    }

    fn price(&self, text: &str) -> Price {
        self.house.find_listing(self.category, "BTCUSDT").unwrap().price(text).unwrap()
    }

    fn order(&self, client: ClientId, side: Side, kind: OrderKind, qty: &str) -> PlaceOrder<'static> {
        let listing = self.house.find_listing(self.category, "BTCUSDT").unwrap();
        let time_in_force = if kind == OrderKind::Market { TimeInForce::ImmediateOrCancel } else { TimeInForce::GoodTillCancelled };
        PlaceOrder {
            client,
            instrument: listing.id(),
            client_order_id: "",
            side,
            kind,
            time_in_force,
            size: Size::Lots(listing.qty(qty).unwrap()),
            exposure: Exposure::Any,
            self_trade: None,
            remark: 0,
        }
    }

    fn limit(&self, client: ClientId, side: Side, price: &str, qty: &str) -> PlaceOrder<'static> {
        self.order(client, side, OrderKind::Limit { price: self.price(price) }, qty)
    }

    fn place(&mut self, order: &PlaceOrder<'_>) -> OrderNo {
        self.house.place(NOW, order).unwrap()
    }

    fn status(&self, client: ClientId, no: OrderNo) -> (OrderStatus, Option<Ended>) {
        let record = self.house.order(client, OrderRef::No(no)).unwrap();
        (record.status, record.ended)
    }

    fn filled(&self, client: ClientId, no: OrderNo) -> String {
        let record = self.house.order(client, OrderRef::No(no)).unwrap();
        self.house.listing(record.terms.instrument).unwrap().qty_text(record.filled)
    }

    fn mark(&mut self, at: Timestamp, price: &str, rate: i64, next_funding: Timestamp) {
        let (id, mark) = (self.house.find_listing(self.category, "BTCUSDT").unwrap().id(), self.price(price));
        self.house.set_mark(at, id, MarkState { mark, index: mark, funding_rate: Rate(rate), next_funding });
    }

    fn derivatives(&self, client: ClientId) -> String {
        let account = self.house.account(client, Wallet::Derivatives).unwrap();
        self.house.amount_text(self.house.balance(account, self.house.asset("USDT").unwrap()).wallet, 0)
    }
}

#[test]
fn a_stop_waits_wakes_at_its_price_and_works_then() {
    let mut desk = Desk::at(Venue::Binance, Category::Spot);
    desk.place(&desk.limit(ALICE, Side::Sell, "50000", "1"));
    desk.place(&desk.limit(ALICE, Side::Sell, "50100", "1"));
    let trigger = Trigger { price: desk.price("50000"), source: TriggerSource::Last };
    let stop = desk.place(&desk.order(BOB, Side::Buy, OrderKind::Stop { trigger }, "0.5"));
    assert_eq!(desk.status(BOB, stop).0, OrderStatus::Waiting);
    let bob = desk.house.account(BOB, Wallet::Spot).unwrap();
    let usdt = desk.house.asset("USDT").unwrap();
    assert_eq!(desk.house.amount_text(desk.house.balance(bob, usdt).in_orders, 0), "25000");
    // Somebody trades at 50000: the stop wakes and takes what is left there.
    desk.place(&desk.limit(ClientId(2), Side::Buy, "50000", "0.2"));
    assert_eq!((desk.status(BOB, stop).0, desk.filled(BOB, stop)), (OrderStatus::Filled, "0.50000".into()));
    let mut news = Vec::new();
    desk.house.take_news(&mut news);
    let mine = |news: &News| match news {
        News::Order { cause, record } if record.no == stop => Some(*cause),
        _ => None,
    };
    let causes: Vec<OrderCause> = news.iter().filter_map(mine).collect();
    assert_eq!(causes, [OrderCause::New, OrderCause::Triggered]);
    let at_once = desk.order(BOB, Side::Buy, OrderKind::Stop { trigger }, "0.5");
    assert_eq!(desk.house.place(NOW, &at_once), Err(Rejection::WouldTriggerAtOnce));
    let take = desk.place(&desk.order(
        BOB,
        Side::Sell,
        OrderKind::TakeProfit { trigger: Trigger { price: desk.price("50100"), ..trigger } },
        "0.1",
    ));
    desk.house.cancel(NOW, BOB, OrderRef::No(take)).unwrap();
    assert_eq!(desk.status(BOB, take), (OrderStatus::Cancelled, Some(Ended::ByClient)));
}

#[test]
fn an_order_ends_at_its_time_and_frees_its_money() {
    let mut desk = Desk::at(Venue::Binance, Category::Linear);
    let until = NOW.plus(Nanos::from_secs(600));
    let order = PlaceOrder { time_in_force: TimeInForce::GoodTillTime { until }, ..desk.limit(ALICE, Side::Buy, "50000", "1") };
    let no = desk.place(&order);
    assert_eq!(desk.house.next_deadline(), Some(until));
    desk.house.on_time(Timestamp(until.0 - 1));
    assert_eq!(desk.status(ALICE, no).0, OrderStatus::Open);
    desk.house.on_time(until);
    assert_eq!(desk.status(ALICE, no), (OrderStatus::Expired, Some(Ended::TimeOver)));
    let account = desk.house.account(ALICE, Wallet::Derivatives).unwrap();
    let balance = desk.house.balance(account, desk.house.asset("USDT").unwrap());
    assert_eq!(balance.wallet, balance.free);
}

#[test]
fn an_amend_keeps_its_place_only_where_it_asks_for_no_more() {
    let mut desk = Desk::at(Venue::Bybit, Category::Linear);
    let first = desk.place(&desk.limit(ALICE, Side::Sell, "50000", "2"));
    let second = desk.place(&desk.limit(BOB, Side::Sell, "50000", "2"));
    let qty = |desk: &Desk, text: &str| Some(desk.house.find_listing(Category::Linear, "BTCUSDT").unwrap().qty(text).unwrap());
    let less = qty(&desk, "1");
    desk.house.amend(NOW, ALICE, OrderRef::No(first), None, less).unwrap();
    desk.place(&desk.limit(ClientId(2), Side::Buy, "50000", "0.5"));
    assert_eq!((desk.filled(ALICE, first), desk.filled(BOB, second)), ("0.500".into(), "0.000".into()));
    let more = qty(&desk, "3");
    desk.house.amend(NOW, ALICE, OrderRef::No(first), None, more).unwrap();
    desk.place(&desk.limit(ClientId(2), Side::Buy, "50000", "1"));
    assert_eq!((desk.filled(ALICE, first), desk.filled(BOB, second)), ("0.500".into(), "1.000".into()));
    assert_eq!(desk.house.amend(NOW, ALICE, OrderRef::No(first), None, more), Err(Rejection::Unchanged));
    let better = desk.price("49999");
    desk.house.amend(NOW, ALICE, OrderRef::No(first), Some(better), None).unwrap();
    let id = desk.house.find_listing(Category::Linear, "BTCUSDT").unwrap().id();
    assert_eq!(desk.house.top(id).1.unwrap().price, better);
}

#[test]
fn a_client_does_not_trade_with_itself_unless_it_may() {
    let meet = |mode: SelfTradePrevention| {
        let mut desk = Desk::at(Venue::Binance, Category::Spot);
        let resting = desk.place(&desk.limit(ALICE, Side::Sell, "50000", "1"));
        let coming = desk.place(&PlaceOrder { self_trade: Some(mode), ..desk.limit(ALICE, Side::Buy, "50000", "0.4") });
        // Whatever it did, it was for that order alone.
        assert_eq!(desk.house.rules().self_trade, SelfTradePrevention::CancelOldest);
        (desk.status(ALICE, resting).0, desk.status(ALICE, coming).0)
    };
    use OrderStatus::{Filled, Open, SelfTradePrevented};
    assert_eq!(meet(SelfTradePrevention::Allow), (Open, Filled));
    assert_eq!(meet(SelfTradePrevention::CancelNewest), (Open, SelfTradePrevented));
    assert_eq!(meet(SelfTradePrevention::CancelOldest), (SelfTradePrevented, Open));
    assert_eq!(meet(SelfTradePrevention::CancelBoth), (SelfTradePrevented, SelfTradePrevented));
    assert_eq!(meet(SelfTradePrevention::Decrement), (Open, SelfTradePrevented));
}

#[test]
fn an_iceberg_shows_a_part_of_itself() {
    let mut desk = Desk::at(Venue::Binance, Category::Spot);
    let display = desk.house.listings()[0].qty("0.1").unwrap();
    let kind = OrderKind::Iceberg { price: desk.price("50000"), display };
    let no = desk.place(&desk.order(ALICE, Side::Sell, kind, "1"));
    let id = desk.house.listings()[0].id();
    assert_eq!(desk.house.top(id).1.unwrap().qty, display);
    desk.place(&desk.limit(BOB, Side::Buy, "50000", "0.25"));
    assert_eq!(desk.filled(ALICE, no), "0.25000");
    assert_eq!(desk.house.listings()[0].qty_text(desk.house.top(id).1.unwrap().qty), "0.05000");
}

#[test]
fn the_two_legs_of_a_hedge_are_apart() {
    let mut desk = Desk::at(Venue::Binance, Category::Linear);
    let account = desk.house.account(ALICE, Wallet::Derivatives).unwrap();
    desk.house.set_position_mode(account, PositionMode::Hedge).unwrap();
    assert_eq!(desk.house.set_position_mode(account, PositionMode::Hedge), Err(Rejection::Unchanged));
    for (side, price) in [(Side::Sell, "50000"), (Side::Buy, "49000")] {
        desk.place(&desk.limit(BOB, side, price, "3"));
    }
    let any = desk.order(ALICE, Side::Buy, OrderKind::Market, "1");
    assert_eq!(desk.house.place(NOW, &any), Err(Rejection::PositionMode));
    desk.place(&PlaceOrder { exposure: Exposure::LongLeg, ..any });
    desk.place(&PlaceOrder { exposure: Exposure::ShortLeg, ..desk.order(ALICE, Side::Sell, OrderKind::Market, "2") });
    let legs: Vec<(Leg, i64)> = desk.house.positions(account).iter().map(|position| (position.leg, position.lots)).collect();
    assert_eq!(legs, [(Leg::Long, 1_000), (Leg::Short, -2_000)]);
    assert_eq!(desk.house.set_position_mode(account, PositionMode::OneWay), Err(Rejection::NotAvailable));
}

#[test]
fn funding_is_charged_at_its_hour_at_the_mark_before_it() {
    let mut desk = Desk::at(Venue::Binance, Category::Linear);
    desk.place(&desk.limit(ALICE, Side::Sell, "50000", "1"));
    desk.place(&desk.limit(BOB, Side::Buy, "50000", "1"));
    let (due, later) = (NOW.plus(Nanos::from_secs(60)), NOW.plus(Nanos::from_secs(120)));
    desk.mark(NOW, "50000", 10_000, due);
    desk.mark(NOW.plus(Nanos::from_secs(59)), "51000", 10_000, due);
    desk.mark(NOW.plus(Nanos::from_secs(61)), "52000", 20_000, later);
    // 0.01 % of 51000 from the long to the short; fees before were 0.05 % and 0.02 % of 50000.
    assert_eq!((desk.derivatives(BOB), desk.derivatives(ALICE)), ("999969.9".into(), "999995.1".into()));
    let paid: Vec<String> = desk.house.fundings(BOB).map(|paid| desk.house.amount_text(paid.amount, 0)).collect();
    assert_eq!(paid, ["-5.1"]);
    let id = desk.house.find_listing(Category::Linear, "BTCUSDT").unwrap().id();
    let charged: Vec<(Timestamp, Rate)> = desk.house.tape(id).unwrap().fundings().map(|f| (f.at, f.rate)).collect();
    assert_eq!(charged, [(due, Rate(10_000))]);
}

#[test]
fn a_position_without_margin_is_closed_in_the_book_and_told() {
    let mut desk = Desk::at(Venue::Binance, Category::Linear);
    let account = desk.house.account(BOB, Wallet::Derivatives).unwrap();
    let id = desk.house.find_listing(Category::Linear, "BTCUSDT").unwrap().id();
    desk.house.set_leverage(account, id, 50).unwrap();
    desk.mark(NOW, "50000", 0, Timestamp(0));
    let (usdt, leaves) = (desk.house.asset("USDT").unwrap(), desk.house.amount("997000").unwrap());
    desk.house.transfer(NOW, BOB, Wallet::Derivatives, usdt, leaves).unwrap();
    desk.place(&desk.limit(ALICE, Side::Sell, "50000", "1"));
    desk.place(&desk.limit(ALICE, Side::Buy, "47000", "5"));
    desk.place(&desk.order(BOB, Side::Buy, OrderKind::Market, "1"));
    let other = desk.place(&desk.limit(BOB, Side::Buy, "40000", "0.01"));
    let edge = desk.house.liquidation_price(account, id, Leg::Net).unwrap();
    let above = desk.house.listing(id).unwrap().price_text(Price(edge.0 + 1));
    desk.mark(NOW, &above, 0, Timestamp(0));
    assert_eq!(desk.house.positions(account).len(), 1);
    let at = desk.house.listing(id).unwrap().price_text(edge);
    desk.mark(NOW, &at, 0, Timestamp(0));
    assert!(desk.house.positions(account).is_empty());
    assert_eq!(desk.status(BOB, other), (OrderStatus::Expired, Some(Ended::ByVenue)));
    let forced: Vec<(FillCause, Option<OrderNo>)> = desk.house.fills(BOB).skip(1).map(|fill| (fill.cause, fill.order)).collect();
    assert_eq!(forced, [(FillCause::Liquidation, None)]);
    // 3000 less 25 of fee; sold at 47000, a loss of 3000, and the clearance fee of 1.25 % of 47000 on top.
    assert_eq!(desk.derivatives(BOB), "-612.5");
    assert_eq!(desk.house.fault(), None);
}

#[test]
fn what_conditions_keep_out_is_refused_or_recorded_as_the_venue_does() {
    for (venue, rule) in [(Venue::Binance, ConditionsUnmet::Refused), (Venue::Bybit, ConditionsUnmet::Recorded)] {
        let setup = venue.house(7, 2);
        let setup = HouseSetup { rules: HouseRules { conditions_unmet: rule, ..setup.rules }, ..setup };
        let mut desk = Desk { house: House::new(&setup, NOW).unwrap(), category: Category::Spot };
        desk.place(&desk.limit(ALICE, Side::Sell, "50000", "1"));
        let crossing = PlaceOrder { time_in_force: TimeInForce::PostOnly, ..desk.limit(BOB, Side::Buy, "50000", "0.1") };
        match (rule, desk.house.place(NOW, &crossing)) {
            (ConditionsUnmet::Refused, refused) => {
                assert_eq!(refused, Err(Rejection::WouldTake));
                assert_eq!(desk.house.orders(BOB).count(), 0);
            }
            (ConditionsUnmet::Recorded, placed) => {
                assert_eq!(desk.status(BOB, placed.unwrap()), (OrderStatus::Cancelled, Some(Ended::Refused(Rejection::WouldTake))));
            }
        }
    }
}

#[test]
fn records_are_bounded_and_the_latest_are_kept() {
    let mut desk = Desk::at(Venue::Binance, Category::Spot);
    let mut last = OrderNo(0);
    for number in 0..10_500 {
        let name = format!("o{number}");
        last = desk.place(&PlaceOrder { client_order_id: &name, ..desk.limit(ALICE, Side::Buy, "40000", "0.001") });
        desk.house.cancel(NOW, ALICE, OrderRef::No(last)).unwrap();
        let mut news = Vec::new();
        desk.house.take_news(&mut news);
    }
    assert_eq!(desk.house.closed_orders(ALICE).count(), 10_000);
    assert!(desk.house.order(ALICE, OrderRef::Client("o10499")).is_some_and(|record| record.no == last));
    assert!(desk.house.order(ALICE, OrderRef::Client("o10")).is_none());
}
