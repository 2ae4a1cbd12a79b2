//! The futures account: balances, fees, income, and the keys of its private stream.

use super::positions;
use crate::binance::desk::Ask;
use crate::binance::figures::{money, ms, rate};
use crate::binance::json::{Object, Raw, fields, object, rows};
use crate::binance::refusal::Refusal;
use crate::house::{Balance, FillRecord, Wallet};
use tradewind_types::{AccountId, Amount, AssetId, FundingPayment};

/// The wallet that futures draw on.
///
/// # Errors
/// -2015.
pub fn wallet(ask: &Ask<'_>) -> Result<AccountId, Refusal> {
    ask.house.account(ask.client()?, Wallet::Derivatives).ok_or_else(Refusal::not_permitted)
}

/// What orders and positions of a wallet tie up, together and the orders' share.
struct Margins {
    equity: Amount,
    all: Amount,
    orders: Amount,
    free: Amount,
}

impl Margins {
    fn of(balance: &Balance) -> Self {
        let equity = Amount(balance.wallet.0 + balance.unrealised.0);
        let free = Amount(balance.free.0.max(0));
        let all = Amount((equity.0 - free.0).max(balance.position_margin.0));
        Self { equity, all, orders: Amount(all.0 - balance.position_margin.0), free }
    }
}

/// Margins of the whole account (`total...`), or of one asset.
fn margins(prefix: &str, balance: &Balance) -> Object {
    let margins = Margins::of(balance);
    let name = |plain: &str| {
        let mut capital = plain.to_owned();
        if !prefix.is_empty()
            && let Some(first) = capital.get_mut(0..1)
        {
            first.make_ascii_uppercase();
        }
        format!("{prefix}{capital}")
    };
    Object::new()
        .with(&name("walletBalance"), money(balance.wallet))
        .with(&name("unrealizedProfit"), money(balance.unrealised))
        .with(&name("marginBalance"), money(margins.equity))
        .with(&name("maintMargin"), money(balance.maintenance))
        .with(&name("initialMargin"), money(margins.all))
        .with(&name("positionInitialMargin"), money(balance.position_margin))
        .with(&name("openOrderInitialMargin"), money(margins.orders))
        .with(&name("crossWalletBalance"), money(balance.wallet))
        .with(&name("crossUnPnl"), money(balance.unrealised))
        .with("availableBalance", money(margins.free))
        .with("maxWithdrawAmount", money(Amount(margins.free.0.min(balance.wallet.0).max(0))))
}

fn margin_assets(ask: &Ask<'_>, account: AccountId) -> Vec<(AssetId, Balance)> {
    let is_margin = |asset: &AssetId| {
        let listings = ask.house.listings().iter();
        listings.filter(|l| l.category == ask.category).any(|l| l.instrument.value_asset() == *asset)
    };
    let held = ask.house.balances(account).into_iter();
    held.filter(|(asset, balance)| is_margin(asset) || balance.wallet != Amount::ZERO).collect()
}

fn account(ask: &mut Ask<'_>, positions: Vec<Raw>) -> Result<Raw, Refusal> {
    let account = wallet(ask)?;
    let usdt = ask.house.asset("USDT").map(|asset| ask.house.balance(account, asset)).unwrap_or_default();
    let assets = margin_assets(ask, account).into_iter().map(|(asset, balance)| {
        fields! { "asset": ask.house.asset_symbol(asset) }
            .followed_by(margins("", &balance))
            .with("marginAvailable", true)
            .with("updateTime", ms(ask.now))
            .end()
    });
    let assets = assets.collect::<Vec<_>>();
    let head = fields! {
        "feeTier": 0, "canTrade": true, "canDeposit": true, "canWithdraw": false, "tradeGroupId": -1, "updateTime": 0,
        "multiAssetsMargin": false,
    };
    Ok(head.followed_by(margins("total", &usdt)).with("assets", assets).with("positions", positions).end())
}

/// Balances, and a position for every listing.
///
/// # Errors
/// -2015.
pub fn account_v2(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let positions = positions::in_account_v2(ask)?;
    account(ask, positions)
}

/// Balances, and the positions that there are.
///
/// # Errors
/// -2015.
pub fn account_v3(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let positions = positions::in_account_v3(ask)?;
    account(ask, positions)
}

/// Balances alone.
///
/// # Errors
/// -2015.
pub fn balance(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let account = wallet(ask)?;
    let one = |(asset, balance): (AssetId, Balance)| {
        let free = Margins::of(&balance).free;
        object! {
            "accountAlias": "SgsR",
            "asset": ask.house.asset_symbol(asset),
            "balance": money(balance.wallet),
            "crossWalletBalance": money(balance.wallet),
            "crossUnPnl": money(balance.unrealised),
            "availableBalance": money(free),
            "maxWithdrawAmount": money(Amount(free.0.min(balance.wallet.0).max(0))),
            "marginAvailable": true,
            "updateTime": ms(ask.now),
        }
    };
    Ok(rows(&margin_assets(ask, account).into_iter().map(one).collect::<Vec<_>>()))
}

