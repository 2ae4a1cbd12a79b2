//! The spot market: its requests and what they weigh (spot REST and WebSocket API, 2026-07).

mod account;
mod info;
mod orders;
pub mod render;

use super::routes::Access::{Public, Signed, Trade};
use super::routes::Weight::{Fixed, Levels, Symbol};
use super::routes::{Route, route};
use super::{market, records};

const DEPTH: &[(i64, u32)] = &[(100, 5), (500, 25), (1_000, 50)];

/// Every request.
pub const ROUTES: &[Route] = &[
    route("GET", "/api/v3/ping", &["ping"], Fixed(1), Public, market::ping),
    route("GET", "/api/v3/time", &["time"], Fixed(1), Public, market::time),
    route("GET", "/api/v3/exchangeInfo", &["exchangeInfo"], Fixed(20), Public, info::exchange_info),
    route("GET", "/api/v3/depth", &["depth"], Levels(DEPTH, 250), Public, market::depth),
    route("GET", "/api/v3/trades", &["trades.recent"], Fixed(25), Public, market::trades),
    route("GET", "/api/v3/historicalTrades", &["trades.historical"], Fixed(25), Public, market::trades),
    route("GET", "/api/v3/aggTrades", &["trades.aggregate"], Fixed(4), Public, market::agg_trades),
    route("GET", "/api/v3/klines", &["klines"], Fixed(2), Public, market::klines),
    route("GET", "/api/v3/uiKlines", &["uiKlines"], Fixed(2), Public, market::klines),
    route("GET", "/api/v3/avgPrice", &["avgPrice"], Fixed(2), Public, market::average_price),
    route("GET", "/api/v3/ticker/24hr", &["ticker.24hr"], Symbol(2, 80), Public, market::ticker_day),
    route("GET", "/api/v3/ticker/price", &["ticker.price"], Symbol(2, 4), Public, market::ticker_price),
    route("GET", "/api/v3/ticker/bookTicker", &["ticker.book"], Symbol(2, 4), Public, market::ticker_book),
    route("POST", "/api/v3/order", &["order.place"], Fixed(1), Trade, orders::place).orders(1),
    route("POST", "/api/v3/order/test", &["order.test"], Fixed(1), Trade, orders::test),
    route("GET", "/api/v3/order", &["order.status"], Fixed(4), Signed, records::order),
    route("DELETE", "/api/v3/order", &["order.cancel"], Fixed(1), Trade, orders::cancel),
    route("POST", "/api/v3/order/cancelReplace", &["order.cancelReplace"], Fixed(1), Trade, orders::cancel_replace).orders(1),
    route("PUT", "/api/v3/order/amend/keepPriority", &["order.amend.keepPriority"], Fixed(4), Trade, orders::amend),
    route("GET", "/api/v3/openOrders", &["openOrders.status"], Symbol(6, 80), Signed, records::open_orders),
    route("DELETE", "/api/v3/openOrders", &["openOrders.cancelAll"], Fixed(1), Trade, orders::cancel_all),
    route("GET", "/api/v3/allOrders", &["allOrders"], Fixed(20), Signed, records::all_orders),
    route("GET", "/api/v3/myTrades", &["myTrades"], Fixed(20), Signed, records::my_trades),
    route("GET", "/api/v3/account", &["account.status"], Fixed(20), Signed, account::account),
    route("GET", "/api/v3/account/commission", &["account.commission"], Fixed(20), Signed, account::commission),
    route("GET", "/api/v3/rateLimit/order", &["account.rateLimits.orders"], Fixed(40), Signed, account::order_quotas),
    route("GET", "/sapi/v1/system/status", &[], Fixed(1), Public, account::system_status),
    route("GET", "/sapi/v1/capital/config/getall", &[], Fixed(10), Signed, account::coins),
    route("GET", "/sapi/v1/margin/allPairs", &[], Fixed(1), Public, account::nothing),
    route("GET", "/sapi/v1/margin/isolated/allPairs", &[], Fixed(10), Public, account::nothing),
    route("GET", "/sapi/v1/asset/tradeFee", &[], Fixed(1), Signed, account::trade_fees),
    route("GET", "/sapi/v1/account/apiRestrictions", &[], Fixed(1), Signed, account::restrictions),
    route("POST", "/sapi/v1/asset/transfer", &[], Fixed(900), Trade, account::transfer),
];
