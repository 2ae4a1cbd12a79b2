//! A house by hand arithmetic: what a client sees of its orders and its money.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use tradewind_emulator::house::{Category, ClientId, Filter, House, OrderRef, OrderStatus, PlaceOrder, Rejection, Size, Wallet};
use tradewind_emulator::venues::Venue;
use tradewind_types::{Exposure, OrderKind, Side, TimeInForce, Timestamp};

const ALICE: ClientId = ClientId(0);
const BOB: ClientId = ClientId(1);
const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

fn house(venue: Venue) -> House {
    House::new(&venue.house(7, 2), NOW).unwrap()
}

/// A good-till-cancelled limit order.
fn limit(house: &House, client: ClientId, category: Category, side: Side, price: &str, qty: &str) -> PlaceOrder<'static> {
    let listing = house.find_listing(category, "BTCUSDT").unwrap();
    PlaceOrder {
        client,
        instrument: listing.id(),
        client_order_id: "",
        side,
        kind: OrderKind::Limit { price: listing.price(price).unwrap() },
        time_in_force: TimeInForce::GoodTillCancelled,
        size: Size::Lots(listing.qty(qty).unwrap()),
        exposure: Exposure::Any,
        self_trade: None,
        remark: 0,
    }
}

fn wallet(house: &House, client: ClientId, wallet: Wallet, asset: &str) -> (String, String) {
    let balance = house.balance(house.account(client, wallet).unwrap(), house.asset(asset).unwrap());
    (house.amount_text(balance.wallet, 0), house.amount_text(balance.free, 0))
}

#[test]
fn a_spot_trade_moves_base_and_quote_less_the_fee_in_what_is_received() {
    let mut house = house(Venue::Binance);
    let sell = limit(&house, ALICE, Category::Spot, Side::Sell, "50000.00", "1.5");
    let maker = house.place(NOW, &sell).unwrap();
    assert_eq!(wallet(&house, ALICE, Wallet::Spot, "BTC"), ("10".into(), "8.5".into()));
    let buy = limit(&house, BOB, Category::Spot, Side::Buy, "50001.00", "1");
    let taker = house.place(NOW, &buy).unwrap();
    // Bob pays 50000 and a thousandth of a coin; Alice receives 50000 less a thousandth.
    assert_eq!(wallet(&house, BOB, Wallet::Spot, "BTC"), ("10.999".into(), "10.999".into()));
    assert_eq!(wallet(&house, BOB, Wallet::Spot, "USDT"), ("950000".into(), "950000".into()));
    assert_eq!(wallet(&house, ALICE, Wallet::Spot, "USDT"), ("1049950".into(), "1049950".into()));
    assert_eq!(wallet(&house, ALICE, Wallet::Spot, "BTC"), ("9".into(), "8.5".into()));
    let taken = house.order(BOB, OrderRef::No(taker)).unwrap();
    assert_eq!(taken.status, OrderStatus::Filled);
    let resting = house.order(ALICE, OrderRef::No(maker)).unwrap();
    assert_eq!((resting.status, resting.left()), (OrderStatus::Open, house.listings()[0].qty("0.5").unwrap()));
    assert_eq!(house.listings()[0].average_price_text(taken.filled_value, taken.filled, 2), "50000.00");
    assert_eq!(house.fills_of(resting).len(), 1);
    house.cancel(NOW, ALICE, OrderRef::No(maker)).unwrap();
    assert_eq!(wallet(&house, ALICE, Wallet::Spot, "BTC"), ("9".into(), "9".into()));
}

