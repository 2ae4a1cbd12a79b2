//! What a venue's own books say about its accounts: wallets, positions, margin, marks.
//!
//! A [`Clearing`] sees a request before the matching engine does and refuses what the account cannot pay for; it books what was
//! matched, values positions at marks, posts funding, settles what expires, and names who must be closed. It holds no book and
//! sends nothing: [`ClearedExchange`](crate::ClearedExchange) puts it in front of an exchange.
//!
//! **Funds.** Each asset is a pool of its own. In a cross account, free = wallet + open profit and loss − initial margin of
//! positions and orders; in an isolated one, free = wallet − margin set aside − initial margin of orders. Orders on one instrument
//! count by the larger of the two sides they could bring the position to, and by what they would lose at once against the mark
//! (Binance's "open loss"). Initial margin is value / leverage, where leverage is the chosen one or the tier's largest. A spot
//! order ties up what it gives, with the taker fee where that is taken in quote; nothing is lent. A request that leaves less than
//! nothing free is refused, unless it leaves no less than before.
//!
//! **Reduce-only.** Such orders (and closing orders of a hedge leg) together never exceed the position: a new one is cut to what
//! is left to reduce, or refused where nothing is.
//!
//! Deliberately absent: portfolio margin, collateral in other assets, borrowing, liquidation in steps.

mod booking;
mod charging;
mod holding;
mod margin;
mod settling;

pub use holding::{Holding, Traded};
pub(crate) use settling::Part;
pub use settling::PositionKey;

use crate::fees::{FeeAsset, FeeSchedule, Tariff};
use holding::{absolute_value, cost};
use std::collections::{BTreeMap, VecDeque};
use tradewind_types::{
    Account, AccountId, Amount, AssetId, Exposure, Instrument, InstrumentId, MarginMode, MarginSchedule, MoneyError, Nanos, OrderId,
    OrderTerms, PositionMode, Price, Qty, Rate, RejectReason, Rounding, Side, Timestamp, Transfer,
};

/// How a venue closes a position that no longer meets its maintenance margin. Open orders of the pool are cancelled first; then
/// whole positions go, the one with the largest maintenance margin first, until the rest is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liquidation {
    /// The venue takes the position over at the price at which nothing of the margin is left.
    AtBankruptcy,
    /// The position is closed by market orders. The account bears what they bring, and a loss beyond its margin.
    AgainstBook {
        /// Charged on the value closed, in place of a trading fee (Binance: liquidation clearance fee).
        clearance_fee: Rate,
    },
}

/// At what price a dated contract is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryPrice {
    /// The last mark.
    LastMark,
    /// Mean of the index over this long before expiry, by time, to the nearest tick (Binance: an hour; Bybit: half an hour).
    AverageIndex {
        /// How long.
        window: Nanos,
    },
}

/// What a venue does in ways that others do otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClearingRules {
    /// How positions without margin are closed.
    pub liquidation: Liquidation,
    /// At what price dated contracts are settled.
    pub delivery: DeliveryPrice,
    /// Charged on the value delivered.
    pub delivery_fee: Rate,
}

/// The grid a venue's cash figures are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CashRounding {
    /// Units of the value asset; at least 1.
    pub step: Amount,
    /// Which way a figure between two steps goes.
    pub rounding: Rounding,
}

impl CashRounding {
    pub(crate) fn round(self, amount: Amount) -> Result<Amount, MoneyError> {
        let step = self.step.0.max(1);
        self.rounding.divide(amount.0, step)?.checked_mul(step).map(Amount).ok_or(MoneyError::Overflow {
            operation: "round to cash step",
            left: amount.0,
            right: step,
        })
    }
}

/// One instrument in a venue's books.
#[derive(Clone, Debug)]
pub struct Cleared {
    /// What.
    pub instrument: Instrument,
    /// Margin by position value; without one, maintenance is zero and any leverage goes.
    pub schedule: Option<MarginSchedule>,
    /// What a spot buy ties up besides its value.
    pub fees: FeeSchedule,
    /// Where the venue rounds cash figures more coarsely than the asset's unit: fills then state their cash.
    pub cash: Option<CashRounding>,
}

/// Which position of an account in an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leg {
    /// The only one of a one-way account.
    Net,
    /// The long one of a hedge-mode account.
    Long,
    /// The short one of a hedge-mode account.
    Short,
}

