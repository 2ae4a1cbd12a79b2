//! Ledgers worked by hand from what venues publish: their example payloads and the examples in their help pages. Every figure is
//! equal to the last unit, and what a venue rounds differently stands in the rounding account.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tradewind_engine::{Engine, LedgerAccount, Step};
use tradewind_types::{
    Account, AccountEvent, AccountId, AccountRefusal, AccountTrade, Amount, Asset, AssetId, Author, BookId, Control, Decimal, Definition,
    DefinitionRefusal, Exposure, FeeCharge, Fill, FundingPayment, Input, InstrumentId, InstrumentKind, InstrumentTerms, Intent, Liquidity,
    MarginMode, MarketEvent, OrderKind, OrderTerms, Outcome, PositionMode, Price, Qty, Quote, Rate, Rounding, Side, Stamp, TimeInForce,
    Timestamp, TradeCause, TradeId, Transfer, TransferId, VenueId, VenueReply,
};

const USDT: AssetId = AssetId(0);
const COIN: AssetId = AssetId(1);
const BNB: AssetId = AssetId(2);
const TRADED: InstrumentId = InstrumentId(0);
const ACCOUNT: AccountId = AccountId(0);
const OTHER: AccountId = AccountId(1);
const VENUE: VenueId = VenueId(0);
const BOOK: BookId = BookId(1);
const SECOND: BookId = BookId(2);
const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

/// One account, one instrument, and a replica that only applies outcomes. All assets have eight digits.
struct Statement {
    engine: Engine,
    replica: Engine,
    now: Timestamp,
    trades: u128,
    tick: Decimal,
    lot: Decimal,
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Units of an asset, from the venue's text.
fn units(text: &str) -> i128 {
    decimal(text).at_scale(8, Rounding::Floor).unwrap()
}

impl Statement {
    fn of(kind: InstrumentKind, tick: &str, lot: &str, multiplier: &str) -> Self {
        let mode = if kind.is_spot() { MarginMode::Spot } else { MarginMode::Cross };
        let (tick, lot) = (decimal(tick), decimal(lot));
        let mut statement = Self { engine: Engine::new(), replica: Engine::new(), now: NOW, trades: 0, tick, lot };
        let asset = |id, symbol: &str| Definition::Asset(Asset { id, symbol: symbol.into(), scale: 8 });
        let account = |id, name: &str| Definition::Account(Account { id, venue: VENUE, name: name.into(), mode });
        let terms = InstrumentTerms {
            id: TRADED,
            venue: VENUE,
            symbol: "traded".into(),
            kind,
            base: COIN,
            quote: USDT,
            settle: if kind.is_inverse() { COIN } else { USDT },
            tick,
            lot,
            multiplier: decimal(multiplier),
            min_qty: Qty(1),
            max_qty: Qty(i64::MAX),
            min_notional: Amount::ZERO,
        };
        for definition in [
            Definition::Epoch { node: 1, epoch: 1 },
            asset(USDT, "USDT"),
            asset(COIN, "COIN"),
            asset(BNB, "BNB"),
            Definition::Instrument(terms),
            account(ACCOUNT, "main"),
            account(OTHER, "second"),
            Definition::Book { book: BOOK, name: "first".into() },
            Definition::Book { book: SECOND, name: "second".into() },
        ] {
            statement.define(definition);
        }
        statement
    }

    fn define(&mut self, definition: Definition) {
        let outcomes = self.control(Control::Define(definition.clone()));
        assert_eq!(outcomes, [Outcome::Defined(definition)]);
    }

    fn deposit(&mut self, asset: AssetId, amount: &str) {
        self.define(Definition::Deposit { account: ACCOUNT, book: BOOK, asset, amount: Amount(units(amount)) });
    }

    fn control(&mut self, control: Control) -> Vec<Outcome> {
        self.input(&Input::Control { at: self.now, control: &control })
    }

