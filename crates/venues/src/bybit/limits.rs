//! Bybit's rate limits as data. Source: Bybit's v5 documents (`rate-limit`, default figures), read 2026-07.
//!
//! Each kind of request has a count of its own per account, over the last second; requests over HTTP also count for the address.

use super::entry::Action;
use super::refusals;
use crate::ask::Ask;
use crate::dialect::{Bucket, BucketId, Charge, Cost};
use crate::directory::Market;
use crate::message::Message;
use tradewind_types::Nanos;

const SECOND: Nanos = Nanos::from_secs(1);

const fn per_second(name: &'static str, capacity: u32) -> Bucket {
    Bucket { name, capacity, window: SECOND }
}

/// In the order of [`BucketId`].
const BUCKETS: [Bucket; 23] = [
    Bucket { name: "http-address", capacity: 600, window: Nanos::from_secs(5) },
    per_second("order-socket-address", 3000),
    per_second("spot-create", 20),
    per_second("spot-amend", 10),
    per_second("spot-cancel", 20),
    per_second("spot-cancel-all", 20),
    per_second("linear-create", 10),
    per_second("linear-amend", 10),
    per_second("linear-cancel", 10),
    per_second("linear-cancel-all", 10),
    per_second("order-realtime", 50),
    per_second("order-history", 50),
    per_second("execution-list", 50),
    per_second("position-list", 50),
    per_second("wallet-balance", 50),
    per_second("key", 10),
    per_second("disconnected-cancel-all", 5),
    per_second("spot-create-batch", 20),
    per_second("spot-amend-batch", 10),
    per_second("spot-cancel-batch", 20),
    per_second("linear-create-batch", 10),
    per_second("linear-amend-batch", 10),
    per_second("linear-cancel-batch", 10),
];
const ADDRESS: BucketId = BucketId(0);
const SOCKET: BucketId = BucketId(1);

pub(super) fn buckets() -> Vec<Bucket> {
    BUCKETS.to_vec()
}

const fn first(market: Market) -> u8 {
    match market {
        Market::Spot => 2,
        Market::Linear | Market::Inverse => 6,
    }
}

/// The account's count of an order action, where so many leave together.
pub(super) const fn of_action(market: Market, action: Action, together: usize) -> BucketId {
    let place = match action {
        Action::Create => 0,
        Action::Amend => 1,
        Action::Cancel => 2,
    };
    let first = match (together, market) {
        (..=1, market) => first(market),
        (_, Market::Spot) => 17,
        (_, Market::Linear | Market::Inverse) => 20,
    };
    BucketId(first + place)
}

/// The account's count of a question; none for public ones. `market` is that of the question's instrument.
pub(super) const fn of_ask(ask: &Ask, market: Market) -> Option<BucketId> {
    Some(match ask {
        Ask::OpenOrders { .. } | Ask::Order { .. } => BucketId(10),
        Ask::OrderHistory { .. } => BucketId(11),
        Ask::Fills { .. } => BucketId(12),
        Ask::Positions { .. } => BucketId(13),
        Ask::Balances { .. } => BucketId(14),
        Ask::KeyRights => BucketId(15),
        Ask::DeadMan { .. } => BucketId(16),
        Ask::CancelAll { .. } | Ask::CancelAllConditional { .. } => BucketId(first(market) + 3),
        Ask::ServerTime | Ask::Instruments { .. } | Ask::Depth { .. } | Ask::StreamKey { .. } | Ask::RenewStreamKey { .. } => return None,
        Ask::ConditionalOrder { .. } | Ask::Funding { .. } => return None,
    })
}

const fn charge(bucket: BucketId) -> Option<Charge> {
    Some(Charge { bucket, weight: 1 })
}

/// What a question weighs.
pub(super) const fn cost(ask: &Ask, market: Market) -> Cost {
    match of_ask(ask, market) {
        Some(bucket) => Cost([charge(ADDRESS), charge(bucket), None]),
        None => Cost([charge(ADDRESS), None, None]),
    }
}

/// What commands weigh that leave together, by the way they do: one request, and each an order.
pub(super) fn command_cost(market: Market, action: Action, together: usize, by_socket: bool) -> Cost {
    let address = if by_socket { SOCKET } else { ADDRESS };
    let weight = u32::try_from(together).unwrap_or(u32::MAX);
    Cost([charge(address), Some(Charge { bucket: of_action(market, action, together), weight }), None])
}

/// How much of a count is used, as the venue says in the headers of an answer. An account whose limits were raised has more left
/// than our count holds: of that, nothing is used.
pub(super) fn usage(bucket: Option<BucketId>, headers: &[(String, String)]) -> Option<Message> {
    let bucket = bucket?;
    let left = refusals::header(headers, "x-bapi-limit-status")?.parse::<u32>().ok()?;
    let capacity = BUCKETS.get(usize::from(bucket.0))?.capacity;
    Some(Message::Usage { bucket, used: capacity.saturating_sub(left) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_types::InstrumentId;

    #[test]
    fn every_charge_is_on_the_bucket_it_names() {
        let name = |bucket: BucketId| BUCKETS[usize::from(bucket.0)].name;
        assert_eq!(name(of_action(Market::Spot, Action::Amend, 1)), "spot-amend");
        assert_eq!(name(of_action(Market::Linear, Action::Cancel, 1)), "linear-cancel");
        assert_eq!(name(of_action(Market::Spot, Action::Create, 2)), "spot-create-batch");
        assert_eq!(name(of_action(Market::Linear, Action::Cancel, 9)), "linear-cancel-batch");
        let all = Ask::CancelAll { instrument: InstrumentId(0) };
        assert_eq!(of_ask(&all, Market::Linear).map(name), Some("linear-cancel-all"));
        assert_eq!(of_ask(&Ask::KeyRights, Market::Spot).map(name), Some("key"));
        let switch = Ask::DeadMan { instrument: None, window: Nanos(0) };
        assert_eq!(of_ask(&switch, Market::Spot).map(name), Some("disconnected-cancel-all"));
    }
}
