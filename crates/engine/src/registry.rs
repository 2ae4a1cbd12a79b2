//! What exists: assets, instruments, accounts, books. Built from definitions; what is defined does not change.

use crate::grid::{Grid, grown};
use serde::{Deserialize, Serialize};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, BookId, Definition, DefinitionRefusal, Instrument, InstrumentId, InstrumentKind,
    InstrumentTerms, LimitScope, MarginSchedule, MarginTier, SelfTradePrevention, StateDigest,
};

/// Ids are indices into tables; none above this is accepted.
pub const LARGEST_DENSE_ID: u32 = (1 << 16) - 1;

/// All definitions of nouns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registry {
    assets: Vec<Option<Asset>>,
    instruments: Vec<Option<Instrument>>,
    accounts: Vec<Option<Account>>,
    books: Vec<Option<String>>,
    margins: Vec<Option<MarginSchedule>>,
    /// Per (account, instrument); zero where none was chosen.
    leverages: Grid<u32>,
    self_trade: Vec<SelfTradePrevention>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            assets: Vec::new(),
            instruments: Vec::new(),
            accounts: Vec::new(),
            books: vec![Some("unassigned".to_owned())],
            margins: Vec::new(),
            leverages: Grid::default(),
            self_trade: Vec::new(),
        }
    }
}

impl Registry {
    /// An asset.
    #[inline]
    #[must_use]
    pub fn asset(&self, id: AssetId) -> Option<&Asset> {
        self.assets.get(id.index())?.as_ref()
    }