    fn input(&mut self, input: &Input<'_>) -> Vec<Outcome> {
        let mut step = Step::new();
        self.engine.step(input, &mut step);
        assert_eq!(step.fault, None);
        step.outcomes.iter().for_each(|outcome| self.replica.apply(outcome).unwrap());
        let state = self.engine.state();
        assert!(state.ledger().is_balanced() && state.books_match_accounts());
        assert_eq!(self.engine.state_hash(), self.replica.state_hash());
        step.outcomes
    }

    fn price(&self, text: &str) -> Price {
        decimal(text).in_steps_of(self.tick).map(Price).unwrap()
    }

    fn qty(&self, text: &str) -> Qty {
        decimal(text).in_steps_of(self.lot).map(Qty).unwrap()
    }

    fn terms(&self, book: BookId, side: Side, price: &str, qty: &str, exposure: Exposure) -> OrderTerms {
        let kind = OrderKind::Limit { price: self.price(price) };
        let (qty, time_in_force) = (self.qty(qty), TimeInForce::GoodTillCancelled);
        OrderTerms { instrument: TRADED, account: ACCOUNT, book, side, kind, time_in_force, qty, exposure }
    }

    /// An order that fills at its price, with the fee and the cash figure that the venue states.
    fn trade(&mut self, book: BookId, side: Side, price: &str, qty: &str, exposure: Exposure, fee: (AssetId, &str), stated: Option<&str>) {
        let quote =
            Quote { instrument: TRADED, bid: self.price(price), bid_qty: Qty(1), ask: Price(self.price(price).0 + 1), ask_qty: Qty(1) };
        self.input(&Input::Market { stamp: Stamp { ts_venue: self.now, ts_local: self.now }, event: MarketEvent::Quote(quote) });
        let terms = self.terms(book, side, price, qty, exposure);
        let intent = Intent::Place(terms);
        let decision = Control::Decision { author: Author::Operator, model: 0, valid_until: Timestamp::MAX, intent };
        let [Outcome::OrderSent { order, .. }] = self.control(decision)[..] else { panic!("not sent") };
        self.trades += 1;
        let fill = Fill {
            order,
            trade: TradeId(self.trades),
            price: self.price(price),
            qty: terms.qty,
            liquidity: Liquidity::Taker,
            fee: FeeCharge { asset: fee.0, amount: Amount(units(fee.1)) },
            stated_cash: stated.map(|text| Amount(units(text))),
            ts_venue: self.now,
        };
        assert!(matches!(self.control(Control::Reply(VenueReply::Filled(fill)))[..], [Outcome::Filled { .. }]));
    }

    /// A trade of the venue's own making.
    fn forced(&self, cause: TradeCause, side: Side, price: &str, qty: &str, leg: Exposure, fee: (AssetId, &str)) -> AccountTrade {
        AccountTrade {
            account: ACCOUNT,
            instrument: TRADED,
            side,
            trade: TradeId(1_122_334_455),
            price: self.price(price),
            qty: self.qty(qty),
            fee: FeeCharge { asset: fee.0, amount: Amount(units(fee.1)) },
            stated_cash: None,
            cause,
            leg,
            ts_venue: self.now,
        }
    }

    fn funding(&self, mark: &str, rate: i64, amount: &str) -> FundingPayment {
        let (mark, amount) = (self.price(mark), Amount(units(amount)));
        FundingPayment { account: ACCOUNT, instrument: TRADED, rate: Rate(rate), mark, amount, ts_venue: self.now }
    }

    fn event(&mut self, event: AccountEvent) -> Vec<Outcome> {
        self.control(Control::Account(event))
    }

    #[track_caller]
    fn holds(&self, account: LedgerAccount, asset: AssetId, amount: &str) {
        assert_eq!(self.engine.state().ledger().balance(account, asset).0, units(amount), "{account:?} in asset {asset}");
    }

