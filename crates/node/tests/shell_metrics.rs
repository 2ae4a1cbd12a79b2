//! What is scraped is what was put on the board, and whoever is unwell says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use tradewind_node::{AccountHealth, Board, Health, LinkHealth, LoopHealth, MetricsError, Onlooker, VenueHealth, serve_metrics};
use tradewind_types::{Histogram, Nanos};

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn healthy() -> Health {
    let mut answers = Histogram::default();
    [Nanos(1_500), Nanos(3_000_000), Nanos(3_500_000)].into_iter().for_each(|span| answers.add(span));
    let venue = VenueHealth {
        venue: "binance",
        phase: "trading",
        why_not: String::new(),
        links: vec![LinkHealth { name: "spot-public", is_up: true, losses: 2 }],
        market_messages: 1000,
        private_messages: 10,
        market_age: Some(Nanos(1_500_000)),
        gaps: 1,
        unread: 0,
        clock_offset: Nanos(-12_000_000),
        feed_latency: Histogram::default(),
        answer_latency: answers,
        rate_limits: vec![("weight \"1m\"", 40, 6000)],
        unanswered: 3,
    };
    let account = AccountHealth {
        account: "binance-spot".into(),
        is_trading: true,
        balances: vec![("USDT".into(), "99999.12345678".into())],
        positions: vec![],
    };
    Health { is_trading: true, orders_live: 4, venues: vec![venue], accounts: vec![account], ..Health::default() }
}

#[test]
fn what_is_scraped_is_what_was_put_on_the_board() {
    let mut board = Board::default();
    let address = serve_metrics("127.0.0.1:0".parse().unwrap(), board.clone()).unwrap();
    assert_eq!(get(address, "/health").0, 503);
    board.look(healthy(), &LoopHealth::default());
    let (status, page) = get(address, "/metrics");
    assert_eq!(status, 200);
    for line in [
        "# TYPE tradewind_answer_latency_seconds histogram",
        "tradewind_trading 1",
        "tradewind_orders_live 4",
        "tradewind_link_up{venue=\"binance\",link=\"spot-public\"} 1",
        "tradewind_link_losses_total{venue=\"binance\",link=\"spot-public\"} 2",
        "tradewind_market_age_seconds{venue=\"binance\"} 0.0015",
        "tradewind_clock_offset_seconds{venue=\"binance\"} -0.012",
        "tradewind_rate_limit_used{venue=\"binance\",limit=\"weight \\\"1m\\\"\"} 40",
        "tradewind_balance{account=\"binance-spot\",asset=\"USDT\"} 99999.12345678",
        "tradewind_answer_latency_seconds_bucket{venue=\"binance\",le=\"0.000002\"} 1",
        "tradewind_answer_latency_seconds_bucket{venue=\"binance\",le=\"0.002048\"} 1",
        "tradewind_answer_latency_seconds_bucket{venue=\"binance\",le=\"0.004096\"} 3",
        "tradewind_answer_latency_seconds_bucket{venue=\"binance\",le=\"+Inf\"} 3",
        "tradewind_answer_latency_seconds_sum{venue=\"binance\"} 0.0065015",
        "tradewind_answer_latency_seconds_count{venue=\"binance\"} 3",
    ] {
        assert!(page.lines().any(|l| l == line), "no line `{line}` in\n{page}");
    }
    // Every line is a comment or a name, labels and a number.
    for line in page.lines().filter(|l| !l.starts_with("# ")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("tradewind_") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert_eq!(
        get(address, "/health"),
        (200, "{\"complaints\":[],\"ok\":true,\"trading\":true,\"venues\":[{\"phase\":\"trading\",\"venue\":\"binance\"}]}\n".to_owned())
    );
    assert_eq!(get(address, "/other").0, 404);
}

#[test]
fn whoever_is_unwell_says_so() {
    let mut board = Board::default();
    let address = serve_metrics("127.0.0.1:0".parse().unwrap(), board.clone()).unwrap();
    let mut health = healthy();
    health.venues[0].links[0].is_up = false;
    health.orders_unknown = 2;
    board.look(health, &LoopHealth::default());
    let (status, page) = get(address, "/health");
    assert_eq!(status, 503);
    assert!(page.contains("binance: down: spot-public") && page.contains("orders of which nobody knows: 2"), "{page}");
}

#[test]
fn a_port_that_is_taken_and_an_address_of_the_world_are_refused() {
    let taken = serve_metrics("127.0.0.1:0".parse().unwrap(), Board::default()).unwrap();
    let error = serve_metrics(taken, Board::default()).unwrap_err();
    assert!(matches!(error, MetricsError::Listen { .. }) && error.to_string().contains("node.metrics"), "{error}");
    let error = serve_metrics("0.0.0.0:0".parse().unwrap(), Board::default()).unwrap_err();
    assert!(matches!(error, MetricsError::NotLoopback(_)), "{error}");
}