#[test]
fn a_market_buy_by_amount_spends_no_more_than_the_amount() {
    let mut house = house(Venue::Bybit);
    for (price, qty) in [("50000.0", "0.1"), ("50100.0", "1")] {
        house.place(NOW, &limit(&house, ALICE, Category::Spot, Side::Sell, price, qty)).unwrap();
    }
    let amount = house.amount("10000").unwrap();
    let buy = PlaceOrder {
        kind: OrderKind::Market,
        time_in_force: TimeInForce::ImmediateOrCancel,
        size: Size::Quote(amount),
        ..limit(&house, BOB, Category::Spot, Side::Buy, "1", "1")
    };
    let no = house.place(NOW, &buy).unwrap();
    let record = house.order(BOB, OrderRef::No(no)).unwrap();
    // 0.1 at 50000, then (10000 - 5000) / 50100 = 0.099800 coins at 50100.
    assert_eq!(house.listings()[0].qty_text(record.filled), "0.199800");
    assert_eq!(house.amount_text(record.filled_value, 0), "9999.98");
    assert_eq!(record.status, OrderStatus::Filled);
}

#[test]
fn a_perpetual_realises_profit_and_charges_fees_in_quote() {
    let mut house = house(Venue::Binance);
    let (linear, venue) = (Category::Linear, Wallet::Derivatives);
    house.place(NOW, &limit(&house, ALICE, linear, Side::Sell, "50000.0", "1")).unwrap();
    house.place(NOW, &limit(&house, BOB, linear, Side::Buy, "50000.0", "1")).unwrap();
    house.place(NOW, &limit(&house, ALICE, linear, Side::Buy, "51000.0", "1")).unwrap();
    let no = house.place(NOW, &limit(&house, BOB, linear, Side::Sell, "51000.0", "1")).unwrap();
    assert_eq!(house.amount_text(house.order(BOB, OrderRef::No(no)).unwrap().realised, 0), "1000");
    // Bob took twice: 0.05 % of 50000 and of 51000. Alice made twice: 0.02 %.
    assert_eq!(wallet(&house, BOB, venue, "USDT").0, "1000949.5");
    assert_eq!(wallet(&house, ALICE, venue, "USDT").0, "998979.8");
    assert!(house.positions(house.account(BOB, venue).unwrap()).is_empty());
}

#[test]
fn what_is_wrong_is_named() {
    let mut house = house(Venue::Binance);
    let listing = house.find_listing(Category::Spot, "BTCUSDT").unwrap();
    assert_eq!(listing.price("50000.001"), Err(Rejection::Filter(Filter::Tick)));
    assert_eq!(listing.qty("0.000001"), Err(Rejection::Filter(Filter::Lot)));
    let small = limit(&house, ALICE, Category::Spot, Side::Buy, "50000", "0.00001");
    assert_eq!(house.place(NOW, &small), Err(Rejection::Filter(Filter::MinNotional)));
    let dear = limit(&house, ALICE, Category::Spot, Side::Buy, "50000", "21");
    assert_eq!(house.place(NOW, &dear), Err(Rejection::Funds));
    let named = PlaceOrder { client_order_id: "a", ..limit(&house, ALICE, Category::Spot, Side::Buy, "50000", "0.1") };
    house.place(NOW, &named).unwrap();
    assert_eq!(house.place(NOW, &named), Err(Rejection::DuplicateClientId));
    let crossing = PlaceOrder { time_in_force: TimeInForce::PostOnly, ..limit(&house, BOB, Category::Spot, Side::Sell, "49000", "0.1") };
    assert_eq!(house.place(NOW, &crossing), Err(Rejection::WouldTake));
    assert_eq!(house.cancel(NOW, BOB, OrderRef::Client("a")), Err(Rejection::UnknownOrder));
    house.cancel(NOW, ALICE, OrderRef::Client("a")).unwrap();
    assert_eq!(house.cancel(NOW, ALICE, OrderRef::Client("a")), Err(Rejection::OrderIsOver));
    let reducing = PlaceOrder { exposure: Exposure::ReduceOnly, ..limit(&house, BOB, Category::Linear, Side::Sell, "49000", "0.1") };
    assert_eq!(house.place(NOW, &reducing), Err(Rejection::WouldNotReduce));
}