    #[track_caller]
    fn wallet(&self, asset: AssetId, amount: &str) {
        self.holds(LedgerAccount::Balance(ACCOUNT), asset, amount);
    }
}

const NO_FEE: (AssetId, &str) = (USDT, "0");

/// Binance COIN-M account trade 2024-02-09 (ETHUSD, contracts of 10 USD): SELL 1 @ 2498.15, baseQty 0.00400296, realizedPnl
/// 0.00012517 ETH, commission 0.00000160 ETH. The long was opened at 2422.40: 10 / 2422.40 = 0.00412813.
#[test]
fn an_inverse_perpetual_settles_in_the_coin() {
    let mut s = Statement::of(InstrumentKind::InversePerpetual, "0.01", "1", "10");
    s.deposit(COIN, "1");
    s.trade(BOOK, Side::Buy, "2422.40", "1", Exposure::Any, (COIN, "0.00000165"), None);
    s.wallet(COIN, "0.99999835");
    s.trade(BOOK, Side::Sell, "2498.15", "1", Exposure::Any, (COIN, "0.00000160"), Some("0.00400296"));
    // 1 - 0.00000165 + 0.00012517 - 0.00000160
    s.wallet(COIN, "1.00012192");
    s.holds(LedgerAccount::Fees(VENUE), COIN, "0.00000325");
    s.holds(LedgerAccount::Venue(VENUE), COIN, "-0.00012517");
    s.holds(LedgerAccount::Rounding(VENUE), COIN, "0");
    assert_eq!(s.engine.state().position(ACCOUNT, TRADED).realised.0, units("0.00012517"));
}

/// Bybit help centre, "Profit & Loss calculations (Inverse Contracts)": long 1,000 at 5,000 and 2,000 at 6,000 is a contract value
/// of 0.53333334 BTC, an average entry of 5,625: the venue rounds the second leg up (0.33333334), and its figure is the entry.
/// Closed at 5,500: 3,000 × (1/5,625 − 1/5,500) = −0.01212121, where the venue rounds 0.545454545… up and we would not: one unit.
#[test]
fn an_entry_is_the_venues_own_and_its_rounding_of_cash_is_shown() {
    let mut s = Statement::of(InstrumentKind::InversePerpetual, "0.5", "1", "1");
    s.deposit(COIN, "1");
    s.trade(BOOK, Side::Buy, "5000", "1000", Exposure::Any, NO_FEE, Some("0.2"));
    s.trade(BOOK, Side::Buy, "6000", "2000", Exposure::Any, NO_FEE, Some("0.33333334"));
    // Inverse entries are turned: a long holds the coin value it was opened at as a negative cost.
    assert_eq!(s.engine.state().position(ACCOUNT, TRADED).entry.0, -units("0.53333334"));
    s.trade(BOOK, Side::Sell, "5500", "3000", Exposure::Any, NO_FEE, Some("0.54545455"));
    s.wallet(COIN, "0.98787879");
    s.holds(LedgerAccount::Venue(VENUE), COIN, "0.01212120");
    s.holds(LedgerAccount::Rounding(VENUE), COIN, "0.00000001");
}

/// Binance spot order response (2021): BUY MARKET 0.00050000 BTC @ 58941.63, commission 0.00007050 BNB.
#[test]
fn a_fee_in_a_third_asset_leaves_base_and_quote_whole() {
    let mut s = Statement::of(InstrumentKind::Spot, "0.01", "0.00001", "1");
    s.deposit(USDT, "100");
    s.deposit(BNB, "0.01");
    s.trade(BOOK, Side::Buy, "58941.63", "0.00050000", Exposure::Any, (BNB, "0.00007050"), None);
    s.wallet(COIN, "0.0005");
    s.wallet(USDT, "70.529185");
    s.wallet(BNB, "0.00992950");
    s.holds(LedgerAccount::Fees(VENUE), BNB, "0.00007050");
    s.holds(LedgerAccount::Rounding(VENUE), USDT, "0");
}

/// The same purchase with the usual 0.1 % taken from the coins bought, as a Binance account without BNB is charged: 0.0000005 BTC,
/// which leaves a fraction of a lot.
#[test]
fn a_fee_in_the_base_asset_is_taken_from_what_was_bought() {
    let mut s = Statement::of(InstrumentKind::Spot, "0.01", "0.00001", "1");
    s.deposit(USDT, "100");
    s.trade(BOOK, Side::Buy, "58941.63", "0.00050000", Exposure::Any, (COIN, "0.0000005"), None);
    s.wallet(COIN, "0.0004995");
    s.wallet(USDT, "70.529185");
    s.holds(LedgerAccount::Venue(VENUE), COIN, "-0.0005");
    s.holds(LedgerAccount::Fees(VENUE), COIN, "0.0000005");
    assert_eq!(s.engine.state().book_balance(BOOK, COIN).0, units("0.0004995"));
}

/// Binance USD-M account trade 82357629: BUY 0.005 @ 2779, quoteQty 13.895, realizedPnl −0.00325, commission 0.00555800 USDT. The
/// short was opened at 2778.35.
#[test]
fn a_linear_perpetual_settles_in_quote() {
    let mut s = Statement::of(InstrumentKind::LinearPerpetual, "0.01", "0.001", "1");
    s.deposit(USDT, "10");
    s.trade(BOOK, Side::Sell, "2778.35", "0.005", Exposure::Any, (USDT, "0.00555670"), None);
    s.trade(BOOK, Side::Buy, "2779", "0.005", Exposure::Any, (USDT, "0.00555800"), Some("13.895"));
    // 10 - 0.0055567 - 0.00325 - 0.005558
    s.wallet(USDT, "9.9856353");
    s.holds(LedgerAccount::Rounding(VENUE), USDT, "0");
}

/// Bybit execution of type Funding (XMRUSDT, 2024-03-20): 0.98 at 137.11 is worth 134.3678; the printed rate of −0.000761 gives
/// 0.1022538958, and the venue posted 0.10232512, because it computes with more digits of the rate than it prints.
#[test]
fn funding_is_posted_as_the_venue_states_it() {
    let mut s = Statement::of(InstrumentKind::LinearPerpetual, "0.01", "0.01", "1");
    s.deposit(USDT, "1000");
    s.trade(BOOK, Side::Buy, "137.11", "0.98", Exposure::Any, NO_FEE, None);
    let payment = s.funding("137.11", -76_100, "0.10232512");
    assert!(matches!(s.event(AccountEvent::Funding(payment))[..], [Outcome::Funded { .. }]));
    s.wallet(USDT, "1000.10232512");
    s.holds(LedgerAccount::Funding(VENUE), USDT, "-0.10225390");
    s.holds(LedgerAccount::Rounding(VENUE), USDT, "-0.00007122");
    assert_eq!(s.engine.state().book_balance(BOOK, USDT).0, units("1000.10232512"));
    // The same payment again, as a reconnect may bring it.
    let again = AccountEvent::Funding(payment);
    assert_eq!(s.event(again), [Outcome::AccountEventRefused { event: again, reason: AccountRefusal::Repeated, at: NOW }]);
}

/// Two books on one account share its funding by their lots; what does not divide goes to the unassigned book.
#[test]
fn funding_is_shared_by_lots() {
    let mut s = Statement::of(InstrumentKind::LinearPerpetual, "1", "1", "1");
    s.deposit(USDT, "1000");
    s.trade(BOOK, Side::Buy, "100", "2", Exposure::Any, NO_FEE, None);
    s.trade(SECOND, Side::Buy, "100", "1", Exposure::Any, NO_FEE, None);
    // 300 × 0.01 % = 0.03, paid by longs; the venue rounds to 0.03000001.
    let payment = s.funding("100", 10_000, "-0.03000001");
    s.event(AccountEvent::Funding(payment));
    let book = |id| s.engine.state().book_balance(id, USDT).0;
    assert_eq!([book(BOOK) - units("1000"), book(SECOND), book(BookId::UNASSIGNED)], [-2_000_000, -1_000_000, -1]);
    s.holds(LedgerAccount::Funding(VENUE), USDT, "0.03");
    s.holds(LedgerAccount::Rounding(VENUE), USDT, "0.00000001");
}

/// Binance ORDER_TRADE_UPDATE of a liquidation (`autoclose-…`, x = CALCULATED, ps = LONG): SELL 0.100 @ 50000, rp −100.00, n 5.00 USDT.
/// The long leg was opened at 51000. The book still has its lots: the liquidation is the unassigned book's, and they sum to nothing.
#[test]
fn a_liquidation_closes_the_leg_and_belongs_to_nobody() {
    let mut s = Statement::of(InstrumentKind::LinearPerpetual, "0.01", "0.001", "1");
    s.deposit(USDT, "200");
    s.define(Definition::PositionMode { account: ACCOUNT, mode: PositionMode::Hedge });
    s.trade(BOOK, Side::Buy, "51000", "0.100", Exposure::LongLeg, (USDT, "2.04"), None);
    s.trade(BOOK, Side::Sell, "51000", "0.050", Exposure::ShortLeg, (USDT, "1.02"), None);
    let trade = s.forced(TradeCause::Liquidation, Side::Sell, "50000", "0.100", Exposure::LongLeg, (USDT, "5"));
    assert!(matches!(s.event(AccountEvent::Traded(trade))[..], [Outcome::AccountTraded { .. }]));
    // 200 - 2.04 - 1.02 - 100 - 5
    s.wallet(USDT, "91.94");
    let state = s.engine.state();
    assert_eq!(state.leg(ACCOUNT, TRADED, Exposure::LongLeg).lots, 0);
    assert_eq!(state.leg(ACCOUNT, TRADED, Exposure::LongLeg).realised.0, units("-100"));
    assert_eq!(state.leg(ACCOUNT, TRADED, Exposure::ShortLeg).lots, -50);
    assert_eq!(state.position(ACCOUNT, TRADED).lots, -50, "net of both legs");
    assert_eq!([state.book_position(BOOK, TRADED).lots, state.book_position(BookId::UNASSIGNED, TRADED).lots], [50, -100]);
    s.holds(LedgerAccount::Rounding(VENUE), USDT, "0");
    let refused = s.control(Control::Define(Definition::PositionMode { account: ACCOUNT, mode: PositionMode::OneWay }));
    assert!(matches!(refused[..], [Outcome::DefinitionRefused { reason: DefinitionRefusal::HoldsPositions { account: ACCOUNT }, .. }]));
}

/// A mode that changed under a live order, or under two legs that net to nothing, would lose them.
#[test]
fn a_position_mode_changes_only_while_the_account_is_flat() {
    let mut s = Statement::of(InstrumentKind::LinearPerpetual, "0.01", "0.001", "1");
    s.deposit(USDT, "20000");
    let mode = |mode| Definition::PositionMode { account: ACCOUNT, mode };
    let is_refused = |s: &mut Statement, definition| {
        let outcomes = s.control(Control::Define(definition));
        matches!(outcomes[..], [Outcome::DefinitionRefused { reason: DefinitionRefusal::HoldsPositions { account: ACCOUNT }, .. }])
    };
    let intent = Intent::Place(s.terms(BOOK, Side::Buy, "50000", "0.050", Exposure::Any));
    let decision = Control::Decision { author: Author::Operator, model: 0, valid_until: Timestamp::MAX, intent };
    let [Outcome::OrderSent { order, .. }] = s.control(decision)[..] else { panic!("not sent") };
    assert!(is_refused(&mut s, mode(PositionMode::Hedge)), "an order is live");
    s.control(Control::Reply(VenueReply::Cancelled { order }));
    s.define(mode(PositionMode::Hedge));
    s.trade(BOOK, Side::Buy, "50000", "0.050", Exposure::LongLeg, NO_FEE, None);
    s.trade(BOOK, Side::Sell, "50000", "0.050", Exposure::ShortLeg, NO_FEE, None);
    assert_eq!(s.engine.state().position(ACCOUNT, TRADED).lots, 0);
    assert!(is_refused(&mut s, mode(PositionMode::OneWay)), "two legs are open");
    s.trade(BOOK, Side::Sell, "50000", "0.050", Exposure::LongLeg, NO_FEE, None);
    s.trade(BOOK, Side::Buy, "50000", "0.050", Exposure::ShortLeg, NO_FEE, None);
    s.define(mode(PositionMode::OneWay));
}

/// Binance ORDER_TRADE_UPDATE of a delivery (`delivery_autoclose-…`, BTCUSD_240329, contracts of 100 USD): SELL 1 @ 70000, rp 0.
#[test]
fn a_dated_contract_is_delivered_in_the_coin() {
    let expiry = Timestamp(1_711_699_200_000_000_000);
    let mut s = Statement::of(InstrumentKind::InverseFuture { expiry }, "0.1", "1", "100");
    s.deposit(COIN, "1");
    s.trade(BOOK, Side::Buy, "70000", "1", Exposure::Any, (COIN, "0.00000057"), None);
    s.now = expiry;
    let trade = s.forced(TradeCause::Delivery, Side::Sell, "70000", "1", Exposure::Any, (COIN, "0.00000021"));
    s.event(AccountEvent::Traded(trade));
    // 0.04 % to open and the delivery fee of 0.015 %, both of 0.00142857.
    s.wallet(COIN, "0.99999922");
    assert_eq!(s.engine.state().position(ACCOUNT, TRADED).lots, 0);
    s.holds(LedgerAccount::Venue(VENUE), COIN, "0");
    let again = s.event(AccountEvent::Traded(trade));
    assert!(matches!(again[..], [Outcome::AccountEventRefused { reason: AccountRefusal::Repeated, .. }]));
}

/// Money on its way between two accounts is in neither, and still the book's; the network keeps its fee.
#[test]
fn a_transfer_is_in_neither_account_on_its_way() {
    let mut s = Statement::of(InstrumentKind::Spot, "0.01", "0.00001", "1");
    s.deposit(USDT, "100");
    let amount = |text| Amount(units(text));
    let transfer = |id, amount, fee| Transfer { transfer: TransferId(id), from: ACCOUNT, to: OTHER, book: BOOK, asset: USDT, amount, fee };
    let sent = transfer(1, amount("40"), amount("1"));
    assert_eq!(s.control(Control::Transfer(sent)), [Outcome::TransferSent { transfer: sent, at: NOW }]);
    s.wallet(USDT, "60");
    s.holds(LedgerAccount::InTransit, USDT, "39");
    s.holds(LedgerAccount::Fees(VENUE), USDT, "1");
    assert_eq!(s.engine.state().book_balance(BOOK, USDT).0, units("99"));
    let refused = |s: &mut Statement, transfer| match s.control(Control::Transfer(transfer))[..] {
        [Outcome::TransferRefused { reason, .. }] => reason,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mut s, sent), AccountRefusal::Repeated);
    assert_eq!(refused(&mut s, transfer(2, amount("5"), amount("5"))), AccountRefusal::Malformed);
    let free = amount("60");
    assert_eq!(
        refused(&mut s, transfer(3, amount("60.1"), amount("0"))),
        AccountRefusal::InsufficientBalance { asked: amount("60.1"), free }
    );
    let arrived = AccountEvent::TransferArrived { transfer: TransferId(1) };
    assert!(matches!(s.event(arrived)[..], [Outcome::TransferArrived { .. }]));
    s.holds(LedgerAccount::Balance(OTHER), USDT, "39");
    s.holds(LedgerAccount::InTransit, USDT, "0");
    // Money that was never sent has come: nobody knows whose it is, and everything stops.
    assert!(matches!(s.event(arrived)[..], [Outcome::AccountEventRefused { .. }, Outcome::Halted { .. }]));
}
