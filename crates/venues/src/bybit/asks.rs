//! Questions → requests, and their answers → our nouns. Source: Bybit's v5 documents (`market/*`, `order/*`, `position`, `account/*`,
//! `user/apikey-info`), read 2026-07.

use super::public;
use super::records::{self, Rows, category};
use super::refusals;
use super::wire::{self, AllRow, Envelope, ExecutionRow, InstrumentRow, KeyRow, OrderRow, Page, PositionRow, TimeRow, WalletRow};
use crate::ask::{Ask, Cursor, Method};
use crate::client_id::client_id;
use crate::directory::{Directory, Listed, Market};
use crate::error::{MapError, VenueError, VenueErrorKind};
use crate::message::{Inbox, KeyRights, Message};
use serde::Deserialize;
use std::fmt::Write;
use tradewind_types::{Nanos, Timestamp};

/// What linear contracts are settled in; open orders and positions are asked for one after the other.
const SETTLE_COINS: [&str; 2] = ["USDT", "USDC"];
/// One question for executions covers this long from its start.
const FILLS_SPAN: Nanos = Nanos::from_secs(7 * 86_400);
/// The dead-man's switch waits between these, in seconds.
const SWITCH_WINDOW_S: (i64, i64) = (3, 300);

/// A question as the venue takes it, unsigned.
pub(super) struct Question {
    pub method: Method,
    pub path: &'static str,
    /// Query of a GET, body of a POST.
    pub payload: String,
    pub is_signed: bool,
}

impl Question {
    fn public(path: &'static str, payload: String) -> Self {
        Self { method: Method::Get, path, payload, is_signed: false }
    }

    fn signed(path: &'static str, payload: String) -> Self {
        Self { method: Method::Get, path, payload, is_signed: true }
    }

    fn post(path: &'static str, payload: String) -> Self {
        Self { method: Method::Post, path, payload, is_signed: true }
    }
}

