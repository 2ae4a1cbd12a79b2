//! The naive twin of the matching book: one list of orders, searched from front to back. Same requests, same executions, same
//! orders kept from trading with their owner's.

use proptest::prelude::*;
use tradewind_book::Level;
use tradewind_exchange::{Execution, MatchingBook, NewOrder, Placement, Prevented};
use tradewind_types::{AccountId, OrderId, OrderKind, Price, Qty, RejectReason, SelfTradePrevention, Side, TimeInForce};

#[derive(Clone, Debug)]
struct Resting {
    new: NewOrder,
    price: i64,
    /// Shown.
    left: i64,
    hidden: i64,
    filled: i64,
}

/// Orders in order of arrival; the next part of an iceberg arrives when it is shown.
#[derive(Clone, Default)]
struct NaiveBook(Vec<Resting>);

/// What an order did on its way.
#[derive(Clone, Default)]
struct Sweep {
    executions: Vec<Execution>,
    prevented: Vec<Prevented>,
    left: i64,
    given_up: i64,
}

fn crosses(side: Side, limit: Option<i64>, price: i64) -> bool {
    limit.is_none_or(|limit| if side == Side::Buy { price <= limit } else { price >= limit })
}

fn display(new: &NewOrder) -> i64 {
    if let OrderKind::Iceberg { display, .. } = new.kind { display.0 } else { i64::MAX }
}

impl NaiveBook {
    /// The opposite order that trades next.
    fn next(&self, side: Side, limit: Option<i64>) -> Option<usize> {
        let candidates = self.0.iter().enumerate().filter(|(_, other)| other.new.side != side && crosses(side, limit, other.price));
        // min_by_key keeps the first of equals: the earliest.
        candidates.min_by_key(|(_, other)| other.price * side.sign()).map(|(index, _)| index)
    }

    fn sweep(&mut self, new: &NewOrder, limit: Option<i64>, qty: i64) -> Sweep {
        let mut sweep = Sweep { left: qty, ..Sweep::default() };
        while let (1.., Some(index)) = (sweep.left, self.next(new.side, limit)) {
            let mut maker = self.0.remove(index);
            if new.self_trade != SelfTradePrevention::Allow && maker.new.owner == new.owner {
                self.keep_apart(new.self_trade, &mut maker, &mut sweep);
                if maker.left > 0 {
                    self.0.insert(index, maker);
                }
                continue;
            }
            let traded = sweep.left.min(maker.left);
            let (price, qty) = (Price(maker.price), Qty(traded));
            sweep.executions.push(Execution { maker: maker.new.order, taker: new.order, price, qty });
            (sweep.left, maker.left, maker.filled) = (sweep.left - traded, maker.left - traded, maker.filled + traded);
            if maker.left > 0 {
                self.0.insert(index, maker);
            } else if maker.hidden > 0 {
                maker.left = maker.hidden.min(display(&maker.new));
                maker.hidden -= maker.left;
                self.0.push(maker);
            }
        }
        sweep
    }

    fn keep_apart(&self, mode: SelfTradePrevention, maker: &mut Resting, sweep: &mut Sweep) {
        let whole = maker.left + maker.hidden;
        let smaller = whole.min(sweep.left);
        let lost = match mode {
            SelfTradePrevention::CancelOldest | SelfTradePrevention::CancelBoth => whole,
            SelfTradePrevention::Decrement => smaller,
            _ => 0,
        };
        let given_up = match mode {
            SelfTradePrevention::CancelNewest | SelfTradePrevention::CancelBoth => sweep.left,
            SelfTradePrevention::Decrement => smaller,
            _ => 0,
        };
        sweep.left -= given_up;
        sweep.given_up += given_up;
        if lost > 0 {
            shrink(maker, whole - lost);
            sweep.prevented.push(Prevented { order: maker.new.order, price: Price(maker.price), lost: Qty(lost), left: Qty(whole - lost) });
        }
    }

