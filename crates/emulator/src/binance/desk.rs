//! One request on its way to an answer, and what the front itself keeps from one request to the next.

use super::meter::Quotas;
use super::params::Params;
use super::refusal::Refusal;
use crate::house::{Category, Client, ClientId, House, Listing, OrderNo, OrderRef};
use crate::signing::{hex, hmac_sha256};
use std::collections::BTreeMap;
use tradewind_types::{InstrumentId, Nanos, Timestamp};

/// How long a listen key is valid after it was last asked for.
const LISTEN_KEY_LIFE: Nanos = Nanos::from_secs(3_600);

/// What the front keeps beside the house: keys of private streams, dead-man's switches, ids of cancels.
#[derive(Debug, Default)]
pub struct Desk {
    listen_keys: BTreeMap<ClientId, (String, Timestamp)>,
    keys_made: u64,
    countdowns: BTreeMap<(ClientId, InstrumentId), Timestamp>,
    cancel_ids: BTreeMap<OrderNo, String>,
    ids_made: u64,
}

impl Desk {
    /// The listen key of a client, valid for another hour.
    pub fn listen_key(&mut self, now: Timestamp, client: &Client) -> String {
        let valid = self.listen_keys.get(&client.id).filter(|(_, until)| *until > now).map(|(key, _)| key.clone());
        let key = valid.unwrap_or_else(|| {
            self.keys_made += 1;
            let secret = client.credentials.secret.reveal().as_bytes();
            hex(&hmac_sha256(secret, &[b"listen key ", &self.keys_made.to_be_bytes()]))
        });
        self.listen_keys.insert(client.id, (key.clone(), now.plus(LISTEN_KEY_LIFE)));
        key
    }

    /// Keeps a listen key for another hour.
    ///
    /// # Errors
    /// -1125 where there is none.
    pub fn renew_listen_key(&mut self, now: Timestamp, client: ClientId) -> Result<String, Refusal> {
        match self.listen_keys.get_mut(&client) {
            Some((key, until)) if *until > now => {
                *until = now.plus(LISTEN_KEY_LIFE);
                Ok(key.clone())
            }
            _ => Err(Refusal::new(-1125, "This listenKey does not exist.")),
        }
    }

    /// Gives a listen key back.
    pub fn close_listen_key(&mut self, client: ClientId) -> Option<String> {
        self.listen_keys.remove(&client).map(|(key, _)| key)
    }

    /// Whose listen key this is.
    #[must_use]
    pub fn whose(&self, now: Timestamp, key: &str) -> Option<ClientId> {
        self.listen_keys.iter().find(|(_, (found, until))| found == key && *until > now).map(|(client, _)| *client)
    }

    /// Takes out the listen keys that are no longer valid.
    pub fn expired_keys(&mut self, now: Timestamp) -> Vec<(ClientId, String)> {
        let over: Vec<ClientId> = self.listen_keys.iter().filter(|(_, (_, until))| *until <= now).map(|(client, _)| *client).collect();
        over.into_iter().filter_map(|client| self.listen_keys.remove(&client).map(|(key, _)| (client, key))).collect()
    }

    /// All open orders on an instrument will be cancelled at `at`, unless it is set anew; none: they will not.
    pub fn set_countdown(&mut self, client: ClientId, instrument: InstrumentId, at: Option<Timestamp>) {
        match at {
            Some(at) => self.countdowns.insert((client, instrument), at),
            None => self.countdowns.remove(&(client, instrument)),
        };
    }

    /// Takes out the countdowns that are over.
    pub fn over(&mut self, now: Timestamp) -> Vec<(ClientId, InstrumentId)> {
        let over: Vec<_> = self.countdowns.iter().filter(|(_, at)| **at <= now).map(|(whose, _)| *whose).collect();
        for whose in &over {
            self.countdowns.remove(whose);
        }
        over
    }

    /// When a key or a countdown is over next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let keys = self.listen_keys.values().map(|(_, until)| *until);
        keys.chain(self.countdowns.values().copied()).min()
    }

    /// Remembers under which id an order is being cancelled, until the private stream has said so.
    pub fn note_cancel(&mut self, order: OrderNo, id: String) {
        self.cancel_ids.insert(order, id);
    }

    /// The id under which an order was cancelled.
    pub fn cancel_id(&mut self, order: OrderNo) -> Option<String> {
        self.cancel_ids.remove(&order)
    }

    /// An id for an order or a cancel that came without one.
    pub fn make_id(&mut self) -> String {
        self.ids_made += 1;
        let hash = hex(&hmac_sha256(b"client order ids", &[&self.ids_made.to_be_bytes()]));
        hash[..22].to_owned()
    }
}

/// A request: when, what is asked, by whom, and whom it is asked of.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The venue's clock.
    pub now: Timestamp,
    /// On which market.
    pub category: Category,
    /// What is asked for.
    pub params: &'a Params,
    /// Who asks, where the request is signed or carries a key.
    pub client: Option<ClientId>,
    /// Who answers.
    pub house: &'a mut House,
    /// What the front keeps.
    pub desk: &'a mut Desk,
    /// What the market allows.
    pub quotas: &'a Quotas,
}

impl<'a> Ask<'a> {
    /// Who asks.
    ///
    /// # Errors
    /// -2015.
    pub fn client(&self) -> Result<ClientId, Refusal> {
        self.client.ok_or_else(Refusal::not_permitted)
    }

    /// The listing under `symbol`.
    ///
    /// # Errors
    /// -1102 without one, -1121 for one that is not listed.
    pub fn listing(&self) -> Result<&Listing, Refusal> {
        self.named(self.params.required("symbol")?)
    }

    /// The listing of this name on the market that is asked.
    ///
    /// # Errors
    /// -1121.
    pub fn named(&self, symbol: &str) -> Result<&Listing, Refusal> {
        self.house.find_listing(self.category, symbol).ok_or_else(Refusal::bad_symbol)
    }

    /// The listing under `symbol`, all of the market without one.
    ///
    /// # Errors
    /// -1121.
    pub fn listings(&self) -> Result<Vec<&Listing>, Refusal> {
        if let Some(symbol) = self.params.get("symbol") {
            return Ok(vec![self.named(symbol)?]);
        }
        if let Some(symbols) = self.params.list("symbols")? {
            return symbols.iter().map(|symbol| self.named(symbol)).collect();
        }
        Ok(self.house.listings().iter().filter(|listing| listing.category == self.category).collect())
    }

    /// The same request with other parameters.
    pub fn asking<'b>(&'b mut self, params: &'b Params) -> Ask<'b> {
        Ask { now: self.now, category: self.category, params, client: self.client, house: self.house, desk: self.desk, quotas: self.quotas }
    }
}

/// An order by the venue's number (`orderId`) or the client's own id.
///
/// # Errors
/// -1102 where neither is stated, -1100 where the number is none.
pub fn order_ref<'a>(params: &'a Params, number: &str, own: &str) -> Result<OrderRef<'a>, Refusal> {
    if let Some(no) = params.integer(number)? {
        return Ok(OrderRef::No(OrderNo(u64::try_from(no).unwrap_or(0))));
    }
    params.get(own).map(OrderRef::Client).ok_or_else(|| {
        let words = format!("Param '{own}' or '{number}' must be sent, but both were empty/null!");
        Refusal::new(-1102, words)
    })
}
