//! What time and prices do to positions: marks, funding, delivery, and who no longer meets the maintenance margin.

use super::booking::Booking;
use super::holding::absolute_value;
use super::{Clearing, DeliveryPrice, Holding, Leg, Liquidation, Listed, Member, margin};
use tradewind_types::{
    AccountEvent, AccountId, AccountTrade, Amount, AssetId, FeeCharge, FundingPayment, InstrumentId, MarginMode, Mark, MoneyError, OrderId,
    Price, Qty, Rate, Rounding, Side, Timestamp, TradeCause, TradeId,
};

/// Trades that no matching engine numbered count from here.
const FIRST_OWN_TRADE: u128 = 1 << 96;

/// A position in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PositionKey {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// Which.
    pub leg: Leg,
}

impl Clearing {
    /// A mark reaches the books.
    pub fn on_mark(&mut self, at: Timestamp, mark: &Mark) {
        let DeliveryPrice::AverageIndex { window } = self.rules.delivery else { return self.on_mark_within(at, mark, None) };
        self.on_mark_within(at, mark, Some(at.0.saturating_sub(window.0)));
    }

    fn on_mark_within(&mut self, at: Timestamp, mark: &Mark, since: Option<i64>) {
        let Some(listed) = self.listed.get_mut(mark.instrument.index()).and_then(Option::as_mut) else { return };
        (listed.price, listed.is_marked) = (Some(mark.mark), true);
        if mark.next_funding >= at && mark.next_funding > listed.funded && mark.next_funding.0 > 0 {
            let announced = Some((mark.funding_rate, mark.next_funding));
            // One that is due at this very moment is still to be charged, at this mark.
            match listed.funding {
                Some((_, due)) if due <= at && due < mark.next_funding => listed.announced = announced,
                _ => listed.funding = announced,
            }
        }
        if let (Some(since), Some(_), true) = (since, listed.cleared.instrument.terms().kind.expiry(), mark.index.0 > 0) {
            listed.index.push_back((at, mark.index));
            // One sample from before the window stays: it holds until the next.
            while listed.index.get(1).is_some_and(|(next, _)| next.0 <= since) {
                listed.index.pop_front();
            }
        }
        self.find_deadline();
    }

    /// Where an instrument trades: values it until it is marked.
    pub fn on_price(&mut self, instrument: InstrumentId, price: Price) {
        if let Some(listed) = self.listed.get_mut(instrument.index()).and_then(Option::as_mut).filter(|listed| !listed.is_marked) {
            listed.price = Some(price);
        }
    }

