//! What exists: told to the engine at the start of each life, as far as the journal does not know it already.

use super::houses::House;
use super::{Core, Mode};
use crate::config::{AlgoConfig, LimitConfig, MarketConfig, PaperConfig, VenueName};
use crate::health::Level;
use crate::keeping::Keeping;
use crate::paper::{PaperFees, PaperVenue};
use std::collections::BTreeMap;
use tradewind_types::{
    Account, AccountId, AlgoId, AlgoSpec, Amount, Asset, AssetId, Author, BookId, Control, Decimal, Definition, Instrument,
    InstrumentFilters, InstrumentId, InstrumentKind, InstrumentTerms, LimitScope, LimitSettings, MarginMode, Nanos, Price, Qty,
    QuotingParameters, Rate, Rounding,
};
use tradewind_venues::{Directory, Grid, Listed, ListedAsset, ListedInstrument, Market};

/// Finer than any venue states a balance; coarse enough that no sum of them overflows.
const ASSET_SCALE: u8 = 12;
/// Where a venue sets no bound.
const LARGEST_QTY: Qty = Qty(1 << 50);
/// A price older than this is no reference.
const REFERENCE_AGE: Nanos = Nanos::from_secs(30);
/// How often a quoting algo looks, besides every change of the book.
const QUOTING_EVERY: Nanos = Nanos::from_millis(250);

impl<K: Keeping> Core<K> {
    /// The first inputs of a life.
    pub(super) fn begin_life(&mut self) {
        // Minutes of time, so that a life that lost its journal does not mint the ids of an earlier one.
        let minutes = u32::try_from(self.now.0 / 60_000_000_000).unwrap_or_default();
        let epoch = minutes.max(self.engine.state().epoch().saturating_add(1));
        let node = self.config.node.id;
        self.control(Control::Define(Definition::Epoch { node, epoch }));
        self.control(Control::Define(Definition::Retention { done_for: self.config.node.orders_kept() }));
        self.say(Level::Info, "started", "", format!("node {node}, epoch {epoch}, after input {}", self.seq - 1));
        for name in self.config.books.iter().map(|book| book.name.clone()).collect::<Vec<_>>() {
            if self.book_named(&name).is_none() {
                let book = BookId(first_free(|id| self.engine.state().registry().book(BookId(id)).is_some()));
                self.control(Control::Define(Definition::Book { book, name }));
            }
        }
        self.stop_algos();
        self.halt_accounts();
    }

    pub(super) fn stop_algos(&mut self) {
        let ids: Vec<AlgoId> = self.algos().filter(|(_, is_running)| *is_running).map(|(id, _)| id).collect();
        ids.into_iter().for_each(|algo| self.control(Control::StopAlgo { algo }));
    }

    fn algos(&self) -> impl Iterator<Item = (AlgoId, bool)> {
        (0..).map(AlgoId).map_while(|id| self.engine.state().algo(id).map(|algo| (id, algo.is_running)))
    }

    pub(super) fn halt_accounts(&mut self) {
        let accounts: Vec<AccountId> = self.engine.state().registry().accounts().map(|account| account.id).collect();
        accounts.into_iter().for_each(|account| self.halt(LimitScope::Account(account)));
    }

    pub(super) fn book_named(&self, name: &str) -> Option<BookId> {
        let registry = self.engine.state().registry();
        (1..).map(BookId).map_while(|id| registry.book(id).map(|known| (id, known))).find(|(_, known)| *known == name).map(|(id, _)| id)
    }

    pub(super) fn assets(&self) -> Vec<Asset> {
        let registry = self.engine.state().registry();
        (0..).map_while(|id| registry.asset(AssetId(id)).cloned()).collect()
    }

    pub(super) fn is_spot(&self, instrument: InstrumentId) -> bool {
        self.engine.state().registry().instrument(instrument).is_some_and(|i| i.terms().kind.is_spot())
    }

    pub(super) fn symbol(&self, instrument: InstrumentId) -> String {
        self.engine.state().registry().instrument(instrument).map(|i| i.terms().symbol.clone()).unwrap_or_default()
    }

    pub(super) fn account_of(&self, accounts: &BTreeMap<Market, AccountId>, instrument: InstrumentId) -> Option<AccountId> {
        let kind = self.engine.state().registry().instrument(instrument)?.terms().kind;
        accounts.get(&market_of(kind)).copied()
    }