impl Leg {
    const fn of(exposure: Exposure) -> Self {
        match exposure {
            Exposure::Any | Exposure::ReduceOnly => Leg::Net,
            Exposure::LongLeg => Leg::Long,
            Exposure::ShortLeg => Leg::Short,
        }
    }

    pub(crate) const fn exposure(self) -> Exposure {
        match self {
            Leg::Net => Exposure::Any,
            Leg::Long => Exposure::LongLeg,
            Leg::Short => Exposure::ShortLeg,
        }
    }
}

/// Whether an order may only reduce.
const fn is_reducing(terms: &OrderTerms) -> bool {
    matches!((terms.exposure, terms.side), (Exposure::ReduceOnly, _) | (Exposure::LongLeg, Side::Sell) | (Exposure::ShortLeg, Side::Buy))
}

#[derive(Clone, Debug)]
struct Listed {
    cleared: Cleared,
    /// Mark; until there is one, the last trade, quote or bar.
    price: Option<Price>,
    is_marked: bool,
    /// Rate and time of the next funding.
    funding: Option<(Rate, Timestamp)>,
    /// The one after that, where it was announced before the next was charged.
    announced: Option<(Rate, Timestamp)>,
    funded: Timestamp,
    /// Index over the delivery window, by time; dated contracts only.
    index: VecDeque<(Timestamp, Price)>,
    is_over: bool,
}

#[derive(Clone, Debug)]
struct Member {
    account: Account,
    positions: PositionMode,
    wallets: BTreeMap<AssetId, Amount>,
    leverage: BTreeMap<InstrumentId, u32>,
    holdings: BTreeMap<(InstrumentId, Leg), Holding>,
    /// Traded by day of UTC, in the tariff's asset.
    volumes: BTreeMap<i64, Amount>,
}

impl Member {
    fn wallet(&self, asset: AssetId) -> Amount {
        self.wallets.get(&asset).copied().unwrap_or_default()
    }

    fn holding(&self, instrument: InstrumentId, leg: Leg) -> Holding {
        self.holdings.get(&(instrument, leg)).copied().unwrap_or_default()
    }

    fn leverage(&self, instrument: InstrumentId) -> u32 {
        self.leverage.get(&instrument).copied().unwrap_or(1)
    }

    fn post(&mut self, asset: AssetId, amount: Amount) -> Result<(), MoneyError> {
        let wallet = self.wallets.entry(asset).or_default();
        *wallet = wallet.plus(amount)?;
        Ok(())
    }
}

/// An order at the venue.
#[derive(Clone, Copy, Debug)]
struct Open {
    terms: OrderTerms,
    /// What it is valued at.
    price: Price,
    left: i64,
    filled: i64,
    /// Counts up: the younger is cut first.
    arrival: u64,
}

/// The books of one venue; see the module.
#[derive(Clone, Debug)]
pub struct Clearing {
    rules: ClearingRules,
    /// Fees by account, in place of those that the matching engine charged.
    tariff: Option<Tariff>,
    /// By instrument id.
    listed: Vec<Option<Listed>>,
    members: BTreeMap<AccountId, Member>,
    orders: BTreeMap<OrderId, Open>,
    arrivals: u64,
    trades: u128,
    /// Of the next funding or expiry.
    deadline: Option<Timestamp>,
}

impl Clearing {
    /// Empty books of a venue with these instruments.
    #[must_use]
    pub fn new(rules: ClearingRules, instruments: Vec<Cleared>) -> Self {
        let mut listed: Vec<Option<Listed>> = Vec::new();
        for cleared in instruments {
            let index = cleared.instrument.id().index();
            listed.resize_with(listed.len().max(index + 1), || None);
            let (funding, announced, funded) = (None, None, Timestamp(i64::MIN));
            listed[index] =
                Some(Listed { cleared, price: None, is_marked: false, funding, announced, funded, index: VecDeque::new(), is_over: false });
        }
        let mut clearing =
            Self { rules, tariff: None, listed, members: BTreeMap::new(), orders: BTreeMap::new(), arrivals: 0, trades: 0, deadline: None };
        clearing.find_deadline();
        clearing
    }

    /// The same books under a tariff: fills are charged by it, whatever the matching engine says.
    #[must_use]
    pub fn with_tariff(self, tariff: Tariff) -> Self {
        Self { tariff: Some(tariff), ..self }
    }

