//! One number for the whole control state, in canonical order.

use crate::grid::Grid;
use crate::position::Position;
use crate::state::State;
use tradewind_limits::BookHealth;
use tradewind_types::{Amount, StateDigest, StateHash};

impl State {
    pub(crate) fn hash(&self) -> StateHash {
        let mut digest = StateDigest::new();
        self.registry.digest(&mut digest);
        self.orders.digest(&mut digest);
        self.limits.digest(&mut digest);
        self.ledger.digest(&mut digest);
        digest_positions(&mut digest, &self.positions);
        digest_amounts(&mut digest, &self.books.balances);
        digest_amounts(&mut digest, &self.books.fees);
        digest_positions(&mut digest, &self.books.positions);
        self.algos.digest(&mut digest);
        self.timers.digest(&mut digest);
        let invalid = self.health.iter().enumerate().filter(|(_, health)| **health == BookHealth::Invalid);
        digest.unsigned(invalid.clone().count() as u64);
        invalid.for_each(|(instrument, _)| {
            digest.unsigned(instrument as u64);
        });
        self.accounts.digest(&mut digest);
        // Exposure is left out: it is a sum over the live orders that are in.
        digest.finish()
    }
}

fn digest_amounts(digest: &mut StateDigest, grid: &Grid<Amount>) {
    digest.unsigned(grid.cells().count() as u64);
    for (row, column, amount) in grid.cells() {
        digest.unsigned(row as u64).unsigned(column as u64).wide(amount.0);
    }
}

fn digest_positions(digest: &mut StateDigest, grid: &Grid<Position>) {
    digest.unsigned(grid.cells().count() as u64);
    for (row, column, position) in grid.cells() {
        digest.unsigned(row as u64).unsigned(column as u64);
        digest.signed(position.lots).wide(position.entry.0).wide(position.realised.0);
    }
}
