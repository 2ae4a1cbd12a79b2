//! Answers over HTTP as Binance writes them; fields that nothing here reads are left out.

use serde::Deserialize;
use std::borrow::Cow;

/// `GET /api/v3/exchangeInfo`, `GET /fapi/v1/exchangeInfo`.
#[derive(Deserialize)]
pub(super) struct ExchangeInfo<'a> {
    #[serde(borrow)]
    pub(super) symbols: Vec<Symbol<'a>>,
}

/// One symbol, spot or futures.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Symbol<'a> {
    #[serde(borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(default)]
    pub(super) status: Cow<'a, str>,
    pub(super) base_asset: Cow<'a, str>,
    pub(super) quote_asset: Cow<'a, str>,
    pub(super) margin_asset: Option<Cow<'a, str>>,
    pub(super) contract_type: Option<Cow<'a, str>>,
    pub(super) delivery_date: Option<i64>,
    pub(super) is_spot_trading_allowed: Option<bool>,
    #[serde(default)]
    pub(super) filters: Vec<Filter<'a>>,
}

/// One filter of a symbol; each kind has some of these.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter<'a> {
    #[serde(borrow)]
    pub(super) filter_type: Cow<'a, str>,
    pub(super) tick_size: Option<Cow<'a, str>>,
    pub(super) step_size: Option<Cow<'a, str>>,
    pub(super) min_qty: Option<Cow<'a, str>>,
    pub(super) max_qty: Option<Cow<'a, str>>,
    pub(super) min_notional: Option<Cow<'a, str>>,
    pub(super) notional: Option<Cow<'a, str>>,
}

/// An order by the venue's records.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order<'a> {
    #[serde(borrow)]
    pub(super) symbol: Cow<'a, str>,
    pub(super) order_id: u64,
    pub(super) client_order_id: Cow<'a, str>,
    pub(super) price: Cow<'a, str>,
    pub(super) orig_qty: Cow<'a, str>,
    pub(super) executed_qty: Cow<'a, str>,
    pub(super) status: Cow<'a, str>,
    pub(super) side: Cow<'a, str>,
}

/// A futures order that waits, or waited, for a trigger.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConditionalOrder<'a> {
    #[serde(borrow)]
    pub(super) symbol: Cow<'a, str>,
    pub(super) algo_id: u64,
    pub(super) client_algo_id: Cow<'a, str>,
    pub(super) price: Option<Cow<'a, str>>,
    pub(super) quantity: Option<Cow<'a, str>>,
    pub(super) executed_qty: Option<Cow<'a, str>>,
    pub(super) algo_status: Cow<'a, str>,
    pub(super) side: Cow<'a, str>,
}

/// An execution: `GET /api/v3/myTrades`, `GET /fapi/v1/userTrades`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Execution<'a> {
    pub(super) id: u64,
    pub(super) order_id: u64,
    #[serde(borrow)]
    pub(super) price: Cow<'a, str>,
    pub(super) qty: Cow<'a, str>,
    pub(super) quote_qty: Option<Cow<'a, str>>,
    pub(super) commission: Cow<'a, str>,
    pub(super) commission_asset: Cow<'a, str>,
    pub(super) time: i64,
    #[serde(alias = "buyer")]
    pub(super) is_buyer: bool,
    #[serde(alias = "maker")]
    pub(super) is_maker: bool,
    pub(super) position_side: Option<Cow<'a, str>>,
}

/// `GET /api/v3/account`.
#[derive(Deserialize)]
pub(super) struct SpotAccount<'a> {
    #[serde(borrow)]
    pub(super) balances: Vec<SpotBalance<'a>>,
}

/// Free and locked of one asset.
#[derive(Deserialize)]
pub(super) struct SpotBalance<'a> {
    #[serde(borrow)]
    pub(super) asset: Cow<'a, str>,
    pub(super) free: Cow<'a, str>,
    pub(super) locked: Cow<'a, str>,
}

/// `GET /fapi/v3/balance`: `balance` is the wallet's.
#[derive(Deserialize)]
pub(super) struct WalletBalance<'a> {
    #[serde(borrow)]
    pub(super) asset: Cow<'a, str>,
    pub(super) balance: Cow<'a, str>,
}

/// `GET /fapi/v3/positionRisk`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position<'a> {
    #[serde(borrow)]
    pub(super) symbol: Cow<'a, str>,
    pub(super) position_amt: Cow<'a, str>,
    #[serde(default)]
    pub(super) position_side: Cow<'a, str>,
}

/// `GET /api/v3/time`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerTime {
    pub(super) server_time: i64,
}

/// `GET /sapi/v1/account/apiRestrictions`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct KeyRights {
    pub(super) enable_withdrawals: bool,
    pub(super) enable_spot_and_margin_trading: bool,
    pub(super) enable_futures: bool,
}

/// `POST /fapi/v1/listenKey`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListenKey {
    pub(super) listen_key: String,
}

/// `GET /fapi/v1/income?incomeType=FUNDING_FEE`.
#[derive(Deserialize)]
pub(super) struct Income<'a> {
    #[serde(borrow)]
    pub(super) income: Cow<'a, str>,
    pub(super) asset: Cow<'a, str>,
    pub(super) time: i64,
}

/// `GET /fapi/v1/fundingRate`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FundingRate<'a> {
    #[serde(borrow)]
    pub(super) funding_rate: Cow<'a, str>,
    pub(super) funding_time: i64,
    pub(super) mark_price: Option<Cow<'a, str>>,
}
