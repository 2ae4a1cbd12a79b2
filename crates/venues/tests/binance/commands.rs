//! Commands on their way: by socket where there is one, over HTTP where not, and what their answers say.

use crate::town::*;
use tradewind_limits::{BookHealth, Command, Limits, OrderContext, Reference, Standing, Surroundings};
use tradewind_types::{
    Account, Amount, Asset, BookId, Decimal, Exposure, Instrument, InstrumentId, InstrumentKind, InstrumentTerms, MarginMode, OrderKind,
    OrderState, OrderTerms, Price, Qty, Side, TimeInForce, VenueId, VenueOrderId,
};
use tradewind_venues::binance::{Endpoints, Settings};
use tradewind_venues::{
    BucketId, CallId, Charge, Dialect, Inbox, Market, Message, Method, Outgoing, Signer, Submission, VenueError, VenueErrorKind,
};

const CALL: CallId = CallId(17);

fn limit(instrument: InstrumentId) -> OrderTerms {
    let account = if instrument == SPOT { SPOT_ACCOUNT } else { USDM_ACCOUNT };
    let (book, side, kind) = (BookId(1), Side::Buy, OrderKind::Limit { price: Price(400_000) });
    OrderTerms { instrument, account, book, side, kind, time_in_force: TimeInForce::PostOnly, qty: Qty(5), exposure: Exposure::Any }
}

/// A command comes out of the limits and from nowhere else.
fn place(terms: &OrderTerms) -> Command {
    let is_spot = terms.instrument == SPOT;
    let (base, quote) = (Asset { id: BTC, symbol: "BTC".into(), scale: 8 }, Asset { id: USDT, symbol: "USDT".into(), scale: 8 });
    let decimal = |scale| Decimal { mantissa: 1, scale };
    let instrument = InstrumentTerms {
        id: terms.instrument,
        venue: VenueId(0),
        symbol: "BTCUSDT".into(),
        kind: if is_spot { InstrumentKind::Spot } else { InstrumentKind::LinearPerpetual },
        base: base.id,
        quote: quote.id,
        settle: quote.id,
        tick: decimal(if is_spot { 2 } else { 1 }),
        lot: decimal(if is_spot { 5 } else { 3 }),
        multiplier: decimal(0),
        min_qty: Qty(1),
        max_qty: Qty(1_000_000_000),
        min_notional: Amount(0),
    };
    let instrument = Instrument::new(instrument, &base, &quote).unwrap();
    let mode = if is_spot { MarginMode::Spot } else { MarginMode::Cross };
    let account = Account { id: terms.account, venue: VenueId(0), name: "main".into(), mode };
    let (surroundings, flat) = (Surroundings::default(), Standing::default());
    let context = OrderContext {
        now: NOW,
        instrument: &instrument,
        account: &account,
        reference: Some(Reference { price: Price(400_000), at: NOW }),
        book_health: BookHealth::Valid,
        firm: flat,
        account_standing: flat,
        book: flat,
        free: Amount(i128::MAX),
        surroundings: Some(&surroundings),
    };
    Limits::new().place(&context, OURS, terms).unwrap().into_command()
}

fn cancel(instrument: InstrumentId) -> Command {
    Limits::new().cancel(OURS, instrument, OrderState::Open).unwrap()
}

const fn leaving(command: Command, terms: &OrderTerms) -> Submission {
    Submission { command, terms: *terms }
}

/// Several decided at once leave one after the other on the socket: nothing overtakes them there.
#[test]
fn orders_leave_one_by_one() {
    let [first, second] = [PERP, PERP].map(|perp| leaving(place(&limit(perp)), &limit(perp)));
    let alone = dialect().command(std::slice::from_ref(&first), CALL, NOW);
    assert_eq!(alone.0, 1);
    assert_eq!(dialect().command(&[first, second], CALL, NOW), alone);
}

