//! Requests over REST: which is whose, how often it may come, and what answers it.

use super::answer::{self, Refusal};
use super::entry::{self, Named};
use super::figures;
use super::json::{Object, array};
use super::params::Params;
use super::quota::{self, Left};
use super::trade::Outcome;
use super::{Bybit, access, account, catalogue, queries, quotes};
use crate::front::{HttpIn, HttpOut};
use crate::house::{ClientId, House};
use serde_json::Value;

impl Bybit {
    /// Answers a request.
    pub(super) fn answer(&mut self, request: &HttpIn<'_>, house: &mut House) -> HttpOut {
        if !self.quota.admits_address(self.now, quota::ADDRESS_REQUESTS) {
            let body = Object::new().raw("retCode", 10403).text("retMsg", "access too frequent, please try again later");
            return HttpOut::json(403, body.close());
        }
        let now_ms = figures::millis(self.now);
        if request.method == "GET" {
            let params = Params::from_query(request.query);
            if let Some(result) = quotes::answer(self.now, request.path, &params, house, &mut self.topics) {
                return HttpOut::json(200, whole(now_ms, &result.map(|result| (result, "{}".to_owned()))));
            }
        }
        if !is_served(request) {
            return HttpOut::json(404, answer::refused(now_ms, &Refusal::new(10017, "Route not found.")));
        }
        let client = match access::signer(self.now, request, house) {
            Ok(client) => client,
            Err(refusal) => return HttpOut::json(200, answer::refused(now_ms, &refusal)),
        };
        let outcome = if request.method == "GET" {
            self.query(client, request.path, &Params::from_query(request.query), house)
        } else {
            match serde_json::from_slice::<Value>(request.body) {
                Ok(body) => self.order_request(client, request.path, &body, house),
                Err(_) => Outcome { result: Err(Refusal::params("params error: invalid request body")), left: None },
            }
        };
        let out = HttpOut::json(200, whole(now_ms, &outcome.result));
        match outcome.left {
            Some(left) => out
                .with_header("X-Bapi-Limit", left.limit.to_string())
                .with_header("X-Bapi-Limit-Status", left.remaining.to_string())
                .with_header("X-Bapi-Limit-Reset-Timestamp", left.reset_ms.to_string()),
            None => out,
        }
    }

    /// Counts a request against its quota.
    fn counted(&mut self, client: ClientId, path: &str, params: &Params) -> Result<Option<Left>, Outcome> {
        let Some(kind) = quota::kind(path, params.get("category")) else { return Ok(None) };
        let left = self.quota.count(self.now, client.0, kind);
        if left.over {
            return Err(Outcome { result: Err(too_many()), left: Some(left) });
        }
        Ok(Some(left))
    }

    fn query(&mut self, client: ClientId, path: &str, params: &Params, house: &House) -> Outcome {
        let left = match self.counted(client, path, params) {
            Ok(left) => left,
            Err(outcome) => return outcome,
        };
        let result = match path {
            "/v5/order/realtime" => queries::open_orders(client, params, house),
            "/v5/order/history" => queries::order_history(client, params, house),
            "/v5/execution/list" => queries::executions(client, params, house),
            "/v5/position/list" => queries::positions(client, params, house, &self.ledger),
            "/v5/position/closed-pnl" => queries::closed_profit(client, params, house),
            "/v5/account/wallet-balance" => account::wallet_balance(client, params, house),
            "/v5/account/info" => Ok(account::info(self.now, self.deadman.window_s(client))),
            "/v5/account/fee-rate" => account::fee_rates(params, house),
            "/v5/user/query-api" => account::key(client, house),
            "/v5/asset/coin/query-info" => Ok(catalogue::coins(params, house)),
            _ => Err(Refusal::new(10017, "Route not found.")),
        };
        Outcome { result: result.map(|result| (result, "{}".to_owned())), left }
    }

