//! The USD-M futures market: its requests and what they weigh (USD-M REST and WebSocket API, 2026).

mod account;
mod algo;
mod info;
mod margin;
mod orders;
mod positions;
pub mod render;

use super::routes::Access::{Key, Public, Signed, Trade};
use super::routes::Weight::{Fixed, Levels, Symbol};
use super::routes::{Route, route};
use super::{market, records};

const DEPTH: &[(i64, u32)] = &[(50, 2), (100, 5), (500, 10)];

/// Every request.
pub const ROUTES: &[Route] = &[
    route("GET", "/fapi/v1/ping", &["ping"], Fixed(1), Public, market::ping),
    route("GET", "/fapi/v1/time", &["time"], Fixed(1), Public, market::time),
    route("GET", "/fapi/v1/exchangeInfo", &[], Fixed(1), Public, info::exchange_info),
    route("GET", "/dapi/v1/exchangeInfo", &[], Fixed(1), Public, info::nothing_listed),
    route("GET", "/fapi/v1/depth", &["depth"], Levels(DEPTH, 20), Public, market::depth),
    route("GET", "/fapi/v1/trades", &[], Fixed(5), Public, market::trades),
    route("GET", "/fapi/v1/historicalTrades", &[], Fixed(20), Public, market::trades),
    route("GET", "/fapi/v1/aggTrades", &[], Fixed(20), Public, market::agg_trades),
    route("GET", "/fapi/v1/klines", &[], Fixed(5), Public, market::klines),
    route("GET", "/fapi/v1/ticker/24hr", &[], Symbol(1, 40), Public, market::ticker_day),
    route("GET", "/fapi/v1/ticker/price", &["ticker.price"], Symbol(1, 2), Public, market::ticker_price),
    route("GET", "/fapi/v2/ticker/price", &[], Symbol(1, 2), Public, market::ticker_price),
    route("GET", "/fapi/v1/ticker/bookTicker", &["ticker.book"], Symbol(2, 5), Public, market::ticker_book),
    route("GET", "/fapi/v1/premiumIndex", &[], Symbol(1, 10), Public, info::premium_index),
    route("GET", "/fapi/v1/fundingRate", &[], Fixed(1), Public, info::funding_rates),
    route("GET", "/fapi/v1/fundingInfo", &[], Fixed(1), Public, info::funding_info),
    route("POST", "/fapi/v1/order", &["order.place"], Fixed(0), Trade, orders::place).orders(1),
    route("POST", "/fapi/v1/order/test", &["order.test"], Fixed(0), Trade, orders::test),
    route("PUT", "/fapi/v1/order", &["order.modify"], Fixed(1), Trade, orders::modify).orders(1),
    route("DELETE", "/fapi/v1/order", &["order.cancel"], Fixed(1), Trade, orders::cancel),
    route("GET", "/fapi/v1/order", &["order.status"], Fixed(1), Signed, records::order),
    route("POST", "/fapi/v1/batchOrders", &[], Fixed(5), Trade, orders::place_batch).orders(5),
    route("PUT", "/fapi/v1/batchOrders", &[], Fixed(5), Trade, orders::modify_batch).orders(5),
    route("DELETE", "/fapi/v1/batchOrders", &[], Fixed(1), Trade, orders::cancel_batch),
    route("GET", "/fapi/v1/openOrder", &[], Fixed(1), Signed, records::open_order),
    route("GET", "/fapi/v1/openOrders", &[], Symbol(1, 40), Signed, records::open_orders),
    route("DELETE", "/fapi/v1/allOpenOrders", &[], Fixed(1), Trade, orders::cancel_all),
    route("GET", "/fapi/v1/allOrders", &[], Fixed(5), Signed, records::all_orders),
    route("GET", "/fapi/v1/userTrades", &[], Fixed(5), Signed, records::my_trades),
    route("POST", "/fapi/v1/countdownCancelAll", &[], Fixed(10), Trade, orders::countdown),
    route("POST", "/fapi/v1/algoOrder", &["algoOrder.place"], Fixed(0), Trade, algo::place).orders(1),
    route("DELETE", "/fapi/v1/algoOrder", &["algoOrder.cancel"], Fixed(1), Trade, algo::cancel),
    route("DELETE", "/fapi/v1/algoOpenOrders", &[], Fixed(1), Trade, algo::cancel_all),
    route("GET", "/fapi/v1/algoOrder", &[], Fixed(1), Signed, algo::order),
    route("GET", "/fapi/v1/openAlgoOrders", &[], Symbol(1, 40), Signed, algo::open_orders),
    route("GET", "/fapi/v1/allAlgoOrders", &[], Fixed(5), Signed, algo::all_orders),
    route("GET", "/fapi/v2/account", &["account.status"], Fixed(5), Signed, account::account_v2),
    route("GET", "/fapi/v3/account", &["v2/account.status"], Fixed(5), Signed, account::account_v3),
    route("GET", "/fapi/v2/balance", &["account.balance"], Fixed(5), Signed, account::balance),
    route("GET", "/fapi/v3/balance", &["v2/account.balance"], Fixed(5), Signed, account::balance),
    route("GET", "/fapi/v2/positionRisk", &["account.position"], Fixed(5), Signed, positions::risk_v2),
    route("GET", "/fapi/v3/positionRisk", &["v2/account.position"], Fixed(5), Signed, positions::risk_v3),
    route("POST", "/fapi/v1/leverage", &[], Fixed(1), Trade, margin::set_leverage),
    route("POST", "/fapi/v1/marginType", &[], Fixed(1), Trade, margin::set_margin_type),
    route("POST", "/fapi/v1/positionSide/dual", &[], Fixed(1), Trade, margin::set_position_mode),
    route("GET", "/fapi/v1/positionSide/dual", &[], Fixed(30), Signed, margin::position_mode),
    route("GET", "/fapi/v1/multiAssetsMargin", &[], Fixed(30), Signed, margin::multi_assets),
    route("GET", "/fapi/v1/leverageBracket", &[], Fixed(1), Signed, margin::brackets),
    route("GET", "/fapi/v1/symbolConfig", &[], Fixed(5), Signed, margin::symbol_config),
    route("GET", "/fapi/v1/commissionRate", &[], Fixed(20), Signed, account::commission_rate),
    route("GET", "/fapi/v1/income", &[], Fixed(30), Signed, account::income),
    route("POST", "/fapi/v1/listenKey", &["userDataStream.start"], Fixed(1), Key, account::open_listen_key),
    route("PUT", "/fapi/v1/listenKey", &["userDataStream.ping"], Fixed(1), Key, account::renew_listen_key),
    route("DELETE", "/fapi/v1/listenKey", &["userDataStream.stop"], Fixed(1), Key, account::close_listen_key),
];
