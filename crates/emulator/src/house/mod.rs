//! One venue without a protocol: listings, clients, a floor of matching books behind a clearing, records, public state.
//!
//! A house has no clock and no chance: whoever calls it says what time it is. Every call that changes something takes the time it
//! happens and leaves [`News`], which [`House::take_news`] hands over in order. Whatever a house keeps is bounded.

mod client;
mod listing;
mod news;
mod order;
mod outsiders;
mod registry;
mod rejection;
mod settlement;
mod setup;
mod tape;
mod trading;
mod wallets;

pub use client::{Client, ClientId, Credentials, Permissions, Secret};
pub use listing::{Category, Listing, decimal_text};
pub use news::{News, OrderCause};
pub use order::{Ended, FillCause, FillRecord, OrderNo, OrderRecord, OrderRef, OrderStatus, PlaceOrder, Size};
pub use rejection::{Filter, Rejection};
pub use setup::{ClientIds, ClientSpec, ConditionsUnmet, HouseRules, HouseSetup, ListingSpec, SetupError, TierSpec, Wallet, WalletPlan};
pub use tape::{Candle, FundingRecord, MINUTE, MarkState, PublicTrade, Tape};
pub use tradewind_book::Level;
pub use tradewind_exchange::Leg;
pub use wallets::{Balance, Position};

use outsiders::Outsiders;
use registry::Registry;
use settlement::Noted;
use std::collections::BTreeMap;
use tradewind_exchange::{Cleared, ClearedExchange, Clearing, Deal, FeeSchedule, FloorExchange, FloorListing, Holding, PrivateMessage};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, Decimal, FundingPayment, Instrument, InstrumentId, InstrumentKind, InstrumentTerms,
    LevelChange, MarginMode, MarginSchedule, MarginTier, MoneyError, PositionMode, Price, Qty, Rate, RejectReason, Rounding, Side,
    Timestamp, VenueId,
};

/// Every asset is kept in units of 10^-12, so that tick times lot is whole on every pair.
pub const ASSET_SCALE: u8 = 12;
/// Node number of clients' orders.
const CLIENT_NODE: u16 = 1;
const FUNDINGS_KEPT: usize = 1_000;

/// Best levels as they were last told.
type Top = (Option<Level>, Option<Level>);

/// The public state of one instrument.
#[derive(Clone, Debug, Default)]
struct Board {
    tape: Tape,
    /// Number of the last change of its book.
    update: u64,
    top: Top,
}

/// A book as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepthSnapshot {
    /// Number of its last change.
    pub update: u64,
    /// Best first.
    pub bids: Vec<Level>,
    /// Best first.
    pub asks: Vec<Level>,
}

/// One venue; see the module.
#[derive(Debug)]
pub struct House {
    name: String,
    rules: HouseRules,
    assets: Vec<Asset>,
    asset_ids: BTreeMap<String, AssetId>,
    listings: Vec<Listing>,
    schedules: Vec<Option<MarginSchedule>>,
    by_symbol: BTreeMap<Category, BTreeMap<String, InstrumentId>>,
    clients: Vec<Client>,
    by_key: BTreeMap<String, ClientId>,
    by_account: BTreeMap<AccountId, ClientId>,
    leverages: BTreeMap<(AccountId, InstrumentId), u32>,
    position_modes: BTreeMap<AccountId, PositionMode>,
    cleared: ClearedExchange<FloorExchange>,
    outsiders: Outsiders,
    registry: Registry,
    holdings: BTreeMap<(AccountId, InstrumentId, Leg), Holding>,
    fundings: BTreeMap<ClientId, std::collections::VecDeque<FundingPayment>>,
    boards: Vec<Board>,
    orders_placed: u64,
    fills: u64,
    now: Timestamp,
    news: Vec<News>,
    fault: Option<MoneyError>,
    /// Why the request that is being worked on was refused.
    refused: Option<RejectReason>,
    /// The order that its client is taking back.
    cancelling: Option<OrderNo>,
    /// Whether what happened on one instrument may have led to something on another.
    is_spread: bool,
    messages: Vec<PrivateMessage>,
    deals: Vec<Deal>,
    noted: Vec<Noted>,
    touched: Vec<(Side, Price)>,
}

