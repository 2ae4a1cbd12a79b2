//! What a configuration says, held against itself: names that nothing has, numbers that are none, what is missing for the day.
//!
//! Everything that is wrong is found at once, each with its place and what may have been meant. What only a venue can know (whether
//! a symbol is listed, whether a key may trade) is asked of the venue when the node starts.

use crate::config::{AlgoConfig, Config, KeysConfig, LimitConfig, MarketConfig, VenueConfig};
use crate::core::Mode;
use crate::nearest::did_you_mean;
use std::fmt;
use std::net::SocketAddr;

/// Something wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// `venue[0].instruments.spot`, counted from 0.
    pub place: String,
    /// What, and what may have been meant.
    pub what: String,
}

/// Everything that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|m| format!("{}: {}", m.place, m.what)).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl MarketConfig {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            MarketConfig::Spot => "spot",
            MarketConfig::Linear => "linear",
        }
    }
}

impl Config {
    /// Every instrument, as `binance:spot:BTCUSDT`.
    pub fn instruments(&self) -> impl Iterator<Item = String> {
        let of = |v: &VenueConfig| {
            let name = v.name.as_str();
            let markets = v.instruments.iter();
            let named = markets.flat_map(move |(m, symbols)| symbols.iter().map(move |s| format!("{name}:{}:{s}", m.as_str())));
            named.collect::<Vec<_>>()
        };
        self.venues.iter().flat_map(of)
    }

    /// Holds what is said against itself.
    ///
    /// # Errors
    /// [`Mistakes`]: all of them.
    pub fn check(&self, mode: Mode) -> Result<(), Mistakes> {
        let mut found = Findings(Vec::new());
        self.check_node(&mut found);
        for (n, venue) in self.venues.iter().enumerate() {
            let is_again = self.venues[..n].iter().any(|v| v.name == venue.name);
            found.when(is_again, format!("venue[{n}].name"), || format!("`{}` is there twice", venue.name.as_str()));
            check_venue(&format!("venue[{n}]"), venue, mode, &mut found);
        }
        let instruments: Vec<String> = self.instruments().collect();
        for (n, limit) in self.limits.iter().enumerate() {
            self.check_limit(&format!("limit[{n}]"), limit, &instruments, &mut found);
        }
        self.check_books(&instruments, &mut found);
        if found.0.is_empty() { Ok(()) } else { Err(Mistakes(found.0)) }
    }

    fn check_node(&self, found: &mut Findings) {
        found.when(self.venues.is_empty(), "venue".to_owned(), || "there is none; write a [[venue]]".to_owned());
        if let Some(text) = &self.node.metrics {
            let what = match text.parse::<SocketAddr>() {
                Ok(address) if address.ip().is_loopback() => None,
                Ok(_) => Some("is no address of this machine's loopback; metrics are served there only".to_owned()),
                Err(_) => Some("is no address with a port, such as 127.0.0.1:9100".to_owned()),
            };
            found.add("node.metrics".to_owned(), what.map(|what| format!("`{text}` {what}")));
        }
        found.when(self.node.orders_minutes < 5, "node.orders_minutes".to_owned(), || {
            "less than 5 minutes forgets orders that a venue may still speak of".to_owned()
        });
        found.when(self.node.disk_budget_mb < 64, "node.disk_budget_mb".to_owned(), || "less than 64 MB holds no day".to_owned());
    }

    fn check_limit(&self, place: &str, limit: &LimitConfig, instruments: &[String], found: &mut Findings) {
        let scope = limit.scope.as_str();
        let venues = || self.venues.iter().map(|v| v.name.as_str());
        let books = || self.books.iter().map(|b| b.name.as_str());
        let what = match scope.split_once(':') {
            None if scope == "firm" => None,
            Some(("venue", name)) if venues().any(|v| v == name) => None,
            Some(("book", name)) if books().any(|b| b == name) => None,
            Some(("venue", name)) => Some(format!("there is no venue `{name}`.{}", did_you_mean(name, venues()))),
            Some(("book", name)) => Some(format!("there is no book `{name}`.{}", did_you_mean(name, books()))),
            _ => Some(format!("`{scope}` is none of firm, venue:NAME, book:NAME")),
        };
        found.add(format!("{place}.scope"), what);
        if let Some(instrument) = &limit.instrument {
            found.instrument(format!("{place}.instrument"), instrument, instruments);
        }
        let numbers = [
            ("max_order_qty", &limit.max_order_qty),
            ("max_order_notional", &limit.max_order_notional),
            ("max_position", &limit.max_position),
        ];
        for (name, text) in numbers {
            text.iter().for_each(|text| found.positive(format!("{place}.{name}"), text));
        }
    }