    /// Does what changes something, over REST or the order socket.
    pub(super) fn order_request(&mut self, client: ClientId, path: &str, body: &Value, house: &mut House) -> Outcome {
        let params = Params::from_json(body);
        if let Err(refusal) = access::may_trade(client, house) {
            return Outcome { result: Err(refusal), left: None };
        }
        if path.ends_with("-batch") {
            return self.batch(client, path, body, house);
        }
        let left = match self.counted(client, path, &params) {
            Ok(left) => left,
            Err(outcome) => return outcome,
        };
        let named = |named: Named| named.object().close();
        let result = match path {
            "/v5/order/create" => entry::create(self.now, client, &params, house).map(named),
            "/v5/order/amend" => entry::amend(self.now, client, &params, house).map(named),
            "/v5/order/cancel" => entry::cancel(self.now, client, &params, house).map(named),
            "/v5/order/cancel-all" => entry::cancel_all(self.now, client, &params, house).map(|orders| {
                let list = array(orders.iter().map(|order| order.object().close()));
                Object::new().raw("list", list).text("success", "1").close()
            }),
            "/v5/order/disconnected-cancel-all" => self.deadman.set(client, &params),
            "/v5/position/set-leverage" => account::set_leverage(client, &params, house),
            "/v5/position/switch-mode" => account::switch_mode(client, &params, house),
            _ => Err(Refusal::new(10017, "Route not found.")),
        };
        Outcome { result: result.map(|result| (result, "{}".to_owned())), left }
    }

    /// Does the items of a batch one by one. Each counts as a request of its own, and those that go over fail alone.
    fn batch(&mut self, client: ClientId, path: &str, body: &Value, house: &mut House) -> Outcome {
        let category = body.get("category").and_then(Value::as_str).unwrap_or_default();
        let most = if category == "spot" { 10 } else { 20 };
        let items = body.get("request").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if items.is_empty() || items.len() > most {
            return Outcome { result: Err(Refusal::params(format!("params error: 1 to {most} orders in a request"))), left: None };
        }
        let (mut objects, mut codes, mut last) = (Vec::new(), Vec::new(), None);
        for item in items {
            let params = Params::from_json(item).with("category", category);
            let left = quota::kind(path, Some(category)).map(|kind| self.quota.count(self.now, client.0, kind));
            last = left.or(last);
            let outcome = match (left, path) {
                (Some(left), _) if left.over => Err(too_many()),
                (_, "/v5/order/create-batch") => entry::create(self.now, client, &params, house),
                (_, "/v5/order/amend-batch") => entry::amend(self.now, client, &params, house),
                (_, "/v5/order/cancel-batch") => entry::cancel(self.now, client, &params, house),
                _ => Err(Refusal::new(10017, "Route not found.")),
            };
            objects.push(entry::batch_item(self.now, &params, &outcome).close());
            codes.push(outcome.map(|_| ()));
        }
        let result = Object::new().raw("list", array(objects)).close();
        Outcome { result: Ok((result, answer::item_codes(&codes))), left: last }
    }
}

fn too_many() -> Refusal {
    Refusal::new(10006, "Too many visits. Exceeded the API Rate Limit.")
}

fn whole(now_ms: i64, result: &Result<(String, String), Refusal>) -> String {
    match result {
        Ok((result, codes)) => answer::success(now_ms, result, codes),
        Err(refusal) => answer::refused(now_ms, refusal),
    }
}

/// Whether there is anything behind a path for those who sign.
fn is_served(request: &HttpIn<'_>) -> bool {
    match request.method {
        "GET" => matches!(
            request.path,
            "/v5/order/realtime"
                | "/v5/order/history"
                | "/v5/execution/list"
                | "/v5/position/list"
                | "/v5/position/closed-pnl"
                | "/v5/account/wallet-balance"
                | "/v5/account/info"
                | "/v5/account/fee-rate"
                | "/v5/user/query-api"
                | "/v5/asset/coin/query-info"
        ),
        "POST" => {
            let action = request.path.strip_prefix("/v5/order/").or_else(|| request.path.strip_prefix("/v5/position/"));
            matches!(
                action,
                Some(
                    "create"
                        | "amend"
                        | "cancel"
                        | "cancel-all"
                        | "create-batch"
                        | "amend-batch"
                        | "cancel-batch"
                        | "disconnected-cancel-all"
                        | "set-leverage"
                        | "switch-mode"
                )
            )
        }
        _ => false,
    }
}
