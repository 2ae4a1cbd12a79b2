//! The spot account, and what the venue says of coins, fees and keys under `/sapi`.

use crate::binance::desk::Ask;
use crate::binance::figures::{money, ms, rate};
use crate::binance::json::{Raw, object, rows};
use crate::binance::refusal::Refusal;
use crate::house::{Balance, Listing, Permissions, Rejection, Wallet};
use tradewind_types::{Amount, AssetId};

/// Balances and what the account may do.
///
/// # Errors
/// -2015.
pub fn account(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let client = ask.client()?;
    let account = ask.house.account(client, Wallet::Spot).ok_or_else(Refusal::not_permitted)?;
    let without_zeros = ask.params.flag("omitZeroBalances")?;
    let held = ask.house.balances(account);
    let shown = held.iter().filter(|(_, balance)| !without_zeros || balance.wallet != Amount::ZERO);
    let balances: Vec<Raw> = shown
        .map(|(asset, balance)| {
            object! { "asset": ask.house.asset_symbol(*asset), "free": money(balance.free), "locked": money(balance.locked()) }
        })
        .collect();
    let first = ask.house.listings().iter().find(|listing| listing.category == ask.category);
    let (maker, taker) = first.map_or_else(Default::default, |listing| (rate(listing.maker_fee), rate(listing.taker_fee)));
    let hundredths = |fee: Option<i64>| fee.unwrap_or(0) / 10_000;
    Ok(object! {
        "makerCommission": hundredths(first.map(|listing| listing.maker_fee.0)),
        "takerCommission": hundredths(first.map(|listing| listing.taker_fee.0)),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": object! { "maker": maker, "taker": taker, "buyer": "0.00000000", "seller": "0.00000000" },
        "canTrade": may_trade(ask),
        "canWithdraw": false,
        "canDeposit": true,
        "brokered": false,
        "requireSelfTradePrevention": false,
        "preventSor": false,
        "updateTime": ms(ask.now),
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": client.0 + 1,
    })
}

fn may_trade(ask: &Ask<'_>) -> bool {
    ask.client.and_then(|client| ask.house.client(client)).is_some_and(|client| client.permissions == Permissions::Trade)
}

/// Fees on one listing.
///
/// # Errors
/// -1102, -1121.
pub fn commission(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let nought = || object! { "maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000" };
    Ok(object! {
        "symbol": listing.symbol(),
        "standardCommission": object! {
            "maker": rate(listing.maker_fee), "taker": rate(listing.taker_fee), "buyer": "0.00000000", "seller": "0.00000000",
        },
        "specialCommission": nought(),
        "taxCommission": nought(),
        "discount": object! {
            "enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "BNB", "discount": "0.75000000",
        },
    })
}

/// The windows in which new orders count.
///
/// # Errors
/// None.
pub fn order_quotas(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    Ok(rows(&ask.quotas.listed()[1..]))
}

/// That the venue is open.
///
/// # Errors
/// None.
pub fn system_status(_: &mut Ask<'_>) -> Result<Raw, Refusal> {
    Ok(object! { "status": 0, "msg": "normal" })
}

/// An empty list: no margin pairs are listed here.
///
/// # Errors
/// None.
pub fn nothing(_: &mut Ask<'_>) -> Result<Raw, Refusal> {
    Ok(rows(&[]))
}

/// Every coin. None can be paid in or out here.
///
/// # Errors
/// None.
pub fn coins(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let account = ask.house.account(ask.client()?, Wallet::Spot).ok_or_else(Refusal::not_permitted)?;
    let one = |(asset, balance): &(AssetId, Balance)| {
        let symbol = ask.house.asset_symbol(*asset);
        let network = object! {
            "network": symbol, "coin": symbol, "withdrawIntegerMultiple": "0.00000001", "isDefault": true, "depositEnable": false,
            "withdrawEnable": false, "depositDesc": "", "withdrawDesc": "", "name": symbol, "withdrawFee": "0", "withdrawMin": "0",
            "withdrawMax": "0", "minConfirm": 1, "unLockConfirm": 0, "estimatedArrivalTime": 1, "busy": false,
        };
        object! {
            "coin": symbol, "depositAllEnable": false, "withdrawAllEnable": false, "name": symbol, "free": money(balance.free),
            "locked": money(balance.locked()), "freeze": "0", "withdrawing": "0", "ipoing": "0", "ipoable": "0", "storage": "0",
            "isLegalMoney": false, "trading": true, "networkList": [network],
        }
    };
    Ok(rows(&ask.house.balances(account).iter().map(one).collect::<Vec<_>>()))
}

/// Fees on one listing or all.
///
/// # Errors
/// -1121.
pub fn trade_fees(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let one = |listing: &&Listing| {
        object! {
            "symbol": listing.symbol(), "makerCommission": rate(listing.maker_fee), "takerCommission": rate(listing.taker_fee),
        }
    };
    Ok(rows(&ask.listings()?.iter().map(one).collect::<Vec<_>>()))
}

/// What the key may be used for.
///
/// # Errors
/// -2015.
pub fn restrictions(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let trade = may_trade(ask);
    Ok(object! {
        "ipRestrict": false,
        "createTime": ms(ask.now),
        "enableReading": true,
        "enableWithdrawals": false,
        "enableInternalTransfer": false,
        "enableMargin": false,
        "enableFutures": trade,
        "permitsUniversalTransfer": trade,
        "enableVanillaOptions": false,
        "enableFixApiTrade": false,
        "enableFixReadOnly": false,
        "enableSpotAndMarginTrading": trade,
        "enablePortfolioMarginTrading": false,
    })
}

/// Moves money between the spot and the futures wallet.
///
/// # Errors
/// -1102, -1130; -9000 for more than there is.
pub fn transfer(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let from = match ask.params.required("type")? {
        "MAIN_UMFUTURE" => Wallet::Spot,
        "UMFUTURE_MAIN" => Wallet::Derivatives,
        _ => return Err(Refusal::not_valid("type")),
    };
    let asset = ask.house.asset(ask.params.required("asset")?).ok_or_else(|| Refusal::not_valid("asset"))?;
    let amount = ask.house.amount(ask.params.required("amount")?).map_err(|_| Refusal::not_valid("amount"))?;
    if amount <= Amount::ZERO {
        return Err(Refusal::not_valid("amount"));
    }
    let client = ask.client()?;
    match ask.house.transfer(ask.now, client, from, asset, amount) {
        Ok(()) => Ok(object! { "tranId": ms(ask.now) }),
        Err(Rejection::Funds) => Err(Refusal::new(-9000, "user have no avaliable amount")),
        Err(other) => Err(Refusal::new(-1128, format!("Combination of optional parameters invalid: {other}."))),
    }
}