/// How a question is put; none where the venue has no such thing.
pub(super) fn question(directory: &Directory, ask: &Ask) -> Option<Question> {
    let listed = |instrument| directory.get(instrument);
    let of = |l: &Listed| format!("category={}&symbol={}", category(l.market), l.symbol);
    Some(match ask {
        Ask::ServerTime => Question::public("/v5/market/time", String::new()),
        Ask::Instruments { market, cursor } => {
            let mut query = format!("category={}", category(*market));
            // Spot comes whole and takes no page size.
            if *market != Market::Spot {
                query.push_str("&limit=1000");
            }
            go_on(&mut query, cursor.as_ref().map(|c| c.0.as_str()));
            Question::public("/v5/market/instruments-info", query)
        }
        Ask::Depth { instrument } => Question::public("/v5/market/orderbook", of(listed(*instrument)?) + "&limit=200"),
        Ask::KeyRights => Question::signed("/v5/user/query-api", String::new()),
        Ask::OpenOrders { market, cursor } => Question::signed("/v5/order/realtime", by_coin(directory, *market, cursor.as_ref(), 50)?),
        Ask::Order { order, instrument } => {
            Question::signed("/v5/order/realtime", of(listed(*instrument)?) + "&orderLinkId=" + &client_id(*order))
        }
        Ask::OrderHistory { order, instrument } => {
            Question::signed("/v5/order/history", of(listed(*instrument)?) + "&orderLinkId=" + &client_id(*order))
        }
        Ask::Fills { instrument, since, cursor } => {
            let start = super::sign::milliseconds(*since);
            let end = super::sign::milliseconds(since.plus(FILLS_SPAN));
            let mut query = of(listed(*instrument)?) + &format!("&startTime={start}&endTime={end}&limit=100");
            go_on(&mut query, cursor.as_ref().map(|c| c.0.as_str()));
            Question::signed("/v5/execution/list", query)
        }
        Ask::Balances { .. } => Question::signed("/v5/account/wallet-balance", "accountType=UNIFIED".to_owned()),
        Ask::Positions { market: Market::Spot, .. } => return None,
        Ask::Positions { market, cursor } => Question::signed("/v5/position/list", by_coin(directory, *market, cursor.as_ref(), 200)?),
        Ask::CancelAll { instrument } => Question::post("/v5/order/cancel-all", format!("{}}}", named(listed(*instrument)?))),
        Ask::CancelAllConditional { instrument } => {
            Question::post("/v5/order/cancel-all", named(listed(*instrument)?) + r#","orderFilter":"StopOrder"}"#)
        }
        Ask::DeadMan { instrument, window } => switch(listed((*instrument)?)?.market, *window)?,
        // Stop orders are asked for like others, and funding is among the executions.
        Ask::ConditionalOrder { .. } | Ask::Funding { .. } | Ask::StreamKey { .. } | Ask::RenewStreamKey { .. } => return None,
    })
}

fn named(listed: &Listed) -> String {
    format!(r#"{{"category":"{}","symbol":"{}""#, category(listed.market), listed.symbol)
}

/// The switch cannot be taken off again, only be set; its product is named by an instrument of it.
fn switch(market: Market, window: Nanos) -> Option<Question> {
    if window.0 <= 0 {
        return None;
    }
    let product = if market == Market::Spot { "SPOT" } else { "DERIVATIVES" };
    let seconds = (window.0 / 1_000_000_000).clamp(SWITCH_WINDOW_S.0, SWITCH_WINDOW_S.1);
    let body = format!(r#"{{"product":"{product}","timeWindow":{seconds}}}"#);
    Some(Question::post("/v5/order/disconnected-cancel-all", body))
}

/// A cursor goes back as it came: the venue hands it out escaped. What is no part of a query is escaped all the same.
fn go_on(query: &mut String, cursor: Option<&str>) {
    let Some(cursor) = cursor.filter(|c| !c.is_empty()) else { return };
    query.push_str("&cursor=");
    for byte in cursor.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~%,:".contains(&byte) {
            query.push(char::from(byte));
        } else if write!(query, "%{byte:02X}").is_err() {
            unreachable!("a String takes whatever is written into it");
        }
    }
}

/// Settlement coins that are listed; the first one where none is.
fn coins(directory: &Directory) -> impl Iterator<Item = &'static str> + '_ {
    let any = SETTLE_COINS.iter().any(|coin| directory.asset(coin).is_some());
    SETTLE_COINS.into_iter().enumerate().filter(move |(i, coin)| directory.asset(coin).is_some() || (!any && *i == 0)).map(|(_, coin)| coin)
}

/// Rows of a market; derivatives are asked for one settlement coin at a time, which our cursor names before the venue's.
fn by_coin(directory: &Directory, market: Market, cursor: Option<&Cursor>, limit: u32) -> Option<String> {
    let mut query = format!("category={}", category(market));
    let mut token = cursor.map(|c| c.0.as_str());
    if market != Market::Spot {
        let (coin, rest) = match token {
            Some(text) => text.split_once('|')?,
            None => (coins(directory).next()?, ""),
        };
        query.push_str("&settleCoin=");
        query.push_str(coin);
        token = Some(rest);
    }
    query.push_str(&format!("&limit={limit}"));
    go_on(&mut query, token);
    Some(query)
}

/// Where rows go on: on the next page, or with the next settlement coin.
fn next_page(directory: &Directory, market: Market, cursor: Option<&Cursor>, next: &str, is_empty: bool) -> Option<Cursor> {
    let has_more = !next.is_empty() && !is_empty;
    if market == Market::Spot {
        return has_more.then(|| Cursor(next.to_owned()));
    }
    let coin = cursor.and_then(|c| c.0.split_once('|')).map_or_else(|| coins(directory).next(), |(coin, _)| Some(coin))?;
    if has_more {
        return Some(Cursor(format!("{coin}|{next}")));
    }
    let after = coins(directory).skip_while(|own| *own != coin).nth(1)?;
    Some(Cursor(format!("{after}|")))
}

/// Reads the answer to a question.
pub(super) fn answer(
    directory: &Directory,
    markets: &[Market],
    ask: &Ask,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
    inbox: &mut Inbox,
) -> Result<Result<(), VenueError>, MapError> {
    let envelope = match refusals::opened("answer", status, headers, body, VenueErrorKind::Maintenance)? {
        Ok(envelope) => envelope,
        Err(refusal) => return Ok(Err(refusal)),
    };
    match ask {
        Ask::ServerTime => server_time(&envelope, inbox)?,
        Ask::Instruments { market, .. } => instruments(*market, &envelope, inbox)?,
        Ask::Depth { instrument } => {
            if let (Some(listed), Some(raw)) = (directory.get(*instrument), envelope.result) {
                public::snapshot(raw.get().as_bytes(), listed, inbox)?;
            }
        }
        Ask::KeyRights => rights(markets, &envelope, inbox)?,
        Ask::OpenOrders { market, cursor } => open_orders(directory, *market, cursor.as_ref(), &envelope, inbox)?,
        Ask::Order { .. } | Ask::OrderHistory { .. } => one_order(directory, ask, &envelope, inbox)?,
        Ask::Fills { .. } => fills(directory, ask, &envelope, inbox)?,
        Ask::Balances { market } => {
            let rows = Rows { what: "account/wallet-balance", directory, market: Some(*market) };
            let page: Page<'_, WalletRow<'_>> = page(rows.what, &envelope)?;
            page.list.iter().try_for_each(|row| rows.wallet(row, inbox))?;
        }
        Ask::Positions { market, cursor } => positions(directory, *market, cursor.as_ref(), &envelope, inbox)?,
        Ask::CancelAll { .. } | Ask::CancelAllConditional { .. } if failed(&envelope)? => {
            let message = "the venue says that not all orders were ended".to_owned();
            return Ok(Err(VenueError { kind: VenueErrorKind::Unanswered, code: 0, message, http_status: status }));
        }
        Ask::CancelAll { instrument } => {
            // Of spot orders only those that work are ended; those that wait for their trigger need a request of their own.
            if directory.get(*instrument).is_some_and(|listed| listed.market == Market::Spot) {
                inbox.more(Ask::CancelAllConditional { instrument: *instrument });
            }
        }
        Ask::CancelAllConditional { .. } | Ask::DeadMan { .. } => {}
        Ask::ConditionalOrder { .. } | Ask::Funding { .. } | Ask::StreamKey { .. } | Ask::RenewStreamKey { .. } => {}
    }
    Ok(Ok(()))
}

/// Whether the venue took a request to end all orders and failed at it.
fn failed(envelope: &Envelope<'_>) -> Result<bool, MapError> {
    let row: AllRow<'_> = wire::inside("order/cancel-all", "result", envelope.result)?;
    Ok(row.success.as_str() == "0")
}

fn page<'a, T: Deserialize<'a>>(what: &'static str, envelope: &Envelope<'a>) -> Result<Page<'a, T>, MapError> {
    wire::inside(what, "result", envelope.result)
}

