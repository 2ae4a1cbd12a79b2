//! Trades into the books: wallets, positions, realised profit, the margin set aside, and the orders that made them.

use super::holding::{absolute_value, cost};
use super::{Cleared, Clearing, Leg, Listed, Member, Open, is_reducing, margin};
use tradewind_types::{
    AccountId, Amount, FeeCharge, Fill, InstrumentId, MarginMode, MoneyError, OrderId, OrderRequest, Price, Qty, Rounding, Side, VenueReply,
};

/// One trade of an account, whoever caused it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Booking {
    pub(super) account: AccountId,
    pub(super) instrument: InstrumentId,
    pub(super) leg: Leg,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) fee: FeeCharge,
}

impl Clearing {
    /// Books a fill and gives it back as the venue states it: with its cash figure where the venue rounds, and cut where it would
    /// have turned a reducing order into an opening one. Nothing is left of it where there was nothing to reduce.
    ///
    /// # Errors
    /// [`MoneyError`]; the books are as before.
    pub fn book_fill(&mut self, fill: &Fill) -> Result<Option<Fill>, MoneyError> {
        let Some(open) = self.orders.get(&fill.order).copied() else { return Ok(Some(*fill)) };
        let Some(mut fill) = self.permitted(&open, fill)? else { return Ok(None) };
        fill.fee = self.fee(&open, &fill)?;
        let terms = open.terms;
        let booking = Booking {
            account: terms.account,
            instrument: terms.instrument,
            leg: Leg::of(terms.exposure),
            side: terms.side,
            price: fill.price,
            qty: fill.qty,
            fee: fill.fee,
        };
        fill.stated_cash = self.book(&booking)?;
        self.count(&open, &fill)?;
        if let Some(open) = self.orders.get_mut(&fill.order) {
            open.left = open.left.saturating_sub(fill.qty.0);
            open.filled = open.filled.saturating_add(fill.qty.0);
            if open.left <= 0 {
                self.orders.remove(&fill.order);
            }
        }
        Ok(Some(fill))
    }

    /// Notes what an answer other than a fill means for an order.
    pub fn book_answer(&mut self, reply: &VenueReply) {
        match *reply {
            VenueReply::Rejected { order, .. }
            | VenueReply::Cancelled { order }
            | VenueReply::Expired { order }
            | VenueReply::SelfTradePrevented { order } => {
                self.orders.remove(&order);
            }
            VenueReply::Amended { order, price, qty } => {
                if let Some(open) = self.orders.get_mut(&order) {
                    (open.price, open.left) = (price, qty.0.saturating_sub(open.filled));
                }
            }
            _ => {}
        }
    }

    /// What must become of reducing orders now that the position is what it is, youngest first: cut, or cancelled.
    #[must_use]
    pub fn excess(&self, account: AccountId, instrument: InstrumentId) -> Vec<OrderRequest> {
        let Some(member) = self.members.get(&account) else { return Vec::new() };
        let is_concerned = |open: &Open| open.terms.account == account && open.terms.instrument == instrument && is_reducing(&open.terms);
        let mut reducing: Vec<(OrderId, Open)> = self.orders.iter().filter(|(_, o)| is_concerned(o)).map(|(id, o)| (*id, *o)).collect();
        reducing.sort_by_key(|(_, open)| std::cmp::Reverse(open.arrival));
        let judge = |(order, open): (OrderId, Open)| {
            let reducible = self.reducible(member, &open);
            match open.terms.kind.price() {
                _ if reducible <= 0 => Some(OrderRequest::Cancel { order, instrument }),
                Some(_) if reducible < open.left => {
                    Some(OrderRequest::Amend { order, instrument, price: open.price, qty: Qty(open.filled + reducible) })
                }
                _ => None,
            }
        };
        reducing.into_iter().filter_map(judge).collect()
    }

    /// A fill, cut to what a reducing order may still do.
    fn permitted(&self, open: &Open, fill: &Fill) -> Result<Option<Fill>, MoneyError> {
        let is_spot = self.listed(open.terms.instrument).is_some_and(|listed| listed.cleared.instrument.terms().kind.is_spot());
        if is_spot || !is_reducing(&open.terms) {
            return Ok(Some(*fill));
        }
        let lots = self.holding(open.terms.account, open.terms.instrument, Leg::of(open.terms.exposure)).lots;
        let most = if lots.signum() == -open.terms.side.sign() { lots.saturating_abs() } else { 0 };
        if most >= fill.qty.0 {
            return Ok(Some(*fill));
        }
        let share = Rounding::Ceil.mul_div(fill.fee.amount.0, i128::from(most), i128::from(fill.qty.0))?;
        let fee = FeeCharge { amount: Amount(share), ..fill.fee };
        Ok((most > 0).then_some(Fill { qty: Qty(most), fee, ..*fill }))
    }

    /// Books a trade, and says the venue's cash figure where it rounds. Nothing is booked of a trade that does not fit.
    pub(super) fn book(&mut self, booking: &Booking) -> Result<Option<Amount>, MoneyError> {
        let Some(listed) = self.listed.get(booking.instrument.index()).and_then(Option::as_ref) else { return Ok(None) };
        let Some(member) = self.members.get(&booking.account) else { return Ok(None) };
        let mut after = member.clone();
        let stated = match listed.cleared.cash {
            Some(grid) => {
                let exact = absolute_value(&listed.cleared.instrument, booking.price, booking.qty.0)?;
                Some(grid.round(exact)?)
            }
            None => None,
        };
        if listed.cleared.instrument.terms().kind.is_spot() {
            swap(&listed.cleared, &mut after, booking, stated)?;
        } else {
            listed.trade(&mut after, booking, stated)?;
        }
        after.post(booking.fee.asset, booking.fee.amount.negated())?;
        self.members.insert(booking.account, after);
        Ok(stated)
    }
}

/// Base for quote.
fn swap(cleared: &Cleared, member: &mut Member, booking: &Booking, stated: Option<Amount>) -> Result<(), MoneyError> {
    let lots = booking.side.sign().saturating_mul(booking.qty.0);
    let exact = absolute_value(&cleared.instrument, booking.price, booking.qty.0)?;
    let cash = Amount(i128::from(booking.side.sign()) * stated.unwrap_or(exact).0);
    member.post(cleared.instrument.value_asset(), cash.negated())?;
    member.post(cleared.instrument.terms().base, cleared.instrument.base_amount(lots)?)
}

impl Listed {
    /// A derivative trade: profit to the wallet, margin to the position where it is isolated.
    fn trade(&self, member: &mut Member, booking: &Booking, stated: Option<Amount>) -> Result<(), MoneyError> {
        let Cleared { instrument, schedule, .. } = &self.cleared;
        let lots = booking.side.sign().saturating_mul(booking.qty.0);
        let exact = cost(instrument, booking.price, lots)?;
        let booked = stated.map_or(exact, |cash| Amount(exact.0.signum() * cash.0));
        let key = (instrument.id(), booking.leg);
        let traded = member.holding(key.0, key.1).traded(lots, booked)?;
        let mut holding = traded.holding;
        if member.account.mode == MarginMode::Isolated && traded.opened != 0 {
            let value = absolute_value(instrument, booking.price, traded.opened)?;
            holding.margin = holding.margin.plus(margin::initial(schedule.as_ref(), value, member.leverage(key.0))?)?;
        }
        if holding.lots == 0 {
            member.holdings.remove(&key);
        } else {
            member.holdings.insert(key, holding);
        }
        member.post(instrument.value_asset(), traded.profit)
    }
}
