//! Answers over HTTP → messages.

use super::asks::{PAGE, Page, longest_span};
use super::private::{cause, conditional_state, fee, position_record, state};
use super::scan::Scan;
use super::wire;
use super::words::{self, amount, as_millis, listed, nearest, price, qty, rate, side, whole};
use super::{listing, market};
use crate::ask::Ask;
use crate::client_id::order_id;
use crate::directory::{Directory, Listed, Market};
use crate::error::MapError;
use crate::message::{BalanceRecord, ExecutionRecord, Inbox, KeyRights, Message, OrderOwner, OrderRecord};
use serde::Deserialize;
use tradewind_types::{
    AccountEvent, AccountTrade, DepthKind, FundingPayment, InstrumentId, Liquidity, Price, Qty, RejectReason, Sequence, Side, Timestamp,
    TradeId, VenueOrderId,
};

fn parse<'a, T: Deserialize<'a>>(what: &'static str, body: &'a [u8]) -> Result<T, MapError> {
    serde_json::from_slice(body).map_err(|error| MapError::Malformed { what, why: error.to_string() })
}

fn moment(millis: i64) -> Timestamp {
    Timestamp(millis.saturating_mul(1_000_000))
}

/// Reads what was answered to a question that was not refused. What is half read on an error is the caller's to take back.
pub(super) fn read(directory: &Directory, markets: &[Market], ask: &Ask, body: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    match ask {
        Ask::ServerTime => {
            let time: wire::ServerTime = parse("time", body)?;
            inbox.messages.push(Message::ServerTime(moment(time.server_time)));
            Ok(())
        }
        Ask::Instruments { market, .. } => listing::read(*market, body, inbox),
        Ask::Depth { instrument } => match directory.get(*instrument) {
            Some(listed) => depth(listed, body, inbox),
            None => Ok(()),
        },
        Ask::KeyRights => {
            let rights: wire::KeyRights = parse("apiRestrictions", body)?;
            let may = |market: &Market| match market {
                Market::Spot => rights.enable_spot_and_margin_trading,
                Market::Linear | Market::Inverse => rights.enable_futures,
            };
            inbox.messages.push(Message::Rights(KeyRights { trade: markets.iter().all(may), withdraw: rights.enable_withdrawals }));
            Ok(())
        }
        Ask::StreamKey { market } => {
            let key: wire::ListenKey = parse("listenKey", body)?;
            inbox.messages.push(Message::StreamKey(*market, key.listen_key));
            Ok(())
        }
        Ask::OpenOrders { .. } | Ask::Order { .. } | Ask::OrderHistory { .. } | Ask::ConditionalOrder { .. } => {
            orders(directory, ask, body, inbox)
        }
        Ask::Fills { instrument, .. } => match directory.get(*instrument) {
            Some(listed) => executions(directory, listed, ask, body, inbox),
            None => Ok(()),
        },
        Ask::Balances { market } => balances(directory, *market, body, inbox),
        Ask::Positions { market, .. } => positions(directory, *market, body, inbox),
        Ask::CancelAll { instrument } => {
            if directory.get(*instrument).is_some_and(|listed| listed.market == Market::Linear) {
                inbox.more(Ask::CancelAllConditional { instrument: *instrument });
            }
            Ok(())
        }
        Ask::Funding { instrument, .. } => match directory.get(*instrument) {
            Some(listed) => funding(directory, listed, ask, body, inbox),
            None => Ok(()),
        },
        Ask::RenewStreamKey { .. } | Ask::CancelAllConditional { .. } | Ask::DeadMan { .. } => Ok(()),
    }
}

/// `{"lastUpdateId":1,"bids":[["p","q"],…],"asks":[…]}`; futures add `E` and `T`, spot states no time.
fn depth(listed: &Listed, body: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "depth";
    let from = inbox.changes.len();
    let (mut last, mut at) = (&b""[..], &b""[..]);
    let mut scan = Scan::new(body);
    let mut is_first = true;
    scan.eat(b'{', "an object").map_err(|syntax| syntax.of(WHAT))?;
    while let Some(key) = scan.key(&mut is_first).map_err(|syntax| syntax.of(WHAT))? {
        match key {
            b"bids" => market::levels(&mut scan, Side::Buy, listed, inbox)?,
            b"asks" => market::levels(&mut scan, Side::Sell, listed, inbox)?,
            b"lastUpdateId" => last = scan.value().map_err(|syntax| syntax.of(WHAT))?,
            b"T" => at = scan.value().map_err(|syntax| syntax.of(WHAT))?,
            _ => {
                scan.value().map_err(|syntax| syntax.of(WHAT))?;
            }
        }
    }
    scan.end().map_err(|syntax| syntax.of(WHAT))?;
    let last = whole(WHAT, "lastUpdateId", last)?;
    let ts_venue = if at.is_empty() { Timestamp::default() } else { words::millis(WHAT, "T", at)? };
    inbox.depth(ts_venue, listed.id, DepthKind::Snapshot, Sequence { first: last, last, previous: None }, from);
    Ok(())
}