    /// Opens an account. One that is open already keeps its money and positions.
    pub fn open_account(&mut self, account: Account, positions: PositionMode) {
        self.members.entry(account.id).or_insert_with(|| Member {
            account,
            positions,
            wallets: BTreeMap::new(),
            leverage: BTreeMap::new(),
            holdings: BTreeMap::new(),
            volumes: BTreeMap::new(),
        });
    }

    /// Chooses an account's leverage on an instrument, for what is opened from now on; at least 1.
    pub fn set_leverage(&mut self, account: AccountId, instrument: InstrumentId, leverage: u32) {
        if let Some(member) = self.members.get_mut(&account) {
            member.leverage.insert(instrument, leverage.max(1));
        }
    }

    /// Chooses whether an account nets its trades in derivatives or keeps two legs; whether it could: it is flat in both legs and
    /// has no order on a derivative (Binance -4067 and -4068, Bybit 110024 and 110028 otherwise).
    pub fn set_position_mode(&mut self, account: AccountId, positions: PositionMode) -> bool {
        let is_derivative = |open: &Open| self.listed(open.terms.instrument).is_some_and(|l| !l.cleared.instrument.terms().kind.is_spot());
        let has_orders = self.orders.values().any(|open| open.terms.account == account && is_derivative(open));
        match self.members.get_mut(&account) {
            Some(member) if !has_orders && member.holdings.is_empty() => {
                member.positions = positions;
                true
            }
            _ => false,
        }
    }