/// Fees on one listing.
///
/// # Errors
/// -1102, -1121.
pub fn commission_rate(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    Ok(object! {
        "symbol": listing.symbol(), "makerCommissionRate": rate(listing.maker_fee), "takerCommissionRate": rate(listing.taker_fee),
    })
}

fn entry(symbol: &str, kind: &str, amount: Amount, asset: &str, at_ms: i64, number: u64) -> (i64, Raw) {
    let row = object! {
        "symbol": symbol, "incomeType": kind, "income": money(amount), "asset": asset, "info": kind, "time": at_ms,
        "tranId": number, "tradeId": if kind == "FUNDING_FEE" { String::new() } else { number.to_string() },
    };
    (at_ms, row)
}

fn of_fill(ask: &Ask<'_>, fill: &FillRecord) -> Vec<(i64, Raw)> {
    let Some(listing) = ask.house.listing(fill.instrument).filter(|l| l.category == ask.category) else { return Vec::new() };
    let mut found = Vec::new();
    if fill.realised != Amount::ZERO {
        found.push(entry(listing.symbol(), "REALIZED_PNL", fill.realised, &listing.quote, ms(fill.at), fill.no));
    }
    let paid = Amount(-fill.fee.amount.0);
    found.push(entry(listing.symbol(), "COMMISSION", paid, ask.house.asset_symbol(fill.fee.asset), ms(fill.at), fill.no));
    found
}

fn of_funding(ask: &Ask<'_>, payment: &FundingPayment) -> Option<(i64, Raw)> {
    let listing = ask.house.listing(payment.instrument)?;
    let at_ms = ms(payment.ts_venue);
    let number = u64::try_from(at_ms).unwrap_or(0) * 100 + u64::from(payment.instrument.0);
    Some(entry(listing.symbol(), "FUNDING_FEE", payment.amount, &listing.quote, at_ms, number))
}

/// Profits, fees and fundings, oldest first.
///
/// # Errors
/// -1130 for a kind that there is not.
pub fn income(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let client = ask.client()?;
    let kind = ask.params.get("incomeType");
    if kind.is_some_and(|kind| !["REALIZED_PNL", "COMMISSION", "FUNDING_FEE", "TRANSFER"].contains(&kind)) {
        return Err(Refusal::not_valid("incomeType"));
    }
    let wanted = kind.map(|kind| format!("\"incomeType\":\"{kind}\""));
    let symbol = ask.params.get("symbol").map(|symbol| format!("\"symbol\":\"{symbol}\""));
    let (since, until) = (ask.params.moment("startTime")?, ask.params.moment("endTime")?);
    let limit = ask.params.limit(100, 1_000)?;
    let mut all: Vec<(i64, Raw)> = ask.house.fills(client).flat_map(|fill| of_fill(ask, fill)).collect();
    all.extend(ask.house.fundings(client).filter_map(|payment| of_funding(ask, payment)));
    all.sort_by_key(|(at_ms, _)| *at_ms);
    let is_meant = |(at_ms, row): &(i64, Raw)| {
        let in_time = since.is_none_or(|s| *at_ms >= ms(s)) && until.is_none_or(|u| *at_ms <= ms(u));
        in_time && [&wanted, &symbol].into_iter().flatten().all(|field| row.0.contains(field.as_str()))
    };
    let found: Vec<Raw> = all.into_iter().filter(is_meant).map(|(_, row)| row).collect();
    let skipped = if since.is_some() { 0 } else { found.len().saturating_sub(limit) };
    Ok(rows(&found[skipped..found.len().min(skipped + limit)]))
}

/// The key of the account's private stream; the same one for an hour after it was last asked for.
///
/// # Errors
/// -2015.
pub fn open_listen_key(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let client = ask.house.client(ask.client()?).ok_or_else(Refusal::not_permitted)?;
    Ok(object! { "listenKey": ask.desk.listen_key(ask.now, client) })
}

/// The key is valid for another hour.
///
/// # Errors
/// -1125 where there is none.
pub fn renew_listen_key(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let client = ask.client()?;
    Ok(object! { "listenKey": ask.desk.renew_listen_key(ask.now, client)? })
}

/// The key is not valid any more.
///
/// # Errors
/// -2015.
pub fn close_listen_key(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let client = ask.client()?;
    ask.desk.close_listen_key(client);
    Ok(object! {})
}
