//! What exists in a storm: three instruments on two venues, three accounts, four books; and what a lot is worth, worked out
//! by hand, so that nothing is compared with itself.

use tradewind_book::SequenceRule;
use tradewind_engine::Engine;
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, BookId, Decimal, Definition, InstrumentId, InstrumentKind, InstrumentTerms, LimitScope,
    MarginMode, Qty, Side, VenueId,
};

pub const USDT: AssetId = AssetId(0);
pub const BTC: AssetId = AssetId(1);
pub const BNB: AssetId = AssetId(2);
pub const ASSETS: [AssetId; 3] = [USDT, BTC, BNB];

/// Tick 0.01, lot 0.00001: a tick times a lot is 10 units of USDT, a lot is 1000 units of BTC.
pub const SPOT: InstrumentId = InstrumentId(0);
/// Tick 0.1, lot 0.001: a tick times a lot is 10 000 units of USDT.
pub const LINEAR: InstrumentId = InstrumentId(1);
/// Contracts of 100 USD, tick 0.1, settles in BTC: n contracts at t ticks are worth n × 10^11 / t units.
pub const INVERSE: InstrumentId = InstrumentId(2);
pub const INSTRUMENTS: [InstrumentId; 3] = [SPOT, LINEAR, INVERSE];

pub const WALLET: AccountId = AccountId(0);
pub const MARGIN: AccountId = AccountId(1);
pub const SUB_ACCOUNT: AccountId = AccountId(2);
pub const ACCOUNTS: [AccountId; 3] = [WALLET, MARGIN, SUB_ACCOUNT];
pub const BOOKS: [BookId; 4] = [BookId(0), BookId(1), BookId(2), BookId(3)];

pub const START: i64 = 1_700_000_000_000_000_000;
/// Where every market begins, in ticks.
pub const FIRST_MID: i64 = 100_000;
/// A venue refuses a request that reaches it later than this after it was sent.
pub const RECEIVE_WINDOW: i64 = 20_000_000;

pub const fn venue_of(instrument: InstrumentId) -> VenueId {
    if instrument.0 == SPOT.0 { VenueId(0) } else { VenueId(1) }
}

/// The scopes an order falls under, as the storm sees it.
pub fn covers(scope: LimitScope, instrument: InstrumentId, account: AccountId, book: BookId) -> bool {
    match scope {
        LimitScope::Firm => true,
        LimitScope::Venue(venue) => venue == venue_of(instrument),
        LimitScope::Account(id) => id == account,
        LimitScope::Book(id) => id == book,
    }
}

pub fn terms_of(id: InstrumentId) -> InstrumentTerms {
    let (kind, settle, symbol, [tick, lot, multiplier]) = match id {
        SPOT => (InstrumentKind::Spot, USDT, "BTCUSDT", ["0.01", "0.00001", "1"]),
        LINEAR => (InstrumentKind::LinearPerpetual, USDT, "BTCUSDT-PERP", ["0.1", "0.001", "1"]),
        _ => (InstrumentKind::InversePerpetual, BTC, "BTCUSD-PERP", ["0.1", "1", "100"]),
    };
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    InstrumentTerms {
        id,
        venue: venue_of(id),
        symbol: symbol.into(),
        kind,
        base: BTC,
        quote: USDT,
        settle,
        tick: decimal(tick),
        lot: decimal(lot),
        multiplier: decimal(multiplier),
        min_qty: Qty(1),
        max_qty: Qty(1_000_000),
        min_notional: Amount(0),
    }
}

/// Everything but epoch, limits and money.
pub fn definitions() -> Vec<Definition> {
    let asset = |id, symbol: &str| Definition::Asset(Asset { id, symbol: symbol.into(), scale: 8 });
    let account = |id, venue, name: &str, mode| Definition::Account(Account { id, venue: VenueId(venue), name: name.into(), mode });
    let book = |id, name: &str| Definition::Book { book: BookId(id), name: name.into() };
    vec![
        asset(USDT, "USDT"),
        asset(BTC, "BTC"),
        asset(BNB, "BNB"),
        Definition::Instrument(terms_of(SPOT)),
        Definition::Instrument(terms_of(LINEAR)),
        Definition::Instrument(terms_of(INVERSE)),
        account(WALLET, 0, "wallet", MarginMode::Spot),
        account(MARGIN, 1, "margin", MarginMode::Cross),
        account(SUB_ACCOUNT, 1, "sub-account", MarginMode::Isolated),
        book(1, "alpha"),
        book(2, "beta"),
        book(3, "gamma"),
    ]
}

/// The wiring that a driver says again after every start.
pub fn wire_books(engine: &mut Engine) {
    engine.watch_book(LINEAR, SequenceRule::BinanceSpot);
}

/// Asset in which fills of an instrument are valued.
pub const fn value_asset(instrument: InstrumentId) -> AssetId {
    if instrument.0 == INVERSE.0 { BTC } else { USDT }
}

/// Value of a fill in units of its value asset: exact, or truncated where division leaves a rest.
pub fn exact_value(instrument: InstrumentId, price: i64, qty: i64) -> i128 {
    let (price, qty) = (i128::from(price), i128::from(qty));
    match instrument {
        SPOT => price * qty * 10,
        LINEAR => price * qty * 10_000,
        _ => qty * 100_000_000_000 / price,
    }
}

/// What a fill of this value moves in its value asset: money out for a buy, turned for the inverse contract.
pub fn flow(instrument: InstrumentId, side: Side, value: i128) -> i128 {
    let sign = if instrument == INVERSE { 1 } else { -1 };
    sign * i128::from(side.sign()) * value
}

pub fn name_of(instrument: InstrumentId) -> &'static str {
    match instrument {
        SPOT => "spot",
        LINEAR => "linear",
        INVERSE => "inverse",
        _ => "undefined instrument",
    }
}

pub fn name_of_book(book: BookId) -> &'static str {
    ["unassigned", "alpha", "beta", "gamma"].get(book.index()).copied().unwrap_or("undefined book")
}