    /// Money from outside into an account; out of it when negative. Nothing happens to an account that is not open.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn deposit(&mut self, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), MoneyError> {
        self.members.get_mut(&account).map_or(Ok(()), |member| member.post(asset, amount))
    }

    /// Takes a transfer's money out of the account it leaves.
    ///
    /// # Errors
    /// [`RejectReason::InsufficientFunds`], and nothing is taken: more than is free, or an account that is not open.
    pub fn withdraw(&mut self, transfer: &Transfer) -> Result<(), RejectReason> {
        let free = self.free(transfer.from, transfer.asset).map_err(|_| RejectReason::InsufficientFunds)?;
        if transfer.amount.0 <= 0 || free < transfer.amount {
            return Err(RejectReason::InsufficientFunds);
        }
        let member = self.members.get_mut(&transfer.from).ok_or(RejectReason::InsufficientFunds)?;
        member.post(transfer.asset, transfer.amount.negated()).map_err(|_| RejectReason::InsufficientFunds)
    }

    /// What an account has of an asset: deposits, profits, fees and funding, without open profit.
    #[must_use]
    pub fn wallet(&self, account: AccountId, asset: AssetId) -> Amount {
        self.members.get(&account).map(|member| member.wallet(asset)).unwrap_or_default()
    }

    /// A position.
    #[must_use]
    pub fn holding(&self, account: AccountId, instrument: InstrumentId, leg: Leg) -> Holding {
        self.members.get(&account).map(|member| member.holding(instrument, leg)).unwrap_or_default()
    }

    /// What an account has free of an asset, with all its positions and orders; zero for an account that is not open.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn free(&self, account: AccountId, asset: AssetId) -> Result<Amount, MoneyError> {
        self.members.get(&account).map_or(Ok(Amount::ZERO), |member| self.free_with(member, asset, None, None))
    }

    /// What positions are valued at: the mark, or the last price where there are no marks.
    #[must_use]
    pub fn price(&self, instrument: InstrumentId) -> Option<Price> {
        self.listed(instrument)?.price
    }

    /// Judges a new order and says how much of it may be matched. A market order is valued at `reference`, where the book shows at
    /// what price it would end, else at the mark.
    ///
    /// # Errors
    /// [`RejectReason`]; nothing is held for the order then.
    pub fn admit(&mut self, order: OrderId, terms: &OrderTerms, reference: Option<Price>) -> Result<Qty, RejectReason> {
        let Some(listed) = self.listed(terms.instrument).filter(|_| terms.qty.0 > 0) else { return Ok(terms.qty) };
        let member = self.members.get(&terms.account).ok_or(RejectReason::InsufficientFunds)?;
        if listed.is_over {
            return Err(RejectReason::NoMarket);
        }
        let is_spot = listed.cleared.instrument.terms().kind.is_spot();
        let names_leg = matches!(terms.exposure, Exposure::LongLeg | Exposure::ShortLeg);
        let in_legs = !is_spot && member.positions == PositionMode::Hedge;
        if names_leg != in_legs {
            return Err(RejectReason::WrongPositionMode);
        }
        let waits_at = terms.kind.trigger().map(|trigger| trigger.price);
        let price = terms.kind.price().or(waits_at).or(reference).or(listed.price).ok_or(RejectReason::NoMarket)?;
        let mut open = Open { terms: *terms, price, left: terms.qty.0, filled: 0, arrival: self.arrivals + 1 };
        if !is_spot && is_reducing(terms) {
            open.left = open.left.min(self.reducible(member, &open));
            if open.left <= 0 {
                return Err(RejectReason::WouldIncrease);
            }
        } else {
            let is_offered = is_spot || member.account.mode != MarginMode::Spot;
            if !is_offered || !self.affords(member, &open, None).map_err(|_| RejectReason::InvalidFilter)? {
                return Err(RejectReason::InsufficientFunds);
            }
        }
        self.arrivals += 1;
        self.orders.insert(order, open);
        Ok(Qty(open.left))
    }

    /// Judges an amend.
    ///
    /// # Errors
    /// [`RejectReason::InsufficientFunds`]; [`RejectReason::WouldIncrease`].
    pub fn admit_amend(&self, order: OrderId, price: Price, qty: Qty) -> Result<(), RejectReason> {
        let Some((open, member)) = self.orders.get(&order).and_then(|open| Some((open, self.members.get(&open.terms.account)?))) else {
            return Ok(());
        };
        let left = qty.0.saturating_sub(open.filled);
        let amended = Open { price, left, ..*open };
        if is_reducing(&open.terms) {
            let is_within = left <= open.left || left <= self.reducible(member, &amended);
            return if is_within { Ok(()) } else { Err(RejectReason::WouldIncrease) };
        }
        match self.affords(member, &amended, Some(order)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(RejectReason::InsufficientFunds),
            Err(_) => Err(RejectReason::InvalidFilter),
        }
    }

    /// Whether an order is at the venue.
    #[must_use]
    pub fn is_open(&self, order: OrderId) -> bool {
        self.orders.contains_key(&order)
    }

    /// Whose order it is and on what, while it is at the venue.
    pub(crate) fn owner(&self, order: OrderId) -> Option<(AccountId, InstrumentId)> {
        self.orders.get(&order).map(|open| (open.terms.account, open.terms.instrument))
    }

    /// When funding is due or something expires next.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    fn listed(&self, instrument: InstrumentId) -> Option<&Listed> {
        self.listed.get(instrument.index())?.as_ref()
    }

    fn all_listed(&self) -> impl Iterator<Item = &Listed> {
        self.listed.iter().flatten()
    }

    /// Lots that may still be put up to reduce the position that `open` is meant for, beside the older orders that do.
    fn reducible(&self, member: &Member, open: &Open) -> i64 {
        let OrderTerms { instrument, account, side, exposure, .. } = open.terms;
        let lots = member.holding(instrument, Leg::of(exposure)).lots;
        if lots.signum() != -side.sign() {
            return 0;
        }
        let same = |other: &&Open| {
            let to = &other.terms;
            is_reducing(to)
                && (to.account, to.instrument, to.side, Leg::of(to.exposure)) == (account, instrument, side, Leg::of(exposure))
                && other.arrival < open.arrival
                && to.kind.trigger().is_none()
        };
        lots.saturating_abs().saturating_sub(self.orders.values().filter(same).map(|other| other.left).sum())
    }

    /// Whether there is enough for `open`, in place of the order `without`; or it leaves no less free than before.
    fn affords(&self, member: &Member, open: &Open, without: Option<OrderId>) -> Result<bool, MoneyError> {
        let Some(listed) = self.listed(open.terms.instrument) else { return Ok(true) };
        let instrument = &listed.cleared.instrument;
        let gives_base = instrument.terms().kind.is_spot() && open.terms.side == Side::Sell;
        let asset = if gives_base { instrument.terms().base } else { instrument.value_asset() };
        let after = self.free_with(member, asset, Some(open), without)?;
        Ok(after.0 >= 0 || after >= self.free_with(member, asset, None, None)?)
    }

    /// Free of an asset, with one order more and one less.
    fn free_with(&self, member: &Member, asset: AssetId, more: Option<&Open>, without: Option<OrderId>) -> Result<Amount, MoneyError> {
        let mut free = member.wallet(asset);
        for listed in self.all_listed() {
            let instrument = &listed.cleared.instrument;
            let terms = instrument.terms();
            let is_concerned = instrument.value_asset() == asset || (terms.kind.is_spot() && terms.base == asset);
            if !is_concerned {
                continue;
            }
            let is_theirs = |open: &&Open| open.terms.account == member.account.id && open.terms.instrument == terms.id;
            let kept = self.orders.iter().filter(|(order, _)| Some(**order) != without).map(|(_, open)| open);
            let orders = kept.chain(more).filter(is_theirs);
            free = if terms.kind.is_spot() {
                free.minus(spot_held(&listed.cleared, asset, orders)?)?
            } else {
                let (margin, profit) = derivative_held(listed, member, orders)?;
                free.minus(margin)?.plus(profit)?
            };
        }
        Ok(free)
    }
}

