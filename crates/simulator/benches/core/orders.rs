//! The order path in memory: limits, reservations, positions, ledger; with and without a journal; alone and with matching.

use crate::desk::{ACCOUNT, Desk, INSTRUMENT, QUOTE, Tally, book_of, facts};
use crate::measure::{Evidence, Failure, Scale, row};
use crate::mix::{LIVE, Mix, OWNERS, Op, REFERENCE, generate, id};
use std::hint::black_box;
use tradewind_exchange::{Execution, MatchingBook, NewOrder};
use tradewind_journal::{CommitLevel, Writer};
use tradewind_types::{
    Amount, Author, BookId, Control, Exposure, FeeCharge, Fill, Intent, Liquidity, OrderId, OrderKind, OrderRequest, OrderTerms, Price,
    Qty, RejectReason, SelfTradePrevention, Side, TimeInForce, Timestamp, TradeId, VenueOrderId, VenueReply,
};

const SEED: u64 = 1;
const FEE: FeeCharge = FeeCharge { asset: QUOTE, amount: Amount(1_000) };

/// Whether a desk keeps a journal.
#[derive(Clone, Copy)]
pub(crate) enum Log {
    Nothing,
    /// In memory that the system has handed out before, so that the journal is measured and not the system.
    Memory,
}

pub(crate) fn rows(scale: &Scale) -> Result<(), Failure> {
    for (name, log) in [("order_life", Log::Nothing), ("order_life_journaled", Log::Memory)] {
        row(scale, name, || opened(log, scale.orders), |desk| lives(desk, scale.orders), |desk| evidence(desk, "order", scale.orders))?;
    }
    let mix = generate(scale.path_ops, SEED);
    let ops = mix.ops.len() as u64;
    for (name, log) in [("order_path_mix", Log::Nothing), ("order_path_mix_journaled", Log::Memory)] {
        let prepare = || Venue::opened(log, &mix);
        let work = |mut venue: Venue| {
            mix.ops.iter().try_for_each(|op| venue.operation(black_box(op)))?;
            venue.desk.journal.as_mut().map_or(Ok(()), Writer::commit)?;
            Ok(venue)
        };
        row(scale, name, prepare, work, |venue| evidence(venue.desk, "op", ops))?;
    }
    Ok(())
}

fn writer(log: Log, records: u64) -> Result<Option<Writer<Vec<u8>>>, Failure> {
    match log {
        Log::Nothing => Ok(None),
        Log::Memory => {
            // A record takes about 60 bytes.
            let mut touched = vec![1; (1 << 20) + records as usize * 80];
            touched.clear();
            Ok(Some(Writer::new(touched, &facts(), CommitLevel::Memory)?))
        }
    }
}

fn evidence(desk: Desk, unit: &'static str, count: u64) -> Result<Evidence, Failure> {
    let Tally { steps, rejects, fills, records } = desk.tally;
    let mut ops = vec![(unit, count), ("step", steps)];
    if desk.journal.is_some() {
        ops.push(("record", records));
    }
    Ok(Evidence { ops, rejects, fills: Some(fills), hash: desk.engine.state_hash().to_string() })
}

fn place(book: BookId, side: Side, price: Price, time_in_force: TimeInForce, qty: Qty) -> Control {
    let kind = OrderKind::Limit { price };
    let terms = OrderTerms { instrument: INSTRUMENT, account: ACCOUNT, book, side, kind, time_in_force, qty, exposure: Exposure::Any };
    decision(Intent::Place(terms))
}

const fn decision(intent: Intent) -> Control {
    Control::Decision { author: Author::Operator, model: 1, valid_until: Timestamp::MAX, intent }
}

const fn accepted(order: OrderId) -> VenueReply {
    VenueReply::Accepted { order, venue_order: VenueOrderId(order.counter as u128) }
}

/// A desk with a thousand orders resting away from the touch, and room for the records of what comes.
pub(crate) fn opened(log: Log, orders: u64) -> Result<Desk, Failure> {
    let mut desk = Desk::open(writer(log, orders * 6)?)?;
    for counter in 1..=LIVE as u64 {
        let price = Price(REFERENCE - 100 - counter.cast_signed() % 100);
        desk.tick();
        desk.control(&place(book_of((counter % OWNERS) as u32), Side::Buy, price, TimeInForce::GoodTillCancelled, Qty(5)))?;
        desk.control(&Control::Reply(accepted(id(counter))))?;
    }
    desk.tally = Tally::default();
    Ok(desk)
}