    /// Tells the engine what the venue lists, as far as it is configured, and makes its directory.
    pub(super) fn define_house(&mut self, place: usize) -> Result<Directory, String> {
        let Some(house) = self.houses.get(place) else { return Err("no such venue".to_owned()) };
        let (venue, name, config) = (house.venue, house.config.name, house.config.clone());
        let mut wanted: Vec<ListedInstrument> = Vec::new();
        for (market, symbols) in &config.instruments {
            for symbol in symbols {
                wanted.push(wanted_of(house, market_named(*market), symbol)?);
            }
        }
        let accounts = self.define_accounts(name, config.instruments.keys().copied().map(market_named).collect());
        let mut listed = Vec::new();
        for instrument in wanted {
            let [base, quote, settle] = [&instrument.base, &instrument.quote, &instrument.settle].map(|symbol| self.define_asset(symbol));
            let account = accounts.get(&instrument.market).copied().ok_or("an account is missing")?;
            let id = self.define_instrument(venue, &instrument, [base, quote, settle])?;
            let grid =
                Grid::new(instrument.tick, instrument.lot).ok_or_else(|| format!("{} has no price or quantity step", instrument.symbol))?;
            if let (Some(leverage), false) = (config.leverage, instrument.market == Market::Spot) {
                self.control(Control::Define(Definition::Leverage { account, instrument: id, leverage }));
            }
            listed.push(Listed { id, market: instrument.market, symbol: instrument.symbol, grid, base, quote, account });
        }
        let asset = |asset: Asset| ListedAsset { id: asset.id, symbol: asset.symbol, scale: asset.scale };
        let directory = Directory::new(listed.clone(), self.assets().into_iter().map(asset).collect(), accounts.clone());
        for one in &listed {
            let index = one.id.index();
            self.places.resize(self.places.len().max(index + 1), None);
            if let Some(entry) = self.places.get_mut(index) {
                *entry = Some(place);
            }
        }
        if let Some(house) = self.houses.get_mut(place) {
            house.instruments = listed.iter().map(|one| one.id).collect();
            house.accounts = accounts;
        }
        for limit in self.config.limits.clone() {
            self.define_limit(&limit, venue)?;
        }
        self.watch_books(place, &directory);
        Ok(directory)
    }

    fn watch_books(&mut self, place: usize, directory: &Directory) {
        let Some(house) = self.houses.get(place) else { return };
        let name = house.config.name;
        for listed in directory.iter() {
            self.engine.watch_book(listed.id, name.sequence_rule(listed.market));
        }
    }

    fn define_accounts(&mut self, name: VenueName, markets: Vec<Market>) -> BTreeMap<Market, AccountId> {
        let is_unified = name == VenueName::Bybit;
        let has_derivatives = markets.iter().any(|market| *market != Market::Spot);
        let mut accounts = BTreeMap::new();
        for market in markets {
            let mode = if market == Market::Spot && !(is_unified && has_derivatives) { MarginMode::Spot } else { MarginMode::Cross };
            let kind = match (is_unified, market) {
                (true, _) => "unified",
                (false, Market::Spot) => "spot",
                (false, Market::Linear | Market::Inverse) => "derivatives",
            };
            let account_name = format!("{}-{kind}", name.as_str());
            let known = self.engine.state().registry().accounts().find(|account| account.name == account_name).map(|account| account.id);
            let id = known.unwrap_or_else(|| {
                let id = AccountId(first_free(|id| self.engine.state().registry().account(AccountId(id)).is_some()));
                let account = Account { id, venue: name.id(), name: account_name, mode };
                self.control(Control::Define(Definition::Account(account)));
                // A new account trades no sooner than a known one.
                self.halt(LimitScope::Account(id));
                id
            });
            accounts.insert(market, id);
        }
        accounts
    }

    fn define_asset(&mut self, symbol: &str) -> AssetId {
        if let Some(asset) = self.assets().into_iter().find(|asset| asset.symbol == symbol) {
            return asset.id;
        }
        let id = AssetId(first_free(|id| self.engine.state().registry().asset(AssetId(id)).is_some()));
        self.control(Control::Define(Definition::Asset(Asset { id, symbol: symbol.to_owned(), scale: ASSET_SCALE })));
        id
    }

