//! Private streams and the order sockets, payload by payload.

use crate::town::*;
use tradewind_types::{
    AccountEvent, AccountTrade, Amount, Exposure, FeeCharge, Fill, Liquidity, Price, Qty, RejectReason, Side, TradeCause, TradeId,
    VenueOrderId, VenueReply,
};
use tradewind_venues::{
    BalanceRecord, BucketId, CallId, LinkId, Message, OrderOwner, OrderRecord, PositionRecord, RecordState, SessionNews, VenueErrorKind,
};

const THEIRS: VenueOrderId = VenueOrderId(4_293_153);

/// A spot report of order 77 with these fields in place of the usual ones.
fn report(changes: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("e", "\"executionReport\""),
        ("E", "1700000000001"),
        ("s", "\"BTCUSDT\""),
        ("c", "\"tw1-3-77\""),
        ("S", "\"BUY\""),
        ("o", "\"LIMIT\""),
        ("f", "\"GTC\""),
        ("q", "\"1.00000000\""),
        ("p", "\"42000.50000000\""),
        ("C", "\"\""),
        ("x", "\"NEW\""),
        ("X", "\"NEW\""),
        ("r", "\"NONE\""),
        ("i", "4293153"),
        ("l", "\"0.00000000\""),
        ("z", "\"0.00000000\""),
        ("L", "\"0.00000000\""),
        ("n", "\"0\""),
        ("N", "null"),
        ("T", "1700000000000"),
        ("t", "-1"),
        ("w", "true"),
        ("m", "false"),
    ];
    for change in changes {
        fields.retain(|(name, _)| name != &change.0);
        fields.push(*change);
    }
    let event: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!(r#"{{"subscriptionId":0,"event":{{{}}}}}"#, event.join(","))
}

fn spot(changes: &[(&str, &str)]) -> Vec<Message> {
    heard(SPOT_PRIVATE, &report(changes))
}

fn fill(changes: impl FnOnce(&mut Fill)) -> Fill {
    let mut fill = Fill {
        order: OURS,
        trade: TradeId(98_765_432),
        price: Price(4_200_000),
        qty: Qty(50_000),
        liquidity: Liquidity::Taker,
        fee: FeeCharge { asset: BTC, amount: Amount(50_000) },
        stated_cash: Some(Amount(2_100_000_000_000)),
        ts_venue: ms(1_700_000_000_000),
    };
    changes(&mut fill);
    fill
}

const FILLED: [(&str, &str); 8] = [
    ("x", "\"TRADE\""),
    ("X", "\"PARTIALLY_FILLED\""),
    ("l", "\"0.50000000\""),
    ("L", "\"42000.00000000\""),
    ("n", "\"0.00050000\""),
    ("N", "\"BTC\""),
    ("t", "98765432"),
    ("Y", "\"21000.00000000\""),
];

#[test]
fn the_life_of_a_spot_order() {
    let order = OURS;
    let reply = |reply| vec![Message::Reply(reply)];
    let accepted = VenueReply::Accepted { order, venue_order: THEIRS };
    assert_eq!(spot(&[]), reply(accepted));
    let waiting = [("o", "\"STOP_LOSS_LIMIT\""), ("w", "false")];
    assert_eq!(spot(&waiting), reply(accepted));
    let woken = [("o", "\"STOP_LOSS_LIMIT\""), ("w", "true")];
    assert_eq!(spot(&woken), [Message::Reply(accepted), Message::Reply(VenueReply::Triggered { order })]);
    assert_eq!(spot(&FILLED), reply(VenueReply::Filled(fill(|_| {}))));
    let cancelled = [("x", "\"CANCELED\""), ("X", "\"CANCELED\""), ("c", "\"somebodys-cancel\""), ("C", "\"tw1-3-77\"")];
    assert_eq!(spot(&cancelled), reply(VenueReply::Cancelled { order }));
    let reduced = [("x", "\"REPLACED\""), ("q", "\"0.40000000\"")];
    assert_eq!(spot(&reduced), reply(VenueReply::Amended { order, price: Price(4_200_050), qty: Qty(40_000) }));
    let refused = [("x", "\"REJECTED\""), ("X", "\"REJECTED\""), ("r", "\"INSUFFICIENT_BALANCES\"")];
    assert_eq!(spot(&refused), reply(VenueReply::Rejected { order, reason: RejectReason::InsufficientFunds }));
    let expired = [("x", "\"EXPIRED\""), ("X", "\"EXPIRED\"")];
    assert_eq!(spot(&expired), reply(VenueReply::Expired { order }));
    let rest_of_an_immediate = [("x", "\"EXPIRED\""), ("X", "\"EXPIRED\""), ("f", "\"IOC\"")];
    assert_eq!(spot(&rest_of_an_immediate), reply(VenueReply::Cancelled { order }));
    let met_itself = [("x", "\"TRADE_PREVENTION\""), ("X", "\"EXPIRED_IN_MATCH\"")];
    assert_eq!(spot(&met_itself), reply(VenueReply::SelfTradePrevented { order }));
    let decremented = [("x", "\"TRADE_PREVENTION\""), ("A", "\"0.30000000\"")];
    assert_eq!(spot(&decremented), reply(VenueReply::Amended { order, price: Price(4_200_050), qty: Qty(70_000) }));
}