fn orders(directory: &Directory, ask: &Ask, body: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    match ask {
        Ask::OpenOrders { market: Market::Linear, cursor: Some(_) } => {
            let waiting: Vec<wire::ConditionalOrder<'_>> = parse("openAlgoOrders", body)?;
            waiting.iter().try_for_each(|order| conditional_record(directory, order, inbox))
        }
        Ask::OpenOrders { market, .. } => {
            let open: Vec<wire::Order<'_>> = parse("openOrders", body)?;
            open.iter().try_for_each(|order| record(directory, *market, order, inbox))?;
            if *market == Market::Linear {
                inbox.more(Ask::OpenOrders { market: *market, cursor: Some(crate::ask::Cursor("conditional".into())) });
            }
            Ok(())
        }
        Ask::Order { instrument, .. } => match directory.get(*instrument) {
            Some(listed) => record(directory, listed.market, &parse("order", body)?, inbox),
            None => Ok(()),
        },
        _ => conditional_record(directory, &parse("algoOrder", body)?, inbox),
    }
}

fn owner(client_id: &str) -> OrderOwner {
    order_id(client_id).map_or_else(|| OrderOwner::Foreign(client_id.to_owned()), OrderOwner::Ours)
}

fn record(directory: &Directory, market: Market, order: &wire::Order<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "order";
    let Some(listed) = listed(directory, market, order.symbol.as_bytes()) else { return Ok(()) };
    let limit = price(listed, WHAT, "price", order.price.as_bytes())?;
    inbox.messages.push(Message::Order(OrderRecord {
        owner: owner(&order.client_order_id),
        venue_order: VenueOrderId(u128::from(order.order_id)),
        instrument: listed.id,
        side: side(WHAT, order.side.as_bytes())?,
        price: Some(limit).filter(|limit| *limit != Price(0)),
        qty: qty(listed, WHAT, "origQty", order.orig_qty.as_bytes())?,
        filled: qty(listed, WHAT, "executedQty", order.executed_qty.as_bytes())?,
        state: state(WHAT, order.status.as_bytes(), RejectReason::InvalidFilter)?,
    }));
    Ok(())
}

fn conditional_record(directory: &Directory, order: &wire::ConditionalOrder<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "algoOrder";
    let Some(listed) = listed(directory, Market::Linear, order.symbol.as_bytes()) else { return Ok(()) };
    let stated = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().filter(|text| !text.is_empty()).unwrap_or("0").to_owned();
    let limit = price(listed, WHAT, "price", stated(&order.price).as_bytes())?;
    let total = qty(listed, WHAT, "quantity", stated(&order.quantity).as_bytes())?;
    let filled = qty(listed, WHAT, "executedQty", stated(&order.executed_qty).as_bytes())?;
    inbox.messages.push(Message::Order(OrderRecord {
        owner: owner(&order.client_algo_id),
        venue_order: VenueOrderId(u128::from(order.algo_id)),
        instrument: listed.id,
        side: side(WHAT, order.side.as_bytes())?,
        price: Some(limit).filter(|limit| *limit != Price(0)),
        qty: total,
        filled,
        state: conditional_state(WHAT, order.algo_status.as_bytes(), filled > Qty(0) && filled >= total, RejectReason::InvalidFilter)?,
    }));
    Ok(())
}

fn executions(directory: &Directory, listed: &Listed, ask: &Ask, body: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    let Ask::Fills { instrument, since, cursor } = ask else { return Ok(()) };
    let rows: Vec<wire::Execution<'_>> = parse("trades", body)?;
    for row in rows.iter().filter(|row| moment(row.time) >= *since) {
        inbox.messages.push(Message::Execution(execution(directory, listed, row)?));
    }
    let is_full = rows.len() >= PAGE;
    let ends = (rows.first(), rows.last());
    let next = match (Page::of(cursor.as_ref()), ends) {
        (Some(Page::Latest), (Some(first), _)) if is_full && moment(first.time) >= *since => {
            Some(Page::Time { from: as_millis(*since), stop: first.time })
        }
        (Some(Page::Time { from, stop }), (None, _)) => {
            let from = from + longest_span(listed.market);
            (from < stop).then_some(Page::Time { from, stop })
        }
        (Some(Page::Time { stop, .. }), (_, Some(last))) if last.time < stop => Some(Page::Id { from: last.id + 1, stop }),
        (Some(Page::Id { stop, .. }), (_, Some(last))) if is_full && last.time < stop => Some(Page::Id { from: last.id + 1, stop }),
        _ => None,
    };
    if let Some(page) = next {
        inbox.more(Ask::Fills { instrument: *instrument, since: *since, cursor: page.cursor() });
    }
    Ok(())
}

