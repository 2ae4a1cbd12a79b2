//! The node's figures, read off its state.

use super::houses::House;
use super::{Core, REPORT_EVERY};
use crate::config::VenueName;
use crate::health::{AccountHealth, Health, LinkHealth, VenueHealth};
use crate::keeping::Keeping;
use tradewind_types::{Account, AccountId, Amount, Asset, Control, Decimal, LimitScope, OrderState, VenueReport};
use tradewind_venues::LinkState;

impl<K: Keeping> Core<K> {
    pub(super) fn status(&self) -> Health {
        let state = self.engine.state();
        Health {
            is_trading: self.is_trading(),
            fault: self.fault.clone().unwrap_or_default(),
            inputs: self.seq,
            orders_sent: self.counts.orders_sent,
            orders_live: state.live_orders().count(),
            orders_unknown: state.live_orders().filter(|o| matches!(o.state, OrderState::Unknown { .. })).count(),
            fills: self.counts.fills,
            refusals: self.counts.refusals.clone(),
            rejects: self.counts.rejects.clone(),
            venues: self.houses.iter().map(|house| self.venue_status(house)).collect(),
            accounts: state.registry().accounts().map(|account| self.account_status(account)).collect(),
        }
    }

    fn venue_status(&self, house: &House) -> VenueHealth {
        let figures = &house.figures;
        let link = |(id, name, _, link_state)| LinkHealth {
            name,
            is_up: link_state == LinkState::Up,
            losses: figures.losses.get(&id).copied().unwrap_or_default(),
        };
        VenueHealth {
            venue: house.gateway.venue(),
            phase: house.phase.word(),
            why_not: house.why_not.clone(),
            links: house.gateway.link_states().map(link).collect(),
            market_messages: figures.market_messages,
            private_messages: figures.private_messages,
            market_age: figures.last_market.map(|at| self.now.since(at)),
            gaps: figures.gaps,
            unread: figures.unread,
            clock_offset: house.gateway.clock_offset(),
            feed_latency: figures.feed_latency,
            answer_latency: figures.answer_latency,
            rate_limits: house.gateway.rate_usage().collect(),
            unanswered: house.gateway.unanswered(),
        }
    }

    /// What a scope is called.
    pub(super) fn scope_text(&self, scope: LimitScope) -> String {
        match scope {
            LimitScope::Firm => "firm".to_owned(),
            LimitScope::Venue(venue) => format!("venue {}", VenueName::of(venue).map_or("unknown", VenueName::as_str)),
            LimitScope::Account(account) => format!("account {}", self.account_name(account)),
            LimitScope::Book(book) => format!("book {}", self.engine.state().registry().book(book).unwrap_or("unknown")),
        }
    }

    pub(super) fn account_name(&self, account: AccountId) -> String {
        self.engine.state().registry().account(account).map_or_else(|| account.to_string(), |known| known.name.clone())
    }

    /// Journals how the venues were.
    pub(super) fn report_venues(&mut self) {
        self.report_at = self.now.plus(REPORT_EVERY);
        let report = |house: &House| VenueReport {
            venue: house.venue,
            is_trading: house.is_trading(),
            links_up: house.gateway.link_states().map(|(.., state)| u32::from(state == LinkState::Up)).sum(),
            links_lost: house.figures.losses.values().sum(),
            market_messages: house.figures.market_messages,
            market_age: house.figures.last_market.map(|at| self.now.since(at)),
            gaps: house.figures.gaps,
            unread: house.figures.unread,
            rejects: house.figures.rejects,
            clock_offset: house.gateway.clock_offset(),
            feed_latency: house.figures.feed_latency,
            answer_latency: house.figures.answer_latency,
        };
        let reports: Vec<VenueReport> = self.houses.iter().map(report).collect();
        reports.into_iter().for_each(|report| self.control(Control::VenueReport(Box::new(report))));
    }

    fn account_status(&self, account: &Account) -> AccountHealth {
        let state = self.engine.state();
        let house = self.houses.iter().find(|house| house.accounts.values().any(|id| *id == account.id));
        let balance = |asset: Asset| {
            let amount = state.balance(account.id, asset.id);
            (amount != Amount::ZERO).then(|| (asset.symbol, amount_text(amount, asset.scale)))
        };
        let position = |instrument: &tradewind_types::Instrument| {
            let lots = state.position(account.id, instrument.id()).lots;
            let lot = instrument.terms().lot;
            let qty = lots.checked_mul(lot.mantissa).map(|mantissa| Decimal { mantissa, scale: lot.scale });
            (lots != 0).then(|| (instrument.terms().symbol.clone(), qty.map(|q| q.to_string()).unwrap_or_default()))
        };
        AccountHealth {
            account: account.name.clone(),
            is_trading: house.is_some_and(House::is_trading),
            balances: self.assets().into_iter().filter_map(balance).collect(),
            positions: state.registry().instruments().filter_map(position).collect(),
        }
    }
}

/// An amount as decimal text.
#[must_use]
pub fn amount_text(amount: Amount, scale: u8) -> String {
    let unit = 10u128.pow(u32::from(scale));
    let (sign, value) = (if amount.0 < 0 { "-" } else { "" }, amount.0.unsigned_abs());
    let text = format!("{sign}{}.{:0width$}", value / unit, value % unit, width = usize::from(scale));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
