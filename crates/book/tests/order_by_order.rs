//! The naive twin of the order-by-order book: one list of orders, oldest first. Same messages, same answers, and the totals
//! are those of a depth book of the same market.

use proptest::prelude::*;
use tradewind_book::{Applied, BookOrder, BookStatus, L2Book, L3Book, Level, OrderChange, OrdersUpdate, SequenceRule};
use tradewind_types::{DepthKind, DepthUpdate, InstrumentId, InvalidBook, LevelChange, Price, Qty, Sequence, Side, VenueOrderId};

const INSTRUMENT: InstrumentId = InstrumentId(3);

fn sequence(id: u64) -> Sequence {
    Sequence { first: id, last: id, previous: id.checked_sub(1) }
}

fn update(kind: DepthKind, id: u64, changes: &[OrderChange]) -> OrdersUpdate<'_> {
    OrdersUpdate { instrument: INSTRUMENT, kind, sequence: sequence(id), changes }
}

fn order(id: u128, side: Side, price: i64, qty: i64) -> BookOrder {
    BookOrder { order: VenueOrderId(id), side, price: Price(price), qty: Qty(qty) }
}

/// Every order, oldest place first.
#[derive(Clone, Default)]
struct NaiveOrders(Vec<BookOrder>);

impl NaiveOrders {
    fn apply(&mut self, change: OrderChange) -> Result<(), InvalidBook> {
        let find = |orders: &[BookOrder], id| orders.iter().position(|o| o.order == id).ok_or(InvalidBook::UnknownOrder);
        match change {
            OrderChange::Add(new) if new.qty.0 <= 0 || new.price.0 <= 0 => return Err(InvalidBook::BadLevel),
            OrderChange::Add(new) if find(&self.0, new.order).is_ok() => return Err(InvalidBook::DuplicateOrder),
            OrderChange::Add(new) => self.0.push(new),
            OrderChange::Change { order, price, qty } => {
                let place = find(&self.0, order)?;
                if qty.0 < 0 || price.0 <= 0 {
                    return Err(InvalidBook::BadLevel);
                }
                let before = self.0[place];
                if price == before.price && qty <= before.qty {
                    self.0[place].qty = qty;
                } else {
                    self.0.remove(place);
                    self.0.push(BookOrder { price, qty, ..before });
                }
            }
            OrderChange::Execute { order, qty } => {
                let place = find(&self.0, order)?;
                if qty.0 <= 0 || qty > self.0[place].qty {
                    return Err(InvalidBook::BadLevel);
                }
                self.0[place].qty.0 -= qty.0;
            }
            OrderChange::Delete { order } => {
                let place = find(&self.0, order)?;
                self.0.remove(place);
            }
        }
        self.0.retain(|o| o.qty.0 > 0);
        Ok(())
    }

    fn apply_all(&mut self, changes: &[OrderChange]) -> Result<(), InvalidBook> {
        changes.iter().try_for_each(|change| self.apply(*change))?;
        let (bids, asks) = (self.levels(Side::Buy), self.levels(Side::Sell));
        match (bids.first(), asks.first()) {
            (Some(bid), Some(ask)) if bid.price >= ask.price => Err(InvalidBook::Crossed),
            _ => Ok(()),
        }
    }

    fn levels(&self, side: Side) -> Vec<Level> {
        let mut prices: Vec<Price> = self.0.iter().filter(|o| o.side == side).map(|o| o.price).collect();
        prices.sort_by_key(|price| -side.sign() * price.0);
        prices.dedup();
        prices.into_iter().map(|price| Level { price, qty: Qty(self.queue(side, price).iter().map(|o| o.qty.0).sum()) }).collect()
    }

    fn queue(&self, side: Side, price: Price) -> Vec<BookOrder> {
        self.0.iter().filter(|o| o.side == side && o.price == price).copied().collect()
    }

    fn ahead(&self, id: VenueOrderId) -> Option<Qty> {
        let own = self.0.iter().find(|o| o.order == id)?;
        Some(Qty(self.queue(own.side, own.price).iter().take_while(|o| o.order != id).map(|o| o.qty.0).sum()))
    }
}

