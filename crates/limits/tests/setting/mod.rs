//! One order's place in the world, for tests: an instrument, an account, limits, and what the engine would know.
#![allow(dead_code, reason = "each test file uses its own part")]

use tradewind_limits::{BookHealth, Limits, OrderContext, Reference, Route, Standing, Surroundings};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, BookId, Decimal, Exposure, Instrument, InstrumentId, InstrumentKind, InstrumentTerms,
    LimitScope, LimitSettings, MarginMode, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty, RefusalReason, Side, TimeInForce,
    Timestamp, VenueId,
};

pub const NOW: Timestamp = Timestamp(1_000_000_000_000);
pub const ROUTE: Route = Route { venue: VenueId(2), account: AccountId(3), book: BookId(4), instrument: InstrumentId(5) };
pub const SCOPES: [LimitScope; 4] =
    [LimitScope::Firm, LimitScope::Venue(VenueId(2)), LimitScope::Account(AccountId(3)), LimitScope::Book(BookId(4))];

pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// One tick is 0.01, one lot 0.001: one tick times one lot is 1 unit of quote (scale 5).
pub fn instrument(kind: InstrumentKind) -> Instrument {
    let base = Asset { id: AssetId(0), symbol: "BTC".into(), scale: 3 };
    let quote = Asset { id: AssetId(1), symbol: "USDT".into(), scale: 5 };
    let terms = InstrumentTerms {
        id: InstrumentId(5),
        venue: VenueId(2),
        symbol: "BTCUSDT".into(),
        kind,
        base: base.id,
        quote: quote.id,
        settle: quote.id,
        tick: decimal("0.01"),
        lot: decimal("0.001"),
        multiplier: decimal("1"),
        min_qty: Qty(2),
        max_qty: Qty(1_000),
        min_notional: Amount(500),
    };
    Instrument::new(terms, &base, &quote).unwrap()
}

pub struct Setting {
    pub instrument: Instrument,
    pub account: Account,
    pub limits: Limits,
    pub reference: Option<Reference>,
    pub health: BookHealth,
    pub standing: [Standing; 3],
    pub free: Amount,
    pub surroundings: Option<Surroundings<'static>>,
}

impl Setting {
    pub fn new(kind: InstrumentKind, mode: MarginMode) -> Self {
        Self {
            instrument: instrument(kind),
            account: Account { id: AccountId(3), venue: VenueId(2), name: "main".into(), mode },
            limits: Limits::new(),
            reference: Some(Reference { price: Price(100), at: NOW }),
            health: BookHealth::Valid,
            standing: [Standing::default(); 3],
            free: Amount(i128::MAX),
            surroundings: None,
        }
    }

    pub fn perpetual() -> Self {
        Self::new(InstrumentKind::LinearPerpetual, MarginMode::Cross)
    }

    pub fn spot() -> Self {
        Self::new(InstrumentKind::Spot, MarginMode::Spot)
    }

    pub fn limit(mut self, settings: LimitSettings) -> Self {
        self.limits.define(settings);
        self
    }

    pub fn context(&self) -> OrderContext<'_> {
        OrderContext {
            now: NOW,
            instrument: &self.instrument,
            account: &self.account,
            reference: self.reference,
            book_health: self.health,
            firm: self.standing[0],
            account_standing: self.standing[1],
            book: self.standing[2],
            free: self.free,
            surroundings: self.surroundings.as_ref(),
        }
    }

    pub fn place(&self, terms: OrderTerms) -> Result<Amount, RefusalReason> {
        let approval = self.limits.place(&self.context(), OrderId { node: 1, epoch: 1, counter: 1 }, &terms)?;
        let reserved = approval.reserved();
        assert!(matches!(approval.into_command().request(), OrderRequest::Place { terms: sent, .. } if *sent == terms));
        Ok(reserved)
    }
}

pub fn order(side: Side, kind: OrderKind, qty: i64) -> OrderTerms {
    OrderTerms {
        instrument: InstrumentId(5),
        account: AccountId(3),
        book: BookId(4),
        side,
        kind,
        time_in_force: TimeInForce::GoodTillCancelled,
        qty: Qty(qty),
        exposure: Exposure::Any,
    }
}

pub fn limit(side: Side, price: i64, qty: i64) -> OrderTerms {
    order(side, OrderKind::Limit { price: Price(price) }, qty)
}

pub fn market(side: Side, qty: i64) -> OrderTerms {
    order(side, OrderKind::Market, qty)
}

pub fn rule(scope: LimitScope) -> LimitSettings {
    LimitSettings::unlimited(scope)
}
