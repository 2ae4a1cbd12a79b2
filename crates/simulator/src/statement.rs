//! What a journal says happened, as an accountant asks for it: orders, fills, refusals, and every posting of the ledger.
//!
//! Outcomes are applied from the beginning, and what each of them moved in the ledger is read off the ledger itself, so the
//! postings are those of the engine and not a second opinion.

use crate::replay::ReplayError;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use tradewind_engine::{Engine, Ledger, LedgerAccount};
use tradewind_journal::{Entries, Entry};
use tradewind_types::{Amount, AssetId, Author, Fill, Intent, OrderId, OrderTerms, Outcome, RefusalReason, Settlement, Timestamp};

/// One fill as it was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookedFill {
    /// Number of the input that brought it.
    pub seq: u64,
    /// When we learned of it.
    pub at: Timestamp,
    /// As the venue stated it.
    pub fill: Fill,
    /// What it moved.
    pub settlement: Settlement,
    /// Terms of its order then.
    pub terms: OrderTerms,
}

/// One intent that the limits refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedIntent {
    /// Number of the input that led to it.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who wanted it.
    pub author: Author,
    /// What.
    pub intent: Intent,
    /// Why not.
    pub reason: RefusalReason,
}

/// One side of a posting; per input and asset they sum to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Number of the input that caused it.
    pub seq: u64,
    /// When: our clock at the input, or what the outcome says.
    pub at: Timestamp,
    /// Where.
    pub account: LedgerAccount,
    /// What.
    pub asset: AssetId,
    /// How much came (negative: went).
    pub amount: Amount,
}

/// A journal as tables; the orders are in the engine's state.
#[derive(Debug)]
pub struct Statement {
    /// The state at the end.
    pub engine: Engine,
    /// When each order that is over ended.
    pub done_at: BTreeMap<OrderId, Timestamp>,
    /// Fills, in the order of booking.
    pub fills: Vec<BookedFill>,
    /// Refusals, in order.
    pub refusals: Vec<RefusedIntent>,
    /// Postings, in order.
    pub postings: Vec<Posting>,
}

/// Applies a journal and writes down what it did.
///
/// # Errors
/// [`ReplayError::NothingToBeginWith`] where the journal does not begin at the beginning; [`ReplayError::Journal`];
/// [`ReplayError::DoesNotApply`].
pub fn statement(mut journal: impl Entries) -> Result<Statement, ReplayError> {
    let first_block = journal.verification().blocks_before;
    if first_block > 0 {
        return Err(ReplayError::NothingToBeginWith { first_block, skipped: vec!["a statement is made of the whole journal".into()] });
    }
    let mut statement =
        Statement { engine: Engine::new(), done_at: BTreeMap::new(), fills: Vec::new(), refusals: Vec::new(), postings: Vec::new() };
    let (mut now, mut before) = (journal.facts().created, Vec::new());
    while let Some(entry) = journal.next_entry()? {
        match entry {
            Entry::Input { at, .. } => now = at,
            // A statement is of every order, those that the engine has forgotten too.
            Entry::Outcome { outcome: Outcome::OrdersRetired { .. }, .. } => {}
            Entry::Outcome { seq, outcome } => {
                statement.engine.apply(&outcome).map_err(|source| ReplayError::DoesNotApply { seq, source })?;
                statement.note(seq, &outcome, &mut now);
                let after = cells(statement.engine.state().ledger());
                post(seq, now, &before, &after, &mut statement.postings);
                before = after;
            }
            Entry::Segment { .. } | Entry::MarketRun(_) | Entry::StateHash { .. } | Entry::End { .. } => {}
        }
    }
    Ok(statement)
}

type Cell = ((LedgerAccount, AssetId), Amount);

fn cells(ledger: &Ledger) -> Vec<Cell> {
    ledger.cells().map(|(account, asset, amount)| ((account, asset), amount)).collect()
}

/// What changed between two states of the ledger. Both are sorted.
fn post(seq: u64, at: Timestamp, before: &[Cell], after: &[Cell], postings: &mut Vec<Posting>) {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if order.is_le() { before.next() } else { None };
        let new = if order.is_ge() { after.next() } else { None };
        let amount = Amount(new.map_or(0, |(_, amount)| amount.0) - old.map_or(0, |(_, amount)| amount.0));
        if let Some(((account, asset), _)) = new.or(old)
            && amount != Amount::ZERO
        {
            postings.push(Posting { seq, at, account: *account, asset: *asset, amount });
        }
    }
}

impl Statement {
    fn note(&mut self, seq: u64, outcome: &Outcome, now: &mut Timestamp) {
        match outcome {
            Outcome::Filled { fill, settlement, at } => {
                *now = *at;
                if let Some(order) = self.engine.state().order(fill.order) {
                    self.fills.push(BookedFill { seq, at: *at, fill: *fill, settlement: *settlement, terms: order.terms });
                    if !order.is_live() {
                        self.done_at.insert(fill.order, *at);
                    }
                }
            }
            Outcome::Refused { author, intent, reason, at } => {
                *now = *at;
                self.refusals.push(RefusedIntent { seq, at: *at, author: *author, intent: *intent, reason: *reason });
            }
            Outcome::Cancelled { order, at }
            | Outcome::Expired { order, at }
            | Outcome::Rejected { order, at, .. }
            | Outcome::NeverArrived { order, at } => {
                *now = *at;
                self.done_at.insert(*order, *at);
            }
            _ => {}
        }
    }
}