/// Few ids and prices, so that queues form and mistakes happen; bids mostly below asks.
fn change() -> impl Strategy<Value = OrderChange> {
    let id = (0u128..12).prop_map(VenueOrderId);
    let price = |side| if side == Side::Buy { 94i64..101 } else { 100i64..107 };
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let add = (id.clone(), side, 1i64..9).prop_flat_map(move |(order, side, qty)| {
        price(side).prop_map(move |at| BookOrder { order, side, price: Price(at), qty: Qty(qty) })
    });
    prop_oneof![
        6 => add.prop_map(OrderChange::Add),
        2 => (id.clone(), 94i64..107, -1i64..9).prop_map(|(order, price, qty)| OrderChange::Change { order, price: Price(price), qty: Qty(qty) }),
        2 => (id.clone(), 0i64..5).prop_map(|(order, qty)| OrderChange::Execute { order, qty: Qty(qty) }),
        3 => id.prop_map(|order| OrderChange::Delete { order }),
    ]
}

fn assert_agree(book: &L3Book, naive: &NaiveOrders) -> Result<(), TestCaseError> {
    prop_assert_eq!(book.orders(), naive.0.len());
    for side in [Side::Buy, Side::Sell] {
        let levels = naive.levels(side);
        prop_assert_eq!(book.levels(side).collect::<Vec<_>>(), levels.clone());
        prop_assert_eq!(book.best(side), levels.first().copied());
        prop_assert_eq!(book.depth(side), levels.len());
        for level in levels {
            prop_assert_eq!(book.qty_at(side, level.price), level.qty);
            prop_assert_eq!(book.queue(side, level.price).collect::<Vec<_>>(), naive.queue(side, level.price));
        }
    }
    for id in (0..12).map(VenueOrderId) {
        prop_assert_eq!(book.ahead(id), naive.ahead(id));
        prop_assert_eq!(book.order(id), naive.0.iter().find(|o| o.order == id).copied());
    }
    Ok(())
}

/// The depth book that sees nothing but totals: one message per order message, with every level that changed.
fn totals(before: &NaiveOrders, after: &NaiveOrders) -> Vec<LevelChange> {
    let mut changes = Vec::new();
    for side in [Side::Buy, Side::Sell] {
        for Level { price, qty } in after.levels(side) {
            changes.push(LevelChange { side, price, qty });
        }
        for Level { price, .. } in before.levels(side) {
            if after.queue(side, price).is_empty() {
                changes.push(LevelChange { side, price, qty: Qty(0) });
            }
        }
    }
    changes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// After a mistake the book is empty and says why, and a snapshot of what the twin still holds restores it.
    #[test]
    fn agrees_with_a_list(messages in prop::collection::vec(prop::collection::vec(change(), 1..3), 1..80)) {
        let mut naive = NaiveOrders::default();
        let mut book = L3Book::new(INSTRUMENT, SequenceRule::Unchecked);
        let mut depth = L2Book::new(INSTRUMENT, SequenceRule::Unchecked);
        prop_assert_eq!(book.apply(&update(DepthKind::Delta, 0, &messages[0])), Applied::Ignored);
        prop_assert_eq!(book.apply(&update(DepthKind::Snapshot, 0, &[])), Applied::Restored);
        depth.apply(&DepthUpdate { instrument: INSTRUMENT, kind: DepthKind::Snapshot, sequence: sequence(0), changes: &[] });
        for (id, changes) in (1u64..).zip(&messages) {
            let mut next = naive.clone();
            let applied = book.apply(&update(DepthKind::Delta, id, changes));
            match next.apply_all(changes) {
                Ok(()) => {
                    prop_assert_eq!(applied, Applied::Changed);
                    let levels = totals(&naive, &next);
                    depth.apply(&DepthUpdate { instrument: INSTRUMENT, kind: DepthKind::Delta, sequence: sequence(id), changes: &levels });
                    naive = next;
                }
                Err(reason) => {
                    prop_assert_eq!(applied, Applied::Invalid(reason));
                    prop_assert_eq!(book.status(), BookStatus::Invalid(reason));
                    prop_assert_eq!((book.orders(), book.best(Side::Buy), book.best(Side::Sell)), (0, None, None));
                    let all: Vec<OrderChange> = naive.0.iter().copied().map(OrderChange::Add).collect();
                    prop_assert_eq!(book.apply(&update(DepthKind::Snapshot, id, &all)), Applied::Restored);
                }
            }
            assert_agree(&book, &naive)?;
            for side in [Side::Buy, Side::Sell] {
                prop_assert_eq!(book.levels(side).collect::<Vec<_>>(), depth.levels(side).collect::<Vec<_>>());
            }
        }
    }
}