#[test]
fn orders_leave_by_the_socket_of_their_market() {
    let sent = |terms: &OrderTerms| match dialect().command(&[leaving(place(terms), terms)], CALL, NOW).1 {
        Outgoing::Frame(link, frame) => (link, String::from_utf8(frame).unwrap()),
        other => panic!("{other:?}"),
    };
    let signature = |plain: &str| Signer::new(b"testsecret").hex(&[plain.as_bytes()]);
    let plain = "apiKey=testkey&newClientOrderId=tw1-3-77&newOrderRespType=ACK&price=4000&quantity=0.00005&recvWindow=5000&side=BUY&symbol=BTCUSDT&timestamp=1700000000000&type=LIMIT_MAKER";
    let frame = format!(
        r#"{{"id":"17","method":"order.place","params":{{"apiKey":"testkey","newClientOrderId":"tw1-3-77","newOrderRespType":"ACK","price":"4000","quantity":"0.00005","recvWindow":5000,"side":"BUY","symbol":"BTCUSDT","timestamp":1700000000000,"type":"LIMIT_MAKER","signature":"{}"}}}}"#,
        signature(plain)
    );
    assert_eq!(sent(&limit(SPOT)), (SPOT_PRIVATE, frame));
    let (link, frame) = sent(&limit(PERP));
    assert_eq!(link, USDM_ORDERS);
    assert!(frame.contains(r#""price":"40000","quantity":"0.005""#) && frame.contains(r#""timeInForce":"GTX""#), "{frame}");
}

#[test]
fn without_an_order_socket_they_leave_over_http() {
    let endpoints = Endpoints { usdm_ws_api: String::new(), ..Endpoints::default() };
    let dialect = dialect_of(Settings { endpoints, ..settings() }, directory());
    let Outgoing::Http(request) = dialect.command(&[leaving(place(&limit(PERP)), &limit(PERP))], CALL, NOW).1 else {
        panic!("not over HTTP")
    };
    assert_eq!((request.method, request.url.as_str()), (Method::Post, "https://fapi.binance.com/fapi/v1/order"));
    let query = "newClientOrderId=tw1-3-77&newOrderRespType=ACK&price=40000&quantity=0.005&recvWindow=5000&side=BUY&symbol=BTCUSDT&timeInForce=GTX&timestamp=1700000000000&type=LIMIT";
    let body = format!("{query}&signature={}", Signer::new(b"testsecret").hex(&[query.as_bytes()]));
    assert_eq!(String::from_utf8(request.body).unwrap(), body);
    assert!(request.headers.contains(&("content-type", "application/x-www-form-urlencoded".into())));
    let keyless = dialect_of(Settings { credentials: None, ..settings() }, directory());
    assert_eq!(keyless.command(&[leaving(cancel(SPOT), &limit(SPOT))], CALL, NOW), (1, Outgoing::NotOffered));
}

#[test]
fn answers_over_http() {
    let answered = |status, body: &str| {
        let mut inbox = Inbox::default();
        let headers = [("x-mbx-order-count-1m".to_owned(), "9".to_owned()), ("Retry-After".to_owned(), "3".to_owned())];
        dialect().answer_commands(CALL, &[*cancel(PERP).request()], status, &headers, body.as_bytes(), &mut inbox).map(|()| inbox.messages)
    };
    let used = Message::Usage { bucket: BucketId(5), used: 9 };
    let taken = Message::Answer { call: CALL, outcome: Ok(Some(VenueOrderId(22_542_179))) };
    assert_eq!(answered(200, r#"{"orderId":22542179,"clientOrderId":"tw1-3-77"}"#).unwrap(), [used.clone(), taken]);
    let refusal = |kind, code, message: &str, http_status| {
        let refusal = VenueError { kind, code, message: message.into(), http_status };
        [used.clone(), Message::Answer { call: CALL, outcome: Err(refusal) }]
    };
    let unknown = refusal(VenueErrorKind::UnknownOrder, -2011, "Unknown order sent.", 400);
    assert_eq!(answered(400, r#"{"code":-2011,"msg":"Unknown order sent."}"#).unwrap(), unknown);
    assert_eq!(answered(502, "<html>").unwrap(), refusal(VenueErrorKind::Unanswered, 0, "<html>", 502));
    let wait = VenueErrorKind::Rate { retry_after: tradewind_types::Nanos::from_secs(3) };
    assert_eq!(answered(429, r#"{"code":-1015,"msg":"Too many new orders."}"#).unwrap(), refusal(wait, -1015, "Too many new orders.", 429));
    assert!(answered(200, r#"{"orderId":"x"}"#).is_err());
}

/// Orders count by number; cancels never wait for that.
#[test]
fn what_commands_weigh() {
    let charged = |command: Command| -> Vec<(u8, u32)> {
        let place = |charge: Charge| (charge.bucket.0, charge.weight);
        dialect().command_cost(&[leaving(command, &limit(SPOT))]).0.into_iter().flatten().map(place).collect()
    };
    assert_eq!(charged(place(&limit(SPOT))), [(0, 1), (1, 1), (2, 1)]);
    assert_eq!(charged(place(&limit(PERP))), [(4, 1), (5, 1)]);
    assert_eq!(charged(cancel(SPOT)), [(0, 1)]);
    assert_eq!(charged(cancel(PERP)), [(3, 1)]);
    let snapshot = dialect().cost(&tradewind_venues::Ask::Depth { instrument: SPOT });
    assert_eq!(snapshot.0[0], Some(Charge { bucket: BucketId(0), weight: 50 }));
    assert_eq!(dialect().cost(&tradewind_venues::Ask::Balances { market: Market::Linear }).0[0].map(|charge| charge.weight), Some(5));
}