    fn check_books(&self, instruments: &[String], found: &mut Findings) {
        for (n, book) in self.books.iter().enumerate() {
            let place = format!("book[{n}]");
            let is_again = self.books[..n].iter().any(|b| b.name == book.name);
            found.when(is_again, format!("{place}.name"), || format!("`{}` is there twice", book.name));
            for (a, algo) in book.algos.iter().enumerate() {
                let AlgoConfig::Quoting { instrument, half_spread_bps, qty, max_position, requote_bps } = algo;
                let place = format!("{place}.algos[{a}]");
                found.instrument(format!("{place}.instrument"), instrument, instruments);
                let numbers = [("half_spread_bps", half_spread_bps), ("qty", qty), ("max_position", max_position)];
                numbers.into_iter().for_each(|(name, text)| found.positive(format!("{place}.{name}"), text));
                requote_bps.iter().for_each(|text| found.positive(format!("{place}.requote_bps"), text));
            }
            if let Some(python) = &book.python {
                let is_named = python.strategy.rsplit_once(':').is_some_and(|(file, class)| file.ends_with(".py") && !class.is_empty());
                let what = || format!("`{}` is no file and class, such as strategy.py:Mine", python.strategy);
                found.when(!is_named, format!("{place}.python.strategy"), what);
            }
        }
    }
}

fn check_venue(place: &str, venue: &VenueConfig, mode: Mode, found: &mut Findings) {
    let is_empty = venue.instruments.values().all(Vec::is_empty);
    found.when(is_empty, format!("{place}.instruments"), || "there is none; write { spot = [\"BTCUSDT\"] }".to_owned());
    for (market, symbols) in &venue.instruments {
        let place = format!("{place}.instruments.{}", market.as_str());
        for (n, symbol) in symbols.iter().enumerate() {
            let is_word = !symbol.is_empty() && symbol.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || "-_".contains(c));
            let what = || format!("`{symbol}` is not as the venue writes a symbol, such as BTCUSDT");
            found.when(!is_word, place.clone(), what);
            found.when(symbols[..n].contains(symbol), place.clone(), || format!("`{symbol}` is there twice"));
        }
    }
    if let Some(endpoints) = &venue.endpoints {
        let is_http = endpoints.http.starts_with("http://") || endpoints.http.starts_with("https://");
        found
            .when(!is_http, format!("{place}.endpoints.http"), || format!("`{}` begins with neither http:// nor https://", endpoints.http));
        let is_ws = endpoints.ws.starts_with("ws://") || endpoints.ws.starts_with("wss://");
        found.when(!is_ws, format!("{place}.endpoints.ws"), || format!("`{}` begins with neither ws:// nor wss://", endpoints.ws));
    }
    for (name, capacity) in &venue.rate_limits {
        let place = format!("{place}.rate_limits.{name}");
        let known: Vec<&str> = crate::start::dialect(venue, None).buckets().iter().map(|bucket| bucket.name).collect();
        let what = || format!("the venue has no such limit; it has {}.{}", known.join(", "), did_you_mean(name, known.iter().copied()));
        found.when(!known.contains(&name.as_str()), place.clone(), what);
        found.when(*capacity == 0, place, || "nothing could be sent; write what the venue allows in a window".to_owned());
    }
    match (mode, &venue.keys, &venue.paper) {
        (Mode::Live, None, _) => {
            let example = venue.name.as_str().to_uppercase();
            let what = format!("live needs keys; write keys = {{ env = \"{example}\" }} or keys = {{ file = \"keys.json\" }}");
            found.add(format!("{place}.keys"), Some(what));
        }
        (Mode::Paper, _, None) => {
            let what = "paper needs what the account starts with; write [venue.paper] with balances = { USDT = \"100000\" }".to_owned();
            found.add(format!("{place}.paper"), Some(what));
        }
        _ => {}
    }
    for (name, keys) in [("keys", &venue.keys), ("kill_keys", &venue.kill_keys)] {
        if let Some(KeysConfig::Env(prefix)) = keys {
            let is_name = !prefix.is_empty() && prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            found.when(!is_name, format!("{place}.{name}.env"), || format!("`{prefix}` is no beginning of a variable's name"));
        }
    }
    if let Some(paper) = &venue.paper {
        paper.balances.iter().for_each(|(asset, text)| found.positive(format!("{place}.paper.balances.{asset}"), text));
        for (name, text) in [("maker_fee_bps", &paper.maker_fee_bps), ("taker_fee_bps", &paper.taker_fee_bps)] {
            let digits = text.strip_prefix('-').unwrap_or(text);
            found.add(format!("{place}.paper.{name}"), (!is_number(digits)).then(|| format!("`{text}` is no number")));
        }
    }
}

struct Findings(Vec<Mistake>);

impl Findings {
    fn add(&mut self, place: String, what: Option<String>) {
        self.0.extend(what.map(|what| Mistake { place, what }));
    }

    fn when(&mut self, is_wrong: bool, place: String, what: impl FnOnce() -> String) {
        self.add(place, is_wrong.then(what));
    }

    fn instrument(&mut self, place: String, asked: &str, known: &[String]) {
        let said = || format!("`{asked}` is in no [[venue]].{}", did_you_mean(asked, known.iter().map(String::as_str)));
        self.when(!known.iter().any(|k| k == asked), place, said);
    }

    fn positive(&mut self, place: String, text: &str) {
        let is_zero = !text.chars().any(|c| ('1'..='9').contains(&c));
        self.when(!is_number(text) || is_zero, place, || format!("`{text}` is no number above zero"));
    }
}

/// Digits with at most one point among them.
fn is_number(text: &str) -> bool {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.len() <= 18 && part.bytes().all(|b| b.is_ascii_digit());
    are_digits(whole) && are_digits(rest)
}
