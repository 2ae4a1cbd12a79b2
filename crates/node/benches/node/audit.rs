//! What became of every order, by the node's journal, and what its venue has of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tradewind_journal::{Chain, Entries, Entry};
use tradewind_node::journal_folder;
use tradewind_types::{OrderId, Outcome, VenueOrderId};

/// Orders by how far they came.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Audit {
    pub sent: u64,
    /// The venue said that it has them.
    pub accepted: u64,
    /// Different numbers that the venue gave them.
    pub venue_numbers: u64,
    /// The venue said that they are over.
    pub over: u64,
    pub rejected: u64,
    pub fills: u64,
    /// Nobody knew about them for a time.
    pub unknown: u64,
}

/// Reads the journal of a node that has ended.
pub fn audit(folder: &Path) -> Audit {
    let mut orders: BTreeMap<OrderId, (bool, bool)> = BTreeMap::new();
    let (mut found, mut numbers) = (Audit::default(), BTreeSet::<VenueOrderId>::new());
    let mut chain = Chain::open(&journal_folder(folder)).unwrap();
    while let Some(entry) = chain.next_entry().unwrap() {
        let Entry::Outcome { outcome, .. } = entry else { continue };
        match outcome {
            Outcome::OrderSent { order, .. } => {
                orders.insert(order, (false, false));
            }
            Outcome::Accepted { order, venue_order, .. } => {
                orders.get_mut(&order).unwrap().0 = true;
                numbers.insert(venue_order);
            }
            Outcome::Cancelled { order, .. } | Outcome::Expired { order, .. } => orders.get_mut(&order).unwrap().1 = true,
            Outcome::Rejected { order, .. } => {
                found.rejected += 1;
                orders.get_mut(&order).unwrap().1 = true;
            }
            Outcome::Filled { .. } => found.fills += 1,
            Outcome::BecameUnknown { .. } => found.unknown += 1,
            _ => {}
        }
    }
    found.venue_numbers = numbers.len() as u64;
    found.sent = orders.len() as u64;
    found.accepted = orders.values().filter(|(accepted, _)| *accepted).count() as u64;
    found.over = orders.values().filter(|(_, over)| *over).count() as u64;
    found
}