    /// Posts funding that is due by `at`: −value of the position at the mark × rate, on the venue's cash grid.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn fund(&mut self, at: Timestamp, events: &mut Vec<AccountEvent>) -> Result<(), MoneyError> {
        for index in 0..self.listed.len() {
            let Some(listed) = self.listed[index].as_mut() else { continue };
            let Some((rate, due)) = listed.funding.filter(|(_, due)| *due <= at) else { continue };
            (listed.funding, listed.funded) = (listed.announced.take(), due);
            let Some(mark) = listed.price else { continue };
            let (instrument, cash) = (listed.cleared.instrument.clone(), listed.cleared.cash);
            let shares = |other: &&Listed| other.cleared.instrument.value_asset() == instrument.value_asset();
            let sharing: Vec<InstrumentId> = self.all_listed().filter(shares).map(|other| other.cleared.instrument.id()).collect();
            for member in self.members.values_mut() {
                let mut amount = Amount::ZERO;
                for leg in [Leg::Net, Leg::Long, Leg::Short] {
                    let lots = member.holding(instrument.id(), leg).lots;
                    let value = if lots == 0 { continue } else { instrument.value(mark, lots, Rounding::Truncate)? };
                    amount = amount.minus(value.at_rate(rate, cash.map_or(Rounding::HalfAway, |grid| grid.rounding))?)?;
                }
                let amount = cash.map_or(Ok(amount), |grid| grid.round(amount))?;
                if amount == Amount::ZERO {
                    continue;
                }
                member.pay_funding(instrument.id(), instrument.value_asset(), amount, &sharing)?;
                let (account, instrument) = (member.account.id, instrument.id());
                events.push(AccountEvent::Funding(FundingPayment { account, instrument, rate, mark, amount, ts_venue: due }));
            }
        }
        self.find_deadline();
        Ok(())
    }

    /// Instruments whose time is over by `at` and that are not settled.
    #[must_use]
    pub fn expired(&self, at: Timestamp) -> Vec<InstrumentId> {
        let is_due = |listed: &&Listed| !listed.is_over && listed.cleared.instrument.terms().kind.expiry().is_some_and(|end| end <= at);
        self.all_listed().filter(is_due).map(|listed| listed.cleared.instrument.id()).collect()
    }

    /// Settles every position in an instrument that is over; nothing trades there any more.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn deliver(&mut self, at: Timestamp, instrument: InstrumentId, events: &mut Vec<AccountEvent>) -> Result<(), MoneyError> {
        let Some(listed) = self.listed.get_mut(instrument.index()).and_then(Option::as_mut) else { return Ok(()) };
        listed.is_over = true;
        let price = listed.delivery_price(self.rules.delivery);
        self.find_deadline();
        let (Some(price), fee) = (price, self.rules.delivery_fee) else { return Ok(()) };
        for key in self.positions(|key, _| key.instrument == instrument) {
            self.close(at, key, price, TradeCause::Delivery, fee, events)?;
        }
        Ok(())
    }

    /// Open orders on these instruments, of one account or of all, oldest id first.
    #[must_use]
    pub fn orders_on(&self, account: Option<AccountId>, instruments: &[InstrumentId]) -> Vec<(OrderId, InstrumentId)> {
        let theirs = self.orders.iter().filter(|(_, open)| account.is_none_or(|account| open.terms.account == account));
        theirs.map(|(order, open)| (*order, open.terms.instrument)).filter(|(_, instrument)| instruments.contains(instrument)).collect()
    }

    /// Positions that must be closed after a new price of `instrument`, the one with the largest maintenance margin first.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn breached(&self, instrument: InstrumentId) -> Result<Vec<PositionKey>, MoneyError> {
        let mut found = Vec::new();
        for key in self.positions(|key, _| key.instrument == instrument) {
            for key in self.pool(key) {
                if self.is_breached(key)? && !found.iter().any(|(_, other)| *other == key) {
                    found.push((self.maintenance_of(key)?, key));
                }
            }
        }
        found.sort_by_key(|(maintenance, key)| (std::cmp::Reverse(*maintenance), *key));
        Ok(found.into_iter().map(|(_, key)| key).collect())
    }

    /// Whether the pool behind a position no longer exceeds its maintenance margin.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn is_breached(&self, key: PositionKey) -> Result<bool, MoneyError> {
        if self.holding(key.account, key.instrument, key.leg).lots == 0 {
            return Ok(false);
        }
        let (equity, maintenance) = self.standing(key, None)?;
        Ok(equity <= maintenance)
    }

    /// Price of the instrument at which the position would be closed, everything else staying as it is; none where no price would.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn liquidation_price(&self, key: PositionKey) -> Result<Option<Price>, MoneyError> {
        let lots = self.holding(key.account, key.instrument, key.leg).lots;
        let healthy = self.last_price_where(key, |clearing, price| {
            let (equity, maintenance) = clearing.standing(key, Some(price))?;
            Ok(equity > maintenance)
        })?;
        Ok(healthy.map(|price| Price(price.0 - lots.signum())).filter(|price| price.0 > 0))
    }

    /// The worst price at which the pool behind a position is not below zero.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn bankruptcy_price(&self, key: PositionKey) -> Result<Option<Price>, MoneyError> {
        self.last_price_where(key, |clearing, price| Ok(clearing.standing(key, Some(price))?.0.0 >= 0))
    }

    /// How positions without margin are closed.
    #[must_use]
    pub const fn liquidation(&self) -> Liquidation {
        self.rules.liquidation
    }

    /// Closes a whole position at `price` and reports the trade; its fee is a share of the value closed.
    ///
    /// # Errors
    /// [`MoneyError`]; the books are as before.
    pub fn close(
        &mut self,
        at: Timestamp,
        key: PositionKey,
        price: Price,
        cause: TradeCause,
        fee: Rate,
        events: &mut Vec<AccountEvent>,
    ) -> Result<(), MoneyError> {
        let lots = self.holding(key.account, key.instrument, key.leg).lots;
        if lots == 0 {
            return Ok(());
        }
        self.trades += 1;
        let trade = TradeId(FIRST_OWN_TRADE + self.trades);
        self.close_part(at, key, Part { price, qty: Qty(lots.saturating_abs()), trade, cause, fee }, events)
    }

    pub(crate) fn close_part(
        &mut self,
        at: Timestamp,
        key: PositionKey,
        part: Part,
        events: &mut Vec<AccountEvent>,
    ) -> Result<(), MoneyError> {
        let Part { price, qty, trade, cause, fee } = part;
        let lots = self.holding(key.account, key.instrument, key.leg).lots;
        let Some(listed) = self.listed(key.instrument).filter(|_| lots != 0) else { return Ok(()) };
        let instrument = &listed.cleared.instrument;
        let value = absolute_value(instrument, price, qty.0)?;
        let fee = FeeCharge { asset: instrument.value_asset(), amount: value.at_rate(fee, Rounding::Ceil)? };
        let side = if lots > 0 { Side::Sell } else { Side::Buy };
        let PositionKey { account, instrument, leg } = key;
        let stated_cash = self.book(&Booking { account, instrument, leg, side, price, qty, fee })?;
        let leg = leg.exposure();
        events.push(AccountEvent::Traded(AccountTrade {
            account,
            instrument,
            side,
            trade,
            price,
            qty,
            fee,
            stated_cash,
            cause,
            leg,
            ts_venue: at,
        }));
        Ok(())
    }

    /// Instruments whose positions share the collateral of a position.
    #[must_use]
    pub fn pool_instruments(&self, key: PositionKey) -> Vec<InstrumentId> {
        if self.members.get(&key.account).is_none_or(|member| member.account.mode == MarginMode::Isolated) {
            return vec![key.instrument];
        }
        let asset = self.listed(key.instrument).map(|listed| listed.cleared.instrument.value_asset());
        let shares = |listed: &&Listed| {
            let instrument = &listed.cleared.instrument;
            !instrument.terms().kind.is_spot() && Some(instrument.value_asset()) == asset
        };
        self.all_listed().filter(shares).map(|listed| listed.cleared.instrument.id()).collect()
    }

    /// Positions that share the collateral of a position, itself included.
    fn pool(&self, key: PositionKey) -> Vec<PositionKey> {
        if self.members.get(&key.account).is_none_or(|member| member.account.mode == MarginMode::Isolated) {
            return vec![key];
        }
        let instruments = self.pool_instruments(key);
        self.positions(|other, _| other.account == key.account && instruments.contains(&other.instrument))
    }

    fn positions(&self, wanted: impl Fn(&PositionKey, &Holding) -> bool) -> Vec<PositionKey> {
        let mut found = Vec::new();
        for (account, member) in &self.members {
            for ((instrument, leg), holding) in &member.holdings {
                let key = PositionKey { account: *account, instrument: *instrument, leg: *leg };
                if wanted(&key, holding) {
                    found.push(key);
                }
            }
        }
        found
    }

    fn maintenance_of(&self, key: PositionKey) -> Result<Amount, MoneyError> {
        let Some(listed) = self.listed(key.instrument) else { return Ok(Amount::ZERO) };
        margin::maintenance(listed.cleared.schedule.as_ref(), listed.value(&self.holding(key.account, key.instrument, key.leg))?)
    }

    /// Equity and maintenance margin of the pool behind a position, with its instrument at another price if one is named.
    fn standing(&self, key: PositionKey, price: Option<Price>) -> Result<(Amount, Amount), MoneyError> {
        let (Some(member), Some(own)) = (self.members.get(&key.account), self.listed(key.instrument)) else {
            return Ok((Amount::ZERO, Amount::ZERO));
        };
        let is_isolated = member.account.mode == MarginMode::Isolated;
        let mut equity =
            if is_isolated { member.holding(key.instrument, key.leg).margin } else { member.wallet(own.cleared.instrument.value_asset()) };
        let mut maintenance = Amount::ZERO;
        for other in self.pool(key) {
            let Some(listed) = self.listed(other.instrument) else { continue };
            let holding = member.holding(other.instrument, other.leg);
            let at = if other.instrument == key.instrument { price.or(listed.price) } else { listed.price };
            let Some(at) = at else { continue };
            let instrument = &listed.cleared.instrument;
            equity = equity.plus(holding.unrealised(instrument, at)?)?;
            maintenance = maintenance.plus(margin::maintenance(listed.cleared.schedule.as_ref(), holding.value(instrument, at)?)?)?;
        }
        Ok((equity, maintenance))
    }

    /// The worst price for a position at which `holds` does: the lowest for a long, the highest for a short. By bisection, since
    /// both equity and its distance to the maintenance margin rise with the price of a long and fall with that of a short.
    fn last_price_where(
        &self,
        key: PositionKey,
        holds: impl Fn(&Self, Price) -> Result<bool, MoneyError>,
    ) -> Result<Option<Price>, MoneyError> {
        let lots = self.holding(key.account, key.instrument, key.leg).lots;
        let Some(price) = self.price(key.instrument).filter(|_| lots != 0) else { return Ok(None) };
        // Far enough for any loss, and near enough for the arithmetic.
        let far = price.0.saturating_mul(1_000);
        let (mut good, mut bad) = if lots > 0 { (far, 0) } else { (1, far) };
        if !holds(self, Price(good))? || (lots < 0 && holds(self, Price(bad))?) {
            return Ok(None);
        }
        while good.abs_diff(bad) > 1 {
            let middle = good.midpoint(bad);
            if holds(self, Price(middle))? { good = middle } else { bad = middle }
        }
        Ok(Some(Price(good)))
    }

    pub(super) fn find_deadline(&mut self) {
        let of = |listed: &Listed| {
            let expiry = listed.cleared.instrument.terms().kind.expiry().filter(|_| !listed.is_over);
            [expiry, listed.funding.map(|(_, due)| due)].into_iter().flatten().min()
        };
        self.deadline = self.all_listed().filter_map(of).min();
    }
}