/// Each order is placed, accepted and filled whole: three steps. Buys and sells in turn.
pub(crate) fn lives(mut desk: Desk, orders: u64) -> Result<Desk, Failure> {
    for n in 0..orders {
        let order = id(LIVE as u64 + 1 + n);
        let side = if n & 1 == 0 { Side::Buy } else { Side::Sell };
        // Both sides of a pair for one book, so that positions stay small.
        let book = book_of((n / 2 % OWNERS) as u32);
        desk.tick();
        desk.control(black_box(&place(book, side, Price(REFERENCE), TimeInForce::GoodTillCancelled, Qty(7))))?;
        desk.control(black_box(&Control::Reply(accepted(order))))?;
        let execution = Execution { maker: order, taker: order, price: Price(REFERENCE), qty: Qty(7) };
        let fill = fill_of(&execution, order, Liquidity::Maker, n + 1, desk.now());
        desk.control(black_box(&Control::Reply(VenueReply::Filled(fill))))?;
    }
    if let Some(journal) = &mut desk.journal {
        journal.commit()?;
    }
    Ok(desk)
}

fn fill_of(execution: &Execution, order: OrderId, liquidity: Liquidity, trade: u64, at: Timestamp) -> Fill {
    let (price, qty) = (execution.price, execution.qty);
    Fill { order, trade: TradeId(u128::from(trade)), price, qty, liquidity, fee: FEE, stated_cash: None, ts_venue: at }
}

/// A desk and the venue it sends to, without a wire between them: every participant of the venue is a book of the desk.
struct Venue {
    desk: Desk,
    book: MatchingBook,
    executions: Vec<Execution>,
    requests: Vec<OrderRequest>,
    replies: Vec<VenueReply>,
    trades: u64,
}

impl Venue {
    fn opened(log: Log, mix: &Mix) -> Result<Self, Failure> {
        let desk = Desk::open(writer(log, mix.ops.len() as u64 * 8)?)?;
        let (book, executions) = (MatchingBook::new(), Vec::new());
        let mut venue = Self { desk, book, executions, requests: Vec::new(), replies: Vec::new(), trades: 0 };
        mix.resting.iter().try_for_each(|op| venue.operation(op))?;
        venue.desk.tally = Tally::default();
        Ok(venue)
    }

    /// The decision, what the venue does with the request, and all its replies.
    fn operation(&mut self, op: &Op) -> Result<(), Failure> {
        self.desk.tick();
        let control = match op {
            Op::Place { order, owner } => match order.kind.price() {
                Some(price) => place(book_of(*owner), order.side, price, order.time_in_force, order.qty),
                None => return Err("the mix has limit prices only".into()),
            },
            Op::Cancel(order) => decision(Intent::Cancel { order: *order }),
        };
        self.desk.control(&control)?;
        self.requests.extend(self.desk.step.commands.iter().map(|command| *command.request()));
        let mut requests = std::mem::take(&mut self.requests);
        for request in requests.drain(..) {
            self.respond(&request);
        }
        self.requests = requests;
        let mut replies = std::mem::take(&mut self.replies);
        for reply in replies.drain(..) {
            self.desk.control(&Control::Reply(reply))?;
        }
        self.replies = replies;
        Ok(())
    }

    fn respond(&mut self, request: &OrderRequest) {
        self.executions.clear();
        match *request {
            OrderRequest::Place { order, terms } => {
                let new = NewOrder {
                    order,
                    owner: terms.account,
                    self_trade: SelfTradePrevention::Allow,
                    side: terms.side,
                    kind: terms.kind,
                    time_in_force: terms.time_in_force,
                    qty: terms.qty,
                };
                match self.book.place(&new, &mut self.executions) {
                    Ok(placement) => {
                        self.replies.push(accepted(order));
                        self.report_executions();
                        if placement.cancelled.0 > 0 {
                            self.replies.push(VenueReply::Cancelled { order });
                        }
                    }
                    Err(reason) => self.replies.push(VenueReply::Rejected { order, reason }),
                }
            }
            OrderRequest::Cancel { order, .. } => self.replies.push(match self.book.cancel(order) {
                Ok(_) => VenueReply::Cancelled { order },
                Err(reason) => VenueReply::CancelRejected { order, reason },
            }),
            // The mix amends nothing.
            OrderRequest::Amend { order, .. } => {
                self.replies.push(VenueReply::AmendRejected { order, reason: RejectReason::UnknownOrder });
            }
        }
    }

    fn report_executions(&mut self) {
        for execution in &self.executions {
            self.trades += 1;
            for (order, liquidity) in [(execution.maker, Liquidity::Maker), (execution.taker, Liquidity::Taker)] {
                self.replies.push(VenueReply::Filled(fill_of(execution, order, liquidity, self.trades, self.desk.now())));
            }
        }
    }
}