    fn enter(&mut self, new: NewOrder, limit: Option<i64>, qty: i64, filled: i64, out: &mut Sweep) -> Result<Placement, RejectReason> {
        let mut after = self.clone();
        after.0.retain(|other| other.new.order != new.order);
        let meets = after.next(new.side, limit).is_some();
        let sweep = after.sweep(&new, limit, qty);
        let traded = sweep.executions.iter().map(|e| e.qty.0).sum::<i64>();
        match new.time_in_force {
            TimeInForce::PostOnly if meets || limit.is_none() => return Err(RejectReason::WouldTake),
            TimeInForce::FillOrKill if traded < qty => return Err(RejectReason::CannotFillCompletely),
            _ if limit.is_none() && !meets => return Err(RejectReason::NoMarket),
            _ => {}
        }
        *self = after;
        let (left, given_up) = (sweep.left, sweep.given_up);
        *out = sweep;
        let rests = !matches!(new.time_in_force, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill) && limit.is_some();
        if let (1.., true, Some(price)) = (left, rests, limit) {
            let shown = left.min(display(&new));
            self.0.push(Resting { new, price, left: shown, hidden: left - shown, filled: filled + traded });
        }
        let resting = if rests { left } else { 0 };
        Ok(Placement { filled: Qty(traded), resting: Qty(resting), cancelled: Qty(left - resting), prevented: Qty(given_up) })
    }

    fn place(&mut self, new: &NewOrder, out: &mut Sweep) -> Result<Placement, RejectReason> {
        let immediate = matches!(new.time_in_force, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill);
        match new.kind {
            OrderKind::Iceberg { .. } if immediate => return Err(RejectReason::NotOffered),
            OrderKind::Iceberg { display, .. } if display > new.qty => return Err(RejectReason::InvalidFilter),
            _ => {}
        }
        if self.0.iter().any(|other| other.new.order == new.order) {
            return Err(RejectReason::DuplicateId);
        }
        self.enter(*new, new.kind.price().map(|price| price.0), new.qty.0, 0, out)
    }

    fn cancel(&mut self, order: OrderId) -> Result<Qty, RejectReason> {
        let index = self.0.iter().position(|other| other.new.order == order).ok_or(RejectReason::UnknownOrder)?;
        let gone = self.0.remove(index);
        Ok(Qty(gone.left + gone.hidden))
    }

