//! The add/cancel/match mix: 48 % limit orders, 42 % cancels, 10 % immediate orders, about a thousand orders live.
//!
//! The commands are worked out beforehand against a book that runs along, so that cancels name orders that are alive when they
//! come: a mix that hits dead ids measures a failed look-up. One in twenty of the cancels that had lost the race against a fill
//! is kept, as venues see them too. Prices lie on 4,096 ticks around a reference that wanders; the distance from it is
//! exponential with a mean of eight ticks. All of it is integers and one seed.

use tradewind_exchange::{Execution, MatchingBook, NewOrder};
use tradewind_types::{AccountId, OrderId, OrderKind, Price, Qty, SelfTradePrevention, Side, TimeInForce};

/// Orders resting before the first operation, and about which their number stays.
pub(crate) const LIVE: usize = 1_000;
/// Participants that orders belong to.
pub(crate) const OWNERS: u64 = 256;
/// The reference price about which everything happens, in ticks.
pub(crate) const REFERENCE: i64 = 2_048;

const LARGEST_PRICE: i64 = 4_094;
const FARTHEST: i64 = 1_500;
/// exp(-1/8) in 2^16: another tick away with this probability gives the exponential distance in whole ticks.
const ANOTHER_TICK: u64 = 57_835;

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Place { order: NewOrder, owner: u32 },
    Cancel(OrderId),
}

/// The resting orders, then the operations.
pub(crate) struct Mix {
    pub resting: Vec<Op>,
    pub ops: Vec<Op>,
}

/// SplitMix64 (Steele, Lea, Flood 2014): every seed is a good one.
pub(crate) struct Chance(pub u64);

impl Chance {
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One of `0..n`.
    pub(crate) const fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) const fn side(&mut self) -> Side {
        if self.next() & 1 == 0 { Side::Buy } else { Side::Sell }
    }

    /// Whole ticks from a touch outwards, exponential with a mean of about eight.
    pub(crate) const fn ticks_away(&mut self) -> i64 {
        let mut ticks = 0;
        while ticks < FARTHEST && self.below(1 << 16) < ANOTHER_TICK {
            ticks += 1;
        }
        ticks
    }
}

struct Generator {
    chance: Chance,
    reference: i64,
    /// Orders placed so far; the next one's counter is one more.
    placed: u64,
    /// Candidates for a cancel; some are filled by now.
    candidates: Vec<OrderId>,
    book: MatchingBook,
    live: usize,
    executions: Vec<Execution>,
}

/// Works out the mix; the same for the same arguments.
pub(crate) fn generate(ops: usize, seed: u64) -> Mix {
    let mut generator = Generator {
        chance: Chance(seed),
        reference: REFERENCE,
        placed: 0,
        candidates: Vec::new(),
        book: MatchingBook::new(),
        live: 0,
        executions: Vec::new(),
    };
    let resting = (0..LIVE).map(|_| generator.limit()).collect();
    let mut mix = Mix { resting, ops: Vec::with_capacity(ops) };
    while mix.ops.len() < ops {
        mix.ops.extend(generator.operation());
    }
    mix
}

impl Generator {
    fn operation(&mut self) -> Option<Op> {
        self.wander();
        let limits = if self.live < LIVE { 540 } else { 420 };
        match self.chance.below(1_000) {
            k if k < limits || self.candidates.len() < 16 => Some(self.limit()),
            k if k < limits + 100 => Some(self.immediate()),
            _ => self.cancel(),
        }
    }

    /// One step of a random walk now and then, held near where it began.
    const fn wander(&mut self) {
        if self.chance.below(64) == 0 {
            let step = self.chance.side().sign();
            if (self.reference + step - REFERENCE).abs() <= 100 {
                self.reference += step;
            }
        }
    }

    fn limit(&mut self) -> Op {
        let side = self.chance.side();
        let away = side.sign() * (self.chance.ticks_away() + 1);
        let price = Price((self.reference - away).clamp(1, LARGEST_PRICE));
        let qty = 1 + self.chance.below(100);
        let op = self.place(side, price, qty, TimeInForce::GoodTillCancelled);
        self.candidates.push(id(self.placed));
        op
    }

    fn immediate(&mut self) -> Op {
        let side = self.chance.side();
        let price = Price(self.reference + side.sign() * 20);
        let qty = 1 + self.chance.below(150);
        self.place(side, price, qty, TimeInForce::ImmediateOrCancel)
    }

    fn place(&mut self, side: Side, price: Price, qty: u64, time_in_force: TimeInForce) -> Op {
        self.placed += 1;
        let order = NewOrder {
            order: id(self.placed),
            owner: AccountId(0),
            self_trade: SelfTradePrevention::Allow,
            side,
            kind: OrderKind::Limit { price },
            time_in_force,
            qty: Qty(qty.cast_signed()),
        };
        self.executions.clear();
        if let Ok(placement) = self.book.place(&order, &mut self.executions) {
            self.live += usize::from(placement.resting.0 > 0);
        }
        let gone = self.executions.iter().filter(|e| self.book.left(e.maker).is_none()).count();
        self.live -= gone;
        Op::Place { order, owner: self.chance.below(OWNERS) as u32 }
    }

    /// Half of them any order, half one of the latest. None where the order is filled already, but for one in twenty.
    fn cancel(&mut self) -> Option<Op> {
        let count = self.candidates.len() as u64;
        let at = if self.chance.below(2) == 0 { self.chance.below(count) } else { count - 1 - self.chance.below(count.min(64)) };
        let order = self.candidates.swap_remove(at as usize);
        match self.book.cancel(order) {
            Ok(_) => {
                self.live -= 1;
                Some(Op::Cancel(order))
            }
            Err(_) => (self.chance.below(20) == 0).then_some(Op::Cancel(order)),
        }
    }
}

/// The n-th order, as the engine numbers them.
pub(crate) const fn id(counter: u64) -> OrderId {
    OrderId { node: 1, epoch: 1, counter }
}
