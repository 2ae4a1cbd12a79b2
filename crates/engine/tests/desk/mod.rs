//! A trading desk for tests: three instruments, two accounts, three books; every event is followed by the engine's invariants,
//! and a replica that only applies outcomes must agree to the byte.
#![allow(dead_code, reason = "each test file uses its own part")]

use tradewind_engine::{Engine, Step};
use tradewind_types::{
    Account, AccountId, AlgoId, AlgoSpec, Amount, Asset, AssetId, Author, BookId, Control, Decimal, Definition, Exposure, FeeCharge, Fill,
    Input, InstrumentId, InstrumentKind, InstrumentTerms, Intent, LimitScope, LimitSettings, Liquidity, MarginMode, MarketEvent,
    OperatorCommand, OrderId, OrderKind, OrderState, OrderTerms, Outcome, Price, Qty, Quote, RejectReason, Side, Stamp, TimeInForce,
    Timestamp, TradeId, VenueId, VenueOrderId, VenueReply,
};

pub const USDT: AssetId = AssetId(0);
pub const BTC: AssetId = AssetId(1);
pub const BNB: AssetId = AssetId(2);
/// Tick 0.01, lot 0.00001: one tick times one lot is 10 units of USDT (scale 8); a lot is 1000 units of BTC (scale 8).
pub const SPOT: InstrumentId = InstrumentId(0);
/// Tick 0.1, lot 0.001: one tick times one lot is 10 000 units of USDT.
pub const PERPETUAL: InstrumentId = InstrumentId(1);
/// Contracts of 100 USD, tick 0.1; settles in BTC: value = contracts × 10^11 / ticks units.
pub const INVERSE: InstrumentId = InstrumentId(2);
pub const SPOT_ACCOUNT: AccountId = AccountId(0);
pub const MARGIN_ACCOUNT: AccountId = AccountId(1);
pub const UNASSIGNED: BookId = BookId::UNASSIGNED;
pub const ALPHA: BookId = BookId(1);
pub const BETA: BookId = BookId(2);
/// A million dollars.
pub const DEPOSIT: Amount = Amount(100_000_000_000_000);
/// Ten coins.
pub const BTC_DEPOSIT: Amount = Amount(1_000_000_000);
pub const START: Timestamp = Timestamp(1_700_000_000_000_000_000);