/// The venue's records name the order by the venue's id alone, so the cause of a foreign one is not stated: by hand, as far as they tell.
fn execution(directory: &Directory, listed: &Listed, row: &wire::Execution<'_>) -> Result<ExecutionRecord, MapError> {
    const WHAT: &str = "trades";
    let stated_cash = match (&row.quote_qty, directory.asset_by_id(listed.quote)) {
        (Some(cash), Some(quote)) if listed.market == Market::Spot => Some(amount(quote, WHAT, "quoteQty", cash.as_bytes())?),
        _ => None,
    };
    let trade = AccountTrade {
        account: listed.account,
        instrument: listed.id,
        side: if row.is_buyer { Side::Buy } else { Side::Sell },
        trade: TradeId(u128::from(row.id)),
        price: price(listed, WHAT, "price", row.price.as_bytes())?,
        qty: qty(listed, WHAT, "qty", row.qty.as_bytes())?,
        fee: fee(directory, listed, row.commission_asset.as_bytes(), row.commission.as_bytes())?,
        stated_cash,
        cause: cause(""),
        leg: words::leg(WHAT, row.position_side.as_deref().unwrap_or_default().as_bytes())?,
        ts_venue: moment(row.time),
    };
    let liquidity = if row.is_maker { Liquidity::Maker } else { Liquidity::Taker };
    Ok(ExecutionRecord { venue_order: VenueOrderId(u128::from(row.order_id)), liquidity, trade })
}

fn balances(directory: &Directory, market: Market, body: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "balances";
    let Some(account) = directory.account(market) else { return Ok(()) };
    if market == Market::Spot {
        let holdings: wire::SpotAccount<'_> = parse(WHAT, body)?;
        for row in &holdings.balances {
            let Some(asset) = directory.asset(&row.asset) else { continue };
            let free = amount(asset, WHAT, "free", row.free.as_bytes())?;
            let locked = amount(asset, WHAT, "locked", row.locked.as_bytes())?;
            let too_large = |_| words::number(WHAT, "free", row.free.as_bytes(), crate::digits::DigitsError::TooLarge);
            let total = free.plus(locked).map_err(too_large)?;
            inbox.messages.push(Message::Balance(BalanceRecord { account, asset: asset.id, total }));
        }
    } else {
        let wallets: Vec<wire::WalletBalance<'_>> = parse(WHAT, body)?;
        for row in &wallets {
            let Some(asset) = directory.asset(&row.asset) else { continue };
            let total = amount(asset, WHAT, "balance", row.balance.as_bytes())?;
            inbox.messages.push(Message::Balance(BalanceRecord { account, asset: asset.id, total }));
        }
    }
    Ok(())
}

/// Only what is held, or has an order, is in the answer; what is not in it is flat.
fn positions(directory: &Directory, market: Market, body: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "positionRisk";
    let rows: Vec<wire::Position<'_>> = parse(WHAT, body)?;
    for row in &rows {
        if let Some(listed) = listed(directory, market, row.symbol.as_bytes()) {
            inbox.messages.push(position_record(listed, WHAT, row.position_amt.as_bytes(), row.position_side.as_bytes())?);
        }
    }
    Ok(())
}

/// Payments lead to questions for their rates; a rate's answer completes its payment.
fn funding(directory: &Directory, listed: &Listed, ask: &Ask, body: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "funding";
    let Ask::Funding { instrument, since, cursor } = ask else { return Ok(()) };
    let more = |page: Page| Ask::Funding { instrument: *instrument, since: *since, cursor: page.cursor() };
    let quote = directory.asset_by_id(listed.quote);
    match Page::of(cursor.as_ref()) {
        Some(Page::Rate { at, income }) => {
            let rates: Vec<wire::FundingRate<'_>> = parse("fundingRate", body)?;
            let nearest_rate = rates.iter().min_by_key(|rate| (rate.funding_time - at).abs());
            let payment = nearest_rate.map(|rate| payment(listed, listed.id, rate, income)).transpose()?;
            // Without the rate the payment is not whole; the balance has it all the same.
            inbox.messages.extend(payment.map(|payment| Message::Account(AccountEvent::Funding(payment))));
        }
        _ => {
            let rows: Vec<wire::Income<'_>> = parse("income", body)?;
            let paid = rows.iter().filter_map(|row| Some((row, quote.filter(|asset| asset.symbol == row.asset)?)));
            for (row, asset) in paid {
                let income = amount(asset, WHAT, "income", row.income.as_bytes())?;
                let too_large = |_| words::number(WHAT, "income", row.income.as_bytes(), crate::digits::DigitsError::TooLarge);
                let income = i64::try_from(income.0).map_err(too_large)?;
                inbox.more(more(Page::Rate { at: row.time, income }));
            }
            if let Some(last) = rows.last().filter(|_| rows.len() >= PAGE) {
                inbox.more(more(Page::Time { from: last.time + 1, stop: i64::MAX }));
            }
        }
    }
    Ok(())
}

fn payment(listed: &Listed, instrument: InstrumentId, stated: &wire::FundingRate<'_>, income: i64) -> Result<FundingPayment, MapError> {
    const WHAT: &str = "fundingRate";
    Ok(FundingPayment {
        account: listed.account,
        instrument,
        rate: rate(WHAT, "fundingRate", stated.funding_rate.as_bytes())?,
        mark: nearest(listed, WHAT, "markPrice", stated.mark_price.as_deref().unwrap_or_default().as_bytes())?,
        amount: tradewind_types::Amount(i128::from(income)),
        ts_venue: moment(stated.funding_time),
    })
}
