//! Double entry per asset: every posting takes from one account what it gives to another, so each asset sums to zero.

use crate::grid::Grid;
use serde::{Deserialize, Serialize};
use tradewind_types::{AccountId, Amount, AssetId, MoneyError, StateDigest, VenueId};

/// Where money can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LedgerAccount {
    /// Ours, at a venue.
    Balance(AccountId),
    /// The other side of everything traded there, at our exact figures.
    Venue(VenueId),
    /// Fees charged there.
    Fees(VenueId),
    /// What the venue's own rounding gave us, or took.
    Rounding(VenueId),
    /// The world outside: deposits come from it.
    External,
    /// The other side of funding paid and received there, at our exact figures.
    Funding(VenueId),
    /// On its way between two accounts of ours.
    InTransit,
}

/// Balances of every ledger account in every asset.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    balances: Grid<Amount>,
    venues: Grid<Amount>,
    fees: Grid<Amount>,
    rounding: Grid<Amount>,
    external: Grid<Amount>,
    funding: Grid<Amount>,
    in_transit: Grid<Amount>,
}

impl Ledger {
    /// What an account holds of an asset. Negative on the other side: a venue that paid us shows it as a minus.
    #[inline]
    #[must_use]
    pub fn balance(&self, account: LedgerAccount, asset: AssetId) -> Amount {
        let (grid, row) = match account {
            LedgerAccount::Balance(id) => (&self.balances, id.index()),
            LedgerAccount::Venue(id) => (&self.venues, id.index()),
            LedgerAccount::Fees(id) => (&self.fees, id.index()),
            LedgerAccount::Rounding(id) => (&self.rounding, id.index()),
            LedgerAccount::External => (&self.external, 0),
            LedgerAccount::Funding(id) => (&self.funding, id.index()),
            LedgerAccount::InTransit => (&self.in_transit, 0),
        };
        grid.get(row, asset.index())
    }

    /// Everything that is not zero, by account and asset.
    pub fn cells(&self) -> impl Iterator<Item = (LedgerAccount, AssetId, Amount)> + '_ {
        let accounts: [fn(u32) -> LedgerAccount; 7] = [
            |id| LedgerAccount::Balance(AccountId(id)),
            |id| LedgerAccount::Venue(VenueId(id)),
            |id| LedgerAccount::Fees(VenueId(id)),
            |id| LedgerAccount::Rounding(VenueId(id)),
            |_| LedgerAccount::External,
            |id| LedgerAccount::Funding(VenueId(id)),
            |_| LedgerAccount::InTransit,
        ];
        let cells = accounts.into_iter().zip(self.first_grids().into_iter().chain(self.later_grids()));
        cells.flat_map(|(account, grid)| grid.cells().map(move |(row, asset, amount)| (account(row as u32), AssetId(asset as u32), amount)))
    }

    /// Whether every asset sums to zero over all accounts.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let mut sums: Vec<Amount> = Vec::new();
        for grid in self.first_grids().into_iter().chain(self.later_grids()) {
            for (_, asset, amount) in grid.cells() {
                let sum = crate::grid::grown(&mut sums, asset);
                let Ok(total) = sum.plus(amount) else { return false };
                *sum = total;
            }
        }
        sums.iter().all(|sum| *sum == Amount::ZERO)
    }

    /// Money from outside into an account; out of it when negative.
    #[inline]
    pub(crate) fn deposit(&mut self, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), MoneyError> {
        move_between(self.external.at(0, asset.index()), self.balances.at(account.index(), asset.index()), amount)
    }

    /// What a trade brings into an account, at our exact figure.
    #[inline]
    pub(crate) fn trade(&mut self, venue: VenueId, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), MoneyError> {
        move_between(self.venues.at(venue.index(), asset.index()), self.balances.at(account.index(), asset.index()), amount)
    }

    /// What the venue's own rounding adds to it.
    #[inline]
    pub(crate) fn round(&mut self, venue: VenueId, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), MoneyError> {
        move_between(self.rounding.at(venue.index(), asset.index()), self.balances.at(account.index(), asset.index()), amount)
    }

    /// A fee out of an account.
    #[inline]
    pub(crate) fn charge(&mut self, venue: VenueId, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), MoneyError> {
        move_between(self.balances.at(account.index(), asset.index()), self.fees.at(venue.index(), asset.index()), amount)
    }

    /// Funding into an account, at our exact figure; out of it when negative.
    pub(crate) fn fund(&mut self, venue: VenueId, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), MoneyError> {
        move_between(self.funding.at(venue.index(), asset.index()), self.balances.at(account.index(), asset.index()), amount)
    }

    /// Money leaves an account for another one.
    pub(crate) fn depart(&mut self, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), MoneyError> {
        move_between(self.balances.at(account.index(), asset.index()), self.in_transit.at(0, asset.index()), amount)
    }

    /// Money that was on its way reaches an account.
    pub(crate) fn arrive(&mut self, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), MoneyError> {
        move_between(self.in_transit.at(0, asset.index()), self.balances.at(account.index(), asset.index()), amount)
    }

    /// Money on its way, by asset.
    pub(crate) fn in_transit(&self) -> impl Iterator<Item = (usize, Amount)> + '_ {
        self.in_transit.row(0)
    }

    /// Own balances of one account.
    pub(crate) fn holdings(&self, account: AccountId) -> impl Iterator<Item = (usize, Amount)> + '_ {
        self.balances.row(account.index())
    }

    /// All own balances: (account, asset, amount).
    pub(crate) fn all_holdings(&self) -> impl Iterator<Item = (usize, usize, Amount)> + '_ {
        self.balances.cells()
    }

    pub(crate) fn digest(&self, digest: &mut StateDigest) {
        for grid in self.first_grids() {
            digest.unsigned(grid.cells().count() as u64);
            for (row, asset, amount) in grid.cells() {
                digest.unsigned(row as u64).unsigned(asset as u64).wide(amount.0);
            }
        }
        // A state without any of these has the digest it had before there were such accounts.
        for (tag, grid) in (1u64..).zip(self.later_grids()) {
            for (row, asset, amount) in grid.cells() {
                digest.bytes(b"ledger").unsigned(tag).unsigned(row as u64).unsigned(asset as u64).wide(amount.0);
            }
        }
    }

    const fn first_grids(&self) -> [&Grid<Amount>; 5] {
        [&self.balances, &self.venues, &self.fees, &self.rounding, &self.external]
    }

    const fn later_grids(&self) -> [&Grid<Amount>; 2] {
        [&self.funding, &self.in_transit]
    }
}

/// Moves an amount; nothing moves when either side would overflow.
#[inline]
fn move_between(giver: &mut Amount, taker: &mut Amount, amount: Amount) -> Result<(), MoneyError> {
    (*giver, *taker) = (giver.minus(amount)?, taker.plus(amount)?);
    Ok(())
}