    fn define_instrument(
        &mut self,
        venue: tradewind_types::VenueId,
        listed: &ListedInstrument,
        [base, quote, settle]: [AssetId; 3],
    ) -> Result<InstrumentId, String> {
        let about = |what: &str| format!("{}: {what} does not fit its steps", listed.symbol);
        let lots = |qty: Decimal, what| qty.in_steps_of(listed.lot).map(Qty).map_err(|_| about(what));
        let min_qty = lots(listed.min_qty, "the smallest quantity")?;
        let max_qty = listed.max_qty.map_or(Ok(LARGEST_QTY), |qty| lots(qty, "the largest quantity"))?;
        let notional = listed.min_notional.at_scale(ASSET_SCALE, Rounding::Ceil).map_err(|_| about("the smallest value"))?;
        let registry = self.engine.state().registry();
        let is_same = |i: &&Instrument| {
            let terms = i.terms();
            terms.venue == venue
                && terms.symbol == listed.symbol
                && terms.kind == listed.kind
                && terms.tick == listed.tick
                && terms.lot == listed.lot
        };
        let known = registry.instruments().find(is_same).map(|i| (i.id(), *i.filters()));
        let id = known.map_or_else(|| InstrumentId(first_free(|id| registry.instrument(InstrumentId(id)).is_some())), |(id, _)| id);
        if let Some((id, filters)) = known {
            let wanted = InstrumentFilters { min_qty, max_qty, min_notional: Amount(notional), ..filters };
            if wanted != filters {
                self.control(Control::Define(Definition::Filters(wanted)));
            }
            return Ok(id);
        }
        let terms = InstrumentTerms {
            id,
            venue,
            symbol: listed.symbol.clone(),
            kind: listed.kind,
            base,
            quote,
            settle,
            tick: listed.tick,
            lot: listed.lot,
            multiplier: listed.multiplier,
            min_qty,
            max_qty,
            min_notional: Amount(notional),
        };
        self.control(Control::Define(Definition::Instrument(terms)));
        if self.engine.state().registry().instrument(id).is_none() {
            return Err(format!("{} was refused by the engine; the log says why", listed.symbol));
        }
        Ok(id)
    }

    /// Limits that name this venue, or an instrument of it, or neither.
    fn define_limit(&mut self, limit: &LimitConfig, venue: tradewind_types::VenueId) -> Result<(), String> {
        let scope = self.scope_named(&limit.scope)?;
        let place = self.houses.iter().position(|house| house.venue == venue).unwrap_or_default();
        let instruments = self.houses.get(place).map(|house| house.instruments.clone()).unwrap_or_default();
        let named = |core: &Self, id: InstrumentId| limit.instrument.as_ref().is_none_or(|name| core.instrument_named(name) == Some(id));
        for id in instruments {
            if !named(self, id) {
                continue;
            }
            let Some(instrument) = self.engine.state().registry().instrument(id).cloned() else { continue };
            let lots = |text: &Option<String>| text.as_ref().map(|t| whole_lots(t, &instrument)).transpose();
            let notional = limit.max_order_notional.as_ref().map(|t| amount(t)).transpose()?;
            let settings = LimitSettings {
                scope,
                instrument: Some(id),
                max_order_qty: lots(&limit.max_order_qty)?,
                max_order_notional: notional,
                max_price_deviation: limit.max_price_deviation_bps.map(|bps| Rate(i64::from(bps) * 10_000)),
                max_reference_age: (notional.is_some() || limit.max_price_deviation_bps.is_some()).then_some(REFERENCE_AGE),
                max_position: lots(&limit.max_position)?,
                max_orders_per_window: None,
                rate_window: Nanos::from_secs(1),
            };
            self.control(Control::Define(Definition::Limits(settings)));
        }
        if limit.max_orders_per_s.is_some() && limit.instrument.is_none() {
            let settings = LimitSettings { max_orders_per_window: limit.max_orders_per_s, ..LimitSettings::unlimited(scope) };
            self.control(Control::Define(Definition::Limits(settings)));
        }
        Ok(())
    }

