//! A configuration that is written wrongly is told where, what, and what may have been meant.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tradewind_node::{Config, Mode};

const GOOD: &str = r#"
[node]
id = 1
folder = "state"
metrics = "127.0.0.1:9100"

[[venue]]
name = "binance"
instruments = { spot = ["BTCUSDT", "ETHUSDT"], linear = ["BTCUSDT"] }
keys = { env = "BINANCE" }
kill_keys = { file = "kill.keys" }
[venue.paper]
balances = { USDT = "100000", BTC = "1.5" }
maker_fee_bps = "-0.5"

[[limit]]
scope = "venue:binance"
instrument = "binance:spot:BTCUSDT"
max_position = "2.5"

[[book]]
name = "quotes"
[[book.algos]]
kind = "quoting"
instrument = "binance:linear:BTCUSDT"
half_spread_bps = "5"
qty = "0.01"
max_position = "0.1"
"#;

fn read(text: &str) -> String {
    match Config::read(text) {
        Err(error) => error.to_string(),
        Ok(config) => config.check(Mode::Live).map_or_else(|mistakes| mistakes.to_string(), |()| "good".to_owned()),
    }
}

#[test]
fn what_is_right_is_taken() {
    let config = Config::read(GOOD).unwrap();
    assert_eq!(config.check(Mode::Live), Ok(()));
    assert_eq!(config.check(Mode::Paper), Ok(()));
    let instruments: Vec<String> = config.instruments().collect();
    assert_eq!(instruments, ["binance:spot:BTCUSDT", "binance:spot:ETHUSDT", "binance:linear:BTCUSDT"]);
}

#[test]
fn each_mistake_is_told_with_its_place_and_what_may_have_been_meant() {
    let cases = [
        ("folder =", "foldr =", &["line 4", "unknown field `foldr`", "Did you mean `folder`?"][..]),
        ("\"binance\"", "\"binanc\"", &["line 8", "unknown variant `binanc`", "Did you mean `binance`?"]),
        ("linear =", "lineer =", &["line 9", "Did you mean `linear`?"]),
        ("id = 1", "id = \"one\"", &["line 3", "invalid type"]),
        ("127.0.0.1:9100", "0.0.0.0:9100", &["node.metrics: `0.0.0.0:9100`", "loopback"]),
        ("127.0.0.1:9100", "9100", &["node.metrics: `9100`", "127.0.0.1:9100"]),
        ("\"ETHUSDT\"", "\"BTCUSDT\"", &["venue[0].instruments.spot: `BTCUSDT` is there twice"]),
        ("\"ETHUSDT\"", "\"eth/usdt\"", &["venue[0].instruments.spot: `eth/usdt` is not as the venue writes"]),
        ("venue:binance", "venue:binnance", &["limit[0].scope: there is no venue `binnance`. Did you mean `binance`?"]),
        ("venue:binance", "book:quote", &["limit[0].scope: there is no book `quote`. Did you mean `quotes`?"]),
        ("venue:binance", "world", &["limit[0].scope: `world` is none of firm, venue:NAME, book:NAME"]),
        ("\"binance:spot:BTCUSDT\"", "\"binance:spot:BTCUSTD\"", &["limit[0].instrument", "Did you mean `binance:spot:BTCUSDT`?"]),
        ("binance:linear:BTCUSDT", "binance:linear:ETHUSDT", &["book[0].algos[0].instrument: `binance:linear:ETHUSDT` is in no"]),
        ("max_position = \"2.5\"", "max_position = \"2,5\"", &["limit[0].max_position: `2,5` is no number above zero"]),
        ("qty = \"0.01\"", "qty = \"0.00\"", &["book[0].algos[0].qty: `0.00` is no number above zero"]),
        ("\"-0.5\"", "\"--0.5\"", &["venue[0].paper.maker_fee_bps: `--0.5` is no number"]),
        ("keys = { env = \"BINANCE\" }", "", &["venue[0].keys: live needs keys", "BINANCE"]),
        ("keys = { env = \"BINANCE\" }", "keys = { env = \"A B\" }", &["venue[0].keys.env: `A B`"]),
        ("kill_keys", "rate_limits = { usdm-order-10s = 9 }\nkill_keys", &["venue[0].rate_limits.usdm-order-10s", "`usdm-orders-10s`?"]),
        ("kill_keys", "rate_limits = { spot-weight = 0 }\nkill_keys", &["venue[0].rate_limits.spot-weight: nothing could be sent"]),
    ];
    assert_eq!(read(GOOD), "good");
    for (right, wrong, told) in cases {
        assert!(GOOD.contains(right), "{right}");
        let said = read(&GOOD.replacen(right, wrong, 1));
        for part in told {
            assert!(said.contains(part), "{wrong}\nsaid: {said}\nlacks: {part}");
        }
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let said = read(&GOOD.replace("9100", "none").replace("0.01", "x").replace("venue:binance", "world"));
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn paper_needs_a_paper_account() {
    let text = GOOD.replace("[venue.paper]", "[venue.endpoints]").replace("balances = { USDT = \"100000\", BTC = \"1.5\" }", "");
    let text = text.replace("maker_fee_bps = \"-0.5\"", "http = \"http://127.0.0.1:1\"\nws = \"wss://127.0.0.1:1\"");
    let config = Config::read(&text).unwrap();
    assert_eq!(config.check(Mode::Live), Ok(()));
    let said = config.check(Mode::Paper).unwrap_err().to_string();
    assert!(said.contains("venue[0].paper: paper needs what the account starts with"), "{said}");
}

#[test]
fn raised_rate_limits_are_those_that_are_counted() {
    let text = GOOD.replace("kill_keys", "rate_limits = { usdm-orders-10s = 3000 }\nkill_keys");
    let config = Config::read(&text).unwrap();
    let keys = |_: &tradewind_node::VenueConfig| {
        Some(tradewind_venues::Credentials { key: "key".into(), secret: "secret".into(), passphrase: String::new() })
    };
    let gateways = tradewind_node::gateways(&config, Mode::Live, &keys, 1).unwrap();
    let capacity = |name: &str| gateways[0].rate_usage().find(|(limit, ..)| *limit == name).map(|(.., capacity)| capacity);
    assert_eq!(capacity("usdm-orders-10s"), Some(3000));
    assert_eq!(capacity("usdm-orders-minute"), Some(1200));
    let mut unchecked = config;
    unchecked.venues[0].rate_limits.insert("none".into(), 1);
    let error = tradewind_node::gateways(&unchecked, Mode::Live, &keys, 1).map(drop).unwrap_err().to_string();
    assert!(error.contains("there is no rate limit `none`") && error.contains("spot-weight"), "{error}");
}