#[test]
fn fees_are_in_whatever_asset_the_venue_names() {
    let with = |changes: &[(&'static str, &'static str)]| spot(&[&FILLED[..], changes].concat());
    let in_bnb = fill(|fill| {
        fill.fee = FeeCharge { asset: BNB, amount: Amount(123) };
        fill.liquidity = Liquidity::Maker;
    });
    assert_eq!(with(&[("n", "\"0.00000123\""), ("N", "\"BNB\""), ("m", "true")]), [Message::Reply(VenueReply::Filled(in_bnb))]);
    let free = fill(|fill| fill.fee = FeeCharge { asset: USDT, amount: Amount::ZERO });
    assert_eq!(with(&[("n", "\"0.00000000\""), ("N", "null")]), [Message::Reply(VenueReply::Filled(free))]);
    let unlisted = report(&[&FILLED[..], &[("N", "\"PEPE\"")]].concat());
    assert!(read(SPOT_PRIVATE, &unlisted).is_err());
}

#[test]
fn what_others_do_is_the_accounts_business() {
    let by_hand = spot(&[&FILLED[..], &[("c", "\"web_1\""), ("z", "\"0.50000000\"")]].concat());
    let Fill { trade, price, qty, fee, stated_cash, ts_venue, .. } = fill(|_| {});
    let (account, instrument, side) = (SPOT_ACCOUNT, SPOT, Side::Buy);
    let (cause, leg) = (TradeCause::Manual, Exposure::Any);
    let traded = AccountTrade { account, instrument, side, trade, price, qty, fee, stated_cash, cause, leg, ts_venue };
    let record = OrderRecord {
        owner: OrderOwner::Foreign("web_1".into()),
        venue_order: THEIRS,
        instrument: SPOT,
        side: Side::Buy,
        price: Some(Price(4_200_050)),
        qty: Qty(100_000),
        filled: Qty(50_000),
        state: RecordState::Open,
    };
    assert_eq!(by_hand, [Message::Account(AccountEvent::Traded(traded)), Message::Order(record)]);
}

/// A futures report with its client id, execution type and status; filled where it trades.
fn futures(id: &str, step: &str, status: &str, more: &str) -> Vec<Message> {
    let (executed, trade) = if matches!(step, "TRADE" | "CALCULATED") { ("0.100", 1_122_334_455) } else { ("0", 0) };
    heard(
        USDM_PRIVATE,
        &format!(
            r#"{{"e":"ORDER_TRADE_UPDATE","E":1700000000001,"T":1700000000000,"o":{{"s":"BTCUSDT","c":"{id}","S":"SELL","o":"LIMIT","f":"GTC",
            "q":"0.100","p":"42000.5","ap":"0","sp":"0","x":"{step}","X":"{status}","i":4293153,"l":"{executed}","z":"{executed}",
            "L":"42000.4","N":"USDT","n":"1.68001600","T":1700000000000,"t":{trade},"b":"0","a":"0","m":true,"R":false,"ps":"BOTH"{more}}}}}"#
        ),
    )
}