    /// An instrument.
    #[inline]
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(id.index())?.as_ref()
    }

    /// An account.
    #[inline]
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id.index())?.as_ref()
    }

    /// A book's name; the unassigned book always exists.
    #[inline]
    #[must_use]
    pub fn book(&self, id: BookId) -> Option<&str> {
        self.books.get(id.index())?.as_deref()
    }

    /// An instrument's margin schedule.
    #[inline]
    #[must_use]
    pub fn margin(&self, id: InstrumentId) -> Option<&MarginSchedule> {
        self.margins.get(id.index())?.as_ref()
    }

    /// Leverage chosen for an instrument in an account; 1 where none was.
    #[inline]
    #[must_use]
    pub fn leverage(&self, account: AccountId, instrument: InstrumentId) -> u32 {
        self.leverages.get(account.index(), instrument.index()).max(1)
    }

    /// What the venue does where two orders of an account would meet.
    #[must_use]
    pub fn self_trade(&self, account: AccountId) -> SelfTradePrevention {
        self.self_trade.get(account.index()).copied().unwrap_or_default()
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().flatten()
    }

    /// All instruments.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.instruments.iter().flatten()
    }

    /// Whether a definition of a noun, or of something that names nouns, can take effect.
    pub(crate) fn check(&self, definition: &Definition) -> Result<(), DefinitionRefusal> {
        match definition {
            Definition::Asset(asset) => {
                dense(asset.id.0)?;
                unchanged(self.asset(asset.id), asset)
            }
            Definition::Instrument(terms) => {
                dense(terms.id.0)?;
                dense(terms.venue.0)?;
                self.instrument_of(terms)?;
                unchanged(self.instrument(terms.id).map(Instrument::terms), terms)
            }
            Definition::Account(account) => {
                dense(account.id.0)?;
                dense(account.venue.0)?;
                unchanged(self.account(account.id), account)
            }
            Definition::Book { book, name } => {
                dense(book.0)?;
                if *book == BookId::UNASSIGNED { Ok(()) } else { unchanged(self.book(*book), name.as_str()) }
            }
            Definition::Limits(settings) => {
                dense(settings.instrument.map_or(0, |id| id.0))?;
                check_scope(settings.scope)
            }
            Definition::Deposit { account, book, asset, .. } => {
                self.asset(*asset).ok_or(DefinitionRefusal::AssetNotDefined { asset: *asset })?;
                let owner = self.account(*account).and(self.book(*book));
                owner.map(|_| ()).ok_or(DefinitionRefusal::OwnerNotDefined { book: *book })
            }
            Definition::Filters(filters) => {
                let is_sound = filters.price_step.0 > 0 && filters.qty_step.0 > 0 && filters.min_qty <= filters.max_qty;
                self.known(filters.instrument)?;
                if is_sound { Ok(()) } else { Err(DefinitionRefusal::OutOfRange) }
            }
            Definition::Margin(schedule) => {
                self.known(schedule.instrument)?;
                check_tiers(&schedule.tiers)
            }
            Definition::Leverage { account, instrument, leverage } => {
                self.known(*instrument)?;
                self.owned(*account)?;
                if *leverage > 0 { Ok(()) } else { Err(DefinitionRefusal::OutOfRange) }
            }
            Definition::PositionMode { account, .. } | Definition::SelfTrade { account, .. } => self.owned(*account),
            Definition::Budget(settings) => {
                self.asset(settings.currency).ok_or(DefinitionRefusal::AssetNotDefined { asset: settings.currency })?;
                check_scope(settings.scope)
            }
            Definition::Conduct(settings) => check_scope(settings.scope),
            Definition::Restricted { scope, instrument, .. } => {
                dense(instrument.0)?;
                check_scope(*scope)
            }
            Definition::Retention { done_for } if done_for.0 <= 0 => Err(DefinitionRefusal::RetentionTooShort { asked: *done_for }),
            Definition::Epoch { .. } | Definition::Retention { .. } => Ok(()),
        }
    }

    fn known(&self, instrument: InstrumentId) -> Result<(), DefinitionRefusal> {
        self.instrument(instrument).map(|_| ()).ok_or(DefinitionRefusal::InstrumentNotDefined { instrument })
    }

    fn owned(&self, account: AccountId) -> Result<(), DefinitionRefusal> {
        self.account(account).map(|_| ()).ok_or(DefinitionRefusal::OwnerNotDefined { book: BookId::UNASSIGNED })
    }

    pub(crate) fn define(&mut self, definition: &Definition) -> Result<(), DefinitionRefusal> {
        self.check(definition)?;
        match definition {
            Definition::Asset(asset) => *grown(&mut self.assets, asset.id.index()) = Some(asset.clone()),
            Definition::Instrument(terms) => {
                let instrument = self.instrument_of(terms)?;
                // Said again, it keeps the filters it has got since.
                grown(&mut self.instruments, terms.id.index()).get_or_insert(instrument);
            }
            Definition::Filters(filters) => {
                let slot = grown(&mut self.instruments, filters.instrument.index());
                *slot = slot.take().map(|instrument| instrument.with_filters(*filters));
            }
            Definition::Margin(schedule) => *grown(&mut self.margins, schedule.instrument.index()) = Some(schedule.clone()),
            Definition::Leverage { account, instrument, leverage } => *self.leverages.at(account.index(), instrument.index()) = *leverage,
            Definition::SelfTrade { account, prevention } => *grown(&mut self.self_trade, account.index()) = *prevention,
            Definition::Account(account) => *grown(&mut self.accounts, account.id.index()) = Some(account.clone()),
            Definition::Book { book, name } => *grown(&mut self.books, book.index()) = Some(name.clone()),
            Definition::Limits(_)
            | Definition::Deposit { .. }
            | Definition::Epoch { .. }
            | Definition::PositionMode { .. }
            | Definition::Budget(_)
            | Definition::Retention { .. }
            | Definition::Conduct(_)
            | Definition::Restricted { .. } => {}
        }
        Ok(())
    }

    fn instrument_of(&self, terms: &InstrumentTerms) -> Result<Instrument, DefinitionRefusal> {
        let asset = |id: AssetId| self.asset(id).ok_or(DefinitionRefusal::AssetNotDefined { asset: id });
        asset(terms.settle)?;
        Instrument::new(terms.clone(), asset(terms.base)?, asset(terms.quote)?).map_err(|_| DefinitionRefusal::Arithmetic)
    }

    pub(crate) fn digest(&self, digest: &mut StateDigest) {
        digest.unsigned(self.assets.iter().flatten().count() as u64);
        for asset in self.assets.iter().flatten() {
            digest.unsigned(u64::from(asset.id.0)).bytes(asset.symbol.as_bytes()).unsigned(u64::from(asset.scale));
        }
        digest.unsigned(self.instruments().count() as u64);
        for instrument in self.instruments() {
            let t = instrument.terms();
            digest.unsigned(u64::from(t.id.0)).unsigned(u64::from(t.venue.0)).bytes(t.symbol.as_bytes());
            digest_kind(digest, t.kind);
            digest.unsigned(u64::from(t.base.0)).unsigned(u64::from(t.quote.0)).unsigned(u64::from(t.settle.0));
            for step in [t.tick, t.lot, t.multiplier] {
                digest.signed(step.mantissa).unsigned(u64::from(step.scale));
            }
            digest.signed(t.min_qty.0).signed(t.max_qty.0).wide(t.min_notional.0);
        }
        digest.unsigned(self.accounts.iter().flatten().count() as u64);
        for account in self.accounts.iter().flatten() {
            digest.unsigned(u64::from(account.id.0)).unsigned(u64::from(account.venue.0));
            digest.bytes(account.name.as_bytes()).unsigned(account.mode as u64);
        }
        digest.unsigned(self.books.iter().flatten().count() as u64);
        for (index, name) in self.books.iter().enumerate() {
            if let Some(name) = name {
                digest.unsigned(index as u64).bytes(name.as_bytes());
            }
        }
        self.digest_venue_rules(digest);
    }

    /// Rules that venues changed or set later. Where there are none, the digest is what it was before there could be any.
    fn digest_venue_rules(&self, digest: &mut StateDigest) {
        for instrument in self.instruments() {
            let (f, t) = (instrument.filters(), instrument.terms());
            let is_as_defined =
                (f.price_step.0, f.qty_step.0, f.min_qty, f.max_qty, f.min_notional) == (1, 1, t.min_qty, t.max_qty, t.min_notional);
            if !is_as_defined {
                digest.bytes(b"filters").unsigned(u64::from(t.id.0)).signed(f.price_step.0).signed(f.qty_step.0);
                digest.signed(f.min_qty.0).signed(f.max_qty.0).wide(f.min_notional.0);
            }
        }
        for schedule in self.margins.iter().flatten() {
            digest.bytes(b"margin").unsigned(u64::from(schedule.instrument.0)).unsigned(schedule.tiers.len() as u64);
            for tier in &schedule.tiers {
                digest.wide(tier.from.0).signed(tier.maintenance.0).wide(tier.deduction.0).unsigned(u64::from(tier.max_leverage));
            }
        }
        for (account, instrument, leverage) in self.leverages.cells() {
            digest.bytes(b"leverage").unsigned(account as u64).unsigned(instrument as u64).unsigned(u64::from(leverage));
        }
        for (account, prevention) in self.self_trade.iter().enumerate().filter(|(_, mode)| **mode != SelfTradePrevention::Allow) {
            digest.bytes(b"self-trade").unsigned(account as u64).unsigned(*prevention as u64);
        }
    }
}

