//! Disconnection protection (DCP): orders are taken back when a client's protected socket has been gone for its window.
//!
//! It is armed by a window for a product and by following the product's `dcp` topic. The window starts when the last socket of the
//! client that follows the topic is gone, and stops when one follows it again.
//!
//! Source: Bybit v5 documentation, "Set disconnect cancel all", "Dcp" (2026-07).

use super::answer::Refusal;
use super::params::Params;
use crate::house::{Category, ClientId};
use std::collections::BTreeMap;
use tradewind_types::{Nanos, Timestamp};

/// What is protected together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Product {
    Spot,
    Derivatives,
    Options,
}

impl Product {
    /// The product that a private topic protects.
    pub(super) fn of_topic(topic: &str) -> Option<Self> {
        match topic {
            "dcp.spot" => Some(Product::Spot),
            "dcp.future" => Some(Product::Derivatives),
            "dcp.option" => Some(Product::Options),
            _ => None,
        }
    }

    /// The market whose orders go.
    pub(super) const fn market(self) -> Option<Category> {
        match self {
            Product::Spot => Some(Category::Spot),
            Product::Derivatives => Some(Category::Linear),
            Product::Options => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Switch {
    window_s: u32,
    /// When it fires; none while a socket protects it, or none ever did.
    fires: Option<Timestamp>,
}

/// Every client's switches.
#[derive(Debug, Default)]
pub(super) struct Deadman {
    switches: BTreeMap<(ClientId, Product), Switch>,
}

impl Deadman {
    /// Sets a window of 3 to 300 seconds.
    pub(super) fn set(&mut self, client: ClientId, params: &Params) -> Result<String, Refusal> {
        let product = match params.get("product") {
            None | Some("OPTIONS") => Product::Options,
            Some("DERIVATIVES") => Product::Derivatives,
            Some("SPOT") => Product::Spot,
            Some(_) => return Err(Refusal::params("params error: product invalid")),
        };
        let window_s = params.parse::<u32>("timeWindow")?.filter(|window| (3..=300).contains(window));
        let window_s = window_s.ok_or_else(|| Refusal::params("params error: timeWindow must be between 3 and 300"))?;
        let fires = self.switches.get(&(client, product)).and_then(|switch| switch.fires);
        self.switches.insert((client, product), Switch { window_s, fires });
        Ok("{}".to_owned())
    }

    /// The shortest window of a client, in seconds.
    pub(super) fn window_s(&self, client: ClientId) -> Option<u32> {
        self.switches.iter().filter(|((owner, _), _)| *owner == client).map(|(_, switch)| switch.window_s).min()
    }

    /// A socket protects a product again.
    pub(super) fn hold(&mut self, client: ClientId, product: Product) {
        if let Some(switch) = self.switches.get_mut(&(client, product)) {
            switch.fires = None;
        }
    }

    /// The last socket that protected a product is gone.
    pub(super) fn release(&mut self, now: Timestamp, client: ClientId, product: Product) {
        if let Some(switch) = self.switches.get_mut(&(client, product)) {
            switch.fires = Some(now.plus(Nanos::from_secs(i64::from(switch.window_s))));
        }
    }

    /// When the next switch fires.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.switches.values().filter_map(|switch| switch.fires).min()
    }

    /// Switches that fire now; they rest until they are released again.
    pub(super) fn fired(&mut self, now: Timestamp) -> Vec<(ClientId, Product)> {
        let due = self.switches.iter_mut().filter(|(_, switch)| switch.fires.is_some_and(|at| at <= now));
        due.map(|(key, switch)| {
            switch.fires = None;
            *key
        })
        .collect()
    }
}
