//! What of many questions leaves first, and that none of them keeps another kind from leaving.

use crate::town::{NOW, PERP, SPOT, directory, settings};
use tradewind_venues::binance::Binance;
use tradewind_venues::{Access, Action, Ask, Gateway, Market};

fn asked(gateway: &mut Gateway, what: &str) -> usize {
    let is_it = |action: &Action| matches!(action, Action::Request { request, .. } if request.url.contains(what));
    gateway.take_actions().filter(is_it).count()
}

#[test]
fn books_that_keep_breaking_do_not_keep_records_from_being_read() {
    let mut gateway = Gateway::new(Box::new(Binance::new(settings())), Access::Private, 1);
    gateway.open(NOW, directory());
    gateway.take_actions().for_each(drop);
    (0..1_000).for_each(|_| gateway.question(NOW, Ask::Depth { instrument: PERP }));
    // A snapshot of so many levels weighs 20 of 2,400 a minute; three tenths of them are for books, and the stream key has one.
    assert_eq!(asked(&mut gateway, "/fapi/v1/depth"), 35);
    gateway.question(NOW, Ask::OpenOrders { market: Market::Linear, cursor: None });
    gateway.question(NOW, Ask::Depth { instrument: SPOT });
    gateway.question(NOW, Ask::Positions { market: Market::Linear, cursor: None });
    let left: Vec<String> = gateway
        .take_actions()
        .filter_map(|action| match action {
            Action::Request { request, .. } => Some(request.url),
            _ => None,
        })
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0].contains("/openOrders") && left[1].contains("/positionRisk"), "{left:?}");
}