fn server_time(envelope: &Envelope<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
    let row: TimeRow<'_> = wire::inside("market/time", "result", envelope.result)?;
    let nanos = row.time_nano.as_str().parse().map_err(|_| MapError::Missing { what: "market/time", field: "timeNano" })?;
    inbox.messages.push(Message::ServerTime(Timestamp(nanos)));
    Ok(())
}

fn instruments(market: Market, envelope: &Envelope<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
    let page: Page<'_, InstrumentRow<'_>> = page("market/instruments-info", envelope)?;
    for row in &page.list {
        inbox.messages.extend(records::instrument(market, row)?.map(|listed| Message::Listed(Box::new(listed))));
    }
    if let Some(cursor) = Cursor::next(page.cursor.as_str()) {
        inbox.more(Ask::Instruments { market, cursor: Some(cursor) });
    }
    Ok(())
}

fn rights(markets: &[Market], envelope: &Envelope<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
    let row: KeyRow<'_> = wire::inside("user/query-api", "result", envelope.result)?;
    let has = |rights: &[wire::Word<'_>], name: &str| rights.iter().any(|right| right.as_str() == name);
    let may = row.permissions;
    let spot = has(&may.spot, "SpotTrade");
    let linear = has(&may.contract_trade, "Order") || has(&may.derivatives, "DerivativesTrade");
    let trade = markets.iter().all(|market| if *market == Market::Spot { spot } else { linear });
    let is_read_only = !matches!(row.read_only.as_str(), "" | "0");
    inbox.messages.push(Message::Rights(KeyRights { trade: trade && !is_read_only, withdraw: has(&may.wallet, "Withdraw") }));
    Ok(())
}

fn open_orders(
    directory: &Directory,
    market: Market,
    cursor: Option<&Cursor>,
    envelope: &Envelope<'_>,
    inbox: &mut Inbox,
) -> Result<(), MapError> {
    let rows = Rows { what: "order/realtime", directory, market: Some(market) };
    let page: Page<'_, OrderRow<'_>> = page(rows.what, envelope)?;
    for row in &page.list {
        inbox.messages.extend(rows.order(row)?.map(Message::Order));
    }
    if let Some(cursor) = next_page(directory, market, cursor, page.cursor.as_str(), page.list.is_empty()) {
        inbox.more(Ask::OpenOrders { market, cursor: Some(cursor) });
    }
    Ok(())
}

/// An order that is not among the recent ones is looked for in the history, and is unknown where that does not have it either.
fn one_order(directory: &Directory, ask: &Ask, envelope: &Envelope<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
    let (&Ask::Order { order, instrument } | &Ask::OrderHistory { order, instrument }) = ask else { return Ok(()) };
    let market = directory.get(instrument).map(|listed| listed.market);
    let rows = Rows { what: "order/realtime", directory, market };
    let page: Page<'_, OrderRow<'_>> = page(rows.what, envelope)?;
    for row in &page.list {
        inbox.messages.extend(rows.order(row)?.map(Message::Order));
    }
    match (page.list.is_empty(), ask) {
        (false, _) => {}
        (true, Ask::Order { .. }) => inbox.more(Ask::OrderHistory { order, instrument }),
        (true, _) => inbox.messages.push(Message::NoSuchOrder(order)),
    }
    Ok(())
}

/// One question covers seven days: what is older than that goes on with the next seven.
fn fills(directory: &Directory, ask: &Ask, envelope: &Envelope<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
    let Ask::Fills { instrument, since, .. } = ask else { return Ok(()) };
    let market = directory.get(*instrument).map(|listed| listed.market);
    let rows = Rows { what: "execution/list", directory, market };
    let page: Page<'_, ExecutionRow<'_>> = page(rows.what, envelope)?;
    // A page lists the newest first; those of one millisecond are told apart by nothing else.
    page.list.iter().rev().try_for_each(|row| rows.execution(row, inbox))?;
    let (instrument, since) = (*instrument, *since);
    let covered = since.plus(FILLS_SPAN);
    if !page.cursor.is_empty() && !page.list.is_empty() {
        let cursor = Some(Cursor(page.cursor.as_str().to_owned()));
        inbox.more(Ask::Fills { instrument, since, cursor });
    } else if covered < Timestamp(envelope.time.saturating_mul(1_000_000)) {
        inbox.more(Ask::Fills { instrument, since: covered, cursor: None });
    }
    Ok(())
}

fn positions(
    directory: &Directory,
    market: Market,
    cursor: Option<&Cursor>,
    envelope: &Envelope<'_>,
    inbox: &mut Inbox,
) -> Result<(), MapError> {
    let rows = Rows { what: "position/list", directory, market: Some(market) };
    let page: Page<'_, PositionRow<'_>> = page(rows.what, envelope)?;
    page.list.iter().try_for_each(|row| rows.position(row, inbox))?;
    if let Some(cursor) = next_page(directory, market, cursor, page.cursor.as_str(), page.list.is_empty()) {
        inbox.more(Ask::Positions { market, cursor: Some(cursor) });
    }
    Ok(())
}