#[test]
fn the_life_of_a_futures_order() {
    let order = OURS;
    let ours = |step, status, more| match futures("tw1-3-77", step, status, more).as_slice() {
        [Message::Reply(reply)] => *reply,
        other => panic!("{other:?}"),
    };
    assert_eq!(ours("NEW", "NEW", ""), VenueReply::Accepted { order, venue_order: THEIRS });
    assert_eq!(ours("AMENDMENT", "NEW", ""), VenueReply::Amended { order, price: Price(420_005), qty: Qty(100) });
    assert_eq!(ours("CANCELED", "CANCELED", ""), VenueReply::Cancelled { order });
    assert_eq!(ours("EXPIRED", "EXPIRED", ""), VenueReply::Expired { order });
    assert_eq!(ours("EXPIRED", "EXPIRED_IN_MATCH", ""), VenueReply::SelfTradePrevented { order });
    let filled = fill(|fill| {
        fill.trade = TradeId(1_122_334_455);
        fill.price = Price(420_004);
        fill.qty = Qty(100);
        fill.liquidity = Liquidity::Maker;
        fill.fee = FeeCharge { asset: USDT, amount: Amount(168_001_600) };
        fill.stated_cash = None;
    });
    assert_eq!(ours("TRADE", "FILLED", ""), VenueReply::Filled(filled));
}

#[test]
fn the_venue_says_why_it_traded_for_us() {
    let cases = [
        ("autoclose-1234567890123456", "CALCULATED", TradeCause::Liquidation),
        ("adl_autoclose", "TRADE", TradeCause::AutoDeleveraging),
        ("adl_autoclose-123", "TRADE", TradeCause::AutoDeleveraging),
        ("settlement_autoclose-1", "TRADE", TradeCause::Delivery),
        ("delivery_autoclose-12345", "TRADE", TradeCause::Delivery),
        ("ios_9", "TRADE", TradeCause::Manual),
    ];
    for (id, step, cause) in cases {
        match futures(id, step, "FILLED", r#","ps":"SHORT""#).as_slice() {
            [Message::Account(AccountEvent::Traded(trade)), Message::Order(record)] => {
                assert_eq!((trade.cause, trade.leg, trade.side), (cause, Exposure::ShortLeg, Side::Sell), "{id}");
                assert_eq!((trade.account, trade.qty), (USDM_ACCOUNT, Qty(100)), "{id}");
                assert_eq!((&record.owner, record.state), (&OrderOwner::Foreign(id.into()), RecordState::Filled));
            }
            other => panic!("{id}: {other:?}"),
        }
    }
}

#[test]
fn an_order_that_waits_for_a_trigger() {
    let said = |status: &str, more: &str| {
        heard(
            USDM_PRIVATE,
            &format!(
                r#"{{"e":"ALGO_UPDATE","T":1,"E":2,"o":{{"caid":"tw1-3-77","aid":2148719,"at":"CONDITIONAL","o":"STOP_MARKET","s":"BTCUSDT",
                "S":"SELL","ps":"BOTH","f":"GTC","q":"0.010","X":"{status}","tp":"41000.0","p":"0","wt":"MARK_PRICE"{more}}}}}"#
            ),
        )
    };
    let order = OURS;
    let waits = VenueReply::Accepted { order, venue_order: VenueOrderId(2_148_719) };
    assert_eq!(said("NEW", ""), [Message::Reply(waits)]);
    assert_eq!(said("TRIGGERED", r#","ai":"88937381063","ap":"0","aq":"0""#), [Message::Reply(VenueReply::Triggered { order })]);
    assert_eq!(said("CANCELED", ""), [Message::Reply(VenueReply::Cancelled { order })]);
    assert_eq!(said("EXPIRED", ""), [Message::Reply(VenueReply::Expired { order })]);
    let refused = VenueReply::Rejected { order, reason: RejectReason::WouldIncrease };
    assert_eq!(said("REJECTED", r#","rm":"ReduceOnly Order is rejected.""#), [Message::Reply(refused)]);
    assert_eq!(said("FINISHED", ""), [Message::Session(SessionNews::Ignored)]);
}

#[test]
fn balances_and_positions() {
    let spot = r#"{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":2,"u":1,"B":[{"a":"USDT","f":"10000.5","l":"0.25"},
        {"a":"NOBODYS","f":"1","l":"1"}]}}"#;
    let total = Amount(1_000_075_000_000);
    assert_eq!(heard(SPOT_PRIVATE, spot), [Message::Balance(BalanceRecord { account: SPOT_ACCOUNT, asset: USDT, total })]);
    let futures = r#"{"e":"ACCOUNT_UPDATE","E":2,"T":1,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"-122.12345678","cw":"100","bc":"50"}],
        "P":[{"s":"BTCUSDT","pa":"0.020","ep":"1","up":"0","mt":"cross","iw":"0","ps":"LONG"},{"s":"BTCUSDT","pa":"-0.010","ps":"SHORT"},
        {"s":"BTCUSDT","pa":"0","ps":"BOTH"},{"s":"OTHER","pa":"what","ps":"BOTH"}]}}"#;
    let position = |leg, lots| Message::Position(PositionRecord { account: USDM_ACCOUNT, instrument: PERP, leg, lots });
    let expected = [
        Message::Balance(BalanceRecord { account: USDM_ACCOUNT, asset: USDT, total: Amount(-12_212_345_678) }),
        position(Exposure::LongLeg, 20),
        position(Exposure::ShortLeg, -10),
        position(Exposure::Any, 0),
    ];
    assert_eq!(heard(USDM_PRIVATE, futures), expected);
}

