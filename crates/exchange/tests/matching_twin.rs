//! The naive twin of the matching book: one list of orders, searched from front to back. Same requests, same executions.

use proptest::prelude::*;
use tradewind_book::Level;
use tradewind_exchange::{Execution, MatchingBook, NewOrder, Placement};
use tradewind_types::{OrderId, OrderKind, Price, Qty, RejectReason, Side, TimeInForce};

#[derive(Clone, Debug)]
struct Resting {
    new: NewOrder,
    price: i64,
    left: i64,
    filled: i64,
}

/// Orders in order of arrival.
#[derive(Default)]
struct NaiveBook(Vec<Resting>);

fn crosses(side: Side, limit: Option<i64>, price: i64) -> bool {
    limit.is_none_or(|limit| if side == Side::Buy { price <= limit } else { price >= limit })
}

impl NaiveBook {
    /// The opposite order that trades next.
    fn next(&self, side: Side, limit: Option<i64>) -> Option<usize> {
        let candidates = self.0.iter().enumerate().filter(|(_, other)| other.new.side != side && crosses(side, limit, other.price));
        // min_by_key keeps the first of equals: the earliest.
        candidates.min_by_key(|(_, other)| other.price * side.sign()).map(|(index, _)| index)
    }

    fn enter(
        &mut self,
        new: NewOrder,
        limit: Option<i64>,
        qty: i64,
        filled: i64,
        out: &mut Vec<Execution>,
    ) -> Result<Placement, RejectReason> {
        let offered: i64 = self.0.iter().filter(|o| o.new.side != new.side && crosses(new.side, limit, o.price)).map(|o| o.left).sum();
        match new.time_in_force {
            TimeInForce::PostOnly if offered > 0 || limit.is_none() => return Err(RejectReason::WouldTake),
            TimeInForce::FillOrKill if offered < qty => return Err(RejectReason::CannotFillCompletely),
            _ if limit.is_none() && offered == 0 => return Err(RejectReason::NoMarket),
            _ => {}
        }
        self.0.retain(|other| other.new.order != new.order);
        let mut left = qty;
        while let (1.., Some(index)) = (left, self.next(new.side, limit)) {
            let maker = &mut self.0[index];
            let traded = left.min(maker.left);
            out.push(Execution { maker: maker.new.order, taker: new.order, price: Price(maker.price), qty: Qty(traded) });
            (left, maker.left, maker.filled) = (left - traded, maker.left - traded, maker.filled + traded);
            self.0.retain(|other| other.left > 0);
        }
        let rests = matches!(new.time_in_force, TimeInForce::GoodTillCancelled | TimeInForce::PostOnly) && limit.is_some();
        if let (1.., true, Some(price)) = (left, rests, limit) {
            self.0.push(Resting { new, price, left, filled: filled + qty - left });
        }
        let resting = if rests { left } else { 0 };
        Ok(Placement { filled: Qty(qty - left), resting: Qty(resting), cancelled: Qty(left - resting) })
    }

    fn place(&mut self, new: &NewOrder, out: &mut Vec<Execution>) -> Result<Placement, RejectReason> {
        let limit = if let OrderKind::Limit { price } = new.kind { Some(price.0) } else { None };
        if self.0.iter().any(|other| other.new.order == new.order) {
            return Err(RejectReason::DuplicateId);
        }
        self.enter(*new, limit, new.qty.0, 0, out)
    }

    fn cancel(&mut self, order: OrderId) -> Result<Qty, RejectReason> {
        let index = self.0.iter().position(|other| other.new.order == order).ok_or(RejectReason::UnknownOrder)?;
        Ok(Qty(self.0.remove(index).left))
    }

    fn amend(&mut self, order: OrderId, price: i64, qty: i64, out: &mut Vec<Execution>) -> Result<Placement, RejectReason> {
        let resting = self.0.iter_mut().find(|other| other.new.order == order).ok_or(RejectReason::UnknownOrder)?;
        let asked = qty - resting.filled;
        if asked <= 0 {
            return Err(RejectReason::InvalidFilter);
        }
        if price == resting.price && asked <= resting.left {
            resting.left = asked;
            return Ok(Placement { filled: Qty(0), resting: Qty(asked), cancelled: Qty(0) });
        }
        let Resting { new, filled, .. } = resting.clone();
        self.enter(new, Some(price), asked, filled, out)
    }

    fn levels(&self, side: Side) -> Vec<Level> {
        let mut levels: Vec<Level> = Vec::new();
        let mut orders: Vec<_> = self.0.iter().filter(|other| other.new.side == side).collect();
        orders.sort_by_key(|other| -other.price * side.sign());
        for order in orders {
            match levels.last_mut() {
                Some(level) if level.price.0 == order.price => level.qty.0 += order.left,
                _ => levels.push(Level { price: Price(order.price), qty: Qty(order.left) }),
            }
        }
        levels
    }
}

#[derive(Clone, Debug)]
enum Step {
    Place(NewOrder),
    Cancel(OrderId),
    Amend(OrderId, i64, i64),
}

fn id() -> impl Strategy<Value = OrderId> {
    (0u16..2, 0u32..2, 1u64..40).prop_map(|(node, epoch, counter)| OrderId { node, epoch, counter })
}

fn price() -> impl Strategy<Value = i64> {
    prop_oneof![12 => 995i64..1006, 1 => 1i64..20_000_000]
}

fn step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let kind = prop_oneof![9 => price().prop_map(|price| OrderKind::Limit { price: Price(price) }), 1 => Just(OrderKind::Market)];
    let time_in_force = prop_oneof![
        6 => Just(TimeInForce::GoodTillCancelled),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
        1 => Just(TimeInForce::PostOnly),
    ];
    prop_oneof![
        5 => (id(), side, kind, time_in_force, 1i64..20).prop_map(|(order, side, kind, time_in_force, qty)| {
            Step::Place(NewOrder { order, side, kind, time_in_force, qty: Qty(qty) })
        }),
        2 => id().prop_map(Step::Cancel),
        2 => (id(), price(), 1i64..25).prop_map(|(order, price, qty)| Step::Amend(order, price, qty)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn agrees_with_its_naive_twin(steps in prop::collection::vec(step(), 1..250)) {
        let (mut fast, mut naive) = (MatchingBook::new(), NaiveBook::default());
        for step in steps {
            let (mut found, mut expected) = (Vec::new(), Vec::new());
            match step {
                Step::Place(new) => prop_assert_eq!(fast.place(&new, &mut found), naive.place(&new, &mut expected)),
                Step::Cancel(order) => prop_assert_eq!(fast.cancel(order), naive.cancel(order)),
                Step::Amend(order, price, qty) => {
                    prop_assert_eq!(fast.amend(order, Price(price), Qty(qty), &mut found), naive.amend(order, price, qty, &mut expected));
                }
            }
            prop_assert_eq!(found, expected);
            for side in [Side::Buy, Side::Sell] {
                prop_assert_eq!(fast.levels(side).collect::<Vec<_>>(), naive.levels(side));
                prop_assert_eq!(fast.best(side), naive.levels(side).first().copied());
            }
            for resting in &naive.0 {
                let before = naive.0.iter().take_while(|other| other.new.order != resting.new.order);
                let same = before.filter(|other| other.new.side == resting.new.side && other.price == resting.price);
                prop_assert_eq!(fast.ahead(resting.new.order), Some(Qty(same.map(|other| other.left).sum())));
                prop_assert_eq!(fast.left(resting.new.order), Some(Qty(resting.left)));
            }
        }
    }
}