    fn scope_named(&self, text: &str) -> Result<LimitScope, String> {
        let unknown = || format!("`{text}` is no scope: say `firm`, `venue:NAME` or `book:NAME`");
        match text.split_once(':') {
            None if text == "firm" => Ok(LimitScope::Firm),
            Some(("venue", name)) => {
                let venue = VenueName::ALL.into_iter().find(|venue| venue.as_str() == name).ok_or_else(unknown)?;
                Ok(LimitScope::Venue(venue.id()))
            }
            Some(("book", name)) => self.book_named(name).map(LimitScope::Book).ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }

    /// `binance:spot:BTCUSDT`.
    pub(super) fn instrument_named(&self, name: &str) -> Option<InstrumentId> {
        let mut parts = name.splitn(3, ':');
        let (venue, market, symbol) = (parts.next()?, parts.next()?, parts.next()?);
        let house = self.houses.iter().find(|house| house.config.name.as_str() == venue)?;
        let registry = self.engine.state().registry();
        let is_it = |id: &InstrumentId| {
            let terms = registry.instrument(*id).map(Instrument::terms);
            terms.is_some_and(|t| t.symbol == symbol && market_word(market_of(t.kind)) == market)
        };
        house.instruments.iter().copied().find(is_it)
    }

    /// A matching engine of our own in place of the venue's.
    pub(super) fn open_paper(&mut self, place: usize) {
        let Some(house) = self.houses.get(place) else { return };
        let Some(paper) = house.config.paper.clone() else {
            self.refuse_house(place, "it has no [venue.paper] in the configuration".to_owned());
            return;
        };
        let registry = self.engine.state().registry();
        let name = house.config.name;
        let with_rule = |instrument: &Instrument| (instrument.clone(), name.sequence_rule(market_of(instrument.terms().kind)));
        let instruments: Vec<_> = house.instruments.iter().filter_map(|id| registry.instrument(*id)).map(with_rule).collect();
        let fees = match (basis_points(&paper.maker_fee_bps), basis_points(&paper.taker_fee_bps)) {
            (Ok(maker), Ok(taker)) => PaperFees { maker, taker },
            (Err(why), _) | (_, Err(why)) => {
                self.refuse_house(place, why);
                return;
            }
        };
        let latency = Nanos::from_millis(i64::from(paper.latency_ms));
        let accounts: Vec<AccountId> = house.accounts.values().copied().collect();
        if let Some(house) = self.houses.get_mut(place) {
            house.paper = Some(PaperVenue::new(instruments.into_iter(), fees, latency));
        }
        self.end_paper_orders(place);
        for account in accounts {
            self.fund_paper(place, account, &paper);
        }
    }

    /// A paper venue does not outlive its node: what was open there is over.
    fn end_paper_orders(&mut self, place: usize) {
        let state = self.engine.state();
        let live: Vec<_> = state.live_orders().filter(|o| self.house_of(o.terms.instrument) == Some(place)).map(|o| o.id).collect();
        for order in live {
            self.control(Control::Reply(tradewind_types::VenueReply::Lost { order, until: self.now }));
            self.control(Control::Reply(tradewind_types::VenueReply::NotFound { order }));
        }
    }

    /// Once in an account's life.
    fn fund_paper(&mut self, place: usize, account: AccountId, paper: &PaperConfig) {
        let is_funded = self.assets().iter().any(|asset| self.engine.state().balance(account, asset.id) != Amount::ZERO);
        if is_funded || self.mode != Mode::Paper {
            return;
        }
        for (symbol, text) in &paper.balances {
            match amount(text) {
                Ok(amount) => {
                    let asset = self.define_asset(symbol);
                    self.control(Control::Define(Definition::Deposit { account, book: BookId::UNASSIGNED, asset, amount }));
                }
                Err(why) => self.refuse_house(place, why),
            }
        }
    }

    /// Strategies take their seats once every account trades for the first time, algos once their market has a price.
    pub(super) fn start_what_waits(&mut self) {
        if !self.is_trading() {
            return;
        }
        self.seat_strategies();
        for (book_name, algo) in
            self.config.books.iter().flat_map(|b| b.algos.iter().map(|a| (b.name.clone(), a.clone()))).collect::<Vec<_>>()
        {
            let AlgoConfig::Quoting { instrument, half_spread_bps, qty, max_position, .. } = &algo;
            let (Some(book), Some(id)) = (self.book_named(&book_name), self.instrument_named(instrument)) else { continue };
            if self.has_algo(book, id) {
                continue;
            }
            let Some(reference) = self.engine.market(id).reference() else { continue };
            match self.quoting(id, reference.price, half_spread_bps, qty, max_position) {
                Ok((account, parameters)) => {
                    let spec = AlgoSpec::Quoting { book, account, instrument: id, parameters };
                    let algo = AlgoId(first_free(|id| self.engine.state().algo(AlgoId(id)).is_some()));
                    let valid_until = self.now.plus(Nanos::from_secs(1));
                    self.control(Control::StartAlgo { algo, author: Author::Operator, model: 0, valid_until, spec });
                }
                Err(why) => self.say(Level::Error, "algo-not-started", &book_name, why),
            }
        }
    }

    fn has_algo(&self, book: BookId, id: InstrumentId) -> bool {
        let runs = |algo: AlgoId| {
            let spec = self.engine.state().algo(algo).map(|a| a.spec);
            matches!(spec, Some(AlgoSpec::Quoting { book: b, instrument: i, .. }) if b == book && i == id)
        };
        self.algos().any(|(algo, is_running)| is_running && runs(algo))
    }

    fn quoting(
        &self,
        id: InstrumentId,
        price: Price,
        half_spread_bps: &str,
        qty: &str,
        max_position: &str,
    ) -> Result<(AccountId, QuotingParameters), String> {
        let instrument = self.engine.state().registry().instrument(id).ok_or("the instrument is not known")?;
        let house = self.house_of(id).and_then(|place| self.houses.get(place)).ok_or("the instrument's venue is not configured")?;
        let account = self.account_of(&house.accounts, id).ok_or("the instrument has no account")?;
        let half_spread = basis_points(half_spread_bps)?;
        let half_ticks = i128::from(price.0) * 2 * i128::from(half_spread.0) / 100_000_000;
        let parameters = QuotingParameters {
            half_spread_half_ticks: i64::try_from(half_ticks).unwrap_or(i64::MAX).max(1),
            qty: whole_lots(qty, instrument)?,
            max_position: whole_lots(max_position, instrument)?,
            skew_half_ticks: 0,
            interval: QUOTING_EVERY,
        };
        Ok((account, parameters))
    }
}

fn wanted_of(house: &House, market: Market, symbol: &str) -> Result<ListedInstrument, String> {
    let of_market = || house.listed.iter().filter(|l| l.market == market);
    let found = of_market().find(|l| l.symbol == symbol).cloned();
    let venue = house.gateway.venue();
    let instrument = found.ok_or_else(|| {
        let close =
            of_market().filter(|l| shares_start(&l.symbol, symbol)).take(3).map(|l| l.symbol.as_str()).collect::<Vec<_>>().join(", ");
        let hint = if close.is_empty() { String::new() } else { format!("; similar ones are {close}") };
        format!("{venue} does not list {symbol} on its {} market{hint}", market_word(market))
    })?;
    if instrument.is_trading { Ok(instrument) } else { Err(format!("{venue}: {symbol} does not trade now")) }
}

fn shares_start(one: &str, other: &str) -> bool {
    let length = one.len().min(other.len()).min(3);
    one.get(..length).is_some_and(|start| other.get(..length).is_some_and(|o| o.eq_ignore_ascii_case(start)))
}

fn first_free(is_taken: impl Fn(u32) -> bool) -> u32 {
    (0..).find(|id| !is_taken(*id)).unwrap_or(u32::MAX)
}

pub(crate) const fn market_of(kind: InstrumentKind) -> Market {
    if kind.is_spot() {
        Market::Spot
    } else if kind.is_inverse() {
        Market::Inverse
    } else {
        Market::Linear
    }
}

const fn market_named(market: MarketConfig) -> Market {
    match market {
        MarketConfig::Spot => Market::Spot,
        MarketConfig::Linear => Market::Linear,
    }
}

const fn market_word(market: Market) -> &'static str {
    match market {
        Market::Spot => "spot",
        Market::Linear => "linear",
        Market::Inverse => "inverse",
    }
}

fn decimal(text: &str) -> Result<Decimal, String> {
    text.parse().map_err(|_| format!("`{text}` is no plain decimal number"))
}

fn amount(text: &str) -> Result<Amount, String> {
    decimal(text)?.at_scale(ASSET_SCALE, Rounding::Floor).map(Amount).map_err(|error| format!("`{text}`: {error}"))
}

fn whole_lots(text: &str, instrument: &Instrument) -> Result<Qty, String> {
    let lot = instrument.terms().lot;
    decimal(text)?.in_steps_of(lot).map(Qty).map_err(|error| format!("{}: `{text}`: {error}", instrument.terms().symbol))
}

fn basis_points(text: &str) -> Result<Rate, String> {
    // A rate is in units of 1e-8, a basis point 1e-4.
    let rate = decimal(text)?.at_scale(4, Rounding::Floor).map_err(|error| format!("`{text}`: {error}"))?;
    i64::try_from(rate).map(Rate).map_err(|_| format!("`{text}` basis points are out of range"))
}
