//! The records of a house: orders and fills, found by number, by the client's id, by client; bounded.

use super::client::ClientId;
use super::order::{FillRecord, OrderNo, OrderRecord, OrderRef};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Orders that are over, kept per client.
const CLOSED_KEPT: usize = 10_000;
/// Fills kept per client.
const FILLS_KEPT: usize = 20_000;

#[derive(Clone, Debug, Default)]
struct Shelf {
    open: BTreeSet<OrderNo>,
    /// By the time they ended.
    closed: VecDeque<OrderNo>,
    /// By number.
    fills: VecDeque<FillRecord>,
    by_client_id: BTreeMap<Arc<str>, OrderNo>,
}

/// Orders and fills of all clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Registry {
    orders: BTreeMap<OrderNo, OrderRecord>,
    /// By client.
    shelves: Vec<Shelf>,
}

impl Registry {
    pub(super) fn add_client(&mut self) {
        self.shelves.push(Shelf::default());
    }

    pub(super) fn insert(&mut self, record: OrderRecord) {
        if let Some(shelf) = self.shelves.get_mut(record.client.0 as usize) {
            shelf.open.insert(record.no);
            if !record.client_order_id.is_empty() {
                shelf.by_client_id.insert(Arc::clone(&record.client_order_id), record.no);
            }
        }
        self.orders.insert(record.no, record);
    }

    pub(super) fn get(&self, no: OrderNo) -> Option<&OrderRecord> {
        self.orders.get(&no)
    }

    pub(super) fn get_mut(&mut self, no: OrderNo) -> Option<&mut OrderRecord> {
        self.orders.get_mut(&no)
    }

    /// An order of a client; of several that had one client id, the last.
    pub(super) fn find(&self, client: ClientId, named: OrderRef<'_>) -> Option<&OrderRecord> {
        let no = match named {
            OrderRef::No(no) => no,
            OrderRef::Client(id) => *self.shelves.get(client.0 as usize)?.by_client_id.get(id)?,
        };
        self.orders.get(&no).filter(|record| record.client == client)
    }

    /// Takes an order out as if it had never come; what had its client id before has it again only if it is found by number.
    pub(super) fn forget(&mut self, no: OrderNo) {
        let Some(record) = self.orders.remove(&no) else { return };
        let Some(shelf) = self.shelves.get_mut(record.client.0 as usize) else { return };
        shelf.open.remove(&no);
        if shelf.by_client_id.get(&record.client_order_id) == Some(&no) {
            shelf.by_client_id.remove(&record.client_order_id);
        }
    }

    /// An order is over; the oldest beyond what is kept is forgotten.
    pub(super) fn close(&mut self, client: ClientId, no: OrderNo) {
        let Some(shelf) = self.shelves.get_mut(client.0 as usize) else { return };
        if shelf.open.remove(&no) {
            shelf.closed.push_back(no);
        }
        if shelf.closed.len() > CLOSED_KEPT
            && let Some(oldest) = shelf.closed.pop_front()
        {
            self.forget(oldest);
        }
    }

    pub(super) fn add_fill(&mut self, fill: FillRecord) {
        let Some(shelf) = self.shelves.get_mut(fill.client.0 as usize) else { return };
        if shelf.fills.len() == FILLS_KEPT {
            shelf.fills.pop_front();
        }
        shelf.fills.push_back(fill);
    }

    pub(super) fn open_count(&self, client: ClientId) -> usize {
        self.shelves.get(client.0 as usize).map_or(0, |shelf| shelf.open.len())
    }

    pub(super) fn open(&self, client: ClientId) -> impl DoubleEndedIterator<Item = &OrderRecord> {
        self.shelves.get(client.0 as usize).into_iter().flat_map(|shelf| &shelf.open).filter_map(|no| self.orders.get(no))
    }

    pub(super) fn closed(&self, client: ClientId) -> impl DoubleEndedIterator<Item = &OrderRecord> {
        self.shelves.get(client.0 as usize).into_iter().flat_map(|shelf| &shelf.closed).filter_map(|no| self.orders.get(no))
    }

    pub(super) fn all(&self, client: ClientId) -> impl DoubleEndedIterator<Item = &OrderRecord> {
        self.orders.values().filter(move |record| record.client == client)
    }

    pub(super) fn fills(&self, client: ClientId) -> impl DoubleEndedIterator<Item = &FillRecord> {
        self.shelves.get(client.0 as usize).into_iter().flat_map(|shelf| &shelf.fills)
    }

    pub(super) fn fills_of(&self, record: &OrderRecord) -> Vec<&FillRecord> {
        let (Some(first), Some(last)) = (record.first_fill, record.last_fill) else { return Vec::new() };
        let Some(shelf) = self.shelves.get(record.client.0 as usize) else { return Vec::new() };
        let from = shelf.fills.partition_point(|fill| fill.no < first);
        shelf.fills.range(from..).take_while(|fill| fill.no <= last).filter(|fill| fill.order == Some(record.no)).collect()
    }
}