    fn amend(&mut self, order: OrderId, price: i64, qty: i64, out: &mut Sweep) -> Result<Placement, RejectReason> {
        let resting = self.0.iter_mut().find(|other| other.new.order == order).ok_or(RejectReason::UnknownOrder)?;
        let asked = qty - resting.filled;
        if asked <= 0 {
            return Err(RejectReason::InvalidFilter);
        }
        if price == resting.price && asked <= resting.left + resting.hidden {
            shrink(resting, asked);
            return Ok(Placement { filled: Qty(0), resting: Qty(asked), cancelled: Qty(0), prevented: Qty(0) });
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

/// Takes off what is hidden, then what is shown.
fn shrink(resting: &mut Resting, whole: i64) {
    resting.left = resting.left.min(whole);
    resting.hidden = whole - resting.left;
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

fn self_trade() -> impl Strategy<Value = SelfTradePrevention> {
    prop_oneof![
        4 => Just(SelfTradePrevention::Allow),
        1 => Just(SelfTradePrevention::CancelNewest),
        1 => Just(SelfTradePrevention::CancelOldest),
        1 => Just(SelfTradePrevention::CancelBoth),
        1 => Just(SelfTradePrevention::Decrement),
    ]
}

fn order() -> impl Strategy<Value = NewOrder> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let kind = prop_oneof![
        6 => price().prop_map(|price| OrderKind::Limit { price: Price(price) }),
        3 => (price(), 1i64..8).prop_map(|(price, display)| OrderKind::Iceberg { price: Price(price), display: Qty(display) }),
        1 => Just(OrderKind::Market),
    ];
    let time_in_force = prop_oneof![
        6 => Just(TimeInForce::GoodTillCancelled),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
        1 => Just(TimeInForce::PostOnly),
        1 => Just(TimeInForce::GoodTillTime { until: tradewind_types::Timestamp(1) }),
    ];
    (id(), 0u32..3, self_trade(), side, kind, time_in_force, 1i64..30).prop_map(
        |(order, owner, self_trade, side, kind, time_in_force, qty)| NewOrder {
            order,
            owner: AccountId(owner),
            self_trade,
            side,
            kind,
            time_in_force,
            qty: Qty(qty),
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => order().prop_map(Step::Place),
        2 => id().prop_map(Step::Cancel),
        2 => (id(), price(), 1i64..35).prop_map(|(order, price, qty)| Step::Amend(order, price, qty)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn agrees_with_its_naive_twin(steps in prop::collection::vec(step(), 1..250)) {
        let (mut fast, mut naive) = (MatchingBook::new(), NaiveBook::default());
        for step in steps {
            let (mut found, mut expected) = (Vec::new(), Sweep::default());
            match &step {
                Step::Place(new) => prop_assert_eq!(fast.place(new, &mut found), naive.place(new, &mut expected), "{:?}", new),
                Step::Cancel(order) => prop_assert_eq!(fast.cancel(*order), naive.cancel(*order)),
                Step::Amend(order, price, qty) => {
                    let amended = fast.amend(*order, Price(*price), Qty(*qty), &mut found);
                    prop_assert_eq!(amended, naive.amend(*order, *price, *qty, &mut expected));
                }
            }
            prop_assert_eq!(&found, &expected.executions);
            if !matches!(step, Step::Cancel(_)) {
                prop_assert_eq!(fast.prevented(), &expected.prevented[..]);
            }
            for side in [Side::Buy, Side::Sell] {
                prop_assert_eq!(fast.levels(side).collect::<Vec<_>>(), naive.levels(side));
                prop_assert_eq!(fast.best(side), naive.levels(side).first().copied());
            }
            for resting in &naive.0 {
                let before = naive.0.iter().take_while(|other| other.new.order != resting.new.order);
                let same = before.filter(|other| other.new.side == resting.new.side && other.price == resting.price);
                prop_assert_eq!(fast.ahead(resting.new.order), Some(Qty(same.map(|other| other.left).sum())));
                prop_assert_eq!(fast.left(resting.new.order), Some(Qty(resting.left + resting.hidden)));
            }
        }
    }

    /// Whatever the steps: what was asked for is somewhere, and nobody trades with an own order that a mode forbids.
    #[test]
    fn nothing_is_lost_and_nobody_meets_an_own_order(steps in prop::collection::vec(order(), 1..120)) {
        let (mut book, mut owners) = (MatchingBook::new(), std::collections::BTreeMap::new());
        for new in steps {
            let (resting_before, mut executions) = (total(&book, &owners), Vec::new());
            let Ok(Placement { filled, resting, cancelled, prevented }) = book.place(&new, &mut executions) else { continue };
            owners.insert(new.order, new.owner);
            prop_assert_eq!(filled.0 + resting.0 + cancelled.0 + prevented.0, new.qty.0);
            prop_assert_eq!(executions.iter().map(|e| e.qty.0).sum::<i64>(), filled.0);
            let lost: i64 = book.prevented().iter().map(|prevented| prevented.lost.0).sum();
            prop_assert_eq!(total(&book, &owners), resting_before - filled.0 - lost + resting.0);
            for execution in &executions {
                prop_assert!(new.self_trade == SelfTradePrevention::Allow || owners[&execution.maker] != new.owner);
            }
            for prevented in book.prevented() {
                prop_assert_eq!(owners[&prevented.order], new.owner);
            }
        }
    }
}

/// What is left of all orders, hidden parts included.
fn total(book: &MatchingBook, owners: &std::collections::BTreeMap<OrderId, AccountId>) -> i64 {
    owners.keys().filter_map(|order| book.left(*order)).map(|qty| qty.0).sum()
}