/// The random feeds build queues, and make every kind of mistake, or the law above would hold for little.
#[test]
fn the_random_feeds_queue_and_err() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut queued, mut reasons) = (0, Vec::new());
    for _ in 0..200 {
        let mut naive = NaiveOrders::default();
        for _ in 0..60 {
            let mut next = naive.clone();
            match next.apply_all(&[change().new_tree(&mut runner).expect("a change").current()]) {
                Ok(()) => naive = next,
                Err(reason) => reasons.push(reason),
            }
            queued += naive.0.iter().filter(|o| naive.ahead(o.order).is_some_and(|ahead| ahead.0 > 0)).count();
        }
    }
    assert!(queued > 5_000, "{queued} orders seen behind others");
    for reason in [InvalidBook::UnknownOrder, InvalidBook::DuplicateOrder, InvalidBook::BadLevel, InvalidBook::Crossed] {
        assert!(reasons.iter().filter(|r| **r == reason).count() > 50, "{reason:?} too rare");
    }
}

#[test]
fn priority_is_kept_by_shrinking_and_lost_by_growing_or_moving() {
    let mut book = L3Book::new(INSTRUMENT, SequenceRule::Unchecked);
    let adds: Vec<OrderChange> = (1..=3).map(|id| OrderChange::Add(order(id, Side::Buy, 100, 5))).collect();
    book.apply(&update(DepthKind::Snapshot, 0, &adds));
    let (first, second, third) = (VenueOrderId(1), VenueOrderId(2), VenueOrderId(3));
    let mut change = |order, price, qty| {
        book.apply(&update(DepthKind::Delta, 1, &[OrderChange::Change { order, price: Price(price), qty: Qty(qty) }]));
        [first, second, third].map(|id| book.ahead(id).map_or(-1, |qty| qty.0))
    };
    assert_eq!(change(first, 100, 2), [0, 2, 7]);
    assert_eq!(change(first, 100, 3), [10, 0, 5]);
    assert_eq!(change(second, 99, 5), [5, 0, 0]);
    assert_eq!(change(second, 100, 5), [5, 8, 0]);
    assert_eq!(change(third, 100, 0), [0, 3, -1]);
}

#[test]
fn deltas_wait_for_their_snapshot_and_a_missing_one_is_a_gap() {
    let mut book = L3Book::new(INSTRUMENT, SequenceRule::BinanceSpot);
    let add = |id: u128| [OrderChange::Add(order(id, Side::Sell, 100, 1))];
    assert_eq!(book.apply(&update(DepthKind::Delta, 7, &add(7))), Applied::Buffered);
    assert_eq!(book.apply(&update(DepthKind::Delta, 8, &add(8))), Applied::Buffered);
    assert_eq!(book.apply(&update(DepthKind::Snapshot, 7, &add(7))), Applied::Restored);
    assert_eq!((book.orders(), book.last_update_id()), (2, Some(8)));
    assert_eq!(book.apply(&update(DepthKind::Delta, 8, &add(8))), Applied::Ignored);
    assert_eq!(book.apply(&update(DepthKind::Delta, 10, &add(10))), Applied::Invalid(InvalidBook::SequenceGap));
    assert_eq!((book.orders(), book.last_update_id()), (0, None));
    assert_eq!(book.apply(&update(DepthKind::Snapshot, 9, &add(9))), Applied::Restored);
    assert_eq!(book.orders(), 2, "the delta behind the gap waited for this snapshot");
}

#[test]
fn another_instrument_is_ignored() {
    let mut book = L3Book::new(INSTRUMENT, SequenceRule::Unchecked);
    let other = OrdersUpdate { instrument: InstrumentId(4), ..update(DepthKind::Snapshot, 0, &[]) };
    assert_eq!(book.apply(&other), Applied::Ignored);
    assert_eq!(book.status(), BookStatus::Invalid(InvalidBook::NoSnapshot));
}
