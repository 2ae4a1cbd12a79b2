//! Which market a request means, and what is listed there.

use super::answer::Refusal;
use super::ids::IdStyle;
use super::params::Params;
use crate::house::{Category, House, Listing};

/// A market of the venue. Inverse contracts and options have nothing listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Market {
    /// One that the house has.
    Listed(Category),
    /// One in which nothing is listed, by the venue's name.
    Empty(&'static str),
}

impl Market {
    /// The market that `category` names.
    pub(super) fn read(params: &Params) -> Result<Self, Refusal> {
        match params.get("category") {
            Some("spot") => Ok(Market::Listed(Category::Spot)),
            Some("linear") => Ok(Market::Listed(Category::Linear)),
            Some("inverse") => Ok(Market::Empty("inverse")),
            Some("option") => Ok(Market::Empty("option")),
            Some(_) => Err(Refusal::params("params error: Illegal category")),
            None => Err(Refusal::params("params error: Category is required")),
        }
    }

    /// The venue's name of it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Market::Listed(category) => name(category),
            Market::Empty(name) => name,
        }
    }

    /// The house's market, where it has it.
    pub(super) const fn listed(self) -> Option<Category> {
        match self {
            Market::Listed(category) => Some(category),
            Market::Empty(_) => None,
        }
    }
}

/// The venue's name of a market.
pub(super) const fn name(category: Category) -> &'static str {
    match category {
        Category::Spot => "spot",
        Category::Linear => "linear",
    }
}

/// How ids are written in a market.
pub(super) const fn ids(category: Category) -> IdStyle {
    match category {
        Category::Spot => IdStyle::Decimal,
        Category::Linear => IdStyle::Uuid,
    }
}

/// The instrument that public data is asked of.
pub(super) fn quoted<'a>(params: &Params, house: &'a House) -> Result<&'a Listing, Refusal> {
    let market = Market::read(params)?;
    let symbol = params.need("symbol")?;
    let found = market.listed().and_then(|category| house.find_listing(category, symbol));
    found.ok_or_else(|| Refusal::params("Not supported symbols"))
}

/// The instrument that an order is for.
pub(super) fn traded<'a>(params: &Params, house: &'a House) -> Result<&'a Listing, Refusal> {
    let market = Market::read(params)?;
    let symbol = params.need("symbol")?;
    let found = market.listed().and_then(|category| house.find_listing(category, symbol));
    found.ok_or_else(|| match market {
        Market::Listed(Category::Spot) => Refusal::new(170_121, "Invalid symbol."),
        Market::Listed(Category::Linear) | Market::Empty(_) => Refusal::params(format!("params error: symbol invalid {symbol}")),
    })
}
