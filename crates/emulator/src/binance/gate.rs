//! The way in for every request: what it weighs, who asks it, and the answer as it goes out.

use super::desk::{Ask, Desk};
use super::figures::ms;
use super::json::{Object, Raw, fields, object};
use super::meter::{Meter, Quotas};
use super::params::Params;
use super::refusal::Refusal;
use super::routes::{self, Access, Route};
use super::sign;
use crate::front::{HttpIn, HttpOut};
use crate::house::{Category, ClientId, House, Permissions};
use tradewind_types::Timestamp;

/// The counters of both markets.
#[derive(Debug)]
pub struct Gate {
    spot: Meter,
    futures: Meter,
}

/// Proof that came with a request.
struct Proof<'a> {
    key: Option<&'a str>,
    payload: String,
}

/// What came of a request, and whose it was.
struct Outcome {
    answer: Result<Raw, Refusal>,
    client: Option<ClientId>,
}

impl Gate {
    /// Counters at nought.
    #[must_use]
    pub fn new(spot: Quotas, futures: Quotas) -> Self {
        Self { spot: Meter::new(spot), futures: Meter::new(futures) }
    }

    fn meter(&mut self, category: Category) -> &mut Meter {
        match category {
            Category::Spot => &mut self.spot,
            Category::Linear => &mut self.futures,
        }
    }

    /// Counts what has no route of its own, such as a handshake.
    ///
    /// # Errors
    /// -1003.
    pub fn charge(&mut self, now: Timestamp, category: Category, weight: u32) -> Result<(), Refusal> {
        self.meter(category).charge(now, weight)
    }

    /// Answers a request over HTTP.
    pub fn http(&mut self, now: Timestamp, request: &HttpIn<'_>, house: &mut House, desk: &mut Desk) -> HttpOut {
        let found =
            routes::category_of(request.path).and_then(|category| Some((category, routes::find(category, request.method, request.path)?)));
        let Some((category, route)) = found else {
            let words = format!("Path {}, Method {} is invalid", request.path, request.method);
            return HttpOut::json(404, Refusal::new(-5000, words).body().0);
        };
        let body = std::str::from_utf8(request.body).unwrap_or_default();
        let params = Params::of_request(request.query, body);
        let proof = Proof { key: request.header("x-mbx-apikey"), payload: sign::http_payload(request.query, body) };
        let outcome = self.settle(now, category, route, &params, &proof, house, desk);
        let status = outcome.answer.as_ref().map_or_else(|refusal| refusal.status, |_| 200);
        let retry_after = outcome.answer.as_ref().err().and_then(|refusal| refusal.retry_after_s);
        let body = outcome.answer.unwrap_or_else(|refusal| refusal.body());
        let mut out = HttpOut::json(status, body.0);
        out.headers.extend(self.meter(category).headers(outcome.client.filter(|_| route.orders > 0)));
        if let Some(seconds) = retry_after {
            out = out.with_header("retry-after", seconds.to_string());
        }
        out
    }

    /// Answers a request over the WebSocket API; `id` is JSON.
    pub fn frame(
        &mut self,
        now: Timestamp,
        category: Category,
        method: &str,
        id: &str,
        params: &Params,
        house: &mut House,
        desk: &mut Desk,
    ) -> String {
        let Some(route) = routes::find_frame(category, method) else {
            return self.answer(now, category, id, params, None, Err(Refusal::new(-1000, format!("Unknown method '{method}'."))));
        };
        let proof = Proof { key: params.get("apiKey"), payload: sign::frame_payload(params) };
        let outcome = self.settle(now, category, route, params, &proof, house, desk);
        let shown = outcome.client.filter(|_| route.orders > 0);
        self.answer(now, category, id, params, shown, outcome.answer)
    }

    /// An answer over the WebSocket API, with what is used of the limits unless the request does not want to know.
    pub fn answer(
        &mut self,
        now: Timestamp,
        category: Category,
        id: &str,
        params: &Params,
        client: Option<ClientId>,
        answer: Result<Raw, Refusal>,
    ) -> String {
        let head = |status: u16| fields! { "id": Raw(id.to_owned()), "status": status };
        let whole = match answer {
            Ok(result) => head(200).with("result", result),
            Err(refusal) => head(refusal.status).with("error", error(now, &refusal)),
        };
        if params.get("returnRateLimits") == Some("false") {
            return whole.end().0;
        }
        whole.with("rateLimits", self.meter(category).stated(client)).end().0
    }

    /// Who asks over the WebSocket API, by the signature of the parameters.
    ///
    /// # Errors
    /// -1021, -1022, -1102, -2014, -2015.
    pub fn signer(&self, now: Timestamp, params: &Params, house: &House) -> Result<ClientId, Refusal> {
        let proof = Proof { key: params.get("apiKey"), payload: sign::frame_payload(params) };
        admit(now, Access::Signed, params, &proof, house)?.ok_or_else(Refusal::not_permitted)
    }

    fn settle(
        &mut self,
        now: Timestamp,
        category: Category,
        route: &Route,
        params: &Params,
        proof: &Proof<'_>,
        house: &mut House,
        desk: &mut Desk,
    ) -> Outcome {
        let meter = self.meter(category);
        if let Err(refusal) = meter.charge(now, route.weight.of(params)) {
            return Outcome { answer: Err(refusal), client: None };
        }
        let client = match admit(now, route.access, params, proof, house) {
            Ok(client) => client,
            Err(refusal) => return Outcome { answer: Err(refusal), client: None },
        };
        if let Some(client) = client.filter(|_| route.orders > 0)
            && let Err(refusal) = meter.charge_orders(now, client, route.orders)
        {
            return Outcome { answer: Err(refusal), client: Some(client) };
        }
        let mut ask = Ask { now, category, params, client, house, desk, quotas: meter.quotas() };
        Outcome { answer: (route.answer)(&mut ask), client }
    }
}

fn error(now: Timestamp, refusal: &Refusal) -> Raw {
    let waits = refusal.retry_after_s.map(|s| object! { "serverTime": ms(now), "retryAfter": ms(now) + s * 1_000 });
    let data = refusal.data.clone().or(waits);
    let error: Object = fields! { "code": refusal.code, "msg": &refusal.message };
    error.with_some("data", data).end()
}

/// Who asks, where the request has to say so, and whether it may.
fn admit(now: Timestamp, access: Access, params: &Params, proof: &Proof<'_>, house: &House) -> Result<Option<ClientId>, Refusal> {
    if access == Access::Public {
        return Ok(None);
    }
    let key = proof.key.filter(|key| !key.is_empty() && key.is_ascii());
    let key = key.ok_or_else(|| Refusal::new(-2014, "API-key format invalid.").with_status(401))?;
    let client = house.client_by_key(key).ok_or_else(Refusal::not_permitted)?;
    if access == Access::Key {
        return Ok(Some(client.id));
    }
    let signature = params.required("signature")?;
    sign::check_time(params, now)?;
    if !sign::is_signed(client.credentials.secret.reveal(), &proof.payload, signature) {
        return Err(Refusal::new(-1022, "Signature for this request is not valid."));
    }
    if access == Access::Trade && client.permissions == Permissions::Read {
        return Err(Refusal::not_permitted());
    }
    Ok(Some(client.id))
}
