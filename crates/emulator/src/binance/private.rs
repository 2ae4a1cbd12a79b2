//! Private streams: what happened to an account's orders, balances and positions, as each market tells it.

use super::desk::Desk;
use super::figures::{money, ms};
use super::futures::render as futures;
use super::json::{Raw, object};
use super::records::is_order;
use super::spot::render::{self as spot, Report};
use crate::front::{ConnId, Outbox};
use crate::house::{Category, ClientId, Ended, FillRecord, House, Leg, Listing, News, OrderCause, OrderRecord};
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{AccountId, Amount, AssetId, InstrumentId, Timestamp};

/// How a connection came to an account's events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subscription {
    /// Over the WebSocket API of the spot market, under a number of its own.
    Numbered(u64),
    /// Over a futures stream, by listen key.
    Keyed(String),
    /// The same, each event wrapped with the key as the name of its stream.
    Wrapped(String),
}

impl Subscription {
    fn is_by(&self, key: &str) -> bool {
        matches!(self, Subscription::Keyed(found) | Subscription::Wrapped(found) if found == key)
    }

    fn framed(&self, event: &Raw) -> Raw {
        match self {
            Subscription::Numbered(number) => object! { "subscriptionId": *number, "event": event },
            Subscription::Keyed(_) => event.clone(),
            Subscription::Wrapped(key) => object! { "stream": key, "data": event },
        }
    }

    const fn category(&self) -> Category {
        match self {
            Subscription::Numbered(_) => Category::Spot,
            Subscription::Keyed(_) | Subscription::Wrapped(_) => Category::Linear,
        }
    }
}

/// Who listens to which account.
#[derive(Debug, Default)]
pub struct Private {
    listeners: BTreeMap<ClientId, BTreeSet<(ConnId, Subscription)>>,
    /// Futures wallets as they were last told: what only became free or tied up is no news there.
    told: BTreeMap<(AccountId, AssetId), Amount>,
}

/// What of an account changed while the news were read.
#[derive(Debug, Default)]
struct Changed {
    assets: BTreeSet<AssetId>,
    positions: BTreeSet<(InstrumentId, Leg)>,
    funding: Option<InstrumentId>,
}

impl Private {
    /// A connection listens to an account.
    pub fn listen(&mut self, client: ClientId, conn: ConnId, subscription: Subscription, house: &House) {
        if let Some(account) = house.client(client).map(|client| client.derivatives) {
            for (asset, balance) in house.balances(account) {
                self.told.insert((account, asset), balance.wallet);
            }
        }
        self.listeners.entry(client).or_default().insert((conn, subscription));
    }

    /// A connection does not listen to any account any more.
    pub fn disconnect(&mut self, conn: ConnId) {
        self.retain(|(found, _)| *found != conn);
    }

    /// A connection does not listen by this key any more.
    pub fn leave_key(&mut self, conn: ConnId, key: &str) {
        self.retain(|(found, by)| *found != conn || !by.is_by(key));
    }

    /// A connection does not listen under this number any more; under none, where there is no number.
    pub fn leave_number(&mut self, conn: ConnId, number: Option<u64>) {
        self.retain(|(found, by)| {
            let is_meant = matches!(by, Subscription::Numbered(n) if number.is_none_or(|number| number == *n));
            *found != conn || !is_meant
        });
    }

    fn retain(&mut self, keep: impl Fn(&(ConnId, Subscription)) -> bool) {
        for listeners in self.listeners.values_mut() {
            listeners.retain(&keep);
        }
        self.listeners.retain(|_, listeners| !listeners.is_empty());
    }

    /// Numbers under which a connection listens.
    #[must_use]
    pub fn numbers(&self, conn: ConnId) -> Vec<u64> {
        let all = self.listeners.values().flatten().filter(|(found, _)| *found == conn);
        all.filter_map(|(_, by)| if let Subscription::Numbered(number) = by { Some(*number) } else { None }).collect()
    }

    /// A listen key is over.
    pub fn expire(&mut self, now: Timestamp, client: ClientId, key: &str, out: &mut Outbox) {
        let Some(listeners) = self.listeners.get_mut(&client) else { return };
        let event = object! { "e": "listenKeyExpired", "E": ms(now), "listenKey": key };
        for (conn, by) in listeners.iter().filter(|(_, by)| by.is_by(key)) {
            out.text(*conn, by.framed(&event).0);
        }
        listeners.retain(|(_, by)| !by.is_by(key));
    }

    /// Tells what happened.
    pub fn publish(&mut self, now: Timestamp, news: &[News], house: &House, desk: &mut Desk, out: &mut Outbox) {
        let mut changed: BTreeMap<(ClientId, AccountId), Changed> = BTreeMap::new();
        for item in news {
            match item {
                News::Order { cause, record } => self.order(now, *cause, record, house, desk, out),
                News::Fill { fill, record: Some(record) } => self.fill(now, fill, record, house, out),
                News::Balance { client, account, asset, .. } => {
                    changed.entry((*client, *account)).or_default().assets.insert(*asset);
                }
                News::Position { client, account, instrument, leg, .. } => {
                    changed.entry((*client, *account)).or_default().positions.insert((*instrument, *leg));
                }
                News::Funding { client, payment } => {
                    changed.entry((*client, payment.account)).or_default().funding = Some(payment.instrument);
                }
                _ => {}
            }
        }
        for ((client, account), changed) in changed {
            let Some(known) = house.client(client).filter(|_| self.listeners.contains_key(&client)) else { continue };
            if account == known.spot {
                self.tell(client, Category::Spot, &position_event(now, account, &changed, house), out);
            } else if let Some(event) = self.account_update(now, account, &changed, house) {
                self.tell(client, Category::Linear, &event, out);
            }
        }
    }