/// What spot orders tie up of an asset.
fn spot_held<'a>(cleared: &Cleared, asset: AssetId, orders: impl Iterator<Item = &'a Open>) -> Result<Amount, MoneyError> {
    let mut held = Amount::ZERO;
    for open in orders {
        let given = match open.terms.side {
            Side::Buy if asset == cleared.instrument.value_asset() => {
                let value = cleared.instrument.value(open.price, open.left, Rounding::Ceil)?;
                let fee = match cleared.fees.asset {
                    FeeAsset::Settle => value.at_rate(cleared.fees.taker.max(Rate(0)), Rounding::Ceil)?,
                    _ => Amount::ZERO,
                };
                value.plus(fee)?
            }
            Side::Sell if asset == cleared.instrument.terms().base => cleared.instrument.base_amount(open.left)?,
            _ => Amount::ZERO,
        };
        held = held.plus(given)?;
    }
    Ok(held)
}

/// Margin tied up on one derivative, and the open profit that counts as collateral.
fn derivative_held<'a>(listed: &Listed, member: &Member, orders: impl Iterator<Item = &'a Open>) -> Result<(Amount, Amount), MoneyError> {
    let Cleared { instrument, schedule, .. } = &listed.cleared;
    let (mut buys, mut sells) = (Opening::default(), Opening::default());
    for open in orders.filter(|open| !is_reducing(&open.terms)) {
        let side = if open.terms.side == Side::Buy { &mut buys } else { &mut sells };
        side.value = side.value.plus(absolute_value(instrument, open.price, open.left)?)?;
        let signed = open.terms.side.sign().saturating_mul(open.left);
        let mark = listed.price.unwrap_or(open.price);
        let gain = cost(instrument, mark, signed)?.minus(cost(instrument, open.price, signed)?)?;
        side.loss = side.loss.plus(Amount((-gain.0).max(0)))?;
    }
    let (mut margin, mut profit, mut signed, mut gross) = (Amount::ZERO, Amount::ZERO, 0i128, 0i128);
    for leg in [Leg::Net, Leg::Long, Leg::Short] {
        let holding = member.holding(instrument.id(), leg);
        let value = listed.value(&holding)?;
        signed += value.0 * i128::from(holding.lots.signum());
        gross += value.0;
        margin = margin.plus(holding.margin)?;
        profit = profit.plus(listed.unrealised(&holding)?)?;
    }
    let (exposure, loss) = match member.positions {
        PositionMode::Hedge => (gross + buys.value.0 + sells.value.0, buys.loss.plus(sells.loss)?),
        PositionMode::OneWay => {
            let (up, down) = ((signed + buys.value.0).abs(), (signed - sells.value.0).abs());
            match (up.max(down) > gross, up >= down) {
                (false, _) => (gross, Amount::ZERO),
                (true, true) => (up, buys.loss),
                (true, false) => (down, sells.loss),
            }
        }
    };
    let leverage = member.leverage(instrument.id());
    let initial = margin::initial(schedule.as_ref(), Amount(exposure), leverage)?.plus(loss)?;
    if member.account.mode == MarginMode::Isolated {
        let of_position = margin::initial(schedule.as_ref(), Amount(gross), leverage)?;
        return Ok((margin.plus(initial.minus(of_position)?.max(Amount::ZERO))?, Amount::ZERO));
    }
    Ok((initial, profit))
}

/// Opening orders on one side.
#[derive(Default)]
struct Opening {
    value: Amount,
    /// What they would lose at once against the mark.
    loss: Amount,
}