impl House {
    /// Opens a house at `now`.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(setup: &HouseSetup, now: Timestamp) -> Result<Self, SetupError> {
        let mut names = Names::default();
        let (mut listings, mut cleared, mut floor, mut schedules) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (id, spec) in (0u32..).zip(&setup.listings) {
            let refuse = |error| SetupError::Listing { symbol: spec.symbol.clone(), error };
            let (listing, schedule) = list(InstrumentId(id), spec, &mut names).map_err(refuse)?;
            let asset = if spec.category == Category::Spot { setup.rules.spot_fees } else { tradewind_exchange::FeeAsset::Settle };
            let fees = FeeSchedule { maker: spec.maker_fee, taker: spec.taker_fee, asset };
            cleared.push(Cleared { instrument: listing.instrument.clone(), schedule: schedule.clone(), fees, cash: None });
            floor.push(FloorListing { instrument: listing.instrument.clone(), fees });
            schedules.push(schedule);
            listings.push(listing);
        }
        let mut by_symbol: BTreeMap<Category, BTreeMap<String, InstrumentId>> = BTreeMap::new();
        for listing in &listings {
            by_symbol.entry(listing.category).or_default().insert(listing.symbol().to_owned(), listing.id());
        }
        let boards = listings.iter().map(|_| Board::default()).collect();
        let mut house = Self {
            name: setup.name.clone(),
            rules: setup.rules,
            assets: Vec::new(),
            asset_ids: BTreeMap::new(),
            listings,
            schedules,
            by_symbol,
            clients: Vec::new(),
            by_key: BTreeMap::new(),
            by_account: BTreeMap::new(),
            leverages: BTreeMap::new(),
            position_modes: BTreeMap::new(),
            cleared: ClearedExchange::new(FloorExchange::new(floor), Clearing::new(setup.rules.clearing(), cleared)),
            outsiders: Outsiders::default(),
            registry: Registry::default(),
            holdings: BTreeMap::new(),
            fundings: BTreeMap::new(),
            boards,
            orders_placed: 0,
            fills: 0,
            now,
            news: Vec::new(),
            fault: None,
            refused: None,
            cancelling: None,
            is_spread: false,
            messages: Vec::new(),
            deals: Vec::new(),
            noted: Vec::new(),
            touched: Vec::new(),
        };
        for client in &setup.clients {
            house.open_client(client, &mut names)?;
        }
        (house.assets, house.asset_ids) = (names.assets, names.ids);
        house.news.clear();
        Ok(house)
    }

    fn open_client(&mut self, spec: &ClientSpec, names: &mut Names) -> Result<(), SetupError> {
        let id = ClientId(self.clients.len() as u32);
        let spot = AccountId(id.0 * 2 + 1);
        let (derivatives, mode) = match self.rules.wallets {
            WalletPlan::Unified => (spot, MarginMode::Cross),
            WalletPlan::Split => (AccountId(id.0 * 2 + 2), MarginMode::Spot),
        };
        if self.by_key.insert(spec.credentials.key.clone(), id).is_some() {
            return Err(SetupError::DuplicateKey { key: spec.credentials.key.clone() });
        }
        for (account, mode) in [(derivatives, MarginMode::Cross), (spot, mode)] {
            let account = Account { id: account, venue: VenueId(0), name: spec.credentials.key.clone(), mode };
            self.by_account.insert(account.id, id);
            self.cleared.exchange_mut().set_self_trade(account.id, self.rules.self_trade);
            self.cleared.clearing_mut().open_account(account, PositionMode::OneWay);
        }
        self.registry.add_client();
        self.clients.push(Client { id, credentials: spec.credentials.clone(), permissions: spec.permissions, spot, derivatives });
        for (wallet, asset, amount) in &spec.deposits {
            let refuse = |error| SetupError::Deposit { asset: asset.clone(), error };
            let units = amount.at_scale(ASSET_SCALE, Rounding::Floor).map_err(refuse)?;
            let account = if *wallet == Wallet::Spot { spot } else { derivatives };
            self.cleared.clearing_mut().deposit(account, names.id(asset), Amount(units)).map_err(refuse)?;
        }
        for listing in &self.listings {
            let (account, leverage) = (derivatives, listing.max_leverage.min(20));
            self.cleared.clearing_mut().set_leverage(account, listing.id(), leverage);
            self.leverages.insert((account, listing.id()), leverage);
        }
        Ok(())
    }

    /// The venue's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its ways.
    #[must_use]
    pub const fn rules(&self) -> &HouseRules {
        &self.rules
    }

    /// What time it was when something last happened.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Everything that is listed, by id.
    #[must_use]
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// A listing by id.
    #[must_use]
    pub fn listing(&self, instrument: InstrumentId) -> Option<&Listing> {
        self.listings.get(instrument.index())
    }

    /// A listing by its market and the venue's symbol.
    #[must_use]
    pub fn find_listing(&self, category: Category, symbol: &str) -> Option<&Listing> {
        self.listing(*self.by_symbol.get(&category)?.get(symbol)?)
    }

    /// Margin by position value of a derivative, lowest first.
    #[must_use]
    pub fn margin_tiers(&self, instrument: InstrumentId) -> &[MarginTier] {
        self.schedules.get(instrument.index()).and_then(Option::as_ref).map_or(&[], |schedule| &schedule.tiers)
    }

    /// Every asset, by id.
    #[must_use]
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// An asset by its ticker.
    #[must_use]
    pub fn asset(&self, symbol: &str) -> Option<AssetId> {
        self.asset_ids.get(symbol).copied()
    }

    /// An asset's ticker; empty for one that is not known.
    #[must_use]
    pub fn asset_symbol(&self, asset: AssetId) -> &str {
        self.assets.get(asset.index()).map_or("", |asset| &asset.symbol)
    }

    /// Money as text: exact, with at least `digits` after the point.
    #[must_use]
    pub fn amount_text(&self, amount: Amount, digits: u8) -> String {
        decimal_text(amount.0, ASSET_SCALE, digits)
    }

    /// Money as a client writes it.
    ///
    /// # Errors
    /// [`Rejection::Malformed`].
    pub fn amount(&self, text: &str) -> Result<Amount, Rejection> {
        let decimal: Decimal = text.parse().map_err(|_| Rejection::Malformed)?;
        decimal.at_scale(ASSET_SCALE, Rounding::Floor).map(Amount).map_err(|_| Rejection::Overflow)
    }

    /// The client that has a key.
    #[must_use]
    pub fn client_by_key(&self, key: &str) -> Option<&Client> {
        self.client(*self.by_key.get(key)?)
    }

    /// A client by id.
    #[must_use]
    pub fn client(&self, client: ClientId) -> Option<&Client> {
        self.clients.get(client.0 as usize)
    }

    /// Every client, by id.
    #[must_use]
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Trades, candles, day's figures, marks and fundings of an instrument.
    #[must_use]
    pub fn tape(&self, instrument: InstrumentId) -> Option<&Tape> {
        self.boards.get(instrument.index()).map(|board| &board.tape)
    }

    /// Up to `limit` levels a side of a book.
    #[must_use]
    pub fn depth(&self, instrument: InstrumentId, limit: usize) -> DepthSnapshot {
        let (Some(book), Some(board)) = (self.cleared.exchange().book(instrument), self.boards.get(instrument.index())) else {
            return DepthSnapshot::default();
        };
        let side = |side| book.levels(side).take(limit).collect();
        DepthSnapshot { update: board.update, bids: side(Side::Buy), asks: side(Side::Sell) }
    }

    /// Number of the last change of a book.
    #[must_use]
    pub fn update(&self, instrument: InstrumentId) -> u64 {
        self.boards.get(instrument.index()).map_or(0, |board| board.update)
    }

    /// Best bid and ask of a book.
    #[must_use]
    pub fn top(&self, instrument: InstrumentId) -> (Option<Level>, Option<Level>) {
        self.cleared.exchange().book(instrument).map_or((None, None), |book| (book.best(Side::Buy), book.best(Side::Sell)))
    }

    /// Total of a level.
    #[must_use]
    pub fn qty_at(&self, instrument: InstrumentId, side: Side, price: Price) -> Qty {
        self.cleared.exchange().book(instrument).map_or(Qty::ZERO, |book| book.qty_at(side, price))
    }

    /// What happened since this was last asked, in order.
    pub fn take_news(&mut self, news: &mut Vec<News>) {
        news.append(&mut self.news);
    }

    /// A figure that left its integer type: something was not booked, and what the house says from then on is not to be relied on.
    #[must_use]
    pub const fn fault(&self) -> Option<&MoneyError> {
        self.fault.as_ref()
    }

    /// Cash of all who trade here without an account, in units of the asset; what they won is what others lost.
    #[must_use]
    pub fn outsiders_cash(&self, asset: AssetId) -> Amount {
        self.outsiders.cash(asset)
    }

    /// Lots of a derivative that all who trade here without an account hold together.
    #[must_use]
    pub fn outsiders_lots(&self, instrument: InstrumentId) -> i64 {
        self.outsiders.lots(instrument)
    }

    /// Minutes that an instrument traded before the house opened, oldest first, each right after the one before.
    pub fn precede(&mut self, instrument: InstrumentId, candles: &[Candle]) {
        if let Some(board) = self.boards.get_mut(instrument.index()) {
            board.tape.precede(candles.iter().copied());
        }
    }
}