/// One closing trade.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) price: Price,
    pub(crate) qty: Qty,
    pub(crate) trade: TradeId,
    pub(crate) cause: TradeCause,
    /// Of the value closed.
    pub(crate) fee: Rate,
}

impl Listed {
    pub(super) fn value(&self, holding: &Holding) -> Result<Amount, MoneyError> {
        self.price.map_or(Ok(Amount(holding.entry.0.abs())), |price| holding.value(&self.cleared.instrument, price))
    }

    pub(super) fn unrealised(&self, holding: &Holding) -> Result<Amount, MoneyError> {
        self.price.map_or(Ok(Amount::ZERO), |price| holding.unrealised(&self.cleared.instrument, price))
    }

    /// Mean of the index samples by time up to expiry, to the nearest tick; the last price where there is none.
    fn delivery_price(&self, model: DeliveryPrice) -> Option<Price> {
        let DeliveryPrice::AverageIndex { window } = model else { return self.price };
        let end = self.cleared.instrument.terms().kind.expiry()?.0;
        let start = end.saturating_sub(window.0);
        let ends = self.index.iter().skip(1).map(|(at, _)| at.0).chain([end]);
        let (mut weighted, mut total) = (0i128, 0i128);
        for ((at, price), until) in self.index.iter().zip(ends) {
            let span = i128::from(until.min(end).saturating_sub(at.0.max(start)).max(0));
            weighted += span * i128::from(price.0);
            total += span;
        }
        let mean = Rounding::HalfAway.divide(weighted, total).ok().and_then(|mean| i64::try_from(mean).ok()).map(Price);
        mean.or(self.index.back().map(|(_, price)| *price)).or(self.price)
    }
}

impl Member {
    /// Funding goes to and from the wallet. In an isolated account, what the free money does not cover comes out of the margin.
    fn pay_funding(
        &mut self,
        instrument: InstrumentId,
        asset: AssetId,
        amount: Amount,
        sharing: &[InstrumentId],
    ) -> Result<(), MoneyError> {
        self.post(asset, amount)?;
        if self.account.mode != MarginMode::Isolated {
            return Ok(());
        }
        let mut set_aside = Amount::ZERO;
        for (_, holding) in self.holdings.iter().filter(|((of, _), _)| sharing.contains(of)) {
            set_aside = set_aside.plus(holding.margin)?;
        }
        let mut short = set_aside.minus(self.wallet(asset))?.max(Amount::ZERO);
        for ((of, _), holding) in &mut self.holdings {
            if *of == instrument {
                let taken = short.min(holding.margin);
                holding.margin = holding.margin.minus(taken)?;
                short = short.minus(taken)?;
            }
        }
        Ok(())
    }
}