#[test]
fn streams_end() {
    let expired = Message::Session(SessionNews::StreamExpired);
    assert_eq!(heard(USDM_PRIVATE, r#"{"e":"listenKeyExpired","E":1,"listenKey":"K"}"#), std::slice::from_ref(&expired));
    assert_eq!(heard(SPOT_PRIVATE, r#"{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}"#), [expired]);
}

#[test]
fn answers_on_a_socket() {
    let answer = |link: LinkId, frame: &str| heard(link, frame).pop().unwrap();
    let taken = |call, order| Message::Answer { call: CallId(call), outcome: Ok(order) };
    let placed = r#"{"id":"17","status":200,"result":{"symbol":"BTCUSDT","orderId":28,"clientOrderId":"tw1-3-77"},"rateLimits":[
        {"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100,"count":12},
        {"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":321}]}"#;
    let used = |bucket, used| Message::Usage { bucket: BucketId(bucket), used };
    assert_eq!(heard(SPOT_PRIVATE, placed), [used(1, 12), used(0, 321), taken(17, Some(VenueOrderId(28)))]);
    let amended = r#"{"id":18,"status":200,"result":{"transactTime":1,"executionId":60,"amendedOrder":{"symbol":"BTCUSDT","orderId":23}}}"#;
    assert_eq!(answer(SPOT_PRIVATE, amended), taken(18, Some(VenueOrderId(23))));
    let waiting = r#"{"id":"19","status":200,"result":{"algoId":3000000000003505,"clientAlgoId":"tw1-3-77"}}"#;
    assert_eq!(answer(USDM_ORDERS, waiting), taken(19, Some(VenueOrderId(3_000_000_000_003_505))));
    let refused = r#"{"id":"20","status":400,"error":{"code":-2022,"msg":"ReduceOnly Order is rejected."}}"#;
    match answer(USDM_ORDERS, refused) {
        Message::Answer { call: CallId(20), outcome: Err(refusal) } => {
            assert_eq!((refusal.kind, refusal.code, refusal.http_status), (VenueErrorKind::WouldIncrease, -2022, 0));
        }
        other => panic!("{other:?}"),
    }
    let opened = r#"{"id":"login","status":200,"result":{"subscriptionId":0}}"#;
    assert_eq!(answer(SPOT_PRIVATE, opened), Message::Session(SessionNews::Authenticated));
    let shut = r#"{"id":"login","status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}}"#;
    match answer(SPOT_PRIVATE, shut) {
        Message::Session(SessionNews::AuthRefused(refusal)) => assert_eq!(refusal.kind, VenueErrorKind::Auth),
        other => panic!("{other:?}"),
    }
}