/// Assets as they are first named.
#[derive(Default)]
struct Names {
    assets: Vec<Asset>,
    ids: BTreeMap<String, AssetId>,
}

impl Names {
    fn id(&mut self, symbol: &str) -> AssetId {
        if let Some(id) = self.ids.get(symbol) {
            return *id;
        }
        let id = AssetId(self.assets.len() as u32);
        self.assets.push(Asset { id, symbol: symbol.to_owned(), scale: ASSET_SCALE });
        self.ids.insert(symbol.to_owned(), id);
        id
    }

    fn asset(&mut self, symbol: &str) -> Asset {
        let id = self.id(symbol);
        Asset { id, symbol: symbol.to_owned(), scale: ASSET_SCALE }
    }
}

fn list(id: InstrumentId, spec: &ListingSpec, names: &mut Names) -> Result<(Listing, Option<MarginSchedule>), MoneyError> {
    let (base, quote) = (names.asset(&spec.base), names.asset(&spec.quote));
    let kind = if spec.category == Category::Spot { InstrumentKind::Spot } else { InstrumentKind::LinearPerpetual };
    let terms = InstrumentTerms {
        id,
        venue: VenueId(0),
        symbol: spec.symbol.clone(),
        kind,
        base: base.id,
        quote: quote.id,
        settle: quote.id,
        tick: spec.tick,
        lot: spec.lot,
        multiplier: Decimal { mantissa: 1, scale: 0 },
        min_qty: Qty(spec.min_qty.in_steps_of(spec.lot)?),
        max_qty: Qty(spec.max_qty.in_steps_of(spec.lot)?),
        min_notional: Amount(spec.min_notional.at_scale(ASSET_SCALE, Rounding::Ceil)?),
    };
    let listing = Listing {
        instrument: Instrument::new(terms, &base, &quote)?,
        category: spec.category,
        base: spec.base.clone(),
        quote: spec.quote.clone(),
        maker_fee: spec.maker_fee,
        taker_fee: spec.taker_fee,
        max_leverage: spec.tiers.iter().map(|tier| tier.max_leverage).max().unwrap_or(1),
        funding_interval: spec.funding_interval,
    };
    Ok((listing, schedule(id, &spec.tiers)?))
}

