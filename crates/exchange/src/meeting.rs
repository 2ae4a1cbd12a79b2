//! What an order of ours would meet on its way through a recorded book with our other orders in it.
//!
//! Level by level: what is recorded ahead of an order of ours, then that order, then what is recorded behind it; last the parts
//! that icebergs of ours keep hidden, one displayed part after another in turn, as each queues anew. Whose account an order of
//! ours is of decides what happens when it is met: orders of different accounts trade, those of one account do as its
//! [`SelfTradePrevention`] says, which is that of the order that comes (Binance: "the STP mode of the taker order").

use crate::desk::at_least_as_aggressive;
use std::collections::VecDeque;
use tradewind_book::Level;
use tradewind_types::{AccountId, OrderId, Price, Qty, SelfTradePrevention, Side};

/// An order of ours that rests on the other side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    pub(crate) order: OrderId,
    pub(crate) account: AccountId,
    pub(crate) price: Price,
    /// Hidden part included.
    pub(crate) left: i64,
    pub(crate) hidden: i64,
    /// Lots shown at a time.
    pub(crate) display: i64,
    /// Recorded quantity ahead of it at its price.
    pub(crate) ahead: i64,
}

/// One thing that is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// Recorded quantity, to be taken.
    Recorded(Level),
    /// An order of ours, to trade with.
    Traded { order: OrderId, price: Price, qty: i64 },
    /// An order of ours of the same account: it loses this much without a trade.
    Prevented { order: OrderId, qty: i64 },
}

/// Who comes, and what it wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comer {
    pub(crate) side: Side,
    pub(crate) limit: Option<Price>,
    pub(crate) qty: i64,
    pub(crate) account: AccountId,
    pub(crate) prevention: SelfTradePrevention,
}

/// Everything an order would meet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meetings {
    pub(crate) met: Vec<Met>,
    /// Lots that would trade.
    pub(crate) traded: i64,
    /// Lots of the comer that are given up, because they would have met its own account.
    pub(crate) prevented: i64,
}

/// What stands at one level.
#[derive(Clone, Copy, Debug)]
enum Stand {
    Recorded(i64),
    Own(usize),
}

impl Meetings {
    /// Whether nothing is met: nobody to trade with, and no order of one's own.
    pub(crate) const fn is_empty(&self) -> bool {
        self.met.is_empty() && self.prevented == 0
    }

    /// Works out what `comer` meets. `recorded` is what can be taken, best first; `own` likewise, of the other side.
    pub(crate) fn work_out(&mut self, comer: &Comer, recorded: impl Iterator<Item = Level>, mut own: Vec<Own>) {
        self.met.clear();
        (self.traded, self.prevented) = (0, 0);
        let (mut recorded, mut next) = (recorded.peekable(), 0);
        while comer.qty > self.traded + self.prevented {
            let level = recorded.peek().copied();
            let price = match (level, own.get(next)) {
                (Some(level), Some(own)) if at_least_as_aggressive(comer.side.opposite(), own.price, level.price) => own.price,
                (None, Some(own)) => own.price,
                (Some(level), _) => level.price,
                (None, None) => break,
            };
            if comer.limit.is_some_and(|limit| !at_least_as_aggressive(comer.side, limit, price)) {
                break;
            }
            let offered = recorded.next_if(|level| level.price == price).map_or(0, |level| level.qty.0);
            let until = next + own[next..].iter().take_while(|own| own.price == price).count();
            self.meet_level(comer, price, offered, &mut own[next..until]);
            next = until;
        }
    }

    fn meet_level(&mut self, comer: &Comer, price: Price, offered: i64, own: &mut [Own]) {
        let (mut queue, mut passed) = (VecDeque::new(), 0);
        for (index, order) in own.iter().enumerate() {
            let ahead = order.ahead.min(offered) - passed;
            if ahead > 0 {
                queue.push_back(Stand::Recorded(ahead));
                passed += ahead;
            }
            queue.push_back(Stand::Own(index));
        }
        queue.push_back(Stand::Recorded(offered - passed));
        while let Some(stand) = queue.pop_front() {
            let wanted = comer.qty - self.traded - self.prevented;
            match stand {
                _ if wanted <= 0 => return,
                Stand::Recorded(qty) => self.take(price, qty.min(wanted)),
                Stand::Own(index) => {
                    let order = &mut own[index];
                    self.meet_own(comer, order, wanted);
                    if order.left > 0 {
                        queue.push_back(stand);
                    }
                }
            }
        }
    }

    fn take(&mut self, price: Price, qty: i64) {
        if qty > 0 {
            self.met.push(Met::Recorded(Level { price, qty: Qty(qty) }));
            self.traded += qty;
        }
    }

    fn meet_own(&mut self, comer: &Comer, own: &mut Own, wanted: i64) {
        let order = own.order;
        let prevention = if own.account == comer.account { comer.prevention } else { SelfTradePrevention::Allow };
        let (lost, prevented) = match prevention {
            SelfTradePrevention::Allow => {
                let qty = wanted.min(own.left - own.hidden);
                self.met.push(Met::Traded { order, price: own.price, qty });
                self.traded += qty;
                own.left -= qty;
                if own.left == own.hidden {
                    own.hidden -= own.display.min(own.hidden);
                }
                return;
            }
            SelfTradePrevention::CancelNewest => (0, wanted),
            SelfTradePrevention::CancelOldest => (own.left, 0),
            SelfTradePrevention::CancelBoth => (own.left, wanted),
            SelfTradePrevention::Decrement => (own.left.min(wanted), own.left.min(wanted)),
        };
        if lost > 0 {
            self.met.push(Met::Prevented { order, qty: lost });
        }
        own.left -= lost;
        own.hidden = own.hidden.min(own.left);
        self.prevented += prevented;
    }
}