    fn order(&self, now: Timestamp, cause: OrderCause, record: &OrderRecord, house: &House, desk: &mut Desk, out: &mut Outbox) {
        let cancel_id = if cause == OrderCause::Ended { desk.cancel_id(record.no) } else { None };
        let Some(listing) = house.listing(record.terms.instrument).filter(|_| self.listeners.contains_key(&record.client)) else { return };
        let execution = execution(listing.category, cause, record);
        match listing.category {
            Category::Spot => {
                let cancel_id = cancel_id.as_deref().filter(|_| execution == "CANCELED");
                let report = Report { execution, fill: None, cancel_id };
                self.tell(record.client, Category::Spot, &spot::execution_report(house, listing, record, report, ms(now)), out);
            }
            Category::Linear => self.futures_order(now, cause, execution, record, listing, house, out),
        }
    }

    fn futures_order(
        &self,
        now: Timestamp,
        cause: OrderCause,
        execution: &str,
        record: &OrderRecord,
        listing: &Listing,
        house: &House,
        out: &mut Outbox,
    ) {
        let waits = record.terms.kind.trigger().is_some();
        if waits && cause != OrderCause::Amended {
            self.tell(record.client, Category::Linear, &futures::algo_update(listing, record, ms(now)), out);
        }
        if is_order(Category::Linear, record) {
            let update = futures::order_update(house, listing, record, execution, None, ms(now));
            self.tell(record.client, Category::Linear, &update, out);
        }
    }

    fn fill(&self, now: Timestamp, fill: &FillRecord, record: &OrderRecord, house: &House, out: &mut Outbox) {
        let Some(listing) = house.listing(fill.instrument).filter(|_| self.listeners.contains_key(&fill.client)) else { return };
        let at_ms = ms(now);
        match listing.category {
            Category::Spot => {
                let report = Report { execution: "TRADE", fill: Some(fill), cancel_id: None };
                self.tell(fill.client, Category::Spot, &spot::execution_report(house, listing, record, report, at_ms), out);
            }
            Category::Linear => {
                self.tell(fill.client, Category::Linear, &futures::trade_lite(listing, record, fill, at_ms), out);
                let update = futures::order_update(house, listing, record, "TRADE", Some(fill), at_ms);
                self.tell(fill.client, Category::Linear, &update, out);
                if record.terms.kind.trigger().is_some() && !record.is_open() {
                    self.tell(fill.client, Category::Linear, &futures::algo_update(listing, record, at_ms), out);
                }
            }
        }
    }

    fn account_update(&mut self, now: Timestamp, account: AccountId, changed: &Changed, house: &House) -> Option<Raw> {
        let mut balances = Vec::new();
        for asset in &changed.assets {
            let wallet = house.balance(account, *asset).wallet;
            let before = self.told.insert((account, *asset), wallet);
            if before != Some(wallet) {
                let moved = if changed.funding.is_some() { wallet.0 - before.unwrap_or_default().0 } else { 0 };
                balances.push(object! {
                    "a": house.asset_symbol(*asset), "wb": money(wallet), "cw": money(wallet), "bc": money(Amount(moved)),
                });
            }
        }
        let positions: Vec<Raw> =
            changed.positions.iter().filter_map(|(instrument, leg)| position(house, account, *instrument, *leg)).collect();
        if balances.is_empty() && positions.is_empty() {
            return None;
        }
        let reason = if changed.funding.is_some() { "FUNDING_FEE" } else { "ORDER" };
        let body = object! { "B": balances, "P": positions, "m": reason };
        Some(object! { "e": "ACCOUNT_UPDATE", "T": ms(now), "E": ms(now), "a": body })
    }

    fn tell(&self, client: ClientId, category: Category, event: &Raw, out: &mut Outbox) {
        let listeners = self.listeners.get(&client).into_iter().flatten().filter(|(_, by)| by.category() == category);
        for (conn, by) in listeners {
            out.text(*conn, by.framed(event).0);
        }
    }
}

/// What became of an order, in the venue's word.
const fn execution(category: Category, cause: OrderCause, record: &OrderRecord) -> &'static str {
    match (cause, category, record.ended) {
        (OrderCause::New | OrderCause::Triggered, _, _) => "NEW",
        (OrderCause::Amended, Category::Spot, _) => "REPLACED",
        (OrderCause::Amended, Category::Linear, _) => "AMENDMENT",
        (OrderCause::Ended, _, Some(Ended::ByClient)) => "CANCELED",
        (OrderCause::Ended, Category::Spot, Some(Ended::SelfTrade)) => "TRADE_PREVENTION",
        (OrderCause::Ended, _, _) => "EXPIRED",
    }
}

fn position_event(now: Timestamp, account: AccountId, changed: &Changed, house: &House) -> Raw {
    let one = |asset: &AssetId| {
        let balance = house.balance(account, *asset);
        object! { "a": house.asset_symbol(*asset), "f": money(balance.free), "l": money(balance.locked()) }
    };
    let balances: Vec<Raw> = changed.assets.iter().map(one).collect();
    object! { "e": "outboundAccountPosition", "E": ms(now), "u": ms(now), "B": balances }
}

fn position(house: &House, account: AccountId, instrument: InstrumentId, leg: Leg) -> Option<Raw> {
    let listing = house.listing(instrument)?;
    let held = house.position(account, instrument, leg);
    let entry = futures::entry_price(listing, &held);
    Some(object! {
        "s": listing.symbol(), "pa": futures::position_amount(listing, &held), "ep": &entry, "bep": &entry, "cr": "0",
        "up": money(held.unrealised), "mt": "cross", "iw": "0", "ps": futures::leg(leg), "ma": &listing.quote,
    })
}