/// Tiers with the deductions that keep the maintenance margin from jumping.
fn schedule(instrument: InstrumentId, specs: &[TierSpec]) -> Result<Option<MarginSchedule>, MoneyError> {
    let (mut tiers, mut deduction, mut before): (Vec<MarginTier>, Amount, Rate) = (Vec::new(), Amount::ZERO, Rate(0));
    for spec in specs {
        let from = Amount(Decimal { mantissa: spec.from, scale: 0 }.at_scale(ASSET_SCALE, Rounding::Floor)?);
        deduction = deduction.plus(from.at_rate(Rate(spec.maintenance.0 - before.0), Rounding::Floor)?)?;
        before = spec.maintenance;
        tiers.push(MarginTier { from, maintenance: spec.maintenance, deduction, max_leverage: spec.max_leverage });
    }
    Ok((!tiers.is_empty()).then_some(MarginSchedule { instrument, tiers }))
}

/// Which position an order works on.
const fn leg_of(exposure: tradewind_types::Exposure) -> Leg {
    match exposure {
        tradewind_types::Exposure::Any | tradewind_types::Exposure::ReduceOnly => Leg::Net,
        tradewind_types::Exposure::LongLeg => Leg::Long,
        tradewind_types::Exposure::ShortLeg => Leg::Short,
    }
}

/// A level as it is now.
const fn change(side: Side, price: Price, qty: Qty) -> LevelChange {
    LevelChange { side, price, qty }
}
