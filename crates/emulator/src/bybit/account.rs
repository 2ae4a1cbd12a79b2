//! A client's account over REST: balances, rates, what its key may do, leverage, position mode.
//!
//! Source: Bybit v5 documentation, "Account", "User", "Position" (2026-07).

use super::answer::Refusal;
use super::figures;
use super::json::{Object, array};
use super::market::{self, Market};
use super::params::Params;
use super::reports;
use crate::house::{Category, ClientId, House, Listing, Permissions, Rejection};
use tradewind_types::{Decimal, PositionMode, Timestamp};

/// The unified wallet.
pub(super) fn wallet_balance(client: ClientId, params: &Params, house: &House) -> Result<String, Refusal> {
    if params.need("accountType")? != "UNIFIED" {
        return Err(Refusal::params("accountType only support UNIFIED."));
    }
    let account = house.client(client).map(|client| client.spot).ok_or_else(|| Refusal::params("no account"))?;
    Ok(Object::new().raw("list", array([reports::wallet(account, params.get("coin"), house).close()])).close())
}

/// How the account is set up: unified, cross margin. `window_s` is that of the dead-man's switch, where it is armed.
pub(super) fn info(now: Timestamp, window_s: Option<u32>) -> String {
    Object::new()
        .text("marginMode", "REGULAR_MARGIN")
        .text("updatedTime", figures::millis(now))
        .raw("unifiedMarginStatus", 5)
        .text("dcpStatus", if window_s.is_some() { "ON" } else { "OFF" })
        .raw("timeWindow", window_s.unwrap_or(10))
        .raw("smpGroup", 0)
        .raw("isMasterTrader", false)
        .text("spotHedgingStatus", "OFF")
        .close()
}

/// Fee rates of a market's instruments.
pub(super) fn fee_rates(params: &Params, house: &House) -> Result<String, Refusal> {
    let market = Market::read(params)?;
    let only = params.get("symbol").map(|_| market::quoted(params, house)).transpose()?.map(Listing::id);
    let is_meant = |listing: &&Listing| Some(listing.category) == market.listed() && only.is_none_or(|id| id == listing.id());
    let row = |listing: &Listing| {
        let (maker, taker) = house.fee_rates(listing.id());
        let object = Object::new().text("symbol", listing.symbol()).text("baseCoin", "");
        object.text("takerFeeRate", figures::rate(taker)).text("makerFeeRate", figures::rate(maker)).close()
    };
    let rows = array(house.listings().iter().filter(is_meant).map(row));
    Ok(Object::new().text("category", market.name()).raw("list", rows).close())
}

/// What the key may do. None of them may move money.
pub(super) fn key(client: ClientId, house: &House) -> Result<String, Refusal> {
    let client = house.client(client).ok_or_else(|| Refusal::new(10003, "API key is invalid."))?;
    let may_trade = client.permissions == Permissions::Trade;
    let granted = |names: &str| if may_trade { names.to_owned() } else { "[]".to_owned() };
    let permissions = Object::new()
        .raw("ContractTrade", granted(r#"["Order","Position"]"#))
        .raw("Spot", granted(r#"["SpotTrade"]"#))
        .raw("Wallet", "[]")
        .raw("Options", "[]")
        .raw("Derivatives", granted(r#"["DerivativesTrade"]"#))
        .raw("CopyTrading", "[]")
        .raw("BlockTrade", "[]")
        .raw("Exchange", "[]")
        .raw("NFT", "[]")
        .raw("Affiliate", "[]")
        .raw("Earn", "[]");
    Ok(Object::new()
        .text("id", client.id.0 + 1)
        .text("note", "emulated")
        .text("apiKey", &client.credentials.key)
        .raw("readOnly", u8::from(!may_trade))
        .text("secret", "")
        .raw("permissions", permissions.close())
        .raw("ips", r#"["*"]"#)
        .raw("type", 1)
        .raw("deadlineDay", 90)
        .text("expiredAt", "2099-01-01T00:00:00Z")
        .text("createdAt", "2024-01-01T00:00:00Z")
        .raw("unified", 0)
        .raw("uta", 1)
        .raw("userID", 100_000 + client.id.0)
        .raw("inviterID", 0)
        .text("vipLevel", "No VIP")
        .text("mktMakerLevel", "0")
        .raw("affiliateID", 0)
        .text("rsaPublicKey", "")
        .raw("isMaster", true)
        .text("parentUid", "0")
        .text("kycLevel", "LEVEL_DEFAULT")
        .text("kycRegion", "")
        .close())
}

/// Chooses a leverage.
pub(super) fn set_leverage(client: ClientId, params: &Params, house: &mut House) -> Result<String, Refusal> {
    let instrument = contract(params, house)?;
    let account = house.client(client).map(|client| client.derivatives).ok_or_else(|| Refusal::params("no account"))?;
    let whole = |key: &str| -> Result<u32, Refusal> {
        let steps = params.need(key)?.parse::<Decimal>().and_then(|value| value.in_steps_of(Decimal { mantissa: 1, scale: 0 }));
        steps.ok().and_then(|steps| u32::try_from(steps).ok()).ok_or_else(|| Refusal::params(format!("params error: {key} invalid")))
    };
    let (buy, sell) = (whole("buyLeverage")?, whole("sellLeverage")?);
    if buy != sell {
        return Err(Refusal::params("params error: buyLeverage must be equal to sellLeverage"));
    }
    if house.leverage(account, instrument) == buy {
        return Err(Refusal::new(110_043, "leverage not modified"));
    }
    house.set_leverage(account, instrument, buy).map_err(|_| Refusal::new(110_013, "cannot set leverage due to risk limit"))?;
    Ok("{}".to_owned())
}

fn contract(params: &Params, house: &House) -> Result<tradewind_types::InstrumentId, Refusal> {
    let listing = market::quoted(params, house)?;
    if listing.category == Category::Spot { Err(Refusal::params("params error: Category invalid")) } else { Ok(listing.id()) }
}

/// Chooses between one position a contract (mode 0) and a long and a short one (mode 3).
pub(super) fn switch_mode(client: ClientId, params: &Params, house: &mut House) -> Result<String, Refusal> {
    let account = house.client(client).map(|client| client.derivatives).ok_or_else(|| Refusal::params("no account"))?;
    let mode = match params.need("mode")? {
        "0" => PositionMode::OneWay,
        "3" => PositionMode::Hedge,
        _ => return Err(Refusal::params("params error: Mode invalid")),
    };
    match house.set_position_mode(account, mode) {
        Ok(()) => Ok("{}".to_owned()),
        Err(Rejection::Unchanged) => Err(Refusal::new(110_025, "Position mode is not modified")),
        Err(_) => Err(Refusal::new(110_024, "You have an existing position or open orders, so position mode cannot be switched")),
    }
}
