//! The private stream: what happened to a client's orders, executions, positions and wallet, to the sockets that follow it.
//!
//! Source: Bybit v5 documentation, "WebSocket stream / private" (2026-07).

use super::answer::Refusal;
use super::figures;
use super::json::{Object, array};
use super::ledger::Ledger;
use super::market;
use super::queries;
use super::reports;
use super::sockets::{Purpose, Socket};
use crate::front::{ConnId, Outbox};
use crate::house::{ClientId, FillRecord, House, Leg, News, OrderCause, OrderRecord};
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{AccountId, InstrumentId, Timestamp};

const BY_MARKET: [&str; 4] = ["order", "execution", "execution.fast", "position"];
const MARKETS: [&str; 4] = ["spot", "linear", "inverse", "option"];
const WHOLE: [&str; 5] = ["wallet", "greeks", "dcp.future", "dcp.spot", "dcp.option"];

/// Whether the private stream has these topics, and they may be asked for together.
pub(super) fn check(topics: &[&str]) -> Result<(), Refusal> {
    let split = |topic: &str| {
        let parts = topic.rsplit_once('.').filter(|(name, market)| BY_MARKET.contains(name) && MARKETS.contains(market));
        parts.map(|(name, _)| name.to_owned())
    };
    for topic in topics {
        if !BY_MARKET.contains(topic) && !WHOLE.contains(topic) && split(topic).is_none() {
            return Err(Refusal::params(format!("error:handler not found,topic:{topic}")));
        }
    }
    let is_mixed = topics.iter().filter_map(|topic| split(topic)).any(|name| topics.contains(&name.as_str()));
    if is_mixed { Err(Refusal::params("error:all-in-one topic and categorised topic cannot be mixed")) } else { Ok(()) }
}

/// Tells sockets what happened to those they belong to.
pub(super) struct Teller<'a> {
    pub(super) now: Timestamp,
    pub(super) house: &'a House,
    pub(super) ledger: &'a Ledger,
    pub(super) sockets: &'a BTreeMap<ConnId, Socket>,
    /// Counts the messages told; their ids come from it.
    pub(super) told: &'a mut u64,
}

impl Teller<'_> {
    /// Tells all of it, in order. Positions and wallets come last, once each, as they are now.
    pub(super) fn tell(&mut self, news: &[News], out: &mut Outbox) {
        let mut positions: BTreeSet<(ClientId, AccountId, InstrumentId, u8)> = BTreeSet::new();
        let mut wallets: BTreeSet<(ClientId, AccountId)> = BTreeSet::new();
        for one in news {
            match one {
                News::Order { cause, record } => self.order(*cause, record, out),
                News::Fill { fill, record } => self.fill(fill, record.as_deref(), out),
                News::Funding { client, payment } => {
                    let object = queries::funding(payment, self.house).close();
                    self.send(*client, "execution", self.category(payment.instrument), object, out);
                }
                News::Balance { client, account, .. } => {
                    wallets.insert((*client, *account));
                }
                News::Position { client, account, instrument, leg, .. } => {
                    positions.insert((*client, *account, *instrument, reports::position_index(*leg)));
                }
                News::Depth { .. } | News::Top { .. } | News::Trade(_) | News::Candle { .. } | News::Mark { .. } => {}
            }
        }
        for (client, account, instrument, index) in positions {
            self.position(client, account, instrument, [Leg::Net, Leg::Long, Leg::Short][usize::from(index)], out);
        }
        for (client, account) in wallets {
            if self.is_followed(client, "wallet", "") {
                let object = reports::wallet(account, None, self.house).close();
                self.send(client, "wallet", "", object, out);
            }
        }
    }

    fn category(&self, instrument: InstrumentId) -> &'static str {
        self.house.listing(instrument).map_or("", |listing| market::name(listing.category))
    }

    fn order(&mut self, cause: OrderCause, record: &OrderRecord, out: &mut Outbox) {
        let category = self.category(record.terms.instrument);
        if !self.is_followed(record.client, "order", category) {
            return;
        }
        if cause == OrderCause::Triggered {
            let object = reports::order_as(record, "Triggered", self.house).close();
            self.send(record.client, "order", category, object, out);
        }
        let object = reports::order(record, self.house).close();
        self.send(record.client, "order", category, object, out);
    }

    fn fill(&mut self, fill: &FillRecord, record: Option<&OrderRecord>, out: &mut Outbox) {
        let Some(listing) = self.house.listing(fill.instrument) else { return };
        let category = market::name(listing.category);
        if self.is_followed(fill.client, "execution.fast", category) {
            let object = reports::execution_head(fill, listing.category, listing).close();
            self.send(fill.client, "execution.fast", category, object, out);
        }
        if self.is_followed(fill.client, "execution", category) {
            let object = reports::execution(fill, record, self.house).close();
            self.send(fill.client, "execution", category, object, out);
        }
        if let Some(record) = record.filter(|_| self.is_followed(fill.client, "order", category)) {
            let object = reports::order(record, self.house).close();
            self.send(fill.client, "order", category, object, out);
        }
    }

    fn position(&mut self, client: ClientId, account: AccountId, instrument: InstrumentId, leg: Leg, out: &mut Outbox) {
        let category = self.category(instrument);
        if !self.is_followed(client, "position", category) {
            return;
        }
        let mut position = self.house.position(account, instrument, leg);
        position.liquidation_price = self.house.liquidation_price(account, instrument, leg);
        let realised = self.ledger.realised(client, instrument);
        let object = reports::position(&position, "entryPrice", realised, self.ledger.changed(client, instrument), self.house).close();
        self.send(client, "position", category, object, out);
    }

    /// The sockets of a client that follow a topic, whole or of one market, with the topic's name as they know it.
    fn followers(&self, client: ClientId, topic: &str, category: &str) -> Vec<(ConnId, String)> {
        let narrow = format!("{topic}.{category}");
        let named = |socket: &Socket| [topic, narrow.as_str()].into_iter().find(|name| socket.topics.contains(*name)).map(str::to_owned);
        let is_theirs = |socket: &Socket| socket.purpose == Purpose::Private && socket.client == Some(client);
        let theirs = self.sockets.iter().filter(|(_, socket)| is_theirs(socket));
        theirs.filter_map(|(conn, socket)| Some((*conn, named(socket)?))).collect()
    }

    fn is_followed(&self, client: ClientId, topic: &str, category: &str) -> bool {
        !self.followers(client, topic, category).is_empty()
    }

    fn send(&mut self, client: ClientId, topic: &str, category: &str, object: String, out: &mut Outbox) {
        *self.told += 1;
        let (id, now_ms, data) =
            (format!("{}{}", client.0 + 100_000, super::ids::uuid(*self.told)), figures::millis(self.now), array([object]));
        for (conn, name) in self.followers(client, topic, category) {
            // The fast stream's frames have no id.
            let head = if topic == "execution.fast" { Object::new() } else { Object::new().text("id", &id) };
            out.text(conn, head.text("topic", name).raw("creationTime", now_ms).raw("data", &data).close());
        }
    }
}
