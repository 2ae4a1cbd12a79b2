//! A venue's symbols and assets ↔ dense ids, with the grids that numbers are read by.

use crate::digits::{self, DigitsError, Grid};
use std::collections::BTreeMap;
use tradewind_types::{AccountId, Amount, AssetId, InstrumentId};

/// Which part of a venue: the same symbol may trade in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Market {
    /// Coins for coins.
    Spot,
    /// Contracts with a linear value, settled in a stable coin.
    Linear,
    /// Contracts with an inverse value, settled in the coin.
    Inverse,
}

/// An instrument as the directory knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Dense id.
    pub id: InstrumentId,
    /// Which part of the venue.
    pub market: Market,
    /// The venue's symbol.
    pub symbol: String,
    /// Steps of price and quantity.
    pub grid: Grid,
    /// What is bought and sold.
    pub base: AssetId,
    /// What the price is in.
    pub quote: AssetId,
    /// The account that trades it.
    pub account: AccountId,
}

/// An asset as the directory knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAsset {
    /// Dense id.
    pub id: AssetId,
    /// The venue's ticker.
    pub symbol: String,
    /// One unit is 10^-scale of the asset.
    pub scale: u8,
}

/// What is listed. Built once the venue has told its instruments; small, and read on every message.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// Sorted by (market, symbol).
    instruments: Vec<Listed>,
    /// Dense id → place in `instruments`, offset by the smallest id.
    places: BTreeMap<InstrumentId, usize>,
    assets: BTreeMap<String, ListedAsset>,
    accounts: BTreeMap<Market, AccountId>,
}

impl Directory {
    /// A directory of these.
    #[must_use]
    pub fn new(mut instruments: Vec<Listed>, assets: Vec<ListedAsset>, accounts: BTreeMap<Market, AccountId>) -> Self {
        instruments.sort_by(|a, b| (a.market, &a.symbol).cmp(&(b.market, &b.symbol)));
        let places = instruments.iter().enumerate().map(|(place, listed)| (listed.id, place)).collect();
        let assets = assets.into_iter().map(|asset| (asset.symbol.clone(), asset)).collect();
        Self { instruments, places, assets, accounts }
    }

    /// The instrument of a symbol.
    #[inline]
    #[must_use]
    pub fn find(&self, market: Market, symbol: &str) -> Option<&Listed> {
        let place = self.instruments.binary_search_by(|l| (l.market, l.symbol.as_str()).cmp(&(market, symbol))).ok()?;
        self.instruments.get(place)
    }

    /// An instrument by its id.
    #[inline]
    #[must_use]
    pub fn get(&self, id: InstrumentId) -> Option<&Listed> {
        self.instruments.get(*self.places.get(&id)?)
    }

    /// Every instrument.
    pub fn iter(&self) -> impl Iterator<Item = &Listed> {
        self.instruments.iter()
    }

    /// Every instrument of a market.
    pub fn of(&self, market: Market) -> impl Iterator<Item = &Listed> {
        self.instruments.iter().filter(move |l| l.market == market)
    }

    /// The markets that an account is named for.
    pub fn markets(&self) -> impl Iterator<Item = Market> {
        self.accounts.keys().copied()
    }

    /// The account of a market; where a venue keeps one wallet for several markets, they share it.
    #[must_use]
    pub fn account(&self, market: Market) -> Option<AccountId> {
        self.accounts.get(&market).copied()
    }

    /// An asset by the venue's ticker.
    #[must_use]
    pub fn asset(&self, symbol: &str) -> Option<&ListedAsset> {
        self.assets.get(symbol)
    }

    /// An asset by its id.
    #[must_use]
    pub fn asset_by_id(&self, id: AssetId) -> Option<&ListedAsset> {
        self.assets.values().find(|asset| asset.id == id)
    }

    /// An amount of an asset from decimal text; digits beyond the asset's scale are rounded half to even.
    ///
    /// # Errors
    /// [`DigitsError`].
    pub fn amount(&self, asset: &ListedAsset, text: &[u8]) -> Result<Amount, DigitsError> {
        digits::amount(text, asset.scale)
    }
}