/// A schedule of this many tiers fits one journal record.
const MOST_TIERS: usize = 24;

/// The first tier starts at zero, each later one higher; rates and deductions are not negative, and some leverage is allowed.
fn check_tiers(tiers: &[MarginTier]) -> Result<(), DefinitionRefusal> {
    let starts_at_zero = tiers.first().is_some_and(|tier| tier.from == Amount::ZERO);
    let rises = tiers.windows(2).all(|pair| pair[0].from < pair[1].from);
    let is_sound = |tier: &MarginTier| tier.maintenance.0 >= 0 && tier.deduction.0 >= 0 && tier.max_leverage > 0;
    if starts_at_zero && rises && tiers.len() <= MOST_TIERS && tiers.iter().all(is_sound) {
        Ok(())
    } else {
        Err(DefinitionRefusal::OutOfRange)
    }
}

fn digest_kind(digest: &mut StateDigest, kind: InstrumentKind) {
    match kind {
        InstrumentKind::Spot => digest.unsigned(0),
        InstrumentKind::LinearPerpetual => digest.unsigned(1),
        InstrumentKind::InversePerpetual => digest.unsigned(2),
        InstrumentKind::LinearFuture { expiry } => digest.unsigned(3).signed(expiry.0),
        InstrumentKind::InverseFuture { expiry } => digest.unsigned(4).signed(expiry.0),
    };
}

/// Whether an id fits a dense table.
pub(crate) const fn dense(id: u32) -> Result<(), DefinitionRefusal> {
    if id > LARGEST_DENSE_ID { Err(DefinitionRefusal::NotDense { id, largest: LARGEST_DENSE_ID }) } else { Ok(()) }
}

pub(crate) const fn check_scope(scope: LimitScope) -> Result<(), DefinitionRefusal> {
    match scope {
        LimitScope::Firm => Ok(()),
        LimitScope::Venue(id) => dense(id.0),
        LimitScope::Account(id) => dense(id.0),
        LimitScope::Book(id) => dense(id.0),
    }
}

fn unchanged<T: PartialEq + ?Sized>(existing: Option<&T>, asked: &T) -> Result<(), DefinitionRefusal> {
    if existing.is_some_and(|known| known != asked) { Err(DefinitionRefusal::AlreadyDefined) } else { Ok(()) }
}
