//! What exists: assets, instruments, accounts, books. Built from definitions; what is defined does not change.

use crate::grid::grown;
use serde::{Deserialize, Serialize};
use tradewind_types::{
    Account, AccountId, Asset, AssetId, BookId, Definition, DefinitionRefusal, Instrument, InstrumentId, InstrumentTerms, LimitScope,
    StateDigest,
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
}

impl Default for Registry {
    fn default() -> Self {
        Self { assets: Vec::new(), instruments: Vec::new(), accounts: Vec::new(), books: vec![Some("unassigned".to_owned())] }
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
            Definition::Retention { done_for } if done_for.0 <= 0 => Err(DefinitionRefusal::RetentionTooShort { asked: *done_for }),
            Definition::Epoch { .. } | Definition::Retention { .. } => Ok(()),
        }
    }

    pub(crate) fn define(&mut self, definition: &Definition) -> Result<(), DefinitionRefusal> {
        self.check(definition)?;
        match definition {
            Definition::Asset(asset) => *grown(&mut self.assets, asset.id.index()) = Some(asset.clone()),
            Definition::Instrument(terms) => {
                let instrument = self.instrument_of(terms)?;
                *grown(&mut self.instruments, terms.id.index()) = Some(instrument);
            }
            Definition::Account(account) => *grown(&mut self.accounts, account.id.index()) = Some(account.clone()),
            Definition::Book { book, name } => *grown(&mut self.books, book.index()) = Some(name.clone()),
            Definition::Limits(_) | Definition::Deposit { .. } | Definition::Epoch { .. } | Definition::Retention { .. } => {}
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
            digest.unsigned(u64::from(t.id.0)).unsigned(u64::from(t.venue.0)).bytes(t.symbol.as_bytes()).unsigned(t.kind as u64);
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
    }
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
