//! A venue whole, as a driver sees it: what of many commands leaves in which request, and what becomes of those behind a first.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may panic")]

mod bybit_desk;

use bybit_desk::{LINEAR_BTC, ORDERS, settings, two_pairs};
use tradewind_limits::Limits;
use tradewind_types::{
    AccountId, BookId, Exposure, Nanos, OrderId, OrderKind, OrderState, OrderTerms, Price, Qty, Side, TimeInForce, Timestamp, VenueReply,
};
use tradewind_venues::bybit::{Bybit, Endpoints};
use tradewind_venues::{Access, Action, CallId, Gateway, Incoming, LinkId, Notice, Submission};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

const fn order(counter: u64) -> OrderId {
    OrderId { node: 1, epoch: 3, counter }
}

fn cancels(count: u64) -> Vec<Submission> {
    let (instrument, account, book) = (LINEAR_BTC, AccountId(7), BookId(1));
    let kind = OrderKind::Limit { price: Price(400_000) };
    let (side, time_in_force, qty, exposure) = (Side::Buy, TimeInForce::GoodTillCancelled, Qty(5), Exposure::Any);
    let terms = OrderTerms { instrument, account, book, side, kind, time_in_force, qty, exposure };
    let cancel = |n| Limits::new().cancel(order(n), instrument, OrderState::Open).unwrap();
    (1..=count).map(|n| Submission { command: cancel(n), terms }).collect()
}

/// Every link is up.
fn gateway(endpoints: Endpoints) -> Gateway {
    let mut settings = settings();
    settings.endpoints = endpoints;
    let mut gateway = Gateway::new(Box::new(Bybit::new(settings)), Access::Private, 1);
    gateway.open(NOW, two_pairs());
    for _ in 0..3 {
        let actions: Vec<Action> = gateway.take_actions().collect();
        for action in actions {
            match action {
                Action::Connect { link, attempt, .. } => gateway.on_incoming(NOW, &Incoming::Connected { link, attempt }),
                Action::Send { link, attempt, frame } => {
                    let op = if String::from_utf8_lossy(&frame).contains(r#""op":"auth""#) { "auth" } else { "subscribe" };
                    let text = format!(r#"{{"success":true,"ret_msg":"","retCode":0,"op":"{op}"}}"#);
                    gateway.on_incoming(NOW, &Incoming::Frame { link, attempt, text: text.as_bytes() });
                }
                Action::Close { .. } | Action::Request { .. } => {}
            }
        }
    }
    gateway
}

/// What left: link (none over HTTP), name or path of the request, and the orders in it.
fn left(gateway: &mut Gateway) -> Vec<(Option<LinkId>, String, usize)> {
    let orders = |text: &str| text.matches("orderLinkId").count();
    let said = |action: Action| match action {
        Action::Send { link, frame, .. } => {
            let text = String::from_utf8(frame).unwrap();
            let op = text.split_once(r#""op":""#).unwrap().1.split('"').next().unwrap();
            (Some(link), op.to_owned(), orders(&text))
        }
        Action::Request { request, .. } => (None, request.url, orders(&String::from_utf8(request.body).unwrap())),
        other => panic!("{other:?}"),
    };
    gateway.take_actions().map(said).collect()
}

fn lost(gateway: &mut Gateway) -> Vec<u64> {
    let (_, notices) = gateway.take_news();
    let order = |notice: &Notice| match notice {
        Notice::Reply(VenueReply::Lost { order, .. }) => Some(order.counter),
        _ => None,
    };
    notices.iter().filter_map(order).collect()
}

#[test]
fn what_is_decided_at_once_leaves_together_while_there_is_room_and_one_by_one_after() {
    let mut gateway = gateway(Endpoints::default());
    gateway.submit(NOW, &mut cancels(23));
    let batch = (Some(ORDERS), "order.cancel-batch".to_owned(), 10);
    let single = (Some(ORDERS), "order.cancel".to_owned(), 1);
    // An account may take back 10 a second in requests of several, and 10 in requests of one; the others wait.
    let first = left(&mut gateway);
    assert_eq!(first.len(), 11, "{first:?}");
    assert!(first[0] == batch && first[1..].iter().all(|request| *request == single), "{first:?}");
    let later = NOW.plus(Nanos::from_millis(1001));
    gateway.on_time(later);
    assert_eq!(left(&mut gateway), [(batch.0, batch.1, 3)]);
}

#[test]
fn when_a_request_has_no_answer_nobody_knows_of_any_order_in_it() {
    let mut by_socket = gateway(Endpoints::default());
    by_socket.submit(NOW, &mut cancels(4));
    by_socket.on_time(NOW.plus(Nanos::from_secs(6)));
    assert_eq!(lost(&mut by_socket), [1, 2, 3, 4]);
    for text in ["", r#"{"retCode":0,"result":{"list":[]},"retExtInfo":{"list":[]},"time":1}"#] {
        let mut by_http = gateway(Endpoints { trade: String::new(), ..Endpoints::default() });
        by_http.submit(NOW, &mut cancels(4));
        let call =
            by_http.take_actions().find_map(|action| if let Action::Request { call, .. } = action { Some(call) } else { None }).unwrap();
        by_http.on_incoming(NOW, &answer(call, text));
        assert_eq!(lost(&mut by_http), [1, 2, 3, 4], "{text}");
        assert_eq!(by_http.unanswered(), 0);
    }
}

/// A request that failed, or its answer.
const fn answer(call: CallId, text: &str) -> Incoming<'_> {
    match text.as_bytes() {
        [] => Incoming::Failed { call, why: "the connection broke" },
        body => Incoming::Response { call, status: 200, headers: &[], body },
    }
}