pub struct Desk {
    pub engine: Engine,
    pub replica: Engine,
    pub step: Step,
    pub now: Timestamp,
    /// Every outcome since the first definition.
    pub log: Vec<Outcome>,
    trades: u128,
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn asset(id: AssetId, symbol: &str) -> Definition {
    Definition::Asset(Asset { id, symbol: symbol.into(), scale: 8 })
}

pub fn terms_of(id: InstrumentId) -> InstrumentTerms {
    let (venue, kind, settle, tick, lot, multiplier) = match id {
        SPOT => (VenueId(0), InstrumentKind::Spot, USDT, "0.01", "0.00001", "1"),
        PERPETUAL => (VenueId(1), InstrumentKind::LinearPerpetual, USDT, "0.1", "0.001", "1"),
        _ => (VenueId(1), InstrumentKind::InversePerpetual, BTC, "0.1", "1", "100"),
    };
    InstrumentTerms {
        id,
        venue,
        symbol: format!("instrument {id}"),
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

pub fn definitions() -> Vec<Definition> {
    definitions_in(MarginMode::Cross)
}

/// The derivatives' account in another margin mode.
pub fn definitions_in(mode: MarginMode) -> Vec<Definition> {
    let account = |id, venue, mode| Definition::Account(Account { id, venue: VenueId(venue), name: format!("account {id}"), mode });
    let deposit = |account, book, asset, amount| Definition::Deposit { account, book, asset, amount };
    vec![
        asset(USDT, "USDT"),
        asset(BTC, "BTC"),
        asset(BNB, "BNB"),
        Definition::Instrument(terms_of(SPOT)),
        Definition::Instrument(terms_of(PERPETUAL)),
        Definition::Instrument(terms_of(INVERSE)),
        account(SPOT_ACCOUNT, 0, MarginMode::Spot),
        account(MARGIN_ACCOUNT, 1, mode),
        Definition::Book { book: ALPHA, name: "alpha".into() },
        Definition::Book { book: BETA, name: "beta".into() },
        Definition::Epoch { node: 7, epoch: 1 },
        deposit(SPOT_ACCOUNT, ALPHA, USDT, DEPOSIT),
        deposit(MARGIN_ACCOUNT, ALPHA, USDT, DEPOSIT),
        deposit(MARGIN_ACCOUNT, BETA, BTC, BTC_DEPOSIT),
    ]
}

pub fn limit(instrument: InstrumentId, book: BookId, side: Side, price: i64, qty: i64) -> OrderTerms {
    let account = if instrument == SPOT { SPOT_ACCOUNT } else { MARGIN_ACCOUNT };
    OrderTerms {
        instrument,
        account,
        book,
        side,
        kind: OrderKind::Limit { price: Price(price) },
        time_in_force: TimeInForce::GoodTillCancelled,
        qty: Qty(qty),
        exposure: Exposure::Any,
    }
}

pub fn market(instrument: InstrumentId, book: BookId, side: Side, qty: i64) -> OrderTerms {
    OrderTerms { kind: OrderKind::Market, time_in_force: TimeInForce::ImmediateOrCancel, ..limit(instrument, book, side, 1, qty) }
}

pub fn decision(intent: Intent) -> Control {
    Control::Decision { author: Author::Operator, model: 1, valid_until: Timestamp::MAX, intent }
}

pub fn fee(asset: AssetId, amount: i128) -> FeeCharge {
    FeeCharge { asset, amount: Amount(amount) }
}

impl Desk {
    pub fn open() -> Self {
        Self::open_in(MarginMode::Cross)
    }

    pub fn open_in(mode: MarginMode) -> Self {
        let mut desk = Self { engine: Engine::new(), replica: Engine::new(), step: Step::new(), now: START, trades: 0, log: Vec::new() };
        for definition in definitions_in(mode) {
            let outcomes = desk.control(Control::Define(definition.clone()));
            assert_eq!(outcomes, [Outcome::Defined(definition)]);
        }
        for instrument in [SPOT, PERPETUAL, INVERSE] {
            desk.quote(instrument, 99_999, 100_001);
        }
        desk
    }

    /// One input, then everything that must hold after every event.
    pub fn input(&mut self, input: &Input<'_>) -> Vec<Outcome> {
        self.engine.step(input, &mut self.step);
        assert_eq!(self.step.fault, None);
        for outcome in &self.step.outcomes {
            self.replica.apply(outcome).unwrap();
        }
        self.log.extend_from_slice(&self.step.outcomes);
        self.check();
        self.step.outcomes.clone()
    }

    pub fn check(&self) {
        let state = self.engine.state();
        assert!(state.ledger().is_balanced(), "every asset sums to zero");
        assert!(state.books_match_accounts(), "books add up to accounts");
        assert_eq!(self.engine.state_hash(), self.replica.state_hash(), "applying outcomes gives the same state");
        for instrument in [SPOT, PERPETUAL, INVERSE] {
            self.check_standing(instrument);
        }
    }

    /// The standings are the sums over live orders, worked out afresh.
    fn check_standing(&self, instrument: InstrumentId) {
        let state = self.engine.state();
        let sum = |side| {
            let orders = state.orders().filter(|o| o.is_live() && o.terms.instrument == instrument && o.terms.side == side);
            orders.map(|o| o.ceiling.qty().0.max(o.filled.0) - o.filled.0).sum::<i64>()
        };
        let firm = state.firm_standing(instrument);
        assert_eq!((firm.buys, firm.sells), (sum(Side::Buy), sum(Side::Sell)));
        let accounts = [SPOT_ACCOUNT, MARGIN_ACCOUNT].map(|account| state.account_standing(account, instrument));
        let books = [UNASSIGNED, ALPHA, BETA].map(|book| state.book_standing(book, instrument));
        for standings in [&accounts[..], &books[..]] {
            assert_eq!(standings.iter().map(|s| s.position).sum::<i64>(), firm.position);
            assert_eq!(standings.iter().map(|s| s.buys).sum::<i64>(), firm.buys);
            assert_eq!(standings.iter().map(|s| s.sells).sum::<i64>(), firm.sells);
        }
    }

    pub fn control(&mut self, control: Control) -> Vec<Outcome> {
        let at = self.now;
        self.input(&Input::Control { at, control: &control })
    }

    pub fn reply(&mut self, reply: VenueReply) -> Vec<Outcome> {
        self.control(Control::Reply(reply))
    }

    pub fn event(&mut self, event: MarketEvent<'_>) -> Vec<Outcome> {
        let stamp = Stamp { ts_venue: self.now, ts_local: self.now };
        self.input(&Input::Market { stamp, event })
    }

    pub fn quote(&mut self, instrument: InstrumentId, bid: i64, ask: i64) {
        let quote = Quote { instrument, bid: Price(bid), bid_qty: Qty(1), ask: Price(ask), ask_qty: Qty(1) };
        assert_eq!(self.event(MarketEvent::Quote(quote)), []);
    }

    pub fn define_limits(&mut self, settings: LimitSettings) {
        self.control(Control::Define(Definition::Limits(settings)));
    }

    /// Places an order that must pass.
    pub fn place(&mut self, terms: OrderTerms) -> OrderId {
        match self.control(decision(Intent::Place(terms)))[..] {
            [Outcome::OrderSent { order, .. }] => order,
            ref other => panic!("not sent: {other:?}"),
        }
    }

    pub fn intend(&mut self, intent: Intent) -> Vec<Outcome> {
        self.control(decision(intent))
    }

    pub fn accept(&mut self, order: OrderId) -> Vec<Outcome> {
        self.reply(VenueReply::Accepted { order, venue_order: VenueOrderId(u128::from(order.counter)) })
    }

    /// An order that the venue has acknowledged.
    pub fn open_order(&mut self, terms: OrderTerms) -> OrderId {
        let order = self.place(terms);
        self.accept(order);
        order
    }

    pub fn fill_of(&mut self, order: OrderId, price: i64, qty: i64, fee: FeeCharge) -> Fill {
        self.trades += 1;
        Fill {
            order,
            trade: TradeId(self.trades),
            price: Price(price),
            qty: Qty(qty),
            liquidity: Liquidity::Taker,
            fee,
            stated_cash: None,
            ts_venue: self.now,
        }
    }

    pub fn fill(&mut self, order: OrderId, price: i64, qty: i64) -> Vec<Outcome> {
        let fill = self.fill_of(order, price, qty, fee(USDT, 0));
        self.reply(VenueReply::Filled(fill))
    }

    pub fn reject(&mut self, order: OrderId, reason: RejectReason) -> Vec<Outcome> {
        self.reply(VenueReply::Rejected { order, reason })
    }

    pub fn start(&mut self, algo: u32, spec: AlgoSpec) -> Vec<Outcome> {
        let control = Control::StartAlgo { algo: AlgoId(algo), author: Author::Operator, model: 1, valid_until: Timestamp::MAX, spec };
        self.control(control)
    }

    pub fn halt(&mut self, scope: LimitScope) -> Vec<Outcome> {
        self.control(Control::Operator(OperatorCommand::Halt { scope }))
    }

    pub fn resume(&mut self, scope: LimitScope) -> Vec<Outcome> {
        self.control(Control::Operator(OperatorCommand::Resume { scope }))
    }

    /// Lets the next timer come at its time.
    pub fn fire(&mut self) -> Vec<Outcome> {
        let (due, timer) = self.engine.next_timer().expect("a timer is pending");
        self.now = self.now.max(due);
        self.control(Control::Timer(timer))
    }

    pub fn state(&self, order: OrderId) -> OrderState {
        self.engine.state().order(order).unwrap().state
    }

    pub fn filled(&self, order: OrderId) -> i64 {
        self.engine.state().order(order).unwrap().filled.0
    }

    pub fn balance(&self, account: AccountId, asset: AssetId) -> i128 {
        self.engine.state().balance(account, asset).0
    }
}
